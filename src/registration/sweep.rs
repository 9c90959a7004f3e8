//! What happens by itself: addresses that were not verified in time expire, offers lapse, invitations end and give back
//! the seats that they reserved, and a newer release's seats of sessions are given to who waits for them. Every process
//! looks; what one has done under the conference's lock the others find done.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    RegistrationError, actions, invitations,
    ledger::{Ledger, Released},
    mailing, session_seats, store,
};
use crate::{
    clock,
    database::{Connection, Database, DatabaseError},
    ids::{BroadcastId, ConferenceId, RegistrationId},
    mail::Wake,
    programme::{Programmes, Snapshot},
};

/// How often a process looks.
const LOOK: Duration = Duration::from_secs(2);
/// How many registrations run out in one look, of each kind.
const LIMIT: i64 = 200;

/// What is due.
#[derive(Default)]
struct Due {
    registrations: Vec<(RegistrationId, ConferenceId)>,
    invitations: Vec<ConferenceId>,
    behind: Vec<ConferenceId>,
    broadcasts: Vec<(BroadcastId, ConferenceId)>,
}

/// Sweeps until `stop` turns true.
pub async fn keep(database: Database, programmes: Programmes, wake: Wake, mut stop: watch::Receiver<bool>) {
    loop {
        match sweep(&database, &programmes).await {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "what has run out cannot be swept now"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Does what is due; answers whether anything was.
///
/// # Errors
/// The store fails.
pub async fn sweep(database: &Database, programmes: &Programmes) -> Result<bool, RegistrationError> {
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
        let work = move |tx: &mut Connection| actions::run_out(tx, &snapshot.place, released(&snapshot), &ids);
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
            let ledger = Ledger::open(tx, &snapshot.place, released(&snapshot))?;
            ledger.close(tx).map(|_| ())
        };
        database.write("follow a release", work).await?;
        did = true;
    }
    for (id, conference) in due.broadcasts {
        let Some(snapshot) = of(conference) else { continue };
        let work =
            move |tx: &mut Connection| mailing::broadcasts::actions::step(tx, &snapshot.place, released(&snapshot), id);
        // A chunk in each transaction, so that nobody waits long for the lock.
        while database.write("write to the next readers", work.clone()).await? {
            did = true;
        }
    }
    Ok(did)
}

fn released(snapshot: &Arc<Snapshot>) -> Released<'_> {
    Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) }
}

fn look(connection: &mut Connection, releases: &[(ConferenceId, i32)]) -> Result<Due, DatabaseError> {
    let now = clock::now();
    Ok(Due {
        registrations: store::run_out(connection, now, LIMIT)?,
        invitations: invitations::conferences_with_those_over(connection, now)?,
        broadcasts: mailing::broadcasts::sending(connection, now)?,
        behind: session_seats::store::behind(connection, releases)?,
    })
}
