//! A cache of parts of a programme that were requested before: filtered views, single sessions, selections.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::{Weighter, sync::Cache};

use super::Document;
use crate::{ids::ConferenceId, programme::snapshot::Snapshot};

/// The size of the cache, in bytes.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// About how many parts fit into the cache.
const PARTS_EXPECTED: usize = 2_000;

/// Identifies a part of a release in a language. The same part under another query string is another part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    conference: ConferenceId,
    number: i32,
    updated_at: DateTime<Utc>,
    /// Path and query.
    asked: String,
    language: Option<String>,
}

impl Key {
    /// The part of a release that a path and query ask for.
    pub fn new(snapshot: &Snapshot, asked: &str, language: Option<&str>) -> Self {
        Self {
            conference: snapshot.place.id,
            number: snapshot.release.number,
            updated_at: snapshot.release.updated_at,
            asked: asked.to_owned(),
            language: language.map(str::to_owned),
        }
    }
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Arc<Document>> for Bytes {
    fn weight(&self, key: &Key, whole: &Arc<Document>) -> u64 {
        u64::try_from(whole.weight() + key.asked.len()).unwrap_or(u64::MAX)
    }
}

/// A cache of the parts that were requested last, of any release. The parts of a redacted release are never found
/// again, but stay in memory for a while; so the cache is cleared then ([`PartCache::clear`]).
#[derive(Clone)]
pub struct PartCache(Arc<Cache<Key, Arc<Document>, Bytes>>);

impl Default for PartCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(PARTS_EXPECTED, BYTES_MAX, Bytes)))
    }
}

impl PartCache {
    pub fn get(&self, key: &Key) -> Option<Arc<Document>> {
        self.0.get(key)
    }

    pub fn put(&self, key: Key, whole: Arc<Document>) {
        self.0.insert(key, whole);
    }

    pub fn clear(&self) {
        self.0.clear();
    }
}
