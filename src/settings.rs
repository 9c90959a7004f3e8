//! Settings: `config/default.toml`, then `PLENARY_*` variables, then flags. They are typed and checked at start, passed
//! down, and never global. The default file has every key, so it also defines which variables exist and their types.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::{Table, Value};

use crate::{
    access::{AdminToken, RateLimits},
    database::Store,
    http::client::Networks,
    mail::{MailConfig, MailUrl, SenderDomains},
};

const DEFAULTS: &str = include_str!("../config/default.toml");
const DEFAULTS_PATH: &str = "config/default.toml";
const PREFIX: &str = "PLENARY_";
/// Variables with this prefix belong to the tests.
const TEST_PREFIX: &str = "PLENARY_TEST_";

/// A wrong setting, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// All settings, checked. `config/default.toml` describes each.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Without a trailing slash; `None`: `http://` and the address that the service listens on.
    pub public_url: Option<String>,
    pub store: Store,
    pub database_connections: u32,
    /// Longest wait of a registration for the store, and longest time without an answer of a database server.
    pub store_deadline: Duration,
    /// Folder of the server's secret.
    pub data_dir: PathBuf,
    /// The blueprint for an empty store.
    pub seed: Option<PathBuf>,
    /// `None`: one is created at the first start.
    pub admin_token: Option<AdminToken>,
    pub mail: MailConfig,
    /// Folder of the operator's own templates, texts and files for the pages.
    pub site_dir: Option<PathBuf>,
    /// Folder of more fonts for badges.
    pub badge_fonts: Option<PathBuf>,
    pub log: String,
    pub log_json: bool,
    pub cors_origins: Vec<String>,
    pub rate_limits: RateLimits,
    pub event_listeners_max: u32,
    pub event_listeners_per_client_max: u32,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Networks,
    /// 0: as many as the limit of open files allows, at most 20,000.
    pub connections_max: u32,
    pub connections_per_client_max: u32,
    /// Networks whose clients have no limit of connections.
    pub connections_exempt: Networks,
    /// Longest silence of a client in the middle of a request.
    pub client_wait_seconds: u32,
    /// On average; 0: no minimum.
    pub body_bytes_per_second_min: u32,
}

/// The keys of the file, before they are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    listen: String,
    public_url: String,
    database_url: String,
    database_connections: u32,
    store_deadline_seconds: u32,
    data_dir: PathBuf,
    seed: String,
    admin_token: String,
    mail_url: String,
    mail_from: String,
    mail_sender_domains: Vec<String>,
    mail_reply_to: String,
    mail_bounces_to: String,
    mail_dkim_key: String,
    mail_dkim_selector: String,
    mail_connections: u32,
    mail_step_seconds: u32,
    mail_final_reply_seconds: u32,
    mail_per_minute: u32,
    mail_per_domain_per_minute: u32,
    mail_retention_days: u32,
    site_dir: String,
    badge_fonts: String,
    log: String,
    log_format: String,
    cors_origins: Vec<String>,
    registrations_per_minute: u32,
    registrations_burst: u32,
    code_tries_per_minute: u32,
    rate_limit_loopback: bool,
    event_listeners_max: u32,
    event_listeners_per_client_max: u32,
    trusted_proxies: Vec<String>,
    connections_max: u32,
    connections_per_client_max: u32,
    connections_exempt: Vec<String>,
    client_wait_seconds: u32,
    body_bytes_per_second_min: u32,
}

