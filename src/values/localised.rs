//! Localised texts: in one or more languages.

use std::collections::BTreeMap;

use deserr::{Deserr, IntoValue, Map, Value, ValueKind, ValuePointerRef};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use super::{LanguageTag, TextValue as _, checked_text, string_schema};
use crate::validation::{ValidationError, ValidationErrors, wrong_kind};

/// The longest text in one language, in characters.
pub const LOCALISED_LENGTH_MAX: u64 = 20_000;
/// The most languages of one text.
const LANGUAGES_MAX: usize = 30;
/// The tag of a plain string until the conference's first language is known (BCP 47 "undetermined").
const UNDETERMINED: &str = "und";

/// A text in one or more languages. It is read from a map from language tag to text, or from a plain text in the
/// conference's first language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Localised(BTreeMap<String, String>);

impl Localised {
    pub fn new(language: &str, text: &str) -> Self {
        Self(BTreeMap::from([(language.to_owned(), text.to_owned())]))
    }

    pub fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(texts.into_iter().collect())
    }

    /// Assigns the conference's first language to a text that was sent as a plain string.
    pub fn assign_language(&mut self, first_language: &LanguageTag) {
        if let Some(text) = self.0.remove(UNDETERMINED) {
            self.0.insert(first_language.0.clone(), text);
        }
    }

    /// Assigns the conference's first language to a plain string, and adds an error for each language that is none of
    /// the conference's.
    pub fn check_languages(&mut self, pointer: &str, languages: &[LanguageTag], errors: &mut ValidationErrors) {
        if let Some(first) = languages.first() {
            self.assign_language(first);
        }
        let is_known = |language: &str| languages.iter().any(|tag| tag.as_str() == language);
        for language in self.languages().filter(|language| !is_known(language)) {
            errors.add(format!("{pointer}/{language}"), "unknown_language", "is not a language of the conference");
        }
    }

    /// The text in `language`, or in the first of `fallbacks` that it has, or in any language.
    pub fn text(&self, language: &str, fallbacks: &[LanguageTag]) -> &str {
        self.find(language, fallbacks).1
    }

    /// The text that [`Localised::text`] chooses, after its language.
    pub fn find(&self, language: &str, fallbacks: &[LanguageTag]) -> (&str, &str) {
        let preferred = std::iter::once(language).chain(fallbacks.iter().map(LanguageTag::as_str));
        let mut found = preferred.filter_map(|tag| self.0.get_key_value(tag));
        let (tag, text) = found.next().or_else(|| self.0.first_key_value()).unzip();
        (tag.map_or("", String::as_str), text.map_or("", String::as_str))
    }

    /// The text, if it was sent as a plain string and its language is not assigned yet.
    pub fn plain(&self) -> Option<&str> {
        self.0.get(UNDETERMINED).map(String::as_str)
    }

    /// Replaces the text in each language for which `change` returns a new one.
    pub fn edit(&mut self, change: impl Fn(&str) -> Option<String>) {
        for text in self.0.values_mut() {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
    }

    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl Deserr<ValidationErrors> for Localised {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, ValidationErrors> {
        let checked = |text: &str, at: ValuePointerRef| {
            checked_text(text, LOCALISED_LENGTH_MAX, true).map_err(|error| ValidationErrors::one(at, error))
        };
        let map = match value {
            Value::String(plain) => return Ok(Self::new(UNDETERMINED, &checked(&plain, at)?)),
            Value::Map(map) => map,
            other => return Err(wrong_kind(other, &[ValueKind::String, ValueKind::Map], at)),
        };
        let mut errors = ValidationErrors::default();
        let mut texts = BTreeMap::new();
        if map.is_empty() || map.len() > LANGUAGES_MAX {
            let error = ValidationError::of_value("wrong_length", format!("must have 1 to {LANGUAGES_MAX} languages"));
            return Err(ValidationErrors::one(at, error));
        }
        for (tag, value) in map.into_iter() {
            let pointer = at.push_key(&tag);
            let entry =
                LanguageTag::parse(&tag).map_err(|error| ValidationErrors::one(pointer, error)).and_then(|tag| {
                    match value.into_value() {
                        Value::String(plain) => Ok((tag.0, checked(&plain, pointer)?)),
                        other => Err(wrong_kind(other, &[ValueKind::String], pointer)),
                    }
                });
            match entry {
                Ok((tag, text)) => _ = texts.insert(tag, text),
                Err(errors_of_entry) => errors.0.extend(errors_of_entry.0),
            }
        }
        errors.into_result(Self(texts))
    }
}

impl PartialSchema for Localised {
    fn schema() -> RefOr<Schema> {
        let text_schema = || string_schema().min_length(Some(1)).build();
        let map = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::RefOr(text_schema().into())))
            .build();
        Schema::OneOf(
            OneOfBuilder::new()
                .item(text_schema())
                .item(map)
                .description(Some(
                    "A text in the conference's first language, or a map from BCP 47 language tag to text.",
                ))
                .build(),
        )
        .into()
    }
}
impl ToSchema for Localised {}
