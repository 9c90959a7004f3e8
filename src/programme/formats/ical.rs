//! The programme as a calendar (RFC 5545, RFC 7986): an event for each session, and one related to it for each item
//! whose time is known.
//!
//! People subscribe to a calendar, so it lives longer than a release. An event therefore keeps its `UID` in every
//! release, a cancelled event stays in the calendar with the status `CANCELLED`, and the calendar of a former session
//! stays available for ever.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use url::{Url, form_urlencoded};
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
    let feed = Feed { path: "/programme.ics".to_owned(), name: conference_name(source).to_owned(), sessions: None };
    let cancelled = source.snapshot.history.cancelled().collect();
    calendar(source, &feed, slots(&source.snapshot.agenda), cancelled)
}

/// The sessions of a list of codes and ids, in the order of the programme.
///
/// # Errors
/// The list is empty or too long, or names something that never was a session.
pub fn write_selection(source: &Source<'_>, list: &str) -> Result<Vec<u8>, ValidationErrors> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let wanted = select(source, &names)?;
    let feed = Feed {
        path: "/programme.ics".to_owned(),
        name: conference_name(source).to_owned(),
        sessions: Some(names.join(",")),
    };
    Ok(of_sessions(source, &feed, &wanted))
}

/// A session and its items, by a code that the session has or had; `None` if there never was such a session.
pub fn write_session(source: &Source<'_>, code: &Code) -> Option<Vec<u8>> {
    let id = find_session(source, code.as_str())?;
    let agenda = &source.snapshot.agenda;
    let standing = agenda.sessions.iter().find(|session| id_of(session) == id);
    let title = standing.map(|session| source.text(&session.title).to_owned());
    // A session that is hidden now is not named.
    let cancelled = || source.snapshot.history.of(id).filter(|past| past.fate == SlotStatus::Cancelled);
    let title = title.or_else(|| Some(past_text(source, &cancelled()?.title)));
    let name = title.map_or_else(|| conference_name(source).to_owned(), |title| titled(source, &title));
    let feed = Feed { path: format!("/programme/sessions/{code}.ics"), name, sessions: None };
    Some(of_sessions(source, &feed, &HashSet::from([id])))
}

/// Everything in which a speaker appears: sessions, and items or, where the time of an item is not known, its session.
pub fn write_speaker(source: &Source<'_>, speaker: &Speaker) -> Vec<u8> {
    let name = titled(source, &source.name_of(speaker));
    let feed = Feed { path: format!("/programme/speakers/{}.ics", speaker.code), name, sessions: None };
    let sessions = source.snapshot.agenda.sessions.iter();
    calendar(source, &feed, sessions.flat_map(|session| slots_with(session, &speaker.code)), Vec::new())
}

/// The address and the name of a calendar.
struct Feed {
    /// The path after the address of the conference.
    path: String,
    name: String,
    /// The value of `?sessions=`.
    sessions: Option<String>,
}

