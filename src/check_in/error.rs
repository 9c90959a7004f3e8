//! Errors of check-in and badges, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
    registration::RegistrationError,
};

problem_kinds! {
    NOT_ADMITTED = ("not-admitted", 409, "Nobody was let in with this scan"),
}

/// Why a request about check-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum CheckInError {
    #[error("no such check-in")]
    NotFound,
    #[error("the entry let nobody in")]
    NotAdmitted,
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for CheckInError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for CheckInError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<CheckInError> for Problem {
    fn from(error: CheckInError) -> Self {
        match error {
            CheckInError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such check-in"),
            CheckInError::NotAdmitted => Problem::new(&NOT_ADMITTED),
            CheckInError::Registration(error) => error.into(),
        }
    }
}
