//! A connection to either store, and the pool of connections.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::Duration,
};

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    dsl::sql,
    result::ConnectionError,
    sql_types::Integer,
};

use super::error::{DatabaseError, is_lost};

/// A connection to the store of the settings.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgresql(PgConnection),
    /// The embedded store.
    Sqlite(SqliteConnection),
}

/// Executes a statement on either backend: for what diesel's `MultiConnection` does not support although each backend
/// does (conflict clauses, batches, `RETURNING`).
macro_rules! on_backend {
    ($connection:expr, $inner:ident => $run:expr) => {
        match $connection {
            $crate::database::Connection::Postgresql($inner) => $run,
            $crate::database::Connection::Sqlite($inner) => $run,
        }
    };
}
pub(crate) use on_backend;

/// The store that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// Path of the file.
    Sqlite(PathBuf),
    /// URL of the server.
    Postgres(String),
}

/// How long a statement outside a write waits for a lock.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How long the server waits for the next statement of a transaction before it ends the connection: if a statement was
/// lost on the way, its transaction would hold its locks for ever, and so would the thread that waits for the answer.
const STATEMENT_GAP_MAX: Duration = Duration::from_secs(60);

/// Parameters of libpq that detect a dead network, unless the URL sets them (in seconds; the last one in milliseconds).
/// A frozen server keeps its connections alive and is detected by `liveness`.
const NETWORK_PARAMETERS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

impl Store {
    /// Parses `sqlite:<path>` or `postgres://...`.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" | ":memory:" => Err("must name a file: sqlite:var/plenary.db".to_owned()),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("must start with sqlite: or postgres://".to_owned())
    }

    /// Opens a connection outside the pool.
    pub(super) fn connect(&self) -> Result<AnyConnection, ConnectionError> {
        match self {
            Self::Sqlite(path) => connect_sqlite(path).map(AnyConnection::Sqlite),
            Self::Postgres(url) => {
                let mut connection = PgConnection::establish(&with_network_parameters(url))?;
                // Without this, the server could acknowledge a commit before it is on disk, and an accepted
                // registration could be lost.
                connection
                    .batch_execute(&format!(
                        "SET synchronous_commit = on; SET client_min_messages = warning; SET lock_timeout = {}; \
                         SET idle_in_transaction_session_timeout = {}",
                        LOCK_WAIT.as_millis(),
                        STATEMENT_GAP_MAX.as_millis()
                    ))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgresql(connection))
            }
        }
    }
}

/// Opens a connection to an embedded store.
fn connect_sqlite(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    // `secure_delete` overwrites deleted data on disk: after a redaction, no name is left in free pages. `busy_timeout`
    // comes first, so that turning on the journal waits for other processes that have the file locked.
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;",
            LOCK_WAIT.as_millis()
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// The server's URL, with the parameters of [`NETWORK_PARAMETERS`] that it does not have.
fn with_network_parameters(url: &str) -> Cow<'_, str> {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let is_set = |name: &str| parameters.split('&').any(|pair| pair.split('=').next() == Some(name));
    let missing: Vec<String> = NETWORK_PARAMETERS
        .iter()
        .filter(|(name, _)| !is_set(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match missing.as_slice() {
        [] => url.into(),
        missing => {
            let separator = if !url.contains('?') {
                "?"
            } else if parameters.is_empty() {
                ""
            } else {
                "&"
            };
            format!("{url}{separator}{}", missing.join("&")).into()
        }
    }
}

/// Whether a failed attempt was answered by a server, which refuses the connection.
pub(super) fn was_answered(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::BadConnection(message) => message.contains("FATAL"),
        ConnectionError::CouldntSetupConfiguration(error) => !is_lost(error),
        _ => true,
    }
}

/// Whether a later attempt may succeed: the server is down, starts, stops, or has no free connection. An operator must
/// mend other refusals (a password, a missing database).
pub(super) fn is_temporary(error: &ConnectionError) -> bool {
    const TEMPORARY: [&str; 6] = [
        "the database system is",
        "too many clients",
        "too many connections",
        "remaining connection slots",
        "not accepting connections",
        "terminating connection",
    ];
    match error {
        ConnectionError::BadConnection(message) => {
            !was_answered(error) || TEMPORARY.iter().any(|text| message.contains(text))
        }
        ConnectionError::CouldntSetupConfiguration(error) => is_lost(error),
        _ => false,
    }
}

/// Begins a transaction that will write. On SQLite it takes the write lock at once, so that it cannot fail later. Waits
/// for other writers up to `lock_wait`.
pub fn begin_write(connection: &mut AnyConnection, lock_wait: Duration) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    let wait = lock_wait.as_millis();
    match connection {
        AnyConnection::Sqlite(inner) => {
            Ansi::begin_transaction_sql(inner, &format!("PRAGMA busy_timeout = {wait}; BEGIN IMMEDIATE"))?;
        }
        // One message to the server instead of two.
        AnyConnection::Postgresql(inner) => {
            Ansi::begin_transaction_sql(inner, &format!("BEGIN; SET LOCAL lock_timeout = {wait}"))?;
        }
    }
    Ok(())
}

