//! Transactions: one closure is one transaction ([`Database::read`], [`Database::write`] and its variants). The closure
//! runs on the blocking pool, and its caller waits beside it.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, Instant as Timer},
};

use tokio::sync::Semaphore;

use super::{
    connection::{self, AnyConnection as Connection, Store},
    deadline::{self, CallerGuard, Outcome, Ticket, WorkerGuard},
    error::DatabaseError,
    files::{Files, private_folder},
    journal,
    liveness::Liveness,
    pool::{self, Manager, Pool},
};

/// How long a write is run again after deadlocks before it fails.
const WRITE_RETRY_BUDGET: Duration = Duration::from_secs(2);

/// A write without a deadline waits for locks of other processes for this many times `store_deadline`.
const LOCK_WAIT_FACTOR: u32 = 3;

/// Number of attempts to empty the journal while somebody reads, and the pause between them.
const JOURNAL_ATTEMPTS: u32 = 50;

const JOURNAL_PAUSE: Duration = Duration::from_millis(100);

/// How long a stop waits for connections that are in use.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Connections that writes leave to readers.
const READER_CONNECTIONS: usize = 3;

/// Time until which another process held the store so long that a wait ended: all who had asked before have waited,
/// too.
type LastBlocked = Option<Instant>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(super) store: Store,
    /// The files of an embedded store.
    pub(super) files: Option<Arc<Files>>,
    pub(super) pool: Pool,
    /// SQLite has one writer: writes of this process queue here instead of inside SQLite, where waiting means polling.
    pub(super) writer: Option<Arc<Mutex<LastBlocked>>>,
    /// Permits of writes that have or wait for a connection; they leave some connections to readers.
    pub(super) writes: Arc<Semaphore>,
    /// Permits of reads that have or wait for a connection.
    pub(super) reads: Arc<Semaphore>,
    locks: NamedLocks,
    pub(super) liveness: Liveness,
    /// The setting `store_deadline_seconds`.
    pub(super) store_deadline: Duration,
    /// Threads in the driver whose callers have left.
    pub(super) stuck: Arc<AtomicUsize>,
    /// Number of stuck threads from which on all work is refused.
    pub(super) stuck_max: usize,
    pub(super) is_closing: Arc<AtomicBool>,
    /// Threads that have a connection outside the pool.
    pub(super) listeners: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Shows other processes that an embedded store is open here.
    pub(super) open_file: Option<Arc<journal::OpenFile>>,
}

