//! Errors of possible duplicates, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
    registration::RegistrationError,
};

problem_kinds! {
    ALREADY_MERGED = ("already-merged", 409, "The two registrations were merged already"),
    MERGE_LOSES_SEAT = ("merge-loses-seat", 409, "The registration that is kept would lose the other's seat"),
}

/// Why a request about a possible duplicate was refused.
#[derive(Debug, thiserror::Error)]
pub enum DuplicateError {
    #[error("no such pair of registrations")]
    NotFound,
    #[error("the two registrations were merged already")]
    AlreadyMerged,
    #[error("the registration that is kept cannot take over the seat of the other")]
    MergeLosesSeat,
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for DuplicateError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for DuplicateError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<DuplicateError> for Problem {
    fn from(error: DuplicateError) -> Self {
        match error {
            DuplicateError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such pair of registrations"),
            DuplicateError::AlreadyMerged => Problem::new(&ALREADY_MERGED),
            DuplicateError::MergeLosesSeat => Problem::new(&MERGE_LOSES_SEAT)
                .detail("keep the other one, or first verify this one or move it to a category with a free seat"),
            DuplicateError::Registration(error) => error.into(),
        }
    }
}
