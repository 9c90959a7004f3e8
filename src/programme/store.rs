//! The rows of releases.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    agenda::Agenda,
    database::{
        Connection, DatabaseError,
        schema::releases,
        types::{Instant, JsonValue},
    },
    faults,
    ids::{ConferenceId, ReleaseId},
};

/// A release without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    pub number: i32,
    pub released_at: DateTime<Utc>,
    pub note: Option<String>,
}

type Columns = (i32, Instant, Option<String>);

fn row((number, Instant(released_at), note): Columns) -> ReleaseRow {
    ReleaseRow { number, released_at, note }
}

/// The number of each conference's latest release.
pub fn latest_numbers(connection: &mut Connection) -> Result<Vec<(ConferenceId, i32)>, DatabaseError> {
    let rows: Vec<(ConferenceId, Option<i32>)> = releases::table
        .group_by(releases::conference_id)
        .select((releases::conference_id, diesel::dsl::max(releases::number)))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(conference, number)| Some((conference, number?))).collect())
}

/// The number of the latest release; 0 before the first.
pub fn latest_number(connection: &mut Connection, conference: ConferenceId) -> Result<i32, DatabaseError> {
    let number: Option<i32> = releases::table
        .filter(releases::conference_id.eq(conference))
        .select(diesel::dsl::max(releases::number))
        .first(connection)?;
    Ok(number.unwrap_or(0))
}

/// A release with its content.
pub fn load(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<(ReleaseRow, Agenda)>, DatabaseError> {
    let found: Option<(Columns, JsonValue)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .select(((releases::number, releases::released_at, releases::note), releases::content))
        .first(connection)
        .optional()?;
    found
        .map(|(columns, JsonValue(content))| {
            let agenda = faults::read(content)
                .map_err(|faults| DatabaseError::Corrupt(format!("release {number}: {:?}", faults.0)))?;
            Ok((row(columns), agenda))
        })
        .transpose()
}

/// A release without its content.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<ReleaseRow>, DatabaseError> {
    let found: Option<Columns> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .select((releases::number, releases::released_at, releases::note))
        .first(connection)
        .optional()?;
    Ok(found.map(row))
}

/// Releases before `before`, the latest first.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    before: i32,
    limit: i64,
) -> Result<Vec<ReleaseRow>, DatabaseError> {
    let rows: Vec<Columns> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.lt(before))
        .order(releases::number.desc())
        .limit(limit)
        .select((releases::number, releases::released_at, releases::note))
        .load(connection)?;
    Ok(rows.into_iter().map(row).collect())
}

/// Writes a release.
pub fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    release: &ReleaseRow,
    author: &str,
    agenda: &Agenda,
) -> Result<(), DatabaseError> {
    let json = |value: Result<serde_json::Value, serde_json::Error>| {
        value.map(JsonValue).map_err(|error| DatabaseError::Corrupt(error.to_string()))
    };
    diesel::insert_into(releases::table)
        .values((
            releases::id.eq(ReleaseId::new()),
            releases::conference_id.eq(conference),
            releases::number.eq(release.number),
            releases::released_at.eq(Instant(release.released_at)),
            releases::author.eq(author),
            releases::note.eq(&release.note),
            releases::content.eq(json(serde_json::to_value(agenda))?),
            releases::full_content.eq(json(serde_json::to_value(agenda))?),
            releases::updated_at.eq(Instant(release.released_at)),
        ))
        .execute(connection)?;
    Ok(())
}
