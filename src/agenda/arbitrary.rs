//! Random agendas for property tests. There are few things of each kind, so that two agendas share some of them; all
//! else about the things is random.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Agenda, model};

/// Time at which tests project these agendas: some embargoes have ended by then, some have not.
pub const AT: &str = "2030-01-01T00:00:00Z";
/// Marker in every text and code that the public must not see at [`AT`].
pub const NOT_PUBLIC: &str = "hush";
/// Marker in every text and code that attendees must not see either.
pub const NOT_FOR_ATTENDEES: &str = "secret";

/// Each combination: visibility, end of the embargo, whether the public sees the thing, whether attendees do.
const VISIBILITIES: &[(&str, Option<&str>, bool, bool)] = &[
    ("public", None, true, true),
    ("public", Some("2029-12-31T00:00:00Z"), true, true),
    ("public", Some("2030-02-01T00:00:00Z"), false, false),
    ("attendees", None, false, true),
    ("attendees", Some("2030-01-01T00:00:00Z"), true, true),
    ("attendees", Some("2030-02-01T00:00:00Z"), false, true),
    ("withheld", None, false, false),
    ("withheld", Some("2029-12-31T00:00:00Z"), true, true),
    ("withheld", Some("2030-03-01T00:00:00Z"), false, false),
];

/// A random agenda. Every one of them is a valid document.
pub fn agenda() -> impl Strategy<Value = Agenda> {
    prop::collection::vec(any::<u32>(), 300).prop_map(|numbers| {
        let mut agenda = model::read(RandomChoices(numbers).document()).unwrap();
        agenda.adopt_ids(None).unwrap();
        agenda
    })
}

/// Random numbers that decide what an agenda contains; 0 once they are used up.
struct RandomChoices(Vec<u32>);

/// A thing that others refer to, and who may see it.
#[derive(Clone)]
struct TestThing {
    code: String,
    public: bool,
    attendees: bool,
}

impl TestThing {
    fn text(&self, text: &str) -> String {
        format!("{text}{}", self.marker())
    }

    fn marker(&self) -> String {
        let public = if self.public { "" } else { NOT_PUBLIC };
        let attendees = if self.attendees { "" } else { NOT_FOR_ATTENDEES };
        format!("{public}{attendees}")
    }
}

impl RandomChoices {
    fn number_below(&mut self, count: usize) -> usize {
        usize::try_from(self.0.pop().unwrap_or(0)).unwrap() % count.max(1)
    }

    fn yes_or_no(&mut self) -> bool {
        self.number_below(2) == 1
    }

