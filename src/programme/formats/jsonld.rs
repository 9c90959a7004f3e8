//! The programme as linked data of schema.org (JSON-LD): one event that contains the sessions, which contain their
//! items.
//!
//! Everything is an `Event`, the type that search engines read. `ConferenceEvent` and similar types add nothing, and
//! not all search engines know them.

use serde_json::{Map, Value, json};

use super::Source;
use crate::{
    agenda::document::{
        Appearance, Conference, Item, Organisation, OrganisationKind, OrganisationRole, Session, Speaker, Venue,
    },
    programme::{
        timing::{Span, item_spans, session_guid},
        visibility::is_placeholder,
    },
    values::{LanguageTag, Localised},
};

/// The document. It contains no `<`, so that a page can contain it in a `script` element.
pub fn write(source: &Source<'_>) -> Vec<u8> {
    conference(source).to_string().replace('<', "\\u003c").into_bytes()
}

fn conference(source: &Source<'_>) -> Value {
    let agenda = &source.snapshot.agenda;
    let conference = &agenda.conference;
    let sessions = agenda.sessions.iter().map(|session| self::session(source, session)).collect();
    thing([
        ("@context", json!("https://schema.org")),
        ("@type", json!("Event")),
        ("@id", json!(conference_id(source))),
        ("url", json!(conference_id(source))),
        ("identifier", json!(source.snapshot.conference.id.uuid().to_string())),
        ("name", text(source, Some(&conference.name))),
        ("description", text(source, conference.description.as_ref())),
        ("startDate", json!(conference.starts_on.0.to_string())),
        ("endDate", json!(conference.ends_on.0.to_string())),
        ("eventStatus", json!(SCHEDULED)),
        ("eventAttendanceMode", json!(OFFLINE)),
        ("inLanguage", languages(&conference.languages)),
        ("location", conference.venue.as_ref().map_or(Value::Null, |venue| self::venue(source, venue))),
        ("organizer", organisations(source, conference, &[OrganisationRole::Organiser, OrganisationRole::Host])),
        // A partner does not necessarily pay, so it is not a `sponsor`.
        ("contributor", organisations(source, conference, &[OrganisationRole::Partner])),
        ("subEvent", Value::Array(sessions)),
    ])
}

const SCHEDULED: &str = "https://schema.org/EventScheduled";
const OFFLINE: &str = "https://schema.org/OfflineEventAttendanceMode";

