//! Waiting requests share one commit: while one transaction of a conference commits, the applications that come
//! meanwhile queue, and the next transaction takes all of them. Nobody is answered before the commit; who is
//! refused, or whose row breaks a transaction, takes no neighbour down.
//!
//! - Nobody waits for a store that is away or busy: a transaction has [`Database::deadline`]. When it fails for a
//!   reason that none of its applications is ([`DatabaseError::of_all`]), all of them get that answer at once, and so
//!   does everybody in the line, who is not begun. So nobody waits longer than one deadline without a commit.
//! - What was answered is never begun, and neither is what nobody waits for any more.
//! - A transaction judges by the newest release that any of its applications was read against.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    RegistrationError,
    intake::{self, Application, Intake, Receipt},
    ledger::Released,
};
use crate::{
    access::{AccessError, ServerSecret},
    agenda::AgendaError,
    database::{Connection, Database, DatabaseError},
    faults::{self, Faults},
    http::idempotency::{IdempotencyKey, StoredAnswer, once},
    ids::ConferenceId,
    programme::Snapshot,
};

/// Applications in one transaction.
const BATCH: usize = 64;

/// What became of one application.
pub struct Taken {
    /// The registration, or why there is none.
    pub outcome: Result<Receipt, RegistrationError>,
    /// Whether answers must not say whether an address was known.
    pub is_uniform: bool,
}

type Answer = oneshot::Sender<Result<Taken, RegistrationError>>;

/// Somebody in the line.
struct Waiting {
    application: Application,
    /// The release that it was read against.
    snapshot: Arc<Snapshot>,
    answer: Answer,
}

type Line = VecDeque<Waiting>;

/// The applications of one process that wait for a transaction, by conference.
#[derive(Clone)]
pub struct Queue {
    database: Database,
    secret: ServerSecret,
    /// A conference is a key while a task works on its line.
    lines: Arc<Mutex<HashMap<ConferenceId, Line>>>,
}

impl Queue {
    /// An empty queue.
    pub fn new(database: Database, secret: ServerSecret) -> Self {
        Self { database, secret, lines: Arc::default() }
    }

