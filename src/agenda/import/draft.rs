//! Composing: joins the content of a file with a draft into the document of the new draft.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::{Value, json};

use super::{
    Content, ImportFile, ImportOptions,
    days::{self, Day, EventStart},
    list::{ImportedList, Node, assign_codes, has_text, set_text},
    people,
    report::Report,
    schedule::{ConferenceDate, Event, Schedule},
    sessions,
    target::document,
};
use crate::{
    agenda::{
        Agenda,
        import::target::{Composed, Counts, Target},
    },
    csv_table::line_pointer,
    validation::{ValidationError, ValidationErrors},
    values::{Code, LanguageTag, LocalOrInstant, TextValue as _, TimeZone},
};

/// Composes the new draft of `slug` from the file and the present draft.
///
/// # Errors
/// The errors that the file causes in this conference, by line.
pub fn compose(
    file: &ImportFile,
    draft: Option<&Agenda>,
    slug: &Code,
    options: &ImportOptions,
) -> Result<Composed, ValidationErrors> {
    match (&file.content, draft) {
        (Content::Schedule(schedule), _) => compose_schedule(schedule, &file.report, draft, slug, options),
        (Content::Speakers(rows), Some(draft)) => people::compose_table(rows, &file.report, draft, options),
        (Content::Speakers(_), None) => {
            let detail = "a table of speakers needs an existing conference";
            Err(ValidationErrors(vec![ValidationError::at(line_pointer(1), "no_conference", detail)]))
        }
    }
}

fn compose_schedule(
    schedule: &Schedule,
    report: &Report,
    draft: Option<&Agenda>,
    slug: &Code,
    options: &ImportOptions,
) -> Result<Composed, ValidationErrors> {
    let mut report = report.clone();
    let target = target(schedule, draft, options, &mut report);
    let starts = starts(schedule, &target, options)?;
    let days = days::compose_days(&schedule.days, &starts, target.zone, &mut report);
    let mut document = document(draft);
    if draft.is_none() {
        document.insert("conference".to_owned(), conference(schedule, slug, &target, &days)?);
    }
    let mut take_list = |name: &str, key| ImportedList::of(document.remove(name), key, options.mode);
    let (mut day_list, mut room_list, mut track_list) =
        (take_list("days", "date"), take_list("rooms", "code"), take_list("tracks", "code"));
    let (mut speaker_list, mut session_list) = (take_list("speakers", "code"), take_list("sessions", "code"));
    let mut day_lines = HashMap::new();
    for day in &days {
        let date = day.date.to_string();
        let node = day_list.node(&date);
        if let Some(changeover) = day.changeover {
            node.insert("changeover".to_owned(), Value::from(changeover.format("%H:%M").to_string()));
        }
        day_lines.insert(date, day.line);
    }
    let room_names: Vec<&str> = schedule.rooms.iter().map(|(name, _)| name.as_str()).collect();
    let draft_names = draft.map(|draft| draft.rooms.iter().map(|room| (&room.code, room.name.map())).collect());
    let room_codes = add_named_things(&mut room_list, &room_names, draft_names, "room", &target.language);
    for (name, capacity) in &schedule.rooms {
        if let (Some(capacity), Some(code)) = (capacity, room_codes.get(name)) {
            room_list.node(code).insert("capacity".to_owned(), Value::from(*capacity));
        }
    }
    let track_names: Vec<&str> = schedule.tracks.iter().map(String::as_str).collect();
    let draft_names = draft.map(|draft| draft.tracks.iter().map(|track| (&track.code, track.name.map())).collect());
    let track_codes = add_named_things(&mut track_list, &track_names, draft_names, "track", &target.language);
    let speaker_codes = people::add_schedule_speakers(&mut speaker_list, &schedule.people.list, &target);
    let codes = super::sessions::ReferenceCodes { rooms: room_codes, tracks: track_codes, speakers: speaker_codes };
    let in_start_order = in_start_order(&schedule.events, &starts);
    let session_lines = sessions::add_events(&mut session_list, &in_start_order, &codes, &target);
    let counts = Counts {
        days: days.len(),
        rooms: schedule.rooms.len(),
        tracks: schedule.tracks.len(),
        sessions: schedule.events.len(),
        speakers: schedule.people.list.len(),
    };
    let mut composed = Composed::new(report, counts, people::name_readings(&schedule.people.list));
    let speaker_lines = codes.speakers.iter().cloned().zip(schedule.people.list.iter().map(|person| person.line));
    let speaker_lines: HashMap<String, usize> = speaker_lines.collect();
    let lists = [
        ("days", day_list, day_lines),
        ("rooms", room_list, HashMap::new()),
        ("tracks", track_list, HashMap::new()),
        ("speakers", speaker_list, speaker_lines),
        ("sessions", session_list, session_lines),
    ];
    for (name, list, lines) in lists {
        let (codes, value) = list.into_value();
        composed.record_lines(name, &codes, &lines);
        document.insert(name.to_owned(), value);
    }
    composed.document = Value::Object(document);
    Ok(composed)
}

