//! How far the agenda is written in each of its languages.

use serde::Serialize;
use utoipa::ToSchema;

use super::{AgendaResource, texts};
use crate::{agenda::Agenda, values::LanguageTag};

/// How many missing texts of a language are listed; the rest is the difference of the two counts.
const MISSING_MAX: usize = 1_000;

/// A text that is not written in a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingText {
    /// What kind of thing has it.
    pub resource: AgendaResource,
    /// That thing's code.
    pub code: String,
    /// Which of its fields; in a list `commitments/0/text`.
    pub field: String,
    /// Where in the agenda's document: a JSON pointer.
    pub pointer: String,
}

/// How far the agenda is written in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LanguageCompleteness {
    /// The language.
    pub language: LanguageTag,
    /// How many texts the agenda has.
    pub texts: usize,
    /// How many of them are written in the language.
    pub translated: usize,
    /// Those that are not, in the document's order; at most a thousand.
    pub missing: Vec<MissingText>,
}

/// Counts the texts of each of the conference's languages, or of `only` one.
pub fn completeness(agenda: &Agenda, only: Option<&LanguageTag>) -> Vec<LanguageCompleteness> {
    let languages = agenda.conference.languages.iter().filter(|language| only.is_none_or(|only| only == *language));
    let empty = |language: &LanguageTag| LanguageCompleteness {
        language: language.clone(),
        texts: 0,
        translated: 0,
        missing: Vec::new(),
    };
    let mut reports: Vec<_> = languages.map(empty).collect();
    texts::each(agenda, &mut |thing| {
        for report in &mut reports {
            for (field, text) in &thing.fields {
                report.texts += 1;
                if texts::has(text, &report.language) {
                    report.translated += 1;
                } else if report.missing.len() < MISSING_MAX {
                    report.missing.push(MissingText {
                        resource: thing.resource,
                        code: thing.code.clone().into_owned(),
                        field: field.clone().into_owned(),
                        pointer: format!("{}/{field}", thing.pointer()),
                    });
                }
            }
        }
    });
    reports
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::agenda::{
        checks::sample::{conflicts, document, found, read, session},
        document::Agenda,
    };

    /// A conference in three languages in which every field that can hold a text does, in the first two.
    fn everything() -> Value {
        let text = || json!({ "en": "e", "fr": "f" });
        let mut node = session("a", "2030-05-01T09:00", "2030-05-01T10:00");
        (node["title"], node["abstract"]) = (text(), text());
        node["items"] = json!([{ "code": "x", "kind": "keynote", "title": text(), "abstract": text() }]);
        let mut all = document(&[node]);
        all["conference"]["languages"] = json!(["en", "fr", "nl"]);
        (all["conference"]["name"], all["conference"]["description"]) = (text(), text());
        all["conference"]["venue"] = json!({ "name": text(), "address": text(), "city": text() });
        all["organisations"] = json!([{ "code": "o", "name": text(), "kind": "ngo" }]);
        all["days"] = json!([{ "date": "2030-05-01", "title": text() }]);
        all["rooms"] = json!([{ "code": "hall", "name": text() }]);
        all["tracks"] = json!([{ "code": "t", "name": text(), "description": text() }]);
        all["speakers"] = json!([{
            "code": "ada", "given_name": "A", "family_name": "L",
            "honorific": text(), "position": text(), "biography": text(),
        }]);
        all["call_for_action"] = json!({
            "title": text(), "preamble": text(), "commitments": [{ "text": text(), "basis": text() }],
        });
        all
    }

    /// The places of every localised text, as they stand in the document.
    fn places(value: &Value, place: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) if members.contains_key("en") => _ = found.insert(place.to_owned()),
            Value::Object(members) => {
                members.iter().for_each(|(key, member)| places(member, &format!("{place}/{key}"), found));
            }
            Value::Array(elements) => {
                elements.iter().enumerate().for_each(|(n, element)| places(element, &format!("{place}/{n}"), found));
            }
            _ => {}
        }
    }

    fn counts(agenda: &Agenda, only: Option<&str>) -> Vec<(String, usize, usize, usize)> {
        let only = only.map(|tag| agenda.conference.languages.iter().find(|known| known.as_str() == tag).unwrap());
        let reports = completeness(agenda, only).into_iter();
        reports.map(|one| (one.language.to_string(), one.texts, one.translated, one.missing.len())).collect()
    }

    #[test]
    fn every_text_of_the_agenda_is_counted_in_every_language() {
        let document = everything();
        let agenda = read(document.clone());
        let mut expected = BTreeSet::new();
        places(&document, "#", &mut expected);
        let total = expected.len();
        let of = |language: &str, translated| (language.to_owned(), total, translated, total - translated);
        assert_eq!(counts(&agenda, None), [of("en", total), of("fr", total), of("nl", 0)]);
        assert_eq!(counts(&agenda, Some("nl")), [of("nl", 0)]);
        let missing: BTreeSet<_> =
            completeness(&agenda, None).remove(2).missing.into_iter().map(|text| text.pointer).collect();
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_thing_with_texts_that_lack_a_language_is_one_warning() {
        let mut document = everything();
        document["conference"]["languages"] = json!(["en", "fr"]);
        assert_eq!(found(&read(document.clone()), "untranslated"), Vec::<String>::new());
        document["sessions"][0]["title"] = json!("Only English");
        document["sessions"][0]["abstract"] = json!({ "fr": "Français" });
        document["days"][0]["title"] = json!({ "fr": "Jour" });
        let agenda = read(document);
        assert_eq!(found(&agenda, "untranslated"), ["#/days/0 2030-05-01", "#/sessions/0 a"]);
        let details = conflicts(&agenda).into_iter().filter(|conflict| conflict.thing == "a");
        assert_eq!(
            details.map(|conflict| conflict.detail).collect::<Vec<_>>(),
            ["session a: title lacks fr; abstract lacks en"]
        );
    }
}
