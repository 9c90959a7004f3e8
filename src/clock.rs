//! The only place that asks the time.

use chrono::{DateTime, SubsecRound, Utc};

/// The present instant, in whole microseconds: what PostgreSQL keeps, so that a stored instant equals the one in hand.
#[expect(clippy::disallowed_methods, reason = "the one home of `Utc::now`")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// An instant as the API writes it outside the agenda: RFC 3339 in UTC with `Z`.
pub fn wire(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