fn target<'a>(
    schedule: &Schedule,
    draft: Option<&'a Agenda>,
    options: &ImportOptions,
    report: &mut Report,
) -> Target<'a> {
    let (languages, zone) = match draft {
        Some(draft) => {
            let zone = draft.conference.time_zone;
            if options.time_zone.is_some_and(|requested| requested.0 != zone.0) {
                let name = zone.0.name();
                let detail = "its time_zone is not changed; PATCH /agenda/conference does that";
                report.note("time_zone", format!("the conference is in {name}: {detail}"), None);
            }
            (draft.conference.languages.clone(), zone)
        }
        None => {
            let zone = options.time_zone.or(schedule.time_zone).unwrap_or_else(|| guessed_zone(schedule, report));
            (languages(&schedule.events), zone)
        }
    };
    let language = languages.first().map_or("en", LanguageTag::as_str).to_owned();
    Target { draft, language, languages, zone }
}

/// Languages of the events, the most frequent first; English if no event names one.
fn languages(events: &[Event]) -> Vec<LanguageTag> {
    let mut counts: Vec<(LanguageTag, usize)> = Vec::new();
    for tag in events.iter().flat_map(|event| &event.languages) {
        match counts.iter_mut().find(|(counted_tag, _)| counted_tag == tag) {
            Some((_, count)) => *count += 1,
            None => counts.push((tag.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut languages: Vec<_> = counts.into_iter().map(|(tag, _)| tag).collect();
    if languages.is_empty() {
        languages.extend(LanguageTag::parse("en"));
    }
    languages
}

/// Time zone of a file that names none: the one of the offset that all its events share, else UTC.
fn guessed_zone(schedule: &Schedule, report: &mut Report) -> TimeZone {
    let offset = |event: &Event| match event.starts_at {
        LocalOrInstant::Instant(instant) => Some(instant.offset().local_minus_utc()),
        LocalOrInstant::Wall(_) => None,
    };
    let mut offsets = schedule.events.iter().map(offset);
    let first = offsets.next().flatten().filter(|first| offsets.all(|offset| offset == Some(*first)));
    let hours = first.filter(|seconds| seconds % 3600 == 0).map(|seconds| seconds / 3600);
    // The signs of these IANA names are inverted: `Etc/GMT-2` is UTC+2.
    let name = hours.filter(|hours| *hours != 0).map(|hours| format!("Etc/GMT{:+}", -hours));
    let zone = name.and_then(|name| TimeZone::parse(&name).ok()).unwrap_or(TimeZone(chrono_tz::UTC));
    let detail =
        format!("the file names no time zone: {} is used; name another with --time-zone or ?time_zone=", zone.0.name());
    report.note("time_zone", detail, None);
    zone
}

/// Start, line and day of each event, in the target's time zone.
fn starts(
    schedule: &Schedule,
    target: &Target<'_>,
    options: &ImportOptions,
) -> Result<Vec<EventStart>, ValidationErrors> {
    let zone = options.time_zone.or(schedule.time_zone).unwrap_or(target.zone);
    let mut errors = ValidationErrors::default();
    let mut starts = Vec::with_capacity(schedule.events.len());
    for event in &schedule.events {
        let local = event.starts_at.resolve(zone).map(|instant| target.zone.local(instant.to_utc()));
        match local {
            Ok(starts_at) => starts.push(EventStart { starts_at, line: event.line, listed_day: event.day }),
            Err(error) => errors.add(line_pointer(event.line), &error.code, format!("the start {}", error.detail)),
        }
    }
    errors.into_result(starts)
}

/// Events by start; events that start together stay in the file's order.
fn in_start_order<'a>(events: &'a [Event], starts: &[EventStart]) -> Vec<(&'a Event, DateTime<FixedOffset>)> {
    let mut in_start_order: Vec<_> = events.iter().zip(starts.iter().map(|start| start.starts_at)).collect();
    in_start_order.sort_by_key(|(_, start)| *start);
    in_start_order
}

fn conference(schedule: &Schedule, slug: &Code, target: &Target<'_>, days: &[Day]) -> Result<Value, ValidationErrors> {
    let date = |conference_date: ConferenceDate| match conference_date {
        ConferenceDate::Date(date) => date,
        ConferenceDate::Instant(instant) => target.zone.local(instant.to_utc()).date_naive(),
    };
    let dates = || days.iter().map(|day| day.date);
    let first = schedule.starts_on.map(date).into_iter().chain(dates()).min();
    let last = schedule.ends_on.map(date).into_iter().chain(dates()).max();
    let (Some(first), Some(last)) = (first.or(last), last.or(first)) else {
        let error = ValidationError::at(
            line_pointer(1),
            "required",
            "the file names no dates: neither of the conference nor of a day",
        );
        return Err(ValidationErrors(vec![error]));
    };
    let name = schedule.name.as_deref().or(schedule.acronym.as_deref()).unwrap_or(slug.as_str());
    let text = |text: &str| json!({ &target.language: text });
    let venue =
        schedule.venue.as_ref().map(|(name, city)| json!({ "name": text(name), "city": city.as_deref().map(text) }));
    let (first, last) = plausible_dates(first, last, days);
    Ok(json!({
        "slug": slug.as_str(),
        "name": text(name),
        "description": schedule.description.as_deref().map(text),
        "starts_on": first.to_string(),
        "ends_on": last.to_string(),
        "time_zone": target.zone.0.name(),
        "languages": target.languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>(),
        "venue": venue,
    }))
}

/// A conference of more than a year is a mistake in the file: the dates of its days are used instead.
fn plausible_dates(first: NaiveDate, last: NaiveDate, days: &[Day]) -> (NaiveDate, NaiveDate) {
    match (days.first(), days.last()) {
        (Some(first_day), Some(last_day)) if (last - first).num_days() > 365 => (first_day.date, last_day.date),
        _ => (first, last),
    }
}

type NamesByCode<'a> = Vec<(&'a Code, &'a std::collections::BTreeMap<String, String>)>;

/// Puts things that have a code and a name into a list. Returns the code of each name.
fn add_named_things(
    list: &mut ImportedList,
    names: &[&str],
    draft_names: Option<NamesByCode<'_>>,
    noun: &str,
    language: &str,
) -> HashMap<String, String> {
    let draft_names: Vec<(String, Vec<String>)> = draft_names
        .into_iter()
        .flatten()
        .map(|(code, names)| (code.as_str().to_owned(), names.values().cloned().collect()))
        .collect();
    let codes = assign_codes(names, &draft_names, noun);
    for (name, code) in names.iter().zip(&codes) {
        let draft_name = list.draft_node(code).and_then(|draft_name| draft_name.get("name")).cloned();
        let node: &mut Node = list.node(code);
        node.entry("name").or_insert_with(|| draft_name.unwrap_or_else(|| json!({})));
        if !has_text(node, "name", name) {
            set_text(node, "name", language, name);
        }
    }
    names.iter().map(|name| (*name).to_owned()).zip(codes).collect()
}
