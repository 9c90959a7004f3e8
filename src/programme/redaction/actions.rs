//! Taking a person out of everything, in one transaction.

use super::{
    census::{Census, Meant, Sighting, Source},
    mentions::Mentions,
    model::{Person, Redaction},
    store,
};
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Agenda, AgendaError, Place},
    clock,
    database::{Connection, DatabaseError},
    http::idempotency,
    ids::{ReleaseId, ScheduledReleaseId},
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

/// What a redaction did.
#[derive(Debug, Default)]
pub struct Redacted {
    /// Nothing was written.
    pub dry_run: bool,
    /// The codes of what stands in for the person: one for each time that they were entered.
    pub placeholders: Vec<Code>,
    /// How many releases were rewritten.
    pub releases: usize,
    /// How many scheduled releases were rewritten.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// How many entries of the audit trail were rewritten.
    pub audit_entries: usize,
    /// What still speaks of them or may, for somebody to read.
    pub mentions: Mentions,
}

/// Takes a speaker, whom the draft, a release, a scheduled release or the audit trail knows, out of everything.
///
/// # Errors
/// There is no such speaker, or the code passed from one person to another; the store fails. Then nothing was written.
pub fn redact(
    connection: &mut Connection,
    place: &Place,
    actor: &Actor,
    wish: &Wish,
    secret: &ServerSecret,
) -> Result<Redacted, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let draft = agenda::actions::load(connection, place)?;
    let releases = store::releases(connection, place.id)?;
    let scheduled = store::scheduled(connection, place.id)?;
    let people = match census(connection, place, &draft, (&releases, &scheduled), secret)?.meant(&wish.speaker) {
        Meant::Nobody => return Err(AgendaError::NoThing("speaker").into()),
        Meant::Several(candidates) => return Err(ProgrammeError::AmbiguousSpeaker(candidates)),
        Meant::One(people) => people,
    };
    let people = people.into_iter().map(|(id, known)| (id, known, placeholder(Some(id), place.id, secret)));
    let redaction = Redaction::new(people.collect(), &wish.words);

    let placeholders = redaction.people.iter().map(|person| person.placeholder.code.clone()).collect();
    let mut done = Redacted { dry_run: wish.dry_run, placeholders, ..Redacted::default() };
    redact_draft(connection, &redaction, draft, &mut done)?;
    redact_releases(connection, &redaction, &releases, &mut done)?;
    redact_scheduled(connection, &redaction, &scheduled, &mut done)?;
    if done.dry_run {
        return Ok(done);
    }
    // The documents that were made of the latest release are made anew: the feed among them tells of older ones, too.
    publication::store::remove(connection, place.id)?;
    store::touch_latest(connection, place.id, clock::now())?;
    idempotency::rewrite(connection, &place.id.to_string(), |answer| redaction.redact_answer(answer))?;
    done.audit_entries = audit::rewrite(connection, place.id, |entry| redaction.redacted_entry(entry))?;
    for person in &redaction.people {
        record(connection, place, actor, person)?;
    }
    Ok(done)
}

/// Everyone who ever was a speaker, the oldest sources first.
fn census(
    connection: &mut Connection,
    place: &Place,
    draft: &Agenda,
    (releases, scheduled): (&[(ReleaseId, i32)], &[ScheduledReleaseId]),
    secret: &ServerSecret,
) -> Result<Census, DatabaseError> {
    let mut census = Census::new(&placeholder(None, place.id, secret));
    audit::each_of(connection, place.id, "speaker", |entry| census.learn_entry(entry))?;
    for (id, number) in releases {
        let seen = store::speakers_of_release(connection, *id)?;
        seen.into_iter().for_each(|speaker| census.learn(speaker, Source::Release(*number)));
    }
    for id in scheduled {
        let seen = store::speakers_of_scheduled(connection, *id)?;
        seen.into_iter().for_each(|speaker| census.learn(speaker, Source::Scheduled));
    }
    let seen = draft.speakers.iter().filter_map(Sighting::of);
    seen.for_each(|speaker| census.learn(speaker, Source::Draft));
    Ok(census)
}

fn redact_draft(
    connection: &mut Connection,
    redaction: &Redaction,
    draft: Agenda,
    done: &mut Redacted,
) -> Result<(), DatabaseError> {
    let mut redacted = draft.clone();
    done.draft = redaction.redact(&mut redacted);
    if done.draft && !done.dry_run {
        agenda::actions::write_redacted(connection, &draft, &redacted)?;
    }
    done.mentions.look_at(redaction, None, &mut redacted);
    Ok(())
}

fn redact_releases(
    connection: &mut Connection,
    redaction: &Redaction,
    releases: &[(ReleaseId, i32)],
    done: &mut Redacted,
) -> Result<(), DatabaseError> {
    let now = clock::now();
    for (id, number) in releases {
        let mut release = store::release(connection, *id)?;
        let contents = [redaction.redact(&mut release.content), redaction.redact(&mut release.full)];
        let texts = [redaction.redact_some(&mut release.note), redaction.redact_some(&mut release.force_reason)];
        let past = [redaction.redact_history(&mut release.history), redaction.redact_words(&mut release.words)];
        if [contents, texts, past].concat().contains(&true) {
            release.history.forget_digests();
            if !done.dry_run {
                store::replace_release(connection, &release, now)?;
            }
            done.releases += 1;
        }
        done.mentions.look_at(redaction, Some(*number), &mut release.full);
        done.mentions.look_at_text(redaction, Some(*number), "#/note", release.note.as_deref());
        done.mentions.look_at_text(redaction, Some(*number), "#/force_reason", release.force_reason.as_deref());
    }
    Ok(())
}

fn redact_scheduled(
    connection: &mut Connection,
    redaction: &Redaction,
    scheduled: &[ScheduledReleaseId],
    done: &mut Redacted,
) -> Result<(), DatabaseError> {
    for id in scheduled {
        let mut release = store::scheduled_release(connection, *id)?;
        let texts = [redaction.redact_some(&mut release.note), redaction.redact_some(&mut release.force_reason)];
        if redaction.redact(&mut release.full) || texts.contains(&true) {
            if !done.dry_run {
                store::replace_scheduled(connection, &release)?;
            }
            done.scheduled_releases += 1;
        }
    }
    Ok(())
}

fn record(connection: &mut Connection, place: &Place, actor: &Actor, person: &Person) -> Result<(), DatabaseError> {
    let entry = audit::Entry {
        code: person.placeholder.code.to_string(),
        ..audit::Entry::of("redact", "speaker", person.placeholder.id.unwrap_or_default(), None)
    };
    audit::record(connection, actor, "redact_speaker", Some(place.id), &[entry])
}
