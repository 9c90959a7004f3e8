//! The programme as a table for spreadsheets (CSV): one row for each session, followed by one
//! row for each of its items, also for items whose time is not known.

use chrono::{DateTime, FixedOffset};

use super::{Source, schedule::date_of};
use crate::{
    agenda::document::{Session, Speaker},
    csv_table::TableWriter,
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

/// Separates the values of a cell that has several.
const SEPARATOR: &str = "; ";

pub fn write(source: &Source<'_>) -> Vec<u8> {
    let mut table = TableWriter::default();
    table.row(COLUMNS);
    for session in &source.snapshot.agenda.sessions {
        let session_span = Span::of(session);
        table.row(row(source, &Slot { session, item: None, span: session_span }, Some(session_span)));
        for (item, span) in session.items.iter().zip(item_spans(session)) {
            let slot = Slot { session, item: Some(item), span: span.unwrap_or(session_span) };
            table.row(row(source, &slot, span));
        }
    }
    table.into_bytes()
}

/// The cells of a slot. `span` is its time, if known.
fn row(source: &Source<'_>, slot: &Slot<'_>, span: Option<Span>) -> [String; COLUMNS.len()] {
    let session = slot.session;
    let time = |of: fn(&Span) -> DateTime<FixedOffset>| span.as_ref().map(of).map(instant).unwrap_or_default();
    let speakers: Vec<&Speaker> =
        slot.appearances().iter().filter_map(|appearance| source.snapshot.speaker(&appearance.speaker)).collect();
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
        names.join(SEPARATOR),
        codes.join(SEPARATOR),
        session_url(source, session),
    ]
}

/// The duration of a slot. An item whose start is not known may still have a time limit.
fn minutes(slot: &Slot<'_>, span: Option<Span>) -> String {
    let limit = slot.item.and_then(|item| item.time_limit_minutes).map(|limit| i64::from(limit.0));
    span.map(|span| span.minutes()).or(limit).map(|minutes| minutes.to_string()).unwrap_or_default()
}

fn tags(tags: &[LanguageTag]) -> String {
    tags.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(SEPARATOR)
}

fn session_url(source: &Source<'_>, session: &Session) -> String {
    source.url(&format!("/programme/sessions/{}", session.code))
}

fn instant(instant: DateTime<FixedOffset>) -> String {
    instant.to_rfc3339()
}
