//! An agenda in which every localised text is marked, for tests that no text is forgotten. The schemas of the API
//! document say which fields hold texts: a new one is marked without a change here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema};

use super::Agenda;
use crate::values::Localised;

/// Word in every localised text.
pub const MARK: &str = "Quuxley";

/// The document of an agenda with the languages `en`, `fr` and `nl`, and JSON pointers to its localised texts. Every
/// field that can hold a text has one, in the first two languages.
pub fn document() -> (Value, BTreeSet<String>) {
    let mut collected = Vec::new();
    Agenda::schemas(&mut collected);
    let json_of = |schema| serde_json::to_value(schema).unwrap();
    let schemas = Schemas(collected.into_iter().map(|(name, schema)| (name, json_of(schema))).collect());
    let mut document = unmarked();
    let mut pointers = BTreeSet::new();
    schemas.mark(&json_of(Agenda::schema()), &mut document, "#", &mut pointers);
    assert!(!pointers.is_empty(), "the schemas have no localised text");
    (document, pointers)
}

/// One thing of each kind, with the fields that are required and the parts that have fields of their own.
fn unmarked() -> Value {
    let appearances = json!([{ "speaker": "ada", "role": "speaker" }]);
    json!({
        "conference": {
            "slug": "marked", "starts_on": "2030-05-01", "ends_on": "2030-05-01", "time_zone": "Europe/Brussels",
            "languages": ["en", "fr", "nl"], "venue": {},
            "organisations": [{ "organisation": "ngo", "role": "host" }],
        },
        "organisations": [{ "code": "ngo", "kind": "ngo" }],
        "days": [{ "date": "2030-05-01" }],
        "rooms": [{ "code": "hall" }],
        "tracks": [{ "code": "law" }],
        "speakers": [{ "code": "ada", "family_name": "Lovelace" }],
        "sessions": [{
            "code": "opening", "kind": "parallel", "starts_at": "2030-05-01T09:00", "ends_at": "2030-05-01T10:00",
            "appearances": appearances,
            "items": [{ "code": "keynote", "kind": "keynote", "appearances": appearances }],
        }],
        "call_for_action": { "issued_by": { "speaker": "ada" }, "commitments": [{}] },
    })
}

/// The schemas of the API document, by name.
struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Fills each localised text of a value with this schema.
    fn mark(&self, schema: &Value, value: &mut Value, pointer: &str, pointers: &mut BTreeSet<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            if name == Localised::name() {
                let text = |language: &str| format!("{MARK} {} {language}", pointers.len());
                *value = json!({ "en": text("en"), "fr": text("fr") });
                pointers.insert(pointer.to_owned());
                return;
            }
            return self.mark(&self.0[name], value, pointer, pointers);
        }
        for variants in ["oneOf", "anyOf", "allOf"] {
            for variant in schema[variants].as_array().into_iter().flatten() {
                self.mark(variant, value, pointer, pointers);
            }
        }
        if let Some(properties) = schema["properties"].as_object() {
            let members = value.as_object_mut().unwrap_or_else(|| panic!("the sample needs an object at {pointer}"));
            for (name, schema) in properties {
                let mut member = members.remove(name).unwrap_or_default();
                self.mark(schema, &mut member, &format!("{pointer}/{name}"), pointers);
                if !member.is_null() {
                    members.insert(name.clone(), member);
                }
            }
        }
        if schema["items"].is_object() {
            let elements = value.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
            let may_be_empty = !self.has_properties(&schema["items"]);
            assert!(may_be_empty || !elements.is_empty(), "the sample needs an element at {pointer}");
            for (index, element) in elements.iter_mut().enumerate() {
                self.mark(&schema["items"], element, &format!("{pointer}/{index}"), pointers);
            }
        }
    }

    /// Whether a schema, or the schema to which it refers, is that of an object with fields or of a localised text.
    fn has_properties(&self, schema: &Value) -> bool {
        match schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            Some(name) => name == Localised::name() || self.has_properties(&self.0[name]),
            None => schema["properties"].is_object(),
        }
    }
}
