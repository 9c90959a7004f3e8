//! Reading and replacing the site set-up of a conference.

use serde_json::Value;

use super::{SiteSetup, read, store};
use crate::{
    access::{Actor, Operation},
    agenda::{self, AgendaError, Change, ConferenceRef, plan::changes},
    database::{Connection, DatabaseError},
    http::{Preconditions, entity_tag},
    values::{LanguageTag, merge_patch},
};

/// Reads the set-up; empty if the conference has none.
pub fn load(connection: &mut Connection, conference: &ConferenceRef) -> Result<SiteSetup, DatabaseError> {
    store::load(connection, conference.id)
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
            Self::Replace(_) => Operation::PutSite,
            Self::Patch(_) => Operation::PatchSite,
        }
    }
}

/// Edits the set-up, or only plans the changes (`dry_run`).
///
/// # Errors
/// The validation errors of the document; [`AgendaError::Stale`] if the set-up is not the one that the sender read.
pub fn edit(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    edit: &Edit,
    preconditions: &Preconditions,
    dry_run: bool,
) -> Result<Vec<Change>, AgendaError> {
    agenda::actions::lock(connection, conference)?;
    let languages = agenda::actions::load(connection, conference)?.conference.languages;
    let present = to_value(&load(connection, conference)?)?;
    let tag = entity_tag(present.to_string().as_bytes());
    if !preconditions.are_met(Some(&tag)) {
        return Err(AgendaError::Stale { tag: Some(tag), current: Some(present) });
    }
    let document = match edit {
        Edit::Replace(document) => document.clone(),
        Edit::Patch(patch) => patched(present, patch, languages.first()),
    };
    let changes = apply(connection, Some(conference), &read(document, &languages)?, dry_run)?;
    if !dry_run {
        agenda::actions::record(connection, actor, edit.operation(), conference, &changes)?;
    }
    Ok(changes)
}

/// The set-up after a merge patch. A plain string for a localised text sets the first language and keeps the others.
fn patched(mut present: Value, patch: &Value, first_language: Option<&LanguageTag>) -> Value {
    let mut patch = patch.clone();
    let pointers = [
        "/privacy_notice",
        "/legal_notice",
        "/accessibility_statement",
        "/emblem_text",
        "/contact/name",
        "/contact/hours",
        "/controller/name",
        "/controller/address",
    ];
    for pointer in pointers {
        let (Some(text), Some(first)) = (patch.pointer_mut(pointer), first_language) else { continue };
        if text.is_string() {
            *text = serde_json::json!({ first.as_str(): text.take() });
        }
    }
    merge_patch(&mut present, &patch);
    present
}

/// Plans a set-up and, unless `dry_run`, saves it. `conference` is `None` for one that is not stored yet; else the
/// caller has locked it.
pub fn apply(
    connection: &mut Connection,
    conference: Option<&ConferenceRef>,
    setup: &SiteSetup,
    dry_run: bool,
) -> Result<Vec<Change>, DatabaseError> {
    let before = conference.map(|conference| load(connection, conference)).transpose()?.unwrap_or_default();
    if let Some(conference) = conference.filter(|_| !dry_run && before != *setup) {
        store::save(connection, conference.id, setup)?;
    }
    Ok(changes(&before.nodes(), &setup.nodes()))
}

fn to_value(setup: &SiteSetup) -> Result<Value, DatabaseError> {
    serde_json::to_value(setup).map_err(|error| DatabaseError::unreadable("the site set-up", &error))
}
