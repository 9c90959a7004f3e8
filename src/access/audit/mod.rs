//! The audit trail: who changed what, when, from what to what, by which request. One entry a changed thing, written in
//! the transaction of the change ([`record`]) and never changed afterwards, but for a redaction ([`rewrite`]) and the
//! end of its conference ([`forget_values`]). Its order is a number, so that what changed one thing stands in the order
//! of its locks, whatever the clocks of the processes say; instants are what the clock said.

pub mod api;
pub mod model;
mod store;

use serde_json::Value;

use super::Actor;
use crate::{
    database::{Connection, DatabaseError},
    ids::ConferenceId,
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

/// Visits every entry of a conference that is of this kind of thing, the oldest first.
///
/// # Errors
/// The store fails.
pub fn each_of(
    connection: &mut Connection,
    conference: ConferenceId,
    resource: &str,
    mut visit: impl FnMut(&Entry),
) -> Result<(), DatabaseError> {
    let mut after = None;
    loop {
        let batch = store::batch(connection, conference, Some(resource), after)?;
        let Some((last, _)) = batch.last() else {
            return Ok(());
        };
        after = Some(*last);
        batch.iter().for_each(|(_, entry)| visit(entry));
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

/// Rewrites entries of a conference: `redact` answers an entry as it is to be from now on, or `None` where it may stay.
/// Answers how many were rewritten. Nothing but a redaction does this.
///
/// # Errors
/// The store fails.
pub fn rewrite(
    connection: &mut Connection,
    conference: ConferenceId,
    redact: impl Fn(&Entry) -> Option<Entry>,
) -> Result<usize, DatabaseError> {
    let mut after = None;
    let mut count = 0;
    loop {
        let batch = store::batch(connection, conference, None, after)?;
        let Some((last, _)) = batch.last() else {
            return Ok(count);
        };
        after = Some(*last);
        for (id, entry) in &batch {
            if let Some(redacted) = redact(entry) {
                store::replace(connection, *id, &redacted)?;
                count += 1;
            }
        }
    }
}
