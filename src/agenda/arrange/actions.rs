//! The rearranging edits, as changes of the draft's JSON document.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::{
    agenda::{
        AgendaError,
        document::{Agenda, Session},
        edit::document::position,
        model::instant,
    },
    validation::ValidationErrors,
    values::{Code, Date, LocalOrInstant},
};

/// New day, time or room of a session.
#[derive(Debug, Clone, Default)]
pub struct Move {
    /// New day, at the same time of day.
    pub day: Option<Date>,
    /// New start; the session keeps its duration.
    pub starts_at: Option<LocalOrInstant>,
    pub ends_at: Option<LocalOrInstant>,
    /// New room; `Some(None)` takes the session out of its room.
    pub room: Option<Option<Code>>,
}

fn invalid(pointer: &str, code: &str, detail: impl Into<String>) -> AgendaError {
    let mut faults = ValidationErrors::default();
    faults.add(pointer, code, detail);
    faults.into()
}

/// Sorts the things of a list by the place of their codes in `order`; things that are left out follow in their old
/// order.
///
/// # Errors
/// One fault for each code that is not in the list or is in `order` twice.
pub fn reorder(list: &mut [Value], key: &str, order: &[String], pointer: &str) -> Result<(), AgendaError> {
    let mut faults = ValidationErrors::default();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, code) in order.iter().enumerate() {
        let is_there = list.iter().any(|thing| thing.get(key).and_then(Value::as_str) == Some(code));
        if !is_there {
            faults.add(format!("{pointer}/{index}"), "unknown_reference", format!("{code} is not in this list"));
        }
        if places.insert(code, index).is_some() {
            faults.add(format!("{pointer}/{index}"), "duplicate", format!("{code} is listed twice"));
        }
    }
    faults.or(())?;
    let place = |thing: &Value| thing.get(key).and_then(Value::as_str).and_then(|code| places.get(code)).copied();
    list.sort_by_key(|thing| place(thing).unwrap_or(usize::MAX));
    Ok(())
}

/// The session with this code, and its index.
fn session<'a>(draft: &'a Agenda, code: &Code) -> Result<(usize, &'a Session), AgendaError> {
    let index = draft.sessions.iter().position(|session| session.code == *code);
    index.and_then(|index| Some((index, draft.sessions.get(index)?))).ok_or(AgendaError::NoThing("session"))
}

/// Reorders the items of a session and the appearances of its items. Returns the JSON pointer to the session.
///
/// # Errors
/// There is no such session, or a code in the order is unknown or named twice.
pub fn reorder_items(
    document: &mut Value,
    draft: &Agenda,
    code: &Code,
    order: &[String],
    appearances: &BTreeMap<String, Vec<String>>,
) -> Result<Option<String>, AgendaError> {
    let (index, _) = session(draft, code)?;
    let pointer = format!("/sessions/{index}");
    let items = document.pointer_mut(&format!("{pointer}/items")).and_then(Value::as_array_mut);
    let items = items.ok_or(AgendaError::NoThing("session"))?;
    for (item, speakers) in appearances {
        let found = items.iter_mut().find(|thing| thing.get("code").and_then(Value::as_str) == Some(item));
        let list = found.and_then(|thing| thing.get_mut("appearances")).and_then(Value::as_array_mut);
        let place = format!("#/appearances/{item}");
        let list = list.ok_or_else(|| invalid(&place, "unknown_reference", format!("{item} is no item here")))?;
        reorder(list, "speaker", speakers, &place)?;
    }
    reorder(items, "code", order, "#/order")?;
    Ok(Some(pointer))
}

