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
    let mut errors = ValidationErrors::default();
    errors.add(pointer, code, detail);
    errors.into()
}

/// Sorts the things of a list by the place of their codes in `order`; things that are left out follow in their old
/// order.
///
/// # Errors
/// One error for each code that is not in the list or is in `order` twice.
pub fn reorder(list: &mut [Value], key: &str, order: &[String], pointer: &str) -> Result<(), AgendaError> {
    let mut errors = ValidationErrors::default();
    let mut positions: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, code) in order.iter().enumerate() {
        let is_listed = list.iter().any(|thing| thing.get(key).and_then(Value::as_str) == Some(code));
        if !is_listed {
            errors.add(format!("{pointer}/{index}"), "unknown_reference", format!("{code} is not in this list"));
        }
        if positions.insert(code, index).is_some() {
            errors.add(format!("{pointer}/{index}"), "duplicate", format!("{code} is listed twice"));
        }
    }
    errors.into_result(())?;
    let position = |thing: &Value| thing.get(key).and_then(Value::as_str).and_then(|code| positions.get(code)).copied();
    list.sort_by_key(|thing| position(thing).unwrap_or(usize::MAX));
    Ok(())
}

/// The session with this code, and its index.
fn find_session<'a>(draft: &'a Agenda, code: &Code) -> Result<(usize, &'a Session), AgendaError> {
    let index = draft.sessions.iter().position(|session| session.code == *code);
    index.and_then(|index| Some((index, draft.sessions.get(index)?))).ok_or(AgendaError::ThingNotFound("session"))
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
    let (index, _) = find_session(draft, code)?;
    let pointer = format!("/sessions/{index}");
    let items = document.pointer_mut(&format!("{pointer}/items")).and_then(Value::as_array_mut);
    let items = items.ok_or(AgendaError::ThingNotFound("session"))?;
    for (item, speakers) in appearances {
        let item_node = items.iter_mut().find(|thing| thing.get("code").and_then(Value::as_str) == Some(item));
        let list = item_node.and_then(|thing| thing.get_mut("appearances")).and_then(Value::as_array_mut);
        let error_pointer = format!("#/appearances/{item}");
        let list =
            list.ok_or_else(|| invalid(&error_pointer, "unknown_reference", format!("{item} is no item here")))?;
        reorder(list, "speaker", speakers, &error_pointer)?;
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
    let (index, session) = find_session(draft, code)?;
    if to.day.is_some() && to.starts_at.is_some() {
        return Err(invalid("#/day", "either_or", "give either a day or a start"));
    }
    let zone = draft.conference.time_zone;
    let duration = instant(session.ends_at) - instant(session.starts_at);
    let starts_at = match (to.day, to.starts_at) {
        (Some(day), _) => {
            let wall = NaiveDate::and_time(&day.0, instant(session.starts_at).time());
            Some(zone.resolve(wall).map_err(|error| invalid("#/day", &error.code, error.detail))?)
        }
        (None, Some(start)) => {
            Some(start.resolve(zone).map_err(|error| invalid("#/starts_at", &error.code, error.detail))?)
        }
        (None, None) => None,
    };
    let pointer = format!("/sessions/{index}");
    let Some(members) = document.pointer_mut(&pointer).and_then(Value::as_object_mut) else {
        return Err(AgendaError::ThingNotFound("session"));
    };
    if let Some(starts_at) = starts_at {
        let ends_at = starts_at.checked_add_signed(duration);
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
    from: &Code,
    item: &str,
    to: &Code,
    before: Option<&Code>,
) -> Result<Option<String>, AgendaError> {
    let (source, _) = find_session(draft, from)?;
    let target = draft.sessions.iter().position(|session| session.code == *to);
    let target =
        target.ok_or_else(|| invalid("#/session", "unknown_reference", format!("there is no session {to}")))?;
    let items_pointer = |index: usize| format!("/sessions/{index}/items");
    let index =
        position(document.pointer(&items_pointer(source)), "code", item).ok_or(AgendaError::ThingNotFound("item"))?;
    let items = document.pointer_mut(&items_pointer(source)).and_then(Value::as_array_mut);
    let moved = items.ok_or(AgendaError::ThingNotFound("item"))?.remove(index);
    let item_count = document.pointer(&items_pointer(target)).and_then(Value::as_array).map_or(0, Vec::len);
    let index = match before {
        None => item_count,
        Some(code) => position(document.pointer(&items_pointer(target)), "code", code.as_str()).ok_or_else(|| {
            invalid("#/before", "unknown_reference", format!("there is no other item {code} in session {to}"))
        })?,
    };
    if let Some(items) = document.pointer_mut(&items_pointer(target)).and_then(Value::as_array_mut) {
        items.insert(index, moved);
    }
    Ok(Some(format!("{}/{index}", items_pointer(target))))
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
    let (index, _) = find_session(draft, code)?;
    if draft.sessions.iter().any(|session| session.code == *new_code) {
        return Err(AgendaError::AlreadyExists { noun: "session", code: new_code.to_string() });
    }
    let mut copy = document.pointer(&format!("/sessions/{index}")).cloned().unwrap_or_default();
    let mut used_codes: BTreeSet<String> =
        draft.sessions.iter().flat_map(|session| &session.items).map(|item| item.code.to_string()).collect();
    if let Some(members) = copy.as_object_mut() {
        members.remove("id");
        members.remove("guid");
        members.insert("code".to_owned(), json!(new_code));
        let items = members.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            item.remove("id");
            let original_code = item.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
            let copy_code = free_code(&original_code, &used_codes);
            used_codes.insert(copy_code.clone());
            item.insert("code".to_owned(), Value::from(copy_code));
        }
    }
    let sessions = document.pointer_mut("/sessions").and_then(Value::as_array_mut);
    let sessions = sessions.ok_or(AgendaError::ThingNotFound("session"))?;
    sessions.push(copy);
    Ok(Some(format!("/sessions/{}", sessions.len() - 1)))
}

/// A free code derived from `old`: `old-2`, `old-3`, ...
fn free_code(old: &str, used_codes: &BTreeSet<String>) -> String {
    let numbered = |number: u32| {
        let suffix = format!("-{number}");
        let stem: String = old.chars().take(Code::LENGTH_MAX - suffix.len()).collect();
        format!("{}{suffix}", stem.trim_end_matches('-'))
    };
    (2..).map(numbered).find(|code| !used_codes.contains(code)).unwrap_or_else(|| old.to_owned())
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
    substitution: &Substitution,
) -> Result<Vec<(Code, Option<Code>)>, AgendaError> {
    let is_speaker = |code: &Code| draft.speakers.iter().any(|speaker| speaker.code == *code);
    if !is_speaker(&substitution.speaker) {
        return Err(AgendaError::ThingNotFound("speaker"));
    }
    let mut errors = ValidationErrors::default();
    if !is_speaker(&substitution.by) {
        errors.add("#/by", "unknown_reference", format!("there is no speaker {}", substitution.by));
    }
    if substitution.by == substitution.speaker {
        errors.add("#/by", "same_speaker", "must be another speaker");
    }
    for (index, code) in substitution.sessions.iter().enumerate() {
        if !draft.sessions.iter().any(|session| session.code == *code) {
            errors.add(format!("#/sessions/{index}"), "unknown_reference", format!("there is no session {code}"));
        }
    }
    errors.into_result(())?;
    let mut places = Vec::new();
    let is_selected =
        |session: &Session| substitution.sessions.is_empty() || substitution.sessions.contains(&session.code);
    for (index, session) in draft.sessions.iter().enumerate().filter(|(_, session)| is_selected(session)) {
        let pointer = format!("/sessions/{index}/appearances");
        if replace_speaker(document.pointer_mut(&pointer), substitution) {
            places.push((session.code.clone(), None));
        }
        for (inner, item) in session.items.iter().enumerate() {
            let pointer = format!("/sessions/{index}/items/{inner}/appearances");
            if replace_speaker(document.pointer_mut(&pointer), substitution) {
                places.push((session.code.clone(), Some(item.code.clone())));
            }
        }
    }
    if places.is_empty() {
        return Err(invalid(
            "#/sessions",
            "no_appearance",
            format!("{} is in none of the sessions", substitution.speaker),
        ));
    }
    Ok(places)
}

/// Replaces the speaker in one list of appearances, and returns whether there was one. If the new speaker has the same
/// role there already, the old appearance is removed.
fn replace_speaker(list: Option<&mut Value>, substitution: &Substitution) -> bool {
    let Some(list) = list.and_then(Value::as_array_mut) else {
        return false;
    };
    let is_of =
        |appearance: &Value, code: &Code| appearance.get("speaker").and_then(Value::as_str) == Some(code.as_str());
    let present_roles: Vec<Value> = list
        .iter()
        .filter(|appearance| is_of(appearance, &substitution.by))
        .filter_map(|appearance| appearance.get("role").cloned())
        .collect();
    let mut is_found = false;
    list.retain_mut(|appearance| {
        if !is_of(appearance, &substitution.speaker) {
            return true;
        }
        is_found = true;
        if appearance.get("role").is_some_and(|role| present_roles.contains(role)) {
            return false;
        }
        if let Some(members) = appearance.as_object_mut() {
            members.insert("speaker".to_owned(), json!(substitution.by));
            // A substitute of a substitute speaks on behalf of the first speaker; a speaker who returns speaks for
            // nobody else.
            let represented = members.get("on_behalf_of").filter(|represented| !represented.is_null()).cloned();
            let represented = represented.unwrap_or_else(|| json!(substitution.speaker));
            let is_represented = substitution.on_behalf_of && represented.as_str() != Some(substitution.by.as_str());
            members.insert("on_behalf_of".to_owned(), if is_represented { represented } else { Value::Null });
        }
        true
    });
    is_found
}
