//! What the service publishes by itself when the time comes: scheduled releases, and content whose embargo ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::watch;

use super::{
    actions::{PublicationRequest, ReleaseMetadata, ensure_publishable, insert_release},
    store,
};
use crate::{
    access::{
        Actor, Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
    },
    agenda::{self, Agenda, ConferenceRef},
    clock,
    database::{Connection, Database, DatabaseError},
    ids::ScheduledReleaseId,
    programme::{
        ProgrammeError, Programmes, change_text,
        difference::Difference,
        release::{ScheduledRelease, ScheduledState},
        visibility::{Audience, next_embargo, project},
    },
    validation::ValidationErrors,
    values::LocalOrInstant,
};

/// Stores a copy of the draft, to publish it later.
///
/// # Errors
/// [`ProgrammeError::Invalid`] for a time that is past or does not exist, and those of publishing at once.
pub fn schedule(
    connection: &mut Connection,
    conference: &ConferenceRef,
    publish_at: LocalOrInstant,
    request: PublicationRequest,
    actor: &Actor,
) -> Result<ScheduledRelease, ProgrammeError> {
    agenda::actions::lock(connection, conference)?;
    let draft = agenda::actions::load(connection, conference)?;
    let now = clock::now();
    let publish_at = ensure_future(publish_at, &draft, now, "#/publish_at")?;
    let force_reason = ensure_publishable(&draft, request.force_reason)?;
    let scheduled = ScheduledRelease {
        id: ScheduledReleaseId::new(),
        publish_at,
        author: actor.name().to_owned(),
        note: request.note,
        force_reason,
        state: ScheduledState::Scheduled,
        release_number: None,
        created_at: now,
    };
    store::insert_scheduled(connection, conference.id, &scheduled, &draft)?;
    record(
        connection,
        conference,
        actor,
        Operation::PublishRelease,
        AuditAction::Schedule,
        scheduled.id,
        Some(publish_at),
    )?;
    Ok(scheduled)
}

/// Records an action on a scheduled release in the audit trail.
fn record(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    operation: Operation,
    action: AuditAction,
    id: ScheduledReleaseId,
    publish_at: Option<DateTime<Utc>>,
) -> Result<(), ProgrammeError> {
    let after = publish_at.map(|publish_at| json!({ "publish_at": clock::wire(publish_at) }));
    let entry = audit::Entry::of(action, ResourceKind::ScheduledRelease, id, after);
    Ok(audit::record(connection, actor, operation, Some(conference.id), &[entry])?)
}

/// The instant of a time, which must be in the future.
///
/// # Errors
/// A validation error at `pointer`.
pub fn ensure_future(
    requested_time: LocalOrInstant,
    draft: &Agenda,
    now: DateTime<Utc>,
    pointer: &str,
) -> Result<DateTime<Utc>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    match requested_time.resolve(draft.conference.time_zone) {
        Ok(instant) if instant.to_utc() > now => return Ok(instant.to_utc()),
        Ok(_) => errors.add(pointer, "in_past", format!("must come after {}", clock::wire(now))),
        Err(error) => errors.add(pointer, &error.code, error.detail),
    }
    Err(errors)
}

/// Cancels a scheduled release. One that was cancelled before stays so.
///
/// # Errors
/// [`ProgrammeError::NotFound`], [`ProgrammeError::Published`].
pub fn cancel(
    connection: &mut Connection,
    conference: &ConferenceRef,
    id: ScheduledReleaseId,
    actor: &Actor,
) -> Result<(), ProgrammeError> {
    // The lock decides whether this or another process, which publishes the release, comes first.
    agenda::actions::lock(connection, conference)?;
    let release = store::find_scheduled(connection, conference.id, id)?;
    match release.ok_or(ProgrammeError::NotFound("scheduled release"))? {
        ScheduledRelease { state: ScheduledState::Published, release_number, .. } => {
            let missing = || DatabaseError::missing(format_args!("the release number of scheduled release {id}"));
            Err(ProgrammeError::Published(release_number.ok_or_else(missing)?))
        }
        ScheduledRelease { state: ScheduledState::Cancelled, .. } => Ok(()),
        ScheduledRelease { state: ScheduledState::Scheduled, .. } => {
            store::set_scheduled_state(connection, id, ScheduledState::Cancelled, None)?;
            record(connection, conference, actor, Operation::CancelScheduledRelease, AuditAction::Cancel, id, None)
        }
    }
}