impl Database {
    /// Opens the store. An embedded one is created if needed, readable by its owner only; a server is watched from now
    /// on, and counts as unavailable when it has not answered for `store_deadline`.
    ///
    /// # Errors
    /// The file or its folder cannot be created, or the file must not be opened as it is ([`journal::open`]).
    pub fn open(store: &Store, connections_max: u32, store_deadline: Duration) -> io::Result<Self> {
        let (mut files, mut open_file) = (None, None);
        let mut store = store.clone();
        if let Store::Sqlite(path) = &mut store {
            *path = journal::target(path);
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                private_folder(folder)?;
            }
            open_file = Some(Arc::new(journal::open(path)?));
            let opened_files =
                Files::at(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())));
            files = Some(Arc::new(opened_files?));
        }
        let connections = usize::try_from(connections_max).unwrap_or(1).max(1);
        let is_closing = Arc::default();
        Ok(Self {
            pool: pool::pool(&store, files.clone(), connections_max, store_deadline, &is_closing),
            files,
            writer: matches!(store, Store::Sqlite(_)).then(Arc::default),
            writes: Arc::new(Semaphore::new(connections.saturating_sub(READER_CONNECTIONS).max(1))),
            reads: Arc::new(Semaphore::new(connections)),
            locks: NamedLocks::default(),
            liveness: Liveness::watch(&store, store_deadline),
            store_deadline,
            stuck: Arc::clone(&deadline::STUCK),
            stuck_max: connections,
            is_closing,
            listeners: Arc::default(),
            open_file,
            store,
        })
    }

    /// Closes every connection of this process, for a stop. Then the file of an embedded store is complete without its
    /// journal, unless another process has it open. Work in progress gets [`CLOSE_WAIT`] to finish.
    pub async fn close(&self) {
        let database = self.clone();
        let result = blocking(move || database.close_all()).await;
        if let Err(error) = result {
            tracing::warn!(%error, "the store was not closed; its journal is read at the next start");
        }
    }

    fn close_all(&self) -> Result<(), DatabaseError> {
        self.is_closing.store(true, Ordering::SeqCst);
        if self.writer.is_none() {
            // A server looks after its own files.
            return Ok(());
        }
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for listener in listeners {
            _ = listener.join();
        }
        let started = Timer::now();
        while self.pool.state().connections > 0 && started.elapsed() < CLOSE_WAIT {
            // A connection that is returned now is closed.
            match self.pool.try_get() {
                Some(idle) => drop(idle),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        if let Some(files) = &self.files {
            files.close();
        }
        let connection = pool::connect(&self.store, self.files.as_deref());
        let mut connection = connection.map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
        connection::empty_journal(&mut connection).map(|_| ())
    }

    /// Runs `work` in a read-only transaction, on the blocking pool.
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
        self.run_with_deadline(&self.reads, None, move |ticket| {
            let mut connection = database.connection()?;
            if !ticket.begin() {
                return Err(abandoned_error().into());
            }
            connection::begin_read(&mut connection)?;
            let result = work(&mut connection);
            // If the rollback fails, the pool discards the connection.
            _ = connection::roll_back(&mut connection);
            result
        })
        .await
    }

    /// Runs `work` in a transaction and commits it if it returns `Ok`, on the blocking pool. `name` appears in the log.
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
        self.write_until(name, Instant::now(), None, work).await
    }

    /// Like [`Self::write`], for a caller that waits until `deadline` only: work that has not begun by then never
    /// begins, and what is not being committed by then is not committed.
    ///
    /// # Errors
    /// Those of [`Self::write`]; [`DatabaseError::Unavailable`] at the deadline.
    pub async fn write_by<T, E, F>(&self, name: &'static str, deadline: Instant, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        self.write_until(name, Instant::now(), Some(deadline), work).await
    }

    async fn write_until<T, E, F>(
        &self,
        name: &'static str,
        requested_at: Instant,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        let database = self.clone();
        self.run_with_deadline(&self.writes, deadline, move |ticket| {
            let mut result = interrupted();
            run_again_after_deadlocks(name, ticket, &mut || {
                let mut value = interrupted();
                let attempt = database.write_once(ticket, requested_at, &mut |connection| {
                    value = work(connection);
                    value.is_ok()
                });
                result = match attempt {
                    Ok(()) => value,
                    Err(error) => Err(error.into()),
                };
                result.as_ref().is_err_and(Retry::may_retry)
            });
            result
        })
        .await
    }

    /// Like [`Self::write`], for a write that locks the resource named by `turn`: writes of the same turn wait for each
    /// other without a connection, so that a queue for one resource keeps nobody else from the store.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub async fn write_in_turn<T, E, F>(&self, name: &'static str, turn: &str, work: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Retry + Send + 'static,
    {
        let requested_at = Instant::now();
        let lock = self.locks.get(turn);
        let mut turn = tokio::select! {
            biased;
            turn = lock.lock() => turn,
            () = self.liveness.wait_until_silent() => return Err(silent_error().into()),
        };
        if turn.is_some_and(|blocked_at| requested_at < blocked_at) {
            return Err(blocked_error().into());
        }
        let result = self.write_until(name, requested_at, None, work).await;
        if result.as_ref().is_err_and(Retry::may_retry) {
            *turn = Some(Instant::now());
        }
        result
    }

    /// The deadline of a request that starts now and must not wait for a slow store.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.store_deadline
    }

    /// Runs `work` on the blocking pool and waits until it is done, or the deadline passes, or the store is silent.
    pub(super) async fn run_with_deadline<T, E, F>(
        &self,
        permits: &Arc<Semaphore>,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&Ticket) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let result = Arc::new(Mutex::new(interrupted()));
        let result_of_work = Arc::clone(&result);
        let work = Box::new(move |ticket: &Ticket| {
            let value = work(ticket);
            *result_of_work.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = value;
        });
        self.run_untyped(permits, deadline, work).await?;
        std::mem::replace(&mut *result.lock().unwrap_or_else(std::sync::PoisonError::into_inner), interrupted())
    }

    /// [`Self::run_with_deadline`] without the types of a result: this code is compiled once, not once for each piece
    /// of work.
    async fn run_untyped(
        &self,
        permits: &Arc<Semaphore>,
        deadline: Option<Instant>,
        work: Box<dyn FnOnce(&Ticket) + Send>,
    ) -> Result<(), DatabaseError> {
        if self.stuck.load(Ordering::Acquire) >= self.stuck_max {
            return Err(DatabaseError::unavailable("every connection is held by work that was given up"));
        }
        if self.liveness.is_silent() {
            return Err(silent_error());
        }
        let deadline_passes = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let given_up = async {
            tokio::select! {
                () = deadline_passes => DatabaseError::unavailable("the store did not come to it in time"),
                () = self.liveness.wait_until_silent() => silent_error(),
            }
        };
        tokio::pin!(given_up);
        let permit = tokio::select! {
            biased;
            // The semaphore is never closed, so a permit always comes.
            permit = Arc::clone(permits).acquire_owned() => permit.ok(),
            error = &mut given_up => return Err(error),
        };
        let caller = CallerGuard(Ticket::new(deadline, &self.stuck));
        let worker = WorkerGuard(Arc::clone(&caller.0));
        let mut job = spawn(move || {
            let (_permit, worker) = (permit, worker);
            work(&worker.0);
        });
        tokio::select! {
            biased;
            done = &mut job => return done.map_err(|_| DatabaseError::Interrupted),
            error = &mut given_up => match (caller.0.abandon(), error) {
                (Outcome::Done, _) => {}
                (Outcome::NotCommitted, error) => return Err(error),
                (Outcome::Unknown, DatabaseError::Unavailable(cause)) => {
                    return Err(DatabaseError::OutcomeUnknown(cause));
                }
                (Outcome::Unknown, error) => return Err(error),
            }
        }
        job.await.map_err(|_| DatabaseError::Interrupted)
    }

    /// One attempt of a write: runs `work` in a transaction, and commits if it returns true. `work` keeps its own
    /// result.
    fn write_once(
        &self,
        ticket: &Ticket,
        requested_at: Instant,
        work: &mut dyn FnMut(&mut Connection) -> bool,
    ) -> Result<(), DatabaseError> {
        let mut last_blocked = self.lock_writer();
        if !ticket.is_waiting() {
            return Err(abandoned_error());
        }
        if last_blocked.as_deref().copied().flatten().is_some_and(|blocked_at| requested_at < blocked_at) {
            return Err(blocked_error());
        }
        let mut connection = self.connection()?;
        let own_wait = ticket.lock_wait();
        let begin_result =
            connection::begin_write(&mut connection, own_wait.unwrap_or(self.store_deadline * LOCK_WAIT_FACTOR));
        if let (Err(DatabaseError::Busy(_)), None, Some(last_blocked)) =
            (&begin_result, own_wait, last_blocked.as_deref_mut())
        {
            *last_blocked = Some(Instant::now());
        }
        begin_result?;
        let written = match ticket.begin() {
            true => self.write_and_commit(&mut connection, ticket, work),
            false => Err(abandoned_error()),
        };
        if !matches!(written, Ok(true)) {
            _ = connection::roll_back(&mut connection);
        }
        written.map(|_| ())
    }

    /// Runs `work` in the transaction that was begun, and commits if it returns true. Unless this returns `Ok(true)`,
    /// the transaction must be rolled back.
    fn write_and_commit(
        &self,
        connection: &mut Connection,
        ticket: &Ticket,
        work: &mut dyn FnMut(&mut Connection) -> bool,
    ) -> Result<bool, DatabaseError> {
        let changes = match connection {
            Connection::Sqlite(inner) => journal::OpenFile::changes(inner)?,
            Connection::Postgresql(_) => 0,
        };
        if !work(connection) {
            return Ok(false);
        }
        let number = self.number(connection, changes)?;
        if !ticket.commit() {
            return Err(abandoned_error());
        }
        connection::commit(connection)?;
        if let (Some(open_file), Some(number)) = (&self.open_file, number) {
            open_file.record_write(number);
        }
        Ok(true)
    }

    /// Copies what was committed from the journal of an embedded store into its file and empties the journal: after
    /// that, overwritten data is nowhere on disk. Writers wait only for the last part. A long read may prevent it: then
    /// it returns false after some seconds. A server looks after its own journal.
    pub async fn empty_journal(&self) -> Result<bool, DatabaseError> {
        for _ in 0..JOURNAL_ATTEMPTS {
            let database = self.clone();
            let emptied = self.run_with_deadline(&self.writes, None, move |_| {
                let mut connection = database.connection()?;
                connection::checkpoint(&mut connection)?;
                let _writer_lock = database.lock_writer();
                connection::empty_journal(&mut connection)
            });
            if emptied.await? {
                return Ok(true);
            }
            tokio::time::sleep(JOURNAL_PAUSE).await;
        }
        Ok(false)
    }

    /// Whether no other process has an embedded store open; always true for a server, which does not tell.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn is_alone(&self) -> io::Result<bool> {
        self.open_file.as_ref().map_or(Ok(true), |open_file| open_file.is_alone())
    }

    /// Metrics in the Prometheus text format.
    pub fn metrics(&self) -> String {
        let (stuck, answers) = (self.stuck.load(Ordering::Acquire), u8::from(!self.liveness.is_silent()));
        format!(
            "# HELP plenary_store_stuck_threads Threads that wait for the store after their requests were answered.\n\
             # TYPE plenary_store_stuck_threads gauge\nplenary_store_stuck_threads {stuck}\n\
             # HELP plenary_store_answers Whether the store answers.\n\
             # TYPE plenary_store_answers gauge\nplenary_store_answers {answers}\n"
        )
    }

    /// Checks that an embedded store is where it was.
    pub(super) fn check_files(&self) -> Result<(), DatabaseError> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())
    }

    /// The number of a write to an embedded store that is about to be committed; `None` if it changed no row.
    fn number(&self, connection: &mut Connection, changes: i64) -> Result<Option<u32>, DatabaseError> {
        self.check_files()?;
        match connection {
            Connection::Sqlite(inner) => journal::OpenFile::number_write(inner, changes),
            Connection::Postgresql(_) => Ok(None),
        }
    }

    /// Takes the lock of the one writer of this process, if the store has a single writer.
    pub(super) fn lock_writer(&self) -> Option<MutexGuard<'_, LastBlocked>> {
        // A writer that panicked left no invalid state: its transaction was dropped.
        self.writer.as_ref().map(|writer| writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn connection(&self) -> Result<diesel::r2d2::PooledConnection<Manager>, DatabaseError> {
        self.pool.get().map_err(|error| DatabaseError::Unavailable(Box::new(error)))
    }
}

