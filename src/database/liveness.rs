//! Whether a server answers at all. A frozen one keeps its connections open and says nothing, so that no timeout of its
//! own, nor of the network, ever fires: the clock is ours.
//!
//! One thread asks `SELECT 1` on a connection of its own; another counts how long no answer came. Any answer counts, a
//! refusal, too: the pool reports that by itself. An embedded store is as alive as this process.

use std::{
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use diesel::{RunQueryDsl as _, connection::SimpleConnection as _, dsl::sql, result::ConnectionError, sql_types::Text};
use tokio::sync::watch;

use super::{
    Connection, Database, DatabaseError, Store,
    connection::{is_answer, may_come},
};

/// Looks within the time after which a silent server counts as gone. A process that was stopped for longer than all of
/// them misses one of them, not the answer.
const LOOKS: u32 = 12;

/// Whether the store answers. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub(super) struct Liveness {
    silent: watch::Receiver<bool>,
    _alive: Arc<()>,
}

impl Liveness {
    /// Watches a server, which counts as silent after `patience` without an answer.
    pub(super) fn watch(store: &Store, patience: Duration) -> Self {
        let (tell, silent) = watch::channel(false);
        let alive = Arc::new(());
        if let Store::Postgres(_) = store {
            let (answered, answers) = channel();
            let (store, while_alive) = (store.clone(), Arc::downgrade(&alive));
            let pace = patience / (LOOKS / 2);
            let asking = thread::Builder::new()
                .name("store-asks".to_owned())
                .spawn(move || ask(&store, &while_alive, &answered, pace));
            let counting =
                thread::Builder::new().name("store-counts".to_owned()).spawn(move || count(&answers, &tell, patience));
            if let Err(error) = asking.and(counting) {
                tracing::warn!(%error, "a store that is frozen is waited for");
            }
        }
        Self { silent, _alive: alive }
    }

    pub(super) fn is_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// Waits until the store is silent.
    pub(super) async fn silence(&self) {
        // Without threads there is nobody to say so.
        if self.silent.clone().wait_for(|silent| *silent).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Why a store cannot be used by a process that starts.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// It is away, or starts: it is worth waiting for.
    #[error("{0}")]
    NotYet(String),
    /// It is there and lets us in neither now nor later.
    #[error("{0}")]
    Never(String),
}

impl From<DatabaseError> for Unreached {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(cause) => Self::NotYet(cause.to_string()),
            error => Self::NotYet(error.to_string()),
        }
    }
}

impl Database {
    /// Whether a server lets us in, by a connection outside the pool. An embedded store always does.
    ///
    /// # Errors
    /// It does not.
    pub async fn reach(&self) -> Result<(), Unreached> {
        let store = self.store.clone();
        if matches!(store, Store::Sqlite(_)) {
            return Ok(());
        }
        let try_once = move |_: &super::Ticket| match store.connect() {
            Ok(mut connection) => {
                warn_of_language(&mut connection);
                Ok(())
            }
            Err(error) if may_come(&error) => Err(Unreached::NotYet(one_line(&error))),
            Err(error) => Err(Unreached::Never(one_line(&error))),
        };
        self.attend(&self.reads, None, try_once).await
    }
}

/// Says that the server's messages are in a language in which lock timeouts and deadlocks are not known for what they
/// are. To choose another is for its superuser alone.
fn warn_of_language(connection: &mut Connection) {
    let Connection::Postgresql(inner) = connection else { return };
    let locale: Result<String, _> = sql::<Text>("SHOW lc_messages").get_result(inner);
    let is_known =
        |locale: &String| ["C", "POSIX", "en", ""].iter().any(|known| locale.split(['.', '_']).next() == Some(known));
    if let Some(locale) = locale.ok().filter(|locale| !is_known(locale)) {
        tracing::warn!(
            lc_messages = locale,
            "the server's messages are not in English: set lc_messages to 'C' for this database"
        );
    }
}

fn one_line(error: &ConnectionError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ask(store: &Store, while_alive: &Weak<()>, answered: &Sender<()>, pace: Duration) {
    let mut connection = None;
    while while_alive.strong_count() > 0 {
        let answer = match connection.take() {
            None => store.connect().map(|new| connection = Some(new)),
            Some(Connection::Postgresql(mut inner)) => {
                let answer = inner.batch_execute("SELECT 1").map_err(ConnectionError::CouldntSetupConfiguration);
                answer.map(|()| connection = Some(Connection::Postgresql(inner)))
            }
            Some(Connection::Sqlite(_)) => return,
        };
        let is_answer = answer.as_ref().err().is_none_or(is_answer);
        if is_answer && answered.send(()).is_err() {
            return;
        }
        thread::sleep(pace);
    }
}

fn count(answers: &Receiver<()>, tell: &watch::Sender<bool>, patience: Duration) {
    let mut missed = 0;
    loop {
        match answers.recv_timeout(patience / LOOKS) {
            Ok(()) => {
                missed = 0;
                if tell.send_if_modified(|silent| std::mem::replace(silent, false)) {
                    tracing::info!("the store answers again");
                }
            }
            Err(RecvTimeoutError::Timeout) if missed < LOOKS => missed += 1,
            Err(RecvTimeoutError::Timeout) => {
                if tell.send_if_modified(|silent| !std::mem::replace(silent, true)) {
                    tracing::error!("the store does not answer: requests are refused until it does");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_silent_while_no_answer_comes() {
        let (answered, answers) = channel();
        let (tell, mut silent) = watch::channel(false);
        let counting = thread::spawn(move || count(&answers, &tell, Duration::from_millis(24)));
        let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
        waiting.block_on(silent.wait_for(|silent| *silent)).unwrap();
        answered.send(()).unwrap();
        waiting.block_on(silent.wait_for(|silent| !*silent)).unwrap();
        drop(answered);
        counting.join().unwrap();
    }
}
