//! Errors of delegations and their members, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
    registration::RegistrationError,
    values::Code,
};

problem_kinds! {
    DELEGATION_TAKEN = ("delegation-taken", 409, "Another delegation has this code"),
    DELEGATION_IN_USE = ("delegation-in-use", 409, "The delegation has members"),
    QUOTA_BELOW_MEMBERS = ("quota-below-members", 409, "The delegation has more members than that"),
    NO_FOCAL_POINT = ("no-focal-point", 409, "The delegation has no focal point"),
    IDENTITY_APPROVED = ("identity-approved", 409, "The organisers approved this person"),
}

/// Why a request about a delegation was refused.
#[derive(Debug, thiserror::Error)]
pub enum DelegationError {
    #[error("no such delegation")]
    NotFound,
    #[error("the delegation has no such member")]
    NoMember,
    #[error("delegation {0} is there already")]
    CodeTaken(Code),
    /// Holds the number of members.
    #[error("the delegation has {0} members")]
    HasMembers(i64),
    /// Holds the number of members.
    #[error("the delegation has {0} members")]
    QuotaBelowMembers(i64),
    #[error("the delegation has no focal point")]
    NoFocalPoint,
    #[error("the organisers approved this person")]
    IdentityApproved,
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for DelegationError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for DelegationError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<DelegationError> for Problem {
    fn from(error: DelegationError) -> Self {
        match error {
            DelegationError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such delegation"),
            DelegationError::NoMember => RegistrationError::NotFound.into(),
            DelegationError::CodeTaken(code) => {
                Problem::new(&DELEGATION_TAKEN).detail(format!("there is a delegation {code} already"))
            }
            DelegationError::HasMembers(members) => {
                Problem::new(&DELEGATION_IN_USE).detail(format!("it still has {members} members: remove them first"))
            }
            DelegationError::QuotaBelowMembers(members) => {
                Problem::new(&QUOTA_BELOW_MEMBERS).detail(format!("the delegation has {members} members"))
            }
            DelegationError::NoFocalPoint => Problem::new(&NO_FOCAL_POINT).detail("give it a focal point first"),
            DelegationError::IdentityApproved => Problem::new(&IDENTITY_APPROVED)
                .detail("names, country and date of birth stay as they are: replace the member instead"),
            DelegationError::Registration(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{database::DatabaseError, http::problem::UNAVAILABLE};

    #[test]
    fn an_error_of_the_store_passes_through() {
        let error = DelegationError::from(DatabaseError::Busy("another writer".into()));
        assert!(error.may_retry());
        assert!(Problem::from(error).is(&UNAVAILABLE));
        assert!(!DelegationError::NoFocalPoint.may_retry());
    }

    #[test]
    fn a_reference_of_no_member_is_answered_like_that_of_no_registration() {
        let answer = |problem: Problem| problem.document(None);
        assert_eq!(answer(DelegationError::NoMember.into()), answer(RegistrationError::NotFound.into()));
    }
}
