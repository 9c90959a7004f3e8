//! Finding whom a redaction is of, what it would do, and its first step: they are hidden from every reader at once.

use std::{collections::HashSet, sync::Arc};

use super::{
    census::{Census, Meant, Sighting, Source},
    model::{Details, Person, Redacted, Redaction, Taken},
    pending::Pending,
    rewriting::{entries_of, look_at, redacted_scheduled},
    store::{self, RedactionRow},
};
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Agenda, AgendaError, Place},
    clock,
    database::{Connection, Database, DatabaseError, blocking},
    http::idempotency,
    ids::{AuditEntryId, IdempotencyKeyId, RedactionId},
    programme::{ProgrammeError, publication, visibility::placeholder},
    values::{Code, Line},
};

/// Who is to be taken out, and what else.
#[derive(Debug)]
pub struct Wish {
    /// The speaker: an id, or a code that they ever had.
    pub speaker: Code,
    /// Words that go wherever they stand.
    pub words: Vec<Line<200>>,
    /// Only find out what would be done, and what would still speak of them: nothing is written.
    pub dry_run: bool,
}

/// What came of a wish.
#[derive(Debug)]
pub enum Outcome {
    /// A dry run: what would be done.
    Planned(Redacted),
    /// Nobody sees them any more. What is stored is to be rewritten ([`super::rewriting::finish`]).
    Hidden(RedactionId, Redacted),
}

/// Takes a speaker, whom the draft, a release, a scheduled release or the audit trail knows, out of everything that is
/// read from now on. `ask` answers, in the transaction, whose wish of which conference it is.
///
/// # Errors
/// Those of `ask`; there is no such speaker, or the code passed from one person to another; the store fails. Then
/// nothing was written.
pub async fn redact<F>(database: &Database, secret: &ServerSecret, ask: F) -> Result<Outcome, ProgrammeError>
where
    F: Fn(&mut Connection) -> Result<(Place, Actor, Wish), ProgrammeError> + Clone + Send + 'static,
{
    loop {
        let (ask, under) = (ask.clone(), secret.clone());
        let search = move |tx: &mut Connection| {
            let (place, actor, wish) = ask(tx)?;
            Search::start(tx, place, actor, wish, under)
        };
        let search = Arc::new(database.read(search).await?);
        if search.wish.dry_run {
            return Ok(Outcome::Planned(plan(database, &search).await?));
        }
        let turn = search.place.slug.to_string();
        let hidden = database.write_in_turn("hide a redacted speaker", &turn, move |tx| search.hide(tx)).await?;
        // Should another have been redacted meanwhile, it is looked for anew: it may have been the same person.
        if let Some((id, done)) = hidden {
            return Ok(Outcome::Hidden(id, done));
        }
    }
}

/// Whom a wish means, as far as it can be known without a lock, and all that takes long to find.
struct Search {
    place: Place,
    actor: Actor,
    wish: Wish,
    secret: ServerSecret,
    census: Census,
    details: Details,
    redaction: Redaction,
    /// The draft, and what becomes of it.
    draft: Agenda,
    redacted: Agenda,
    done: Redacted,
    /// The last release of the census.
    last_release: i32,
    /// The last entry of the trail.
    last_entry: Option<audit::EntryPlace>,
    /// How many redactions the conference had.
    redactions: i64,
    /// The entries of the trail that speak of them.
    entries: Vec<AuditEntryId>,
    /// The kept answers: all, and those that speak of them.
    kept: HashSet<IdempotencyKeyId>,
    answers: Vec<IdempotencyKeyId>,
}

