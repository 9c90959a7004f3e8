//! Expiry: what the passing of time causes. Registrations whose address was not verified in time expire; offers lapse;
//! invitations end and free the seats that they reserved; after a release, new seats in sessions go to those who wait
//! for them; broadcasts write to their next readers. Every process runs it: what one process has done under the
//! conference's lock, the others find done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    clock,
    database::{Connection, Database, DatabaseError},
    ids::{BroadcastId, ConferenceId, RegistrationId},
    mail::Wake,
    messaging,
    programme::{self, Programmes},
    registration::{
        RegistrationError, actions, context::ReleasedAgenda, reservations, rows, seat_transaction::SeatTransaction,
        session_seats,
    },
};

/// Time between two runs.
const INTERVAL: Duration = Duration::from_secs(2);
/// Limit of registrations of each kind (unverified, with an offer) in one run.
const REGISTRATIONS_MAX: i64 = 200;

/// What a run has to do.
#[derive(Default)]
struct Due {
    registrations: Vec<(RegistrationId, ConferenceId)>,
    /// Conferences with expired invitations that still reserve seats.
    expired_invitations: Vec<ConferenceId>,
    /// Conferences whose seats of sessions were taken from an older release.
    behind_release: Vec<ConferenceId>,
    broadcasts: Vec<(BroadcastId, ConferenceId)>,
}

/// Runs [`expire_due`] every two seconds until `stop` turns true.
pub async fn run(database: Database, programmes: Programmes, wake: Wake, mut stop: watch::Receiver<bool>) {
    let mut over = BTreeSet::new();
    loop {
        match reopen_extended(&database, &programmes, &mut over).await {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "a conference that was extended is reopened by the next run"),
        }
        match expire_due(&database, &programmes).await {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "expiry failed; the next run tries again"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Gives the seats that became free after the end of a conference, when a release moves its end into the future. `over`
/// has the conferences that were over at the last run. Returns whether there was such a conference.
async fn reopen_extended(
    database: &Database,
    programmes: &Programmes,
    over: &mut BTreeSet<ConferenceId>,
) -> Result<bool, RegistrationError> {
    let mut had_work = false;
    for snapshot in programmes.all() {
        let id = snapshot.conference.id;
        if snapshot.agenda.is_over(clock::now()) {
            over.insert(id);
        } else if over.contains(&id) {
            let work = move |tx: &mut Connection| {
                let mut transaction = SeatTransaction::open(tx, &snapshot.conference, ReleasedAgenda::of(&snapshot))?;
                transaction.expect_free_seats();
                transaction.close(tx).map(|_| ())
            };
            database.write("reopen a conference", work).await?;
            over.remove(&id);
            had_work = true;
        }
    }
    Ok(had_work)
}

/// Does everything that is due; returns whether there was anything.
pub async fn expire_due(database: &Database, programmes: &Programmes) -> Result<bool, RegistrationError> {
    let mut snapshots = programmes.all();
    let releases: Vec<(ConferenceId, i32)> =
        snapshots.iter().map(|snapshot| (snapshot.conference.id, snapshot.release.number)).collect();
    let due = database.read(move |tx| find_due(tx, &releases)).await?;
    let mut registrations_by_conference: BTreeMap<ConferenceId, Vec<RegistrationId>> = BTreeMap::new();
    for (registration, conference) in due.registrations {
        registrations_by_conference.entry(conference).or_default().push(registration);
    }
    // Invitations and registrations can be there before the first release.
    let of_broadcasts = due.broadcasts.iter().map(|(_, conference)| conference);
    let conferences = registrations_by_conference.keys().chain(&due.expired_invitations).chain(of_broadcasts);
    let is_released = |id: &ConferenceId| snapshots.iter().any(|snapshot| snapshot.conference.id == *id);
    let unreleased: Vec<ConferenceId> = conferences.filter(|id| !is_released(id)).copied().collect();
    if !unreleased.is_empty() {
        let load = move |tx: &mut Connection| programme::list_unreleased(tx, &unreleased);
        snapshots.extend(database.read(load).await?.into_iter().map(Arc::new));
    }
    let snapshot_of = |id: ConferenceId| snapshots.iter().find(|snapshot| snapshot.conference.id == id).cloned();
    let mut had_work = false;
    for (snapshot, ids) in registrations_by_conference.into_iter().filter_map(|(id, ids)| Some((snapshot_of(id)?, ids)))
    {
        let work = move |tx: &mut Connection| {
            actions::expire_due(tx, &snapshot.conference, ReleasedAgenda::of(&snapshot), &ids)
        };
        database.write("sweep registrations", work).await?;
        had_work = true;
    }
    for snapshot in due.expired_invitations.into_iter().filter_map(snapshot_of) {
        let work = move |tx: &mut Connection| {
            actions::end_expired_invitations(tx, &snapshot.conference, ReleasedAgenda::of(&snapshot))
        };
        database.write("end invitations", work).await?;
        had_work = true;
    }
    for snapshot in due.behind_release.into_iter().filter_map(snapshot_of) {
        let work = move |tx: &mut Connection| {
            let transaction = SeatTransaction::open(tx, &snapshot.conference, ReleasedAgenda::of(&snapshot))?;
            transaction.close(tx).map(|_| ())
        };
        database.write("follow a release", work).await?;
        had_work = true;
    }
    for (id, conference) in due.broadcasts {
        let Some(snapshot) = snapshot_of(conference) else { continue };
        let work = move |tx: &mut Connection| {
            messaging::broadcasts::actions::enqueue_next(tx, &snapshot.conference, ReleasedAgenda::of(&snapshot), id)
        };
        // A chunk in each transaction, so that nobody waits long for the lock.
        while database.write("write to the next readers", work.clone()).await? {
            had_work = true;
        }
    }
    Ok(had_work)
}

fn find_due(connection: &mut Connection, releases: &[(ConferenceId, i32)]) -> Result<Due, DatabaseError> {
    let now = clock::now();
    Ok(Due {
        registrations: rows::due_for_expiry(connection, now, REGISTRATIONS_MAX)?,
        expired_invitations: reservations::conferences_with_expired(connection, now)?,
        broadcasts: messaging::broadcasts::list_due(connection, now)?,
        behind_release: session_seats::conferences_behind_release(connection, releases)?,
    })
}
