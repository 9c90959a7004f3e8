//! How mail leaves: a folder of `.eml` files, or an SMTP server.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::Url;

use crate::{database::private_folder, http::client::canonical};

/// How mail leaves, as the setting says.
#[derive(Clone, PartialEq, Eq)]
pub enum MailUrl {
    /// Into a folder.
    File(PathBuf),
    /// To a server.
    Smtp(SmtpUrl),
}

/// A mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS or nothing (RFC 3207).
    StartTls,
    /// In clear.
    None,
}

/// A mail URL may hold a password: it shows its host at most.
impl std::fmt::Debug for MailUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(folder) => write!(f, "file:{}", folder.display()),
            Self::Smtp(smtp) => write!(f, "smtp server {}:{}", smtp.host, smtp.port),
        }
    }
}

impl MailUrl {
    /// Reads `file:<folder>`, `smtp://user:password@host:port` or `smtps://...`.
    ///
    /// # Errors
    /// What is wrong with it, to follow the setting's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return match folder {
                "" => Err("must name a folder: file:var/mail".to_owned()),
                folder => Ok(Self::File(PathBuf::from(folder))),
            };
        }
        let form = "must be file:<folder>, smtp://user:password@host:port or smtps://user:password@host:port";
        let url = Url::parse(text).map_err(|_| form.to_owned())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(form)?.to_owned();
        let tls: Vec<_> = url.query_pairs().collect();
        let without_tls = match tls.as_slice() {
            [] => false,
            [(name, value)] if name == "tls" && value == "none" => true,
            _ => return Err("takes no other parameter than ?tls=none".to_owned()),
        };
        let address = host.trim_matches(['[', ']']);
        let loopback = host == "localhost" || address.parse().is_ok_and(|ip| canonical(ip).is_loopback());
        let (security, usual_port) = match url.scheme() {
            "smtps" if without_tls => return Err("smtps:// cannot be without TLS".to_owned()),
            "smtps" => (Security::Implicit, 465),
            "smtp" if without_tls || loopback => (Security::None, 587),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(form.to_owned()),
        };
        let decoded = |part: &str| {
            url::form_urlencoded::parse(format!("x={}", part.replace('+', "%2B")).as_bytes())
                .next()
                .map_or_else(String::new, |(_, value)| value.into_owned())
        };
        let login = match (url.username(), url.password()) {
            ("", _) => None,
            (_, None) => return Err("must give a password beside the user".to_owned()),
            (user, Some(password)) => Some((decoded(user), decoded(password))),
        };
        Ok(Self::Smtp(SmtpUrl { host, port: url.port().unwrap_or(usual_port), security, login }))
    }
}

/// Checks the sender's address.
///
/// # Errors
/// What is wrong with it, to follow the setting's name.
pub fn checked_sender(text: &str) -> Result<String, &'static str> {
    Mailbox::from_str(text)
        .map(|_| text.to_owned())
        .map_err(|_| "must be an address such as Plenary <plenary@example.org>")
}

/// Whether a message can be addressed to this address at all.
pub fn is_deliverable(address: &str) -> bool {
    let Ok(address) = Address::from_str(address) else {
        return false;
    };
    let to = Mailbox::new(None, address.clone());
    Message::builder()
        .from(to.clone())
        .to(to)
        .body(String::new())
        .is_ok_and(|message| message.envelope().to() == [address])
}

/// Why a message did not leave.
#[derive(Debug)]
pub enum Failure {
    /// Another attempt would fail alike; the server's words.
    Permanent(String),
    /// Another attempt may succeed; the server's words.
    Transient(String),
    /// The server cannot be reached: that is no fault of this message.
    Unreachable(String),
}

/// A way out for messages.
pub enum Transport {
    /// Into a folder.
    File(PathBuf),
    /// To a server, over pooled connections.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// How long one step of an SMTP conversation may take.
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);

