//! The rows of redactions, and the contents of releases that are rewritten, one at a time because each may be large.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::sql, prelude::*, sql_types::Nullable};
use serde::{Serialize, de::DeserializeOwned};

use super::{model::RedactionDetails, personal_data_scan::SpeakerRecord, report::RedactionReport};
use crate::{
    agenda::Agenda,
    clock,
    database::{
        Connection, DatabaseError, changes,
        schema::{redactions, releases, scheduled_releases},
        types::{DbInstant, Json, JsonText, JsonValue},
    },
    ids::{ConferenceId, RedactionId, ReleaseId, ScheduledReleaseId},
    programme::{history::History, release::ChangeSummary},
    validation,
};

/// How long a process may rewrite before it must renew its lease. Two processes at once do no harm: the second finds
/// the work of the first done.
const LEASE: TimeDelta = TimeDelta::seconds(3);

#[derive(Debug, Clone)]
pub struct RedactionRow {
    pub id: RedactionId,
    pub conference: ConferenceId,
    /// When it was recorded: the `updated_at` of every release that it rewrites.
    pub at: DateTime<Utc>,
    /// What is removed; `None` once everything is rewritten.
    pub details: Option<RedactionDetails>,
    /// The number of the latest release when it was recorded. Later releases never contain the people.
    pub releases_to: i32,
    /// The number of the last rewritten release.
    pub rewritten_to: i32,
    /// The last rewritten scheduled release.
    pub scheduled_to: Option<ScheduledReleaseId>,
    pub report: RedactionReport,
}

type Columns = (RedactionId, ConferenceId, DbInstant, Option<JsonText>, i32, i32, Option<ScheduledReleaseId>, JsonText);

macro_rules! columns {
    () => {
        (
            redactions::id,
            redactions::conference_id,
            redactions::created_at,
            redactions::details,
            redactions::releases_to,
            redactions::rewritten_to,
            redactions::scheduled_to,
            redactions::report,
        )
    };
}

fn row(columns: Columns) -> Result<RedactionRow, DatabaseError> {
    let (id, conference, DbInstant(at), details, releases_to, rewritten_to, scheduled_to, report) = columns;
    let details = details.as_ref().map(from_json).transpose()?;
    let report = from_json(&report)?;
    Ok(RedactionRow { id, conference, at, details, releases_to, rewritten_to, scheduled_to, report })
}

fn from_json<T: DeserializeOwned>(JsonText(text): &JsonText) -> Result<T, DatabaseError> {
    serde_json::from_str(text).map_err(|error| DatabaseError::unreadable("stored JSON", &error))
}

fn to_json(value: &impl Serialize) -> Result<JsonText, DatabaseError> {
    serde_json::to_string(value).map(JsonText).map_err(|error| DatabaseError::unreadable("JSON", &error))
}

fn read_agenda(json: &JsonText) -> Result<Agenda, DatabaseError> {
    validation::read(from_json(json)?).map_err(|errors| DatabaseError::Corrupt(errors.summary()))
}

/// Records a redaction, leased to the process that records it.
pub fn insert(connection: &mut Connection, row: &RedactionRow) -> Result<(), DatabaseError> {
    diesel::insert_into(redactions::table)
        .values((
            redactions::id.eq(row.id),
            redactions::conference_id.eq(row.conference),
            redactions::created_at.eq(DbInstant(row.at)),
            redactions::details.eq(row.details.as_ref().map(to_json).transpose()?),
            redactions::releases_to.eq(row.releases_to),
            redactions::rewritten_to.eq(row.rewritten_to),
            redactions::scheduled_to.eq(row.scheduled_to),
            redactions::report.eq(to_json(&row.report)?),
            redactions::leased_until.eq(Some(DbInstant(clock::now() + LEASE))),
        ))
        .execute(connection)?;
    Ok(())
}

pub fn find(connection: &mut Connection, id: RedactionId) -> Result<Option<RedactionRow>, DatabaseError> {
    let found: Option<Columns> = redactions::table.find(id).select(columns!()).first(connection).optional()?;
    found.map(row).transpose()
}

/// The number of redactions that a conference has had.
pub fn count(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    Ok(redactions::table.filter(redactions::conference_id.eq(conference)).count().get_result(connection)?)
}

