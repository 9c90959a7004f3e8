//! Queries for the audit trail.

use diesel::prelude::*;

use super::{
    entry::{AuditAction, Entry, ResourceKind},
    model::{AuditEntry, AuditFilter},
};
use crate::{
    access::Actor,
    clock,
    database::{
        Connection, DatabaseError, ROWS_MAX,
        connection::MultiBackend,
        insert_all,
        schema::{audit_entries, conferences},
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{AuditEntryId, ConferenceId, Id},
    values::Code,
};

text_enum_columns!(AuditAction, ResourceKind);

/// Entries that are read at once.
const BATCH: i64 = 500;

#[derive(Insertable, Queryable)]
#[diesel(table_name = audit_entries)]
struct Row {
    id: AuditEntryId,
    at: DbInstant,
    actor: String,
    request_id: Option<String>,
    operation: String,
    conference_id: Option<ConferenceId>,
    action: AuditAction,
    resource: ResourceKind,
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
    let at = DbInstant(clock::now());
    let last: Option<i64> = audit_entries::table.select(diesel::dsl::max(audit_entries::sequence)).first(connection)?;
    let row = |(entry, sequence): (&Entry, i64)| Row {
        id: Id::new(),
        at,
        actor: actor.name().to_owned(),
        request_id: actor.request_id().map(str::to_owned),
        operation: operation.to_owned(),
        conference_id: conference,
        action: entry.action,
        resource: entry.resource,
        thing_id: entry.id.clone(),
        code: entry.code.clone(),
        before: entry.before.clone().map(JsonValue),
        after: entry.after.clone().map(JsonValue),
        sequence,
    };
    let mut sequence = last.unwrap_or(0) + 1..;
    // Rows are made for one statement at a time: they are copies of what may be whole drafts.
    for batch in entries.chunks(ROWS_MAX) {
        let rows: Vec<Row> = batch.iter().zip(sequence.by_ref()).map(row).collect();
        insert_all!(connection, audit_entries::table, rows);
    }
    Ok(())
}

/// The id of the conference with this slug.
pub(super) fn conference(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceId>, DatabaseError> {
    Ok(conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?)
}

/// Entries that match the filter, latest first.
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
        let sequence_of_cursor =
            audit_entries::table.find(before).select(audit_entries::sequence).first::<i64>(connection);
        let Some(sequence) = sequence_of_cursor.optional()? else { return Ok(Vec::new()) };
        let earlier = audit_entries::sequence.eq(sequence).and(audit_entries::id.lt(before));
        query = query.filter(audit_entries::sequence.lt(sequence).or(earlier));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_entries::at.ge(DbInstant(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_entries::at.lt(DbInstant(until)));
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
    Ok(rows.into_iter().map(audit_entry).collect())
}

/// Place of an entry in the trail: its sequence number, and its id for the case that two transactions used the same
/// number.
pub type EntryPlace = (i64, AuditEntryId);

/// One batch of the entries of a conference after `after`, of one kind of resource or of all, oldest first.
pub(super) fn batch(
    connection: &mut Connection,
    conference: ConferenceId,
    resource: Option<ResourceKind>,
    after: Option<EntryPlace>,
) -> Result<Vec<(EntryPlace, Entry)>, DatabaseError> {
    let of_conference = audit_entries::table.filter(audit_entries::conference_id.eq(conference));
    let mut query = of_conference.into_boxed::<MultiBackend>();
    if let Some(resource) = resource {
        query = query.filter(audit_entries::resource.eq(resource));
    }
    if let Some((sequence, id)) = after {
        let is_later = audit_entries::sequence.eq(sequence).and(audit_entries::id.gt(id));
        query = query.filter(audit_entries::sequence.gt(sequence).or(is_later));
    }
    let rows: Vec<Row> = query.order((audit_entries::sequence, audit_entries::id)).limit(BATCH).load(connection)?;
    let with_place = |row: Row| {
        let sequence = row.sequence;
        let (id, entry) = id_and_entry(row);
        ((sequence, id), entry)
    };
    Ok(rows.into_iter().map(with_place).collect())
}

pub(super) fn of_ids(
    connection: &mut Connection,
    ids: &[AuditEntryId],
) -> Result<Vec<(AuditEntryId, Entry)>, DatabaseError> {
    let mut entries = Vec::new();
    for chunk in ids.chunks(ROWS_MAX) {
        let rows: Vec<Row> = audit_entries::table.filter(audit_entries::id.eq_any(chunk)).load(connection)?;
        entries.extend(rows.into_iter().map(id_and_entry));
    }
    Ok(entries)
}

fn id_and_entry(row: Row) -> (AuditEntryId, Entry) {
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

/// Replaces the resource and the values of an entry.
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

/// Removes the values from every entry of a conference, and the codes of its speakers.
pub(super) fn forget_values(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    let of_conference = || audit_entries::table.filter(audit_entries::conference_id.eq(conference));
    diesel::update(of_conference())
        .set((audit_entries::before.eq(None::<JsonValue>), audit_entries::after.eq(None::<JsonValue>)))
        .execute(connection)?;
    diesel::update(of_conference().filter(audit_entries::resource.eq(ResourceKind::Speaker)))
        .set(audit_entries::code.eq(audit_entries::thing_id))
        .execute(connection)?;
    Ok(())
}

fn audit_entry(row: Row) -> AuditEntry {
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
