//! Publishing the draft, publishing an old release again, and comparing two releases.

use std::collections::BTreeMap;

use serde_json::json;

use super::{protection::KeptHidden, store};
use crate::{
    access::{
        Actor, Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
    },
    agenda::{self, Agenda, AgendaError, ConferenceRef},
    clock,
    database::{Connection, DatabaseError},
    ids::ConferenceId,
    programme::{
        ProgrammeError,
        change_text::ChangeText,
        difference::Difference,
        history::History,
        phrases::Phrases,
        release::{ChangeSummary, PublicRelease, Release, ReleaseRow, Sentences},
        snapshot::Snapshot,
        visibility::{Audience, next_embargo, project},
    },
    validation::ValidationErrors,
    values::LanguageTag,
};

/// What the organisers say about a release that they request.
#[derive(Debug, Clone, Default)]
pub struct PublicationRequest {
    /// A note for readers: what changed and why.
    pub note: Option<String>,
    /// The reason for publishing in spite of conflicts.
    pub force_reason: Option<String>,
}

/// A release that was just published.
#[derive(Debug)]
pub struct PublishedRelease {
    pub release: ReleaseRow,
    /// What changed for the public, compared with the release before.
    pub difference: Difference,
}

/// Publishes the draft as the next release.
///
/// # Errors
/// [`AgendaError::Conflicts`] if the draft has conflicts and the request gives no reason for publishing in spite of
/// them.
pub fn publish(
    connection: &mut Connection,
    conference: &ConferenceRef,
    request: PublicationRequest,
    actor: &Actor,
    secret: &ServerSecret,
) -> Result<PublishedRelease, ProgrammeError> {
    agenda::actions::lock(connection, conference)?;
    let draft = agenda::actions::load(connection, conference)?;
    let force_reason = ensure_publishable(&draft, request.force_reason)?;
    let metadata =
        ReleaseMetadata { author: actor.name().to_owned(), note: request.note, force_reason, restores: None };
    insert_release(connection, conference, draft, metadata, actor, Operation::PublishRelease, secret)
}

/// Checks that a draft may be published. Returns the reason if there are conflicts and the request gives one.
///
/// # Errors
/// [`AgendaError::Conflicts`].
pub(super) fn ensure_publishable(draft: &Agenda, force_reason: Option<String>) -> Result<Option<String>, AgendaError> {
    let conflicts = agenda::checks::errors(draft);
    match force_reason {
        _ if conflicts.is_empty() => Ok(None),
        Some(reason) => Ok(Some(reason)),
        None => Err(AgendaError::Conflicts(conflicts)),
    }
}

/// What is stored about a release besides its content.
pub(super) struct ReleaseMetadata {
    pub author: String,
    pub note: Option<String>,
    pub force_reason: Option<String>,
    pub restores: Option<i32>,
}

/// Writes the next release: what the public may now see of `full_agenda`. The conference must be locked.
pub(super) fn insert_release(
    connection: &mut Connection,
    conference: &ConferenceRef,
    full_agenda: Agenda,
    metadata: ReleaseMetadata,
    actor: &Actor,
    operation: Operation,
    secret: &ServerSecret,
) -> Result<PublishedRelease, ProgrammeError> {
    let last = store::latest_number(connection, conference.id)?;
    let (last_update, before, history) = match store::load_public(connection, conference.id, last)? {
        Some(before) => (Some(before.row.updated_at), Some(before.public_agenda), before.history),
        None => (None, None, History::default()),
    };
    let now = clock::now();
    let released_at = clock::monotonic(now, last_update);
    let ReleaseMetadata { author, note, force_reason, restores } = metadata;
    let (number, updated_at) = (last + 1, released_at);
    let row = ReleaseRow { number, released_at, updated_at, author, note, force_reason, restores };
    let public_agenda = project(&full_agenda, Audience::Public, now, secret);
    let next_embargo_ends_at = next_embargo(&full_agenda, now);
    let history = history.advance(&public_agenda, &full_agenda, released_at);
    let difference = Difference::between(before, public_agenda.clone());
    let change_summary = summarise(&difference);
    record(connection, conference, actor, operation, &row)?;
    let public = PublicRelease { row, public_agenda, history };
    let release = Release { public, full_agenda, change_summary, next_embargo_ends_at };
    store::insert(connection, conference.id, &release)?;
    Ok(PublishedRelease { release: release.public.row, difference })
}

/// How many sentences of a release are stored.
const SENTENCES_MAX: usize = 50;

