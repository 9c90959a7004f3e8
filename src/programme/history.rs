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
    #[serde(rename = "stands")]
    InProgramme,
    /// It was removed from the agenda.
    Cancelled,
    /// It is not visible: it is hidden, or it is an item whose time is not known any more.
    #[serde(rename = "unseen")]
    NotVisible,
}

/// A slot as it was last released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedSlot {
    #[serde(rename = "fate")]
    pub status: SlotStatus,
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
const GONE_SLOTS_MAX: usize = 5_000;

impl History {
    /// The history after one more release: `public_agenda` is the public projection, `full_agenda` the whole agenda.
    pub fn advance(mut self, public_agenda: &Agenda, full_agenda: &Agenda, now: DateTime<Utc>) -> Self {
        let agenda_ids: HashSet<Uuid> = ids(full_agenda).collect();
        let mut current_ids = HashSet::new();
        let references = References::of(public_agenda);
        for slot in slots(public_agenda) {
            let is_placeholder = !agenda_ids.contains(&slot.id());
            let current = ReleasedSlot::of(&references, &slot, is_placeholder, now);
            current_ids.insert(slot.id());
            match self.0.get_mut(&slot.id()) {
                Some(slot) => slot.update(current, now),
                None => _ = self.0.insert(slot.id(), current),
            }
        }
        for (id, slot) in &mut self.0 {
            if slot.status != SlotStatus::InProgramme || current_ids.contains(id) {
                continue;
            }
            if agenda_ids.contains(id) || slot.is_placeholder {
                slot.status = SlotStatus::NotVisible;
            } else {
                slot.status = SlotStatus::Cancelled;
                slot.sequence += 1;
                slot.changed_at = now;
            }
        }
        self.remove_oldest();
        self
    }

    /// Deletes the digests, which depend on names in texts.
    pub fn clear_digests(&mut self) {
        self.0.values_mut().for_each(|slot| slot.digest.clear());
    }

    fn remove_oldest(&mut self) {
        let mut gone: Vec<_> = self
            .0
            .iter()
            .filter(|(_, slot)| slot.status != SlotStatus::InProgramme)
            .map(|(id, slot)| (slot.changed_at, *id))
            .collect();
        gone.sort_unstable();
        let surplus = gone.len().saturating_sub(GONE_SLOTS_MAX);
        for (_, id) in gone.into_iter().take(surplus) {
            self.0.remove(&id);
        }
    }

    pub fn of(&self, id: Uuid) -> Option<&ReleasedSlot> {
        self.0.get(&id)
    }

    /// The slots that were cancelled, by id.
    pub fn cancelled(&self) -> impl Iterator<Item = (Uuid, &ReleasedSlot)> {
        self.0.iter().filter(|(_, slot)| slot.status == SlotStatus::Cancelled).map(|(id, slot)| (*id, slot))
    }
}

/// The ids of every session and item of an agenda.
fn ids(agenda: &Agenda) -> impl Iterator<Item = Uuid> {
    let of_sessions = agenda.sessions.iter().filter_map(|session| session.id).map(|id| id.uuid());
    let items = agenda.sessions.iter().flat_map(|session| &session.items);
    of_sessions.chain(items.filter_map(|item| item.id).map(|id| id.uuid()))
}

impl ReleasedSlot {
    fn of(references: &References<'_>, slot: &Slot<'_>, is_placeholder: bool, now: DateTime<Utc>) -> Self {
        let room = references.room(slot);
        Self {
            status: SlotStatus::InProgramme,
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
            digest: references.digest(slot),
            is_placeholder,
        }
    }

    /// Replaces the last released version by the current one.
    fn update(&mut self, current: Self, now: DateTime<Utc>) {
        let schedule = |slot: &Self| (slot.starts_at, slot.ends_at, slot.room);
        let has_moved = schedule(self) != schedule(&current) || self.status == SlotStatus::Cancelled;
        let has_changed = has_moved || self.status != SlotStatus::InProgramme || self.digest != current.digest;
        let mut codes = std::mem::take(&mut self.codes);
        codes.retain(|code| !current.codes.contains(code));
        codes.extend(current.codes.iter().cloned());
        *self = Self {
            sequence: self.sequence + u32::from(has_moved),
            changed_at: if has_changed { now } else { self.changed_at },
            codes,
            ..current
        };
    }
}

/// What slots refer to, by code.
struct References<'a> {
    rooms: HashMap<&'a Code, &'a Room>,
    tracks: HashMap<&'a Code, &'a Track>,
    speakers: HashMap<&'a Code, &'a Speaker>,
}

