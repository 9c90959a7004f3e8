//! Applies a blueprint: the changes of all features, in one transaction. Also creates, copies and deletes conferences.

use serde_json::Value;

use super::{
    Blueprint, BlueprintError,
    copy::{self, ConferenceCopy},
    document,
};
use crate::{
    access::{AccessError, Actor, Credentials, Operation, authorise},
    agenda::{
        self, Agenda, AgendaError, Change, ConferenceRef,
        actions::{find_authorised, lookup},
        import::{ImportFile, ImportOptions, actions::ImportResult, draft::compose},
    },
    database::{Connection, DatabaseError},
    http::idempotency,
    mail::SenderDomains,
    programme,
    registration::{self, RegistrationError},
    site_setup::{self, SiteSetup},
    validation::{ValidationError, ValidationErrors},
    values::Code,
};

/// The owner of the idempotency keys of operations on the whole server.
pub const SERVER_SCOPE: &str = "server";

/// Makes the draft, the registration set-up and the site set-up equal to the blueprint, and creates the conference if
/// it is new. With `dry_run` nothing is written. Returns the changes.
///
/// # Errors
/// Those of the parts. Then nothing was written.
pub fn apply(
    connection: &mut Connection,
    slug: &Code,
    blueprint: &Blueprint,
    actor: &Actor,
    sender_domains: &SenderDomains,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let planned = agenda::actions::plan(connection, slug, blueprint.agenda.clone())?;
    let mut conference = lookup(connection, slug)?;
    if !dry_run {
        conference = Some(agenda::actions::write(connection, &planned, actor, Operation::ApplyBlueprint)?);
    }
    let released = match &conference {
        Some(conference) => programme::latest_agenda(connection, conference)?,
        None => None,
    };
    let zone = blueprint.agenda.conference.time_zone;
    let registration_changes = registration::actions::apply_setup(
        connection,
        conference.as_ref(),
        zone,
        blueprint.registration.clone(),
        released.as_ref(),
        Some(sender_domains),
        dry_run,
    )?;
    let site_changes = match &blueprint.site {
        Some(site) => site_setup::actions::apply(connection, conference.as_ref(), site, dry_run)?,
        None => {
            if let Some(conference) = &conference {
                let site = site_document(connection, conference)?;
                in_use(document::setup_errors(None, site, &blueprint.agenda.conference))?;
            }
            Vec::new()
        }
    };
    let other_changes: Vec<_> = registration_changes.into_iter().chain(site_changes).collect();
    if let Some(conference) = conference.as_ref().filter(|_| !dry_run) {
        agenda::actions::record(connection, actor, Operation::ApplyBlueprint, conference, &other_changes)?;
    }
    Ok(planned.changes.into_iter().chain(other_changes).collect())
}

/// Refuses an agenda whose conference lacks a language that a set-up has texts in. The set-ups themselves do not change
/// with the agenda.
///
/// # Errors
/// [`AgendaError::InUse`] with the places of these texts in a blueprint.
pub fn ensure_languages_remain(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
) -> Result<(), RegistrationError> {
    let zone = agenda.conference.time_zone;
    let registration = registration::actions::load_setup(connection, conference, zone)?;
    let registration =
        serde_json::to_value(&registration).map_err(|error| DatabaseError::Corrupt(error.to_string()))?;
    let site = site_document(connection, conference)?;
    in_use(document::setup_errors(Some(registration), site, &agenda.conference))
}

