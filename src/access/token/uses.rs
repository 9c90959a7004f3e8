//! When tokens were last used: noted in memory by whoever authorises, written together now and then, so that a request
//! that reads writes nothing. A process that is killed forgets at most the last [`PERIOD`].

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

/// How long a use is in memory alone.
const PERIOD: Duration = Duration::from_secs(10);

type ByToken = BTreeMap<TokenId, DateTime<Utc>>;

/// The uses that are not written yet. Cheap to clone; the clones share what they note.
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
        // A map of instants is never half-changed.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// The store fails; then it stays noted.
    pub async fn flush(&self, database: &Database) -> Result<(), DatabaseError> {
        // One at a time, so that whoever finds nothing noted knows that it is written.
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

    /// Writes what is noted every few seconds until `stop` turns true, and then once more.
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
