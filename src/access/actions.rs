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
    request: Option<String>,
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

    fn named(name: impl Into<String>, request: Option<String>) -> Self {
        Self { name: name.into(), request, token: None }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Identifies the actor: the token's id, because two tokens may have the same label; without a token, the name.
    pub fn identity(&self) -> String {
        self.token.map_or_else(|| self.name.clone(), |token| token.to_string())
    }

    /// The id of the request; `None` outside a request.
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
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
    if operation.allowed() == Access::Everyone {
        return Ok(Actor::named("everyone", credentials.request.clone()));
    }
    let known = bearer(connection, credentials, operation)?;
    let reaches = known.conference.is_none() || known.conference == conference;
    if reaches { Ok(actor(&known, credentials)) } else { Err(AccessError::Forbidden) }
}

/// Authorises `operation` within the scope of the token: its conference, or (`None`) the whole server.
///
/// # Errors
/// Those of [`authorise`].
pub fn authorise_within(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
) -> Result<(Actor, Option<ConferenceId>), AccessError> {
    let known = bearer(connection, credentials, operation)?;
    Ok((actor(&known, credentials), known.conference))
}

/// Looks the token up and checks that its role may call `operation`, in whatever conference.
fn bearer(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
) -> Result<TokenGrant, AccessError> {
    let token = credentials.bearer.as_ref().ok_or(AccessError::Unauthenticated)?;
    let known = super::token::find(connection, token, clock::now())?.ok_or(AccessError::InvalidToken)?;
    credentials.uses.note(known.id);
    let may = match operation.allowed() {
        Access::Everyone => true,
        Access::ServerAdmins => known.role == Role::Admin && known.conference.is_none(),
        Access::Roles(roles) | Access::OwnOrRoles(roles) => known.role == Role::Admin || roles.contains(&known.role),
    };
    if may { Ok(known) } else { Err(AccessError::Forbidden) }
}

fn actor(known: &TokenGrant, credentials: &Credentials) -> Actor {
    let name = format!("{} ({})", known.label, known.role);
    Actor { token: Some(known.id), ..Actor::named(name, credentials.request.clone()) }
}