    /// Takes one application in.
    ///
    /// # Errors
    /// Those of [`intake::register_all`].
    pub async fn register(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
    ) -> Result<Taken, RegistrationError> {
        if !application.is_plain() {
            return self.take_alone(snapshot, application, self.database.deadline()).await;
        }
        let (answer, answered) = oneshot::channel();
        let conference = snapshot.place.id;
        let is_first = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = !lines.contains_key(&conference);
            let snapshot = Arc::clone(snapshot);
            lines.entry(conference).or_default().push_back(Waiting { application, snapshot, answer });
            is_first
        };
        if is_first {
            // A task of its own: who hangs up must not leave the others waiting.
            let queue = self.clone();
            tokio::task::spawn_local(async move { queue.work(conference).await });
        }
        answered.await.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
    }

    /// Takes one application in once for the key: what was `sent` again is answered again.
    ///
    /// # Errors
    /// The key came with another application; else those of [`Queue::register`].
    pub async fn register_once(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
        (key, sent): (IdempotencyKey, Value),
    ) -> Result<Taken, RegistrationError> {
        let (secret, snapshot) = (self.secret.clone(), Arc::clone(snapshot));
        let work = move |tx: &mut Connection| {
            let scope = (snapshot.place.id.to_string(), application.actor.identity());
            let answer = once(tx, &key, (&scope.0, &scope.1), &sent, |tx| {
                let taken = take_one(tx, &secret, &snapshot, &application)?;
                match taken.outcome {
                    Ok(receipt) if !taken.is_uniform => Ok(StoredAnswer::of(201, None, None, &receipt)?),
                    Ok(_) | Err(RegistrationError::AlreadyRegistered) if taken.is_uniform => {
                        Ok(StoredAnswer::of(202, None, None, &Value::Null)?)
                    }
                    Ok(_) => Err(RegistrationError::NotFound),
                    Err(error) => Err(error),
                }
            })?;
            if answer.status == 202 {
                return Ok(Taken { outcome: Err(RegistrationError::AlreadyRegistered), is_uniform: true });
            }
            let corrupt = |faults: Faults| DatabaseError::Corrupt(format!("a kept receipt: {}", faults.places()));
            Ok(Taken { outcome: Ok(faults::read(answer.read()?).map_err(corrupt)?), is_uniform: false })
        };
        self.database.write_by("register once", self.database.deadline(), work).await
    }

    /// Works on a conference's line until it is empty.
    async fn work(&self, conference: ConferenceId) {
        while let Some(batch) = self.next(conference) {
            let Some(snapshot) = newest(&batch) else { continue };
            let (applications, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.application, waiting.answer)).unzip();
            let applications = Arc::new(applications);
            match self.take(&snapshot, &applications).await {
                Ok(intake) => {
                    for (outcome, answer) in intake.outcomes.into_iter().zip(answers) {
                        // Who hung up is registered all the same: the letter says so.
                        let outcome = outcome.map(Receipt::from);
                        _ = answer.send(Ok(Taken { outcome, is_uniform: intake.is_uniform }));
                    }
                }
                Err(error) => match of_store(&error) {
                    Some(store) => self.give_up(conference, &store, answers),
                    None => self.take_each(conference, &snapshot, &applications, (error, answers)).await,
                },
            }
        }
    }

    /// The next of a line whom somebody waits for; `None`, and nobody works on the line any more, if it is empty.
    fn next(&self, conference: ConferenceId) -> Option<Vec<Waiting>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get_mut(&conference)?;
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(waiting) = line.pop_front() else { break };
            if !waiting.answer.is_closed() {
                batch.push(waiting);
            }
        }
        if batch.is_empty() {
            lines.remove(&conference);
            return None;
        }
        Some(batch)
    }

    /// Answers those of a transaction that the store failed, and everybody who waits behind them.
    fn give_up(&self, conference: ConferenceId, error: &DatabaseError, answers: Vec<Answer>) {
        let behind = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.get_mut(&conference).map(std::mem::take).unwrap_or_default()
        };
        tracing::warn!(%error, failed = answers.len(), behind = behind.len(), "registrations are refused");
        for answer in answers {
            _ = answer.send(Err(error.of_all().unwrap_or(DatabaseError::Interrupted).into()));
        }
        for waiting in behind {
            _ = waiting.answer.send(Err(error.of_those_behind().unwrap_or(DatabaseError::Interrupted).into()));
        }
    }

    /// Gives each application of a failed transaction one of its own, within one deadline.
    async fn take_each(
        &self,
        conference: ConferenceId,
        snapshot: &Arc<Snapshot>,
        applications: &[Application],
        (error, answers): (RegistrationError, Vec<Answer>),
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
            let taken = self.take_alone(snapshot, application.clone(), deadline).await;
            let failed = taken.as_ref().err().and_then(of_store);
            _ = answer.send(taken);
            if let Some(store) = failed.and_then(|store| store.of_those_behind()) {
                return self.give_up(conference, &store, answers.collect());
            }
        }
    }

    async fn take(
        &self,
        snapshot: &Arc<Snapshot>,
        applications: &Arc<Vec<Application>>,
    ) -> Result<Intake, RegistrationError> {
        let (secret, snapshot, applications) = (self.secret.clone(), Arc::clone(snapshot), Arc::clone(applications));
        let work = move |tx: &mut Connection| {
            let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            intake::register_all(tx, &snapshot.place, released, &secret, &applications)
        };
        self.database.write_by("register", self.database.deadline(), work).await
    }

    /// Takes one application in a transaction of its own, which is not committed if it is refused after it began to
    /// write.
    async fn take_alone(
        &self,
        snapshot: &Arc<Snapshot>,
        application: Application,
        deadline: Instant,
    ) -> Result<Taken, RegistrationError> {
        let (secret, snapshot) = (self.secret.clone(), Arc::clone(snapshot));
        let work = move |tx: &mut Connection| take_one(tx, &secret, &snapshot, &application);
        self.database.write_by("register", deadline, work).await
    }
}

/// The newest release that any of them was read against: a session that was just released is in it.
fn newest(batch: &[Waiting]) -> Option<Arc<Snapshot>> {
    let of = |waiting: &&Waiting| (waiting.snapshot.release.number, waiting.snapshot.release.updated_at);
    batch.iter().max_by_key(of).map(|waiting| Arc::clone(&waiting.snapshot))
}

/// What the store answers to every application alike, if that is what happened.
fn of_store(error: &RegistrationError) -> Option<DatabaseError> {
    let error = match error {
        RegistrationError::Database(error) | RegistrationError::Agenda(AgendaError::Database(error)) => error,
        RegistrationError::Access(AccessError::Database(error)) => error,
        RegistrationError::Agenda(AgendaError::Access(AccessError::Database(error))) => error,
        _ => return None,
    };
    error.of_all()
}

fn take_one(
    connection: &mut Connection,
    secret: &ServerSecret,
    snapshot: &Snapshot,
    application: &Application,
) -> Result<Taken, RegistrationError> {
    let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
    let one = std::slice::from_ref(application);
    let intake = intake::register_all(connection, &snapshot.place, released, secret, one)?;
    let outcome = intake.outcomes.into_iter().next().unwrap_or(Err(RegistrationError::NotFound));
    match outcome {
        Err(error) if !matches!(error, RegistrationError::AlreadyRegistered) => Err(error),
        outcome => Ok(Taken { outcome: outcome.map(Receipt::from), is_uniform: intake.is_uniform }),
    }
}
