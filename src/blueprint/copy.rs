//! Copies a conference to start the next one: the same document with another slug and name, on other dates.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta};
use deserr::Deserr;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    validation::ValidationErrors,
    values::{Code, Date, Localised},
};

/// What the copy of a conference is to be.
#[derive(Debug, Clone, Deserr, Serialize, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct ConferenceCopy {
    /// Name of the copy in URLs: short and lower-case, such as `peace-2031`.
    pub slug: Code,
    /// First date of the copy (`YYYY-MM-DD`). All dates and times move by the same number of days and keep their local
    /// time.
    pub starts_on: Date,
    /// Name of the copy; the name of the original if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Localised>,
}

/// The members that contain a date of the conference.
const DATE_MEMBERS: &[&str] = &["starts_on", "ends_on", "date"];
/// The members that contain a time of the conference.
pub(super) const TIME_MEMBERS: &[&str] = &["starts_at", "ends_at", "opens_at", "closes_at", "public_from"];
/// The members that belong to the original only.
const OF_ORIGINAL_ONLY: &[&str] = &["id", "guid", "inscribed_at", "is_demonstration", "open_after_end"];

/// The document of the copy: without ids, with every date and local time moved by the same number of days.
pub fn document(mut original: Value, original_start: Date, request: &ConferenceCopy) -> Value {
    shift(&mut original, (request.starts_on.0 - original_start.0).num_days());
    if let Some(conference) = original.get_mut("conference").and_then(Value::as_object_mut) {
        conference.insert("slug".to_owned(), json!(request.slug));
        // Nobody finds a copy before its organisers say so; a private conference stays private.
        if conference.get("listing").and_then(Value::as_str) != Some("private") {
            conference.insert("listing".to_owned(), json!("unlisted"));
        }
        if let Some(name) = &request.name {
            let plain = name.plain().map(Value::from);
            conference.insert("name".to_owned(), plain.unwrap_or_else(|| json!(name)));
        }
    }
    original
}

fn shift(value: &mut Value, days: i64) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| shift(element, days)),
        Value::Object(members) => {
            members.retain(|name, _| !OF_ORIGINAL_ONLY.contains(&name.as_str()));
            for (name, member) in members {
                let shifted = match (name.as_str(), member.as_str()) {
                    (name, Some(text)) if DATE_MEMBERS.contains(&name) => shifted_date(text, days),
                    (name, Some(text)) if TIME_MEMBERS.contains(&name) => shifted_time(text, days),
                    _ => None,
                };
                match shifted {
                    Some(text) => *member = Value::from(text),
                    None => shift(member, days),
                }
            }
        }
        _ => {}
    }
}

fn shifted_date(text: &str, days: i64) -> Option<String> {
    let date: NaiveDate = text.parse().ok()?;
    Some(date.checked_add_signed(TimeDelta::try_days(days)?)?.to_string())
}

/// The same local time on another date. Its offset is that of the time zone on that date.
fn shifted_time(text: &str, days: i64) -> Option<String> {
    let wall: NaiveDateTime = DateTime::parse_from_rfc3339(text).ok()?.naive_local();
    let day_count = Days::new(days.unsigned_abs());
    let shifted = if days < 0 { wall.checked_sub_days(day_count) } else { wall.checked_add_days(day_count) };
    Some(shifted?.format("%Y-%m-%dT%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn a_copy_has_no_ids_and_every_date_and_wall_time_is_shifted() {
        let original = json!({
            "conference": { "id": "x", "slug": "a", "name": { "en": "A" }, "starts_on": "2014-03-31",
                "ends_on": "2014-04-01", "is_demonstration": true },
            "registration": { "open_after_end": true, "check_in": { "opens_at": "2014-03-30T16:00:00+02:00" } },
            "days": [{ "id": "y", "date": "2014-04-01" }],
            "speakers": [{ "took_office_on": "2010-01-01" }],
            "sessions": [{ "guid": "z", "starts_at": "2014-03-31T09:00:00+02:00", "items": [{ "inscribed_at": "2014-01-01T00:00:00Z" }] }],
        });
        let copy = ConferenceCopy {
            slug: Code::parse("b").unwrap(),
            starts_on: Date::parse("2015-01-12").unwrap(),
            name: Some(Localised::new("en", "B")),
        };
        let copied = document(original, Date::parse("2014-03-31").unwrap(), &copy);
        assert_eq!(
            copied,
            json!({
                "conference": { "slug": "b", "name": { "en": "B" }, "starts_on": "2015-01-12", "ends_on": "2015-01-13", "listing": "unlisted" },
                "days": [{ "date": "2015-01-13" }],
                "registration": { "check_in": { "opens_at": "2015-01-11T16:00:00" } },
                "speakers": [{ "took_office_on": "2010-01-01" }],
                "sessions": [{ "starts_at": "2015-01-12T09:00:00", "items": [{}] }],
            })
        );
    }
}
