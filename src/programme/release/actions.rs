//! Publishing the draft, publishing an old release again, and what changed between any two.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    protection::{self, KeptHidden},
    store::{self, PublicRelease, Release, ReleaseRow, Sentences, Words},
};
use crate::{
    access::{Actor, ServerSecret, audit},
    agenda::{self, Agenda, AgendaError, Place},
    clock,
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::ConferenceId,
    programme::{
        ProgrammeError,
        difference::Difference,
        history::History,
        tongue::Tongue,
        visibility::{Audience, next_embargo, project},
        words::Speech,
    },
    values::LanguageTag,
};

/// What is said about a release that is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What changed and why, for readers.
    pub note: Option<String>,
    /// Why it is to be published in spite of conflicts.
    pub force_reason: Option<String>,
}

/// A release as it was published.
#[derive(Debug)]
pub struct PublishedRelease {
    /// What it is.
    pub release: ReleaseRow,
    /// What changed for the public against the one before.
    pub difference: Difference,
}

/// Publishes the draft as the next release.
///
/// # Errors
/// [`AgendaError::Conflicts`] where the draft contradicts itself and nobody says why it is to be published all the
/// same.
pub fn publish(
    connection: &mut Connection,
    place: &Place,
    request: Request,
    actor: &Actor,
    secret: &ServerSecret,
) -> Result<PublishedRelease, ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let draft = agenda::actions::load(connection, place)?;
    let force_reason = judge(&draft, request.force_reason)?;
    let about = About { author: actor.name().to_owned(), note: request.note, force_reason, restores: None };
    insert(connection, place, draft, about, (actor, "publish_release"), secret)
}

/// Whether a draft may be published. Answers the reason where there are conflicts and someone has one.
///
/// # Errors
/// [`AgendaError::Conflicts`].
pub(super) fn judge(draft: &Agenda, force_reason: Option<String>) -> Result<Option<String>, AgendaError> {
    let conflicts = agenda::checks::errors(draft);
    match force_reason {
        _ if conflicts.is_empty() => Ok(None),
        Some(reason) => Ok(Some(reason)),
        None => Err(AgendaError::Conflicts(conflicts)),
    }
}

/// What a release says of itself.
pub(super) struct About {
    pub author: String,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub restores: Option<i32>,
}

/// Writes the next release: what the public may see of `full` now. The conference is locked.
pub(super) fn insert(
    connection: &mut Connection,
    place: &Place,
    full: Agenda,
    about: About,
    (actor, operation): (&Actor, &str),
    secret: &ServerSecret,
) -> Result<PublishedRelease, ProgrammeError> {
    let last = store::latest_number(connection, place.id)?;
    let (last_update, before, history) = match store::load(connection, place.id, last)? {
        Some(before) => (Some(before.row.updated_at), Some(before.content), before.history),
        None => (None, None, History::default()),
    };
    let now = clock::now();
    let released_at = clock::following(now, last_update);
    let About { author, note, force_reason, restores } = about;
    let (number, updated_at) = (last + 1, released_at);
    let row = ReleaseRow { number, released_at, updated_at, author, note, force_reason, restores };
    let content = project(&full, Audience::Public, now, secret);
    let next_embargo_ends_at = next_embargo(&full, now);
    let history = history.advance(&content, &full, released_at);
    let difference = Difference::between(before, content.clone());
    let words = words_of(&difference);
    record(connection, place, actor, operation, &row)?;
    let public = PublicRelease { row, content, history };
    let release = Release { public, full, words, next_embargo_ends_at };
    store::insert(connection, place.id, &release)?;
    Ok(PublishedRelease { release: release.public.row, difference })
}

/// How many sentences of a release are kept beside it.
const SENTENCES_MAX: usize = 50;

/// What a release changes, in each language of the conference.
pub(in crate::programme) fn words_of(difference: &Difference) -> Words {
    let languages = difference.after.conference.languages.iter();
    let of_language = |tag: &LanguageTag| {
        let speech = Speech::new(difference, Tongue::of(tag.as_str()).unwrap_or(Tongue::English), tag.as_str());
        let mut first: Vec<_> = difference.changes.iter().filter_map(|change| speech.words(change)).collect();
        let more = first.len().saturating_sub(SENTENCES_MAX);
        first.truncate(SENTENCES_MAX);
        (tag.as_str().to_owned(), Sentences { first, more })
    };
    // Before the first release there was nothing: all of it is new.
    Words(if difference.before.is_some() { languages.map(of_language).collect() } else { BTreeMap::new() })
}

/// Publishes an old release again, as the public may see it now. The draft becomes the same unless `keep_draft`. What
/// the draft hides more strictly than the old release did stays hidden, in both; answers what that is, too.
///
/// # Errors
/// [`ProgrammeError::NotFound`] where there is no such release.
pub fn restore(
    connection: &mut Connection,
    place: &Place,
    number: i32,
    note: Option<String>,
    keep_draft: bool,
    actor: &Actor,
    secret: &ServerSecret,
) -> Result<(PublishedRelease, Vec<KeptHidden>), ProgrammeError> {
    agenda::actions::lock(connection, place)?;
    let old = store::load_whole(connection, place.id, number)?.ok_or(ProgrammeError::NotFound("release"))?;
    let mut full = old.full;
    // The conference keeps its name in URLs.
    full.conference.slug = place.slug.clone();
    let kept_hidden = protection::keep(&mut full, &agenda::actions::load(connection, place)?, clock::now());
    if !keep_draft {
        let planned = agenda::actions::plan(connection, &place.slug, full.clone())?;
        agenda::actions::write(connection, &planned, actor, "restore_release")?;
    }
    let about = About {
        author: actor.name().to_owned(),
        note,
        force_reason: old.public.row.force_reason,
        restores: Some(number),
    };
    let published = insert(connection, place, full, about, (actor, "restore_release"), secret)?;
    Ok((published, kept_hidden))
}

/// Records a release in the audit trail.
fn record(
    connection: &mut Connection,
    place: &Place,
    actor: &Actor,
    operation: &str,
    release: &ReleaseRow,
) -> Result<(), DatabaseError> {
    let after = json!({
        "author": release.author, "note": release.note, "force_reason": release.force_reason,
        "restores": release.restores,
    });
    let entry = audit::Entry::of("publish", "release", release.number, Some(after));
    audit::record(connection, actor, operation, Some(place.id), &[entry])
}

/// The agenda of the latest release as the public reads it, if there is one.
///
/// # Errors
/// The store fails.
pub fn latest_agenda(connection: &mut Connection, place: &Place) -> Result<Option<Agenda>, DatabaseError> {
    let number = store::latest_number(connection, place.id)?;
    Ok(store::load(connection, place.id, number)?.map(|release| release.content))
}

/// What the public sees change from release `since`, or else from the one before, to release `number`.
///
/// # Errors
/// [`ProgrammeError::NotFound`] where there is no release `number`, [`ProgrammeError::Invalid`] where there is no
/// release `since`.
pub fn difference(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    since: Option<i32>,
) -> Result<Difference, ProgrammeError> {
    let after = store::load(connection, conference, number)?.ok_or(ProgrammeError::NotFound("release"))?.content;
    let before = store::load(connection, conference, since.unwrap_or(number - 1))?.map(|release| release.content);
    if since.is_some() && before.is_none() {
        let mut faults = Faults::default();
        faults.add("?since", "unknown_reference", "is the number of no release");
        return Err(faults.into());
    }
    Ok(Difference::between(before, after))
}
