//! Releases in memory: what readers are answered from, without the store.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, watch};

use super::{
    history::History,
    publication::{Edition, actions::Maker, parts::Parts},
    release::{
        ReleaseRow,
        store::{self, PublicRelease, Words},
    },
    visibility::{Audience, project},
};
use crate::{
    access::ServerSecret,
    agenda::{
        self, Agenda, Place,
        document::{Organisation, Room, Session, Speaker, Track},
        model::instant,
    },
    database::{Connection, Database, DatabaseError},
    ids::ConferenceId,
    values::Code,
};

/// A release with what its views look up.
#[derive(Debug)]
pub struct Snapshot {
    /// The conference.
    pub place: Place,
    /// Which release it is.
    pub release: ReleaseRow,
    /// The agenda as it was released, its sessions in running order.
    pub agenda: Agenda,
    /// What became of sessions and items over the releases up to this one.
    pub history: History,
    /// The last releases up to this one, the latest first, with what each changed in words.
    pub releases: Vec<(ReleaseRow, Words)>,
    organisations: HashMap<Code, usize>,
    rooms: HashMap<Code, usize>,
    tracks: HashMap<Code, usize>,
    speakers: HashMap<Code, usize>,
}

impl Snapshot {
    /// The release as readers need it.
    pub fn new(place: Place, release: ReleaseRow, mut agenda: Agenda) -> Self {
        fn index<T>(nodes: &[T], code: impl Fn(&T) -> &Code) -> HashMap<Code, usize> {
            nodes.iter().enumerate().map(|(index, node)| (code(node).clone(), index)).collect()
        }
        // Stable: sessions that start together stay in the organisers' order.
        agenda.sessions.sort_by_key(|session| instant(session.starts_at));
        Self {
            organisations: index(&agenda.organisations, |node| &node.code),
            rooms: index(&agenda.rooms, |node| &node.code),
            tracks: index(&agenda.tracks, |node| &node.code),
            speakers: index(&agenda.speakers, |node| &node.code),
            place,
            release,
            agenda,
            history: History::default(),
            releases: Vec::new(),
        }
    }

    /// The same with what became of sessions and items up to it.
    pub fn with_history(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// The organisation of this code.
    pub fn organisation(&self, code: &Code) -> Option<&Organisation> {
        self.organisations.get(code).and_then(|index| self.agenda.organisations.get(*index))
    }

    /// The room of this code.
    pub fn room(&self, code: &Code) -> Option<&Room> {
        self.rooms.get(code).and_then(|index| self.agenda.rooms.get(*index))
    }

    /// The track of this code.
    pub fn track(&self, code: &Code) -> Option<&Track> {
        self.tracks.get(code).and_then(|index| self.agenda.tracks.get(*index))
    }

    /// The speaker of this code.
    pub fn speaker(&self, code: &Code) -> Option<&Speaker> {
        self.speakers.get(code).and_then(|index| self.agenda.speakers.get(*index))
    }

    /// The session of this code.
    pub fn session(&self, code: &Code) -> Option<&Session> {
        self.agenda.sessions.iter().find(|session| session.code == *code)
    }
}

/// A release as each audience may see it, and what is sent to everyone of it.
#[derive(Debug, Clone)]
struct Served {
    public: Arc<Snapshot>,
    attendees: Arc<Snapshot>,
    edition: Arc<Edition>,
}

type BySlug = HashMap<Code, Served>;

/// How often a process looks for releases of other processes that it was not told of. A redaction must reach it within
/// a second, also while the connection that it is told on is away.
const POLL: Duration = Duration::from_millis(500);

/// How long another process may take to make the edition of what it published.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many releases the feed names.
const FEED_MAX: i64 = 20;

/// How many readers of old releases are served at the same time; the others wait without a connection to the store.
const READERS_OF_OLD: usize = 2;

/// The latest release of every conference.
#[derive(Clone)]
pub struct Programmes {
    old: Arc<Semaphore>,
    current: Arc<ArcSwap<BySlug>>,
    refreshing: Arc<Mutex<()>>,
    completing: Arc<Mutex<()>>,
    changed: watch::Sender<()>,
    parts: Parts,
    secret: ServerSecret,
    maker: Maker,
}

impl Programmes {
    /// None yet. Placeholders are derived under the secret; documents name the URL.
    pub fn new(secret: ServerSecret, public_url: &str) -> Self {
        let old = Arc::new(Semaphore::new(READERS_OF_OLD));
        let (maker, changed) = (Maker::new(public_url), watch::Sender::new(()));
        Self {
            old,
            current: Arc::default(),
            refreshing: Arc::default(),
            completing: Arc::default(),
            changed,
            parts: Parts::default(),
            secret,
            maker,
        }
    }

    /// Waits for a turn to load old releases, which takes long.
    pub async fn turn_for_old(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.old.acquire().await.ok()
    }

    /// The latest release of a conference.
    pub fn get(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|served| Arc::clone(&served.public))
    }

    /// The parts of releases that were asked for before.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The latest release of a conference with its edition.
    pub fn get_with_edition(&self, slug: &str) -> Option<(Arc<Snapshot>, Arc<Edition>)> {
        self.current.load().get(slug).map(|served| (Arc::clone(&served.public), Arc::clone(&served.edition)))
    }

