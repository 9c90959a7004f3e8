//! The conference that a file is imported into, and the document that its draft becomes.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{report::Report, schedule::at};
use crate::{
    agenda::Agenda,
    validation::{ValidationError, ValidationErrors},
    values::{LanguageTag, TimeZone},
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
    /// Lines of the file by JSON pointer of the thing that they define, such as `#/sessions/3`.
    pub(super) lines: HashMap<String, usize>,
}

impl Composed {
    pub(super) fn new(report: Report, counts: Counts) -> Self {
        Self { document: Value::Null, report, counts, lines: HashMap::new() }
    }

    /// Turns faults of the document into faults of the file, where a line of the file causes them.
    pub fn of_file(&self, faults: ValidationErrors) -> ValidationErrors {
        let in_file = |fault: ValidationError| {
            let parts: Vec<&str> = fault.pointer.splitn(4, '/').collect();
            let thing = parts.iter().take(3).copied().collect::<Vec<_>>().join("/");
            match self.lines.get(&thing) {
                Some(line) => {
                    let rest = parts.get(3).copied().unwrap_or_default();
                    ValidationError::at(at(*line), &fault.code, format!("{rest} {}", fault.detail).trim().to_owned())
                }
                // A file describes the conference at its beginning.
                None => match fault.pointer.strip_prefix("#/conference/") {
                    Some(member) => {
                        ValidationError::at(at(1), &fault.code, format!("conference {member} {}", fault.detail))
                    }
                    None => fault,
                },
            }
        };
        ValidationErrors(faults.0.into_iter().map(in_file).collect())
    }

    pub(super) fn asked_for(&mut self, list: &str, codes: &[String], lines: &HashMap<String, usize>) {
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
