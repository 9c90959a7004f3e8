//! Mail tried by those who set it up, without a store.

use std::io;

use chrono::Datelike as _;

use super::{
    Announcement, LetterContent, LetterKind, LinkKind,
    compose::Composer,
    is_deliverable,
    outbox::Claimed,
    transport::{Failure, Transport},
};
use crate::{access::ServerSecret, clock, ids::Id, settings::Settings};

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
        Ok(Self {
            settings,
            transport: Transport::open(&settings.mail_url, 1)?,
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
        match self.transport.send(mail, &self.composer.name(message.id)).await {
            Ok(words) => Ok(words),
            Err(Failure::Permanent(words) | Failure::Transient(words) | Failure::Unreachable(words)) => Err(words),
        }
    }

    /// Connects, logs in, and says so.
    ///
    /// # Errors
    /// What went wrong, in a line.
    pub async fn connect(&self) -> Result<String, String> {
        self.transport.check().await?;
        Ok(format!("{:?} answers", self.settings.mail_url))
    }

    /// What DNS must hold so that the signature is believed; that there is none.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn signature(&self) -> io::Result<Vec<String>> {
        let Some((name, record)) = self.composer.record(self.settings)? else {
            return Ok(vec!["mail is not signed here (mail_dkim_key)".to_owned()]);
        };
        Ok(vec!["mail is signed; DNS must hold".to_owned(), format!("{name}. TXT \"{record}\"")])
    }
}