impl Feed {
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
fn titled(source: &Source<'_>, title: &str) -> String {
    format!("{}{}{title}", conference_name(source), source.phrases().colon())
}

/// The id of a session; everything that was released has one.
fn id_of(session: &Session) -> Uuid {
    session.id.map(|id| id.uuid()).unwrap_or_default()
}

/// The ids of the sessions that the codes and ids name.
fn select(source: &Source<'_>, names: &[&str]) -> Result<HashSet<Uuid>, ValidationErrors> {
    let mut faults = ValidationErrors::default();
    if names.is_empty() {
        faults.add("?sessions", "unknown_reference", "names no session");
    }
    if names.len() > SELECTED_MAX {
        faults.add("?sessions", "too_long", format!("at most {SELECTED_MAX} sessions are selected"));
        return Err(faults);
    }
    let mut wanted = HashSet::new();
    for name in names {
        match find_session(source, name) {
            Some(id) => _ = wanted.insert(id),
            None => faults.add("?sessions", "unknown_reference", format!("{name} is no session of the programme")),
        }
    }
    faults.or(wanted)
}

/// The id of the session that a code or an id names or ever named. A code that passed from one session to another names
/// the current one, otherwise the one that changed last.
fn find_session(source: &Source<'_>, name: &str) -> Option<Uuid> {
    let asked = Uuid::parse_str(name).ok();
    let mut sessions = source.snapshot.agenda.sessions.iter();
    let is_asked = |id: Uuid, guid: Uuid| asked.is_some_and(|asked| asked == id || asked == guid);
    let standing = sessions
        .find(|session| session.code.as_str() == name || is_asked(id_of(session), session_guid(session)))
        .map(id_of);
    let past = || {
        let sessions = source.snapshot.history.0.iter().filter(|(_, past)| past.session.is_none());
        let named =
            sessions.filter(|(id, past)| past.codes.iter().any(|code| code == name) || is_asked(**id, past.guid));
        named.max_by_key(|(id, past)| (past.changed_at, **id)).map(|(id, _)| *id)
    };
    standing.or_else(past)
}

/// The slots of a session in which a speaker appears.
fn slots_with<'a>(session: &'a Session, speaker: &Code) -> Vec<Slot<'a>> {
    let appears = |appearances: &[Appearance]| appearances.iter().any(|found| found.speaker == *speaker);
    let spans = item_spans(session);
    let mut items = session.items.iter().zip(&spans);
    let whole = appears(&session.appearances) || items.any(|(item, span)| span.is_none() && appears(&item.appearances));
    let is_wanted = |slot: &Slot<'_>| slot.item.map_or(whole, |item| appears(&item.appearances));
    slots_of(session).filter(is_wanted).collect()
}

/// The calendar of these sessions and their items, including cancelled ones.
fn of_sessions(source: &Source<'_>, feed: &Feed, wanted: &HashSet<Uuid>) -> Vec<u8> {
    let standing = slots(&source.snapshot.agenda).filter(|slot| wanted.contains(&id_of(slot.session)));
    let is_wanted = |(id, past): &(Uuid, &ReleasedSlot)| wanted.contains(&past.session.unwrap_or(*id));
    let cancelled = source.snapshot.history.cancelled().filter(is_wanted).collect();
    calendar(source, feed, standing, cancelled)
}

fn calendar<'a>(
    source: &Source<'a>,
    feed: &Feed,
    standing: impl Iterator<Item = Slot<'a>>,
    mut cancelled: Vec<(Uuid, &ReleasedSlot)>,
) -> Vec<u8> {
    let writer = Writer { source, host: host(source.base_url) };
    let mut lines = Lines::default();
    head(&mut lines, source, feed);
    let mut is_empty = cancelled.is_empty();
    for slot in standing {
        is_empty = false;
        writer.event(&mut lines, &slot);
    }
    cancelled.sort_by_key(|(id, past)| (past.starts_at, *id));
    for (_, past) in cancelled {
        writer.cancelled(&mut lines, past);
    }
    if is_empty {
        utc(&mut lines);
    }
    lines.raw("END", "VCALENDAR");
    lines.into_bytes()
}

