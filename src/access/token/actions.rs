//! What can be done with tokens. `reach` is how far the caller's own token reaches: its conference, or (`None`) the
//! whole server. That a token is made or revoked stands in the audit trail, with what is shown of it.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    model::{NewToken, Token, TokenSource},
    plain::{AdminToken, PlainToken},
    store::{self, Wanted},
};
use crate::{
    access::{
        AccessError, Actor, Role,
        audit::{self, Entry},
    },
    clock,
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::{ConferenceId, TokenId},
    values::Code,
};

/// Makes a token. It is in clear only in the answer.
///
/// # Errors
/// The store or the operating system's randomness fails.
pub fn make_token(
    connection: &mut Connection,
    actor: &Actor,
    new: &NewToken,
) -> Result<(TokenId, PlainToken), DatabaseError> {
    let token = PlainToken::make().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let id = store::insert(connection, &token, TokenSource::Made, new, clock::now())?;
    let entry = Entry {
        action: "create".to_owned(),
        resource: "token".to_owned(),
        id: id.to_string(),
        code: token.shown(),
        before: None,
        after: Some(json!({ "role": new.role, "label": new.label, "expires_at": new.expires_at.map(clock::wire) })),
    };
    audit::record(connection, actor, "create_token", new.conference, &[entry])?;
    Ok((id, token))
}

/// Makes a token void, and says so in the audit trail.
fn make_void(
    connection: &mut Connection,
    actor: &Actor,
    token: &Token,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    store::revoke(connection, token.id, now)?;
    let entry = Entry {
        action: "revoke".to_owned(),
        resource: "token".to_owned(),
        id: token.id.to_string(),
        code: token.shown.clone(),
        before: Some(json!({ "role": token.role, "label": token.label })),
        after: None,
    };
    audit::record(connection, actor, "revoke_token", token.conference_id, &[entry])
}

/// A token that was made over the API.
#[derive(Debug)]
pub struct Made {
    /// In clear, this once.
    pub plain: PlainToken,
    /// What is kept of it.
    pub token: Token,
}

/// Makes a token for `slug`, or for every conference.
///
/// # Errors
/// [`AccessError::Forbidden`] where the caller's own token does not reach as far, [`AccessError::Invalid`] where there
/// is no such conference.
pub fn create(
    connection: &mut Connection,
    (actor, reach): &(Actor, Option<ConferenceId>),
    slug: Option<&Code>,
    role: Role,
    label: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Made, AccessError> {
    let conference = match slug {
        Some(slug) => Some(named(connection, slug, *reach, "#/conference")?),
        None if reach.is_some() => return Err(AccessError::Forbidden),
        None => None,
    };
    let (id, plain) =
        make_token(connection, actor, &NewToken { role, conference, label: label.to_owned(), expires_at })?;
    Ok(Made { plain, token: get(connection, *reach, id)? })
}

/// The conference of this slug, which stands at `pointer`. Whose token does not reach it does not learn whether it is.
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
        let mut faults = Faults::default();
        faults.add(pointer, "unknown_conference", "there is no such conference");
        faults.into()
    })
}

/// A token that the caller may see.
///
/// # Errors
/// [`AccessError::NotFound`], also for a token of another conference.
pub fn get(connection: &mut Connection, reach: Option<ConferenceId>, id: TokenId) -> Result<Token, AccessError> {
    let wanted = Wanted { id: Some(id), conference: reach, revoked: true, ..Wanted::default() };
    store::list(connection, &wanted)?.pop().ok_or(AccessError::NotFound)
}

/// The tokens that the caller may see, of all that are wanted, the latest first.
///
/// # Errors
/// [`AccessError::Forbidden`] for another conference than the caller's, [`AccessError::Invalid`] for none at all.
pub fn list(
    connection: &mut Connection,
    reach: Option<ConferenceId>,
    slug: Option<&Code>,
    wanted: &Wanted,
) -> Result<Vec<Token>, AccessError> {
    let conference = slug.map(|slug| named(connection, slug, reach, "?conference")).transpose()?.or(reach);
    Ok(store::list(connection, &Wanted { conference, ..wanted.clone() })?)
}

/// Makes a token void. One that is void already stays as it is.
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

/// At start: the settings' token replaces the one they gave before; where they give none, and there is no other admin
/// token, one is made and answered.
///
/// # Errors
/// The store or the operating system's randomness fails.
pub fn settle_admin_token(
    connection: &mut Connection,
    given: Option<&AdminToken>,
) -> Result<Option<PlainToken>, DatabaseError> {
    let now = clock::now();
    let admin =
        |label: &str| NewToken { role: Role::Admin, conference: None, label: label.to_owned(), expires_at: None };
    if let Some(AdminToken(token)) = given {
        store::make_way_for(connection, token, now)?;
        if store::find(connection, token, now)?.is_none() {
            store::insert(connection, token, TokenSource::Settings, &admin("settings"), now)?;
        }
        return Ok(None);
    }
    if !store::lock_server_admins(connection, now)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(make_token(connection, &Actor::service(), &admin("first start"))?.1))
}

/// Every token that is not revoked, for whoever runs commands on the machine; the earliest first.
///
/// # Errors
/// The store fails.
pub fn list_all(connection: &mut Connection) -> Result<Vec<Token>, DatabaseError> {
    let mut tokens = store::list(connection, &Wanted::default())?;
    tokens.reverse();
    Ok(tokens)
}

/// Makes void the tokens whose shown part is that of `beginning`. Answers how many there were.
///
/// # Errors
/// The store fails.
pub fn revoke_shown(connection: &mut Connection, actor: &Actor, beginning: &str) -> Result<usize, DatabaseError> {
    let shown = PlainToken::given(beginning).shown();
    let now = clock::now();
    let found: Vec<_> = list_all(connection)?.into_iter().filter(|token| token.shown == shown).collect();
    for token in &found {
        make_void(connection, actor, token, now)?;
    }
    Ok(found.len())
}
