//! The only place that asks for the time.
//!
//! Clocks are set back, and those of two machines differ. So wherever order matters, it is a number that is assigned
//! under a lock, and the times in one resource's history never go back: [`monotonic`]. Rules about the present (what is
//! open, due or over) depend on the clock only, so that a clock that was once wrong has no effect afterwards.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// The present time in whole microseconds, the precision of PostgreSQL, so that a stored time equals the one in memory.
#[expect(clippy::disallowed_methods, reason = "the one home of `Utc::now`")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The time of the entry after `last` in one history: `now`, or a microsecond after `last` if that is later.
pub fn monotonic(now: DateTime<Utc>, last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    last.map_or(now, |last| now.max(last + TimeDelta::microseconds(1)))
}

/// A time as the API writes it outside the agenda: RFC 3339 in UTC with `Z`.
pub fn wire(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_later_whatever_the_clock_says() {
        let (now, microsecond) = (now(), TimeDelta::microseconds(1));
        assert_eq!(monotonic(now, None), now);
        assert_eq!(monotonic(now, Some(now - microsecond)), now);
        assert_eq!(monotonic(now, Some(now)), now + microsecond);
        assert_eq!(monotonic(now, Some(now + TimeDelta::hours(1))), now + TimeDelta::hours(1) + microsecond);
    }
}
