//! Duration of the leases by which one process sends a message.

use chrono::{DateTime, TimeDelta, Utc};

use crate::database::types::DbInstant;

/// Time after which a lease expires unless its holder renews it.
pub const LEASE_DURATION: TimeDelta = TimeDelta::seconds(10);

/// A lease that ends later than this is void: the clock was set back since, and a live holder would have renewed it.
pub(super) fn latest_valid_lease(now: DateTime<Utc>) -> DbInstant {
    DbInstant(now + LEASE_DURATION + LEASE_DURATION)
}
