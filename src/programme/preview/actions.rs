//! Links to previews: made, followed, made void.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

use serde_json::json;

use super::store;
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Place},
    clock,
    database::{Connection, DatabaseError},
    faults::Faults,
    programme::{
        ProgrammeError, Snapshot,
        release::{ReleaseRow, schedule::future},
        visibility::{Audience, project},
    },
    values::{Code, Count, Moment},
};

/// How long a link is good unless it is said, and at most, in hours.
const HOURS: u32 = 24;
const HOURS_MAX: u32 = 30 * 24;

/// Makes the token of a link to a preview. Answers until when it is good, too.
///
/// # Errors
/// [`ProgrammeError::Invalid`] where it would be good for too long, or not at all.
pub fn make(
    connection: &mut Connection,
    place: &Place,
    actor: &Actor,
    (expires_at, hours): (Option<Moment>, Option<Count<1>>),
    secret: &ServerSecret,
) -> Result<(String, DateTime<Utc>), ProgrammeError> {
    let now = clock::now();
    let latest = now + Duration::hours(i64::from(HOURS_MAX));
    let mut faults = Faults::default();
    let wanted = match (expires_at, hours) {
        (Some(_), Some(_)) => {
            faults.add("#/hours", "either_or", "must not be given beside expires_at");
            now
        }
        (Some(moment), None) => {
            let draft = agenda::actions::load(connection, place)?;
            future(moment, &draft, now, "#/expires_at")?
        }
        (None, hours) => now + Duration::hours(i64::from(hours.map_or(HOURS, |Count(hours)| hours))),
    };
    if wanted > latest {
        let pointer = if expires_at.is_some() { "#/expires_at" } else { "#/hours" };
        faults.add(pointer, "out_of_range", format!("must be at most {HOURS_MAX} hours from now"));
    }
    // A token says whole seconds: it ends with the second that it was to end in.
    let expires_at = faults.or(wanted)?.trunc_subsecs(0) + Duration::seconds(1);
    let generation = store::generation(connection, place.id)?;
    let after = json!({ "expires_at": clock::wire(expires_at) });
    let entry = audit::Entry::of("create", "preview", generation, Some(after));
    audit::record(connection, actor, "create_preview", Some(place.id), &[entry])?;
    Ok((secret.preview_token(place.id, expires_at, generation), expires_at))
}

/// The draft as the public would see it were it released now. Whoever has no token that was made for this conference
/// does not learn whether it exists.
///
/// # Errors
/// [`ProgrammeError::NotFound`], [`ProgrammeError::PreviewExpired`].
pub fn show(
    connection: &mut Connection,
    slug: &Code,
    token: &str,
    secret: &ServerSecret,
) -> Result<Snapshot, ProgrammeError> {
    const NOTHING: ProgrammeError = ProgrammeError::NotFound("preview");
    let place = agenda::actions::lookup(connection, slug)?.ok_or(NOTHING)?;
    let grant = secret.read_preview_token(token, place.id).ok_or(NOTHING)?;
    let now = clock::now();
    if grant.expires_at <= now || grant.generation != store::generation(connection, place.id)? {
        return Err(ProgrammeError::PreviewExpired);
    }
    let draft = agenda::actions::load(connection, &place)?;
    Ok(Snapshot::new(place, ReleaseRow::of_draft(now), project(&draft, Audience::Public, now, secret)))
}

/// Makes every link void that was made before.
///
/// # Errors
/// The store fails.
pub fn end_all(connection: &mut Connection, place: &Place, actor: &Actor) -> Result<(), DatabaseError> {
    let generation = store::generation(connection, place.id)?;
    store::begin_generation(connection, place.id)?;
    let entry = audit::Entry::of("remove", "preview", generation, None);
    audit::record(connection, actor, "delete_previews", Some(place.id), &[entry])
}
