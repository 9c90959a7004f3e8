//! Registrations as a table for spreadsheets.

use csv::{Terminator, WriterBuilder};
use serde_json::Value;

use super::{actions::Facts, model::Beside, store::Entry};
use crate::{agenda::Agenda, clock, registration::form::Question};

const COLUMNS: [&str; 23] = [
    "reference",
    "status",
    "category",
    "honorific",
    "given_name",
    "family_name",
    "email",
    "organisation",
    "position_title",
    "country",
    "delegation",
    "language",
    "phone",
    "accessibility_needs",
    "dietary_needs",
    "birth_date",
    "sessions",
    "sessions_waiting",
    "checked_in",
    "arrival",
    "offer_expires_at",
    "created_at",
    "updated_at",
];

/// Between the values of a cell that has several.
const BETWEEN: &str = "; ";

/// The names of the columns: those that every registration has, then one for each question of the form.
pub fn header(questions: &[Question]) -> Vec<String> {
    let fixed = COLUMNS.iter().map(|name| (*name).to_owned());
    fixed.chain(questions.iter().map(|question| format!("answers.{}", question.code))).collect()
}

/// The cells of a registration.
pub fn row(entry: &Entry, beside: &Beside, facts: &Facts, agenda: &Agenda) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let sessions = |waiting: bool| {
        let codes = agenda.sessions.iter().filter(|session| {
            let sign_up = beside.sessions.iter().find(|(id, _)| session.id == Some(*id));
            sign_up.is_some_and(|(_, state)| (state == "waitlisted") == waiting)
        });
        codes.map(|session| session.code.as_str()).collect::<Vec<_>>().join(BETWEEN)
    };
    let fixed: [String; COLUMNS.len()] = [
        entry.reference.clone(),
        entry.state.clone(),
        facts.category(entry.category_id),
        text(&entry.honorific),
        entry.given_name.clone(),
        entry.family_name.clone(),
        entry.email.clone(),
        text(&entry.organisation),
        text(&entry.position),
        text(&entry.country),
        text(&beside.delegation),
        entry.language.clone(),
        text(&entry.phone),
        text(&entry.accessibility_needs),
        text(&entry.dietary_needs),
        entry.birth_date.map(|date| date.to_string()).unwrap_or_default(),
        sessions(false),
        sessions(true),
        yes_or_no(beside.checked_in).to_owned(),
        entry.arrival.to_string(),
        entry.offer_expires_at.map(|at| clock::wire(at.0)).unwrap_or_default(),
        clock::wire(entry.created_at.0),
        clock::wire(entry.updated_at.0),
    ];
    let answers = facts.questions.iter().map(|question| answer(entry.answers.0.get(question.code.as_str())));
    fixed.into_iter().chain(answers).collect()
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

/// Rows as CSV: UTF-8 with CRLF (RFC 4180).
pub fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Memory takes all that is written to it.
        let _ = table.write_record(row.iter().map(|cell| safe(cell).into_owned()));
    }
    table.into_inner().unwrap_or_default()
}

/// A cell that no spreadsheet takes for a formula.
pub fn safe(cell: &str) -> std::borrow::Cow<'_, str> {
    // Spreadsheets of East Asian locales read the wide forms, too.
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(safe(formula), format!("'{formula}"));
        }
        for plain in ["", "a=1", "'=1", "日本", " x"] {
            assert_eq!(safe(plain), plain);
        }
    }

    #[test]
    fn an_answer_is_one_cell() {
        let shown = |value: Value| answer(Some(&value));
        assert_eq!(shown(serde_json::json!(["vegan", "halal"])), "vegan; halal");
        assert_eq!(shown(serde_json::json!(true)), "yes");
        assert_eq!(shown(serde_json::json!(2.5)), "2.5");
        assert_eq!(answer(None), "");
    }
}
