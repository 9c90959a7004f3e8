//! `schedule.json` of c3voc, version 1, valid against `https://c3voc.de/schedule/schema.json`. The schema allows no
//! unknown keys. It allows a person either with a number or with a name: here with a name, and with the same identifier
//! as in the XML.

use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{
    Source,
    schedule::{Day, Event, Person, Room, Schedule, TIMESLOT, Track},
};

/// The address by which readers recognise the format.
const SCHEMA: &str = "https://c3voc.de/schedule/schema.json";

pub fn write(source: &Source<'_>) -> Vec<u8> {
    // Cannot fail: all keys are texts, and the target is memory.
    serde_json::to_vec(&Envelope::of(&Schedule::of(source))).unwrap_or_default()
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    generator: Generator<'a>,
    schedule: Body<'a>,
}

#[derive(Serialize)]
struct Generator<'a> {
    name: &'static str,
    version: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    version: &'a str,
    conference: Conference<'a>,
}

#[derive(Serialize)]
struct Conference<'a> {
    acronym: &'a str,
    title: &'a str,
    start: NaiveDate,
    end: NaiveDate,
    #[serde(rename = "daysCount")]
    days_count: usize,
    timeslot_duration: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone_name: Option<&'a str>,
    tracks: &'a [Track],
    rooms: &'a [Room],
    days: Vec<DayObject<'a>>,
}

#[derive(Serialize)]
struct DayObject<'a> {
    index: usize,
    date: NaiveDate,
    day_start: &'a str,
    day_end: &'a str,
    rooms: ByRoom<'a>,
}

/// A JSON object: the events of each room under its name, in the order of the rooms.
struct ByRoom<'a>(&'a [(Room, Vec<Event>)]);

impl<'a> Envelope<'a> {
    fn of(schedule: &'a Schedule) -> Self {
        let conference = Conference {
            acronym: &schedule.acronym,
            title: &schedule.title,
            start: schedule.start,
            end: schedule.end,
            days_count: schedule.days.len(),
            timeslot_duration: TIMESLOT,
            time_zone_name: Some(schedule.time_zone_name.as_str()).filter(|zone| is_allowed_zone(zone)),
            tracks: &schedule.tracks,
            rooms: &schedule.rooms,
            days: schedule.days.iter().map(DayObject::of).collect(),
        };
        Self {
            schema: SCHEMA,
            generator: Generator { name: "plenary", version: env!("CARGO_PKG_VERSION"), url: &schedule.system },
            schedule: Body { version: &schedule.version, conference },
        }
    }
}

/// Whether the schema allows the name of a time zone: it allows `Area/City` and UTC, but not `Etc/GMT-1`. The XML
/// always contains it.
fn is_allowed_zone(name: &str) -> bool {
    let is_upper = |c: char| c.is_ascii_uppercase();
    let is_lower = |c: char| c.is_ascii_lowercase();
    let is_name = |part: &str| part.len() > 1 && part.starts_with(is_upper) && part.chars().skip(1).all(is_lower);
    let is_city = |part: &str| part.starts_with(is_upper) && part.chars().nth(1).is_some_and(is_lower);
    name.ends_with("UTC") || name.split_once('/').is_some_and(|(area, city)| is_name(area) && is_city(city))
}

impl<'a> DayObject<'a> {
    fn of(day: &'a Day) -> Self {
        Self { index: day.index, date: day.date, day_start: &day.start, day_end: &day.end, rooms: ByRoom(&day.rooms) }
    }
}

impl Serialize for ByRoom<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(room, events)| (&room.name, events)))
    }
}

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut person = serializer.serialize_struct("Person", 3)?;
        person.serialize_field("guid", &self.guid)?;
        person.serialize_field("name", &self.name)?;
        person.serialize_field("public_name", &self.name)?;
        person.end()
    }
}
