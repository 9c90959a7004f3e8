//! The data of a token, and its expiry.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    access::Role,
    ids::{ConferenceId, TokenId},
    validation::ValidationErrors,
    values::{Count, LocalOrInstant, text_enum},
};

text_enum! {
    /// Where a token came from.
    TokenSource {
        /// Created by the service: at its first start, on the command line or by the API.
        Created = "made",
        /// The setting `admin_token`.
        Settings = "settings",
    }
}

/// A token to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub role: Role,
    /// `None`: every conference.
    pub conference: Option<ConferenceId>,
    /// Name of the bearer, as the audit trail shows it.
    pub label: String,
    /// `None`: valid until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    /// Its first characters, to tell tokens apart.
    pub prefix: String,
    pub role: Role,
    /// Slug; `None`: every conference.
    pub conference: Option<String>,
    pub conference_id: Option<ConferenceId>,
    /// Name of the bearer, as the audit trail shows it.
    pub label: String,
    pub source: TokenSource,
    pub created_at: DateTime<Utc>,
    /// `None`: valid until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The longest `expires_in_days`: ten years.
pub const DAYS_MAX: u32 = 3650;

/// The expiry of a token that is created `now`, from a time or a number of days.
///
/// # Errors
/// Both are given; the time has no offset or is in the past; there are more days than [`DAYS_MAX`].
pub fn expiry(
    now: DateTime<Utc>,
    at: Option<LocalOrInstant>,
    in_days: Option<Count<1>>,
) -> Result<Option<DateTime<Utc>>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if at.is_some() && in_days.is_some() {
        errors.add("#/expires_in_days", "excluded", "must be left out where expires_at is given");
    }
    if in_days.is_some_and(|Count(days)| days > DAYS_MAX) {
        errors.add("#/expires_in_days", "out_of_range", format!("must be 1 to {DAYS_MAX}"));
    }
    let instant = match at {
        Some(LocalOrInstant::Wall(_)) => {
            errors.add("#/expires_at", "invalid_time", "must have an offset, such as 2030-03-31T07:00:00Z");
            None
        }
        Some(LocalOrInstant::Instant(instant)) => Some(instant.to_utc()),
        None => None,
    };
    if instant.is_some_and(|instant| instant <= now) {
        errors.add("#/expires_at", "past", "must be in the future");
    }
    errors.into_result(instant.or_else(|| in_days.map(|Count(days)| now + TimeDelta::days(i64::from(days)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn a_token_expires_at_a_future_time_or_after_days_or_never() {
        let now: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
        let ends = |at: Option<&str>, days: Option<u32>| {
            let at = at.map(|text| LocalOrInstant::parse(text).unwrap());
            match expiry(now, at, days.map(Count)) {
                Ok(ends) => ends.map_or("never".to_owned(), |ends| ends.to_rfc3339()),
                Err(errors) => {
                    let words: Vec<_> = errors.0.iter().map(|f| format!("{} {}", f.pointer, f.code)).collect();
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
