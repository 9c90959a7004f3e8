//! The hub: it wakes all listeners, and holds what they share.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, watch};

use super::{event, moments::Moments};
use crate::{
    clock,
    database::Database,
    http::slots::{LimitReached, Slot, Slots},
    ids::ConferenceId,
    programme::{ProgrammeError, Programmes, negotiate::Language, releases, snapshot::Snapshot},
};

/// The longest sleep: the clock may be set in the meantime.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// How many release events are kept for other listeners who need the same.
const RELEASE_EVENTS_MAX: usize = 64;

/// Which release event: the release, the one that the listener knew, and the language.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ReleaseEventKey {
    conference: ConferenceId,
    number: i32,
    updated_at: DateTime<Utc>,
    since: i32,
    language: Option<String>,
}

/// A release event; `None` if the changes could not be computed.
type CachedReleaseEvent = Arc<OnceCell<Option<Bytes>>>;

/// How many listeners may be connected at the same time.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Of all clients together.
    pub count_max: usize,
    /// Per client.
    pub per_client_max: usize,
}

/// What all listeners share. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    programmes: Programmes,
    database: Database,
    slots: Slots,
    limits: ListenerLimits,
    /// True when all answers must end. It is also sent, unchanged, when there may be new events.
    signal: watch::Sender<bool>,
    moments: Arc<Mutex<HashMap<ConferenceId, Arc<Moments>>>>,
    release_events: Arc<Mutex<VecDeque<(ReleaseEventKey, CachedReleaseEvent)>>>,
}

impl Hub {
    pub fn new(programmes: Programmes, database: Database, limits: ListenerLimits) -> Self {
        Self {
            programmes,
            database,
            slots: Slots::default(),
            limits,
            signal: watch::Sender::new(false),
            moments: Arc::default(),
            release_events: Arc::default(),
        }
    }

    pub fn close(&self) {
        self.signal.send_replace(true);
    }

    /// Signals the end of all answers, and when to look for new events.
    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.signal.subscribe()
    }

    /// A slot for a listener, if one is free. `client` is `None` for a client without a limit of its own.
    pub(super) fn take_slot(&self, client: Option<IpAddr>) -> Result<Slot, LimitReached> {
        self.slots.acquire(client, self.limits.count_max, self.limits.per_client_max)
    }

    pub(super) fn programmes(&self) -> &Programmes {
        &self.programmes
    }

    /// Wakes the listeners at every start and end of the schedule and whenever a release is served, until the answers
    /// end.
    pub async fn run(self) {
        let (mut signal, mut changed) = (self.signal.subscribe(), self.programmes.subscribe());
        loop {
            let now = clock::now();
            let pause =
                self.next_moment(now).and_then(|at| (at - now).to_std().ok()).unwrap_or(SLEEP_MAX).min(SLEEP_MAX);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = changed.changed() => {}
                _ = signal.wait_for(|signal| *signal) => return,
            }
            self.signal.send_modify(|_| {});
        }
    }

    fn next_moment(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let snapshots = self.programmes.all();
        let is_served = |id: &ConferenceId| snapshots.iter().any(|snapshot| snapshot.conference.id == *id);
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| is_served(id));
        snapshots.iter().filter_map(|snapshot| self.moments(snapshot).next_after(now)).min()
    }

    /// The starts and ends of a release, computed once.
    pub(super) fn moments(&self, snapshot: &Arc<Snapshot>) -> Arc<Moments> {
        let mut moments_by_conference = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let current =
            moments_by_conference.get(&snapshot.conference.id).filter(|moments| moments.belong_to(snapshot)).cloned();
        current.unwrap_or_else(|| {
            let moments = Arc::new(Moments::of(Arc::clone(snapshot)));
            moments_by_conference.insert(snapshot.conference.id, Arc::clone(&moments));
            moments
        })
    }

    /// The event of a release, with what changed since release `since`, computed once for all listeners. `None` if the
    /// store fails; a later call may succeed.
    pub(super) async fn release_event(&self, snapshot: &Snapshot, since: i32, language: &Language) -> Option<Bytes> {
        let key = ReleaseEventKey {
            conference: snapshot.conference.id,
            number: snapshot.release.number,
            updated_at: snapshot.release.updated_at,
            since,
            language: language.tag().map(|tag| tag.as_str().to_owned()),
        };
        let cached = self.cached_release_event(&key);
        let event = cached.get_or_init(|| self.make_release_event(snapshot, since, language)).await.clone();
        if event.is_none() {
            let mut cache = self.release_events.lock().unwrap_or_else(PoisonError::into_inner);
            cache.retain(|(_, other)| !Arc::ptr_eq(other, &cached));
        }
        event
    }

    fn cached_release_event(&self, key: &ReleaseEventKey) -> CachedReleaseEvent {
        let mut cache = self.release_events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cached)) = cache.iter().find(|(other, _)| other == key) {
            return Arc::clone(cached);
        }
        if cache.len() == RELEASE_EVENTS_MAX {
            cache.pop_front();
        }
        let cached = CachedReleaseEvent::default();
        cache.push_back((key.clone(), Arc::clone(&cached)));
        cached
    }

    async fn make_release_event(&self, snapshot: &Snapshot, since: i32, language: &Language) -> Option<Bytes> {
        let (id, row, language) = (snapshot.conference.id, snapshot.release.clone(), language.clone());
        let _permit = self.programmes.old_release_permit().await;
        let read_changes = move |tx: &mut _| {
            let difference = releases::actions::difference(tx, id, row.number, Some(since))?;
            Ok::<_, ProgrammeError>(event::released(&row, since, &difference, &language))
        };
        let event = self.database.read(read_changes).await;
        event.inspect_err(|error| tracing::warn!(%error, "the changes of a release cannot be sent")).ok()
    }
}
