//! The store: SQLite or PostgreSQL behind one connection type.
//!
//! One closure is one transaction: [`Database::read`] and [`Database::write`]. A closure touches nothing but the
//! transaction, so that it can be run again: [`Database::write`] does so after a deadlock. A write that returns `Ok`
//! is committed and synced.
//!
//! Nobody waits for a store that does not answer:
//! - Whatever was asked is given up once a server has said nothing for `store_deadline_seconds` (`liveness`), and
//!   refused at once from then on, until it answers. While the store answers, work takes as long as it takes.
//! - Work with a deadline ([`Database::write_by`]) is given up then, too, whatever holds it up.
//! - What is given up before its commit was sent is never committed; after that, the answer is
//!   [`DatabaseError::OutcomeUnknown`] (`deadline`).
//! - A lock of another process is waited for until the deadline, or for three deadlines where there is none. When that
//!   is over, whoever waited behind is answered, too.
//! - An embedded store whose files are moved or removed is not written to (`files`).
//! - Threads that are left in the driver are counted. They keep their permits, so that there are never more of them
//!   than permits; once they hold every connection, work is refused at once until one comes back.
//!
//! The module knows diesel and no feature.

pub mod changes;
pub mod connection;
mod deadline;
mod error;
mod files;
mod journal;
mod liveness;
pub mod migrations;
pub mod schema;
pub mod types;
pub mod violation;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, Instant as Stopwatch},
};

use tokio::sync::Semaphore;

pub use connection::{AnyConnection as Connection, Store};
pub(crate) use connection::{insert_all, on_backend};
pub use error::DatabaseError;
pub use liveness::Unreached;

use deadline::{Asking, Fate, Ticket, Working};
use files::Files;
use liveness::Liveness;

/// How long a write is run again after a deadlock before its caller is told to come back.
const WRITE_RETRY_BUDGET: Duration = Duration::from_secs(2);

/// How many deadlines a write that has none waits for what another process has locked.
const LOCK_WAITS: u32 = 3;

/// How often the journal is tried to be emptied while somebody reads, and after what pause.
const JOURNAL_TRIES: u32 = 50;
const JOURNAL_PAUSE: Duration = Duration::from_millis(100);

/// How long a stop waits for connections that are in use.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Connections that writes leave to readers.
const READERS: usize = 3;

/// When another process last kept us waiting to the end: whoever had asked by then has waited, too.
type Held = Option<Instant>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    store: Store,
    /// Those of an embedded store.
    files: Option<Arc<Files>>,
    pool: connection::Pool,
    /// SQLite has one writer: writes of this process queue here instead of inside SQLite, where waiting is a poll.
    writer: Option<Arc<Mutex<Held>>>,
    /// Writes that hold or wait for a connection at once: a few connections are left to readers.
    writes: Arc<Semaphore>,
    /// Reads that hold or wait for a connection at once.
    reads: Arc<Semaphore>,
    turns: Turns,
    liveness: Liveness,
    /// How long somebody with a deadline waits, and how long a server may say nothing.
    patience: Duration,
    /// Threads in the driver whose callers have left.
    stuck: Arc<AtomicUsize>,
    /// So many of them that no more are risked.
    stuck_max: usize,
    is_closing: Arc<AtomicBool>,
    /// Threads that hold a connection outside the pool.
    listeners: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// That an embedded store is open here, as other processes see it.
    opened: Option<Arc<journal::Opened>>,
}

