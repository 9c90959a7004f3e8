//! How mail leaves, as the settings say.

use std::{path::PathBuf, str::FromStr as _, time::Duration};

use lettre::message::Mailbox;

use super::{sender_domains::SenderDomains, transport::MailUrl};

/// The settings of mail, checked.
#[derive(Debug, Clone)]
pub struct MailConfig {
    pub url: MailUrl,
    pub from: String,
    /// The domains that the senders of conferences may have; that of `from` is among them.
    pub sender_domains: SenderDomains,
    /// `None`: replies go to the sender.
    pub reply_to: Option<String>,
    /// `None`: bounces go to the sender.
    pub bounces_to: Option<String>,
    /// PEM file of the key that signs mail (DKIM, RFC 6376).
    pub dkim_key: Option<PathBuf>,
    /// Name of the key in DNS.
    pub dkim_selector: String,
    pub connections: u32,
    /// Longest duration of a step of an SMTP session.
    pub step: Duration,
    /// Longest wait for the mail server's reply to a whole message.
    pub final_reply: Duration,
    /// 0: no limit.
    pub per_minute: u32,
    /// 0: no limit.
    pub per_domain_per_minute: u32,
    /// Days after which the personal data of ended messages is removed.
    pub retention_days: u32,
}

impl MailConfig {
    /// The domain of the sender's address, as the settings write it.
    pub fn sender_domain(&self) -> String {
        // The setting was checked when it was read.
        Mailbox::from_str(&self.from).map_or_else(|_| String::new(), |sender| sender.email.domain().to_owned())
    }
}
