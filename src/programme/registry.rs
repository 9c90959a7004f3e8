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
    agenda::{self, ConferenceRef, document::Listing},
    database::{Connection, Database, DatabaseError, uid_hosts},
    ids::ConferenceId,
    values::Code,
};

/// The latest release as each audience may see it, and its ready-made documents.
#[derive(Debug, Clone)]
struct LatestRelease {
    public: Arc<Snapshot>,
    attendees: Arc<Snapshot>,
    documents: Arc<ReleaseDocuments>,
    listing: Listing,
}

type LatestBySlug = HashMap<Code, LatestRelease>;

/// How often a process looks for releases of other processes of which it got no notification. A redaction must reach it
/// within a second, even while the connection for notifications is down.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long another process may take to make the documents of a release that it published.
const DOCUMENT_WAIT_MAX: Duration = Duration::from_secs(2);

/// The number of releases in the feed.
const FEED_MAX: i64 = 20;

/// How many requests for old releases are served at the same time; the others wait without a connection to the store.
const OLD_RELEASE_READERS_MAX: usize = 2;

/// The latest release of every conference.
#[derive(Clone)]
pub struct Programmes {
    old_release_permits: Arc<Semaphore>,
    current: Arc<ArcSwap<LatestBySlug>>,
    refresh_lock: Arc<Mutex<()>>,
    completion_lock: Arc<Mutex<()>>,
    changed: watch::Sender<()>,
    parts: PartCache,
    secret: ServerSecret,
    document_builder: DocumentBuilder,
}

impl Programmes {
    /// An empty registry. Placeholders are derived from the secret; documents contain the URL.
    pub fn new(secret: ServerSecret, public_url: &str) -> Self {
        let old_release_permits = Arc::new(Semaphore::new(OLD_RELEASE_READERS_MAX));
        let (document_builder, changed) = (DocumentBuilder::new(public_url), watch::Sender::new(()));
        Self {
            old_release_permits,
            current: Arc::default(),
            refresh_lock: Arc::default(),
            completion_lock: Arc::default(),
            changed,
            parts: PartCache::default(),
            secret,
            document_builder,
        }
    }

