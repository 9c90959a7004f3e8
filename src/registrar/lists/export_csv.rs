//! Export of registrations as CSV: columns and cells.

use serde_json::Value;

use super::{actions::ListContext, model::RelatedData, row::ListRow};
use crate::{
    agenda::Agenda,
    clock,
    csv_table::TableWriter,
    database::DatabaseError,
    registration::{
        field_values::FieldKind,
        fields::{Field, PERSONAL_FIELDS},
        form::Question,
        session_seats::SignUpState,
    },
};

/// The columns before those of the person.
const COLUMNS_BEFORE_PERSON: [&str; 3] = ["reference", "status", "category"];
/// The columns after those of the person.
const COLUMNS_AFTER_PERSON: [&str; 7] =
    ["sessions", "sessions_waiting", "checked_in", "arrival", "offer_expires_at", "created_at", "updated_at"];

/// Separates several values in a cell.
const SEPARATOR: &str = "; ";

/// Names of the columns: the fixed ones, then one for each question of the form.
pub fn header(questions: &[Question]) -> Vec<String> {
    let personal = with_delegation(|field| field.output_name, "delegation");
    let columns = COLUMNS_BEFORE_PERSON.into_iter().chain(personal).chain(COLUMNS_AFTER_PERSON).map(str::to_owned);
    columns.chain(questions.iter().map(|question| format!("answers.{}", question.code))).collect()
}

/// The row of a registration.
///
/// # Errors
/// Those of [`ListContext::category_code`].
pub fn row(
    row: &ListRow,
    related: &RelatedData,
    context: &ListContext,
    agenda: &Agenda,
) -> Result<Vec<String>, DatabaseError> {
    let sessions = |is_waiting: bool| {
        let codes = agenda.sessions.iter().filter(|session| {
            let sign_up = related.sessions.iter().find(|(id, _)| session.id == Some(*id));
            sign_up.is_some_and(|(_, state)| (*state == SignUpState::Waitlisted) == is_waiting)
        });
        codes.map(|session| session.code.as_str()).collect::<Vec<_>>().join(SEPARATOR)
    };
    let before: [String; COLUMNS_BEFORE_PERSON.len()] =
        [row.reference.clone(), row.state.to_string(), context.category_code(row.category_id)?];
    let delegation = related.delegation.clone().unwrap_or_default();
    let personal = with_delegation(|field| row.person.text(field).unwrap_or_default(), delegation);
    let after: [String; COLUMNS_AFTER_PERSON.len()] = [
        sessions(false),
        sessions(true),
        yes_or_no(related.checked_in).to_owned(),
        row.arrival.to_string(),
        row.offer_expires_at.map(|at| clock::wire(at.0)).unwrap_or_default(),
        clock::wire(row.created_at.0),
        clock::wire(row.updated_at.0),
    ];
    let answers = context.questions.iter().map(|question| answer(row.answers.0.get(question.code.as_str())));
    Ok(before.into_iter().chain(personal).chain(after).chain(answers).collect())
}

/// The cells of a person: one for each field, and after the country one for the delegation.
fn with_delegation<T>(cell: impl Fn(&Field) -> T, delegation: T) -> Vec<T> {
    let mut cells: Vec<T> = PERSONAL_FIELDS.iter().map(cell).collect();
    let country = PERSONAL_FIELDS.iter().position(|field| field.kind == FieldKind::Country);
    cells.insert(country.map_or(0, |index| index + 1), delegation);
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
        Some(Value::Array(values)) => {
            values.iter().map(|value| answer(Some(value))).collect::<Vec<_>>().join(SEPARATOR)
        }
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
        let cell = |value: Value| answer(Some(&value));
        assert_eq!(cell(serde_json::json!(["vegan", "halal"])), "vegan; halal");
        assert_eq!(cell(serde_json::json!(true)), "yes");
        assert_eq!(cell(serde_json::json!(2.5)), "2.5");
        assert_eq!(answer(None), "");
    }

    #[test]
    fn an_export_has_a_column_for_every_field() {
        let header = header(&[]);
        for field in PERSONAL_FIELDS {
            assert!(header.iter().any(|column| column == field.output_name), "{}", field.name);
        }
        let expected = "reference,status,category,honorific,given_name,family_name,name,latin_name,email,organisation,\
                        position_title,country,delegation,language,phone";
        assert!(header.join(",").starts_with(expected), "{header:?}");
        assert!(header.join(",").ends_with(
            "birth_date,sessions,sessions_waiting,checked_in,arrival,offer_expires_at,created_at,updated_at"
        ));
    }
}
