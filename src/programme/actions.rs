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
    ids::ConferenceId,
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
    store::insert(connection, place.id, &release, actor.name(), &draft)?;
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

/// A release and what it changed against the one before it.
///
/// # Errors
/// [`ProgrammeError::NotFound`], or the store fails.
pub fn release_changes(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<PublishedRelease, ProgrammeError> {
    let (release, after) = store::load(connection, conference, number)?.ok_or(ProgrammeError::NotFound("release"))?;
    let before = store::load(connection, conference, number - 1)?.map(|(_, agenda)| nodes(&agenda)).unwrap_or_default();
    Ok(PublishedRelease { release, changes: changes(&before, &nodes(&after)) })
}
