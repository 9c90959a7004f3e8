//! Finds the constraint that a statement violated. PostgreSQL names it; SQLite names the columns, which a table maps to
//! the name.

use diesel::result::{DatabaseErrorKind, Error};

use super::DatabaseError;

/// SQLite's messages for the constraints that callers distinguish.
const COLUMNS: &[(&str, &str)] = &[
    (
        "UNIQUE constraint failed: registrations.conference_id, registrations.email_folded",
        "registrations_live_email_key",
    ),
    (
        "UNIQUE constraint failed: registrations.conference_id, registrations.email_folded, registrations.name_folded",
        "registrations_live_person_key",
    ),
    ("UNIQUE constraint failed: registrations.conference_id, registrations.reference", "registrations_reference_key"),
    ("UNIQUE constraint failed: invitations.conference_id, invitations.code_digest", "invitations_code_digest_key"),
    ("UNIQUE constraint failed: delegations.conference_id, delegations.code", "delegations_code_key"),
];

/// The name of the violated unique constraint; `None` for other errors.
pub fn broken_constraint(error: &DatabaseError) -> Option<&str> {
    let DatabaseError::Statement(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information)) = error else {
        return None;
    };
    let name = information.constraint_name().or_else(|| {
        let message = information.message();
        COLUMNS.iter().find(|(words, _)| *words == message).map(|(_, name)| *name)
    });
    // A unique constraint that no caller distinguishes.
    Some(name.unwrap_or("another unique constraint"))
}
