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

use super::{Connection, Store, connection::was_answered};

/// Number of probes within the time after which a silent server counts as unavailable. A process that was itself
/// stopped for that long misses one probe only.
const PROBES: u32 = 12;

/// Whether the store answers. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub(super) struct Liveness {
    silent: watch::Receiver<bool>,
    _alive: Arc<()>,
}

impl Liveness {
    /// Watches a server, which counts as silent after `timeout` without an answer.
    pub(super) fn watch(store: &Store, timeout: Duration) -> Self {
        let (silence_sender, silent) = watch::channel(false);
        let alive = Arc::new(());
        if let Store::Postgres(_) = store {
            let (answer_sender, answers) = channel();
            let (store, handle) = (store.clone(), Arc::downgrade(&alive));
            let interval = timeout / (PROBES / 2);
            let prober = thread::Builder::new()
                .name("store-asks".to_owned())
                .spawn(move || probe(&store, &handle, &answer_sender, interval));
            let watcher = thread::Builder::new()
                .name("store-counts".to_owned())
                .spawn(move || watch_answers(&answers, &silence_sender, timeout));
            if let Err(error) = prober.and(watcher) {
                tracing::warn!(%error, "the store is not watched: requests wait for a frozen store");
            }
        }
        Self { silent, _alive: alive }
    }

    pub(super) fn is_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// Waits until the store is silent.
    pub(super) async fn wait_until_silent(&self) {
        // If the threads could not be started, the store never counts as silent.
        if self.silent.clone().wait_for(|silent| *silent).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn probe(store: &Store, handle: &Weak<()>, answer_sender: &Sender<()>, interval: Duration) {
    let mut connection = None;
    while handle.strong_count() > 0 {
        let answer = match connection.take() {
            None => store.connect().map(|new| connection = Some(new)),
            Some(Connection::Postgresql(mut inner)) => {
                let answer = inner.batch_execute("SELECT 1").map_err(ConnectionError::CouldntSetupConfiguration);
                answer.map(|()| connection = Some(Connection::Postgresql(inner)))
            }
            Some(Connection::Sqlite(_)) => return,
        };
        let is_answer = answer.as_ref().err().is_none_or(was_answered);
        if is_answer && answer_sender.send(()).is_err() {
            return;
        }
        thread::sleep(interval);
    }
}

fn watch_answers(answers: &Receiver<()>, silence_sender: &watch::Sender<bool>, timeout: Duration) {
    let mut missed = 0;
    loop {
        match answers.recv_timeout(timeout / PROBES) {
            Ok(()) => {
                missed = 0;
                if silence_sender.send_if_modified(|silent| std::mem::replace(silent, false)) {
                    tracing::info!("the store answers again");
                }
            }
            Err(RecvTimeoutError::Timeout) if missed < PROBES => missed += 1,
            Err(RecvTimeoutError::Timeout) => {
                if silence_sender.send_if_modified(|silent| !std::mem::replace(silent, true)) {
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
        let (answer_sender, answers) = channel();
        let (silence_sender, mut silent) = watch::channel(false);
        let watcher = thread::spawn(move || watch_answers(&answers, &silence_sender, Duration::from_millis(24)));
        let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
        waiting.block_on(silent.wait_for(|silent| *silent)).unwrap();
        answer_sender.send(()).unwrap();
        waiting.block_on(silent.wait_for(|silent| !*silent)).unwrap();
        drop(answer_sender);
        watcher.join().unwrap();
    }
}
