//! The rows of the agenda: a document is read from them whole, and written to them by its difference.

mod load;
mod rows;
mod save;
mod steps;

use std::collections::HashSet;

use diesel::prelude::*;

use super::{document::Agenda, model::Place};
use crate::{
    database::{
        Connection, DatabaseError, changes,
        schema::{
            calls_for_action, conference_organisations, conferences, days, items, organisations, rooms, sessions,
            speakers, tracks,
        },
    },
    faults::Faults,
    ids::ConferenceId,
    values::Code,
};
pub use load::load;
use load::parse;
pub use save::save;

/// Rows in one statement: PostgreSQL takes 65,535 values.
const BATCH: usize = 500;

/// The conference of this slug.
pub fn find(connection: &mut Connection, slug: &Code) -> Result<Option<Place>, DatabaseError> {
    let id: Option<ConferenceId> = conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?;
    Ok(id.map(|id| Place { id, slug: slug.clone() }))
}

/// Every conference.
pub fn list(connection: &mut Connection) -> Result<Vec<Place>, DatabaseError> {
    let rows: Vec<(ConferenceId, String)> =
        conferences::table.order(conferences::id).select((conferences::id, conferences::slug)).load(connection)?;
    rows.into_iter().map(|(id, slug)| Ok(Place { id, slug: parse(&slug)? })).collect()
}

/// Locks the conference until the transaction ends, so that rules over several of its rows can be judged.
pub fn lock(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => {
            conferences::table
                .find(conference)
                .select(conferences::id)
                .for_no_key_update()
                .first::<ConferenceId>(inner)
                .optional()?;
        }
        // A write holds the whole of SQLite already.
        Connection::Sqlite(_) => {}
    }
    Ok(())
}

/// Deletes the conference; what belongs to it goes with it. The other processes, which serve its releases, are told.
/// What refers to another thing of it goes first: PostgreSQL checks each reference as soon as its target is gone.
pub fn delete(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    macro_rules! delete {
        ($($table:ident),+) => {
            $(diesel::delete($table::table.filter($table::conference_id.eq(conference))).execute(connection)?;)+
        };
    }
    delete!(calls_for_action, conference_organisations, sessions, speakers, organisations);
    diesel::delete(conferences::table.find(conference)).execute(connection)?;
    changes::announce(connection)
}

/// Which ids that are new to the draft another conference already uses, as places in the document.
pub fn foreign_ids(
    connection: &mut Connection,
    before: Option<&Agenda>,
    after: &Agenda,
) -> Result<Faults, DatabaseError> {
    const DETAIL: &str = "is the id of something in another conference; leave it out to make a copy";
    let mut faults = Faults::default();
    macro_rules! check {
        ($table:ident, $before:expr, $after:expr) => {
            let known: HashSet<_> = $before.collect();
            let new: Vec<_> = $after
                .filter_map(|(place, id)| Some((place, id?)))
                .filter(|(_, id)| !known.contains(&Some(*id)))
                .collect();
            for batch in new.chunks(BATCH) {
                let ids: Vec<_> = batch.iter().map(|(_, id)| *id).collect();
                let taken: Vec<_> =
                    $table::table.filter($table::id.eq_any(&ids)).select($table::id).load(connection)?;
                for (place, _) in batch.iter().filter(|(_, id)| taken.contains(id)) {
                    faults.add(place.clone(), "other_conference", DETAIL);
                }
            }
        };
        ($list:ident) => {
            check!(
                $list,
                before.into_iter().flat_map(|before| &before.$list).map(|node| node.id),
                after
                    .$list
                    .iter()
                    .enumerate()
                    .map(|(index, node)| { (format!("#/{}/{index}/id", stringify!($list)), node.id) })
            );
        };
    }
    check!(organisations);
    check!(days);
    check!(rooms);
    check!(tracks);
    check!(speakers);
    check!(sessions);
    check!(
        items,
        before.into_iter().flat_map(|before| &before.sessions).flat_map(|session| &session.items).map(|item| item.id),
        after.sessions.iter().enumerate().flat_map(|(outer, session)| {
            session
                .items
                .iter()
                .enumerate()
                .map(move |(inner, item)| (format!("#/sessions/{outer}/items/{inner}/id"), item.id))
        })
    );
    check!(
        conferences,
        before.into_iter().map(|before| before.conference.id),
        std::iter::once(("#/conference/id".to_owned(), after.conference.id))
    );
    Ok(faults)
}
