//! Importing: files of other systems become a draft.
//!
//! Nouns: a *file* is what was read, bytes in, of any format ([`read`]); its *report* lists what could not be
//! represented; to *compose* is to join a file with a draft into the document that becomes the new draft
//! ([`draft::compose`]).
//!
//! Invariants:
//! - Nothing is half-imported: a file with an error is refused as a whole, each error with its line ([`read`],
//!   [`target::Composed::locate_in_file`]), and a composed document passes [`super::model::read`] before it is written,
//!   in one transaction ([`actions::import`]).
//! - Importing a file twice changes nothing the second time: sessions are identified by their guid, days by their date,
//!   everything else by name or code ([`list::assign_codes`], [`sessions::add_events`]).
//! - Nothing is dropped in silence: it is in the report ([`report::Report`]).
//! - A parser expands nothing: no XML entity that the file defines, no recurrence rule.

pub mod actions;
pub mod api;
mod calendar;
mod content_line;
mod days;
pub mod draft;
mod frab;
mod html;
mod lines;
mod list;
mod people;
pub mod report;
mod schedule;
mod schedule_json;
mod schedule_xml;
mod sessions;
mod speaker_table;
pub mod target;
pub mod text;

use report::Report;
use schedule::Schedule;
use speaker_table::SpeakerRow;

use crate::{
    csv_table::{self, line_pointer},
    validation::{ValidationError, ValidationErrors},
    values::{Code, TextValue as _, TimeZone, text_enum},
};

text_enum! {
    /// What an import does with the present content of the draft.
    ImportMode {
        /// Adds and updates things, and removes nothing.
        Merge = "merge",
        /// Replaces days, rooms, tracks, speakers and sessions by those of the file; for a table, only speakers.
        Replace = "replace",
    }
}

text_enum! {
    /// Format of a file.
    Format {
        /// XML of frab, c3voc, pretalx or pentabarf.
        ScheduleXml = "schedule.xml",
        /// JSON of c3voc or pretalx.
        ScheduleJson = "schedule.json",
        /// iCalendar (RFC 5545).
        Calendar = "calendar",
        /// CSV table of speakers.
        SpeakersCsv = "table of speakers",
    }
}

#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    pub mode: ImportMode,
    /// Time zone of times without an offset.
    pub time_zone: Option<TimeZone>,
}

#[derive(Debug)]
pub struct ImportFile {
    content: Content,
    report: Report,
}

#[derive(Debug)]
enum Content {
    Schedule(Box<Schedule>),
    Speakers(Vec<SpeakerRow>),
}

impl ImportFile {
    /// The slug of the conference that the file creates, from its acronym or its name.
    ///
    /// # Errors
    /// The file names no conference.
    pub fn slug(&self) -> Result<Code, ValidationErrors> {
        let slug = match &self.content {
            Content::Schedule(schedule) => schedule.slug.as_deref(),
            Content::Speakers(_) => None,
        };
        slug.and_then(|slug| Code::parse(slug).ok()).ok_or_else(|| {
            let detail = "the file names no conference: name an existing one";
            ValidationErrors(vec![ValidationError::at(line_pointer(1), "no_conference", detail)])
        })
    }
}

/// Reads a file. The content decides about the format; `declared` is the format that the sender named.
///
/// # Errors
/// All errors of the file, by line; a declared format that is not the file's.
pub fn read(bytes: &[u8], declared: Option<Format>) -> Result<ImportFile, ValidationErrors> {
    let refused = |line, code: &str, detail: String| {
        Err(ValidationErrors(vec![ValidationError::at(line_pointer(line), code, detail)]))
    };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let format = format_of(bytes);
    if let Some(declared) = declared.filter(|declared| *declared != format) {
        let detail = format!("is sent as {} and looks like {}", declared.as_str(), format.as_str());
        return refused(1, "other_format", detail);
    }
    let mut report = Report::default();
    if format == Format::Calendar {
        let content = Content::Schedule(Box::new(calendar::read(bytes, &mut report)?));
        return Ok(ImportFile { content, report });
    }
    let text = csv_table::text(bytes)?;
    let content = match format {
        Format::SpeakersCsv => Content::Speakers(speaker_table::read(text, &mut report)?),
        Format::ScheduleJson => {
            let raw = schedule_json::read(text, &mut report)?;
            Content::Schedule(Box::new(frab::interpret(raw, &mut report)?))
        }
        Format::ScheduleXml | Format::Calendar => {
            let raw = schedule_xml::read(text, &mut report)?;
            Content::Schedule(Box::new(frab::interpret(raw, &mut report)?))
        }
    };
    Ok(ImportFile { content, report })
}

fn format_of(bytes: &[u8]) -> Format {
    const CALENDAR: &[u8] = b"BEGIN:VCALENDAR";
    let start = bytes.trim_ascii_start();
    match start.first() {
        Some(b'<') => Format::ScheduleXml,
        Some(b'{' | b'[') => Format::ScheduleJson,
        _ if start.get(..CALENDAR.len()).is_some_and(|start| start.eq_ignore_ascii_case(CALENDAR)) => Format::Calendar,
        _ => Format::SpeakersCsv,
    }
}
