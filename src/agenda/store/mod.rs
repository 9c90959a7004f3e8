//! Rows of the agenda: a whole document is read from them, and its changes are written to them.

mod load;
mod rows;
mod save;
mod steps;

use std::collections::HashSet;

use diesel::prelude::*;
pub use load::load;
use load::parse;
pub use save::save;

use super::{
    document::{Agenda, Listing},
    model::ConferenceRef,
};
use crate::{
    database::{
        Connection, DatabaseError, ROWS_MAX, changes,
        schema::{
            calls_for_action, conference_organisations, conferences, days, items, organisations, rooms, sessions,
            speakers, tracks,
        },
    },
    ids::ConferenceId,
    validation::ValidationErrors,
    values::Code,
};

pub fn find(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceRef>, DatabaseError> {
    let id: Option<ConferenceId> = conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?;
    Ok(id.map(|id| ConferenceRef { id, slug: slug.clone() }))
}

pub fn list(connection: &mut Connection) -> Result<Vec<ConferenceRef>, DatabaseError> {
    let rows: Vec<(ConferenceId, String)> =
        conferences::table.order(conferences::id).select((conferences::id, conferences::slug)).load(connection)?;
    rows.into_iter().map(|(id, slug)| Ok(ConferenceRef { id, slug: parse(&slug)? })).collect()
}

/// The listing of every conference.
pub fn listings(connection: &mut Connection) -> Result<Vec<(ConferenceId, Listing)>, DatabaseError> {
    Ok(conferences::table.select((conferences::id, conferences::listing)).load(connection)?)
}

/// Locks the conference until the transaction ends, so that rules over several of its rows can be checked.
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
        // A write transaction locks the whole SQLite database already.
        Connection::Sqlite(_) => {}
    }
    Ok(())
}

/// Deletes the conference with everything that belongs to it, and notifies the other processes, which serve its
/// releases. Rows that refer to other rows of the conference are deleted first: PostgreSQL checks each reference as
/// soon as its target is deleted.
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

/// An error for each id that is new to the draft and that another conference uses already.
pub fn check_foreign_ids(
    connection: &mut Connection,
    before: Option<&Agenda>,
    after: &Agenda,
) -> Result<ValidationErrors, DatabaseError> {
    const DETAIL: &str = "is the id of something in another conference; leave it out to make a copy";
    let mut errors = ValidationErrors::default();
    macro_rules! check {
        ($table:ident, $before:expr, $after:expr) => {
            let ids_before: HashSet<_> = $before.collect();
            let new_ids: Vec<_> = $after
                .filter_map(|(pointer, id)| Some((pointer, id?)))
                .filter(|(_, id)| !ids_before.contains(&Some(*id)))
                .collect();
            for batch in new_ids.chunks(ROWS_MAX) {
                let ids: Vec<_> = batch.iter().map(|(_, id)| *id).collect();
                let foreign: Vec<_> =
                    $table::table.filter($table::id.eq_any(&ids)).select($table::id).load(connection)?;
                for (pointer, _) in batch.iter().filter(|(_, id)| foreign.contains(id)) {
                    errors.add(pointer.clone(), "other_conference", DETAIL);
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
    Ok(errors)
}
