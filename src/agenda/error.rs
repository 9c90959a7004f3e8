//! What can go wrong with an agenda, and its problem documents.

use crate::{
    access::AccessError,
    database::{DatabaseError, Retry, violation::broken_constraint},
    faults::Faults,
    http::problem::{NOT_FOUND, Problem, problem_kinds},
};

problem_kinds! {
    /// The draft cannot be released as it is.
    AGENDA_CONFLICTS = ("agenda-conflicts", 409, "The draft has conflicts and cannot be released"),
}

/// Why an agenda was not read, changed or released.
#[derive(Debug, thiserror::Error)]
pub enum AgendaError {
    /// There is no such conference.
    #[error("no such conference")]
    NotFound,
    /// The document is wrong.
    #[error("the document has {} faults", .0.0.len())]
    Invalid(Faults),
    /// The draft contradicts itself.
    #[error("the draft has {} conflicts", .0.0.len())]
    Conflicts(Faults),
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<Faults> for AgendaError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl Retry for AgendaError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Access(error) => error.may_retry(),
            // Two documents that create the same thing at once: the second finds it when it is run again.
            Self::Database(error) => error.may_retry() || broken_constraint(error).is_some(),
            _ => false,
        }
    }
}

impl From<AgendaError> for Problem {
    fn from(error: AgendaError) -> Self {
        match error {
            AgendaError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such conference"),
            AgendaError::Invalid(faults) => faults.into(),
            AgendaError::Conflicts(faults) => Problem::new(&AGENDA_CONFLICTS)
                .detail(faults.0.iter().map(|fault| fault.detail.as_str()).collect::<Vec<_>>().join("; "))
                .member("conflicts", serde_json::json!(faults.0)),
            AgendaError::Access(error) => error.into(),
            AgendaError::Database(error) => error.into(),
        }
    }
}
