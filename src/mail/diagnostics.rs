//! Checks of the mail settings for `plenary mail`, without a store.

use std::{io, time::Duration};

use chrono::Datelike as _;

use super::{
    Announcement, LetterContent, LetterKind, LetterSettings, compose::Composer, config::MailConfig, dkim::DnsRecord,
    is_deliverable, letter::ClaimedMessage, smtp::Bounds, transport::Transport,
};
use crate::{access::ServerSecret, clock, ids::Id};

/// Longest wait for the reply to the message; it is shorter than in service, because a test message that arrives twice
/// does no harm.
const FINAL_REPLY_MAX: Duration = Duration::from_secs(60);

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
            language: None,
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
            template_language: "en".to_owned(),
            kind: LetterKind::Link,
            recipient: address.to_owned(),
            language: "en".to_owned(),
            content,
            tries: 0,
            created_at: now,
            domain: String::new(),
            is_broadcast: false,
            uid_host: self.composer.sender_domain().to_owned(),
            settings: LetterSettings::default(),
        };
        let mail = self.composer.compose(&message).map_err(|error| error.to_string())?;
        let result = self.transport.send(mail, &self.composer.message_id(&message)).await;
        result.map_err(|failure| failure.reason)
    }

    /// Connects and logs in; returns one line for the operator.
    ///
    /// # Errors
    /// The reason in one line.
    pub async fn connect(&self) -> Result<String, String> {
        self.transport.check().await?;
        Ok(format!("{:?} answers", self.config.url))
    }

    /// Describes the DKIM record that DNS must publish for each domain of a sender, and whether DNS publishes it; or
    /// says that mail is not signed.
    ///
    /// # Errors
    /// The DKIM key cannot be read.
    pub async fn check_dkim(&self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        for domain in self.config.sender_domains.all() {
            let Some(record) = DnsRecord::of_key(self.config, domain)? else {
                return Ok(vec!["mail is not signed here (mail_dkim_key)".to_owned()]);
            };
            let needed = format!("{}. TXT \"{}\"", record.name, record.text);
            lines.extend(["mail is signed; DNS must hold".to_owned(), needed, record.check().await]);
        }
        Ok(lines)
    }
}
