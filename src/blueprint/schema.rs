//! The JSON Schema (2020-12) of a blueprint, for text editors. It is made from the same types that read a blueprint.

use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::Blueprint;

pub fn blueprint() -> Value {
    let mut components = Vec::new();
    Blueprint::schemas(&mut components);
    let definitions: serde_json::Map<String, Value> =
        components.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut schema = json!(Blueprint::schema());
    flatten(&mut schema, &definitions);
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("Plenary blueprint"));
        members.insert("$defs".to_owned(), Value::Object(definitions));
    }
    resolve_references(&mut schema);
    schema
}

/// Puts `registration` and `site` among the members of the agenda, in one object with all members.
fn flatten(schema: &mut Value, definitions: &serde_json::Map<String, Value>) {
    let agenda = definitions.get("Agenda").cloned().unwrap_or_default();
    let mut properties = agenda.get("properties").cloned().unwrap_or_default();
    let parts = schema.get("allOf").and_then(Value::as_array).cloned().unwrap_or_default();
    for part in parts {
        if let (Some(members), Some(part_properties)) =
            (properties.as_object_mut(), part.get("properties").and_then(Value::as_object))
        {
            members.extend(part_properties.clone());
        }
    }
    *schema = json!({
        "type": "object",
        "required": agenda.get("required"),
        "properties": properties,
        "description": "A whole conference as one document.",
    });
}

/// Makes references point into the schema itself, and forbids undeclared members, as the reader of a blueprint does.
fn resolve_references(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/$defs/");
            }
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(resolve_references);
        }
        Value::Array(elements) => elements.iter_mut().for_each(resolve_references),
        _ => {}
    }
}
