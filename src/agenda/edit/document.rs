//! Edits of the draft as a document: where a thing is in it, and what becomes of it.

use serde_json::{Map, Value};

use super::resource::Resource;
use crate::{
    agenda::{AgendaError, references},
    faults::Faults,
    values::Code,
};

/// Names a thing of the agenda.
#[derive(Debug, Clone)]
pub struct Address {
    /// What it is called: `room`.
    pub noun: &'static str,
    /// The list that holds it, or the member that it is.
    list: &'static str,
    /// The field that names it.
    key: &'static str,
    /// Of an item, its session.
    pub session: Option<Code>,
    /// What names it.
    pub code: String,
}

/// What becomes of a thing. The values are bodies of requests, not yet read.
#[derive(Debug, Clone)]
pub enum Edit {
    /// It is added at the end of its list.
    Create(Value),
    /// It is made to say this, and created if it is new.
    Put(Value),
    /// Some of its fields change: a merge patch (RFC 7396).
    Patch(Value),
    /// It goes away.
    Delete,
}

impl Address {
    /// The address of a thing of kind `T`.
    pub fn of<T: Resource>(session: Option<Code>, code: &str) -> Self {
        Self { noun: T::NOUN, list: T::LIST, key: T::KEY, session, code: code.to_owned() }
    }

    fn is_single(&self) -> bool {
        self.list == self.noun
    }

    /// Where the list of it is: a JSON pointer.
    fn list_pointer(&self, document: &Value) -> Result<String, AgendaError> {
        let Some(session) = &self.session else {
            return Ok(format!("/{}", self.list));
        };
        let index = position(document.get("sessions"), "code", session.as_str());
        index.map(|index| format!("/sessions/{index}/items")).ok_or(AgendaError::NoThing("session"))
    }

    /// Where it is: a JSON pointer, if it is there.
    pub fn pointer(&self, document: &Value) -> Result<Option<String>, AgendaError> {
        let list = self.list_pointer(document)?;
        if self.is_single() {
            return Ok(document.pointer(&list).filter(|value| !value.is_null()).map(|_| list));
        }
        let index = position(document.pointer(&list), self.key, &self.code);
        Ok(index.map(|index| format!("{list}/{index}")))
    }
}

/// Where in a list the thing is whose `key` says `code`.
pub fn position(list: Option<&Value>, key: &str, code: &str) -> Option<usize> {
    let list = list?.as_array()?;
    list.iter().position(|thing| thing.get(key).and_then(Value::as_str) == Some(code))
}

/// Applies an edit to the document. Answers where the thing is then; `None` once it is deleted.
///
/// # Errors
/// There is no such thing, or one of that code already; an id or a code that contradicts the address.
pub fn apply(
    document: &mut Value,
    address: &Address,
    edit: Edit,
    first_language: &str,
) -> Result<Option<String>, AgendaError> {
    let found = address.pointer(document)?;
    let missing = || AgendaError::NoThing(address.noun);
    match (edit, found) {
        (Edit::Create(body), _) => create(document, address, readable(body)).map(Some),
        (Edit::Put(body), None) => {
            let mut body = readable(body);
            settle_key(&mut body, address)?;
            create(document, address, body).map(Some)
        }
        (Edit::Put(body), Some(pointer)) => replace(document, address, pointer, readable(body)).map(Some),
        (Edit::Patch(patch), Some(pointer)) => {
            let mut merged = document.pointer(&pointer).cloned().unwrap_or_default();
            merge(&mut merged, &readable(patch), first_language);
            replace(document, address, pointer, merged).map(Some)
        }
        (Edit::Delete, Some(pointer)) => {
            remove(document, &pointer);
            Ok(None)
        }
        (Edit::Patch(_) | Edit::Delete, None) => Err(missing()),
    }
}

/// A body without what answers add to a thing.
fn readable(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.remove("warnings");
    }
    body
}

/// Where the address names the thing, the body may leave its code out, and may not say another.
fn settle_key(body: &mut Value, address: &Address) -> Result<(), AgendaError> {
    let Some(members) = body.as_object_mut().filter(|_| !address.is_single()) else {
        return Ok(());
    };
    let said = members.entry(address.key).or_insert_with(|| Value::from(address.code.as_str()));
    if said.as_str().is_some_and(|said| said != address.code) {
        let mut faults = Faults::default();
        faults.add(format!("#/{}", address.key), "other_code", format!("the address says {}", address.code));
        return Err(faults.into());
    }
    Ok(())
}