/// What a release changes, as sentences, in each language of the conference.
pub(in crate::programme) fn summarise(difference: &Difference) -> ChangeSummary {
    let languages = difference.after.conference.languages.iter();
    let of_language = |tag: &LanguageTag| {
        let change_text =
            ChangeText::new(difference, Phrases::of(tag.as_str()).unwrap_or(Phrases::English), tag.as_str());
        let mut first: Vec<_> = difference.changes.iter().filter_map(|change| change_text.sentence(change)).collect();
        let more = first.len().saturating_sub(SENTENCES_MAX);
        first.truncate(SENTENCES_MAX);
        (tag.as_str().to_owned(), Sentences { first, more })
    };
    // For the first release there is nothing to compare with.
    ChangeSummary(if difference.before.is_some() { languages.map(of_language).collect() } else { BTreeMap::new() })
}

/// Publishes an old release again, as the public may see it now. The draft becomes the same unless `keep_draft` is set.
/// What the draft hides more strictly than the old release did stays hidden in both; the second result lists it.
///
/// # Errors
/// [`ProgrammeError::NotFound`] if there is no such release.
pub fn restore(
    connection: &mut Connection,
    conference: &ConferenceRef,
    number: i32,
    note: Option<String>,
    keep_draft: bool,
    actor: &Actor,
    secret: &ServerSecret,
) -> Result<(PublishedRelease, Vec<KeptHidden>), ProgrammeError> {
    agenda::actions::lock(connection, conference)?;
    let old_release =
        store::load_full(connection, conference.id, number)?.ok_or(ProgrammeError::NotFound("release"))?;
    let mut full_agenda = old_release.full_agenda;
    // The conference keeps its current slug and listing.
    full_agenda.conference.slug = conference.slug.clone();
    full_agenda.conference.listing = None;
    let kept_hidden = super::protection::apply_current(
        &mut full_agenda,
        &agenda::actions::load(connection, conference)?,
        clock::now(),
    );
    if !keep_draft {
        let planned = agenda::actions::plan(connection, &conference.slug, full_agenda.clone())?;
        agenda::actions::write(connection, &planned, actor, Operation::RestoreRelease)?;
    }
    let metadata = ReleaseMetadata {
        author: actor.name().to_owned(),
        note,
        force_reason: old_release.public.row.force_reason,
        restores: Some(number),
    };
    let published =
        insert_release(connection, conference, full_agenda, metadata, actor, Operation::RestoreRelease, secret)?;
    Ok((published, kept_hidden))
}

/// Records a release in the audit trail.
fn record(
    connection: &mut Connection,
    conference: &ConferenceRef,
    actor: &Actor,
    operation: Operation,
    release: &ReleaseRow,
) -> Result<(), DatabaseError> {
    let after = json!({
        "author": release.author, "note": release.note, "force_reason": release.force_reason,
        "restores": release.restores,
    });
    let entry = audit::Entry::of(AuditAction::Publish, ResourceKind::Release, release.number, Some(after));
    audit::record(connection, actor, operation, Some(conference.id), &[entry])
}

/// The agenda of the latest release as the public reads it, if there is a release.
pub fn latest_agenda(connection: &mut Connection, conference: &ConferenceRef) -> Result<Option<Agenda>, DatabaseError> {
    let number = store::latest_number(connection, conference.id)?;
    Ok(store::load_public(connection, conference.id, number)?.map(|release| release.public_agenda))
}

/// A conference without a release, for those who prepare it: what its draft says of the conference itself, without the
/// programme.
pub fn unreleased(connection: &mut Connection, conference: ConferenceRef) -> Result<Snapshot, DatabaseError> {
    let mut agenda = agenda::actions::load(connection, &conference)?;
    (agenda.sessions, agenda.speakers, agenda.call_for_action) = (Vec::new(), Vec::new(), None);
    Ok(Snapshot::new(conference, ReleaseRow::of_draft(clock::now()), agenda))
}

/// Those of these conferences that exist, as [`unreleased`] has them.
pub fn list_unreleased(connection: &mut Connection, ids: &[ConferenceId]) -> Result<Vec<Snapshot>, DatabaseError> {
    let conferences = agenda::actions::list(connection)?.into_iter().filter(|conference| ids.contains(&conference.id));
    conferences.map(|conference| unreleased(connection, conference)).collect()
}

/// What changed for the public from release `since`, or the one before `number`, to release `number`.
///
/// # Errors
/// [`ProgrammeError::NotFound`] if there is no release `number`, [`ProgrammeError::Invalid`] if there is no release
/// `since`.
pub fn difference(
    connection: &mut Connection,
    conference: ConferenceId,
    number: i32,
    since: Option<i32>,
) -> Result<Difference, ProgrammeError> {
    let after =
        store::load_public(connection, conference, number)?.ok_or(ProgrammeError::NotFound("release"))?.public_agenda;
    let before =
        store::load_public(connection, conference, since.unwrap_or(number - 1))?.map(|release| release.public_agenda);
    if since.is_some() && before.is_none() {
        let mut errors = ValidationErrors::default();
        errors.add("?since", "unknown_reference", "is the number of no release");
        return Err(errors.into());
    }
    Ok(Difference::between(before, after))
}
