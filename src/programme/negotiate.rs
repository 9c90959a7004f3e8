//! The language of an answer: that of `?lang=`, otherwise of `Accept-Language` (RFC 9110, 12.5.4), otherwise the first
//! language of the conference.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, http::header};
use serde::Serialize;
use utoipa::ToSchema;

use super::phrases::Phrases;
use crate::{
    http::weights,
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
    /// Plain texts in this language; what is in another is between marks that say so ([`marked`]).
    Marked(LanguageTag),
    /// Maps with every language.
    All,
}

impl Language {
    /// The value of `Content-Language`.
    pub fn tag(&self) -> Option<&LanguageTag> {
        match self {
            Self::One(tag) | Self::Marked(tag) => Some(tag),
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
    requested: Option<&str>,
    languages: &[LanguageTag],
) -> Result<Language, ValidationErrors> {
    choose_among(accept_language(request), requested, languages)
}

/// The value of the header `Accept-Language`.
pub fn accept_language(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
}

fn choose_among(
    accept_language: Option<&str>,
    requested: Option<&str>,
    languages: &[LanguageTag],
) -> Result<Language, ValidationErrors> {
    match requested {
        Some("*") => Ok(Language::All),
        Some(tag) => find_matching(tag, languages).map(|tag| Language::One(tag.clone())).ok_or_else(|| {
            let offered = languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(", ");
            let mut errors = ValidationErrors::default();
            errors.add("?lang", "unknown_language", format!("must be one of {offered}, or * for all"));
            errors
        }),
        None => {
            let preferred = accept_language.and_then(|accept_language| best_match(accept_language, languages));
            Ok(preferred.or_else(|| languages.first()).map_or(Language::All, |tag| Language::One(tag.clone())))
        }
    }
}

/// Chooses the language of sentences that the service itself writes: one of the conference's languages, or one of those
/// of [`Phrases`].
///
/// # Errors
/// `?lang=` is none of them.
pub fn choose_for_sentences(
    accept_language: Option<&str>,
    requested: Option<&str>,
    languages: &[LanguageTag],
) -> Result<Language, ValidationErrors> {
    let own_tags = [Phrases::English, Phrases::French, Phrases::Dutch].map(Phrases::tag);
    let is_offered = |tag: &str| languages.iter().any(|language| Phrases::of(language.as_str()) == Phrases::of(tag));
    let missing_tags =
        own_tags.into_iter().filter(|tag| !is_offered(tag)).filter_map(|tag| LanguageTag::parse(tag).ok());
    let available: Vec<LanguageTag> = languages.iter().cloned().chain(missing_tags).collect();
    choose_among(accept_language, requested, &available)
}

/// The conference's language that matches a tag: the same tag, or one with the same primary language.
fn find_matching<'a>(tag: &str, languages: &'a [LanguageTag]) -> Option<&'a LanguageTag> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    languages
        .iter()
        .find(|language| language.as_str().eq_ignore_ascii_case(tag))
        .or_else(|| languages.iter().find(|language| primary(language.as_str()) == primary(tag)))
}

fn best_match<'a>(accept_language: &str, languages: &'a [LanguageTag]) -> Option<&'a LanguageTag> {
    let mut ranges: Vec<(&str, f32)> = weights::members(accept_language).filter(|(_, weight)| *weight > 0.0).collect();
    ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranges.iter().find_map(|(tag, _)| if *tag == "*" { languages.first() } else { find_matching(tag, languages) })
}

/// A text in the form that the reader asked for.
pub fn text(localised: &Localised, language: &Language, fallbacks: &[LanguageTag]) -> ReaderText {
    match language {
        Language::One(tag) => ReaderText::Plain(localised.text(tag.as_str(), fallbacks).to_owned()),
        Language::Marked(tag) => ReaderText::Plain(marked_text(localised, tag, fallbacks)),
        Language::All => ReaderText::All(localised.map().clone()),
    }
}

/// A text in a language; between marks, if it is in another.
pub fn marked_text(localised: &Localised, tag: &LanguageTag, fallbacks: &[LanguageTag]) -> String {
    let (language, text) = localised.find(tag.as_str(), fallbacks);
    // An older version let marks into texts.
    let text = &text.replace(LANGUAGE_TAG, "");
    if language == tag.as_str() { text.to_owned() } else { marked(text, language) }
}

/// Begins the tag of a language in a text (Unicode, U+E0001), and, before [`CANCEL_TAG`], ends its reach.
pub const LANGUAGE_TAG: char = '\u{E0001}';
/// Ends the reach of a language tag.
pub const CANCEL_TAG: char = '\u{E007F}';
/// What is added to an ASCII character of a tag.
pub const TAG_OFFSET: u32 = 0xE0000;

/// A text with its language before it, in Unicode's characters for that (the Unicode Standard, 23.9). Whoever makes a
/// page of the text puts an element of HTML in their place.
pub fn marked(text: &str, language: &str) -> String {
    let tag = language.chars().filter_map(|c| char::from_u32(TAG_OFFSET + u32::from(c)));
    let mut marked = String::from(LANGUAGE_TAG);
    marked.extend(tag);
    marked.push_str(text);
    marked.extend([LANGUAGE_TAG, CANCEL_TAG]);
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_available_language_that_the_reader_prefers_is_chosen() {
        let languages: Vec<_> = ["en", "fr", "nl"].iter().map(|tag| LanguageTag::parse(tag).unwrap()).collect();
        let best_match = |accept_language| best_match(accept_language, &languages).map(LanguageTag::as_str);
        assert_eq!(best_match("fr-BE, en;q=0.5"), Some("fr"));
        assert_eq!(best_match("de, nl;q=0.3, en;q=0.8"), Some("en"));
        assert_eq!(best_match("de, *;q=0.1"), Some("en"));
        assert_eq!(best_match("en;q=0, nl"), Some("nl"));
        assert_eq!(best_match("de"), None);
        assert_eq!(best_match(";;q=x,,"), None);
        assert_eq!(best_match("nl;q=x, fr;q=0.1"), Some("fr"), "an unreadable weight is no preference");
    }
}