impl Search {
    fn start(
        connection: &mut Connection,
        place: Place,
        actor: Actor,
        wish: Wish,
        secret: ServerSecret,
    ) -> Result<Self, ProgrammeError> {
        let redactions = store::count(connection, place.id)?;
        let mut census = Census::new(&placeholder(None, place.id, &secret));
        audit::each(connection, place.id, Some("speaker"), None, |_, entry| census.learn_entry(entry))?;
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

    /// The first step, in one transaction: short, for other writers wait for it. What came since the search began is
    /// added to it. `None`, and nothing is written, where another redaction was recorded meanwhile.
    fn hide(&self, connection: &mut Connection) -> Result<Option<(RedactionId, Redacted)>, ProgrammeError> {
        let Self { place, wish, .. } = self;
        agenda::actions::lock(connection, place)?;
        if store::count(connection, place.id)? != self.redactions {
            return Ok(None);
        }
        let mut census = self.census.clone();
        audit::each(connection, place.id, Some("speaker"), self.last_entry, |_, entry| census.learn_entry(entry))?;
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
        // The documents that were made of the latest release are made anew: the feed among them tells of older ones,
        // too.
        publication::store::remove(connection, place.id)?;
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

    /// Of the kept answers those that speak of them, and those that came since.
    fn rewrite_answers(&self, connection: &mut Connection, redaction: &Redaction) -> Result<(), DatabaseError> {
        let new = idempotency::kept(connection, &self.place.id.to_string())?;
        let new = new.into_iter().filter(|id| !self.kept.contains(id));
        let ids: Vec<_> = self.answers.iter().copied().chain(new).collect();
        idempotency::rewrite(connection, &ids, false, |answer| redaction.redact_answer(answer)).map(|_| ())
    }
}

/// What a redaction would do: release by release, each read by itself, and nothing locked.
async fn plan(database: &Database, search: &Arc<Search>) -> Result<Redacted, ProgrammeError> {
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

/// Learns the speakers of the releases after one, but for those whom a redaction that is not finished takes out.
/// Answers the last release.
fn learn_releases(
    connection: &mut Connection,
    place: &Place,
    after: i32,
    census: &mut Census,
) -> Result<i32, DatabaseError> {
    let pending = Pending::of(connection, place.id)?;
    store::speakers_of_releases(connection, place.id, after, |number, seen| {
        let seen = seen.into_iter().filter(|speaker| !pending.is_of(speaker.id));
        seen.for_each(|speaker| census.learn(speaker, Source::Release(number)));
    })
}

/// The same of every scheduled release.
fn learn_scheduled(connection: &mut Connection, place: &Place, census: &mut Census) -> Result<(), DatabaseError> {
    let pending = Pending::of(connection, place.id)?;
    store::speakers_of_scheduled(connection, place.id, |seen| {
        let seen = seen.into_iter().filter(|speaker| !pending.is_of(speaker.id));
        seen.for_each(|speaker| census.learn(speaker, Source::Scheduled));
    })
}

fn learn_draft(draft: &Agenda, census: &mut Census) {
    let seen = draft.speakers.iter().filter_map(Sighting::of);
    seen.for_each(|speaker| census.learn(speaker, Source::Draft));
}

/// Who is meant, with what stands in for them.
fn meant(census: &Census, place: &Place, wish: &Wish, secret: &ServerSecret) -> Result<Vec<Taken>, ProgrammeError> {
    let people = match census.meant(&wish.speaker) {
        Meant::Nobody => return Err(AgendaError::NoThing("speaker").into()),
        Meant::Several(candidates) => return Err(ProgrammeError::AmbiguousSpeaker(candidates)),
        Meant::One(people) => people,
    };
    let taken = people.into_iter().map(|(id, known)| (id, known, placeholder(Some(id), place.id, secret)));
    Ok(taken.collect())
}

/// The draft without the people, and what that did.
fn redact_draft(redaction: &Redaction, draft: &Agenda) -> (Agenda, Redacted) {
    let (mut redacted, mut done) = (draft.clone(), Redacted::of(redaction));
    done.draft = redaction.redact(&mut redacted);
    done.mentions.look_at(redaction, None, &mut redacted);
    (redacted, done)
}

/// A redaction of a conference as it stands: what was done, and whether everything is rewritten.
///
/// # Errors
/// [`ProgrammeError::NotFound`] where the conference has had none of this id.
pub fn find(connection: &mut Connection, place: &Place, id: RedactionId) -> Result<(Redacted, bool), ProgrammeError> {
    let found = store::find(connection, id)?.filter(|row| row.conference == place.id);
    let row = found.ok_or(ProgrammeError::NotFound("redaction"))?;
    Ok((row.report, row.details.is_none()))
}

fn record(connection: &mut Connection, place: &Place, actor: &Actor, person: &Person) -> Result<(), DatabaseError> {
    let entry = audit::Entry {
        code: person.placeholder.code.to_string(),
        ..audit::Entry::of("redact", "speaker", person.placeholder.id.unwrap_or_default(), None)
    };
    audit::record(connection, actor, "redact_speaker", Some(place.id), &[entry])
}
