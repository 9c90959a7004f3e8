//! What can go wrong with releases and programme, and its problem documents.

use crate::{
    agenda::AgendaError,
    database::{DatabaseError, Retry},
    faults::Faults,
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, Problem, problem_kinds},
    },
    programme::redaction::census::Candidate,
};

problem_kinds! {
    /// A scheduled release cannot be called off any more.
    RELEASE_PUBLISHED = ("release-published", 409, "The release is published already"),
    /// A code passed from one speaker to another.
    AMBIGUOUS_SPEAKER = ("ambiguous-speaker", 409, "The code belonged to several people"),
    /// The link shows nothing any more.
    PREVIEW_EXPIRED = ("preview-expired", 403, "The link to the preview has expired"),
}

/// Why a programme was not published or read.
#[derive(Debug, thiserror::Error)]
pub enum ProgrammeError {
    /// There is no such thing in the release.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// What is to be called off was published.
    #[error("published already, as release {0}")]
    Published(i32),
    /// The link to a preview was good once.
    #[error("the link to the preview has expired")]
    PreviewExpired,
    /// The code passed from one of these people to another.
    #[error("the code belonged to {} people", .0.len())]
    AmbiguousSpeaker(Vec<Candidate>),
    /// There are several conferences, and none was named.
    #[error("there are several conferences: name one with --conference")]
    Unnamed,
    /// The query is wrong.
    #[error("the query has {} faults", .0.0.len())]
    Invalid(Faults),
    /// The draft cannot be read or released.
    #[error(transparent)]
    Agenda(#[from] AgendaError),
    /// The store failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<crate::access::AccessError> for ProgrammeError {
    fn from(error: crate::access::AccessError) -> Self {
        Self::Agenda(error.into())
    }
}

impl From<KeyReused> for ProgrammeError {
    fn from(reused: KeyReused) -> Self {
        Self::Agenda(reused.into())
    }
}

impl From<Faults> for ProgrammeError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl Retry for ProgrammeError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Agenda(error) => error.may_retry(),
            Self::Database(error) => error.may_retry(),
            _ => false,
        }
    }
}

impl From<ProgrammeError> for Problem {
    fn from(error: ProgrammeError) -> Self {
        match error {
            ProgrammeError::NotFound(what) => Problem::new(&NOT_FOUND).detail(format!("there is no such {what}")),
            ProgrammeError::Published(number) => {
                Problem::new(&RELEASE_PUBLISHED).detail(format!("it is release {number}"))
            }
            ProgrammeError::AmbiguousSpeaker(candidates) => Problem::new(&AMBIGUOUS_SPEAKER)
                .detail("give the id of one of the `candidates` instead of the code")
                .member("candidates", serde_json::json!(candidates)),
            ProgrammeError::PreviewExpired => Problem::new(&PREVIEW_EXPIRED).detail("ask the organisers for a new one"),
            ProgrammeError::Unnamed => Problem::new(&NOT_FOUND).detail("there are several conferences"),
            ProgrammeError::Invalid(faults) => faults.into(),
            ProgrammeError::Agenda(error) => error.into(),
            ProgrammeError::Database(error) => error.into(),
        }
    }
}
