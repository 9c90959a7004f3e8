//! The programme as a calendar (RFC 5545, RFC 7986): an event for each session, and one related to it for each item
//! whose time is known.
//!
//! People subscribe to a calendar, so it lives longer than a release. An event therefore keeps its `UID` in every
//! release, a cancelled event stays in the calendar with the status `CANCELLED`, and the calendar of a former session
//! stays available for ever.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    Source,
    content_line::{Lines, escaped},
};
use crate::{
    agenda::document::{Appearance, Item, Session, Speaker},
    programme::{
        history::{ReleasedSlot, SlotStatus},
        timing::{Slot, item_spans, session_guid, slots, slots_of},
        visibility::is_placeholder,
    },
    validation::ValidationErrors,
    values::{Code, Localised},
};

/// The media type of a calendar (RFC 5545, 8.1).
pub const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

/// How many sessions a request may select.
const SELECTED_MAX: usize = 500;

/// The whole programme.
pub fn write(source: &Source<'_>) -> Vec<u8> {
    let address =
        CalendarAddress { path: "/programme.ics".to_owned(), name: conference_name(source).to_owned(), sessions: None };
    let cancelled = source.snapshot.history.cancelled().collect();
    calendar(source, &address, slots(&source.snapshot.agenda), cancelled)
}

/// The sessions of a list of codes and ids, in the order of the programme.
///
/// # Errors
/// The list is empty or too long, or names something that never was a session.
pub fn write_selection(source: &Source<'_>, list: &str) -> Result<Vec<u8>, ValidationErrors> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let session_ids = find_sessions(source, &names)?;
    let address = CalendarAddress {
        path: "/programme.ics".to_owned(),
        name: conference_name(source).to_owned(),
        sessions: Some(names.join(",")),
    };
    Ok(write_sessions(source, &address, &session_ids))
}

/// A session and its items, by a code that the session has or had; `None` if there never was such a session.
pub fn write_session(source: &Source<'_>, code: &Code) -> Option<Vec<u8>> {
    let id = find_session(source, code.as_str())?;
    let agenda = &source.snapshot.agenda;
    let current_session = agenda.sessions.iter().find(|session| id_of(session) == id);
    let title = current_session.map(|session| source.text(&session.title).to_owned());
    // A session that is hidden now is not named.
    let cancelled = || source.snapshot.history.of(id).filter(|slot| slot.status == SlotStatus::Cancelled);
    let title = title.or_else(|| Some(history_text(source, &cancelled()?.title)));
    let name = title.map_or_else(|| conference_name(source).to_owned(), |title| calendar_name(source, &title));
    let address = CalendarAddress { path: format!("/programme/sessions/{code}.ics"), name, sessions: None };
    Some(write_sessions(source, &address, &HashSet::from([id])))
}

/// Everything in which a speaker appears: sessions, and items or, where the time of an item is not known, its session.
pub fn write_speaker(source: &Source<'_>, speaker: &Speaker) -> Vec<u8> {
    let name = calendar_name(source, &source.name_of(speaker));
    let address = CalendarAddress { path: format!("/programme/speakers/{}.ics", speaker.code), name, sessions: None };
    let sessions = source.snapshot.agenda.sessions.iter();
    calendar(source, &address, sessions.flat_map(|session| slots_with(session, &speaker.code)), Vec::new())
}

/// The address and the name of a calendar.
struct CalendarAddress {
    /// The path after the address of the conference.
    path: String,
    name: String,
    /// The value of `?sessions=`.
    sessions: Option<String>,
}

impl CalendarAddress {
    /// The address at which the same calendar can be read again, in the same language.
    fn url(&self, source: &Source<'_>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("lang", source.language.as_str());
        if let Some(sessions) = &self.sessions {
            query.append_pair("sessions", sessions);
        }
        format!("{}?{}", source.url(&self.path), query.finish())
    }
}

fn conference_name<'a>(source: &Source<'a>) -> &'a str {
    source.text(&source.snapshot.agenda.conference.name)
}

/// The name of a calendar that contains a part of the programme.
fn calendar_name(source: &Source<'_>, title: &str) -> String {
    format!("{}{}{title}", conference_name(source), source.phrases().colon())
}

/// The id of a session; everything that was released has one.
fn id_of(session: &Session) -> Uuid {
    session.id.map(|id| id.uuid()).unwrap_or_default()
}

