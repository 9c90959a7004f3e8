//! The common content of schedule.xml and schedule.json. It is read leniently, because the files of frab, pretalx and
//! pentabarf differ, and is interpreted in one place.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::{
    report::Report,
    schedule::{self, Changeover, ConferenceDate, Event, EventIds, FileDay, Person, Schedule},
    text,
};
use crate::{
    csv_table::line_pointer,
    validation::ValidationErrors,
    values::{LocalOrInstant, TextValue as _, TimeZone},
};

/// Start of a day in files that state none: events between midnight and this time are listed under the day before.
const DEFAULT_DAY_CHANGE: NaiveTime = match NaiveTime::from_hms_opt(6, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};
/// Duration of an event without one in files that state no time slot, in minutes.
const DEFAULT_DURATION_MINUTES: i64 = 5;
/// Longest event, in days: as long as the longest conference.
const EVENT_DAYS_MAX: i64 = 366;

/// A whole file, as texts that are not interpreted yet.
#[derive(Debug, Default)]
pub struct RawSchedule {
    pub conference: RawConference,
    pub days: Vec<RawDay>,
    /// Rooms: name and capacity.
    pub rooms: Vec<(String, Option<u32>)>,
    pub tracks: Vec<String>,
    pub events: Vec<RawEvent>,
}

/// Members of `conference`, by their names in the file; empty if the file has none.
#[derive(Debug, Default)]
pub struct RawConference {
    pub line: usize,
    pub title: String,
    pub acronym: String,
    pub subtitle: String,
    pub venue: String,
    pub city: String,
    pub start: String,
    pub end: String,
    pub day_change: String,
    pub timeslot_duration: String,
    pub time_zone_name: String,
}

/// A day, with the line where it begins.
#[derive(Debug, Default)]
pub struct RawDay {
    pub line: usize,
    pub date: String,
    pub start: String,
}

/// An event, with the line where it begins and the index of its day; the other fields have the file's names.
#[derive(Debug, Default)]
pub struct RawEvent {
    pub line: usize,
    pub day: usize,
    pub room: String,
    pub guid: String,
    pub id: String,
    pub slug: String,
    pub title: String,
    pub subtitle: String,
    pub type_name: String,
    pub date: String,
    pub start: String,
    pub duration: String,
    pub track: String,
    pub language: String,
    pub abstract_: String,
    pub description: String,
    pub persons: Vec<RawPerson>,
}

/// A person of an event, with the line.
#[derive(Debug, Default)]
pub struct RawPerson {
    pub line: usize,
    pub guid: String,
    pub code: String,
    pub id: String,
    pub name: String,
    pub biography: String,
}

/// Interprets a file.
///
/// # Errors
/// One error for each event and each day that cannot be understood.
pub fn interpret(raw: RawSchedule, report: &mut Report) -> Result<Schedule, ValidationErrors> {
    let mut reader = ScheduleReader::new(raw.conference, report);
    for day in &raw.days {
        reader.read_day(day);
    }
    for (name, capacity) in raw.rooms {
        reader.add_room(&name, capacity, None);
    }
    for track in raw.tracks {
        reader.add_track(&track, None);
    }
    for event in &raw.events {
        reader.read_event(event);
    }
    reader.errors.into_result(reader.schedule)
}

struct ScheduleReader<'a> {
    schedule: Schedule,
    report: &'a mut Report,
    errors: ValidationErrors,
    acronym: String,
    day_change: NaiveTime,
    default_duration: TimeDelta,
    event_ids: EventIds,
    /// Index in [`Schedule::days`] of each day of the file.
    days: Vec<Option<usize>>,
}

