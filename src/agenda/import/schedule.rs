//! A schedule as every format says it: what is imported, in the file's order, before it meets a draft.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta};
use uuid::{Uuid, uuid};

use super::{report::Report, text};
use crate::{
    agenda::{document::SessionKind, model::SESSIONS_MAX},
    faults::Faults,
    ids::SessionId,
    values::{LanguageTag, Moment, TextValue as _, TimeZone},
};

/// Under which the ids of sessions are derived whose file gives them none (RFC 9562, version 5).
const NAMESPACE: Uuid = uuid!("5b0c3f0e-6a1d-4c7e-9d52-0f6f3c1b8e47");

/// What an import reads of a whole conference.
#[derive(Debug, Default)]
pub struct Schedule {
    /// The conference's name.
    pub name: Option<String>,
    /// What its name in URLs is made of.
    pub acronym: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its venue and city.
    pub venue: Option<(String, Option<String>)>,
    /// Its first date.
    pub starts_on: Option<Edge>,
    /// Its last date.
    pub ends_on: Option<Edge>,
    /// Its time zone.
    pub time_zone: Option<TimeZone>,
    /// Its days.
    pub days: Vec<FileDay>,
    /// Its rooms: names, with how many people they hold.
    pub rooms: Vec<(String, Option<u32>)>,
    /// Its tracks: names.
    pub tracks: Vec<String>,
    /// Who appears.
    pub people: People,
    /// What happens.
    pub events: Vec<Event>,
}

/// The first or last date of a conference.
#[derive(Debug, Clone, Copy)]
pub enum Edge {
    /// A date.
    Date(NaiveDate),
    /// An instant; its date depends on the zone.
    Instant(DateTime<FixedOffset>),
}

/// A day of the file.
#[derive(Debug, Clone)]
pub struct FileDay {
    /// Its line.
    pub line: usize,
    /// Its date.
    pub date: NaiveDate,
    /// When it begins, where the file says so.
    pub changeover: Option<Changeover>,
}

/// When a day begins.
#[derive(Debug, Clone, Copy)]
pub enum Changeover {
    /// At this time of day.
    Time(NaiveTime),
    /// At this instant; its time of day depends on the zone.
    Instant(DateTime<FixedOffset>),
}

/// A session of the file.
#[derive(Debug)]
pub struct Event {
    /// Its line.
    pub line: usize,
    /// The day that it is listed under.
    pub day: Option<usize>,
    /// Its identifier.
    pub guid: SessionId,
    /// What its code is made of.
    pub code: String,
    /// What it is, where its type says so.
    pub kind: Option<SessionKind>,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub abstract_: Option<String>,
    /// The languages spoken.
    pub languages: Vec<LanguageTag>,
    /// When it starts.
    pub starts_at: Moment,
    /// How long it lasts.
    pub duration: TimeDelta,
    /// The name of its room.
    pub room: Option<String>,
    /// The name of its track.
    pub track: Option<String>,
    /// Who appears in it, in order: places in [`Schedule::people`].
    pub persons: Vec<usize>,
}

/// A person of the file.
#[derive(Debug, Clone)]
pub struct Person {
    /// What tells them from others: a guid, a code, an id of the file.
    pub key: Option<String>,
    /// The whole name.
    pub name: String,
    /// Who they are.
    pub biography: Option<String>,
    /// The line where they first appear.
    pub line: usize,
}

