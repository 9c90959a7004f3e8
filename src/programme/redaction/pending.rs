//! Unfinished redactions: everything that is read from the store leaves out the people whom they remove.

use chrono::{DateTime, Utc};

use super::{model::Redaction, store};
use crate::{
    agenda::Agenda,
    database::{Connection, DatabaseError},
    ids::{ConferenceId, ScheduledReleaseId, SpeakerId},
    programme::{
        history::History,
        release::{ChangeSummary, ReleaseRow, ScheduledRelease},
    },
};

/// The unfinished redactions of a conference, the earliest first.
pub struct Pending(Vec<Unfinished>);

struct Unfinished {
    redaction: Redaction,
    at: DateTime<Utc>,
    rewritten_to: i32,
    releases_to: i32,
    scheduled_to: Option<ScheduledReleaseId>,
}

impl Pending {
    /// They must be read before the data to which they are applied: a row that is rewritten in between then has nothing
    /// more to leave out.
    pub fn of(connection: &mut Connection, conference: ConferenceId) -> Result<Self, DatabaseError> {
        let mut all = Vec::new();
        for row in store::unfinished(connection, conference)? {
            let Some(details) = row.details else { continue };
            all.push(Unfinished {
                redaction: details.redaction()?,
                at: row.at,
                rewritten_to: row.rewritten_to,
                releases_to: row.releases_to,
                scheduled_to: row.scheduled_to,
            });
        }
        Ok(Self(all))
    }

    /// Whether a speaker is being removed.
    pub fn redacts(&self, speaker: SpeakerId) -> bool {
        self.0.iter().any(|unfinished| unfinished.redaction.people.iter().any(|person| person.id == speaker))
    }

    fn affecting_release(&self, number: i32) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |unfinished| unfinished.rewritten_to < number && number <= unfinished.releases_to)
    }

    fn affecting_scheduled(&self, id: ScheduledReleaseId) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |unfinished| unfinished.scheduled_to.is_none_or(|last| last < id))
    }

    /// Also sets the time when the release last changed.
    pub fn redact_row(&self, row: &mut ReleaseRow) {
        for unfinished in self.affecting_release(row.number) {
            unfinished.redaction.redact_optional(&mut row.note);
            unfinished.redaction.redact_optional(&mut row.force_reason);
            row.updated_at = row.updated_at.max(unfinished.at);
        }
    }

    pub fn redact_agenda(&self, number: i32, agenda: &mut Agenda) {
        self.affecting_release(number).for_each(|unfinished| _ = unfinished.redaction.redact(agenda));
    }

    pub fn redact_history(&self, number: i32, history: &mut History) {
        for unfinished in self.affecting_release(number) {
            unfinished.redaction.redact_history(history);
            history.clear_digests();
        }
    }

    /// The sentences on what a release changed.
    pub fn redact_change_summary(&self, number: i32, summary: &mut ChangeSummary) {
        self.affecting_release(number).for_each(|unfinished| _ = unfinished.redaction.redact_change_summary(summary));
    }

    pub fn redact_scheduled(&self, release: &mut ScheduledRelease) {
        for unfinished in self.affecting_scheduled(release.id) {
            unfinished.redaction.redact_optional(&mut release.note);
            unfinished.redaction.redact_optional(&mut release.force_reason);
        }
    }

    /// The agenda of a scheduled release.
    pub fn redact_scheduled_agenda(&self, id: ScheduledReleaseId, agenda: &mut Agenda) {
        self.affecting_scheduled(id).for_each(|unfinished| _ = unfinished.redaction.redact(agenda));
    }
}
