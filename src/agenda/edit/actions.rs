//! Reading the draft and changing one thing of it.

use serde_json::Value;

use super::{
    document::{self, Address, Edit},
    resource::{Resource, find},
};
use crate::{
    access::{Actor, Credentials, Operation},
    agenda::{
        AgendaError, ConferenceRef,
        actions::{find_authorised, load, lock, plan_against, write},
        document::Agenda,
        model,
    },
    database::Connection,
    http::{Preconditions, entity_tag},
    validation::{ValidationError, ValidationErrors},
    values::Code,
};

/// A draft that is being changed, under its conference's lock.
#[derive(Debug)]
pub struct LockedDraft {
    pub conference: ConferenceRef,
    pub actor: Actor,
    pub draft: Agenda,
}

/// An operation on a draft: who asks, for which operation, of which conference.
#[derive(Debug, Clone)]
pub struct Editor {
    pub credentials: Credentials,
    /// Operation name for the access policy and the audit trail.
    pub operation: Operation,
    pub slug: Code,
}

impl Editor {
    /// Checks access, locks the conference until the transaction ends, and reads its draft.
    ///
    /// # Errors
    /// Access is denied, or there is no such conference.
    pub fn open(&self, connection: &mut Connection) -> Result<LockedDraft, AgendaError> {
        let (conference, actor) = find_authorised(connection, &self.credentials, self.operation, &self.slug)?;
        lock(connection, &conference)?;
        let draft = load(connection, &conference)?;
        Ok(LockedDraft { conference, actor, draft })
    }

    /// Checks access and reads the draft without a lock.
    ///
    /// # Errors
    /// Access is denied, or there is no such conference.
    pub fn read(&self, connection: &mut Connection) -> Result<Agenda, AgendaError> {
        let (conference, _) = find_authorised(connection, &self.credentials, self.operation, &self.slug)?;
        Ok(load(connection, &conference)?)
    }
}

/// Changes the draft as a document, writes it and returns it. `change` returns the JSON pointer to the changed thing,
/// so that errors are reported with pointers into what the client sent.
///
/// # Errors
/// Those of `change`; [`AgendaError::Invalid`] for errors of the changed thing, [`AgendaError::InUse`] for errors that
/// the change causes elsewhere.
pub fn edit(
    connection: &mut Connection,
    editor: &Editor,
    LockedDraft { actor, draft, .. }: LockedDraft,
    change: impl FnOnce(&mut Value, &Agenda) -> Result<Option<String>, AgendaError>,
) -> Result<Agenda, AgendaError> {
    let mut document = serde_json::to_value(&draft).map_err(corrupt)?;
    let pointer = change(&mut document, &draft)?;
    let after = model::read(document).map_err(|errors| classify_errors(errors, pointer.as_deref(), &draft))?;
    let planned = plan_against(connection, Some(draft), after).map_err(|error| match error {
        // Only ids are checked here, and they are those of the changed thing.
        AgendaError::Invalid(errors) => {
            AgendaError::Invalid(relative_to(errors, pointer.as_deref().unwrap_or_default()))
        }
        other => other,
    })?;
    write(connection, &planned, &actor, editor.operation)?;
    Ok(planned.after)
}

fn corrupt(error: serde_json::Error) -> AgendaError {
    AgendaError::Database(crate::database::DatabaseError::Corrupt(error.to_string()))
}

/// The error for errors of the changed document: those of the changed thing, with pointers into it; if there are none,
/// those of things that depend on it.
fn classify_errors(errors: ValidationErrors, pointer: Option<&str>, draft: &Agenda) -> AgendaError {
    let Some(pointer) = pointer else {
        let dependents = errors.0.into_iter().map(|error| {
            let detail = format!("{} refers to it", describe_location(draft, &error.pointer));
            ValidationError { code: "in_use".to_owned(), detail, ..error }
        });
        return AgendaError::InUse(ValidationErrors(dependents.collect()));
    };
    let prefix = format!("#{pointer}");
    let relative_pointer = |pointer: &str| {
        let remainder = pointer.strip_prefix(&prefix)?;
        (remainder.is_empty() || remainder.starts_with('/')).then(|| format!("#{remainder}"))
    };
    let error_of_thing = |error: &ValidationError| {
        // For a duplicate code the error is at the later thing, which may not be the changed one.
        let first_pointer = error.detail.rsplit_once(" at ").filter(|_| error.code == "duplicate");
        match (
            relative_pointer(&error.pointer),
            first_pointer.and_then(|(_, first_pointer)| relative_pointer(first_pointer)),
        ) {
            (Some(pointer), _) => Some(ValidationError { pointer, ..error.clone() }),
            (None, Some(pointer)) => {
                Some(ValidationError { pointer, detail: format!("is in use at {}", error.pointer), ..error.clone() })
            }
            (None, None) => None,
        }
    };
    let errors_of_thing: Vec<_> = errors.0.iter().filter_map(error_of_thing).collect();
    if errors_of_thing.is_empty() {
        AgendaError::InUse(errors)
    } else {
        AgendaError::Invalid(ValidationErrors(errors_of_thing))
    }
}