impl Transport {
    /// Opens the way; nothing is sent yet.
    ///
    /// # Errors
    /// The folder cannot be made, or the host's name cannot stand in a certificate.
    pub fn open(url: &MailUrl, connections: u32) -> io::Result<Self> {
        let smtp = match url {
            MailUrl::File(folder) => {
                private_folder(folder)?;
                return Ok(Self::File(folder.clone()));
            }
            MailUrl::Smtp(smtp) => smtp,
        };
        let parameters = || TlsParameters::new(smtp.host.clone()).map_err(io::Error::other);
        let tls = match smtp.security {
            Security::Implicit => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.trim_matches(['[', ']']))
            .port(smtp.port)
            .tls(tls)
            .timeout(Some(SMTP_TIMEOUT))
            .pool_config(PoolConfig::new().max_size(connections));
        if let Some((user, password)) = &smtp.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self::Smtp(builder.build()))
    }

    /// Sends a message and answers the server's words; `name` is its `Message-ID` without brackets.
    ///
    /// # Errors
    /// It was not accepted.
    pub async fn send(&self, message: Message, name: &str) -> Result<String, Failure> {
        match self {
            Self::File(folder) => write_aside(folder, name, &message.formatted())
                .map(|()| format!("written to {name}.eml"))
                .map_err(|error| Failure::Unreachable(error.to_string())),
            Self::Smtp(smtp) => match smtp.send(message).await {
                Ok(response) => {
                    let words: Vec<&str> = response.message().collect();
                    Ok(format!("{} {}", response.code(), words.join(" ")))
                }
                // A login that is wrong is no message's fault either.
                Err(error) if is_login(&error) => Err(Failure::Unreachable(chain(&error))),
                // What cannot be put into SMTP at all, as an address that the server's extensions do not cover.
                Err(error) if error.is_permanent() || error.is_client() => Err(Failure::Permanent(chain(&error))),
                Err(error) if is_connecting(&error) => Err(Failure::Unreachable(chain(&error))),
                Err(error) => Err(Failure::Transient(chain(&error))),
            },
        }
    }

    /// Connects, and logs in where there is a login.
    ///
    /// # Errors
    /// The server's words.
    pub async fn check(&self) -> Result<(), String> {
        match self {
            Self::File(folder) => private_folder(folder).map_err(|error| error.to_string()),
            Self::Smtp(smtp) => match smtp.test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err("the server does not answer NOOP".to_owned()),
                Err(error) => Err(chain(&error)),
            },
        }
    }
}

/// Writes the file aside, syncs it and renames it, so that whoever watches the folder sees whole messages only.
fn write_aside(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    private_folder(folder)?;
    let aside = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, folder.join(format!("{name}.eml")))?;
    fs::File::open(folder)?.sync_all()
}

/// Whether the server wants another login (RFC 4954, 6).
fn is_login(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    matches!(code.as_deref(), Some("530" | "534" | "535" | "538"))
}

/// Whether there is no conversation with the server at all: the library tells it in its words alone.
fn is_connecting(error: &lettre::transport::smtp::Error) -> bool {
    error.is_tls() || error.to_string().starts_with("Connection error")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(text: &str) -> (String, u16, Security, Option<(String, String)>) {
        match MailUrl::parse(text) {
            Ok(MailUrl::Smtp(smtp)) => (smtp.host, smtp.port, smtp.security, smtp.login),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn tls_is_required_unless_the_host_is_this_machine_or_the_url_says_none() {
        let host = || "mail.example".to_owned();
        assert_eq!(smtp("smtps://mail.example"), (host(), 465, Security::Implicit, None));
        assert_eq!(smtp("smtp://mail.example"), (host(), 587, Security::StartTls, None));
        assert_eq!(smtp("smtp://mail.example:25?tls=none"), (host(), 25, Security::None, None));
        assert_eq!(smtp("smtp://127.0.0.1:1025").2, Security::None);
        assert_eq!(smtp("smtp://[::1]:1025").2, Security::None);
        let login = Some(("a@b".to_owned(), "p:w+d".to_owned()));
        assert_eq!(smtp("smtps://a%40b:p%3Aw+d@mail.example").3, login);
        for wrong in ["", "file:", "http://x", "smtp:", "smtps://h?tls=none", "smtp://h?x=y", "smtp://user@h"] {
            assert!(MailUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
