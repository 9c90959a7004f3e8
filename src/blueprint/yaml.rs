//! Parses the text of a blueprint: YAML 1.2, which includes JSON. It remembers the line of every part.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use crate::validation::{ValidationError, ValidationErrors, escaped};

/// The size of the largest file, in bytes.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// How deep a document may be nested.
const DEPTH_MAX: usize = 32;

/// A document, and the position of each of its parts in the text.
#[derive(Debug)]
pub struct Source {
    pub value: Value,
    positions: BTreeMap<String, (usize, usize)>,
}

impl Source {
    /// Parses a text.
    ///
    /// # Errors
    /// It is not YAML, or contains something that JSON cannot contain.
    pub fn read(text: &str) -> Result<Self, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        if text.len() > BYTES_MAX {
            errors.add("1:1: #", "too_long", format!("at most {BYTES_MAX} bytes are read"));
            return Err(errors);
        }
        check_nesting(text)?;
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            let mark = error.marker();
            let pointer = format!("{}:{}", mark.line(), mark.col() + 1);
            ValidationErrors(vec![ValidationError::at(pointer, "malformed_yaml", error.info())])
        })?;
        let [document] = documents.as_slice() else {
            errors.add("1:1: #", "not_one_document", "must be one YAML document");
            return Err(errors);
        };
        let mut source = Self { value: Value::Null, positions: BTreeMap::new() };
        let value = source.convert(document, "#".to_owned(), &mut errors);
        source.value = value;
        if errors.0.is_empty() { Ok(source) } else { Err(source.located(errors)) }
    }

    fn convert(&mut self, node: &MarkedYaml<'_>, pointer: String, errors: &mut ValidationErrors) -> Value {
        let start = node.span.start;
        self.positions.entry(pointer.clone()).or_insert((start.line(), start.col() + 1));
        match &node.data {
            YamlData::Value(Scalar::Null) => Value::Null,
            YamlData::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
            YamlData::Value(Scalar::Integer(number)) => Value::from(*number),
            YamlData::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
            YamlData::Value(Scalar::String(text)) => Value::String(text.to_string()),
            YamlData::Sequence(elements) => {
                let convert = |(index, element)| self.convert(element, format!("{pointer}/{index}"), errors);
                Value::Array(elements.iter().enumerate().map(convert).collect())
            }
            YamlData::Mapping(members) => {
                let mut map = Map::new();
                for (key, member) in members {
                    let Some(name) = key_text(key) else {
                        errors.add(pointer.clone(), "invalid_key", "has a key that is not a text");
                        continue;
                    };
                    let pointer = format!("{pointer}/{}", escaped(&name));
                    // The position of a member is that of its key.
                    let mark = key.span.start;
                    self.positions.insert(pointer.clone(), (mark.line(), mark.col() + 1));
                    let value = self.convert(member, pointer, errors);
                    map.insert(name, value);
                }
                Value::Object(map)
            }
            _ => {
                errors.add(pointer, "unreadable", "cannot be read");
                Value::Null
            }
        }
    }

    /// Line and column of the part with this pointer, or of the nearest enclosing part that the text contains.
    pub fn position(&self, pointer: &str) -> Option<(usize, usize)> {
        let mut enclosing = pointer;
        loop {
            if let Some(position) = self.positions.get(enclosing) {
                return Some(*position);
            }
            enclosing = enclosing.rsplit_once('/')?.0;
        }
    }

    fn located(&self, errors: ValidationErrors) -> ValidationErrors {
        let locate = |error: ValidationError| match self.position(&error.pointer) {
            Some((line, column)) => ValidationError { pointer: format!("{line}:{column}: {}", error.pointer), ..error },
            None => error,
        };
        ValidationErrors(errors.0.into_iter().map(locate).collect())
    }

    /// One line for each validation error, with file, line, column and pointer:
    /// `agenda.yaml:12:5: #/sessions/0/title is required`.
    pub fn describe(&self, file: &str, errors: &ValidationErrors) -> Vec<String> {
        let mut located: Vec<_> =
            errors.0.iter().map(|error| (self.position(&error.pointer).unwrap_or((1, 1)), error)).collect();
        located.sort();
        located
            .into_iter()
            .map(|((line, column), error)| format!("{file}:{line}:{column}: {} {}", error.pointer, error.detail))
            .collect()
    }
}

/// Refuses texts whose tree would be too deep or much larger than the text, before the tree is built.
fn check_nesting(text: &str) -> Result<(), ValidationErrors> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        // The parser reports a text that is not YAML.
        let Ok((event, span)) = event else {
            break;
        };
        let refused = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                depth += 1;
                (depth > DEPTH_MAX).then(|| ("too_deep", format!("nests deeper than {DEPTH_MAX}")))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                depth = depth.saturating_sub(1);
                None
            }
            Event::Alias(..) => Some(("alias", "aliases are not read: write the value out".to_owned())),
            _ => None,
        };
        if let Some((code, detail)) = refused {
            let pointer = format!("{}:{}", span.start.line(), span.start.col() + 1);
            return Err(ValidationErrors(vec![ValidationError::at(pointer, code, detail)]));
        }
    }
    Ok(())
}

/// One line for each error of a text that is not YAML; these errors contain their own position.
pub fn describe_syntax_errors(file: &str, errors: &ValidationErrors) -> Vec<String> {
    errors.0.iter().map(|error| format!("{file}:{}: {}", error.pointer, error.detail)).collect()
}

fn key_text(key: &MarkedYaml<'_>) -> Option<String> {
    match &key.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::Boolean(flag)) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_line_of_its_key_and_a_missing_one_that_of_its_parent() {
        let source = Source::read("conference:\n  slug: x\nrooms:\n  - code: a\n    name: A\n").unwrap();
        assert_eq!(source.position("#/conference/slug"), Some((2, 3)));
        assert_eq!(source.position("#/rooms/0/name"), Some((5, 5)));
        assert_eq!(source.position("#/rooms/0/capacity"), Some((4, 5)));
        assert_eq!(source.value["rooms"][0]["name"], "A");
    }

    #[test]
    fn words_that_yaml_1_1_took_for_booleans_are_texts() {
        let source = Source::read("a: no\nb: NO\nc: on\nd: 2014-03-31\ne: true\nf: 09:30").unwrap();
        assert_eq!(
            source.value,
            serde_json::json!({ "a": "no", "b": "NO", "c": "on", "d": "2014-03-31", "e": true, "f": "09:30" })
        );
    }

    #[test]
    fn an_unreadable_document_is_reported_with_its_line() {
        let errors = |text: &str| describe_syntax_errors("f.yaml", &Source::read(text).unwrap_err());
        assert_eq!(errors("a: [1\nb: 2"), ["f.yaml:2:2: illegal placement of ':' indicator"]);
        assert_eq!(errors("a: 1\na: 2"), ["f.yaml:2:1: duplicated key in mapping"]);
        assert_eq!(errors("a: 1\n---\nb: 2"), ["f.yaml:1:1: #: must be one YAML document"]);
        assert_eq!(errors("a: &x 1\nb: *x"), ["f.yaml:2:4: aliases are not read: write the value out"]);
        assert_eq!(errors(&format!("{}x", "- ".repeat(100_000))), ["f.yaml:1:65: nests deeper than 32"]);
        assert_eq!(errors(&"[".repeat(100_000)), ["f.yaml:1:256: recursion limit exceeded"]);
    }
}