fn create(document: &mut Value, address: &Address, body: Value) -> Result<String, AgendaError> {
    let list = address.list_pointer(document)?;
    if address.is_single() {
        if let Some(members) = document.as_object_mut() {
            members.insert(address.list.to_owned(), body);
        }
        return Ok(list);
    }
    if let Some(code) = body.get(address.key).and_then(Value::as_str) {
        demand_free(document, address, code)?;
    }
    let things = document.pointer_mut(&list).and_then(Value::as_array_mut).ok_or(AgendaError::NoThing(address.noun))?;
    things.push(body);
    Ok(format!("{list}/{}", things.len() - 1))
}

/// A code is given once in a conference; an item's over all sessions.
fn demand_free(document: &Value, address: &Address, code: &str) -> Result<(), AgendaError> {
    let is_in = |list: Option<&Value>| position(list, address.key, code).is_some();
    let is_taken = match &address.session {
        None => is_in(document.get(address.list)),
        Some(_) => {
            let sessions = document.get("sessions").and_then(Value::as_array);
            sessions.into_iter().flatten().any(|session| is_in(session.get(address.list)))
        }
    };
    if is_taken { Err(AgendaError::Exists { noun: address.noun, code: code.to_owned() }) } else { Ok(()) }
}

fn replace(document: &mut Value, address: &Address, pointer: String, mut body: Value) -> Result<String, AgendaError> {
    let old = document.pointer(&pointer).cloned().unwrap_or_default();
    let mut renamed = None;
    if let Some(members) = body.as_object_mut() {
        keep_id(members, &old)?;
        if !address.is_single() {
            let said = members.entry(address.key).or_insert_with(|| Value::from(address.code.as_str()));
            renamed = said.as_str().filter(|said| *said != address.code).map(str::to_owned);
        }
    }
    if let Some(to) = &renamed {
        demand_free(document, address, to)?;
    }
    if let Some(place) = document.pointer_mut(&pointer) {
        *place = body;
    }
    if let Some(to) = renamed {
        references::rename(document, address.noun, &address.code, &to);
    }
    Ok(pointer)
}

/// A thing keeps its id, whether the body says it or not.
fn keep_id(members: &mut Map<String, Value>, old: &Value) -> Result<(), AgendaError> {
    let Some(id) = old.get("id").filter(|id| !id.is_null()) else {
        return Ok(());
    };
    match members.get("id") {
        Some(said) if !said.is_null() && said != id => {
            let mut faults = Faults::default();
            faults.add("#/id", "other_id", format!("this thing has the id {}", id.as_str().unwrap_or_default()));
            Err(faults.into())
        }
        _ => {
            members.insert("id".to_owned(), id.clone());
            Ok(())
        }
    }
}

fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match document.pointer_mut(parent) {
        Some(Value::Array(list)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        Some(Value::Object(members)) => _ = members.insert(last.to_owned(), Value::Null),
        _ => {}
    }
}

/// The fields that hold texts in several languages.
const LOCALISED: &[&str] = &[
    "name",
    "description",
    "title",
    "abstract",
    "honorific",
    "position",
    "biography",
    "address",
    "city",
    "preamble",
    "text",
    "basis",
];

/// Merges a patch into `target` (RFC 7396). A plain text for a text in several languages sets the first language and
/// leaves the others.
fn merge(target: &mut Value, patch: &Value, first_language: &str) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, change) in changes {
        match change {
            Value::Null => _ = members.remove(name),
            Value::String(_)
                if LOCALISED.contains(&name.as_str()) && members.get(name).is_some_and(Value::is_object) =>
            {
                if let Some(texts) = members.get_mut(name).and_then(Value::as_object_mut) {
                    texts.insert(first_language.to_owned(), change.clone());
                }
            }
            _ => {
                merge(members.entry(name.as_str()).or_insert(Value::Null), change, first_language);
                // A text that is left in no language is no text.
                let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
                if LOCALISED.contains(&name.as_str()) && members.get(name).is_some_and(is_empty) {
                    members.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_is_merged_as_rfc_7396_says() {
        // The examples of its appendix A.
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch, "en");
            assert_eq!(merged, result, "{target} {patch}");
        }
    }

    #[test]
    fn a_plain_text_sets_the_first_language_of_a_text_and_leaves_the_others() {
        let mut merged = json!({"title": {"en": "Old", "fr": "Vieux"}, "code": "a", "venue": {"name": {"en": "x"}}});
        merge(&mut merged, &json!({"title": "New", "code": "b", "venue": {"name": "y"}}), "en");
        let expected = json!({"title": {"en": "New", "fr": "Vieux"}, "code": "b", "venue": {"name": {"en": "y"}}});
        assert_eq!(merged, expected);
        merge(&mut merged, &json!({"title": {"fr": null}}), "en");
        assert_eq!(merged["title"], json!({"en": "New"}));
        merge(&mut merged, &json!({"title": {"en": null}, "abstract": {"fr": null}}), "en");
        assert_eq!((merged.get("title"), merged.get("abstract")), (None, None), "a text in no language is none");
    }
}
