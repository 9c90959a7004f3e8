//! Who is it, and may they? And the tokens made at start or on the command line.

use super::{
    AccessError, AdminToken, Credentials, Role,
    policy::{Allowed, allowed},
    store::{self, Source},
    token::PlainToken,
};
use crate::{
    clock,
    database::{Connection, DatabaseError},
    ids::ConferenceId,
};

/// Whoever a request comes from, by the name that a history may show, and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request: Option<String>,
}

impl Actor {
    /// The person whom the registration is of.
    pub fn attendee() -> Self {
        Self::named("attendee", None)
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
        Self { name: name.into(), request }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the request, where it came by one.
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }
}

/// Lets `operation` pass, for `conference` or (where there is none yet) for the whole server.
///
/// # Errors
/// [`AccessError::Unauthenticated`] without a known token, [`AccessError::Forbidden`] with one that lacks the right.
pub fn authorise(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: &str,
    conference: Option<ConferenceId>,
) -> Result<Actor, AccessError> {
    let roles = match allowed(operation) {
        Allowed::Everyone => return Ok(Actor::named("everyone", credentials.request.clone())),
        Allowed::Roles(roles) | Allowed::OwnOrRoles(roles) => roles,
    };
    let token = credentials.bearer.as_ref().ok_or(AccessError::Unauthenticated)?;
    let known = store::find(connection, token)?.ok_or(AccessError::Unauthenticated)?;
    let reaches = known.conference.is_none() || known.conference == conference;
    if reaches && (known.role == Role::Admin || roles.contains(&known.role)) {
        Ok(Actor::named(format!("{} ({})", known.label, known.role), credentials.request.clone()))
    } else {
        Err(AccessError::Forbidden)
    }
}

/// Makes a token. It is in clear only in the answer.
///
/// # Errors
/// The store or the operating system's randomness fails.
pub fn make_token(
    connection: &mut Connection,
    role: Role,
    label: &str,
    conference: Option<ConferenceId>,
) -> Result<PlainToken, DatabaseError> {
    let token = PlainToken::make().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    store::insert(connection, &token, Source::Made, label, role, conference, clock::now())?;
    Ok(token)
}

/// At start: the settings' token replaces the one they gave before; where they give none, and there is no other admin
/// token, one is made and answered.
///
/// # Errors
/// The store or the operating system's randomness fails.
pub fn settle_admin_token(
    connection: &mut Connection,
    given: Option<&AdminToken>,
) -> Result<Option<PlainToken>, DatabaseError> {
    if let Some(AdminToken(token)) = given {
        store::remove_from_settings(connection)?;
        if store::find(connection, token)?.is_none() {
            store::insert(connection, token, Source::Settings, "settings", Role::Admin, None, clock::now())?;
        }
        return Ok(None);
    }
    if store::has_admin(connection)? {
        return Ok(None);
    }
    make_token(connection, Role::Admin, "first start", None).map(Some)
}

/// Every live token: what may be shown of it, its role, its label.
///
/// # Errors
/// The store fails.
pub fn list_tokens(connection: &mut Connection) -> Result<Vec<(String, String, String)>, DatabaseError> {
    store::list(connection)
}

/// Makes void the tokens whose shown part is that of `beginning`. Answers how many there were.
///
/// # Errors
/// The store fails.
pub fn revoke_token(connection: &mut Connection, beginning: &str) -> Result<usize, DatabaseError> {
    store::revoke(connection, &PlainToken::given(beginning).shown(), clock::now())
}
