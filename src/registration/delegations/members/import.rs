//! Members from a table: all of them, or none.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value, json};

use super::{
    super::{
        Membership,
        actions::{enter, lock},
        store::Delegation,
    },
    NewMember, category_of, refuse_when_closed, spoken,
};
use crate::{
    agenda::document::Precedence,
    database::Connection,
    faults::Faults,
    registration::{
        RegistrationError,
        actions::Errand,
        form::{Question, question::QuestionKind},
        intake,
        setup::store::Standing,
        store::live_of_addresses,
        table::{self, People, Row},
    },
};

/// The columns of the table beside `answers.<question>`.
const COLUMNS: [&str; 15] = [
    "honorific",
    "given_name",
    "family_name",
    "email",
    "organisation",
    "position",
    "country",
    "language",
    "phone",
    "accessibility_needs",
    "dietary_needs",
    "birth_date",
    "is_head",
    "level",
    "sessions",
];
/// What a column of answers begins with.
const ANSWERS: &str = "answers.";
/// What parts the elements of a list in a cell.
const BETWEEN: char = '|';

/// The columns that must be there.
pub const REQUIRED: [&str; 3] = ["given_name", "family_name", "email"];

/// Whether the table may have this column.
pub fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name) || name.starts_with(ANSWERS)
}

/// Adds each row as a member; with `dry_run`, says what is wrong and adds nobody. Answers how many rows there are.
///
/// # Errors
/// [`RegistrationError::Invalid`] with every fault by line and column, the quota's and the seats' among them; those of
/// [`super::actions::add`].
pub fn import(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    people: &People,
    dry_run: bool,
) -> Result<usize, RegistrationError> {
    let standing = lock(connection, errand.place)?;
    let (delegation, actor) = enter(connection, errand, code, "import_delegation_members")?;
    refuse_when_closed(&standing, &delegation, &actor)?;
    let agenda = errand.released.agenda;
    let category = category_of(&standing, &delegation)?;
    let questions = standing.questions()?;
    let (rows, mut found) = (&people.rows, people.faults.clone());
    let mut members: Vec<(usize, NewMember)> = Vec::with_capacity(rows.len());
    for row in rows {
        match NewMember::read_with(&document(row, &questions), &category, &questions, &standing, agenda) {
            Ok(member) => members.push((row.line, member)),
            Err(faults) => place(row.line, faults, &mut found),
        }
    }
    check_each_other(&members, &mut found);
    check_addresses(connection, &delegation, &members, &mut found)?;
    check_room(rows, &standing, &delegation, &mut found);
    found.or(())?;
    if dry_run {
        return Ok(rows.len());
    }
    let spoken = spoken(&delegation, agenda)?;
    let application = |(_, member): &(usize, NewMember)| {
        let membership = Membership {
            delegation: delegation.id,
            is_head: member.details.is_head.unwrap_or(false),
            level: member.details.level.unwrap_or(Precedence::Other),
        };
        member.application(&category, membership, &spoken, &actor)
    };
    let applications: Vec<_> = members.iter().map(application).collect();
    let taken = intake::register_all(connection, errand.place, errand.released, errand.secret, &applications)?;
    let refused =
        taken.outcomes.into_iter().zip(&members).find_map(|(outcome, (line, _))| Some((outcome.err()?, *line)));
    match refused {
        None => Ok(rows.len()),
        Some((RegistrationError::Invalid(faults), line)) => {
            let mut found = Faults::default();
            place(line, faults, &mut found);
            Err(found.into())
        }
        Some((error, _)) => Err(error),
    }
}

fn place(line: usize, faults: Faults, found: &mut Faults) {
    table::of_row(line, faults).for_each(|fault| found.add(fault.pointer, &fault.code, fault.detail));
}

/// A row as a member's document: what a cell holds is what its column or question takes.
fn document(row: &Row, questions: &[Question]) -> Value {
    let mut document = Map::new();
    let mut answers = Map::new();
    for (column, cell) in &row.cells {
        if let Some(code) = column.strip_prefix(ANSWERS) {
            let question = questions.iter().find(|question| question.code.as_str() == code);
            answers.insert(code.to_owned(), answer(question.map(|question| question.kind), cell));
            continue;
        }
        let value = match column.as_str() {
            "is_head" => switch(cell),
            "sessions" => list(cell),
            "country" => json!(cell.to_uppercase()),
            _ => json!(cell),
        };
        document.insert(column.clone(), value);
    }
    document.insert("answers".to_owned(), Value::Object(answers));
    // Whoever sends the table says so for all of it.
    document.insert("consent".to_owned(), Value::Bool(true));
    Value::Object(document)
}

fn answer(kind: Option<QuestionKind>, cell: &str) -> Value {
    match kind {
        Some(QuestionKind::YesNo) => switch(cell),
        Some(QuestionKind::MultipleChoice) => list(cell),
        Some(QuestionKind::Number) => cell.parse::<Number>().map_or_else(|_| json!(cell), Value::Number),
        _ => json!(cell),
    }
}

fn switch(cell: &str) -> Value {
    table::yes_or_no(cell).map_or_else(|| json!(cell), Value::Bool)
}

fn list(cell: &str) -> Value {
    cell.split(BETWEEN).map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
}

/// One address once, and one head.
fn check_each_other(members: &[(usize, NewMember)], found: &mut Faults) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut head: Option<usize> = None;
    for (line, member) in members {
        if let Some(earlier) = seen.insert(member.details.email.folded(), *line) {
            found.add(table::cell(*line, "email"), "duplicate", format!("stands also in line {earlier}"));
        }
        if member.details.is_head == Some(true)
            && let Some(earlier) = head.replace(*line)
        {
            found.add(table::cell(*line, "is_head"), "duplicate", format!("line {earlier} is the head already"));
        }
    }
}

/// No address is registered already: here, or elsewhere in the conference.
fn check_addresses(
    connection: &mut Connection,
    delegation: &Delegation,
    members: &[(usize, NewMember)],
    found: &mut Faults,
) -> Result<(), RegistrationError> {
    let folded: Vec<String> = members.iter().map(|(_, member)| member.details.email.folded()).collect();
    let live = live_of_addresses(connection, delegation.conference, &folded)?;
    let live: HashSet<String> = live.iter().map(|registration| registration.email.folded()).collect();
    for ((line, _), address) in members.iter().zip(&folded) {
        if live.contains(address) {
            found.add(table::cell(*line, "email"), "already_registered", "is registered already");
        }
    }
    Ok(())
}

/// The quota has room for every row; so have the seats, where nobody can wait for one.
fn check_room(rows: &[Row], standing: &Standing, delegation: &Delegation, found: &mut Faults) {
    let room = |limit: i64| usize::try_from(limit.max(0)).unwrap_or(usize::MAX);
    let left = delegation.quota.map_or(usize::MAX, |quota| room(quota - delegation.members));
    for row in rows.iter().skip(left) {
        found.add(format!("line {}", row.line), "delegation_full", "the delegation's quota is used up");
    }
    let category = standing.category_by_id(delegation.category);
    let Some(category) = category.filter(|category| !category.needs_approval && !category.waiting_list) else { return };
    let of_category = category.seats.map(|seats| seats - category.seats_taken);
    let of_conference = standing.seats.map(|seats| seats - standing.seats_taken);
    let seats = [of_category, of_conference].into_iter().flatten().min().map_or(usize::MAX, room);
    for row in rows.iter().skip(seats) {
        found.add(format!("line {}", row.line), "registration_full", "the seats are taken");
    }
}