impl<'a> References<'a> {
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
        let appearances = slot.appearances();
        let visible_content = json!({
            "session": slot.item.is_none().then_some(slot.session),
            "item": slot.item,
            "starts_at": slot.span.starts_at.to_rfc3339(),
            "room": self.room(slot),
            "track": slot.session.track.as_ref().and_then(|code| self.tracks.get(code)),
            "speakers": appearances.iter().filter_map(|appearance| self.speakers.get(&appearance.speaker)).collect::<Vec<_>>(),
        });
        entity_tag(visible_content.to_string().as_bytes())
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

    /// A conference with the sessions `a` and `b` (with an item `talk`), which `edit` changes.
    fn agenda(edit: impl FnOnce(&mut Value)) -> Agenda {
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
        edit(&mut document);
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
        let release = |history: History, (second, agenda): (i64, &&Agenda)| {
            let public_agenda = project(agenda, Audience::Public, at(second), &ServerSecret::of_test());
            history.advance(&public_agenda, agenda, at(second))
        };
        (1..).zip(agendas).fold(History::default(), release)
    }

    /// Status, sequence and second of the last change of the slot with this number.
    fn state_of_slot(history: &History, number: u8) -> (SlotStatus, u32, i64) {
        let slot = history.of(id(number).parse().unwrap()).unwrap();
        (slot.status, slot.sequence, slot.changed_at.timestamp())
    }

    #[test]
    fn a_new_time_or_room_raises_the_sequence_and_a_new_title_does_not() {
        let first = agenda(|_| {});
        let renamed = agenda(|document| document["sessions"][0]["title"] = json!("Aa"));
        let later = agenda(|document| {
            document["sessions"][0]["ends_at"] = json!("2030-05-01T10:05");
            document["sessions"][1]["starts_at"] = json!("2030-05-01T10:10");
        });
        let elsewhere = agenda(|document| document["sessions"][0]["room"] = json!("attic"));
        assert_eq!(state_of_slot(&after(&[&first, &first]), 1), (SlotStatus::InProgramme, 0, 1));
        assert_eq!(state_of_slot(&after(&[&first, &renamed]), 1), (SlotStatus::InProgramme, 0, 2));
        let history = after(&[&first, &later, &elsewhere, &elsewhere]);
        assert_eq!(state_of_slot(&history, 1), (SlotStatus::InProgramme, 2, 3));
        assert_eq!(
            (state_of_slot(&history, 2), state_of_slot(&history, 3)),
            ((SlotStatus::InProgramme, 2, 3), (SlotStatus::InProgramme, 2, 3)),
            "there and back"
        );
    }

    #[test]
    fn a_removed_slot_is_cancelled_with_its_last_data_and_may_come_back() {
        let first = agenda(|_| {});
        let without = agenda(|document| _ = document["sessions"].as_array_mut().unwrap().remove(1));
        let history = after(&[&first, &without, &without]);
        assert_eq!(
            (state_of_slot(&history, 2), state_of_slot(&history, 3)),
            ((SlotStatus::Cancelled, 1, 2), (SlotStatus::Cancelled, 1, 2))
        );
        assert_eq!(history.cancelled().map(|(_, slot)| slot.title["en"].as_str()).collect::<Vec<_>>(), ["B", "Talk"]);
        assert_eq!(state_of_slot(&after(&[&first, &without, &first]), 2), (SlotStatus::InProgramme, 2, 3));
    }

    #[test]
    fn hidden_slots_and_their_placeholders_are_not_cancelled() {
        let first = agenda(|_| {});
        let hidden = agenda(|document| document["sessions"][1]["visibility"] = json!("withheld"));
        let without = agenda(|document| _ = document["sessions"].as_array_mut().unwrap().remove(1));
        assert_eq!(state_of_slot(&after(&[&first, &hidden]), 2), (SlotStatus::NotVisible, 0, 1));
        assert_eq!(after(&[&first, &hidden, &first]).cancelled().count(), 0);
        assert_eq!(state_of_slot(&after(&[&first, &hidden, &first]), 2), (SlotStatus::InProgramme, 0, 3));
        assert_eq!(
            after(&[&first, &hidden, &without]).cancelled().count(),
            0,
            "a cancelled slot that was hidden is not listed"
        );
        let untimed = agenda(|document| document["sessions"][1]["items"][0]["time_limit_minutes"] = Value::Null);
        assert_eq!(state_of_slot(&after(&[&first, &untimed]), 3), (SlotStatus::NotVisible, 0, 1));
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
