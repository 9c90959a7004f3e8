//! Badges: what stands on them, their QR codes, and sheets of them for printing.
//!
//! Invariants:
//! - Only who is confirmed has a badge ([`find`]).
//! - What does not fit is made smaller, then wrapped, then cut: nothing on a badge overlaps ([`sheet`]).

pub mod api;
mod sheet;
mod type_setting;

use std::collections::HashMap;

use super::store;
use crate::{
    access::{Credentials, authorise},
    agenda::{Agenda, Place},
    database::Connection,
    ids::{CategoryId, RegistrationId},
    registration::{
        RegistrationError,
        actions::{self, Errand},
        model::{Registration, State},
        setup,
        setup::{Badge, Colour},
        store as registrations,
    },
    values::{Code, Line, Localised},
};

pub use sheet::print;

/// What stands on a badge, and what a door needs to know.
#[derive(Clone)]
pub struct BadgeFacts {
    /// Whose it is.
    pub registration: Registration,
    /// The category's code.
    pub category: Code,
    /// The category's name.
    pub category_name: Localised,
    /// The level of accreditation.
    pub level: Option<Line<20>>,
    /// The zones that it opens.
    pub zones: Vec<Code>,
    /// The colour of its band.
    pub colour: Option<Colour>,
    /// The delegation that they are of.
    pub delegation: Option<Localised>,
}

impl BadgeFacts {
    /// The name without the honorific, as a badge has it.
    pub fn name(&self) -> String {
        format!("{} {}", self.registration.given_name, self.registration.family_name)
    }
}

/// What stands on the badges of these registrations of one conference.
///
/// # Errors
/// The store fails.
pub fn facts<'a>(
    connection: &mut Connection,
    place: &Place,
    of: impl Iterator<Item = &'a Registration>,
) -> Result<HashMap<RegistrationId, BadgeFacts>, RegistrationError> {
    let standing = setup::store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let registrations: Vec<&Registration> = of.collect();
    let ids: Vec<_> = registrations.iter().map(|registration| registration.id).collect();
    let mut delegations = store::delegation_names(connection, &ids)?;
    let fact = |registration: &Registration| {
        let category = standing.category_by_id(registration.category).ok_or(RegistrationError::NotFound)?;
        let Badge { level, zones, colour } = registration.badge.over(&category.badge);
        let facts = BadgeFacts {
            category: category.code.clone(),
            category_name: category.name.clone(),
            level,
            zones: zones.unwrap_or_default(),
            colour,
            delegation: delegations.remove(&registration.id),
            registration: registration.clone(),
        };
        Ok((registration.id, facts))
    };
    registrations.into_iter().map(fact).collect()
}

/// The badge of a registration, for whom it is of, registrars and the door.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is not confirmed; whoever asks may not.
pub fn find(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    operation: &str,
) -> Result<BadgeFacts, RegistrationError> {
    let Errand { place, credentials, secret, .. } = errand;
    let (shown, _) = actions::find(connection, place, reference, credentials, secret, operation)?;
    let registration = shown.registration;
    if registration.state != State::Confirmed {
        return Err(RegistrationError::WrongState(registration.state.as_str()));
    }
    facts(connection, place, std::iter::once(&registration))?
        .remove(&registration.id)
        .ok_or(RegistrationError::NotFound)
}

/// Which badges are printed.
pub struct Chosen {
    /// Those of this category alone.
    pub category: Option<CategoryId>,
    /// Those after this name, and this registration of that name.
    pub after: Option<(String, RegistrationId)>,
    /// How many.
    pub limit: i64,
}

/// Confirmed badges by name, each with the key of its place among them.
///
/// # Errors
/// Whoever asks may not; [`RegistrationError::Invalid`] for a category that there is not.
pub fn choose(
    connection: &mut Connection,
    place: &Place,
    credentials: &Credentials,
    category: Option<&Code>,
    after: Option<(String, RegistrationId)>,
    limit: i64,
) -> Result<Vec<(BadgeFacts, String)>, RegistrationError> {
    authorise(connection, credentials, "print_badges", Some(place.id))?;
    let standing = setup::store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let category = match category {
        Some(code) => Some(standing.category(code.as_str()).ok_or_else(|| {
            let mut found = crate::faults::Faults::default();
            found.add("?category", "unknown_category", "is no category of the conference");
            RegistrationError::Invalid(found)
        })?),
        None => None,
    };
    let chosen = Chosen { category: category.map(|category| category.id), after, limit };
    let keys = store::confirmed_by_name(connection, place.id, &chosen)?;
    let ids: Vec<RegistrationId> = keys.iter().map(|(_, id)| *id).collect();
    let mut registrations = Vec::with_capacity(ids.len());
    for some in ids.chunks(500) {
        registrations.extend(registrations::of_ids(connection, some)?);
    }
    let mut facts = facts(connection, place, registrations.iter())?;
    let badge = |(name, id): (String, RegistrationId)| Some((facts.remove(&id)?, format!("{id} {name}")));
    Ok(keys.into_iter().filter_map(badge).collect())
}

/// A text on a badge: in the language of most of it, the conference's first.
pub fn in_first_language(text: &Localised, agenda: &Agenda) -> String {
    let languages = &agenda.conference.languages;
    let first = languages.first().map_or("", |tag| tag.as_str());
    text.text(first, languages).to_owned()
}
