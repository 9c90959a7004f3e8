//! `plenary import`: imports a file of another system into the draft of a new or existing conference.

use std::path::PathBuf;

use clap::Args;

use super::context::{Failed, open, parse_slug, print_lines};
use crate::{
    access::Actor,
    agenda::{
        AgendaError, Change,
        import::{self, ImportMode, ImportOptions, actions::ImportResult, report::Note},
    },
    blueprint,
    registration::RegistrationError,
    server::causes,
    settings::Settings,
    validation::ValidationErrors,
    values::{NameReading, TextValue as _, TimeZone},
};

/// The largest file, in bytes; the same as in the API.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file: schedule.xml, schedule.json, iCalendar, or a CSV table of speakers
    file: PathBuf,
    /// Slug of the conference; if left out, it is made from the file's acronym. A conference that does not exist is
    /// created
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// How the file is combined with the draft: merge, or replace
    #[arg(long, default_value = "merge", value_name = "MODE")]
    mode: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Time zone of times that have none in the file, such as Europe/Brussels
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

/// Imports the file and prints a report.
pub(super) async fn import(settings: &Settings, command: Import) -> Result<(), Failed> {
    let name = command.file.display().to_string();
    let mode = ImportMode::parse(&command.mode).map_err(|error| Failed::line(format!("--mode {}", error.detail)))?;
    let time_zone = command.time_zone.as_deref().map(TimeZone::parse).transpose();
    let time_zone = time_zone.map_err(|error| Failed::line(format!("--time-zone {}", error.detail)))?;
    let conference = command.conference.as_deref().map(parse_slug).transpose()?;
    let read_error = |error: std::io::Error| Failed::line(format!("{name}: {error}"));
    let size = std::fs::metadata(&command.file).map_err(read_error)?.len();
    if size > FILE_BYTES_MAX {
        return Err(Failed::line(format!("{name}: at most {FILE_BYTES_MAX} bytes are imported")));
    }
    let bytes = std::fs::read(&command.file).map_err(read_error)?;
    let invalid = |errors: ValidationErrors| {
        Failed(errors.0.iter().map(|error| line(&name, &error.pointer, &error.detail)).collect())
    };
    let file = import::read(&bytes, None).map_err(invalid)?;
    let slug = conference.map_or_else(|| file.slug(), Ok).map_err(invalid)?;
    let database = open(settings)?;
    database.migrate().await?;
    let (options, dry_run, target_slug) = (ImportOptions { mode, time_zone }, command.dry_run, slug.clone());
    let sender_domains = settings.mail.sender_domains.clone();
    let result = database
        .write("import a file", move |tx| {
            let actor = Actor::command_line();
            blueprint::actions::import(tx, &target_slug, &file, &options, &actor, &sender_domains, dry_run)
        })
        .await
        .map_err(|error| match error {
            RegistrationError::Invalid(errors) | RegistrationError::Agenda(AgendaError::Invalid(errors)) => {
                invalid(errors)
            }
            other => Failed::line(causes(&other)),
        })?;
    print_lines(&lines(&result, slug.as_str(), dry_run))
}

/// A validation error: `file:12: reason`, or with a JSON pointer if it does not belong to a line.
fn line(file: &str, pointer: &str, detail: &str) -> String {
    match pointer.strip_prefix("line ") {
        Some(line) => format!("{file}:{line}: {detail}"),
        None => format!("{file}: {pointer}: {detail}"),
    }
}

fn lines(result: &ImportResult, slug: &str, dry_run: bool) -> Vec<String> {
    let counts = result.counts;
    let count_of = |count: usize, noun: &str| if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") };
    let mut lines = vec![format!(
        "{slug}: {}, {}, {}, {}, {}",
        count_of(counts.days, "day"),
        count_of(counts.rooms, "room"),
        count_of(counts.tracks, "track"),
        count_of(counts.sessions, "session"),
        count_of(counts.speakers, "speaker"),
    )];
    lines.extend(result.report.iter().map(note_line));
    lines.extend(result.names.iter().filter(|_| dry_run).map(name_line));
    lines.extend(result.changes.iter().filter(|_| dry_run).map(Change::line));
    let count = count_of(result.changes.len(), "change");
    lines.push(match (result.changes.is_empty(), dry_run) {
        (true, _) => "Nothing to change.".to_owned(),
        (false, true) => format!("{count}; nothing was written."),
        (false, false) => format!("{count} written to the draft; a release publishes them."),
    });
    lines
}

/// How a name was read: `  name in line 3: honorific "Dr.", whole name "Lena Meyer"`.
fn name_line(reading: &NameReading) -> String {
    let parts = [
        ("honorific", &reading.honorific),
        ("given name", &reading.given_name),
        ("family name", &reading.family_name),
        ("whole name", &reading.name),
    ];
    let parts = parts.into_iter().filter_map(|(part, text)| Some(format!("{part} \"{}\"", text.as_ref()?)));
    format!("  name in line {}: {}", reading.row, parts.collect::<Vec<_>>().join(", "))
}

fn note_line(note: &Note) -> String {
    let occurrences = match (note.lines.as_slice(), note.count) {
        ([], 1) => String::new(),
        ([], count) => format!(" ({count} times)"),
        ([only], 1) => format!(" (line {only})"),
        ([first, ..], count) => format!(" ({count} times, first in line {first})"),
    };
    format!("  {}: {}{occurrences}", note.code, note.detail)
}
