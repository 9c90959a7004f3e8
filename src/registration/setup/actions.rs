//! Reading and replacing the registration set-up of a conference.

use serde_json::{Value, json};

use super::{Setup, SetupContext, read};
use crate::{
    access::{Actor, Operation},
    agenda::{self, AgendaError, Change},
    database::{Connection, DatabaseError},
    http::{Preconditions, entity_tag},
    mail::SenderDomains,
    registration::{
        RegistrationError,
        actions::{apply_setup, load_setup},
        context::RequestContext,
    },
    validation::ValidationErrors,
    values::{LanguageTag, merge_patch},
};

/// Reads the set-up.
///
/// # Errors
/// Those of [`load_setup`].
pub fn load(connection: &mut Connection, context: RequestContext<'_>) -> Result<Setup, RegistrationError> {
    let zone = context.released.agenda.conference.time_zone;
    load_setup(connection, context.conference, zone)
}

/// How the set-up is edited.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Replaced by a document.
    Replace(Value),
    /// Changed by a merge patch (RFC 7396).
    Patch(Value),
}

impl Edit {
    /// The operation of the access policy and of the audit trail.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Replace(_) => Operation::PutRegistrationSetup,
            Self::Patch(_) => Operation::PatchRegistrationSetup,
        }
    }
}

/// Edits the set-up, or only plans the changes (`dry_run`). The new set-up applies at once: new seats go to the waiting
/// list.
///
/// # Errors
/// The validation errors of the document; [`AgendaError::Stale`] if the set-up is not the one that the sender read;
/// those of [`apply_setup`].
pub fn edit(
    connection: &mut Connection,
    context: RequestContext<'_>,
    actor: &Actor,
    edit: &Edit,
    preconditions: &Preconditions,
    sender_domains: &SenderDomains,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let conference = &context.released.agenda.conference;
    let setup_context = SetupContext { time_zone: Some(conference.time_zone), languages: conference.languages.clone() };
    agenda::actions::lock(connection, context.conference)?;
    let present = serde_json::to_value(load(connection, context)?)
        .map_err(|error| DatabaseError::unreadable("the registration set-up", &error))?;
    let tag = entity_tag(present.to_string().as_bytes());
    if !preconditions.are_met(Some(&tag)) {
        return Err(AgendaError::Stale { tag: Some(tag), current: Some(present) }.into());
    }
    let document = match edit {
        Edit::Replace(document) => document.clone(),
        Edit::Patch(patch) => patched(present, patch, conference.languages.first()),
    };
    let setup = read(Some(document), &setup_context).map_err(under_root)?;
    let agenda = Some(context.released.agenda);
    let (zone, stored) = (conference.time_zone, Some(context.conference));
    let applied = apply_setup(connection, stored, zone, setup, agenda, Some(sender_domains), dry_run);
    let changes = applied.map_err(|error| match error {
        RegistrationError::Invalid(errors) => under_root(errors).into(),
        other => other,
    })?;
    if !dry_run {
        agenda::actions::record(connection, actor, edit.operation(), context.conference, &changes)?;
    }
    Ok(changes)
}

/// The set-up after a merge patch. A plain string for the help of a field sets the first language and keeps the others.
fn patched(mut present: Value, patch: &Value, first_language: Option<&LanguageTag>) -> Value {
    let mut patch = patch.clone();
    let fields = patch.get_mut("fields").and_then(Value::as_object_mut);
    for rule in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let (Some(help), Some(first)) = (rule.get_mut("help"), first_language) else { continue };
        if help.is_string() {
            *help = json!({ first.as_str(): help.take() });
        }
    }
    merge_patch(&mut present, &patch);
    present
}

/// In a blueprint the set-up is under `registration`; here it is the whole document.
fn under_root(mut errors: ValidationErrors) -> ValidationErrors {
    for error in &mut errors.0 {
        error.pointer = error.pointer.replacen("#/registration", "#", 1);
    }
    errors
}
