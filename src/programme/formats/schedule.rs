//! A release as apps for schedules describe it: days with rooms, rooms with events, events with persons. It is made
//! once and written as XML ([`super::schedule_xml`]) and as JSON ([`super::schedule_json`]), so that both always
//! contain the same.
//!
//! Guarantees for readers, in addition to the schemas of the format:
//! - Days are numbered from 1 without gaps, each date once; an event belongs to the day that contains its start.
//! - Rooms are identified by name: no two have the same, and an event without a room takes place at the venue.
//! - Events and persons are identified by numbers that stay the same in every release ([`numbers`]).
//! - A duration is shorter than a day: longer ones are written as 23:59. A second event for the rest would have an
//!   unknown identifier, and an import would turn it into a second session.
//! - An event with a subtitle has a description.
//! - No text contains a character that XML cannot contain.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveTime};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Source;
use crate::{
    agenda::{Agenda, import::text::ascii_code},
    programme::timing::{self, Slot},
    values::{Code, LanguageTag, Localised},
};

/// The length of the grid on which apps draw events (`HH:MM`).
pub const TIMESLOT: &str = "00:05";
/// The longest duration that readers understand, in minutes.
const MINUTES_MAX: i64 = 23 * 60 + 59;
/// The shortest length of an acronym, and of the last part of a slug.
const NAME_LENGTH_MIN: usize = 4;

/// A release, as apps for schedules describe it.
#[derive(Debug)]
pub struct Schedule {
    /// The public address of this service.
    pub system: String,
    /// The number of the release.
    pub version: String,
    pub title: String,
    /// A short name of the conference: lower-case letters and digits.
    pub acronym: String,
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub time_zone_name: String,
    pub tracks: Vec<Track>,
    pub rooms: Vec<Room>,
    pub days: Vec<Day>,
}

