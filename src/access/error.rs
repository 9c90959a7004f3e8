//! What can go wrong with access, and its problem documents.

use actix_web::http::header;

use crate::{
    database::{DatabaseError, Retry},
    http::problem::{NOT_FOUND, Problem, problem_kinds},
};

problem_kinds! {
    /// No token, or none that is known.
    UNAUTHENTICATED = ("unauthenticated", 401, "A valid token is needed"),
    /// The token is known and does not allow this.
    FORBIDDEN = ("forbidden", 403, "The token does not allow this"),
}

/// Why access was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No token, or none that is known.
    #[error("no valid token")]
    Unauthenticated,
    /// A known token without the right.
    #[error("the token has no right to this")]
    Forbidden,
    /// There is no such thing.
    #[error("no such thing")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Retry for AccessError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Database(error) if error.may_retry())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unauthenticated => {
                Problem::new(&UNAUTHENTICATED).header(header::WWW_AUTHENTICATE, "Bearer realm=\"plenary\"")
            }
            AccessError::Forbidden => Problem::new(&FORBIDDEN),
            AccessError::NotFound => Problem::new(&NOT_FOUND),
            AccessError::Database(error) => error.into(),
        }
    }
}
