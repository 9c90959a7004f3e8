//! schedule.json: its frame is read at once, its events one by one, so that each has its line.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::{
    frab::{RawConference, RawDay, RawEvent, RawPerson, RawSchedule},
    lines::Lines,
    report::Report,
    schedule::check_session_limit,
    schedule_xml::event_field,
};
use crate::{csv_table::line_pointer, validation::ValidationErrors};

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    schedule: FileSchedule<'a>,
}

#[derive(Deserialize)]
struct FileSchedule<'a> {
    #[serde(borrow)]
    conference: FileConference<'a>,
    #[serde(default)]
    version: Scalar,
}

#[derive(Deserialize)]
struct FileConference<'a> {
    #[serde(default)]
    title: Scalar,
    #[serde(default)]
    acronym: Scalar,
    #[serde(default)]
    start: Scalar,
    #[serde(default)]
    end: Scalar,
    #[serde(default)]
    timeslot_duration: Scalar,
    #[serde(default)]
    time_zone_name: Scalar,
    #[serde(default)]
    url: Scalar,
    #[serde(default)]
    logo: Scalar,
    #[serde(default)]
    rooms: Option<Vec<Value>>,
    #[serde(default)]
    tracks: Option<Vec<Value>>,
    #[serde(borrow)]
    days: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct FileDay<'a> {
    #[serde(default)]
    date: Scalar,
    #[serde(default)]
    day_start: Scalar,
    #[serde(borrow)]
    rooms: Rooms<'a>,
}

/// A string, a number or null, as a text: files write ids as strings or numbers.
#[derive(Debug, Default, Clone)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self(scalar_text(&value)))
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Rooms of a day with their events, in the file's order.
struct Rooms<'a>(Vec<(String, Vec<&'a RawValue>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Rooms<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Rooms<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of rooms with their events")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut rooms = Vec::new();
                while let Some(room) = map.next_entry::<String, Vec<&RawValue>>()? {
                    rooms.push(room);
                }
                Ok(Rooms(rooms))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads the file as texts.
///
/// # Errors
/// The file is not JSON, is not a schedule, or has too many events.
pub fn read(text: &str, report: &mut Report) -> Result<RawSchedule, ValidationErrors> {
    let locator = LineLocator { text, lines: Lines::of(text) };
    let file: File = serde_json::from_str(text).map_err(|error| error_of(&error, 1))?;
    let conference = file.schedule.conference;
    let mut raw_schedule = RawSchedule { conference: raw_conference(&conference), ..RawSchedule::default() };
    let unsupported_members =
        [("version", "the schedule", &file.schedule.version), ("url", "the conference", &conference.url)];
    for (member, of, value) in unsupported_members.into_iter().chain([("logo", "the conference", &conference.logo)]) {
        if !value.0.is_empty() {
            report.note("not_kept", format!("{member} of {of}"), None);
        }
    }
    for room in conference.rooms.iter().flatten() {
        let capacity = room.get("capacity").and_then(Value::as_u64).and_then(|capacity| u32::try_from(capacity).ok());
        raw_schedule.rooms.push((room.get("name").map(scalar_text).unwrap_or_default(), capacity));
    }
    raw_schedule.tracks =
        conference.tracks.iter().flatten().filter_map(|track| track.get("name").map(scalar_text)).collect();
    for raw in conference.days {
        let line = locator.line(raw);
        let day: FileDay = serde_json::from_str(raw.get()).map_err(|error| error_of(&error, line))?;
        raw_schedule.days.push(RawDay { line, date: day.date.0, start: day.day_start.0 });
        for (room, events) in day.rooms.0 {
            raw_schedule.rooms.push((room.clone(), None));
            for raw in events {
                let line = locator.line(raw);
                check_session_limit(raw_schedule.events.len(), line)?;
                let members: Map<String, Value> =
                    serde_json::from_str(raw.get()).map_err(|error| error_of(&error, line))?;
                let day = raw_schedule.days.len() - 1;
                raw_schedule.events.push(event(members, RawEvent { line, day, ..RawEvent::default() }, &room, report));
            }
        }
    }
    Ok(raw_schedule)
}

struct LineLocator<'a> {
    text: &'a str,
    lines: Lines,
}

impl LineLocator<'_> {
    /// Line of a value, which is a slice of the file's own text.
    fn line(&self, raw: &RawValue) -> usize {
        self.lines.line(raw.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr()))
    }
}

