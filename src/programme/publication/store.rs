//! The rows of editions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Edition, edition::Part};
use crate::{
    database::{
        Connection, DatabaseError, changes,
        schema::{releases, representations},
        types::Instant,
    },
    ids::{ConferenceId, ReleaseId},
};

/// The parts of the edition of a release, if they were stored by such a service.
pub fn load(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    made_by: &str,
) -> Result<Vec<Part>, DatabaseError> {
    let rows: Vec<(String, String, String, Vec<u8>)> = representations::table
        .inner_join(releases::table)
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .filter(representations::made_by.eq(made_by))
        .select((
            representations::publication,
            representations::language,
            representations::coding,
            representations::body,
        ))
        .load(connection)?;
    let part = |(publication, language, coding, body)| Part { publication, language, coding, body };
    Ok(rows.into_iter().map(part).collect())
}

/// Stores the edition of a release in place of an older one, and removes those of older releases, unless the release
/// was redacted since or is not the latest any more. The conference is locked. Answers whether it is stored.
pub fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    (number, updated_at): (i32, DateTime<Utc>),
    made_by: &str,
    edition: &Edition,
) -> Result<bool, DatabaseError> {
    let latest: Option<(ReleaseId, i32, Instant)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .order(releases::number.desc())
        .select((releases::id, releases::number, releases::updated_at))
        .first(connection)
        .optional()?;
    let Some((id, _, _)) = latest.filter(|(_, known, since)| (*known, since.0) == (number, updated_at)) else {
        return Ok(false);
    };
    let of_conference = releases::table.filter(releases::conference_id.eq(conference)).select(releases::id);
    let of_older = representations::table
        .filter(representations::release_id.eq_any(of_conference))
        .filter(representations::release_id.ne(id).or(representations::made_by.eq(made_by)));
    diesel::delete(of_older).execute(connection)?;
    for (publication, language, coding, body) in edition.parts() {
        diesel::insert_into(representations::table)
            .values((
                representations::release_id.eq(id),
                representations::made_by.eq(made_by),
                representations::publication.eq(publication.as_str()),
                representations::language.eq(language),
                representations::coding.eq(coding.as_str()),
                representations::body.eq(body.as_ref()),
            ))
            .execute(connection)?;
    }
    changes::announce(connection)?;
    Ok(true)
}

/// Removes every edition of a conference.
pub fn remove(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    let of_conference = releases::table.filter(releases::conference_id.eq(conference)).select(releases::id);
    let all = representations::table.filter(representations::release_id.eq_any(of_conference));
    diesel::delete(all).execute(connection)?;
    Ok(())
}
