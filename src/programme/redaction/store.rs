//! The contents of releases, to be rewritten: one at a time, for each may be large.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::census::Sighting;
use crate::{
    agenda::Agenda,
    clock,
    database::{
        Connection, DatabaseError, changes,
        schema::{releases, scheduled_releases},
        types::{Instant, JsonValue},
    },
    faults,
    ids::{ConferenceId, ReleaseId, ScheduledReleaseId},
    programme::{history::History, release::store::Words},
};

/// A release, as far as a redaction concerns it.
pub struct ReleaseContents {
    id: ReleaseId,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub content: Agenda,
    pub full: Agenda,
    pub history: History,
    pub words: Words,
}

/// A scheduled release, as far as a redaction concerns it.
pub struct ScheduledContents {
    id: ScheduledReleaseId,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub full: Agenda,
}

fn read(JsonValue(content): JsonValue) -> Result<Agenda, DatabaseError> {
    faults::read(content).map_err(|faults| DatabaseError::Corrupt(format!("{:?}", faults.0)))
}

fn written(content: &impl Serialize) -> Result<JsonValue, DatabaseError> {
    serde_json::to_value(content).map(JsonValue).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

fn speakers(contents: &[JsonValue]) -> Vec<Sighting> {
    let lists = contents.iter().filter_map(|JsonValue(content)| content.get("speakers").and_then(Value::as_array));
    lists.flatten().filter_map(Sighting::read).collect()
}

/// Every release of a conference, with its number, the earliest first.
pub fn releases(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<(ReleaseId, i32)>, DatabaseError> {
    Ok(releases::table
        .filter(releases::conference_id.eq(conference))
        .order(releases::number)
        .select((releases::id, releases::number))
        .load(connection)?)
}

/// Every scheduled release of a conference, the published and the cancelled ones too.
pub fn scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<ScheduledReleaseId>, DatabaseError> {
    Ok(scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .order(scheduled_releases::id)
        .select(scheduled_releases::id)
        .load(connection)?)
}

/// The speakers of a release, public and full.
pub fn speakers_of_release(connection: &mut Connection, id: ReleaseId) -> Result<Vec<Sighting>, DatabaseError> {
    let row = releases::table.find(id).select((releases::content, releases::full_content));
    let (content, full): (JsonValue, JsonValue) = row.first(connection)?;
    Ok(speakers(&[content, full]))
}

/// The speakers of a scheduled release.
pub fn speakers_of_scheduled(
    connection: &mut Connection,
    id: ScheduledReleaseId,
) -> Result<Vec<Sighting>, DatabaseError> {
    let row = scheduled_releases::table.find(id).select(scheduled_releases::full_content);
    Ok(speakers(&[row.first(connection)?]))
}

/// A release.
pub fn release(connection: &mut Connection, id: ReleaseId) -> Result<ReleaseContents, DatabaseError> {
    type Contents = (JsonValue, JsonValue, JsonValue, JsonValue);
    let (note, force_reason, contents): (Option<String>, Option<String>, Contents) = releases::table
        .find(id)
        .select((
            releases::note,
            releases::force_reason,
            (releases::content, releases::full_content, releases::history, releases::words),
        ))
        .first(connection)?;
    let (content, full, JsonValue(history), JsonValue(words)) = contents;
    let corrupt = |error: serde_json::Error| DatabaseError::Corrupt(error.to_string());
    let history = serde_json::from_value(history).map_err(corrupt)?;
    let words = serde_json::from_value(words).map_err(corrupt)?;
    Ok(ReleaseContents { id, note, force_reason, content: read(content)?, full: read(full)?, history, words })
}

/// A scheduled release.
pub fn scheduled_release(
    connection: &mut Connection,
    id: ScheduledReleaseId,
) -> Result<ScheduledContents, DatabaseError> {
    type Row = (Option<String>, Option<String>, JsonValue);
    let (note, force_reason, full): Row = scheduled_releases::table
        .find(id)
        .select((scheduled_releases::note, scheduled_releases::force_reason, scheduled_releases::full_content))
        .first(connection)?;
    Ok(ScheduledContents { id, note, force_reason, full: read(full)? })
}

/// Rewrites a release, and when its content last changed; lets the other processes know.
pub fn replace_release(
    connection: &mut Connection,
    release: &ReleaseContents,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::update(releases::table.find(release.id))
        .set((
            releases::note.eq(&release.note),
            releases::force_reason.eq(&release.force_reason),
            releases::content.eq(written(&release.content)?),
            releases::full_content.eq(written(&release.full)?),
            releases::history.eq(written(&release.history)?),
            releases::words.eq(written(&release.words)?),
            releases::updated_at.eq(Instant(now)),
        ))
        .execute(connection)?;
    changes::announce(connection)
}

/// Says that the latest release changed, so that every process makes of it anew what it holds in memory.
pub fn touch_latest(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let of_conference = releases::table.filter(releases::conference_id.eq(conference));
    let columns = (releases::id, releases::updated_at);
    let latest: Option<(ReleaseId, Instant)> =
        of_conference.order(releases::number.desc()).select(columns).first(connection).optional()?;
    if let Some((id, Instant(last))) = latest {
        let updated_at = Instant(clock::following(now, Some(last)));
        diesel::update(releases::table.find(id)).set(releases::updated_at.eq(updated_at)).execute(connection)?;
        changes::announce(connection)?;
    }
    Ok(())
}

/// Rewrites a scheduled release.
pub fn replace_scheduled(connection: &mut Connection, release: &ScheduledContents) -> Result<(), DatabaseError> {
    diesel::update(scheduled_releases::table.find(release.id))
        .set((
            scheduled_releases::note.eq(&release.note),
            scheduled_releases::force_reason.eq(&release.force_reason),
            scheduled_releases::full_content.eq(written(&release.full)?),
        ))
        .execute(connection)?;
    Ok(())
}
