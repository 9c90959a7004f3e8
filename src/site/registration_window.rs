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
    registration::{actions, form_api::visible_categories, service::RegistrationService},
};

/// How long a cached value is used.
const CACHE_DURATION: Duration = Duration::from_secs(5);

/// Whether and when registration is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WindowStatus {
    /// Whether any public category is open.
    pub open: bool,
    pub opens_at: Option<String>,
    pub closes_at: Option<String>,
}

/// Time of the query, and its result.
type CachedStatus = (Instant, Option<WindowStatus>);

/// The latest result for each conference.
#[derive(Clone, Default)]
pub struct RegistrationWindow(Arc<Mutex<HashMap<ConferenceId, CachedStatus>>>);

impl RegistrationWindow {
    /// Whether registration for a conference is open; `None` if registration is not set up. While the store is
    /// unavailable, the latest known result.
    pub async fn of(&self, service: &RegistrationService, snapshot: &Snapshot) -> Option<WindowStatus> {
        let id = snapshot.conference.id;
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((_, window)) = cached.as_ref().filter(|(at, _)| at.elapsed() < CACHE_DURATION) {
            return window.clone();
        }
        let (conference, secret) = (snapshot.conference.clone(), service.secret.clone());
        let read = service.database.read(move |tx| actions::form_state(tx, &conference, &secret, None)).await;
        let window = match read {
            Ok(state) => {
                let now = clock::now();
                Some(WindowStatus {
                    open: visible_categories(&state)
                        .any(|category| state.setup_state.is_open(category, &snapshot.agenda, now)),
                    opens_at: state.setup_state.opens_at.map(clock::wire),
                    closes_at: state.setup_state.closes_at.map(clock::wire),
                })
            }
            Err(error) => {
                tracing::debug!(%error, "whether registration is open cannot be read");
                cached.and_then(|(_, window)| window)
            }
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (Instant::now(), window.clone()));
        window
    }
}
