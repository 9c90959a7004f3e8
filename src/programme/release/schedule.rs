//! What is published when its time comes: scheduled releases, and what was under embargo.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::watch;

use super::{
    actions::{About, Request, insert, judge},
    store,
};
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Agenda, Place},
    clock,
    database::{Connection, Database, DatabaseError},
    faults::Faults,
    ids::ScheduledReleaseId,
    programme::{
        ProgrammeError, Programmes,
        difference::Difference,
        visibility::{Audience, next_embargo, project},
        words,
    },
    values::{Moment, text_enum},
};

text_enum! {
    /// What became of a scheduled release.
    ScheduledState {
        /// It waits for its time.
        Scheduled = "scheduled",
        /// It was published.
        Published = "published",
        /// It was called off.
        Cancelled = "cancelled",
    }
}

/// A release that is to be published at a time. Its agenda is the draft as it was when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRelease {
    /// Its id.
    pub id: ScheduledReleaseId,
    /// When it is to be published.
    pub publish_at: DateTime<Utc>,
    /// Who asked for it.
    pub author: String,
    /// What the organisers say about it.
    pub note: Option<String>,
    /// Why it is to be published in spite of conflicts.
    pub force_reason: Option<String>,
    /// What became of it.
    pub state: ScheduledState,
    /// The number of the release that it became.
    pub release_number: Option<i32>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Freezes the draft, to publish it later.
///
/// # Errors
/// [`ProgrammeError::Invalid`] for a time that has passed or cannot be, and those of publishing at once.
pub fn schedule(
    connection: &mut Connection,
    place: &Place,
    publish_at: Moment,
    request: Request,
    actor: &Actor,
) -> Result<ScheduledRelease, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let draft = agenda::actions::load(connection, place)?;
    let now = clock::now();
    let publish_at = future(publish_at, &draft, now, "#/publish_at")?;
    let force_reason = judge(&draft, request.force_reason)?;
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
    store::insert_scheduled(connection, place.id, &scheduled, &draft)?;
    record(connection, place, actor, "publish_release", ("schedule", scheduled.id, Some(publish_at)))?;
    Ok(scheduled)
}

/// Records in the audit trail what becomes of a scheduled release.
fn record(
    connection: &mut Connection,
    place: &Place,
    actor: &Actor,
    operation: &str,
    (action, id, publish_at): (&str, ScheduledReleaseId, Option<DateTime<Utc>>),
) -> Result<(), ProgrammeError> {
    let after = publish_at.map(|publish_at| json!({ "publish_at": clock::wire(publish_at) }));
    let entry = audit::Entry::of(action, "scheduled_release", id, after);
    Ok(audit::record(connection, actor, operation, Some(place.id), &[entry])?)
}

/// The instant of a time that must not have come.
///
/// # Errors
/// A fault at `pointer`.
pub fn future(moment: Moment, draft: &Agenda, now: DateTime<Utc>, pointer: &str) -> Result<DateTime<Utc>, Faults> {
    let mut faults = Faults::default();
    match moment.resolve(draft.conference.time_zone) {
        Ok(instant) if instant.to_utc() > now => return Ok(instant.to_utc()),
        Ok(_) => faults.add(pointer, "in_past", format!("must come after {}", clock::wire(now))),
        Err(fault) => faults.add(pointer, &fault.code, fault.detail),
    }
    Err(faults)
}

/// Calls a scheduled release off. One that was called off before stays so.
///
/// # Errors
/// [`ProgrammeError::NotFound`], [`ProgrammeError::Published`].
pub fn cancel(
    connection: &mut Connection,
    place: &Place,
    id: ScheduledReleaseId,
    actor: &Actor,
) -> Result<(), ProgrammeError> {
    // The lock decides between this and a process that is publishing it.
    agenda::actions::lock(connection, place)?;
    let found = store::find_scheduled(connection, place.id, id)?;
    match found.ok_or(ProgrammeError::NotFound("scheduled release"))? {
        ScheduledRelease { state: ScheduledState::Published, release_number, .. } => {
            Err(ProgrammeError::Published(release_number.unwrap_or_default()))
        }
        ScheduledRelease { state: ScheduledState::Cancelled, .. } => Ok(()),
        ScheduledRelease { state: ScheduledState::Scheduled, .. } => {
            store::set_scheduled_state(connection, id, ScheduledState::Cancelled, None)?;
            record(connection, place, actor, "cancel_scheduled_release", ("cancel", id, None))
        }
    }
}

