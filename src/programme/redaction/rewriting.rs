//! The second step of a redaction: what is stored is rewritten, a release at a time, by whoever asked for it or, should
//! they have died over it, by any process.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{
    mentions::Mentions,
    model::{Redacted, Redaction},
    store::{self, RedactionRow, RewrittenRelease, StoredRelease, StoredScheduled},
};
use crate::{
    access::audit,
    database::{Connection, Database, DatabaseError, blocking},
    http::idempotency,
    ids::{AuditEntryId, ConferenceId, RedactionId},
};

/// How often a process looks for redactions that nobody goes on with; after a failure, twice as long as before.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_MAX: Duration = Duration::from_secs(300);
/// How often who rewrites says that they go on.
const BEAT: Duration = Duration::from_secs(1);
/// How many entries or answers are rewritten in one transaction.
const AT_ONCE: usize = 100;

/// Goes on with what nobody goes on with, until `stop` turns true.
pub async fn keep(database: Database, mut stop: watch::Receiver<bool>) {
    let mut pause = LOOK;
    loop {
        let round = finish_all(&database);
        tokio::select! {
            result = round => pause = match result {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "a redaction cannot be finished yet; it hides all the same");
                    (pause * 2).min(LOOK_MAX)
                }
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn finish_all(database: &Database) -> Result<(), DatabaseError> {
    for id in database.read(store::left_alone).await? {
        if database.write("take up a redaction", move |tx| store::claim(tx, id)).await? {
            tracing::info!(redaction = %id, "finishing a redaction");
            finish(database, id).await?;
        }
    }
    Ok(())
}

/// Rewrites whatever is stored and not rewritten yet, and erases of whom the redaction is. Answers what was done in
/// all; `None` where the conference is gone. Until it ends, no other process takes the redaction up.
///
/// # Errors
/// The store fails; whoever comes next goes on.
pub async fn finish(database: &Database, id: RedactionId) -> Result<Option<Redacted>, DatabaseError> {
    let beats = async {
        loop {
            tokio::time::sleep(BEAT).await;
            if let Err(error) = database.write("go on with a redaction", move |tx| store::renew(tx, id)).await {
                tracing::debug!(%error, "another process may take a redaction up, too");
            }
        }
    };
    tokio::select! {
        done = rewrite_all(database, id) => done,
        () = beats => Ok(None),
    }
}

async fn rewrite_all(database: &Database, id: RedactionId) -> Result<Option<Redacted>, DatabaseError> {
    loop {
        let Some(mut row) = database.read(move |tx| store::find(tx, id)).await? else { return Ok(None) };
        let Some(details) = &row.details else { return Ok(Some(row.report)) };
        let redaction = Arc::new(details.redaction()?);
        // Where another came first, what it left is read again.
        if !(rewrite_releases(database, &mut row, &redaction).await?
            && rewrite_scheduled(database, &mut row, &redaction).await?)
        {
            continue;
        }
        row.report.audit_entries += rewrite_entries(database, &row, &redaction).await?;
        rewrite_answers(database, &row, &redaction).await?;
        let finished = row.clone();
        database.write("finish a redaction", move |tx| store::finish(tx, &finished)).await?;
        match database.empty_journal().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("somebody reads the store for long: its journal still holds what was redacted")
            }
            Err(error) => tracing::error!(%error, "the journal still holds what was redacted"),
        }
        return Ok(Some(row.report));
    }
}

/// A release as a redaction leaves it: whether it changes, and what still speaks of the people.
///
/// # Errors
/// The release cannot be read.
pub fn look_at(
    stored: &StoredRelease,
    redaction: &Redaction,
    at: DateTime<Utc>,
) -> Result<(RewrittenRelease, bool, Mentions), DatabaseError> {
    let mut release = stored.read()?;
    let contents = [redaction.redact(&mut release.content), redaction.redact(&mut release.full)];
    let texts = [redaction.redact_some(&mut release.note), redaction.redact_some(&mut release.force_reason)];
    let past = [redaction.redact_history(&mut release.history), redaction.redact_words(&mut release.words)];
    let changed = [contents, texts, past].concat().contains(&true);
    if changed {
        release.history.forget_digests();
    }
    let rewritten = stored.rewritten(Some(&release).filter(|_| changed), at)?;
    let (number, mut mentions) = (Some(release.number), Mentions::default());
    mentions.look_at(redaction, number, &mut release.full);
    mentions.look_at_text(redaction, number, "#/note", release.note.as_deref());
    mentions.look_at_text(redaction, number, "#/force_reason", release.force_reason.as_deref());
    Ok((rewritten, changed, mentions))
}

