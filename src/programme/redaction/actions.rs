//! Finds the person whom a redaction removes, reports what it would do, and takes its first step: the person is hidden
//! from every reader at once.

use std::{collections::HashSet, sync::Arc};

use super::{
    model::{Person, PersonToRedact, Redaction, RedactionDetails},
    pending::Pending,
    personal_data_scan::{PersonalDataScan, RecordSource, SpeakerMatch, SpeakerRecord},
    report::RedactionReport,
    rewriting::{find_audit_entries, redact_release, redact_scheduled},
    store::{self, RedactionRow},
};
use crate::{
    access::{
        Actor, Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
    },
    agenda::{self, Agenda, AgendaError, ConferenceRef},
    clock,
    database::{Connection, Database, DatabaseError, blocking},
    http::idempotency,
    ids::{AuditEntryId, IdempotencyKeyId, RedactionId},
    programme::{ProgrammeError, visibility::placeholder},
    values::{Code, Line},
};

/// Who is to be removed, and with which options.
#[derive(Debug)]
pub struct RedactionRequest {
    /// The id of the speaker, or a code that they have or had.
    pub speaker: Code,
    /// Words to remove wherever they occur.
    pub words: Vec<Line<200>>,
    /// Only report what would be done and what would still mention the person, without writing anything.
    pub dry_run: bool,
}

#[derive(Debug)]
pub enum RedactionOutcome {
    /// A dry run: what would be done.
    Planned(RedactionReport),
    /// Nobody can see the person any more. The stored data must still be rewritten ([`super::rewriting::finish`]).
    Hidden(RedactionId, RedactionReport),
}

/// Removes a speaker of the draft, a release, a scheduled release or the audit trail from everything that is read from
/// now on. `prepare` runs in the transaction, and returns the conference, the actor and the request.
///
/// # Errors
/// Those of `prepare`; there is no such speaker, or the code passed from one person to another; the store fails. Then
/// nothing was written.
pub async fn redact<F>(
    database: &Database,
    secret: &ServerSecret,
    prepare: F,
) -> Result<RedactionOutcome, ProgrammeError>
where
    F: Fn(&mut Connection) -> Result<(ConferenceRef, Actor, RedactionRequest), ProgrammeError> + Clone + Send + 'static,
{
    loop {
        let (prepare, secret) = (prepare.clone(), secret.clone());
        let search = move |tx: &mut Connection| {
            let (conference, actor, request) = prepare(tx)?;
            Search::start(tx, conference, actor, request, secret)
        };
        let search = Arc::new(database.read(search).await?);
        if search.request.dry_run {
            return Ok(RedactionOutcome::Planned(plan(database, &search).await?));
        }
        let turn = search.conference.slug.to_string();
        let hidden = database.write_in_turn("hide a redacted speaker", &turn, move |tx| search.hide(tx)).await?;
        // Another redaction came first: search again, as it may concern the same person.
        if let Some((id, report)) = hidden {
            return Ok(RedactionOutcome::Hidden(id, report));
        }
    }
}

/// The person who is meant, as far as this can be known without a lock, and everything that takes long to find.
struct Search {
    conference: ConferenceRef,
    actor: Actor,
    request: RedactionRequest,
    secret: ServerSecret,
    scan: PersonalDataScan,
    details: RedactionDetails,
    redaction: Redaction,
    /// The current draft.
    draft: Agenda,
    /// The draft without the person.
    redacted_draft: Agenda,
    report: RedactionReport,
    /// The number of the last release that was searched.
    last_release: i32,
    /// The last entry of the audit trail that was searched.
    last_entry: Option<audit::EntryPlace>,
    /// The number of redactions of the conference so far.
    redaction_count: i64,
    /// The entries of the audit trail that mention the person.
    entries_to_rewrite: Vec<AuditEntryId>,
    /// All stored answers.
    searched_answers: HashSet<IdempotencyKeyId>,
    /// The stored answers that mention the person.
    answers_to_rewrite: Vec<IdempotencyKeyId>,
}