/// Moves a session. Returns the JSON pointer to it.
///
/// # Errors
/// There is no such session; `to` has both a day and a start; the time does not exist in the conference's time zone.
pub fn move_session(
    document: &mut Value,
    draft: &Agenda,
    code: &Code,
    to: &Move,
) -> Result<Option<String>, AgendaError> {
    let (index, moved) = session(draft, code)?;
    if to.day.is_some() && to.starts_at.is_some() {
        return Err(invalid("#/day", "either_or", "give either a day or a start"));
    }
    let zone = draft.conference.time_zone;
    let length = instant(moved.ends_at) - instant(moved.starts_at);
    let starts_at = match (to.day, to.starts_at) {
        (Some(day), _) => {
            let wall = NaiveDate::and_time(&day.0, instant(moved.starts_at).time());
            Some(zone.resolve(wall).map_err(|fault| invalid("#/day", &fault.code, fault.detail))?)
        }
        (None, Some(start)) => {
            Some(start.resolve(zone).map_err(|fault| invalid("#/starts_at", &fault.code, fault.detail))?)
        }
        (None, None) => None,
    };
    let pointer = format!("/sessions/{index}");
    let Some(members) = document.pointer_mut(&pointer).and_then(Value::as_object_mut) else {
        return Err(AgendaError::NoThing("session"));
    };
    if let Some(starts_at) = starts_at {
        let ends_at = starts_at.checked_add_signed(length);
        let ends_at = ends_at.ok_or_else(|| invalid("#/starts_at", "invalid_time", "is too far away"))?;
        members.insert("starts_at".to_owned(), json!(LocalOrInstant::Instant(starts_at)));
        members.insert("ends_at".to_owned(), json!(LocalOrInstant::Instant(ends_at)));
    }
    if let Some(ends_at) = to.ends_at {
        members.insert("ends_at".to_owned(), json!(ends_at));
    }
    if let Some(room) = &to.room {
        members.insert("room".to_owned(), json!(room));
    }
    Ok(Some(pointer))
}

/// Moves an item into a session, before its item `before` or to the end. Returns the new JSON pointer to the item.
///
/// # Errors
/// There is no such item or session.
pub fn move_item(
    document: &mut Value,
    draft: &Agenda,
    (from, item): (&Code, &str),
    to: &Code,
    before: Option<&Code>,
) -> Result<Option<String>, AgendaError> {
    let (source, _) = session(draft, from)?;
    let target = draft.sessions.iter().position(|session| session.code == *to);
    let target =
        target.ok_or_else(|| invalid("#/session", "unknown_reference", format!("there is no session {to}")))?;
    let list = |index: usize| format!("/sessions/{index}/items");
    let place = position(document.pointer(&list(source)), "code", item).ok_or(AgendaError::NoThing("item"))?;
    let items = document.pointer_mut(&list(source)).and_then(Value::as_array_mut);
    let moved = items.ok_or(AgendaError::NoThing("item"))?.remove(place);
    let end = document.pointer(&list(target)).and_then(Value::as_array).map_or(0, Vec::len);
    let place = match before {
        None => end,
        Some(code) => position(document.pointer(&list(target)), "code", code.as_str()).ok_or_else(|| {
            invalid("#/before", "unknown_reference", format!("there is no other item {code} in session {to}"))
        })?,
    };
    if let Some(items) = document.pointer_mut(&list(target)).and_then(Value::as_array_mut) {
        items.insert(place, moved);
    }
    Ok(Some(format!("{}/{place}", list(target))))
}

/// Adds a copy of a session at the end of the list, with new codes for its items. Returns the JSON pointer to the copy.
///
/// # Errors
/// There is no such session, or a session with the new code exists already.
pub fn duplicate_session(
    document: &mut Value,
    draft: &Agenda,
    code: &Code,
    new_code: &Code,
) -> Result<Option<String>, AgendaError> {
    let (index, _) = session(draft, code)?;
    if draft.sessions.iter().any(|session| session.code == *new_code) {
        return Err(AgendaError::Exists { noun: "session", code: new_code.to_string() });
    }
    let mut copy = document.pointer(&format!("/sessions/{index}")).cloned().unwrap_or_default();
    let mut taken: BTreeSet<String> =
        draft.sessions.iter().flat_map(|session| &session.items).map(|item| item.code.to_string()).collect();
    if let Some(members) = copy.as_object_mut() {
        members.remove("id");
        members.remove("guid");
        members.insert("code".to_owned(), json!(new_code));
        let items = members.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            item.remove("id");
            let old = item.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
            let new = free_code(&old, &taken);
            taken.insert(new.clone());
            item.insert("code".to_owned(), Value::from(new));
        }
    }
    let sessions = document.pointer_mut("/sessions").and_then(Value::as_array_mut);
    let sessions = sessions.ok_or(AgendaError::NoThing("session"))?;
    sessions.push(copy);
    Ok(Some(format!("/sessions/{}", sessions.len() - 1)))
}

