//! Importing a file into an existing conference.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ImportFile, ImportOptions,
    draft::compose,
    report::Note,
    target::{Composed, Counts},
};
use crate::{
    access::{Actor, Operation},
    agenda::{Agenda, AgendaError, Change, ConferenceRef, actions, checks, model},
    database::Connection,
    validation::ValidationErrors,
    values::NameReading,
};

/// Result of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportResult {
    /// Changes that the import made or, with `dry_run`, would make; empty if the draft already has the file's content.
    pub changes: Vec<Change>,
    /// Notes on everything in the file that could not be kept as it is.
    pub report: Vec<Note>,
    /// Number of things in the file.
    pub counts: Counts,
    /// How the name of each person in the file was read, in the order of the file. The agenda keeps a whole name as the
    /// family name.
    pub names: Vec<NameReading>,
}

impl ImportResult {
    /// The result, with a note for each conflict that stops a release of the new draft.
    pub fn new(changes: Vec<Change>, composed: Composed, after: &Agenda) -> Self {
        let Composed { mut report, counts, names, .. } = composed;
        let conflicts = checks::errors(after);
        for conflict in &conflicts {
            let code = conflict.code.as_str();
            let detail = format!("{code}: correct it, or force the release; GET /agenda/conflicts");
            report.note("conflict", detail, None);
        }
        for conflict in conflicts.iter().take(2) {
            report.note("conflict", &conflict.detail, None);
        }
        Self { changes, report: report.0, counts, names }
    }
}

/// The agenda in a composed document.
///
/// # Errors
/// Every error, with its line of the file.
pub fn agenda_of(composed: &Composed) -> Result<Agenda, ValidationErrors> {
    model::read(composed.document.clone()).map_err(|errors| composed.locate_in_file(errors))
}

/// Imports a file into the draft; with `dry_run` it writes nothing.
///
/// # Errors
/// The errors that the file causes in this conference; nothing is written then.
pub fn import(
    connection: &mut Connection,
    conference: &ConferenceRef,
    file: &ImportFile,
    options: &ImportOptions,
    actor: &Actor,
    dry_run: bool,
) -> Result<ImportResult, AgendaError> {
    actions::lock(connection, conference)?;
    let draft = actions::load(connection, conference)?;
    let composed = compose(file, Some(&draft), &conference.slug, options)?;
    let planned = actions::plan(connection, &conference.slug, agenda_of(&composed)?)?;
    if !dry_run {
        actions::write(connection, &planned, actor, Operation::ImportAgenda)?;
    }
    Ok(ImportResult::new(planned.changes, composed, &planned.after))
}
