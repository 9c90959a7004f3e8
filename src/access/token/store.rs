//! The rows of tokens.

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
        types::Instant,
    },
    ids::{ConferenceId, TokenId},
    values::Code,
};

/// What is known of whoever shows a token.
pub struct Known {
    pub id: TokenId,
    pub label: String,
    pub role: Role,
    pub conference: Option<ConferenceId>,
}

fn role(word: &str) -> Result<Role, DatabaseError> {
    Role::from_word(word).ok_or_else(|| DatabaseError::Corrupt(format!("role {word}")))
}

/// The token, unless it is revoked or has expired by `now`.
pub fn find(
    connection: &mut Connection,
    token: &PlainToken,
    now: DateTime<Utc>,
) -> Result<Option<Known>, DatabaseError> {
    let row: Option<(TokenId, String, String, Option<ConferenceId>)> = tokens::table
        .filter(tokens::digest.eq(token.digest()))
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(Instant(now))))
        .select((tokens::id, tokens::label, tokens::role, tokens::conference_id))
        .first(connection)
        .optional()?;
    row.map(|(id, label, word, conference)| Ok(Known { id, label, role: role(&word)?, conference })).transpose()
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
            tokens::role.eq(new.role.as_str()),
            tokens::label.eq(&new.label),
            tokens::source.eq(source.as_str()),
            tokens::prefix.eq(token.shown()),
            tokens::digest.eq(token.digest()),
            tokens::created_at.eq(Instant(now)),
            tokens::expires_at.eq(new.expires_at.map(Instant)),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Removes what the settings gave before, and whatever is void of what they give now: it is theirs again.
pub fn make_way_for(connection: &mut Connection, given: &PlainToken, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    let digest = given.digest();
    let other = tokens::source.eq(TokenSource::Settings.as_str()).and(tokens::digest.ne(digest.clone()));
    diesel::delete(tokens::table.filter(other)).execute(connection)?;
    let is_void = tokens::revoked_at.is_not_null().or(tokens::expires_at.le(Instant(now)));
    diesel::delete(tokens::table.filter(tokens::digest.eq(digest)).filter(is_void)).execute(connection)?;
    Ok(())
}

/// The live server-wide admin tokens. They stay locked until the transaction ends, so that of two that are revoked at
/// once the second is known to be the last.
pub fn lock_server_admins(connection: &mut Connection, now: DateTime<Utc>) -> Result<Vec<TokenId>, DatabaseError> {
    let live = tokens::table
        .filter(tokens::role.eq(Role::Admin.as_str()))
        .filter(tokens::conference_id.is_null())
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(Instant(now))))
        .order(tokens::id)
        .select(tokens::id);
    Ok(match connection {
        Connection::Postgresql(inner) => live.for_update().load(inner)?,
        // A write holds the whole of SQLite already.
        Connection::Sqlite(inner) => live.load(inner)?,
    })
}

/// The conference of this slug. A token is asked for and shown with its conference's slug; whatever else a conference
/// is belongs to the agenda, which stands above this feature.
pub fn conference(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceId>, DatabaseError> {
    Ok(conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?)
}

/// Which tokens are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this conference alone.
    pub conference: Option<ConferenceId>,
    /// Of this role alone.
    pub role: Option<Role>,
    /// Those that are revoked, too.
    pub revoked: bool,
    /// The one with this id alone.
    pub id: Option<TokenId>,
    /// Those made before this one.
    pub before: Option<TokenId>,
    /// How many at most.
    pub limit: Option<i64>,
}

#[derive(Queryable)]
struct Row {
    id: TokenId,
    prefix: String,
    role: String,
    conference: Option<String>,
    conference_id: Option<ConferenceId>,
    label: String,
    source: String,
    created_at: Instant,
    expires_at: Option<Instant>,
    last_used_at: Option<Instant>,
    revoked_at: Option<Instant>,
}

/// The tokens that are wanted, the latest first.
pub fn list(connection: &mut Connection, wanted: &Wanted) -> Result<Vec<Token>, DatabaseError> {
    let mut query = tokens::table.left_join(conferences::table).into_boxed::<MultiBackend>();
    if let Some(conference) = wanted.conference {
        query = query.filter(tokens::conference_id.eq(conference));
    }
    if let Some(role) = wanted.role {
        query = query.filter(tokens::role.eq(role.as_str()));
    }
    if !wanted.revoked {
        query = query.filter(tokens::revoked_at.is_null());
    }
    if let Some(id) = wanted.id {
        query = query.filter(tokens::id.eq(id));
    }
    if let Some(before) = wanted.before {
        query = query.filter(tokens::id.lt(before));
    }
    if let Some(limit) = wanted.limit {
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
    rows.into_iter().map(token).collect()
}

fn token(row: Row) -> Result<Token, DatabaseError> {
    let source = TokenSource::from_word(&row.source);
    let instant = |Instant(at): Instant| at;
    Ok(Token {
        id: row.id,
        shown: row.prefix,
        role: role(&row.role)?,
        conference: row.conference,
        conference_id: row.conference_id,
        label: row.label,
        source: source.ok_or_else(|| DatabaseError::Corrupt(format!("source {}", row.source)))?,
        created_at: instant(row.created_at),
        expires_at: row.expires_at.map(instant),
        last_used_at: row.last_used_at.map(instant),
        revoked_at: row.revoked_at.map(instant),
    })
}

/// Marks a token as void.
pub fn revoke(connection: &mut Connection, id: TokenId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(tokens::table.find(id)).set(tokens::revoked_at.eq(Instant(now))).execute(connection)?;
    Ok(())
}

/// Notes when tokens were last used; an older use changes nothing. In the order of ids, so that two processes that
/// write at once wait for one another and no more.
pub fn note_uses(connection: &mut Connection, uses: &BTreeMap<TokenId, DateTime<Utc>>) -> Result<(), DatabaseError> {
    for (id, at) in uses {
        let older = tokens::last_used_at.is_null().or(tokens::last_used_at.lt(Instant(*at)));
        diesel::update(tokens::table.find(*id).filter(older))
            .set(tokens::last_used_at.eq(Instant(*at)))
            .execute(connection)?;
    }
    Ok(())
}
