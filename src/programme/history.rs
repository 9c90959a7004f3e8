//! The history of sessions and items over the releases of a conference. Calendars need it: they must learn when an
//! event moved (`SEQUENCE`, RFC 5545, 3.8.7.4) and when it was cancelled (`STATUS`, 3.8.1.11).

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::timing::{Slot, slots};
use crate::{
    agenda::{
        Agenda,
        document::{Room, Speaker, Track},
    },
    http::entity_tag,
    values::Code,
};

/// Every slot that was ever released, by the id of its session or item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(pub BTreeMap<Uuid, ReleasedSlot>);

/// The current state of a slot that was once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotStatus {
    /// It is in the programme.
    Stands,
    /// It was removed from the agenda.
    Cancelled,
    /// It is not visible: it is hidden, or it is an item whose time is not known any more.
    Unseen,
}

/// A slot as it was last released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedSlot {
    pub fate: SlotStatus,
    /// The identifier by which other systems know it.
    pub guid: Uuid,
    /// For an item, the id of its session.
    pub session: Option<Uuid>,
    /// Every code that it had, the current one last.
    pub codes: Vec<String>,
    /// By language tag.
    pub title: BTreeMap<String, String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// The id of its room.
    pub room: Option<Uuid>,
    /// The name of the room, by language tag.
    pub room_name: Option<BTreeMap<String, String>>,
    /// How often its time or room changed, or whether it takes place, since its first release (`SEQUENCE`).
    pub sequence: u32,
    /// The time of the last change that readers can see.
    pub changed_at: DateTime<Utc>,
    /// A digest of what readers see of it, to detect changes.
    pub digest: String,
    /// Whether it is a placeholder for a withheld session or item.
    pub is_placeholder: bool,
}

/// How many slots are remembered that are not in the programme any more: those that changed last.
const PASSED_MAX: usize = 5_000;

impl History {
    /// The history after one more release: `content` is the public projection, `full` the whole agenda.
    pub fn advance(mut self, content: &Agenda, full: &Agenda, now: DateTime<Utc>) -> Self {
        let known: HashSet<Uuid> = ids(full).collect();
        let mut standing = HashSet::new();
        let index = Index::of(content);
        for slot in slots(content) {
            let is_placeholder = !known.contains(&slot.id());
            let seen = ReleasedSlot::of(&index, &slot, is_placeholder, now);
            standing.insert(slot.id());
            match self.0.get_mut(&slot.id()) {
                Some(past) => past.take(seen, now),
                None => _ = self.0.insert(slot.id(), seen),
            }
        }
        for (id, past) in &mut self.0 {
            if past.fate != SlotStatus::Stands || standing.contains(id) {
                continue;
            }
            if known.contains(id) || past.is_placeholder {
                past.fate = SlotStatus::Unseen;
            } else {
                past.fate = SlotStatus::Cancelled;
                past.sequence += 1;
                past.changed_at = now;
            }
        }
        self.forget_the_oldest();
        self
    }

    /// Deletes the digests, which depend on names in texts.
    pub fn forget_digests(&mut self) {
        self.0.values_mut().for_each(|past| past.digest.clear());
    }

    fn forget_the_oldest(&mut self) {
        let mut passed: Vec<_> = self
            .0
            .iter()
            .filter(|(_, past)| past.fate != SlotStatus::Stands)
            .map(|(id, past)| (past.changed_at, *id))
            .collect();
        passed.sort_unstable();
        let surplus = passed.len().saturating_sub(PASSED_MAX);
        for (_, id) in passed.into_iter().take(surplus) {
            self.0.remove(&id);
        }
    }

    pub fn of(&self, id: Uuid) -> Option<&ReleasedSlot> {
        self.0.get(&id)
    }

    /// The slots that were cancelled, by id.
    pub fn cancelled(&self) -> impl Iterator<Item = (Uuid, &ReleasedSlot)> {
        self.0.iter().filter(|(_, past)| past.fate == SlotStatus::Cancelled).map(|(id, past)| (*id, past))
    }
}

/// The ids of every session and item of an agenda.
fn ids(agenda: &Agenda) -> impl Iterator<Item = Uuid> {
    let of_sessions = agenda.sessions.iter().filter_map(|session| session.id).map(|id| id.uuid());
    let items = agenda.sessions.iter().flat_map(|session| &session.items);
    of_sessions.chain(items.filter_map(|item| item.id).map(|id| id.uuid()))
}

