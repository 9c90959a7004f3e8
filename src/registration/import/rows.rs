//! The rows of a table as registrations.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{ImportedStatus, Wish, columns::Columns};
use crate::{
    agenda::{
        Agenda,
        import::{
            report::Report,
            table::{INNER_ROW, LINE_BREAK, Row, Table, text},
            text,
        },
    },
    faults::{self, Faults},
    registration::{
        form::{Question, question::QuestionKind},
        model::{Form, fold},
        setup::store::{CategoryStanding, Standing},
        table::{has_address, yes_or_no},
    },
    values::{Code, LanguageTag},
};

/// The most rows of one table.
const ROWS_MAX: usize = 50_000;

/// A table that was read.
#[derive(Debug, Default)]
pub struct File {
    /// What the columns are.
    pub columns: Columns,
    /// The rows that can be imported by themselves.
    pub rows: Vec<Person>,
    /// How many rows there are.
    pub count: usize,
    /// What is wrong with the others.
    pub faults: Faults,
}

/// A row that could be read.
#[derive(Debug)]
pub struct Person {
    /// Its row in a spreadsheet.
    pub row: usize,
    /// The form, filled from the cells of the row.
    pub form: Form,
    /// The language of what is written to them.
    pub language: LanguageTag,
    /// Where they stand.
    pub status: ImportedStatus,
    /// What the other system calls it.
    pub external_id: Option<String>,
}

/// Reads a table of registrations.
///
/// # Errors
/// It is no table.
pub fn read(
    bytes: &[u8],
    wish: &Wish,
    standing: &Standing,
    questions: &[Question],
    agenda: &Agenda,
) -> Result<File, Faults> {
    let table = Table::open(decoded(bytes)?)?;
    let mut faults = Faults::default();
    let columns = Columns::of(&table.header, &wish.map, questions, &mut faults);
    if !faults.0.is_empty() {
        return Ok(File { columns, faults, ..File::default() });
    }
    let reader = Reader { columns: &columns, wish, standing, questions, agenda };
    let (mut rows, mut count) = (Vec::new(), 0);
    let mut seen: HashMap<String, usize> = HashMap::new();
    table.each(ROWS_MAX, "registrations", &mut faults, |row, faults| {
        count += 1;
        if row.inner_row(|cells| has_address(cells, columns.place("email"))).is_some() {
            return faults.add(format!("row {}", row.row), INNER_ROW.0, INNER_ROW.1);
        }
        let Some(person) = reader.person(row, faults) else { return };
        if person.status != ImportedStatus::Cancelled
            && let Some(first) = seen.insert(person.form.email.folded(), person.row)
        {
            let detail = format!("row {first} has this address already");
            return faults.add(columns.at(person.row, "email"), "duplicate", detail);
        }
        rows.push(person);
    });
    Ok(File { columns, rows, count, faults })
}

/// Other encodings than UTF-8 are not guessed: a guess writes names wrong.
fn decoded(bytes: &[u8]) -> Result<&str, Faults> {
    text(bytes).map_err(|mut faults| {
        for fault in &mut faults.0 {
            fault.pointer = fault.pointer.replace("line", "row");
            fault.detail = "is not UTF-8 (Windows-1252?): save the table as \"CSV UTF-8\"".to_owned();
        }
        faults
    })
}

struct Reader<'a> {
    columns: &'a Columns,
    wish: &'a Wish,
    standing: &'a Standing,
    questions: &'a [Question],
    agenda: &'a Agenda,
}

