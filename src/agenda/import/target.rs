//! The conference that a file is imported into, and the document that its draft becomes.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::report::Report;
use crate::{
    agenda::Agenda,
    csv_table::line_pointer,
    validation::{ValidationError, ValidationErrors},
    values::{LanguageTag, NameReading, TimeZone},
};

/// Number of things in an imported file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub struct Counts {
    /// Number of days.
    pub days: usize,
    /// Number of rooms.
    pub rooms: usize,
    /// Number of tracks.
    pub tracks: usize,
    /// Number of sessions.
    pub sessions: usize,
    /// Number of speakers.
    pub speakers: usize,
}

/// The document of the new draft.
#[derive(Debug)]
pub struct Composed {
    /// Input of [`crate::agenda::model::read`].
    pub document: Value,
    pub report: Report,
    pub counts: Counts,
    /// How the name of each person in the file was read.
    pub names: Vec<NameReading>,
    /// Lines of the file by JSON pointer of the thing that they define, such as `#/sessions/3`.
    pub(super) lines: HashMap<String, usize>,
}

impl Composed {
    pub(super) fn new(report: Report, counts: Counts, names: Vec<NameReading>) -> Self {
        Self { document: Value::Null, report, counts, names, lines: HashMap::new() }
    }

    /// Turns errors of the document into errors of the file, where a line of the file causes them.
    pub fn locate_in_file(&self, errors: ValidationErrors) -> ValidationErrors {
        let locate = |error: ValidationError| {
            let parts: Vec<&str> = error.pointer.splitn(4, '/').collect();
            let thing = parts.iter().take(3).copied().collect::<Vec<_>>().join("/");
            match self.lines.get(&thing) {
                Some(line) => {
                    let field = parts.get(3).copied().unwrap_or_default();
                    ValidationError::at(
                        line_pointer(*line),
                        &error.code,
                        format!("{field} {}", error.detail).trim().to_owned(),
                    )
                }
                // A file describes the conference at its beginning.
                None => match error.pointer.strip_prefix("#/conference/") {
                    Some(member) => ValidationError::at(
                        line_pointer(1),
                        &error.code,
                        format!("conference {member} {}", error.detail),
                    ),
                    None => error,
                },
            }
        };
        ValidationErrors(errors.0.into_iter().map(locate).collect())
    }

    pub(super) fn record_lines(&mut self, list: &str, codes: &[String], lines: &HashMap<String, usize>) {
        for (index, code) in codes.iter().enumerate() {
            self.lines.extend(lines.get(code).map(|line| (format!("#/{list}/{index}"), *line)));
        }
    }
}

/// The conference that a file is imported into.
pub struct Target<'a> {
    /// Its draft; `None` for a new conference.
    pub draft: Option<&'a Agenda>,
    /// Language of texts for which the file names none.
    pub language: String,
    pub languages: Vec<LanguageTag>,
    pub zone: TimeZone,
}

/// The draft as a JSON document; empty without a draft.
pub fn document(draft: Option<&Agenda>) -> Map<String, Value> {
    match serde_json::to_value(draft) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
