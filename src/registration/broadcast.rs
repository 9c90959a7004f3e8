//! Broadcasts: one text to many recipients. A release creates some itself ([`super::session_notices`]); the rest is in
//! [`crate::messaging`].

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    database::{
        Connection, DatabaseError, on_backend,
        schema::mail_broadcasts,
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{BroadcastId, ConferenceId},
    mail::{Announcement, LetterKind, letter::preferred_languages},
    values::text_enum,
};

text_enum! {
    /// The kind of a broadcast.
    BroadcastKind {
        /// A text by the organisers.
        Announcement = "announcement",
        /// A reminder that the conference begins soon.
        Reminder = "reminder",
        /// A release moved a session; created by the service.
        SessionChanged = "session_changed",
        /// A release cancelled a session; created by the service.
        SessionCancelled = "session_cancelled",
    }
}

text_enum! {
    /// The status of a broadcast.
    BroadcastState {
        /// Not sent yet.
        Draft = "draft",
        /// Being sent, or waiting for its time.
        Sending = "sending",
        /// Stopped before it was sent to everybody.
        Stopped = "stopped",
        /// Sent to everybody whom it could reach.
        Done = "done",
    }
}

text_enum_columns!(BroadcastKind, BroadcastState);

impl From<BroadcastKind> for LetterKind {
    fn from(kind: BroadcastKind) -> Self {
        match kind {
            BroadcastKind::Announcement => Self::Announcement,
            BroadcastKind::Reminder => Self::Reminder,
            BroadcastKind::SessionChanged => Self::SessionChanged,
            BroadcastKind::SessionCancelled => Self::SessionCancelled,
        }
    }
}

/// A session as it was before a release changed or cancelled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSession {
    pub id: uuid::Uuid,
    /// Title, by language.
    pub title: std::collections::BTreeMap<String, String>,
    pub starts_at: chrono::DateTime<chrono::FixedOffset>,
    pub ends_at: chrono::DateTime<chrono::FixedOffset>,
}

/// The content of a broadcast, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BroadcastContent {
    /// The subject by the organisers, by language.
    #[serde(default)]
    pub subject: std::collections::BTreeMap<String, String>,
    /// The text by the organisers, by language.
    #[serde(default)]
    pub body: std::collections::BTreeMap<String, String>,
    /// The session that was moved or cancelled.
    #[serde(default)]
    pub session: Option<FormerSession>,
}

impl BroadcastContent {
    /// The words for a reader of `language`: in that, else in the language of the letter around them, else in the first
    /// of `fallbacks` that there is, else in any language.
    pub fn announcement(&self, language: &str, fallbacks: &[String]) -> Option<Announcement> {
        let preferred = preferred_languages(language).into_iter().chain(fallbacks.iter().map(String::as_str));
        let tag = preferred.chain(self.body.keys().map(String::as_str)).find(|tag| self.body.contains_key(*tag))?;
        // An older version took a subject in fewer languages than the body.
        let others = || fallbacks.iter().find_map(|other| self.subject.get(other));
        let subject = self.subject.get(tag).or_else(others).or_else(|| self.subject.values().next())?;
        Some(Announcement {
            subject: subject.clone(),
            body: self.body.get(tag)?.clone(),
            language: Some(tag.to_owned()),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = mail_broadcasts)]
pub struct NewBroadcast {
    pub id: BroadcastId,
    pub conference_id: ConferenceId,
    pub kind: BroadcastKind,
    pub state: BroadcastState,
    pub content: JsonValue,
    pub audience: JsonValue,
    pub per_minute: i32,
    pub reached: i64,
    pub enqueued: i64,
    pub source: Option<String>,
    pub created_by: String,
    pub created_at: DbInstant,
    pub started_at: Option<DbInstant>,
}

/// Inserts a broadcast; one with the same `source` is inserted only once.
pub fn insert(connection: &mut Connection, row: NewBroadcast) -> Result<(), DatabaseError> {
    let insert = diesel::insert_into(mail_broadcasts::table).values(row).on_conflict_do_nothing();
    on_backend!(connection, inner => insert.execute(inner))?;
    Ok(())
}