impl Search {
    fn start(
        connection: &mut Connection,
        conference: ConferenceRef,
        actor: Actor,
        request: RedactionRequest,
        secret: ServerSecret,
    ) -> Result<Self, ProgrammeError> {
        let redaction_count = store::count(connection, conference.id)?;
        let mut scan = PersonalDataScan::new(&placeholder(None, conference.id, &secret));
        audit::each(connection, conference.id, Some(ResourceKind::Speaker), None, |_, entry| scan.add_entry(entry))?;
        let last_release = scan_releases(connection, &conference, 0, &mut scan)?;
        scan_scheduled(connection, &conference, &mut scan)?;
        let draft = agenda::actions::load(connection, &conference)?;
        scan_draft(&draft, &mut scan);
        let people = people_to_redact(&scan, &conference, &request, &secret)?;
        let details = RedactionDetails::of(&people, &request.words);
        let redaction = Redaction::new(people, &request.words);
        let (redacted_draft, report) = redact_draft(&redaction, &draft);
        let (entries_to_rewrite, last_entry) = find_audit_entries(connection, conference.id, &redaction)?;
        let searched_answers = idempotency::answer_ids(connection, &conference.id.to_string())?;
        let answers_to_rewrite =
            idempotency::rewrite(connection, &searched_answers, true, |answer| redaction.redact_answer(answer))?;
        let searched_answers = searched_answers.into_iter().collect();
        Ok(Self {
            conference,
            actor,
            request,
            secret,
            scan,
            details,
            redaction,
            draft,
            redacted_draft,
            report,
            last_release,
            last_entry,
            redaction_count,
            entries_to_rewrite,
            searched_answers,
            answers_to_rewrite,
        })
    }

    /// The first step, in one transaction. It must be short, because other writers wait for it. What was written since
    /// the search began is searched here. Returns `None`, and writes nothing, if another redaction was recorded
    /// meanwhile.
    fn hide(&self, connection: &mut Connection) -> Result<Option<(RedactionId, RedactionReport)>, ProgrammeError> {
        let Self { conference, request, .. } = self;
        agenda::actions::lock(connection, conference)?;
        if store::count(connection, conference.id)? != self.redaction_count {
            return Ok(None);
        }
        let mut scan = self.scan.clone();
        audit::each(connection, conference.id, Some(ResourceKind::Speaker), self.last_entry, |_, entry| {
            scan.add_entry(entry)
        })?;
        scan_releases(connection, conference, self.last_release, &mut scan)?;
        let draft = agenda::actions::load(connection, conference)?;
        scan_draft(&draft, &mut scan);
        let people = people_to_redact(&scan, conference, request, &self.secret)?;
        let details = RedactionDetails::of(&people, &request.words);
        let redaction = Redaction::new(people, &request.words);

        let is_as_searched = draft == self.draft && details == self.details;
        let (redacted_draft, mut report) = match is_as_searched {
            true => (self.redacted_draft.clone(), self.report.clone()),
            false => redact_draft(&redaction, &draft),
        };
        if report.draft {
            agenda::actions::write_redacted(connection, &draft, &redacted_draft)?;
        }
        // All documents of the latest release are made again: one of them, the feed, also covers older releases.
        crate::programme::documents::remove(connection, conference.id)?;
        let (releases_to, at) = store::touch_latest(connection, conference.id, clock::now())?;
        self.rewrite_answers(connection, &redaction)?;
        let mut entries_to_rewrite = self.entries_to_rewrite.clone();
        audit::each(connection, conference.id, None, self.last_entry, |id, _| entries_to_rewrite.push(id))?;
        report.audit_entries =
            audit::rewrite(connection, &entries_to_rewrite, |entry| redaction.redacted_entry(entry))?;
        for person in &redaction.people {
            record(connection, conference, &self.actor, person)?;
        }
        let row = RedactionRow {
            id: RedactionId::new(),
            conference: conference.id,
            at,
            details: Some(details),
            releases_to,
            rewritten_to: 0,
            scheduled_to: None,
            report,
        };
        store::insert(connection, &row)?;
        Ok(Some((row.id, row.report)))
    }

    /// Rewrites the stored answers that mention the person, and those that were added since the search.
    fn rewrite_answers(&self, connection: &mut Connection, redaction: &Redaction) -> Result<(), DatabaseError> {
        let new = idempotency::answer_ids(connection, &self.conference.id.to_string())?;
        let new = new.into_iter().filter(|id| !self.searched_answers.contains(id));
        let ids: Vec<_> = self.answers_to_rewrite.iter().copied().chain(new).collect();
        idempotency::rewrite(connection, &ids, false, |answer| redaction.redact_answer(answer)).map(|_| ())
    }
}

