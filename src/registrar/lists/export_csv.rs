//! Export of registrations as CSV: columns and cells.

use serde_json::Value;

use super::{actions::ListContext, model::RelatedData, row::ListRow};
use crate::{
    agenda::Agenda,
    clock,
    csv_table::TableWriter,
    database::DatabaseError,
    registration::{
        fields::{Field, FieldKind, PERSONAL_FIELDS},
        form::Question,
        session_seats::SignUpState,
    },
};

/// The columns before those of the person.
const BEFORE: [&str; 3] = ["reference", "status", "category"];
/// The columns after those of the person.
const AFTER: [&str; 7] =
    ["sessions", "sessions_waiting", "checked_in", "arrival", "offer_expires_at", "created_at", "updated_at"];

/// Separates several values in a cell.
const BETWEEN: &str = "; ";

/// Names of the columns: the fixed ones, then one for each question of the form.
pub fn header(questions: &[Question]) -> Vec<String> {
    let personal = with_delegation(|field| field.shown, "delegation");
    let fixed = BEFORE.into_iter().chain(personal).chain(AFTER).map(str::to_owned);
    fixed.chain(questions.iter().map(|question| format!("answers.{}", question.code))).collect()
}

/// The row of a registration.
///
/// # Errors
/// Those of [`ListContext::category`].
pub fn row(
    entry: &ListRow,
    beside: &RelatedData,
    facts: &ListContext,
    agenda: &Agenda,
) -> Result<Vec<String>, DatabaseError> {
    let sessions = |waiting: bool| {
        let codes = agenda.sessions.iter().filter(|session| {
            let sign_up = beside.sessions.iter().find(|(id, _)| session.id == Some(*id));
            sign_up.is_some_and(|(_, state)| (*state == SignUpState::Waitlisted) == waiting)
        });
        codes.map(|session| session.code.as_str()).collect::<Vec<_>>().join(BETWEEN)
    };
    let before: [String; BEFORE.len()] =
        [entry.reference.clone(), entry.state.to_string(), facts.category(entry.category_id)?];
    let delegation = beside.delegation.clone().unwrap_or_default();
    let personal = with_delegation(|field| entry.person.text(field).unwrap_or_default(), delegation);
    let after: [String; AFTER.len()] = [
        sessions(false),
        sessions(true),
        yes_or_no(beside.checked_in).to_owned(),
        entry.arrival.to_string(),
        entry.offer_expires_at.map(|at| clock::wire(at.0)).unwrap_or_default(),
        clock::wire(entry.created_at.0),
        clock::wire(entry.updated_at.0),
    ];
    let answers = facts.questions.iter().map(|question| answer(entry.answers.0.get(question.code.as_str())));
    Ok(before.into_iter().chain(personal).chain(after).chain(answers).collect())
}

/// The cells of a person: those of the fields, and that of the delegation after the country.
fn with_delegation<T>(of: impl Fn(&Field) -> T, delegation: T) -> Vec<T> {
    let mut cells: Vec<T> = PERSONAL_FIELDS.iter().map(of).collect();
    let country = PERSONAL_FIELDS.iter().position(|field| field.kind == FieldKind::Country);
    cells.insert(country.map_or(0, |country| country + 1), delegation);
    cells
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn answer(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => yes_or_no(*yes).to_owned(),
        Some(Value::Array(several)) => several.iter().map(|one| answer(Some(one))).collect::<Vec<_>>().join(BETWEEN),
        Some(other) => other.to_string(),
    }
}

/// Rows as CSV.
pub fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut table = TableWriter::default();
    rows.iter().for_each(|row| table.row(row));
    table.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_cell() {
        let shown = |value: Value| answer(Some(&value));
        assert_eq!(shown(serde_json::json!(["vegan", "halal"])), "vegan; halal");
        assert_eq!(shown(serde_json::json!(true)), "yes");
        assert_eq!(shown(serde_json::json!(2.5)), "2.5");
        assert_eq!(answer(None), "");
    }

    #[test]
    fn an_export_has_a_column_for_every_field() {
        let header = header(&[]);
        for field in PERSONAL_FIELDS {
            assert!(header.iter().any(|column| column == field.shown), "{}", field.name);
        }
        let expected = "reference,status,category,honorific,given_name,family_name,email,organisation,position_title,\
                        country,delegation,language,phone";
        assert!(header.join(",").starts_with(expected), "{header:?}");
        assert!(header.join(",").ends_with(
            "birth_date,sessions,sessions_waiting,checked_in,arrival,offer_expires_at,created_at,updated_at"
        ));
    }
}
