//! The rows of keys.

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::Value;

use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::idempotency_keys,
        types::{Instant, JsonValue},
    },
    ids::IdempotencyKeyId,
};

/// How long an answer is kept, in hours.
const KEPT_HOURS: i64 = 24;

/// Forgets the answers that were kept for long enough.
pub fn forget_old(connection: &mut Connection) -> Result<(), DatabaseError> {
    let old = idempotency_keys::created_at.lt(Instant(clock::now() - TimeDelta::hours(KEPT_HOURS)));
    diesel::delete(idempotency_keys::table.filter(old)).execute(connection)?;
    Ok(())
}

/// Takes the key; false where it is taken. Waits for a transaction that is taking it.
pub fn take(connection: &mut Connection, scope: &str, key: &str, digest: &str) -> Result<bool, DatabaseError> {
    let now = clock::now();
    let row = (
        idempotency_keys::id.eq(IdempotencyKeyId::new()),
        idempotency_keys::scope.eq(scope),
        idempotency_keys::key.eq(key),
        idempotency_keys::request_digest.eq(digest),
        idempotency_keys::created_at.eq(Instant(now)),
    );
    let insert = diesel::insert_into(idempotency_keys::table).values(row);
    let taken = on_backend!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    Ok(taken == 1)
}

/// Keeps the answer.
pub fn keep(
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

/// The digest of the request that took the key, its status and its answer.
pub fn find(
    connection: &mut Connection,
    scope: &str,
    key: &str,
) -> Result<Option<(String, i32, Value)>, DatabaseError> {
    let found: Option<(String, Option<i32>, Option<JsonValue>)> = idempotency_keys::table
        .filter(idempotency_keys::scope.eq(scope))
        .filter(idempotency_keys::key.eq(key))
        .select((idempotency_keys::request_digest, idempotency_keys::status, idempotency_keys::answer))
        .first(connection)
        .optional()?;
    Ok(found.and_then(|(digest, status, answer)| Some((digest, status?, answer?.0))))
}

/// The answers whose scope begins with `owner`.
pub fn ids(connection: &mut Connection, owner: &str) -> Result<Vec<IdempotencyKeyId>, DatabaseError> {
    let own = idempotency_keys::scope.like(format!("{owner}|%"));
    Ok(idempotency_keys::table.filter(own).select(idempotency_keys::id).load(connection)?)
}

/// A status and an answer.
pub fn answer(connection: &mut Connection, id: IdempotencyKeyId) -> Result<Option<(i32, Value)>, DatabaseError> {
    let row = idempotency_keys::table.find(id).select((idempotency_keys::status, idempotency_keys::answer));
    // An old one may be forgotten meanwhile.
    let found: Option<(Option<i32>, Option<JsonValue>)> = row.first(connection).optional()?;
    Ok(found.and_then(|(status, answer)| status.zip(answer.map(|JsonValue(answer)| answer))))
}

/// Replaces an answer.
pub fn replace(connection: &mut Connection, id: IdempotencyKeyId, answer: Value) -> Result<(), DatabaseError> {
    diesel::update(idempotency_keys::table.find(id))
        .set(idempotency_keys::answer.eq(Some(JsonValue(answer))))
        .execute(connection)?;
    Ok(())
}

/// Forgets the answers whose scope begins with `owner`.
pub fn forget(connection: &mut Connection, owner: &str) -> Result<(), DatabaseError> {
    let own = idempotency_keys::scope.like(format!("{owner}|%"));
    diesel::delete(idempotency_keys::table.filter(own)).execute(connection)?;
    Ok(())
}