impl ReleasedSlot {
    fn of(index: &Index<'_>, slot: &Slot<'_>, is_placeholder: bool, now: DateTime<Utc>) -> Self {
        let room = index.room(slot);
        Self {
            fate: SlotStatus::Stands,
            guid: slot.guid(),
            session: slot.item.and(slot.session.id).map(|id| id.uuid()),
            codes: vec![slot.code().to_string()],
            title: slot.title().map().clone(),
            starts_at: slot.span.starts_at.to_utc(),
            ends_at: slot.span.ends_at.to_utc(),
            room: room.and_then(|room| room.id).map(|id| id.uuid()),
            room_name: room.map(|room| room.name.map().clone()),
            sequence: 0,
            changed_at: now,
            digest: index.digest(slot),
            is_placeholder,
        }
    }

    /// Replaces the last released version by the current one.
    fn take(&mut self, seen: Self, now: DateTime<Utc>) {
        let place = |past: &Self| (past.starts_at, past.ends_at, past.room);
        let has_moved = place(self) != place(&seen) || self.fate == SlotStatus::Cancelled;
        let has_changed = has_moved || self.fate != SlotStatus::Stands || self.digest != seen.digest;
        let mut codes = std::mem::take(&mut self.codes);
        codes.retain(|code| !seen.codes.contains(code));
        codes.extend(seen.codes.iter().cloned());
        *self = Self {
            sequence: self.sequence + u32::from(has_moved),
            changed_at: if has_changed { now } else { self.changed_at },
            codes,
            ..seen
        };
    }
}

/// What slots refer to, by code.
struct Index<'a> {
    rooms: HashMap<&'a Code, &'a Room>,
    tracks: HashMap<&'a Code, &'a Track>,
    speakers: HashMap<&'a Code, &'a Speaker>,
}

impl<'a> Index<'a> {
    fn of(agenda: &'a Agenda) -> Self {
        Self {
            rooms: agenda.rooms.iter().map(|room| (&room.code, room)).collect(),
            tracks: agenda.tracks.iter().map(|track| (&track.code, track)).collect(),
            speakers: agenda.speakers.iter().map(|speaker| (&speaker.code, speaker)).collect(),
        }
    }

