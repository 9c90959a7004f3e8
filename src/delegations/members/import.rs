//! Imports a table of members: all rows, or none.

use std::collections::HashMap;

use serde_json::{Map, Number, Value, json};

use super::{
    super::{actions::lock_setup, store::Delegation},
    NewMember,
    rules::{MemberDefaults, category_of, refuse_when_closed},
};
use crate::{
    access::Operation,
    agenda::document::Precedence,
    database::{Connection, DatabaseError},
    delegations::{DelegationError, actions::authorise_for_delegation},
    registration::{
        RegistrationError,
        admission::{self, AdmissionOutcome},
        context::RequestContext,
        fields::{Field, PERSONAL_FIELDS},
        form::{Question, question::QuestionKind},
        import_table::{self, PeopleTable, Row},
        membership::Membership,
        model::Registration,
        row_name,
        rows::find_live_by_addresses,
        setup::state::SetupState,
    },
    validation::ValidationErrors,
    values::{NameReading, fold},
};

/// The columns of the table besides those of a person and `answers.<question>`.
const COLUMNS: [&str; 3] = ["is_head", "level", "sessions"];
/// The prefix of a column of answers.
const ANSWER_PREFIX: &str = "answers.";
/// The separator of the elements of a list in a cell.
const LIST_SEPARATOR: char = '|';

/// The columns that a table must have: of each group at least one.
pub const REQUIRED_COLUMNS: &[&[&str]] = &[&["family_name", "name", "given_name"], &["email"]];

/// The field that a column has by another name, such as `Nom complet`.
pub fn field_of_column(name: &str) -> Option<&'static str> {
    let folded = fold(name);
    let is_named = |field: &&Field| field.import_columns.contains(&folded.as_str());
    PERSONAL_FIELDS.iter().find(is_named).map(|field| field.name)
}

pub fn is_column(name: &str) -> bool {
    PERSONAL_FIELDS.iter().any(|field| field.name == name) || COLUMNS.contains(&name) || name.starts_with(ANSWER_PREFIX)
}

/// Adds each row as a member and returns how the name of each was read; with `dry_run` it only reports errors.
///
/// # Errors
/// [`RegistrationError::Invalid`] with every error by line and column, including a quota or seats that do not suffice;
/// those of [`super::actions::add`].
pub fn import(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    table: &PeopleTable,
    dry_run: bool,
) -> Result<Vec<NameReading>, DelegationError> {
    let setup_state = lock_setup(connection, context.conference)?;
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::ImportDelegationMembers)?;
    refuse_when_closed(&setup_state, context.released.agenda, &delegation, &actor)?;
    let agenda = context.released.agenda;
    let category = category_of(&setup_state, &delegation)?;
    let questions = setup_state.questions()?;
    let (rows, mut errors) = (&table.rows, table.errors.clone());
    let mut members: Vec<(usize, NewMember)> = Vec::with_capacity(rows.len());
    let mut names = Vec::new();
    for row in rows {
        let mut document = document(row, &questions);
        names.extend(row_name::read(&mut document, row.line));
        match NewMember::read_with(&Value::Object(document), &category, &questions, &setup_state, agenda) {
            Ok(member) => members.push((row.line, member)),
            Err(of_row) => add_row_errors(row.line, of_row, &mut errors),
        }
    }
    let shares_mailbox = delegation.shared_mailbox || setup_state.get_category(delegation.category)?.shared_mailbox;
    check_duplicates(&members, shares_mailbox, &mut errors);
    check_addresses(connection, &delegation, &members, shares_mailbox, &mut errors)?;
    check_capacity(rows, &setup_state, &delegation, &mut errors)?;
    errors.into_result(())?;
    if dry_run {
        return Ok(names);
    }
    let defaults = MemberDefaults::of(&delegation, agenda)?;
    let application = |(_, member): &(usize, NewMember)| {
        let membership = Membership {
            delegation: delegation.id,
            is_head: member.details.is_head.unwrap_or(false),
            level: member.details.level.unwrap_or(Precedence::Other),
        };
        member.application(&category, membership, &defaults, &actor)
    };
    let applications: Vec<_> = members.iter().map(application).collect();
    let admissions =
        admission::register_all(connection, context.conference, context.released, context.secret, &applications)?;
    let outcomes = admissions.outcomes.into_iter().map(|outcome| outcome.and_then(AdmissionOutcome::registered));
    let refused = outcomes.zip(&members).find_map(|(outcome, (line, _))| Some((outcome.err()?, *line)));
    match refused {
        None => Ok(names),
        Some((RegistrationError::Invalid(of_row), line)) => {
            let mut errors = ValidationErrors::default();
            add_row_errors(line, of_row, &mut errors);
            Err(errors.into())
        }
        Some((error, _)) => Err(error.into()),
    }
}

/// Adds the errors of a row, each with its line and column.
fn add_row_errors(line: usize, of_row: ValidationErrors, errors: &mut ValidationErrors) {
    import_table::errors_of_row(line, of_row).for_each(|error| errors.add(error.pointer, &error.code, error.detail));
}

