//! Operations on a draft: find, load, plan, write, delete.

use super::{
    AgendaError, Change, ConferenceRef,
    document::Agenda,
    plan::{changes, nodes},
    store,
};
use crate::{
    access::{
        Actor, Credentials, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    database::{Connection, DatabaseError},
    http::idempotency,
    validation::ValidationErrors,
    values::Code,
};

/// The conference with this slug.
///
/// # Errors
/// [`AgendaError::NotFound`] if there is none.
pub fn find(connection: &mut Connection, slug: &Code) -> Result<ConferenceRef, AgendaError> {
    store::find(connection, slug)?.ok_or(AgendaError::NotFound)
}

pub fn lookup(connection: &mut Connection, slug: &Code) -> Result<Option<ConferenceRef>, DatabaseError> {
    store::find(connection, slug)
}

pub fn list(connection: &mut Connection) -> Result<Vec<ConferenceRef>, DatabaseError> {
    store::list(connection)
}

/// The conference with this slug, for an operation that needs access to it. A caller without a valid token does not
/// learn whether it exists.
///
/// # Errors
/// First [`AgendaError::Access`], then [`AgendaError::NotFound`].
pub fn find_authorised(
    connection: &mut Connection,
    credentials: &Credentials,
    operation: Operation,
    slug: &Code,
) -> Result<(ConferenceRef, Actor), AgendaError> {
    let place = store::find(connection, slug)?;
    let actor = authorise(connection, credentials, operation, place.as_ref().map(|place| place.id))?;
    Ok((place.ok_or(AgendaError::NotFound)?, actor))
}

pub fn load(connection: &mut Connection, place: &ConferenceRef) -> Result<Agenda, DatabaseError> {
    store::load(connection, place)
}

/// The changes that a document would make to a draft. Nothing is written yet.
#[derive(Debug)]
pub struct Planned {
    /// The present draft; `None` for a new conference.
    pub before: Option<Agenda>,
    /// The draft after the changes.
    pub after: Agenda,
    pub changes: Vec<Change>,
}

/// Plans a document as the new draft of `slug`. The conference stays locked until the transaction ends, so that what is
/// planned is what is written.
///
/// # Errors
/// [`AgendaError::Invalid`] if the document is of another conference.
pub fn plan(connection: &mut Connection, slug: &Code, after: Agenda) -> Result<Planned, AgendaError> {
    ensure_slug(slug, &after)?;
    let before = match store::find(connection, slug)? {
        Some(place) => {
            store::lock(connection, place.id)?;
            Some(store::load(connection, &place)?)
        }
        None => None,
    };
    plan_against(connection, before, after)
}

/// A conference keeps its slug, because emails and calendars hold links with it.
fn ensure_slug(slug: &Code, after: &Agenda) -> Result<(), ValidationErrors> {
    let mut faults = ValidationErrors::default();
    if after.conference.slug != *slug {
        faults.add("#/conference/slug", "other_conference", format!("must be {slug}: a conference keeps its slug"));
    }
    faults.or(())
}

/// Plans a document against a draft that was read under the conference's lock.
///
/// # Errors
/// [`AgendaError::Invalid`] if ids contradict the draft or belong to another conference.
pub fn plan_against(
    connection: &mut Connection,
    before: Option<Agenda>,
    mut after: Agenda,
) -> Result<Planned, AgendaError> {
    if let Some(before) = &before {
        ensure_slug(&before.conference.slug, &after)?;
    }
    after.adopt_ids(before.as_ref())?;
    let foreign = store::foreign_ids(connection, before.as_ref(), &after)?;
    foreign.or(())?;
    let known = before.as_ref().map(nodes).unwrap_or_default();
    let changes = changes(&known, &nodes(&after));
    Ok(Planned { before, after, changes })
}

/// Writes a plan, and records it in the audit trail.
pub fn write(
    connection: &mut Connection,
    planned: &Planned,
    actor: &Actor,
    operation: Operation,
) -> Result<ConferenceRef, AgendaError> {
    if !planned.changes.is_empty() {
        store::save(connection, planned.before.as_ref(), &planned.after)?;
    }
    let place = find(connection, &planned.after.conference.slug)?;
    record(connection, actor, operation, &place, &planned.changes)?;
    Ok(place)
}

/// Writes a draft from which a person was redacted. The audit trail holds only what the caller records, because the
/// changes would name the person.
pub fn write_redacted(connection: &mut Connection, before: &Agenda, after: &Agenda) -> Result<(), DatabaseError> {
    store::save(connection, Some(before), after)
}

/// Records changes of a conference in the audit trail.
pub fn record(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    place: &ConferenceRef,
    changes: &[Change],
) -> Result<(), DatabaseError> {
    let entries: Vec<_> = changes.iter().map(Change::entry).collect();
    audit::record(connection, actor, operation, Some(place.id), &entries)
}

/// Locks the conference until the transaction ends.
pub fn lock(connection: &mut Connection, place: &ConferenceRef) -> Result<(), DatabaseError> {
    store::lock(connection, place.id)
}

/// Deletes a conference with everything that belongs to it alone. The audit trail keeps who did what to which thing,
/// but no values: these would name people for ever.
pub fn delete(
    connection: &mut Connection,
    place: &ConferenceRef,
    actor: &Actor,
    operation: Operation,
) -> Result<(), DatabaseError> {
    let draft = store::load(connection, place)?;
    let conference = serde_json::to_value(&draft.conference).ok();
    store::delete(connection, place.id)?;
    idempotency::forget(connection, &place.id.to_string())?;
    audit::forget_values(connection, place.id)?;
    let entry = audit::Entry {
        action: AuditAction::Remove,
        resource: ResourceKind::Conference,
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

    /// Applies an agenda to the stored draft. Returns the number of changes, and the draft after them.
    async fn apply(database: &Database, agenda: &Agenda) -> (usize, Agenda) {
        let document = serde_json::to_value(agenda).unwrap();
        let work = move |tx: &mut Connection| {
            let agenda = model::read(document.clone()).map_err(AgendaError::from)?;
            let planned = plan(tx, &agenda.conference.slug.clone(), agenda)?;
            let place = write(tx, &planned, &Actor::service(), Operation::ApplyAgenda)?;
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
            // A thing keeps its id if the document gives none; this document gives all ids but that of the call for
            // action.
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
