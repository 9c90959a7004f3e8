//! The use case of the doctor: runs every check.

use super::{Check, FINDINGS_MAX, Finding, store};
use crate::{
    agenda,
    check_in::replay::replay,
    database::{Connection, DatabaseError},
    registration::{RegistrationError, rows as registrations},
    values::Code,
};

/// Checks every invariant, for one conference or for all.
///
/// # Errors
/// There is no such conference.
pub fn examine(connection: &mut Connection, conference: Option<&Code>) -> Result<Vec<Check>, RegistrationError> {
    if let Some(slug) = conference {
        agenda::actions::find(connection, slug)?;
    }
    let mut checks = store::checks(connection, conference)?;
    checks.push(check_ins(connection, conference)?);
    Ok(checks)
}

/// Checks the check-in record by [`replay`].
fn check_ins(connection: &mut Connection, conference: Option<&Code>) -> Result<Check, DatabaseError> {
    let mut places = agenda::actions::list(connection)?;
    places.retain(|place| conference.is_none_or(|slug| place.slug == *slug));
    places.sort_by(|one, other| one.slug.cmp(&other.slug));
    let mut findings = Vec::new();
    let mut more = false;
    for place in places {
        let mut found = replay(connection, place.id)?;
        let room = FINDINGS_MAX - findings.len();
        more |= found.len() > room;
        found.truncate(room);
        for wrong in found {
            let of = registrations::of_ids(connection, &[wrong.registration])?;
            let subject = of.first().map_or_else(String::new, |found| format!("registration {}", found.reference));
            findings.push(Finding { conference: place.slug.to_string(), subject, detail: wrong.detail });
        }
    }
    let checked = store::count_of(connection, "check_ins", conference)?;
    Ok(Check { name: "outcomes of check-ins follow from the entries before", checked, findings, more })
}
