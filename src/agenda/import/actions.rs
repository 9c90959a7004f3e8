//! Importing a file into a conference that is there.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    File, Options,
    draft::{Composed, Counts, compose},
    report::{Note, Report},
};
use crate::{
    access::Actor,
    agenda::{Agenda, AgendaError, Change, Place, actions, checks, model},
    database::Connection,
    faults::Faults,
};

/// What an import changed, or would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// A change a thing; empty when the draft already says the same.
    pub changes: Vec<Change>,
    /// What could not be represented, or was understood in the importer's own way.
    pub report: Vec<Note>,
    /// What the file holds.
    pub counts: Counts,
}

impl Imported {
    /// The outcome, with what a release of the new draft would be refused for.
    pub fn new(changes: Vec<Change>, composed: Composed, after: &Agenda) -> Self {
        let (mut report, counts): (Report, Counts) = (composed.report, composed.counts);
        let conflicts = checks::errors(after);
        for conflict in &conflicts {
            let code = conflict.code.as_str();
            let detail = format!("{code}: a release is refused until it is mended or forced; GET /agenda/conflicts");
            report.note("conflict", detail, None);
        }
        for conflict in conflicts.iter().take(2) {
            report.note("conflict", &conflict.detail, None);
        }
        Self { changes, report: report.0, counts }
    }
}

/// The agenda that a composed document says.
///
/// # Errors
/// Every fault, by line of the file.
pub fn agenda_of(composed: &Composed) -> Result<Agenda, Faults> {
    model::read(composed.document.clone()).map_err(|faults| composed.of_file(faults))
}

/// Imports a file into the draft; with `dry_run` nothing is written.
///
/// # Errors
/// What the file says cannot be said of this conference; then nothing was written.
pub fn import(
    connection: &mut Connection,
    place: &Place,
    file: &File,
    options: &Options,
    actor: &Actor,
    dry_run: bool,
) -> Result<Imported, AgendaError> {
    actions::lock(connection, place)?;
    let draft = actions::load(connection, place)?;
    let composed = compose(file, Some(&draft), &place.slug, options)?;
    let planned = actions::plan(connection, &place.slug, agenda_of(&composed)?)?;
    if !dry_run {
        actions::write(connection, &planned, actor, "import_agenda")?;
    }
    Ok(Imported::new(planned.changes, composed, &planned.after))
}