impl Database {
    /// The store at `store`. An embedded one is created, readable by its owner alone; a server is asked from now on
    /// whether it answers, and counts as away when it has not done so for `patience`.
    ///
    /// # Errors
    /// The file or its folder cannot be made, or the file must not be opened as it is ([`journal::open`]).
    pub fn open(store: &Store, connections_max: u32, patience: Duration) -> io::Result<Self> {
        let (mut files, mut opened) = (None, None);
        let mut store = store.clone();
        if let Store::Sqlite(path) = &mut store {
            *path = journal::target(path);
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                private_folder(folder)?;
            }
            opened = Some(Arc::new(journal::open(path)?));
            let found = Files::of(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())));
            files = Some(Arc::new(found?));
        }
        let connections = usize::try_from(connections_max).unwrap_or(1).max(1);
        let is_closing = Arc::default();
        Ok(Self {
            pool: connection::pool(&store, files.clone(), connections_max, (patience, &is_closing)),
            files,
            writer: matches!(store, Store::Sqlite(_)).then(Arc::default),
            writes: Arc::new(Semaphore::new(connections.saturating_sub(READERS).max(1))),
            reads: Arc::new(Semaphore::new(connections)),
            turns: Turns::default(),
            liveness: Liveness::watch(&store, patience),
            patience,
            stuck: Arc::clone(&deadline::STUCK),
            stuck_max: connections,
            is_closing,
            listeners: Arc::default(),
            opened,
            store,
        })
    }

    /// Closes every connection of this process, for a stop. The file of an embedded store is whole without its journal
    /// then, unless another process has it open. Who still works on the store gets [`CLOSE_WAIT`] to end.
    pub async fn close(&self) {
        let database = self.clone();
        let closed = blocking(move || database.close_all()).await;
        if let Err(error) = closed {
            tracing::warn!(%error, "the store was not closed; its journal is read at the next start");
        }
    }

    fn close_all(&self) -> Result<(), DatabaseError> {
        self.is_closing.store(true, Ordering::SeqCst);
        if self.writer.is_none() {
            // A server sees to its files itself.
            return Ok(());
        }
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for listener in listeners {
            _ = listener.join();
        }
        let started = Stopwatch::now();
        while self.pool.state().connections > 0 && started.elapsed() < CLOSE_WAIT {
            // A connection that is given back now is closed.
            match self.pool.try_get() {
                Some(idle) => drop(idle),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        if let Some(files) = &self.files {
            files.close();
        }
        let last = connection::connect(&self.store, self.files.as_deref());
        let mut last = last.map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
        connection::empty_journal(&mut last).map(|_| ())
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
        self.attend(&self.reads, None, move |ticket| {
            let mut connection = database.connection()?;
            if !ticket.begin() {
                return Err(given_up().into());
            }
            connection::begin_read(&mut connection)?;
            let result = work(&mut connection);
            // A connection that cannot is not used again.
            _ = connection::roll_back(&mut connection);
            result
        })
        .await
    }

    /// Runs `work` in a transaction and commits it if it returns `Ok`, on the blocking pool. `name` stands in the log.
    ///
    /// # Errors
    /// What `work` returns, or a [`DatabaseError`]; then nothing was written, unless it is
    /// [`DatabaseError::OutcomeUnknown`].
    pub async fn write<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        self.write_until(name, (Instant::now(), None), work).await
    }

    /// The same for somebody who waits no longer than until `deadline`: what has not begun by then never begins, and
    /// what was not being committed is not.
    ///
    /// # Errors
    /// Those of [`Self::write`]; [`DatabaseError::Unavailable`] at the deadline.
    pub async fn write_by<T, E, F>(&self, name: &'static str, deadline: Instant, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        self.write_until(name, (Instant::now(), Some(deadline)), work).await
    }

    async fn write_until<T, E, F>(
        &self,
        name: &'static str,
        (asked, deadline): (Instant, Option<Instant>),
        work: F,
    ) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        let database = self.clone();
        self.attend(&self.writes, deadline, move |ticket| {
            let started = Stopwatch::now();
            let mut round = 0_u32;
            loop {
                let result = database.write_once(ticket, asked, &work);
                match &result {
                    Err(error)
                        if error.may_retry() && started.elapsed() < WRITE_RETRY_BUDGET && ticket.wait_again() =>
                    {
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
        let asked = Instant::now();
        let gate = self.turns.gate(turn);
        let mut turn = tokio::select! {
            biased;
            turn = gate.lock() => turn,
            () = self.liveness.silence() => return Err(silent().into()),
        };
        if turn.is_some_and(|held| asked < held) {
            return Err(held_elsewhere().into());
        }
        let done = self.write_until(name, (asked, None), work).await;
        if done.as_ref().is_err_and(Retry::may_retry) {
            *turn = Some(Instant::now());
        }
        done
    }

    /// When somebody who asks now and does not wait for a slow store is answered.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Runs `work` on the blocking pool and waits beside it: until it is done, or the deadline, or the store is silent.
    async fn attend<T, E, F>(&self, permits: &Arc<Semaphore>, deadline: Option<Instant>, work: F) -> Result<T, E>
    where
        F: FnOnce(&Ticket) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        if self.stuck.load(Ordering::Acquire) >= self.stuck_max {
            return Err(DatabaseError::unavailable("every connection is held by work that was given up").into());
        }
        if self.liveness.is_silent() {
            return Err(silent().into());
        }
        let late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let given_up = async {
            tokio::select! {
                () = late => DatabaseError::unavailable("the store did not come to it in time"),
                () = self.liveness.silence() => silent(),
            }
        };
        tokio::pin!(given_up);
        let permit = tokio::select! {
            biased;
            // It is never closed, so there is always a permit to come.
            permit = Arc::clone(permits).acquire_owned() => permit.ok(),
            error = &mut given_up => return Err(error.into()),
        };
        let asking = Asking(Ticket::new(deadline, &self.stuck));
        let working = Working(Arc::clone(&asking.0));
        let mut job = spawn(move || {
            let (_permit, working) = (permit, working);
            work(&working.0)
        });
        tokio::select! {
            biased;
            done = &mut job => return done.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into())),
            error = &mut given_up => match (asking.0.leave(), error) {
                (Fate::Done, _) => {}
                (Fate::Nothing, error) => return Err(error.into()),
                (Fate::Unknown, DatabaseError::Unavailable(cause)) => {
                    return Err(DatabaseError::OutcomeUnknown(cause).into());
                }
                (Fate::Unknown, error) => return Err(error.into()),
            }
        }
        job.await.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
    }

    fn write_once<T, E>(
        &self,
        ticket: &Ticket,
        asked: Instant,
        work: impl Fn(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let mut turn = self.turn();
        if !ticket.is_waiting() {
            return Err(given_up().into());
        }
        if turn.as_deref().copied().flatten().is_some_and(|held| asked < held) {
            return Err(held_elsewhere().into());
        }
        let mut connection = self.connection()?;
        let own_wait = ticket.lock_wait();
        let begun = connection::begin_write(&mut connection, own_wait.unwrap_or(self.patience * LOCK_WAITS));
        if let (Err(DatabaseError::Busy(_)), None, Some(turn)) = (&begun, own_wait, turn.as_deref_mut()) {
            *turn = Some(Instant::now());
        }
        begun?;
        if !ticket.begin() {
            _ = connection::roll_back(&mut connection);
            return Err(given_up().into());
        }
        let changes = match &mut *connection {
            Connection::Sqlite(inner) => journal::Opened::changes(inner),
            Connection::Postgresql(_) => Ok(0),
        };
        let done = changes.map_err(E::from).and_then(|changes| {
            let value = work(&mut connection)?;
            Ok((value, self.number(&mut connection, changes)?))
        });
        match done {
            Ok((value, number)) if ticket.commit() => match connection::commit(&mut connection) {
                Ok(()) => {
                    if let (Some(opened), Some(number)) = (&self.opened, number) {
                        opened.note_write(number);
                    }
                    Ok(value)
                }
                Err(error) => {
                    _ = connection::roll_back(&mut connection);
                    Err(error.into())
                }
            },
            Ok(_) => {
                _ = connection::roll_back(&mut connection);
                Err(given_up().into())
            }
            Err(error) => {
                _ = connection::roll_back(&mut connection);
                Err(error)
            }
        }
    }

    /// Moves what was committed from the journal of an embedded store into its file, and empties the journal: what was
    /// overwritten is nowhere on disk then. Writers wait for the last bit of it alone. Who reads for long meanwhile may
    /// hold it up: false then, after some seconds. A server sees to its journal itself.
    ///
    /// # Errors
    /// The store fails.
    pub async fn empty_journal(&self) -> Result<bool, DatabaseError> {
        for _ in 0..JOURNAL_TRIES {
            let database = self.clone();
            let emptied = self.attend(&self.writes, None, move |_| {
                let mut connection = database.connection()?;
                connection::write_back(&mut connection)?;
                let _turn = database.turn();
                connection::empty_journal(&mut connection)
            });
            if emptied.await? {
                return Ok(true);
            }
            tokio::time::sleep(JOURNAL_PAUSE).await;
        }
        Ok(false)
    }

    /// Whether no other process has an embedded store open. Of a server nobody knows.
    ///
    /// # Errors
    /// The system does not say.
    pub fn is_alone(&self) -> io::Result<bool> {
        self.opened.as_ref().map_or(Ok(true), |opened| opened.is_alone())
    }

    /// How the store is, for Prometheus.
    pub fn numbers(&self) -> String {
        let (stuck, answers) = (self.stuck.load(Ordering::Acquire), u8::from(!self.liveness.is_silent()));
        format!(
            "# HELP plenary_store_stuck_threads Threads that wait for the store after their requests were answered.\n\
             # TYPE plenary_store_stuck_threads gauge\nplenary_store_stuck_threads {stuck}\n\
             # HELP plenary_store_answers Whether the store answers.\n\
             # TYPE plenary_store_answers gauge\nplenary_store_answers {answers}\n"
        )
    }

    /// Whether an embedded store is where it was.
    fn check_files(&self) -> Result<(), DatabaseError> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())
    }

    /// The number of a write to an embedded store, which is about to be committed, where it changed a row.
    fn number(&self, connection: &mut Connection, changes: i64) -> Result<Option<u32>, DatabaseError> {
        self.check_files()?;
        match connection {
            Connection::Sqlite(inner) => journal::Opened::number(inner, changes),
            Connection::Postgresql(_) => Ok(None),
        }
    }

    /// The turn of one writer of this process, where the store has one writer.
    fn turn(&self) -> Option<MutexGuard<'_, Held>> {
        // A writer that panicked left nothing behind that could be wrong: its transaction was dropped.
        self.writer.as_ref().map(|writer| writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn connection(&self) -> Result<diesel::r2d2::PooledConnection<connection::Manager>, DatabaseError> {
        self.pool.get().map_err(|error| DatabaseError::Unavailable(Box::new(error)))
    }
}

/// Gates of things that one write at a time works on, by name.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held>>>>>);

impl Turns {
    fn gate(&self, name: &str) -> Arc<tokio::sync::Mutex<Held>> {
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
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
{
    spawn(work).await.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
}

#[expect(clippy::disallowed_methods, reason = "the one home of `spawn_blocking`")]
fn spawn<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> tokio::task::JoinHandle<R> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
}

fn silent() -> DatabaseError {
    DatabaseError::unavailable("the store does not answer")
}

fn held_elsewhere() -> DatabaseError {
    DatabaseError::unavailable("another process holds the store")
}

/// For nobody: its caller has left.
fn given_up() -> DatabaseError {
    DatabaseError::unavailable("it was given up")
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
