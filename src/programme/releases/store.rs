//! The rows of releases and of scheduled releases. Everything that is read from them leaves out the people whom an
//! unfinished redaction removes, even where the row has not been rewritten yet.

use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    agenda::Agenda,
    database::{
        Connection, DatabaseError, changes,
        schema::{releases, scheduled_releases},
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{ConferenceId, ReleaseId, ScheduledReleaseId},
    programme::{
        redaction::pending::Pending,
        release::{ChangeSummary, PublicRelease, Release, ReleaseRow, ScheduledRelease, ScheduledState},
    },
    validation,
};

text_enum_columns!(ScheduledState);

type Columns = (i32, DbInstant, DbInstant, String, Option<String>, Option<String>, Option<i32>);

macro_rules! columns {
    () => {
        (
            releases::number,
            releases::released_at,
            releases::updated_at,
            releases::author,
            releases::note,
            releases::force_reason,
            releases::restores,
        )
    };
}

fn row(pending: &Pending, columns: Columns) -> ReleaseRow {
    let (number, DbInstant(released_at), DbInstant(updated_at), author, note, force_reason, restores) = columns;
    let mut row = ReleaseRow { number, released_at, updated_at, author, note, force_reason, restores };
    pending.redact_row(&mut row);
    row
}

fn agenda(what: &str, JsonValue(value): JsonValue) -> Result<Agenda, DatabaseError> {
    validation::read(value).map_err(|errors| DatabaseError::Corrupt(format!("{what}: {}", errors.summary())))
}

fn read<T: DeserializeOwned>(what: &str, JsonValue(value): JsonValue) -> Result<T, DatabaseError> {
    serde_json::from_value(value).map_err(|error| DatabaseError::unreadable(what, &error))
}

fn json(value: &impl Serialize) -> Result<JsonValue, DatabaseError> {
    let value: Result<Value, _> = serde_json::to_value(value);
    value.map(JsonValue).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

diesel::alias!(releases as later: Later);

/// The latest release of each conference: the one after which there is no other.
macro_rules! latest {
    () => {
        releases::table.filter(diesel::dsl::not(exists(
            later
                .filter(later.field(releases::conference_id).eq(releases::conference_id))
                .filter(later.field(releases::number).gt(releases::number)),
        )))
    };
}

/// The latest release of each conference: its number, and the time when its content last changed.
pub fn list_latest(connection: &mut Connection) -> Result<Vec<(ConferenceId, i32, DateTime<Utc>)>, DatabaseError> {
    let rows: Vec<(ConferenceId, i32, DbInstant)> =
        latest!().select((releases::conference_id, releases::number, releases::updated_at)).load(connection)?;
    Ok(rows.into_iter().map(|(conference, number, DbInstant(updated_at))| (conference, number, updated_at)).collect())
}

/// The number of the latest release; 0 before the first.
pub fn latest_number(connection: &mut Connection, conference: ConferenceId) -> Result<i32, DatabaseError> {
    let number: Option<i32> = releases::table
        .filter(releases::conference_id.eq(conference))
        .select(diesel::dsl::max(releases::number))
        .first(connection)?;
    Ok(number.unwrap_or(0))
}

/// A release with its public projection.
pub fn load_public(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<PublicRelease>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let found: Option<(Columns, JsonValue, JsonValue)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .select((columns!(), releases::content, releases::history))
        .first(connection)
        .optional()?;
    found.map(|(columns, public_agenda, history)| public_release(&pending, columns, public_agenda, history)).transpose()
}

fn public_release(
    pending: &Pending,
    columns: Columns,
    public_agenda: JsonValue,
    history: JsonValue,
) -> Result<PublicRelease, DatabaseError> {
    let what = format!("release {}", columns.0);
    let row = row(pending, columns);
    let (mut public_agenda, mut history) = (agenda(&what, public_agenda)?, read(&what, history)?);
    pending.redact_agenda(row.number, &mut public_agenda);
    pending.redact_history(row.number, &mut history);
    Ok(PublicRelease { row, public_agenda, history })
}

/// A release with its public projection and its whole agenda.
pub fn load_full(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<Release>, DatabaseError> {
    type Contents = (JsonValue, JsonValue, JsonValue, JsonValue);
    let pending = Pending::of(connection, conference)?;
    let found: Option<(Columns, Contents, Option<DbInstant>)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .select((
            columns!(),
            (releases::content, releases::history, releases::full_content, releases::words),
            releases::next_embargo_ends_at,
        ))
        .first(connection)
        .optional()?;
    found
        .map(|(columns, (public_agenda, history, full_agenda, change_summary), next_embargo_ends_at)| {
            let what = format!("release {number}");
            let (mut full_agenda, mut change_summary) = (agenda(&what, full_agenda)?, read(&what, change_summary)?);
            pending.redact_agenda(number, &mut full_agenda);
            pending.redact_change_summary(number, &mut change_summary);
            Ok(Release {
                public: public_release(&pending, columns, public_agenda, history)?,
                full_agenda,
                change_summary,
                next_embargo_ends_at: next_embargo_ends_at.map(|DbInstant(ends_at)| ends_at),
            })
        })
        .transpose()
}

/// A release without its content.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<ReleaseRow>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let found: Option<Columns> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.eq(number))
        .select(columns!())
        .first(connection)
        .optional()?;
    Ok(found.map(|columns| row(&pending, columns)))
}

/// The releases with a number below `before`, the latest first.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    before: i32,
    limit: i64,
) -> Result<Vec<ReleaseRow>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let rows: Vec<Columns> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.lt(before))
        .order(releases::number.desc())
        .limit(limit)
        .select(columns!())
        .load(connection)?;
    Ok(rows.into_iter().map(|columns| row(&pending, columns)).collect())
}