impl Reader<'_> {
    fn person(&self, row: &Row, faults: &mut Faults) -> Option<Person> {
        let before = faults.0.len();
        let cell = |field: &str| row.cell(self.columns.place(field)?);
        let at = |field: &str| self.columns.at(row.row, field);
        let mut sent = Map::new();
        const LINES: [&str; 5] = ["honorific", "organisation", "position", "phone", "email"];
        for field in LINES.into_iter().chain(["given_name", "family_name", "birth_date", "name"]) {
            if cell(field).is_some_and(|text| text.contains(['\n', '\r'])) {
                faults.add(at(field), LINE_BREAK.0, LINE_BREAK.1);
            }
        }
        for field in LINES.into_iter().chain(["given_name", "family_name", "birth_date"]) {
            if let Some(text) = cell(field) {
                sent.insert(field.to_owned(), json!(line(text)));
            }
        }
        for field in ["accessibility_needs", "dietary_needs"] {
            if let Some(text) = cell(field) {
                sent.insert(field.to_owned(), json!(text.replace("\r\n", "\n")));
            }
        }
        if let (None, Some(name)) = (cell("family_name"), cell("name")) {
            let (given_name, family_name) = text::names(name, &mut Report::default(), None);
            // Whoever has one name alone is called by it.
            sent.insert("given_name".to_owned(), json!(given_name.unwrap_or_else(|| family_name.clone())));
            sent.insert("family_name".to_owned(), json!(family_name));
        }
        if let Some(country) = cell("country") {
            sent.insert("country".to_owned(), json!(country.to_uppercase()));
        }
        let language = cell("language").map(|text| text.replace('_', "-"));
        if let Some(language) = &language {
            sent.insert("language".to_owned(), json!(language));
        }
        if let Some(sessions) = cell("sessions") {
            sent.insert("sessions".to_owned(), json!(parts(sessions)));
        }
        match self.category(cell("category")) {
            Ok(code) => _ = sent.insert("category".to_owned(), json!(code)),
            Err(detail) => faults.add(at("category"), "unknown_reference", detail),
        }
        let answers: Map<String, Value> = self
            .columns
            .answers()
            .filter_map(|(code, place)| {
                let question = self.questions.iter().find(|question| question.code.as_str() == code)?;
                Some((code.to_owned(), answer(question, row.cell(place)?)))
            })
            .collect();
        sent.insert("answers".to_owned(), Value::Object(answers));
        sent.insert("consent".to_owned(), json!(true));
        let status = match cell("status").map(status) {
            None => Some(self.wish.status),
            Some(Some(status)) => Some(status),
            Some(None) => {
                let detail = format!("must be one of {}", ImportedStatus::WORDS.join(", "));
                faults.add(at("status"), "unknown_value", detail);
                None
            }
        };
        let has_category = sent.contains_key("category");
        let form = match faults::read::<Form>(Value::Object(sent)) {
            Ok(form) if !crate::mail::is_deliverable(form.email.as_str()) => {
                faults.add(at("email"), "invalid_email", "must be an address that mail can be sent to");
                None
            }
            Ok(form) => Some(form),
            Err(found) => {
                for fault in found.0.into_iter().filter(|fault| has_category || fault.pointer != "#/category") {
                    faults.add(at(field_of(&fault.pointer)), &fault.code, fault.detail);
                }
                None
            }
        };
        let languages = &self.agenda.conference.languages;
        let language = self.wish.language.as_ref().or_else(|| languages.first()).cloned()?;
        let external_id = cell("external_id").map(line);
        let person = Person { row: row.row, form: form?, language, status: status?, external_id };
        (faults.0.len() == before).then_some(person)
    }

    /// The category that a cell names, by its code or in any language.
    fn category(&self, cell: Option<&str>) -> Result<Code, String> {
        let categories = &self.standing.categories;
        let Some(text) = cell else {
            let only = match categories.as_slice() {
                [only] => Some(&only.code),
                _ => None,
            };
            let found = self.wish.category.as_ref().or(only);
            return found.cloned().ok_or_else(|| "the row has no category and none is given: ?category=".to_owned());
        };
        let word = fold(text);
        let is_meant = |category: &&CategoryStanding| {
            fold(category.code.as_str()) == word || category.name.map().values().any(|name| fold(name) == word)
        };
        categories.iter().find(is_meant).map(|category| category.code.clone()).ok_or_else(|| {
            let codes: Vec<_> = categories.iter().map(|category| category.code.as_str()).collect();
            format!("is no category: must be one of {}", codes.join(", "))
        })
    }
}

/// The field that a fault of a form points at.
pub fn field_of(pointer: &str) -> &str {
    // Only answers are a level deeper, and their columns are called after their questions.
    let path = pointer.trim_start_matches("#/");
    path.split('/').next().unwrap_or_default()
}

/// A text of one line: composed, without what must not stand in it.
fn line(text: &str) -> String {
    text::line(text, usize::MAX, &mut Report::default(), None)
}

fn parts(text: &str) -> Vec<String> {
    text.split(['|', ';', ',', '\n']).map(line).filter(|part| !part.is_empty()).collect()
}

/// Where a registration stood, in the words of pretix, Indico and Eventbrite.
fn status(text: &str) -> Option<ImportedStatus> {
    Some(match fold(text).as_str() {
        "confirmed" | "paid" | "complete" | "completed" | "attending" | "checked in" | "approved" | "accepted"
        | "registered" | "valid" => ImportedStatus::Confirmed,
        "waitlisted" | "waiting" | "waiting list" | "on waiting list" | "waitlist" => ImportedStatus::Waitlisted,
        "pending" | "awaiting moderation" | "awaiting approval" | "approval pending" => ImportedStatus::Pending,
        "cancelled" | "canceled" | "withdrawn" | "not attending" | "refunded" | "deleted" => ImportedStatus::Cancelled,
        _ => return None,
    })
}

/// A cell as the answer to a question; what is none is left as it is, for the form to refuse.
fn answer(question: &Question, cell: &str) -> Value {
    let option = |text: &str| {
        let word = fold(text);
        let mut options = question.options.iter();
        let found = options.find(|option| {
            fold(option.code.as_str()) == word || option.label.map().values().any(|label| fold(label) == word)
        });
        found.map_or_else(|| text.to_owned(), |option| option.code.to_string())
    };
    match question.kind {
        QuestionKind::SingleChoice => json!(option(cell)),
        QuestionKind::MultipleChoice => parts(cell).iter().map(|part| json!(option(part))).collect(),
        QuestionKind::YesNo => yes_or_no(cell).map_or_else(|| json!(cell), Value::Bool),
        QuestionKind::Number => cell
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| cell.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_| json!(cell)),
        QuestionKind::Country => json!(cell.to_uppercase()),
        QuestionKind::LongText => json!(cell.replace("\r\n", "\n")),
        _ => json!(line(cell)),
    }
}
