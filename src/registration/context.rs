//! What every read and every change of a registration needs of its request.

use serde_json::Value;

use crate::{
    access::{Actor, Credentials, ServerSecret},
    agenda::{Agenda, ConferenceRef},
    database::{Connection, DatabaseError},
    http::idempotency::{IdempotencyKey, KeyReused, make_once},
    programme::Snapshot,
};

/// What every read and every change of a registration needs of its request.
#[derive(Clone, Copy)]
pub struct RequestContext<'a> {
    pub conference: &'a ConferenceRef,
    pub released: ReleasedAgenda<'a>,
    pub credentials: &'a Credentials,
    /// The secret from which links are derived.
    pub secret: &'a ServerSecret,
}

impl RequestContext<'_> {
    /// Makes a thing of the conference once for each idempotency key of `actor`: the same request sent again makes
    /// nothing. `make` returns the name of the thing, which alone is stored; this function returns it too.
    ///
    /// # Errors
    /// [`KeyReused`] if the key was used with another body; otherwise those of `make`.
    pub fn make_once<E: From<KeyReused> + From<DatabaseError>>(
        self,
        connection: &mut Connection,
        actor: &Actor,
        key: &IdempotencyKey,
        body: &Value,
        make: impl FnOnce(&mut Connection) -> Result<String, E>,
    ) -> Result<String, E> {
        make_once(connection, key, &self.conference.id.to_string(), &actor.identity(), body, make)
    }
}

/// A released agenda, with the number of its release.
#[derive(Clone, Copy)]
pub struct ReleasedAgenda<'a> {
    /// The agenda with what attendees may see.
    pub agenda: &'a Agenda,
    /// The number of the release; `None` where the seats of sessions are not needed.
    pub number: Option<i32>,
}

impl<'a> ReleasedAgenda<'a> {
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { agenda: &snapshot.agenda, number: snapshot.release.is_released().then_some(snapshot.release.number) }
    }
}
