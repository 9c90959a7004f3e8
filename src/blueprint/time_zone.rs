//! What happens to the times of a conference when its time zone changes: they keep their local time, or they stay the
//! instants that they are. Nobody but the organiser knows which of the two is right, so they are asked, except in a
//! blueprint, whose times are local.

use deserr::Deserr;
use serde_json::Value;
use utoipa::IntoParams;

use super::{copy::TIME_MEMBERS, document::Blueprint};
use crate::{
    access::{Actor, Operation},
    agenda::{
        self, Agenda, AgendaError, ConferenceRef,
        document::Session,
        error::TimeZoneReadings,
        model::{instant, utc},
    },
    database::{Connection, DatabaseError},
    programme,
    registration::{
        RegistrationError,
        actions::{apply_setup, load_setup},
        setup::{self, SetupContext},
    },
    validation::{ValidationError, ValidationErrors},
    values::{LocalOrInstant, Switch, TextValue as _, TimeZone, text_enum},
};

text_enum! {
    /// What stays the same about times when the time zone changes.
    KeepTimes {
        /// The local time: 22:00 stays 22:00, at another instant.
        Local = "local",
        /// The instant: 22:00 becomes another local time.
        Instant = "instant",
    }
}

/// Query of a change of the conference's own fields.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct KeepQuery {
    /// What the times of sessions, embargoes and the registration set-up keep when the time zone changes: `local` time
    /// or `instant`. Required if the time zone changes and there is a session.
    #[deserr(default)]
    pub keep: Option<KeepTimes>,
}

/// Query of a document that replaces an agenda or a conference.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct DocumentQuery {
    /// `true`: answer what would change, and change nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// What times with the offset of the former time zone keep when the document changes the time zone: `local` time or
    /// `instant`. Times without an offset are local. Of an agenda, it is required if the time zone changes and there is
    /// a session; a blueprint keeps local times if it is left out.
    #[deserr(default)]
    pub keep: Option<KeepTimes>,
}

/// The time zone in a document; `None` if it cannot be read, which other checks report.
fn zone_of(document: &Value) -> Option<TimeZone> {
    TimeZone::parse(document.pointer("/conference/time_zone")?.as_str()?).ok()
}

/// Writes each time that has the offset of this zone as local time.
fn write_as_local(value: &mut Value, zone: TimeZone) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| write_as_local(element, zone)),
        Value::Object(members) => {
            for (name, member) in members {
                let time = member.as_str().filter(|_| TIME_MEMBERS.contains(&name.as_str()));
                let local = time.and_then(|time| local_time(LocalOrInstant::parse(time).ok()?, zone));
                match local {
                    Some(local) => *member = Value::from(local.text()),
                    None => write_as_local(member, zone),
                }
            }
        }
        _ => {}
    }
}

/// The local time of an instant that is written with the offset of this zone.
fn local_time(time: LocalOrInstant, zone: TimeZone) -> Option<LocalOrInstant> {
    let LocalOrInstant::Instant(instant) = time else { return None };
    let is_of_zone = zone.local(instant.to_utc()).offset() == instant.offset();
    is_of_zone.then(|| LocalOrInstant::Wall(instant.naive_local()))
}

/// Both readings of the session that starts first, in the new zone; `None` if there is no session.
fn readings(draft: &Agenda, zone: TimeZone) -> Option<TimeZoneReadings> {
    let session: &Session = draft.sessions.iter().min_by_key(|session| utc(session.starts_at))?;
    let before = instant(session.starts_at);
    Some(TimeZoneReadings {
        session: session.code.clone(),
        before: before.to_rfc3339(),
        local: zone.resolve(before.naive_local()).ok().map(|local| local.to_rfc3339()),
        instant: zone.local(before.to_utc()).to_rfc3339(),
        time_zone: zone.text().into_owned(),
    })
}

/// Names the session, item or speaker of each validation error, since numbers tell organisers nothing.
fn with_names(errors: ValidationErrors, document: &Value) -> ValidationErrors {
    let name = |pointer: &str| {
        let mut parts = pointer.trim_start_matches("#/").split('/');
        let (list, index) = (parts.next()?, parts.next()?);
        let code = document.pointer(&format!("/{list}/{index}/code"))?.as_str()?;
        Some(format!("{} {code}: {}", list.trim_end_matches('s'), parts.collect::<Vec<_>>().join("/")))
    };
    let named = |error: ValidationError| match name(&error.pointer) {
        Some(name) => ValidationError { detail: format!("{name} {}", error.detail), ..error },
        None => error,
    };
    ValidationErrors(errors.0.into_iter().map(named).collect())
}

