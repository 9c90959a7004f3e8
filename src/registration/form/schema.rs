//! The form as a JSON Schema (draft 2020-12), for frontends that generate a form from a schema.

use serde_json::{Map, Value, json};

use super::question::{Condition, Question, QuestionKind};
use crate::{
    registration::{
        field_values::FieldKind,
        fields::PERSONAL_FIELDS,
        person_fields::{CategoryFields, Presence, configurable_fields},
    },
    values::{Code, Count, CountryCode, LanguageTag},
};

/// The schema of the body of a POST to `registrations`: the fixed fields, and the answers to the conference's questions
/// with the conditions under which they are asked. Titles are in `language`. What a schema cannot express, such as
/// sessions that overlap, is checked when the form is sent.
pub fn form_schema(
    questions: &[Question],
    categories: &[(Code, CategoryFields<'_>)],
    sessions: &[Code],
    languages: &[LanguageTag],
    language: &str,
) -> Value {
    let mut answers = Map::new();
    for question in questions {
        answers.insert(question.code.to_string(), answer(question, languages, language));
    }
    let text = |length_max: Option<u32>| json!({ "type": "string", "minLength": 1, "maxLength": length_max });
    let optional = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let mut properties = Map::new();
    let mut required = vec!["category"];
    properties
        .insert("category".to_owned(), json!({ "enum": categories.iter().map(|(code, _)| code).collect::<Vec<_>>() }));
    for field in PERSONAL_FIELDS {
        let schema = match field.kind {
            FieldKind::Line | FieldKind::Prose => text(field.max_length),
            FieldKind::Email => json!({ "type": "string", "format": "email", "maxLength": field.max_length }),
            FieldKind::Country => json!({ "type": "string", "pattern": "^[A-Z]{2}$" }),
            FieldKind::Language => json!({ "enum": languages }),
            FieldKind::Phone => json!({ "type": "string", "pattern": "^[0-9+ ./()-]{3,40}$" }),
            FieldKind::Date => json!({ "type": "string", "format": "date" }),
        };
        properties.insert(field.name.to_owned(), if field.is_required { schema } else { optional(schema) });
        required.extend(field.is_required.then_some(field.name));
    }
    required.push("consent");
    let sessions = json!({ "type": "array", "uniqueItems": true, "items": { "enum": sessions } });
    properties.insert("sessions".to_owned(), sessions);
    properties.insert("invitation".to_owned(), optional(text(Some(200))));
    properties.insert("consent".to_owned(), json!({ "const": true }));
    properties.insert("privacy_notice_version".to_owned(), optional(json!({ "type": "integer", "minimum": 1 })));
    let answers = json!({ "type": "object", "additionalProperties": false, "properties": answers });
    properties.insert("answers".to_owned(), answers);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
        "allOf": name_rules().into_iter().chain(questions.iter().flat_map(rules)).chain(person_rules(categories)).collect::<Vec<_>>()
    })
}

/// There is a name: the whole one, or at least one of its parts, and not both.
fn name_rules() -> [Value; 2] {
    let has = |field: &str| json!({ "required": [field], "properties": { field: { "type": "string" } } });
    let parts = json!({ "anyOf": [has("family_name"), has("given_name")] });
    [json!({ "anyOf": [has("name"), parts] }), json!({ "not": { "allOf": [has("name"), parts] } })]
}

/// The rules of the fields about the person, each for the categories that require or hide it.
fn person_rules(categories: &[(Code, CategoryFields<'_>)]) -> impl Iterator<Item = Value> {
    let rule = |name: &'static str, presence: Presence| {
        let with = categories.iter().filter(|(_, fields)| fields.presence(name) == presence);
        let codes: Vec<_> = with.map(|(code, _)| code).collect();
        let then = match presence {
            Presence::Required => json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } }),
            _ => json!({ "properties": { name: { "type": "null" } } }),
        };
        let condition = json!({ "required": ["category"], "properties": { "category": { "enum": codes } } });
        (!codes.is_empty()).then(|| json!({ "if": condition, "then": then }))
    };
    let names = configurable_fields().map(|field| field.name);
    let rules = names.flat_map(|name| [rule(name, Presence::Required), rule(name, Presence::Hidden)]);
    rules.flatten().collect::<Vec<_>>().into_iter()
}