impl<'a> ScheduleReader<'a> {
    fn new(raw: RawConference, report: &'a mut Report) -> Self {
        let line = Some(raw.line).filter(|line| *line > 0);
        let title = text::title(&raw.title, report, line);
        let acronym = [&raw.acronym, &title].into_iter().map(|text| text::folded(text)).find(|code| !code.is_empty());
        let slug = [&raw.acronym, &title].into_iter().map(|text| text::code(text, "conference"));
        let slug = slug.into_iter().find(|code| !code.is_empty());
        let time_zone = TimeZone::parse(raw.time_zone_name.trim()).ok();
        if time_zone.is_none() && !raw.time_zone_name.trim().is_empty() {
            report.note("time_zone", "the file's time zone is not in the IANA database", line);
        }
        let day_change = time_of_day(&raw.day_change);
        let slot = duration(&raw.timeslot_duration).map(|(slot, _)| slot).filter(|slot| *slot > TimeDelta::zero());
        let non_empty = |text: String| Some(text).filter(|text| !text.is_empty());
        let (venue, city) = (text::title(&raw.venue, report, line), text::title(&raw.city, report, line));
        let schedule = Schedule {
            name: non_empty(title),
            slug,
            acronym: acronym.clone(),
            description: non_empty(text::prose(&raw.subtitle, report, line)),
            venue: non_empty(venue).map(|venue| (venue, non_empty(city))),
            starts_on: conference_date(&raw.start),
            ends_on: conference_date(&raw.end),
            time_zone,
            ..Schedule::default()
        };
        Self {
            schedule,
            report,
            errors: ValidationErrors::default(),
            acronym: acronym.unwrap_or_default(),
            day_change: day_change.unwrap_or(DEFAULT_DAY_CHANGE),
            default_duration: slot.unwrap_or(TimeDelta::minutes(DEFAULT_DURATION_MINUTES)),
            event_ids: EventIds::default(),
            days: Vec::new(),
        }
    }

    fn read_day(&mut self, raw: &RawDay) {
        let start = instant(&raw.start);
        let date = NaiveDate::parse_from_str(raw.date.trim(), "%Y-%m-%d").ok().or_else(|| {
            conference_date(&raw.start).map(|date| match date {
                ConferenceDate::Date(date) => date,
                ConferenceDate::Instant(instant) => instant.date_naive(),
            })
        });
        let Some(date) = date else {
            let detail = "a day needs a date such as 2014-03-31";
            self.errors.add(line_pointer(raw.line), "invalid_date", detail);
            self.days.push(None);
            return;
        };
        let known_index = self.schedule.days.iter().position(|day| day.date == date);
        if known_index.is_some() {
            self.report.note("duplicate_day", "days with the same date become one day", Some(raw.line));
        }
        self.days.push(Some(known_index.unwrap_or(self.schedule.days.len())));
        if known_index.is_none() {
            let changeover = start.map_or(Changeover::Time(self.day_change), Changeover::Instant);
            self.schedule.days.push(FileDay { line: raw.line, date, changeover: Some(changeover) });
        }
    }

    fn add_room(&mut self, name: &str, capacity: Option<u32>, line: Option<usize>) -> Option<String> {
        let name = text::title(name, self.report, line);
        if name.is_empty() {
            return None;
        }
        if !self.schedule.rooms.iter().any(|(known_name, _)| *known_name == name) {
            self.schedule.rooms.push((name.clone(), capacity.filter(|capacity| *capacity > 0)));
        }
        Some(name)
    }

    fn add_track(&mut self, name: &str, line: Option<usize>) -> Option<String> {
        let name = text::title(name, self.report, line);
        if name.is_empty() {
            return None;
        }
        if !self.schedule.tracks.contains(&name) {
            self.schedule.tracks.push(name.clone());
        }
        Some(name)
    }

    fn read_event(&mut self, raw: &RawEvent) {
        let line = raw.line;
        let title = text::title(&raw.title, self.report, Some(line));
        let others = [raw.id.trim(), raw.slug.trim(), &title];
        let guid = schedule::guid(&self.acronym, raw.guid.trim(), &others, line, self.report);
        if !self.event_ids.is_new(guid, raw.id.trim(), line, self.report) {
            return;
        }
        if title.is_empty() {
            self.errors.add(line_pointer(line), "required", "the event has no title");
        }
        let day = self.days.get(raw.day).copied().flatten();
        let starts_at = self.starts_at(raw, day);
        let duration = self.duration(raw);
        let (Some(starts_at), Some(duration)) = (starts_at, duration) else {
            return;
        };
        let kind = schedule::kind(&raw.type_name);
        if kind.is_none() && !raw.type_name.trim().is_empty() {
            let name = text::line(&raw.type_name, 100, self.report, Some(line));
            self.report.note(
                "kind",
                format!("events of the type \"{name}\" are sessions of the kind parallel"),
                Some(line),
            );
        }
        let event = Event {
            line,
            day,
            guid,
            code: self.code(raw, &title),
            kind,
            abstract_: self.abstract_(raw),
            languages: schedule::languages(&raw.language, line, self.report),
            starts_at,
            duration,
            room: self.add_room(&raw.room, None, Some(line)),
            track: self.add_track(&raw.track, Some(line)),
            persons: self.persons(raw),
            title,
        };
        self.schedule.events.push(event);
    }

