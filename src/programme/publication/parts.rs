//! Parts of a programme that were asked for before: filtered views, single sessions, selections.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::{Weighter, sync::Cache};

use super::Whole;
use crate::{ids::ConferenceId, programme::snapshot::Snapshot};

/// What all parts that are remembered may take together, in bytes.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// About how many parts that is.
const PARTS_EXPECTED: usize = 2_000;

/// Which part of which release, in which language. What is asked for in other words is another part.
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

impl Weighter<Key, Arc<Whole>> for Bytes {
    fn weight(&self, key: &Key, whole: &Arc<Whole>) -> u64 {
        u64::try_from(whole.weight() + key.asked.len()).unwrap_or(u64::MAX)
    }
}

/// The parts that were asked for last, of any release. A part of a release that was redacted is never found again, and
/// goes as others come; so it is cleared then ([`Parts::clear`]).
#[derive(Clone)]
pub struct Parts(Arc<Cache<Key, Arc<Whole>, Bytes>>);

impl Default for Parts {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(PARTS_EXPECTED, BYTES_MAX, Bytes)))
    }
}

impl Parts {
    /// The part, if it was asked for before.
    pub fn get(&self, key: &Key) -> Option<Arc<Whole>> {
        self.0.get(key)
    }

    /// Remembers a part.
    pub fn put(&self, key: Key, whole: Arc<Whole>) {
        self.0.insert(key, whole);
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.0.clear();
    }
}
