//! Redactions of which not everything is rewritten yet: whatever is read of the store leaves out whom they are of.

use chrono::{DateTime, Utc};

use super::{model::Redaction, store};
use crate::{
    agenda::Agenda,
    database::{Connection, DatabaseError},
    ids::{ConferenceId, ScheduledReleaseId, SpeakerId},
    programme::{
        history::History,
        release::{ReleaseRow, schedule::ScheduledRelease, store::Words},
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
    /// Those of a conference. They are to be read before what they are applied to: what is rewritten in between has
    /// nothing more to leave out.
    ///
    /// # Errors
    /// The store fails.
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

    /// Whether a speaker is taken out.
    pub fn is_of(&self, speaker: SpeakerId) -> bool {
        self.0.iter().any(|unfinished| unfinished.redaction.people.iter().any(|person| person.id == speaker))
    }

    fn of_release(&self, number: i32) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |one| one.rewritten_to < number && number <= one.releases_to)
    }

    fn of_scheduled(&self, id: ScheduledReleaseId) -> impl Iterator<Item = &Unfinished> {
        self.0.iter().filter(move |one| one.scheduled_to.is_none_or(|last| last < id))
    }

    /// What a release says of itself, and when it last changed.
    pub fn leave_out_of_row(&self, row: &mut ReleaseRow) {
        for one in self.of_release(row.number) {
            one.redaction.redact_some(&mut row.note);
            one.redaction.redact_some(&mut row.force_reason);
            row.updated_at = row.updated_at.max(one.at);
        }
    }

    /// An agenda of a release.
    pub fn leave_out_of_agenda(&self, number: i32, agenda: &mut Agenda) {
        self.of_release(number).for_each(|one| _ = one.redaction.redact(agenda));
    }

    /// What became of sessions up to a release.
    pub fn leave_out_of_history(&self, number: i32, history: &mut History) {
        for one in self.of_release(number) {
            one.redaction.redact_history(history);
            history.forget_digests();
        }
    }

    /// What a release changed, in words.
    pub fn leave_out_of_words(&self, number: i32, words: &mut Words) {
        self.of_release(number).for_each(|one| _ = one.redaction.redact_words(words));
    }

    /// What a scheduled release says of itself.
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
