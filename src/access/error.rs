//! Errors of access, and their problem documents.

use actix_web::http::header;

use crate::{
    database::{DatabaseError, Retry},
    http::{
        ProblemKind,
        problem::{NOT_FOUND, Problem, problem_kinds},
    },
    validation::ValidationErrors,
};

problem_kinds! {
    /// No token, or an unknown one.
    UNAUTHENTICATED = ("unauthenticated", 401, "A valid token is needed"),
    /// The token is valid and does not allow the operation.
    FORBIDDEN = ("forbidden", 403, "The token does not allow this"),
    /// Without this token nobody could create another.
    LAST_ADMIN_TOKEN = ("last-admin-token", 409, "The last server-wide admin token cannot be revoked"),
    /// The token is replaced by changing the settings.
    SETTINGS_TOKEN = ("settings-token", 409, "The token comes from the settings"),
}

/// Why access was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No token.
    #[error("no token")]
    Unauthenticated,
    /// An unknown, revoked or expired token.
    #[error("no valid token")]
    InvalidToken,
    /// A valid token that lacks the right.
    #[error("the token has no right to this")]
    Forbidden,
    #[error("no such thing")]
    NotFound,
    #[error("the request has {} faults", .0.0.len())]
    Invalid(ValidationErrors),
    /// The token is the last one that can create others.
    #[error("the token is the server's last admin token")]
    LastAdmin,
    /// The token comes from the settings.
    #[error("the token comes from the settings")]
    SettingsToken,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<ValidationErrors> for AccessError {
    fn from(errors: ValidationErrors) -> Self {
        Self::Invalid(errors)
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
            // RFC 6750, section 3.1.
            AccessError::InvalidToken => challenge(&UNAUTHENTICATED, ", error=\"invalid_token\""),
            AccessError::Forbidden => challenge(&FORBIDDEN, ", error=\"insufficient_scope\""),
            AccessError::NotFound => Problem::new(&NOT_FOUND),
            AccessError::Invalid(errors) => errors.into(),
            AccessError::LastAdmin => Problem::new(&LAST_ADMIN_TOKEN).detail("make another before you revoke this one"),
            AccessError::SettingsToken => Problem::new(&SETTINGS_TOKEN)
                .detail("set another admin_token and start the service again, or use `plenary token revoke`"),
            AccessError::Database(error) => error.into(),
        }
    }
}

fn challenge(kind: &'static ProblemKind, error: &str) -> Problem {
    Problem::new(kind).header(header::WWW_AUTHENTICATE, format!("Bearer realm=\"plenary\"{error}"))
}
