//! Events of a file, as sessions of a document.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

use super::{
    list::{ImportedList, Node, set_text},
    schedule::Event,
    target::Target,
};
use crate::{
    agenda::document::{Session, SessionKind},
    ids::SessionId,
    values::LanguageTag,
};

/// Codes of the things that events refer to.
pub struct ReferenceCodes {
    /// Codes of rooms by name.
    pub rooms: HashMap<String, String>,
    /// Codes of tracks by name.
    pub tracks: HashMap<String, String>,
    /// Codes of speakers by index in the file's list of people.
    pub speakers: Vec<String>,
}

/// Puts events, in order, into the list of sessions. Returns the line of each code.
pub fn add_events(
    list: &mut ImportedList,
    events: &[(&Event, DateTime<FixedOffset>)],
    codes: &ReferenceCodes,
    target: &Target<'_>,
) -> HashMap<String, usize> {
    let draft = target.draft.map_or(&[][..], |draft| &draft.sessions);
    let draft_sessions: HashMap<SessionId, &Session> =
        draft.iter().filter_map(|session| Some((session.guid.or(session.id)?, session))).collect();
    let mut allocator = super::text::CodeAllocator::with_used_codes(draft.iter().map(|session| session.code.as_str()));
    let mut lines = HashMap::new();
    for (event, start) in events {
        let session = draft_sessions.get(&event.guid).copied();
        let code = match session {
            Some(session) => session.code.as_str().to_owned(),
            None => allocator.allocate(&event.code, "session"),
        };
        let draft_node = list.draft_node(&code).filter(|_| session.is_some()).cloned();
        let node = list.node(&code);
        set_fields(node, event, *start, session, target);
        set_references(node, event, codes, draft_node.as_ref());
        lines.insert(code, event.line);
    }
    lines
}

fn set_fields(
    node: &mut Node,
    event: &Event,
    start: DateTime<FixedOffset>,
    session: Option<&Session>,
    target: &Target<'_>,
) {
    // A session without a guid of its own is identified by its id.
    if session.is_none_or(|session| session.guid.is_some()) {
        node.insert("guid".to_owned(), Value::from(event.guid.to_string()));
    }
    match event.kind {
        Some(kind) => _ = node.insert("kind".to_owned(), Value::from(kind.as_str())),
        None => _ = node.entry("kind").or_insert_with(|| Value::from(SessionKind::Parallel.as_str())),
    }
    let language = match event.languages.as_slice() {
        [only] if target.languages.contains(only) => only.as_str(),
        _ => target.language.as_str(),
    };
    set_text(node, "title", language, &event.title);
    if let Some(abstract_) = &event.abstract_ {
        set_text(node, "abstract", language, abstract_);
    }
    let end = start.checked_add_signed(event.duration).unwrap_or(start);
    node.insert("starts_at".to_owned(), Value::from(start.to_rfc3339()));
    node.insert("ends_at".to_owned(), Value::from(target.zone.local(end.to_utc()).to_rfc3339()));
    if !event.languages.is_empty() {
        let languages: Vec<_> = event.languages.iter().map(LanguageTag::as_str).collect();
        node.insert("languages".to_owned(), json!(languages));
    }
}

fn set_references(node: &mut Node, event: &Event, codes: &ReferenceCodes, draft_node: Option<&Node>) {
    for (field, name, codes) in [("room", &event.room, &codes.rooms), ("track", &event.track, &codes.tracks)] {
        if let Some(code) = name.as_ref().and_then(|name| codes.get(name)) {
            node.insert(field.to_owned(), Value::from(code.as_str()));
        }
    }
    let speakers: Vec<&str> =
        event.persons.iter().filter_map(|index| codes.speakers.get(*index)).map(String::as_str).collect();
    if !speakers.is_empty() {
        let draft_node = draft_node.filter(|_| node.contains_key("appearances"));
        node.insert("appearances".to_owned(), appearances(&speakers, draft_node));
    }
}

/// Appearances: first the file's people in its order, each with the roles that organisers gave them; then people who
/// are not in the file and have another role than `speaker`. A person who appears in an item is not added.
fn appearances(speakers: &[&str], draft_node: Option<&Node>) -> Value {
    let appearances_of = |node: &Value| node.get("appearances").and_then(Value::as_array).cloned().unwrap_or_default();
    let speaker = |appearance: &Value| appearance.get("speaker").and_then(Value::as_str).unwrap_or_default().to_owned();
    let draft_appearances = draft_node.and_then(|draft_node| draft_node.get("appearances")).and_then(Value::as_array);
    let draft_appearances: Vec<Value> = draft_appearances.cloned().unwrap_or_default();
    let items = draft_node.and_then(|draft_node| draft_node.get("items")).and_then(Value::as_array);
    let in_items: HashSet<String> =
        items.into_iter().flatten().flat_map(appearances_of).map(|appearance| speaker(&appearance)).collect();
    let mut list = Vec::new();
    for code in speakers {
        let appearances_of_speaker =
            draft_appearances.iter().filter(|appearance| speaker(appearance) == *code).cloned();
        let length_before = list.len();
        list.extend(appearances_of_speaker);
        if list.len() == length_before && !in_items.contains(*code) {
            list.push(json!({ "speaker": code, "role": "speaker" }));
        }
    }
    let has_other_role = |appearance: &&Value| {
        appearance.get("role").and_then(Value::as_str) != Some("speaker")
            && !speakers.contains(&speaker(appearance).as_str())
    };
    list.extend(draft_appearances.iter().filter(has_other_role).cloned());
    Value::Array(list)
}
