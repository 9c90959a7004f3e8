//! Locks of the whole store, for what must happen once.

use diesel::{prelude::*, sql_query, sql_types::BigInt};

use super::{connection::AnyConnection as Connection, error::DatabaseError};

/// The key of the advisory lock that lets one process at a time migrate ("plenary" in ASCII).
pub(super) const MIGRATION_LOCK: i64 = 0x70_6c65_6e61_7279;

/// Takes the lock of migrations until the transaction ends.
pub(super) fn lock_until_commit(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    sql_query("SET LOCAL lock_timeout = 0").execute(connection)?;
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(MIGRATION_LOCK).execute(connection)?;
    Ok(())
}

/// Lets one process at a time go on until its transaction ends: for work that must happen once in a store.
pub fn lock_store(connection: &mut Connection) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => lock_until_commit(inner),
        // In SQLite a write transaction locks the whole database.
        Connection::Sqlite(_) => Ok(()),
    }
}
