//! The calendar entry that goes with a letter (RFC 5545, RFC 5546).

use chrono::{DateTime, Days, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};

use super::letter::{CalendarEntry, LetterContent};

/// The iTIP method of an entry.
pub fn method(entry: CalendarEntry) -> &'static str {
    if entry.cancelled { "CANCEL" } else { "PUBLISH" }
}

/// The entry: the conference's days, whole, so that no reader's time zone moves it. Its UID is the registration's own
/// and stays the same through every revision.
pub fn render(
    content: &LetterContent,
    entry: CalendarEntry,
    domain: &str,
    organiser: &str,
    stamp: DateTime<Utc>,
) -> String {
    let mut event = Event::new();
    event
        .uid(&format!("{}@{domain}", content.registration))
        .summary(&content.conference)
        .sequence(entry.sequence)
        .timestamp(stamp)
        .starts(content.starts_on)
        .ends(content.ends_on.checked_add_days(Days::new(1)).unwrap_or(content.ends_on))
        .add_property("TRANSP", "OPAQUE")
        .append_property(Property::new("ORGANIZER", format!("mailto:{organiser}")))
        .status(if entry.cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed });
    if let Some(venue) = &content.venue {
        event.location(venue);
    }
    // Calendars are shared: the reference may stand in one, the personal link may not.
    event.description(&content.reference);
    let mut calendar = Calendar::empty();
    calendar
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//Plenary//Registration//EN"))
        .append_property(Property::new("METHOD", method(entry)))
        .push(event.done());
    calendar.to_string()
}
