//! Errors of blueprints, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{Problem, problem_kinds},
    registration::RegistrationError,
};

problem_kinds! {
    CONFERENCE_IN_USE = ("conference-in-use", 409, "People have registered for the conference"),
}

/// Why a request about a whole conference was refused.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    #[error("people have registered for the conference")]
    ConferenceInUse,
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for BlueprintError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for BlueprintError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<BlueprintError> for Problem {
    fn from(error: BlueprintError) -> Self {
        match error {
            BlueprintError::ConferenceInUse => Problem::new(&CONFERENCE_IN_USE).detail("it cannot be deleted any more"),
            BlueprintError::Registration(error) => error.into(),
        }
    }
}
