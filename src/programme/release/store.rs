//! The rows of releases, and of those that are scheduled. Whatever is read of them is without those whom a redaction
//! takes out that has not rewritten it yet.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::schedule::{ScheduledRelease, ScheduledState};
use crate::{
    agenda::Agenda,
    database::{
        Connection, DatabaseError, changes,
        schema::{releases, scheduled_releases},
        types::{Instant, JsonValue},
    },
    faults,
    ids::{ConferenceId, ReleaseId, ScheduledReleaseId},
    programme::{history::History, redaction::pending::Pending},
};

/// A release without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Its number, from 1.
    pub number: i32,
    /// When it was published.
    pub released_at: DateTime<Utc>,
    /// When a redaction last went through it, which alone may change its content; else when it was published.
    pub updated_at: DateTime<Utc>,
    /// Who published it.
    pub author: String,
    /// What the organisers say about it.
    pub note: Option<String>,
    /// Why it was published in spite of conflicts.
    pub force_reason: Option<String>,
    /// The number of the release that it published again.
    pub restores: Option<i32>,
}

impl ReleaseRow {
    /// What stands in for a release where the draft is shown: it has no number.
    pub fn of_draft(now: DateTime<Utc>) -> Self {
        Self {
            number: 0,
            released_at: now,
            updated_at: now,
            author: String::new(),
            note: None,
            force_reason: None,
            restores: None,
        }
    }

    /// Whether it is a release.
    pub fn is_released(&self) -> bool {
        self.number > 0
    }
}

/// A release as the public reads it.
#[derive(Debug)]
pub struct PublicRelease {
    /// Which it is.
    pub row: ReleaseRow,
    /// What the public reads.
    pub content: Agenda,
    /// What became of sessions and items up to it.
    pub history: History,
}

/// What a release changed, by language: the first sentences, and how many there are more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(pub BTreeMap<String, Sentences>);

/// Sentences in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentences {
    /// The first of them.
    pub first: Vec<String>,
    /// How many there are more.
    pub more: usize,
}

/// A release with both its contents.
#[derive(Debug)]
pub struct Release {
    /// What the public reads.
    pub public: PublicRelease,
    /// The agenda that it was made of.
    pub full: Agenda,
    /// What it changed, in words.
    pub words: Words,
    /// When the next embargo of it ends.
    pub next_embargo_ends_at: Option<DateTime<Utc>>,
}

type Columns = (i32, Instant, Instant, String, Option<String>, Option<String>, Option<i32>);

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
    let (number, Instant(released_at), Instant(updated_at), author, note, force_reason, restores) = columns;
    let mut row = ReleaseRow { number, released_at, updated_at, author, note, force_reason, restores };
    pending.leave_out_of_row(&mut row);
    row
}

fn agenda(what: &str, JsonValue(content): JsonValue) -> Result<Agenda, DatabaseError> {
    faults::read(content).map_err(|faults| DatabaseError::Corrupt(format!("{what}: {}", faults.places())))
}

fn read<T: DeserializeOwned>(what: &str, JsonValue(content): JsonValue) -> Result<T, DatabaseError> {
    serde_json::from_value(content).map_err(|error| DatabaseError::unreadable(what, &error))
}

