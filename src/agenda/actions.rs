//! What can be done with a draft.

use super::{
    AgendaError, Change, Place,
    document::Agenda,
    plan::{changes, nodes},
    store,
};
use crate::{
    access::{Actor, Credentials, audit, authorise},
    database::{Connection, DatabaseError},
    faults::Faults,
    http::idempotency,
    values::Code,
};

/// The conference of this slug.
///
/// # Errors
/// [`AgendaError::NotFound`], or the store fails.
pub fn find(connection: &mut Connection, slug: &Code) -> Result<Place, AgendaError> {
    store::find(connection, slug)?.ok_or(AgendaError::NotFound)
}

/// The conference of this slug, if there is one.
///
/// # Errors
/// The store fails.
pub fn lookup(connection: &mut Connection, slug: &Code) -> Result<Option<Place>, DatabaseError> {
    store::find(connection, slug)
}

/// Every conference.
///
/// # Errors
/// The store fails.
pub fn list(connection: &mut Connection) -> Result<Vec<Place>, DatabaseError> {
    store::list(connection)
}

/// The conference, for an operation that needs a right to it. Whoever has no token does not learn whether it exists.
///
/// # Errors
/// [`AgendaError::Access`], then [`AgendaError::NotFound`].
pub fn find_authorised(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: &str,
    slug: &Code,
) -> Result<(Place, Actor), AgendaError> {
    let place = store::find(connection, slug)?;
    let actor = authorise(connection, credentials, operation, place.as_ref().map(|place| place.id))?;
    Ok((place.ok_or(AgendaError::NotFound)?, actor))
}

/// The draft.
///
/// # Errors
/// The store fails.
pub fn load(connection: &mut Connection, place: &Place) -> Result<Agenda, DatabaseError> {
    store::load(connection, place)
}

/// A document that fits the draft: what it would change is known, nothing is written.
#[derive(Debug)]
pub struct Planned {
    /// The draft as it is; `None` for a new conference.
    pub before: Option<Agenda>,
    /// The draft as it would be.
    pub after: Agenda,
    /// The difference.
    pub changes: Vec<Change>,
}

/// Plans a document as the draft of `slug`. The conference stays locked until the transaction ends, so that what is
/// planned is what is written.
///
/// # Errors
/// [`AgendaError::Invalid`] where the document is of another conference.
pub fn plan(connection: &mut Connection, slug: &Code, after: Agenda) -> Result<Planned, AgendaError> {
    demand_slug(slug, &after)?;
    let before = match store::find(connection, slug)? {
        Some(place) => {
            store::lock(connection, place.id)?;
            Some(store::load(connection, &place)?)
        }
        None => None,
    };
    plan_against(connection, before, after)
}

/// A conference keeps its slug: links to it are in mails and calendars.
fn demand_slug(slug: &Code, after: &Agenda) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if after.conference.slug != *slug {
        faults.add("#/conference/slug", "other_conference", format!("must be {slug}, the conference that is written"));
    }
    faults.or(())
}

/// Plans a document against the draft as it was read under the conference's lock.
///
/// # Errors
/// [`AgendaError::Invalid`] where ids contradict the draft or are used elsewhere.
pub fn plan_against(
    connection: &mut Connection,
    before: Option<Agenda>,
    mut after: Agenda,
) -> Result<Planned, AgendaError> {
    if let Some(before) = &before {
        demand_slug(&before.conference.slug, &after)?;
    }
    after.adopt_ids(before.as_ref())?;
    let foreign = store::foreign_ids(connection, before.as_ref(), &after)?;
    foreign.or(())?;
    let known = before.as_ref().map(nodes).unwrap_or_default();
    let changes = changes(&known, &nodes(&after));
    Ok(Planned { before, after, changes })
}

/// Writes what was planned, and who did it by which operation. Answers where.
///
/// # Errors
/// The store fails.
pub fn write(
    connection: &mut Connection,
    planned: &Planned,
    actor: &Actor,
    operation: &str,
) -> Result<Place, AgendaError> {
    if !planned.changes.is_empty() {
        store::save(connection, planned.before.as_ref(), &planned.after)?;
    }
    let place = find(connection, &planned.after.conference.slug)?;
    record(connection, actor, operation, &place, &planned.changes)?;
    Ok(place)
}

