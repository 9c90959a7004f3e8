//! Waiting requests share one commit: while one transaction of a conference commits, the applications that come
//! meanwhile queue, and the next transaction takes all of them. Nobody is answered before the commit; who is
//! refused, or whose row breaks a transaction, takes no neighbour down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use super::{
    RegistrationError,
    intake::{self, Admitted, Application, Intake},
    ledger::Released,
};
use crate::{
    access::ServerSecret,
    database::{Database, DatabaseError},
    ids::ConferenceId,
    programme::Snapshot,
};

/// Applications in one transaction.
const BATCH: usize = 64;

/// What became of one application.
pub struct Taken {
    /// The registration, or why there is none.
    pub outcome: Result<Admitted, RegistrationError>,
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
    let work = move |tx: &mut crate::database::Connection| {
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
    let work = move |tx: &mut crate::database::Connection| {
        let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
        let one = std::slice::from_ref(&application);
        let intake = intake::register_all(tx, &snapshot.place, released, &secret, one)?;
        let outcome = intake.outcomes.into_iter().next().unwrap_or(Err(RegistrationError::NotFound));
        match outcome {
            Err(error) if !matches!(error, RegistrationError::AlreadyRegistered) => Err(error),
            outcome => Ok(Taken { outcome, is_uniform: intake.is_uniform }),
        }
    };
    database.write("register", work).await
}
