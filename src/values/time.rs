//! Times of a conference: time zone, dates and times.

use std::{borrow::Cow, ops::RangeInclusive};

use chrono::{
    DateTime, Datelike as _, Duration, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _,
    Timelike as _, Utc,
};
use utoipa::openapi::schema::{KnownFormat, Object, SchemaFormat};

use super::{TextValue, string_schema, text_value};
use crate::validation::ValidationError;

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(pub chrono_tz::Tz);

impl TimeZone {
    /// The time with this zone's offset, as in the agenda and the programme.
    pub fn local(self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        instant.with_timezone(&self.0).fixed_offset()
    }

    /// The first instant at which the clocks show a wall time; the first one after the gap if the clocks skip it.
    pub fn earliest(self, wall: NaiveDateTime) -> DateTime<FixedOffset> {
        let first_instant_after = |hours| (wall + Duration::hours(hours)).and_local_timezone(self.0).earliest();
        // Clocks never skip more than a day.
        let instant = (0..=24).find_map(first_instant_after).map(|instant| instant.fixed_offset());
        instant.unwrap_or_else(|| wall.and_utc().fixed_offset())
    }

    /// The instant of a wall time. Times that the clocks skip or repeat are rejected here and nowhere else.
    pub fn resolve(self, wall: NaiveDateTime) -> Result<DateTime<FixedOffset>, ValidationError> {
        match wall.and_local_timezone(self.0) {
            LocalResult::Single(instant) => Ok(instant.fixed_offset()),
            LocalResult::Ambiguous(first, second) => Err(ValidationError::of_value(
                "ambiguous_time",
                format!("exists twice in {}: write {} or {}", self.0, first.to_rfc3339(), second.to_rfc3339()),
            )),
            LocalResult::None => Err(ValidationError::of_value(
                "impossible_time",
                format!("does not exist in {}: the clocks go forward over it", self.0),
            )),
        }
    }
}

impl TextValue for TimeZone {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimeZone")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        text.parse().map(Self).map_err(|_| {
            ValidationError::of_value("invalid_time_zone", "must be an IANA time zone such as Europe/Brussels")
        })
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.name())
    }
    fn schema_object() -> Object {
        string_schema().description(Some("A time zone of the IANA database, such as Europe/Brussels.")).build()
    }
}
text_value!([] TimeZone);

/// Accepted years of an instant, in UTC. The margins make sure that a time which is written with another offset can be
/// read again.
const INSTANT_YEARS: RangeInclusive<i32> = 1900..=2998;
/// Accepted years of a wall time: in any zone it is an accepted instant.
const WALL_YEARS: RangeInclusive<i32> = 1901..=2997;

/// A time of the conference: read as a wall time in the conference's time zone or with an offset, written with the
/// offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalOrInstant {
    /// A wall time whose time zone is not known yet.
    Wall(NaiveDateTime),
    /// A known instant, with some offset.
    Instant(DateTime<FixedOffset>),
}

impl LocalOrInstant {
    /// The instant, with the zone's own offset.
    ///
    /// # Errors
    /// The clocks skip or repeat the time; or the zone's offset was not in whole minutes then, which RFC 3339 cannot
    /// write.
    pub fn resolve(self, zone: TimeZone) -> Result<DateTime<FixedOffset>, ValidationError> {
        let instant = match self {
            Self::Wall(wall) => zone.resolve(wall)?,
            Self::Instant(instant) => zone.local(instant.to_utc()),
        };
        if instant.offset().local_minus_utc() % 60 == 0 {
            return Ok(instant);
        }
        Err(ValidationError::of_value("impossible_time", format!("had an offset of odd seconds in {}", zone.0)))
    }
}

