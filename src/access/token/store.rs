//! Queries for tokens.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    model::{NewToken, Token, TokenSource},
    plain::PlainToken,
};
use crate::{
    access::Role,
    database::{
        Connection, DatabaseError,
        connection::MultiBackend,
        schema::{conferences, tokens},
        types::{DbInstant, text_enum_columns},
    },
    ids::{ConferenceId, TokenId},
    values::Code,
};

/// The data of a valid token that authorisation needs.
pub struct TokenGrant {
    pub id: TokenId,
    pub label: String,
    pub role: Role,
    pub conference: Option<ConferenceId>,
}

text_enum_columns!(Role, TokenSource);

/// The token, unless it is revoked or has expired at `now`.
pub fn find(
    connection: &mut Connection,
    token: &PlainToken,
    now: DateTime<Utc>,
) -> Result<Option<TokenGrant>, DatabaseError> {
    let row: Option<(TokenId, String, Role, Option<ConferenceId>)> = tokens::table
        .filter(tokens::digest.eq(token.digest()))
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(DbInstant(now))))
        .select((tokens::id, tokens::label, tokens::role, tokens::conference_id))
        .first(connection)
        .optional()?;
    Ok(row.map(|(id, label, role, conference)| TokenGrant { id, label, role, conference }))
}

pub fn insert(
    connection: &mut Connection,
    token: &PlainToken,
    source: TokenSource,
    new: &NewToken,
    now: DateTime<Utc>,
) -> Result<TokenId, DatabaseError> {
    let id = TokenId::new();
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(id),
            tokens::conference_id.eq(new.conference),
            tokens::role.eq(new.role),
            tokens::label.eq(&new.label),
            tokens::source.eq(source),
            tokens::prefix.eq(token.prefix()),
            tokens::digest.eq(token.digest()),
            tokens::created_at.eq(DbInstant(now)),
            tokens::expires_at.eq(new.expires_at.map(DbInstant)),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Deletes the former tokens of the settings, and a revoked or expired row of the present one, so that it can be
/// inserted again.
pub fn delete_replaced(
    connection: &mut Connection,
    configured_token: &PlainToken,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let digest = configured_token.digest();
    let other = tokens::source.eq(TokenSource::Settings).and(tokens::digest.ne(digest.clone()));
    diesel::delete(tokens::table.filter(other)).execute(connection)?;
    let is_invalid = tokens::revoked_at.is_not_null().or(tokens::expires_at.le(DbInstant(now)));
    diesel::delete(tokens::table.filter(tokens::digest.eq(digest)).filter(is_invalid)).execute(connection)?;
    Ok(())
}

/// The live server-wide admin tokens. They are locked until the transaction ends, so that of two revocations at the
/// same time the second one sees which is the last.
pub fn lock_server_admins(connection: &mut Connection, now: DateTime<Utc>) -> Result<Vec<TokenId>, DatabaseError> {
    let admins = tokens::table
        .filter(tokens::role.eq(Role::Admin))
        .filter(tokens::conference_id.is_null())
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(DbInstant(now))))
        .order(tokens::id)
        .select(tokens::id);
    Ok(match connection {
        Connection::Postgresql(inner) => admins.for_update().load(inner)?,
        // In SQLite a write transaction locks the whole database.
        Connection::Sqlite(inner) => admins.load(inner)?,
    })
}

/// The conference with this slug. It is queried here because the agenda, which owns conferences, is above this feature.
pub fn conference(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceId>, DatabaseError> {
    Ok(conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?)
}

/// Filter of [`list`].
#[derive(Debug, Clone, Default)]
pub struct TokenFilter {
    pub conference: Option<ConferenceId>,
    pub role: Option<Role>,
    /// Whether to include revoked tokens.
    pub revoked: bool,
    pub id: Option<TokenId>,
    /// Only tokens that were created before this one.
    pub before: Option<TokenId>,
    pub limit: Option<i64>,
}

#[derive(Queryable)]
struct Row {
    id: TokenId,
    prefix: String,
    role: Role,
    conference: Option<String>,
    conference_id: Option<ConferenceId>,
    label: String,
    source: TokenSource,
    created_at: DbInstant,
    expires_at: Option<DbInstant>,
    last_used_at: Option<DbInstant>,
    revoked_at: Option<DbInstant>,
}

/// Tokens that match the filter, latest first.
pub fn list(connection: &mut Connection, filter: &TokenFilter) -> Result<Vec<Token>, DatabaseError> {
    let mut query = tokens::table.left_join(conferences::table).into_boxed::<MultiBackend>();
    if let Some(conference) = filter.conference {
        query = query.filter(tokens::conference_id.eq(conference));
    }
    if let Some(role) = filter.role {
        query = query.filter(tokens::role.eq(role));
    }
    if !filter.revoked {
        query = query.filter(tokens::revoked_at.is_null());
    }
    if let Some(id) = filter.id {
        query = query.filter(tokens::id.eq(id));
    }
    if let Some(before) = filter.before {
        query = query.filter(tokens::id.lt(before));
    }
    if let Some(limit) = filter.limit {
        query = query.limit(limit);
    }
    let rows: Vec<Row> = query
        .order(tokens::id.desc())
        .select((
            tokens::id,
            tokens::prefix,
            tokens::role,
            conferences::slug.nullable(),
            tokens::conference_id,
            tokens::label,
            tokens::source,
            tokens::created_at,
            tokens::expires_at,
            tokens::last_used_at,
            tokens::revoked_at,
        ))
        .load(connection)?;
    Ok(rows.into_iter().map(token).collect())
}

fn token(row: Row) -> Token {
    let instant = |DbInstant(at): DbInstant| at;
    Token {
        id: row.id,
        prefix: row.prefix,
        role: row.role,
        conference: row.conference,
        conference_id: row.conference_id,
        label: row.label,
        source: row.source,
        created_at: instant(row.created_at),
        expires_at: row.expires_at.map(instant),
        last_used_at: row.last_used_at.map(instant),
        revoked_at: row.revoked_at.map(instant),
    }
}

pub fn revoke(connection: &mut Connection, id: TokenId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(tokens::table.find(id)).set(tokens::revoked_at.eq(DbInstant(now))).execute(connection)?;
    Ok(())
}

/// Records when tokens were last used, unless a later use is recorded. Updates in the order of ids, so that two
/// processes cannot deadlock.
pub fn record_uses(connection: &mut Connection, uses: &BTreeMap<TokenId, DateTime<Utc>>) -> Result<(), DatabaseError> {
    for (id, at) in uses {
        let is_older = tokens::last_used_at.is_null().or(tokens::last_used_at.lt(DbInstant(*at)));
        diesel::update(tokens::table.find(*id).filter(is_older))
            .set(tokens::last_used_at.eq(DbInstant(*at)))
            .execute(connection)?;
    }
    Ok(())
}
