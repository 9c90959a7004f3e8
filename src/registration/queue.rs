//! Waiting requests share one commit: while one transaction of a conference commits, the applications that come
//! meanwhile queue, and the next transaction takes all of them. Nobody is answered before the commit; who is
//! refused, or whose row breaks a transaction, takes no neighbour down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    RegistrationError,
    intake::{self, Application, Intake, Receipt},
    ledger::Released,
};
use crate::{
    access::ServerSecret,
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
type Line = Vec<(Application, Answer)>;

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
            return take_alone(&self.database, &self.secret, snapshot, application).await;
        }
        let (answer, answered) = oneshot::channel();
        let conference = snapshot.place.id;
        let is_first = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = !lines.contains_key(&conference);
            lines.entry(conference).or_default().push((application, answer));
            is_first
        };
        if is_first {
            // A task of its own: who hangs up must not leave the others waiting.
            let (queue, snapshot) = (self.clone(), Arc::clone(snapshot));
            tokio::task::spawn_local(async move { queue.work(&snapshot).await });
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
            let corrupt = |faults: Faults| DatabaseError::Corrupt(format!("a kept receipt: {:?}", faults.0));
            Ok(Taken { outcome: Ok(faults::read(answer.read()?).map_err(corrupt)?), is_uniform: false })
        };
        self.database.write("register once", work).await
    }

    async fn work(&self, snapshot: &Arc<Snapshot>) {
        loop {
            let batch = {
                let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                match lines.get_mut(&snapshot.place.id) {
                    Some(line) if !line.is_empty() => line.drain(..line.len().min(BATCH)).collect::<Vec<_>>(),
                    _ => {
                        lines.remove(&snapshot.place.id);
                        return;
                    }
                }
            };
            let (applications, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let applications = Arc::new(applications);
            match take(&self.database, &self.secret, snapshot, &applications).await {
                Ok(intake) => {
                    for (outcome, answer) in intake.outcomes.into_iter().zip(answers) {
                        // Who hung up is registered all the same: the letter says so.
                        let outcome = outcome.map(Receipt::from);
                        _ = answer.send(Ok(Taken { outcome, is_uniform: intake.is_uniform }));
                    }
                }
                Err(error) if applications.len() == 1 => {
                    if let Some(answer) = answers.into_iter().next() {
                        _ = answer.send(Err(error));
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a shared transaction failed: each application gets its own");
                    for (application, answer) in applications.iter().zip(answers) {
                        _ = answer.send(take_alone(&self.database, &self.secret, snapshot, application.clone()).await);
                    }
                }
            }
        }
    }
}

async fn take(
    database: &Database,
    secret: &ServerSecret,
    snapshot: &Arc<Snapshot>,
    applications: &Arc<Vec<Application>>,
) -> Result<Intake, RegistrationError> {
    let (secret, snapshot, applications) = (secret.clone(), Arc::clone(snapshot), Arc::clone(applications));
    let work = move |tx: &mut Connection| {
        let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
        intake::register_all(tx, &snapshot.place, released, &secret, &applications)
    };
    database.write("register", work).await
}

/// Takes one application in a transaction of its own, which is not committed if it is refused after it began to write.
async fn take_alone(
    database: &Database,
    secret: &ServerSecret,
    snapshot: &Arc<Snapshot>,
    application: Application,
) -> Result<Taken, RegistrationError> {
    let (secret, snapshot) = (secret.clone(), Arc::clone(snapshot));
    database.write("register", move |tx| take_one(tx, &secret, &snapshot, &application)).await
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
