//! Replay of the check-in record: computes each outcome again, in the order of the numbers, and compares it with the
//! stored one.

use super::{
    scan_rules::{Entry, Outcome, Record},
    store,
};
use crate::{
    database::{Connection, DatabaseError},
    ids::{ConferenceId, RegistrationId},
};

/// Registrations whose entries are in memory at the same time.
const BATCH: i64 = 500;

/// An entry that differs from what the entries before it require.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    pub registration: RegistrationId,
    /// What is wrong with the entry, in English.
    pub detail: String,
}

/// Computes the outcomes of a conference's record again and answers the entries that differ.
pub fn replay(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Contradiction>, DatabaseError> {
    let mut contradictions = Vec::new();
    let mut after = None;
    loop {
        let ids = store::recorded_registrations_after(connection, conference, after, BATCH)?;
        let Some(last) = ids.last().copied() else { return Ok(contradictions) };
        contradictions.extend(find_contradictions(&store::entries_of_registrations(connection, &ids)?));
        after = Some(last);
    }
}

/// The wrong entries among those of some registrations, which are in the order of their numbers.
fn find_contradictions(entries: &[Entry]) -> Vec<Contradiction> {
    let record = Record::of(entries.iter().cloned());
    let detail = |entry: &Entry| match entry.outcome {
        Outcome::Refused => None,
        Outcome::Undone => {
            let undone = entries.iter().find(|other| Some(other.id) == entry.undoes);
            let is_sound = undone.is_some_and(|undone| {
                undone.is_admission() && undone.sequence < entry.sequence && undone.registration == entry.registration
            });
            (!is_sound).then(|| format!("entry {} undoes no earlier admission", entry.sequence))
        }
        Outcome::Admitted | Outcome::AdmittedAgain => {
            let expected = record.outcome_when_recorded(entry);
            let differs = || format!("entry {} is {}, but should be {expected}", entry.sequence, entry.outcome);
            (expected != entry.outcome).then(differs)
        }
    };
    let contradiction =
        |entry: &Entry| Some(Contradiction { registration: entry.registration?, detail: detail(entry)? });
    entries.iter().filter_map(contradiction).collect()
}
