//! Events as they are sent. An event lacks its id and the empty line at its end, which are the listener's own.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::position::Position;
use crate::{
    clock,
    programme::{
        difference::Difference,
        negotiate::{self, Language, ReaderText},
        release::{
            ReleaseRow,
            views::{ReleaseChange, release_changes},
        },
        snapshot::Snapshot,
        timing::{self, Slot},
        views::Reference,
    },
    values::{Code, Localised},
};

/// How many changes an event lists at most.
const CHANGES_MAX: usize = 200;

/// What keeps a silent connection open.
pub const HEARTBEAT: Bytes = Bytes::from_static(b": still here\n\n");

/// Where a listener is from the start.
#[derive(Serialize)]
struct Connected {
    number: i32,
    released_at: String,
}

/// A release.
#[derive(Serialize)]
struct Released<'a> {
    number: i32,
    released_at: String,
    note: Option<&'a str>,
    /// The release that the listener knew.
    since: i32,
    /// How many changes there are; the event has the first of them.
    changes_count: usize,
    changes: Vec<ReleaseChange>,
}

/// A release was rewritten.
#[derive(Serialize)]
struct Redacted {
    number: i32,
    updated_at: String,
}

/// A session or an item starts or ends.
#[derive(Serialize)]
struct Scheduled<'a> {
    at: String,
    code: &'a Code,
    title: ReaderText,
    kind: &'static str,
    /// The session of an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Titled<'a>>,
    room: Option<Reference>,
}

/// Something with a title, referred to.
#[derive(Serialize)]
struct Titled<'a> {
    code: &'a Code,
    title: ReaderText,
}

/// An event of this name. JSON has no line breaks of its own.
fn event(name: &str, data: &impl Serialize) -> String {
    // Nothing here has keys that are no text.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n")
}

/// The id and the end of an event.
pub fn end(position: Position) -> Bytes {
    format!("id: {position}\n\n").into()
}

/// The first event, and how long to wait before connecting again.
pub fn connected(release: &ReleaseRow) -> Bytes {
    let data = Connected { number: release.number, released_at: clock::wire(release.released_at) };
    format!("retry: 5000\n{}", event("connected", &data)).into()
}

/// A release with what changed since the one that the listener knew.
pub fn released(release: &ReleaseRow, since: i32, difference: &Difference, language: &Language) -> Bytes {
    let mut changes = release_changes(difference, language);
    let changes_count = changes.len();
    changes.truncate(CHANGES_MAX);
    let (number, released_at) = (release.number, clock::wire(release.released_at));
    let data = Released { number, released_at, note: release.note.as_deref(), since, changes_count, changes };
    event("release", &data).into()
}

/// A release is to be read again.
pub fn redacted(release: &ReleaseRow) -> Bytes {
    event("redacted", &Redacted { number: release.number, updated_at: clock::wire(release.updated_at) }).into()
}

fn scheduled<'a>(snapshot: &Snapshot, slot: &Slot<'a>, at: DateTime<Utc>, language: &Language) -> Scheduled<'a> {
    let text = |text: &Localised| negotiate::text(text, language, &snapshot.agenda.conference.languages);
    let room = slot.session.room.as_ref().and_then(|code| snapshot.room(code));
    Scheduled {
        at: clock::wire(at),
        code: slot.code(),
        title: text(slot.title()),
        kind: slot.kind(),
        session: slot.item.map(|_| Titled { code: &slot.session.code, title: text(&slot.session.title) }),
        room: room.map(|room| Reference { code: room.code.clone(), name: text(&room.name) }),
    }
}

/// What ends and what starts at a moment: items end before their sessions and start after them.
pub fn of_moment(snapshot: &Snapshot, at: DateTime<Utc>, language: &Language) -> Bytes {
    let slots: Vec<_> = timing::slots(&snapshot.agenda).collect();
    let mut all: Vec<(u8, String)> = Vec::new();
    for slot in &slots {
        let (finished, started) = match slot.item {
            Some(_) => ((0, "item_finished"), (3, "item_started")),
            None => ((1, "session_finished"), (2, "session_started")),
        };
        for ((order, name), instant) in [(finished, slot.span.ends_at), (started, slot.span.starts_at)] {
            if instant == at {
                all.push((order, event(name, &scheduled(snapshot, slot, at, language))));
            }
        }
    }
    all.sort_by_key(|(order, _)| *order);
    let all: Vec<String> = all.into_iter().map(|(_, event)| event).collect();
    // The last one's end comes with the listener's id: whoever is cut off among them hears all of them again.
    all.join("\n").into()
}