/// Turns pointers into the document into pointers into the thing at `pointer`.
fn relative_to(mut errors: ValidationErrors, pointer: &str) -> ValidationErrors {
    for error in &mut errors.0 {
        if let Some(rest) = error.pointer.strip_prefix(&format!("#{pointer}")) {
            error.pointer = format!("#{rest}");
        }
    }
    errors
}

/// Describes a place of the agenda for people: `session opening, item welcome`.
fn describe_location(draft: &Agenda, pointer: &str) -> String {
    let mut parts = pointer.trim_start_matches("#/").split('/');
    let list = parts.next().unwrap_or_default();
    let mut index = || parts.next().and_then(|part| part.parse::<usize>().ok());
    match list {
        "sessions" => {
            let session = index().and_then(|index| draft.sessions.get(index));
            let item = pointer.split("/items/").nth(1).and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
            let item = session.zip(item).and_then(|(session, item)| session.items.get(item));
            let session = session.map_or_else(String::new, |session| format!("session {}", session.code));
            item.map_or_else(|| session.clone(), |item| format!("{session}, item {}", item.code))
        }
        "speakers" => {
            let speaker = index().and_then(|index| draft.speakers.get(index));
            speaker.map_or_else(|| "a speaker".to_owned(), |speaker| format!("speaker {}", speaker.code))
        }
        "call_for_action" => "the call for action".to_owned(),
        other => format!("the {other}"),
    }
}

/// Entity tag of a thing, equal to the one in the answer that reads it.
///
/// # Errors
/// The thing cannot be written as JSON.
pub fn tag(thing: &impl Resource) -> Result<String, AgendaError> {
    serde_json::to_vec(thing).map(|bytes| entity_tag(&bytes)).map_err(corrupt)
}

/// Result of a write of one thing.
#[derive(Debug)]
pub struct EditOutcome<T> {
    /// The thing as written; `None` after a deletion.
    pub thing: Option<T>,
    pub is_new: bool,
    /// The draft after the write.
    pub agenda: Agenda,
}

/// Creates, replaces, patches or deletes one thing of an opened draft.
///
/// # Errors
/// [`AgendaError::Stale`] if the thing does not meet the preconditions, and those of [`edit`].
pub fn edit_thing<T: Resource>(
    connection: &mut Connection,
    editor: &Editor,
    locked_draft: LockedDraft,
    address: &Address,
    preconditions: &Preconditions,
    change: Edit,
) -> Result<EditOutcome<T>, AgendaError> {
    edit_prepared(connection, editor, locked_draft, address, preconditions, change, |_, _| Ok(()))
}

/// Like [`edit_thing`]; `prepare` completes the changed document, given the draft as it was.
///
/// # Errors
/// Those of [`edit_thing`] and of `prepare`.
pub fn edit_prepared<T: Resource>(
    connection: &mut Connection,
    editor: &Editor,
    locked_draft: LockedDraft,
    address: &Address,
    preconditions: &Preconditions,
    change: Edit,
    prepare: impl FnOnce(&mut Value, &Agenda) -> Result<(), AgendaError>,
) -> Result<EditOutcome<T>, AgendaError> {
    let present = find::<T>(&locked_draft.draft, address.session.as_ref(), &address.code).cloned();
    let is_creation = matches!(change, Edit::Create(_));
    if !is_creation {
        ensure_preconditions(preconditions, present.as_ref())?;
    }
    let first_language = locked_draft.draft.conference.languages.first().map(ToString::to_string).unwrap_or_default();
    let mut code = None;
    let agenda = edit(connection, editor, locked_draft, |document, draft| {
        let pointer = document::apply(document, address, change, &first_language)?;
        prepare(document, draft)?;
        let key = |pointer: &String| document.pointer(pointer)?.get(T::KEY)?.as_str().map(str::to_owned);
        code = pointer.as_ref().map(|pointer| key(pointer).unwrap_or_else(|| address.code.clone()));
        Ok(pointer)
    })?;
    let thing = code.and_then(|code| find::<T>(&agenda, address.session.as_ref(), &code).cloned());
    Ok(EditOutcome { is_new: is_creation || present.is_none(), thing, agenda })
}

/// Refuses a write whose preconditions the present thing does not meet.
///
/// # Errors
/// [`AgendaError::Stale`], with the present thing.
pub fn ensure_preconditions<T: Resource>(
    preconditions: &Preconditions,
    present: Option<&T>,
) -> Result<(), AgendaError> {
    let tag = present.map(tag).transpose()?;
    if preconditions.are_met(tag.as_deref()) {
        return Ok(());
    }
    Err(AgendaError::Stale { tag, current: present.and_then(|thing| serde_json::to_value(thing).ok()) })
}
