//! Query for people who are already registered.

use diesel::prelude::*;

use crate::{
    database::{Connection, DatabaseError, schema::registrations},
    ids::ConferenceId,
    registration::model::RegistrationStatus,
};

/// A person who is registered, or was.
#[derive(Queryable)]
pub struct RegisteredPerson {
    pub address: String,
    pub name: String,
    pub shares_mailbox: bool,
    pub state: RegistrationStatus,
}

/// Everybody who is or was registered with one of these addresses; addresses and names are folded.
pub fn find_registered(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_addresses: &[String],
) -> Result<Vec<RegisteredPerson>, DatabaseError> {
    let columns = (
        registrations::email_folded.assume_not_null(),
        registrations::name_folded,
        registrations::shares_mailbox,
        registrations::state,
    );
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::email_folded.eq_any(folded_addresses))
        .select(columns)
        .load(connection)?)
}
