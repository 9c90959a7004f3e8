//! What the handlers of registrations share: the store, the releases, and the way to write.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{
    RegistrationError,
    commit_queue::CommitQueue,
    context::{ReleasedAgenda, RequestContext},
    reservations,
};
use crate::{
    access::{Credentials, Operation, RateLimit, ServerSecret, authorise},
    agenda, clock,
    database::{Connection, Database, DatabaseError, Retry},
    http::Problem,
    mail::{SenderDomains, Wake},
    programme::{self, Programmes, Snapshot},
    values::Code,
};

/// Marks a request to register at a conference that is not public: only its body can have the invitation that it needs.
#[derive(Debug, Clone, Copy)]
pub struct NeedsInvitation;

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
    /// The domains that the senders of letters may have.
    pub sender_domains: SenderDomains,
    /// The folder for the files of exports while they are written and sent.
    pub scratch_folder: Arc<std::path::Path>,
}

impl RegistrationService {
    /// The latest release of a conference; before the first one, what its draft says of the conference itself, without
    /// sessions: everything about registration can be prepared then. Whether the sender may see the conference was
    /// checked before the handler ran.
    ///
    /// # Errors
    /// [`RegistrationError::NoConference`] if there is none.
    pub async fn conference(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        match self.programmes.get(slug) {
            Some(snapshot) => Ok(snapshot),
            None => self.unreleased(slug).await,
        }
    }

    /// Like [`RegistrationService::conference`], with what attendees may see of the release.
    ///
    /// # Errors
    /// [`RegistrationError::NoConference`] if there is none.
    pub async fn conference_for_attendees(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        match self.programmes.get_for_attendees(slug) {
            Some(snapshot) => Ok(snapshot),
            None => self.unreleased(slug).await,
        }
    }

    async fn unreleased(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        let slug = slug.clone();
        let load = move |tx: &mut Connection| {
            let conference = agenda::actions::lookup(tx, &slug)?;
            Ok::<_, RegistrationError>(conference.map(|conference| programme::unreleased(tx, conference)).transpose()?)
        };
        self.database.read(load).await?.map(Arc::new).ok_or(RegistrationError::NoConference)
    }

    /// Whether the code is that of an invitation to the conference which can be used. Each code that is tried counts.
    ///
    /// # Errors
    /// The sender tried too many; the store fails.
    pub async fn is_invited(&self, request: &HttpRequest, slug: &Code, code: Option<String>) -> Result<bool, Problem> {
        let Some(code) = code else { return Ok(false) };
        self.code_limit.check(request)?;
        let (slug, secret) = (slug.clone(), self.secret.clone());
        let find = move |tx: &mut Connection| {
            let Some(conference) = agenda::actions::lookup(tx, &slug)? else { return Ok(false) };
            match reservations::find_by_code(tx, &conference, &secret, &code, clock::now()) {
                Ok(_) => Ok(true),
                Err(RegistrationError::InvitationInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        };
        Ok(self.database.read(find).await?)
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
