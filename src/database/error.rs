//! Errors of the store, in terms of both backends.

use diesel::result::{DatabaseErrorKind, DeserializeFieldError, Error as DieselError};

/// Any cause, for the log.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The store is unavailable; a later attempt may succeed. Nothing was written.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Cause),
    /// Another writer came first; the same transaction may succeed when it is run again. Nothing was written.
    #[error("the store is busy with another writer")]
    Busy(#[source] Cause),
    /// The disk is full. Nothing was written.
    #[error("the store is full")]
    Full(#[source] Cause),
    /// The store accepts no writes: it is a standby, or an operator made it read-only. Nothing was written.
    #[error("the store is read-only")]
    ReadOnly(#[source] Cause),
    /// The files of an embedded store are not where they were. Nothing was written.
    #[error("the store's files were moved or removed")]
    Moved,
    /// `COMMIT` was sent and no answer came: everything was written, or nothing.
    #[error("the store did not say whether it committed")]
    OutcomeUnknown(#[source] Cause),
    #[error("a statement failed")]
    Statement(#[source] DieselError),
    /// The store breaks an invariant: a row has a value that this version cannot read, or a row is missing that must be
    /// there. It is nobody's mistake but ours: the answer is a 500, and the log has the cause.
    #[error("the store is not as it must be: {0}")]
    Corrupt(String),
    /// A panic ended the work; the log has it.
    #[error("the work on the store was cut short")]
    Interrupted,
}

impl DatabaseError {
    /// A stored document that cannot be parsed. Only the position is kept: serde's message may quote what people wrote,
    /// and errors are logged.
    pub fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self::Corrupt(format!("{what}: {:?} at line {line} column {column}", error.classify()))
    }

    /// A row that another row refers to, or that was just written, is missing.
    pub fn missing(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(format!("{what} is missing"))
    }
}

/// A stored text that is none of its closed set.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no {set}")]
pub(super) struct UnknownText {
    /// Name of the set.
    pub set: &'static str,
    pub text: String,
}

impl UnknownText {
    /// The cause of a failed deserialisation, if it is this.
    fn find(cause: &Cause) -> Option<&Self> {
        let field = cause.downcast_ref::<DeserializeFieldError>();
        field.map_or(cause, |field| &field.error).downcast_ref()
    }
}

/// Builds an error from its cause.
type ErrorFromCause = fn(Cause) -> DatabaseError;

/// Meanings of messages for which neither backend nor diesel has an error kind.
const MESSAGES: &[(&str, ErrorFromCause)] = &[
    ("deadlock detected", DatabaseError::Busy),
    ("lock timeout", DatabaseError::Busy),
    ("database is locked", DatabaseError::Busy),
    ("database table is locked", DatabaseError::Busy),
    ("database or disk is full", DatabaseError::Full),
    ("No space left on device", DatabaseError::Full),
    ("Disk quota exceeded", DatabaseError::Full),
    ("attempt to write a readonly database", DatabaseError::ReadOnly),
    ("terminating connection", DatabaseError::Unavailable),
    ("the database system is", DatabaseError::Unavailable),
    ("server closed the connection", DatabaseError::Unavailable),
    ("unable to open database file", DatabaseError::Unavailable),
    ("disk I/O error", DatabaseError::Unavailable),
    ("out of memory", DatabaseError::Unavailable),
    ("out of shared memory", DatabaseError::Unavailable),
];

impl From<DieselError> for DatabaseError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind::{ReadOnlyTransaction, SerializationFailure, Unknown};
        match error {
            error if is_lost(&error) => Self::Unavailable(Box::new(error)),
            DieselError::DeserializationError(ref cause) => match UnknownText::find(cause) {
                Some(unknown) => Self::Corrupt(unknown.to_string()),
                None => Self::Statement(error),
            },
            // The error before the failed rollback counts.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::DatabaseError(SerializationFailure, _) => Self::Busy(Box::new(error)),
            DieselError::DatabaseError(ReadOnlyTransaction, _) => Self::ReadOnly(Box::new(error)),
            DieselError::DatabaseError(Unknown, ref information) => {
                let message = information.message();
                match MESSAGES.iter().find(|(text, _)| message.contains(text)) {
                    Some((_, build_error)) => build_error(Box::new(error)),
                    None => Self::Statement(error),
                }
            }
            error => Self::Statement(error),
        }
    }
}

impl DatabaseError {
    /// The store is unavailable, as this process has found out itself.
    pub(super) fn unavailable(text: &'static str) -> Self {
        Self::Unavailable(text.into())
    }

    /// The same error for another piece of work in the same transaction, if none of them can be the cause; `None` if
    /// one may be.
    pub fn for_same_transaction(&self) -> Option<Self> {
        let cause = |cause: &Cause| Cause::from(cause.to_string());
        match self {
            Self::Unavailable(error) => Some(Self::Unavailable(cause(error))),
            Self::Busy(error) => Some(Self::Busy(cause(error))),
            Self::Full(error) => Some(Self::Full(cause(error))),
            Self::ReadOnly(error) => Some(Self::ReadOnly(cause(error))),
            Self::Moved => Some(Self::Moved),
            Self::OutcomeUnknown(error) => Some(Self::OutcomeUnknown(cause(error))),
            Self::Statement(_) | Self::Corrupt(_) | Self::Interrupted => None,
        }
    }

    /// The same error for work that was not part of the transaction and is not begun: whatever the outcome of the
    /// transaction, this work was not written.
    pub fn for_later_work(&self) -> Option<Self> {
        match self.for_same_transaction() {
            Some(Self::OutcomeUnknown(cause)) => Some(Self::Unavailable(cause)),
            other => other,
        }
    }
}

/// Whether the connection broke.
pub(super) fn is_lost(error: &diesel::result::Error) -> bool {
    use diesel::result::{
        DatabaseErrorKind::{ClosedConnection, UnableToSendCommand},
        Error,
    };
    match error {
        Error::DatabaseError(ClosedConnection | UnableToSendCommand, _) | Error::BrokenTransactionManager => true,
        Error::RollbackErrorOnCommit { commit_error, .. } => is_lost(commit_error),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_error(text: &str) -> DatabaseError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned())).into()
    }

    #[test]
    fn messages_of_both_stores_are_classified() {
        use DatabaseError::{Busy, Full, ReadOnly, Statement, Unavailable};
        assert!(matches!(unknown_error("database or disk is full"), Full(_)));
        assert!(matches!(unknown_error("could not extend file \"base/1/2\": No space left on device"), Full(_)));
        assert!(matches!(unknown_error("attempt to write a readonly database"), ReadOnly(_)));
        assert!(matches!(unknown_error("canceling statement due to lock timeout"), Busy(_)));
        assert!(matches!(unknown_error("disk I/O error"), Unavailable(_)));
        assert!(matches!(unknown_error("column \"x\" does not exist"), Statement(_)));
    }

    #[test]
    fn a_word_that_is_none_of_its_set_is_corrupt_and_other_values_are_not() {
        let read_error = |cause: Cause| DatabaseError::from(DieselError::DeserializationError(cause));
        let unknown = read_error(Box::new(UnknownText { set: "Colour", text: "mauve".to_owned() }));
        assert!(matches!(unknown, DatabaseError::Corrupt(what) if what == "\"mauve\" is no Colour"));
        assert!(matches!(read_error("something else".into()), DatabaseError::Statement(_)));
    }

    #[test]
    fn a_lost_connection_is_recognised_when_the_rollback_failed_too() {
        let lost =
            || Box::new(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(String::new())));
        let error = DieselError::RollbackErrorOnCommit { rollback_error: lost(), commit_error: lost() };
        assert!(matches!(DatabaseError::from(error), DatabaseError::Unavailable(_)));
    }

    #[test]
    fn later_work_after_an_unanswered_commit_was_not_written() {
        let unknown = DatabaseError::OutcomeUnknown("x".into());
        assert!(matches!(unknown.for_same_transaction(), Some(DatabaseError::OutcomeUnknown(_))));
        assert!(matches!(unknown.for_later_work(), Some(DatabaseError::Unavailable(_))));
        assert!(unknown_error("syntax error").for_same_transaction().is_none());
    }
}
