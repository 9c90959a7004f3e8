//! The store: SQLite or PostgreSQL behind one connection type.
//!
//! One closure is one transaction: [`Database::read`] and [`Database::write`]. A closure touches nothing but the
//! transaction, so that it can be run again: [`Database::write`] does so after a deadlock. A write that returns `Ok`
//! is committed and synced.
//!
//! The module knows diesel and no feature.

pub mod changes;
pub mod connection;
pub mod migrations;
pub mod schema;
pub mod types;
pub mod violation;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant as Stopwatch},
};

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::Semaphore;

pub use connection::{AnyConnection as Connection, Store};
pub(crate) use connection::{insert_all, on_backend};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The store cannot be reached now; a later attempt may succeed.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another writer came first; the same transaction may succeed when it is run again.
    #[error("the store is busy with another writer")]
    Busy(#[source] DieselError),
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

impl From<DieselError> for DatabaseError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind::{ClosedConnection, SerializationFailure, UnableToSendCommand, Unknown};
        match &error {
            DieselError::DatabaseError(SerializationFailure, _) => Self::Busy(error),
            DieselError::DatabaseError(ClosedConnection | UnableToSendCommand, _) => Self::Unavailable(Box::new(error)),
            DieselError::DatabaseError(Unknown, information) => {
                let message = information.message();
                // Neither store gives these a kind of their own.
                if message.contains("deadlock detected") || message.contains("database is locked") {
                    Self::Busy(error)
                } else if message.contains("terminating connection")
                    || message.contains("the database system is")
                    || message.contains("server closed the connection")
                    || message.contains("unable to open database file")
                    || message.contains("disk I/O error")
                {
                    Self::Unavailable(Box::new(error))
                } else {
                    Self::Statement(error)
                }
            }
            DieselError::BrokenTransactionManager => Self::Unavailable(Box::new(error)),
            _ => Self::Statement(error),
        }
    }
}

/// How long a write is run again after a deadlock before its caller is told to come back.
const WRITE_RETRY_BUDGET: Duration = Duration::from_secs(2);

/// Connections that writes leave to readers.
const READERS: u32 = 3;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    store: Store,
    pool: connection::Pool,
    /// SQLite has one writer: writes of this process queue here instead of inside SQLite, where waiting is a poll.
    writer: Option<Arc<Mutex<()>>>,
    /// Writes that hold or wait for a connection at once: a few connections are left to readers.
    writes: Arc<Semaphore>,
    turns: Turns,
}

impl Database {
    /// The store at `store`. An embedded one is created, readable by its owner alone; a server is not asked yet.
    ///
    /// # Errors
    /// The file or its folder cannot be made.
    pub fn open(store: &Store, connections_max: u32) -> io::Result<Self> {
        if let Store::Sqlite(path) = store {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                private_folder(folder)?;
            }
            // SQLite gives its journal the mode of the file itself.
            OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        }
        let writer = matches!(store, Store::Sqlite(_)).then(Arc::default);
        let writes = usize::try_from(connections_max.saturating_sub(READERS).max(1)).unwrap_or(1);
        let (writes, turns) = (Arc::new(Semaphore::new(writes)), Turns::default());
        Ok(Self { store: store.clone(), pool: connection::pool(store, connections_max), writer, writes, turns })
    }

    /// Runs `work` in a transaction that only reads, on the blocking pool.
    ///
    /// # Errors
    /// What `work` returns, or a [`DatabaseError`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let database = self.clone();
        blocking(move || {
            let mut connection = database.connection()?;
            connection::begin_read(&mut connection)?;
            let result = work(&mut connection);
            connection::roll_back(&mut connection)?;
            result
        })
        .await
    }

    /// Runs `work` in a transaction and commits it if it returns `Ok`, on the blocking pool. `name` stands in the log.
    ///
    /// # Errors
    /// What `work` returns, or a [`DatabaseError`]; then nothing was written.
    pub async fn write<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        let database = self.clone();
        // It is never closed, so there is always a permit to come.
        let permit = Arc::clone(&self.writes).acquire_owned().await.ok();
        blocking(move || {
            let _permit = permit;
            let started = Stopwatch::now();
            let mut round = 0_u32;
            loop {
                let result = database.write_once(&work);
                match &result {
                    Err(error) if error.may_retry() && started.elapsed() < WRITE_RETRY_BUDGET => {
                        round += 1;
                        tracing::debug!(transaction = name, round, "running a transaction again");
                        std::thread::sleep(pause(round));
                    }
                    _ => return result,
                }
            }
        })
        .await
    }

    /// The same for a write that locks what `turn` names: the writes of one turn wait for one another without holding a
    /// connection, so that a queue for one thing keeps nobody else from the store.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub async fn write_in_turn<T, E, F>(&self, name: &'static str, turn: &str, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        let gate = self.turns.gate(turn);
        let _turn = gate.lock().await;
        self.write(name, work).await
    }

    fn write_once<T, E>(&self, work: impl Fn(&mut Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let _turn = self.turn();
        let mut connection = self.connection()?;
        connection::begin_write(&mut connection)?;
        match work(&mut connection) {
            Ok(value) => match connection::commit(&mut connection) {
                Ok(()) => Ok(value),
                Err(error) => {
                    _ = connection::roll_back(&mut connection);
                    Err(error.into())
                }
            },
            Err(error) => {
                connection::roll_back(&mut connection)?;
                Err(error)
            }
        }
    }

    /// Moves what was committed from the journal of an embedded store into its file, and empties the journal: what was
    /// overwritten is nowhere on disk then. Who reads meanwhile may hold up the end of it until the next time. A server
    /// sees to its journal itself.
    ///
    /// # Errors
    /// The store fails.
    pub async fn empty_journal(&self) -> Result<(), DatabaseError> {
        let database = self.clone();
        blocking(move || {
            let _turn = database.turn();
            connection::empty_journal(&mut *database.connection()?)
        })
        .await
    }

    /// The turn of one writer of this process, where the store has one writer.
    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        // A writer that panicked left nothing behind that could be wrong: its transaction was dropped.
        self.writer.as_ref().map(|writer| writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn connection(&self) -> Result<diesel::r2d2::PooledConnection<connection::Manager>, DatabaseError> {
        self.pool.get().map_err(|error| DatabaseError::Unavailable(Box::new(error)))
    }
}

/// Gates of things that one write at a time works on, by name.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    fn gate(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A gate that nobody waits at is made anew when it is needed.
        gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        Arc::clone(gates.entry(name.to_owned()).or_default())
    }
}

/// Whether a failed transaction may succeed when it is run again.
pub trait Retry {
    /// True after a deadlock or a lost race.
    fn may_retry(&self) -> bool;
}

impl Retry for DatabaseError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

/// A pause that grows with the round, with jitter so that two rivals do not meet again.
fn pause(round: u32) -> Duration {
    let jitter = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) % 10;
    Duration::from_millis(u64::from(round.min(8)) * 5 + jitter)
}

/// Runs what takes its time, without the store, on the blocking pool.
///
/// # Errors
/// What `work` returns, or that it was cut short.
#[expect(clippy::disallowed_methods, reason = "the one home of `spawn_blocking`")]
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
{
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
}

/// Lets one process at a time go on until its transaction ends: for what must happen once in a store.
///
/// # Errors
/// The store fails.
pub fn alone(connection: &mut Connection) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => migrations::lock_until_commit(inner),
        // A write holds the whole of SQLite already.
        Connection::Sqlite(_) => Ok(()),
    }
}

/// Makes a folder, and those above it, that its owner alone can enter.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    if fs::metadata(folder).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
