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
pub struct PartKey {
    conference: ConferenceId,
    number: i32,
    updated_at: DateTime<Utc>,
    /// Path and query.
    path_and_query: String,
    language: Option<String>,
}

impl PartKey {
    /// The part of a release that a path and query ask for.
    pub fn new(snapshot: &Snapshot, path_and_query: &str, language: Option<&str>) -> Self {
        Self {
            conference: snapshot.conference.id,
            number: snapshot.release.number,
            updated_at: snapshot.release.updated_at,
            path_and_query: path_and_query.to_owned(),
            language: language.map(str::to_owned),
        }
    }
}

#[derive(Debug, Clone)]
struct ByteWeighter;

impl Weighter<PartKey, Arc<Document>> for ByteWeighter {
    fn weight(&self, key: &PartKey, document: &Arc<Document>) -> u64 {
        u64::try_from(document.memory_size() + key.path_and_query.len()).unwrap_or(u64::MAX)
    }
}

/// A cache of the parts that were requested last, of any release. The parts of a redacted release are never found
/// again, but stay in memory for a while; so the cache is cleared then ([`PartCache::clear`]).
#[derive(Clone)]
pub struct PartCache(Arc<Cache<PartKey, Arc<Document>, ByteWeighter>>);

impl Default for PartCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(PARTS_EXPECTED, BYTES_MAX, ByteWeighter)))
    }
}

impl PartCache {
    pub fn get(&self, key: &PartKey) -> Option<Arc<Document>> {
        self.0.get(key)
    }

    pub fn put(&self, key: PartKey, document: Arc<Document>) {
        self.0.insert(key, document);
    }

    pub fn clear(&self) {
        self.0.clear();
    }
}
