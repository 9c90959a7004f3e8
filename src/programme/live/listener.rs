//! One listener: an open answer that sends events.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::{event, heartbeat, hub::Hub, position::Position};
use crate::{
    clock,
    http::slots::Slot,
    ids::ConferenceId,
    programme::{negotiate::Language, snapshot::Snapshot},
    values::Code,
};

/// A connected client. It is small, so that thousands fit into memory.
pub struct Listener {
    hub: Hub,
    slug: Code,
    conference: ConferenceId,
    /// Whether everybody may listen.
    is_public: bool,
    language: Language,
    position: Position,
    signal: watch::Receiver<bool>,
    queue: VecDeque<Bytes>,
    _slot: Slot,
}

impl Listener {
    /// A listener who received everything up to `position`, or without it, who knows the current release.
    pub fn new(hub: &Hub, snapshot: &Snapshot, language: Language, position: Option<Position>, slot: Slot) -> Self {
        let now = clock::now();
        let mut position = position.unwrap_or_else(|| Position::of(&snapshot.release, now));
        position.at = position.at.min(now);
        let queue = VecDeque::from([event::connected(&snapshot.release), event::end(position)]);
        Self {
            hub: hub.clone(),
            slug: snapshot.conference.slug.clone(),
            conference: snapshot.conference.id,
            is_public: hub.programmes().public(&snapshot.conference.slug).is_some(),
            language,
            position,
            signal: hub.subscribe(),
            queue,
            _slot: slot,
        }
    }

    /// The answer, part by part.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, async |mut listener| Some((Ok(listener.next().await?), listener)))
    }

    /// The next part of the answer; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            // Frees the memory of the queue.
            self.queue = VecDeque::new();
            // Marked as seen first, so that what comes while events are collected leads to another round.
            if *self.signal.borrow_and_update() {
                return None;
            }
            self.collect_events().await?;
            if self.queue.is_empty() {
                tokio::select! {
                    changed = self.signal.changed() => changed.ok()?,
                    () = tokio::time::sleep(heartbeat::INTERVAL) => self.queue.push_back(heartbeat::COMMENT),
                }
            }
        }
    }

    /// Collects what happened since the position. Returns `None` if the conference is gone or the changes cannot be
    /// computed.
    async fn collect_events(&mut self) -> Option<()> {
        let programmes = self.hub.programmes();
        // A conference that became private is over for whoever listens without a token.
        let snapshot = if self.is_public { programmes.public(&self.slug) } else { programmes.get(&self.slug) };
        let snapshot = snapshot.filter(|snapshot| snapshot.conference.id == self.conference)?;
        let (position, release) = (self.position, &snapshot.release);
        if release.number > position.number {
            let event = self.hub.release_event(&snapshot, position.number, &self.language).await?;
            self.queue_event(event, Position::of(release, position.at));
        } else if release.number == position.number && release.updated_at > position.updated_at {
            self.queue_event(event::redacted(release), Position::of(release, position.at));
        }
        self.queue_schedule_events(&snapshot, clock::now());
        Some(())
    }

    fn queue_schedule_events(&mut self, snapshot: &Arc<Snapshot>, now: DateTime<Utc>) {
        let moments = self.hub.moments(snapshot);
        for index in moments.between(self.position.at, now) {
            if let Some((at, event)) = moments.events_at(index, &self.language) {
                self.queue_event(event, Position { at, ..self.position });
            }
        }
    }

    fn queue_event(&mut self, event: Bytes, position: Position) {
        self.position = position;
        self.queue.extend([event, event::end(position)]);
    }
}
