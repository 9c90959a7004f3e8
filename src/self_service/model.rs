//! The fields of a registration that can be changed, as the document into which a merge patch (RFC 7396) is merged.

use deserr::Deserr;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    registration::{
        field_structs::change_struct,
        fields::personal_fields,
        form::{Answers, Question, RawAnswers, answers},
        model::Registration,
        setup::Badge,
    },
    validation::ValidationErrors,
    values::{Code, Localised},
};

personal_fields! { change_struct {
    /// The fields of a registration that can be changed. Only registrars change the category, the address (every
    /// earlier link is then void) and the badge. In a category that needs approval, attendees change the names and the
    /// date of birth only while the status is `pending`.
    #[derive(Clone, Deserr, ToSchema)]
    #[deserr(error = ValidationErrors, deny_unknown_fields)]
    #[schema(as = RegistrationDetails)]
    pub struct Details {
        /// Code of the category. Only registrars change it.
        pub category: Code,
    } then {
        /// Answers to the conference's own questions, by the code of the question; `null` removes an answer.
        #[deserr(default)]
        #[schema(value_type = Object)]
        pub answers: RawAnswers,
        /// What is printed on the badge, where it differs from the category's. Only registrars change it.
        #[deserr(default)]
        pub badge: Badge,
        /// The whole line with which letters greet the person, by language, such as
        /// `{"fr": "Monsieur l'Ambassadeur,"}`. Only registrars change it. If left out, or in other languages, letters
        /// greet by the name, and an Excellency or an institution by a neutral form.
        #[deserr(default)]
        #[schema(required = false)]
        pub salutation: Option<Localised>,
    }
} }

/// The registration as a document of [`Details`].
pub fn document(registration: &Registration, category: &Code) -> Value {
    let mut document = registration.person.document();
    document.insert("category".to_owned(), json!(category));
    document.insert("answers".to_owned(), json!(registration.answers));
    document.insert("badge".to_owned(), json!(registration.badge));
    document.insert("salutation".to_owned(), json!(registration.salutation));
    Value::Object(document)
}

/// Checks the answers that a patch changes. An answer that the patch does not touch is removed if its question is no
/// longer asked of this person, and kept if the form no longer has its question.
pub fn changed_answers(
    questions: &[Question],
    category: &Code,
    merged: &RawAnswers,
    patched_answers: &Map<String, Value>,
    errors: &mut ValidationErrors,
) -> Answers {
    let has_no_question = |key: &String| !questions.iter().any(|question| question.code.as_str() == key);
    let (obsolete, mut remaining): (Map<_, _>, Map<_, _>) =
        merged.0.clone().into_iter().partition(|(key, _)| has_no_question(key) && !patched_answers.contains_key(key));
    for question in questions {
        let code = question.code.as_str();
        if !patched_answers.contains_key(code) && !answers::is_asked(question, category, &remaining) {
            remaining.remove(code);
        }
    }
    let checked = answers::check(questions, category, &RawAnswers(remaining), errors);
    obsolete.into_iter().chain(checked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::fields::{PERSONAL_FIELDS, tests::person};

    #[test]
    fn every_field_can_be_changed() {
        let mut document = person().document();
        document.insert("category".to_owned(), json!("delegate"));
        let details: Details = crate::validation::read(Value::Object(document)).unwrap();
        for field in PERSONAL_FIELDS {
            assert_eq!(details.person("en").text(field), person().text(field), "{}", field.name);
        }
    }
}