/// The errors of a change of the time zone, at the field that changes it.
fn at_time_zone(errors: ValidationErrors, pointer: &str) -> ValidationErrors {
    let at_field = |error: ValidationError| ValidationError { pointer: pointer.to_owned(), ..error };
    ValidationErrors(errors.0.into_iter().map(at_field).collect())
}

/// Prepares the draft as a document whose time zone was changed, by the field at `pointer`. Returns whether its times
/// keep their local time.
///
/// # Errors
/// [`AgendaError::TimeZoneChanges`] if nobody said what the times keep; the local times that the new zone does not
/// have.
pub fn prepare_draft(
    document: &mut Value,
    draft: &Agenda,
    keep: Option<KeepTimes>,
    pointer: &str,
) -> Result<bool, AgendaError> {
    let former = draft.conference.time_zone;
    let Some(zone) = zone_of(document).filter(|zone| *zone != former) else { return Ok(false) };
    match keep {
        Some(KeepTimes::Instant) => return Ok(false),
        Some(KeepTimes::Local) => {}
        None => {
            if let Some(readings) = readings(draft, zone) {
                return Err(AgendaError::TimeZoneChanges(Box::new(readings)));
            }
        }
    }
    write_as_local(document, former);
    if let Err(errors) = agenda::model::read(document.clone()) {
        let is_about_time = |error: &ValidationError| ["impossible_time", "ambiguous_time"].contains(&&*error.code);
        let of_times: Vec<_> = errors.0.into_iter().filter(is_about_time).collect();
        if !of_times.is_empty() {
            return Err(at_time_zone(with_names(ValidationErrors(of_times), document), pointer).into());
        }
    }
    Ok(true)
}

/// Reads a blueprint for the draft as it is. If it changes the time zone, times with the offset of the former zone keep
/// their local time, unless they are to stay instants.
///
/// # Errors
/// Every validation error of the document.
pub fn read_blueprint(
    connection: &mut Connection,
    document: &Value,
    keep: Option<KeepTimes>,
) -> Result<Blueprint, RegistrationError> {
    let mut document = document.clone();
    if keep != Some(KeepTimes::Instant)
        && let Some(zone) = zone_of(&document)
        && let Some(former) = former_zone(connection, &document)?.filter(|former| *former != zone)
    {
        write_as_local(&mut document, former);
    }
    let read = super::document::read(document.clone());
    Ok(read.map_err(|errors| with_names(errors, &document))?)
}

/// The time zone of the draft that a document replaces; `None` for a new conference.
fn former_zone(connection: &mut Connection, document: &Value) -> Result<Option<TimeZone>, RegistrationError> {
    let slug = document.pointer("/conference/slug").and_then(Value::as_str);
    let Some(slug) = slug.and_then(|slug| crate::values::Code::parse(slug).ok()) else { return Ok(None) };
    let Some(conference) = agenda::actions::lookup(connection, &slug)? else { return Ok(None) };
    Ok(Some(agenda::actions::load(connection, &conference)?.conference.time_zone))
}

/// Keeps the local times of the registration set-up when the time zone changes.
///
/// # Errors
/// The local times that the new zone does not have, and those of [`apply_setup`].
pub fn keep_setup_times(
    connection: &mut Connection,
    conference: &ConferenceRef,
    former: TimeZone,
    after: &Agenda,
    (actor, operation): (&Actor, Operation),
    pointer: &str,
) -> Result<(), RegistrationError> {
    let zone = after.conference.time_zone;
    let setup = load_setup(connection, conference, former)?;
    let mut document =
        serde_json::to_value(&setup).map_err(|error| DatabaseError::unreadable("the registration set-up", &error))?;
    write_as_local(&mut document, former);
    // Only times are read anew: a language that is no more is not the subject here.
    let languages = setup.categories.iter().flat_map(|category| category.name.languages());
    let languages = languages.filter_map(|tag| crate::values::LanguageTag::parse(tag).ok());
    let languages = after.conference.languages.iter().cloned().chain(languages).collect();
    let setup_context = SetupContext { time_zone: Some(zone), languages };
    let setup = setup::read(Some(document), &setup_context).map_err(|errors| {
        let named = |error: ValidationError| ValidationError {
            detail: format!("{} {}", error.pointer.trim_start_matches("#/"), error.detail),
            ..error
        };
        at_time_zone(ValidationErrors(errors.0.into_iter().map(named).collect()), pointer)
    })?;
    let released = programme::latest_agenda(connection, conference)?;
    let changes = apply_setup(connection, Some(conference), zone, setup, released.as_ref(), None, false)?;
    Ok(agenda::actions::record(connection, actor, operation, conference, &changes)?)
}