/// The properties before the events. There is no `METHOD`: with `PUBLISH` every event would need the mail address of an
/// organiser (RFC 5546, 3.2.1), and a subscribed calendar needs no method.
fn head(lines: &mut Lines, source: &Source<'_>, feed: &Feed) {
    lines.raw("BEGIN", "VCALENDAR");
    lines.raw("VERSION", "2.0");
    lines.raw("PRODID", &format!("-//Plenary//Programme//{}", source.language.as_str().to_uppercase()));
    lines.raw("CALSCALE", "GREGORIAN");
    lines.text("NAME", &feed.name);
    lines.text("X-WR-CALNAME", &feed.name);
    lines.raw("SOURCE;VALUE=URI", &feed.url(source));
    lines.raw("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    lines.raw("X-PUBLISHED-TTL", "PT1H");
}

/// A calendar needs at least one component (RFC 5545, 3.6). A calendar without events contains the time zone of its
/// times.
fn utc(lines: &mut Lines) {
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

/// The host that makes a `UID` globally unique, without the port: the service stays the same on another port.
fn host(base_url: &str) -> String {
    let host = Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "plenary".to_owned())
}

/// A text of the history in the language of the document, otherwise in the first language of the conference that it
/// has, otherwise in any.
fn past_text(source: &Source<'_>, text: &std::collections::BTreeMap<String, String>) -> String {
    let text = Localised::of(text.clone());
    text.text(source.language.as_str(), &source.snapshot.agenda.conference.languages).to_owned()
}

struct Writer<'s, 'a> {
    source: &'s Source<'a>,
    host: String,
}

impl Writer<'_, '_> {
    fn uid(&self, guid: Uuid) -> String {
        format!("{guid}@{}", self.host)
    }

    fn event(&self, lines: &mut Lines, slot: &Slot<'_>) {
        let (source, session) = (self.source, slot.session);
        let past = source.snapshot.history.of(slot.id());
        let changed_at = past.map_or(source.snapshot.release.released_at, |past| past.changed_at);
        lines.raw("BEGIN", "VEVENT");
        lines.raw("UID", &self.uid(slot.guid()));
        stamp(lines, changed_at, past.map_or(0, |past| past.sequence));
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
            self.related(lines, session_guid(session));
        }
        lines.raw("STATUS", "CONFIRMED");
        lines.raw("CLASS", "PUBLIC");
        lines.raw("END", "VEVENT");
    }

    /// An event that was cancelled.
    fn cancelled(&self, lines: &mut Lines, past: &ReleasedSlot) {
        lines.raw("BEGIN", "VEVENT");
        lines.raw("UID", &self.uid(past.guid));
        stamp(lines, past.changed_at, past.sequence);
        lines.instant("DTSTART", past.starts_at);
        lines.instant("DTEND", past.ends_at);
        lines.text("SUMMARY", &past_text(self.source, &past.title));
        let room = past.room_name.as_ref().map(|name| past_text(self.source, name));
        lines.text("LOCATION", &self.location(room));
        if let Some(guid) = past.session.and_then(|id| self.guid_of(id)) {
            self.related(lines, guid);
        }
        lines.raw("STATUS", "CANCELLED");
        lines.raw("CLASS", "PUBLIC");
        lines.raw("END", "VEVENT");
    }

    fn related(&self, lines: &mut Lines, session: Uuid) {
        lines.raw("RELATED-TO;RELTYPE=PARENT", &self.uid(session));
    }

    /// The `guid` of a current or former session.
    fn guid_of(&self, session: Uuid) -> Option<Uuid> {
        let snapshot = self.source.snapshot;
        let standing = snapshot.agenda.sessions.iter().find(|found| id_of(found) == session).map(session_guid);
        standing.or_else(|| snapshot.history.of(session).map(|past| past.guid))
    }

    /// The place, never empty: some readers drop an event without a place.
    fn location(&self, room: Option<String>) -> String {
        // With the venue and its city: a map would find some other "Plenary hall".
        let venue = self.source.snapshot.agenda.venue_line(self.source.language.as_str());
        let known: Vec<String> = room.into_iter().chain(venue).collect();
        if known.is_empty() { conference_name(self.source).to_owned() } else { known.join(", ") }
    }

    fn categories(&self, slot: &Slot<'_>) -> String {
        let track = self.source.track_of(slot.session).map(|track| escaped(self.source.text(&track.name)));
        let kind = escaped(self.source.phrases().word(slot.kind()));
        track.into_iter().chain([kind]).collect::<Vec<_>>().join(",")
    }

    /// The abstract and the people; for a session, then its items.
    fn description(&self, slot: &Slot<'_>) -> String {
        let about = slot.description().map(|text| self.source.text(text).trim().to_owned());
        let appearances = slot.item.map_or(&slot.session.appearances, |item| &item.appearances);
        let mut parts: Vec<String> = about.into_iter().chain([self.appearances(appearances)]).collect();
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
        let role = phrases.word(appearance.role.as_str());
        let colon = phrases.colon();
        let speaker = self.person(source.snapshot.speaker(&appearance.speaker)?);
        let absent = appearance.on_behalf_of.as_ref().and_then(|code| source.snapshot.speaker(code));
        let behalf = phrases.behalf(absent.map(|absent| source.name_of(absent)).as_deref());
        Some(format!("{role}{colon}{speaker}{behalf}"))
    }

    fn person(&self, speaker: &Speaker) -> String {
        let source = self.source;
        let name = source.name_of(speaker);
        if is_placeholder(speaker) {
            return name;
        }
        let honorific = speaker.honorific.as_ref().map(|text| format!("{} ", source.text(text))).unwrap_or_default();
        let organisation = speaker.organisation.as_ref().and_then(|code| source.snapshot.organisation(code));
        let whence = [speaker.position.as_ref(), organisation.map(|organisation| &organisation.name)];
        let whence: Vec<&str> = whence.into_iter().flatten().map(|text| source.text(text)).collect();
        let whence = if whence.is_empty() { String::new() } else { format!(" ({})", whence.join(", ")) };
        format!("{honorific}{name}{whence}")
    }
}

