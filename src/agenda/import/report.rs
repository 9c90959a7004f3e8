//! Notes on what an import could not represent or had to interpret: one note for each kind, with its count and lines.

use serde::Serialize;
use utoipa::ToSchema;

/// Most notes in one report.
const NOTES_MAX: usize = 200;
/// Most lines in one note.
const LINES_MAX: usize = 20;

/// One kind of content that the agenda does not have, or has in another form than the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportNote)]
pub struct Note {
    /// Stable word for programs, such as `not_kept`, `html` or `time_zone`.
    pub code: String,
    /// What happened to the content, in English.
    pub detail: String,
    /// Number of times that this occurs in the file.
    pub count: usize,
    /// First lines of the file where this occurs, at most 20; left out if no line is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub lines: Vec<usize>,
}

/// Notes of one file, in the order of their first use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report(pub Vec<Note>);

impl Report {
    /// Adds a note. An equal note is counted instead; the last note says that there are more kinds.
    pub fn note(&mut self, code: &str, detail: impl AsRef<str>, line: Option<usize>) {
        let detail = detail.as_ref();
        let equal_note = self.0.iter_mut().find(|note| note.code == code && note.detail == detail);
        if let Some(note) = equal_note {
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
