//! The record, told again: every entry in the order of their numbers, by the rule that wrote it.

use super::{
    model::{Entry, Outcome, Record},
    store,
};
use crate::{
    database::{Connection, DatabaseError},
    ids::{ConferenceId, RegistrationId},
};

/// Registrations whose entries are in memory at once.
const BATCH: i64 = 500;

/// An entry that is not what the rule makes of those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Whom the entry is of.
    pub registration: RegistrationId,
    /// What is wrong.
    pub detail: String,
}

/// Tells the record of a conference again; answers where it contradicts itself.
///
/// # Errors
/// The store fails.
pub fn replay(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Contradiction>, DatabaseError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let of = store::of_record_after(connection, conference, after, BATCH)?;
        let Some(last) = of.last().copied() else { return Ok(found) };
        found.extend(contradictions(&store::entries_of(connection, &of)?));
        after = Some(last);
    }
}

/// What contradicts the rule among the entries of some registrations, in the order of their numbers.
fn contradictions(entries: &[Entry]) -> Vec<Contradiction> {
    let record = Record::of(entries.iter().cloned());
    let wrong = |entry: &Entry| match entry.outcome {
        Outcome::Refused => None,
        Outcome::Undone => {
            let undone = entries.iter().find(|other| Some(other.id) == entry.undoes);
            let is_sound = undone.is_some_and(|undone| {
                undone.is_admission() && undone.sequence < entry.sequence && undone.registration == entry.registration
            });
            (!is_sound).then(|| format!("entry {} undoes nothing that came before it", entry.sequence))
        }
        Outcome::Admitted | Outcome::AdmittedAgain => {
            let due = record.told(entry);
            let differs = || format!("entry {} is {}, told again it is {due}", entry.sequence, entry.outcome);
            (due != entry.outcome).then(differs)
        }
    };
    let of = |entry: &Entry| Some(Contradiction { registration: entry.registration?, detail: wrong(entry)? });
    entries.iter().filter_map(of).collect()
}
