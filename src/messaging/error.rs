//! Errors of messages, templates and broadcasts, and their problem documents.

use crate::{
    database::Retry,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
    registration::RegistrationError,
};

problem_kinds! {
    WRONG_MESSAGE_STATE = ("wrong-message-state", 409, "The status of the message or broadcast does not allow this"),
    OTHER_RECIPIENTS = ("other-recipients", 409, "The broadcast would go to another number of people"),
}

/// Why a request about mail was refused.
#[derive(Debug, thiserror::Error)]
pub enum MessagingError {
    #[error("no such message")]
    NoMessage,
    #[error("no such broadcast")]
    NoBroadcast,
    #[error("no such template")]
    NoTemplate,
    #[error("no such block")]
    NoBlock,
    /// Holds the status that the message or the broadcast has.
    #[error("the message or broadcast is {0}")]
    WrongState(&'static str),
    /// The number of recipients differs from the one that the sender expects.
    #[error("the broadcast would go to {count} people, not to {expected}")]
    OtherRecipients { expected: u32, count: u32 },
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for MessagingError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for MessagingError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

impl From<MessagingError> for Problem {
    fn from(error: MessagingError) -> Self {
        match error {
            MessagingError::NoMessage => Problem::new(&NOT_FOUND).detail("there is no such message"),
            MessagingError::NoBroadcast => Problem::new(&NOT_FOUND).detail("there is no such broadcast"),
            MessagingError::NoTemplate => Problem::new(&NOT_FOUND).detail("there is no such template"),
            MessagingError::NoBlock => Problem::new(&NOT_FOUND).detail("there is no such block"),
            MessagingError::WrongState(state) => Problem::new(&WRONG_MESSAGE_STATE).detail(format!("it is {state}")),
            MessagingError::OtherRecipients { expected, count } => Problem::new(&OTHER_RECIPIENTS)
                .detail(format!("it would go to {count} people, not to {expected}: nothing was sent")),
            MessagingError::Registration(error) => error.into(),
        }
    }
}