fn json(value: &impl Serialize) -> Result<JsonValue, DatabaseError> {
    let value: Result<Value, _> = serde_json::to_value(value);
    value.map(JsonValue).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

diesel::alias!(releases as later: Later);

/// The latest release of each conference: a release after which there is none.
macro_rules! latest {
    () => {
        releases::table.filter(diesel::dsl::not(exists(
            later
                .filter(later.field(releases::conference_id).eq(releases::conference_id))
                .filter(later.field(releases::number).gt(releases::number)),
        )))
    };
}

/// Each conference's latest release: its number, and when its content last changed.
pub fn latest(connection: &mut Connection) -> Result<Vec<(ConferenceId, i32, DateTime<Utc>)>, DatabaseError> {
    let rows: Vec<(ConferenceId, i32, Instant)> =
        latest!().select((releases::conference_id, releases::number, releases::updated_at)).load(connection)?;
    Ok(rows.into_iter().map(|(conference, number, Instant(updated_at))| (conference, number, updated_at)).collect())
}

/// The number of the latest release; 0 before the first.
pub fn latest_number(connection: &mut Connection, conference: ConferenceId) -> Result<i32, DatabaseError> {
    let number: Option<i32> = releases::table
        .filter(releases::conference_id.eq(conference))
        .select(diesel::dsl::max(releases::number))
        .first(connection)?;
    Ok(number.unwrap_or(0))
}

/// A release with what the public reads of it.
pub fn load(
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
    found.map(|(columns, content, history)| public(&pending, columns, (content, history))).transpose()
}

fn public(
    pending: &Pending,
    columns: Columns,
    (content, history): (JsonValue, JsonValue),
) -> Result<PublicRelease, DatabaseError> {
    let what = format!("release {}", columns.0);
    let row = row(pending, columns);
    let (mut content, mut history) = (agenda(&what, content)?, read(&what, history)?);
    pending.leave_out_of_agenda(row.number, &mut content);
    pending.leave_out_of_history(row.number, &mut history);
    Ok(PublicRelease { row, content, history })
}

/// A release with both its contents.
pub fn load_whole(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
) -> Result<Option<Release>, DatabaseError> {
    type Contents = (JsonValue, JsonValue, JsonValue, JsonValue);
    let pending = Pending::of(connection, conference)?;
    let found: Option<(Columns, Contents, Option<Instant>)> = releases::table
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
        .map(|(columns, (content, history, full, words), next_embargo_ends_at)| {
            let what = format!("release {number}");
            let (mut full, mut words) = (agenda(&what, full)?, read(&what, words)?);
            pending.leave_out_of_agenda(number, &mut full);
            pending.leave_out_of_words(number, &mut words);
            Ok(Release {
                public: public(&pending, columns, (content, history))?,
                full,
                words,
                next_embargo_ends_at: next_embargo_ends_at.map(|Instant(ends_at)| ends_at),
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

/// Releases before `before`, the latest first.
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

/// The latest releases up to a number, the latest first, with what each changed in words.
pub fn list_with_words(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    limit: i64,
) -> Result<Vec<(ReleaseRow, Words)>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let rows: Vec<(Columns, JsonValue)> = releases::table
        .filter(releases::conference_id.eq(conference))
        .filter(releases::number.le(number))
        .order(releases::number.desc())
        .limit(limit)
        .select((columns!(), releases::words))
        .load(connection)?;
    let released = |(columns, words): (Columns, JsonValue)| {
        let (row, mut words) = (row(&pending, columns), read("words of a release", words)?);
        pending.leave_out_of_words(row.number, &mut words);
        Ok((row, words))
    };
    rows.into_iter().map(released).collect()
}

/// Writes a release, and lets the other processes know.
pub fn insert(connection: &mut Connection, conference: ConferenceId, release: &Release) -> Result<(), DatabaseError> {
    let PublicRelease { row, content, history } = &release.public;
    diesel::insert_into(releases::table)
        .values((
            releases::id.eq(ReleaseId::new()),
            releases::conference_id.eq(conference),
            releases::number.eq(row.number),
            releases::released_at.eq(Instant(row.released_at)),
            releases::updated_at.eq(Instant(row.updated_at)),
            releases::author.eq(&row.author),
            releases::note.eq(&row.note),
            releases::force_reason.eq(&row.force_reason),
            releases::restores.eq(row.restores),
            releases::content.eq(json(content)?),
            releases::history.eq(json(history)?),
            releases::words.eq(json(&release.words)?),
            releases::full_content.eq(json(&release.full)?),
            releases::next_embargo_ends_at.eq(release.next_embargo_ends_at.map(Instant)),
        ))
        .execute(connection)?;
    changes::announce(connection)
}

/// Says when the next embargo of a release ends.
pub fn set_next_embargo(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(), DatabaseError> {
    let release = releases::table.filter(releases::conference_id.eq(conference)).filter(releases::number.eq(number));
    diesel::update(release).set(releases::next_embargo_ends_at.eq(ends_at.map(Instant))).execute(connection)?;
    Ok(())
}

/// The conferences of which something is to be published by now: a scheduled release, or what was under embargo.
pub fn due(connection: &mut Connection, now: DateTime<Utc>) -> Result<Vec<ConferenceId>, DatabaseError> {
    let scheduled: Vec<ConferenceId> = scheduled_releases::table
        .filter(scheduled_releases::state.eq(ScheduledState::Scheduled.as_str()))
        .filter(scheduled_releases::publish_at.le(Instant(now)))
        .select(scheduled_releases::conference_id)
        .load(connection)?;
    let embargoes: Vec<ConferenceId> = latest!()
        .filter(releases::next_embargo_ends_at.le(Instant(now)))
        .select(releases::conference_id)
        .load(connection)?;
    let mut due: Vec<_> = scheduled.into_iter().chain(embargoes).collect();
    due.sort_unstable();
    due.dedup();
    Ok(due)
}

type ScheduledColumns =
    (ScheduledReleaseId, Instant, String, Option<String>, Option<String>, String, Option<i32>, Instant);

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

fn scheduled(pending: &Pending, columns: ScheduledColumns) -> Result<ScheduledRelease, DatabaseError> {
    let (id, Instant(publish_at), author, note, force_reason, state, release_number, Instant(created_at)) = columns;
    let state = ScheduledState::from_word(&state).ok_or_else(|| DatabaseError::Corrupt(format!("state {state}")))?;
    let mut release =
        ScheduledRelease { id, publish_at, author, note, force_reason, state, release_number, created_at };
    pending.leave_out_of_scheduled(&mut release);
    Ok(release)
}

/// Writes a scheduled release with the draft as it is now.
pub fn insert_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    release: &ScheduledRelease,
    full: &Agenda,
) -> Result<(), DatabaseError> {
    diesel::insert_into(scheduled_releases::table)
        .values((
            scheduled_releases::id.eq(release.id),
            scheduled_releases::conference_id.eq(conference),
            scheduled_releases::publish_at.eq(Instant(release.publish_at)),
            scheduled_releases::author.eq(&release.author),
            scheduled_releases::note.eq(&release.note),
            scheduled_releases::force_reason.eq(&release.force_reason),
            scheduled_releases::full_content.eq(json(full)?),
            scheduled_releases::state.eq(release.state.as_str()),
            scheduled_releases::release_number.eq(release.release_number),
            scheduled_releases::created_at.eq(Instant(release.created_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Scheduled releases, what is to come first in the order of its time, then the rest, the latest first.
pub fn list_scheduled(
    connection: &mut Connection,
    conference: ConferenceId,
    limit: i64,
) -> Result<Vec<ScheduledRelease>, DatabaseError> {
    let waits = ScheduledState::Scheduled.as_str();
    let pending = Pending::of(connection, conference)?;
    let of_conference = scheduled_releases::table.filter(scheduled_releases::conference_id.eq(conference));
    let to_come: Vec<ScheduledColumns> = of_conference
        .filter(scheduled_releases::state.eq(waits))
        .order((scheduled_releases::publish_at, scheduled_releases::id))
        .limit(limit)
        .select(scheduled_columns!())
        .load(connection)?;
    let done: Vec<ScheduledColumns> = of_conference
        .filter(scheduled_releases::state.ne(waits))
        .order((scheduled_releases::publish_at.desc(), scheduled_releases::id.desc()))
        .limit(limit)
        .select(scheduled_columns!())
        .load(connection)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    to_come.into_iter().chain(done).take(limit).map(|columns| scheduled(&pending, columns)).collect()
}

/// A scheduled release of a conference.
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
    found.map(|columns| scheduled(&pending, columns)).transpose()
}

/// How many scheduled releases are published in one transaction; a later look finds the others.
const DUE_AT_ONCE: i64 = 20;

/// The scheduled releases of a conference whose time has come, the earliest first, each with its frozen draft.
pub fn load_due(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<(ScheduledRelease, Agenda)>, DatabaseError> {
    let pending = Pending::of(connection, conference)?;
    let rows: Vec<(ScheduledColumns, JsonValue)> = scheduled_releases::table
        .filter(scheduled_releases::conference_id.eq(conference))
        .filter(scheduled_releases::state.eq(ScheduledState::Scheduled.as_str()))
        .filter(scheduled_releases::publish_at.le(Instant(now)))
        .order((scheduled_releases::publish_at, scheduled_releases::id))
        .limit(DUE_AT_ONCE)
        .select((scheduled_columns!(), scheduled_releases::full_content))
        .load(connection)?;
    let due = |(columns, full): (ScheduledColumns, JsonValue)| {
        let (release, mut full) = (scheduled(&pending, columns)?, agenda("a scheduled release", full)?);
        pending.leave_out_of_frozen(release.id, &mut full);
        Ok((release, full))
    };
    rows.into_iter().map(due).collect()
}

/// Says what became of a scheduled release.
pub fn set_scheduled_state(
    connection: &mut Connection,
    id: ScheduledReleaseId,
    state: ScheduledState,
    release_number: Option<i32>,
) -> Result<(), DatabaseError> {
    diesel::update(scheduled_releases::table.find(id))
        .set((scheduled_releases::state.eq(state.as_str()), scheduled_releases::release_number.eq(release_number)))
        .execute(connection)?;
    Ok(())
}