impl Settings {
    /// Reads the file, the variables and the flags, in this order.
    ///
    /// # Errors
    /// A key or variable is unknown, or a value is not valid.
    pub fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        flags: &[(&str, Option<&str>)],
    ) -> Result<Self, SettingsError> {
        let defaults: Table =
            DEFAULTS.parse().map_err(|error| SettingsError(format!("the compiled-in settings: {error}")))?;
        let mut table = defaults.clone();
        let path = file.unwrap_or(Path::new(DEFAULTS_PATH));
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let name = path.display();
                let file_table: Table =
                    text.parse().map_err(|error| SettingsError(format!("{name}: {}", one_line(&error))))?;
                if let Some(unknown_key) = file_table.keys().find(|key| !defaults.contains_key(*key)) {
                    return Err(SettingsError(format!("{name}: {unknown_key} is not a setting")));
                }
                table.extend(file_table);
            }
            Err(error) if file.is_some() => {
                return Err(SettingsError(format!("{}: {error}", path.display())));
            }
            Err(_) => {}
        }
        for (name, text) in variables {
            let Some(key) = name.strip_prefix(PREFIX).filter(|_| !name.starts_with(TEST_PREFIX)) else {
                continue;
            };
            let key = key.to_ascii_lowercase();
            let Some(default) = defaults.get(&key) else {
                return Err(SettingsError(format!("{name} is not a setting; config/default.toml lists them all")));
            };
            let value = parse_typed(default, &text).map_err(|reason| SettingsError(format!("{name} {reason}")))?;
            table.insert(key, value);
        }
        for (key, value) in flags {
            if let Some(value) = value {
                table.insert((*key).to_owned(), Value::String((*value).to_owned()));
            }
        }
        let raw: RawSettings = table.try_into().map_err(|error| SettingsError(one_line(&error)))?;
        Self::check(raw)
    }

    fn check(raw: RawSettings) -> Result<Self, SettingsError> {
        let invalid =
            |key: &str, reason: &str| SettingsError(format!("{key} (PLENARY_{}) {reason}", key.to_ascii_uppercase()));
        let listen = raw
            .listen
            .parse()
            .map_err(|_| invalid("listen", "must be an address and a port, such as 127.0.0.1:8080"))?;
        let public_url = match raw.public_url.trim_end_matches('/') {
            "" => None,
            text => match url::Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => Some(text.to_owned()),
                _ => return Err(invalid("public_url", "must be an http or https address")),
            },
        };
        let admin_token = match raw.admin_token.as_str() {
            "" => None,
            text => Some(AdminToken::parse(text).map_err(|reason| invalid("admin_token", reason))?),
        };
        let log_json = match raw.log_format.as_str() {
            "pretty" => false,
            "json" => true,
            _ => return Err(invalid("log_format", "must be pretty or json")),
        };
        let networks = |key: &str, texts: &[String]| {
            Networks::parse(texts).ok_or_else(|| invalid(key, "must list addresses, or networks such as 192.0.2.0/24"))
        };
        let positive = |key, number| if number > 0 { Ok(number) } else { Err(invalid(key, "must be 1 or more")) };
        let seconds = |key, number: u32| match number {
            1..=3600 => Ok(Duration::from_secs(number.into())),
            _ => Err(invalid(key, "must be 1 to 3600")),
        };
        let address = |key: &str, text: &str| match text {
            "" => Ok(None),
            text => crate::mail::checked_sender(text).map(Some).map_err(|reason| invalid(key, reason)),
        };
        let mail_from = crate::mail::checked_sender(&raw.mail_from).map_err(|reason| invalid("mail_from", reason))?;
        let sender_domains = SenderDomains::parse(&mail_from, &raw.mail_sender_domains)
            .map_err(|reason| invalid("mail_sender_domains", &reason))?;
        for origin in &raw.cors_origins {
            let is_origin = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            if origin != "*" && !is_origin {
                return Err(invalid("cors_origins", "must list origins such as https://conference.example, or *"));
            }
        }
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&raw.log) {
            return Err(invalid("log", &format!("must be a tracing filter such as warn: {error}")));
        }
        Ok(Self {
            listen,
            public_url,
            store: Store::parse(&raw.database_url).map_err(|reason| invalid("database_url", &reason))?,
            database_connections: match raw.database_connections {
                count @ 1..=1000 => count,
                _ => return Err(invalid("database_connections", "must be 1 to 1000")),
            },
            store_deadline: match raw.store_deadline_seconds {
                seconds @ 1..=60 => Duration::from_secs(seconds.into()),
                _ => return Err(invalid("store_deadline_seconds", "must be 1 to 60")),
            },
            data_dir: raw.data_dir,
            seed: (raw.seed != "none").then(|| PathBuf::from(raw.seed)),
            admin_token,
            mail: MailConfig {
                url: MailUrl::parse(&raw.mail_url).map_err(|reason| invalid("mail_url", &reason))?,
                from: mail_from,
                sender_domains,
                reply_to: address("mail_reply_to", &raw.mail_reply_to)?,
                bounces_to: address("mail_bounces_to", &raw.mail_bounces_to)?,
                dkim_key: (!raw.mail_dkim_key.is_empty()).then(|| PathBuf::from(&raw.mail_dkim_key)),
                dkim_selector: raw.mail_dkim_selector,
                connections: match raw.mail_connections {
                    count @ 1..=50 => count,
                    _ => return Err(invalid("mail_connections", "must be 1 to 50")),
                },
                step: seconds("mail_step_seconds", raw.mail_step_seconds)?,
                final_reply: seconds("mail_final_reply_seconds", raw.mail_final_reply_seconds)?,
                per_minute: raw.mail_per_minute,
                per_domain_per_minute: raw.mail_per_domain_per_minute,
                retention_days: positive("mail_retention_days", raw.mail_retention_days)?,
            },
            site_dir: (!raw.site_dir.is_empty()).then(|| PathBuf::from(&raw.site_dir)),
            badge_fonts: (!raw.badge_fonts.is_empty()).then(|| PathBuf::from(&raw.badge_fonts)),
            log: raw.log,
            log_json,
            cors_origins: raw.cors_origins,
            rate_limits: RateLimits {
                registrations_per_minute: positive("registrations_per_minute", raw.registrations_per_minute)?,
                registrations_burst: positive("registrations_burst", raw.registrations_burst)?,
                code_tries_per_minute: positive("code_tries_per_minute", raw.code_tries_per_minute)?,
                counts_loopback: raw.rate_limit_loopback,
                trusted_proxies: networks("trusted_proxies", &raw.trusted_proxies)?,
            },
            event_listeners_max: raw.event_listeners_max,
            event_listeners_per_client_max: raw.event_listeners_per_client_max,
            trusted_proxies: networks("trusted_proxies", &raw.trusted_proxies)?,
            connections_max: raw.connections_max,
            connections_per_client_max: positive("connections_per_client_max", raw.connections_per_client_max)?,
            connections_exempt: networks("connections_exempt", &raw.connections_exempt)?,
            client_wait_seconds: match raw.client_wait_seconds {
                seconds @ 1..=3600 => seconds,
                _ => return Err(invalid("client_wait_seconds", "must be 1 to 3600")),
            },
            body_bytes_per_second_min: raw.body_bytes_per_second_min,
        })
    }
}

