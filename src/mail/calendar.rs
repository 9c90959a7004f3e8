//! Calendar entries attached to a letter (RFC 5545, RFC 5546, RFC 6047): the conference, and the sessions in which its
//! recipient has a seat. Each entry has a UID for each registration, which stays the same in every revision.

use chrono::{DateTime, Days, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};

use super::letter::{CalendarEntry, LetterContent, SessionLine};

/// Properties that all entries of a letter share.
pub struct Letterhead<'a> {
    /// Makes the UIDs globally unique.
    pub uid_host: &'a str,
    /// The sender's address; `None` if a calendar is not sent.
    pub organiser: Option<&'a str>,
    /// Time at which the letter was caused (`DTSTAMP`).
    pub created_at: DateTime<Utc>,
}

/// The iTIP method (RFC 5546).
pub fn method(entry: CalendarEntry) -> &'static str {
    if entry.cancelled { "CANCEL" } else { "PUBLISH" }
}

/// Renders the conference and the sessions in which the recipient has a seat. The conference is an all-day event, so
/// that it does not move with the reader's time zone. A cancellation removes all entries.
pub fn render(content: &LetterContent, entry: CalendarEntry, letterhead: &Letterhead<'_>) -> String {
    let mut event = Event::new();
    event
        .uid(&format!("{}@{}", content.registration, letterhead.uid_host))
        .summary(&printable(&content.conference))
        .starts(content.starts_on)
        .ends(content.ends_on.checked_add_days(Days::new(1)).unwrap_or(content.ends_on));
    if let Some(venue) = &content.venue {
        event.location(&printable(venue));
    }
    // Calendars are shared with others: the reference may be in one, the personal link may not.
    event.description(&content.reference);
    let conference = finish_event(event, entry, letterhead);
    let sessions = if entry.cancelled { &content.left } else { &content.sessions };
    let sessions = sessions.iter().filter(|session| !session.waits);
    let sessions = sessions.filter_map(|line| session_event(content, line, entry, letterhead));
    calendar_text(entry, std::iter::once(conference).chain(sessions))
}

/// Cancels the entries of the sessions that the recipient has left, while the conference stays; `None` if there are
/// none.
pub fn render_left_sessions(content: &LetterContent, sequence: u32, letterhead: &Letterhead<'_>) -> Option<String> {
    let entry = CalendarEntry { sequence, cancelled: true };
    let mut events = content.left.iter().filter_map(|line| session_event(content, line, entry, letterhead)).peekable();
    events.peek()?;
    Some(calendar_text(entry, events))
}

fn session_event(
    content: &LetterContent,
    session: &SessionLine,
    entry: CalendarEntry,
    letterhead: &Letterhead<'_>,
) -> Option<Event> {
    let (id, ends_at) = (session.id?, session.ends_at?);
    let mut event = Event::new();
    event
        .uid(&format!("{id}.{}@{}", content.registration, letterhead.uid_host))
        .summary(&printable(&session.title))
        .starts(session.starts_at.with_timezone(&Utc))
        .ends(ends_at.with_timezone(&Utc));
    let location: Vec<&str> = session.room.iter().chain(&content.venue).map(String::as_str).collect();
    if !location.is_empty() {
        event.location(&printable(&location.join(", ")));
    }
    event.description(&content.reference);
    Some(finish_event(event, entry, letterhead))
}

fn finish_event(mut event: Event, entry: CalendarEntry, letterhead: &Letterhead<'_>) -> Event {
    event
        .sequence(entry.sequence)
        .timestamp(letterhead.created_at)
        .add_property("TRANSP", "OPAQUE")
        .status(if entry.cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed });
    if let Some(organiser) = letterhead.organiser {
        event.append_property(Property::new("ORGANIZER", format!("mailto:{organiser}")));
    }
    event.done()
}

/// The entries of a letter as a file to download; `None` if the letter has none.
pub fn personal_calendar(
    content: &LetterContent,
    uid_host: &str,
    organiser: Option<&str>,
    now: DateTime<Utc>,
) -> Option<String> {
    Some(render(content, content.calendar?, &Letterhead { uid_host, organiser, created_at: now }))
}

fn calendar_text(entry: CalendarEntry, events: impl Iterator<Item = Event>) -> String {
    let mut calendar = Calendar::empty();
    calendar
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//Plenary//Registration//EN"))
        .append_property(Property::new("METHOD", method(entry)));
    events.for_each(|event| _ = calendar.push(event));
    calendar.to_string()
}

/// Replaces control characters, which the `icalendar` crate does not escape.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
