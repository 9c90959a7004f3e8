//! Finds the person whom a redaction removes, reports what it would do, and takes its first step: the person is hidden
//! from every reader at once.

use std::{collections::HashSet, sync::Arc};

use super::{
    model::{Details, Person, PersonToRedact, Redaction},
    pending::Pending,
    personal_data_scan::{PersonalDataScan, Source, SpeakerMatch, SpeakerRecord},
    report::RedactionReport,
    rewriting::{entries_of, look_at, redacted_scheduled},
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
/// now on. `ask` runs in the transaction, and returns the conference, the actor and the request.
///
/// # Errors
/// Those of `ask`; there is no such speaker, or the code passed from one person to another; the store fails. Then
/// nothing was written.
pub async fn redact<F>(database: &Database, secret: &ServerSecret, ask: F) -> Result<RedactionOutcome, ProgrammeError>
where
    F: Fn(&mut Connection) -> Result<(ConferenceRef, Actor, RedactionRequest), ProgrammeError> + Clone + Send + 'static,
{
    loop {
        let (ask, under) = (ask.clone(), secret.clone());
        let search = move |tx: &mut Connection| {
            let (place, actor, wish) = ask(tx)?;
            Search::start(tx, place, actor, wish, under)
        };
        let search = Arc::new(database.read(search).await?);
        if search.wish.dry_run {
            return Ok(RedactionOutcome::Planned(plan(database, &search).await?));
        }
        let turn = search.place.slug.to_string();
        let hidden = database.write_in_turn("hide a redacted speaker", &turn, move |tx| search.hide(tx)).await?;
        // Another redaction came first: search again, as it may concern the same person.
        if let Some((id, done)) = hidden {
            return Ok(RedactionOutcome::Hidden(id, done));
        }
    }
}

/// The person who is meant, as far as this can be known without a lock, and everything that takes long to find.
struct Search {
    place: ConferenceRef,
    actor: Actor,
    wish: RedactionRequest,
    secret: ServerSecret,
    census: PersonalDataScan,
    details: Details,
    redaction: Redaction,
    /// The current draft.
    draft: Agenda,
    /// The draft without the person.
    redacted: Agenda,
    done: RedactionReport,
    /// The number of the last release that was searched.
    last_release: i32,
    /// The last entry of the audit trail that was searched.
    last_entry: Option<audit::EntryPlace>,
    /// The number of redactions of the conference so far.
    redactions: i64,
    /// The entries of the audit trail that mention the person.
    entries: Vec<AuditEntryId>,
    /// All stored answers.
    kept: HashSet<IdempotencyKeyId>,
    /// The stored answers that mention the person.
    answers: Vec<IdempotencyKeyId>,
}

impl Search {
    fn start(
        connection: &mut Connection,
        place: ConferenceRef,
        actor: Actor,
        wish: RedactionRequest,
        secret: ServerSecret,
    ) -> Result<Self, ProgrammeError> {
        let redactions = store::count(connection, place.id)?;
        let mut census = PersonalDataScan::new(&placeholder(None, place.id, &secret));
        audit::each(connection, place.id, Some(ResourceKind::Speaker), None, |_, entry| census.learn_entry(entry))?;
        let last_release = learn_releases(connection, &place, 0, &mut census)?;
        learn_scheduled(connection, &place, &mut census)?;
        let draft = agenda::actions::load(connection, &place)?;
        learn_draft(&draft, &mut census);
        let people = meant(&census, &place, &wish, &secret)?;
        let details = Details::of(&people, &wish.words);
        let redaction = Redaction::new(people, &wish.words);
        let (redacted, done) = redact_draft(&redaction, &draft);
        let (entries, last_entry) = entries_of(connection, place.id, &redaction)?;
        let kept = idempotency::kept(connection, &place.id.to_string())?;
        let answers = idempotency::rewrite(connection, &kept, true, |answer| redaction.redact_answer(answer))?;
        let kept = kept.into_iter().collect();
        Ok(Self {
            place,
            actor,
            wish,
            secret,
            census,
            details,
            redaction,
            draft,
            redacted,
            done,
            last_release,
            last_entry,
            redactions,
            entries,
            kept,
            answers,
        })
    }

    /// The first step, in one transaction. It must be short, because other writers wait for it. What was written since
    /// the search began is searched here. Returns `None`, and writes nothing, if another redaction was recorded
    /// meanwhile.
    fn hide(&self, connection: &mut Connection) -> Result<Option<(RedactionId, RedactionReport)>, ProgrammeError> {
        let Self { place, wish, .. } = self;
        agenda::actions::lock(connection, place)?;
        if store::count(connection, place.id)? != self.redactions {
            return Ok(None);
        }
        let mut census = self.census.clone();
        audit::each(connection, place.id, Some(ResourceKind::Speaker), self.last_entry, |_, entry| {
            census.learn_entry(entry)
        })?;
        learn_releases(connection, place, self.last_release, &mut census)?;
        let draft = agenda::actions::load(connection, place)?;
        learn_draft(&draft, &mut census);
        let people = meant(&census, place, wish, &self.secret)?;
        let details = Details::of(&people, &wish.words);
        let redaction = Redaction::new(people, &wish.words);

        let is_as_searched = draft == self.draft && details == self.details;
        let (redacted, mut done) = match is_as_searched {
            true => (self.redacted.clone(), self.done.clone()),
            false => redact_draft(&redaction, &draft),
        };
        if done.draft {
            agenda::actions::write_redacted(connection, &draft, &redacted)?;
        }
        // All documents of the latest release are made again: one of them, the feed, also covers older releases.
        crate::programme::documents::remove(connection, place.id)?;
        let (releases_to, at) = store::touch_latest(connection, place.id, clock::now())?;
        self.rewrite_answers(connection, &redaction)?;
        let mut entries = self.entries.clone();
        audit::each(connection, place.id, None, self.last_entry, |id, _| entries.push(id))?;
        done.audit_entries = audit::rewrite(connection, &entries, |entry| redaction.redacted_entry(entry))?;
        for person in &redaction.people {
            record(connection, place, &self.actor, person)?;
        }
        let row = RedactionRow {
            id: RedactionId::new(),
            conference: place.id,
            at,
            details: Some(details),
            releases_to,
            rewritten_to: 0,
            scheduled_to: None,
            report: done,
        };
        store::insert(connection, &row)?;
        Ok(Some((row.id, row.report)))
    }

    /// Rewrites the stored answers that mention the person, and those that were added since the search.
    fn rewrite_answers(&self, connection: &mut Connection, redaction: &Redaction) -> Result<(), DatabaseError> {
        let new = idempotency::kept(connection, &self.place.id.to_string())?;
        let new = new.into_iter().filter(|id| !self.kept.contains(id));
        let ids: Vec<_> = self.answers.iter().copied().chain(new).collect();
        idempotency::rewrite(connection, &ids, false, |answer| redaction.redact_answer(answer)).map(|_| ())
    }
}

/// What a redaction would do. Each release is read by itself, without a lock.
async fn plan(database: &Database, search: &Arc<Search>) -> Result<RedactionReport, ProgrammeError> {
    let mut done = search.done.clone();
    let (conference, mut last) = (search.place.id, 0);
    while let Some(stored) = database.read(move |tx| store::next_release(tx, conference, last, i32::MAX)).await? {
        let search = Arc::clone(search);
        let looked = blocking(move || look_at(&stored, &search.redaction, clock::now())).await?;
        let (release, changed, mentions) = looked;
        last = release.number;
        done.releases += usize::from(changed);
        done.mentions.append(mentions);
    }
    let mut last = None;
    while let Some(stored) = database.read(move |tx| store::next_scheduled(tx, conference, last)).await? {
        last = Some(stored.id);
        let search = Arc::clone(search);
        let (_, changed) = blocking(move || redacted_scheduled(&stored, &search.redaction)).await?;
        done.scheduled_releases += usize::from(changed);
    }
    done.audit_entries = search.entries.len();
    Ok(done)
}

/// Adds the speakers of the releases after one, except people whom an unfinished redaction removes. Returns the number
/// of the last release.
fn learn_releases(
    connection: &mut Connection,
    place: &ConferenceRef,
    after: i32,
    census: &mut PersonalDataScan,
) -> Result<i32, DatabaseError> {
    let pending = Pending::of(connection, place.id)?;
    store::speakers_of_releases(connection, place.id, after, |number, seen| {
        let seen = seen.into_iter().filter(|speaker| !pending.is_of(speaker.id));
        seen.for_each(|speaker| census.learn(speaker, Source::Release(number)));
    })
}

/// Adds the speakers of every scheduled release in the same way.
fn learn_scheduled(
    connection: &mut Connection,
    place: &ConferenceRef,
    census: &mut PersonalDataScan,
) -> Result<(), DatabaseError> {
    let pending = Pending::of(connection, place.id)?;
    store::speakers_of_scheduled(connection, place.id, |seen| {
        let seen = seen.into_iter().filter(|speaker| !pending.is_of(speaker.id));
        seen.for_each(|speaker| census.learn(speaker, Source::Scheduled));
    })
}

fn learn_draft(draft: &Agenda, census: &mut PersonalDataScan) {
    let seen = draft.speakers.iter().filter_map(SpeakerRecord::of);
    seen.for_each(|speaker| census.learn(speaker, Source::Draft));
}

/// The people who are meant, with their placeholders.
fn meant(
    census: &PersonalDataScan,
    place: &ConferenceRef,
    wish: &RedactionRequest,
    secret: &ServerSecret,
) -> Result<Vec<PersonToRedact>, ProgrammeError> {
    let people = match census.meant(&wish.speaker) {
        SpeakerMatch::Nobody => return Err(AgendaError::NoThing("speaker").into()),
        SpeakerMatch::Several(candidates) => return Err(ProgrammeError::AmbiguousSpeaker(candidates)),
        SpeakerMatch::One(people) => people,
    };
    let taken = people.into_iter().map(|(id, known)| (id, known, placeholder(Some(id), place.id, secret)));
    Ok(taken.collect())
}

/// The draft without the people, and the report of that.
fn redact_draft(redaction: &Redaction, draft: &Agenda) -> (Agenda, RedactionReport) {
    let (mut redacted, mut done) = (draft.clone(), RedactionReport::of(redaction));
    done.draft = redaction.redact(&mut redacted);
    done.mentions.look_at(redaction, None, &redacted);
    (redacted, done)
}

/// The report of a redaction, and whether it is finished.
///
/// # Errors
/// [`ProgrammeError::NotFound`] if the conference has no redaction with this id.
pub fn find(
    connection: &mut Connection,
    place: &ConferenceRef,
    id: RedactionId,
) -> Result<(RedactionReport, bool), ProgrammeError> {
    let found = store::find(connection, id)?.filter(|row| row.conference == place.id);
    let row = found.ok_or(ProgrammeError::NotFound("redaction"))?;
    Ok((row.report, row.details.is_none()))
}

fn record(
    connection: &mut Connection,
    place: &ConferenceRef,
    actor: &Actor,
    person: &Person,
) -> Result<(), DatabaseError> {
    let entry = audit::Entry {
        code: person.placeholder.code.to_string(),
        ..audit::Entry::of(AuditAction::Redact, ResourceKind::Speaker, person.placeholder.id.unwrap_or_default(), None)
    };
    audit::record(connection, actor, Operation::RedactSpeaker, Some(place.id), &[entry])
}
