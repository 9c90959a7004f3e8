//! A queue in front of the registration transaction, so that waiting requests share one commit: while a transaction of
//! a conference commits, new applications wait in the queue, and the next transaction takes all of them. Nobody gets an
//! answer before the commit. An application that is refused, or whose row breaks the transaction, does not harm the
//! others.
//!
//! - Nobody waits for a store that is away or busy: a transaction has [`Database::deadline`]. When it fails for a
//!   reason that no single application caused ([`DatabaseError::for_same_transaction`]), all of its applications get
//!   that answer at once, and so does everybody who waits behind them. So nobody waits longer than one deadline without
//!   a commit.
//! - An application that was answered, or whose client has gone, is not started any more.
//! - A transaction uses the newest release that any of its applications was read against.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    RegistrationError,
    admission::{self, Admission, AdmissionOutcome, Application, BatchOutcome, Receipt},
    context::ReleasedAgenda,
};
use crate::{
    access::{AccessError, ServerSecret},
    agenda::AgendaError,
    database::{Connection, Database, DatabaseError},
    http::idempotency::{IdempotencyKey, StoredAnswer, once},
    ids::ConferenceId,
    programme::Snapshot,
    validation::{self, ValidationErrors},
};

/// The highest number of applications in one transaction.
const BATCH_MAX: usize = 64;

/// What the sender of an application learns.
#[derive(Debug)]
pub enum RegisterOutcome {
    Registered(Receipt),
    /// The person was registered or the address was known: the answer must not say which.
    Undisclosed,
}

impl RegisterOutcome {
    /// The answer to one application; `is_undisclosed` says whether it must not tell if the address was known.
    ///
    /// # Errors
    /// The application is refused. [`RegistrationError::AlreadyRegistered`] unless the answer is undisclosed.
    fn of(admission: Admission, is_undisclosed: bool) -> Result<Self, RegistrationError> {
        match admission? {
            _ if is_undisclosed => Ok(Self::Undisclosed),
            outcome => Ok(Self::Registered(outcome.registered()?.into())),
        }
    }
}

type Answer = oneshot::Sender<Result<RegisterOutcome, RegistrationError>>;

/// An application in the queue.
struct QueuedApplication {
    application: Application,
    /// The release that the application was read against.
    snapshot: Arc<Snapshot>,
    answer: Answer,
}

type Queue = VecDeque<QueuedApplication>;

/// The applications of one process that wait for a transaction, by conference.
#[derive(Clone)]
pub struct CommitQueue {
    database: Database,
    secret: ServerSecret,
    /// A conference has a key in this map while a task works on its queue.
    queues: Arc<Mutex<HashMap<ConferenceId, Queue>>>,
}

impl CommitQueue {
    pub fn new(database: Database, secret: ServerSecret) -> Self {
        Self { database, secret, queues: Arc::default() }
    }