pub fn unfinished(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<RedactionRow>, DatabaseError> {
    let rows: Vec<Columns> = redactions::table
        .filter(redactions::conference_id.eq(conference))
        .filter(redactions::finished_at.is_null())
        .order(redactions::id)
        .select(columns!())
        .load(connection)?;
    rows.into_iter().map(row).collect()
}

/// The unfinished redactions that no process is working on.
pub fn abandoned(connection: &mut Connection) -> Result<Vec<RedactionId>, DatabaseError> {
    let leased: Vec<(RedactionId, Option<DbInstant>)> = redactions::table
        .filter(redactions::finished_at.is_null())
        .order(redactions::id)
        .select((redactions::id, redactions::leased_until))
        .load(connection)?;
    let free = leased.into_iter().filter(|(_, until)| until.is_none_or(|DbInstant(until)| has_expired(until)));
    Ok(free.map(|(id, _)| id).collect())
}

/// Whether a lease has expired. One that ends too far in the future comes from a wrong clock, and counts as expired.
fn has_expired(until: DateTime<Utc>) -> bool {
    let now = clock::now();
    until <= now || until > now + LEASE * 2
}

/// Takes an unfinished redaction over if no other process is working on it.
pub fn claim(connection: &mut Connection, id: RedactionId) -> Result<bool, DatabaseError> {
    let unfinished = redactions::table.find(id).filter(redactions::finished_at.is_null());
    let leased_until: Option<Option<DbInstant>> =
        unfinished.select(redactions::leased_until).first(connection).optional()?;
    let Some(leased_until) =
        leased_until.filter(|leased_until| leased_until.is_none_or(|DbInstant(until)| has_expired(until)))
    else {
        return Ok(false);
    };
    let until = Some(DbInstant(clock::now() + LEASE));
    let set = redactions::leased_until.eq(until);
    let claimed = match leased_until {
        Some(leased_until) => {
            diesel::update(unfinished.filter(redactions::leased_until.eq(leased_until))).set(set).execute(connection)?
        }
        None => diesel::update(unfinished.filter(redactions::leased_until.is_null())).set(set).execute(connection)?,
    };
    Ok(claimed == 1)
}

/// Renews the lease.
pub fn renew(connection: &mut Connection, id: RedactionId) -> Result<(), DatabaseError> {
    diesel::update(redactions::table.find(id).filter(redactions::finished_at.is_null()))
        .set(redactions::leased_until.eq(Some(DbInstant(clock::now() + LEASE))))
        .execute(connection)?;
    Ok(())
}

/// Stores how far the rewriting is.
pub fn advance(connection: &mut Connection, row: &RedactionRow) -> Result<(), DatabaseError> {
    diesel::update(redactions::table.find(row.id).filter(redactions::finished_at.is_null()))
        .set((
            redactions::rewritten_to.eq(row.rewritten_to),
            redactions::scheduled_to.eq(row.scheduled_to),
            redactions::report.eq(to_json(&row.report)?),
        ))
        .execute(connection)?;
    Ok(())
}

/// Ends a redaction when everything is rewritten, and erases the people from its row.
pub fn finish(connection: &mut Connection, row: &RedactionRow) -> Result<(), DatabaseError> {
    diesel::update(redactions::table.find(row.id).filter(redactions::finished_at.is_null()))
        .set((
            redactions::finished_at.eq(Some(DbInstant(clock::now()))),
            redactions::details.eq(None::<JsonText>),
            redactions::report.eq(to_json(&row.report)?),
            redactions::leased_until.eq(None::<DbInstant>),
        ))
        .execute(connection)?;
    Ok(())
}

/// The speakers of the releases after `after`, with the number of each release, the earliest first. They are read from
/// the whole agenda, because the public projection contains no other speakers; nothing else of it is read.
pub fn speakers_of_releases(
    connection: &mut Connection,
    conference: ConferenceId,
    after: i32,
    mut visit: impl FnMut(i32, Vec<SpeakerRecord>),
) -> Result<i32, DatabaseError> {
    let mut last = after;
    loop {
        let next: Option<(i32, Option<JsonValue>)> = releases::table
            .filter(releases::conference_id.eq(conference))
            .filter(releases::number.gt(last))
            .order(releases::number)
            .select((releases::number, sql::<Nullable<Json>>("full_content -> 'speakers'")))
            .first(connection)
            .optional()?;
        let Some((number, speakers)) = next else { return Ok(last) };
        visit(number, speaker_records(speakers));
        last = number;
    }
}

/// The speakers of every scheduled release, also of published and cancelled ones.
pub fn speakers_of_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    mut visit: impl FnMut(Vec<SpeakerRecord>),
) -> Result<(), DatabaseError> {
    let ids: Vec<ScheduledReleaseId> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .order(scheduled_releases::id)
        .select(scheduled_releases::id)
        .load(connection)?;
    for id in ids {
        let speakers: Option<JsonValue> = scheduled_releases::table
            .find(id)
            .select(sql::<Nullable<Json>>("full_content -> 'speakers'"))
            .first(connection)?;
        visit(speaker_records(speakers));
    }
    Ok(())
}

