//! Letters as data, independent of any language.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::letter_settings::LetterSettings;
use crate::{
    ids::{BroadcastId, ConferenceId, MessageId, RegistrationEventId, RegistrationId},
    values::{EmailAddress, text_enum},
};

text_enum! {
    /// The kind of a letter, which selects its template.
    LetterKind {
        /// The registration was received; the address must be verified.
        Received = "received",
        /// The organisers have to decide about the registration.
        Pending = "pending",
        /// The registration is confirmed: the recipient has a seat.
        Confirmed = "confirmed",
        /// The registration is on the waiting list.
        Waitlisted = "waitlisted",
        /// A seat is held for the recipient for a limited time.
        Offered = "offered",
        /// The offer of a seat expired.
        Lapsed = "lapsed",
        /// The recipient got a seat from the waiting list.
        Promoted = "promoted",
        /// The organisers rejected the registration.
        Rejected = "rejected",
        /// The address was not verified in time.
        Expired = "expired",
        /// The registration was cancelled.
        Cancelled = "cancelled",
        /// The organisers revoked the registration.
        Revoked = "revoked",
        /// The data of the registration changed.
        Changed = "changed",
        /// The recipient's sessions changed.
        Sessions = "sessions",
        /// The personal link, sent again on request.
        Link = "link",
        /// A personal invitation to register.
        Invitation = "invitation",
        /// The link for the focal point of a delegation.
        Delegation = "delegation",
        /// A broadcast of the organisers.
        Announcement = "announcement",
        /// A reminder before the conference.
        Reminder = "reminder",
        /// A session of the recipient was moved to another time or room.
        SessionChanged = "session_changed",
        /// A session of the recipient was cancelled.
        SessionCancelled = "session_cancelled",
    }
}

text_enum! {
    /// A language in which letters ship.
    MailLanguage {
        English = "en",
        French = "fr",
        Dutch = "nl",
        Arabic = "ar",
    }
}

text_enum! {
    /// Delivery state of a message.
    MessageState {
        /// To be sent.
        Waiting = "waiting",
        /// Accepted by the mail server.
        Sent = "sent",
        /// Not deliverable.
        Failed = "failed",
        /// Cancelled before it was sent.
        Cancelled = "cancelled",
    }
}

/// A letter to one person, ready for the outbox.
#[derive(Debug)]
pub struct Letter {
    pub conference: ConferenceId,
    pub kind: LetterKind,
    pub to: EmailAddress,
    /// The recipient's language (BCP 47).
    pub language: String,
    pub content: LetterContent,
    /// The event that causes this letter alone, if there is one.
    pub event: Option<RegistrationEventId>,
    /// The broadcast that the letter belongs to; such a letter is sent after letters to one person.
    pub broadcast: Option<BroadcastId>,
    /// The registration of the one person whom the letter is to, if several share the mailbox.
    pub addressee: Option<RegistrationId>,
    /// Earliest time of sending; `None`: at once.
    pub not_before: Option<DateTime<Utc>>,
}

impl LetterKind {
    /// Kinds that are sent to many recipients at once.
    pub const OF_BROADCASTS: [Self; 4] =
        [Self::Announcement, Self::Reminder, Self::SessionChanged, Self::SessionCancelled];
    /// Kinds that the recipient can unsubscribe from.
    pub const DECLINABLE: [Self; 2] = [Self::Announcement, Self::Reminder];

    /// Whether the recipient can unsubscribe from this kind.
    pub const fn can_be_declined(self) -> bool {
        matches!(self, Self::Announcement | Self::Reminder)
    }
}

/// The values for the template of a letter. Texts are in the recipient's language. A letter names the values that it
/// has, and takes the others from the default: an empty text, none, or false.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterContent {
    pub conference: String,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub venue: Option<String>,
    /// The recipient's name.
    pub name: String,
    /// The whole line that greets the recipient, if registrars set it.
    #[serde(default)]
    pub salutation: Option<String>,
    /// Whom the letter greets, if they did not.
    #[serde(default)]
    pub address_form: AddressForm,
    /// Reference of the registration, such as GP-7K3M9Q2X.
    pub reference: String,
    pub category: String,
    /// Place on the waiting list, from 1.
    pub position: Option<i64>,
    /// Path of the recipient's link, without its token.
    pub link_path: String,
    #[serde(default)]
    pub link: LinkKind,
    /// Id of what `link` leads to. The UIDs of calendar entries are made of it, too.
    pub registration: uuid::Uuid,
    pub token_generation: i32,
    /// The calendar entry that is attached, if any.
    pub calendar: Option<CalendarEntry>,
    /// The organisers' reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// Hours for which a seat is held once one becomes free; `None`: the seat is given without an offer.
    #[serde(default)]
    pub offer_hours: Option<i32>,
    /// Time by which the recipient must act, in the conference's time zone.
    #[serde(default)]
    pub deadline: Option<DateTime<FixedOffset>>,
    /// Sessions that the recipient is signed up for.
    #[serde(default)]
    pub sessions: Vec<SessionLine>,
    /// Sessions that the recipient has left; their calendar entries are cancelled.
    #[serde(default)]
    pub left: Vec<SessionLine>,
    /// The moved session with its former time and room.
    #[serde(default)]
    pub moved: Option<SessionLine>,
    /// Whether the registration has ended, so that it can be neither changed nor cancelled.
    #[serde(default)]
    pub is_over: bool,
    /// Name of the State or organisation of the delegation.
    #[serde(default)]
    pub delegation: Option<String>,
    #[serde(default)]
    pub announcement: Option<Announcement>,
    /// Whether the QR code of the badge is attached.
    #[serde(default)]
    pub has_badge: bool,
    /// Whether several people share the mailbox: then the letter says for whom it is.
    #[serde(default)]
    pub is_shared_mailbox: bool,
}