/// Everyone who appears, each once.
#[derive(Debug, Default)]
pub struct People {
    /// In the order of their first appearance.
    pub list: Vec<Person>,
    by_key: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl People {
    /// The place of this person: the same key is the same person; without a key, the same name is.
    pub fn place(&mut self, person: Person, report: &mut Report) -> usize {
        let known = match &person.key {
            Some(key) => self.by_key.get(key).copied().or_else(|| self.keyless(&person.name)),
            None => self.by_name.get(&person.name).copied(),
        };
        let place = known.unwrap_or(self.list.len());
        if let Some(key) = &person.key {
            self.by_key.entry(key.clone()).or_insert(place);
        }
        match self.list.get_mut(place) {
            Some(standing) => {
                if standing.name != person.name {
                    let detail = "one person has several names: the first is kept";
                    report.note("several_names", detail, Some(person.line));
                }
                standing.key = standing.key.take().or(person.key);
                standing.biography = standing.biography.take().or(person.biography);
            }
            None => {
                if self.by_name.contains_key(&person.name) {
                    let detail = "persons of one name whom the file tells apart are several speakers";
                    report.note("same_name", detail, Some(person.line));
                }
                self.by_name.entry(person.name.clone()).or_insert(place);
                self.list.push(person);
            }
        }
        place
    }

    fn keyless(&self, name: &str) -> Option<usize> {
        let place = self.by_name.get(name).copied()?;
        self.list.get(place).is_some_and(|person| person.key.is_none()).then_some(place)
    }
}

/// The identifiers that the events of one file have had.
#[derive(Debug, Default)]
pub struct Seen {
    guids: HashMap<SessionId, usize>,
    ids: HashSet<String>,
}

impl Seen {
    /// Whether an event is new: of two with one guid the first is kept.
    pub fn is_new(&mut self, guid: SessionId, id: &str, line: usize, report: &mut Report) -> bool {
        if let Some(first) = self.guids.get(&guid) {
            let detail = format!("an event with the guid or id of the one in line {first} is left out");
            report.note("duplicate_event", detail, Some(line));
            return false;
        }
        self.guids.insert(guid, line);
        if !id.is_empty() && !self.ids.insert(id.to_owned()) {
            report.note("duplicate_id", "events with other guids share an id; all are kept", Some(line));
        }
        true
    }
}

/// Whether there is room for one more session.
///
/// # Errors
/// The fault of a file that has too many.
pub fn one_more(count: usize, line: usize) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if count >= SESSIONS_MAX {
        faults.add(at(line), "too_long", format!("at most {SESSIONS_MAX} sessions are imported"));
    }
    faults.or(())
}

/// The place of a line, as faults name it.
pub fn at(line: usize) -> String {
    format!("line {line}")
}

/// The identifier of an event: its own guid, else one derived from what else identifies it.
pub fn guid(acronym: &str, guid: &str, others: &[&str], line: usize, report: &mut Report) -> SessionId {
    let given = Uuid::parse_str(guid).ok().filter(|uuid| !uuid.is_nil());
    if let Some(uuid) = given {
        return SessionId::from_uuid(uuid);
    }
    if guid.is_empty() {
        report.note("guid_derived", "an event without a guid gets one made of its id", Some(line));
    } else {
        report.note("guid_replaced", "a guid that is no UUID is replaced by one made of it", Some(line));
    }
    let of = [guid].iter().chain(others).find(|text| !text.is_empty()).copied().unwrap_or_default();
    SessionId::from_uuid(Uuid::new_v5(&NAMESPACE, format!("{acronym}:{of}").as_bytes()))
}

/// What a session of this type is; none for a type that says nothing of the agenda's words.
pub fn kind(type_name: &str) -> Option<SessionKind> {
    let words = text::folded(type_name);
    if let Some(kind) = SessionKind::from_word(&words.replace('-', "_")) {
        return Some(kind);
    }
    let has = |known: &[&str]| words.split('-').any(|word| known.contains(&word));
    [
        (SessionKind::Break, ["break", "lunch", "coffee", "pause"].as_slice()),
        (SessionKind::Opening, &["opening"]),
        (SessionKind::Closing, &["closing"]),
        (SessionKind::Ceremony, &["ceremony"]),
        (SessionKind::Thematic, &["keynote", "keynotes", "plenary"]),
        (SessionKind::Social, &["social", "reception", "dinner", "party"]),
    ]
    .into_iter()
    .find_map(|(kind, known)| has(known).then_some(kind))
}

