//! Badges: their data, their QR codes, and PDF sheets for printing.
//!
//! Invariants:
//! - Only a confirmed registration has a badge ([`find`]).
//! - Texts never overlap: a text that does not fit is wrapped and set smaller, then cut ([`sheet`]).
//! - No name is transliterated, and what cannot be printed as it is written is said ([`printable`]).

pub mod api;
mod fonts;
mod printable;
mod sheet;
mod type_setting;

use std::collections::HashMap;

pub use fonts::Fonts;
pub use sheet::print;

use super::store;
use crate::{
    access::Operation,
    agenda::{Agenda, ConferenceRef},
    check_in::store::BadgeFilter,
    database::{Connection, DatabaseError, ROWS_MAX},
    ids::RegistrationId,
    registration::{
        RegistrationError,
        actions::{self},
        context::RequestContext,
        model::{Registration, RegistrationStatus},
        rows, setup,
        setup::{Badge, Colour},
    },
    values::{Code, Line, Localised},
};

/// What is printed on a badge, and what check-in needs of it.
#[derive(Clone)]
pub struct BadgeData {
    pub registration: Registration,
    /// Code of the category.
    pub category: Code,
    pub category_name: Localised,
    /// Level of accreditation.
    pub level: Option<Line<20>>,
    /// Zones to which the badge gives access.
    pub zones: Vec<Code>,
    /// Colour of the band; the default colour if `None`.
    pub colour: Option<Colour>,
    /// Name of the delegation.
    pub delegation: Option<Localised>,
}

impl BadgeData {
    /// The name as one text, without the honorific.
    pub fn name(&self) -> String {
        self.registration.person.person_name().full()
    }

    /// The name in Latin letters, as in the passport.
    fn latin_name(&self) -> Option<String> {
        self.registration.person.latin_name.clone()
    }

    /// The language in whose manner Chinese characters are written where the person is from.
    fn language_of_name(&self) -> Option<&'static str> {
        Some(match self.registration.person.country.as_deref()? {
            "CN" | "MY" | "SG" => "zh-hans",
            "TW" => "zh-hant",
            "HK" | "MO" => "zh-hk",
            "JP" => "ja",
            "KP" | "KR" => "ko",
            _ => return None,
        })
    }
}

/// Badge data of these registrations, which are all of one conference.
pub fn badge_data<'a>(
    connection: &mut Connection,
    conference: &ConferenceRef,
    registrations: impl Iterator<Item = &'a Registration>,
) -> Result<HashMap<RegistrationId, BadgeData>, RegistrationError> {
    let setup_state = setup::state::get_setup_state(connection, conference.id)?;
    let registrations: Vec<&Registration> = registrations.collect();
    let ids: Vec<_> = registrations.iter().map(|registration| registration.id).collect();
    let mut delegations = store::delegation_names(connection, &ids)?;
    let badge = |registration: &Registration| {
        let category = setup_state.get_category(registration.category)?;
        let Badge { level, zones, colour } = registration.badge.completed_by(&category.badge);
        let data = BadgeData {
            category: category.code.clone(),
            category_name: category.name.clone(),
            level,
            zones: zones.unwrap_or_default(),
            colour,
            delegation: delegations.remove(&registration.id),
            registration: registration.clone(),
        };
        Ok((registration.id, data))
    };
    registrations.into_iter().map(badge).collect()
}

/// Badge data of a registration, for its attendee, registrars and check-in staff.
///
/// # Errors
/// [`RegistrationError::WrongState`] if the registration is not confirmed; the caller has no permission.
pub fn find(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    operation: Operation,
) -> Result<BadgeData, RegistrationError> {
    let RequestContext { conference, credentials, secret, .. } = context;
    let (details, _) = actions::find_details(connection, conference, reference, credentials, secret, operation)?;
    let registration = details.registration;
    if registration.state != RegistrationStatus::Confirmed {
        return Err(RegistrationError::WrongState(registration.state.as_str()));
    }
    let mut badges = badge_data(connection, conference, std::iter::once(&registration))?;
    let missing = || DatabaseError::missing(format_args!("the badge of registration {}", registration.id));
    Ok(badges.remove(&registration.id).ok_or_else(missing)?)
}

/// Badges of confirmed registrations in the order of names, each with its cursor key.
///
/// # Errors
/// [`RegistrationError::Invalid`] if the category is unknown.
pub fn list(
    connection: &mut Connection,
    conference: &ConferenceRef,
    category: Option<&Code>,
    after: Option<(String, RegistrationId)>,
    limit: i64,
) -> Result<Vec<(BadgeData, String)>, RegistrationError> {
    let setup_state = setup::state::get_setup_state(connection, conference.id)?;
    let category = match category {
        Some(code) => Some(setup_state.category(code.as_str()).ok_or_else(|| {
            let mut errors = crate::validation::ValidationErrors::default();
            errors.add("?category", "unknown_category", "is no category of the conference");
            RegistrationError::Invalid(errors)
        })?),
        None => None,
    };
    let filter = BadgeFilter { category: category.map(|category| category.id), after, limit };
    let keys = store::confirmed_by_name(connection, conference.id, &filter)?;
    let ids: Vec<RegistrationId> = keys.iter().map(|(_, id)| *id).collect();
    let mut registrations = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ROWS_MAX) {
        registrations.extend(rows::of_ids(connection, chunk)?);
    }
    let mut badges = badge_data(connection, conference, registrations.iter())?;
    let badge = |(name, id): (String, RegistrationId)| Some((badges.remove(&id)?, format!("{id} {name}")));
    Ok(keys.into_iter().filter_map(badge).collect())
}

/// A text in the conference's first language, the one printed on badges.
pub fn in_first_language(text: &Localised, agenda: &Agenda) -> String {
    let languages = &agenda.conference.languages;
    let first = languages.first().map_or("", |tag| tag.as_str());
    text.text(first, languages).to_owned()
}
