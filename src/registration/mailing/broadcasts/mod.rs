//! One text to many: drafted, counted, tried on oneself, sent slowly, stopped and gone on with, each reader once.

pub mod actions;
pub mod api;
mod store;

use deserr::Deserr;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    faults::Faults,
    mail::Announcement,
    values::{Code, Line, Switch, text_enum},
};

pub use store::{announce_session, sending};

text_enum! {
    /// What a broadcast is.
    BroadcastKind {
        /// The organisers' own words.
        Announcement = "announcement",
        /// The conference is near.
        Reminder = "reminder",
        /// A release moved a session; made by the service.
        SessionChanged = "session_changed",
        /// A release called a session off; made by the service.
        SessionCancelled = "session_cancelled",
    }
}

text_enum! {
    /// Where a broadcast stands.
    BroadcastState {
        /// Nobody has it yet.
        Draft = "draft",
        /// It is on its way, or waits for its time.
        Sending = "sending",
        /// It was stopped.
        Stopped = "stopped",
        /// Everybody has it whom it could reach.
        Done = "done",
    }
}

/// To whom a broadcast goes, in the words of the registrar's lists; to whoever is confirmed if nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Audience {
    /// In these states, parted by commas; `confirmed` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub state: Option<Line<200>>,
    /// In these categories, parted by commas.
    #[deserr(default)]
    #[schema(required = false)]
    pub category: Option<Line<1000>>,
    /// From these countries, parted by commas.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<Line<1000>>,
    /// In this delegation.
    #[deserr(default)]
    #[schema(required = false)]
    pub delegation: Option<Code>,
    /// Signed up for this session.
    #[deserr(default)]
    #[schema(required = false)]
    pub session: Option<Code>,
    /// Who answered so, as in the lists.
    #[deserr(default)]
    #[schema(required = false)]
    pub answer: Option<Line<1000>>,
    /// Who has come in, or who has not: `true` or `false`.
    #[deserr(default)]
    #[schema(required = false)]
    pub checked_in: Option<Switch>,
}

/// A session as it was, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSession {
    /// Its id.
    pub id: uuid::Uuid,
    /// Its title, by language.
    pub title: std::collections::BTreeMap<String, String>,
    /// When it was to start.
    pub starts_at: chrono::DateTime<chrono::FixedOffset>,
    /// When it was to end.
    pub ends_at: chrono::DateTime<chrono::FixedOffset>,
}

/// What a broadcast says, as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Content {
    /// The organisers' words, by language.
    #[serde(default)]
    pub subject: std::collections::BTreeMap<String, String>,
    /// The organisers' words, by language.
    #[serde(default)]
    pub body: std::collections::BTreeMap<String, String>,
    /// The session that it is about.
    #[serde(default)]
    pub session: Option<FormerSession>,
}

impl Content {
    /// The words for a reader of `language`: theirs, else those in the first of `fallbacks`, else any.
    pub fn announcement(&self, language: &str, fallbacks: &[String]) -> Option<Announcement> {
        let text = |texts: &std::collections::BTreeMap<String, String>| {
            let found = texts.get(language).or_else(|| fallbacks.iter().find_map(|tag| texts.get(tag)));
            found.or_else(|| texts.values().next()).cloned()
        };
        Some(Announcement { subject: text(&self.subject)?, body: text(&self.body)? })
    }
}
