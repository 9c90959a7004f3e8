//! One connection to either store, and the pool of them.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    dsl::sql,
    r2d2::{self, ManageConnection, R2D2Connection},
    result::ConnectionError,
    sql_types::Integer,
};

use super::{DatabaseError, files::Files};

/// A connection to the store that the settings chose.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgresql(PgConnection),
    /// The embedded store.
    Sqlite(SqliteConnection),
}

/// Runs a finished statement on whichever store it is: for what diesel's enum of connections refuses as a whole
/// (conflict clauses, batches, whole rows returned), although each store can do it.
macro_rules! on_backend {
    ($connection:expr, $inner:ident => $run:expr) => {
        match $connection {
            $crate::database::Connection::Postgresql($inner) => $run,
            $crate::database::Connection::Sqlite($inner) => $run,
        }
    };
}
pub(crate) use on_backend;

/// Inserts rows, many with one statement. A statement has at most 32,766 values on SQLite and 65,535 on PostgreSQL, so
/// that rows of 32 columns go in by hundreds.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {
        for some in $rows.chunks($crate::database::connection::ROWS_MAX) {
            let insert = diesel::insert_into($table).values(some);
            $crate::database::on_backend!($connection, inner => diesel::RunQueryDsl::execute(insert, inner))?;
        }
    };
}
pub(crate) use insert_all;

/// Rows that go in with one statement.
pub const ROWS_MAX: usize = 500;

/// Which store, as its URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite(PathBuf),
    /// A server's URL.
    Postgres(String),
}

/// How long a statement outside a write waits for what another process has locked.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How long a server waits for the next statement of a transaction before it ends the connection: a statement that got
/// lost on the way would hold its locks for ever, and the thread that waits for its answer.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Parameters of libpq with which a dead network is noticed, where the URL has no other (seconds; the last one is
/// milliseconds). A server that is frozen keeps its connections alive, and is noticed by `liveness`.
const NETWORK: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

impl Store {
    /// Reads `sqlite:path` or `postgres://...`.
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

    /// A connection outside the pool.
    pub(super) fn connect(&self) -> Result<AnyConnection, ConnectionError> {
        match self {
            Self::Sqlite(path) => connect_sqlite(path).map(AnyConnection::Sqlite),
            Self::Postgres(url) => {
                let mut connection = PgConnection::establish(&with_network(url))?;
                // A server that acknowledges before it has synced would break the first promise.
                connection
                    .batch_execute(&format!(
                        "SET synchronous_commit = on; SET client_min_messages = warning; SET lock_timeout = {}; \
                         SET idle_in_transaction_session_timeout = {}",
                        LOCK_WAIT.as_millis(),
                        SILENCE_MAX.as_millis()
                    ))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgresql(connection))
            }
        }
    }
}

/// A connection to an embedded store.
fn connect_sqlite(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    // What is deleted or rewritten is overwritten on disk: a redaction leaves no name in free pages.
    // The timeout first, so that turning on the journal waits for whoever holds the file.
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;",
            LOCK_WAIT.as_millis()
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A server's URL with the parameters of [`NETWORK`] that it does not have.
fn with_network(url: &str) -> Cow<'_, str> {
    let given = url.split_once('?').map_or("", |(_, given)| given);
    let is_given = |name: &str| given.split('&').any(|pair| pair.split('=').next() == Some(name));
    let missing: Vec<String> =
        NETWORK.iter().filter(|(name, _)| !is_given(name)).map(|(name, value)| format!("{name}={value}")).collect();
    match missing.as_slice() {
        [] => url.into(),
        missing => {
            let joint = if !url.contains('?') {
                "?"
            } else if given.is_empty() {
                ""
            } else {
                "&"
            };
            format!("{url}{joint}{}", missing.join("&")).into()
        }
    }
}

/// Whether a failed attempt is a server's answer: it is there, and does not let us in now or ever.
pub(super) fn is_answer(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::BadConnection(words) => words.contains("FATAL"),
        ConnectionError::CouldntSetupConfiguration(error) => !is_lost(error),
        _ => true,
    }
}