fn speaker_records(speakers: Option<JsonValue>) -> Vec<SpeakerRecord> {
    let list = speakers.as_ref().and_then(|JsonValue(list)| list.as_array());
    list.into_iter().flatten().filter_map(SpeakerRecord::read).collect()
}

/// A release as it is stored, as far as a redaction needs it.
pub struct StoredRelease {
    id: ReleaseId,
    number: i32,
    updated_at: DateTime<Utc>,
    rewrites: i32,
    texts: (Option<String>, Option<String>),
    contents: (JsonText, JsonText, JsonText, JsonText),
}

/// The parsed JSON of a [`StoredRelease`], which a redaction changes.
pub struct ReleaseContents {
    pub number: i32,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub public_agenda: Agenda,
    pub full_agenda: Agenda,
    pub history: History,
    pub change_summary: ChangeSummary,
}

/// A release to be stored. Without contents, only its date changes.
pub struct RewrittenRelease {
    id: ReleaseId,
    pub number: i32,
    updated_at: DateTime<Utc>,
    rewrites: i32,
    contents: Option<Rewritten>,
}

struct Rewritten {
    texts: (Option<String>, Option<String>),
    contents: (JsonText, JsonText, JsonText, JsonText),
}

impl StoredRelease {
    /// Parses the stored JSON.
    ///
    /// # Errors
    /// It is not the JSON of an agenda, a history or sentences.
    pub fn read(&self) -> Result<ReleaseContents, DatabaseError> {
        let (public_agenda, full_agenda, history, change_summary) = &self.contents;
        let (note, force_reason) = self.texts.clone();
        Ok(ReleaseContents {
            number: self.number,
            note,
            force_reason,
            public_agenda: read_agenda(public_agenda)?,
            full_agenda: read_agenda(full_agenda)?,
            history: from_json(history)?,
            change_summary: from_json(change_summary)?,
        })
    }

    /// The same release with new contents, if they changed, and with the time of the redaction.
    ///
    /// # Errors
    /// They cannot be serialised.
    pub fn rewritten(
        &self,
        contents: Option<&ReleaseContents>,
        at: DateTime<Utc>,
    ) -> Result<RewrittenRelease, DatabaseError> {
        let rewritten = |new: &ReleaseContents| {
            Ok::<_, DatabaseError>(Rewritten {
                texts: (new.note.clone(), new.force_reason.clone()),
                contents: (
                    to_json(&new.public_agenda)?,
                    to_json(&new.full_agenda)?,
                    to_json(&new.history)?,
                    to_json(&new.change_summary)?,
                ),
            })
        };
        Ok(RewrittenRelease {
            id: self.id,
            number: self.number,
            updated_at: self.updated_at.max(at),
            rewrites: self.rewrites,
            contents: contents.map(rewritten).transpose()?,
        })
    }
}

/// The first release after one number, up to another.
pub fn next_release(
    connection: &mut Connection,
    conference: ConferenceId,
    after: i32,
    to: i32,
) -> Result<Option<StoredRelease>, DatabaseError> {
    type Row =
        ((ReleaseId, i32, DbInstant, i32), (Option<String>, Option<String>), (JsonText, JsonText, JsonText, JsonText));
    let found: Option<Row> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.gt(after))
        .filter(releases::number.le(to))
        .order(releases::number)
        .select((
            (releases::id, releases::number, releases::updated_at, releases::rewrites),
            (releases::note, releases::force_reason),
            (releases::content, releases::full_content, releases::history, releases::words),
        ))
        .first(connection)
        .optional()?;
    Ok(found.map(|((id, number, DbInstant(updated_at), rewrites), texts, contents)| StoredRelease {
        id,
        number,
        updated_at,
        rewrites,
        texts,
        contents,
    }))
}

/// Rewrites a release, and the time when its content last changed. Returns false if another redaction or process
/// rewrote it since it was read.
pub fn replace_release(connection: &mut Connection, release: &RewrittenRelease) -> Result<bool, DatabaseError> {
    let unchanged = releases::table.find(release.id).filter(releases::rewrites.eq(release.rewrites));
    let new_stamp =
        (releases::updated_at.eq(DbInstant(release.updated_at)), releases::rewrites.eq(release.rewrites + 1));
    let replaced = match &release.contents {
        None => diesel::update(unchanged).set(new_stamp).execute(connection)?,
        Some(Rewritten {
            texts: (note, force_reason),
            contents: (public_agenda, full_agenda, history, change_summary),
        }) => diesel::update(unchanged)
            .set((
                new_stamp,
                releases::note.eq(note),
                releases::force_reason.eq(force_reason),
                releases::content.eq(public_agenda),
                releases::full_content.eq(full_agenda),
                releases::history.eq(history),
                releases::words.eq(change_summary),
            ))
            .execute(connection)?,
    };
    Ok(replaced == 1)
}

