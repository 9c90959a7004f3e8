//! The terms of an invitation: its category, its language, and until when it can be used (for ever if nobody says).

use chrono::{DateTime, Utc};

use crate::{
    agenda::Agenda,
    clock,
    ids::CategoryId,
    mail::is_deliverable,
    registration::setup::state::SetupState,
    validation::ValidationErrors,
    values::{Code, EmailAddress, LanguageTag, LocalOrInstant},
};

/// The terms of an invitation, checked against the conference.
#[derive(Debug, Clone, Default)]
pub struct CheckedTerms {
    /// The only category that the invitation opens; `None` for any.
    pub category: Option<CategoryId>,
    /// The language of the letter.
    pub language: Option<LanguageTag>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl CheckedTerms {
    /// Checks the terms of a document or a row; the pointers of validation errors are those of the document.
    pub fn check(
        category: Option<&Code>,
        language: Option<&LanguageTag>,
        expires_at: Option<LocalOrInstant>,
        setup_state: &SetupState,
        agenda: &Agenda,
        errors: &mut ValidationErrors,
    ) -> Self {
        let mut terms = Self::default();
        if let Some(code) = category {
            match setup_state.category(code.as_str()) {
                Some(category) => terms.category = Some(category.id),
                None => errors.add("#/category", "unknown_reference", "is no category of the conference"),
            }
        }
        let languages = &agenda.conference.languages;
        match language {
            Some(tag) if !languages.contains(tag) => {
                errors.add("#/language", "unknown_language", "is not a language of the conference");
            }
            tag => terms.language = tag.cloned(),
        }
        match expires_at.map(|time| time.resolve(agenda.conference.time_zone)) {
            Some(Ok(instant)) if instant.to_utc() <= clock::now() => {
                errors.add("#/expires_at", "in_the_past", "must be in the future");
            }
            Some(Ok(instant)) => terms.expires_at = Some(instant.to_utc()),
            Some(Err(error)) => errors.add("#/expires_at", &error.code, error.detail),
            None => {}
        }
        terms
    }
}

/// Reports an address to which mail cannot be sent.
pub fn check_address(address: Option<&EmailAddress>, errors: &mut ValidationErrors) {
    if address.is_some_and(|address| !is_deliverable(address.as_str())) {
        errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
}
