//! Days of an imported schedule. Changeovers are adjusted so that, where possible, a session is on the day under which
//! the file lists it.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};

use super::{
    report::Report,
    schedule::{Changeover, FileDay},
};
use crate::values::TimeZone;

/// Longest conference, in days.
const DAYS_MAX: i64 = 366;
/// Length of a day, in minutes.
const DAY_MINUTES: i64 = 24 * 60;

/// A day of the new draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Line of the file that causes the day.
    pub line: usize,
    pub date: NaiveDate,
    /// Time at which the day begins, if the file states it.
    pub changeover: Option<NaiveTime>,
}

impl Day {
    fn start(&self) -> NaiveDateTime {
        self.date.and_time(self.changeover.unwrap_or(NaiveTime::MIN))
    }
}

/// Start of an event of the file.
#[derive(Debug, Clone, Copy)]
pub struct EventStart {
    /// In the conference's time zone.
    pub starts_at: DateTime<FixedOffset>,
    /// Line of the event.
    pub line: usize,
    /// Index of the day under which the file lists the event.
    pub listed_day: Option<usize>,
}

/// The days of the file, and those that its events need besides.
pub fn compose_days(file: &[FileDay], starts: &[EventStart], zone: TimeZone, report: &mut Report) -> Vec<Day> {
    let mut days: Vec<Day> = file
        .iter()
        .map(|day| Day { line: day.line, date: day.date, changeover: changeover(day, zone, report) })
        .collect();
    fit_changeovers(&mut days, starts, report);
    let listed: Vec<Option<NaiveDate>> =
        starts.iter().map(|start| days.get(start.listed_day?).map(|day| day.date)).collect();
    days.sort_by_key(|day| day.date);
    add_missing(&mut days, starts, !file.is_empty(), report);
    for (start, listed) in starts.iter().zip(listed) {
        let actual = day_of(&days, start.starts_at.naive_local()).map(|day| day.date);
        if listed.is_some() && actual.is_some() && actual != listed {
            report.note("other_day", "an event starts on another day than it is listed under", Some(start.line));
        }
    }
    days
}

fn changeover(day: &FileDay, zone: TimeZone, report: &mut Report) -> Option<NaiveTime> {
    let time = match day.changeover? {
        Changeover::Time(time) => time,
        Changeover::Instant(instant) => {
            let local = zone.local(instant.to_utc()).naive_local();
            if local.date() != day.date {
                let detail = "a day with a start on another date starts at midnight";
                report.note("changeover", detail, Some(day.line));
                return None;
            }
            local.time()
        }
    };
    // Changeovers have no seconds.
    time.with_second(0).and_then(|time| time.with_nanosecond(0))
}

/// Moves a changeover if events listed under its day, or under the day before, are outside that day.
fn fit_changeovers(days: &mut [Day], starts: &[EventStart], report: &mut Report) {
    let indexes_by_date: BTreeMap<NaiveDate, usize> =
        days.iter().enumerate().map(|(index, day)| (day.date, index)).collect();
    // First and last start of each day, in minutes from its midnight.
    let mut minute_ranges: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
    for start in starts {
        if let Some((index, day)) = start.listed_day.and_then(|index| Some((index, days.get(index)?))) {
            let minute = (start.starts_at.naive_local() - day.date.and_time(NaiveTime::MIN)).num_minutes();
            let minute_range = minute_ranges.entry(index).or_insert((minute, minute));
            *minute_range = (minute_range.0.min(minute), minute_range.1.max(minute));
        }
    }
    let last_of = |date: Option<NaiveDate>| {
        date.and_then(|date| minute_ranges.get(indexes_by_date.get(&date)?)).map(|(_, last)| *last)
    };
    for (index, day) in days.iter_mut().enumerate() {
        let Some(changeover) = day.changeover else {
            continue;
        };
        let has_next = day.date.succ_opt().is_some_and(|next| indexes_by_date.contains_key(&next));
        let last_of_day_before = last_of(day.date.pred_opt());
        let last_of_own = last_of(Some(day.date)).filter(|_| !has_next);
        let earliest_minute =
            last_of_day_before.into_iter().chain(last_of_own).max().map_or(0, |last| last - DAY_MINUTES + 1).max(0);
        let latest_minute = minute_ranges.get(&index).map_or(DAY_MINUTES - 1, |(first, _)| *first).min(DAY_MINUTES - 1);
        let minute = (changeover - NaiveTime::MIN).num_minutes();
        if earliest_minute <= latest_minute && !(earliest_minute..=latest_minute).contains(&minute) {
            day.changeover = Some(NaiveTime::MIN + TimeDelta::minutes(minute.clamp(earliest_minute, latest_minute)));
            let detail = "the changeover of a day is moved, so that its listed events are on that day";
            report.note("changeover", detail, Some(day.line));
        }
    }
}

