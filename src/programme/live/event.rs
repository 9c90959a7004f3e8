//! The events as they are sent. The functions leave out the id of an event and the empty line at its end, which differ
//! from listener to listener ([`end`]).

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::position::Position;
use crate::{
    clock,
    programme::{
        difference::Difference,
        negotiate::{self, Language, ReaderText},
        release::ReleaseRow,
        releases::views::{ReleaseChange, release_changes},
        snapshot::Snapshot,
        timing::{self, Slot},
        views::Reference,
    },
    values::{Code, Localised},
};

/// How many changes an event lists.
const CHANGES_MAX: usize = 200;

/// The release that a listener starts from.
#[derive(Serialize)]
struct ConnectedData {
    number: i32,
    released_at: String,
}

/// A new release.
#[derive(Serialize)]
struct ReleaseData<'a> {
    number: i32,
    released_at: String,
    note: Option<&'a str>,
    /// The number of the release that the listener knew.
    since: i32,
    /// The number of all changes; `changes` lists the first of them.
    changes_count: usize,
    changes: Vec<ReleaseChange>,
}

#[derive(Serialize)]
struct RedactedData {
    number: i32,
    updated_at: String,
}

/// The start or end of a session or an item.
#[derive(Serialize)]
struct SlotData<'a> {
    at: String,
    code: &'a Code,
    title: ReaderText,
    kind: &'static str,
    /// The session of an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionTitle<'a>>,
    room: Option<Reference>,
}

/// A reference to something by its code, with its title.
#[derive(Serialize)]
struct SessionTitle<'a> {
    code: &'a Code,
    title: ReaderText,
}

/// An event with this name. Compact JSON has no line breaks, so its data are one line.
fn event(name: &str, data: &impl Serialize) -> String {
    // Cannot fail: all keys are texts.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n")
}

/// The id of an event, and the empty line that ends it.
pub fn end(position: Position) -> Bytes {
    format!("id: {position}\n\n").into()
}

/// The first event, with the time to wait before a new connection (5 seconds).
pub fn connected(release: &ReleaseRow) -> Bytes {
    let data = ConnectedData { number: release.number, released_at: clock::wire(release.released_at) };
    format!("retry: 5000\n{}", event("connected", &data)).into()
}

/// A release, with what changed since the release that the listener knew.
pub fn released(release: &ReleaseRow, since: i32, difference: &Difference, language: &Language) -> Bytes {
    let mut changes = release_changes(difference, language);
    let changes_count = changes.len();
    changes.truncate(CHANGES_MAX);
    let (number, released_at) = (release.number, clock::wire(release.released_at));
    let data = ReleaseData { number, released_at, note: release.note.as_deref(), since, changes_count, changes };
    event("release", &data).into()
}

/// Says that the release was rewritten and must be read again.
pub fn redacted(release: &ReleaseRow) -> Bytes {
    event("redacted", &RedactedData { number: release.number, updated_at: clock::wire(release.updated_at) }).into()
}

fn slot_data<'a>(snapshot: &Snapshot, slot: &Slot<'a>, at: DateTime<Utc>, language: &Language) -> SlotData<'a> {
    let text = |text: &Localised| negotiate::text(text, language, &snapshot.agenda.conference.languages);
    let room = slot.session.room.as_ref().and_then(|code| snapshot.room(code));
    SlotData {
        at: clock::wire(at),
        code: slot.code(),
        title: text(slot.title()),
        kind: slot.kind(),
        session: slot.item.map(|_| SessionTitle { code: &slot.session.code, title: text(&slot.session.title) }),
        room: room.map(|room| Reference { code: room.code.clone(), name: text(&room.name) }),
    }
}

/// What ends and what starts at an instant. Items end before their sessions and start after them.
pub fn schedule_events(snapshot: &Snapshot, at: DateTime<Utc>, language: &Language) -> Bytes {
    let slots: Vec<_> = timing::slots(&snapshot.agenda).collect();
    let mut events: Vec<(u8, String)> = Vec::new();
    for slot in &slots {
        let (finished, started) = match slot.item {
            Some(_) => ((0, "item_finished"), (3, "item_started")),
            None => ((1, "session_finished"), (2, "session_started")),
        };
        for ((order, name), instant) in [(finished, slot.span.ends_at), (started, slot.span.starts_at)] {
            if instant == at {
                events.push((order, event(name, &slot_data(snapshot, slot, at, language))));
            }
        }
    }
    events.sort_by_key(|(order, _)| *order);
    let events: Vec<String> = events.into_iter().map(|(_, event)| event).collect();
    // Only the last one gets an id: a client that is cut off between them gets all of them again.
    events.join("\n").into()
}
