//! The language of an answer: that of `?lang=`, otherwise of `Accept-Language` (RFC 9110, 12.5.4), otherwise the first
//! language of the conference.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, http::header};
use serde::Serialize;
use utoipa::ToSchema;

use super::phrases::Phrases;
use crate::{
    validation::ValidationErrors,
    values::{LanguageTag, Localised, TextValue as _},
};

/// A text: a plain string in the reader's language, or, with `?lang=*`, a map from language tag (BCP 47) to text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReaderText {
    /// Text in the reader's language.
    Plain(String),
    /// Text in every language, by language tag.
    All(BTreeMap<String, String>),
}

/// The language of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// Plain texts in this language.
    One(LanguageTag),
    /// Maps with every language.
    All,
}

impl Language {
    /// The value of `Content-Language`.
    pub fn tag(&self) -> Option<&LanguageTag> {
        match self {
            Self::One(tag) => Some(tag),
            Self::All => None,
        }
    }
}

/// Chooses among a conference's languages.
///
/// # Errors
/// `?lang=` is none of them.
pub fn choose(
    request: &HttpRequest,
    asked: Option<&str>,
    languages: &[LanguageTag],
) -> Result<Language, ValidationErrors> {
    among(accepted(request), asked, languages)
}

/// The value of the header `Accept-Language`.
pub fn accepted(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
}

fn among(accepted: Option<&str>, asked: Option<&str>, languages: &[LanguageTag]) -> Result<Language, ValidationErrors> {
    match asked {
        Some("*") => Ok(Language::All),
        Some(tag) => find(tag, languages).map(|tag| Language::One(tag.clone())).ok_or_else(|| {
            let known = languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(", ");
            let mut faults = ValidationErrors::default();
            faults.add("?lang", "unknown_language", format!("must be one of {known}, or * for all"));
            faults
        }),
        None => {
            let wanted = accepted.and_then(|accepted| best(accepted, languages));
            Ok(wanted.or_else(|| languages.first()).map_or(Language::All, |tag| Language::One(tag.clone())))
        }
    }
}

/// Chooses the language of sentences that the service itself writes: one of the conference's languages, or one of those
/// of [`Phrases`].
///
/// # Errors
/// `?lang=` is none of them.
pub fn choose_words(
    accepted: Option<&str>,
    asked: Option<&str>,
    languages: &[LanguageTag],
) -> Result<Language, ValidationErrors> {
    let spoken = [Phrases::English, Phrases::French, Phrases::Dutch].map(Phrases::tag);
    let is_there = |tag: &str| languages.iter().any(|language| Phrases::of(language.as_str()) == Phrases::of(tag));
    let more = spoken.into_iter().filter(|tag| !is_there(tag)).filter_map(|tag| LanguageTag::parse(tag).ok());
    let offered: Vec<LanguageTag> = languages.iter().cloned().chain(more).collect();
    among(accepted, asked, &offered)
}

/// The conference's language that matches a tag: the same tag, or one with the same primary language.
fn find<'a>(tag: &str, languages: &'a [LanguageTag]) -> Option<&'a LanguageTag> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    languages
        .iter()
        .find(|language| language.as_str().eq_ignore_ascii_case(tag))
        .or_else(|| languages.iter().find(|language| primary(language.as_str()) == primary(tag)))
}

fn best<'a>(accepted: &str, languages: &'a [LanguageTag]) -> Option<&'a LanguageTag> {
    let mut ranges: Vec<(f32, &str)> = accepted
        .split(',')
        .filter_map(|range| {
            let mut parts = range.split(';');
            let tag = parts.next()?.trim();
            let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            (quality > 0.0).then_some((quality, tag))
        })
        .collect();
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranges.iter().find_map(|(_, tag)| if *tag == "*" { languages.first() } else { find(tag, languages) })
}

/// A text in the form that the reader asked for.
pub fn text(localised: &Localised, language: &Language, fallbacks: &[LanguageTag]) -> ReaderText {
    match language {
        Language::One(tag) => ReaderText::Plain(localised.text(tag.as_str(), fallbacks).to_owned()),
        Language::All => ReaderText::All(localised.map().clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_language_that_they_like_best_of_those_there_are() {
        let languages: Vec<_> = ["en", "fr", "nl"].iter().map(|tag| LanguageTag::parse(tag).unwrap()).collect();
        let best = |accepted| best(accepted, &languages).map(LanguageTag::as_str);
        assert_eq!(best("fr-BE, en;q=0.5"), Some("fr"));
        assert_eq!(best("de, nl;q=0.3, en;q=0.8"), Some("en"));
        assert_eq!(best("de, *;q=0.1"), Some("en"));
        assert_eq!(best("en;q=0, nl"), Some("nl"));
        assert_eq!(best("de"), None);
        assert_eq!(best(";;q=x,,"), None);
    }
}
