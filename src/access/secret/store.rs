//! The row with the fingerprint of the secret that this store belongs to.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::database::{
    Connection, DatabaseError,
    schema::{delegations, invitations, registrations, releases, store_identity},
    types::DbInstant,
};

/// The table has a single row.
const ROW: i32 = 1;

/// The fingerprint of the secret of this store, once it has one.
pub fn fingerprint(connection: &mut Connection) -> Result<Option<String>, DatabaseError> {
    Ok(store_identity::table.select(store_identity::secret_fingerprint).first(connection).optional()?)
}

pub fn set_fingerprint(
    connection: &mut Connection,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::delete(store_identity::table).execute(connection)?;
    diesel::insert_into(store_identity::table)
        .values((
            store_identity::id.eq(ROW),
            store_identity::secret_fingerprint.eq(fingerprint),
            store_identity::adopted_at.eq(DbInstant(now)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Number of rows of a store that use something derived from the secret. Only rows are counted: everything else about
/// them belongs to features above this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedCounts {
    /// Their links, badges and mail preferences are derived.
    pub registrations: i64,
    /// Their codes are derived.
    pub invitations: i64,
    /// The links of their focal points are derived.
    pub delegations: i64,
    /// The placeholders of withheld people are derived.
    pub releases: i64,
}

pub fn count_derived(connection: &mut Connection) -> Result<DerivedCounts, DatabaseError> {
    Ok(DerivedCounts {
        registrations: registrations::table.count().get_result(connection)?,
        invitations: invitations::table.count().get_result(connection)?,
        delegations: delegations::table.count().get_result(connection)?,
        releases: releases::table.count().get_result(connection)?,
    })
}
