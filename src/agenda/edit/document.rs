//! Edits of the draft as a JSON document: finding a thing, adding, replacing, patching and removing it.

use serde_json::{Map, Value};

use super::resource::Resource;
use crate::{
    agenda::{AgendaError, references, texts::is_localised},
    validation::ValidationErrors,
    values::{Code, merge_patch},
};

/// Address of a thing in the agenda's document.
#[derive(Debug, Clone)]
pub struct Address {
    /// Kind of the thing, such as `room`.
    pub noun: &'static str,
    /// Member of the document that is the list of these things, or the thing itself.
    list: &'static str,
    /// Field that identifies the thing in its list.
    key: &'static str,
    /// The session of an item; `None` for other things.
    pub session: Option<Code>,
    /// Value of the `key` field.
    pub code: String,
}

/// An edit of one thing. The values are request bodies that are not validated yet.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Adds the thing at the end of its list.
    Create(Value),
    /// Replaces the thing, or adds it if it is new.
    Put(Value),
    /// Changes some fields of the thing with a merge patch (RFC 7396).
    Patch(Value),
    Delete,
}

impl Address {
    pub fn of<T: Resource>(session: Option<Code>, code: &str) -> Self {
        Self { noun: T::NOUN, list: T::LIST, key: T::KEY, session, code: code.to_owned() }
    }

    fn is_single(&self) -> bool {
        self.list == self.noun
    }

    /// JSON pointer to the list, or to the thing where it exists once.
    fn list_pointer(&self, document: &Value) -> Result<String, AgendaError> {
        let Some(session) = &self.session else {
            return Ok(format!("/{}", self.list));
        };
        let index = position(document.get("sessions"), "code", session.as_str());
        index.map(|index| format!("/sessions/{index}/items")).ok_or(AgendaError::ThingNotFound("session"))
    }

    /// JSON pointer to the thing, if it exists.
    pub fn pointer(&self, document: &Value) -> Result<Option<String>, AgendaError> {
        let list = self.list_pointer(document)?;
        if self.is_single() {
            return Ok(document.pointer(&list).filter(|value| !value.is_null()).map(|_| list));
        }
        let index = position(document.pointer(&list), self.key, &self.code);
        Ok(index.map(|index| format!("{list}/{index}")))
    }
}

/// Index in `list` of the thing whose field `key` is `code`.
pub fn position(list: Option<&Value>, key: &str, code: &str) -> Option<usize> {
    let list = list?.as_array()?;
    list.iter().position(|thing| thing.get(key).and_then(Value::as_str) == Some(code))
}

/// Applies an edit to the document and returns the JSON pointer to the changed thing; `None` after a deletion.
///
/// # Errors
/// The thing does not exist, another thing has its code, or the body has another id or code than the address.
pub fn apply(
    document: &mut Value,
    address: &Address,
    edit: Edit,
    first_language: &str,
) -> Result<Option<String>, AgendaError> {
    let pointer = address.pointer(document)?;
    let not_found = || AgendaError::ThingNotFound(address.noun);
    match (edit, pointer) {
        (Edit::Create(body), _) => create(document, address, without_warnings(body)).map(Some),
        (Edit::Put(body), None) => {
            let mut body = without_warnings(body);
            ensure_key_matches(&mut body, address)?;
            create(document, address, body).map(Some)
        }
        (Edit::Put(body), Some(pointer)) => replace(document, address, pointer, without_warnings(body)).map(Some),
        (Edit::Patch(patch), Some(pointer)) => {
            let mut merged = document.pointer(&pointer).cloned().unwrap_or_default();
            merge_into_thing(&mut merged, without_warnings(patch), first_language);
            replace(document, address, pointer, merged).map(Some)
        }
        (Edit::Delete, Some(pointer)) => {
            remove(document, &pointer);
            Ok(None)
        }
        (Edit::Patch(_) | Edit::Delete, None) => Err(not_found()),
    }
}

/// Removes the members that answers add to a thing, so that an answer can be sent back.
fn without_warnings(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.remove("warnings");
    }
    body
}

/// The body of a new thing may leave its code out; it must not have another one than the address.
fn ensure_key_matches(body: &mut Value, address: &Address) -> Result<(), AgendaError> {
    let Some(members) = body.as_object_mut().filter(|_| !address.is_single()) else {
        return Ok(());
    };
    let body_code = members.entry(address.key).or_insert_with(|| Value::from(address.code.as_str()));
    if body_code.as_str().is_some_and(|body_code| body_code != address.code) {
        let mut errors = ValidationErrors::default();
        errors.add(format!("#/{}", address.key), "other_code", format!("must be {}, as in the address", address.code));
        return Err(errors.into());
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
        ensure_code_is_free(document, address, code)?;
    }
    let things =
        document.pointer_mut(&list).and_then(Value::as_array_mut).ok_or(AgendaError::ThingNotFound(address.noun))?;
    things.push(body);
    Ok(format!("{list}/{}", things.len() - 1))
}