/// Begins a read-only transaction on one snapshot.
pub fn begin_read(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    match connection {
        AnyConnection::Sqlite(inner) => {
            // A write on this connection may have set another timeout.
            let wait = LOCK_WAIT.as_millis();
            Ansi::begin_transaction_sql(inner, &format!("PRAGMA busy_timeout = {wait}; BEGIN"))?;
        }
        AnyConnection::Postgresql(inner) => {
            Ansi::begin_transaction_sql(inner, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
    }
    Ok(())
}

/// Commits a transaction.
///
/// # Errors
/// [`DatabaseError::OutcomeUnknown`] if the store was lost during the commit: it may have committed.
pub fn commit(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Manager::commit_transaction(connection).map_err(|error| match DatabaseError::from(error) {
        DatabaseError::Unavailable(cause) => DatabaseError::OutcomeUnknown(cause),
        other => other,
    })
}

pub fn roll_back(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Ok(Manager::rollback_transaction(connection)?)
}

/// Copies from the write-ahead log of an embedded store into its file what no reader needs any more; does not block
/// others.
pub fn checkpoint(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => inner.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?,
        AnyConnection::Postgresql(_) => {}
    }
    Ok(())
}

/// Longest wait for readers while the write-ahead log is emptied, which blocks writers.
const JOURNAL_TIMEOUT_MS: u32 = 20;

/// Copies the rest of the write-ahead log of an embedded store into its file and empties it; false if a reader prevents
/// it.
pub fn empty_journal(connection: &mut AnyConnection) -> Result<bool, DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => {
            inner.batch_execute(&format!("PRAGMA busy_timeout = {JOURNAL_TIMEOUT_MS}"))?;
            // The columns: whether it was blocked, pages in the log, pages written.
            let emptied = sql::<(Integer, Integer, Integer)>("PRAGMA wal_checkpoint(TRUNCATE)");
            let emptied: Result<(i32, i32, i32), _> = emptied.get_result(inner);
            inner.batch_execute(&format!("PRAGMA busy_timeout = {}", LOCK_WAIT.as_millis()))?;
            Ok(emptied?.0 == 0)
        }
        AnyConnection::Postgresql(_) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_its_parameters_and_gets_the_network_parameters() {
        let all =
            "connect_timeout=3&keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000";
        assert_eq!(with_network_parameters("postgres://a@b/c"), format!("postgres://a@b/c?{all}"));
        assert_eq!(with_network_parameters("postgres://a@b/c?"), format!("postgres://a@b/c?{all}"));
        assert_eq!(
            with_network_parameters("postgres://a@b/c?sslmode=require"),
            format!("postgres://a@b/c?sslmode=require&{all}")
        );
        let rest = all.trim_start_matches("connect_timeout=3&");
        let chosen = "postgres://a@b/c?connect_timeout=9";
        assert_eq!(with_network_parameters(chosen), format!("{chosen}&{rest}"));
    }

    #[test]
    fn an_unreachable_server_is_temporary_and_a_wrong_password_is_not() {
        let is_temporary_message = |message: &str| is_temporary(&ConnectionError::BadConnection(message.to_owned()));
        assert!(is_temporary_message("connection to server at \"127.0.0.1\", port 1 failed: Connection refused"));
        assert!(is_temporary_message("FATAL:  the database system is starting up"));
        assert!(is_temporary_message("FATAL:  sorry, too many clients already"));
        assert!(!is_temporary_message("FATAL:  password authentication failed for user \"plenary\""));
        assert!(!is_temporary_message("FATAL:  database \"plenary\" does not exist"));
    }
}
