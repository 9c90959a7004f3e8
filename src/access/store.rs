//! The rows of tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{policy::Role, token::PlainToken};
use crate::{
    database::{Connection, DatabaseError, schema::tokens, types::Instant},
    ids::{ConferenceId, TokenId},
};

/// A token as it is known.
pub struct Known {
    pub label: String,
    pub role: Role,
    pub conference: Option<ConferenceId>,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made by the service.
    Made,
    /// Given by the settings.
    Settings,
}

impl Source {
    const fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Settings => "settings",
        }
    }
}

pub fn find(connection: &mut Connection, token: &PlainToken) -> Result<Option<Known>, DatabaseError> {
    let row: Option<(String, String, Option<ConferenceId>)> = tokens::table
        .filter(tokens::digest.eq(token.digest()))
        .filter(tokens::revoked_at.is_null())
        .select((tokens::label, tokens::role, tokens::conference_id))
        .first(connection)
        .optional()?;
    row.map(|(label, role, conference)| {
        let role = Role::from_word(&role).ok_or_else(|| DatabaseError::Corrupt(format!("role {role}")))?;
        Ok(Known { label, role, conference })
    })
    .transpose()
}

pub fn insert(
    connection: &mut Connection,
    token: &PlainToken,
    source: Source,
    label: &str,
    role: Role,
    conference: Option<ConferenceId>,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(TokenId::new()),
            tokens::conference_id.eq(conference),
            tokens::role.eq(role.as_str()),
            tokens::label.eq(label),
            tokens::source.eq(source.word()),
            tokens::prefix.eq(token.shown()),
            tokens::digest.eq(token.digest()),
            tokens::created_at.eq(Instant(now)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes what the settings gave before.
pub fn remove_from_settings(connection: &mut Connection) -> Result<(), DatabaseError> {
    diesel::delete(tokens::table.filter(tokens::source.eq(Source::Settings.word()))).execute(connection)?;
    Ok(())
}

/// Whether a live server-wide admin token exists.
pub fn has_admin(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let count: i64 = tokens::table
        .filter(tokens::role.eq(Role::Admin.as_str()))
        .filter(tokens::conference_id.is_null())
        .filter(tokens::revoked_at.is_null())
        .count()
        .get_result(connection)?;
    Ok(count > 0)
}

/// Every live token: shown part, role, label.
pub fn list(connection: &mut Connection) -> Result<Vec<(String, String, String)>, DatabaseError> {
    Ok(tokens::table
        .filter(tokens::revoked_at.is_null())
        .order(tokens::id)
        .select((tokens::prefix, tokens::role, tokens::label))
        .load(connection)?)
}

/// Marks the tokens with this shown part as void.
pub fn revoke(connection: &mut Connection, shown: &str, now: DateTime<Utc>) -> Result<usize, DatabaseError> {
    let live = tokens::table.filter(tokens::prefix.eq(shown)).filter(tokens::revoked_at.is_null());
    Ok(diesel::update(live).set(tokens::revoked_at.eq(Instant(now))).execute(connection)?)
}
