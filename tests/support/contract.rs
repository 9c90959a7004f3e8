//! The API document as a contract: every answer of the suite has a declared status, media type and shape.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::http::{Answer, Client};

static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// Reads the document from a running service, once.
pub fn load_document(client: &Client) {
    DOCUMENT.get_or_init(|| client.try_send("GET", "/openapi.json", &[], None).unwrap().json());
}

/// The operation that answers a request, if the document has one.
fn operation(document: &Value, method: &str, path: &str) -> Option<(String, Value)> {
    let path = path.split('?').next().unwrap();
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    let segment_matches = |part: &str, segment: &str| match part.split_once('}') {
        Some((_, suffix)) => segment.ends_with(suffix),
        None => part == segment,
    };
    let matches = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(part, segment)| segment_matches(part, segment))
    };
    // Of several templates that match, the one with the fewest variables is meant; of these, the longest.
    let matching = document["paths"]
        .as_object()?
        .iter()
        .filter(|(template, item)| matches(template) && item.get(&method).is_some());
    let (template, item) =
        matching.min_by_key(|(template, _)| (template.matches('{').count(), Reverse(template.len())))?;
    Some((template.clone(), item.get(&method)?.clone()))
}

/// Fails the test where the document does not allow the answer.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let Some(document) = DOCUMENT.get() else {
        return;
    };
    assert!(answer.header("x-request-id").is_some(), "{method} {path} has no request id");
    assert_ne!(answer.status, 500, "{method} {path}: {}", answer.text());
    if method == "OPTIONS" {
        // A CORS preflight (Fetch, 4.8) is no operation of the API.
        return;
    }
    let Some((template, operation)) = operation(document, method, path) else {
        // Pages are for people and not described in the document.
        let is_page = path.starts_with("/conferences/") || path.starts_with("/assets/");
        let is_exempt =
            is_page || answer.status == 404 || answer.status == 405 || path.starts_with("/docs") || path == "/";
        assert!(is_exempt, "{method} {path} answered {} and is not in the API document", answer.status);
        return;
    };
    if [204, 303, 304].contains(&answer.status) || method == "HEAD" {
        assert!(answer.body.is_empty());
        return;
    }
    let responses = &operation["responses"];
    let declared = responses.get(answer.status.to_string());
    let response = match declared {
        Some(declared) => declared,
        None => {
            assert!(answer.status >= 400, "{method} {template} answered {}, which is not declared", answer.status);
            &responses["default"]
        }
    };
    let media = answer.header("content-type").unwrap_or_default().split(';').next().unwrap().to_owned();
    let Some(content) = response["content"].get(&media) else {
        panic!("{method} {template} answered {media}, declared: {}", response["content"]);
    };
    // A compressed body is checked in its plain form by other requests.
    if media.ends_with("json") && answer.header("content-encoding").is_none() {
        let value = answer.json();
        // An answer to `?fields=` has only those fields, even if others are required.
        let is_sparse = answer.status == 200 && path.contains("fields=");
        let key = format!("{method} {template} {} {is_sparse}", declared.map_or(0, |_| answer.status));
        let validator = validator(document, &key, &content["schema"], is_sparse);
        let errors: Vec<_> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{key} {}: {errors:#?}\n{value:#}", answer.status);
    }
}

fn validator(document: &Value, key: &str, schema: &Value, is_sparse: bool) -> Arc<Validator> {
    static VALIDATORS: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut validators = VALIDATORS.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let validator = validators.entry(key.to_owned()).or_insert_with(|| {
        let mut root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": document["components"],
        });
        if is_sparse {
            make_all_optional(&mut root);
        }
        Arc::new(jsonschema::validator_for(&root).unwrap())
    });
    Arc::clone(validator)
}

/// Removes every list of required members from a schema.
fn make_all_optional(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| name != "required" || !value.is_array());
            members.values_mut().for_each(make_all_optional);
        }
        Value::Array(elements) => elements.iter_mut().for_each(make_all_optional),
        _ => {}
    }
}
