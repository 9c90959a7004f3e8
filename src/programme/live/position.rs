//! What a listener has already received.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::programme::release::ReleaseRow;

/// Up to where a listener has received everything. As text it is the id of an event: the number of the release, the
/// time of the last change of its content, and the instant up to which the schedule was sent. Both times are
/// microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number of the release.
    pub number: i32,
    /// The time of the last change of its content.
    pub updated_at: DateTime<Utc>,
    /// The instant up to which the schedule was sent.
    pub at: DateTime<Utc>,
}

impl Position {
    /// The position of a listener who knows a release now.
    pub fn of(release: &ReleaseRow, now: DateTime<Utc>) -> Self {
        Self { number: release.number, updated_at: release.updated_at, at: now }
    }

    /// Reads the id of an event.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let number = parts.next()?.parse().ok().filter(|number| *number > 0)?;
        let mut instant = || parts.next()?.parse().ok().and_then(DateTime::from_timestamp_micros);
        let (updated_at, at) = (instant()?, instant()?);
        parts.next().is_none().then_some(Self { number, updated_at, at })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.number, self.updated_at.timestamp_micros(), self.at.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written_and_nothing_else_is_one() {
        let text = "3-1764000000000001-1764000005000000";
        assert_eq!(Position::parse(text).map(|position| position.to_string()).as_deref(), Some(text));
        for wrong in ["", "3", "3-1", "0-1-1", "-3-1-1", "3-1-1-1", "3-x-1", "3-1-99999999999999999999", "é"] {
            assert_eq!(Position::parse(wrong), None, "{wrong}");
        }
    }
}
