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
const NAP_MAX: Duration = Duration::from_secs(60);

/// How many release events are kept for other listeners who need the same.
const RELEASES_KEPT: usize = 64;

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
    seats: Slots,
    limits: ListenerLimits,
    /// True when all answers must end. It is also sent, unchanged, when there may be new events.
    ends: watch::Sender<bool>,
    moments: Arc<Mutex<HashMap<ConferenceId, Arc<Moments>>>>,
    releases: Arc<Mutex<VecDeque<(ReleaseEventKey, CachedReleaseEvent)>>>,
}

impl Hub {
    pub fn new(programmes: Programmes, database: Database, limits: ListenerLimits) -> Self {
        Self {
            programmes,
            database,
            seats: Slots::default(),
            limits,
            ends: watch::Sender::new(false),
            moments: Arc::default(),
            releases: Arc::default(),
        }
    }

    pub fn close(&self) {
        self.ends.send_replace(true);
    }

    /// Signals the end of all answers, and when to look for new events.
    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.ends.subscribe()
    }

    /// A place for a listener, if one is free. `client` is `None` for a client without a limit of its own.
    pub(super) fn seat(&self, client: Option<IpAddr>) -> Result<Slot, LimitReached> {
        self.seats.take(client, self.limits.count_max, self.limits.per_client_max)
    }

    pub(super) fn programmes(&self) -> &Programmes {
        &self.programmes
    }

    /// Wakes the listeners at every start and end of the schedule and whenever a release is served, until the answers
    /// end.
    pub async fn keep(self) {
        let (mut ends, mut changed) = (self.ends.subscribe(), self.programmes.subscribe());
        loop {
            let now = clock::now();
            let nap = self.next_moment(now).and_then(|at| (at - now).to_std().ok()).unwrap_or(NAP_MAX).min(NAP_MAX);
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                _ = changed.changed() => {}
                _ = ends.wait_for(|ends| *ends) => return,
            }
            self.ends.send_modify(|_| {});
        }
    }

    fn next_moment(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let all = self.programmes.all();
        let is_served = |id: &ConferenceId| all.iter().any(|snapshot| snapshot.place.id == *id);
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| is_served(id));
        all.iter().filter_map(|snapshot| self.moments(snapshot).after(now)).min()
    }

    /// The starts and ends of a release, computed once.
    pub(super) fn moments(&self, snapshot: &Arc<Snapshot>) -> Arc<Moments> {
        let mut all = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&snapshot.place.id).filter(|moments| moments.are_of(snapshot)).cloned();
        known.unwrap_or_else(|| {
            let made = Arc::new(Moments::of(Arc::clone(snapshot)));
            all.insert(snapshot.place.id, Arc::clone(&made));
            made
        })
    }

    /// The event of a release, with what changed since release `since`, computed once for all listeners. `None` if the
    /// store fails; a later call may succeed.
    pub(super) async fn release(&self, snapshot: &Snapshot, since: i32, language: &Language) -> Option<Bytes> {
        let wanted = ReleaseEventKey {
            conference: snapshot.place.id,
            number: snapshot.release.number,
            updated_at: snapshot.release.updated_at,
            since,
            language: language.tag().map(|tag| tag.as_str().to_owned()),
        };
        let told = self.told(&wanted);
        let made = told.get_or_init(|| self.work_out(snapshot, since, language)).await.clone();
        if made.is_none() {
            let mut kept = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(_, other)| !Arc::ptr_eq(other, &told));
        }
        made
    }

    fn told(&self, wanted: &ReleaseEventKey) -> CachedReleaseEvent {
        let mut kept = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, told)) = kept.iter().find(|(other, _)| other == wanted) {
            return Arc::clone(told);
        }
        if kept.len() == RELEASES_KEPT {
            kept.pop_front();
        }
        let told = CachedReleaseEvent::default();
        kept.push_back((wanted.clone(), Arc::clone(&told)));
        told
    }

    async fn work_out(&self, snapshot: &Snapshot, since: i32, language: &Language) -> Option<Bytes> {
        let (id, row, language) = (snapshot.place.id, snapshot.release.clone(), language.clone());
        let _turn = self.programmes.turn_for_old().await;
        let work = move |tx: &mut _| {
            let difference = releases::actions::difference(tx, id, row.number, Some(since))?;
            Ok::<_, ProgrammeError>(event::released(&row, since, &difference, &language))
        };
        let made = self.database.read(work).await;
        made.inspect_err(|error| tracing::warn!(%error, "the changes of a release cannot be sent")).ok()
    }
}
