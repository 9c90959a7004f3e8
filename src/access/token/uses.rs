//! Records when tokens were last used. Authorisation notes a use in memory, and uses are written together from time to
//! time, so that a request that reads does not write. If a process is killed, the uses of its last [`PERIOD`] are lost.

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
const PERIOD: Duration = Duration::from_secs(10);

type ByToken = BTreeMap<TokenId, DateTime<Utc>>;

/// The uses that are not yet written. Clones share them and are cheap.
#[derive(Debug, Clone, Default)]
pub struct TokenUses {
    noted: Arc<Mutex<ByToken>>,
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl TokenUses {
    /// Notes that a token is used now.
    pub fn note(&self, token: TokenId) {
        self.noted().insert(token, clock::now());
    }

    fn noted(&self) -> MutexGuard<'_, ByToken> {
        // The map is valid even if a thread panicked while it held the lock.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the noted uses.
    ///
    /// # Errors
    /// The store fails; the uses stay noted.
    pub async fn flush(&self, database: &Database) -> Result<(), DatabaseError> {
        // One flush at a time: when a second caller finds nothing noted, everything is written.
        let _turn = self.writing.lock().await;
        let taken = std::mem::take(&mut *self.noted());
        if taken.is_empty() {
            return Ok(());
        }
        let uses = taken.clone();
        let written = database.write("note the uses of tokens", move |tx| store::note_uses(tx, &uses)).await;
        if written.is_err() {
            let mut noted = self.noted();
            for (token, at) in taken {
                noted.entry(token).or_insert(at);
            }
        }
        written
    }

    /// Writes the noted uses every [`PERIOD`] until `stop` turns true, and then once more.
    pub async fn keep(self, database: Database, mut stop: watch::Receiver<bool>) {
        let mut stopped = false;
        while !stopped {
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                _ = stop.wait_for(|stop| *stop) => stopped = true,
            }
            if let Err(error) = self.flush(&database).await {
                tracing::debug!(%error, "the uses of tokens cannot be written");
            }
        }
    }
}