/// Marks the latest release as changed, so that every process loads it again. Returns its number (0 if there is none),
/// and the time of the change, which is later than any earlier one, whatever the clock says.
pub fn touch_latest(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<(i32, DateTime<Utc>), DatabaseError> {
    let latest: Option<(ReleaseId, i32, DbInstant)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .order(releases::number.desc())
        .select((releases::id, releases::number, releases::updated_at))
        .first(connection)
        .optional()?;
    let Some((id, number, DbInstant(updated_at))) = latest else { return Ok((0, now)) };
    let at = clock::monotonic(now, Some(updated_at));
    // A process that is rewriting it must read it again, so that an older date does not come back.
    let touched = (releases::updated_at.eq(DbInstant(at)), releases::rewrites.eq(releases::rewrites + 1));
    diesel::update(releases::table.find(id)).set(touched).execute(connection)?;
    changes::announce(connection)?;
    Ok((number, at))
}

/// A scheduled release as it is stored, as far as a redaction needs it.
pub struct StoredScheduled {
    pub id: ScheduledReleaseId,
    rewrites: i32,
    texts: (Option<String>, Option<String>),
    full_agenda: JsonText,
}

/// The parsed JSON of a [`StoredScheduled`], which a redaction changes.
pub struct ScheduledContents {
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub full_agenda: Agenda,
}

/// A scheduled release to be stored.
pub struct RewrittenScheduled {
    pub id: ScheduledReleaseId,
    rewrites: i32,
    contents: Option<(Option<String>, Option<String>, JsonText)>,
}

impl StoredScheduled {
    /// Parses the stored JSON.
    ///
    /// # Errors
    /// It is not the JSON of an agenda.
    pub fn read(&self) -> Result<ScheduledContents, DatabaseError> {
        let (note, force_reason) = self.texts.clone();
        Ok(ScheduledContents { note, force_reason, full_agenda: read_agenda(&self.full_agenda)? })
    }

    /// The same scheduled release with new contents, if they changed.
    ///
    /// # Errors
    /// They cannot be serialised.
    pub fn rewritten(&self, contents: Option<&ScheduledContents>) -> Result<RewrittenScheduled, DatabaseError> {
        let rewritten = |new: &ScheduledContents| {
            Ok::<_, DatabaseError>((new.note.clone(), new.force_reason.clone(), to_json(&new.full_agenda)?))
        };
        let contents = contents.map(rewritten).transpose()?;
        Ok(RewrittenScheduled { id: self.id, rewrites: self.rewrites, contents })
    }
}

/// The first scheduled release of a conference after another, also if it is published or cancelled.
pub fn next_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    after: Option<ScheduledReleaseId>,
) -> Result<Option<StoredScheduled>, DatabaseError> {
    type Row = (ScheduledReleaseId, i32, (Option<String>, Option<String>), JsonText);
    let after = after.unwrap_or(ScheduledReleaseId::from_uuid(uuid::Uuid::nil()));
    let found: Option<Row> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .filter(scheduled_releases::id.gt(after))
        .order(scheduled_releases::id)
        .select((
            scheduled_releases::id,
            scheduled_releases::rewrites,
            (scheduled_releases::note, scheduled_releases::force_reason),
            scheduled_releases::full_content,
        ))
        .first(connection)
        .optional()?;
    Ok(found.map(|(id, rewrites, texts, full_agenda)| StoredScheduled { id, rewrites, texts, full_agenda }))
}

/// Rewrites a scheduled release. Returns false if another redaction or process rewrote it since it was read.
pub fn replace_scheduled(connection: &mut Connection, release: &RewrittenScheduled) -> Result<bool, DatabaseError> {
    let unchanged =
        scheduled_releases::table.find(release.id).filter(scheduled_releases::rewrites.eq(release.rewrites));
    let new_stamp = scheduled_releases::rewrites.eq(release.rewrites + 1);
    let replaced = match &release.contents {
        None => diesel::update(unchanged).set(new_stamp).execute(connection)?,
        Some((note, force_reason, full_agenda)) => diesel::update(unchanged)
            .set((
                new_stamp,
                scheduled_releases::note.eq(note),
                scheduled_releases::force_reason.eq(force_reason),
                scheduled_releases::full_content.eq(full_agenda),
            ))
            .execute(connection)?,
    };
    Ok(replaced == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_expires_in_time_and_when_its_end_is_implausibly_late() {
        let now = clock::now();
        assert!(!has_expired(now + LEASE));
        assert!(has_expired(now - TimeDelta::seconds(1)));
        assert!(has_expired(now + TimeDelta::hours(1)), "no lease is as long");
    }
}
