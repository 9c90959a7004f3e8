//! The rows of texts that conferences have of their own, and of addresses that are not written to.

use diesel::prelude::*;

use super::{letter::LetterKind, messages::withdraw};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::{mail_blocks, mail_templates},
        types::Instant,
    },
    ids::ConferenceId,
};

/// A text that a conference has in place of one that ships.
#[derive(Debug, Clone, Queryable)]
pub struct OwnTemplate {
    /// What it is about.
    pub kind: String,
    /// Its language.
    pub language: String,
    /// The text.
    pub source: String,
    /// When it was written.
    pub updated_at: Instant,
    /// By whom.
    pub updated_by: String,
}

/// The texts that a conference has of its own.
///
/// # Errors
/// The store fails.
pub fn templates(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<OwnTemplate>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq(conference))
        .order((mail_templates::kind, mail_templates::language))
        .select((
            mail_templates::kind,
            mail_templates::language,
            mail_templates::source,
            mail_templates::updated_at,
            mail_templates::updated_by,
        ))
        .load(connection)?)
}

/// The text of a letter that a conference has of its own.
///
/// # Errors
/// The store fails.
pub fn own_template(
    connection: &mut Connection,
    conference: ConferenceId,
    (kind, language): (&str, &str),
) -> Result<Option<String>, DatabaseError> {
    Ok(mail_templates::table
        .find((conference, kind, language))
        .select(mail_templates::source)
        .first(connection)
        .optional()?)
}

/// Writes a text.
///
/// # Errors
/// The store fails.
pub fn put_template(
    connection: &mut Connection,
    conference: ConferenceId,
    (kind, language): (&str, &str),
    source: &str,
    by: &str,
) -> Result<(), DatabaseError> {
    delete_template(connection, conference, (kind, language))?;
    diesel::insert_into(mail_templates::table)
        .values((
            mail_templates::conference_id.eq(conference),
            mail_templates::kind.eq(kind),
            mail_templates::language.eq(language),
            mail_templates::source.eq(source),
            mail_templates::updated_at.eq(Instant(clock::now())),
            mail_templates::updated_by.eq(by),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes a text away: the one that ships is used again. Whether there was one.
///
/// # Errors
/// The store fails.
pub fn delete_template(
    connection: &mut Connection,
    conference: ConferenceId,
    (kind, language): (&str, &str),
) -> Result<bool, DatabaseError> {
    Ok(diesel::delete(mail_templates::table.find((conference, kind, language))).execute(connection)? == 1)
}

/// Why an address is not written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Mail to it comes back.
    Bounced,
    /// Its owner wants no announcements.
    Unsubscribed,
}

impl Block {
    /// The word that is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// Notes that an address is not written to, and takes back what waits for it; noted before, it stays as it was.
///
/// # Errors
/// The store fails.
pub fn block(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &str,
    reason: Block,
    detail: Option<&str>,
) -> Result<(), DatabaseError> {
    let row = (
        mail_blocks::conference_id.eq(conference),
        mail_blocks::address_folded.eq(folded),
        mail_blocks::reason.eq(reason.as_str()),
        mail_blocks::detail.eq(detail),
        mail_blocks::created_at.eq(Instant(clock::now())),
    );
    let insert = diesel::insert_into(mail_blocks::table).values(row).on_conflict_do_nothing();
    on_backend!(connection, inner => insert.execute(inner))?;
    // What waits for them is taken back. Nobody can do without word that a session is not where they go.
    let kinds = match reason {
        Block::Bounced => &LetterKind::OF_BROADCASTS[..],
        Block::Unsubscribed => &LetterKind::DECLINABLE[..],
    };
    withdraw(connection, conference, &[folded.to_owned()], kinds)
}

/// An address is written to again.
///
/// # Errors
/// The store fails.
pub fn unblock(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &str,
    reason: Block,
) -> Result<bool, DatabaseError> {
    let key = (conference, folded, reason.as_str());
    Ok(diesel::delete(mail_blocks::table.find(key)).execute(connection)? == 1)
}

/// An address that is not written to.
#[derive(Debug, Queryable)]
pub struct Blocked {
    /// The address, folded.
    pub address: String,
    /// `bounced` or `unsubscribed`.
    pub reason: String,
    /// The mail server's words.
    pub detail: Option<String>,
    /// Since when.
    pub created_at: Instant,
}

/// The addresses of a conference that are not written to, after one of them.
///
/// # Errors
/// The store fails.
pub fn blocked(
    connection: &mut Connection,
    conference: ConferenceId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Blocked>, DatabaseError> {
    let rows = mail_blocks::table
        .filter(mail_blocks::conference_id.eq(conference))
        .filter(mail_blocks::address_folded.gt(after.unwrap_or_default()))
        .order((mail_blocks::address_folded, mail_blocks::reason))
        .limit(limit)
        .select((mail_blocks::address_folded, mail_blocks::reason, mail_blocks::detail, mail_blocks::created_at));
    Ok(rows.load(connection)?)
}

/// Which of these addresses are not written to.
///
/// # Errors
/// The store fails.
pub fn blocked_of(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
) -> Result<Vec<(String, String)>, DatabaseError> {
    Ok(mail_blocks::table
        .filter(mail_blocks::conference_id.eq(conference))
        .filter(mail_blocks::address_folded.eq_any(folded))
        .select((mail_blocks::address_folded, mail_blocks::reason))
        .load(connection)?)
}