/// Whom a letter addresses, as far as it matters for the greeting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressForm {
    #[default]
    Person,
    /// Somebody with the honorific of heads of State, ministers and ambassadors.
    Excellency,
    /// An institution; or a person whom a greeting by name would not honour, such as a king.
    Unnamed,
}

/// The text of a broadcast, in the recipient's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// One line.
    pub subject: String,
    /// Paragraphs, separated by empty lines; may contain the placeholders of templates.
    pub body: String,
    /// The language of both (BCP 47); that of the template if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The kind of token that is added to the link of a letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The link to a registration.
    #[default]
    Registration,
    /// The link to the registration form with the code of a personal invitation.
    Invitation,
    /// The link to a delegation.
    Delegation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    pub title: String,
    /// Start in the conference's time zone.
    pub starts_at: DateTime<FixedOffset>,
    /// Whether the recipient is on the session's waiting list.
    pub waits: bool,
    /// Part of the UID of the calendar entry.
    #[serde(default)]
    pub id: Option<uuid::Uuid>,
    #[serde(default)]
    pub ends_at: Option<DateTime<FixedOffset>>,
    #[serde(default)]
    pub room: Option<String>,
}

/// Revision of a calendar entry (RFC 5546: PUBLISH, or CANCEL of what was published).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEntry {
    /// Revision number (`SEQUENCE`).
    pub sequence: u32,
    /// Whether the entry is removed from the calendar.
    pub cancelled: bool,
}

/// A message that this process holds a lease on.
#[derive(Debug, Clone)]
pub struct ClaimedMessage {
    /// The `Message-ID` is made of it.
    pub id: MessageId,
    pub conference: ConferenceId,
    /// The conference's own template, if it has one for this kind and language.
    pub template: Option<String>,
    /// The language that the template is in: its own, or that of the shipped one.
    pub template_language: String,
    pub kind: LetterKind,
    pub recipient: String,
    /// The recipient's language (BCP 47).
    pub language: String,
    pub content: LetterContent,
    /// Number of attempts so far.
    pub tries: i32,
    pub created_at: DateTime<Utc>,
    /// Domain of the address.
    pub domain: String,
    /// Whether the message belongs to a broadcast, which may be stopped.
    pub is_broadcast: bool,
    /// The host in the `Message-ID` and in the UIDs of calendar entries, which is pinned in the store.
    pub uid_host: String,
    /// Sender and signature of the conference's letters.
    pub settings: LetterSettings,
}

/// The language of the shipped letters for a reader of the BCP 47 tag `tag`: English if none ship in the reader's.
pub fn language_of(tag: &str) -> MailLanguage {
    MailLanguage::from_text(primary_subtag(tag)).unwrap_or(MailLanguage::English)
}

/// The languages of words for a reader of `tag`, the best first: the reader's, and that of the shipped letters.
pub fn preferred_languages(tag: &str) -> [&str; 3] {
    [tag, primary_subtag(tag), language_of(tag).as_str()]
}

/// The language of a tag, without region and script.
pub fn primary_subtag(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// Whether a language is written from right to left.
pub fn is_right_to_left(tag: &str) -> bool {
    matches!(primary_subtag(tag), "ar" | "dv" | "fa" | "he" | "ps" | "sd" | "ug" | "ur" | "yi")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_letter_without_later_fields_gets_their_defaults() {
        let stored = json!({
            "conference": "A", "starts_on": "2014-03-31", "ends_on": "2014-04-01", "venue": null, "name": "Ada",
            "reference": "GP-ABC", "category": "Press", "position": null, "link_path": "/x",
            "registration": uuid::Uuid::nil(), "token_generation": 1, "calendar": null,
        });
        let expected = LetterContent {
            conference: "A".to_owned(),
            starts_on: NaiveDate::from_ymd_opt(2014, 3, 31).unwrap(),
            ends_on: NaiveDate::from_ymd_opt(2014, 4, 1).unwrap(),
            name: "Ada".to_owned(),
            reference: "GP-ABC".to_owned(),
            category: "Press".to_owned(),
            link_path: "/x".to_owned(),
            token_generation: 1,
            ..LetterContent::default()
        };
        assert_eq!(serde_json::from_value::<LetterContent>(stored).unwrap(), expected);
        assert_eq!(LetterContent::default().link, LinkKind::Registration);
    }
}
