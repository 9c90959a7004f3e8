//! What is wrong with a document, all of it at once: each fault names its place (RFC 6901), a stable code and the
//! reason.

use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef, take_cf_content};
use serde::Serialize;
use utoipa::ToSchema;

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer as a URI fragment, `#/sessions/0/title`; for a query parameter `?day`.
    pub pointer: String,
    /// A stable word for a program: `required`, `unknown_field`, `too_long`, ...
    pub code: String,
    /// The reason, for a person.
    pub detail: String,
}

impl Fault {
    /// A fault at a place that is already known.
    pub fn at(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
    }

    /// A fault of a value whose place its reader knows.
    pub fn of_value(code: &str, detail: impl Into<String>) -> Self {
        Self::at("", code, detail)
    }
}

/// Every fault of one document, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

/// A document with thousands of faults is answered with the first ones.
const FAULTS_MAX: usize = 200;
/// How many of them a line of the log has.
const PLACES_MAX: usize = 10;

impl Faults {
    /// Where they are and of what kind, for the log: their details may quote what people wrote.
    pub fn places(&self) -> String {
        let places = self.0.iter().take(PLACES_MAX).map(|fault| format!("{} {}", fault.pointer, fault.code));
        places.collect::<Vec<_>>().join(", ")
    }

    /// Adds one fault.
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault::at(pointer, code, detail));
        }
    }

    /// The value, unless something is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Faults> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The single fault of the value at `location`.
    pub fn one(location: ValuePointerRef, fault: Fault) -> Self {
        Self(vec![Fault { pointer: pointer(location), ..fault }])
    }
}

/// A key as a reference token of a JSON pointer.
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

impl MergeWithError<Faults> for Faults {
    fn merge(kept: Option<Self>, other: Faults, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut kept = kept.unwrap_or_default();
        kept.0.extend(other.0);
        kept.0.truncate(FAULTS_MAX);
        ControlFlow::Continue(kept)
    }
}

impl MergeWithError<Fault> for Faults {
    fn merge(kept: Option<Self>, fault: Fault, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        <Self as MergeWithError<Faults>>::merge(kept, Faults::one(at, fault), at)
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(kept: Option<Self>, kind: ErrorKind<V>, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut place = pointer(at);
        let (code, detail) = match kind {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                let names: Vec<_> = accepted.iter().map(kind_name).collect();
                let found = kind_name(&actual.kind());
                ("wrong_type", format!("must be {}, not {found}", names.join(" or ")))
            }
            ErrorKind::MissingField { field } => {
                place = format!("{place}/{}", escaped(field));
                ("required", "is required".to_owned())
            }
            ErrorKind::UnknownKey { key, accepted } => {
                place = format!("{place}/{}", escaped(key));
                let mut known = accepted.to_vec();
                known.sort_unstable();
                ("unknown_field", format!("is not known here; known: {}", known.join(", ")))
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                ("unknown_value", format!("must be one of {}", accepted.join(", ")))
            }
            ErrorKind::BadSequenceLen { expected, .. } => ("wrong_length", format!("must have {expected} elements")),
            ErrorKind::Unexpected { msg } => ("invalid", msg),
        };
        <Self as MergeWithError<Faults>>::merge(kept, Faults(vec![Fault::at(place, code, detail)]), at)
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

/// Reads a document with every fault of it.
pub fn read<T: deserr::Deserr<Faults>>(value: serde_json::Value) -> Result<T, Faults> {
    deserr::deserialize::<T, _, Faults>(value)
}

/// The fault of a value that is of the wrong kind altogether.
pub fn wrong_kind<V: IntoValue>(actual: deserr::Value<V>, accepted: &[ValueKind], at: ValuePointerRef) -> Faults {
    take_cf_content(Faults::error(None, ErrorKind::IncorrectValueKind { actual, accepted }, at))
}