/// Names that files give languages instead of tags.
const LANGUAGES: &[(&str, &str)] = &[
    ("english", "en"),
    ("englisch", "en"),
    ("german", "de"),
    ("deutsch", "de"),
    ("french", "fr"),
    ("français", "fr"),
    ("francais", "fr"),
    ("spanish", "es"),
    ("español", "es"),
    ("russian", "ru"),
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("dutch", "nl"),
    ("nederlands", "nl"),
    ("italian", "it"),
    ("portuguese", "pt"),
    ("polish", "pl"),
    ("czech", "cs"),
];

/// The languages that a text names: `en`, `de, en`, `en_US`, `German`.
pub fn languages(text: &str, line: usize, report: &mut Report) -> Vec<LanguageTag> {
    let mut found = Vec::new();
    for word in text.split([',', ';', '/', '&', '|', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let named = LANGUAGES.iter().find(|(name, _)| *name == lower).map(|(_, tag)| (*tag).to_owned());
        let tag = named.unwrap_or_else(|| match word.replace('_', "-").split_once('-') {
            Some((primary, rest)) => format!("{}-{rest}", primary.to_lowercase()),
            None => lower,
        });
        match LanguageTag::parse(&tag) {
            Ok(tag) if found.contains(&tag) => {}
            Ok(tag) => found.push(tag),
            Err(_) => report.note("language", "a language that is no BCP 47 tag is left out", Some(line)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_names_one_of_the_agenda_s_kinds_is_that_kind() {
        for (name, word) in [
            ("high_level_political", Some("high_level_political")),
            ("Side Event", Some("side_event")),
            ("Ceremony", Some("ceremony")),
            ("Coffee break", Some("break")),
            ("keynote", Some("thematic")),
            ("Breakout", None),
            ("Talk 40 (30min +10 Q&A)", None),
            ("", None),
        ] {
            assert_eq!(kind(name).map(SessionKind::as_str), word, "{name}");
        }
    }

    #[test]
    fn languages_are_read_as_files_write_them() {
        let mut report = Report::default();
        let mut read = |text: &str| {
            languages(text, 1, &mut report).iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("de, en"), "de en");
        assert_eq!(read("en_US"), "en-US");
        assert_eq!(read("German/EN en"), "de en");
        assert_eq!(read(""), "");
        assert_eq!(read("klingonisch"), "");
        assert_eq!(report.0.len(), 1);
    }

    #[test]
    fn persons_are_one_by_key_else_by_name() {
        let (mut people, mut report) = (People::default(), Report::default());
        let person = |key: Option<&str>, name: &str| Person {
            key: key.map(str::to_owned),
            name: name.to_owned(),
            biography: None,
            line: 1,
        };
        let mut places = Vec::new();
        for (key, name) in
            [(None, "A"), (Some("1"), "A"), (Some("2"), "A"), (None, "A"), (Some("2"), "A."), (Some("1"), "A")]
        {
            places.push(people.place(person(key, name), &mut report));
        }
        assert_eq!(places, [0, 0, 1, 0, 1, 0]);
        assert_eq!(people.list.len(), 2);
    }

    #[test]
    fn a_guid_is_kept_or_made_of_what_identifies_the_event_and_always_the_same() {
        let mut report = Report::default();
        let own = "270fa44c-821a-577f-8ca3-33e8d4a8c2a7";
        assert_eq!(guid("x", own, &[], 1, &mut report).to_string(), own);
        let made = guid("x", "", &["7"], 1, &mut report);
        assert_eq!(made, guid("x", "", &["7"], 9, &mut report));
        assert_ne!(made, guid("y", "", &["7"], 1, &mut report));
        assert_ne!(guid("x", "c2Fs==", &["7"], 1, &mut report), made);
        assert_eq!(report.0.len(), 2);
    }
}
