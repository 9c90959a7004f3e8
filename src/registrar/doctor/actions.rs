//! The use case of the doctor: runs every check.

use chrono::{DateTime, Utc};

use super::{Check, FINDINGS_MAX, Finding, store};
use crate::{
    agenda,
    check_in::replay::replay,
    clock,
    database::{Connection, DatabaseError},
    programme,
    registration::{RegistrationError, rows, setup::state::find_setup_state},
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
    let now = clock::now();
    let over = conferences_over(connection, now)?;
    let mut checks = store::checks(connection, conference, &over, now)?;
    checks.push(check_ins(connection, conference)?);
    Ok(checks)
}

/// The conferences that are over, and registration with them.
fn conferences_over(connection: &mut Connection, now: DateTime<Utc>) -> Result<Vec<Code>, DatabaseError> {
    let mut over = Vec::new();
    for conference in agenda::actions::list(connection)? {
        let Some(agenda) = programme::latest_agenda(connection, &conference)? else { continue };
        let setup_state = find_setup_state(connection, conference.id)?;
        if setup_state.is_some_and(|setup_state| setup_state.is_over(&agenda, now)) {
            over.push(conference.slug);
        }
    }
    Ok(over)
}

/// Checks the check-in record by [`replay`].
fn check_ins(connection: &mut Connection, conference: Option<&Code>) -> Result<Check, DatabaseError> {
    let mut conferences = agenda::actions::list(connection)?;
    conferences.retain(|one| conference.is_none_or(|slug| one.slug == *slug));
    conferences.sort_by(|one, other| one.slug.cmp(&other.slug));
    let mut findings = Vec::new();
    let mut more = false;
    for one in conferences {
        let mut contradictions = replay(connection, one.id)?;
        let limit = FINDINGS_MAX - findings.len();
        more |= contradictions.len() > limit;
        contradictions.truncate(limit);
        for contradiction in contradictions {
            let registrations = rows::of_ids(connection, &[contradiction.registration])?;
            let reference = registrations.first().map(|registration| &registration.reference);
            let subject = reference.map_or_else(String::new, |reference| format!("registration {reference}"));
            findings.push(Finding { conference: one.slug.to_string(), subject, detail: contradiction.detail });
        }
    }
    let checked = store::count_of(connection, "check_ins", conference)?;
    Ok(Check { name: "outcomes of check-ins follow from the entries before", checked, findings, more })
}
