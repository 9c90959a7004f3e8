//! iCalendar (RFC 5545): a session for each event. A recurring event is imported once.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    content_line::{Property, properties},
    frab::iso_duration,
    report::Report,
    schedule::{self, Event, EventIds, Person, Schedule, check_session_limit},
    text,
};
use crate::{
    csv_table::line_pointer,
    validation::ValidationErrors,
    values::{LocalOrInstant, TextValue as _, TimeZone},
};

/// Duration of an event without an end, in minutes.
const DEFAULT_DURATION_MINUTES: i64 = 5;
/// Deepest nesting of components.
const DEPTH_MAX: usize = 8;
/// Properties of an event that the agenda has no field for.
const UNSUPPORTED_PROPERTIES: &[&str] =
    &["ATTACH", "COMMENT", "CONFERENCE", "CONTACT", "GEO", "IMAGE", "ORGANIZER", "RESOURCES", "URL"];

/// Reads a calendar.
///
/// # Errors
/// One error for each line and each event that cannot be understood.
pub fn read(bytes: &[u8], report: &mut Report) -> Result<Schedule, ValidationErrors> {
    let mut reader = CalendarReader {
        schedule: Schedule::default(),
        report,
        errors: ValidationErrors::default(),
        event_ids: EventIds::default(),
        zones: HashMap::new(),
        zone_name: String::new(),
        open_components: Vec::new(),
        event_properties: Vec::new(),
        event_line: 1,
    };
    let mut last_line = 1;
    for property in properties(bytes) {
        match property {
            Ok(property) => {
                last_line = property.line;
                reader.read_property(property)?;
            }
            Err(line) => reader.errors.add(line_pointer(line), "malformed_calendar", "is not a calendar line in UTF-8"),
        }
    }
    if let Some(component) = reader.open_components.last() {
        let detail = format!("the file ends inside {component}");
        reader.errors.add(line_pointer(last_line), "malformed_calendar", detail);
    }
    reader.errors.into_result(reader.schedule)
}

struct CalendarReader<'a> {
    schedule: Schedule,
    report: &'a mut Report,
    errors: ValidationErrors,
    event_ids: EventIds,
    /// IANA zones by the file's own names for them.
    zones: HashMap<String, TimeZone>,
    zone_name: String,
    open_components: Vec<String>,
    event_properties: Vec<Property>,
    event_line: usize,
}

