//! The changes between two releases, as data: each change with its kinds.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::Value;

use crate::{
    access::audit::ResourceKind,
    agenda::{
        Agenda, Change,
        document::Session,
        plan::{ChangeAction, changes, nodes},
    },
    values::text_enum,
};

text_enum! {
    /// The kind of a change, as a reader sees it.
    ChangeKind {
        /// It is new.
        Added = "added",
        /// It was removed.
        Removed = "removed",
        /// Its time or date changed.
        MovedInTime = "moved_in_time",
        /// Its room changed.
        MovedInRoom = "moved_in_room",
        /// Its title, name or code changed.
        Renamed = "renamed",
        /// The people who appear in it changed.
        SpeakerChanged = "speaker_changed",
        /// Something else about it changed.
        Changed = "changed",
        /// The order of a list changed.
        Reordered = "reordered",
    }
}

/// Fields that only organisers see; in a projection they carry no information.
const ORGANISER_FIELDS: [&str; 9] = [
    "visibility",
    "public_from",
    "inscribed_at",
    "placed_by_hand",
    "protocol_rule",
    "walking_minutes",
    "listing",
    "precedence_rank",
    "took_office_on",
];

/// Forgets the times that are written with another offset because the time zone changed, and are the same instants.
fn forget_equal_instants(change: &mut Change) {
    let (Some(before), Some(after)) = (&mut change.before, &mut change.after) else { return };
    let instant = |fields: &serde_json::Map<String, Value>, field: &str| {
        DateTime::parse_from_rfc3339(fields.get(field)?.as_str()?).ok()
    };
    change.fields.retain(|field| {
        let is_equal =
            instant(before, field).is_some_and(|instant_before| instant(after, field) == Some(instant_before));
        if is_equal {
            before.remove(field);
            after.remove(field);
        }
        !is_equal
    });
}

/// What changed from one release to another.
#[derive(Debug)]
pub struct Difference {
    /// The earlier agenda; `None` before the first release.
    pub before: Option<Agenda>,
    pub after: Agenda,
    pub changes: Vec<Change>,
}

impl Difference {
    pub fn between(before: Option<Agenda>, after: Agenda) -> Self {
        let public_nodes = |agenda: &Agenda| {
            let mut nodes = nodes(agenda);
            for node in &mut nodes {
                ORGANISER_FIELDS.iter().for_each(|field| _ = node.fields.remove(*field));
            }
            nodes
        };
        let mut changes = changes(&before.as_ref().map(public_nodes).unwrap_or_default(), &public_nodes(&after));
        changes.iter_mut().for_each(forget_equal_instants);
        changes.retain(|change| change.action != ChangeAction::Update || !change.fields.is_empty());
        Self { before, after, changes }
    }

    /// The kinds of a change, each once.
    pub fn kinds(&self, change: &Change) -> Vec<ChangeKind> {
        match change.action {
            ChangeAction::Create => return vec![ChangeKind::Added],
            ChangeAction::Remove => return vec![ChangeKind::Removed],
            ChangeAction::Reorder => return vec![ChangeKind::Reordered],
            ChangeAction::Update => {}
        }
        let mut kinds = BTreeSet::new();
        for field in &change.fields {
            match (change.resource, field.as_str()) {
                (ResourceKind::Session, "starts_at" | "ends_at")
                | (ResourceKind::Day, "date")
                | (ResourceKind::Conference, "starts_on" | "ends_on") => {
                    kinds.insert(ChangeKind::MovedInTime);
                }
                (ResourceKind::Session, "room") => _ = kinds.insert(ChangeKind::MovedInRoom),
                (ResourceKind::Session | ResourceKind::Item, "appearances") => {
                    _ = kinds.insert(ChangeKind::SpeakerChanged)
                }
                (ResourceKind::Item, "session") => kinds.extend(self.kinds_of_move(change)),
                (_, "title" | "name" | "given_name" | "family_name" | "code" | "slug") => {
                    kinds.insert(ChangeKind::Renamed);
                }
                _ => _ = kinds.insert(ChangeKind::Changed),
            }
        }
        kinds.into_iter().collect()
    }

    /// An item that moves to another session may change its time and its room.
    fn kinds_of_move(&self, change: &Change) -> Vec<ChangeKind> {
        let session = |agenda: Option<&Agenda>, fields: Option<&serde_json::Map<String, Value>>| {
            let id = fields.and_then(|fields| fields.get("session")).and_then(Value::as_str)?;
            let of_id = |session: &&Session| session.id.is_some_and(|id_of_session| id_of_session.to_string() == id);
            let session = agenda?.sessions.iter().find(of_id)?;
            // A room keeps its id when its code changes.
            let room = agenda?.rooms.iter().find(|room| session.room.as_ref() == Some(&room.code));
            Some((session.starts_at, room.and_then(|room| room.id)))
        };
        let (old, new) =
            (session(self.before.as_ref(), change.before.as_ref()), session(Some(&self.after), change.after.as_ref()));
        let (Some((old_start, old_room)), Some((new_start, new_room))) = (old, new) else {
            return vec![ChangeKind::Changed];
        };
        let mut kinds = Vec::new();
        if old_start != new_start {
            kinds.push(ChangeKind::MovedInTime);
        }
        if old_room != new_room {
            kinds.push(ChangeKind::MovedInRoom);
        }
        if kinds.is_empty() {
            kinds.push(ChangeKind::Changed);
        }
        kinds
    }
}
