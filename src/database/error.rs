//! Why the store did not do what it was asked, told from the words of two stores.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::is_lost;

/// Any cause, as the log has it.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The store cannot be reached now; a later attempt may succeed. Nothing was written.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Cause),
    /// Another writer came first; the same transaction may succeed when it is run again. Nothing was written.
    #[error("the store is busy with another writer")]
    Busy(#[source] Cause),
    /// The store has no room for what was to be written. Nothing was.
    #[error("the store is full")]
    Full(#[source] Cause),
    /// The store takes no writes: a standby, or an operator's word. Nothing was written.
    #[error("the store is read-only")]
    ReadOnly(#[source] Cause),
    /// The files of an embedded store are not where they were. Nothing was written.
    #[error("the store's files were moved or removed")]
    Moved,
    /// `COMMIT` was sent and no answer came: all of it was written, or nothing.
    #[error("the store did not say whether it committed")]
    OutcomeUnknown(#[source] Cause),
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[source] DieselError),
    /// A row holds what this version cannot read.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// The work was cut short by a panic, which the log has.
    #[error("the work on the store was cut short")]
    Interrupted,
}

impl DatabaseError {
    /// A stored document that is not what it should be. Where is said, and no more: the reader's own words may quote
    /// what people wrote, and errors stand in the log.
    pub fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self::Corrupt(format!("{what}: {:?} at line {line} column {column}", error.classify()))
    }
}

/// Makes an error of its cause.
type Kind = fn(Cause) -> DatabaseError;

/// What a message of a store means, for what neither store nor diesel gives a kind of its own. Words of either.
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
            // What it was before the rollback failed, too.
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
    /// The store cannot be reached, as we have noticed ourselves.
    pub(super) fn unavailable(words: &'static str) -> Self {
        Self::Unavailable(words.into())
    }

    /// The same for another wish of the same transaction, where none of the wishes can be the cause; `None` where one
    /// may be.
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

    /// The same for a wish that was not part of the transaction and is not begun: whatever became of the others, it was
    /// not written.
    pub fn of_those_behind(&self) -> Option<Self> {
        match self.of_all() {
            Some(Self::OutcomeUnknown(cause)) => Some(Self::Unavailable(cause)),
            other => other,
        }
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