    /// Start of an event: its date with the offset in the file; else the wall time on the day's date, or on the next
    /// date if it is before the day's changeover.
    fn starts_at(&mut self, raw: &RawEvent, day: Option<usize>) -> Option<LocalOrInstant> {
        if let Some(instant) = instant(&raw.date) {
            return Some(LocalOrInstant::Instant(instant));
        }
        if let Some(wall) = wall(&raw.date) {
            return Some(LocalOrInstant::Wall(wall));
        }
        let date = NaiveDate::parse_from_str(raw.date.trim(), "%Y-%m-%d").ok();
        let Some(time) = time_of_day(&raw.start) else {
            let detail = "the event has no start such as 09:30, and no date such as 2014-03-31T09:30:00+02:00";
            self.errors.add(line_pointer(raw.line), "invalid_time", detail);
            return None;
        };
        let date_of_day = || self.schedule.days.get(day?).map(|day| day.date);
        let date_by_day_change = || if time < self.day_change { date_of_day()?.succ_opt() } else { date_of_day() };
        // An error of the day itself is reported already.
        Some(LocalOrInstant::Wall(date.or_else(date_by_day_change)?.and_time(time)))
    }

    fn duration(&mut self, raw: &RawEvent) -> Option<TimeDelta> {
        let parsed =
            if raw.duration.trim().is_empty() { Some((TimeDelta::zero(), false)) } else { duration(&raw.duration) };
        let Some((duration, has_three_parts)) =
            parsed.filter(|(duration, _)| *duration <= TimeDelta::days(EVENT_DAYS_MAX))
        else {
            self.errors.add(line_pointer(raw.line), "invalid_duration", "the event has no duration such as 00:45");
            return None;
        };
        if has_three_parts {
            let detail = "a duration of three parts is read as hours, minutes and seconds; as days, hours and minutes \
                where that alone makes sense";
            self.report.note("duration_parts", detail, Some(raw.line));
        }
        if duration > TimeDelta::zero() {
            return Some(duration);
        }
        let minutes = self.default_duration.num_minutes().max(1);
        self.report.note("no_duration", format!("an event without a duration lasts {minutes} minutes"), Some(raw.line));
        Some(TimeDelta::minutes(minutes))
    }

    fn abstract_(&mut self, raw: &RawEvent) -> Option<String> {
        let subtitle = text::title(&raw.subtitle, self.report, Some(raw.line));
        if !subtitle.is_empty() {
            self.report.note("subtitle", "a subtitle is the first paragraph of the abstract", Some(raw.line));
        }
        let paragraphs = [&raw.abstract_, &raw.description].map(|text| text::prose(text, self.report, Some(raw.line)));
        let [abstract_, description] = paragraphs;
        text::join_paragraphs(&[subtitle, abstract_, description], self.report, Some(raw.line))
    }

    /// Base of the session's code: the slug without the conference's acronym and the event's id in front, or the title.
    fn code(&self, raw: &RawEvent, title: &str) -> String {
        let slug = text::ascii_code(&raw.slug);
        let mut code = slug.as_str();
        for prefix in [self.acronym.as_str(), &text::folded(&raw.id)] {
            let rest = code.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
            code = rest.filter(|_| !prefix.is_empty()).unwrap_or(code);
        }
        let title_code = text::ascii_code(title);
        // A slug of one word is a number or a code of the other system.
        match (code.contains('-'), title_code.is_empty()) {
            (false, false) => title_code,
            (false, true) if code.is_empty() => text::code(title, "session"),
            _ => code.to_owned(),
        }
    }

