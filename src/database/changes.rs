//! Word of what other processes committed, without asking the store for it again and again: `NOTIFY` on PostgreSQL, the
//! file's `data_version` on SQLite.

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

use super::{Connection, Database, DatabaseError, connection::connect};

/// How often the connection is looked at: neither look is a query to a server.
const LOOK: Duration = Duration::from_millis(100);

/// How long a lost connection is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How long one connection is listened on: one that died in a way that nothing tells is missed no longer.
const RENEWAL: Duration = Duration::from_secs(600);

/// Tells the other processes, once the transaction commits, that releases were written.
///
/// # Errors
/// The store fails.
pub fn announce(connection: &mut Connection) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => sql_query("NOTIFY plenary_releases").execute(inner)?,
        // Its file says so by itself.
        Connection::Sqlite(_) => 0,
    };
    Ok(())
}

/// A connection of its own, on a thread that ends when the listener is dropped.
pub struct Listener {
    woken: Arc<Notify>,
    /// Nothing is sent: the thread hears that it is gone.
    _alive: Sender<()>,
}

impl Listener {
    /// Waits until something may have been released since the last time: on SQLite, until anything was written.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Database {
    /// Listens for releases of other processes, from now on and whenever the store is there.
    pub fn listen(&self) -> Listener {
        let (woken, (alive, dropped)) = (Arc::new(Notify::new()), channel());
        let (database, for_thread) = (self.clone(), Arc::clone(&woken));
        let listening = thread::Builder::new().name("listener".to_owned());
        match listening.spawn(move || database.keep_listening(&for_thread, &dropped)) {
            Ok(listener) => self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener),
            Err(error) => tracing::warn!(%error, "releases of other processes come late"),
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

    /// Listens on one connection until nobody cares, the connection is lost, or its time is over.
    fn listen_until_lost(&self, woken: &Notify, dropped: &Receiver<()>) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = connect(&self.store, self.files.as_deref())?;
        let began = Stopwatch::now();
        let mut word = Word::on(&mut connection)?;
        tracing::debug!("listening for releases");
        // What was committed before the connection was there was announced to nobody.
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

/// Waits, and says whether the listener was dropped.
fn is_over(dropped: &Receiver<()>, pause: Duration) -> bool {
    dropped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected)
}

/// What is looked at.
enum Word<'a> {
    Announced(&'a mut PgConnection),
    Version(&'a mut SqliteConnection, i32),
}

impl<'a> Word<'a> {
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

    /// Whether anything came since the last call.
    fn has_come(&mut self) -> Result<bool, DatabaseError> {
        match self {
            Self::Announced(inner) => {
                // All of them at once: many releases are one reason to look.
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

/// A number that another connection's commit changes.
fn version(connection: &mut SqliteConnection) -> Result<i32, DatabaseError> {
    Ok(sql::<Integer>("PRAGMA data_version").get_result(connection)?)
}