fn answer(question: &Question, languages: &[LanguageTag], language: &str) -> Value {
    let codes: Vec<&str> = question.options.iter().map(|option| option.code.as_str()).collect();
    let titled_options = || {
        let options = question.options.iter();
        let option = |option: &super::question::AnswerOption| json!({ "const": option.code, "title": option.label.text(language, languages) });
        options.map(option).collect::<Vec<_>>()
    };
    let mut schema = match question.kind {
        QuestionKind::ShortText | QuestionKind::LongText => {
            let length_max = question.max_length.map(|Count(length)| length).or(question.kind.length_max());
            json!({ "type": "string", "pattern": "\\S", "maxLength": length_max })
        }
        QuestionKind::SingleChoice => json!({ "enum": codes, "oneOf": titled_options() }),
        QuestionKind::MultipleChoice => {
            let items_min = u8::from(question.required);
            json!({ "type": "array", "uniqueItems": true, "minItems": items_min, "items": { "enum": codes, "oneOf": titled_options() } })
        }
        QuestionKind::YesNo => json!({ "type": "boolean" }),
        QuestionKind::Number => {
            let mut schema = json!({ "type": "number" });
            for (key, bound) in [("minimum", question.minimum), ("maximum", question.maximum)] {
                if let (Some(bound), Some(schema)) = (bound, schema.as_object_mut()) {
                    schema.insert(key.to_owned(), json!(bound));
                }
            }
            schema
        }
        QuestionKind::Date => json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
        QuestionKind::Country => Value::from(serde_json::Map::from_iter([(
            "enum".to_owned(),
            CountryCode::all().map(Value::from).collect(),
        )])),
        QuestionKind::Email => json!({ "type": "string", "format": "email", "maxLength": 254 }),
        QuestionKind::Phone => json!({ "type": "string", "pattern": "^[0-9+ ./()-]{3,40}$" }),
        QuestionKind::Url => json!({ "type": "string", "pattern": "^https?://", "maxLength": 2000 }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), json!(question.label.text(language, languages)));
        if let Some(help) = &question.help {
            schema.insert("description".to_owned(), json!(help.text(language, languages)));
        }
    }
    // `null` counts as no answer.
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// The rules of one question: a required question must be answered where it is asked, and no question may be answered
/// where it is not.
fn rules(question: &Question) -> Vec<Value> {
    let code = question.code.as_str();
    let mut conditions = Vec::new();
    if !question.categories.is_empty() {
        conditions
            .push(json!({ "required": ["category"], "properties": { "category": { "enum": question.categories } } }));
    }
    if let Some(condition) = &question.shown_if {
        conditions.push(json!({ "required": ["answers"], "properties": { "answers": condition_schema(condition) } }));
    }
    let answered = json!({ "required": [code], "properties": { code: { "not": { "type": "null" } } } });
    let must_answer = json!({ "required": ["answers"], "properties": { "answers": answered } });
    let must_not_answer = json!({ "properties": { "answers": { "properties": { code: { "type": "null" } } } } });
    match (conditions.is_empty(), question.required) {
        (true, true) => vec![must_answer],
        (true, false) => Vec::new(),
        (false, true) => vec![json!({ "if": { "allOf": conditions }, "then": must_answer, "else": must_not_answer })],
        (false, false) => vec![json!({ "if": { "allOf": conditions }, "else": must_not_answer })],
    }
}

fn condition_schema(condition: &Condition) -> Value {
    let question = condition.question.as_str();
    let mut answers: Vec<Value> = condition.any_of.iter().map(|answer| json!(answer)).collect();
    let yes_no = [("yes", true), ("no", false)];
    let is_listed = |text: &str| condition.any_of.iter().any(|listed| listed == text);
    answers.extend(yes_no.iter().filter(|(text, _)| is_listed(text)).map(|(_, value)| json!(value)));
    let has_listed_answer =
        json!({ "anyOf": [{ "enum": answers }, { "type": "array", "contains": { "enum": answers } }] });
    json!({ "required": [question], "properties": { question: has_listed_answer } })
}
