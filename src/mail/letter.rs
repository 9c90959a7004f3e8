//! A letter as data: all that it says, without a word of any language.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::ConferenceId,
    values::{EmailAddress, text_enum},
};

text_enum! {
    /// What a letter is about.
    LetterKind {
        /// A seat is theirs.
        Confirmed = "confirmed",
        /// They wait.
        Waitlisted = "waitlisted",
        /// They waited, and a seat is theirs.
        Promoted = "promoted",
        /// They no longer come.
        Cancelled = "cancelled",
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
    /// What it says.
    pub content: LetterContent,
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
    /// Whose token the link gets.
    pub registration: uuid::Uuid,
    /// Of which generation.
    pub token_generation: i32,
    /// The calendar entry that goes with it: its revision, and whether it takes the entry away.
    pub calendar: Option<CalendarEntry>,
}

/// A calendar entry of the conference (RFC 5546: PUBLISH, or CANCEL of what was published).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEntry {
    /// The revision.
    pub sequence: u32,
    /// Whether the entry goes away.
    pub cancelled: bool,
}
