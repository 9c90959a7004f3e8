//! Which of the fields about the person a form asks for, and with what help: for all categories, and for each category
//! where it differs. The name and the address are always asked for.

use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    registration::{
        field_values::is_given,
        fields::{Field, PERSONAL_FIELDS},
    },
    validation::ValidationErrors,
    values::{ByName, LanguageTag, Localised, text_enum},
};

text_enum! {
    /// Whether a form asks for a field.
    Presence {
        /// Not asked for: whatever is sent for it is refused, except from registrars.
        Hidden = "hidden",
        /// May be left empty.
        Optional = "optional",
        /// Must be filled in, except by registrars.
        Required = "required",
    }
}

/// How a form asks for a field about the person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct FieldRule {
    /// Whether the form asks for the field. If left out in a category, it is as for all categories; for all categories
    /// it is `optional`.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub presence: Option<Presence>,
    /// Help text at the field, for instance what the organisers need it for. If left out in a category, it is as for
    /// all categories.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub help: Option<Localised>,
}

/// The rules by the name of the field.
pub type FieldRules = ByName<FieldRule>;

/// The fields without which there is no registration.
const ALWAYS_ASKED: [&str; 4] = ["name", "given_name", "family_name", "email"];

/// The fields that organisers can hide or require.
pub fn configurable_fields() -> impl Iterator<Item = &'static Field> {
    PERSONAL_FIELDS.iter().filter(|field| !ALWAYS_ASKED.contains(&field.name))
}

/// The rules of one category.
#[derive(Debug, Clone, Copy)]
pub struct CategoryFields<'a> {
    pub of_all: &'a FieldRules,
    pub of_category: &'a FieldRules,
}

impl<'a> CategoryFields<'a> {
    pub fn presence(&self, field: &str) -> Presence {
        let of = |rules: &FieldRules| rules.get(field).and_then(|rule| rule.presence);
        of(self.of_category).or_else(|| of(self.of_all)).unwrap_or(Presence::Optional)
    }

    pub fn help(&self, field: &str) -> Option<&'a Localised> {
        let of = |rules: &FieldRules| rules.get(field).is_some_and(|rule| rule.help.is_some());
        let rules = if of(self.of_category) { self.of_category } else { self.of_all };
        rules.get(field).and_then(|rule| rule.help.as_ref())
    }

    /// Adds the validation errors of a form as it was sent: a required field is missing, or a hidden one is there.
    pub fn check(&self, document: &Value, errors: &mut ValidationErrors) {
        let is_given = |name: &str| is_given(document.get(name));
        for Field { name, .. } in configurable_fields() {
            match (self.presence(name), is_given(name)) {
                (Presence::Required, false) => errors.add(format!("#/{name}"), "required", "is required"),
                (Presence::Hidden, true) => errors.add(format!("#/{name}"), "not_asked", NOT_ASKED),
                _ => {}
            }
        }
    }

    /// Adds the validation errors of a change by a merge patch. What was missing already, or was there before it was
    /// hidden, stays until somebody changes it.
    pub fn check_change(&self, before: &Value, after: &Value, patch: &Value, errors: &mut ValidationErrors) {
        let value = |document: &Value, name: &str| document.get(name).filter(|value| is_given(Some(value))).cloned();
        for Field { name, .. } in configurable_fields().filter(|field| patch.get(field.name).is_some()) {
            match (self.presence(name), value(before, name), value(after, name)) {
                (Presence::Required, _, None) => errors.add(format!("#/{name}"), "required", "is required"),
                (Presence::Hidden, before, Some(after)) if before.as_ref() != Some(&after) => {
                    errors.add(format!("#/{name}"), "not_asked", NOT_ASKED);
                }
                _ => {}
            }
        }
    }
}

const NOT_ASKED: &str = "is not asked for in this category: leave it out";

/// Gives texts without a language the conference's first language, and adds the validation errors of the rules at
/// `pointer`.
pub fn check_rules(rules: &mut FieldRules, pointer: &str, languages: &[LanguageTag], errors: &mut ValidationErrors) {
    for (name, rule) in &mut rules.0 {
        let pointer = format!("{pointer}/{name}");
        if !configurable_fields().any(|field| field.name == name) {
            let names: Vec<_> = configurable_fields().map(|field| field.name).collect();
            let detail = match ALWAYS_ASKED.contains(&name.as_str()) {
                true => "is asked for in every category".to_owned(),
                false => format!("must be one of {}", names.join(", ")),
            };
            errors.add(pointer.clone(), "unknown_field", detail);
        }
        if let Some(help) = &mut rule.help {
            help.check_languages(&format!("{pointer}/help"), languages, errors);
        }
    }
}