    /// The latest release of a conference as those who have a confirmed registration may see it.
    pub fn get_for_attendees(&self, slug: &Code) -> Option<Arc<Snapshot>> {
        self.current.load().get(slug).map(|served| Arc::clone(&served.attendees))
    }

    /// Tells whenever other releases are served than before.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The latest release of every conference that has one, by first day and name.
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        let mut all: Vec<_> = self.current.load().values().map(|served| Arc::clone(&served.public)).collect();
        all.sort_by(|a, b| {
            let key = |snapshot: &Snapshot| (snapshot.agenda.conference.starts_on, snapshot.place.slug.clone());
            key(a).cmp(&key(b))
        });
        all
    }

    /// Takes up what was released since the last call. Every document of it can be read when this returns; those that
    /// nobody made yet are made when they are asked for, and all of them, to be stored, meanwhile.
    ///
    /// # Errors
    /// The store fails; then readers keep what they have.
    pub async fn refresh(&self, database: &Database) -> Result<(), DatabaseError> {
        self.take_up(database).await?;
        let programmes = self.clone();
        let database = database.clone();
        tokio::spawn(async move { programmes.complete(&database).await });
        Ok(())
    }

    async fn take_up(&self, database: &Database) -> Result<(), DatabaseError> {
        // One at a time, so that an older look at the store never replaces a newer one.
        let _turn = self.refreshing.lock().await;
        let (known, secret, maker) = (self.current.load_full(), self.secret.clone(), self.maker.clone());
        if let Some(next) = database.read(move |tx| newer(tx, &known, &secret, &maker)).await? {
            self.serve(next);
        }
        Ok(())
    }

    /// Completes and stores the editions that are not.
    async fn complete(&self, database: &Database) {
        let _turn = self.completing.lock().await;
        let incomplete: Vec<Served> =
            self.current.load().values().filter(|served| !served.edition.is_stored()).cloned().collect();
        for Served { public, edition, .. } in incomplete {
            if let Err(error) = self.maker.provide(database, &public, edition).await {
                // A later look tries again; until then each document is made when it is asked for.
                tracing::warn!(%error, "an edition cannot be stored");
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
                // Rewritten: nothing that was made of it before is kept.
                self.parts.clear();
            }
            tracing::info!(conference.slug = %slug, release = number, "serving a release");
        }
        if has_changed {
            self.changed.send_replace(());
        }
    }

    fn lacks_an_edition(&self) -> bool {
        self.current.load().values().any(|served| !served.edition.is_stored())
    }

    /// Takes up the releases of other processes until `stop` turns true.
    pub async fn follow(self, database: Database, mut stop: watch::Receiver<bool>) {
        let listener = database.listen();
        let mut lacking_since = None;
        loop {
            // Whoever published makes the edition; if they died over it, others do.
            lacking_since = self.lacks_an_edition().then(|| lacking_since.unwrap_or_else(Stopwatch::now));
            let patience = lacking_since.map(|since: Stopwatch| PATIENCE.saturating_sub(since.elapsed()));
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

/// Every conference's latest release, if any is newer than what is `current` or was redacted since.
fn newer(
    connection: &mut Connection,
    current: &BySlug,
    secret: &ServerSecret,
    maker: &Maker,
) -> Result<Option<BySlug>, DatabaseError> {
    let latest = store::latest(connection)?;
    let known: HashMap<ConferenceId, &Served> =
        current.values().map(|served| (served.public.place.id, served)).collect();
    let is_current = |served: &Served, number: i32, updated_at: DateTime<Utc>| {
        let release = &served.public.release;
        release.number == number && release.updated_at == updated_at
    };
    let is_known = |(id, number, updated_at): &(ConferenceId, i32, DateTime<Utc>)| {
        known.get(id).is_some_and(|served| served.edition.is_stored() && is_current(served, *number, *updated_at))
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
            older => match store::load_whole(connection, id, number) {
                Ok(Some(release)) => {
                    let releases = store::list_with_words(connection, id, number, FEED_MAX)?;
                    served(place, release, releases, secret, maker)
                }
                Ok(None) => continue,
                // One release that cannot be read takes nothing away from the readers of the others, nor from its own.
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
        if !served.edition.is_stored()
            && let Some(stored) = maker.load(connection, &served.public)?
        {
            served.edition = Arc::new(stored);
        }
        next.insert(place.slug.clone(), served);
    }
    Ok(Some(next))
}

/// A stored release, ready for both audiences. What attendees see is that of the release's own instant, too: when an
/// embargo ends, a new release comes.
fn served(
    place: &Place,
    release: store::Release,
    releases: Vec<(ReleaseRow, Words)>,
    secret: &ServerSecret,
    maker: &Maker,
) -> Served {
    let PublicRelease { row, content, history } = release.public;
    let for_attendees = project(&release.full, Audience::Attendees, row.released_at, secret);
    let is_same = for_attendees == content;
    let public = Snapshot { releases, ..Snapshot::new(place.clone(), row.clone(), content).with_history(history) };
    let public = Arc::new(public);
    let attendees =
        if is_same { Arc::clone(&public) } else { Arc::new(Snapshot::new(place.clone(), row, for_attendees)) };
    let edition = Arc::new(maker.begin(Arc::clone(&public)));
    Served { public, attendees, edition }
}
