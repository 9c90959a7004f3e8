//! A blueprint: the agenda's members, and `registration` beside them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    agenda::{self, Agenda},
    faults::Faults,
    registration::{
        Setup,
        setup::{self, Surroundings},
    },
    values::{LanguageTag, TextValue as _, TimeZone},
};

/// A whole conference.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Blueprint {
    /// Conference, organisations, days, rooms, tracks, speakers, sessions, call for action.
    #[serde(flatten)]
    pub agenda: Agenda,
    /// Seats, opening hours, categories.
    #[schema(required = false)]
    pub registration: Setup,
}

/// Reads a blueprint and names all that is wrong with it.
///
/// # Errors
/// Every fault of every part, with its place.
pub fn read(mut document: Value) -> Result<Blueprint, Faults> {
    let registration = document.as_object_mut().and_then(|members| members.remove("registration"));
    let surroundings = surroundings(&document);
    match (agenda::model::read(document), setup::read(registration, &surroundings)) {
        (Ok(agenda), Ok(registration)) => Ok(Blueprint { agenda, registration }),
        (agenda, registration) => {
            let mut faults = agenda.err().unwrap_or_default();
            faults.0.extend(registration.err().unwrap_or_default().0);
            Err(faults)
        }
    }
}

/// Zone and languages from the raw document, so that faults elsewhere in it do not hide those of the set-up.
fn surroundings(document: &Value) -> Surroundings {
    let time_zone = document.pointer("/conference/time_zone").and_then(Value::as_str);
    let languages = document.pointer("/conference/languages").and_then(Value::as_array);
    Surroundings {
        time_zone: time_zone.and_then(|text| TimeZone::parse(text).ok()),
        languages: languages
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter_map(|tag| LanguageTag::parse(tag).ok())
            .collect(),
    }
}