/// Publishes what is due in one conference. It locks the conference and reads everything again, so that only one of
/// several processes publishes. Returns the numbers of what was published, each with the log line.
pub fn publish_due(
    connection: &mut Connection,
    conference: &ConferenceRef,
    secret: &ServerSecret,
) -> Result<Vec<(i32, &'static str)>, ProgrammeError> {
    agenda::actions::lock(connection, conference)?;
    let mut published = Vec::new();
    for (scheduled, mut full_agenda) in store::load_due(connection, conference.id, clock::now())? {
        full_agenda.conference.slug = conference.slug.clone();
        let metadata = ReleaseMetadata {
            author: scheduled.author,
            note: scheduled.note,
            force_reason: scheduled.force_reason,
            restores: None,
        };
        let number = insert_release(
            connection,
            conference,
            full_agenda,
            metadata,
            &Actor::service(),
            Operation::PublishRelease,
            secret,
        )?
        .release
        .number;
        store::set_scheduled_state(connection, scheduled.id, ScheduledState::Published, Some(number))?;
        published.push((number, "published a scheduled release"));
    }
    if let Some(number) = end_embargoes(connection, conference, secret)? {
        published.push((number, "published what was under embargo"));
    }
    Ok(published)
}

/// Publishes the latest release again if one of its embargoes has ended and somebody can see more as a result.
fn end_embargoes(
    connection: &mut Connection,
    conference: &ConferenceRef,
    secret: &ServerSecret,
) -> Result<Option<i32>, ProgrammeError> {
    let last = store::latest_number(connection, conference.id)?;
    let Some(release) = store::load_full(connection, conference.id, last)? else {
        return Ok(None);
    };
    let now = clock::now();
    if release.next_embargo_ends_at.is_none_or(|ends_at| ends_at > now) {
        return Ok(None);
    }
    let projection = |audience, at| project(&release.full_agenda, audience, at, secret);
    let public_now = projection(Audience::Public, now);
    let same_for_attendees =
        projection(Audience::Attendees, release.public.row.released_at) == projection(Audience::Attendees, now);
    if public_now == release.public.public_agenda && same_for_attendees {
        // What was under embargo is still hidden for another reason.
        store::set_next_embargo(connection, conference.id, last, next_embargo(&release.full_agenda, now))?;
        return Ok(None);
    }
    let difference = Difference::between(Some(release.public.public_agenda), public_now);
    let metadata = ReleaseMetadata {
        author: Actor::service().name().to_owned(),
        note: Some(change_text::embargo_note(&difference, &release.full_agenda)),
        force_reason: release.public.row.force_reason,
        restores: None,
    };
    Ok(Some(
        insert_release(
            connection,
            conference,
            release.full_agenda,
            metadata,
            &Actor::service(),
            Operation::PublishRelease,
            secret,
        )?
        .release
        .number,
    ))
}

/// The time between two searches for what is due.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// The pause after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);

/// Publishes whatever is due in any conference, and serves it.
///
/// # Errors
/// The store fails. What can be published in the other conferences is published.
pub async fn publish_all_due(
    database: &Database,
    programmes: &Programmes,
    secret: &ServerSecret,
) -> Result<(), ProgrammeError> {
    let conferences = database
        .read(|tx| {
            let conference_ids = store::conferences_due(tx, clock::now())?;
            if conference_ids.is_empty() {
                return Ok(Vec::new());
            }
            let conferences = agenda::actions::list(tx)?;
            Ok::<_, DatabaseError>(
                conferences.into_iter().filter(|conference| conference_ids.contains(&conference.id)).collect(),
            )
        })
        .await?;
    let mut first_error = None;
    for conference in conferences {
        let (slug, secret) = (conference.slug.clone(), secret.clone());
        let result = database.write("publish what is due", move |tx| publish_due(tx, &conference, &secret)).await;
        match result {
            Ok(published) => {
                programmes.refresh(database).await?;
                for (number, message) in published {
                    tracing::info!(conference.slug = %slug, release = number, message);
                }
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Publishes what is due until `stop` turns true.
pub async fn run(database: Database, programmes: Programmes, secret: ServerSecret, mut stop: watch::Receiver<bool>) {
    let mut pause = POLL_INTERVAL;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = POLL_INTERVAL;
        if let Err(error) = publish_all_due(&database, &programmes, &secret).await {
            tracing::warn!(%error, "what is due cannot be published yet");
            pause = PAUSE_AFTER_FAILURE;
        }
    }
}
