//! A map of values by their names.

use std::{collections::BTreeMap, ops::Deref};

use deserr::{Deserr, IntoValue, Map as _, Value, ValueKind, ValuePointerRef};
use serde::Serialize;

use crate::validation::{ValidationErrors, wrong_kind};

/// A map of values by their names, read from an object. The maps of the standard library are read by deserr (0.6),
/// which leaves out a value that is wrong, and says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ByName<T>(pub BTreeMap<String, T>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Deref for ByName<T> {
    type Target = BTreeMap<String, T>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Deserr<ValidationErrors>> Deserr<ValidationErrors> for ByName<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, ValidationErrors> {
        let map = match value {
            Value::Map(map) => map,
            other => return Err(wrong_kind(other, &[ValueKind::Map], at)),
        };
        let (mut values, mut errors) = (BTreeMap::new(), ValidationErrors::default());
        for (name, value) in map.into_iter() {
            match T::deserialize_from_value(value.into_value(), at.push_key(&name)) {
                Ok(value) => _ = values.insert(name, value),
                Err(of_value) => errors.0.extend(of_value.0),
            }
        }
        errors.into_result(Self(values))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{validation, values::Line};

    #[test]
    fn a_wrong_value_is_reported_and_not_left_out() {
        let read = |value| validation::read::<ByName<Line<3>>>(value);
        assert_eq!(read(json!({ "a": "abc" })).unwrap().len(), 1);
        let errors = read(json!({ "a": "abc", "b": 1, "c": "abcd" })).unwrap_err().0;
        let found: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
        assert_eq!(found, ["#/b wrong_type", "#/c too_long"]);
        assert_eq!(read(json!([])).unwrap_err().0[0].code, "wrong_type");
    }
}
