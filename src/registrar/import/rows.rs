//! Reads the rows of a table as registration forms.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{ImportOptions, ImportedStatus, columns::Columns};
use crate::{
    agenda::{Agenda, import::text},
    csv_table::{self, INNER_ROW, LINE_BREAK, Row, Table},
    registration::{
        field_values::{FieldKind, read_form},
        fields::{Field, PERSONAL_FIELDS},
        form::{Question, question::QuestionKind},
        import_table::{has_address, yes_or_no},
        model::Form,
        row_name,
        setup::state::{CategoryState, SetupState},
    },
    validation::ValidationErrors,
    values::{Code, LanguageTag, NameReading, fold, name_key},
};

/// Limit of rows in a table.
const ROWS_MAX: usize = 50_000;

/// A table after reading.
#[derive(Debug, Default)]
pub struct ParsedTable {
    pub columns: Columns,
    /// Rows without a validation error of their own.
    pub rows: Vec<ImportRow>,
    /// How the name of each row was read.
    pub names: Vec<NameReading>,
    /// Number of all rows.
    pub row_count: usize,
    /// Validation errors of the other rows.
    pub errors: ValidationErrors,
}

/// A row that could be read.
#[derive(Debug)]
pub struct ImportRow {
    /// Number of the row in a spreadsheet.
    pub number: usize,
    pub form: Form,
    /// Language of letters.
    pub language: LanguageTag,
    pub status: ImportedStatus,
    /// Id in the other system.
    pub external_id: Option<String>,
}

/// Reads a table of registrations.
///
/// # Errors
/// The text is no table in UTF-8. Errors of single rows are in [`ParsedTable::errors`].
pub fn read(
    bytes: &[u8],
    options: &ImportOptions,
    setup_state: &SetupState,
    questions: &[Question],
    agenda: &Agenda,
) -> Result<ParsedTable, ValidationErrors> {
    let table = Table::open(decoded(bytes)?)?;
    let mut errors = ValidationErrors::default();
    let columns = Columns::of(&table.header, &options.map, questions, &mut errors);
    if !errors.0.is_empty() {
        return Ok(ParsedTable { columns, errors, ..ParsedTable::default() });
    }
    let reader = Reader { columns: &columns, options, setup_state, questions, agenda };
    let (mut rows, mut names, mut row_count) = (Vec::new(), Vec::new(), 0);
    // Where people share a mailbox, their names tell them apart.
    let mut rows_of_people: HashMap<(String, Option<String>), usize> = HashMap::new();
    let name_in_mailbox = |row: &ImportRow| {
        let category = setup_state.category(row.form.category.as_str());
        let is_shared = category.is_some_and(|category| category.shared_mailbox);
        is_shared.then(|| name_key(&row.form.person(row.language.as_str()).name_folded()))
    };
    table.for_each_row(ROWS_MAX, "registrations", &mut errors, |row, errors| {
        row_count += 1;
        if row.inner_row(|cells| has_address(cells, columns.index_of("email"))).is_some() {
            return errors.add(format!("row {}", row.row), INNER_ROW.0, INNER_ROW.1);
        }
        let Some(read) = reader.read_row(row, &mut names, errors) else { return };
        if read.status != ImportedStatus::Cancelled
            && let Some(first) = rows_of_people.insert((read.form.email.folded(), name_in_mailbox(&read)), read.number)
        {
            let detail = format!("row {first} has this address already");
            return errors.add(columns.error_position(read.number, "email"), "duplicate", detail);
        }
        rows.push(read);
    });
    Ok(ParsedTable { columns, rows, names, row_count, errors })
}

/// Only UTF-8 is read: guessing another encoding would corrupt names.
fn decoded(bytes: &[u8]) -> Result<&str, ValidationErrors> {
    csv_table::text(bytes).map_err(|mut errors| {
        for error in &mut errors.0 {
            error.pointer = error.pointer.replace("line", "row");
            error.detail = "is not UTF-8 (Windows-1252?): save the table as \"CSV UTF-8\"".to_owned();
        }
        errors
    })
}

struct Reader<'a> {
    columns: &'a Columns,
    options: &'a ImportOptions,
    setup_state: &'a SetupState,
    questions: &'a [Question],
    agenda: &'a Agenda,
}