/// Adds the dates of events that are on no day.
fn add_missing(days: &mut Vec<Day>, starts: &[EventStart], has_days: bool, report: &mut Report) {
    for start in starts {
        let wall = start.starts_at.naive_local();
        if day_of(days, wall).is_some() {
            continue;
        }
        let date = wall.date();
        let dates = days.iter().map(|day| day.date).chain([date]);
        let range = dates.clone().min().zip(dates.max());
        let index = days.partition_point(|day| day.date < date);
        let is_day = days.get(index).is_some_and(|day| day.date == date);
        if is_day || range.is_none_or(|(first, last)| (last - first).num_days() >= DAYS_MAX) {
            continue;
        }
        if has_days {
            report.note("day_added", "an event is on no day of the file: its date becomes a day", Some(start.line));
        }
        days.insert(index, Day { line: start.line, date, changeover: None });
    }
}

/// The day to which this time belongs; see [`crate::agenda::Agenda::day_of`].
fn day_of(days: &[Day], wall: NaiveDateTime) -> Option<&Day> {
    let after = days.partition_point(|day| day.start() <= wall);
    let day = days.get(after.checked_sub(1)?)?;
    (wall < day.start() + TimeDelta::days(1)).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(changeovers: &[&str], starts: &[(&str, Option<usize>)]) -> (Vec<String>, Vec<String>) {
        let zone = TimeZone(chrono_tz::UTC);
        let file: Vec<_> = changeovers
            .iter()
            .zip(1..)
            .map(|(time, day)| FileDay {
                line: 1,
                date: NaiveDate::from_ymd_opt(2030, 1, day).unwrap(),
                changeover: Some(Changeover::Time(NaiveTime::parse_from_str(time, "%H:%M").unwrap())),
            })
            .collect();
        let starts_at = |text: &str| DateTime::parse_from_rfc3339(&format!("2030-01-{text}:00Z")).unwrap();
        let starts: Vec<_> = starts
            .iter()
            .map(|(text, day)| EventStart { starts_at: starts_at(text), line: 1, listed_day: *day })
            .collect();
        let mut report = Report::default();
        let days = compose_days(&file, &starts, zone, &mut report);
        let day = |day: &Day| format!("{} {:?}", day.date.format("%d"), day.changeover.map(|time| time.to_string()));
        (days.iter().map(day).collect(), report.0.into_iter().map(|note| note.code).collect())
    }

    #[test]
    fn changeovers_are_the_file_s_unless_its_own_events_contradict_them() {
        let some = |times: [&str; 2]| {
            times.iter().zip(1..).map(|(time, day)| format!("0{day} Some(\"{time}:00\")")).collect::<Vec<_>>()
        };
        let (days, notes) =
            run(&["10:30", "06:00"], &[("01T10:30", Some(0)), ("02T04:30", Some(0)), ("02T09:00", Some(1))]);
        assert_eq!((days, notes.len()), (some(["10:30", "06:00"]), 0));
        let (days, notes) =
            run(&["09:00", "06:00"], &[("01T08:00", Some(0)), ("02T07:00", Some(0)), ("02T09:00", Some(1))]);
        assert_eq!((days, notes), (some(["08:00", "07:01"]), vec!["changeover".to_owned()]));
        let (days, notes) = run(&["06:00", "06:00"], &[("02T05:00", Some(1)), ("02T05:30", Some(0))]);
        assert_eq!((days, notes), (some(["06:00", "06:00"]), vec!["other_day".to_owned()]));
        let (days, notes) = run(&["06:00", "06:00"], &[("03T06:30", Some(1))]);
        assert_eq!((days, notes), (some(["06:00", "06:31"]), vec!["changeover".to_owned()]));
    }

    #[test]
    fn an_event_outside_every_day_makes_one() {
        let (days, notes) = run(&["06:00"], &[("05T12:00", Some(0))]);
        assert_eq!(days, ["01 Some(\"06:00:00\")", "05 None"]);
        assert_eq!(notes, ["day_added", "other_day"]);
        let (days, notes) = run(&[], &[("05T12:00", None), ("05T13:00", None), ("04T12:00", None)]);
        assert_eq!((days, notes.len()), (vec!["04 None".to_owned(), "05 None".to_owned()], 0));
    }
}
