//! Whether registration is open, cached for a few seconds: every page shows it, and a page of the programme must not
//! query the store.

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
    registration::{actions, form_api::shown, service::RegistrationService},
};

/// How long a cached value is used.
const BELIEVED: Duration = Duration::from_secs(5);

/// Whether and when registration is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WindowStatus {
    /// Whether any public category is open.
    pub open: bool,
    pub opens_at: Option<String>,
    pub closes_at: Option<String>,
}

/// Time of the query, and its result.
type Known = (Instant, Option<WindowStatus>);

/// The latest result for each conference.
#[derive(Clone, Default)]
pub struct RegistrationWindow(Arc<Mutex<HashMap<ConferenceId, Known>>>);

impl RegistrationWindow {
    /// Whether registration for a conference is open; `None` if registration is not set up. While the store is
    /// unavailable, the latest known result.
    pub async fn of(&self, service: &RegistrationService, snapshot: &Snapshot) -> Option<WindowStatus> {
        let id = snapshot.place.id;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((_, door)) = known.as_ref().filter(|(at, _)| at.elapsed() < BELIEVED) {
            return door.clone();
        }
        let (place, secret) = (snapshot.place.clone(), service.secret.clone());
        let read = service.database.read(move |tx| actions::form_state(tx, &place, &secret, None)).await;
        let door = match read {
            Ok(state) => {
                let now = clock::now();
                Some(WindowStatus {
                    open: shown(&state).any(|category| state.setup_state.is_open(category, now)),
                    opens_at: state.setup_state.opens_at.map(clock::wire),
                    closes_at: state.setup_state.closes_at.map(clock::wire),
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
