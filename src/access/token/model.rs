//! What a token is, and when it ends.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    access::Role,
    faults::Faults,
    ids::{ConferenceId, TokenId},
    values::{Count, Moment, text_enum},
};

text_enum! {
    /// Where a token came from.
    TokenSource {
        /// Made by the service: at its first start, on the command line or over the API.
        Made = "made",
        /// Given by the settings.
        Settings = "settings",
    }
}

/// A token as it is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it may do.
    pub role: Role,
    /// Its conference; none: every conference.
    pub conference: Option<ConferenceId>,
    /// What the history calls its bearer.
    pub label: String,
    /// When it ends, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its beginning, to tell tokens apart.
    pub shown: String,
    /// What it may do.
    pub role: Role,
    /// Its conference's slug; none: every conference.
    pub conference: Option<String>,
    /// Its conference's id.
    pub conference_id: Option<ConferenceId>,
    /// What the history calls its bearer.
    pub label: String,
    /// Where it came from.
    pub source: TokenSource,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, if it was.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made void, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The longest life that can be asked for in days: ten years.
pub const DAYS_MAX: u32 = 3650;

/// When a token ends that is made `now`, as an instant or in days from now.
///
/// # Errors
/// Both are given; the instant has no offset or is past; the days are more than [`DAYS_MAX`].
pub fn expiry(
    now: DateTime<Utc>,
    at: Option<Moment>,
    in_days: Option<Count<1>>,
) -> Result<Option<DateTime<Utc>>, Faults> {
    let mut faults = Faults::default();
    if at.is_some() && in_days.is_some() {
        faults.add("#/expires_in_days", "excluded", "must be left out where expires_at is given");
    }
    if in_days.is_some_and(|Count(days)| days > DAYS_MAX) {
        faults.add("#/expires_in_days", "out_of_range", format!("must be 1 to {DAYS_MAX}"));
    }
    let instant = match at {
        Some(Moment::Wall(_)) => {
            faults.add("#/expires_at", "invalid_time", "must have an offset, such as 2030-03-31T07:00:00Z");
            None
        }
        Some(Moment::Instant(instant)) => Some(instant.to_utc()),
        None => None,
    };
    if instant.is_some_and(|instant| instant <= now) {
        faults.add("#/expires_at", "past", "must be in the future");
    }
    faults.or(instant.or_else(|| in_days.map(|Count(days)| now + TimeDelta::days(i64::from(days)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn a_token_ends_at_an_instant_to_come_or_after_some_days_or_never() {
        let now: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
        let ends = |at: Option<&str>, days: Option<u32>| {
            let at = at.map(|text| Moment::parse(text).unwrap());
            match expiry(now, at, days.map(Count)) {
                Ok(ends) => ends.map_or("never".to_owned(), |ends| ends.to_rfc3339()),
                Err(faults) => {
                    let words: Vec<_> = faults.0.iter().map(|f| format!("{} {}", f.pointer, f.code)).collect();
                    words.join(", ")
                }
            }
        };
        assert_eq!(ends(None, None), "never");
        assert_eq!(ends(Some("2030-01-01T01:30:00+01:00"), None), "2030-01-01T00:30:00+00:00");
        assert_eq!(ends(None, Some(31)), "2030-02-01T00:00:00+00:00");
        assert_eq!(ends(Some("2030-01-01T00:00:00Z"), None), "#/expires_at past");
        assert_eq!(ends(Some("2031-01-01T00:00"), None), "#/expires_at invalid_time");
        assert_eq!(ends(None, Some(3651)), "#/expires_in_days out_of_range");
        assert_eq!(ends(Some("2031-01-01T00:00:00Z"), Some(1)), "#/expires_in_days excluded");
    }
}
