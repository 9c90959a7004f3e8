//! Records when tokens were last used. Authorisation records a use in memory, and uses are written together from time
//! to time, so that a request that reads does not write. If a process is killed, the uses of its last [`INTERVAL`] are
//! lost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::store;
use crate::{
    clock,
    database::{Database, DatabaseError},
    ids::TokenId,
};

/// Interval between writes.
const INTERVAL: Duration = Duration::from_secs(10);

type LastUses = BTreeMap<TokenId, DateTime<Utc>>;

/// The uses that are not yet written. Clones share them and are cheap.
#[derive(Debug, Clone, Default)]
pub struct TokenUses {
    pending: Arc<Mutex<LastUses>>,
    flush_lock: Arc<tokio::sync::Mutex<()>>,
}

impl TokenUses {
    /// Records that a token is used now.
    pub fn record(&self, token: TokenId) {
        self.pending().insert(token, clock::now());
    }

    fn pending(&self) -> MutexGuard<'_, LastUses> {
        // The map is valid even if a thread panicked while it held the lock.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the recorded uses.
    ///
    /// # Errors
    /// The store fails; the uses stay pending.
    pub async fn flush(&self, database: &Database) -> Result<(), DatabaseError> {
        // One flush at a time: when a second caller finds nothing pending, everything is written.
        let _turn = self.flush_lock.lock().await;
        let batch = std::mem::take(&mut *self.pending());
        if batch.is_empty() {
            return Ok(());
        }
        let uses = batch.clone();
        let result = database.write("note the uses of tokens", move |tx| store::record_uses(tx, &uses)).await;
        if result.is_err() {
            let mut pending = self.pending();
            for (token, at) in batch {
                pending.entry(token).or_insert(at);
            }
        }
        result
    }

    /// Writes the recorded uses every [`INTERVAL`] until `stop` turns true, and then once more.
    pub async fn run(self, database: Database, mut stop: watch::Receiver<bool>) {
        let mut stopped = false;
        while !stopped {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.wait_for(|stop| *stop) => stopped = true,
            }
            if let Err(error) = self.flush(&database).await {
                tracing::debug!(%error, "the uses of tokens cannot be written");
            }
        }
    }
}