    /// Registers one person.
    ///
    /// # Errors
    /// Those of [`admission::register_all`].
    pub async fn register(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
    ) -> Result<RegisterOutcome, RegistrationError> {
        if !application.can_share_transaction() {
            return self.register_alone(snapshot, application, self.database.deadline()).await;
        }
        let (answer, receiver) = oneshot::channel();
        let conference = snapshot.conference.id;
        let is_first = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = !queues.contains_key(&conference);
            let snapshot = Arc::clone(snapshot);
            queues.entry(conference).or_default().push_back(QueuedApplication { application, snapshot, answer });
            is_first
        };
        if is_first {
            // A task of its own: if this client hangs up, the others must still be served.
            let commit_queue = self.clone();
            tokio::task::spawn_local(async move { commit_queue.process(conference).await });
        }
        receiver.await.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
    }

    /// Registers one person, once for each idempotency key and body: the same request sent again gets the same answer.
    ///
    /// # Errors
    /// Those of [`CommitQueue::register`].
    pub async fn register_once(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
        key: IdempotencyKey,
        body: Value,
    ) -> Result<RegisterOutcome, RegistrationError> {
        let (secret, snapshot, key) = (self.secret.clone(), Arc::clone(snapshot), key.bound_to(&body));
        let work = move |tx: &mut Connection| {
            let scope = (snapshot.conference.id.to_string(), application.actor.identity());
            let answer = once(tx, &key, &scope.0, &scope.1, &body, |tx| {
                let (outcome, is_undisclosed) = register_one(tx, &secret, &snapshot, &application)?;
                Ok::<_, RegistrationError>(match RegisterOutcome::of(Ok(outcome), is_undisclosed)? {
                    RegisterOutcome::Registered(receipt) => StoredAnswer::of(201, None, None, &receipt)?,
                    RegisterOutcome::Undisclosed => StoredAnswer::of(202, None, None, &Value::Null)?,
                })
            })?;
            if answer.status == 202 {
                return Ok(RegisterOutcome::Undisclosed);
            }
            let corrupt =
                |errors: ValidationErrors| DatabaseError::Corrupt(format!("a stored receipt: {}", errors.summary()));
            Ok(RegisterOutcome::Registered(validation::read(answer.read()?).map_err(corrupt)?))
        };
        self.database.write_by("register once", self.database.deadline(), work).await
    }

    /// Works on a conference's queue until it is empty.
    async fn process(&self, conference: ConferenceId) {
        while let Some(batch) = self.next_batch(conference) {
            let Some(snapshot) = newest_snapshot(&batch) else { continue };
            let (applications, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|queued| (queued.application, queued.answer)).unzip();
            let applications = Arc::new(applications);
            match self.register_batch(&snapshot, &applications).await {
                Ok(batch) => {
                    for (outcome, answer) in batch.outcomes.into_iter().zip(answers) {
                        // A client that hung up is registered all the same: the letter says so.
                        _ = answer.send(RegisterOutcome::of(outcome, batch.is_undisclosed));
                    }
                }
                Err(error) => match shared_store_error(&error) {
                    Some(store) => self.fail_all(conference, &store, answers),
                    None => self.register_each(conference, &snapshot, &applications, error, answers).await,
                },
            }
        }
    }

    /// Takes the next batch whose clients still wait. If the queue is empty it is removed from the map, and the result
    /// is `None`.
    fn next_batch(&self, conference: ConferenceId) -> Option<Vec<QueuedApplication>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get_mut(&conference)?;
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX {
            let Some(queued) = queue.pop_front() else { break };
            if !queued.answer.is_closed() {
                batch.push(queued);
            }
        }
        if batch.is_empty() {
            queues.remove(&conference);
            return None;
        }
        Some(batch)
    }

    /// Sends the store's error to the applications of a failed transaction and to everybody who waits behind them.
    fn fail_all(&self, conference: ConferenceId, error: &DatabaseError, answers: Vec<Answer>) {
        let behind = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.get_mut(&conference).map(std::mem::take).unwrap_or_default()
        };
        tracing::warn!(%error, failed = answers.len(), behind = behind.len(), "registrations are refused");
        for answer in answers {
            _ = answer.send(Err(error.for_same_transaction().unwrap_or(DatabaseError::Interrupted).into()));
        }
        for queued in behind {
            _ = queued.answer.send(Err(error.for_later_work().unwrap_or(DatabaseError::Interrupted).into()));
        }
    }

    /// Gives each application of a failed transaction a transaction of its own, within one deadline.
    async fn register_each(
        &self,
        conference: ConferenceId,
        snapshot: &Arc<Snapshot>,
        applications: &[Application],
        error: RegistrationError,
        answers: Vec<Answer>,
    ) {
        let mut answers = answers.into_iter();
        if applications.len() == 1 {
            if let Some(answer) = answers.next() {
                _ = answer.send(Err(error));
            }
            return;
        }
        tracing::debug!(%error, "a shared transaction failed: each application gets its own");
        let deadline = self.database.deadline();
        for application in applications {
            let Some(answer) = answers.next() else { return };
            let result = self.register_alone(snapshot, application.clone(), deadline).await;
            let store_error = result.as_ref().err().and_then(shared_store_error);
            _ = answer.send(result);
            if let Some(store) = store_error.and_then(|store| store.for_later_work()) {
                return self.fail_all(conference, &store, answers.collect());
            }
        }
    }

    async fn register_batch(
        &self,
        snapshot: &Arc<Snapshot>,
        applications: &Arc<Vec<Application>>,
    ) -> Result<BatchOutcome, RegistrationError> {
        let (secret, snapshot, applications) = (self.secret.clone(), Arc::clone(snapshot), Arc::clone(applications));
        let work = move |tx: &mut Connection| {
            let released = ReleasedAgenda::of(&snapshot);
            admission::register_all(tx, &snapshot.conference, released, &secret, &applications)
        };
        self.database.write_by("register", self.database.deadline(), work).await
    }

    /// Registers one person in a transaction of its own. It is not committed if the application is refused after
    /// something was written.
    async fn register_alone(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
        deadline: Instant,
    ) -> Result<RegisterOutcome, RegistrationError> {
        let (secret, snapshot) = (self.secret.clone(), Arc::clone(snapshot));
        let work = move |tx: &mut Connection| register_one(tx, &secret, &snapshot, &application);
        let (outcome, is_undisclosed) = self.database.write_by("register", deadline, work).await?;
        RegisterOutcome::of(Ok(outcome), is_undisclosed)
    }
}

/// The newest release that any of the applications was read against: it includes a session that was just released.
fn newest_snapshot(batch: &[QueuedApplication]) -> Option<Arc<Snapshot>> {
    let release = |queued: &&QueuedApplication| (queued.snapshot.release.number, queued.snapshot.release.updated_at);
    batch.iter().max_by_key(release).map(|queued| Arc::clone(&queued.snapshot))
}

/// The error of the store that is the same for every application; `None` if a single application caused the error.
fn shared_store_error(error: &RegistrationError) -> Option<DatabaseError> {
    let error = match error {
        RegistrationError::Database(error) | RegistrationError::Agenda(AgendaError::Database(error)) => error,
        RegistrationError::Access(AccessError::Database(error)) => error,
        RegistrationError::Agenda(AgendaError::Access(AccessError::Database(error))) => error,
        _ => return None,
    };
    error.for_same_transaction()
}

/// Registers one person; returns also whether the answer must not say whether the address was known.
fn register_one(
    connection: &mut Connection,
    secret: &ServerSecret,
    snapshot: &Snapshot,
    application: &Application,
) -> Result<(AdmissionOutcome, bool), RegistrationError> {
    let released = ReleasedAgenda::of(snapshot);
    let applications = std::slice::from_ref(application);
    let batch = admission::register_all(connection, &snapshot.conference, released, secret, applications)?;
    let is_undisclosed = batch.is_undisclosed;
    Ok((batch.single()?, is_undisclosed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undisclosed_answer_does_not_say_that_an_address_is_already_registered() {
        let already_registered = || Ok(AdmissionOutcome::AlreadyRegistered);
        assert!(matches!(RegisterOutcome::of(already_registered(), true), Ok(RegisterOutcome::Undisclosed)));
        assert!(matches!(RegisterOutcome::of(already_registered(), false), Err(RegistrationError::AlreadyRegistered)));
        let full = || Err(RegistrationError::Full);
        assert!(matches!(RegisterOutcome::of(full(), true), Err(RegistrationError::Full)));
        assert!(matches!(RegisterOutcome::of(full(), false), Err(RegistrationError::Full)));
    }
}