/// Publishes what is due in one conference. The conference is locked and everything looked at again, so that of
/// several processes one does it. Answers what was published: the number and what to log.
///
/// # Errors
/// The store fails.
pub fn publish_due(
    connection: &mut Connection,
    place: &Place,
    secret: &ServerSecret,
) -> Result<Vec<(i32, &'static str)>, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let mut published = Vec::new();
    for (scheduled, mut full) in store::load_due(connection, place.id, clock::now())? {
        full.conference.slug = place.slug.clone();
        let about = About {
            author: scheduled.author,
            note: scheduled.note,
            force_reason: scheduled.force_reason,
            restores: None,
        };
        let by = (&Actor::service(), "publish_release");
        let number = insert(connection, place, full, about, by, secret)?.release.number;
        store::set_scheduled_state(connection, scheduled.id, ScheduledState::Published, Some(number))?;
        published.push((number, "published a scheduled release"));
    }
    if let Some(number) = end_embargoes(connection, place, secret)? {
        published.push((number, "published what was under embargo"));
    }
    Ok(published)
}

/// Publishes the latest release again where an embargo of it has ended and someone sees more for it.
fn end_embargoes(
    connection: &mut Connection,
    place: &Place,
    secret: &ServerSecret,
) -> Result<Option<i32>, ProgrammeError> {
    let last = store::latest_number(connection, place.id)?;
    let Some(release) = store::load_whole(connection, place.id, last)? else {
        return Ok(None);
    };
    let now = clock::now();
    if release.next_embargo_ends_at.is_none_or(|ends_at| ends_at > now) {
        return Ok(None);
    }
    let seen = |audience, at| project(&release.full, audience, at, secret);
    let public = seen(Audience::Public, now);
    let same_for_attendees =
        seen(Audience::Attendees, release.public.row.released_at) == seen(Audience::Attendees, now);
    if public == release.public.content && same_for_attendees {
        // What it was of is hidden for another reason, too.
        store::set_next_embargo(connection, place.id, last, next_embargo(&release.full, now))?;
        return Ok(None);
    }
    let difference = Difference::between(Some(release.public.content), public);
    let about = About {
        author: Actor::service().name().to_owned(),
        note: Some(words::embargo_note(&difference, &release.full)),
        force_reason: release.public.row.force_reason,
        restores: None,
    };
    let by = (&Actor::service(), "publish_release");
    Ok(Some(insert(connection, place, release.full, about, by, secret)?.release.number))
}

/// How often a process looks for what is due.
const LOOK: Duration = Duration::from_millis(300);
/// How long it waits after a look that failed.
const PAUSE: Duration = Duration::from_secs(3);

/// Publishes whatever is due in any conference, and serves it.
///
/// # Errors
/// The store fails; what can be published of the other conferences is.
pub async fn publish_all_due(
    database: &Database,
    programmes: &Programmes,
    secret: &ServerSecret,
) -> Result<(), ProgrammeError> {
    let places = database
        .read(|tx| {
            let due = store::due(tx, clock::now())?;
            if due.is_empty() {
                return Ok(Vec::new());
            }
            let places = agenda::actions::list(tx)?;
            Ok::<_, DatabaseError>(places.into_iter().filter(|place| due.contains(&place.id)).collect())
        })
        .await?;
    let mut first_error = None;
    for place in places {
        let (slug, secret) = (place.slug.clone(), secret.clone());
        let work = database.write("publish what is due", move |tx| publish_due(tx, &place, &secret)).await;
        match work {
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
pub async fn keep(database: Database, programmes: Programmes, secret: ServerSecret, mut stop: watch::Receiver<bool>) {
    let mut pause = LOOK;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = LOOK;
        if let Err(error) = publish_all_due(&database, &programmes, &secret).await {
            tracing::warn!(%error, "what is due cannot be published yet");
            pause = PAUSE;
        }
    }
}
