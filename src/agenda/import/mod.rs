//! Importing: files of other systems become a draft.
//!
//! Nouns: a *file* is what was read, bytes in, of any format ([`read`]); its *report* lists what could not be
//! represented; to *compose* is to join a file with a draft into the document that the draft is to be
//! ([`draft::compose`]).
//!
//! Invariants:
//! - Nothing is half-imported: a file with a fault is refused whole, each fault with its line ([`read`],
//!   [`draft::Composed::of_file`]), and what is composed passes [`super::model::read`] before it is written, in one
//!   transaction ([`actions::import`]).
//! - Importing a file twice changes nothing the second time: sessions are known by their guid, days by their date, all
//!   else by name or code ([`list::assign`], [`sessions::put`]).
//! - Nothing is dropped in silence: it is in the report ([`report::Report`]).
//! - A parser expands nothing: no entity of a file, no recurrence.

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
mod quotes;
pub mod report;
mod schedule;
mod schedule_json;
mod schedule_xml;
mod sessions;
mod speaker_table;
pub mod table;
pub mod text;

use report::Report;
use schedule::{Schedule, at};
use speaker_table::SpeakerRow;

use crate::{
    faults::{Fault, Faults},
    values::{Code, TextValue as _, TimeZone, text_enum},
};

text_enum! {
    /// What an import does to what the draft has.
    ImportMode {
        /// It adds and updates, and removes nothing.
        Merge = "merge",
        /// Days, rooms, tracks, speakers and sessions become those of the file.
        Replace = "replace",
    }
}

text_enum! {
    /// The format of a file.
    Format {
        /// frab, c3voc, pretalx or pentabarf XML.
        ScheduleXml = "schedule.xml",
        /// c3voc or pretalx JSON.
        ScheduleJson = "schedule.json",
        /// iCalendar.
        Calendar = "calendar",
        /// A table of speakers.
        SpeakersCsv = "table of speakers",
    }
}

/// How a file is imported.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What it does to what is there.
    pub mode: ImportMode,
    /// The zone of times that have none.
    pub time_zone: Option<TimeZone>,
}

/// A file that was read.
#[derive(Debug)]
pub struct File {
    content: Content,
    report: Report,
}

#[derive(Debug)]
enum Content {
    Schedule(Box<Schedule>),
    Speakers(Vec<SpeakerRow>),
}

impl File {
    /// The slug of the conference that the file makes.
    ///
    /// # Errors
    /// It names no conference.
    pub fn slug(&self) -> Result<Code, Faults> {
        let acronym = match &self.content {
            Content::Schedule(schedule) => schedule.acronym.as_deref(),
            Content::Speakers(_) => None,
        };
        acronym.and_then(|acronym| Code::parse(acronym).ok()).ok_or_else(|| {
            let detail = "the file names no conference: name one that is there";
            Faults(vec![Fault::at(at(1), "no_conference", detail)])
        })
    }
}

/// Reads a file, whose format is told by its content; `declared` is what its sender says it is.
///
/// # Errors
/// All that is wrong with it, by line.
pub fn read(bytes: &[u8], declared: Option<Format>) -> Result<File, Faults> {
    let refused = |line, code: &str, detail: String| Err(Faults(vec![Fault::at(at(line), code, detail)]));
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let format = format_of(bytes);
    if let Some(declared) = declared.filter(|declared| *declared != format) {
        let detail = format!("is sent as {} and looks like {}", declared.as_str(), format.as_str());
        return refused(1, "other_format", detail);
    }
    let mut report = Report::default();
    if format == Format::Calendar {
        let content = Content::Schedule(Box::new(calendar::read(bytes, &mut report)?));
        return Ok(File { content, report });
    }
    let text = table::text(bytes)?;
    let content = match format {
        Format::SpeakersCsv => Content::Speakers(speaker_table::read(text, &mut report)?),
        Format::ScheduleJson => {
            let raw = schedule_json::read(text, &mut report)?;
            Content::Schedule(Box::new(frab::understand(raw, &mut report)?))
        }
        Format::ScheduleXml | Format::Calendar => {
            let raw = schedule_xml::read(text, &mut report)?;
            Content::Schedule(Box::new(frab::understand(raw, &mut report)?))
        }
    };
    Ok(File { content, report })
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
