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

/// A stored word that is none of its closed set.
#[derive(Debug, thiserror::Error)]
#[error("{word:?} is no {set}")]
pub(super) struct UnknownWord {
    /// Name of the set.
    pub set: &'static str,
    pub word: String,
}

impl UnknownWord {
    /// The cause of a failed deserialisation, if it is this.
    fn find(cause: &Cause) -> Option<&Self> {
        let field = cause.downcast_ref::<DeserializeFieldError>();
        field.map_or(cause, |field| &field.error).downcast_ref()
    }
}

/// Builds an error from its cause.
type Kind = fn(Cause) -> DatabaseError;

/// Meanings of messages for which neither backend nor diesel has an error kind.
const WORDS: &[(&str, Kind)] = &[
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
            DieselError::DeserializationError(ref cause) => match UnknownWord::find(cause) {
                Some(unknown) => Self::Corrupt(unknown.to_string()),
                None => Self::Statement(error),
            },
            // The error before the failed rollback counts.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::DatabaseError(SerializationFailure, _) => Self::Busy(Box::new(error)),
            DieselError::DatabaseError(ReadOnlyTransaction, _) => Self::ReadOnly(Box::new(error)),
            DieselError::DatabaseError(Unknown, ref information) => {
                let message = information.message();
                match WORDS.iter().find(|(words, _)| message.contains(words)) {
                    Some((_, kind)) => kind(Box::new(error)),
                    None => Self::Statement(error),
                }
            }
            error => Self::Statement(error),
        }
    }
}

impl DatabaseError {
    /// The store is unavailable, as this process has found out itself.
    pub(super) fn unavailable(words: &'static str) -> Self {
        Self::Unavailable(words.into())
    }

    /// The same error for another piece of work in the same transaction, if none of them can be the cause; `None` if
    /// one may be.
    pub fn of_all(&self) -> Option<Self> {
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
    pub fn of_those_behind(&self) -> Option<Self> {
        match self.of_all() {
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

    fn of(words: &str) -> DatabaseError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned())).into()
    }

    #[test]
    fn the_words_of_either_store_are_told_apart() {
        use DatabaseError::{Busy, Full, ReadOnly, Statement, Unavailable};
        assert!(matches!(of("database or disk is full"), Full(_)));
        assert!(matches!(of("could not extend file \"base/1/2\": No space left on device"), Full(_)));
        assert!(matches!(of("attempt to write a readonly database"), ReadOnly(_)));
        assert!(matches!(of("canceling statement due to lock timeout"), Busy(_)));
        assert!(matches!(of("disk I/O error"), Unavailable(_)));
        assert!(matches!(of("column \"x\" does not exist"), Statement(_)));
    }

    #[test]
    fn a_word_that_is_none_of_its_set_is_corrupt_and_other_values_are_not() {
        let unread = |cause: Cause| DatabaseError::from(DieselError::DeserializationError(cause));
        let unknown = unread(Box::new(UnknownWord { set: "Colour", word: "mauve".to_owned() }));
        assert!(matches!(unknown, DatabaseError::Corrupt(what) if what == "\"mauve\" is no Colour"));
        assert!(matches!(unread("something else".into()), DatabaseError::Statement(_)));
    }

    #[test]
    fn a_lost_connection_is_one_even_where_the_rollback_failed_too() {
        let lost =
            || Box::new(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(String::new())));
        let error = DieselError::RollbackErrorOnCommit { rollback_error: lost(), commit_error: lost() };
        assert!(matches!(DatabaseError::from(error), DatabaseError::Unavailable(_)));
    }

    #[test]
    fn those_behind_a_commit_without_an_answer_were_not_written() {
        let unknown = DatabaseError::OutcomeUnknown("x".into());
        assert!(matches!(unknown.of_all(), Some(DatabaseError::OutcomeUnknown(_))));
        assert!(matches!(unknown.of_those_behind(), Some(DatabaseError::Unavailable(_))));
        assert!(of("syntax error").of_all().is_none());
    }
}