/// The latest releases up to a number, the latest first, with the sentences on what each changed.
pub fn list_with_summaries(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    limit: i64,
) -> Result<Vec<(ReleaseRow, ChangeSummary)>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let rows: Vec<(Columns, JsonValue)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.le(number))
        .order(releases::number.desc())
        .limit(limit)
        .select((columns!(), releases::words))
        .load(connection)?;
    let released = |(columns, change_summary): (Columns, JsonValue)| {
        let (row, mut change_summary) = (row(&pending, columns), read("words of a release", change_summary)?);
        pending.redact_change_summary(row.number, &mut change_summary);
        Ok((row, change_summary))
    };
    rows.into_iter().map(released).collect()
}

/// Writes a release, and notifies the other processes.
pub fn insert(connection: &mut Connection, conference: ConferenceId, release: &Release) -> Result<(), DatabaseError> {
    let PublicRelease { row, public_agenda, history } = &release.public;
    diesel::insert_into(releases::table)
        .values((
            releases::id.eq(ReleaseId::new()),
            releases::conference_id.eq(conference),
            releases::number.eq(row.number),
            releases::released_at.eq(DbInstant(row.released_at)),
            releases::updated_at.eq(DbInstant(row.updated_at)),
            releases::author.eq(&row.author),
            releases::note.eq(&row.note),
            releases::force_reason.eq(&row.force_reason),
            releases::restores.eq(row.restores),
            releases::content.eq(json(public_agenda)?),
            releases::history.eq(json(history)?),
            releases::words.eq(json(&release.change_summary)?),
            releases::full_content.eq(json(&release.full_agenda)?),
            releases::next_embargo_ends_at.eq(release.next_embargo_ends_at.map(DbInstant)),
        ))
        .execute(connection)?;
    changes::announce(connection)
}

