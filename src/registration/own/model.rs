//! What of a registration can be changed, as one document that a patch is merged into (RFC 7396).

use deserr::Deserr;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    faults::Faults,
    registration::{
        form::{Answers, Question, RawAnswers, answers},
        model::{PhoneNumber, Registration},
        setup::Badge,
    },
    values::{Code, CountryCode, Date, EmailAddress, LanguageTag, Line, Prose},
};

/// What of a registration can be changed.
#[derive(Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = RegistrationDetails)]
pub struct Details {
    /// The code of the category. For registrars.
    pub category: Code,
    /// Dr, H.E., Sir.
    #[deserr(default)]
    pub honorific: Option<Line<100>>,
    /// The given name. For registrars, once the organisers have let the person in.
    pub given_name: Line<200>,
    /// The family name. For registrars, once the organisers have let the person in.
    pub family_name: Line<200>,
    /// Where mail goes. For registrars: every earlier link is void then.
    pub email: EmailAddress,
    /// Whom they come for.
    #[deserr(default)]
    pub organisation: Option<Line<300>>,
    /// What they are there.
    #[deserr(default)]
    pub position: Option<Line<300>>,
    /// Their country.
    #[deserr(default)]
    pub country: Option<CountryCode>,
    /// The language of what is written to them.
    pub language: LanguageTag,
    /// Where to call.
    #[deserr(default)]
    pub phone: Option<PhoneNumber>,
    /// What they need to take part.
    #[deserr(default)]
    pub accessibility_needs: Option<Prose<2000>>,
    /// What they can and cannot eat.
    #[deserr(default)]
    pub dietary_needs: Option<Prose<2000>>,
    /// The date of birth. For registrars, once the organisers have let the person in.
    #[deserr(default)]
    pub birth_date: Option<Date>,
    /// Answers to the conference's own questions, by code; `null` takes one back.
    #[deserr(default)]
    #[schema(value_type = Object)]
    pub answers: RawAnswers,
    /// What the badge says, where it differs from the category's. For registrars.
    #[deserr(default)]
    pub badge: Badge,
}

/// The registration as such a document.
pub fn document(registration: &Registration, category: &Code) -> Value {
    json!({
        "category": category,
        "honorific": registration.honorific,
        "given_name": registration.given_name,
        "family_name": registration.family_name,
        "email": registration.email,
        "organisation": registration.organisation,
        "position": registration.position,
        "country": registration.country,
        "language": registration.language,
        "phone": registration.phone,
        "accessibility_needs": registration.accessibility_needs,
        "dietary_needs": registration.dietary_needs,
        "birth_date": registration.birth_date.map(|date| date.to_string()),
        "answers": registration.answers,
        "badge": registration.badge,
    })
}

/// Merges a patch into a document (RFC 7396).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(members) = target {
        for (key, change) in changes {
            if change.is_null() {
                members.remove(key);
            } else {
                merge(members.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

/// Checks answers that a patch changed: what it does not touch and what is not asked any more with the new answers
/// goes; answers to questions that the form no longer has stay.
pub fn changed_answers(
    questions: &[Question],
    category: &Code,
    merged: &RawAnswers,
    touched: &Map<String, Value>,
    found: &mut Faults,
) -> Answers {
    let is_asked_no_more = |key: &String| !questions.iter().any(|question| question.code.as_str() == key);
    let (kept, mut now): (Map<_, _>, Map<_, _>) =
        merged.0.clone().into_iter().partition(|(key, _)| is_asked_no_more(key) && !touched.contains_key(key));
    for question in questions {
        let code = question.code.as_str();
        if !touched.contains_key(code) && !answers::is_asked(question, category, &now) {
            now.remove(code);
        }
    }
    let checked = answers::check(questions, category, &RawAnswers(now), found);
    kept.into_iter().chain(checked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_merged_as_rfc_7396_says() {
        let merged = |target: Value, patch: Value| {
            let mut target = target;
            merge(&mut target, &patch);
            target
        };
        assert_eq!(merged(json!({"a": "b"}), json!({"a": "c"})), json!({"a": "c"}));
        assert_eq!(merged(json!({"a": "b", "b": "c"}), json!({"a": null})), json!({"b": "c"}));
        assert_eq!(merged(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}})), json!({"a": {"b": "d"}}));
        assert_eq!(merged(json!({"a": [1]}), json!({"a": {"b": {"c": null}}})), json!({"a": {"b": {}}}));
    }
}
