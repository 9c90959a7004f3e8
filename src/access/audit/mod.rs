//! The audit trail: who changed what, when, from what to what, by which request. One entry a changed thing, written in
//! the transaction of the change ([`record`]) and never changed afterwards, but for a redaction ([`rewrite`]) and the
//! end of its conference ([`forget_values`]). Its order is a number, so that what changed one thing stands in the order
//! of its locks, whatever the clocks of the processes say; instants are what the clock said.

pub mod api;
pub mod model;
mod store;

use serde_json::Value;
pub use store::EntryPlace;

use super::Actor;
use crate::{
    database::{Connection, DatabaseError},
    ids::{AuditEntryId, ConferenceId},
};

/// One changed thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened to it: `create`, `update`, `remove`, `reorder`, ...
    pub action: String,
    /// What kind of thing it is.
    pub resource: String,
    /// Its id.
    pub id: String,
    /// Its code.
    pub code: String,
    /// What changed of it, as it was.
    pub before: Option<Value>,
    /// What changed of it, as it is now.
    pub after: Option<Value>,
}

impl Entry {
    /// What happened to a thing that has no code but its id.
    pub fn of(action: &str, resource: &str, id: impl ToString, after: Option<Value>) -> Self {
        let id = id.to_string();
        Self { action: action.to_owned(), resource: resource.to_owned(), code: id.clone(), id, before: None, after }
    }
}

/// Records changes that `actor` makes by `operation`. Nothing is recorded where nothing changed.
///
/// # Errors
/// The store fails.
pub fn record(
    connection: &mut Connection,
    actor: &Actor,
    operation: &str,
    conference: Option<ConferenceId>,
    entries: &[Entry],
) -> Result<(), DatabaseError> {
    store::insert(connection, actor, operation, conference, entries)
}

/// Visits the entries of a conference after one of them, of one kind of thing or of all, the oldest first. Answers the
/// last.
///
/// # Errors
/// The store fails.
pub fn each(
    connection: &mut Connection,
    conference: ConferenceId,
    resource: Option<&str>,
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

/// Takes the values out of every entry of a conference that is deleted, and the codes of its speakers: they would name
/// people for ever.
///
/// # Errors
/// The store fails.
pub fn forget_values(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    store::forget_values(connection, conference)
}

/// Rewrites these entries: `redact` answers an entry as it is to be from now on, or `None` where it may stay. Answers
/// how many were rewritten. Nothing but a redaction does this.
///
/// # Errors
/// The store fails.
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
