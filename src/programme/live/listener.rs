//! One open answer.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::{event, hub::Hub, position::Position};
use crate::{
    clock,
    http::places::Place,
    ids::ConferenceId,
    programme::{negotiate::Language, snapshot::Snapshot},
    values::Code,
};

/// How long an answer is silent at most.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Who listens: little enough to have thousands.
pub struct Listener {
    hub: Hub,
    slug: Code,
    conference: ConferenceId,
    language: Language,
    position: Position,
    wake: watch::Receiver<bool>,
    waiting: VecDeque<Bytes>,
    _seat: Place,
}

impl Listener {
    /// One who was told everything up to `position`, or else knows the release as it is now.
    pub fn new(hub: &Hub, snapshot: &Snapshot, language: Language, position: Option<Position>, seat: Place) -> Self {
        let now = clock::now();
        let mut position = position.unwrap_or_else(|| Position::of(&snapshot.release, now));
        position.at = position.at.min(now);
        let waiting = VecDeque::from([event::connected(&snapshot.release), event::end(position)]);
        Self {
            hub: hub.clone(),
            slug: snapshot.place.slug.clone(),
            conference: snapshot.place.id,
            language,
            position,
            wake: hub.subscribe(),
            waiting,
            _seat: seat,
        }
    }

    /// What is sent, piece by piece.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, async |mut listener| Some((Ok(listener.next().await?), listener)))
    }

    /// The next piece; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Some(piece);
            }
            // Gives back what the queue took for the last events.
            self.waiting = VecDeque::new();
            // Seen before the look, so that what comes during it is a reason for another.
            if *self.wake.borrow_and_update() {
                return None;
            }
            self.look().await?;
            if self.waiting.is_empty() {
                tokio::select! {
                    changed = self.wake.changed() => changed.ok()?,
                    () = tokio::time::sleep(SILENCE_MAX) => self.waiting.push_back(event::HEARTBEAT),
                }
            }
        }
    }

    /// Puts together what happened since the position. None where the conference is gone or cannot be told of.
    async fn look(&mut self) -> Option<()> {
        let snapshot = self.hub.programmes().get(&self.slug).filter(|found| found.place.id == self.conference)?;
        let (known, release) = (self.position, &snapshot.release);
        if release.number > known.number {
            let piece = self.hub.release(&snapshot, known.number, &self.language).await?;
            self.tell(piece, Position::of(release, known.at));
        } else if release.number == known.number && release.updated_at > known.updated_at {
            self.tell(event::redacted(release), Position::of(release, known.at));
        }
        self.tell_moments(&snapshot, clock::now());
        Some(())
    }

    fn tell_moments(&mut self, snapshot: &Arc<Snapshot>, now: DateTime<Utc>) {
        let moments = self.hub.moments(snapshot);
        for index in moments.between(self.position.at, now) {
            if let Some((at, piece)) = moments.tell(index, &self.language) {
                self.tell(piece, Position { at, ..self.position });
            }
        }
    }

    fn tell(&mut self, piece: Bytes, position: Position) {
        self.position = position;
        self.waiting.extend([piece, event::end(position)]);
    }
}
