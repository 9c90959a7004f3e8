//! Operations on tokens. `reach` is the scope of the caller's own token: its conference, or (`None`) the whole server.
//! Creation and revocation are recorded in the audit trail, with the token's shown prefix.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    model::{NewToken, Token, TokenSource},
    plain::{AdminToken, PlainToken},
    store::{self, TokenFilter},
};
use crate::{
    access::{
        AccessError, Actor, Operation, Role,
        audit::{self, AuditAction, Entry, ResourceKind},
    },
    clock,
    database::{Connection, DatabaseError},
    ids::{ConferenceId, TokenId},
    validation::ValidationErrors,
    values::Code,
};

/// Creates a token. Only the returned value has it in clear.
///
/// # Errors
/// The store or the operating system's random generator fails.
pub fn make_token(
    connection: &mut Connection,
    actor: &Actor,
    new: &NewToken,
) -> Result<(TokenId, PlainToken), DatabaseError> {
    let token = PlainToken::make().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let id = store::insert(connection, &token, TokenSource::Made, new, clock::now())?;
    let entry = Entry {
        action: AuditAction::Create,
        resource: ResourceKind::Token,
        id: id.to_string(),
        code: token.shown(),
        before: None,
        after: Some(json!({ "role": new.role, "label": new.label, "expires_at": new.expires_at.map(clock::wire) })),
    };
    audit::record(connection, actor, Operation::CreateToken, new.conference, &[entry])?;
    Ok((id, token))
}

/// Revokes a token and records it in the audit trail.
fn make_void(
    connection: &mut Connection,
    actor: &Actor,
    token: &Token,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    store::revoke(connection, token.id, now)?;
    let entry = Entry {
        action: AuditAction::Revoke,
        resource: ResourceKind::Token,
        id: token.id.to_string(),
        code: token.shown.clone(),
        before: Some(json!({ "role": token.role, "label": token.label })),
        after: None,
    };
    audit::record(connection, actor, Operation::RevokeToken, token.conference_id, &[entry])
}

/// A token that was created by a request.
#[derive(Debug)]
pub struct CreatedToken {
    /// The token in clear; it cannot be read again.
    pub plain: PlainToken,
    pub token: Token,
}

/// Creates a token for the conference `slug`, or for every conference.
///
/// # Errors
/// [`AccessError::Forbidden`] outside the scope of the caller's own token, [`AccessError::Invalid`] if there is no such
/// conference.
pub fn create(
    connection: &mut Connection,
    (actor, reach): &(Actor, Option<ConferenceId>),
    slug: Option<&Code>,
    role: Role,
    label: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<CreatedToken, AccessError> {
    let conference = match slug {
        Some(slug) => Some(named(connection, slug, *reach, "#/conference")?),
        None if reach.is_some() => return Err(AccessError::Forbidden),
        None => None,
    };
    let (id, plain) =
        make_token(connection, actor, &NewToken { role, conference, label: label.to_owned(), expires_at })?;
    Ok(CreatedToken { plain, token: get(connection, *reach, id)? })
}

/// The conference with this slug, which the request has at `pointer`. A caller whose token does not cover it does not
/// learn whether it exists.
fn named(
    connection: &mut Connection,
    slug: &Code,
    reach: Option<ConferenceId>,
    pointer: &str,
) -> Result<ConferenceId, AccessError> {
    let found = store::conference(connection, slug)?;
    if reach.is_some() && reach != found {
        return Err(AccessError::Forbidden);
    }
    found.ok_or_else(|| {
        let mut faults = ValidationErrors::default();
        faults.add(pointer, "unknown_conference", "there is no such conference");
        faults.into()
    })
}

/// A token within the caller's scope.
///
/// # Errors
/// [`AccessError::NotFound`], also for a token of another conference.
pub fn get(connection: &mut Connection, reach: Option<ConferenceId>, id: TokenId) -> Result<Token, AccessError> {
    let wanted = TokenFilter { id: Some(id), conference: reach, revoked: true, ..TokenFilter::default() };
    store::list(connection, &wanted)?.pop().ok_or(AccessError::NotFound)
}

/// Tokens within the caller's scope that match the filter, latest first.
///
/// # Errors
/// [`AccessError::Forbidden`] for another conference than the caller's, [`AccessError::Invalid`] for an unknown one.
pub fn list(
    connection: &mut Connection,
    reach: Option<ConferenceId>,
    slug: Option<&Code>,
    wanted: &TokenFilter,
) -> Result<Vec<Token>, AccessError> {
    let conference = slug.map(|slug| named(connection, slug, reach, "?conference")).transpose()?.or(reach);
    Ok(store::list(connection, &TokenFilter { conference, ..wanted.clone() })?)
}

/// Revokes a token; does nothing if it is already revoked.
///
/// # Errors
/// [`AccessError::OfSettings`], [`AccessError::LastAdmin`], and those of [`get`].
pub fn revoke(
    connection: &mut Connection,
    (actor, reach): &(Actor, Option<ConferenceId>),
    id: TokenId,
) -> Result<(), AccessError> {
    let token = get(connection, *reach, id)?;
    if token.source == TokenSource::Settings {
        return Err(AccessError::OfSettings);
    }
    if token.revoked_at.is_some() {
        return Ok(());
    }
    let now = clock::now();
    let is_server_admin = token.role == Role::Admin && token.conference_id.is_none();
    if is_server_admin && store::lock_server_admins(connection, now)?.iter().all(|live| *live == id) {
        return Err(AccessError::LastAdmin);
    }
    Ok(make_void(connection, actor, &token, now)?)
}

/// At start: the token in the settings replaces the one that they had before. If they have none and there is no other
/// admin token, one is created and returned.
///
/// # Errors
/// The store or the operating system's random generator fails.
pub fn ensure_admin_token(
    connection: &mut Connection,
    given: Option<&AdminToken>,
) -> Result<Option<PlainToken>, DatabaseError> {
    let now = clock::now();
    let admin =
        |label: &str| NewToken { role: Role::Admin, conference: None, label: label.to_owned(), expires_at: None };
    if let Some(AdminToken(token)) = given {
        super::store::delete_replaced(connection, token, now)?;
        if super::find(connection, token, now)?.is_none() {
            store::insert(connection, token, TokenSource::Settings, &admin("settings"), now)?;
        }
        return Ok(None);
    }
    if !store::lock_server_admins(connection, now)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(make_token(connection, &Actor::service(), &admin("first start"))?.1))
}

/// Every token that is not revoked, oldest first, for the command line.
pub fn list_all(connection: &mut Connection) -> Result<Vec<Token>, DatabaseError> {
    let mut tokens = store::list(connection, &TokenFilter::default())?;
    tokens.reverse();
    Ok(tokens)
}

/// Revokes the tokens with the same shown prefix as `beginning`; returns their number.
pub fn revoke_shown(connection: &mut Connection, actor: &Actor, beginning: &str) -> Result<usize, DatabaseError> {
    let shown = PlainToken::given(beginning).shown();
    let now = clock::now();
    let found: Vec<_> = list_all(connection)?.into_iter().filter(|token| token.shown == shown).collect();
    for token in &found {
        make_void(connection, actor, token, now)?;
    }
    Ok(found.len())
}
