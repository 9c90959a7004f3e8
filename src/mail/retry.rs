//! When a message that could not be sent is tried again, and when it is given up.

use chrono::{DateTime, TimeDelta, Utc};

/// The longest pause between two attempts.
pub const PAUSE_MAX_SECONDS: i64 = 300;

/// Time after which a message is given up (RFC 5321, section 4.5.4.1: at least 4 to 5 days).
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// Exponential backoff: starts at one second, doubles with each attempt, and adds up to a quarter of jitter.
pub fn next_try(now: DateTime<Utc>, tries: i32) -> DateTime<Utc> {
    let seconds = (1_i64 << tries.clamp(0, 20)).min(PAUSE_MAX_SECONDS);
    let jitter = i64::from(uuid::Uuid::new_v4().as_bytes()[0]) * seconds * 1000 / 4 / 255;
    now + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(jitter)
}