/// What a redaction would do. Each release is read by itself, without a lock.
async fn plan(database: &Database, search: &Arc<Search>) -> Result<RedactionReport, ProgrammeError> {
    let mut report = search.report.clone();
    let (conference, mut last) = (search.conference.id, 0);
    while let Some(stored) = database.read(move |tx| store::next_release(tx, conference, last, i32::MAX)).await? {
        let search = Arc::clone(search);
        let looked = blocking(move || redact_release(&stored, &search.redaction, clock::now())).await?;
        let (release, changed, mentions) = looked;
        last = release.number;
        report.releases += usize::from(changed);
        report.mentions.append(mentions);
    }
    let mut last = None;
    while let Some(stored) = database.read(move |tx| store::next_scheduled(tx, conference, last)).await? {
        last = Some(stored.id);
        let search = Arc::clone(search);
        let (_, changed) = blocking(move || redact_scheduled(&stored, &search.redaction)).await?;
        report.scheduled_releases += usize::from(changed);
    }
    report.audit_entries = search.entries_to_rewrite.len();
    Ok(report)
}

/// Adds the speakers of the releases after one, except people whom an unfinished redaction removes. Returns the number
/// of the last release.
fn scan_releases(
    connection: &mut Connection,
    conference: &ConferenceRef,
    after: i32,
    scan: &mut PersonalDataScan,
) -> Result<i32, DatabaseError> {
    let pending = Pending::of(connection, conference.id)?;
    store::speakers_of_releases(connection, conference.id, after, |number, records| {
        let records = records.into_iter().filter(|speaker| !pending.redacts(speaker.id));
        records.for_each(|speaker| scan.add(speaker, RecordSource::Release(number)));
    })
}

/// Adds the speakers of every scheduled release in the same way.
fn scan_scheduled(
    connection: &mut Connection,
    conference: &ConferenceRef,
    scan: &mut PersonalDataScan,
) -> Result<(), DatabaseError> {
    let pending = Pending::of(connection, conference.id)?;
    store::speakers_of_scheduled(connection, conference.id, |records| {
        let records = records.into_iter().filter(|speaker| !pending.redacts(speaker.id));
        records.for_each(|speaker| scan.add(speaker, RecordSource::Scheduled));
    })
}

fn scan_draft(draft: &Agenda, scan: &mut PersonalDataScan) {
    let records = draft.speakers.iter().filter_map(SpeakerRecord::of);
    records.for_each(|speaker| scan.add(speaker, RecordSource::Draft));
}

/// The people who are meant, with their placeholders.
fn people_to_redact(
    scan: &PersonalDataScan,
    conference: &ConferenceRef,
    request: &RedactionRequest,
    secret: &ServerSecret,
) -> Result<Vec<PersonToRedact>, ProgrammeError> {
    let people = match scan.find_people(&request.speaker) {
        SpeakerMatch::Nobody => return Err(AgendaError::ThingNotFound("speaker").into()),
        SpeakerMatch::Several(candidates) => return Err(ProgrammeError::AmbiguousSpeaker(candidates)),
        SpeakerMatch::One(people) => people,
    };
    let with_placeholder =
        |(id, identity)| PersonToRedact { id, identity, placeholder: placeholder(Some(id), conference.id, secret) };
    Ok(people.into_iter().map(with_placeholder).collect())
}

/// The draft without the people, and the report of that.
fn redact_draft(redaction: &Redaction, draft: &Agenda) -> (Agenda, RedactionReport) {
    let (mut redacted, mut report) = (draft.clone(), RedactionReport::of(redaction));
    report.draft = redaction.redact(&mut redacted);
    report.mentions.search_agenda(redaction, None, &redacted);
    (redacted, report)
}

/// The report of a redaction, and whether it is finished.
///
/// # Errors
/// [`ProgrammeError::NotFound`] if the conference has no redaction with this id.
pub fn find(
    connection: &mut Connection,
    conference: &ConferenceRef,
    id: RedactionId,
) -> Result<(RedactionReport, bool), ProgrammeError> {
    let row = store::find(connection, id)?.filter(|row| row.conference == conference.id);
    let row = row.ok_or(ProgrammeError::NotFound("redaction"))?;
    Ok((row.report, row.details.is_none()))
}

fn record(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    person: &Person,
) -> Result<(), DatabaseError> {
    let entry = audit::Entry {
        code: person.placeholder.code.to_string(),
        ..audit::Entry::of(AuditAction::Redact, ResourceKind::Speaker, person.placeholder.id.unwrap_or_default(), None)
    };
    audit::record(connection, actor, Operation::RedactSpeaker, Some(conference.id), &[entry])
}