/// Refuses a code that is in use. Codes are unique in their list; those of items in the whole conference.
fn ensure_code_is_free(document: &Value, address: &Address, code: &str) -> Result<(), AgendaError> {
    let contains_code = |list: Option<&Value>| position(list, address.key, code).is_some();
    let is_taken = match &address.session {
        None => contains_code(document.get(address.list)),
        Some(_) => {
            let sessions = document.get("sessions").and_then(Value::as_array);
            sessions.into_iter().flatten().any(|session| contains_code(session.get(address.list)))
        }
    };
    if is_taken { Err(AgendaError::AlreadyExists { noun: address.noun, code: code.to_owned() }) } else { Ok(()) }
}

fn replace(document: &mut Value, address: &Address, pointer: String, mut body: Value) -> Result<String, AgendaError> {
    let old = document.pointer(&pointer).cloned().unwrap_or_default();
    let mut new_code = None;
    if let Some(members) = body.as_object_mut() {
        keep_id(members, &old)?;
        if !address.is_single() {
            let body_code = members.entry(address.key).or_insert_with(|| Value::from(address.code.as_str()));
            new_code = body_code.as_str().filter(|body_code| *body_code != address.code).map(str::to_owned);
        }
    }
    if let Some(new_code) = &new_code {
        ensure_code_is_free(document, address, new_code)?;
    }
    if let Some(target) = document.pointer_mut(&pointer) {
        *target = body;
    }
    if let Some(new_code) = new_code {
        references::rename(document, address.noun, &address.code, &new_code);
    }
    Ok(pointer)
}

/// A thing keeps its id: the body may leave it out, and must not have another one.
fn keep_id(members: &mut Map<String, Value>, old: &Value) -> Result<(), AgendaError> {
    let Some(id) = old.get("id").filter(|id| !id.is_null()) else {
        return Ok(());
    };
    match members.get("id") {
        Some(body_id) if !body_id.is_null() && body_id != id => {
            let mut errors = ValidationErrors::default();
            errors.add("#/id", "other_id", format!("must be {}, as before", id.as_str().unwrap_or_default()));
            Err(errors.into())
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

/// Merges a patch into a thing (RFC 7396), with two rules for localised texts: a plain string sets the first language
/// and keeps the others, and a text without any language left is removed.
fn merge_into_thing(thing: &mut Value, mut patch: Value, first_language: &str) {
    wrap_plain_texts(thing, &mut patch, first_language);
    merge_patch(thing, &patch);
    remove_empty_texts(thing, &patch);
}

/// Writes each plain string for a localised text that the thing has as a text in the first language.
fn wrap_plain_texts(thing: &Value, patch: &mut Value, first_language: &str) {
    for (name, change) in patch.as_object_mut().into_iter().flatten() {
        let Some(present) = thing.get(name) else { continue };
        if change.is_string() && present.is_object() && is_localised(name) {
            *change = Value::Object(Map::from_iter([(first_language.to_owned(), change.take())]));
        } else {
            wrap_plain_texts(present, change, first_language);
        }
    }
}

/// Removes the localised texts that the patch leaves without any language.
fn remove_empty_texts(thing: &mut Value, patch: &Value) {
    let (Some(members), Some(changes)) = (thing.as_object_mut(), patch.as_object()) else {
        return;
    };
    for (name, change) in changes {
        let Some(changed) = members.get_mut(name) else { continue };
        remove_empty_texts(changed, change);
        if is_localised(name) && changed.as_object().is_some_and(Map::is_empty) {
            members.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agenda::{marked, model};

    #[test]
    fn a_plain_text_sets_the_first_language_of_a_text_and_leaves_the_others() {
        let mut merged = json!({"title": {"en": "Old", "fr": "Vieux"}, "code": "a", "venue": {"name": {"en": "x"}}});
        merge_into_thing(&mut merged, json!({"title": "New", "code": "b", "venue": {"name": "y"}}), "en");
        let expected = json!({"title": {"en": "New", "fr": "Vieux"}, "code": "b", "venue": {"name": {"en": "y"}}});
        assert_eq!(merged, expected);
        merge_into_thing(&mut merged, json!({"title": {"fr": null}}), "en");
        assert_eq!(merged["title"], json!({"en": "New"}));
        merge_into_thing(&mut merged, json!({"title": {"en": null}, "abstract": {"fr": null}}), "en");
        assert_eq!((merged.get("title"), merged.get("abstract")), (None, None), "a text in no language is none");
    }

    #[test]
    fn a_plain_text_keeps_the_other_languages_of_every_text_of_a_thing() {
        let (document, _) = marked::document();
        let agenda = model::read(document.clone()).unwrap();
        for thing in agenda.texts() {
            // A patch replaces a list as a whole.
            for (field, _) in thing.fields.iter().filter(|(field, _)| !field.starts_with("commitments/")) {
                let nested = |value: Value| field.rsplit('/').fold(value, |inner, name| json!({ name: inner }));
                let mut patched = document.pointer(thing.pointer().trim_start_matches('#')).unwrap().clone();
                let mut expected = patched.clone();
                expected.pointer_mut(&format!("/{field}")).unwrap()["en"] = json!("New");
                merge_into_thing(&mut patched, nested(json!("New")), "en");
                assert_eq!(patched, expected, "{}", thing.pointer_to(field));
                merge_into_thing(&mut patched, nested(json!({ "en": null, "fr": null })), "en");
                assert_eq!(patched.pointer(&format!("/{field}")), None, "{}", thing.pointer_to(field));
            }
        }
    }
}
