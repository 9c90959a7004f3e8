//! The programme as a table for spreadsheets: a row for each session and, after it, for each of its items, also for
//! those whose time is not known. UTF-8 with CRLF (RFC 4180).

use chrono::{DateTime, FixedOffset};
use csv::{Terminator, Writer, WriterBuilder};

use super::{Source, schedule::date_of};
use crate::{
    agenda::document::{Session, Speaker},
    programme::timing::{Slot, Span, item_spans},
    values::LanguageTag,
};

const COLUMNS: [&str; 19] = [
    "type",
    "code",
    "session",
    "id",
    "guid",
    "day",
    "starts_at",
    "ends_at",
    "minutes",
    "room",
    "track",
    "kind",
    "title",
    "abstract",
    "languages",
    "interpretation",
    "speakers",
    "speaker_codes",
    "url",
];

/// Between the values of a cell that has several.
const BETWEEN: &str = "; ";

/// The document.
pub fn write(source: &Source<'_>) -> Vec<u8> {
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    // Memory takes all that is written to it.
    let _ = rows(&mut table, source);
    table.into_inner().unwrap_or_default()
}

fn rows(table: &mut Writer<Vec<u8>>, source: &Source<'_>) -> csv::Result<()> {
    table.write_record(COLUMNS)?;
    for session in &source.snapshot.agenda.sessions {
        let whole = Span::of(session);
        table.write_record(row(source, &Slot { session, item: None, span: whole }, Some(whole)).map(safe))?;
        for (item, span) in session.items.iter().zip(item_spans(session)) {
            let slot = Slot { session, item: Some(item), span: span.unwrap_or(whole) };
            table.write_record(row(source, &slot, span).map(safe))?;
        }
    }
    Ok(())
}

/// The cells of a slot. `span` is when it is known to be.
fn row(source: &Source<'_>, slot: &Slot<'_>, span: Option<Span>) -> [String; COLUMNS.len()] {
    let session = slot.session;
    let time = |of: fn(&Span) -> DateTime<FixedOffset>| span.as_ref().map(of).map(instant).unwrap_or_default();
    let speakers: Vec<&Speaker> =
        slot.appearances().iter().filter_map(|found| source.snapshot.speaker(&found.speaker)).collect();
    let names: Vec<String> = speakers.iter().map(|speaker| source.name_of(speaker)).collect();
    let codes: Vec<&str> = speakers.iter().map(|speaker| speaker.code.as_str()).collect();
    [
        if slot.item.is_some() { "item" } else { "session" }.to_owned(),
        slot.code().to_string(),
        session.code.to_string(),
        slot.id().to_string(),
        slot.guid().to_string(),
        date_of(&source.snapshot.agenda, slot.span.starts_at).to_string(),
        time(|span| span.starts_at),
        time(|span| span.ends_at),
        minutes(slot, span),
        source.room_of(session).map(|room| source.text(&room.name).to_owned()).unwrap_or_default(),
        source.track_of(session).map(|track| source.text(&track.name).to_owned()).unwrap_or_default(),
        slot.kind().to_owned(),
        source.text(slot.title()).to_owned(),
        slot.description().map(|text| source.text(text).to_owned()).unwrap_or_default(),
        tags(&session.languages),
        tags(&session.interpretation),
        names.join(BETWEEN),
        codes.join(BETWEEN),
        session_url(source, session),
    ]
}

/// How long a slot is; an item whose start is not known may have a time limit all the same.
fn minutes(slot: &Slot<'_>, span: Option<Span>) -> String {
    let limit = slot.item.and_then(|item| item.time_limit_minutes).map(|limit| i64::from(limit.0));
    span.map(|span| span.minutes()).or(limit).map(|minutes| minutes.to_string()).unwrap_or_default()
}

fn tags(tags: &[LanguageTag]) -> String {
    tags.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(BETWEEN)
}

fn session_url(source: &Source<'_>, session: &Session) -> String {
    source.url(&format!("/programme/sessions/{}", session.code))
}

fn instant(instant: DateTime<FixedOffset>) -> String {
    instant.to_rfc3339()
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(safe(formula.to_owned()), format!("'{formula}"));
        }
        for plain in ["", "a=1", "'=1", "日本", " x"] {
            assert_eq!(safe(plain.to_owned()), plain);
        }
    }
}