    fn persons(&mut self, raw: &RawEvent) -> Vec<usize> {
        let mut person_indexes = Vec::new();
        for person in &raw.persons {
            let name = text::line(&person.name, 1000, self.report, Some(person.line));
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            if name.is_empty() {
                self.report.note("nameless", "a person without a name is left out", Some(person.line));
                continue;
            }
            let keys = [("guid", &person.guid), ("code", &person.code), ("id", &person.id)];
            let key = keys.iter().find(|(_, key)| !key.trim().is_empty());
            let biography = text::prose(&person.biography, self.report, Some(person.line));
            let person = Person {
                key: key.map(|(kind, key)| format!("{kind} {}", key.trim())),
                name,
                biography: Some(biography).filter(|text| !text.is_empty()),
                line: person.line,
            };
            let index = self.schedule.people.index_of(person, self.report);
            if !person_indexes.contains(&index) {
                person_indexes.push(index);
            }
        }
        person_indexes
    }
}

/// A date and time with an offset.
pub fn instant(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z")).ok()
}

fn wall(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text.trim(), format).ok())
}

fn conference_date(text: &str) -> Option<ConferenceDate> {
    let date = || NaiveDate::parse_from_str(text.trim().get(..10)?, "%Y-%m-%d").ok();
    instant(text).map(ConferenceDate::Instant).or_else(|| date().map(ConferenceDate::Date))
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text.trim(), format).ok())
}

/// Reads a duration (`0:45`, `00:45:00`, `45`, `PT45M`), and whether it has three parts, which files use in two ways.
fn duration(text: &str) -> Option<(TimeDelta, bool)> {
    let text = text.trim();
    if let Some(duration) = iso_duration(text) {
        return Some((duration, false));
    }
    let parts: Option<Vec<i64>> =
        text.split(':').map(|part| part.parse().ok().filter(|n| (0..=100_000).contains(n))).collect();
    match parts?.as_slice() {
        [minutes] => Some((TimeDelta::minutes(*minutes), false)),
        [hours, minutes] if *minutes < 60 => Some((TimeDelta::hours(*hours) + TimeDelta::minutes(*minutes), false)),
        // No file gives seconds: three parts that end in some are days, hours and minutes.
        [days, hours @ 0..=23, minutes @ 1..=59] if *days > 0 => {
            Some((TimeDelta::days(*days) + TimeDelta::hours(*hours) + TimeDelta::minutes(*minutes), true))
        }
        [hours, minutes @ 0..=59, seconds @ 0..=59] => {
            Some((TimeDelta::hours(*hours) + TimeDelta::minutes(*minutes) + TimeDelta::seconds(*seconds), true))
        }
        _ => None,
    }
}

/// Reads a duration of ISO 8601 in weeks, days, hours, minutes and seconds; iCalendar has the same form.
pub fn iso_duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let mut total = TimeDelta::zero();
    let mut has_time_part = false;
    let mut has_part = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T').filter(|_| !has_time_part) {
            (rest, has_time_part) = (after, true);
            continue;
        }
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let number: i64 = number.parse().ok().filter(|number| *number <= 1_000_000)?;
        let mut after = after.chars();
        total = total.checked_add(&match (after.next()?, has_time_part) {
            ('W', false) => TimeDelta::weeks(number),
            ('D', false) => TimeDelta::days(number),
            ('H', true) => TimeDelta::hours(number),
            ('M', true) => TimeDelta::minutes(number),
            ('S', true) => TimeDelta::seconds(number),
            _ => return None,
        })?;
        rest = after.as_str();
        has_part = true;
    }
    has_part.then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_files_write_them() {
        for (text, minutes) in [
            ("00:45", Some(45)),
            ("1:05", Some(65)),
            ("25:00", Some(1500)),
            ("45", Some(45)),
            ("PT45M", Some(45)),
            ("P1DT1H", Some(1500)),
            ("00:45:00", Some(45)),
            ("12:00:00", Some(720)),
            ("1:02:30", Some(1590)),
            ("00:90", None),
            ("long", None),
            ("P", None),
            ("-1:00", None),
            ("99999999999999999999:00", None),
        ] {
            assert_eq!(duration(text).map(|(duration, _)| duration.num_minutes()), minutes, "{text}");
        }
        assert_eq!(duration("00:45:00").map(|(_, has_three_parts)| has_three_parts), Some(true));
    }
}