/// The ids of the sessions that the codes and ids name.
fn find_sessions(source: &Source<'_>, names: &[&str]) -> Result<HashSet<Uuid>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if names.is_empty() {
        errors.add("?sessions", "unknown_reference", "names no session");
    }
    if names.len() > SELECTED_MAX {
        errors.add("?sessions", "too_long", format!("at most {SELECTED_MAX} sessions are selected"));
        return Err(errors);
    }
    let mut session_ids = HashSet::new();
    for name in names {
        match find_session(source, name) {
            Some(id) => _ = session_ids.insert(id),
            None => errors.add("?sessions", "unknown_reference", format!("{name} is no session of the programme")),
        }
    }
    errors.into_result(session_ids)
}

/// The id of the session that a code or an id names or ever named. A code that passed from one session to another names
/// the current one, otherwise the one that changed last.
fn find_session(source: &Source<'_>, name: &str) -> Option<Uuid> {
    let requested_id = Uuid::parse_str(name).ok();
    let mut sessions = source.snapshot.agenda.sessions.iter();
    let has_requested_id =
        |id: Uuid, guid: Uuid| requested_id.is_some_and(|requested| requested == id || requested == guid);
    let current = sessions
        .find(|session| session.code.as_str() == name || has_requested_id(id_of(session), session_guid(session)))
        .map(id_of);
    let former = || {
        let sessions = source.snapshot.history.0.iter().filter(|(_, slot)| slot.session.is_none());
        let matches = sessions
            .filter(|(id, slot)| slot.codes.iter().any(|code| code == name) || has_requested_id(**id, slot.guid));
        matches.max_by_key(|(id, slot)| (slot.changed_at, **id)).map(|(id, _)| *id)
    };
    current.or_else(former)
}

/// The slots of a session in which a speaker appears.
fn slots_with<'a>(session: &'a Session, speaker: &Code) -> Vec<Slot<'a>> {
    let appears = |appearances: &[Appearance]| appearances.iter().any(|appearance| appearance.speaker == *speaker);
    let spans = item_spans(session);
    let mut items = session.items.iter().zip(&spans);
    let includes_session =
        appears(&session.appearances) || items.any(|(item, span)| span.is_none() && appears(&item.appearances));
    let is_selected = |slot: &Slot<'_>| slot.item.map_or(includes_session, |item| appears(&item.appearances));
    slots_of(session).filter(is_selected).collect()
}

/// The calendar of these sessions and their items, including cancelled ones.
fn write_sessions(source: &Source<'_>, address: &CalendarAddress, session_ids: &HashSet<Uuid>) -> Vec<u8> {
    let current = slots(&source.snapshot.agenda).filter(|slot| session_ids.contains(&id_of(slot.session)));
    let is_selected = |(id, slot): &(Uuid, &ReleasedSlot)| session_ids.contains(&slot.session.unwrap_or(*id));
    let cancelled = source.snapshot.history.cancelled().filter(is_selected).collect();
    calendar(source, address, current, cancelled)
}

fn calendar<'a>(
    source: &Source<'a>,
    address: &CalendarAddress,
    current: impl Iterator<Item = Slot<'a>>,
    mut cancelled: Vec<(Uuid, &ReleasedSlot)>,
) -> Vec<u8> {
    let writer = EventWriter { source, host: &source.snapshot.uid_host };
    let mut lines = Lines::default();
    write_header(&mut lines, source, address);
    let mut is_empty = cancelled.is_empty();
    for slot in current {
        is_empty = false;
        writer.write_event(&mut lines, &slot);
    }
    cancelled.sort_by_key(|(id, slot)| (slot.starts_at, *id));
    for (_, slot) in cancelled {
        writer.write_cancelled(&mut lines, slot);
    }
    if is_empty {
        write_utc_zone(&mut lines);
    }
    lines.raw("END", "VCALENDAR");
    lines.into_bytes()
}

