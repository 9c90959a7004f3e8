//! Validation errors of a document, all at once: each has a JSON pointer (RFC 6901), a stable code and a reason.

use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef, take_cf_content};
use serde::Serialize;
use utoipa::ToSchema;

/// A validation error: one thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct ValidationError {
    /// Place of the error: a JSON pointer as a URI fragment, such as `#/sessions/0/title`; for a query parameter `?`
    /// and its name, such as `?day`.
    pub pointer: String,
    /// Stable code for programs: `required`, `unknown_field`, `too_long`, ...
    pub code: String,
    /// Reason, in English, for people.
    pub detail: String,
}

impl ValidationError {
    /// An error at a known place.
    pub fn at(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
    }

    /// An error of a value; the caller adds its place.
    pub fn of_value(code: &str, detail: impl Into<String>) -> Self {
        Self::at("", code, detail)
    }
}

/// The validation errors of one document, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationErrors(pub Vec<ValidationError>);

/// Number of errors that are reported at most.
const ERRORS_MAX: usize = 200;
/// Number of errors in a log line.
const SUMMARY_MAX: usize = 10;

impl ValidationErrors {
    /// Places and codes of the errors, for the log: their details may quote what people wrote.
    pub fn summary(&self) -> String {
        let errors = self.0.iter().take(SUMMARY_MAX).map(|error| format!("{} {}", error.pointer, error.code));
        errors.collect::<Vec<_>>().join(", ")
    }

    /// Adds an error, unless there are [`ERRORS_MAX`] already.
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        if self.0.len() < ERRORS_MAX {
            self.0.push(ValidationError::at(pointer, code, detail));
        }
    }

    /// The value, unless there are errors.
    pub fn into_result<T>(self, value: T) -> Result<T, ValidationErrors> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// A single error of the value at `location`.
    pub fn one(location: ValuePointerRef, error: ValidationError) -> Self {
        Self(vec![ValidationError { pointer: pointer(location), ..error }])
    }
}

/// Escapes a key for a JSON pointer (RFC 6901, section 3).
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn pointer(location: ValuePointerRef) -> String {
    match location {
        ValuePointerRef::Origin => "#".to_owned(),
        ValuePointerRef::Key { key, prev } => format!("{}/{}", pointer(*prev), escaped(key)),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

impl MergeWithError<ValidationErrors> for ValidationErrors {
    fn merge(earlier: Option<Self>, other: ValidationErrors, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut errors = earlier.unwrap_or_default();
        errors.0.extend(other.0);
        errors.0.truncate(ERRORS_MAX);
        ControlFlow::Continue(errors)
    }
}

impl MergeWithError<ValidationError> for ValidationErrors {
    fn merge(earlier: Option<Self>, error: ValidationError, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        <Self as MergeWithError<ValidationErrors>>::merge(earlier, ValidationErrors::one(at, error), at)
    }
}

impl DeserializeError for ValidationErrors {
    fn error<V: IntoValue>(earlier: Option<Self>, kind: ErrorKind<V>, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut pointer = pointer(at);
        let (code, detail) = match kind {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                let names: Vec<_> = accepted.iter().map(kind_name).collect();
                let actual_name = kind_name(&actual.kind());
                ("wrong_type", format!("must be {}, not {actual_name}", names.join(" or ")))
            }
            ErrorKind::MissingField { field } => {
                pointer = format!("{pointer}/{}", escaped(field));
                ("required", "is required".to_owned())
            }
            ErrorKind::UnknownKey { key, accepted } => {
                pointer = format!("{pointer}/{}", escaped(key));
                let mut accepted = accepted.to_vec();
                accepted.sort_unstable();
                ("unknown_field", format!("is not known here; known: {}", accepted.join(", ")))
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                ("unknown_value", format!("must be one of {}", accepted.join(", ")))
            }
            ErrorKind::BadSequenceLen { expected, .. } => ("wrong_length", format!("must have {expected} elements")),
            ErrorKind::Unexpected { msg } => ("invalid", msg),
        };
        <Self as MergeWithError<ValidationErrors>>::merge(
            earlier,
            ValidationErrors(vec![ValidationError::at(pointer, code, detail)]),
            at,
        )
    }
}

fn kind_name(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer => "a whole number",
        ValueKind::NegativeInteger => "a negative number",
        ValueKind::Float => "a decimal number",
        ValueKind::String => "a text",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    }
}

/// Deserialises a document and collects all its errors.
pub fn read<T: deserr::Deserr<ValidationErrors>>(value: serde_json::Value) -> Result<T, ValidationErrors> {
    deserr::deserialize::<T, _, ValidationErrors>(value)
}

/// The error of a value that has the wrong JSON type.
pub fn wrong_kind<V: IntoValue>(
    actual: deserr::Value<V>,
    accepted: &[ValueKind],
    at: ValuePointerRef,
) -> ValidationErrors {
    take_cf_content(ValidationErrors::error(None, ErrorKind::IncorrectValueKind { actual, accepted }, at))
}
