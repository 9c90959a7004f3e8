//! A blueprint: one JSON object with the members of the agenda and the members `registration` and `site`.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    agenda::{self, Agenda},
    registration::{
        Setup,
        setup::{self, SetupContext},
    },
    site_setup::{self, SiteSetup},
    validation::{ValidationError, ValidationErrors},
    values::{LanguageTag, TextValue as _, TimeZone},
};

/// A whole conference as one document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Blueprint {
    /// Conference, organisations, days, rooms, tracks, speakers, sessions and call for action.
    #[serde(flatten)]
    pub agenda: Agenda,
    /// Registration set-up: seats, opening times and categories.
    #[schema(required = false)]
    pub registration: Setup,
    /// What the pages say besides the programme. If left out, it stays as it is; `{}` removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub site: Option<SiteSetup>,
}

/// Reads a blueprint and reports everything that is wrong with it.
///
/// # Errors
/// Every validation error of every part, each with its pointer.
pub fn read(mut document: Value) -> Result<Blueprint, ValidationErrors> {
    let mut take = |member: &str| document.as_object_mut().and_then(|members| members.remove(member));
    let (registration, site) = (take("registration"), take("site"));
    let setup_context = setup_context(&document);
    let site = site.map(|site| site_setup::read(site, &setup_context.languages)).transpose();
    match (agenda::model::read(document), setup::read(registration, &setup_context), site) {
        (Ok(agenda), Ok(registration), Ok(site)) => Ok(Blueprint { agenda, registration, site }),
        (agenda, registration, site) => {
            let mut errors = agenda.err().unwrap_or_default();
            errors.0.extend(registration.err().unwrap_or_default().0);
            errors.0.extend(site.err().unwrap_or_default().0.into_iter().map(under_site));
            Err(errors)
        }
    }
}

/// What is wrong with the set-ups for a conference of these languages, with pointers into a blueprint.
pub fn setup_errors(
    registration: Option<Value>,
    site: Option<Value>,
    conference: &agenda::document::Conference,
) -> ValidationErrors {
    let languages = conference.languages.clone();
    let mut errors = ValidationErrors::default();
    if let Some(site) = site {
        let of_site = site_setup::read(site, &languages).err().unwrap_or_default();
        errors.0.extend(of_site.0.into_iter().map(under_site));
    }
    if registration.is_some() {
        let context = SetupContext { time_zone: Some(conference.time_zone), languages };
        errors.0.extend(setup::read(registration, &context).err().unwrap_or_default().0);
    }
    errors
}

fn under_site(mut error: ValidationError) -> ValidationError {
    error.pointer = error.pointer.replacen('#', "#/site", 1);
    error
}

/// Time zone and languages from the raw document, so that errors elsewhere in it do not hide those of the set-up.
fn setup_context(document: &Value) -> SetupContext {
    let time_zone = document.pointer("/conference/time_zone").and_then(Value::as_str);
    let languages = document.pointer("/conference/languages").and_then(Value::as_array);
    SetupContext {
        time_zone: time_zone.and_then(|text| TimeZone::parse(text).ok()),
        languages: languages
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter_map(|tag| LanguageTag::parse(tag).ok())
            .collect(),
    }
}
