//! Reads JSON in which every key is given once. RFC 8259, section 4, leaves open what a repeated key means; here it is
//! an error, because one of the two values would be dropped in silence.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

use super::problem::{MALFORMED_JSON, Problem};
use crate::validation::{ValidationErrors, escaped};

/// Reads a document.
///
/// # Errors
/// It is not JSON; it gives keys twice, each with its place.
pub fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let errors = RefCell::new(ValidationErrors::default());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let reader = Reader { errors: &errors, place: &Place::Document };
    let value = reader.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    let value = value.map_err(|error| Problem::new(&MALFORMED_JSON).detail(error.to_string()))?;
    Ok(errors.into_inner().into_result(value)?)
}

/// The place of a value in the document.
enum Place<'a> {
    Document,
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

/// As a JSON pointer (RFC 6901) in a URI fragment.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("#"),
            Self::Member(object, key) => write!(f, "{object}/{}", escaped(key)),
            Self::Element(list, index) => write!(f, "{list}/{index}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    errors: &'a RefCell<ValidationErrors>,
    place: &'a Place<'a>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) =
            list.next_element_seed(Reader { place: &Place::Element(self.place, values.len()), ..self })?
        {
            values.push(value);
        }
        Ok(Value::Array(values))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let place = Place::Member(self.place, &key);
            let value = object.next_value_seed(Reader { place: &place, ..self })?;
            let pointer = members.contains_key(&key).then(|| place.to_string());
            match (members.entry(key), pointer) {
                (Entry::Vacant(entry), _) => _ = entry.insert(value),
                (Entry::Occupied(_), pointer) => {
                    self.errors.borrow_mut().add(pointer.unwrap_or_default(), "given_twice", "must be given once");
                }
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read_as_it_is() {
        let text =
            r#"{"a":[1,-2,3.5,1e400000,null,true,"é\u0041"],"b":{"a":{}},"18446744073709551616":18446744073709551616}"#;
        assert!(read(text.as_bytes()).is_err(), "a number out of range");
        let text = r#"{"a":[1,-2,3.5,null,true,"é\u0041"],"b":{"a":{}},"c":18446744073709551616}"#;
        assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        for malformed in ["", "{", "[1,]", "{} {}", "{\"a\":1,}"] {
            assert!(read(malformed.as_bytes()).unwrap_err().is(&MALFORMED_JSON), "{malformed}");
        }
        let deep = "[".repeat(10_000);
        assert!(read(deep.as_bytes()).unwrap_err().is(&MALFORMED_JSON));
    }

    #[test]
    fn a_key_that_is_given_twice_is_named() {
        let text = r#"{"a":1,"b":[{"x/y":1,"x/y":1}],"a":2,"a":3}"#;
        let problem = read(text.as_bytes()).unwrap_err().document(None);
        let pointers: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
        assert_eq!(pointers, [json!("#/b/0/x~1y"), json!("#/a"), json!("#/a")]);
        assert_eq!(problem["errors"][0]["code"], "given_twice");
    }
}
