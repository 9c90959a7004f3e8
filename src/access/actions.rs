//! Authentication of requests and authorisation of operations.

use super::{
    AccessError, Credentials, Role,
    policy::{Access, Operation},
    token::TokenGrant,
};
use crate::{
    clock,
    database::Connection,
    ids::{ConferenceId, TokenId},
};

/// Who makes a request, by the name shown in histories, and the id of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request_id: Option<String>,
    token: Option<TokenId>,
}

impl Actor {
    /// The person who holds the personal link of a registration.
    pub fn attendee() -> Self {
        Self::named("attendee", None)
    }

    pub fn focal_point() -> Self {
        Self::named("focal point", None)
    }

    /// The service itself, for changes that no request asks for.
    pub fn service() -> Self {
        Self::named("service", None)
    }

    pub fn command_line() -> Self {
        Self::named("command line", None)
    }

    fn named(name: impl Into<String>, request_id: Option<String>) -> Self {
        Self { name: name.into(), request_id, token: None }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Identifies the actor: the token's id, because two tokens may have the same label; without a token, the name.
    pub fn identity(&self) -> String {
        self.token.map_or_else(|| self.name.clone(), |token| token.to_string())
    }

    /// The id of the request; `None` outside a request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

/// Authorises `operation` for `conference`, or (`None`) for the whole server.
///
/// # Errors
/// [`AccessError::Unauthenticated`] without a token, [`AccessError::InvalidToken`] with an unknown, revoked or expired
/// one, [`AccessError::Forbidden`] with one that lacks the right.
pub fn authorise(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
    conference: Option<ConferenceId>,
) -> Result<Actor, AccessError> {
    if operation.access() == Access::Everyone {
        return Ok(Actor::named("everyone", credentials.request_id.clone()));
    }
    let grant = find_grant(connection, credentials, operation)?;
    let is_in_scope = grant.conference.is_none() || grant.conference == conference;
    if is_in_scope { Ok(actor(&grant, credentials)) } else { Err(AccessError::Forbidden) }
}

/// Whether the credentials have a valid token, of any role, that counts in the conference: its holders may see a
/// conference that is not public.
///
/// # Errors
/// [`AccessError::Database`].
pub fn may_read(
    connection: &mut Connection,
    credentials: &Credentials,
    conference: ConferenceId,
) -> Result<bool, AccessError> {
    let Some(token) = &credentials.bearer else { return Ok(false) };
    let Some(grant) = super::token::find(connection, token, clock::now())? else { return Ok(false) };
    credentials.token_uses.record(grant.id);
    Ok(grant.conference.is_none_or(|of_token| of_token == conference))
}

/// Who makes a request that lists or manages tokens.
#[derive(Debug)]
pub struct Caller {
    pub actor: Actor,
    /// The scope of the caller's own token: its conference, or (`None`) the whole server.
    pub scope: Option<ConferenceId>,
}

/// Authorises `operation` within the scope of the token.
///
/// # Errors
/// Those of [`authorise`].
pub fn authorise_within(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
) -> Result<Caller, AccessError> {
    let grant = find_grant(connection, credentials, operation)?;
    Ok(Caller { actor: actor(&grant, credentials), scope: grant.conference })
}

/// Looks the token up and checks that its role may call `operation`, in whatever conference.
fn find_grant(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
) -> Result<TokenGrant, AccessError> {
    let token = credentials.bearer.as_ref().ok_or(AccessError::Unauthenticated)?;
    let grant = super::token::find(connection, token, clock::now())?.ok_or(AccessError::InvalidToken)?;
    credentials.token_uses.record(grant.id);
    let is_allowed = match operation.access() {
        Access::Everyone => true,
        Access::ServerAdmins => grant.role == Role::Admin && grant.conference.is_none(),
        Access::Roles(roles) | Access::OwnOrRoles(roles) => grant.role == Role::Admin || roles.contains(&grant.role),
    };
    if is_allowed { Ok(grant) } else { Err(AccessError::Forbidden) }
}

fn actor(grant: &TokenGrant, credentials: &Credentials) -> Actor {
    let name = format!("{} ({})", grant.label, grant.role);
    Actor { token: Some(grant.id), ..Actor::named(name, credentials.request_id.clone()) }
}
