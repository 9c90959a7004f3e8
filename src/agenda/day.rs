//! The days of a conference: when each begins, what day a session is on, and when the conference is over.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, Utc};

use super::{
    document::{Agenda, Day, Session},
    model::utc,
};
use crate::values::LocalOrInstant;

impl Day {
    /// The wall time at which the day begins: its date, at its changeover.
    pub fn begins_at(&self) -> NaiveDateTime {
        self.date.0.and_time(self.changeover.map_or(NaiveTime::MIN, |changeover| changeover.0))
    }

    /// The wall time at which the day ends, 24 hours later, also where the next date is no day of the conference.
    fn ends_at(&self) -> NaiveDateTime {
        self.begins_at().checked_add_days(Days::new(1)).unwrap_or(NaiveDateTime::MAX)
    }
}

impl Agenda {
    /// The day to which a session belongs: the one that begins last before the session starts, and at most 24 hours
    /// before.
    pub fn day_of(&self, session: &Session) -> Option<&Day> {
        match session.starts_at {
            LocalOrInstant::Instant(start) => self.day_at(start.naive_local()),
            LocalOrInstant::Wall(start) => self.day_at(start),
        }
    }

    /// The day at this wall time; see [`Agenda::day_of`].
    pub fn day_at(&self, wall: NaiveDateTime) -> Option<&Day> {
        self.days.iter().rev().find(|day| day.begins_at() <= wall).filter(|day| wall < day.ends_at())
    }

    /// The number of days that begin after the first wall time and not after the second.
    pub fn days_begun_between(&self, first: NaiveDateTime, second: NaiveDateTime) -> usize {
        self.days.iter().filter(|day| first < day.begins_at() && day.begins_at() <= second).count()
    }

    /// The first instant after the conference: the end of its last day, or of the session that ends last if that is
    /// later.
    pub fn ends_at(&self) -> DateTime<Utc> {
        let conference = &self.conference;
        let changeover = self.days.last().and_then(|day| day.changeover);
        let last_date = Day { id: None, date: conference.ends_on, title: None, changeover };
        let last_day_ends = self.days.iter().chain([&last_date]).map(Day::ends_at).max();
        let last_day_ends = last_day_ends.map(|wall| conference.time_zone.earliest(wall).to_utc());
        let last_session_ends = self.sessions.iter().map(|session| utc(session.ends_at)).max();
        last_day_ends.max(last_session_ends).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether the conference is over.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.ends_at() <= now
    }
}
