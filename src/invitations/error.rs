//! Errors of invitations, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
    registration::RegistrationError,
};

problem_kinds! {
    ACCESS_CODE_TAKEN = ("access-code-taken", 409, "Another access code of the conference is the same"),
    INVITATION_OVER = ("invitation-over", 409, "The invitation can no longer be used"),
}

/// Why a request about an invitation was refused.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    #[error("no such invitation")]
    NotFound,
    #[error("the access code is taken")]
    AccessCodeTaken,
    /// It was revoked, or its reserved seats were released after it expired.
    #[error("the invitation has ended already")]
    Ended,
    #[error("the invitation is used up or no longer valid")]
    Unusable,
    #[error("the invitation has no address")]
    WithoutAddress,
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for InvitationError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for InvitationError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such invitation"),
            InvitationError::AccessCodeTaken => Problem::new(&ACCESS_CODE_TAKEN),
            InvitationError::Ended => Problem::new(&INVITATION_OVER).detail("the invitation has ended already"),
            InvitationError::Unusable => {
                Problem::new(&INVITATION_OVER).detail("the invitation is used up or no longer valid")
            }
            InvitationError::WithoutAddress => Problem::new(&INVITATION_OVER).detail("the invitation has no address"),
            InvitationError::Registration(error) => error.into(),
        }
    }
}