impl TextValue for LocalOrInstant {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("LocalOrInstant")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        // The stores treat leap seconds differently, so they are rejected.
        let is_second = |nanosecond: u32| nanosecond < 1_000_000_000;
        // In a query, a `+` that is not percent-encoded is decoded as a space.
        let space = text.as_bytes().iter().rposition(|byte| *byte == b' ').filter(|index| *index == 19);
        let offset_text = space.map(|index| format!("{}+{}", &text[..index], &text[index + 1..]));
        if let Ok(instant) = DateTime::parse_from_rfc3339(offset_text.as_deref().unwrap_or(text))
            && is_second(instant.nanosecond())
            && INSTANT_YEARS.contains(&instant.to_utc().year())
        {
            return Ok(Self::Instant(instant.trunc_subsecs(6)));
        }
        ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .filter(|wall| is_second(wall.nanosecond()) && WALL_YEARS.contains(&wall.year()))
            .map(Self::Wall)
            .ok_or_else(|| {
                ValidationError::of_value(
                    "invalid_time",
                    "must be a time such as 2014-03-31T09:00 (in the conference's time zone) or 2014-03-31T09:00:00+02:00",
                )
            })
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(match self {
            Self::Wall(wall) => wall.format("%Y-%m-%dT%H:%M:%S").to_string(),
            Self::Instant(instant) => instant.to_rfc3339(),
        })
    }
    fn schema_object() -> Object {
        string_schema()
            .pattern(Some(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?$"))
            .description(Some(
                "RFC 3339 with an offset, or a wall time in the conference's time zone; written with the conference's offset.",
            ))
            .build()
    }
}
text_value!([] LocalOrInstant);

/// A calendar date, from 1900 to 2999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub NaiveDate);

impl TextValue for Date {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Date")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .filter(|date| text.len() == 10 && (1900..=2999).contains(&date.year()))
            .map(Self)
            .ok_or_else(|| ValidationError::of_value("invalid_date", "must be a date such as 2014-03-31"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.0.to_string())
    }
    fn schema_object() -> Object {
        string_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).build()
    }
}
text_value!([] Date);

/// A time of day in hours and minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(pub NaiveTime);

impl TextValue for TimeOfDay {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimeOfDay")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        NaiveTime::parse_from_str(text, "%H:%M")
            .ok()
            .filter(|_| text.len() == 5)
            .map(Self)
            .ok_or_else(|| ValidationError::of_value("invalid_time_of_day", "must be a time of day such as 04:00"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.0.format("%H:%M").to_string())
    }
    fn schema_object() -> Object {
        string_schema().pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$")).build()
    }
}
text_value!([] TimeOfDay);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_instant_of_a_wall_time_is_always_known() {
        let earliest = |zone: chrono_tz::Tz, text: &str| {
            let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
            TimeZone(zone).earliest(wall).to_rfc3339()
        };
        let brussels = chrono_tz::Europe::Brussels;
        assert_eq!(earliest(brussels, "2014-03-31T09:00"), "2014-03-31T09:00:00+02:00");
        assert_eq!(earliest(brussels, "2014-03-30T02:30"), "2014-03-30T03:30:00+02:00");
        assert_eq!(earliest(brussels, "2014-10-26T02:30"), "2014-10-26T02:30:00+02:00");
        assert_eq!(earliest(chrono_tz::Pacific::Apia, "2011-12-30T00:00"), "2011-12-31T00:00:00+14:00");
    }

    #[test]
    fn a_wall_time_that_the_clocks_skip_or_repeat_is_refused() {
        let brussels = TimeZone(chrono_tz::Europe::Brussels);
        let resolve = |text: &str| {
            LocalOrInstant::parse(text)
                .and_then(|time| time.resolve(brussels))
                .map_or_else(|error| error.code, |instant| instant.to_rfc3339())
        };
        assert_eq!(resolve("2014-03-31T09:00"), "2014-03-31T09:00:00+02:00");
        assert_eq!(resolve("2014-03-31T07:00:00Z"), "2014-03-31T09:00:00+02:00");
        assert_eq!(resolve("2014-03-30T02:30"), "impossible_time");
        assert_eq!(resolve("2014-10-26T02:30"), "ambiguous_time");
        assert_eq!(resolve("2014-10-26T02:30:00+01:00"), "2014-10-26T02:30:00+01:00");
        assert_eq!(resolve("2014-03-31T09:00:60"), "invalid_time");
        assert_eq!(resolve("2014-03-31T09:00:60Z"), "invalid_time");
        assert_eq!(resolve("2998-12-31T23:59:59-05:00"), "invalid_time");
        assert_eq!(resolve("2998-12-31T23:59:59Z"), "2999-01-01T00:59:59+01:00");
        assert_eq!(resolve("2999-01-01T00:59:59+01:00"), "2999-01-01T00:59:59+01:00", "what is written is read");
        assert_eq!(resolve("1900-01-01T12:00:00Z"), "1900-01-01T12:00:00+00:00");
        assert_eq!(resolve("tomorrow"), "invalid_time");
        let monrovia = TimeZone(chrono_tz::Africa::Monrovia);
        let odd = LocalOrInstant::parse("1950-06-01T12:00").unwrap().resolve(monrovia);
        assert_eq!(odd.map_err(|error| error.code), Err("impossible_time".to_owned()));
    }
}