impl Reader<'_> {
    fn read_row(&self, row: &Row, names: &mut Vec<NameReading>, errors: &mut ValidationErrors) -> Option<ImportRow> {
        let errors_before = errors.0.len();
        let cell = |field: &str| row.cell(self.columns.index_of(field)?);
        let position = |field: &str| self.columns.error_position(row.row, field);
        let mut document = Map::new();
        let is_one_line = |field: &&Field| {
            matches!(field.kind, FieldKind::Line | FieldKind::Email | FieldKind::Phone | FieldKind::Date)
        };
        for field in PERSONAL_FIELDS.iter().filter(is_one_line).map(|field| field.name) {
            if cell(field).is_some_and(|text| text.contains(['\n', '\r'])) {
                errors.add(position(field), LINE_BREAK.0, LINE_BREAK.1);
            }
        }
        for field in PERSONAL_FIELDS {
            let Some(text) = cell(field.name) else { continue };
            let value = match field.kind {
                FieldKind::Line | FieldKind::Email | FieldKind::Phone | FieldKind::Date => line(text),
                FieldKind::Prose => text.replace("\r\n", "\n"),
                FieldKind::Country => text.to_uppercase(),
                FieldKind::Language => text.replace('_', "-"),
            };
            document.insert(field.name.to_owned(), json!(value));
        }
        names.extend(row_name::read(&mut document, row.row));
        if let Some(sessions) = cell("sessions") {
            document.insert("sessions".to_owned(), json!(list_items(sessions)));
        }
        match self.category(cell("category")) {
            Ok(code) => _ = document.insert("category".to_owned(), json!(code)),
            Err(detail) => errors.add(position("category"), "unknown_reference", detail),
        }
        let answers: Map<String, Value> = self
            .columns
            .answers()
            .filter_map(|(code, index)| {
                let question = self.questions.iter().find(|question| question.code.as_str() == code)?;
                Some((code.to_owned(), answer(question, row.cell(index)?)))
            })
            .collect();
        document.insert("answers".to_owned(), Value::Object(answers));
        document.insert("consent".to_owned(), json!(true));
        let status = match cell("status").map(parse_status) {
            None => Some(self.options.status),
            Some(Some(status)) => Some(status),
            Some(None) => {
                let detail = format!("must be one of {}", ImportedStatus::TEXTS.join(", "));
                errors.add(position("status"), "unknown_value", detail);
                None
            }
        };
        let has_category = document.contains_key("category");
        let form = match read_form::<Form>(Value::Object(document)) {
            Ok(form) if !crate::mail::is_deliverable(form.email.as_str()) => {
                errors.add(position("email"), "invalid_email", "must be an address that mail can be sent to");
                None
            }
            Ok(form) => Some(form),
            Err(of_form) => {
                for error in of_form.0.into_iter().filter(|error| has_category || error.pointer != "#/category") {
                    errors.add(position(field_of(&error.pointer)), &error.code, error.detail);
                }
                None
            }
        };
        let languages = &self.agenda.conference.languages;
        let language = self.options.language.as_ref().or_else(|| languages.first()).cloned()?;
        let external_id = cell("external_id").map(line);
        let read = ImportRow { number: row.row, form: form?, language, status: status?, external_id };
        (errors.0.len() == errors_before).then_some(read)
    }

    /// The category that a cell names, by its code or by its name in any language.
    fn category(&self, cell: Option<&str>) -> Result<Code, String> {
        let categories = &self.setup_state.categories;
        let Some(text) = cell else {
            let only = match categories.as_slice() {
                [only] => Some(&only.code),
                _ => None,
            };
            let default = self.options.category.as_ref().or(only);
            return default.cloned().ok_or_else(|| "the row has no category and none is given: ?category=".to_owned());
        };
        let folded = fold(text);
        let is_named = |category: &&CategoryState| {
            fold(category.code.as_str()) == folded || category.name.map().values().any(|name| fold(name) == folded)
        };
        categories.iter().find(is_named).map(|category| category.code.clone()).ok_or_else(|| {
            let codes: Vec<_> = categories.iter().map(|category| category.code.as_str()).collect();
            format!("is no category: must be one of {}", codes.join(", "))
        })
    }
}

/// The field in the pointer of a form's validation error.
pub fn field_of(pointer: &str) -> &str {
    // Only answers are a level deeper; their columns have the names of their questions.
    let path = pointer.trim_start_matches("#/");
    path.split('/').next().unwrap_or_default()
}

/// The text as one line, in NFC. Characters that are not allowed stay: the form refuses them.
fn line(text: &str) -> String {
    text::one_line(text)
}

fn list_items(text: &str) -> Vec<String> {
    text.split(['|', ';', ',', '\n']).map(line).filter(|item| !item.is_empty()).collect()
}

/// A status in the words of pretix, Indico and Eventbrite.
fn parse_status(text: &str) -> Option<ImportedStatus> {
    Some(match fold(text).as_str() {
        "confirmed" | "paid" | "complete" | "completed" | "attending" | "checked in" | "approved" | "accepted"
        | "registered" | "valid" => ImportedStatus::Confirmed,
        "waitlisted" | "waiting" | "waiting list" | "on waiting list" | "waitlist" => ImportedStatus::Waitlisted,
        "pending" | "awaiting moderation" | "awaiting approval" | "approval pending" => ImportedStatus::Pending,
        "cancelled" | "canceled" | "withdrawn" | "not attending" | "refunded" | "deleted" => ImportedStatus::Cancelled,
        _ => return None,
    })
}

/// A cell as the answer to a question. A cell that is no valid answer stays as it is; the form refuses it.
fn answer(question: &Question, cell: &str) -> Value {
    let option = |text: &str| {
        let folded = fold(text);
        let mut options = question.options.iter();
        let option = options.find(|option| {
            fold(option.code.as_str()) == folded || option.label.map().values().any(|label| fold(label) == folded)
        });
        option.map_or_else(|| text.to_owned(), |option| option.code.to_string())
    };
    match question.kind {
        QuestionKind::SingleChoice => json!(option(cell)),
        QuestionKind::MultipleChoice => list_items(cell).iter().map(|item| json!(option(item))).collect(),
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
