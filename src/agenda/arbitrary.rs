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
const SIGHTS: &[(&str, Option<&str>, bool, bool)] = &[
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
        let mut agenda = model::read(Draw(numbers).document()).unwrap();
        agenda.adopt_ids(None).unwrap();
        agenda
    })
}

/// Random numbers for decisions; 0 once they are used up.
struct Draw(Vec<u32>);

/// A thing that others refer to, and who may see it.
#[derive(Clone)]
struct Named {
    code: String,
    public: bool,
    attendees: bool,
}

impl Named {
    fn text(&self, text: &str) -> String {
        format!("{text}{}", self.mark())
    }

    fn mark(&self) -> String {
        let public = if self.public { "" } else { NOT_PUBLIC };
        let attendees = if self.attendees { "" } else { NOT_FOR_ATTENDEES };
        format!("{public}{attendees}")
    }
}

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.0.pop().unwrap_or(0)).unwrap() % count.max(1)
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 1
    }

    fn word(&mut self, words: [&'static str; 2]) -> &'static str {
        words[self.below(2)]
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() + 1))
    }

    /// A random selection from `count` numbers, in random order.
    fn some_of(&mut self, count: usize) -> Vec<usize> {
        let mut some: Vec<usize> = (0..count).filter(|_| self.chance()).collect();
        for last in (1..some.len()).rev() {
            some.swap(last, self.below(last + 1));
        }
        some
    }

    fn text(&mut self, named: &Named) -> Value {
        let text = named.text(self.word(["one", "two"]));
        if self.chance() { json!({ "en": text, "fr": format!("le {text}") }) } else { json!({ "en": text }) }
    }

    fn optional(&mut self, named: &Named) -> Value {
        if self.chance() { self.text(named) } else { Value::Null }
    }

    /// A thing with this number: the same one in every agenda, under one of two codes.
    fn named(&mut self, kind: &str, number: usize, sight: (bool, bool)) -> Named {
        let (public, attendees) = sight;
        let mut named = Named { code: String::new(), public, attendees };
        let mark = named.mark();
        let end = if mark.is_empty() { String::new() } else { format!("-{mark}") };
        named.code = format!("{kind}-{number}{}{end}", if self.chance() { "-b" } else { "" });
        named
    }

    fn document(&mut self) -> Value {
        let everyone = (true, true);
        // A speaker's organisation is as secret as the speaker, who is its only member.
        let rooms: Vec<Named> = self.some_of(3).into_iter().map(|n| self.named("room", n, everyone)).collect();
        let tracks: Vec<Named> = self.some_of(2).into_iter().map(|n| self.named("track", n, everyone)).collect();
        let (mut organisations, mut speakers, mut speaker_names) = (Vec::new(), Vec::new(), Vec::new());
        for number in self.some_of(4) {
            let (visibility, from, public, attendees) = SIGHTS[self.below(SIGHTS.len())];
            let named = self.named("speaker", number, (public, attendees));
            let organisation = self.named("organisation", number, (public, attendees));
            organisations.push(json!({
                "id": id("organisation", number), "code": organisation.code, "name": self.text(&organisation),
                "kind": "university"
            }));
            speakers.push(json!({
                "id": id("speaker", number), "code": named.code, "given_name": named.text("Given"),
                "family_name": named.text("Family"), "honorific": self.optional(&named),
                "position": self.optional(&named), "biography": self.optional(&named),
                "organisation": organisation.code, "precedence": if self.chance() { Some("minister") } else { None },
                "visibility": visibility, "public_from": from
            }));
            speaker_names.push(named);
        }
        let mut items: Vec<usize> = self.some_of(5);
        let mut sessions = Vec::new();
        for number in self.some_of(3) {
            let take = self.below(items.len() + 1);
            let own = items.split_off(items.len() - take);
            sessions.push(self.session(number, &own, &rooms, &tracks, &speaker_names));
        }
        let issuer = self.choose(&speaker_names).map(|named| json!({ "speaker": named.code }));
        let call = self.chance().then(|| json!({ "title": "Call", "issued_by": issuer, "commitments": [] }));
        let room = |n: usize, named: &Named| json!({ "id": id("room", n), "code": named.code, "name": "Room" });
        let track = |n: usize, named: &Named| json!({ "id": id("track", n), "code": named.code, "name": "Track" });
        let number = |named: &Named| named.code.split('-').nth(1).unwrap().parse::<usize>().unwrap();
        json!({
            "conference": {
                "id": id("conference", 0), "slug": "any", "name": "Any", "starts_on": "2030-05-01",
                "ends_on": "2030-05-02", "time_zone": "Europe/Brussels", "languages": ["en", "fr"]
            },
            "organisations": organisations,
            "days": [{ "id": id("day", 1), "date": "2030-05-01" }, { "id": id("day", 2), "date": "2030-05-02" }],
            "rooms": rooms.iter().map(|named| room(number(named), named)).collect::<Vec<_>>(),
            "tracks": tracks.iter().map(|named| track(number(named), named)).collect::<Vec<_>>(),
            "speakers": speakers,
            "sessions": sessions,
            "call_for_action": call
        })
    }

    fn session(
        &mut self,
        number: usize,
        own: &[usize],
        rooms: &[Named],
        tracks: &[Named],
        speakers: &[Named],
    ) -> Value {
        let (visibility, from, public, attendees) = SIGHTS[self.below(SIGHTS.len())];
        let named = self.named("session", number, (public, attendees));
        let items: Vec<Value> = own.iter().map(|item| self.item(*item, (public, attendees), speakers)).collect();
        let hour = 9 + self.below(8);
        json!({
            "id": id("session", number), "code": named.code, "kind": self.word(["opening", "thematic"]),
            "title": self.text(&named), "abstract": self.optional(&named),
            "starts_at": format!("2030-05-0{}T{hour:02}:00", 1 + self.below(2)),
            "ends_at": format!("2030-05-02T{:02}:30", hour + 1),
            "room": self.choose(rooms).map(|room| &room.code), "track": self.choose(tracks).map(|track| &track.code),
            "languages": if self.chance() { vec!["en"] } else { vec![] },
            "visibility": visibility, "public_from": from, "appearances": self.appearances(speakers), "items": items
        })
    }

    fn item(&mut self, number: usize, within: (bool, bool), speakers: &[Named]) -> Value {
        let (visibility, from, public, attendees) = SIGHTS[self.below(SIGHTS.len())];
        let named = self.named("item", number, (public && within.0, attendees && within.1));
        json!({
            "id": id("item", number), "code": named.code, "kind": self.word(["keynote", "panel"]),
            "title": self.text(&named), "abstract": self.optional(&named), "placed_by_hand": self.chance(),
            "inscribed_at": if self.chance() { Some("2030-01-01T10:00:00Z") } else { None },
            "visibility": visibility, "public_from": from, "appearances": self.appearances(speakers)
        })
    }

    fn appearances(&mut self, speakers: &[Named]) -> Vec<Value> {
        let who = self.some_of(speakers.len());
        who.into_iter()
            .map(|index| {
                let on_behalf_of = self.choose(speakers).map(|named| named.code.clone());
                json!({ "speaker": speakers[index].code, "role": "speaker", "on_behalf_of": on_behalf_of })
            })
            .collect()
    }
}

/// Id of the thing with this kind and number, the same in every agenda.
pub fn id(kind: &str, number: usize) -> String {
    let kinds = ["conference", "organisation", "day", "room", "track", "speaker", "session", "item"];
    let kind = kinds.iter().position(|known| *known == kind).unwrap();
    format!("0190a000-0000-7000-8000-0000000{kind:02}{number:03}")
}
