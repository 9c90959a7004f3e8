//! Publishing the draft, and reading what was published.

use super::{
    ProgrammeError,
    store::{self, ReleaseRow},
};
use crate::{
    access::Actor,
    agenda::{
        self, Agenda, AgendaError, Change, Place,
        plan::{changes, nodes},
    },
    clock,
    database::{Connection, DatabaseError},
};

/// A release as it was published.
#[derive(Debug)]
pub struct PublishedRelease {
    /// What it is.
    pub release: ReleaseRow,
    /// What changed against the one before.
    pub changes: Vec<Change>,
}

/// Publishes the draft as the next release.
///
/// # Errors
/// [`AgendaError::Conflicts`] where the draft contradicts itself.
pub fn publish(
    connection: &mut Connection,
    place: &Place,
    note: Option<String>,
    actor: &Actor,
) -> Result<PublishedRelease, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let draft = agenda::actions::load(connection, place)?;
    let conflicts = draft.conflicts();
    if !conflicts.0.is_empty() {
        return Err(AgendaError::Conflicts(conflicts).into());
    }
    let last = store::latest_number(connection, place.id)?;
    let before = store::load(connection, place.id, last)?.map(|(_, agenda)| nodes(&agenda)).unwrap_or_default();
    let changes = changes(&before, &nodes(&draft));
    let release = ReleaseRow { number: last + 1, released_at: clock::now(), note };
    store::insert(connection, place.id, &release, actor.name(), &draft, &changes)?;
    Ok(PublishedRelease { release, changes })
}

/// The agenda of the latest release, if there is one.
///
/// # Errors
/// The store fails.
pub fn latest_agenda(connection: &mut Connection, place: &Place) -> Result<Option<Agenda>, DatabaseError> {
    let number = store::latest_number(connection, place.id)?;
    Ok(store::load(connection, place.id, number)?.map(|(_, agenda)| agenda))
}
