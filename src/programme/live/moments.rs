//! The instants at which sessions and items start and end.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::event;
use crate::programme::{negotiate::Language, snapshot::Snapshot, timing};

/// How many moments a client that connects again receives at most: the last ones.
const MOMENTS_MAX: usize = 200;

/// The events of each moment in one language, made when the first listener needs them.
type Events = Arc<[OnceLock<Bytes>]>;

/// The moments of a release, in order.
pub struct Moments {
    snapshot: Arc<Snapshot>,
    instants: Vec<DateTime<Utc>>,
    events: Mutex<HashMap<Option<String>, Events>>,
}

impl Moments {
    pub fn of(snapshot: Arc<Snapshot>) -> Self {
        let spans = timing::slots(&snapshot.agenda).map(|slot| slot.span);
        let mut instants: Vec<_> = spans.flat_map(|span| [span.starts_at.to_utc(), span.ends_at.to_utc()]).collect();
        instants.sort_unstable();
        instants.dedup();
        Self { snapshot, instants, events: Mutex::default() }
    }

    pub fn belong_to(&self, snapshot: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot, snapshot)
    }

    /// The next moment.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.instants.get(self.count_until(now)).copied()
    }

    /// The moments after one instant, up to and including another.
    pub fn between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Range<usize> {
        let (start, end) = (self.count_until(after), self.count_until(until));
        start.max(end.saturating_sub(MOMENTS_MAX))..end
    }

    fn count_until(&self, instant: DateTime<Utc>) -> usize {
        self.instants.partition_point(|moment| *moment <= instant)
    }

    /// A moment and its events in a language. The last event lacks its id.
    pub fn events_at(&self, index: usize, language: &Language) -> Option<(DateTime<Utc>, Bytes)> {
        let at = *self.instants.get(index)?;
        let events = self.events_in(language);
        let bytes = events.get(index)?.get_or_init(|| event::schedule_events(&self.snapshot, at, language));
        Some((at, bytes.clone()))
    }

    fn events_in(&self, language: &Language) -> Events {
        let tag = language.tag().map(|tag| tag.as_str().to_owned());
        let mut all = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let unmade = || self.instants.iter().map(|_| OnceLock::new()).collect();
        Arc::clone(all.entry(tag).or_insert_with(unmade))
    }
}
