//! The content of a file in one form for all formats, in the file's order, before it is joined with a draft.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta};
use uuid::{Uuid, uuid};

use super::{report::Report, text};
use crate::{
    agenda::{document::SessionKind, model::SESSIONS_MAX},
    csv_table::line_pointer,
    ids::SessionId,
    validation::ValidationErrors,
    values::{LanguageTag, LocalOrInstant, TextValue as _, TimeZone},
};

/// Namespace of the derived ids of sessions for which the file has none (RFC 9562, version 5).
const NAMESPACE: Uuid = uuid!("5b0c3f0e-6a1d-4c7e-9d52-0f6f3c1b8e47");

/// Content of a file about a whole conference.
#[derive(Debug, Default)]
pub struct Schedule {
    pub name: Option<String>,
    /// Part of the ids that are derived for events.
    pub acronym: Option<String>,
    /// Slug of the conference that the file creates.
    pub slug: Option<String>,
    pub description: Option<String>,
    /// Venue and city.
    pub venue: Option<(String, Option<String>)>,
    pub starts_on: Option<ConferenceDate>,
    pub ends_on: Option<ConferenceDate>,
    pub time_zone: Option<TimeZone>,
    pub days: Vec<FileDay>,
    /// Rooms: name and capacity.
    pub rooms: Vec<(String, Option<u32>)>,
    /// Names of the tracks.
    pub tracks: Vec<String>,
    pub people: People,
    pub events: Vec<Event>,
}

/// First or last date of a conference.
#[derive(Debug, Clone, Copy)]
pub enum ConferenceDate {
    Date(NaiveDate),
    /// An instant; its date depends on the time zone.
    Instant(DateTime<FixedOffset>),
}

/// A day of the file.
#[derive(Debug, Clone)]
pub struct FileDay {
    pub line: usize,
    pub date: NaiveDate,
    /// Start of the day, if the file states it.
    pub changeover: Option<Changeover>,
}

/// Start of a day.
#[derive(Debug, Clone, Copy)]
pub enum Changeover {
    Time(NaiveTime),
    /// An instant; its time of day depends on the time zone.
    Instant(DateTime<FixedOffset>),
}

/// A session of the file.
#[derive(Debug)]
pub struct Event {
    pub line: usize,
    /// Index of the day under which the file lists it.
    pub day: Option<usize>,
    pub guid: SessionId,
    /// Base of the session's code.
    pub code: String,
    /// Kind of session, if the file's type is one of the known kinds.
    pub kind: Option<SessionKind>,
    pub title: String,
    pub abstract_: Option<String>,
    /// Languages spoken.
    pub languages: Vec<LanguageTag>,
    pub starts_at: LocalOrInstant,
    pub duration: TimeDelta,
    /// Name of the room.
    pub room: Option<String>,
    /// Name of the track.
    pub track: Option<String>,
    /// Indices in [`Schedule::people`] of the people who appear, in order.
    pub persons: Vec<usize>,
}

/// A person of the file.
#[derive(Debug, Clone)]
pub struct Person {
    /// Identity of the person in the file: a guid, a code or an id.
    pub key: Option<String>,
    /// Whole name.
    pub name: String,
    pub biography: Option<String>,
    /// Line of the first appearance.
    pub line: usize,
}

/// People who appear, each once.
#[derive(Debug, Default)]
pub struct People {
    /// In the order of their first appearance.
    pub list: Vec<Person>,
    by_key: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl People {
    /// Index of this person, who is added if new: the same person has the same key or, without a key, the same name.
    pub fn index_of(&mut self, person: Person, report: &mut Report) -> usize {
        let known_index = match &person.key {
            Some(key) => self.by_key.get(key).copied().or_else(|| self.index_without_key(&person.name)),
            None => self.by_name.get(&person.name).copied(),
        };
        let index = known_index.unwrap_or(self.list.len());
        if let Some(key) = &person.key {
            self.by_key.entry(key.clone()).or_insert(index);
        }
        match self.list.get_mut(index) {
            Some(existing) => {
                if existing.name != person.name {
                    let detail = "one person has several names: the first is kept";
                    report.note("several_names", detail, Some(person.line));
                }
                existing.key = existing.key.take().or(person.key);
                existing.biography = existing.biography.take().or(person.biography);
            }
            None => {
                if self.by_name.contains_key(&person.name) {
                    let detail = "people with one name and different ids become several speakers";
                    report.note("same_name", detail, Some(person.line));
                }
                self.by_name.entry(person.name.clone()).or_insert(index);
                self.list.push(person);
            }
        }
        index
    }

    fn index_without_key(&self, name: &str) -> Option<usize> {
        let index = self.by_name.get(name).copied()?;
        self.list.get(index).is_some_and(|person| person.key.is_none()).then_some(index)
    }
}

/// Identifiers of the events read so far in one file.
#[derive(Debug, Default)]
pub struct EventIds {
    guids: HashMap<SessionId, usize>,
    ids: HashSet<String>,
}

impl EventIds {
    /// Whether an event is new. Of two events with one guid the first is kept.
    pub fn is_new(&mut self, guid: SessionId, id: &str, line: usize, report: &mut Report) -> bool {
        if let Some(first) = self.guids.get(&guid) {
            let detail = format!("an event with the guid or id of the one in line {first} is left out");
            report.note("duplicate_event", detail, Some(line));
            return false;
        }
        self.guids.insert(guid, line);
        if !id.is_empty() && !self.ids.insert(id.to_owned()) {
            report.note("duplicate_id", "events with different guids share an id; all are kept", Some(line));
        }
        true
    }
}

/// Checks that one more session may be added.
///
/// # Errors
/// The file has more than [`SESSIONS_MAX`] sessions.
pub fn check_session_limit(count: usize, line: usize) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if count >= SESSIONS_MAX {
        errors.add(line_pointer(line), "too_long", format!("at most {SESSIONS_MAX} sessions are imported"));
    }
    errors.into_result(())
}

