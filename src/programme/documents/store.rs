//! The rows of release documents.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Coding, Publication, ReleaseDocuments, release_documents::StoredDocument};
use crate::{
    database::{
        Connection, DatabaseError, changes,
        schema::{releases, representations},
        types::{DbInstant, UncheckedText, text_enum_columns},
    },
    ids::{ConferenceId, ReleaseId},
};

text_enum_columns!(Coding, Publication);

/// The stored documents of a release, if the same version of the service under the same URL stored them.
pub fn load(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    made_by: &str,
) -> Result<Vec<StoredDocument>, DatabaseError> {
    let rows: Vec<(UncheckedText, String, Coding, Vec<u8>)> = representations::table
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
    let document = |(UncheckedText(publication), language, coding, body)| StoredDocument {
        publication: Publication::from_text(&publication),
        language,
        coding,
        body,
    };
    Ok(rows.into_iter().map(document).collect())
}

/// Stores the documents of a release in place of older ones, and removes those of older releases. It stores nothing if
/// the release was redacted in the meantime or is not the latest any more. The conference must be locked. Returns
/// whether they were stored.
pub fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    updated_at: DateTime<Utc>,
    made_by: &str,
    documents: &ReleaseDocuments,
) -> Result<bool, DatabaseError> {
    let latest: Option<(ReleaseId, i32, DbInstant)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .order(releases::number.desc())
        .select((releases::id, releases::number, releases::updated_at))
        .first(connection)
        .optional()?;
    let Some((id, _, _)) =
        latest.filter(|(_, latest_number, latest_update)| (*latest_number, latest_update.0) == (number, updated_at))
    else {
        return Ok(false);
    };
    let release_ids = releases::table.filter(releases::conference_id.eq(conference)).select(releases::id);
    let outdated = representations::table
        .filter(representations::release_id.eq_any(release_ids))
        .filter(representations::release_id.ne(id).or(representations::made_by.eq(made_by)));
    diesel::delete(outdated).execute(connection)?;
    for (publication, language, coding, body) in documents.encoded_documents() {
        diesel::insert_into(representations::table)
            .values((
                representations::release_id.eq(id),
                representations::made_by.eq(made_by),
                representations::publication.eq(publication),
                representations::language.eq(language),
                representations::coding.eq(coding),
                representations::body.eq(body.as_ref()),
            ))
            .execute(connection)?;
    }
    changes::announce(connection)?;
    Ok(true)
}

/// Removes all stored documents of a conference.
pub fn remove(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    let release_ids = releases::table.filter(releases::conference_id.eq(conference)).select(releases::id);
    let all = representations::table.filter(representations::release_id.eq_any(release_ids));
    diesel::delete(all).execute(connection)?;
    Ok(())
}
