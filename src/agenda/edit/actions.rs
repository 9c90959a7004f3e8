//! Reading and changing the draft piece by piece.

use serde_json::Value;

use super::{
    document::{self, Address, Edit},
    resource::{Resource, find},
};
use crate::{
    access::{Actor, Credentials},
    agenda::{
        AgendaError, Place,
        actions::{find_authorised, load, lock, plan_against, write},
        document::Agenda,
        model,
    },
    database::Connection,
    faults::{Fault, Faults},
    http::{Preconditions, entity_tag},
    values::Code,
};

/// A draft that is being changed, under its conference's lock.
#[derive(Debug)]
pub struct Opened {
    /// The conference.
    pub place: Place,
    /// Who changes it.
    pub actor: Actor,
    /// The draft as it is.
    pub draft: Agenda,
}

/// Whoever changes the draft: who they are, by which operation, and of which conference.
#[derive(Debug, Clone)]
pub struct Editor {
    /// Their credentials.
    pub credentials: Credentials,
    /// The operation.
    pub operation: &'static str,
    /// The conference.
    pub slug: Code,
}

impl Editor {
    /// The conference, locked until the transaction ends, its draft, and who asks.
    ///
    /// # Errors
    /// They may not, or there is no such conference.
    pub fn open(&self, connection: &mut Connection) -> Result<Opened, AgendaError> {
        let (place, actor) = find_authorised(connection, &self.credentials, self.operation, &self.slug)?;
        lock(connection, &place)?;
        let draft = load(connection, &place)?;
        Ok(Opened { place, actor, draft })
    }

    /// The draft, to read.
    ///
    /// # Errors
    /// They may not, or there is no such conference.
    pub fn read(&self, connection: &mut Connection) -> Result<Agenda, AgendaError> {
        let (place, _) = find_authorised(connection, &self.credentials, self.operation, &self.slug)?;
        Ok(load(connection, &place)?)
    }
}

/// Changes the draft as a document and writes it; answers the draft as it is then. `change` answers where in the
/// document the changed thing is, so that faults are named as places in what the client sent.
///
/// # Errors
/// Those of `change`; [`AgendaError::Invalid`] for faults of the thing, [`AgendaError::InUse`] for faults that the
/// change makes elsewhere.
pub fn edit(
    connection: &mut Connection,
    editor: &Editor,
    Opened { actor, draft, .. }: Opened,
    change: impl FnOnce(&mut Value, &Agenda) -> Result<Option<String>, AgendaError>,
) -> Result<Agenda, AgendaError> {
    let mut document = serde_json::to_value(&draft).map_err(corrupt)?;
    let pointer = change(&mut document, &draft)?;
    let after = model::read(document).map_err(|faults| placed(faults, pointer.as_deref(), &draft))?;
    let planned = plan_against(connection, Some(draft), after).map_err(|error| match error {
        // Ids alone are judged here: those of the changed thing.
        AgendaError::Invalid(faults) => AgendaError::Invalid(within(faults, pointer.as_deref().unwrap_or_default())),
        other => other,
    })?;
    write(connection, &planned, &actor, editor.operation)?;
    Ok(planned.after)
}

fn corrupt(error: serde_json::Error) -> AgendaError {
    AgendaError::Database(crate::database::DatabaseError::Corrupt(error.to_string()))
}

/// Faults of the changed thing, as places in it; where there are none, faults elsewhere: what depends on it.
fn placed(faults: Faults, pointer: Option<&str>, draft: &Agenda) -> AgendaError {
    let Some(pointer) = pointer else {
        let users = faults.0.into_iter().map(|fault| {
            let detail = format!("{} refers to it", place(draft, &fault.pointer));
            Fault { code: "in_use".to_owned(), detail, ..fault }
        });
        return AgendaError::InUse(Faults(users.collect()));
    };
    let prefix = format!("#{pointer}");
    let within = |place: &str| {
        let rest = place.strip_prefix(&prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("#{rest}"))
    };
    let own = |fault: &Fault| {
        // Of two things of one code the later is named: it may be the other.
        let other = fault.detail.rsplit_once(" at ").filter(|_| fault.code == "duplicate");
        match (within(&fault.pointer), other.and_then(|(_, other)| within(other))) {
            (Some(pointer), _) => Some(Fault { pointer, ..fault.clone() }),
            (None, Some(own)) => {
                Some(Fault { pointer: own, detail: format!("is taken: see {}", fault.pointer), ..fault.clone() })
            }
            (None, None) => None,
        }
    };
    let of_thing: Vec<_> = faults.0.iter().filter_map(own).collect();
    if of_thing.is_empty() { AgendaError::InUse(faults) } else { AgendaError::Invalid(Faults(of_thing)) }
}

/// Faults as places in the thing at `pointer`.
fn within(mut faults: Faults, pointer: &str) -> Faults {
    for fault in &mut faults.0 {
        if let Some(rest) = fault.pointer.strip_prefix(&format!("#{pointer}")) {
            fault.pointer = format!("#{rest}");
        }
    }
    faults
}

/// A place in the agenda in words: `session opening, item welcome`.
fn place(draft: &Agenda, pointer: &str) -> String {
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

/// The tag of a thing, as the answer to reading it has it.
///
/// # Errors
/// It cannot be written as JSON.
pub fn tag(thing: &impl Resource) -> Result<String, AgendaError> {
    serde_json::to_vec(thing).map(|bytes| entity_tag(&bytes)).map_err(corrupt)
}

/// A thing as it was written: it is new, or it was there before.
#[derive(Debug)]
pub struct WrittenThing<T> {
    /// The thing; `None` once it is deleted.
    pub thing: Option<T>,
    /// Whether it was created.
    pub is_new: bool,
    /// The draft now.
    pub agenda: Agenda,
}

/// Creates, replaces, patches or deletes one thing of an opened draft.
///
/// # Errors
/// [`AgendaError::Stale`] where the thing is not in the state that the writer expects, and those of [`edit`].
pub fn edit_thing<T: Resource>(
    connection: &mut Connection,
    editor: &Editor,
    opened: Opened,
    address: &Address,
    preconditions: &Preconditions,
    change: Edit,
) -> Result<WrittenThing<T>, AgendaError> {
    let known = find::<T>(&opened.draft, address.session.as_ref(), &address.code).cloned();
    let creates = matches!(change, Edit::Create(_));
    if !creates {
        demand(preconditions, known.as_ref())?;
    }
    let first_language = opened.draft.conference.languages.first().map(ToString::to_string).unwrap_or_default();
    let mut code = None;
    let agenda = edit(connection, editor, opened, |document, _| {
        let pointer = document::apply(document, address, change, &first_language)?;
        let key = |pointer: &String| document.pointer(pointer)?.get(T::KEY)?.as_str().map(str::to_owned);
        code = pointer.as_ref().map(|pointer| key(pointer).unwrap_or_else(|| address.code.clone()));
        Ok(pointer)
    })?;
    let thing = code.and_then(|code| find::<T>(&agenda, address.session.as_ref(), &code).cloned());
    Ok(WrittenThing { is_new: creates || known.is_none(), thing, agenda })
}

/// Refuses a write that expects another state of the thing than the present one.
///
/// # Errors
/// [`AgendaError::Stale`], with the present state.
pub fn demand<T: Resource>(preconditions: &Preconditions, known: Option<&T>) -> Result<(), AgendaError> {
    let tag = known.map(tag).transpose()?;
    if preconditions.hold(tag.as_deref()) {
        return Ok(());
    }
    Err(AgendaError::Stale { tag, current: known.and_then(|thing| serde_json::to_value(thing).ok()) })
}
