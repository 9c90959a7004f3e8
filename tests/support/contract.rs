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
pub fn learn(client: &Client) {
    DOCUMENT.get_or_init(|| client.try_send("GET", "/openapi.json", &[], None).unwrap().json());
}

/// The operation that answers a request, if the document has one.
fn operation(document: &Value, method: &str, path: &str) -> Option<(String, Value)> {
    let path = path.split('?').next().unwrap();
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    let part_fits = |part: &str, given: &str| match part.split_once('}') {
        Some((_, suffix)) => given.ends_with(suffix),
        None => part == given,
    };
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(part, given)| part_fits(part, given))
    };
    // Of several templates that fit, the one with the fewest variables is meant; of these, that which says more.
    let fitting =
        document["paths"].as_object()?.iter().filter(|(template, item)| fits(template) && item.get(&method).is_some());
    let (template, item) =
        fitting.min_by_key(|(template, _)| (template.matches('{').count(), Reverse(template.len())))?;
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
        // A browser's question before a request of another origin (Fetch, 4.8): no operation of the API.
        return;
    }
    let Some((template, operation)) = operation(document, method, path) else {
        // Pages are for people: no program is promised anything of them.
        let is_page = path.starts_with("/conferences/") || path.starts_with("/assets/");
        let unknown =
            is_page || answer.status == 404 || answer.status == 405 || path.starts_with("/docs") || path == "/";
        assert!(unknown, "{method} {path} answered {} and is not in the API document", answer.status);
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
    // A compressed body is, expanded, one that is checked plain.
    if media.ends_with("json") && answer.header("content-encoding").is_none() {
        let value = answer.json();
        // Who asks for fields gets these alone, whatever is required otherwise.
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
    let mut validators = VALIDATORS.get_or_init(Mutex::default).lock().unwrap_or_else(|broken| broken.into_inner());
    let made = validators.entry(key.to_owned()).or_insert_with(|| {
        let mut root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": document["components"],
        });
        if is_sparse {
            require_nothing(&mut root);
        }
        Arc::new(jsonschema::validator_for(&root).unwrap())
    });
    Arc::clone(made)
}

/// Takes every list of required members out of a schema.
fn require_nothing(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| name != "required" || !value.is_array());
            members.values_mut().for_each(require_nothing);
        }
        Value::Array(elements) => elements.iter_mut().for_each(require_nothing),
        _ => {}
    }
}
