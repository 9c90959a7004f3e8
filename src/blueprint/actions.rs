//! Applying a blueprint: the features' own plans, composed in one transaction.

use super::Blueprint;
use crate::{
    access::{AccessError, Credentials, authorise},
    agenda::{
        self, AgendaError, Change, Place,
        actions::{find_authorised, lookup},
    },
    database::Connection,
    programme,
    registration::{self, RegistrationError},
    values::Code,
};

/// Makes the draft and the registration what the blueprint says; the conference is created if it is new. With
/// `dry_run` nothing is written. Answers what changed, or would.
///
/// # Errors
/// Those of the parts; then nothing was written.
pub fn apply(
    connection: &mut Connection,
    slug: &Code,
    blueprint: &Blueprint,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let planned = agenda::actions::plan(connection, slug, blueprint.agenda.clone())?;
    let mut place = lookup(connection, slug)?;
    if !dry_run {
        place = Some(agenda::actions::write(connection, &planned)?);
    }
    let released = match &place {
        Some(place) => programme::latest_agenda(connection, place)?,
        None => None,
    };
    let zone = blueprint.agenda.conference.time_zone;
    let of_registration = registration::actions::apply_setup(
        connection,
        place.as_ref(),
        zone,
        blueprint.registration.clone(),
        released.as_ref(),
        dry_run,
    )?;
    Ok(planned.changes.into_iter().chain(of_registration).collect())
}

/// The whole conference as it stands.
///
/// # Errors
/// The store fails.
pub fn load(connection: &mut Connection, place: &Place) -> Result<Blueprint, RegistrationError> {
    let agenda = agenda::actions::load(connection, place)?;
    let zone = agenda.conference.time_zone;
    let registration = registration::actions::load_setup(connection, place, zone)?.unwrap_or_default();
    Ok(Blueprint { agenda, registration })
}

/// Whoever creates a conference needs a token for the whole server.
///
/// # Errors
/// [`AccessError`].
pub fn authorise_apply(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
) -> Result<(), RegistrationError> {
    let place = lookup(connection, slug)?;
    authorise(connection, credentials, "apply_blueprint", place.map(|place| place.id))
        .map(|_| ())
        .map_err(|error: AccessError| error.into())
}

/// The conference, for whoever may read its blueprint.
///
/// # Errors
/// [`AgendaError`].
pub fn find_readable(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
) -> Result<Place, AgendaError> {
    find_authorised(connection, credentials, "read_blueprint", slug).map(|(place, _)| place)
}
