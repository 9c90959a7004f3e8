//! Telephone numbers.

use std::borrow::Cow;

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::TextValue;
use crate::validation::ValidationError;

/// A telephone number in any usual notation, such as `+32 2 123 45 67`: 3 to 20 digits, at most 40 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl TextValue for PhoneNumber {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("PhoneNumber")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let text = text.trim();
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let allowed = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '/' | '(' | ')'));
        // E.164 allows 15 digits; an extension may follow.
        if allowed && (3..=20).contains(&digits) && text.len() <= 40 {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value("invalid_phone", "must be a telephone number such as +32 2 123 45 67"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[0-9+ ./()-]{3,40}$")).build()
    }
}

super::text_value!([] PhoneNumber);
