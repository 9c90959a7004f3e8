//! Operations on a draft: find, load, plan, write, delete.

use std::collections::HashMap;

use super::{
    AgendaError, Change, ConferenceRef,
    document::{Agenda, Listing},
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
    ids::ConferenceId,
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

/// The listing of every conference.
pub fn listings(connection: &mut Connection) -> Result<HashMap<ConferenceId, Listing>, DatabaseError> {
    Ok(store::listings(connection)?.into_iter().collect())
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
    let conference = store::find(connection, slug)?;
    let actor = authorise(connection, credentials, operation, conference.as_ref().map(|conference| conference.id))?;
    Ok((conference.ok_or(AgendaError::NotFound)?, actor))
}

pub fn load(connection: &mut Connection, conference: &ConferenceRef) -> Result<Agenda, DatabaseError> {
    store::load(connection, conference)
}

/// The changes that a document would make to a draft. Nothing is written yet.
#[derive(Debug)]
pub struct DraftPlan {
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
pub fn plan(connection: &mut Connection, slug: &Code, after: Agenda) -> Result<DraftPlan, AgendaError> {
    ensure_slug(slug, &after)?;
    let before = match store::find(connection, slug)? {
        Some(conference) => {
            store::lock(connection, conference.id)?;
            Some(store::load(connection, &conference)?)
        }
        None => None,
    };
    plan_against(connection, before, after)
}

/// A conference keeps its slug, because emails and calendars hold links with it.
fn ensure_slug(slug: &Code, after: &Agenda) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if after.conference.slug != *slug {
        errors.add("#/conference/slug", "other_conference", format!("must be {slug}: a conference keeps its slug"));
    }
    errors.into_result(())
}

/// Plans a document against a draft that was read under the conference's lock.
///
/// # Errors
/// [`AgendaError::Invalid`] if ids contradict the draft or belong to another conference.
pub fn plan_against(
    connection: &mut Connection,
    before: Option<Agenda>,
    mut after: Agenda,
) -> Result<DraftPlan, AgendaError> {
    if let Some(before) = &before {
        ensure_slug(&before.conference.slug, &after)?;
    }
    after.adopt_ids(before.as_ref())?;
    store::check_foreign_ids(connection, before.as_ref(), &after)?.into_result(())?;
    let nodes_before = before.as_ref().map(nodes).unwrap_or_default();
    let changes = changes(&nodes_before, &nodes(&after));
    Ok(DraftPlan { before, after, changes })
}

/// Writes a plan, and records it in the audit trail.
pub fn write(
    connection: &mut Connection,
    planned: &DraftPlan,
    actor: &Actor,
    operation: Operation,
) -> Result<ConferenceRef, AgendaError> {
    if !planned.changes.is_empty() {
        store::save(connection, planned.before.as_ref(), &planned.after)?;
    }
    let conference = find(connection, &planned.after.conference.slug)?;
    record(connection, actor, operation, &conference, &planned.changes)?;
    Ok(conference)
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
    conference: &ConferenceRef,
    changes: &[Change],
) -> Result<(), DatabaseError> {
    let entries: Vec<_> = changes.iter().map(Change::audit_entry).collect();
    audit::record(connection, actor, operation, Some(conference.id), &entries)
}

/// Locks the conference until the transaction ends.
pub fn lock(connection: &mut Connection, conference: &ConferenceRef) -> Result<(), DatabaseError> {
    store::lock(connection, conference.id)
}

/// Deletes a conference with everything that belongs to it alone. The audit trail keeps who did what to which thing,
/// but no values: these would name people for ever.
pub fn delete(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    operation: Operation,
) -> Result<(), DatabaseError> {
    let draft = store::load(connection, conference)?;
    let fields = serde_json::to_value(&draft.conference).ok();
    store::delete(connection, conference.id)?;
    idempotency::delete_answers_of(connection, &conference.id.to_string())?;
    audit::forget_values(connection, conference.id)?;
    let entry = audit::Entry {
        action: AuditAction::Remove,
        resource: ResourceKind::Conference,
        id: conference.id.to_string(),
        code: conference.slug.to_string(),
        before: fields,
        after: None,
    };
    audit::record(connection, actor, operation, Some(conference.id), &[entry])
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
            let conference = write(tx, &planned, &Actor::service(), Operation::ApplyAgenda)?;
            Ok::<_, AgendaError>((planned.changes.len(), load(tx, &conference)?))
        };
        database.write("apply", work).await.unwrap()
    }

    #[test]
    fn a_draft_becomes_the_applied_document_and_applying_its_export_changes_nothing() {
        let folder = std::env::temp_dir().join(format!("plenary-test-{}", uuid::Uuid::new_v4()));
        let system = actix_web::rt::System::new();
        let database =
            Database::open(&Store::Sqlite(folder.join("agenda.sqlite")), 1, std::time::Duration::from_secs(3)).unwrap();
        system.block_on(database.migrate()).unwrap();
        let mut runner = TestRunner::new(ProptestConfig { cases: 48, ..ProptestConfig::default() });
        let outcome = runner.run(&arbitrary::agenda(), |agenda| {
            let (_, draft) = system.block_on(apply(&database, &agenda));
            let (changed, draft_again) = system.block_on(apply(&database, &draft));
            prop_assert_eq!(changed, 0);
            prop_assert_eq!(&draft_again, &draft);
            // A thing keeps its id if the document gives none; this document gives all ids but that of the call for
            // action.
            let mut expected = agenda;
            if let (Some(stored_call), Some(call)) = (&draft.call_for_action, &mut expected.call_for_action) {
                call.id = stored_call.id;
            }
            prop_assert_eq!(&draft, &expected);
            Ok(())
        });
        drop(database);
        std::fs::remove_dir_all(&folder).unwrap();
        outcome.unwrap();
    }
}
