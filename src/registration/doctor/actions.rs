//! Examining a store.

use super::{Check, store};
use crate::{agenda, database::Connection, registration::RegistrationError, values::Code};

/// Holds every invariant against the store: of one conference, or of all.
///
/// # Errors
/// There is no such conference; the store fails.
pub fn examine(connection: &mut Connection, conference: Option<&Code>) -> Result<Vec<Check>, RegistrationError> {
    if let Some(slug) = conference {
        agenda::actions::find(connection, slug)?;
    }
    Ok(store::checks(connection, conference)?)
}
