//! The registry of programmes: the latest release of every conference, as this process serves it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant as Timer},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, watch};

use super::{
    documents::{ReleaseDocuments, actions::DocumentBuilder, parts::PartCache},
    release::{ChangeSummary, PublicRelease, ReleaseRow},
    releases,
    snapshot::Snapshot,
    visibility::{Audience, project},
};
use crate::{
    access::ServerSecret,
    agenda::{self, ConferenceRef},
    database::{Connection, Database, DatabaseError},
    ids::ConferenceId,
    values::Code,
};

/// The latest release as each audience may see it, and its ready-made documents.
#[derive(Debug, Clone)]
struct Served {
    public: Arc<Snapshot>,
    attendees: Arc<Snapshot>,
    documents: Arc<ReleaseDocuments>,
}

type BySlug = HashMap<Code, Served>;

/// How often a process looks for releases of other processes of which it got no notification. A redaction must reach it
/// within a second, even while the connection for notifications is down.
const POLL: Duration = Duration::from_millis(500);

/// How long another process may take to make the documents of a release that it published.
const PATIENCE: Duration = Duration::from_secs(2);

/// The number of releases in the feed.
const FEED_MAX: i64 = 20;

/// How many requests for old releases are served at the same time; the others wait without a connection to the store.
const READERS_OF_OLD: usize = 2;

/// The latest release of every conference.
#[derive(Clone)]
pub struct Programmes {
    old: Arc<Semaphore>,
    current: Arc<ArcSwap<BySlug>>,
    refreshing: Arc<Mutex<()>>,
    completing: Arc<Mutex<()>>,
    changed: watch::Sender<()>,
    parts: PartCache,
    secret: ServerSecret,
    maker: DocumentBuilder,
}

impl Programmes {
    /// An empty registry. Placeholders are derived from the secret; documents contain the URL.
    pub fn new(secret: ServerSecret, public_url: &str) -> Self {
        let old = Arc::new(Semaphore::new(READERS_OF_OLD));
        let (maker, changed) = (DocumentBuilder::new(public_url), watch::Sender::new(()));
        Self {
            old,
            current: Arc::default(),
            refreshing: Arc::default(),
            completing: Arc::default(),
            changed,
            parts: PartCache::default(),
            secret,
            maker,
        }
    }

    /// Waits for permission to load old releases, which takes long.
    pub async fn turn_for_old(&self) -> Option<SemaphorePermit<'_>> {
        // Cannot fail: nothing closes the semaphore.
        self.old.acquire().await.ok()
    }

    pub fn get(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|served| Arc::clone(&served.public))
    }

    /// The cache of other answers that are made from a release.
    pub fn parts(&self) -> &PartCache {
        &self.parts
    }

    /// The latest release of a conference, with its documents.
    pub fn get_with_edition(&self, slug: &str) -> Option<(Arc<Snapshot>, Arc<ReleaseDocuments>)> {
        self.current.load().get(slug).map(|served| (Arc::clone(&served.public), Arc::clone(&served.documents)))
    }

    /// The latest release of a conference, as people with a confirmed registration may see it.
    pub fn get_for_attendees(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|served| Arc::clone(&served.attendees))
    }

    /// Notifies whenever other releases are served than before.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The latest release of every conference that has one, in order of first date, then slug.
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        let mut all: Vec<_> = self.current.load().values().map(|served| Arc::clone(&served.public)).collect();
        all.sort_by(|a, b| {
            let key = |snapshot: &Snapshot| (snapshot.agenda.conference.starts_on, snapshot.place.slug.clone());
            key(a).cmp(&key(b))
        });
        all
    }

    /// Loads what was released since the last call. When this returns, every document of it can be read. A document
    /// that nobody has made yet is made when it is requested; a background task makes and stores all of them.
    ///
    /// # Errors
    /// The store fails. Then readers keep the releases that they have.
    pub async fn refresh(&self, database: &Database) -> Result<(), DatabaseError> {
        self.take_up(database).await?;
        let programmes = self.clone();
        let database = database.clone();
        tokio::spawn(async move { programmes.complete(&database).await });
        Ok(())
    }

    async fn take_up(&self, database: &Database) -> Result<(), DatabaseError> {
        // One at a time, so that an older read of the store never replaces a newer one.
        let _turn = self.refreshing.lock().await;
        let (known, secret, maker) = (self.current.load_full(), self.secret.clone(), self.maker.clone());
        if let Some(next) = database.read(move |tx| newer(tx, &known, &secret, &maker)).await? {
            self.serve(next);
        }
        Ok(())
    }

    /// Makes and stores the documents that are not stored yet.
    async fn complete(&self, database: &Database) {
        let _turn = self.completing.lock().await;
        let incomplete: Vec<Served> =
            self.current.load().values().filter(|served| !served.documents.is_stored()).cloned().collect();
        for Served { public, documents, .. } in incomplete {
            if let Err(error) = self.maker.provide(database, &public, documents).await {
                // The next refresh tries again; until then each document is made when it is requested.
                tracing::warn!(%error, "the documents of a release cannot be stored yet");
            }
        }
    }

    fn serve(&self, next: BySlug) {
        let current = self.current.load_full();
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        let mut has_changed = next.len() != current.len();
        for (slug, served) in next.iter() {
            let known = current.get(slug);
            if known.is_some_and(|known| Arc::ptr_eq(&known.public, &served.public)) {
                continue;
            }
            has_changed = true;
            let number = served.public.release.number;
            if known.is_some_and(|known| known.public.release.number == number) {
                // Rewritten by a redaction: no answer that was made from it before may stay.
                self.parts.clear();
            }
            tracing::info!(conference.slug = %slug, release = number, "serving a release");
        }
        if has_changed {
            self.changed.send_replace(());
        }
    }

    fn lacks_an_edition(&self) -> bool {
        self.current.load().values().any(|served| !served.documents.is_stored())
    }

    /// Loads the releases of other processes until `stop` becomes true.
    pub async fn follow(self, database: Database, mut stop: watch::Receiver<bool>) {
        let listener = database.listen();
        let mut lacking_since = None;
        loop {
            // The process that published makes the documents; if it stopped before, another does.
            lacking_since = self.lacks_an_edition().then(|| lacking_since.unwrap_or_else(Timer::now));
            let patience = lacking_since.map(|since: Timer| PATIENCE.saturating_sub(since.elapsed()));
            let pause = patience.filter(|patience| !patience.is_zero()).map_or(POLL, |patience| patience.min(POLL));
            tokio::select! {
                () = listener.woken() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let result = match lacking_since.is_some_and(|since| since.elapsed() >= PATIENCE) {
                true => self.refresh(&database).await,
                false => self.take_up(&database).await,
            };
            if let Err(error) = result {
                tracing::debug!(%error, "releases of other processes cannot be seen");
            }
        }
    }
}