/// An object of the members that have a value.
fn thing<const N: usize>(members: [(&str, Value); N]) -> Value {
    let has_value = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let members = members.into_iter().filter(|(_, value)| has_value(value));
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn text(source: &Source<'_>, localised: Option<&Localised>) -> Value {
    localised.map_or(Value::Null, |localised| json!(source.text(localised).trim()))
}

fn languages(tags: &[LanguageTag]) -> Value {
    tags.iter().map(|tag| json!(tag.as_str())).collect()
}

fn conference_id(source: &Source<'_>) -> String {
    source.url("/programme")
}

fn session_url(source: &Source<'_>, session: &Session) -> String {
    source.url(&format!("/programme/sessions/{}", session.code))
}

fn session(source: &Source<'_>, session: &Session) -> Value {
    let span = Span::of(session);
    let items = session.items.iter().zip(item_spans(session));
    let items = items.map(|(item, item_span)| self::item(source, session, item, item_span.unwrap_or(span))).collect();
    thing([
        ("@type", json!("Event")),
        ("@id", json!(session_url(source, session))),
        ("url", json!(session_url(source, session))),
        ("identifier", json!(session_guid(session).to_string())),
        ("name", text(source, Some(&session.title))),
        ("description", text(source, session.abstract_.as_ref())),
        ("startDate", json!(span.starts_at.to_rfc3339())),
        ("endDate", json!(span.ends_at.to_rfc3339())),
        ("eventStatus", json!(SCHEDULED)),
        ("eventAttendanceMode", json!(OFFLINE)),
        ("inLanguage", languages(&session.languages)),
        ("location", place(source, session)),
        ("performer", performers(source, &session.appearances)),
        ("superEvent", json!({ "@id": conference_id(source) })),
        ("subEvent", Value::Array(items)),
    ])
}

/// An item with its own time or, if this is not known, the time of its session: search engines ignore an event without
/// a start.
fn item(source: &Source<'_>, session: &Session, item: &Item, span: Span) -> Value {
    thing([
        ("@type", json!("Event")),
        ("@id", json!(format!("{}#{}", session_url(source, session), item.code))),
        ("url", json!(session_url(source, session))),
        ("identifier", item.id.map_or(Value::Null, |id| json!(id.uuid().to_string()))),
        ("name", text(source, Some(&item.title))),
        ("description", text(source, item.abstract_.as_ref())),
        ("startDate", json!(span.starts_at.to_rfc3339())),
        ("endDate", json!(span.ends_at.to_rfc3339())),
        ("eventStatus", json!(SCHEDULED)),
        ("eventAttendanceMode", json!(OFFLINE)),
        ("location", place(source, session)),
        ("performer", performers(source, &item.appearances)),
        ("superEvent", json!({ "@id": session_url(source, session) })),
    ])
}

fn venue(source: &Source<'_>, venue: &Venue) -> Value {
    let address = thing([
        ("@type", json!("PostalAddress")),
        ("streetAddress", text(source, venue.address.as_ref())),
        ("addressLocality", text(source, venue.city.as_ref())),
        ("addressCountry", venue.country.as_ref().map_or(Value::Null, |country| json!(country.to_string()))),
    ]);
    thing([("@type", json!("Place")), ("name", text(source, Some(&venue.name))), ("address", address)])
}

/// The room in the venue; if one of them is not known, the other.
fn place(source: &Source<'_>, session: &Session) -> Value {
    let venue = source.snapshot.agenda.conference.venue.as_ref();
    let venue = venue.map_or(Value::Null, |venue| self::venue(source, venue));
    let Some(room) = source.room_of(session) else {
        return venue;
    };
    // Search engines look for the address in the place itself.
    let address = venue.get("address").cloned().unwrap_or_default();
    thing([
        ("@type", json!("Place")),
        ("name", text(source, Some(&room.name))),
        ("address", address),
        ("containedInPlace", venue),
    ])
}

/// The organisations with one of these roles.
fn organisations(source: &Source<'_>, conference: &Conference, roles: &[OrganisationRole]) -> Value {
    let parts = conference.organisations.iter().filter(|part| roles.contains(&part.role));
    let organisations = parts.filter_map(|part| source.snapshot.organisation(&part.organisation));
    organisations.map(|known| organisation(source, known)).collect()
}

fn organisation(source: &Source<'_>, organisation: &Organisation) -> Value {
    thing([
        ("@type", json!(type_of(organisation.kind))),
        ("name", text(source, Some(&organisation.name))),
        ("url", organisation.website.as_ref().map_or(Value::Null, |website| json!(website.to_string()))),
    ])
}

/// The most specific type of schema.org. A State is an organisation that takes part, not a country, which is a place.
fn type_of(kind: OrganisationKind) -> &'static str {
    match kind {
        OrganisationKind::State | OrganisationKind::GovernmentBody => "GovernmentOrganization",
        OrganisationKind::University => "CollegeOrUniversity",
        OrganisationKind::ResearchInstitute => "ResearchOrganization",
        OrganisationKind::Ngo => "NGO",
        OrganisationKind::Media => "NewsMediaOrganization",
        OrganisationKind::Company => "Corporation",
        OrganisationKind::InternationalOrganisation
        | OrganisationKind::RegionalOrganisation
        | OrganisationKind::Other => "Organization",
    }
}

/// The people who appear, each once, without those whose names are withheld.
fn performers(source: &Source<'_>, appearances: &[Appearance]) -> Value {
    let mut codes: Vec<_> = Vec::new();
    for appearance in appearances {
        if !codes.contains(&&appearance.speaker) {
            codes.push(&appearance.speaker);
        }
    }
    let speakers = codes.into_iter().filter_map(|code| source.snapshot.speaker(code));
    speakers.filter(|speaker| !is_placeholder(speaker)).map(|speaker| person(source, speaker)).collect()
}

fn person(source: &Source<'_>, speaker: &Speaker) -> Value {
    let affiliation = speaker.organisation.as_ref().and_then(|code| source.snapshot.organisation(code));
    thing([
        ("@type", json!("Person")),
        ("@id", json!(source.url(&format!("/programme/speakers/{}", speaker.code)))),
        ("name", json!(source.name_of(speaker))),
        ("honorificPrefix", text(source, speaker.honorific.as_ref())),
        ("jobTitle", text(source, speaker.position.as_ref())),
        ("affiliation", affiliation.map_or(Value::Null, |known| organisation(source, known))),
    ])
}
