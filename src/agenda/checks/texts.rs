//! Texts that are missing in a language of the conference. This includes proper names: a name that is the same in every
//! language is written in each of them.

use std::borrow::Cow;

use super::conflict::{Conflict, ConflictCode, Findings, Thing};
use crate::{
    agenda::{document::Agenda, texts::Texts},
    values::{LanguageTag, Localised},
};

pub fn has_language(text: &Localised, language: &LanguageTag) -> bool {
    text.map().contains_key(language.as_str())
}

/// Reports the things with missing texts: one warning per thing.
pub fn check(agenda: &Agenda, findings: &mut Findings) {
    let languages = &agenda.conference.languages;
    let is_complete = |text: &Localised| languages.iter().all(|language| has_language(text, language));
    let is_incomplete = |texts: &Texts| !texts.fields.iter().all(|(_, text)| is_complete(text));
    for texts in agenda.texts().into_iter().filter(is_incomplete) {
        findings.add(ConflictCode::Untranslated, || {
            let describe_gap = |(field, text): &(Cow<'static, str>, &Localised)| {
                let missing: Vec<_> = languages
                    .iter()
                    .filter(|language| !has_language(text, language))
                    .map(LanguageTag::as_str)
                    .collect();
                (!missing.is_empty()).then(|| format!("{field} lacks {}", missing.join(", ")))
            };
            let gaps: Vec<_> = texts.fields.iter().filter_map(describe_gap).collect();
            let detail = format!("{} {}: {}", texts.resource, texts.code, gaps.join("; "));
            let pointer = texts.pointer();
            Conflict::of(
                ConflictCode::Untranslated,
                Thing::new(texts.resource, texts.code),
                pointer,
                detail,
                Vec::new(),
            )
        });
    }
}