    fn one_of_two(&mut self, words: [&'static str; 2]) -> &'static str {
        words[self.number_below(2)]
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.number_below(from.len() + 1))
    }

    /// A random selection from `count` numbers, in random order.
    fn some_of(&mut self, count: usize) -> Vec<usize> {
        let mut selected: Vec<usize> = (0..count).filter(|_| self.yes_or_no()).collect();
        for last in (1..selected.len()).rev() {
            selected.swap(last, self.number_below(last + 1));
        }
        selected
    }

    fn text(&mut self, thing: &TestThing) -> Value {
        let text = thing.text(self.one_of_two(["one", "two"]));
        if self.yes_or_no() { json!({ "en": text, "fr": format!("le {text}") }) } else { json!({ "en": text }) }
    }

    fn optional(&mut self, thing: &TestThing) -> Value {
        if self.yes_or_no() { self.text(thing) } else { Value::Null }
    }

    /// A thing with this number: the same one in every agenda, under one of two codes.
    fn thing(&mut self, kind: &str, number: usize, visible_to: (bool, bool)) -> TestThing {
        let (public, attendees) = visible_to;
        let mut thing = TestThing { code: String::new(), public, attendees };
        let marker = thing.marker();
        let suffix = if marker.is_empty() { String::new() } else { format!("-{marker}") };
        thing.code = format!("{kind}-{number}{}{suffix}", if self.yes_or_no() { "-b" } else { "" });
        thing
    }

    fn document(&mut self) -> Value {
        let everyone = (true, true);
        // A speaker's organisation is as secret as the speaker, who is its only member.
        let rooms: Vec<TestThing> = self.some_of(3).into_iter().map(|n| self.thing("room", n, everyone)).collect();
        let tracks: Vec<TestThing> = self.some_of(2).into_iter().map(|n| self.thing("track", n, everyone)).collect();
        let (mut organisations, mut speakers, mut speaker_names) = (Vec::new(), Vec::new(), Vec::new());
        for number in self.some_of(4) {
            let (visibility, from, public, attendees) = VISIBILITIES[self.number_below(VISIBILITIES.len())];
            let thing = self.thing("speaker", number, (public, attendees));
            let organisation = self.thing("organisation", number, (public, attendees));
            organisations.push(json!({
                "id": id("organisation", number), "code": organisation.code, "name": self.text(&organisation),
                "kind": "university"
            }));
            speakers.push(json!({
                "id": id("speaker", number), "code": thing.code, "given_name": thing.text("Given"),
                "family_name": thing.text("Family"), "honorific": self.optional(&thing),
                "position": self.optional(&thing), "biography": self.optional(&thing),
                "organisation": organisation.code, "precedence": if self.yes_or_no() { Some("minister") } else { None },
                "visibility": visibility, "public_from": from
            }));
            speaker_names.push(thing);
        }
        let mut items: Vec<usize> = self.some_of(5);
        let mut sessions = Vec::new();
        for number in self.some_of(3) {
            let item_count = self.number_below(items.len() + 1);
            let own_items = items.split_off(items.len() - item_count);
            sessions.push(self.session(number, &own_items, &rooms, &tracks, &speaker_names));
        }
        let issuer = self.choose(&speaker_names).map(|thing| json!({ "speaker": thing.code }));
        let call = self.yes_or_no().then(|| json!({ "title": "Call", "issued_by": issuer, "commitments": [] }));
        let room = |n: usize, thing: &TestThing| json!({ "id": id("room", n), "code": thing.code, "name": "Room" });
        let track = |n: usize, thing: &TestThing| json!({ "id": id("track", n), "code": thing.code, "name": "Track" });
        let number = |thing: &TestThing| thing.code.split('-').nth(1).unwrap().parse::<usize>().unwrap();
        json!({
            "conference": {
                "id": id("conference", 0), "slug": "any", "name": "Any", "starts_on": "2030-05-01",
                "ends_on": "2030-05-02", "time_zone": "Europe/Brussels", "languages": ["en", "fr"],
                "listing": "unlisted"
            },
            "organisations": organisations,
            "days": [{ "id": id("day", 1), "date": "2030-05-01" }, { "id": id("day", 2), "date": "2030-05-02" }],
            "rooms": rooms.iter().map(|thing| room(number(thing), thing)).collect::<Vec<_>>(),
            "tracks": tracks.iter().map(|thing| track(number(thing), thing)).collect::<Vec<_>>(),
            "speakers": speakers,
            "sessions": sessions,
            "call_for_action": call
        })
    }

    fn session(
        &mut self,
        number: usize,
        own_items: &[usize],
        rooms: &[TestThing],
        tracks: &[TestThing],
        speakers: &[TestThing],
    ) -> Value {
        let (visibility, from, public, attendees) = VISIBILITIES[self.number_below(VISIBILITIES.len())];
        let thing = self.thing("session", number, (public, attendees));
        let items: Vec<Value> = own_items.iter().map(|item| self.item(*item, (public, attendees), speakers)).collect();
        let hour = 9 + self.number_below(8);
        json!({
            "id": id("session", number), "code": thing.code, "kind": self.one_of_two(["opening", "thematic"]),
            "title": self.text(&thing), "abstract": self.optional(&thing),
            "starts_at": format!("2030-05-0{}T{hour:02}:00", 1 + self.number_below(2)),
            "ends_at": format!("2030-05-02T{:02}:30", hour + 1),
            "room": self.choose(rooms).map(|room| &room.code), "track": self.choose(tracks).map(|track| &track.code),
            "languages": if self.yes_or_no() { vec!["en"] } else { vec![] },
            "visibility": visibility, "public_from": from, "appearances": self.appearances(speakers), "items": items
        })
    }

    fn item(&mut self, number: usize, session_visible_to: (bool, bool), speakers: &[TestThing]) -> Value {
        let (visibility, from, public, attendees) = VISIBILITIES[self.number_below(VISIBILITIES.len())];
        let thing = self.thing("item", number, (public && session_visible_to.0, attendees && session_visible_to.1));
        json!({
            "id": id("item", number), "code": thing.code, "kind": self.one_of_two(["keynote", "panel"]),
            "title": self.text(&thing), "abstract": self.optional(&thing), "placed_by_hand": self.yes_or_no(),
            "inscribed_at": if self.yes_or_no() { Some("2030-01-01T10:00:00Z") } else { None },
            "visibility": visibility, "public_from": from, "appearances": self.appearances(speakers)
        })
    }

    fn appearances(&mut self, speakers: &[TestThing]) -> Vec<Value> {
        let speaker_indexes = self.some_of(speakers.len());
        speaker_indexes
            .into_iter()
            .map(|index| {
                let on_behalf_of = self.choose(speakers).map(|thing| thing.code.clone());
                json!({ "speaker": speakers[index].code, "role": "speaker", "on_behalf_of": on_behalf_of })
            })
            .collect()
    }
}

/// Id of the thing with this kind and number, the same in every agenda.
pub fn id(kind: &str, number: usize) -> String {
    let kinds = ["conference", "organisation", "day", "room", "track", "speaker", "session", "item"];
    let kind = kinds.iter().position(|name| *name == kind).unwrap();
    format!("0190a000-0000-7000-8000-0000000{kind:02}{number:03}")
}
