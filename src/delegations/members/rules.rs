//! Rules for members of delegations: until when a focal point may add them, in which category and language.

use crate::{
    access::Actor,
    agenda::Agenda,
    clock,
    database::DatabaseError,
    delegations::{model::focal_point_language, store::Delegation},
    registration::{RegistrationError, setup::state::SetupState},
    values::{Code, LanguageTag, TextValue as _},
};

/// The language of members who name none.
///
/// # Errors
/// [`DatabaseError::Corrupt`] if the conference has no language.
pub fn default_language(delegation: &Delegation, agenda: &Agenda) -> Result<LanguageTag, DatabaseError> {
    LanguageTag::parse(focal_point_language(delegation, agenda))
        .map_err(|_| DatabaseError::missing(format_args!("the language of conference {}", delegation.conference)))
}

/// Refuses a focal point while registration is not open. Registrars may add members at any time.
///
/// # Errors
/// [`RegistrationError::Closed`].
pub fn refuse_when_closed(
    setup_state: &SetupState,
    delegation: &Delegation,
    actor: &Actor,
) -> Result<(), RegistrationError> {
    let category = setup_state.get_category(delegation.category)?;
    let now = clock::now();
    if *actor != Actor::focal_point() || setup_state.is_open(category, now) {
        return Ok(());
    }
    let opens = [setup_state.opens_at, category.opens_at].into_iter().flatten().max();
    Err(RegistrationError::Closed { opens_at: opens.filter(|opens| now < *opens) })
}

/// The code of the category in which members of a delegation are registered.
///
/// # Errors
/// [`DatabaseError::Corrupt`] if there is no such category.
pub fn category_of(setup_state: &SetupState, delegation: &Delegation) -> Result<Code, DatabaseError> {
    Ok(setup_state.get_category(delegation.category)?.code.clone())
}