/// Identifier of an event: its own guid, else one derived from its other identifiers.
pub fn guid(acronym: &str, guid: &str, others: &[&str], line: usize, report: &mut Report) -> SessionId {
    let own_uuid = Uuid::parse_str(guid).ok().filter(|uuid| !uuid.is_nil());
    if let Some(uuid) = own_uuid {
        return SessionId::from_uuid(uuid);
    }
    if guid.is_empty() {
        report.note("guid_derived", "an event without a guid gets one derived from its id", Some(line));
    } else {
        report.note("guid_replaced", "a guid that is not a UUID is replaced by one derived from it", Some(line));
    }
    let identity = [guid].iter().chain(others).find(|text| !text.is_empty()).copied().unwrap_or_default();
    SessionId::from_uuid(Uuid::new_v5(&NAMESPACE, format!("{acronym}:{identity}").as_bytes()))
}

/// Kind of session for a type of the file; `None` if the type matches no kind.
pub fn kind(type_name: &str) -> Option<SessionKind> {
    let folded_name = text::folded(type_name);
    if let Some(kind) = SessionKind::from_text(&folded_name.replace('-', "_")) {
        return Some(kind);
    }
    let has = |words: &[&str]| folded_name.split('-').any(|word| words.contains(&word));
    [
        (SessionKind::Break, ["break", "lunch", "coffee", "pause"].as_slice()),
        (SessionKind::Opening, &["opening"]),
        (SessionKind::Closing, &["closing"]),
        (SessionKind::Ceremony, &["ceremony"]),
        (SessionKind::Thematic, &["keynote", "keynotes", "plenary"]),
        (SessionKind::Social, &["social", "reception", "dinner", "party"]),
    ]
    .into_iter()
    .find_map(|(kind, words)| has(words).then_some(kind))
}

/// Names that files use for languages instead of tags.
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

/// Languages in a text such as `en`, `de, en`, `en_US` or `German`.
pub fn languages(text: &str, line: usize, report: &mut Report) -> Vec<LanguageTag> {
    let mut tags = Vec::new();
    for word in text.split([',', ';', '/', '&', '|', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let named_tag = LANGUAGES.iter().find(|(name, _)| *name == lower).map(|(_, tag)| (*tag).to_owned());
        let tag = named_tag.unwrap_or_else(|| match word.replace('_', "-").split_once('-') {
            Some((primary, rest)) => format!("{}-{rest}", primary.to_lowercase()),
            None => lower,
        });
        match LanguageTag::parse(&tag) {
            Ok(tag) if tags.contains(&tag) => {}
            Ok(tag) => tags.push(tag),
            Err(_) => report.note("language", "a language that is no BCP 47 tag is left out", Some(line)),
        }
    }
    tags
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
    fn persons_are_identified_by_key_else_by_name() {
        let (mut people, mut report) = (People::default(), Report::default());
        let person = |key: Option<&str>, name: &str| Person {
            key: key.map(str::to_owned),
            name: name.to_owned(),
            biography: None,
            line: 1,
        };
        let mut indexes = Vec::new();
        for (key, name) in
            [(None, "A"), (Some("1"), "A"), (Some("2"), "A"), (None, "A"), (Some("2"), "A."), (Some("1"), "A")]
        {
            indexes.push(people.index_of(person(key, name), &mut report));
        }
        assert_eq!(indexes, [0, 0, 1, 0, 1, 0]);
        assert_eq!(people.list.len(), 2);
    }

    #[test]
    fn a_guid_is_kept_or_always_derived_in_the_same_way_from_the_identifiers_of_the_event() {
        let mut report = Report::default();
        let own_guid = "270fa44c-821a-577f-8ca3-33e8d4a8c2a7";
        assert_eq!(guid("x", own_guid, &[], 1, &mut report).to_string(), own_guid);
        let derived = guid("x", "", &["7"], 1, &mut report);
        assert_eq!(derived, guid("x", "", &["7"], 9, &mut report));
        assert_ne!(derived, guid("y", "", &["7"], 1, &mut report));
        assert_ne!(guid("x", "c2Fs==", &["7"], 1, &mut report), derived);
        assert_eq!(report.0.len(), 2);
    }
}
