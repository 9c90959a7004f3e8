//! A letter as data: all that it says, without a word of any language.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BroadcastId, ConferenceId, RegistrationEventId},
    values::{EmailAddress, text_enum},
};

text_enum! {
    /// What a letter is about.
    LetterKind {
        /// They registered; the address must be verified.
        Received = "received",
        /// The organisers decide about it.
        Pending = "pending",
        /// A seat is theirs.
        Confirmed = "confirmed",
        /// They wait.
        Waitlisted = "waitlisted",
        /// A seat is held for them for a while.
        Offered = "offered",
        /// They let the offer pass.
        Lapsed = "lapsed",
        /// They waited, and a seat is theirs.
        Promoted = "promoted",
        /// The organisers refused it.
        Rejected = "rejected",
        /// The address was not verified in time.
        Expired = "expired",
        /// They no longer come.
        Cancelled = "cancelled",
        /// Accreditation was withdrawn.
        Revoked = "revoked",
        /// What the registration says changed.
        Changed = "changed",
        /// The sessions that they are signed up for changed.
        Sessions = "sessions",
        /// Their link, again.
        Link = "link",
        /// They are invited.
        Invitation = "invitation",
        /// They are the focal point of a delegation.
        Delegation = "delegation",
        /// What the organisers write to many.
        Announcement = "announcement",
        /// The conference is near.
        Reminder = "reminder",
        /// A session that they are signed up for is at another time or place.
        SessionChanged = "session_changed",
        /// A session that they are signed up for does not take place.
        SessionCancelled = "session_cancelled",
    }
}

/// A letter to one person.
#[derive(Debug)]
pub struct Letter {
    /// The conference that writes.
    pub conference: ConferenceId,
    /// What it is about.
    pub kind: LetterKind,
    /// Where it goes.
    pub to: EmailAddress,
    /// The reader's language.
    pub language: String,
    /// The facts that the template of its kind is filled with.
    pub content: LetterContent,
    /// The event that causes it and no other letter, where there is one.
    pub event: Option<RegistrationEventId>,
    /// The broadcast that it is one of: it waits for letters to one person.
    pub broadcast: Option<BroadcastId>,
    /// When it may be sent; at once if not said.
    pub not_before: Option<DateTime<Utc>>,
}

impl LetterKind {
    /// What many get at once.
    pub const OF_BROADCASTS: [Self; 4] =
        [Self::Announcement, Self::Reminder, Self::SessionChanged, Self::SessionCancelled];
    /// What its reader can do without.
    pub const DECLINABLE: [Self; 2] = [Self::Announcement, Self::Reminder];

    /// Whether its reader can do without it, and may say so.
    pub const fn can_be_declined(self) -> bool {
        matches!(self, Self::Announcement | Self::Reminder)
    }
}

/// What a letter about a registration says. Texts are already in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterContent {
    /// The conference's name.
    pub conference: String,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
    /// Where it is.
    pub venue: Option<String>,
    /// The reader's name.
    pub name: String,
    /// The registration's reference.
    pub reference: String,
    /// The category's name.
    pub category: String,
    /// The place on the waiting list.
    pub position: Option<i64>,
    /// The path of the reader's link, without its token.
    pub link_path: String,
    /// Of what kind the thing is whose token the link gets.
    #[serde(default = "LinkKind::registration")]
    pub link: LinkKind,
    /// Its id; of a registration, the calendar entry's, too.
    pub registration: uuid::Uuid,
    /// Of which generation the token is.
    pub token_generation: i32,
    /// The calendar entry that goes with it: its revision, and whether it takes the entry away.
    pub calendar: Option<CalendarEntry>,
    /// Why, in the organisers' words.
    #[serde(default)]
    pub reason: Option<String>,
    /// How many hours a seat is held for the reader when one becomes free; where none, it is theirs at once.
    #[serde(default)]
    pub offer_hours: Option<i32>,
    /// Until when the reader has to do something, in the conference's time zone.
    #[serde(default)]
    pub deadline: Option<DateTime<FixedOffset>>,
    /// The sessions that the reader is signed up for.
    #[serde(default)]
    pub sessions: Vec<SessionLine>,
    /// Sessions that they are signed up for no more: they leave the calendar.
    #[serde(default)]
    pub left: Vec<SessionLine>,
    /// The session that moved, as it was.
    #[serde(default)]
    pub moved: Option<SessionLine>,
    /// Whether the registration has come to its end: there is nothing to change or to cancel any more.
    #[serde(default)]
    pub is_over: bool,
    /// The State or organisation whose delegation it is about.
    #[serde(default)]
    pub delegation: Option<String>,
    /// What the organisers write to many.
    #[serde(default)]
    pub announcement: Option<Announcement>,
    /// Whether the code of the badge comes with it.
    #[serde(default)]
    pub has_badge: bool,
}

/// What the organisers write to many, in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// One line.
    pub subject: String,
    /// Paragraphs, parted by empty lines; may name what a template may.
    pub body: String,
}

/// Whose token the link of a letter gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// To a registration.
    Registration,
    /// To the form, for whoever was invited.
    Invitation,
    /// To a delegation.
    Delegation,
}

impl LinkKind {
    const fn registration() -> Self {
        Self::Registration
    }
}

/// A session in a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Its title.
    pub title: String,
    /// When it starts, in the conference's time zone.
    pub starts_at: DateTime<FixedOffset>,
    /// Whether the reader waits for a seat in it.
    pub waits: bool,
    /// What it is in calendars.
    #[serde(default)]
    pub id: Option<uuid::Uuid>,
    /// When it ends.
    #[serde(default)]
    pub ends_at: Option<DateTime<FixedOffset>>,
    /// Where it is.
    #[serde(default)]
    pub room: Option<String>,
}

/// A calendar entry of the conference (RFC 5546: PUBLISH, or CANCEL of what was published).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEntry {
    /// The revision.
    pub sequence: u32,
    /// Whether the entry goes away.
    pub cancelled: bool,
}
