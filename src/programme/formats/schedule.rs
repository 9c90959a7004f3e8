//! A release as apps that show schedules know it: days with their rooms, rooms with their events, events with their
//! persons. It is made once and written as XML ([`super::schedule_xml`]) and as JSON ([`super::schedule_json`]), so
//! that the two always say the same.
//!
//! What it promises to its readers, beyond what the schemas of the format ask for:
//! - Days count from 1 without gaps, each date once; an event lies on the day whose span holds its start.
//! - Rooms are known by name: no two have the same, and what has no room has a place all the same.
//! - Events and persons are known by numbers that stay from release to release ([`numbers`]).
//! - A duration is shorter than a day: longer ones are given as 23:59. A second event for the rest would have an
//!   identifier that nobody knows, and would be a second session where the schedule is imported.
//! - An event with a subtitle has a description.
//! - There is no character that XML cannot hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveTime};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Source;
use crate::{
    agenda::{Agenda, import::text::folded},
    programme::{
        timing::{self, Slot},
        tongue::Tongue,
    },
    values::{Code, LanguageTag, Localised},
};

/// The length of the grid that events are drawn on.
pub const TIMESLOT: &str = "00:05";
/// The longest duration that readers understand, in minutes.
const MINUTES_MAX: i64 = 23 * 60 + 59;
/// The shortest acronym, and the shortest end of a slug.
const NAME_LENGTH_MIN: usize = 4;

/// A release.
#[derive(Debug)]
pub struct Schedule {
    /// Where it comes from.
    pub system: String,
    /// What changes with each release.
    pub version: String,
    /// The conference's name.
    pub title: String,
    /// The conference's short name: lower-case letters and digits.
    pub acronym: String,
    /// The conference's first date.
    pub start: NaiveDate,
    /// The conference's last date.
    pub end: NaiveDate,
    /// The conference's time zone.
    pub time_zone_name: String,
    /// The themes.
    pub tracks: Vec<Track>,
    /// The rooms.
    pub rooms: Vec<Room>,
    /// The days.
    pub days: Vec<Day>,
}

/// A theme.
#[derive(Debug, Serialize)]
pub struct Track {
    /// Its name.
    pub name: String,
    /// Its name in URLs; it begins with a letter.
    pub slug: String,
}

/// A room.
#[derive(Debug, Clone, Serialize)]
pub struct Room {
    /// Its name, which no other has.
    pub name: String,
    /// Its identifier.
    pub guid: Uuid,
}

/// A day.
#[derive(Debug)]
pub struct Day {
    /// Its number, from 1.
    pub index: usize,
    /// Its date.
    pub date: NaiveDate,
    /// When it begins.
    pub start: String,
    /// Its last minute.
    pub end: String,
    /// What happens in each room, in time order: every room stands here, in the same order every day.
    pub rooms: Vec<(Room, Vec<Event>)>,
}

/// A session, or an item of one.
#[derive(Debug, Serialize)]
pub struct Event {
    /// Its number.
    pub id: u32,
    /// Its identifier.
    pub guid: Uuid,
    /// When it starts.
    pub date: String,
    /// The wall time when it starts.
    pub start: String,
    /// How long it is, in hours and minutes.
    pub duration: String,
    /// The room's name.
    pub room: String,
    /// Its title.
    pub title: String,
    /// The title of the session that an item is of.
    pub subtitle: String,
    /// The word for its kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The track's name.
    pub track: Option<String>,
    /// The language spoken, in two letters.
    pub language: Option<String>,
    /// What it is about.
    #[serde(rename = "abstract")]
    pub abstract_: String,
    /// Of an item, which session it is of.
    pub description: String,
    /// Its name in URLs.
    pub slug: String,
    /// Where to read of it.
    pub url: String,
    /// Who appears in it.
    pub persons: Vec<Person>,
    /// What belongs to it: an item's session.
    pub links: Vec<Link>,
}

/// A speaker.
#[derive(Debug)]
pub struct Person {
    /// Their number.
    pub id: u32,
    /// Their identifier.
    pub guid: Uuid,
    /// Their name.
    pub name: String,
}

