//! Removes people from what is stored as JSON: entries of the audit trail, and answers stored for idempotency keys.

use serde_json::{Map, Value};

use super::model::{Person, Redaction};
use crate::{
    access::audit::{Entry, ResourceKind},
    http::idempotency::StoredAnswer,
};

/// Members whose value is one of a fixed list of words, or a name of somebody else.
const UNCHANGED_MEMBERS: [&str; 11] = [
    "access",
    "family_name",
    "given_name",
    "kind",
    "precedence",
    "protocol_rule",
    "role",
    "slug",
    "status",
    "time_zone",
    "visibility",
];

/// The kind of things whose codes a value contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodesOf {
    Speakers,
    Sessions,
    Others,
}

impl Redaction {
    fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id.to_string() == id)
    }

    fn person_of_code(&self, code: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.codes.iter().any(|code_of_person| code_of_person.as_str() == code))
    }

    /// An entry of the audit trail without the people; `None` if it does not mention them.
    pub fn redacted_entry(&self, entry: &Entry) -> Option<Entry> {
        let mut redacted = entry.clone();
        let person = self.person(&entry.id).filter(|_| entry.resource == ResourceKind::Speaker);
        if let Some(person) = person {
            redacted.before = None;
            redacted.after = None;
            redacted.id = person.placeholder_id();
            redacted.code = person.placeholder.code.to_string();
            return Some(redacted);
        }
        let codes_of = match entry.resource {
            ResourceKind::Speaker => CodesOf::Speakers,
            ResourceKind::Session | ResourceKind::Item => CodesOf::Sessions,
            _ => CodesOf::Others,
        };
        let mut changed = false;
        if let (CodesOf::Sessions, Some(code)) = (codes_of, self.redacted_code(&entry.code)) {
            redacted.code = code.to_string();
            changed = true;
        }
        for value in [&mut redacted.before, &mut redacted.after].into_iter().flatten() {
            changed |= self.redact_value(value, "", codes_of);
        }
        changed.then_some(redacted)
    }

    /// Removes the people from a stored answer. Returns whether it changed.
    pub fn redact_answer(&self, answer: &mut StoredAnswer) -> bool {
        let location = answer.location.as_deref().and_then(|location| self.redacted_location(location));
        let mut body = serde_json::from_str(&answer.body).unwrap_or_default();
        let changed = self.redact_value(&mut body, "", CodesOf::Others);
        if changed {
            answer.body = body.to_string();
        }
        if let Some(location) = &location {
            answer.location = Some(location.clone());
        }
        if changed || location.is_some() {
            // The entity tag belonged to the old body.
            answer.etag = None;
        }
        changed || location.is_some()
    }

    fn redacted_location(&self, location: &str) -> Option<String> {
        let mut collection = "";
        let mut parts = Vec::new();
        let mut changed = false;
        for part in location.split('/') {
            let redacted = match collection {
                "speakers" => self.person_of_code(part).map(|person| person.placeholder.code.clone()),
                "sessions" | "items" => self.redacted_code(part),
                _ => None,
            };
            changed |= redacted.is_some();
            parts.push(redacted.map_or_else(|| part.to_owned(), |code| code.to_string()));
            collection = part;
        }
        changed.then(|| parts.join("/"))
    }

    fn redact_value(&self, value: &mut Value, key: &str, codes_of: CodesOf) -> bool {
        match value {
            Value::String(text) => match self.redacted_string(text, key, codes_of) {
                Some(redacted) => {
                    *text = redacted;
                    true
                }
                None => false,
            },
            // `map` and `fold`, not `any`: every element must be visited.
            Value::Array(elements) => elements
                .iter_mut()
                .map(|value| self.redact_value(value, key, codes_of))
                .fold(false, |changed, more| changed | more),
            Value::Object(members) => self.redact_members(members, codes_of),
            _ => false,
        }
    }

    fn redacted_string(&self, text: &str, key: &str, codes_of: CodesOf) -> Option<String> {
        if let Some(person) = self.person(text) {
            return Some(person.placeholder_id());
        }
        let of_person = || self.person_of_code(text).map(|person| person.placeholder.code.to_string());
        let of_session = || self.redacted_code(text).map(|code| code.to_string());
        match (key, codes_of) {
            ("speaker" | "on_behalf_of", _) | ("order", CodesOf::Speakers) => of_person(),
            ("code" | "order", CodesOf::Sessions) | ("session", _) => of_session(),
            ("code" | "order", _) => None,
            _ if UNCHANGED_MEMBERS.contains(&key) => None,
            _ => self.redacted_text(text),
        }
    }

    fn redact_members(&self, members: &mut Map<String, Value>, codes_of: CodesOf) -> bool {
        let person = members.get("id").and_then(Value::as_str).and_then(|id| self.person(id));
        if let Some(person) = person {
            person.redact_members(members);
            return true;
        }
        let is_session = members.contains_key("code") && members.contains_key("title");
        let codes_of = match members.get("resource").and_then(Value::as_str) {
            Some("speaker") => CodesOf::Speakers,
            Some("session" | "item") => CodesOf::Sessions,
            _ if is_session => CodesOf::Sessions,
            _ => codes_of,
        };
        members.iter_mut().fold(false, |changed, (key, value)| changed | self.redact_value(value, key, codes_of))
    }
}

impl Person {
    fn placeholder_id(&self) -> String {
        self.placeholder.id.map(|id| id.to_string()).unwrap_or_default()
    }

    /// Replaces what an answer says about them, or about a change of them, by the data of the placeholder.
    fn redact_members(&self, members: &mut Map<String, Value>) {
        let placeholder = serde_json::to_value(&self.placeholder).unwrap_or_default();
        for (key, value) in members {
            match (key.as_str(), &mut *value) {
                ("action" | "resource" | "fields" | "ordinal", _) => {}
                ("name", _) => *value = Value::from(self.placeholder.name()),
                (_, Value::Array(elements)) => elements.clear(),
                (key, _) => *value = placeholder.get(key).cloned().unwrap_or_default(),
            }
        }
    }
}
