//! Word of what other processes committed, without asking the store for it again and again: `NOTIFY` on PostgreSQL, the
//! file's `data_version` on SQLite.

use std::{
    sync::{Arc, Weak},
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

/// A connection of its own, on a thread that ends soon after the listener is dropped.
pub struct Listener(Arc<Notify>);

impl Listener {
    /// Waits until something may have been released since the last time: on SQLite, until anything was written.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

impl Database {
    /// Listens for releases of other processes, from now on and whenever the store is there.
    pub fn listen(&self) -> Listener {
        let woken = Arc::new(Notify::new());
        let (database, for_thread) = (self.clone(), Arc::downgrade(&woken));
        let listening = thread::Builder::new().name("listener".to_owned());
        if let Err(error) = listening.spawn(move || database.keep_listening(&for_thread)) {
            tracing::warn!(%error, "releases of other processes come late");
        }
        Listener(woken)
    }

    fn keep_listening(&self, woken: &Weak<Notify>) {
        while woken.strong_count() > 0 {
            if let Err(error) = self.listen_until_lost(woken) {
                tracing::debug!(%error, "the store cannot be listened to");
                thread::sleep(PAUSE);
            }
        }
    }

    /// Listens on one connection until nobody cares, the connection is lost, or its time is over.
    fn listen_until_lost(&self, woken: &Weak<Notify>) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = connect(&self.store, self.files.as_deref())?;
        let began = Stopwatch::now();
        let mut word = Word::on(&mut connection)?;
        tracing::debug!("listening for releases");
        // What was committed before the connection was there was announced to nobody.
        let mut has_come = true;
        while let Some(woken) = woken.upgrade().filter(|_| began.elapsed() < RENEWAL) {
            if has_come {
                woken.notify_one();
            }
            drop(woken);
            thread::sleep(LOOK);
            has_come = word.has_come()?;
        }
        Ok(())
    }
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