/// Stores when the next embargo of a release ends.
pub fn set_next_embargo(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(), DatabaseError> {
    let release = releases::table.filter(releases::conference_id.eq(conference)).filter(releases::number.eq(number));
    diesel::update(release).set(releases::next_embargo_ends_at.eq(ends_at.map(DbInstant))).execute(connection)?;
    Ok(())
}

/// The conferences that have something to publish by now: a scheduled release, or content whose embargo has ended.
pub fn conferences_due(connection: &mut Connection, now: DateTime<Utc>) -> Result<Vec<ConferenceId>, DatabaseError> {
    let scheduled: Vec<ConferenceId> = scheduled_releases::table
        .filter(scheduled_releases::state.eq(ScheduledState::Scheduled))
        .filter(scheduled_releases::publish_at.le(DbInstant(now)))
        .select(scheduled_releases::conference_id)
        .load(connection)?;
    let embargoes: Vec<ConferenceId> = latest!()
        .filter(releases::next_embargo_ends_at.le(DbInstant(now)))
        .select(releases::conference_id)
        .load(connection)?;
    let mut conference_ids: Vec<_> = scheduled.into_iter().chain(embargoes).collect();
    conference_ids.sort_unstable();
    conference_ids.dedup();
    Ok(conference_ids)
}

type ScheduledColumns =
    (ScheduledReleaseId, DbInstant, String, Option<String>, Option<String>, ScheduledState, Option<i32>, DbInstant);

macro_rules! scheduled_columns {
    () => {
        (
            scheduled_releases::id,
            scheduled_releases::publish_at,
            scheduled_releases::author,
            scheduled_releases::note,
            scheduled_releases::force_reason,
            scheduled_releases::state,
            scheduled_releases::release_number,
            scheduled_releases::created_at,
        )
    };
}

fn scheduled(pending: &Pending, columns: ScheduledColumns) -> ScheduledRelease {
    let (id, DbInstant(publish_at), author, note, force_reason, state, release_number, DbInstant(created_at)) = columns;
    let mut release =
        ScheduledRelease { id, publish_at, author, note, force_reason, state, release_number, created_at };
    pending.redact_scheduled(&mut release);
    release
}

/// Writes a scheduled release with a copy of the current draft.
pub fn insert_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    release: &ScheduledRelease,
    full_agenda: &Agenda,
) -> Result<(), DatabaseError> {
    diesel::insert_into(scheduled_releases::table)
        .values((
            scheduled_releases::id.eq(release.id),
            scheduled_releases::conference_id.eq(conference),
            scheduled_releases::publish_at.eq(DbInstant(release.publish_at)),
            scheduled_releases::author.eq(&release.author),
            scheduled_releases::note.eq(&release.note),
            scheduled_releases::force_reason.eq(&release.force_reason),
            scheduled_releases::full_content.eq(json(full_agenda)?),
            scheduled_releases::state.eq(release.state),
            scheduled_releases::release_number.eq(release.release_number),
            scheduled_releases::created_at.eq(DbInstant(release.created_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Scheduled releases: first those that wait, in order of publication, then the others, the latest first.
pub fn list_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    limit: i64,
) -> Result<Vec<ScheduledRelease>, DatabaseError> {
    let waiting = ScheduledState::Scheduled;
    let pending = Pending::of(connection, conference)?;
    let of_conference = scheduled_releases::table.filter(scheduled_releases::conference_id.eq(conference));
    let upcoming: Vec<ScheduledColumns> = of_conference
        .filter(scheduled_releases::state.eq(waiting))
        .order((scheduled_releases::publish_at, scheduled_releases::id))
        .limit(limit)
        .select(scheduled_columns!())
        .load(connection)?;
    let others: Vec<ScheduledColumns> = of_conference
        .filter(scheduled_releases::state.ne(waiting))
        .order((scheduled_releases::publish_at.desc(), scheduled_releases::id.desc()))
        .limit(limit)
        .select(scheduled_columns!())
        .load(connection)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(upcoming.into_iter().chain(others).take(limit).map(|columns| scheduled(&pending, columns)).collect())
}

pub fn find_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    id: ScheduledReleaseId,
) -> Result<Option<ScheduledRelease>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let found: Option<ScheduledColumns> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .filter(scheduled_releases::id.eq(id))
        .select(scheduled_columns!())
        .first(connection)
        .optional()?;
    Ok(found.map(|columns| scheduled(&pending, columns)))
}

/// How many scheduled releases are published in one transaction. The next look finds the others.
const DUE_BATCH_SIZE: i64 = 20;

/// The scheduled releases of a conference that are due, the earliest first, each with its copy of the draft.
pub fn load_due(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<(ScheduledRelease, Agenda)>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let rows: Vec<(ScheduledColumns, JsonValue)> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .filter(scheduled_releases::state.eq(ScheduledState::Scheduled))
        .filter(scheduled_releases::publish_at.le(DbInstant(now)))
        .order((scheduled_releases::publish_at, scheduled_releases::id))
        .limit(DUE_BATCH_SIZE)
        .select((scheduled_columns!(), scheduled_releases::full_content))
        .load(connection)?;
    let due = |(columns, full_agenda): (ScheduledColumns, JsonValue)| {
        let (release, mut full_agenda) = (scheduled(&pending, columns), agenda("a scheduled release", full_agenda)?);
        pending.redact_scheduled_agenda(release.id, &mut full_agenda);
        Ok((release, full_agenda))
    };
    rows.into_iter().map(due).collect()
}

pub fn set_scheduled_state(
    connection: &mut Connection,
    id: ScheduledReleaseId,
    state: ScheduledState,
    release_number: Option<i32>,
) -> Result<(), DatabaseError> {
    diesel::update(scheduled_releases::table.find(id))
        .set((scheduled_releases::state.eq(state), scheduled_releases::release_number.eq(release_number)))
        .execute(connection)?;
    Ok(())
}