/// A link.
#[derive(Debug, Serialize)]
pub struct Link {
    /// Where it leads.
    pub url: String,
    /// What is there.
    pub title: String,
    /// What it is to the event.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

impl Schedule {
    /// The schedule of a source.
    pub fn of(source: &Source<'_>) -> Self {
        let agenda = &source.snapshot.agenda;
        let conference = &agenda.conference;
        let mut slots: Vec<Slot<'_>> = timing::slots(agenda).collect();
        // Stable: a session stays before its first item.
        slots.sort_by_key(|slot| slot.span.starts_at);
        let rooms = rooms(source, slots.iter().any(|slot| source.room_of(slot.session).is_none()));
        let track = |track: &crate::agenda::document::Track| Track {
            name: line(source.text(&track.name)),
            slug: track_slug(track.code.as_str()),
        };
        Self {
            system: source.base_url.to_owned(),
            version: source.snapshot.release.number.to_string(),
            title: line(source.text(&conference.name)),
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

/// The date of the day on which something that starts then lies; its own where it lies on none.
pub fn date_of(agenda: &Agenda, starts_at: DateTime<FixedOffset>) -> NaiveDate {
    let wall = starts_at.naive_local();
    agenda.day_at(wall).map_or(wall.date(), |day| day.date.0)
}

/// Every day of the agenda, and every other date on which something lies.
fn days(source: &Source<'_>, slots: &[Slot<'_>], rooms: &[(Option<&Code>, Room)]) -> Vec<Day> {
    let agenda = &source.snapshot.agenda;
    let mut changeovers: BTreeMap<NaiveDate, NaiveTime> =
        agenda.days.iter().map(|day| (day.date.0, day.changeover.map_or(NaiveTime::MIN, |time| time.0))).collect();
    for wall in slots.iter().map(|slot| slot.span.starts_at.naive_local()).filter(|wall| agenda.day_at(*wall).is_none())
    {
        // The day begins with the first thing that would lie before it or on none.
        let begins = changeovers.entry(wall.date()).or_insert(wall.time());
        *begins = wall.time().min(*begins);
    }
    let mut events = events(source, slots, rooms);
    let day = |((date, changeover), index): ((&NaiveDate, &NaiveTime), usize)| {
        let next_date = date.succ_opt().unwrap_or(*date);
        let next_changeover = changeovers.get(&next_date).unwrap_or(changeover);
        let begins = |date: NaiveDate, time: NaiveTime| agenda.conference.time_zone.earliest(date.and_time(time));
        Day {
            index,
            date: *date,
            start: instant(begins(*date, *changeover)),
            end: instant(begins(next_date, *next_changeover) - Duration::minutes(1)),
            rooms: rooms
                .iter()
                .map(|(code, room)| (room.clone(), events.remove(&(*date, *code)).unwrap_or_default()))
                .collect(),
        }
    };
    changeovers.iter().zip(1..).map(day).collect()
}

/// The rooms, with their codes: no two have the same name. Where something has no room, the last one, without a code,
/// is where it takes place: the venue.
fn rooms<'a>(source: &Source<'a>, with_venue: bool) -> Vec<(Option<&'a Code>, Room)> {
    let agenda = &source.snapshot.agenda;
    let id_of = |id: Option<crate::ids::RoomId>| id.map(|id| id.uuid()).unwrap_or_default();
    let mut rooms: Vec<_> = agenda
        .rooms
        .iter()
        .map(|room| (Some(&room.code), Room { name: line(source.text(&room.name)), guid: id_of(room.id) }))
        .collect();
    if with_venue {
        let to_be_announced = tongue(source).room_to_be_announced();
        let venue = agenda.conference.venue.as_ref().map(|venue| line(source.text(&venue.name)));
        // A room that is called like the venue keeps its name.
        let name = venue.filter(|venue| !rooms.iter().any(|(_, room)| room.name == *venue));
        let conference = agenda.conference.id.map(|id| id.uuid()).unwrap_or_default();
        let guid = Uuid::new_v5(&conference, b"venue");
        rooms.push((None, Room { name: name.unwrap_or_else(|| to_be_announced.to_owned()), guid }));
    }
    tell_apart(&mut rooms);
    rooms
}

/// Puts the code behind the name of each room that has the name of another.
fn tell_apart(rooms: &mut [(Option<&Code>, Room)]) {
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

/// The events of each day and room, in time order.
fn events<'a>(
    source: &Source<'a>,
    slots: &[Slot<'a>],
    rooms: &[(Option<&'a Code>, Room)],
) -> HashMap<(NaiveDate, Option<&'a Code>), Vec<Event>> {
    let agenda = &source.snapshot.agenda;
    let names: HashMap<_, _> = rooms.iter().map(|(code, room)| (*code, room.name.as_str())).collect();
    let speakers = agenda.speakers.iter().filter_map(|speaker| speaker.id.map(|id| id.uuid()));
    // What was called off keeps its number, so that nobody else gets it.
    let released = source.snapshot.history.0.keys().copied();
    let maker = Maker {
        source,
        acronym: acronym(&agenda.conference.slug, agenda.conference.starts_on.0),
        numbers: numbers(released.chain(slots.iter().map(Slot::id)).chain(speakers)),
        guids: guids(slots),
    };
    let mut events: HashMap<_, Vec<Event>> = HashMap::new();
    for slot in slots {
        let room = source.room_of(slot.session).map(|room| &room.code);
        let event = maker.event(slot, names.get(&room).copied().unwrap_or_default());
        events.entry((date_of(agenda, slot.span.starts_at), room)).or_default().push(event);
    }
    events
}

/// What events are made with.
struct Maker<'a, 's> {
    source: &'s Source<'a>,
    acronym: String,
    numbers: HashMap<Uuid, u32>,
    guids: HashMap<Uuid, Uuid>,
}

impl<'a> Maker<'a, '_> {
    fn event(&self, slot: &Slot<'a>, room: &str) -> Event {
        let (source, session) = (self.source, slot.session);
        let (id, title) = (self.number(slot.id()), line(source.text(slot.title())));
        let session_title = line(source.text(&session.title));
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
            track: source.track_of(session).map(|track| line(source.text(&track.name))),
            language: session.languages.first().and_then(two_letters),
            abstract_: slot.description().map(|text: &Localised| prose(source.text(text))).unwrap_or_default(),
            description: String::new(),
            url,
            persons: self.persons(slot),
            links: Vec::new(),
        };
        if slot.item.is_some() {
            event.description = tongue(source).part_of(&session_title);
            event.links.push(Link { url: event.url.clone(), title: session_title.clone(), kind: "related" });
            event.subtitle = session_title;
        }
        event
    }

    fn persons(&self, slot: &Slot<'a>) -> Vec<Person> {
        let person = |appearance: &crate::agenda::document::Appearance| {
            let speaker = self.source.snapshot.speaker(&appearance.speaker)?;
            let guid = speaker.id?.uuid();
            Some(Person { id: self.number(guid), guid, name: line(&self.source.name_of(speaker)) })
        };
        slot.appearances().into_iter().filter_map(person).collect()
    }

    fn number(&self, uuid: Uuid) -> u32 {
        self.numbers.get(&uuid).copied().unwrap_or(1)
    }
}

/// A number for each of these, which it has in every release: 31 bits of its hash. Where two would have the same, the
/// one that was made first has it.
fn numbers(uuids: impl Iterator<Item = Uuid>) -> HashMap<Uuid, u32> {
    let mut taken = HashSet::new();
    let mut free =
        |uuid: Uuid| (0..=u32::MAX).map(|attempt| number(uuid, attempt)).find(|number| taken.insert(*number));
    let in_order: BTreeSet<Uuid> = uuids.collect();
    in_order.into_iter().filter_map(|uuid| Some((uuid, free(uuid)?))).collect()
}

fn number(uuid: Uuid, attempt: u32) -> u32 {
    let hash: [u8; 32] = Sha256::new().chain_update(uuid).chain_update(attempt.to_be_bytes()).finalize().into();
    let [first, second, third, fourth, ..] = hash;
    (u32::from_be_bytes([first, second, third, fourth]) >> 1).max(1)
}

/// The identifier of each slot, by its id. Nothing keeps organisers from giving two sessions the same: then the one
/// that was made first has it, and the other its own id.
fn guids(slots: &[Slot<'_>]) -> HashMap<Uuid, Uuid> {
    let mut in_order: Vec<_> = slots.iter().map(|slot| (slot.id(), slot.guid())).collect();
    in_order.sort_unstable();
    let mut taken = HashSet::new();
    let mut free = |id: Uuid, guid: Uuid| {
        let others = std::iter::successors(Some(id), |last| Some(Uuid::new_v5(last, b"event")));
        std::iter::once(guid).chain(others).find(|guid| taken.insert(*guid))
    };
    in_order.into_iter().filter_map(|(id, guid)| Some((id, free(id, guid)?))).collect()
}

/// The only form that every schema of the format takes: at least four lower-case letters and digits.
fn acronym(slug: &Code, starts_on: NaiveDate) -> String {
    let acronym = slug.as_str().replace('-', "");
    if acronym.len() < NAME_LENGTH_MIN { format!("{acronym}{}", starts_on.format("%Y")) } else { acronym }
}

fn track_slug(code: &str) -> String {
    let fits = code.len() > 1 && code.starts_with(|first: char| first.is_ascii_lowercase());
    if fits { code.to_owned() } else { format!("track-{code}") }
}

fn slug(acronym: &str, id: u32, title: &str, kind: &str) -> String {
    match folded(title) {
        title if title.len() >= NAME_LENGTH_MIN => format!("{acronym}-{id}-{title}"),
        title if title.is_empty() => format!("{acronym}-{id}-{kind}"),
        title => format!("{acronym}-{id}-{title}-{kind}"),
    }
}

/// The language of ISO 639-1, where the tag has one.
fn two_letters(tag: &LanguageTag) -> Option<String> {
    tag.as_str().split('-').next().filter(|language| language.len() == 2).map(str::to_owned)
}

fn duration(minutes: i64) -> String {
    let minutes = minutes.clamp(1, MINUTES_MAX);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn instant(instant: DateTime<FixedOffset>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn tongue(source: &Source<'_>) -> Tongue {
    Tongue::of(source.language.as_str()).unwrap_or(Tongue::English)
}

/// A text of one line: readers would join the lines of a room's name in one place and not in another.
fn line(text: &str) -> String {
    prose(text).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without the characters that XML 1.0 cannot hold (its production 2, Char); a carriage return it would turn
/// into a line feed.
fn prose(text: &str) -> String {
    let is_char = |c: &char| matches!(c, '\t' | '\n' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().filter(is_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn numbers_are_positive_and_distinct_and_stay_when_more_come() {
        // Among so many, some hashes are the same.
        let some = || (0..200_000).map(Uuid::from_u128);
        let first = numbers(some());
        let distinct: HashSet<u32> = first.values().copied().collect();
        assert_eq!((first.len(), distinct.len()), (200_000, 200_000));
        assert!(distinct.iter().all(|number| (1..=i32::MAX.unsigned_abs()).contains(number)));
        assert!(some().any(|uuid| first[&uuid] != number(uuid, 0)));
        let more = numbers(some().chain((200_000..300_000).map(Uuid::from_u128)));
        assert!(first.iter().all(|(uuid, number)| more[uuid] == *number));
    }

    #[test]
    fn rooms_of_one_name_are_told_apart_by_their_codes() {
        let codes: Vec<Code> = ["a", "b", "c", "d"].map(|code| Code::parse(code).unwrap()).into();
        let names = ["Hall", "Hall", "Hall (a)", "Attic"];
        let room = |(code, name): (_, &str)| (Some(code), Room { name: name.to_owned(), guid: Uuid::nil() });
        let mut rooms: Vec<_> = codes.iter().zip(names).map(room).collect();
        tell_apart(&mut rooms);
        let names: Vec<_> = rooms.iter().map(|(_, room)| room.name.as_str()).collect();
        assert_eq!(names, ["Hall (a) (a)", "Hall (b)", "Hall (a) (c)", "Attic"]);
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(prose("a\u{b}b\0\u{1f}\r\n\t\u{fffe}\u{ffff}é😀\u{10ffff}"), "ab\n\té😀\u{10ffff}");
        assert_eq!(line(" a\n b\u{a0}!"), "a b\u{a0}!");
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
        let language = |tag: &str| two_letters(&LanguageTag::parse(tag).unwrap());
        assert_eq!([language("pt-BR"), language("fil")], [Some("pt".to_owned()), None]);
    }
}
