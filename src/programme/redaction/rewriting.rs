//! The second step of a redaction: the stored data are rewritten, one release at a time, by the process that started it
//! or, if that stopped, by any process.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{
    mentions::Mentions,
    model::Redaction,
    report::RedactionReport,
    store::{self, RedactionRow, RewrittenRelease, StoredRelease, StoredScheduled},
};
use crate::{
    access::audit,
    database::{Connection, Database, DatabaseError, blocking},
    http::idempotency,
    ids::{AuditEntryId, ConferenceId, RedactionId},
};

/// The time between two searches for abandoned redactions; after a failure it doubles, up to `POLL_INTERVAL_MAX`.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(300);
/// How often a process that rewrites renews its lease.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);
/// How many audit entries or stored answers are rewritten in one transaction.
const BATCH_SIZE: usize = 100;

/// Finishes abandoned redactions, until `stop` becomes true.
pub async fn run(database: Database, mut stop: watch::Receiver<bool>) {
    let mut pause = POLL_INTERVAL;
    loop {
        let finishing = finish_all(&database);
        tokio::select! {
            result = finishing => pause = match result {
                Ok(()) => POLL_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "a redaction cannot be finished yet; it hides all the same");
                    (pause * 2).min(POLL_INTERVAL_MAX)
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
    for id in database.read(super::store::abandoned).await? {
        if database.write("take up a redaction", move |tx| store::claim(tx, id)).await? {
            tracing::info!(redaction = %id, "finishing a redaction");
            finish(database, id).await?;
        }
    }
    Ok(())
}

/// Rewrites everything stored that is not rewritten yet, and erases the record of the person. Returns the whole report;
/// `None` if the conference is gone. Until it ends, no other process takes the redaction over.
///
/// # Errors
/// The store fails. The next process goes on.
pub async fn finish(database: &Database, id: RedactionId) -> Result<Option<RedactionReport>, DatabaseError> {
    let renewals = async {
        loop {
            tokio::time::sleep(RENEWAL_INTERVAL).await;
            if let Err(error) = database.write("go on with a redaction", move |tx| store::renew(tx, id)).await {
                tracing::debug!(%error, "another process may take a redaction up, too");
            }
        }
    };
    tokio::select! {
        report = rewrite_all(database, id) => report,
        () = renewals => Ok(None),
    }
}

async fn rewrite_all(database: &Database, id: RedactionId) -> Result<Option<RedactionReport>, DatabaseError> {
    loop {
        let Some(mut row) = database.read(move |tx| store::find(tx, id)).await? else { return Ok(None) };
        let Some(details) = &row.details else { return Ok(Some(row.report)) };
        let redaction = Arc::new(details.redaction()?);
        // If another process came first, read again.
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

/// A release after a redaction, whether it changed, and what still mentions the people.
///
/// # Errors
/// The release cannot be read.
pub fn redact_release(
    stored: &StoredRelease,
    redaction: &Redaction,
    at: DateTime<Utc>,
) -> Result<(RewrittenRelease, bool, Mentions), DatabaseError> {
    let mut release = stored.read()?;
    let contents = [redaction.redact(&mut release.public_agenda), redaction.redact(&mut release.full_agenda)];
    let texts = [redaction.redact_optional(&mut release.note), redaction.redact_optional(&mut release.force_reason)];
    let history =
        [redaction.redact_history(&mut release.history), redaction.redact_change_summary(&mut release.change_summary)];
    let changed = [contents, texts, history].concat().contains(&true);
    if changed {
        release.history.clear_digests();
    }
    let rewritten = stored.rewritten(Some(&release).filter(|_| changed), at)?;
    let (number, mut mentions) = (Some(release.number), Mentions::default());
    mentions.search_agenda(redaction, number, &release.full_agenda);
    mentions.search_text(redaction, number, "#/note", release.note.as_deref());
    mentions.search_text(redaction, number, "#/force_reason", release.force_reason.as_deref());
    Ok((rewritten, changed, mentions))
}

/// Returns false if another process came first.
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
        let (release, changed, mentions) = blocking(move || redact_release(&stored, &redaction, at)).await?;
        row.rewritten_to = release.number;
        row.report.releases += usize::from(changed);
        row.report.mentions.append(mentions);
        let progress = row.clone();
        let work = move |tx: &mut Connection| {
            let is_first = store::replace_release(tx, &release)?;
            if is_first {
                store::advance(tx, &progress)?;
            }
            Ok::<_, DatabaseError>(is_first)
        };
        if !database.write("rewrite a release", work).await? {
            return Ok(false);
        }
    }
}

/// Returns false if another process came first.
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
            let (contents, changed) = redact_scheduled(&stored, &redaction)?;
            Ok::<_, DatabaseError>((stored.rewritten(contents.as_ref())?, changed))
        })
        .await?;
        row.scheduled_to = Some(release.id);
        row.report.scheduled_releases += usize::from(changed);
        let progress = row.clone();
        let work = move |tx: &mut Connection| {
            let is_first = store::replace_scheduled(tx, &release)?;
            if is_first {
                store::advance(tx, &progress)?;
            }
            Ok::<_, DatabaseError>(is_first)
        };
        if !database.write("rewrite a scheduled release", work).await? {
            return Ok(false);
        }
    }
}

/// A scheduled release without the people, if it contains them.
///
/// # Errors
/// It cannot be read.
pub fn redact_scheduled(
    stored: &StoredScheduled,
    redaction: &Redaction,
) -> Result<(Option<store::ScheduledContents>, bool), DatabaseError> {
    let mut release = stored.read()?;
    let texts = [redaction.redact_optional(&mut release.note), redaction.redact_optional(&mut release.force_reason)];
    let changed = redaction.redact(&mut release.full_agenda) || texts.contains(&true);
    Ok((Some(release).filter(|_| changed), changed))
}

/// Rewrites what was written to the audit trail during the first step. Returns the number of entries.
async fn rewrite_entries(
    database: &Database,
    row: &RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<usize, DatabaseError> {
    let (conference, shared) = (row.conference, Arc::clone(redaction));
    let (ids, _) = database.read(move |tx| find_audit_entries(tx, conference, &shared)).await?;
    let mut count = 0;
    for batch in ids.chunks(BATCH_SIZE).map(<[AuditEntryId]>::to_vec) {
        let redaction = Arc::clone(redaction);
        let work = move |tx: &mut Connection| audit::rewrite(tx, &batch, |entry| redaction.redacted_entry(entry));
        count += database.write("rewrite the trail", work).await?;
    }
    Ok(count)
}

/// The entries of the audit trail that mention the people, and the last entry of all.
pub fn find_audit_entries(
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

/// Rewrites the answers that were stored during the first step.
async fn rewrite_answers(
    database: &Database,
    row: &RedactionRow,
    redaction: &Arc<Redaction>,
) -> Result<(), DatabaseError> {
    let (owner, shared) = (row.conference.to_string(), Arc::clone(redaction));
    let find_changed = move |tx: &mut Connection| {
        let answer_ids = idempotency::answer_ids(tx, &owner)?;
        idempotency::rewrite(tx, &answer_ids, true, |answer| shared.redact_answer(answer))
    };
    let ids = database.read(find_changed).await?;
    for batch in ids.chunks(BATCH_SIZE).map(<[_]>::to_vec) {
        let redaction = Arc::clone(redaction);
        let work = move |tx: &mut Connection| {
            idempotency::rewrite(tx, &batch, false, |answer| redaction.redact_answer(answer)).map(|_| ())
        };
        database.write("rewrite kept answers", work).await?;
    }
    Ok(())
}