/// Writes a draft from which a person was redacted. The audit trail says nothing of it but what the caller records: it
/// would name whom it must not.
///
/// # Errors
/// The store fails.
pub fn write_redacted(connection: &mut Connection, before: &Agenda, after: &Agenda) -> Result<(), DatabaseError> {
    store::save(connection, Some(before), after)
}

/// Records changes of a conference in the audit trail.
///
/// # Errors
/// The store fails.
pub fn record(
    connection: &mut Connection,
    actor: &Actor,
    operation: &str,
    place: &Place,
    changes: &[Change],
) -> Result<(), DatabaseError> {
    let entries: Vec<_> = changes.iter().map(Change::entry).collect();
    audit::record(connection, actor, operation, Some(place.id), &entries)
}

/// Locks the conference until the transaction ends.
///
/// # Errors
/// The store fails.
pub fn lock(connection: &mut Connection, place: &Place) -> Result<(), DatabaseError> {
    store::lock(connection, place.id)
}

/// Deletes a conference and all that is of it alone. The audit trail goes on to say who did what to which thing, but
/// not what the things were: it would name people for ever.
///
/// # Errors
/// The store fails.
pub fn delete(connection: &mut Connection, place: &Place, actor: &Actor, operation: &str) -> Result<(), DatabaseError> {
    let draft = store::load(connection, place)?;
    let conference = serde_json::to_value(&draft.conference).ok();
    store::delete(connection, place.id)?;
    idempotency::forget(connection, &place.id.to_string())?;
    audit::forget_values(connection, place.id)?;
    let entry = audit::Entry {
        action: "remove".to_owned(),
        resource: "conference".to_owned(),
        id: place.id.to_string(),
        code: place.slug.to_string(),
        before: conference,
        after: None,
    };
    audit::record(connection, actor, operation, Some(place.id), &[entry])
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::TestRunner};

    use super::*;
    use crate::{
        agenda::{arbitrary, model},
        database::{Database, Store},
    };

    /// Makes the draft in the store what an agenda says. Answers how much changed, and what the store has then.
    async fn apply(database: &Database, agenda: &Agenda) -> (usize, Agenda) {
        let document = serde_json::to_value(agenda).unwrap();
        let work = move |tx: &mut Connection| {
            let agenda = model::read(document.clone()).map_err(AgendaError::from)?;
            let planned = plan(tx, &agenda.conference.slug.clone(), agenda)?;
            let place = write(tx, &planned, &Actor::service(), "apply_agenda")?;
            Ok::<_, AgendaError>((planned.changes.len(), load(tx, &place)?))
        };
        database.write("apply", work).await.unwrap()
    }

    #[test]
    fn a_draft_becomes_what_is_applied_and_applying_what_it_exports_changes_nothing() {
        let folder = std::env::temp_dir().join(format!("plenary-test-{}", uuid::Uuid::new_v4()));
        let system = actix_web::rt::System::new();
        let database =
            Database::open(&Store::Sqlite(folder.join("agenda.sqlite")), 1, std::time::Duration::from_secs(3)).unwrap();
        system.block_on(database.migrate()).unwrap();
        let mut runner = TestRunner::new(ProptestConfig { cases: 48, ..ProptestConfig::default() });
        let outcome = runner.run(&arbitrary::agenda(), |agenda| {
            let (_, draft) = system.block_on(apply(&database, &agenda));
            let (changed, again) = system.block_on(apply(&database, &draft));
            prop_assert_eq!(changed, 0);
            prop_assert_eq!(&again, &draft);
            // A thing of the draft keeps its id where the document gives none; here it gives all but one.
            let mut wanted = agenda;
            if let (Some(known), Some(call)) = (&draft.call_for_action, &mut wanted.call_for_action) {
                call.id = known.id;
            }
            prop_assert_eq!(&draft, &wanted);
            Ok(())
        });
        drop(database);
        std::fs::remove_dir_all(&folder).unwrap();
        outcome.unwrap();
    }
}
