//! What can go wrong with an agenda, and its problem documents.

use actix_web::http::header;

use crate::{
    access::AccessError,
    agenda::checks::Conflict,
    database::{DatabaseError, Retry, violation::broken_constraint},
    faults::Faults,
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, PRECONDITION_FAILED, Problem, problem_kinds},
    },
};

problem_kinds! {
    /// There is a thing of that code already.
    ALREADY_EXISTS = ("already-exists", 409, "There is one of that code already"),
    /// Other parts of the agenda depend on it.
    IN_USE = ("in-use", 409, "Other parts of the agenda depend on this"),
    /// The draft cannot be released as it is.
    AGENDA_CONFLICTS = ("agenda-conflicts", 409, "The draft has conflicts and cannot be released"),
}

/// Why an agenda was not read, changed or released.
#[derive(Debug, thiserror::Error)]
pub enum AgendaError {
    /// There is no such conference.
    #[error("no such conference")]
    NotFound,
    /// There is no such thing in the agenda.
    #[error("no such {0}")]
    NoThing(&'static str),
    /// There is one already.
    #[error("there is a {noun} {code} already")]
    Exists {
        /// What it is.
        noun: &'static str,
        /// Its code.
        code: String,
    },
    /// Something else in the agenda would be wrong afterwards; the places are in the agenda.
    #[error("{} places of the agenda depend on it", .0.0.len())]
    InUse(Faults),
    /// The thing is not in the state that the writer expects.
    #[error("the thing has changed meanwhile")]
    Stale {
        /// The tag of its present state.
        tag: Option<String>,
        /// Its present state.
        current: Option<serde_json::Value>,
    },
    /// The key came with another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The document is wrong.
    #[error("the document has {} faults", .0.0.len())]
    Invalid(Faults),
    /// The draft contradicts itself: the conflicts that stop a release.
    #[error("the draft has {} conflicts", .0.len())]
    Conflicts(Vec<Conflict>),
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
            AgendaError::NoThing(noun) => Problem::new(&NOT_FOUND).detail(format!("there is no such {noun}")),
            AgendaError::Exists { noun, code } => {
                Problem::new(&ALREADY_EXISTS).detail(format!("there is a {noun} {code} already"))
            }
            AgendaError::InUse(faults) => Problem::new(&IN_USE)
                .detail("the places that depend on it are named as places in the agenda")
                .faults(faults),
            AgendaError::Stale { tag, current } => {
                let problem = Problem::new(&PRECONDITION_FAILED).detail("`current` is its present state");
                let problem = problem.member("current", current.unwrap_or(serde_json::Value::Null));
                match tag {
                    Some(tag) => problem.header(header::ETAG, tag),
                    None => problem,
                }
            }
            AgendaError::KeyReused(reused) => reused.into(),
            AgendaError::Invalid(faults) => faults.into(),
            AgendaError::Conflicts(conflicts) => Problem::new(&AGENDA_CONFLICTS)
                .detail(in_words(&conflicts))
                .member("conflicts", serde_json::json!(conflicts)),
            AgendaError::Access(error) => error.into(),
            AgendaError::Database(error) => error.into(),
        }
    }
}

/// How many conflicts the words of a refusal name; all of them stand beside it.
const IN_WORDS_MAX: usize = 10;

fn in_words(conflicts: &[Conflict]) -> String {
    let mut words: Vec<_> = conflicts.iter().take(IN_WORDS_MAX).map(|conflict| conflict.detail.clone()).collect();
    if let Some(more) = conflicts.len().checked_sub(IN_WORDS_MAX).filter(|more| *more > 0) {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}
