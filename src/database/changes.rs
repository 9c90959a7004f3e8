//! Notices that other processes have committed, without a query each time: `NOTIFY` on PostgreSQL, the file's
//! `data_version` on SQLite.

use std::{
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant as Stopwatch},
};

use diesel::{PgConnection, RunQueryDsl as _, SqliteConnection, dsl::sql, sql_query, sql_types::Integer};
use tokio::sync::Notify;

use super::{Connection, Database, DatabaseError, pool::connect};

/// Interval between looks at the connection. On PostgreSQL a look sends nothing to the server.
const LOOK: Duration = Duration::from_millis(100);

/// Pause before a lost connection is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest use of one connection: one that is dead without any sign is noticed after this time.
const RENEWAL: Duration = Duration::from_secs(600);

/// Notifies other processes, once the transaction commits, that releases were written.
pub fn announce(connection: &mut Connection) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => sql_query("NOTIFY plenary_releases").execute(inner)?,
        // SQLite changes `data_version` by itself.
        Connection::Sqlite(_) => 0,
    };
    Ok(())
}

/// A listening connection, on a thread that ends when this is dropped.
pub struct Listener {
    woken: Arc<Notify>,
    /// Nothing is sent on it; dropping it ends the thread.
    _alive: Sender<()>,
}

impl Listener {
    /// Waits until other processes may have published since the last call. On SQLite any write counts.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Database {
    /// Starts to listen for releases of other processes; opens the connection again whenever it is lost.
    pub fn listen(&self) -> Listener {
        let (woken, (alive, dropped)) = (Arc::new(Notify::new()), channel());
        let (database, for_thread) = (self.clone(), Arc::clone(&woken));
        let listening = thread::Builder::new().name("listener".to_owned());
        match listening.spawn(move || database.keep_listening(&for_thread, &dropped)) {
            Ok(listener) => self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener),
            Err(error) => tracing::warn!(%error, "releases of other processes are noticed late"),
        }
        Listener { woken, _alive: alive }
    }

    fn keep_listening(&self, woken: &Notify, dropped: &Receiver<()>) {
        loop {
            let pause = match self.listen_until_lost(woken, dropped) {
                Ok(()) => Duration::ZERO,
                Err(error) => {
                    tracing::debug!(%error, "the store cannot be listened to");
                    PAUSE
                }
            };
            if is_over(dropped, pause) {
                return;
            }
        }
    }

    /// Listens on one connection until the listener is dropped, the connection is lost, or [`RENEWAL`] is over.
    fn listen_until_lost(&self, woken: &Notify, dropped: &Receiver<()>) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = connect(&self.store, self.files.as_deref())?;
        let began = Stopwatch::now();
        let mut word = ChangeSignal::on(&mut connection)?;
        tracing::debug!("listening for releases");
        // What was committed before the connection was open has not been notified.
        let mut has_come = true;
        while began.elapsed() < RENEWAL {
            if has_come {
                woken.notify_one();
            }
            if is_over(dropped, LOOK) {
                return Ok(());
            }
            has_come = word.has_come()?;
        }
        Ok(())
    }
}

/// Waits; returns whether the listener was dropped.
fn is_over(dropped: &Receiver<()>, pause: Duration) -> bool {
    dropped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected)
}

/// How other processes' commits are noticed.
enum ChangeSignal<'a> {
    Announced(&'a mut PgConnection),
    Version(&'a mut SqliteConnection, i32),
}

impl<'a> ChangeSignal<'a> {
    fn on(connection: &'a mut Connection) -> Result<Self, DatabaseError> {
        match connection {
            Connection::Postgresql(inner) => {
                sql_query("LISTEN plenary_releases").execute(inner)?;
                Ok(Self::Announced(inner))
            }
            Connection::Sqlite(inner) => {
                let version = version(inner)?;
                Ok(Self::Version(inner, version))
            }
        }
    }

    /// Whether there was a commit since the last call.
    fn has_come(&mut self) -> Result<bool, DatabaseError> {
        match self {
            Self::Announced(inner) => {
                // Takes all notifications at once: many releases are one reason to look.
                let all = inner.notifications_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(!all.is_empty())
            }
            Self::Version(inner, known) => {
                let version = version(inner)?;
                Ok(std::mem::replace(known, version) != version)
            }
        }
    }
}

/// A number that changes when another connection commits.
fn version(connection: &mut SqliteConnection) -> Result<i32, DatabaseError> {
    Ok(sql::<Integer>("PRAGMA data_version").get_result(connection)?)
}
