//! Taking a person out of everything, in one transaction.

use super::{
    model::{Mention, Person},
    store,
};
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Agenda, AgendaError, Place},
    clock,
    database::Connection,
    http::idempotency,
    ids::SpeakerId,
    programme::{ProgrammeError, visibility::placeholder},
    values::Code,
};

/// What a redaction did.
#[derive(Debug, Default)]
pub struct Redacted {
    /// The code of what stands in for the person.
    pub placeholder: Option<Code>,
    /// How many releases were rewritten.
    pub releases: usize,
    /// How many scheduled releases were rewritten.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// How many entries of the audit trail were rewritten.
    pub audit_entries: usize,
    /// Texts of the draft in which the family name still stands, for somebody to read.
    pub mentions: Vec<Mention>,
}

/// Takes a speaker, whom the draft or any release knows by `code`, out of everything.
///
/// # Errors
/// There is no such speaker; the store fails. Then nothing was written.
pub fn redact(
    connection: &mut Connection,
    place: &Place,
    actor: &Actor,
    code: &Code,
    secret: &ServerSecret,
) -> Result<Redacted, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let draft = agenda::actions::load(connection, place)?;
    let releases = store::releases(connection, place.id)?;
    let scheduled = store::scheduled(connection, place.id)?;
    let contents = || releases.iter().flat_map(|release| [&release.full, &release.content]);
    let contents = || contents().chain(scheduled.iter().map(|release| &release.full));
    let id = std::iter::once(&draft).chain(contents()).find_map(|agenda| known(agenda, code));
    let id = id.ok_or(AgendaError::NoThing("speaker"))?;
    let mut person = Person::new(id, placeholder(Some(id), place.id, secret));
    std::iter::once(&draft).chain(contents()).for_each(|agenda| _ = person.learn(agenda));

    let mut done = Redacted { placeholder: Some(person.placeholder.code.clone()), ..Redacted::default() };
    let now = clock::now();
    for mut release in releases {
        let contents = [person.redact(&mut release.content), person.redact(&mut release.full)];
        let texts = [person.redact_some(&mut release.note), person.redact_some(&mut release.force_reason)];
        if contents.contains(&true) || texts.contains(&true) {
            store::replace_release(connection, &release, now)?;
            done.releases += 1;
        }
    }
    for mut release in scheduled {
        let texts = [person.redact_some(&mut release.note), person.redact_some(&mut release.force_reason)];
        if person.redact(&mut release.full) || texts.contains(&true) {
            store::replace_scheduled(connection, &release)?;
            done.scheduled_releases += 1;
        }
    }
    let mut redacted = draft.clone();
    done.draft = person.redact(&mut redacted);
    if done.draft {
        agenda::actions::write_redacted(connection, &draft, &redacted)?;
    }
    done.mentions = person.mentions(&mut redacted);
    idempotency::forget(connection, &place.id.to_string())?;
    done.audit_entries = audit::rewrite(connection, place.id, |entry| person.redacted_entry(entry))?;
    record(connection, place, actor, &person)?;
    Ok(done)
}

fn known(agenda: &Agenda, code: &Code) -> Option<SpeakerId> {
    agenda.speakers.iter().find(|speaker| speaker.code == *code)?.id
}

fn record(connection: &mut Connection, place: &Place, actor: &Actor, person: &Person) -> Result<(), ProgrammeError> {
    let entry = audit::Entry {
        code: person.placeholder.code.to_string(),
        ..audit::Entry::of("redact", "speaker", person.placeholder.id.unwrap_or_default(), None)
    };
    Ok(audit::record(connection, actor, "redact_speaker", Some(place.id), &[entry])?)
}
