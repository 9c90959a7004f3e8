//! Reading and replacing the registration set-up of a conference.

use serde_json::Value;

use super::{Setup, SetupContext, read};
use crate::{
    access::{Actor, Operation},
    agenda::{self, AgendaError, Change, ConferenceRef},
    database::{Connection, DatabaseError},
    http::{Preconditions, entity_tag},
    registration::{
        RegistrationError,
        actions::{apply_setup, load_setup},
        context::RequestContext,
    },
    validation::ValidationErrors,
};

/// Reads the set-up.
///
/// # Errors
/// Those of [`load_setup`].
pub fn load(connection: &mut Connection, context: RequestContext<'_>) -> Result<Setup, RegistrationError> {
    let zone = context.released.agenda.conference.time_zone;
    load_setup(connection, context.conference, zone)
}

/// Replaces the set-up by the document, or only plans the changes (`dry_run`). The new set-up applies at once: new
/// seats go to the waiting list.
///
/// # Errors
/// The validation errors of the document; [`AgendaError::Stale`] if the set-up is not the one that the sender read;
/// those of [`apply_setup`].
pub fn put(
    connection: &mut Connection,
    context: RequestContext<'_>,
    actor: &Actor,
    document: &Value,
    preconditions: &Preconditions,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let conference = &context.released.agenda.conference;
    let setup_context = SetupContext { time_zone: Some(conference.time_zone), languages: conference.languages.clone() };
    let setup = read(Some(document.clone()), &setup_context).map_err(under_root)?;
    agenda::actions::lock(connection, context.conference)?;
    let present = serde_json::to_value(load(connection, context)?)
        .map_err(|error| DatabaseError::unreadable("the registration set-up", &error))?;
    let tag = entity_tag(present.to_string().as_bytes());
    if !preconditions.are_met(Some(&tag)) {
        return Err(AgendaError::Stale { tag: Some(tag), current: Some(present) }.into());
    }
    let agenda = Some(context.released.agenda);
    let changes = apply_setup(connection, Some(context.conference), conference.time_zone, setup, agenda, dry_run)?;
    if !dry_run {
        record(connection, actor, context.conference, &changes)?;
    }
    Ok(changes)
}

fn record(
    connection: &mut Connection,
    actor: &Actor,
    conference: &ConferenceRef,
    changes: &[Change],
) -> Result<(), RegistrationError> {
    Ok(agenda::actions::record(connection, actor, Operation::PutRegistrationSetup, conference, changes)?)
}

/// In a blueprint the set-up is under `registration`; here it is the whole document.
fn under_root(mut errors: ValidationErrors) -> ValidationErrors {
    for error in &mut errors.0 {
        error.pointer = error.pointer.replacen("#/registration", "#", 1);
    }
    errors
}