/// The latest release of every conference; `None` if none is newer than in `current` and none was redacted since.
fn newer(
    connection: &mut Connection,
    current: &BySlug,
    secret: &ServerSecret,
    maker: &DocumentBuilder,
) -> Result<Option<BySlug>, DatabaseError> {
    let latest = releases::latest(connection)?;
    let known: HashMap<ConferenceId, &Served> =
        current.values().map(|served| (served.public.place.id, served)).collect();
    let is_current = |served: &Served, number: i32, updated_at: DateTime<Utc>| {
        let release = &served.public.release;
        release.number == number && release.updated_at == updated_at
    };
    let is_known = |(id, number, updated_at): &(ConferenceId, i32, DateTime<Utc>)| {
        known.get(id).is_some_and(|served| served.documents.is_stored() && is_current(served, *number, *updated_at))
    };
    if latest.len() == known.len() && latest.iter().all(is_known) {
        return Ok(None);
    }
    let places: HashMap<_, _> = agenda::actions::list(connection)?.into_iter().map(|place| (place.id, place)).collect();
    let mut next = BySlug::new();
    for (id, number, updated_at) in latest {
        let Some(place) = places.get(&id) else {
            continue;
        };
        let mut served = match known.get(&id) {
            Some(served) if is_current(served, number, updated_at) => (*served).clone(),
            older => match releases::load_whole(connection, id, number) {
                Ok(Some(release)) => {
                    let releases = releases::list_with_words(connection, id, number, FEED_MAX)?;
                    served(place, release, releases, secret, maker)
                }
                Ok(None) => continue,
                // A release that cannot be read must not stop the other conferences; its readers keep the one before.
                Err(DatabaseError::Corrupt(reason)) => {
                    tracing::error!(conference.slug = %place.slug, release = number, reason, "a release cannot be read");
                    match older {
                        Some(served) => (*served).clone(),
                        None => continue,
                    }
                }
                Err(error) => return Err(error),
            },
        };
        if !served.documents.is_stored()
            && let Some(stored) = maker.load(connection, &served.public)?
        {
            served.documents = Arc::new(stored);
        }
        next.insert(place.slug.clone(), served);
    }
    Ok(Some(next))
}

/// A stored release, ready for both audiences. Attendees also see it as of the instant of its publication: the end of
/// an embargo leads to a new release.
fn served(
    place: &ConferenceRef,
    release: super::release::Release,
    releases: Vec<(ReleaseRow, ChangeSummary)>,
    secret: &ServerSecret,
    maker: &DocumentBuilder,
) -> Served {
    let PublicRelease { row, content, history } = release.public;
    let for_attendees = project(&release.full, Audience::Attendees, row.released_at, secret);
    let is_same = for_attendees == content;
    let public = Snapshot::new(place.clone(), row.clone(), content).with_history(history).with_releases(releases);
    let public = Arc::new(public);
    let attendees =
        if is_same { Arc::clone(&public) } else { Arc::new(Snapshot::new(place.clone(), row, for_attendees)) };
    let documents = Arc::new(maker.begin(Arc::clone(&public)));
    Served { public, attendees, documents }
}
