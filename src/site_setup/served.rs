//! The site set-ups as pages show them, kept for a few seconds: reading the programme must not query the store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{SiteSetup, store};
use crate::{
    database::{Connection, Database, DatabaseError},
    http::entity_tag,
    ids::ConferenceId,
};

/// How long a set-up is used that another process may have changed.
const CACHE_DURATION: Duration = Duration::from_secs(5);

/// A set-up as pages show it.
#[derive(Debug, Clone, Default)]
pub struct ServedSite {
    pub setup: SiteSetup,
    /// Differs if the set-up differs.
    pub tag: String,
}

/// When a set-up was read, and the set-up.
type CachedSite = (Instant, Arc<ServedSite>);

/// The set-up of each conference.
#[derive(Clone, Default)]
pub struct SiteSetups(Arc<Mutex<HashMap<ConferenceId, CachedSite>>>);

impl SiteSetups {
    /// The set-up of a conference. While the store is unavailable, the latest one known.
    pub async fn of(&self, database: &Database, conference: ConferenceId) -> Arc<ServedSite> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&conference).cloned();
        if let Some((_, served)) = cached.as_ref().filter(|(read_at, _)| read_at.elapsed() < CACHE_DURATION) {
            return Arc::clone(served);
        }
        let read_at = Instant::now();
        let load = move |tx: &mut Connection| store::load(tx, conference);
        let served = match database.read(load).await.map_err(|error: DatabaseError| error) {
            Ok(setup) => {
                let tag = entity_tag(serde_json::to_string(&setup).unwrap_or_default().as_bytes());
                Arc::new(ServedSite { setup, tag })
            }
            Err(error) => {
                tracing::debug!(%error, "the site set-up cannot be read");
                cached.map(|(_, served)| served).unwrap_or_default()
            }
        };
        let mut setups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        setups.insert(conference, (read_at, Arc::clone(&served)));
        served
    }

    /// Has every set-up read again, after this process has changed one.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