/// Parses a variable's text as the type of the default value.
fn parse_typed(default: &Value, text: &str) -> Result<Value, &'static str> {
    Ok(match default {
        Value::Integer(_) => Value::Integer(text.trim().parse().map_err(|_| "must be a whole number")?),
        Value::Boolean(_) => Value::Boolean(text.trim().parse().map_err(|_| "must be true or false")?),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(None, variables, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let settings = read(&[("PLENARY_LISTEN", "127.0.0.1:9"), ("PLENARY_TEST_X", "y"), ("HOME", "z")]).unwrap();
        assert_eq!(settings.listen.port(), 9);
        assert_eq!(settings.cors_origins, ["*"]);
    }

    #[test]
    fn a_token_of_digits_stays_a_text() {
        let settings = read(&[("PLENARY_ADMIN_TOKEN", "12345678901234567890123456789012")]).unwrap();
        assert!(settings.admin_token.is_some());
    }

    #[test]
    fn a_wrong_setting_is_one_clear_line() {
        for (name, value, line) in [
            ("PLENARY_LISTN", "x", "PLENARY_LISTN is not a setting; config/default.toml lists them all"),
            (
                "PLENARY_LISTEN",
                "nowhere",
                "listen (PLENARY_LISTEN) must be an address and a port, such as 127.0.0.1:8080",
            ),
            (
                "PLENARY_PLENARY_LISTEN",
                "x",
                "PLENARY_PLENARY_LISTEN is not a setting; config/default.toml lists them all",
            ),
            (
                "PLENARY_DATABASE_CONNECTIONS",
                "4000000000",
                "database_connections (PLENARY_DATABASE_CONNECTIONS) must be 1 to 1000",
            ),
            ("PLENARY_RATE_LIMIT_LOOPBACK", "yes", "PLENARY_RATE_LIMIT_LOOPBACK must be true or false"),
            ("PLENARY_REGISTRATIONS_BURST", "-1", "invalid value: integer `-1`, expected u32 in `registrations_burst`"),
            (
                "PLENARY_DATABASE_URL",
                "mysql://x",
                "database_url (PLENARY_DATABASE_URL) must start with sqlite: or postgres://",
            ),
            ("PLENARY_ADMIN_TOKEN", "short", "admin_token (PLENARY_ADMIN_TOKEN) must be 32 or more visible characters"),
            (
                "PLENARY_MAIL_SENDER_DOMAINS",
                "ministry.example, x@y.example",
                "mail_sender_domains (PLENARY_MAIL_SENDER_DOMAINS) must list domains such as ministry.example, not x@y.example",
            ),
            (
                "PLENARY_MAIL_FROM",
                "nobody",
                "mail_from (PLENARY_MAIL_FROM) must be an address such as Plenary <plenary@example.org>",
            ),
        ] {
            assert_eq!(read(&[(name, value)]).map(|_| ()), Err(line.to_owned()), "{name}={value}");
        }
    }
}
