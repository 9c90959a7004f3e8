//! Texts that people read, in one or more languages.

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
use crate::faults::{Fault, Faults, wrong_kind};

/// The longest text in one language, in characters.
pub const LOCALISED_LENGTH_MAX: u64 = 20_000;
/// The most languages of one text.
const LANGUAGES_MAX: usize = 30;
/// The tag under which a plain text waits until the conference's first language is known (BCP 47 "undetermined").
const UNDETERMINED: &str = "und";

/// A text that people read, in one or more languages: read as a map from language tag to text, or as a plain text in
/// the conference's first language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Localised(BTreeMap<String, String>);

impl Localised {
    /// A text in one language.
    pub fn new(language: &str, text: &str) -> Self {
        Self(BTreeMap::from([(language.to_owned(), text.to_owned())]))
    }

    /// A text in several languages.
    pub fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(texts.into_iter().collect())
    }

    /// Gives a plain text the conference's first language.
    pub fn settle(&mut self, first_language: &LanguageTag) {
        if let Some(text) = self.0.remove(UNDETERMINED) {
            self.0.insert(first_language.0.clone(), text);
        }
    }

    /// The text in `language`, else in the first of `fallbacks` that has it, else in any.
    pub fn text(&self, language: &str, fallbacks: &[LanguageTag]) -> &str {
        self.0
            .get(language)
            .or_else(|| fallbacks.iter().find_map(|tag| self.0.get(tag.as_str())))
            .or_else(|| self.0.values().next())
            .map_or("", String::as_str)
    }

    /// The text, where it was given plain and has not met its language yet.
    pub fn plain(&self) -> Option<&str> {
        self.0.get(UNDETERMINED).map(String::as_str)
    }

    /// Changes the text in each language for which `change` has another.
    pub fn edit(&mut self, change: impl Fn(&str) -> Option<String>) {
        for text in self.0.values_mut() {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
    }

    /// The languages of the text.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The map from language tag to text.
    pub fn map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl Deserr<Faults> for Localised {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Faults> {
        let text = |text: &str, at: ValuePointerRef| {
            checked_text(text, LOCALISED_LENGTH_MAX, true).map_err(|fault| Faults::one(at, fault))
        };
        let map = match value {
            Value::String(plain) => return Ok(Self::new(UNDETERMINED, &text(&plain, at)?)),
            Value::Map(map) => map,
            other => return Err(wrong_kind(other, &[ValueKind::String, ValueKind::Map], at)),
        };
        let mut faults = Faults::default();
        let mut texts = BTreeMap::new();
        if map.is_empty() || map.len() > LANGUAGES_MAX {
            let fault = Fault::of_value("wrong_length", format!("must have 1 to {LANGUAGES_MAX} languages"));
            return Err(Faults::one(at, fault));
        }
        for (tag, value) in map.into_iter() {
            let place = at.push_key(&tag);
            let found = LanguageTag::parse(&tag).map_err(|fault| Faults::one(place, fault)).and_then(|tag| match value
                .into_value()
            {
                Value::String(plain) => Ok((tag.0, text(&plain, place)?)),
                other => Err(wrong_kind(other, &[ValueKind::String], place)),
            });
            match found {
                Ok((tag, text)) => _ = texts.insert(tag, text),
                Err(more) => faults.0.extend(more.0),
            }
        }
        faults.or(Self(texts))
    }
}

impl PartialSchema for Localised {
    fn schema() -> RefOr<Schema> {
        let text = || string_schema().min_length(Some(1)).build();
        let map = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::RefOr(text().into())))
            .build();
        Schema::OneOf(
            OneOfBuilder::new()
                .item(text())
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