/// Locks of resources that one write at a time works on, by name.
#[derive(Clone, Default)]
struct NamedLocks(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<LastBlocked>>>>>);

impl NamedLocks {
    fn get(&self, name: &str) -> Arc<tokio::sync::Mutex<LastBlocked>> {
        let mut locks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A lock that nobody waits for is created again when it is needed.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(name.to_owned()).or_default())
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

/// Runs `attempt` until it returns false: no other attempt is of use. It gives up when the retry budget is spent, or
/// the caller has left.
fn run_again_after_deadlocks(name: &'static str, ticket: &Ticket, attempt: &mut dyn FnMut() -> bool) {
    let started = Timer::now();
    let mut round = 0_u32;
    while attempt() && started.elapsed() < WRITE_RETRY_BUDGET && ticket.wait_again() {
        round += 1;
        tracing::debug!(transaction = name, round, "running a transaction again");
        std::thread::sleep(pause(round));
    }
}

/// The result of work that did not come to one.
fn interrupted<T, E: From<DatabaseError>>() -> Result<T, E> {
    Err(DatabaseError::Interrupted.into())
}

/// A pause that grows with the round, with jitter so that two rivals do not meet again.
fn pause(round: u32) -> Duration {
    let jitter = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) % 10;
    Duration::from_millis(u64::from(round.min(8)) * 5 + jitter)
}

/// Runs slow work that does not use the store on the blocking pool.
///
/// # Errors
/// What `work` returns, or [`DatabaseError::Interrupted`].
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

fn silent_error() -> DatabaseError {
    DatabaseError::unavailable("the store does not answer")
}

fn blocked_error() -> DatabaseError {
    DatabaseError::unavailable("another process holds the store")
}

/// Nobody reads this error: the caller has left.
fn abandoned_error() -> DatabaseError {
    DatabaseError::unavailable("it was given up")
}
