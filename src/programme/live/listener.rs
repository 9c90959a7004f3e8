//! One listener: an open answer that sends events.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::{event, hub::Hub, position::Position};
use crate::{
    clock,
    http::slots::Slot,
    ids::ConferenceId,
    programme::{negotiate::Language, snapshot::Snapshot},
    values::Code,
};

/// The longest time without an event or a comment.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// A connected client. It is small, so that thousands fit into memory.
pub struct Listener {
    hub: Hub,
    slug: Code,
    conference: ConferenceId,
    language: Language,
    position: Position,
    wake: watch::Receiver<bool>,
    waiting: VecDeque<Bytes>,
    _seat: Slot,
}

impl Listener {
    /// A listener who received everything up to `position`, or without it, who knows the current release.
    pub fn new(hub: &Hub, snapshot: &Snapshot, language: Language, position: Option<Position>, seat: Slot) -> Self {
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

    /// The answer, piece by piece.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, async |mut listener| Some((Ok(listener.next().await?), listener)))
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Some(piece);
            }
            // Frees the memory of the queue.
            self.waiting = VecDeque::new();
            // Marked as seen before the look, so that what comes during the look leads to another.
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

    /// Collects what happened since the position. Returns `None` if the conference is gone or the changes cannot be
    /// computed.
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
