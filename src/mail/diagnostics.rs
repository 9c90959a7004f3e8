//! Checks of the mail settings for `plenary mail`, without a store.

use std::{io, time::Duration};

use chrono::Datelike as _;
use hickory_resolver::{TokioResolver, proto::rr::RData};
use tokio::time;

use super::{
    Announcement, LetterContent, LetterKind, compose::Composer, config::MailConfig, is_deliverable,
    letter::ClaimedMessage, smtp::Bounds, transport::Transport,
};
use crate::{access::ServerSecret, clock, ids::Id};

/// Longest wait for the reply to the message; it is shorter than in service, because a test message that arrives twice
/// does no harm.
const FINAL_REPLY_MAX: Duration = Duration::from_secs(60);
/// Longest wait for DNS, all name servers together.
const DNS_MAX: Duration = Duration::from_secs(15);

/// Checks one set of mail settings.
pub struct Diagnostics<'a> {
    config: &'a MailConfig,
    transport: Transport,
    composer: Composer,
}

impl<'a> Diagnostics<'a> {
    /// Reads the settings and the DKIM key.
    ///
    /// # Errors
    /// The mail folder or the mail server's URL is not usable, or the DKIM key cannot be read.
    pub fn new(config: &'a MailConfig, public_url: String, secret: ServerSecret) -> io::Result<Self> {
        let bounds = Bounds { step: config.step, final_reply: config.final_reply.min(FINAL_REPLY_MAX) };
        Ok(Self {
            config,
            transport: Transport::open(&config.url, 1, bounds)?,
            composer: Composer::new(config, secret, public_url)?,
        })
    }

    /// Sends one message and returns the reply of the mail server.
    ///
    /// # Errors
    /// The reason in one line.
    pub async fn send(&self, address: &str) -> Result<String, String> {
        if !is_deliverable(address) {
            return Err("must be an address that mail can be sent to".to_owned());
        }
        let now = clock::now();
        let today = chrono::NaiveDate::from_ymd_opt(now.year(), now.month(), now.day()).unwrap_or_default();
        let announcement = Announcement {
            subject: "A test of the mail server".to_owned(),
            body: "This message shows that mail leaves as the settings say.".to_owned(),
        };
        let content = LetterContent {
            conference: "Plenary".to_owned(),
            starts_on: today,
            ends_on: today,
            token_generation: 1,
            announcement: Some(announcement),
            ..LetterContent::default()
        };
        let message = ClaimedMessage {
            id: Id::new(),
            conference: Id::new(),
            template: Some("Subject: {{ announcement.subject }}\n\n{{ announcement.body }}\n".to_owned()),
            kind: LetterKind::Link,
            recipient: address.to_owned(),
            language: "en".to_owned(),
            content,
            tries: 0,
            created_at: now,
            domain: String::new(),
            is_of_broadcast: false,
        };
        let mail = self.composer.compose(&message).map_err(|error| error.to_string())?;
        let sent = self.transport.send(mail, &self.composer.name(message.id)).await;
        sent.map_err(|failure| failure.words)
    }

    /// Connects and logs in; returns one line for the operator.
    ///
    /// # Errors
    /// The reason in one line.
    pub async fn connect(&self) -> Result<String, String> {
        self.transport.check().await?;
        Ok(format!("{:?} answers", self.config.url))
    }

    /// Describes the DKIM record that DNS must publish, and whether DNS publishes it; or says that mail is not signed.
    ///
    /// # Errors
    /// The DKIM key cannot be read.
    pub async fn signature(&self) -> io::Result<Vec<String>> {
        let Some((name, record)) = self.composer.record(self.config)? else {
            return Ok(vec!["mail is not signed here (mail_dkim_key)".to_owned()]);
        };
        let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build()).map_err(io::Error::other);
        let found = match &resolver {
            Ok(resolver) => published(resolver, &name, DNS_MAX).await,
            Err(error) => Err(error.to_string()),
        };
        let said = match found {
            Ok(held) => verdict(&held, &record),
            Err(reason) => format!("DNS does not tell whether it does: {reason}"),
        };
        Ok(vec!["mail is signed; DNS must hold".to_owned(), format!("{name}. TXT \"{record}\""), said])
    }
}

/// The TXT records of a name (RFC 6376, section 3.6.2.2: the strings of one record are concatenated).
async fn published(resolver: &TokioResolver, name: &str, bound: Duration) -> Result<Vec<String>, String> {
    let found = time::timeout(bound, resolver.txt_lookup(format!("{name}."))).await;
    let found = found.map_err(|_| format!("there was no answer within {} s", bound.as_secs_f32()))?;
    let found = match found {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let text = |record: &hickory_resolver::proto::rr::Record| match &record.data {
        RData::TXT(txt) => Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>()),
        _ => None,
    };
    Ok(found.answers().iter().filter_map(text).collect())
}

/// Says whether one of the published records has the same public key, whatever its spacing.
fn verdict(held: &[String], record: &str) -> String {
    let key = |text: &str| {
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let found = tags.map(|(name, value)| (name.trim(), value)).find(|(name, _)| *name == "p");
        found.map(|(_, value)| value.split_whitespace().collect::<String>())
    };
    match held {
        [] => "DNS holds nothing there".to_owned(),
        _ if held.iter().any(|text| key(text).is_some() && key(text) == key(record)) => "DNS holds it".to_owned(),
        _ => format!("DNS holds another there: {}", held.join(" | ")),
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
    fn a_name_server_that_says_nothing_is_waited_for_no_longer_than_the_bound() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut connection = ConnectionConfig::new(ProtocolConfig::Udp);
        connection.port = silent.local_addr().unwrap().port();
        let server = NameServerConfig::new([127, 0, 0, 1].into(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap();
            published(&resolver, "plenary._domainkey.example.org", Duration::from_millis(100)).await
        });
        assert_eq!(found, Err("there was no answer within 0.1 s".to_owned()));
    }

    #[test]
    fn the_key_in_dns_is_compared_however_it_is_written() {
        let record = "v=DKIM1; k=rsa; p=MIIB";
        assert_eq!(verdict(&["v=DKIM1;k=rsa;p=MI IB".to_owned()], record), "DNS holds it");
        assert_eq!(verdict(&["v=DKIM1; p=".to_owned()], record), "DNS holds another there: v=DKIM1; p=");
        assert_eq!(verdict(&["v=spf1 -all".to_owned()], record), "DNS holds another there: v=spf1 -all");
        assert_eq!(verdict(&[], record), "DNS holds nothing there");
    }
}