impl CalendarReader<'_> {
    fn read_property(&mut self, property: Property) -> Result<(), ValidationErrors> {
        match property.name.as_str() {
            "BEGIN" => return self.begin_component(&property),
            "END" => self.end_component(&property),
            _ => match self.open_components.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["VCALENDAR"] => self.read_calendar_property(&property),
                ["VCALENDAR", "VEVENT"] => self.event_properties.push(property),
                ["VCALENDAR", "VTIMEZONE"] => self.read_zone_property(&property),
                _ => {}
            },
        }
        Ok(())
    }

    fn begin_component(&mut self, property: &Property) -> Result<(), ValidationErrors> {
        let component = property.value.trim().to_ascii_uppercase();
        if self.open_components.len() >= DEPTH_MAX {
            let mut errors = ValidationErrors::default();
            errors.add(
                line_pointer(property.line),
                "too_deep",
                format!("components may be nested at most {DEPTH_MAX} deep"),
            );
            return Err(errors);
        }
        match component.as_str() {
            "VEVENT" => {
                check_session_limit(self.schedule.events.len(), property.line)?;
                self.event_properties.clear();
                self.event_line = property.line;
            }
            "VCALENDAR" | "VTIMEZONE" | "STANDARD" | "DAYLIGHT" => {}
            _ => {
                let name = text::line(&component, 40, self.report, Some(property.line));
                self.report.note("not_kept", format!("components {name}"), Some(property.line));
            }
        }
        self.open_components.push(component);
        Ok(())
    }

    fn end_component(&mut self, property: &Property) {
        let component = property.value.trim().to_ascii_uppercase();
        if self.open_components.last() != Some(&component) {
            self.errors.add(line_pointer(property.line), "malformed_calendar", format!("{component} is not open here"));
            return;
        }
        let path = self.open_components.iter().map(String::as_str).collect::<Vec<_>>();
        if path == ["VCALENDAR", "VEVENT"] {
            let properties = std::mem::take(&mut self.event_properties);
            self.read_event(&properties);
        }
        self.open_components.pop();
    }

    fn read_calendar_property(&mut self, property: &Property) {
        let line = Some(property.line);
        let text = property.text();
        let non_empty = |text: String| Some(text).filter(|text| !text.is_empty());
        match property.name.as_str() {
            "X-WR-CALNAME" | "NAME" => {
                self.schedule.name = non_empty(text::title(&text, self.report, line));
                self.schedule.acronym = non_empty(text::folded(&text));
                self.schedule.slug = non_empty(text::code(&text, "conference"));
            }
            "X-WR-CALDESC" | "DESCRIPTION" => {
                self.schedule.description = non_empty(text::prose(&text, self.report, line))
            }
            "X-WR-TIMEZONE" | "TIMEZONE-ID" => match TimeZone::parse(text.trim()) {
                Ok(zone) => self.schedule.time_zone = Some(zone),
                Err(_) => {
                    self.report.note("time_zone", "the file's time zone is not in the IANA database", line);
                }
            },
            _ => {}
        }
    }

    fn read_zone_property(&mut self, property: &Property) {
        match property.name.as_str() {
            "TZID" => self.zone_name = property.value.clone(),
            "X-LIC-LOCATION" => {
                if let Ok(zone) = TimeZone::parse(property.value.trim()) {
                    self.zones.insert(self.zone_name.clone(), zone);
                }
            }
            _ => {}
        }
    }

    fn read_event(&mut self, properties: &[Property]) {
        let line = self.event_line;
        let find = |name: &str| properties.iter().find(|property| property.name == name);
        let text_of = |name: &str| find(name).map(Property::text).unwrap_or_default();
        if text_of("STATUS").eq_ignore_ascii_case("CANCELLED") {
            return self.report.note("cancelled", "a cancelled event is left out", Some(line));
        }
        if find("RECURRENCE-ID").is_some() {
            return self.report.note("recurrence", "a changed occurrence of a repeated event is left out", Some(line));
        }
        if find("RRULE").or(find("RDATE")).is_some() {
            self.report.note("recurrence", "a repeated event is imported once, at its first occurrence", Some(line));
        }
        for name in UNSUPPORTED_PROPERTIES.iter().filter(|name| find(name).is_some()) {
            self.report.note("not_kept", format!("{name} of events"), Some(line));
        }
        let title = text::title(&text_of("SUMMARY"), self.report, Some(line));
        let uid = text_of("UID");
        let uuid = uid.split('@').next().filter(|uid| Uuid::parse_str(uid).is_ok());
        let start = find("DTSTART").map(|property| property.value.as_str()).unwrap_or_default();
        let others = [title.as_str(), start].join(" ");
        let guid = schedule::guid("", uuid.unwrap_or(&uid).trim(), &[&others], line, self.report);
        if !self.event_ids.is_new(guid, "", line, self.report) {
            return;
        }
        if title.is_empty() {
            self.errors.add(line_pointer(line), "required", "the event has no SUMMARY");
        }
        let Some((starts_at, duration)) = self.span(find("DTSTART"), find("DTEND"), find("DURATION")) else {
            return;
        };
        let categories = find("CATEGORIES").map(Property::texts).unwrap_or_default();
        if categories.len() > 1 {
            self.report.note("not_kept", "categories of events beside the first, which is the track", Some(line));
        }
        let track = self.title(categories.first().map(String::as_str).unwrap_or_default());
        let room = self.title(&text_of("LOCATION"));
        self.schedule.tracks.extend(track.clone().filter(|track| !self.schedule.tracks.contains(track)));
        let is_new_room = |room: &String| !self.schedule.rooms.iter().any(|(name, _)| name == room);
        self.schedule.rooms.extend(room.clone().filter(is_new_room).map(|room| (room, None)));
        let description = text::prose(&text_of("DESCRIPTION"), self.report, Some(line));
        let event = Event {
            line,
            day: None,
            guid,
            code: text::code(&title, "session"),
            kind: None,
            title,
            abstract_: Some(description).filter(|text| !text.is_empty()),
            languages: Vec::new(),
            starts_at,
            duration,
            room,
            track,
            persons: self.attendees(properties),
        };
        self.schedule.events.push(event);
    }

    fn title(&mut self, text: &str) -> Option<String> {
        let name = text::title(text, self.report, Some(self.event_line));
        Some(name).filter(|name| !name.is_empty())
    }

    /// People who attend, by name; their email addresses are not read.
    fn attendees(&mut self, properties: &[Property]) -> Vec<usize> {
        let mut person_indexes = Vec::new();
        for property in properties.iter().filter(|property| property.name == "ATTENDEE") {
            let name = text::line(property.parameter("CN").unwrap_or_default(), 1000, self.report, Some(property.line));
            if name.is_empty() || name.contains('@') {
                self.report.note("nameless", "a person without a name is left out", Some(property.line));
                continue;
            }
            let person = Person { key: None, name, biography: None, line: property.line };
            let index = self.schedule.people.index_of(person, self.report);
            if !person_indexes.contains(&index) {
                person_indexes.push(index);
            }
        }
        person_indexes
    }

    fn span(
        &mut self,
        start: Option<&Property>,
        end: Option<&Property>,
        duration_property: Option<&Property>,
    ) -> Option<(LocalOrInstant, TimeDelta)> {
        let Some(start) = start else {
            self.errors.add(line_pointer(self.event_line), "required", "the event has no DTSTART");
            return None;
        };
        let (starts_at, is_date) = self.time_of(start)?;
        if is_date {
            self.report.note(
                "all_day",
                "an event of whole days lasts from midnight to midnight",
                Some(self.event_line),
            );
        }
        let duration = match (end, duration_property) {
            (Some(end), _) => match (starts_at, self.time_of(end)?.0) {
                (LocalOrInstant::Wall(start), LocalOrInstant::Wall(end)) => end - start,
                (LocalOrInstant::Instant(start), LocalOrInstant::Instant(end)) => end - start,
                _ => {
                    let detail = "DTSTART and DTEND must both have a time zone, or neither";
                    self.errors.add(line_pointer(end.line), "invalid_time", detail);
                    return None;
                }
            },
            (None, Some(duration_property)) => match iso_duration(duration_property.value.trim()) {
                Some(duration) => duration,
                None => {
                    self.errors.add(
                        line_pointer(duration_property.line),
                        "invalid_duration",
                        "must be a duration such as PT45M",
                    );
                    return None;
                }
            },
            (None, None) if is_date => TimeDelta::days(1),
            (None, None) => TimeDelta::zero(),
        };
        if duration < TimeDelta::zero() {
            self.errors.add(line_pointer(self.event_line), "ends_before_start", "the event ends before it starts");
            return None;
        }
        if duration > TimeDelta::zero() {
            return Some((starts_at, duration));
        }
        self.report.note(
            "no_duration",
            format!("an event without a duration lasts {DEFAULT_DURATION_MINUTES} minutes"),
            Some(self.event_line),
        );
        Some((starts_at, TimeDelta::minutes(DEFAULT_DURATION_MINUTES)))
    }

    /// The time of a property, and whether it is only a date.
    fn time_of(&mut self, property: &Property) -> Option<(LocalOrInstant, bool)> {
        let value = property.value.trim();
        if let Ok(date) = NaiveDate::parse_from_str(value, "%Y%m%d") {
            return Some((LocalOrInstant::Wall(date.and_time(NaiveTime::MIN)), true));
        }
        let wall = NaiveDateTime::parse_from_str(value.trim_end_matches('Z'), "%Y%m%dT%H%M%S");
        let Ok(wall) = wall else {
            let detail = format!("{} must be a time such as 20140331T093000", property.name);
            self.errors.add(line_pointer(property.line), "invalid_time", detail);
            return None;
        };
        if value.ends_with('Z') {
            return Some((
                LocalOrInstant::Instant(DateTime::<Utc>::from_naive_utc_and_offset(wall, Utc).fixed_offset()),
                false,
            ));
        }
        let Some(name) = property.parameter("TZID") else {
            return Some((LocalOrInstant::Wall(wall), false));
        };
        let Some(zone) = self.zone_named(name) else {
            let detail = "times in a zone that is not in the IANA database are read in the conference's";
            self.report.note("time_zone", detail, Some(property.line));
            return Some((LocalOrInstant::Wall(wall), false));
        };
        self.schedule.time_zone.get_or_insert(zone);
        match zone.resolve(wall) {
            Ok(instant) => Some((LocalOrInstant::Instant(instant), false)),
            Err(error) => {
                self.errors.add(
                    line_pointer(property.line),
                    &error.code,
                    format!("{} {}", property.name, error.detail),
                );
                None
            }
        }
    }

    /// The zone with this name; some files write `/example.org/20140101/Europe/Brussels`.
    fn zone_named(&self, name: &str) -> Option<TimeZone> {
        let last_two = name.rsplitn(3, '/').take(2).collect::<Vec<_>>();
        let last_two = last_two.into_iter().rev().collect::<Vec<_>>().join("/");
        let parsed = [name, &last_two].into_iter().find_map(|name| TimeZone::parse(name).ok());
        parsed.or_else(|| self.zones.get(name).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nX-WR-CALNAME:Small\r\n{events}END:VCALENDAR\r\n")
    }

    fn errors(text: &str) -> Vec<String> {
        let errors = read(text.as_bytes(), &mut Report::default()).err().unwrap_or_default().0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn every_event_that_cannot_be_understood_is_named_by_its_line() {
        let events = "BEGIN:VEVENT\nSUMMARY:A\nDTSTART:tomorrow\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20300101T090000Z\n\
            DTEND:20300101T080000Z\nEND:VEVENT\nnonsense\nBEGIN:VEVENT\nSUMMARY:B\nDTSTART;TZID=Europe/Brussels:20140330T023000\n";
        assert_eq!(
            errors(&calendar(events)),
            [
                "line 5 invalid_time",
                "line 7 required",
                "line 7 ends_before_start",
                "line 11 malformed_calendar",
                "line 15 malformed_calendar",
                "line 15 malformed_calendar"
            ]
        );
    }

    #[test]
    fn times_zones_people_and_what_repeats_are_read() {
        let events = "BEGIN:VTIMEZONE\nTZID:Custom\nX-LIC-LOCATION:Europe/Berlin\nEND:VTIMEZONE\n\
            BEGIN:VEVENT\nUID:270fa44c-821a-577f-8ca3-33e8d4a8c2a7@x\nSUMMARY:A\nDTSTART;TZID=Custom:20300701T090000\n\
            DURATION:PT45M\nRRULE:FREQ=DAILY\nCATEGORIES:One,Two\nATTENDEE;CN=\"Ada Lovelace\":invalid:nomail\n\
            ATTENDEE;CN=ada@example.org:mailto:ada@example.org\nEND:VEVENT\n\
            BEGIN:VEVENT\nUID:x\nSUMMARY:B\nDTSTART;VALUE=DATE:20300702\nSTATUS:CONFIRMED\nEND:VEVENT\n\
            BEGIN:VEVENT\nUID:y\nSUMMARY:C\nDTSTART:20300702T090000Z\nSTATUS:CANCELLED\nEND:VEVENT\n";
        let mut report = Report::default();
        let schedule = read(calendar(events).as_bytes(), &mut report).unwrap();
        let spans: Vec<_> = schedule
            .events
            .iter()
            .map(|event| format!("{} {} {}", event.title, event.starts_at.text(), event.duration.num_minutes()))
            .collect();
        assert_eq!(spans, ["A 2030-07-01T09:00:00+02:00 45", "B 2030-07-02T00:00:00 1440"]);
        assert_eq!(schedule.events[0].guid.to_string(), "270fa44c-821a-577f-8ca3-33e8d4a8c2a7");
        assert_eq!(
            schedule.people.list.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(),
            ["Ada Lovelace"]
        );
        let codes: Vec<_> = report.0.iter().map(|note| note.code.as_str()).collect();
        assert_eq!(codes, ["recurrence", "not_kept", "nameless", "guid_replaced", "all_day", "cancelled"]);
    }
}
