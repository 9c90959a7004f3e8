//! What a conference says about its letters: whose they are, whom a reply reaches, and how they are signed.

use std::collections::HashMap;

use deserr::Deserr;
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::{sender_domains::SenderDomains, transport::is_deliverable};
use crate::{
    database::{Connection, DatabaseError, schema::registration_setups, types::JsonValue},
    ids::ConferenceId,
    validation::{self, ValidationErrors},
    values::{EmailAddress, LanguageTag, Line, Localised},
};

/// The longest signature or contact in one language, in characters.
const TEXT_LENGTH_MAX: usize = 1000;

/// The letters of a conference: who they are from, whom a reply reaches, how they are signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct LetterSettings {
    /// Address for replies; that of the settings of the service if left out.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub reply_to: Option<EmailAddress>,
    /// Name of the sender, such as `Secretariat of the Conference`; that of the settings of the service if left out.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub sender_name: Option<Line<100>>,
    /// Address of the sender, in a domain that the settings of the service allow; that of the settings if left out.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub sender_address: Option<EmailAddress>,
    /// How each letter ends, for instance the name of the secretariat; at most 1,000 characters. No signature if left
    /// out.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub signature: Option<Localised>,
    /// Whom to ask, for instance a telephone number and hours; follows the signature; at most 1,000 characters. Nothing
    /// if left out.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub contact: Option<Localised>,
}

impl LetterSettings {
    /// Assigns the first language to plain texts, and reports what is wrong under `pointer`.
    pub fn check(&mut self, languages: &[LanguageTag], pointer: &str, errors: &mut ValidationErrors) {
        let texts = [("signature", &mut self.signature), ("contact", &mut self.contact)];
        for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text.as_mut()?))) {
            languages.first().into_iter().for_each(|first| text.assign_language(first));
            for (language, text) in text.map() {
                let pointer = format!("{pointer}/{field}/{language}");
                if !languages.iter().any(|tag| tag.as_str() == language) {
                    errors.add(pointer.as_str(), "unknown_language", "is not a language of the conference");
                }
                if text.chars().count() > TEXT_LENGTH_MAX {
                    errors.add(pointer, "too_long", format!("must have at most {TEXT_LENGTH_MAX} characters"));
                }
            }
        }
        let addresses = [("reply_to", &self.reply_to), ("sender_address", &self.sender_address)];
        for (field, address) in addresses {
            if address.as_ref().is_some_and(|address| !is_deliverable(address.as_str())) {
                let detail = "must be an address that mail can be sent to";
                errors.add(format!("{pointer}/{field}"), "invalid_email", detail);
            }
        }
    }

    /// Reports a sender whose domain is not allowed, under `pointer`.
    pub fn check_sender(&self, domains: &SenderDomains, pointer: &str, errors: &mut ValidationErrors) {
        if self.sender_address.as_ref().is_some_and(|address| !domains.allow(address)) {
            let detail = format!("must be in a domain that the settings allow: {}", domains.all().join(", "));
            errors.add(format!("{pointer}/sender_address"), "sender_not_allowed", detail);
        }
    }
}

/// The settings of these conferences. They are a part of the registration set-up, whose row has them in a column.
pub fn find_letter_settings(
    connection: &mut Connection,
    conferences: &[ConferenceId],
) -> Result<HashMap<ConferenceId, LetterSettings>, DatabaseError> {
    let rows: Vec<(ConferenceId, JsonValue)> = registration_setups::table
        .filter(registration_setups::conference_id.eq_any(conferences))
        .select((registration_setups::conference_id, registration_setups::letters))
        .load(connection)?;
    rows.into_iter().map(|(conference, JsonValue(value))| Ok((conference, read_letter_settings(value)?))).collect()
}

/// The settings of one conference.
pub fn letter_settings_of(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<LetterSettings, DatabaseError> {
    Ok(find_letter_settings(connection, &[conference])?.remove(&conference).unwrap_or_default())
}

/// The settings as they are stored.
pub fn read_letter_settings(value: serde_json::Value) -> Result<LetterSettings, DatabaseError> {
    validation::read(value)
        .map_err(|errors| DatabaseError::Corrupt(format!("the letters of a set-up: {}", errors.summary())))
}
