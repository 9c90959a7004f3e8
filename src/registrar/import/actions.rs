//! The import of a table, in one transaction.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    ExistingRowPolicy, ImportOptions, ImportedStatus,
    rows::{self, ImportRow, ParsedTable, field_of},
    store::{self, RegisteredPerson},
};
use crate::{
    access::{Actor, Operation, authorise},
    agenda::{Agenda, ConferenceRef},
    database::{Connection, DatabaseError, Retry},
    registration::{
        RegistrationError,
        admission::{AdmissionOutcome, Application, register_imported},
        context::RequestContext,
        model::{ConsentGiven, ConsentRecord, Event, RegistrationStatus},
        setup::state::{SetupState, get_setup_state},
    },
    validation::{ValidationError, ValidationErrors},
    values::{Code, NameReading, name_key},
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
    /// Of a dry run: how the name of each row is read; else empty.
    pub names: Vec<NameReading>,
    /// Number of new registrations by category and status.
    pub counts: Vec<ImportCount>,
    /// What the form of its category would require of a person and the row lacks, by row and column, at most 200. It is
    /// imported nevertheless.
    pub warnings: Vec<ValidationError>,
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
    DryRun(Box<Report>),
    /// The table has validation errors.
    Invalid(ValidationErrors),
    /// Any other error.
    Failed(RegistrationError),
}