#[derive(Debug, Serialize)]
pub struct Track {
    pub name: String,
    /// Its name in URLs, which begins with a letter.
    pub slug: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Room {
    /// Unique in the schedule.
    pub name: String,
    pub guid: Uuid,
}

#[derive(Debug)]
pub struct Day {
    /// From 1.
    pub index: usize,
    pub date: NaiveDate,
    /// When it begins (RFC 3339).
    pub start: String,
    /// Its last minute (RFC 3339).
    pub end: String,
    /// The events of each room, in order of time. Every day has every room, in the same order.
    pub rooms: Vec<(Room, Vec<Event>)>,
}

/// A session, or an item of a session.
#[derive(Debug, Serialize)]
pub struct Event {
    /// A number that stays the same in every release.
    pub id: u32,
    pub guid: Uuid,
    /// The start (RFC 3339).
    pub date: String,
    /// The local time of the start (`HH:MM`).
    pub start: String,
    /// The duration (`HH:MM`).
    pub duration: String,
    /// The name of the room.
    pub room: String,
    pub title: String,
    /// For an item, the title of its session; otherwise empty.
    pub subtitle: String,
    /// The kind, as the API writes it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The name of the track.
    pub track: Option<String>,
    /// The first language of the session (ISO 639-1), if its tag has such a code.
    pub language: Option<String>,
    #[serde(rename = "abstract")]
    pub abstract_: String,
    /// For an item, a sentence that names its session; otherwise empty.
    pub description: String,
    /// Its name in URLs.
    pub slug: String,
    /// The address of the session in the API.
    pub url: String,
    /// The people who appear in it.
    pub persons: Vec<Person>,
    /// For an item, a link to its session.
    pub links: Vec<Link>,
}

#[derive(Debug)]
pub struct Person {
    /// A number that stays the same in every release.
    pub id: u32,
    pub guid: Uuid,
    pub name: String,
}

#[derive(Debug, Serialize)]
pub struct Link {
    pub url: String,
    pub title: String,
    /// The relation of the target to the event.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

impl Schedule {
    pub fn of(source: &Source<'_>) -> Self {
        let agenda = &source.snapshot.agenda;
        let conference = &agenda.conference;
        let mut slots: Vec<Slot<'_>> = timing::slots(agenda).collect();
        // A stable sort: a session stays before its first item.
        slots.sort_by_key(|slot| slot.span.starts_at);
        let rooms = rooms(source, slots.iter().any(|slot| source.room_of(slot.session).is_none()));
        let track = |track: &crate::agenda::document::Track| Track {
            name: single_line(source.text(&track.name)),
            slug: track_slug(track.code.as_str()),
        };
        Self {
            system: source.base_url.to_owned(),
            version: source.snapshot.release.number.to_string(),
            title: single_line(source.text(&conference.name)),
            acronym: acronym(&conference.slug, conference.starts_on.0),
            start: conference.starts_on.0,
            end: conference.ends_on.0,
            time_zone_name: conference.time_zone.to_string(),
            tracks: agenda.tracks.iter().map(track).collect(),
            days: days(source, &slots, &rooms),
            rooms: rooms.into_iter().map(|(_, room)| room).collect(),
        }
    }
}

/// The date of the conference day to which a start time belongs; its own date if it belongs to none.
pub fn date_of(agenda: &Agenda, starts_at: DateTime<FixedOffset>) -> NaiveDate {
    let wall = starts_at.naive_local();
    agenda.day_at(wall).map_or(wall.date(), |day| day.date.0)
}

/// Every day of the agenda, and every other date on which a slot starts.
fn days(source: &Source<'_>, slots: &[Slot<'_>], rooms: &[(Option<&Code>, Room)]) -> Vec<Day> {
    let agenda = &source.snapshot.agenda;
    let mut changeovers: BTreeMap<NaiveDate, NaiveTime> =
        agenda.days.iter().map(|day| (day.date.0, day.changeover.map_or(NaiveTime::MIN, |time| time.0))).collect();
    for starts_at in slots
        .iter()
        .map(|slot| slot.span.starts_at.naive_local())
        .filter(|starts_at| agenda.day_at(*starts_at).is_none())
    {
        // The day begins with the first slot that would otherwise belong to no day.
        let begins_at = changeovers.entry(starts_at.date()).or_insert(starts_at.time());
        *begins_at = starts_at.time().min(*begins_at);
    }
    let mut events = events(source, slots, rooms);
    let day = |((date, changeover), index): ((&NaiveDate, &NaiveTime), usize)| {
        let next_date = date.succ_opt().unwrap_or(*date);
        let next_changeover = changeovers.get(&next_date).unwrap_or(changeover);
        let begins_at = |date: NaiveDate, time: NaiveTime| agenda.conference.time_zone.earliest(date.and_time(time));
        Day {
            index,
            date: *date,
            start: instant(begins_at(*date, *changeover)),
            end: instant(begins_at(next_date, *next_changeover) - Duration::minutes(1)),
            rooms: rooms
                .iter()
                .map(|(code, room)| (room.clone(), events.remove(&(*date, *code)).unwrap_or_default()))
                .collect(),
        }
    };
    changeovers.iter().zip(1..).map(day).collect()
}

/// The rooms with their codes; no two have the same name. If a slot has no room, the last one, without a code, is its
/// place: the venue.
fn rooms<'a>(source: &Source<'a>, with_venue: bool) -> Vec<(Option<&'a Code>, Room)> {
    let agenda = &source.snapshot.agenda;
    let id_of = |id: Option<crate::ids::RoomId>| id.map(|id| id.uuid()).unwrap_or_default();
    let mut rooms: Vec<_> = agenda
        .rooms
        .iter()
        .map(|room| (Some(&room.code), Room { name: single_line(source.text(&room.name)), guid: id_of(room.id) }))
        .collect();
    if with_venue {
        let to_be_announced = source.phrases().room_to_be_announced();
        let venue = agenda.conference.venue.as_ref().map(|venue| single_line(source.text(&venue.name)));
        // A room with the same name as the venue keeps it.
        let name = venue.filter(|venue| !rooms.iter().any(|(_, room)| room.name == *venue));
        let conference = agenda.conference.id.map(|id| id.uuid()).unwrap_or_default();
        let guid = Uuid::new_v5(&conference, b"venue");
        rooms.push((None, Room { name: name.unwrap_or_else(|| to_be_announced.to_owned()), guid }));
    }
    make_names_unique(&mut rooms);
    rooms
}

/// Adds the code to the name of each room that has the same name as another.
fn make_names_unique(rooms: &mut [(Option<&Code>, Room)]) {
    loop {
        let mut uses: HashMap<String, usize> = HashMap::new();
        rooms.iter().for_each(|(_, room)| *uses.entry(room.name.clone()).or_default() += 1);
        if uses.values().all(|count| *count == 1) {
            return;
        }
        for (code, room) in rooms.iter_mut().filter(|(_, room)| uses.get(&room.name).is_some_and(|count| *count > 1)) {
            room.name = format!("{} ({})", room.name, code.map_or("venue", Code::as_str));
        }
    }
}

