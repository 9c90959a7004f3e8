//! Links to previews: creating, using and revoking them.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};
use serde_json::json;

use super::store;
use crate::{
    access::{
        Actor, Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
    },
    agenda::{self, ConferenceRef},
    clock,
    database::{Connection, DatabaseError},
    programme::{
        ProgrammeError, Snapshot,
        release::ReleaseRow,
        releases::schedule::ensure_future,
        visibility::{Audience, project},
    },
    validation::ValidationErrors,
    values::{Code, Count, LocalOrInstant},
};

/// Default and longest duration of a link, in hours.
const HOURS_DEFAULT: u32 = 24;
const HOURS_MAX: u32 = 30 * 24;

/// Makes the token of a link to a preview. Also returns when the link expires.
///
/// # Errors
/// [`ProgrammeError::Invalid`] if the link would be valid for too long, or not at all.
pub fn create_link(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    expires_at: Option<LocalOrInstant>,
    hours: Option<Count<1>>,
    secret: &ServerSecret,
) -> Result<(String, DateTime<Utc>), ProgrammeError> {
    let now = clock::now();
    let latest = now + Duration::hours(i64::from(HOURS_MAX));
    let mut errors = ValidationErrors::default();
    let requested_expiry = match (expires_at, hours) {
        (Some(_), Some(_)) => {
            errors.add("#/hours", "either_or", "must not be given beside expires_at");
            now
        }
        (Some(requested_time), None) => {
            let draft = agenda::actions::load(connection, conference)?;
            ensure_future(requested_time, &draft, now, "#/expires_at")?
        }
        (None, hours) => now + Duration::hours(i64::from(hours.map_or(HOURS_DEFAULT, |Count(hours)| hours))),
    };
    if requested_expiry > latest {
        let pointer = if expires_at.is_some() { "#/expires_at" } else { "#/hours" };
        errors.add(pointer, "out_of_range", format!("must be at most {HOURS_MAX} hours from now"));
    }
    // A token contains whole seconds: the link stays valid until the end of the requested second.
    let expires_at = errors.into_result(requested_expiry)?.trunc_subsecs(0) + Duration::seconds(1);
    let generation = store::generation(connection, conference.id)?;
    let after = json!({ "expires_at": clock::wire(expires_at) });
    let entry = audit::Entry::of(AuditAction::Create, ResourceKind::Preview, generation, Some(after));
    audit::record(connection, actor, Operation::CreatePreview, Some(conference.id), &[entry])?;
    Ok((secret.preview_token(conference.id, expires_at, generation), expires_at))
}

/// The draft as the public would see it if it were released now. A request without a token of this conference does not
/// reveal whether the conference exists.
///
/// # Errors
/// [`ProgrammeError::NotFound`], [`ProgrammeError::PreviewExpired`].
pub fn load_preview(
    connection: &mut Connection,
    slug: &Code,
    token: &str,
    secret: &ServerSecret,
) -> Result<Snapshot, ProgrammeError> {
    const NOT_FOUND: ProgrammeError = ProgrammeError::NotFound("preview");
    let conference = agenda::actions::lookup(connection, slug)?.ok_or(NOT_FOUND)?;
    let grant = secret.read_preview_token(token, conference.id).ok_or(NOT_FOUND)?;
    let now = clock::now();
    if grant.expires_at <= now || grant.generation != store::generation(connection, conference.id)? {
        return Err(ProgrammeError::PreviewExpired);
    }
    let draft = agenda::actions::load(connection, &conference)?;
    Ok(Snapshot::new(conference, ReleaseRow::of_draft(now), project(&draft, Audience::Public, now, secret)))
}

/// Revokes all links that were made before.
pub fn revoke_all(connection: &mut Connection, conference: &ConferenceRef, actor: &Actor) -> Result<(), DatabaseError> {
    let generation = store::generation(connection, conference.id)?;
    store::begin_generation(connection, conference.id)?;
    let entry = audit::Entry::of(AuditAction::Remove, ResourceKind::Preview, generation, None);
    audit::record(connection, actor, Operation::DeletePreviews, Some(conference.id), &[entry])
}