    /// Waits for permission to load old releases, which takes long.
    pub async fn old_release_permit(&self) -> Option<SemaphorePermit<'_>> {
        // Cannot fail: nothing closes the semaphore.
        self.old_release_permits.acquire().await.ok()
    }

    /// The latest release of a conference that everybody may see: it is not private.
    pub fn public(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.get(slug).filter(|_| self.listing(slug) != Some(Listing::Private))
    }

    /// Who finds a conference; `None` if it has no release.
    pub fn listing(&self, slug: &Code) -> Option<Listing> {
        self.current.load().get(slug).map(|latest| latest.listing)
    }

    /// The latest release of a conference, for a sender who may see it: that was checked before.
    pub fn get(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|latest| Arc::clone(&latest.public))
    }

    /// The cache of other answers that are made from a release.
    pub fn part_cache(&self) -> &PartCache {
        &self.parts
    }

    /// The latest release of a conference that everybody may see, with its documents and its listing.
    pub fn public_with_documents(&self, slug: &str) -> Option<(Arc<Snapshot>, Arc<ReleaseDocuments>, Listing)> {
        let current = self.current.load();
        let latest = current.get(slug).filter(|latest| latest.listing != Listing::Private)?;
        Some((Arc::clone(&latest.public), Arc::clone(&latest.documents), latest.listing))
    }

    /// The latest release of a conference, with its documents, for a sender who may see it.
    pub fn get_with_documents(&self, slug: &str) -> Option<(Arc<Snapshot>, Arc<ReleaseDocuments>)> {
        self.current.load().get(slug).map(|latest| (Arc::clone(&latest.public), Arc::clone(&latest.documents)))
    }

    /// The latest release of a conference, as people with a confirmed registration may see it, for a sender who may see
    /// the conference.
    pub fn get_for_attendees(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|latest| Arc::clone(&latest.attendees))
    }

    /// Notifies whenever other releases are served than before.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The latest release of every listed conference, in order of first date, then slug.
    pub fn listed(&self) -> Vec<Arc<Snapshot>> {
        self.select(|latest| latest.listing == Listing::Listed)
    }

    /// The latest release of every conference that has one, in order of first date, then slug: not for readers.
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        self.select(|_| true)
    }

    fn select(&self, is_selected: fn(&LatestRelease) -> bool) -> Vec<Arc<Snapshot>> {
        let current = self.current.load();
        let selected = current.values().filter(|latest| is_selected(latest));
        let mut snapshots: Vec<_> = selected.map(|latest| Arc::clone(&latest.public)).collect();
        snapshots.sort_by(|a, b| {
            let key = |snapshot: &Snapshot| (snapshot.agenda.conference.starts_on, snapshot.conference.slug.clone());
            key(a).cmp(&key(b))
        });
        snapshots
    }

    /// Loads what was released since the last call. When this returns, every document of it can be read. A document
    /// that nobody has made yet is made when it is requested; a background task makes and stores all of them.
    ///
    /// # Errors
    /// The store fails. Then readers keep the releases that they have.
    pub async fn refresh(&self, database: &Database) -> Result<(), DatabaseError> {
        self.load_newer(database).await?;
        let programmes = self.clone();
        let database = database.clone();
        tokio::spawn(async move { programmes.complete(&database).await });
        Ok(())
    }

    async fn load_newer(&self, database: &Database) -> Result<(), DatabaseError> {
        // One at a time, so that an older read of the store never replaces a newer one.
        let _guard = self.refresh_lock.lock().await;
        let (current, secret, document_builder) =
            (self.current.load_full(), self.secret.clone(), self.document_builder.clone());
        if let Some(newer) =
            database.read(move |tx| load_newer_releases(tx, &current, &secret, &document_builder)).await?
        {
            self.replace_latest(newer);
        }
        Ok(())
    }

    /// Makes and stores the documents that are not stored yet.
    async fn complete(&self, database: &Database) {
        let _guard = self.completion_lock.lock().await;
        let incomplete: Vec<LatestRelease> =
            self.current.load().values().filter(|latest| !latest.documents.is_stored()).cloned().collect();
        for LatestRelease { public, documents, .. } in incomplete {
            if let Err(error) = self.document_builder.complete_and_store(database, &public, documents).await {
                // The next refresh tries again; until then each document is made when it is requested.
                tracing::warn!(%error, "the documents of a release cannot be stored yet");
            }
        }
    }

    fn replace_latest(&self, next: LatestBySlug) {
        let current = self.current.load_full();
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        let mut has_changed = next.len() != current.len();
        for (slug, latest) in next.iter() {
            let earlier = current.get(slug);
            if let Some(earlier) = earlier.filter(|earlier| Arc::ptr_eq(&earlier.public, &latest.public)) {
                if earlier.listing != latest.listing {
                    has_changed = true;
                    tracing::info!(conference.slug = %slug, listing = latest.listing.as_str(), "serving under another listing");
                }
                continue;
            }
            has_changed = true;
            let number = latest.public.release.number;
            if earlier.is_some_and(|earlier| earlier.public.release.number == number) {
                // Rewritten by a redaction: no answer that was made from it before may stay.
                self.parts.clear();
            }
            tracing::info!(conference.slug = %slug, release = number, "serving a release");
        }
        if has_changed {
            self.changed.send_replace(());
        }
    }

    fn has_unstored_documents(&self) -> bool {
        self.current.load().values().any(|latest| !latest.documents.is_stored())
    }

    /// Loads the releases of other processes until `stop` becomes true.
    pub async fn run(self, database: Database, mut stop: watch::Receiver<bool>) {
        let listener = database.listen();
        let mut unstored_since = None;
        loop {
            // The process that published makes the documents; if it stopped before, another does.
            unstored_since = self.has_unstored_documents().then(|| unstored_since.unwrap_or_else(Timer::now));
            let wait = unstored_since.map(|since: Timer| DOCUMENT_WAIT_MAX.saturating_sub(since.elapsed()));
            let pause = wait.filter(|wait| !wait.is_zero()).map_or(POLL_INTERVAL, |wait| wait.min(POLL_INTERVAL));
            tokio::select! {
                () = listener.changed() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let result = match unstored_since.is_some_and(|since| since.elapsed() >= DOCUMENT_WAIT_MAX) {
                true => self.refresh(&database).await,
                false => self.load_newer(&database).await,
            };
            if let Err(error) = result {
                tracing::debug!(%error, "releases of other processes cannot be seen");
            }
        }
    }
}

