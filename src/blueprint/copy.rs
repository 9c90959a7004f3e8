//! Copies a conference to start the next one: the same document with another slug and name, on other dates.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};

use crate::values::{Code, Date, Localised};

#[derive(Debug, Clone)]
pub struct Copy {
    pub slug: Code,
    /// The first date. All other dates and times move by the same number of days.
    pub starts_on: Date,
    /// The name; the name of the original if `None`.
    pub name: Option<Localised>,
}

/// The members that contain a date of the conference.
const DATES: &[&str] = &["starts_on", "ends_on", "date"];
/// The members that contain a time of the conference.
const TIMES: &[&str] = &["starts_at", "ends_at", "opens_at", "closes_at", "public_from"];
/// The members that belong to the original only.
const OWN: &[&str] = &["id", "guid", "inscribed_at"];

/// The document of the copy: without ids, with every date and local time moved by the same number of days.
pub fn document(mut original: Value, original_start: Date, copy: &Copy) -> Value {
    shift(&mut original, (copy.starts_on.0 - original_start.0).num_days());
    if let Some(conference) = original.get_mut("conference").and_then(Value::as_object_mut) {
        conference.insert("slug".to_owned(), json!(copy.slug));
        if let Some(name) = &copy.name {
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
            members.retain(|name, _| !OWN.contains(&name.as_str()));
            for (name, member) in members {
                let shifted = match (name.as_str(), member.as_str()) {
                    (name, Some(text)) if DATES.contains(&name) => shifted_date(text, days),
                    (name, Some(text)) if TIMES.contains(&name) => shifted_time(text, days),
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
    let distance = Days::new(days.unsigned_abs());
    let shifted = if days < 0 { wall.checked_sub_days(distance) } else { wall.checked_add_days(distance) };
    Some(shifted?.format("%Y-%m-%dT%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn a_copy_has_no_ids_and_every_date_and_wall_time_is_shifted() {
        let original = json!({
            "conference": { "id": "x", "slug": "a", "name": { "en": "A" }, "starts_on": "2014-03-31", "ends_on": "2014-04-01" },
            "days": [{ "id": "y", "date": "2014-04-01" }],
            "speakers": [{ "took_office_on": "2010-01-01" }],
            "sessions": [{ "guid": "z", "starts_at": "2014-03-31T09:00:00+02:00", "items": [{ "inscribed_at": "2014-01-01T00:00:00Z" }] }],
        });
        let copy = Copy {
            slug: Code::parse("b").unwrap(),
            starts_on: Date::parse("2015-01-12").unwrap(),
            name: Some(Localised::new("en", "B")),
        };
        let copied = document(original, Date::parse("2014-03-31").unwrap(), &copy);
        assert_eq!(
            copied,
            json!({
                "conference": { "slug": "b", "name": { "en": "B" }, "starts_on": "2015-01-12", "ends_on": "2015-01-13" },
                "days": [{ "date": "2015-01-13" }],
                "speakers": [{ "took_office_on": "2010-01-01" }],
                "sessions": [{ "starts_at": "2015-01-12T09:00:00", "items": [{}] }],
            })
        );
    }
}