/// The properties before the events. There is no `METHOD`: with `PUBLISH` every event would need the mail address of an
/// organiser (RFC 5546, 3.2.1), and a subscribed calendar needs no method.
fn write_header(lines: &mut Lines, source: &Source<'_>, address: &CalendarAddress) {
    lines.raw("BEGIN", "VCALENDAR");
    lines.raw("VERSION", "2.0");
    lines.raw("PRODID", &format!("-//Plenary//Programme//{}", source.language.as_str().to_uppercase()));
    lines.raw("CALSCALE", "GREGORIAN");
    lines.text("NAME", &address.name);
    lines.text("X-WR-CALNAME", &address.name);
    lines.raw("SOURCE;VALUE=URI", &address.url(source));
    lines.raw("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    lines.raw("X-PUBLISHED-TTL", "PT1H");
}

/// A calendar needs at least one component (RFC 5545, 3.6). A calendar without events contains the time zone of its
/// times.
fn write_utc_zone(lines: &mut Lines) {
    let zone = [
        ("BEGIN", "VTIMEZONE"),
        ("TZID", "Etc/UTC"),
        ("BEGIN", "STANDARD"),
        ("DTSTART", "19700101T000000"),
        ("TZOFFSETFROM", "+0000"),
        ("TZOFFSETTO", "+0000"),
        ("TZNAME", "UTC"),
        ("END", "STANDARD"),
        ("END", "VTIMEZONE"),
    ];
    for (name, value) in zone {
        lines.raw(name, value);
    }
}

/// A text of the history in the language of the document, otherwise in the first language of the conference that it
/// has, otherwise in any.
fn history_text(source: &Source<'_>, text: &std::collections::BTreeMap<String, String>) -> String {
    let text = Localised::of(text.clone());
    text.text(source.language.as_str(), &source.snapshot.agenda.conference.languages).to_owned()
}

struct EventWriter<'s, 'a> {
    source: &'s Source<'a>,
    /// Makes a `UID` globally unique.
    host: &'s str,
}

impl EventWriter<'_, '_> {
    fn uid(&self, guid: Uuid) -> String {
        format!("{guid}@{}", self.host)
    }

    fn write_event(&self, lines: &mut Lines, slot: &Slot<'_>) {
        let (source, session) = (self.source, slot.session);
        let released = source.snapshot.history.of(slot.id());
        let changed_at = released.map_or(source.snapshot.release.released_at, |released| released.changed_at);
        lines.raw("BEGIN", "VEVENT");
        lines.raw("UID", &self.uid(slot.guid()));
        write_stamp(lines, changed_at, released.map_or(0, |released| released.sequence));
        lines.instant("DTSTART", slot.span.starts_at.to_utc());
        lines.instant("DTEND", slot.span.ends_at.to_utc());
        lines.text("SUMMARY", source.text(slot.title()));
        let room = source.room_of(session).map(|room| source.text(&room.name).to_owned());
        lines.text("LOCATION", &self.location(room));
        let description = self.description(slot);
        if !description.is_empty() {
            lines.text("DESCRIPTION", &description);
        }
        lines.raw("CATEGORIES", &self.categories(slot));
        lines.raw("URL", &source.url(&format!("/programme/sessions/{}", session.code)));
        if slot.item.is_some() {
            self.write_parent(lines, session_guid(session));
        }
        lines.raw("STATUS", "CONFIRMED");
        lines.raw("CLASS", "PUBLIC");
        lines.raw("END", "VEVENT");
    }

    /// An event that was cancelled.
    fn write_cancelled(&self, lines: &mut Lines, slot: &ReleasedSlot) {
        lines.raw("BEGIN", "VEVENT");
        lines.raw("UID", &self.uid(slot.guid));
        write_stamp(lines, slot.changed_at, slot.sequence);
        lines.instant("DTSTART", slot.starts_at);
        lines.instant("DTEND", slot.ends_at);
        lines.text("SUMMARY", &history_text(self.source, &slot.title));
        let room = slot.room_name.as_ref().map(|name| history_text(self.source, name));
        lines.text("LOCATION", &self.location(room));
        if let Some(guid) = slot.session.and_then(|id| self.guid_of(id)) {
            self.write_parent(lines, guid);
        }
        lines.raw("STATUS", "CANCELLED");
        lines.raw("CLASS", "PUBLIC");
        lines.raw("END", "VEVENT");
    }

    fn write_parent(&self, lines: &mut Lines, session: Uuid) {
        lines.raw("RELATED-TO;RELTYPE=PARENT", &self.uid(session));
    }

    /// The `guid` of a current or former session.
    fn guid_of(&self, session: Uuid) -> Option<Uuid> {
        let snapshot = self.source.snapshot;
        let current = snapshot.agenda.sessions.iter().find(|candidate| id_of(candidate) == session).map(session_guid);
        current.or_else(|| snapshot.history.of(session).map(|slot| slot.guid))
    }

    /// The place, never empty: some readers drop an event without a place.
    fn location(&self, room: Option<String>) -> String {
        // With the venue and its city: a map would find some other "Plenary hall".
        let venue = self.source.snapshot.agenda.venue_line(self.source.language.as_str());
        let parts: Vec<String> = room.into_iter().chain(venue).collect();
        if parts.is_empty() { conference_name(self.source).to_owned() } else { parts.join(", ") }
    }

    fn categories(&self, slot: &Slot<'_>) -> String {
        let track = self.source.track_of(slot.session).map(|track| escaped(self.source.text(&track.name)));
        let kind = escaped(self.source.phrases().kind_or_role(slot.kind()));
        track.into_iter().chain([kind]).collect::<Vec<_>>().join(",")
    }

    /// The abstract and the people; for a session, then its items.
    fn description(&self, slot: &Slot<'_>) -> String {
        let abstract_text = slot.description().map(|text| self.source.text(text).trim().to_owned());
        let appearances = slot.item.map_or(&slot.session.appearances, |item| &item.appearances);
        let mut parts: Vec<String> = abstract_text.into_iter().chain([self.appearances(appearances)]).collect();
        if slot.item.is_none() {
            let spans = item_spans(slot.session);
            let times = spans.iter().map(|span| {
                let time = |instant: DateTime<_>| instant.format("%H:%M").to_string();
                span.map(|span| format!("{}–{} ", time(span.starts_at), time(span.ends_at)))
            });
            let items = slot.session.items.iter().zip(times);
            parts.extend(items.map(|(item, time)| self.item(item, &time.unwrap_or_default())));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn item(&self, item: &Item, time: &str) -> String {
        let title = format!("{time}{}", self.source.text(&item.title));
        format!("{title}\n{}", self.appearances(&item.appearances)).trim_end().to_owned()
    }

    fn appearances(&self, appearances: &[Appearance]) -> String {
        let lines: Vec<String> = appearances.iter().filter_map(|appearance| self.appearance(appearance)).collect();
        lines.join("\n")
    }

    /// For example `Moderator: Ada Lovelace (Countess, Royal Society), on behalf of Charles Babbage`.
    fn appearance(&self, appearance: &Appearance) -> Option<String> {
        let (source, phrases) = (self.source, self.source.phrases());
        let role = phrases.kind_or_role(appearance.role.as_str());
        let colon = phrases.colon();
        let speaker = self.person(source.snapshot.speaker(&appearance.speaker)?);
        let represented = appearance.on_behalf_of.as_ref().and_then(|code| source.snapshot.speaker(code));
        let on_behalf_of = phrases.on_behalf_of(represented.map(|represented| source.name_of(represented)).as_deref());
        Some(format!("{role}{colon}{speaker}{on_behalf_of}"))
    }

    fn person(&self, speaker: &Speaker) -> String {
        let source = self.source;
        let name = source.name_of(speaker);
        if is_placeholder(speaker) {
            return name;
        }
        let honorific = speaker.honorific.as_ref().map(|text| format!("{} ", source.text(text))).unwrap_or_default();
        let organisation = speaker.organisation.as_ref().and_then(|code| source.snapshot.organisation(code));
        let affiliation = [speaker.position.as_ref(), organisation.map(|organisation| &organisation.name)];
        let affiliation: Vec<&str> = affiliation.into_iter().flatten().map(|text| source.text(text)).collect();
        let affiliation = if affiliation.is_empty() { String::new() } else { format!(" ({})", affiliation.join(", ")) };
        format!("{honorific}{name}{affiliation}")
    }
}

/// The time of the last change, and how often the time or the place changed: of two versions of an event, readers keep
/// the one with the higher number.
fn write_stamp(lines: &mut Lines, changed_at: DateTime<Utc>, sequence: u32) {
    lines.instant("DTSTAMP", changed_at);
    lines.instant("LAST-MODIFIED", changed_at);
    lines.raw("SEQUENCE", &sequence.to_string());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::{
        agenda::{ConferenceRef, model},
        ids::Id,
        programme::{Snapshot, history::SlotStatus, release::ReleaseRow},
        values::{LanguageTag, TextValue as _},
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// A release of two sessions, `opening` with an item and `closing`, at noon.
    fn snapshot() -> Snapshot {
        let session = |code: &str, hour: u32| {
            json!({ "code": code, "kind": "thematic", "title": { "en": code, "fr": format!("{code} (fr)") },
                    "starts_at": format!("2030-05-01T{hour:02}:00"), "ends_at": format!("2030-05-01T{hour:02}:30") })
        };
        let mut opening = session("opening", 9);
        opening["items"] = json!([{ "code": "welcome", "kind": "statement", "title": "Welcome",
            "time_limit_minutes": 10, "appearances": [{ "speaker": "ada", "role": "speaker" }] },
            { "code": "reply", "kind": "statement", "title": "Reply",
              "appearances": [{ "speaker": "bob", "role": "speaker", "on_behalf_of": "ada" }] }]);
        let mut agenda = model::read(json!({
            "conference": { "slug": "small", "name": "Small", "starts_on": "2030-05-01", "ends_on": "2030-05-01",
                            "time_zone": "Europe/Brussels", "languages": ["en", "fr"] },
            "speakers": [{ "code": "ada", "family_name": "Ada" }, { "code": "bob", "family_name": "Bob" }],
            "sessions": [session("closing", 17), opening],
        }))
        .unwrap();
        agenda.adopt_ids(None).unwrap();
        let conference = ConferenceRef { id: Id::from_uuid(Uuid::nil()), slug: Code::parse("small").unwrap() };
        Snapshot::new(conference, ReleaseRow::of_draft(at("2030-01-01T12:00:00Z")), agenda)
            .with_uid_host("events.example.org")
    }

    /// A former slot, at ten in a hall.
    fn released_slot(status: SlotStatus, codes: &[&str], session: Option<Uuid>) -> ReleasedSlot {
        ReleasedSlot {
            status,
            guid: Uuid::from_u128(7),
            session,
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            title: BTreeMap::from([("fr".to_owned(), "Perdue".to_owned()), ("en".to_owned(), "Lost".to_owned())]),
            starts_at: at("2030-05-01T08:00:00Z"),
            ends_at: at("2030-05-01T09:00:00Z"),
            room: None,
            room_name: Some(BTreeMap::from([("nl".to_owned(), "Zaal".to_owned())])),
            sequence: 3,
            changed_at: at("2029-06-01T12:00:00Z"),
            digest: String::new(),
            is_placeholder: false,
        }
    }

    fn with_source<T>(snapshot: &Snapshot, read: impl FnOnce(&Source<'_>) -> T) -> T {
        let language = LanguageTag::parse("fr").unwrap();
        read(&Source { snapshot, language: &language, base_url: "https://events.example.org:8443/x" })
    }

    /// The values of the properties of this name, in their order.
    fn values(calendar: &[u8], name: &str) -> Vec<String> {
        let text = String::from_utf8(calendar.to_vec()).unwrap().replace("\r\n ", "");
        text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned)).collect()
    }

    fn selected(snapshot: &Snapshot, list: &str) -> Result<Vec<String>, ValidationErrors> {
        with_source(snapshot, |source| write_selection(source, list)).map(|calendar| values(&calendar, "SUMMARY"))
    }

    #[test]
    fn an_event_has_the_stamps_of_its_history_else_that_of_the_release() {
        let mut snapshot = snapshot();
        let opening = id_of(&snapshot.agenda.sessions[0]);
        snapshot.history.0.insert(opening, released_slot(SlotStatus::InProgramme, &["opening"], None));
        let calendar = with_source(&snapshot, write);
        assert_eq!(values(&calendar, "SUMMARY"), ["opening (fr)", "Welcome", "closing (fr)"]);
        assert_eq!(values(&calendar, "SEQUENCE"), ["3", "0", "0"]);
        let stamps = ["20290601T120000Z", "20300101T120000Z", "20300101T120000Z"];
        assert_eq!(values(&calendar, "DTSTAMP"), stamps);
        assert_eq!(values(&calendar, "LAST-MODIFIED"), stamps);
        assert_eq!(values(&calendar, "DTSTART")[0], "20300501T070000Z");
        let uids = values(&calendar, "UID");
        assert_eq!(uids[0], format!("{opening}@events.example.org"), "without the port");
        assert_eq!(values(&calendar, "RELATED-TO;RELTYPE=PARENT"), [uids[0].clone()]);
        assert_eq!(values(&calendar, "LOCATION"), ["Small"; 3], "no event is without a place");
        let source = "https://events.example.org:8443/x/api/v1/conferences/small/programme.ics?lang=fr";
        assert_eq!(values(&calendar, "SOURCE;VALUE=URI"), [source]);
    }

    #[test]
    fn removed_slots_stay_as_cancelled_and_hidden_slots_do_not() {
        let mut snapshot = snapshot();
        let (lost, item, hidden) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let of_lost = ReleasedSlot { guid: item, ..released_slot(SlotStatus::Cancelled, &["lost-item"], Some(lost)) };
        snapshot.history.0.insert(lost, released_slot(SlotStatus::Cancelled, &["lost"], None));
        snapshot.history.0.insert(item, of_lost);
        snapshot.history.0.insert(hidden, released_slot(SlotStatus::NotVisible, &["hidden"], None));
        let calendar = with_source(&snapshot, write);
        assert_eq!(values(&calendar, "STATUS"), ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED", "CANCELLED"]);
        let last = |name: &str| values(&calendar, name).pop().unwrap();
        assert_eq!([last("SUMMARY"), last("LOCATION"), last("SEQUENCE")], ["Perdue", "Zaal", "3"]);
        assert_eq!([last("DTSTART"), last("DTEND")], ["20300501T080000Z", "20300501T090000Z"]);
        assert_eq!(last("DTSTAMP"), "20290601T120000Z");
        assert_eq!(last("UID"), format!("{item}@events.example.org"));
        assert_eq!(last("RELATED-TO;RELTYPE=PARENT"), format!("{}@events.example.org", Uuid::from_u128(7)));
    }

    #[test]
    fn every_session_that_ever_existed_can_be_selected() {
        let mut snapshot = snapshot();
        let (closing, lost, hidden) = (id_of(&snapshot.agenda.sessions[1]), Uuid::from_u128(1), Uuid::from_u128(3));
        snapshot.history.0.insert(closing, released_slot(SlotStatus::InProgramme, &["farewell", "closing"], None));
        snapshot.history.0.insert(lost, released_slot(SlotStatus::Cancelled, &["old", "lost", "opening"], None));
        snapshot
            .history
            .0
            .insert(hidden, ReleasedSlot { guid: hidden, ..released_slot(SlotStatus::NotVisible, &["hidden"], None) });
        snapshot.history.0.insert(Uuid::from_u128(4), released_slot(SlotStatus::Cancelled, &["lost-item"], Some(lost)));
        assert_eq!(selected(&snapshot, "farewell").unwrap(), ["closing (fr)"], "renamed");
        assert_eq!(selected(&snapshot, "closing,opening").unwrap(), ["opening (fr)", "Welcome", "closing (fr)"]);
        assert_eq!(selected(&snapshot, "old").unwrap(), ["Perdue", "Perdue"], "cancelled, with its item");
        assert_eq!(selected(&snapshot, &lost.to_string()).unwrap(), ["Perdue", "Perdue"]);
        assert_eq!(selected(&snapshot, "hidden").unwrap(), Vec::<String>::new());
        assert_eq!(selected(&snapshot, &format!("{hidden},closing")).unwrap(), ["closing (fr)"]);
        let errors = selected(&snapshot, "closing,never,lost-item").unwrap_err();
        let details: Vec<_> = errors.0.iter().map(|error| error.detail.as_str()).collect();
        assert_eq!(details, ["never is no session of the programme", "lost-item is no session of the programme"]);
        let session = |code: &str| with_source(&snapshot, |source| write_session(source, &Code::parse(code).unwrap()));
        assert_eq!(values(&session("farewell").unwrap(), "SUMMARY"), ["closing (fr)"]);
        let lost = session("lost").unwrap();
        assert_eq!((values(&lost, "STATUS").len(), values(&lost, "NAME")), (2, vec!["Small\u{a0}: Perdue".to_owned()]));
        let hidden = session("hidden").unwrap();
        assert_eq!(values(&hidden, "BEGIN"), ["VCALENDAR", "VTIMEZONE", "STANDARD"]);
        assert_eq!(values(&hidden, "NAME"), ["Small"], "what is hidden is not named either");
        assert_eq!(session("never"), None);
    }

    #[test]
    fn a_speaker_s_calendar_has_the_session_of_an_item_whose_time_is_not_known() {
        let snapshot = snapshot();
        let of = |code: &str| {
            let speaker = snapshot.speaker(&Code::parse(code).unwrap()).unwrap();
            with_source(&snapshot, |source| write_speaker(source, speaker))
        };
        assert_eq!(values(&of("ada"), "SUMMARY"), ["Welcome"]);
        assert_eq!(values(&of("bob"), "SUMMARY"), ["opening (fr)"]);
        let description =
            "09:00–09:10 Welcome\\nIntervention\u{a0}: Ada\\n\\nReply\\nIntervention\u{a0}: Bob\\, au nom d’Ada";
        assert_eq!(values(&of("bob"), "DESCRIPTION"), [description]);
    }
}
