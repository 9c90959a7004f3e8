//! DKIM (RFC 6376): signs messages, and checks that DNS publishes the public key.

use std::{io, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hickory_resolver::{
    TokioResolver,
    proto::rr::{RData, Record},
};
use lettre::{
    Message,
    message::{
        dkim::{DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey},
        header::HeaderName,
    },
};
use rsa::{pkcs1::DecodeRsaPrivateKey as _, pkcs8::EncodePublicKey as _};
use tokio::time;

use super::config::MailConfig;

/// The headers that every signature covers (RFC 6376, section 5.4.1). `Reply-To` is covered also where a message has
/// none: then nobody can add one.
const SIGNED_HEADERS: [&str; 7] = ["From", "Reply-To", "To", "Subject", "Date", "Message-ID", "MIME-Version"];
/// The headers that the signature of a message covers, too, if the recipient can unsubscribe (RFC 8058, section 3.1).
const UNSUBSCRIBE_HEADERS: [&str; 2] = ["List-Unsubscribe", "List-Unsubscribe-Post"];
/// Longest wait for DNS, all name servers together.
const DNS_MAX: Duration = Duration::from_secs(15);

/// Signs messages with the key of the settings.
pub struct Signer {
    plain: DkimConfig,
    with_unsubscribe: DkimConfig,
}

impl Signer {
    /// Reads the key; `None` if the settings name none. `domain` is the sender's: a receiver trusts only a signature of
    /// the domain that it shows as the sender's (DMARC, RFC 7489, section 3.1).
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn load(config: &MailConfig, domain: &str) -> io::Result<Option<Self>> {
        let Some(path) = &config.dkim_key else { return Ok(None) };
        let pem = std::fs::read_to_string(path).map_err(|error| key_error(path, error.to_string()))?;
        let signature = |headers: &[&'static str]| {
            let key = DkimSigningKey::new(&pem, DkimSigningAlgorithm::Rsa)
                .map_err(|error| key_error(path, format!("is no RSA key in PKCS #1 PEM: {error}")))?;
            let headers = headers.iter().map(|name| HeaderName::new_from_ascii_str(name)).collect();
            // Mail servers fold headers and trim lines on the way.
            let canonicalization =
                DkimCanonicalization { header: DkimCanonicalizationType::Relaxed, ..Default::default() };
            let selector = config.dkim_selector.clone();
            Ok::<_, io::Error>(DkimConfig::new(selector, domain.to_owned(), key, headers, canonicalization))
        };
        Ok(Some(Self {
            plain: signature(&SIGNED_HEADERS)?,
            with_unsubscribe: signature(&[&SIGNED_HEADERS[..], &UNSUBSCRIBE_HEADERS].concat())?,
        }))
    }

    /// Signs a message; `can_unsubscribe` says whether it has the headers for unsubscribing.
    pub fn sign(&self, message: &mut Message, can_unsubscribe: bool) {
        message.sign(if can_unsubscribe { &self.with_unsubscribe } else { &self.plain });
    }
}

fn key_error(path: &Path, reason: String) -> io::Error {
    io::Error::other(format!("mail_dkim_key {}: {reason}", path.display()))
}

/// The DNS record that publishes the public key (RFC 6376, section 3.6.1).
pub struct DnsRecord {
    /// Without the final dot.
    pub name: String,
    /// Content of the TXT record.
    pub text: String,
}

impl DnsRecord {
    /// The record that the key of the settings needs; `None` if mail is not signed. `domain` is the sender's.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn of_key(config: &MailConfig, domain: &str) -> io::Result<Option<Self>> {
        let Some(path) = &config.dkim_key else { return Ok(None) };
        let pem = std::fs::read_to_string(path)?;
        let key = rsa::RsaPrivateKey::from_pkcs1_pem(&pem).map_err(io::Error::other)?;
        let public = key.to_public_key().to_public_key_der().map_err(io::Error::other)?;
        Ok(Some(Self {
            name: format!("{}._domainkey.{domain}", config.dkim_selector),
            text: format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public.as_bytes())),
        }))
    }

    /// Asks DNS for the record, and says in one line whether DNS publishes it.
    pub async fn check(&self) -> String {
        let published = match TokioResolver::builder_tokio().and_then(|builder| builder.build()) {
            Ok(resolver) => look_up(&resolver, &self.name, DNS_MAX).await,
            Err(error) => Err(error.to_string()),
        };
        match published {
            Ok(published) => describe_published(&published, &self.text),
            Err(reason) => format!("DNS does not tell whether it does: {reason}"),
        }
    }
}

/// The TXT records of a name (RFC 6376, section 3.6.2.2: the strings of one record are concatenated).
async fn look_up(resolver: &TokioResolver, name: &str, bound: Duration) -> Result<Vec<String>, String> {
    let answer = time::timeout(bound, resolver.txt_lookup(format!("{name}."))).await;
    let answer = answer.map_err(|_| format!("there was no answer within {} s", bound.as_secs_f32()))?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let text = |record: &Record| match &record.data {
        RData::TXT(txt) => Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>()),
        _ => None,
    };
    Ok(answer.answers().iter().filter_map(text).collect())
}

/// Says whether one of the published records has the same public key as `record`, whatever its spacing.
fn describe_published(published: &[String], record: &str) -> String {
    let public_key = |text: &str| {
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let tag = tags.map(|(name, value)| (name.trim(), value)).find(|(name, _)| *name == "p");
        tag.map(|(_, value)| value.split_whitespace().collect::<String>())
    };
    let is_same = |text: &String| public_key(text).is_some() && public_key(text) == public_key(record);
    match published {
        [] => "DNS holds nothing there".to_owned(),
        _ if published.iter().any(is_same) => "DNS holds it".to_owned(),
        _ => format!("DNS holds another there: {}", published.join(" | ")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use hickory_resolver::{
        config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig},
        net::runtime::TokioRuntimeProvider,
    };

    use super::*;

    #[test]
    fn a_lookup_ends_at_its_bound_if_the_name_server_is_silent() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut connection = ConnectionConfig::new(ProtocolConfig::Udp);
        connection.port = silent.local_addr().unwrap().port();
        let server = NameServerConfig::new([127, 0, 0, 1].into(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap();
            look_up(&resolver, "plenary._domainkey.example.org", Duration::from_millis(100)).await
        });
        assert_eq!(answer, Err("there was no answer within 0.1 s".to_owned()));
    }

    #[test]
    fn keys_are_compared_whatever_their_spacing() {
        let record = "v=DKIM1; k=rsa; p=MIIB";
        assert_eq!(describe_published(&["v=DKIM1;k=rsa;p=MI IB".to_owned()], record), "DNS holds it");
        assert_eq!(describe_published(&["v=DKIM1; p=".to_owned()], record), "DNS holds another there: v=DKIM1; p=");
        assert_eq!(describe_published(&["v=spf1 -all".to_owned()], record), "DNS holds another there: v=spf1 -all");
        assert_eq!(describe_published(&[], record), "DNS holds nothing there");
    }
}
