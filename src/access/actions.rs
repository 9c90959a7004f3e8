//! Who is it, and may they?

use super::{
    AccessError, Credentials, Role,
    policy::{Allowed, allowed},
    token::store::{self, Known},
};
use crate::{
    clock,
    database::Connection,
    ids::{ConferenceId, TokenId},
};

/// Whoever a request comes from, by the name that a history may show, and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request: Option<String>,
    token: Option<TokenId>,
}

impl Actor {
    /// The person whom the registration is of.
    pub fn attendee() -> Self {
        Self::named("attendee", None)
    }

    /// The focal point of a delegation.
    pub fn focal_point() -> Self {
        Self::named("focal point", None)
    }

    /// The service itself.
    pub fn service() -> Self {
        Self::named("service", None)
    }

    /// Whoever runs commands on the machine.
    pub fn command_line() -> Self {
        Self::named("command line", None)
    }

    fn named(name: impl Into<String>, request: Option<String>) -> Self {
        Self { name: name.into(), request, token: None }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells them from every other: two tokens may have one label.
    pub fn identity(&self) -> String {
        self.token.map_or_else(|| self.name.clone(), |token| token.to_string())
    }

    /// The id of the request, where it came by one.
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }
}

/// Lets `operation` pass, for `conference` or (where there is none yet) for the whole server.
///
/// # Errors
/// [`AccessError::Unauthenticated`] without a token, [`AccessError::InvalidToken`] with one that is not known (any
/// more), [`AccessError::Forbidden`] with one that lacks the right.
pub fn authorise(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: &str,
    conference: Option<ConferenceId>,
) -> Result<Actor, AccessError> {
    if allowed(operation) == Allowed::Everyone {
        return Ok(Actor::named("everyone", credentials.request.clone()));
    }
    let known = bearer(connection, credentials, operation)?;
    let reaches = known.conference.is_none() || known.conference == conference;
    if reaches { Ok(actor(&known, credentials)) } else { Err(AccessError::Forbidden) }
}

/// Lets `operation` pass for as far as the token reaches: its conference, or (`None`) the whole server.
///
/// # Errors
/// Those of [`authorise`].
pub fn authorise_within(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: &str,
) -> Result<(Actor, Option<ConferenceId>), AccessError> {
    let known = bearer(connection, credentials, operation)?;
    Ok((actor(&known, credentials), known.conference))
}

/// Whoever shows a token of a role that may call `operation`, wherever it reaches.
fn bearer(connection: &mut Connection, credentials: &Credentials, operation: &str) -> Result<Known, AccessError> {
    let token = credentials.bearer.as_ref().ok_or(AccessError::Unauthenticated)?;
    let known = store::find(connection, token, clock::now())?.ok_or(AccessError::InvalidToken)?;
    credentials.uses.note(known.id);
    let may = match allowed(operation) {
        Allowed::Everyone => true,
        Allowed::ServerAdmins => known.role == Role::Admin && known.conference.is_none(),
        Allowed::Roles(roles) | Allowed::OwnOrRoles(roles) => known.role == Role::Admin || roles.contains(&known.role),
    };
    if may { Ok(known) } else { Err(AccessError::Forbidden) }
}

fn actor(known: &Known, credentials: &Credentials) -> Actor {
    let name = format!("{} ({})", known.label, known.role);
    Actor { token: Some(known.id), ..Actor::named(name, credentials.request.clone()) }
}
