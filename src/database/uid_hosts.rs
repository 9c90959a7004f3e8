//! The hosts in the UIDs of calendars. A calendar finds an entry by its UID, for instance in order to cancel it, so the
//! hosts of a store are pinned at its first start and never follow the settings.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Connection, DatabaseError, lock_store, schema::uid_hosts, types::DbInstant};

/// The table has a single row.
const ROW: i32 = 1;

/// The hosts of a store.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct UidHosts {
    /// In the UIDs of public feeds.
    pub feeds: String,
    /// In the UIDs of the entries that come with letters, and in the `Message-ID` of letters.
    pub letters: String,
}

impl Default for UidHosts {
    /// The hosts of a store that no service was started with yet.
    fn default() -> Self {
        Self { feeds: Self::FALLBACK.to_owned(), letters: Self::FALLBACK.to_owned() }
    }
}

impl UidHosts {
    /// The host where the settings name none.
    pub const FALLBACK: &str = "plenary";
}

/// The pinned hosts, once a service was started with this store.
pub fn find(connection: &mut Connection) -> Result<Option<UidHosts>, DatabaseError> {
    Ok(uid_hosts::table.select((uid_hosts::feeds, uid_hosts::letters)).first(connection).optional()?)
}

/// Pins these hosts, unless hosts are pinned already.
pub fn pin(connection: &mut Connection, hosts: &UidHosts, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    // Of two processes that start together, the first one pins its hosts.
    lock_store(connection)?;
    if find(connection)?.is_some() {
        return Ok(());
    }
    diesel::insert_into(uid_hosts::table)
        .values((
            uid_hosts::id.eq(ROW),
            uid_hosts::feeds.eq(&hosts.feeds),
            uid_hosts::letters.eq(&hosts.letters),
            uid_hosts::pinned_at.eq(DbInstant(now)),
        ))
        .execute(connection)?;
    Ok(())
}
