//! Detects a server that does not answer. A frozen server keeps its connections open and sends nothing, so that neither
//! its own timeouts nor those of the network end: this process must measure the time.
//!
//! One thread sends `SELECT 1` on a connection of its own; another measures the time without an answer. Any answer
//! counts, a refusal, too: the pool reports refusals. An embedded store always counts as alive.

use std::{
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use diesel::{connection::SimpleConnection as _, result::ConnectionError};
use tokio::sync::watch;

use super::{Connection, Store, connection::is_answer};

/// Number of looks within the time after which a silent server counts as unavailable. A process that was itself stopped
/// for that long misses one look only.
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
                tracing::warn!(%error, "the store is not watched: requests wait for a frozen store");
            }
        }
        Self { silent, _alive: alive }
    }

    pub(super) fn is_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// Waits until the store is silent.
    pub(super) async fn silence(&self) {
        // If the threads could not be started, the store never counts as silent.
        if self.silent.clone().wait_for(|silent| *silent).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
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
