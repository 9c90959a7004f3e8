//! Personal invitations and shared access codes.
//!
//! Nouns: a *personal* invitation is for one person and used once; a *shared* access code is used as often as it says.
//!
//! Invariants:
//! - No code is kept: a personal one is derived under the server's secret, of a shared one there is a keyed digest.
//! - It is never used more often than it says: the count is raised by a guarded update ([`store::use_once`]) with a
//!   CHECK behind it, under the conference's lock.
//! - Seats that it reserves are counted as taken, until they are used or it ends ([`use_reserved`],
//!   [`settle_reserved`]).

pub mod actions;
pub mod api;
pub mod batch;
mod store;

use chrono::{DateTime, Utc};

use super::RegistrationError;
use crate::{
    access::ServerSecret,
    agenda::Place,
    database::{Connection, DatabaseError, types::Instant},
    ids::{CategoryId, ConferenceId, Id, InvitationId},
    values::text_enum,
};

pub use store::Invitation;

text_enum! {
    /// Whom an invitation is for.
    InvitationKind {
        /// One person: it is used once.
        Personal = "personal",
        /// Whoever has the code.
        Shared = "shared",
    }
}

text_enum! {
    /// Whether an invitation can be used.
    InvitationStatus {
        /// It can.
        Open = "open",
        /// It was used as often as it can be.
        Used = "used",
        /// It has expired or was revoked.
        Over = "over",
    }
}

/// Whether any invitation is to the category.
///
/// # Errors
/// The store fails.
pub fn is_of_category(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    store::is_of_category(connection, category)
}

/// The invitation that a code opens.
///
/// # Errors
/// [`RegistrationError::InvitationInvalid`] where there is none, or it is used up or over.
pub fn find_by_code(
    connection: &mut Connection,
    place: &Place,
    secret: &ServerSecret,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Invitation, RegistrationError> {
    let found = match ServerSecret::read_invitation_code(code) {
        Some((id, proof)) => store::find(connection, place.id, id)?
            .filter(|invitation| secret.is_invitation_proof(&proof, invitation.id, invitation.generation)),
        None => {
            let digest = secret.access_code_digest(place.id, &normal(code));
            store::find_by_digest(connection, place.id, &digest)?
        }
    };
    found.filter(|invitation| invitation.is_usable(now)).ok_or(RegistrationError::InvitationInvalid)
}

/// A shared code as it is compared: people type capitals, spaces and hyphens as they like.
pub fn normal(code: &str) -> String {
    code.split(|c: char| c.is_whitespace() || c == '-').collect::<String>().to_lowercase()
}

/// Keeps a seat of a category, which is taken already, for the one person who takes another's place; answers the code
/// that they register with.
///
/// # Errors
/// The store fails.
pub fn keep_seat(
    connection: &mut Connection,
    place: &Place,
    secret: &ServerSecret,
    (category, successor_of, now): (CategoryId, &str, DateTime<Utc>),
) -> Result<String, RegistrationError> {
    let id = Id::new();
    let row = store::NewRow {
        id,
        conference_id: place.id,
        kind: InvitationKind::Personal.as_str(),
        code_digest: None,
        label: format!("instead of {successor_of}"),
        category_id: Some(category),
        email: None,
        email_folded: None,
        name: None,
        language: None,
        uses_max: Some(1),
        uses: 0,
        seats_reserved: 1,
        generation: 1,
        expires_at: None,
        created_at: Instant(now),
    };
    store::insert(connection, &[row])?;
    Ok(secret.invitation_code(id, 1))
}

/// Counts one use. The conference is locked.
///
/// # Errors
/// [`RegistrationError::InvitationInvalid`] where it has none left.
pub fn use_once(connection: &mut Connection, invitation: InvitationId) -> Result<(), RegistrationError> {
    if store::use_once(connection, invitation)? { Ok(()) } else { Err(RegistrationError::InvitationInvalid) }
}

/// Turns a seat that the invitation reserves in the category into the seat of a registration, if it has one.
///
/// # Errors
/// The store fails.
pub fn use_reserved(
    connection: &mut Connection,
    invitation: InvitationId,
    category: CategoryId,
) -> Result<bool, DatabaseError> {
    store::use_reserved(connection, invitation, category)
}

/// Gives up reserved seats that nobody can use any more; answers of which category, and how many.
///
/// # Errors
/// The store fails.
pub fn settle_reserved(
    connection: &mut Connection,
    invitation: InvitationId,
) -> Result<Option<(CategoryId, i32)>, DatabaseError> {
    store::settle_reserved(connection, invitation)
}

/// Ends the invitations of a conference that are over and still reserve seats; answers the seats that are free again,
/// by category. The conference is locked.
///
/// # Errors
/// The store fails.
pub fn end_those_over(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<(CategoryId, i32)>, DatabaseError> {
    let mut freed = Vec::new();
    for id in store::over(connection, conference, now)? {
        store::end(connection, id, now)?;
        freed.extend(store::settle_reserved(connection, id)?);
    }
    Ok(freed)
}

/// Conferences with invitations that are over and still reserve seats.
///
/// # Errors
/// The store fails.
pub fn conferences_with_those_over(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Vec<ConferenceId>, DatabaseError> {
    store::conferences_with_those_over(connection, now)
}