impl From<DatabaseError> for ImportAborted {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RegistrationError> for ImportAborted {
    fn from(error: RegistrationError) -> Self {
        Self::Failed(error)
    }
}

impl Retry for ImportAborted {
    fn may_retry(&self) -> bool {
        match self {
            Self::Failed(error) => error.may_retry(),
            Self::DryRun(_) | Self::Invalid(_) => false,
        }
    }
}

/// Reads a table for a conference.
///
/// # Errors
/// The options or the text are invalid; there is no such conference.
pub fn read(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<ParsedTable, RegistrationError> {
    let setup_state = get_setup_state(connection, conference.id)?;
    let mut errors = ValidationErrors::default();
    if let Some(category) = options.category.as_ref().filter(|code| setup_state.category(code.as_str()).is_none()) {
        errors.add("?category", "unknown_reference", format!("there is no category {category}"));
    }
    let languages = &agenda.conference.languages;
    if options.language.as_ref().is_some_and(|language| !languages.contains(language)) {
        errors.add("?language", "unknown_language", "must be a language of the conference");
    }
    errors.into_result(())?;
    let questions = setup_state.questions()?;
    Ok(rows::read(bytes, options, &setup_state, &questions, agenda)?)
}

/// Imports all rows of a table, or none.
///
/// # Errors
/// [`ImportAborted`]: the caller rolls the transaction back.
pub fn import(
    connection: &mut Connection,
    context: RequestContext<'_>,
    table: &ParsedTable,
    options: &ImportOptions,
) -> Result<Report, ImportAborted> {
    let RequestContext { conference, released, credentials, secret } = context;
    let actor = authorise(connection, credentials, Operation::ImportRegistrations, Some(conference.id))
        .map_err(RegistrationError::from)?;
    let mut rows: Vec<&ImportRow> = table.rows.iter().collect();
    // Cancelled rows come first: a later row may have the same address and be live. Then come those with a seat.
    rows.sort_by_key(|row| (import_order(row.status), row.number));
    let (mut errors, mut warnings) = (table.errors.clone(), ValidationErrors::default());
    let setup_state = get_setup_state(connection, conference.id)?;
    let (mut imported, mut skipped) = (0, 0);
    // In the order of categories, and of the words of statuses.
    let mut counts: BTreeMap<(Code, &'static str), (RegistrationStatus, usize)> = BTreeMap::new();
    for chunk in rows.chunks(BATCH) {
        let addresses: Vec<String> = chunk.iter().map(|row| row.form.email.folded()).collect();
        let mut registered: HashMap<String, Vec<RegisteredPerson>> = HashMap::new();
        for person in store::find_registered(connection, conference.id, &addresses)? {
            registered.entry(person.address.clone()).or_default().push(person);
        }
        let is_registered = |row: &ImportRow| {
            let of_address = registered.get(&row.form.email.folded());
            of_address.into_iter().flatten().any(|person| is_row_about(row, person, &setup_state))
        };
        let (existing, new): (Vec<&ImportRow>, Vec<&ImportRow>) =
            chunk.iter().copied().partition(|row| is_registered(row));
        let applications: Vec<_> = new.iter().map(|row| application(row, &actor, options)).collect();
        let outcomes = register_imported(connection, conference, released, secret, &applications)?.outcomes;
        let outcome_of_existing = |row: &ImportRow| {
            let is_shared = registered
                .get(&row.form.email.folded())
                .is_some_and(|people| people.iter().any(|person| is_shared_with(row, person, &setup_state)));
            if is_shared { AdmissionOutcome::NameRegistered } else { AdmissionOutcome::AlreadyRegistered }
        };
        let of_existing = existing.into_iter().map(|row| (row, Ok(outcome_of_existing(row))));
        for (row, outcome) in new.into_iter().zip(outcomes).chain(of_existing) {
            match outcome {
                Ok(AdmissionOutcome::Registered(admitted)) => {
                    imported += 1;
                    add_warnings(table, row, &setup_state, &mut warnings);
                    let status = admitted.registration.state;
                    counts.entry((admitted.category, status.as_str())).or_insert((status, 0)).1 += 1;
                }
                Ok(AdmissionOutcome::AlreadyRegistered | AdmissionOutcome::NameRegistered)
                    if options.existing_rows == ExistingRowPolicy::Skip =>
                {
                    skipped += 1
                }
                Ok(AdmissionOutcome::NameRegistered) => {
                    let detail = "somebody with this name is registered with this address already: ?mode=skip leaves \
                                  it out";
                    errors.add(table.columns.error_position(row.number, "email"), "already_registered", detail);
                }
                Ok(AdmissionOutcome::AlreadyRegistered) => {
                    let detail = "this address is registered already: ?mode=skip leaves it out";
                    errors.add(table.columns.error_position(row.number, "email"), "already_registered", detail);
                }
                Err(error) => add_errors(table, row, error, &mut errors)?,
            }
        }
    }
    for found in [&mut errors, &mut warnings] {
        found.0.sort_by_cached_key(|error| row_number(&error.pointer));
    }
    if !options.dry_run && !errors.0.is_empty() {
        return Err(ImportAborted::Invalid(errors));
    }
    let count = |((category, _), (status, count))| ImportCount { category, status, count };
    let report = Report {
        dry_run: options.dry_run,
        rows: table.row_count,
        imported,
        skipped,
        mapping: table.columns.mapping(),
        unknown_columns: table.columns.unmapped(),
        names: if options.dry_run { table.names.clone() } else { Vec::new() },
        counts: counts.into_iter().map(count).collect(),
        warnings: warnings.0,
        errors: errors.0,
    };
    if options.dry_run { Err(ImportAborted::DryRun(Box::new(report))) } else { Ok(report) }
}

/// Whether a row stands for a person who is registered with its address, or was, if the row is a cancelled one.
fn is_row_about(row: &ImportRow, person: &RegisteredPerson, setup_state: &SetupState) -> bool {
    let is_same_person = !is_shared_with(row, person, setup_state)
        || name_key(&row.form.person(row.language.as_str()).name_folded()) == name_key(&person.name);
    is_same_person && (!person.state.is_final() || row.status == ImportedStatus::Cancelled)
}

/// Whether a row and a registered person may have one address.
fn is_shared_with(row: &ImportRow, person: &RegisteredPerson, setup_state: &SetupState) -> bool {
    let category = setup_state.category(row.form.category.as_str());
    person.shares_mailbox || category.is_some_and(|category| category.shared_mailbox)
}

/// The number in `row 7, column E-mail`.
fn row_number(pointer: &str) -> usize {
    let digits = pointer.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Rows with a smaller number are imported first.
const fn import_order(status: ImportedStatus) -> u8 {
    match status {
        ImportedStatus::Cancelled => 0,
        ImportedStatus::Confirmed => 1,
        ImportedStatus::Pending => 2,
        ImportedStatus::Waitlisted => 3,
    }
}

fn application(row: &ImportRow, actor: &Actor, options: &ImportOptions) -> (Application, RegistrationStatus) {
    let state = match row.status {
        ImportedStatus::Confirmed => RegistrationStatus::Confirmed,
        ImportedStatus::Waitlisted => RegistrationStatus::Waitlisted,
        ImportedStatus::Pending => RegistrationStatus::Pending,
        ImportedStatus::Cancelled => RegistrationStatus::Cancelled,
    };
    let mut detail = Map::from_iter([("consent".to_owned(), json!(options.consent.as_str()))]);
    if let Some(external_id) = &row.external_id {
        detail.insert("external_id".to_owned(), json!(external_id));
    }
    let application = Application {
        actor: actor.clone(),
        event: Event::Imported,
        consent: ConsentRecord { given: ConsentGiven::Imported, recorded_by: Some(actor.name().to_owned()) },
        privacy_notice_version: None,
        is_vouched_for: true,
        is_approved: true,
        // The other system may not have asked these questions.
        may_lack_answers: true,
        sends_no_letter: true,
        detail,
        ..Application::from_public_form(row.form.clone(), &row.language)
    };
    (application, state)
}

/// Adds a warning for each field about the person that the form of the category requires and the row lacks.
fn add_warnings(table: &ParsedTable, row: &ImportRow, setup_state: &SetupState, warnings: &mut ValidationErrors) {
    let Some(category) = setup_state.category(row.form.category.as_str()) else { return };
    let document = Value::Object(row.form.person(row.language.as_str()).document());
    let mut faults = ValidationErrors::default();
    setup_state.fields_of(category).check(&document, &mut faults);
    for fault in faults.0.into_iter().filter(|fault| fault.code == "required") {
        let position = table.columns.error_position(row.number, field_of(&fault.pointer));
        let detail = format!("the form of the category requires {}", field_of(&fault.pointer));
        warnings.add(position, &fault.code, detail);
    }
}

/// Adds the validation errors of a row, with the columns of the table.
fn add_errors(
    table: &ParsedTable,
    row: &ImportRow,
    error: RegistrationError,
    errors: &mut ValidationErrors,
) -> Result<(), ImportAborted> {
    let position = |field: &str| table.columns.error_position(row.number, field);
    match error {
        RegistrationError::Full => {
            let detail = format!("no seat is left in category {}", row.form.category);
            errors.add(position("status"), "no_seat", detail);
        }
        RegistrationError::Invalid(of_form) => {
            for error in of_form.0 {
                let answer = error.pointer.strip_prefix("#/answers/").map(|code| format!("answers.{code}"));
                let field = answer.as_deref().unwrap_or_else(|| field_of(&error.pointer));
                errors.add(position(field), &error.code, error.detail);
            }
        }
        other => return Err(ImportAborted::Failed(other)),
    }
    Ok(())
}
