//! The contents of releases, to be rewritten.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    agenda::Agenda,
    database::{
        Connection, DatabaseError,
        schema::{releases, scheduled_releases},
        types::{Instant, JsonValue},
    },
    faults,
    ids::{ConferenceId, ReleaseId, ScheduledReleaseId},
};

/// A release, as far as a redaction concerns it.
pub struct ReleaseContents {
    id: ReleaseId,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub content: Agenda,
    pub full: Agenda,
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

fn written(agenda: &Agenda) -> Result<JsonValue, DatabaseError> {
    serde_json::to_value(agenda).map(JsonValue).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

/// Every release of a conference.
pub fn releases(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<ReleaseContents>, DatabaseError> {
    type Row = (ReleaseId, Option<String>, Option<String>, JsonValue, JsonValue);
    let rows: Vec<Row> = releases::table
        .filter(releases::conference_id.eq(conference))
        .order(releases::number)
        .select((releases::id, releases::note, releases::force_reason, releases::content, releases::full_content))
        .load(connection)?;
    let contents = |(id, note, force_reason, content, full): Row| {
        Ok(ReleaseContents { id, note, force_reason, content: read(content)?, full: read(full)? })
    };
    rows.into_iter().map(contents).collect()
}

/// Every scheduled release of a conference, the published and the cancelled ones too.
pub fn scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<ScheduledContents>, DatabaseError> {
    type Row = (ScheduledReleaseId, Option<String>, Option<String>, JsonValue);
    let rows: Vec<Row> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .order(scheduled_releases::id)
        .select((
            scheduled_releases::id,
            scheduled_releases::note,
            scheduled_releases::force_reason,
            scheduled_releases::full_content,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(id, note, force_reason, full): Row| Ok(ScheduledContents { id, note, force_reason, full: read(full)? }))
        .collect()
}

/// Rewrites a release, and when its content last changed.
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
            releases::updated_at.eq(Instant(now)),
        ))
        .execute(connection)?;
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
