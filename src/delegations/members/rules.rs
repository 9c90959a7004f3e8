//! Rules for members of delegations: until when a focal point may add them, in which category, and what applies to
//! those who name no language or country.

use crate::{
    access::Actor,
    agenda::Agenda,
    clock,
    database::DatabaseError,
    delegations::{model::focal_point_language, store::Delegation},
    registration::{RegistrationError, setup::state::SetupState},
    values::{Code, CountryCode, LanguageTag, TextValue as _},
};

/// What applies to the members of a delegation: language and country to those who do not say it of themselves.
#[derive(Debug, Clone)]
pub struct MemberDefaults {
    /// The focal point's language.
    pub language: LanguageTag,
    /// The delegation's country, if it has one.
    pub country: Option<CountryCode>,
    /// Whether the delegation allows that several members have one address.
    pub may_share_mailbox: bool,
}

impl MemberDefaults {
    /// # Errors
    /// [`DatabaseError::Corrupt`] if the conference has no language.
    pub fn of(delegation: &Delegation, agenda: &Agenda) -> Result<Self, DatabaseError> {
        let language = LanguageTag::parse(focal_point_language(delegation, agenda)).map_err(|_| {
            DatabaseError::missing(format_args!("the language of conference {}", delegation.conference))
        })?;
        Ok(Self { language, country: delegation.country.clone(), may_share_mailbox: delegation.shared_mailbox })
    }
}

/// Refuses a focal point while registration is not open. Registrars may add members at any time.
///
/// # Errors
/// [`RegistrationError::Closed`].
pub fn refuse_when_closed(
    setup_state: &SetupState,
    agenda: &Agenda,
    delegation: &Delegation,
    actor: &Actor,
) -> Result<(), RegistrationError> {
    let category = setup_state.get_category(delegation.category)?;
    let now = clock::now();
    if *actor != Actor::focal_point() || setup_state.is_open(category, agenda, now) {
        return Ok(());
    }
    Err(setup_state.closed_error(category, agenda, now))
}

/// The code of the category in which members of a delegation are registered.
///
/// # Errors
/// [`DatabaseError::Corrupt`] if there is no such category.
pub fn category_of(setup_state: &SetupState, delegation: &Delegation) -> Result<Code, DatabaseError> {
    Ok(setup_state.get_category(delegation.category)?.code.clone())
}
