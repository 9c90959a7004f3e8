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
    pub fn is_of(&self, speaker: SpeakerId) -> bool {
        self.0.iter().any(|unfinished| unfinished.redaction.people.iter().any(|person| person.id == speaker))
    }

    fn of_release(&self, number: i32) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |one| one.rewritten_to < number && number <= one.releases_to)
    }

    fn of_scheduled(&self, id: ScheduledReleaseId) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |one| one.scheduled_to.is_none_or(|last| last < id))
    }

    /// Also sets the time when the release last changed.
    pub fn leave_out_of_row(&self, row: &mut ReleaseRow) {
        for one in self.of_release(row.number) {
            one.redaction.redact_some(&mut row.note);
            one.redaction.redact_some(&mut row.force_reason);
            row.updated_at = row.updated_at.max(one.at);
        }
    }

    pub fn leave_out_of_agenda(&self, number: i32, agenda: &mut Agenda) {
        self.of_release(number).for_each(|one| _ = one.redaction.redact(agenda));
    }

    pub fn leave_out_of_history(&self, number: i32, history: &mut History) {
        for one in self.of_release(number) {
            one.redaction.redact_history(history);
            history.forget_digests();
        }
    }

    /// The sentences on what a release changed.
    pub fn leave_out_of_words(&self, number: i32, words: &mut ChangeSummary) {
        self.of_release(number).for_each(|one| _ = one.redaction.redact_words(words));
    }

    pub fn leave_out_of_scheduled(&self, release: &mut ScheduledRelease) {
        for one in self.of_scheduled(release.id) {
            one.redaction.redact_some(&mut release.note);
            one.redaction.redact_some(&mut release.force_reason);
        }
    }

    /// The agenda of a scheduled release.
    pub fn leave_out_of_frozen(&self, id: ScheduledReleaseId, agenda: &mut Agenda) {
        self.of_scheduled(id).for_each(|one| _ = one.redaction.redact(agenda));
    }
}
