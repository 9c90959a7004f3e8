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

/// A write without a deadline waits for locks of other processes for this many times `patience`.
const LOCK_WAITS: u32 = 3;

/// Number of attempts to empty the journal while somebody reads, and the pause between them.
const JOURNAL_TRIES: u32 = 50;

const JOURNAL_PAUSE: Duration = Duration::from_millis(100);

/// How long a stop waits for connections that are in use.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Connections that writes leave to readers.
const READERS: usize = 3;

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
    turns: NamedLocks,
    pub(super) liveness: Liveness,
    /// The setting `store_deadline_seconds`.
    pub(super) patience: Duration,
    /// Threads in the driver whose callers have left.
    pub(super) stuck: Arc<AtomicUsize>,
    /// Number of stuck threads from which on all work is refused.
    pub(super) stuck_max: usize,
    pub(super) is_closing: Arc<AtomicBool>,
    /// Threads that have a connection outside the pool.
    pub(super) listeners: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Shows other processes that an embedded store is open here.
    pub(super) opened: Option<Arc<journal::Opened>>,
}

impl Database {
    /// Opens the store. An embedded one is created if needed, readable by its owner only; a server is watched from now
    /// on, and counts as unavailable when it has not answered for `patience`.
    ///
    /// # Errors
    /// The file or its folder cannot be created, or the file must not be opened as it is ([`journal::open`]).
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
            pool: pool::pool(&store, files.clone(), connections_max, (patience, &is_closing)),
            files,
            writer: matches!(store, Store::Sqlite(_)).then(Arc::default),
            writes: Arc::new(Semaphore::new(connections.saturating_sub(READERS).max(1))),
            reads: Arc::new(Semaphore::new(connections)),
            turns: NamedLocks::default(),
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

    /// Closes every connection of this process, for a stop. Then the file of an embedded store is complete without its
    /// journal, unless another process has it open. Work in progress gets [`CLOSE_WAIT`] to finish.
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
        let last = pool::connect(&self.store, self.files.as_deref());
        let mut last = last.map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
        connection::empty_journal(&mut last).map(|_| ())
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
        self.attend(&self.reads, None, move |ticket| {
            let mut connection = database.connection()?;
            if !ticket.begin() {
                return Err(given_up().into());
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
        self.write_until(name, (Instant::now(), None), work).await
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
            let started = Timer::now();
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

    /// The deadline of a request that starts now and must not wait for a slow store.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Runs `work` on the blocking pool and waits until it is done, or the deadline passes, or the store is silent.
    pub(super) async fn attend<T, E, F>(
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
            // The semaphore is never closed, so a permit always comes.
            permit = Arc::clone(permits).acquire_owned() => permit.ok(),
            error = &mut given_up => return Err(error.into()),
        };
        let asking = CallerGuard(Ticket::new(deadline, &self.stuck));
        let working = WorkerGuard(Arc::clone(&asking.0));
        let mut job = spawn(move || {
            let (_permit, working) = (permit, working);
            work(&working.0)
        });
        tokio::select! {
            biased;
            done = &mut job => return done.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into())),
            error = &mut given_up => match (asking.0.leave(), error) {
                (Outcome::Done, _) => {}
                (Outcome::Nothing, error) => return Err(error.into()),
                (Outcome::Unknown, DatabaseError::Unavailable(cause)) => {
                    return Err(DatabaseError::OutcomeUnknown(cause).into());
                }
                (Outcome::Unknown, error) => return Err(error.into()),
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

    /// Copies what was committed from the journal of an embedded store into its file and empties the journal: after
    /// that, overwritten data is nowhere on disk. Writers wait only for the last part. A long read may prevent it: then
    /// it returns false after some seconds. A server looks after its own journal.
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

    /// Whether no other process has an embedded store open; always true for a server, which does not tell.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn is_alone(&self) -> io::Result<bool> {
        self.opened.as_ref().map_or(Ok(true), |opened| opened.is_alone())
    }

    /// Metrics in the Prometheus text format.
    pub fn numbers(&self) -> String {
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
            Connection::Sqlite(inner) => journal::Opened::number(inner, changes),
            Connection::Postgresql(_) => Ok(None),
        }
    }

    /// Takes the turn of the one writer of this process, if the store has a single writer.
    pub(super) fn turn(&self) -> Option<MutexGuard<'_, LastBlocked>> {
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
    fn gate(&self, name: &str) -> Arc<tokio::sync::Mutex<LastBlocked>> {
        let mut gates = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A lock that nobody waits for is created again when it is needed.
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

fn silent() -> DatabaseError {
    DatabaseError::unavailable("the store does not answer")
}

fn held_elsewhere() -> DatabaseError {
    DatabaseError::unavailable("another process holds the store")
}

/// Nobody reads this error: the caller has left.
fn given_up() -> DatabaseError {
    DatabaseError::unavailable("it was given up")
}
