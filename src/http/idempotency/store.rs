//! Queries for idempotency keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::idempotency_keys,
        types::{DbInstant, JsonValue},
    },
    ids::IdempotencyKeyId,
};

/// Deletes answers that were made before `before`.
pub fn delete_older(connection: &mut Connection, before: DateTime<Utc>) -> Result<(), DatabaseError> {
    let is_old = idempotency_keys::created_at.lt(DbInstant(before));
    diesel::delete(idempotency_keys::table.filter(is_old)).execute(connection)?;
    Ok(())
}

/// Inserts the key; returns false if it exists. Waits for a transaction that is inserting the same key.
pub fn insert_key(connection: &mut Connection, scope: &str, key: &str, digest: &str) -> Result<bool, DatabaseError> {
    let now = clock::now();
    let row = (
        idempotency_keys::id.eq(IdempotencyKeyId::new()),
        idempotency_keys::scope.eq(scope),
        idempotency_keys::key.eq(key),
        idempotency_keys::request_digest.eq(digest),
        idempotency_keys::created_at.eq(DbInstant(now)),
    );
    let insert = diesel::insert_into(idempotency_keys::table).values(row);
    let inserted = on_backend!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    Ok(inserted == 1)
}

pub fn set_answer(
    connection: &mut Connection,
    scope: &str,
    key: &str,
    status: u16,
    answer: Value,
) -> Result<(), DatabaseError> {
    let row = idempotency_keys::table.filter(idempotency_keys::scope.eq(scope)).filter(idempotency_keys::key.eq(key));
    diesel::update(row)
        .set((
            idempotency_keys::status.eq(Some(i32::from(status))),
            idempotency_keys::answer.eq(Some(JsonValue(answer))),
        ))
        .execute(connection)?;
    Ok(())
}

/// The digest of the request that used the key, its status and its answer.
pub fn find(
    connection: &mut Connection,
    scope: &str,
    key: &str,
) -> Result<Option<(String, i32, Value)>, DatabaseError> {
    let row: Option<(String, Option<i32>, Option<JsonValue>)> = idempotency_keys::table
        .filter(idempotency_keys::scope.eq(scope))
        .filter(idempotency_keys::key.eq(key))
        .select((idempotency_keys::request_digest, idempotency_keys::status, idempotency_keys::answer))
        .first(connection)
        .optional()?;
    Ok(row.and_then(|(digest, status, answer)| Some((digest, status?, answer?.0))))
}

/// The ids of the answers whose scope begins with `owner`.
pub fn ids(connection: &mut Connection, owner: &str) -> Result<Vec<IdempotencyKeyId>, DatabaseError> {
    let of_owner = idempotency_keys::scope.like(format!("{owner}|%"));
    Ok(idempotency_keys::table.filter(of_owner).select(idempotency_keys::id).load(connection)?)
}

pub fn find_answer(connection: &mut Connection, id: IdempotencyKeyId) -> Result<Option<(i32, Value)>, DatabaseError> {
    let query = idempotency_keys::table.find(id).select((idempotency_keys::status, idempotency_keys::answer));
    // The row may have been deleted in the meantime.
    let row: Option<(Option<i32>, Option<JsonValue>)> = query.first(connection).optional()?;
    Ok(row.and_then(|(status, answer)| status.zip(answer.map(|JsonValue(answer)| answer))))
}

pub fn replace(connection: &mut Connection, id: IdempotencyKeyId, answer: Value) -> Result<(), DatabaseError> {
    diesel::update(idempotency_keys::table.find(id))
        .set(idempotency_keys::answer.eq(Some(JsonValue(answer))))
        .execute(connection)?;
    Ok(())
}

/// Deletes the answers whose scope begins with `owner`.
pub fn delete_answers_of(connection: &mut Connection, owner: &str) -> Result<(), DatabaseError> {
    let of_owner = idempotency_keys::scope.like(format!("{owner}|%"));
    diesel::delete(idempotency_keys::table.filter(of_owner)).execute(connection)?;
    Ok(())
}
