//! Mail tried by those who set it up, without a store.

use std::{io, time::Duration};

use chrono::Datelike as _;
use hickory_resolver::{TokioResolver, proto::rr::RData};
use tokio::time;

use super::{
    Announcement, LetterContent, LetterKind, LinkKind, compose::Composer, is_deliverable, outbox::Claimed,
    smtp::Bounds, transport::Transport,
};
use crate::{access::ServerSecret, clock, ids::Id, settings::Settings};

/// How long whoever tries waits for the last word of a mail server: a test may come twice.
const FINAL_REPLY_MAX: Duration = Duration::from_secs(60);
/// How long DNS may take, with all its servers.
const DNS_MAX: Duration = Duration::from_secs(15);

/// The way out, as the settings say.
pub struct Trial<'a> {
    settings: &'a Settings,
    transport: Transport,
    composer: Composer,
}

impl<'a> Trial<'a> {
    /// Reads the settings and the key.
    ///
    /// # Errors
    /// The folder or the mail server's setting does not work, or the key cannot be read.
    pub fn new(settings: &'a Settings, secret: ServerSecret) -> io::Result<Self> {
        let bounds = Bounds { step: settings.mail_step, final_reply: settings.mail_final_reply.min(FINAL_REPLY_MAX) };
        Ok(Self {
            settings,
            transport: Transport::open(&settings.mail_url, 1, bounds)?,
            composer: Composer::new(settings, secret, settings.public_url.clone().unwrap_or_default())?,
        })
    }

    /// Sends one message, and answers the mail server's words.
    ///
    /// # Errors
    /// What went wrong, in a line.
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
            venue: None,
            name: String::new(),
            reference: String::new(),
            category: String::new(),
            position: None,
            link_path: String::new(),
            link: LinkKind::Registration,
            registration: uuid::Uuid::nil(),
            token_generation: 1,
            calendar: None,
            reason: None,
            offer_hours: None,
            deadline: None,
            sessions: Vec::new(),
            left: Vec::new(),
            moved: None,
            is_over: false,
            delegation: None,
            announcement: Some(announcement),
            has_badge: false,
        };
        let message = Claimed {
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

    /// Connects, logs in, and says so.
    ///
    /// # Errors
    /// What went wrong, in a line.
    pub async fn connect(&self) -> Result<String, String> {
        self.transport.check().await?;
        Ok(format!("{:?} answers", self.settings.mail_url))
    }

    /// What DNS must hold so that the signature is believed, and whether it does; that there is none.
    ///
    /// # Errors
    /// The key cannot be read.
    pub async fn signature(&self) -> io::Result<Vec<String>> {
        let Some((name, record)) = self.composer.record(self.settings)? else {
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

/// The texts that DNS holds under a name (RFC 6376, 3.6.2.2: the strings of one record are one text).
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

/// Whether one of these records is the one that verifies: the same tags, however they are spaced.
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
