//! Whether registration is open, as of a few seconds ago: every page says so, and a programme page asks no store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    clock,
    ids::ConferenceId,
    programme::Snapshot,
    registration::{actions, api::Desk, form::api::shown},
};

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(5);

/// Whether, and when, one may register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Door {
    /// Whether any category that everybody sees is open.
    pub open: bool,
    /// From when.
    pub opens_at: Option<String>,
    /// Until when.
    pub closes_at: Option<String>,
}

/// What was known of a conference, and since when.
type Known = (Instant, Option<Door>);

/// What was last known of each conference.
#[derive(Clone, Default)]
pub struct Doors(Arc<Mutex<HashMap<ConferenceId, Known>>>);

impl Doors {
    /// Whether one may register for a conference; nothing where no registration is set up. While the store is away,
    /// what was last known.
    pub async fn of(&self, desk: &Desk, snapshot: &Snapshot) -> Option<Door> {
        let id = snapshot.place.id;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((_, door)) = known.as_ref().filter(|(at, _)| at.elapsed() < BELIEVED) {
            return door.clone();
        }
        let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
        let read = desk.database.read(move |tx| actions::form_state(tx, &place, &secret, None)).await;
        let door = match read {
            Ok(state) => {
                let now = clock::now();
                Some(Door {
                    open: shown(&state).any(|category| state.standing.is_open(category, now)),
                    opens_at: state.standing.opens_at.map(clock::wire),
                    closes_at: state.standing.closes_at.map(clock::wire),
                })
            }
            Err(error) => {
                tracing::debug!(%error, "whether registration is open cannot be read");
                known.and_then(|(_, door)| door)
            }
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (Instant::now(), door.clone()));
        door
    }
}
