//! What can go wrong with access, and its problem documents.

use actix_web::http::header;

use crate::{
    database::{DatabaseError, Retry},
    faults::Faults,
    http::{
        ProblemKind,
        problem::{NOT_FOUND, Problem, problem_kinds},
    },
};

problem_kinds! {
    /// No token, or none that is known.
    UNAUTHENTICATED = ("unauthenticated", 401, "A valid token is needed"),
    /// The token is known and does not allow this.
    FORBIDDEN = ("forbidden", 403, "The token does not allow this"),
    /// Without it nobody could make another.
    LAST_ADMIN_TOKEN = ("last-admin-token", 409, "The last admin token of the server stays"),
    /// It is for the settings to replace.
    SETTINGS_TOKEN = ("settings-token", 409, "The settings give this token"),
}

/// Why access was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No token.
    #[error("no token")]
    Unauthenticated,
    /// A token that nobody made, or that is revoked or has expired.
    #[error("no valid token")]
    InvalidToken,
    /// A known token without the right.
    #[error("the token has no right to this")]
    Forbidden,
    /// There is no such thing.
    #[error("no such thing")]
    NotFound,
    /// The request is wrong.
    #[error("the request has {} faults", .0.0.len())]
    Invalid(Faults),
    /// The token is the last with which another could be made.
    #[error("the token is the server's last admin token")]
    LastAdmin,
    /// The token is the settings' own.
    #[error("the token is the settings' own")]
    OfSettings,
    /// The store failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<Faults> for AccessError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl Retry for AccessError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Database(error) if error.may_retry())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unauthenticated => challenge(&UNAUTHENTICATED, ""),
            // RFC 6750, 3.1.
            AccessError::InvalidToken => challenge(&UNAUTHENTICATED, ", error=\"invalid_token\""),
            AccessError::Forbidden => challenge(&FORBIDDEN, ", error=\"insufficient_scope\""),
            AccessError::NotFound => Problem::new(&NOT_FOUND),
            AccessError::Invalid(faults) => faults.into(),
            AccessError::LastAdmin => Problem::new(&LAST_ADMIN_TOKEN).detail("make another before you revoke this one"),
            AccessError::OfSettings => Problem::new(&SETTINGS_TOKEN)
                .detail("set another admin_token and start the service again, or use `plenary token revoke`"),
            AccessError::Database(error) => error.into(),
        }
    }
}

fn challenge(kind: &'static ProblemKind, error: &str) -> Problem {
    Problem::new(kind).header(header::WWW_AUTHENTICATE, format!("Bearer realm=\"plenary\"{error}"))
}