    fn room(&self, slot: &Slot<'_>) -> Option<&'a Room> {
        self.rooms.get(slot.session.room.as_ref()?).copied()
    }

    /// A digest of what readers see of a slot: the slot, its room, its track, and the people in it.
    fn digest(&self, slot: &Slot<'_>) -> String {
        let people = slot.appearances();
        let seen = json!({
            "session": slot.item.is_none().then_some(slot.session),
            "item": slot.item,
            "starts_at": slot.span.starts_at.to_rfc3339(),
            "room": self.room(slot),
            "track": slot.session.track.as_ref().and_then(|code| self.tracks.get(code)),
            "speakers": people.iter().filter_map(|part| self.speakers.get(&part.speaker)).collect::<Vec<_>>(),
        });
        entity_tag(seen.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        access::ServerSecret,
        agenda::model,
        programme::visibility::{Audience, project},
    };

    /// A conference with the sessions `a` and `b` (with an item `talk`), which `say` changes.
    fn agenda(say: impl FnOnce(&mut Value)) -> Agenda {
        let mut document = json!({
            "conference": { "slug": "any", "name": "Any", "starts_on": "2030-05-01", "ends_on": "2030-05-01",
                "time_zone": "Europe/Brussels", "languages": ["en"] },
            "rooms": [{ "code": "hall", "name": "Hall", "id": id(8) }, { "code": "attic", "name": "Attic", "id": id(9) }],
            "sessions": [
                { "code": "a", "id": id(1), "kind": "opening", "title": "A", "room": "hall",
                  "starts_at": "2030-05-01T09:00", "ends_at": "2030-05-01T10:00" },
                { "code": "b", "id": id(2), "kind": "closing", "title": "B",
                  "starts_at": "2030-05-01T10:00", "ends_at": "2030-05-01T11:00",
                  "items": [{ "code": "talk", "id": id(3), "kind": "keynote", "title": "Talk", "time_limit_minutes": 20 }] }
            ]
        });
        say(&mut document);
        let mut agenda = model::read(document).unwrap();
        agenda.adopt_ids(None).unwrap();
        agenda
    }

    fn id(number: u8) -> String {
        format!("00000000-0000-4000-8000-00000000000{number}")
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// The history after the releases of these agendas, one per second.
    fn after(agendas: &[&Agenda]) -> History {
        let release = |history: History, (second, full): (i64, &&Agenda)| {
            let content = project(full, Audience::Public, at(second), &ServerSecret::of_test());
            history.advance(&content, full, at(second))
        };
        (1..).zip(agendas).fold(History::default(), release)
    }

    /// Fate, sequence and second of the last change of the slot with this number.
    fn past(history: &History, number: u8) -> (SlotStatus, u32, i64) {
        let past = history.of(id(number).parse().unwrap()).unwrap();
        (past.fate, past.sequence, past.changed_at.timestamp())
    }

    #[test]
    fn another_time_or_place_raises_the_sequence_and_another_title_does_not() {
        let first = agenda(|_| {});
        let renamed = agenda(|document| document["sessions"][0]["title"] = json!("Aa"));
        let later = agenda(|document| {
            document["sessions"][0]["ends_at"] = json!("2030-05-01T10:05");
            document["sessions"][1]["starts_at"] = json!("2030-05-01T10:10");
        });
        let elsewhere = agenda(|document| document["sessions"][0]["room"] = json!("attic"));
        assert_eq!(past(&after(&[&first, &first]), 1), (SlotStatus::Stands, 0, 1));
        assert_eq!(past(&after(&[&first, &renamed]), 1), (SlotStatus::Stands, 0, 2));
        let history = after(&[&first, &later, &elsewhere, &elsewhere]);
        assert_eq!(past(&history, 1), (SlotStatus::Stands, 2, 3));
        assert_eq!(
            (past(&history, 2), past(&history, 3)),
            ((SlotStatus::Stands, 2, 3), (SlotStatus::Stands, 2, 3)),
            "there and back"
        );
    }

    #[test]
    fn what_is_removed_is_cancelled_with_what_it_was_and_may_come_back() {
        let first = agenda(|_| {});
        let without = agenda(|document| _ = document["sessions"].as_array_mut().unwrap().remove(1));
        let history = after(&[&first, &without, &without]);
        assert_eq!(
            (past(&history, 2), past(&history, 3)),
            ((SlotStatus::Cancelled, 1, 2), (SlotStatus::Cancelled, 1, 2))
        );
        assert_eq!(history.cancelled().map(|(_, past)| past.title["en"].as_str()).collect::<Vec<_>>(), ["B", "Talk"]);
        assert_eq!(past(&after(&[&first, &without, &first]), 2), (SlotStatus::Stands, 2, 3));
    }

    #[test]
    fn what_is_hidden_is_not_called_off_and_neither_is_what_stood_in_for_it() {
        let first = agenda(|_| {});
        let hidden = agenda(|document| document["sessions"][1]["visibility"] = json!("withheld"));
        let without = agenda(|document| _ = document["sessions"].as_array_mut().unwrap().remove(1));
        assert_eq!(past(&after(&[&first, &hidden]), 2), (SlotStatus::Unseen, 0, 1));
        assert_eq!(after(&[&first, &hidden, &first]).cancelled().count(), 0);
        assert_eq!(past(&after(&[&first, &hidden, &first]), 2), (SlotStatus::Stands, 0, 3));
        assert_eq!(after(&[&first, &hidden, &without]).cancelled().count(), 0, "nothing is told of what was hidden");
        let untimed = agenda(|document| document["sessions"][1]["items"][0]["time_limit_minutes"] = Value::Null);
        assert_eq!(past(&after(&[&first, &untimed]), 3), (SlotStatus::Unseen, 0, 1));
    }

    #[test]
    fn a_slot_is_known_by_every_code_that_it_had() {
        let recoded = |code: &str| agenda(|document| document["sessions"][0]["code"] = json!(code));
        let history = after(&[&recoded("a"), &recoded("x"), &recoded("a"), &recoded("y")]);
        assert_eq!(history.of(id(1).parse().unwrap()).unwrap().codes, ["x", "a", "y"]);
    }

    #[test]
    fn a_history_is_read_as_it_was_written() {
        let history = after(&[&agenda(|_| {})]);
        let written = serde_json::to_value(&history).unwrap();
        assert_eq!(serde_json::from_value::<History>(written).unwrap(), history);
    }
}