/// The events of each day and room, in order of time.
fn events<'a>(
    source: &Source<'a>,
    slots: &[Slot<'a>],
    rooms: &[(Option<&'a Code>, Room)],
) -> HashMap<(NaiveDate, Option<&'a Code>), Vec<Event>> {
    let agenda = &source.snapshot.agenda;
    let names: HashMap<_, _> = rooms.iter().map(|(code, room)| (*code, room.name.as_str())).collect();
    let speakers = agenda.speakers.iter().filter_map(|speaker| speaker.id.map(|id| id.uuid()));
    // A cancelled slot keeps its number, so that no other gets it.
    let released_ids = source.snapshot.history.0.keys().copied();
    let builder = EventBuilder {
        source,
        acronym: acronym(&agenda.conference.slug, agenda.conference.starts_on.0),
        numbers: numbers(released_ids.chain(slots.iter().map(Slot::id)).chain(speakers)),
        guids: guids(slots),
    };
    let mut events: HashMap<_, Vec<Event>> = HashMap::new();
    for slot in slots {
        let room = source.room_of(slot.session).map(|room| &room.code);
        let event = builder.event(slot, names.get(&room).copied().unwrap_or_default());
        events.entry((date_of(agenda, slot.span.starts_at), room)).or_default().push(event);
    }
    events
}

/// What is needed to make events.
struct EventBuilder<'a, 's> {
    source: &'s Source<'a>,
    acronym: String,
    numbers: HashMap<Uuid, u32>,
    guids: HashMap<Uuid, Uuid>,
}

impl<'a> EventBuilder<'a, '_> {
    fn event(&self, slot: &Slot<'a>, room: &str) -> Event {
        let (source, session) = (self.source, slot.session);
        let (id, title) = (self.number(slot.id()), single_line(source.text(slot.title())));
        let session_title = single_line(source.text(&session.title));
        let url = source.url(&format!("/programme/sessions/{}", session.code));
        let mut event = Event {
            id,
            guid: self.guids.get(&slot.id()).copied().unwrap_or_default(),
            date: instant(slot.span.starts_at),
            start: slot.span.starts_at.format("%H:%M").to_string(),
            duration: duration(slot.span.minutes()),
            room: room.to_owned(),
            slug: slug(&self.acronym, id, &title, slot.kind()),
            title,
            subtitle: String::new(),
            kind: slot.kind(),
            track: source.track_of(session).map(|track| single_line(source.text(&track.name))),
            language: session.languages.first().and_then(iso_639_1),
            abstract_: slot.description().map(|text: &Localised| xml_text(source.text(text))).unwrap_or_default(),
            description: String::new(),
            url,
            persons: self.persons(slot),
            links: Vec::new(),
        };
        if slot.item.is_some() {
            event.description = source.phrases().part_of(&session_title);
            event.links.push(Link { url: event.url.clone(), title: session_title.clone(), kind: "related" });
            event.subtitle = session_title;
        }
        event
    }

    fn persons(&self, slot: &Slot<'a>) -> Vec<Person> {
        let person = |appearance: &crate::agenda::document::Appearance| {
            let speaker = self.source.snapshot.speaker(&appearance.speaker)?;
            let guid = speaker.id?.uuid();
            Some(Person { id: self.number(guid), guid, name: single_line(&self.source.name_of(speaker)) })
        };
        slot.appearances().into_iter().filter_map(person).collect()
    }

    fn number(&self, uuid: Uuid) -> u32 {
        self.numbers.get(&uuid).copied().unwrap_or(1)
    }
}

/// A number for each of these ids, the same in every release: 31 bits of its hash. If two ids have the same number, the
/// older id keeps it.
fn numbers(uuids: impl Iterator<Item = Uuid>) -> HashMap<Uuid, u32> {
    let mut used = HashSet::new();
    let mut unused_number =
        |uuid: Uuid| (0..=u32::MAX).map(|attempt| number(uuid, attempt)).find(|number| used.insert(*number));
    let in_order: BTreeSet<Uuid> = uuids.collect();
    in_order.into_iter().filter_map(|uuid| Some((uuid, unused_number(uuid)?))).collect()
}

fn number(uuid: Uuid, attempt: u32) -> u32 {
    let hash: [u8; 32] = Sha256::new().chain_update(uuid).chain_update(attempt.to_be_bytes()).finalize().into();
    let [first, second, third, fourth, ..] = hash;
    (u32::from_be_bytes([first, second, third, fourth]) >> 1).max(1)
}

/// The `guid` of each slot, by its id. Organisers can give two sessions the same `guid`; then the older one keeps it,
/// and the other uses its own id.
fn guids(slots: &[Slot<'_>]) -> HashMap<Uuid, Uuid> {
    let mut in_order: Vec<_> = slots.iter().map(|slot| (slot.id(), slot.guid())).collect();
    in_order.sort_unstable();
    let mut used = HashSet::new();
    let mut unused_guid = |id: Uuid, guid: Uuid| {
        let derived = std::iter::successors(Some(id), |last| Some(Uuid::new_v5(last, b"event")));
        std::iter::once(guid).chain(derived).find(|guid| used.insert(*guid))
    };
    in_order.into_iter().filter_map(|(id, guid)| Some((id, unused_guid(id, guid)?))).collect()
}

/// An acronym that every schema of the format allows: at least four lower-case letters and digits.
fn acronym(slug: &Code, starts_on: NaiveDate) -> String {
    let acronym = slug.as_str().replace('-', "");
    if acronym.len() < NAME_LENGTH_MIN { format!("{acronym}{}", starts_on.format("%Y")) } else { acronym }
}

fn track_slug(code: &str) -> String {
    let is_valid = code.len() > 1 && code.starts_with(|first: char| first.is_ascii_lowercase());
    if is_valid { code.to_owned() } else { format!("track-{code}") }
}

fn slug(acronym: &str, id: u32, title: &str, kind: &str) -> String {
    match ascii_code(title) {
        title if title.len() >= NAME_LENGTH_MIN => format!("{acronym}-{id}-{title}"),
        title if title.is_empty() => format!("{acronym}-{id}-{kind}"),
        title => format!("{acronym}-{id}-{title}-{kind}"),
    }
}

/// The ISO 639-1 code of a language, if its tag has one.
fn iso_639_1(tag: &LanguageTag) -> Option<String> {
    tag.as_str().split('-').next().filter(|language| language.len() == 2).map(str::to_owned)
}

fn duration(minutes: i64) -> String {
    let minutes = minutes.clamp(1, MINUTES_MAX);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn instant(instant: DateTime<FixedOffset>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A text of one line: readers would handle the line breaks in the name of a room in different ways.
fn single_line(text: &str) -> String {
    xml_text(text).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without the characters that XML 1.0 cannot contain (production 2, Char), and without carriage returns, which
/// XML would turn into line feeds.
fn xml_text(text: &str) -> String {
    let is_char = |c: &char| matches!(c, '\t' | '\n' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().filter(is_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn numbers_are_positive_and_distinct_and_stay_when_ids_are_added() {
        // Among so many, some hashes are the same.
        let uuids = || (0..200_000).map(Uuid::from_u128);
        let first = numbers(uuids());
        let distinct: HashSet<u32> = first.values().copied().collect();
        assert_eq!((first.len(), distinct.len()), (200_000, 200_000));
        assert!(distinct.iter().all(|number| (1..=i32::MAX.unsigned_abs()).contains(number)));
        assert!(uuids().any(|uuid| first[&uuid] != number(uuid, 0)));
        let more = numbers(uuids().chain((200_000..300_000).map(Uuid::from_u128)));
        assert!(first.iter().all(|(uuid, number)| more[uuid] == *number));
    }

    #[test]
    fn rooms_with_the_same_name_get_their_codes_added() {
        let codes: Vec<Code> = ["a", "b", "c", "d"].map(|code| Code::parse(code).unwrap()).into();
        let names = ["Hall", "Hall", "Hall (a)", "Attic"];
        let room = |(code, name): (_, &str)| (Some(code), Room { name: name.to_owned(), guid: Uuid::nil() });
        let mut rooms: Vec<_> = codes.iter().zip(names).map(room).collect();
        make_names_unique(&mut rooms);
        let names: Vec<_> = rooms.iter().map(|(_, room)| room.name.as_str()).collect();
        assert_eq!(names, ["Hall (a) (a)", "Hall (b)", "Hall (a) (c)", "Attic"]);
    }

    #[test]
    fn characters_that_xml_cannot_contain_are_removed() {
        assert_eq!(xml_text("a\u{b}b\0\u{1f}\r\n\t\u{fffe}\u{ffff}é😀\u{10ffff}"), "ab\n\té😀\u{10ffff}");
        assert_eq!(single_line(" a\n b\u{a0}!"), "a b\u{a0}!");
    }

    #[test]
    fn names_fit_the_patterns_of_every_schema() {
        let date = NaiveDate::from_ymd_opt(2030, 5, 1).unwrap();
        let of = |slug: &str| acronym(&Code::parse(slug).unwrap(), date);
        assert_eq!((of("a-b").as_str(), of("peace-2030").as_str()), ("ab2030", "peace2030"));
        assert_eq!(
            [track_slug("law"), track_slug("30-science"), track_slug("x")],
            ["law", "track-30-science", "track-x"]
        );
        assert_eq!(slug("acro", 7, "Élan & co", "panel"), "acro-7-elan-co");
        assert_eq!(
            [slug("acro", 7, "Oh", "panel"), slug("acro", 7, "!", "panel")],
            ["acro-7-oh-panel", "acro-7-panel"]
        );
        assert_eq!([duration(0), duration(90), duration(1440)], ["00:01", "01:30", "23:59"]);
        let language = |tag: &str| iso_639_1(&LanguageTag::parse(tag).unwrap());
        assert_eq!([language("pt-BR"), language("fil")], [Some("pt".to_owned()), None]);
    }
}
