//! References and times in a document, checked on the JSON itself, so that an error elsewhere in the document hides
//! none of these.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::{
    validation::{ValidationErrors, escaped},
    values::{Date, LocalOrInstant, TextValue as _, TimeZone},
};

/// Places that define codes, and the kind of thing that they define.
const DEFINITIONS: &[(&str, &str)] = &[
    ("/organisations/*/code", "organisation"),
    ("/days/*/date", "day"),
    ("/rooms/*/code", "room"),
    ("/tracks/*/code", "track"),
    ("/speakers/*/code", "speaker"),
    ("/sessions/*/code", "session"),
    ("/sessions/*/items/*/code", "item"),
];

/// Places that refer to codes, and the kind of thing that they refer to.
const REFERENCES: &[(&str, &str)] = &[
    ("/conference/organisations/*/organisation", "organisation"),
    ("/speakers/*/organisation", "organisation"),
    ("/sessions/*/room", "room"),
    ("/sessions/*/track", "track"),
    ("/sessions/*/appearances/*/speaker", "speaker"),
    ("/sessions/*/items/*/appearances/*/speaker", "speaker"),
    ("/sessions/*/appearances/*/on_behalf_of", "speaker"),
    ("/sessions/*/items/*/appearances/*/on_behalf_of", "speaker"),
    ("/call_for_action/issued_by/speaker", "speaker"),
    ("/call_for_action/issued_by/organisation", "organisation"),
];

/// Longest conference, in days.
const DAYS_MAX: i64 = 366;

/// Every code that is defined twice, every reference to an unknown code, and every time that does not exist.
pub fn check(document: &Value) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    let mut defined: HashMap<(&str, &str), String> = HashMap::new();
    for (pattern, noun) in DEFINITIONS {
        for_each_text(document, pattern, &mut |pointer, code| {
            if let Some(first) = defined.get(&(*noun, code)) {
                errors.add(pointer, "duplicate", format!("is also the {noun} at {first}"));
            } else {
                defined.insert((*noun, code), pointer);
            }
        });
    }
    for (pattern, noun) in REFERENCES {
        for_each_text(document, pattern, &mut |pointer, code| {
            if !defined.contains_key(&(*noun, code)) {
                errors.add(pointer, "unknown_reference", format!("there is no {noun} {code}"));
            }
        });
    }
    check_dates(document, &mut errors);
    check_times(document, &mut errors);
    errors
}

/// Changes every reference to the `noun` with code `from` into one to `to`.
pub fn rename(document: &mut Value, noun: &str, from: &str, to: &str) {
    let pointers: Vec<String> = REFERENCES
        .iter()
        .filter(|(_, referred_noun)| *referred_noun == noun)
        .flat_map(|(pattern, _)| {
            let mut of_pattern = Vec::new();
            for_each_text(document, pattern, &mut |pointer, code| {
                if code == from {
                    of_pattern.push(pointer.trim_start_matches('#').to_owned());
                }
            });
            of_pattern
        })
        .collect();
    for pointer in pointers {
        if let Some(value) = document.pointer_mut(&pointer) {
            *value = Value::from(to);
        }
    }
}

/// Visits every string at `pattern`, in which `*` stands for each element of a list.
fn for_each_text<'a>(document: &'a Value, pattern: &str, visit: &mut impl FnMut(String, &'a str)) {
    fn walk<'a>(value: &'a Value, rest: &[&str], pointer: String, visit: &mut impl FnMut(String, &'a str)) {
        match (rest, value) {
            ([], Value::String(text)) => visit(pointer, text),
            (["*", rest @ ..], Value::Array(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    walk(element, rest, format!("{pointer}/{index}"), visit);
                }
            }
            ([key, rest @ ..], Value::Object(members)) => {
                if let Some(member) = members.get(*key) {
                    walk(member, rest, format!("{pointer}/{}", escaped(key)), visit);
                }
            }
            _ => {}
        }
    }
    let parts: Vec<&str> = pattern.split('/').skip(1).collect();
    walk(document, &parts, "#".to_owned(), visit);
}

fn text<'a>(document: &'a Value, pointer: &str) -> Option<&'a str> {
    document.pointer(pointer).and_then(Value::as_str)
}

fn check_dates(document: &Value, errors: &mut ValidationErrors) {
    let date = |pointer| text(document, pointer).and_then(|text| Date::parse(text).ok());
    let (Some(first), Some(last)) = (date("/conference/starts_on"), date("/conference/ends_on")) else {
        return;
    };
    if last < first {
        errors.add("#/conference/ends_on", "ends_before_start", format!("is before starts_on, {first}"));
    } else if (last.0 - first.0).num_days() >= DAYS_MAX {
        errors.add("#/conference/ends_on", "too_long", format!("a conference has at most {DAYS_MAX} days"));
    }
    for_each_text(document, "/days/*/date", &mut |pointer, day| {
        if Date::parse(day).is_ok_and(|day| !(first..=last).contains(&day)) {
            errors.add(pointer, "outside_conference", format!("must be from {first} to {last}"));
        }
    });
}

fn check_times(document: &Value, errors: &mut ValidationErrors) {
    let Some(zone) = text(document, "/conference/time_zone").and_then(|text| TimeZone::parse(text).ok()) else {
        return;
    };
    for pattern in [
        "/speakers/*/public_from",
        "/sessions/*/public_from",
        "/sessions/*/items/*/public_from",
        "/sessions/*/items/*/inscribed_at",
    ] {
        for_each_text(document, pattern, &mut |pointer, text| {
            if let Ok(Err(error)) = LocalOrInstant::parse(text).map(|time| time.resolve(zone)) {
                errors.add(pointer, &error.code, error.detail);
            }
        });
    }
    let sessions = document.pointer("/sessions").and_then(Value::as_array);
    for (index, session) in sessions.into_iter().flatten().enumerate() {
        let mut instant = |key: &str| -> Option<DateTime<FixedOffset>> {
            // [`crate::agenda::model::read`] reports a text that is no time.
            let time = session.get(key).and_then(Value::as_str).and_then(|text| LocalOrInstant::parse(text).ok())?;
            time.resolve(zone)
                .map_err(|error| errors.add(format!("#/sessions/{index}/{key}"), &error.code, error.detail))
                .ok()
        };
        if let (Some(starts_at), Some(ends_at)) = (instant("starts_at"), instant("ends_at"))
            && ends_at <= starts_at
        {
            errors.add(
                format!("#/sessions/{index}/ends_at"),
                "ends_before_start",
                format!("must be after starts_at, {}", starts_at.to_rfc3339()),
            );
        }
    }
}
