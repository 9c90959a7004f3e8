//! The import of a table, in one transaction.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::{
    ExistingRowPolicy, ImportOptions, ImportedStatus,
    rows::{self, ImportRow, ParsedTable, field_of},
    store,
};
use crate::{
    access::{Actor, Operation, authorise},
    agenda::Agenda,
    database::{Connection, DatabaseError, Retry},
    registration::{
        RegistrationError,
        admission::{AdmissionOutcome, Application, ImportedState, register_imported},
        context::RequestContext,
        model::{Event, RegistrationStatus},
        setup::state::get_setup_state,
    },
    validation::{ValidationError, ValidationErrors},
    values::Code,
};

/// Registrations that are written at once, which bounds the memory besides the table itself.
const BATCH: usize = 1000;

/// Report of an import or of a dry run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RegistrationImport)]
pub struct Report {
    /// Whether this was a dry run, which writes nothing.
    pub dry_run: bool,
    /// Number of rows of the table.
    pub rows: usize,
    /// Number of registrations made from them.
    pub imported: usize,
    /// Number of rows left out because their address is already registered.
    pub skipped: usize,
    /// Field of each column that is imported, by the name of the column.
    pub mapping: BTreeMap<String, String>,
    /// Names of columns that are not imported.
    pub unknown_columns: Vec<String>,
    /// Number of new registrations by category and status.
    pub counts: Vec<ImportCount>,
    /// Validation errors by row and column, at most 200.
    pub errors: Vec<ValidationError>,
}

/// Number of new registrations of a category and status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct ImportCount {
    /// Code of the category.
    pub category: Code,
    /// Status of the registrations.
    pub status: RegistrationStatus,
    /// Number of registrations.
    pub count: usize,
}

/// Why an import wrote nothing.
#[derive(Debug)]
pub enum ImportAborted {
    /// It was a dry run.
    Rehearsed(Box<Report>),
    /// The table has validation errors.
    Faulty(ValidationErrors),
    /// Any other error.
    Refused(RegistrationError),
}

