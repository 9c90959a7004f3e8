//! Notices that other processes have committed, without a query each time: `NOTIFY` on PostgreSQL, the file's
//! `data_version` on SQLite.

use std::{
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant as Timer},
};

use diesel::{PgConnection, RunQueryDsl as _, SqliteConnection, dsl::sql, sql_query, sql_types::Integer};
use tokio::sync::Notify;

use super::{Connection, Database, DatabaseError, pool::connect};

/// Interval between polls of the connection. On PostgreSQL a poll sends nothing to the server.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Pause before a lost connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Longest use of one connection: one that is dead without any sign is noticed after this time.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(600);

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
    changed: Arc<Notify>,
    /// Nothing is sent on it; dropping it ends the thread.
    _alive: Sender<()>,
}

impl Listener {
    /// Waits until other processes may have published since the last call. On SQLite any write counts.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Database {
    /// Starts to listen for releases of other processes; opens the connection again whenever it is lost.
    pub fn listen(&self) -> Listener {
        let (changed, (alive, dropped)) = (Arc::new(Notify::new()), channel());
        let (database, thread_changed) = (self.clone(), Arc::clone(&changed));
        let builder = thread::Builder::new().name("listener".to_owned());
        match builder.spawn(move || database.keep_listening(&thread_changed, &dropped)) {
            Ok(listener) => self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener),
            Err(error) => tracing::warn!(%error, "releases of other processes are noticed late"),
        }
        Listener { changed, _alive: alive }
    }

    fn keep_listening(&self, changed: &Notify, dropped: &Receiver<()>) {
        loop {
            let pause = match self.listen_until_lost(changed, dropped) {
                Ok(()) => Duration::ZERO,
                Err(error) => {
                    tracing::debug!(%error, "the store cannot be listened to");
                    RECONNECT_PAUSE
                }
            };
            if wait_for_drop(dropped, pause) {
                return;
            }
        }
    }

    /// Listens on one connection until the listener is dropped, the connection is lost, or [`CONNECTION_LIFETIME`] is
    /// over.
    fn listen_until_lost(&self, changed: &Notify, dropped: &Receiver<()>) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = connect(&self.store, self.files.as_deref())?;
        let began = Timer::now();
        let mut signal = ChangeSignal::start(&mut connection)?;
        tracing::debug!("listening for releases");
        // What was committed before the connection was open has not been notified.
        let mut has_changed = true;
        while began.elapsed() < CONNECTION_LIFETIME {
            if has_changed {
                changed.notify_one();
            }
            if wait_for_drop(dropped, POLL_INTERVAL) {
                return Ok(());
            }
            has_changed = signal.has_changed()?;
        }
        Ok(())
    }
}

/// Waits; returns whether the listener was dropped.
fn wait_for_drop(dropped: &Receiver<()>, pause: Duration) -> bool {
    dropped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected)
}

/// How other processes' commits are noticed.
enum ChangeSignal<'a> {
    Notifications(&'a mut PgConnection),
    DataVersion(&'a mut SqliteConnection, i32),
}

impl<'a> ChangeSignal<'a> {
    fn start(connection: &'a mut Connection) -> Result<Self, DatabaseError> {
        match connection {
            Connection::Postgresql(inner) => {
                sql_query("LISTEN plenary_releases").execute(inner)?;
                Ok(Self::Notifications(inner))
            }
            Connection::Sqlite(inner) => {
                let version = version(inner)?;
                Ok(Self::DataVersion(inner, version))
            }
        }
    }

    /// Whether there was a commit since the last call.
    fn has_changed(&mut self) -> Result<bool, DatabaseError> {
        match self {
            Self::Notifications(inner) => {
                // Takes all notifications at once: many releases cause one reload.
                let notifications = inner.notifications_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(!notifications.is_empty())
            }
            Self::DataVersion(inner, last) => {
                let version = version(inner)?;
                Ok(std::mem::replace(last, version) != version)
            }
        }
    }
}

/// A number that changes when another connection commits.
fn version(connection: &mut SqliteConnection) -> Result<i32, DatabaseError> {
    Ok(sql::<Integer>("PRAGMA data_version").get_result(connection)?)
}