/// The row as the document of a new member: each cell is converted to the type of its column or question.
fn document(row: &Row, questions: &[Question]) -> Map<String, Value> {
    let mut document = Map::new();
    let mut answers = Map::new();
    for (column, cell) in &row.cells {
        if let Some(code) = column.strip_prefix(ANSWER_PREFIX) {
            let question = questions.iter().find(|question| question.code.as_str() == code);
            answers.insert(code.to_owned(), answer(question.map(|question| question.kind), cell));
            continue;
        }
        let value = match column.as_str() {
            "is_head" => yes_or_no(cell),
            "sessions" => list(cell),
            "country" => json!(cell.to_uppercase()),
            _ => json!(cell),
        };
        document.insert(column.clone(), value);
    }
    document.insert("answers".to_owned(), Value::Object(answers));
    // The sender of the table gives the consent for every row.
    document.insert("consent".to_owned(), Value::Bool(true));
    document
}

fn answer(kind: Option<QuestionKind>, cell: &str) -> Value {
    match kind {
        Some(QuestionKind::YesNo) => yes_or_no(cell),
        Some(QuestionKind::MultipleChoice) => list(cell),
        Some(QuestionKind::Number) => cell.parse::<Number>().map_or_else(|_| json!(cell), Value::Number),
        _ => json!(cell),
    }
}

fn yes_or_no(cell: &str) -> Value {
    import_table::yes_or_no(cell).map_or_else(|| json!(cell), Value::Bool)
}

fn list(cell: &str) -> Value {
    cell.split(LIST_SEPARATOR).map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
}

/// Reports people who appear twice, by their address and, if the mailbox may be shared, their name; and a second head.
fn check_duplicates(members: &[(usize, NewMember)], shares_mailbox: bool, errors: &mut ValidationErrors) {
    let mut lines_of_people: HashMap<(String, Option<String>), usize> = HashMap::new();
    let mut head: Option<usize> = None;
    for (line, member) in members {
        let name = shares_mailbox.then(|| folded_name(member));
        if let Some(earlier) = lines_of_people.insert((member.details.email.folded(), name), *line) {
            errors.add(import_table::cell_pointer(*line, "email"), "duplicate", format!("is also in line {earlier}"));
        }
        if member.details.is_head == Some(true)
            && let Some(earlier) = head.replace(*line)
        {
            errors.add(
                import_table::cell_pointer(*line, "is_head"),
                "duplicate",
                format!("line {earlier} is the head already"),
            );
        }
    }
}

fn folded_name(member: &NewMember) -> String {
    // The language of letters says nothing about the name.
    member.details.person("").name_folded()
}

/// Reports people who are registered in the conference already.
fn check_addresses(
    connection: &mut Connection,
    delegation: &Delegation,
    members: &[(usize, NewMember)],
    shares_mailbox: bool,
    errors: &mut ValidationErrors,
) -> Result<(), DatabaseError> {
    let folded: Vec<String> = members.iter().map(|(_, member)| member.details.email.folded()).collect();
    let live = find_live_by_addresses(connection, delegation.conference, &folded)?;
    let mut live_by_address: HashMap<String, Vec<Registration>> = HashMap::new();
    for registration in live {
        if let Some(address) = registration.person.address_folded() {
            live_by_address.entry(address).or_default().push(registration);
        }
    }
    for ((line, member), address) in members.iter().zip(&folded) {
        let mut live = live_by_address.get(address).into_iter().flatten();
        if let Some(other) = live.find(|other| other.excludes(shares_mailbox, &folded_name(member))) {
            let detail = match shares_mailbox || other.shares_mailbox {
                true => "somebody with this name is registered with this address already",
                false => "is registered already",
            };
            errors.add(import_table::cell_pointer(*line, "email"), "already_registered", detail);
        }
    }
    Ok(())
}

/// Reports rows for which the quota has no room, or, where the category has no waiting list, no seat is free.
fn check_capacity(
    rows: &[Row],
    setup_state: &SetupState,
    delegation: &Delegation,
    errors: &mut ValidationErrors,
) -> Result<(), DatabaseError> {
    let count = |free: i64| usize::try_from(free.max(0)).unwrap_or(usize::MAX);
    let free_of_quota = delegation.quota.map_or(usize::MAX, |quota| count(quota - delegation.members));
    for row in rows.iter().skip(free_of_quota) {
        errors.add(format!("line {}", row.line), "delegation_full", "the delegation's quota is used up");
    }
    let category = setup_state.get_category(delegation.category)?;
    if category.needs_approval || category.waiting_list {
        return Ok(());
    }
    let free_of_category = category.seats.map(|seats| seats - category.seats_taken);
    let free_of_conference = setup_state.seats.map(|seats| seats - setup_state.seats_taken);
    let free_seats = [free_of_category, free_of_conference].into_iter().flatten().min().map_or(usize::MAX, count);
    for row in rows.iter().skip(free_seats) {
        errors.add(format!("line {}", row.line), "registration_full", "the seats are taken");
    }
    Ok(())
}
