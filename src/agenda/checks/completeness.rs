//! Translation status of the agenda in each of its languages.

use serde::Serialize;
use utoipa::ToSchema;

use super::{AgendaResource, texts};
use crate::{agenda::Agenda, values::LanguageTag};

/// Most missing texts that are listed per language; the two counts give the number of all.
const MISSING_MAX: usize = 1_000;

/// A text of the draft that is missing in a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingText {
    /// Kind of the thing that has the text.
    pub resource: AgendaResource,
    /// Code of the thing that has the text.
    pub code: String,
    /// Field of the thing, such as `title` or `commitments/0/text`.
    pub field: String,
    /// JSON pointer to the text in the agenda's document, such as `#/sessions/3/title`.
    pub pointer: String,
}

/// Translation status of the draft in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LanguageCompleteness {
    /// Language (BCP 47).
    pub language: LanguageTag,
    /// Number of texts in the draft.
    pub texts: usize,
    /// Number of texts that are written in the language.
    pub translated: usize,
    /// Texts that are not, in the order of the document; at most 1000.
    pub missing: Vec<MissingText>,
}

/// Counts the texts in each of the conference's languages, or in `only` one of them.
pub fn completeness(agenda: &Agenda, only: Option<&LanguageTag>) -> Vec<LanguageCompleteness> {
    let languages = agenda.conference.languages.iter().filter(|language| only.is_none_or(|only| only == *language));
    let empty = |language: &LanguageTag| LanguageCompleteness {
        language: language.clone(),
        texts: 0,
        translated: 0,
        missing: Vec::new(),
    };
    let mut reports: Vec<_> = languages.map(empty).collect();
    for thing in agenda.texts() {
        for report in &mut reports {
            for (field, text) in &thing.fields {
                report.texts += 1;
                if texts::has_language(text, &report.language) {
                    report.translated += 1;
                } else if report.missing.len() < MISSING_MAX {
                    report.missing.push(MissingText {
                        resource: thing.resource,
                        code: thing.code.clone().into_owned(),
                        field: field.clone().into_owned(),
                        pointer: thing.pointer_to(field),
                    });
                }
            }
        }
    }
    reports
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::agenda::{
        checks::sample::{conflicts, conflicts_with_code, read},
        document::Agenda,
        marked,
    };

    fn counts(agenda: &Agenda, only: Option<&str>) -> Vec<(String, usize, usize, usize)> {
        let only =
            only.map(|tag| agenda.conference.languages.iter().find(|language| language.as_str() == tag).unwrap());
        let reports = completeness(agenda, only).into_iter();
        reports.map(|one| (one.language.to_string(), one.texts, one.translated, one.missing.len())).collect()
    }

    #[test]
    fn every_text_of_the_agenda_is_counted_in_every_language() {
        let (document, expected) = marked::document();
        let agenda = read(document);
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
        let (mut document, _) = marked::document();
        document["conference"]["languages"] = json!(["en", "fr"]);
        assert_eq!(conflicts_with_code(&read(document.clone()), "untranslated"), Vec::<String>::new());
        document["sessions"][0]["title"] = json!("Only English");
        document["sessions"][0]["abstract"] = json!({ "fr": "Français" });
        document["days"][0]["title"] = json!({ "fr": "Jour" });
        let agenda = read(document);
        assert_eq!(conflicts_with_code(&agenda, "untranslated"), ["#/days/0 2030-05-01", "#/sessions/0 opening"]);
        let details = conflicts(&agenda).into_iter().filter(|conflict| conflict.thing == "opening");
        assert_eq!(
            details.map(|conflict| conflict.detail).collect::<Vec<_>>(),
            ["session opening: title lacks fr; abstract lacks en"]
        );
    }
}