/// False where another came first.
async fn rewrite_releases(
    database: &Database,
    row: &mut RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<bool, DatabaseError> {
    loop {
        let (conference, after, to, at) = (row.conference, row.rewritten_to, row.releases_to, row.at);
        let next = database.read(move |tx| store::next_release(tx, conference, after, to)).await?;
        let Some(stored) = next else { return Ok(true) };
        let redaction = Arc::clone(redaction);
        let (release, changed, mentions) = blocking(move || look_at(&stored, &redaction, at)).await?;
        row.rewritten_to = release.number;
        row.report.releases += usize::from(changed);
        row.report.mentions.append(mentions);
        let so_far = row.clone();
        let work = move |tx: &mut Connection| {
            let is_first = store::replace_release(tx, &release)?;
            if is_first {
                store::advance(tx, &so_far)?;
            }
            Ok::<_, DatabaseError>(is_first)
        };
        if !database.write("rewrite a release", work).await? {
            return Ok(false);
        }
    }
}

/// False where another came first.
async fn rewrite_scheduled(
    database: &Database,
    row: &mut RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<bool, DatabaseError> {
    loop {
        let (conference, after) = (row.conference, row.scheduled_to);
        let next = database.read(move |tx| store::next_scheduled(tx, conference, after)).await?;
        let Some(stored) = next else { return Ok(true) };
        let redaction = Arc::clone(redaction);
        let (release, changed) = blocking(move || {
            let (contents, changed) = redacted_scheduled(&stored, &redaction)?;
            Ok::<_, DatabaseError>((stored.rewritten(contents.as_ref())?, changed))
        })
        .await?;
        row.scheduled_to = Some(release.id);
        row.report.scheduled_releases += usize::from(changed);
        let so_far = row.clone();
        let work = move |tx: &mut Connection| {
            let is_first = store::replace_scheduled(tx, &release)?;
            if is_first {
                store::advance(tx, &so_far)?;
            }
            Ok::<_, DatabaseError>(is_first)
        };
        if !database.write("rewrite a scheduled release", work).await? {
            return Ok(false);
        }
    }
}

/// A scheduled release without the people, where it has them.
///
/// # Errors
/// It cannot be read.
pub fn redacted_scheduled(
    stored: &StoredScheduled,
    redaction: &Redaction,
) -> Result<(Option<store::ScheduledContents>, bool), DatabaseError> {
    let mut release = stored.read()?;
    let texts = [redaction.redact_some(&mut release.note), redaction.redact_some(&mut release.force_reason)];
    let changed = redaction.redact(&mut release.full) || texts.contains(&true);
    Ok((Some(release).filter(|_| changed), changed))
}

/// What was written to the trail beside the first step. Answers how many entries that were.
async fn rewrite_entries(
    database: &Database,
    row: &RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<usize, DatabaseError> {
    let (conference, known) = (row.conference, Arc::clone(redaction));
    let (ids, _) = database.read(move |tx| entries_of(tx, conference, &known)).await?;
    let mut count = 0;
    for some in ids.chunks(AT_ONCE).map(<[AuditEntryId]>::to_vec) {
        let redaction = Arc::clone(redaction);
        let work = move |tx: &mut Connection| audit::rewrite(tx, &some, |entry| redaction.redacted_entry(entry));
        count += database.write("rewrite the trail", work).await?;
    }
    Ok(count)
}

/// The entries of the trail that speak of the people, and the last of all.
///
/// # Errors
/// The store fails.
pub fn entries_of(
    connection: &mut Connection,
    conference: ConferenceId,
    redaction: &Redaction,
) -> Result<(Vec<AuditEntryId>, Option<audit::EntryPlace>), DatabaseError> {
    let mut ids = Vec::new();
    let last = audit::each(connection, conference, None, None, |id, entry| {
        ids.extend(redaction.redacted_entry(entry).map(|_| id));
    })?;
    Ok((ids, last))
}

/// What was kept beside the first step.
async fn rewrite_answers(
    database: &Database,
    row: &RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<(), DatabaseError> {
    let (owner, known) = (row.conference.to_string(), Arc::clone(redaction));
    let look = move |tx: &mut Connection| {
        let kept = idempotency::kept(tx, &owner)?;
        idempotency::rewrite(tx, &kept, true, |answer| known.redact_answer(answer))
    };
    let ids = database.read(look).await?;
    for some in ids.chunks(AT_ONCE).map(<[_]>::to_vec) {
        let redaction = Arc::clone(redaction);
        let work = move |tx: &mut Connection| {
            idempotency::rewrite(tx, &some, false, |answer| redaction.redact_answer(answer)).map(|_| ())
        };
        database.write("rewrite kept answers", work).await?;
    }
    Ok(())
}