/// The time of the last change, and how often the time or the place changed: of two versions of an event, readers keep
/// the one with the higher number.
fn stamp(lines: &mut Lines, changed_at: DateTime<Utc>, sequence: u32) {
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
        let place = ConferenceRef { id: Id::from_uuid(Uuid::nil()), slug: Code::parse("small").unwrap() };
        Snapshot::new(place, ReleaseRow::of_draft(at("2030-01-01T12:00:00Z")), agenda)
    }

    /// A former slot, at ten in a hall.
    fn past(fate: SlotStatus, codes: &[&str], session: Option<Uuid>) -> ReleasedSlot {
        ReleasedSlot {
            fate,
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
        snapshot.history.0.insert(opening, past(SlotStatus::Stands, &["opening"], None));
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
    fn what_was_called_off_stays_as_cancelled_and_what_is_not_to_be_seen_does_not() {
        let mut snapshot = snapshot();
        let (lost, item, hidden) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let of_lost = ReleasedSlot { guid: item, ..past(SlotStatus::Cancelled, &["lost-item"], Some(lost)) };
        snapshot.history.0.insert(lost, past(SlotStatus::Cancelled, &["lost"], None));
        snapshot.history.0.insert(item, of_lost);
        snapshot.history.0.insert(hidden, past(SlotStatus::Unseen, &["hidden"], None));
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
    fn what_was_ever_a_session_can_be_selected_for_ever() {
        let mut snapshot = snapshot();
        let (closing, lost, hidden) = (id_of(&snapshot.agenda.sessions[1]), Uuid::from_u128(1), Uuid::from_u128(3));
        snapshot.history.0.insert(closing, past(SlotStatus::Stands, &["farewell", "closing"], None));
        snapshot.history.0.insert(lost, past(SlotStatus::Cancelled, &["old", "lost", "opening"], None));
        snapshot.history.0.insert(hidden, ReleasedSlot { guid: hidden, ..past(SlotStatus::Unseen, &["hidden"], None) });
        snapshot.history.0.insert(Uuid::from_u128(4), past(SlotStatus::Cancelled, &["lost-item"], Some(lost)));
        assert_eq!(selected(&snapshot, "farewell").unwrap(), ["closing (fr)"], "renamed");
        assert_eq!(selected(&snapshot, "closing,opening").unwrap(), ["opening (fr)", "Welcome", "closing (fr)"]);
        assert_eq!(selected(&snapshot, "old").unwrap(), ["Perdue", "Perdue"], "cancelled, with its item");
        assert_eq!(selected(&snapshot, &lost.to_string()).unwrap(), ["Perdue", "Perdue"]);
        assert_eq!(selected(&snapshot, "hidden").unwrap(), Vec::<String>::new());
        assert_eq!(selected(&snapshot, &format!("{hidden},closing")).unwrap(), ["closing (fr)"]);
        let faults = selected(&snapshot, "closing,never,lost-item").unwrap_err();
        let details: Vec<_> = faults.0.iter().map(|fault| fault.detail.as_str()).collect();
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