impl From<DatabaseError> for ImportAborted {
    fn from(error: DatabaseError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<RegistrationError> for ImportAborted {
    fn from(error: RegistrationError) -> Self {
        Self::Refused(error)
    }
}

impl Retry for ImportAborted {
    fn may_retry(&self) -> bool {
        match self {
            Self::Refused(error) => error.may_retry(),
            Self::Rehearsed(_) | Self::Faulty(_) => false,
        }
    }
}

/// Reads a table for a conference.
///
/// # Errors
/// The options or the text are invalid; there is no such conference.
pub fn read(
    connection: &mut Connection,
    place: &crate::agenda::ConferenceRef,
    agenda: &Agenda,
    bytes: &[u8],
    wish: &ImportOptions,
) -> Result<ParsedTable, RegistrationError> {
    let setup_state = get_setup_state(connection, place.id)?;
    let mut found = ValidationErrors::default();
    if let Some(category) = wish.category.as_ref().filter(|code| setup_state.category(code.as_str()).is_none()) {
        found.add("?category", "unknown_reference", format!("there is no category {category}"));
    }
    let languages = &agenda.conference.languages;
    if wish.language.as_ref().is_some_and(|language| !languages.contains(language)) {
        found.add("?language", "unknown_language", "must be a language of the conference");
    }
    found.or(())?;
    let questions = setup_state.questions()?;
    Ok(rows::read(bytes, wish, &setup_state, &questions, agenda)?)
}

/// Imports all rows of a table, or none.
///
/// # Errors
/// [`ImportAborted`]: the caller rolls the transaction back.
pub fn import(
    connection: &mut Connection,
    context: RequestContext<'_>,
    file: &ParsedTable,
    wish: &ImportOptions,
) -> Result<Report, ImportAborted> {
    let RequestContext { place, released, credentials, secret } = context;
    let actor = authorise(connection, credentials, Operation::ImportRegistrations, Some(place.id))
        .map_err(RegistrationError::from)?;
    let mut order: Vec<&ImportRow> = file.rows.iter().collect();
    // Cancelled rows come first: a later row may have the same address and be live. Then come those with a seat.
    order.sort_by_key(|person| (rank(person.status), person.row));
    let mut faults = file.errors.clone();
    let (mut imported, mut skipped) = (0, 0);
    // In the order of categories, and of the words of statuses.
    let mut counts: BTreeMap<(Code, &'static str), (RegistrationStatus, usize)> = BTreeMap::new();
    for chunk in order.chunks(BATCH) {
        let addresses: Vec<String> = chunk.iter().map(|person| person.form.email.folded()).collect();
        let mut known: HashMap<String, bool> = HashMap::new();
        for (address, is_live) in store::known(connection, place.id, &addresses)? {
            *known.entry(address).or_default() |= is_live;
        }
        let is_known = |person: &ImportRow| {
            let found = known.get(&person.form.email.folded());
            found.is_some_and(|is_live| *is_live || person.status == ImportedStatus::Cancelled)
        };
        let (old, new): (Vec<&ImportRow>, Vec<&ImportRow>) = chunk.iter().copied().partition(|person| is_known(person));
        let people: Vec<_> = new.iter().map(|person| application(person, &actor, wish)).collect();
        let outcomes = register_imported(connection, place, released, secret, &people)?.outcomes;
        let of_old = old.into_iter().map(|person| (person, Ok(AdmissionOutcome::AlreadyRegistered)));
        for (person, outcome) in new.into_iter().zip(outcomes).chain(of_old) {
            match outcome {
                Ok(AdmissionOutcome::Registered(admitted)) => {
                    imported += 1;
                    let status = admitted.registration.state;
                    counts.entry((admitted.category, status.as_str())).or_insert((status, 0)).1 += 1;
                }
                Ok(AdmissionOutcome::AlreadyRegistered) if wish.known == ExistingRowPolicy::Skip => skipped += 1,
                Ok(AdmissionOutcome::AlreadyRegistered) => {
                    let detail = "this address is registered already: ?mode=skip leaves it out";
                    faults.add(file.columns.at(person.row, "email"), "already_registered", detail);
                }
                Err(error) => refuse(file, person, error, &mut faults)?,
            }
        }
    }
    faults.0.sort_by_cached_key(|fault| row_of(&fault.pointer));
    if !wish.dry_run && !faults.0.is_empty() {
        return Err(ImportAborted::Faulty(faults));
    }
    let count = |((category, _), (status, count))| ImportCount { category, status, count };
    let report = Report {
        dry_run: wish.dry_run,
        rows: file.count,
        imported,
        skipped,
        mapping: file.columns.mapping(),
        unknown_columns: file.columns.unknown(),
        counts: counts.into_iter().map(count).collect(),
        errors: faults.0,
    };
    if wish.dry_run { Err(ImportAborted::Rehearsed(Box::new(report))) } else { Ok(report) }
}

/// The number in `row 7, column E-mail`.
fn row_of(pointer: &str) -> usize {
    let digits = pointer.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

const fn rank(status: ImportedStatus) -> u8 {
    match status {
        ImportedStatus::Cancelled => 0,
        ImportedStatus::Confirmed => 1,
        ImportedStatus::Pending => 2,
        ImportedStatus::Waitlisted => 3,
    }
}

fn application(person: &ImportRow, actor: &Actor, wish: &ImportOptions) -> (Application, ImportedState) {
    let state = match person.status {
        ImportedStatus::Confirmed => RegistrationStatus::Confirmed,
        ImportedStatus::Waitlisted => RegistrationStatus::Waitlisted,
        ImportedStatus::Pending => RegistrationStatus::Pending,
        ImportedStatus::Cancelled => RegistrationStatus::Cancelled,
    };
    let mut detail = Map::from_iter([("consent".to_owned(), json!(wish.consent.as_str()))]);
    if let Some(external_id) = &person.external_id {
        detail.insert("external_id".to_owned(), json!(external_id));
    }
    let application = Application {
        actor: actor.clone(),
        event: Event::Imported,
        is_vouched_for: true,
        is_approved: true,
        ..Application::of_public(person.form.clone(), person.language.clone())
    };
    (application, ImportedState { state, detail })
}

/// Adds the validation errors of a row, with the columns of the table.
fn refuse(
    file: &ParsedTable,
    person: &ImportRow,
    error: RegistrationError,
    faults: &mut ValidationErrors,
) -> Result<(), ImportAborted> {
    let at = |field: &str| file.columns.at(person.row, field);
    match error {
        RegistrationError::Full => {
            let detail = format!("no seat is left in category {}", person.form.category);
            faults.add(at("status"), "no_seat", detail);
        }
        RegistrationError::Invalid(found) => {
            for fault in found.0 {
                let answer = fault.pointer.strip_prefix("#/answers/").map(|code| format!("answers.{code}"));
                let field = answer.as_deref().unwrap_or_else(|| field_of(&fault.pointer));
                faults.add(at(field), &fault.code, fault.detail);
            }
        }
        other => return Err(ImportAborted::Refused(other)),
    }
    Ok(())
}