/// The latest release of every conference; `None` if none is newer than in `current` and none was redacted since.
fn load_newer_releases(
    connection: &mut Connection,
    current: &LatestBySlug,
    secret: &ServerSecret,
    document_builder: &DocumentBuilder,
) -> Result<Option<LatestBySlug>, DatabaseError> {
    let latest_rows = releases::list_latest(connection)?;
    let listings = agenda::actions::listings(connection)?;
    // Private until it is known.
    let listing_of = |id: &ConferenceId| listings.get(id).copied().unwrap_or(Listing::Private);
    let current_by_id: HashMap<ConferenceId, &LatestRelease> =
        current.values().map(|release| (release.public.conference.id, release)).collect();
    let is_current = |release: &LatestRelease, number: i32, updated_at: DateTime<Utc>| {
        let release = &release.public.release;
        release.number == number && release.updated_at == updated_at
    };
    let is_up_to_date = |(id, number, updated_at): &(ConferenceId, i32, DateTime<Utc>)| {
        current_by_id
            .get(id)
            .filter(|release| release.listing == listing_of(id))
            .is_some_and(|release| release.documents.is_stored() && is_current(release, *number, *updated_at))
    };
    if latest_rows.len() == current_by_id.len() && latest_rows.iter().all(is_up_to_date) {
        return Ok(None);
    }
    let uid_host = uid_hosts::find(connection)?.unwrap_or_default().feeds;
    let conferences: HashMap<_, _> =
        agenda::actions::list(connection)?.into_iter().map(|conference| (conference.id, conference)).collect();
    let mut next = LatestBySlug::new();
    for (id, number, updated_at) in latest_rows {
        let Some(conference) = conferences.get(&id) else {
            continue;
        };
        let mut release = match current_by_id.get(&id) {
            Some(release) if is_current(release, number, updated_at) => (*release).clone(),
            earlier => match releases::load_full(connection, id, number) {
                Ok(Some(release)) => {
                    let releases = releases::list_with_summaries(connection, id, number, FEED_MAX)?;
                    latest_release(conference, release, releases, secret, document_builder, &uid_host)
                }
                Ok(None) => continue,
                // A release that cannot be read must not stop the other conferences; its readers keep the one before.
                Err(DatabaseError::Corrupt(reason)) => {
                    tracing::error!(conference.slug = %conference.slug, release = number, reason, "a release cannot be read");
                    match earlier {
                        Some(release) => (*release).clone(),
                        None => continue,
                    }
                }
                Err(error) => return Err(error),
            },
        };
        release.listing = listing_of(&id);
        if !release.documents.is_stored()
            && let Some(documents) = document_builder.load(connection, &release.public)?
        {
            release.documents = Arc::new(documents);
        }
        next.insert(conference.slug.clone(), release);
    }
    Ok(Some(next))
}

/// A stored release, ready for both audiences. Attendees also see it as of the instant of its publication: the end of
/// an embargo leads to a new release.
fn latest_release(
    conference: &ConferenceRef,
    release: super::release::Release,
    releases: Vec<(ReleaseRow, ChangeSummary)>,
    secret: &ServerSecret,
    document_builder: &DocumentBuilder,
    uid_host: &str,
) -> LatestRelease {
    let PublicRelease { row, public_agenda, history } = release.public;
    let attendee_agenda = project(&release.full_agenda, Audience::Attendees, row.released_at, secret);
    let attendees_see_the_same = attendee_agenda == public_agenda;
    let snapshot = |agenda| Snapshot::new(conference.clone(), row.clone(), agenda).with_uid_host(uid_host);
    let public = Arc::new(snapshot(public_agenda).with_history(history).with_releases(releases));
    let attendees = if attendees_see_the_same { Arc::clone(&public) } else { Arc::new(snapshot(attendee_agenda)) };
    let documents = Arc::new(document_builder.unmade_documents(Arc::clone(&public)));
    LatestRelease { public, attendees, documents, listing: Listing::Private }
}
