//! Operations on tokens. `scope` is the scope of the caller's own token: its conference, or (`None`) the whole server.
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
        AccessError, Actor, Caller, Operation, Role,
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
pub fn create_token(
    connection: &mut Connection,
    actor: &Actor,
    new: &NewToken,
) -> Result<(TokenId, PlainToken), DatabaseError> {
    let token = PlainToken::generate().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let id = store::insert(connection, &token, TokenSource::Created, new, clock::now())?;
    let entry = Entry {
        action: AuditAction::Create,
        resource: ResourceKind::Token,
        id: id.to_string(),
        code: token.prefix(),
        before: None,
        after: Some(json!({ "role": new.role, "label": new.label, "expires_at": new.expires_at.map(clock::wire) })),
    };
    audit::record(connection, actor, Operation::CreateToken, new.conference, &[entry])?;
    Ok((id, token))
}

/// Revokes a token and records it in the audit trail.
fn revoke_and_record(
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
        code: token.prefix.clone(),
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
    caller: &Caller,
    slug: Option<&Code>,
    role: Role,
    label: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<CreatedToken, AccessError> {
    let conference = match slug {
        Some(slug) => Some(find_in_scope(connection, slug, caller.scope, "#/conference")?),
        None if caller.scope.is_some() => return Err(AccessError::Forbidden),
        None => None,
    };
    let (id, plain) =
        create_token(connection, &caller.actor, &NewToken { role, conference, label: label.to_owned(), expires_at })?;
    Ok(CreatedToken { plain, token: get(connection, caller.scope, id)? })
}

/// The conference with this slug, which the request has at `pointer`. A caller whose token does not cover it does not
/// learn whether it exists.
fn find_in_scope(
    connection: &mut Connection,
    slug: &Code,
    scope: Option<ConferenceId>,
    pointer: &str,
) -> Result<ConferenceId, AccessError> {
    let conference = store::conference(connection, slug)?;
    if scope.is_some() && scope != conference {
        return Err(AccessError::Forbidden);
    }
    conference.ok_or_else(|| {
        let mut errors = ValidationErrors::default();
        errors.add(pointer, "unknown_conference", "there is no such conference");
        errors.into()
    })
}

/// A token within the caller's scope.
///
/// # Errors
/// [`AccessError::NotFound`], also for a token of another conference.
pub fn get(connection: &mut Connection, scope: Option<ConferenceId>, id: TokenId) -> Result<Token, AccessError> {
    let filter = TokenFilter { id: Some(id), conference: scope, revoked: true, ..TokenFilter::default() };
    store::list(connection, &filter)?.pop().ok_or(AccessError::NotFound)
}

/// Tokens within the caller's scope that match the filter, latest first.
///
/// # Errors
/// [`AccessError::Forbidden`] for another conference than the caller's, [`AccessError::Invalid`] for an unknown one.
pub fn list(
    connection: &mut Connection,
    scope: Option<ConferenceId>,
    slug: Option<&Code>,
    filter: &TokenFilter,
) -> Result<Vec<Token>, AccessError> {
    let conference = slug.map(|slug| find_in_scope(connection, slug, scope, "?conference")).transpose()?.or(scope);
    Ok(store::list(connection, &TokenFilter { conference, ..filter.clone() })?)
}

/// Revokes a token; does nothing if it is already revoked.
///
/// # Errors
/// [`AccessError::SettingsToken`], [`AccessError::LastAdmin`], and those of [`get`].
pub fn revoke(connection: &mut Connection, caller: &Caller, id: TokenId) -> Result<(), AccessError> {
    let token = get(connection, caller.scope, id)?;
    if token.source == TokenSource::Settings {
        return Err(AccessError::SettingsToken);
    }
    if token.revoked_at.is_some() {
        return Ok(());
    }
    let now = clock::now();
    let is_server_admin = token.role == Role::Admin && token.conference_id.is_none();
    if is_server_admin && store::lock_server_admins(connection, now)?.iter().all(|admin| *admin == id) {
        return Err(AccessError::LastAdmin);
    }
    Ok(revoke_and_record(connection, &caller.actor, &token, now)?)
}

/// At start: the token in the settings replaces the one that they had before. If they have none and there is no other
/// admin token, one is created and returned.
///
/// # Errors
/// The store or the operating system's random generator fails.
pub fn ensure_admin_token(
    connection: &mut Connection,
    configured: Option<&AdminToken>,
) -> Result<Option<PlainToken>, DatabaseError> {
    let now = clock::now();
    let admin =
        |label: &str| NewToken { role: Role::Admin, conference: None, label: label.to_owned(), expires_at: None };
    if let Some(AdminToken(token)) = configured {
        super::store::delete_replaced(connection, token, now)?;
        if super::find(connection, token, now)?.is_none() {
            store::insert(connection, token, TokenSource::Settings, &admin("settings"), now)?;
        }
        return Ok(None);
    }
    if !store::lock_server_admins(connection, now)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(create_token(connection, &Actor::service(), &admin("first start"))?.1))
}

/// Every token that is not revoked, oldest first, for the command line.
pub fn list_all(connection: &mut Connection) -> Result<Vec<Token>, DatabaseError> {
    let mut tokens = store::list(connection, &TokenFilter::default())?;
    tokens.reverse();
    Ok(tokens)
}

/// Revokes the tokens with the same prefix as `token_start`; returns their number.
pub fn revoke_by_prefix(connection: &mut Connection, actor: &Actor, token_start: &str) -> Result<usize, DatabaseError> {
    let prefix = PlainToken::new(token_start).prefix();
    let now = clock::now();
    let tokens: Vec<_> = list_all(connection)?.into_iter().filter(|token| token.prefix == prefix).collect();
    for token in &tokens {
        revoke_and_record(connection, actor, token, now)?;
    }
    Ok(tokens.len())
}
