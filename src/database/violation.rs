//! Which constraint a statement broke. PostgreSQL names it; SQLite names the columns, so one table maps these to the
//! name.

use diesel::result::{DatabaseErrorKind, Error};

use super::DatabaseError;

/// SQLite's words for the constraints that callers tell apart.
const COLUMNS: &[(&str, &str)] = &[
    (
        "UNIQUE constraint failed: registrations.conference_id, registrations.email_folded",
        "registrations_live_email_key",
    ),
    ("UNIQUE constraint failed: registrations.conference_id, registrations.reference", "registrations_reference_key"),
    ("UNIQUE constraint failed: invitations.conference_id, invitations.code_digest", "invitations_code_digest_key"),
    ("UNIQUE constraint failed: delegations.conference_id, delegations.code", "delegations_code_key"),
];

/// The name of the broken unique constraint, if that is what happened.
pub fn broken_constraint(error: &DatabaseError) -> Option<&str> {
    let DatabaseError::Statement(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information)) = error else {
        return None;
    };
    let name = information.constraint_name().or_else(|| {
        let message = information.message();
        COLUMNS.iter().find(|(words, _)| *words == message).map(|(_, name)| *name)
    });
    // A constraint that nobody tells apart still is one.
    Some(name.unwrap_or("another unique constraint"))
}
