//! One connection to either store, and the pool of them.

use std::{path::PathBuf, time::Duration};

use diesel::{
    Connection as _, PgConnection, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::{self, ManageConnection, R2D2Connection},
    result::ConnectionError,
};

use super::DatabaseError;

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

/// How long a statement waits for another process's write to an embedded store.
const SQLITE_BUSY_TIMEOUT_MS: u32 = 10_000;

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
            Self::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
                // What is deleted or rewritten is overwritten on disk: a redaction leaves no name in free pages.
                // The timeout first, so that turning on the journal waits for whoever holds the file.
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
                         PRAGMA secure_delete = ON;"
                    ))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Sqlite(connection))
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::establish(url)?;
                // A server that acknowledges before it has synced would break the first promise.
                connection
                    .batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgresql(connection))
            }
        }
    }
}

/// Makes and checks pooled connections.
#[derive(Debug)]
pub struct Manager(pub Store);

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        self.0.connect().map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        // `panicking`: a transaction that a panic cut short must not reach the next user of the connection.
        std::thread::panicking() || connection.is_broken()
    }
}

/// The pool of connections.
pub type Pool = r2d2::Pool<Manager>;

/// How long a request waits for a connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// A pool that connects when it is first asked. The log stays silent about failed attempts: the caller reports them.
pub fn pool(store: &Store, size_max: u32) -> Pool {
    r2d2::Pool::builder()
        .max_size(size_max)
        .min_idle(Some(0))
        .connection_timeout(POOL_WAIT)
        .test_on_check_out(matches!(store, Store::Postgres(_)))
        .error_handler(Box::new(r2d2::NopErrorHandler))
        .build_unchecked(Manager(store.clone()))
}

/// Begins a transaction that will write: on SQLite it takes the write lock at once, so that it cannot fail later.
pub fn begin_write(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    match connection {
        AnyConnection::Sqlite(inner) => Ansi::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?,
        AnyConnection::Postgresql(inner) => Ansi::begin_transaction_sql(inner, "BEGIN")?,
    }
    Ok(())
}

/// Begins a transaction that only reads, from one snapshot.
pub fn begin_read(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Ansi = AnsiTransactionManager;
    match connection {
        AnyConnection::Sqlite(inner) => Ansi::begin_transaction_sql(inner, "BEGIN")?,
        AnyConnection::Postgresql(inner) => {
            Ansi::begin_transaction_sql(inner, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
    }
    Ok(())
}

/// Ends a transaction for good.
pub fn commit(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Ok(Manager::commit_transaction(connection)?)
}

/// Ends a transaction without a trace.
pub fn roll_back(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Ok(Manager::rollback_transaction(connection)?)
}

/// Writes the journal of an embedded store into its file and empties it.
pub fn empty_journal(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?,
        AnyConnection::Postgresql(_) => {}
    }
    Ok(())
}
