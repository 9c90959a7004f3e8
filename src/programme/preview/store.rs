//! The generation of a conference's preview links: a link of an earlier generation is not valid.

use diesel::prelude::*;

use crate::{
    database::{Connection, DatabaseError, schema::conferences},
    ids::ConferenceId,
};

/// The current generation.
pub fn generation(connection: &mut Connection, conference: ConferenceId) -> Result<i32, DatabaseError> {
    Ok(conferences::table.find(conference).select(conferences::preview_generation).first(connection)?)
}

/// Revokes all links that were made before.
pub fn begin_generation(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    diesel::update(conferences::table.find(conference))
        .set(conferences::preview_generation.eq(conferences::preview_generation + 1))
        .execute(connection)?;
    Ok(())
}
