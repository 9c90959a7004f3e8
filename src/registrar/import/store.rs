//! Query for addresses that are already registered.

use diesel::prelude::*;

use crate::{
    database::{Connection, DatabaseError, schema::registrations},
    ids::ConferenceId,
    registration::model::RegistrationStatus,
};

/// Those of these folded addresses that have a registration, with whether it is live.
pub fn registered_addresses(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_addresses: &[String],
) -> Result<Vec<(String, bool)>, DatabaseError> {
    let rows: Vec<(String, RegistrationStatus)> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::email_folded.eq_any(folded_addresses))
        .select((registrations::email_folded, registrations::state))
        .load(connection)?;
    Ok(rows.into_iter().map(|(address, state)| (address, !state.is_final())).collect())
}