fn site_document(connection: &mut Connection, conference: &ConferenceRef) -> Result<Option<Value>, DatabaseError> {
    let site = site_setup::actions::load(connection, conference)?;
    serde_json::to_value(site).map(Some).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

/// Refuses a change that leaves texts in languages that the conference does not have any more.
fn in_use(mut errors: ValidationErrors) -> Result<(), RegistrationError> {
    errors.0.retain(|error| error.code == "unknown_language");
    if errors.0.is_empty() { Ok(()) } else { Err(AgendaError::InUse(errors).into()) }
}

/// Imports a file of another system into the draft of `slug`. A new conference also gets the default registration
/// set-up. With `dry_run` nothing is written.
///
/// # Errors
/// Validation errors, each with its line in the file. Then nothing was written.
pub fn import(
    connection: &mut Connection,
    slug: &Code,
    file: &ImportFile,
    options: &ImportOptions,
    actor: &Actor,
    sender_domains: &SenderDomains,
    dry_run: bool,
) -> Result<ImportResult, RegistrationError> {
    if let Some(conference) = lookup(connection, slug)? {
        return Ok(agenda::import::actions::import(connection, &conference, file, options, actor, dry_run)?);
    }
    let composed = compose(file, None, slug, options).map_err(AgendaError::from)?;
    let blueprint = document::read(composed.document.clone())
        .map_err(|errors| AgendaError::from(composed.locate_in_file(errors)))?;
    let changes = apply(connection, slug, &blueprint, actor, sender_domains, dry_run)?;
    Ok(ImportResult::new(changes, composed, &blueprint.agenda))
}

/// The blueprint of the current draft, registration set-up and site set-up.
pub fn load(connection: &mut Connection, conference: &ConferenceRef) -> Result<Blueprint, RegistrationError> {
    let agenda = agenda::actions::load(connection, conference)?;
    let zone = agenda.conference.time_zone;
    let registration = registration::actions::load_setup(connection, conference, zone)?;
    let site = Some(site_setup::actions::load(connection, conference)?).filter(|site| *site != SiteSetup::default());
    Ok(Blueprint { agenda, registration, site })
}

/// To create a conference, the caller needs a token for the whole server.
///
/// # Errors
/// [`AccessError`].
pub fn authorise_apply(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
) -> Result<Actor, RegistrationError> {
    let conference = lookup(connection, slug)?;
    authorise(connection, credentials, Operation::ApplyBlueprint, conference.map(|conference| conference.id))
        .map_err(|error: AccessError| error.into())
}

/// The conference, if the caller may read its blueprint.
///
/// # Errors
/// [`AgendaError`].
pub fn find_readable(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
) -> Result<ConferenceRef, AgendaError> {
    find_authorised(connection, credentials, Operation::ReadBlueprint, slug).map(|(conference, _)| conference)
}

/// Creates a conference from its own fields, with the default registration set-up.
///
/// # Errors
/// A conference with this slug exists; the document is not valid.
pub fn create(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
    blueprint: &Blueprint,
    sender_domains: &SenderDomains,
) -> Result<Agenda, RegistrationError> {
    let slug = &blueprint.agenda.conference.slug;
    let actor = authorise(connection, credentials, operation, None)?;
    if lookup(connection, slug)?.is_some() {
        return Err(AgendaError::AlreadyExists { noun: "conference", code: slug.to_string() }.into());
    }
    apply(connection, slug, blueprint, &actor, sender_domains, false)?;
    let conference = agenda::actions::find(connection, slug)?;
    Ok(agenda::actions::load(connection, &conference)?)
}

/// Creates a copy of a conference.
///
/// # Errors
/// Those of [`create`]; there is no such conference.
pub fn copy(
    connection: &mut Connection,
    credentials: &Credentials,
    slug: &Code,
    request: &ConferenceCopy,
    sender_domains: &SenderDomains,
) -> Result<Agenda, RegistrationError> {
    authorise(connection, credentials, Operation::CopyConference, None)?;
    let conference = agenda::actions::find(connection, slug)?;
    let original = load(connection, &conference)?;
    let starts_on = original.agenda.conference.starts_on;
    let document = serde_json::to_value(&original).map_err(|error| DatabaseError::Corrupt(error.to_string()))?;
    let blueprint = document::read(copy::document(document, starts_on, request)).map_err(error_of_start_date)?;
    create(connection, credentials, Operation::CopyConference, &blueprint, sender_domains)
}

/// A validation error in a copy is caused by its new date, for instance a time that the clocks skip or repeat that
/// night.
fn error_of_start_date(errors: ValidationErrors) -> ValidationErrors {
    let at_start_date = |error: ValidationError| ValidationError {
        pointer: "#/starts_on".to_owned(),
        detail: format!("{} of the copy {}", error.pointer, error.detail),
        ..error
    };
    ValidationErrors(errors.0.into_iter().map(at_start_date).collect())
}

/// Deletes a conference with its agenda, its releases and its mail.
///
/// # Errors
/// [`BlueprintError::ConferenceInUse`] if anybody ever registered.
pub fn delete(connection: &mut Connection, credentials: &Credentials, slug: &Code) -> Result<(), BlueprintError> {
    let (conference, actor) = find_authorised(connection, credentials, Operation::DeleteConference, slug)?;
    agenda::actions::lock(connection, &conference)?;
    if registration::actions::has_registrations(connection, &conference)? {
        return Err(BlueprintError::ConferenceInUse);
    }
    // If somebody creates it again, they must not get the stored answer of the first time.
    idempotency::delete_answers_of(connection, SERVER_SCOPE)?;
    idempotency::delete_answers_of(connection, &conference.id.to_string())?;
    crate::mail::tracking::delete_messages_of(connection, conference.id)?;
    Ok(agenda::actions::delete(connection, &conference, &actor, Operation::DeleteConference)?)
}
