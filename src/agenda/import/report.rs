//! What an import could not represent, or understood in its own way: one note a kind, with how often and where.

use serde::Serialize;
use utoipa::ToSchema;

/// The most kinds of notes of one file.
const NOTES_MAX: usize = 200;
/// The most lines that one note names.
const LINES_MAX: usize = 20;

/// One kind of thing that the file says and the agenda does not, or not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportNote)]
pub struct Note {
    /// A stable word for a program: `not_kept`, `html`, `time_zone`, ...
    pub code: String,
    /// What happened to it, for a person.
    pub detail: String,
    /// How often.
    pub count: usize,
    /// The first lines of the file where it stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub lines: Vec<usize>,
}

/// The notes of one file, in the order in which they were first needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report(pub Vec<Note>);

impl Report {
    /// Notes one thing; equal ones are counted.
    pub fn note(&mut self, code: &str, detail: impl AsRef<str>, line: Option<usize>) {
        let detail = detail.as_ref();
        let found = self.0.iter_mut().find(|note| note.code == code && note.detail == detail);
        if let Some(note) = found {
            note.count += 1;
            note.lines.extend(line.filter(|line| note.lines.len() < LINES_MAX && note.lines.last() != Some(line)));
        } else if self.0.len() < NOTES_MAX {
            let lines = line.into_iter().collect();
            self.0.push(Note { code: code.to_owned(), detail: detail.to_owned(), count: 1, lines });
        } else if detail != MORE {
            self.0.truncate(NOTES_MAX - 1);
            self.note("more", MORE, line);
        }
    }
}

const MORE: &str = "there are more kinds of notes than are listed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_notes_are_counted_and_neither_kinds_nor_lines_grow_without_end() {
        let mut report = Report::default();
        for line in 1..=50 {
            report.note("not_kept", "links are not kept", Some(line));
        }
        assert_eq!((report.0[0].count, report.0[0].lines.len()), (50, 20));
        for number in 0..500 {
            report.note("kind", format!("kind {number}"), None);
        }
        assert_eq!(report.0.len(), 200);
        assert_eq!(report.0.last().map(|note| note.code.as_str()), Some("more"));
    }
}
