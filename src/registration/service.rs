//! What the handlers of registrations share: the store, the releases, and the way to write.

use std::sync::Arc;

use super::{
    RegistrationError,
    commit_queue::CommitQueue,
    context::{ReleasedAgenda, RequestContext},
};
use crate::{
    access::{Credentials, Operation, RateLimit, ServerSecret, authorise},
    database::{Connection, Database, DatabaseError, Retry},
    mail::Wake,
    programme::{Programmes, Snapshot},
    values::Code,
};

/// What the handlers of registrations share.
#[derive(Clone)]
pub struct RegistrationService {
    pub database: Database,
    /// The releases in memory.
    pub programmes: Programmes,
    /// The secret from which links are derived.
    pub secret: ServerSecret,
    /// The address on which links to the service are based.
    pub public_url: Arc<str>,
    /// Wakes the mail worker.
    pub wake: Wake,
    /// How often one client may register.
    pub registration_limit: RateLimit,
    /// How often one client may try invitation codes.
    pub code_limit: RateLimit,
    pub queue: CommitQueue,
    /// The folder for the files of exports while they are written and sent.
    pub scratch_folder: Arc<std::path::Path>,
}

impl RegistrationService {
    /// The latest release of a conference.
    ///
    /// # Errors
    /// [`RegistrationError::NoConference`] if there is none.
    pub fn snapshot(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        self.programmes.get(slug).ok_or(RegistrationError::NoConference)
    }

    /// Checks that the sender may do `operation`, before the body of the request is read.
    ///
    /// # Errors
    /// [`RegistrationError::Access`] if the access policy does not allow it.
    pub async fn authorise(
        &self,
        snapshot: &Snapshot,
        credentials: &Credentials,
        operation: Operation,
    ) -> Result<(), RegistrationError> {
        let (credentials, conference) = (credentials.clone(), snapshot.conference.id);
        let check = move |tx: &mut Connection| {
            authorise(tx, &credentials, operation, Some(conference)).map(|_| ()).map_err(RegistrationError::from)
        };
        self.database.read(check).await
    }

    /// Runs `work` in one read transaction.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read<T: Send + 'static, E: From<DatabaseError> + Send + 'static>(
        &self,
        snapshot: &Arc<Snapshot>,
        credentials: Credentials,
        work: impl FnOnce(&mut Connection, RequestContext<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (snapshot, secret) = (Arc::clone(snapshot), self.secret.clone());
        self.database
            .read(move |tx| {
                let released = ReleasedAgenda::of(&snapshot);
                let conference = &snapshot.conference;
                work(tx, RequestContext { conference, released, credentials: &credentials, secret: &secret })
            })
            .await
    }

    /// Runs `work` in one write transaction, and then wakes the mail worker.
    ///
    /// # Errors
    /// Those of `work`; nothing was written then.
    pub async fn write<T: Send + 'static, E: From<DatabaseError> + Retry + Send + 'static>(
        &self,
        name: &'static str,
        snapshot: &Arc<Snapshot>,
        credentials: Credentials,
        work: impl Fn(&mut Connection, RequestContext<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (snapshot, secret) = (Arc::clone(snapshot), self.secret.clone());
        let result = self
            .database
            .write(name, move |tx| {
                let released = ReleasedAgenda::of(&snapshot);
                let conference = &snapshot.conference;
                work(tx, RequestContext { conference, released, credentials: &credentials, secret: &secret })
            })
            .await;
        self.wake.wake();
        result
    }
}
