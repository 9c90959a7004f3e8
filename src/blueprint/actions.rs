//! Applying a blueprint: the features' own plans, composed in one transaction.

use super::{
    Blueprint,
    copy::{self, Copy},
    document,
};
use crate::{
    access::{AccessError, Actor, Credentials, authorise},
    agenda::{
        self, Agenda, AgendaError, Change, Place,
        actions::{find_authorised, lookup},
        import::{File, Options, actions::Imported, draft::compose},
    },
    database::{Connection, DatabaseError},
    faults::{Fault, Faults},
    http::idempotency,
    mail, programme,
    registration::{self, RegistrationError},
    values::Code,
};

/// Whose the keys are of what is done to the whole server.
pub const SERVER: &str = "server";

/// Makes the draft and the registration what the blueprint says; the conference is created if it is new. With
/// `dry_run` nothing is written. Answers what changed, or would.
///
/// # Errors
/// Those of the parts; then nothing was written.
pub fn apply(
    connection: &mut Connection,
    slug: &Code,
    blueprint: &Blueprint,
    actor: &Actor,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let planned = agenda::actions::plan(connection, slug, blueprint.agenda.clone())?;
    let mut place = lookup(connection, slug)?;
    if !dry_run {
        place = Some(agenda::actions::write(connection, &planned, actor, "apply_blueprint")?);
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
    if let Some(place) = place.as_ref().filter(|_| !dry_run) {
        agenda::actions::record(connection, actor, "apply_blueprint", place, &of_registration)?;
    }
    Ok(planned.changes.into_iter().chain(of_registration).collect())
}

/// Imports a file of another system into the draft of `slug`. A new conference also gets the registration that a
/// blueprint without one makes. With `dry_run` nothing is written.
///
/// # Errors
/// What the file says cannot be said, by line of the file; then nothing was written.
pub fn import(
    connection: &mut Connection,
    slug: &Code,
    file: &File,
    options: &Options,
    actor: &Actor,
    dry_run: bool,
) -> Result<Imported, RegistrationError> {
    if let Some(place) = lookup(connection, slug)? {
        return Ok(agenda::import::actions::import(connection, &place, file, options, actor, dry_run)?);
    }
    let composed = compose(file, None, slug, options).map_err(AgendaError::from)?;
    let blueprint =
        document::read(composed.document.clone()).map_err(|faults| AgendaError::from(composed.of_file(faults)))?;
    let changes = apply(connection, slug, &blueprint, actor, dry_run)?;
    Ok(Imported::new(changes, composed, &blueprint.agenda))
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
) -> Result<Actor, RegistrationError> {
    let place = lookup(connection, slug)?;
    authorise(connection, credentials, "apply_blueprint", place.map(|place| place.id))
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

/// Creates a conference of which nothing but its own fields is known, with the registration of a conference that names
/// none.
///
/// # Errors
/// There is one of that slug already; the document is wrong.
pub fn create(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: &str,
    blueprint: &Blueprint,
) -> Result<Agenda, RegistrationError> {
    let slug = &blueprint.agenda.conference.slug;
    let actor = authorise(connection, credentials, operation, None)?;
    if lookup(connection, slug)?.is_some() {
        return Err(AgendaError::Exists { noun: "conference", code: slug.to_string() }.into());
    }
    apply(connection, slug, blueprint, &actor, false)?;
    let place = agenda::actions::find(connection, slug)?;
    Ok(agenda::actions::load(connection, &place)?)
}

/// Creates a copy of a conference.
///
/// # Errors
/// Those of [`create`]; there is no such conference.
pub fn copy(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
    wish: &Copy,
) -> Result<Agenda, RegistrationError> {
    authorise(connection, credentials, "copy_conference", None)?;
    let place = agenda::actions::find(connection, slug)?;
    let original = load(connection, &place)?;
    let starts_on = original.agenda.conference.starts_on;
    let document = serde_json::to_value(&original).map_err(|error| DatabaseError::Corrupt(error.to_string()))?;
    let blueprint = document::read(copy::document(document, starts_on, wish)).map_err(as_of_date)?;
    create(connection, credentials, "copy_conference", &blueprint)
}

/// What is wrong with a copy is wrong with its date: a time that the clocks skip or repeat that night, say.
fn as_of_date(faults: Faults) -> Faults {
    let of_date = |fault: Fault| Fault {
        pointer: "#/starts_on".to_owned(),
        detail: format!("{} of the copy {}", fault.pointer, fault.detail),
        ..fault
    };
    Faults(faults.0.into_iter().map(of_date).collect())
}

/// Deletes a conference with its agenda, its releases and its mail.
///
/// # Errors
/// [`RegistrationError::ConferenceInUse`] where somebody ever registered.
pub fn delete(connection: &mut Connection, credentials: &Credentials, slug: &Code) -> Result<(), RegistrationError> {
    let (place, actor) = find_authorised(connection, credentials, "delete_conference", slug)?;
    agenda::actions::lock(connection, &place)?;
    if registration::actions::is_registered_for(connection, &place)? {
        return Err(RegistrationError::ConferenceInUse);
    }
    // Who creates it anew gets a new one and not the answer of old.
    idempotency::forget(connection, SERVER)?;
    idempotency::forget(connection, &place.id.to_string())?;
    mail::messages::forget(connection, place.id)?;
    Ok(agenda::actions::delete(connection, &place, &actor, "delete_conference")?)
}
