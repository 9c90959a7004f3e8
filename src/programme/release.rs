//! A release and a scheduled release, as they are read from the store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::history::History;
use crate::{agenda::Agenda, ids::ScheduledReleaseId, values::text_enum};

/// A release without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    /// From 1; 0 for the draft in a preview.
    pub number: i32,
    pub released_at: DateTime<Utc>,
    /// The time of the last redaction of it, otherwise of its publication. Only a redaction changes the content of a
    /// release.
    pub updated_at: DateTime<Utc>,
    pub author: String,
    /// A note of the organisers for readers.
    pub note: Option<String>,
    /// The reason for publishing in spite of conflicts.
    pub force_reason: Option<String>,
    /// The number of the release that it published again.
    pub restores: Option<i32>,
}

impl ReleaseRow {
    /// A row for the draft in a preview, which has no number.
    pub fn of_draft(now: DateTime<Utc>) -> Self {
        Self {
            number: 0,
            released_at: now,
            updated_at: now,
            author: String::new(),
            note: None,
            force_reason: None,
            restores: None,
        }
    }

    /// False for the draft in a preview.
    pub fn is_released(&self) -> bool {
        self.number > 0
    }
}

/// A release as the public reads it.
#[derive(Debug)]
pub struct PublicRelease {
    pub row: ReleaseRow,
    /// The public projection of the agenda.
    pub public_agenda: Agenda,
    /// The history of sessions and items up to this release.
    pub history: History,
}

/// What a release changed, as sentences, by language tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeSummary(pub BTreeMap<String, Sentences>);

/// The first sentences in one language, and the number of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentences {
    pub first: Vec<String>,
    /// The number of sentences that are not stored.
    pub more: usize,
}

/// A release with its public projection and its whole agenda.
#[derive(Debug)]
pub struct Release {
    pub public: PublicRelease,
    /// The whole agenda that the release was made from.
    pub full_agenda: Agenda,
    /// What it changed, as sentences.
    pub change_summary: ChangeSummary,
    /// The time when its next embargo ends.
    pub next_embargo_ends_at: Option<DateTime<Utc>>,
}

text_enum! {
    /// The state of a scheduled release.
    ScheduledState {
        /// It waits for its time.
        Scheduled = "scheduled",
        /// It was published.
        Published = "published",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

/// A release that is to be published at a later time. Its agenda is a copy of the draft from the time of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRelease {
    pub id: ScheduledReleaseId,
    pub publish_at: DateTime<Utc>,
    pub author: String,
    /// A note of the organisers for readers.
    pub note: Option<String>,
    /// The reason for publishing in spite of conflicts.
    pub force_reason: Option<String>,
    pub state: ScheduledState,
    /// The number of the release that it became.
    pub release_number: Option<i32>,
    pub created_at: DateTime<Utc>,
}
