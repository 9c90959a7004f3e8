//! Who is there already.

use diesel::prelude::*;

use crate::{
    database::{Connection, DatabaseError, schema::registrations},
    ids::ConferenceId,
    registration::model::State,
};

/// Those of these folded addresses that a registration has, and whether it is live.
pub fn known(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
) -> Result<Vec<(String, bool)>, DatabaseError> {
    let rows: Vec<(String, String)> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::email_folded.eq_any(folded))
        .select((registrations::email_folded, registrations::state))
        .load(connection)?;
    let is_live = |state: &str| State::from_word(state).is_some_and(|state| !state.is_final());
    Ok(rows.into_iter().map(|(folded, state)| (folded, is_live(&state))).collect())
}
