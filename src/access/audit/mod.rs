//! The audit trail: who changed what, when, from which value to which, and by which request. There is one entry for
//! each changed resource, written in the transaction of the change ([`record`]). Entries never change afterwards,
//! except by a redaction ([`rewrite`]) and the deletion of their conference ([`forget_values`]). A sequence number
//! orders them, so that the changes of one resource are in the order of its locks, even if the clocks of the processes
//! differ; the times are what the clock said.

pub mod api;
mod entry;
pub mod model;
mod store;

pub use entry::{AuditAction, Entry, ResourceKind};
pub use store::EntryPlace;

use super::Actor;
use crate::{
    access::Operation,
    database::{Connection, DatabaseError},
    ids::{AuditEntryId, ConferenceId},
};

/// Records the changes that `actor` made by `operation`; does nothing if `entries` is empty.
pub fn record(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    conference: Option<ConferenceId>,
    entries: &[Entry],
) -> Result<(), DatabaseError> {
    store::insert(connection, actor, operation.as_str(), conference, entries)
}

/// Records the changes that a command made, of the whole server.
pub fn record_command(
    connection: &mut Connection,
    command: &'static str,
    entries: &[Entry],
) -> Result<(), DatabaseError> {
    store::insert(connection, &Actor::command_line(), command, None, entries)
}

/// Visits the entries of a conference after `after`, of one kind of resource or of all, oldest first. Returns the place
/// of the last one.
pub fn each(
    connection: &mut Connection,
    conference: ConferenceId,
    resource: Option<ResourceKind>,
    mut after: Option<EntryPlace>,
    mut visit: impl FnMut(AuditEntryId, &Entry),
) -> Result<Option<EntryPlace>, DatabaseError> {
    loop {
        let batch = store::batch(connection, conference, resource, after)?;
        let Some((last, _)) = batch.last() else {
            return Ok(after);
        };
        after = Some(*last);
        batch.iter().for_each(|((_, id), entry)| visit(*id, entry));
    }
}

/// Removes the values from every entry of a conference that is being deleted, and the codes of its speakers, because
/// they would name people for ever.
pub fn forget_values(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    store::forget_values(connection, conference)
}

/// Rewrites these entries: `redact` returns the new entry, or `None` if the entry stays as it is. Returns the number of
/// rewritten entries. Only a redaction may call this.
pub fn rewrite(
    connection: &mut Connection,
    ids: &[AuditEntryId],
    redact: impl Fn(&Entry) -> Option<Entry>,
) -> Result<usize, DatabaseError> {
    let mut count = 0;
    for (id, entry) in store::of_ids(connection, ids)? {
        if let Some(redacted) = redact(&entry) {
            store::replace(connection, id, &redacted)?;
            count += 1;
        }
    }
    Ok(count)
}
