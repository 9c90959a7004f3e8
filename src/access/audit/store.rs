//! The rows of the audit trail.

use diesel::prelude::*;

use super::{
    Actor, Entry,
    model::{AuditEntry, AuditFilter},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        connection::MultiBackend,
        on_backend,
        schema::{audit_entries, conferences},
        types::{Instant, JsonValue},
    },
    ids::{AuditEntryId, ConferenceId, Id},
    values::Code,
};

/// Rows in one statement: PostgreSQL takes 65,535 values.
const BATCH: i64 = 500;

#[derive(Insertable, Queryable)]
#[diesel(table_name = audit_entries)]
struct Row {
    id: AuditEntryId,
    at: Instant,
    actor: String,
    request_id: Option<String>,
    operation: String,
    conference_id: Option<ConferenceId>,
    action: String,
    resource: String,
    thing_id: String,
    code: String,
    before: Option<JsonValue>,
    after: Option<JsonValue>,
    sequence: i64,
}

pub(super) fn insert(
    connection: &mut Connection,
    actor: &Actor,
    operation: &str,
    conference: Option<ConferenceId>,
    entries: &[Entry],
) -> Result<(), DatabaseError> {
    let at = Instant(clock::now());
    let last: Option<i64> = audit_entries::table.select(diesel::dsl::max(audit_entries::sequence)).first(connection)?;
    let row = |(sequence, entry): (i64, &Entry)| Row {
        id: Id::new(),
        at,
        actor: actor.name().to_owned(),
        request_id: actor.request().map(str::to_owned),
        operation: operation.to_owned(),
        conference_id: conference,
        action: entry.action.clone(),
        resource: entry.resource.clone(),
        thing_id: entry.id.clone(),
        code: entry.code.clone(),
        before: entry.before.clone().map(JsonValue),
        after: entry.after.clone().map(JsonValue),
        sequence,
    };
    let mut rows = (last.unwrap_or(0) + 1..).zip(entries).map(row);
    loop {
        let rows: Vec<Row> = rows.by_ref().take(BATCH as usize).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let insert = diesel::insert_into(audit_entries::table);
        on_backend!(connection, inner => insert.values(&rows).execute(inner))?;
    }
}

/// The id of the conference of this slug: the trail of one conference is asked for by its name in URLs.
pub(super) fn conference(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceId>, DatabaseError> {
    Ok(conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?)
}

/// The entries that the filter takes, the latest first.
pub(super) fn list(
    connection: &mut Connection,
    conference: Option<ConferenceId>,
    filter: &AuditFilter,
) -> Result<Vec<AuditEntry>, DatabaseError> {
    let mut query = audit_entries::table.into_boxed::<MultiBackend>();
    if let Some(conference) = conference {
        query = query.filter(audit_entries::conference_id.eq(conference));
    }
    if let Some(before) = filter.before {
        let of_it = audit_entries::table.find(before).select(audit_entries::sequence).first::<i64>(connection);
        let Some(sequence) = of_it.optional()? else { return Ok(Vec::new()) };
        let earlier = audit_entries::sequence.eq(sequence).and(audit_entries::id.lt(before));
        query = query.filter(audit_entries::sequence.lt(sequence).or(earlier));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_entries::at.ge(Instant(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_entries::at.lt(Instant(until)));
    }
    macro_rules! equal {
        ($($field:ident = $column:ident),+) => {
            $(if let Some(value) = &filter.$field {
                query = query.filter(audit_entries::$column.eq(value.clone()));
            })+
        };
    }
    equal!(
        actor = actor,
        request = request_id,
        operation = operation,
        action = action,
        resource = resource,
        code = code
    );
    let rows: Vec<Row> =
        query.order((audit_entries::sequence.desc(), audit_entries::id.desc())).limit(filter.limit).load(connection)?;
    Ok(rows.into_iter().map(entry).collect())
}

/// Where an entry stands in the trail: its number, and its id where two conferences were written to at once.
pub type EntryPlace = (i64, AuditEntryId);

/// Entries of a conference, of one kind of thing or of all, after `after`, the oldest first: as many as fit into one
/// batch.
pub(super) fn batch(
    connection: &mut Connection,
    conference: ConferenceId,
    resource: Option<&str>,
    after: Option<EntryPlace>,
) -> Result<Vec<(EntryPlace, Entry)>, DatabaseError> {
    let of_conference = audit_entries::table.filter(audit_entries::conference_id.eq(conference));
    let mut query = of_conference.into_boxed::<MultiBackend>();
    if let Some(resource) = resource {
        query = query.filter(audit_entries::resource.eq(resource.to_owned()));
    }
    if let Some((sequence, id)) = after {
        let is_later = audit_entries::sequence.eq(sequence).and(audit_entries::id.gt(id));
        query = query.filter(audit_entries::sequence.gt(sequence).or(is_later));
    }
    let rows: Vec<Row> = query.order((audit_entries::sequence, audit_entries::id)).limit(BATCH).load(connection)?;
    let placed = |row: Row| {
        let sequence = row.sequence;
        let (id, entry) = recorded(row);
        ((sequence, id), entry)
    };
    Ok(rows.into_iter().map(placed).collect())
}

/// These entries.
pub(super) fn of_ids(
    connection: &mut Connection,
    ids: &[AuditEntryId],
) -> Result<Vec<(AuditEntryId, Entry)>, DatabaseError> {
    let mut found = Vec::new();
    for some in ids.chunks(BATCH as usize) {
        let rows: Vec<Row> = audit_entries::table.filter(audit_entries::id.eq_any(some)).load(connection)?;
        found.extend(rows.into_iter().map(recorded));
    }
    Ok(found)
}

/// What was recorded of a thing.
fn recorded(row: Row) -> (AuditEntryId, Entry) {
    let json = |value: Option<JsonValue>| value.map(|JsonValue(value)| value);
    let entry = Entry {
        action: row.action,
        resource: row.resource,
        id: row.thing_id,
        code: row.code,
        before: json(row.before),
        after: json(row.after),
    };
    (row.id, entry)
}

/// Replaces what an entry says of the thing.
pub(super) fn replace(connection: &mut Connection, id: AuditEntryId, entry: &Entry) -> Result<(), DatabaseError> {
    diesel::update(audit_entries::table.find(id))
        .set((
            audit_entries::thing_id.eq(&entry.id),
            audit_entries::code.eq(&entry.code),
            audit_entries::before.eq(entry.before.clone().map(JsonValue)),
            audit_entries::after.eq(entry.after.clone().map(JsonValue)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes the values out of every entry of a conference, and the codes of its speakers.
pub(super) fn forget_values(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    let own = || audit_entries::table.filter(audit_entries::conference_id.eq(conference));
    diesel::update(own())
        .set((audit_entries::before.eq(None::<JsonValue>), audit_entries::after.eq(None::<JsonValue>)))
        .execute(connection)?;
    diesel::update(own().filter(audit_entries::resource.eq("speaker")))
        .set(audit_entries::code.eq(audit_entries::thing_id))
        .execute(connection)?;
    Ok(())
}

fn entry(row: Row) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: clock::wire(row.at.0),
        actor: row.actor,
        request_id: row.request_id,
        operation: row.operation,
        action: row.action,
        resource: row.resource,
        thing_id: row.thing_id,
        code: row.code,
        before: row.before.map(|JsonValue(value)| value),
        after: row.after.map(|JsonValue(value)| value),
    }
}
