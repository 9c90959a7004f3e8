//! The errors of releases and programme, and their problem documents.

use super::redaction::personal_data_scan::Candidate;
use crate::{
    agenda::AgendaError,
    database::{DatabaseError, Retry},
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, Problem, problem_kinds},
    },
    validation::ValidationErrors,
};

problem_kinds! {
    /// A scheduled release cannot be cancelled any more.
    RELEASE_PUBLISHED = ("release-published", 409, "The release is published already"),
    /// A code passed from one speaker to another.
    AMBIGUOUS_SPEAKER = ("ambiguous-speaker", 409, "The code belonged to several people"),
    /// The link to the preview has expired or was revoked.
    PREVIEW_EXPIRED = ("preview-expired", 403, "The link to the preview has expired"),
}

/// Why a programme was not published or read.
#[derive(Debug, thiserror::Error)]
pub enum ProgrammeError {
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The scheduled release was already published, as the release with this number.
    #[error("published already, as release {0}")]
    Published(i32),
    #[error("the link to the preview has expired")]
    PreviewExpired,
    /// The code passed from one of these people to another.
    #[error("the code belonged to {} people", .0.len())]
    AmbiguousSpeaker(Vec<Candidate>),
    /// There are several conferences, and the command did not name one.
    #[error("there are several conferences: name one with --conference")]
    Unnamed,
    #[error("the query has {} faults", .0.0.len())]
    Invalid(ValidationErrors),
    #[error(transparent)]
    Agenda(#[from] AgendaError),
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

impl From<ValidationErrors> for ProgrammeError {
    fn from(errors: ValidationErrors) -> Self {
        Self::Invalid(errors)
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
            ProgrammeError::Invalid(errors) => errors.into(),
            ProgrammeError::Agenda(error) => error.into(),
            ProgrammeError::Database(error) => error.into(),
        }
    }
}
