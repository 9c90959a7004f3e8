//! The values of the fields about a person: how a form is read, what is stored of it, and what answers show.

use chrono::NaiveDate;
use deserr::Deserr;
use serde_json::Value;

use crate::{
    validation::{self, ValidationError, ValidationErrors},
    values::{
        CountryCode, Date, EmailAddress, LanguageTag, LinkFree, NameText, PhoneNumber, Text, TextValue, text_enum,
    },
};

text_enum! {
    /// The kind of a field, in the words of the form's description.
    FieldKind {
        Line = "line",
        Prose = "prose",
        Email = "email",
        Country = "country",
        Language = "language",
        Phone = "phone",
        Date = "date",
    }
}

/// A type that checks what is sent for a field.
pub trait FormValue {
    const KIND: FieldKind;
    const MAX_LENGTH: Option<u32> = None;
}

impl<const MAX: u64, const LINES: bool> FormValue for Text<MAX, LINES> {
    const KIND: FieldKind = if LINES { FieldKind::Prose } else { FieldKind::Line };
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl<const MAX: u64> FormValue for LinkFree<MAX> {
    const KIND: FieldKind = FieldKind::Line;
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl<const MAX: u64> FormValue for NameText<MAX> {
    const KIND: FieldKind = FieldKind::Line;
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl FormValue for EmailAddress {
    const KIND: FieldKind = FieldKind::Email;
    const MAX_LENGTH: Option<u32> = Some(254);
}
impl FormValue for CountryCode {
    const KIND: FieldKind = FieldKind::Country;
}
impl FormValue for LanguageTag {
    const KIND: FieldKind = FieldKind::Language;
}
impl FormValue for PhoneNumber {
    const KIND: FieldKind = FieldKind::Phone;
    const MAX_LENGTH: Option<u32> = Some(40);
}
impl FormValue for Date {
    const KIND: FieldKind = FieldKind::Date;
}

/// A value of a form; an empty text means that the field is left out.
///
/// # Errors
/// Those of [`TextValue::parse`].
pub fn unless_empty<T: TextValue>(text: Option<String>) -> Result<Option<T>, ValidationError> {
    text.filter(|text| !text.trim().is_empty()).map(|text| T::parse(&text)).transpose()
}

/// Whether a value is given: null and an empty text mean that the field is left out.
pub fn is_given(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

/// Reads a form and reports, beside the errors of its fields, what is wrong with the name as a whole.
///
/// # Errors
/// The validation errors.
pub fn read_form<T: Deserr<ValidationErrors>>(sent: Value) -> Result<T, ValidationErrors> {
    let name_errors = name_errors(&sent);
    match validation::read(sent) {
        Ok(form) => name_errors.into_result(form),
        Err(errors) => Err(ValidationErrors(name_errors.0.into_iter().chain(errors.0).collect())),
    }
}

/// A form needs a name: the whole one, or at least one of its parts, and not both.
fn name_errors(sent: &Value) -> ValidationErrors {
    let is_given = |field: &str| is_given(sent.get(field));
    let mut errors = ValidationErrors::default();
    match (is_given("name"), is_given("given_name") || is_given("family_name")) {
        (true, true) => {
            let detail = "must be left out beside given_name or family_name: give the whole name, or its parts";
            errors.add("#/name", "name_and_parts", detail);
        }
        // Where the document is no object, that is its error.
        (false, false) if sent.is_object() => {
            let detail = "is required: the family name or the only name; or name, the whole name as it is written";
            errors.add("#/family_name", "required", detail);
        }
        _ => {}
    }
    errors
}

/// A value of a form, which the registration stores as a `Stored`. `language` is stored if the form names no language.
pub trait ToStored<Stored> {
    fn to_stored(&self, language: &str) -> Stored;
}

impl<T: TextValue> ToStored<String> for T {
    fn to_stored(&self, _: &str) -> String {
        self.text().into_owned()
    }
}
impl<T: TextValue> ToStored<Option<String>> for Option<T> {
    fn to_stored(&self, _: &str) -> Option<String> {
        self.as_ref().map(|value| value.text().into_owned())
    }
}
impl ToStored<Option<EmailAddress>> for EmailAddress {
    fn to_stored(&self, _: &str) -> Option<EmailAddress> {
        Some(self.clone())
    }
}
impl ToStored<Option<EmailAddress>> for Option<EmailAddress> {
    fn to_stored(&self, _: &str) -> Option<EmailAddress> {
        self.clone()
    }
}
impl ToStored<String> for Option<LanguageTag> {
    fn to_stored(&self, language: &str) -> String {
        self.as_ref().map_or(language, LanguageTag::as_str).to_owned()
    }
}
impl ToStored<Option<NaiveDate>> for Option<Date> {
    fn to_stored(&self, _: &str) -> Option<NaiveDate> {
        self.map(|date| date.0)
    }
}

/// A stored value, as answers and exports have it.
pub trait StoredValue {
    type Output;
    fn output(&self) -> Self::Output;
    /// The value as a text; `None` if the person gave none.
    fn text(&self) -> Option<String>;
}

impl StoredValue for String {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        Some(self.clone())
    }
}
impl StoredValue for Option<String> {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        self.clone()
    }
}
impl StoredValue for Option<EmailAddress> {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        self.as_ref().map(|address| address.as_str().to_owned())
    }
}
impl StoredValue for Option<NaiveDate> {
    type Output = Option<String>;
    fn output(&self) -> Option<String> {
        self.text()
    }
    fn text(&self) -> Option<String> {
        self.map(|date| date.to_string())
    }
}

/// A stored value, of which an erased registration keeps nothing.
pub trait Erased {
    fn erased() -> Self;
}

impl Erased for String {
    fn erased() -> Self {
        Self::new()
    }
}
impl<T> Erased for Option<T> {
    fn erased() -> Self {
        None
    }
}
