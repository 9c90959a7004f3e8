//! Expiry: what the passing of time causes. Registrations whose address was not verified in time expire; offers lapse;
//! invitations end and free the seats that they reserved; after a release, new seats in sessions go to those who wait
//! for them; broadcasts write to their next readers. Every process runs it: what one process has done under the
//! conference's lock, the others find done.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    clock,
    database::{Connection, Database, DatabaseError},
    ids::{BroadcastId, ConferenceId, RegistrationId},
    mail::Wake,
    messaging,
    programme::{Programmes, Snapshot},
    registration::{RegistrationError, actions, context::ReleasedAgenda, seat_transaction::SeatTransaction},
};

/// Time between two runs.
const LOOK: Duration = Duration::from_secs(2);
/// Limit of registrations of each kind (unverified, with an offer) in one run.
const LIMIT: i64 = 200;

/// What a run has to do.
#[derive(Default)]
struct Due {
    registrations: Vec<(RegistrationId, ConferenceId)>,
    invitations: Vec<ConferenceId>,
    behind: Vec<ConferenceId>,
    broadcasts: Vec<(BroadcastId, ConferenceId)>,
}

/// Runs [`expire_due`] every two seconds until `stop` turns true.
pub async fn run(database: Database, programmes: Programmes, wake: Wake, mut stop: watch::Receiver<bool>) {
    loop {
        match expire_due(&database, &programmes).await {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "expiry failed; the next run tries again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Does everything that is due. Answers whether there was anything.
pub async fn expire_due(database: &Database, programmes: &Programmes) -> Result<bool, RegistrationError> {
    let snapshots = programmes.all();
    let releases: Vec<(ConferenceId, i32)> =
        snapshots.iter().map(|snapshot| (snapshot.place.id, snapshot.release.number)).collect();
    let due = database.read(move |tx| look(tx, &releases)).await?;
    let mut of_conference: BTreeMap<ConferenceId, Vec<RegistrationId>> = BTreeMap::new();
    for (registration, conference) in due.registrations {
        of_conference.entry(conference).or_default().push(registration);
    }
    let of = |id: ConferenceId| snapshots.iter().find(|snapshot| snapshot.place.id == id).cloned();
    let mut did = false;
    for (snapshot, ids) in of_conference.into_iter().filter_map(|(id, ids)| Some((of(id)?, ids))) {
        let work = move |tx: &mut Connection| {
            crate::registration::actions::expire_due(tx, &snapshot.place, released(&snapshot), &ids)
        };
        database.write("sweep registrations", work).await?;
        did = true;
    }
    for snapshot in due.invitations.into_iter().filter_map(of) {
        let work = move |tx: &mut Connection| actions::end_invitations(tx, &snapshot.place, released(&snapshot));
        database.write("end invitations", work).await?;
        did = true;
    }
    for snapshot in due.behind.into_iter().filter_map(of) {
        let work = move |tx: &mut Connection| {
            let transaction = SeatTransaction::open(tx, &snapshot.place, released(&snapshot))?;
            transaction.close(tx).map(|_| ())
        };
        database.write("follow a release", work).await?;
        did = true;
    }
    for (id, conference) in due.broadcasts {
        let Some(snapshot) = of(conference) else { continue };
        let work = move |tx: &mut Connection| {
            messaging::broadcasts::actions::step(tx, &snapshot.place, released(&snapshot), id)
        };
        // A chunk in each transaction, so that nobody waits long for the lock.
        while database.write("write to the next readers", work.clone()).await? {
            did = true;
        }
    }
    Ok(did)
}

fn released(snapshot: &Arc<Snapshot>) -> ReleasedAgenda<'_> {
    ReleasedAgenda { agenda: &snapshot.agenda, number: Some(snapshot.release.number) }
}

fn look(connection: &mut Connection, releases: &[(ConferenceId, i32)]) -> Result<Due, DatabaseError> {
    let now = clock::now();
    Ok(Due {
        registrations: crate::registration::rows::due_for_expiry(connection, now, LIMIT)?,
        invitations: crate::registration::reservations::conferences_with_expired(connection, now)?,
        broadcasts: messaging::broadcasts::sending(connection, now)?,
        behind: crate::registration::session_seats::conferences_behind_release(connection, releases)?,
    })
}
