//! The row that says which key this store belongs to.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::database::{
    Connection, DatabaseError,
    schema::{delegations, invitations, registrations, releases, store_identity},
    types::Instant,
};

/// The only row there is.
const ROW: i32 = 1;

/// The fingerprint of the key of this store, once one is known.
pub fn fingerprint(connection: &mut Connection) -> Result<Option<String>, DatabaseError> {
    Ok(store_identity::table.select(store_identity::secret_fingerprint).first(connection).optional()?)
}

/// Makes this the fingerprint of the key of this store.
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
            store_identity::adopted_at.eq(Instant(now)),
        ))
        .execute(connection)?;
    Ok(())
}

/// How many things of a store have something that is derived under its key. Only their number is asked for: all else of
/// them belongs to the features above this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    /// Registrations: their links, badges and preferences.
    pub registrations: i64,
    /// Personal invitations: their codes.
    pub invitations: i64,
    /// Delegations: their focal points' links.
    pub delegations: i64,
    /// Releases: the placeholders of people who are withheld.
    pub releases: i64,
}

/// Counts what is derived.
pub fn derived(connection: &mut Connection) -> Result<Derived, DatabaseError> {
    Ok(Derived {
        registrations: registrations::table.count().get_result(connection)?,
        invitations: invitations::table.count().get_result(connection)?,
        delegations: delegations::table.count().get_result(connection)?,
        releases: releases::table.count().get_result(connection)?,
    })
}