/// A free code derived from `old`: `old-2`, `old-3`, ...
fn free_code(old: &str, taken: &BTreeSet<String>) -> String {
    let fits = |number: u32| {
        let suffix = format!("-{number}");
        let stem: String = old.chars().take(Code::LENGTH_MAX - suffix.len()).collect();
        format!("{}{suffix}", stem.trim_end_matches('-'))
    };
    (2..).map(fits).find(|code| !taken.contains(code)).unwrap_or_else(|| old.to_owned())
}

/// Replacement of a speaker by another one.
#[derive(Debug, Clone)]
pub struct Substitution {
    /// Speaker who is replaced.
    pub speaker: Code,
    /// Speaker who speaks instead.
    pub by: Code,
    /// Sessions in which the speaker is replaced; all if empty.
    pub sessions: Vec<Code>,
    /// Whether the new speaker speaks on behalf of the replaced one.
    pub on_behalf_of: bool,
}

/// Replaces one speaker by another. Returns the session and item of every place.
///
/// # Errors
/// Unknown speakers or sessions; a speaker who appears in none of the sessions.
pub fn substitute(
    document: &mut Value,
    draft: &Agenda,
    wish: &Substitution,
) -> Result<Vec<(Code, Option<Code>)>, AgendaError> {
    let knows = |code: &Code| draft.speakers.iter().any(|speaker| speaker.code == *code);
    if !knows(&wish.speaker) {
        return Err(AgendaError::NoThing("speaker"));
    }
    let mut faults = ValidationErrors::default();
    if !knows(&wish.by) {
        faults.add("#/by", "unknown_reference", format!("there is no speaker {}", wish.by));
    }
    if wish.by == wish.speaker {
        faults.add("#/by", "same_speaker", "must be another speaker");
    }
    for (index, code) in wish.sessions.iter().enumerate() {
        if !draft.sessions.iter().any(|session| session.code == *code) {
            faults.add(format!("#/sessions/{index}"), "unknown_reference", format!("there is no session {code}"));
        }
    }
    faults.or(())?;
    let mut places = Vec::new();
    let is_meant = |session: &Session| wish.sessions.is_empty() || wish.sessions.contains(&session.code);
    for (index, session) in draft.sessions.iter().enumerate().filter(|(_, session)| is_meant(session)) {
        let pointer = format!("/sessions/{index}/appearances");
        if replace_speaker(document.pointer_mut(&pointer), wish) {
            places.push((session.code.clone(), None));
        }
        for (inner, item) in session.items.iter().enumerate() {
            let pointer = format!("/sessions/{index}/items/{inner}/appearances");
            if replace_speaker(document.pointer_mut(&pointer), wish) {
                places.push((session.code.clone(), Some(item.code.clone())));
            }
        }
    }
    if places.is_empty() {
        return Err(invalid("#/sessions", "no_appearance", format!("{} is in none of the sessions", wish.speaker)));
    }
    Ok(places)
}

/// Replaces the speaker in one list of appearances, and returns whether there was one. If the new speaker has the same
/// role there already, the old appearance is removed.
fn replace_speaker(list: Option<&mut Value>, wish: &Substitution) -> bool {
    let Some(list) = list.and_then(Value::as_array_mut) else {
        return false;
    };
    let is_of =
        |appearance: &Value, code: &Code| appearance.get("speaker").and_then(Value::as_str) == Some(code.as_str());
    let had: Vec<Value> = list
        .iter()
        .filter(|appearance| is_of(appearance, &wish.by))
        .filter_map(|appearance| appearance.get("role").cloned())
        .collect();
    let mut found = false;
    list.retain_mut(|appearance| {
        if !is_of(appearance, &wish.speaker) {
            return true;
        }
        found = true;
        if appearance.get("role").is_some_and(|role| had.contains(role)) {
            return false;
        }
        if let Some(members) = appearance.as_object_mut() {
            members.insert("speaker".to_owned(), json!(wish.by));
            // A substitute of a substitute speaks on behalf of the first speaker; a speaker who returns speaks for
            // nobody else.
            let first = members.get("on_behalf_of").filter(|first| !first.is_null()).cloned();
            let first = first.unwrap_or_else(|| json!(wish.speaker));
            let named = wish.on_behalf_of && first.as_str() != Some(wish.by.as_str());
            members.insert("on_behalf_of".to_owned(), if named { first } else { Value::Null });
        }
        true
    });
    found
}