/// The error for a text that begins in `line`.
fn error_of(error: &serde_json::Error, line: usize) -> ValidationErrors {
    let code = if error.is_data() { "other_format" } else { "malformed_json" };
    let mut detail = error.to_string();
    if let Some(index) = detail.rfind(" at line ") {
        detail.truncate(index);
    }
    let mut errors = ValidationErrors::default();
    errors.add(line_pointer(line + error.line().saturating_sub(1)), code, detail);
    errors
}

fn raw_conference(conference: &FileConference<'_>) -> RawConference {
    RawConference {
        title: conference.title.0.clone(),
        acronym: conference.acronym.0.clone(),
        start: conference.start.0.clone(),
        end: conference.end.0.clone(),
        timeslot_duration: conference.timeslot_duration.0.clone(),
        time_zone_name: conference.time_zone_name.0.clone(),
        ..RawConference::default()
    }
}

fn event(members: Map<String, Value>, mut event: RawEvent, room: &str, report: &mut Report) -> RawEvent {
    let line = event.line;
    for (member, value) in members {
        match member.as_str() {
            "guid" => event.guid = scalar_text(&value),
            "id" => event.id = scalar_text(&value),
            "persons" => {
                let persons = value.as_array().into_iter().flatten();
                event.persons = persons.map(|value| person(value, line, report)).collect();
            }
            name => match event_field(&mut event, name) {
                Some(field) => *field = scalar_text(&value),
                None if has_content(&value) && name != "end" && name != "code" => {
                    report.note("not_kept", format!("{name} of events"), Some(line));
                }
                None => {}
            },
        }
    }
    if event.room.trim() != room.trim() && !event.room.trim().is_empty() {
        report.note("room", "an event is in the room that it is listed under", Some(line));
    }
    room.clone_into(&mut event.room);
    event
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn person(value: &Value, line: usize, report: &mut Report) -> RawPerson {
    let text = |key: &str| value.get(key).map(scalar_text).unwrap_or_default();
    let names = ["public_name", "full_public_name", "name"].map(text).into_iter();
    let name = names.chain(value.as_str().map(str::to_owned)).find(|name| !name.trim().is_empty());
    for (member, value) in value.as_object().into_iter().flatten() {
        let supported = ["id", "guid", "code", "name", "public_name", "full_public_name", "biography"];
        if !supported.contains(&member.as_str()) && has_content(value) {
            report.note("not_kept", format!("{member} of persons"), Some(line));
        }
    }
    RawPerson {
        line,
        guid: text("guid"),
        code: text("code"),
        id: text("id"),
        name: name.unwrap_or_default(),
        biography: text("biography"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let errors = read(text, &mut Report::default()).err().unwrap_or_default().0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn a_file_that_is_no_schedule_is_refused_with_its_line() {
        for (text, expected) in [
            ("{", "line 1 malformed_json"),
            ("{\n\"schedule\": {\n", "line 3 malformed_json"),
            ("[]", "line 1 other_format"),
            ("{\"conference\": {}}", "line 1 other_format"),
            ("{\"schedule\": {\"conference\": {\"days\": [\n\n{\"rooms\": []}]}}}", "line 3 other_format"),
            ("{\"schedule\": {\"conference\": {\"days\": [{\"rooms\": {\"R\": [\n7]}}]}}}", "line 2 other_format"),
        ] {
            assert_eq!(errors(text), [expected], "{text}");
        }
    }

    #[test]
    fn rooms_stay_in_order_and_persons_and_ids_are_read_as_files_write_them() {
        let text = "{\"schedule\": {\"conference\": {\"days\": [{\"date\": \"2030-01-01\", \"rooms\": {\"Z\": [],\n\"A\": [\n\
            {\"id\": 7, \"title\": \"T\", \"links\": [\"https://example.org\"], \"logo\": null, \"persons\": [{\"id\": \"1\", \
            \"name\": \"P\"}, \"Q\", {\"id\": 2, \"public_name\": \"R\", \"avatar\": \"x\"}]}]}}]}}}";
        let mut report = Report::default();
        let raw_schedule = read(text, &mut report).unwrap();
        assert_eq!(raw_schedule.rooms.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Z", "A"]);
        let event = &raw_schedule.events[0];
        assert_eq!((event.line, event.id.as_str()), (3, "7"));
        let persons: Vec<_> = event.persons.iter().map(|person| format!("{} {}", person.id, person.name)).collect();
        assert_eq!(persons, ["1 P", " Q", "2 R"]);
        let notes: Vec<_> = report.0.iter().map(|note| note.detail.as_str()).collect();
        assert_eq!(notes, ["links of events", "avatar of persons"]);
    }
}
