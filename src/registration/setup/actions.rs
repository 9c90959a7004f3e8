//! Reading and changing the set-up of a conference's registration by itself.

use serde_json::Value;

use super::{Setup, Surroundings, read};
use crate::{
    access::Actor,
    agenda::{self, AgendaError, Change, Place},
    database::Connection,
    faults::Faults,
    http::{Preconditions, entity_tag},
    registration::{
        RegistrationError,
        actions::{Errand, apply_setup, load_setup},
    },
};

/// The set-up as it stands.
///
/// # Errors
/// [`RegistrationError::NoConference`] where there is none.
pub fn load(connection: &mut Connection, errand: Errand<'_>) -> Result<Setup, RegistrationError> {
    let zone = errand.released.agenda.conference.time_zone;
    load_setup(connection, errand.place, zone)?.ok_or(RegistrationError::NoConference)
}

/// Makes the set-up what the document says, or plans it. It takes effect at once: new seats go to those who wait.
///
/// # Errors
/// Every fault of the document; a set-up that is not the one that the writer expects; those of [`apply_setup`].
pub fn put(
    connection: &mut Connection,
    errand: Errand<'_>,
    actor: &Actor,
    (document, preconditions): (&Value, &Preconditions),
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let conference = &errand.released.agenda.conference;
    let surroundings = Surroundings { time_zone: Some(conference.time_zone), languages: conference.languages.clone() };
    let setup = read(Some(document.clone()), &surroundings).map_err(at_root)?;
    agenda::actions::lock(connection, errand.place)?;
    let present = serde_json::to_value(load(connection, errand)?).unwrap_or_default();
    let tag = entity_tag(present.to_string().as_bytes());
    if !preconditions.hold(Some(&tag)) {
        return Err(AgendaError::Stale { tag: Some(tag), current: Some(present) }.into());
    }
    let agenda = Some(errand.released.agenda);
    let changes = apply_setup(connection, Some(errand.place), conference.time_zone, setup, agenda, dry_run)?;
    if !dry_run {
        record(connection, actor, errand.place, &changes)?;
    }
    Ok(changes)
}

fn record(
    connection: &mut Connection,
    actor: &Actor,
    place: &Place,
    changes: &[Change],
) -> Result<(), RegistrationError> {
    Ok(agenda::actions::record(connection, actor, "put_registration_setup", place, changes)?)
}

/// A blueprint has the set-up under `registration`; here it is the whole document.
fn at_root(mut faults: Faults) -> Faults {
    for fault in &mut faults.0 {
        fault.pointer = fault.pointer.replacen("#/registration", "#", 1);
    }
    faults
}