/// Whether a failed attempt may succeed later: the server is away, starts, stops, or has no connection to spare. What
/// it refuses otherwise (a password, a database that is not there) is for people to mend.
pub(super) fn may_come(error: &ConnectionError) -> bool {
    const FOR_NOW: [&str; 6] = [
        "the database system is",
        "too many clients",
        "too many connections",
        "remaining connection slots",
        "not accepting connections",
        "terminating connection",
    ];
    match error {
        ConnectionError::BadConnection(words) => !is_answer(error) || FOR_NOW.iter().any(|now| words.contains(now)),
        ConnectionError::CouldntSetupConfiguration(error) => is_lost(error),
        _ => false,
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

/// A connection outside the pool, to no other file than the one that was opened.
pub(super) fn connect(store: &Store, files: Option<&Files>) -> Result<AnyConnection, ConnectionError> {
    if let Some(files) = files {
        files.check_file().map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    }
    store.connect()
}

/// Makes and checks pooled connections.
pub struct Manager {
    store: Store,
    files: Option<Arc<Files>>,
    /// Set when the store is closed: no connection is made or kept any more.
    is_closing: Arc<AtomicBool>,
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        if self.is_closing.load(Ordering::SeqCst) {
            let reason = ConnectionError::BadConnection("the store is being closed".to_owned());
            return Err(r2d2::Error::ConnectionError(reason));
        }
        connect(&self.store, self.files.as_deref()).map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        // `panicking`: a transaction that a panic cut short must not reach the next user of the connection.
        std::thread::panicking() || self.is_closing.load(Ordering::SeqCst) || connection.is_broken()
    }
}

/// The pool of connections.
pub(super) type Pool = r2d2::Pool<Manager>;

/// A pool that connects when it is first asked. The log stays silent about failed attempts: the caller reports them.
/// A connection is waited for a little shorter than `patience`, so that the log gets the cause.
pub(super) fn pool(
    store: &Store,
    files: Option<Arc<Files>>,
    size_max: u32,
    (patience, is_closing): (Duration, &Arc<AtomicBool>),
) -> Pool {
    r2d2::Pool::builder()
        .max_size(size_max)
        .min_idle(Some(0))
        .connection_timeout(patience * 5 / 6)
        .test_on_check_out(matches!(store, Store::Postgres(_)))
        .error_handler(Box::new(r2d2::NopErrorHandler))
        .build_unchecked(Manager { store: store.clone(), files, is_closing: Arc::clone(is_closing) })
}

/// Begins a transaction that will write: on SQLite it takes the write lock at once, so that it cannot fail later. What
/// others have locked is waited for as long as `lock_wait` says.
pub fn begin_write(connection: &mut AnyConnection, lock_wait: Duration) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    let wait = lock_wait.as_millis();
    match connection {
        AnyConnection::Sqlite(inner) => {
            Ansi::begin_transaction_sql(inner, &format!("PRAGMA busy_timeout = {wait}; BEGIN IMMEDIATE"))?;
        }
        // One message to the server.
        AnyConnection::Postgresql(inner) => {
            Ansi::begin_transaction_sql(inner, &format!("BEGIN; SET LOCAL lock_timeout = {wait}"))?;
        }
    }
    Ok(())
}

/// Begins a transaction that only reads, from one snapshot.
pub fn begin_read(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    match connection {
        AnyConnection::Sqlite(inner) => {
            // A write on this connection may have waited for less, or for longer.
            let wait = LOCK_WAIT.as_millis();
            Ansi::begin_transaction_sql(inner, &format!("PRAGMA busy_timeout = {wait}; BEGIN"))?;
        }
        AnyConnection::Postgresql(inner) => {
            Ansi::begin_transaction_sql(inner, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
    }
    Ok(())
}

/// Ends a transaction for good.
///
/// # Errors
/// [`DatabaseError::OutcomeUnknown`] where the store was lost over it: it may have committed.
pub fn commit(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Manager::commit_transaction(connection).map_err(|error| match DatabaseError::from(error) {
        DatabaseError::Unavailable(cause) => DatabaseError::OutcomeUnknown(cause),
        other => other,
    })
}

/// Ends a transaction without a trace.
pub fn roll_back(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Ok(Manager::rollback_transaction(connection)?)
}

/// Writes of the journal of an embedded store into its file what nobody reads in its older form, while others write.
pub fn write_back(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => inner.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?,
        AnyConnection::Postgresql(_) => {}
    }
    Ok(())
}

/// How long emptying the journal, which keeps writers waiting, waits for who reads what is older.
const JOURNAL_TIMEOUT_MS: u32 = 20;

/// Writes the rest of the journal of an embedded store into its file and empties it; false where somebody reads what is
/// older.
pub fn empty_journal(connection: &mut AnyConnection) -> Result<bool, DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => {
            inner.batch_execute(&format!("PRAGMA busy_timeout = {JOURNAL_TIMEOUT_MS}"))?;
            // Whether it was held up, pages in the journal, pages written.
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
    fn a_url_keeps_its_parameters_and_gets_those_of_the_network() {
        let all =
            "connect_timeout=3&keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000";
        assert_eq!(with_network("postgres://a@b/c"), format!("postgres://a@b/c?{all}"));
        assert_eq!(with_network("postgres://a@b/c?"), format!("postgres://a@b/c?{all}"));
        assert_eq!(with_network("postgres://a@b/c?sslmode=require"), format!("postgres://a@b/c?sslmode=require&{all}"));
        let rest = all.trim_start_matches("connect_timeout=3&");
        let chosen = "postgres://a@b/c?connect_timeout=9";
        assert_eq!(with_network(chosen), format!("{chosen}&{rest}"));
    }

    #[test]
    fn a_server_that_is_away_may_come_and_a_wrong_password_stays_wrong() {
        let of = |words: &str| may_come(&ConnectionError::BadConnection(words.to_owned()));
        assert!(of("connection to server at \"127.0.0.1\", port 1 failed: Connection refused"));
        assert!(of("FATAL:  the database system is starting up"));
        assert!(of("FATAL:  sorry, too many clients already"));
        assert!(!of("FATAL:  password authentication failed for user \"plenary\""));
        assert!(!of("FATAL:  database \"plenary\" does not exist"));
    }
}
