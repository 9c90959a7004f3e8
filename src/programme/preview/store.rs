//! The generation of a conference's links to its preview.

use diesel::prelude::*;

use crate::{
    database::{Connection, DatabaseError, schema::conferences},
    ids::ConferenceId,
};

/// The generation that is good now.
pub fn generation(connection: &mut Connection, conference: ConferenceId) -> Result<i32, DatabaseError> {
    Ok(conferences::table.find(conference).select(conferences::preview_generation).first(connection)?)
}

/// Makes every link void that was made before.
pub fn begin_generation(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    diesel::update(conferences::table.find(conference))
        .set(conferences::preview_generation.eq(conferences::preview_generation + 1))
        .execute(connection)?;
    Ok(())
}
