//! Errors of exports, and their problem documents.

use std::io;

use actix_web::http::header;

use crate::{
    database::Retry,
    http::problem::{Problem, STORAGE_FULL},
    registration::RegistrationError,
};

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("an export cannot be written")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Registration(RegistrationError),
}

/// Every error of the core of registration, and of what the core stands on, passes through.
impl<E> From<E> for ExportError
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Registration(error.into())
    }
}

impl Retry for ExportError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Registration(error) if error.may_retry())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Write(error) if is_full(&error) => Problem::new(&STORAGE_FULL)
                .detail("the file of the export is made in the folder data_dir, whose disk is full")
                .header(header::RETRY_AFTER, "30")
                .caused_by(error),
            ExportError::Write(error) => Problem::unexpected(error),
            ExportError::Registration(error) => error.into(),
        }
    }
}
