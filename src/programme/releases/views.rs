//! The bodies and queries of the requests for releases, and of their answers.

use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions::{PublicationRequest, PublishedRelease},
    protection::KeptHidden,
};
use crate::{
    agenda::Change,
    clock,
    http::paging::Page,
    ids::ScheduledReleaseId,
    programme::{
        change_text::ChangeText,
        difference::{ChangeKind, Difference},
        filter::ReleaseNumber,
        negotiate::{Language, ReaderText},
        phrases::Phrases,
        release::{ReleaseRow, ScheduledRelease, ScheduledState},
        views::ReleaseView,
    },
    validation::ValidationErrors,
    values::{LocalOrInstant, Prose},
};

/// A request to publish the draft.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewRelease {
    /// Note for readers: what changed and why. At most 2000 characters.
    #[deserr(default)]
    #[schema(required = false)]
    pub note: Option<Prose<2000>>,
    /// Time at which to publish the draft as it is now: RFC 3339, or a local time in the conference's time zone; it
    /// must be in the future. If left out, the draft is published at once.
    #[deserr(default)]
    #[schema(required = false)]
    pub publish_at: Option<LocalOrInstant>,
    /// Publishes the draft although its agenda has conflicts.
    #[deserr(default)]
    #[schema(required = false)]
    pub force: Option<Force>,
}

/// Why a draft is published in spite of its conflicts.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Force {
    /// The reason, which organisers can read later. At most 2000 characters.
    pub reason: Prose<2000>,
}

impl NewRelease {
    pub fn request(&self) -> PublicationRequest {
        PublicationRequest {
            note: self.note.as_ref().map(|note| note.as_str().to_owned()),
            force_reason: self.force.as_ref().map(|force| force.reason.as_str().to_owned()),
        }
    }
}

/// How an earlier release is published again.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Restoration {
    /// Note for readers: why the release is published again. At most 2000 characters.
    #[deserr(default)]
    #[schema(required = false)]
    pub note: Option<Prose<2000>>,
    /// Whether the draft stays as it is. Otherwise it becomes the same as the restored release.
    #[deserr(default)]
    #[schema(required = false)]
    pub keep_draft: bool,
}

/// A release, as organisers see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseRecord {
    /// Number of the release. The first release of a conference has number 1.
    pub number: i32,
    /// Time of publication (RFC 3339, UTC).
    pub released_at: String,
    /// Name of who published it; the name of the service if it published by itself, for instance at the end of an
    /// embargo.
    pub author: String,
    /// Note for readers on what changed and why; null if there is none.
    pub note: Option<String>,
    /// Reason for publishing in spite of conflicts in the agenda; null if there was no conflict.
    pub force_reason: Option<String>,
    /// Number of the earlier release that this release published again; null if it does not restore one.
    pub restores: Option<i32>,
}

impl From<ReleaseRow> for ReleaseRecord {
    fn from(row: ReleaseRow) -> Self {
        Self {
            number: row.number,
            released_at: clock::wire(row.released_at),
            author: row.author,
            note: row.note,
            force_reason: row.force_reason,
            restores: row.restores,
        }
    }
}

/// A release with the changes that it brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseWithChanges {
    /// The release.
    #[serde(flatten)]
    pub release: ReleaseRecord,
    /// What changed for the public, compared with the release before.
    pub changes: Vec<ReleaseChange>,
}

impl ReleaseWithChanges {
    pub fn of(published: PublishedRelease, language: &Language) -> Self {
        let changes = release_changes(&published.difference, language);
        Self { release: published.release.into(), changes }
    }
}

/// The new release that publishes an earlier one again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestoredRelease {
    /// The new release.
    #[serde(flatten)]
    pub release: ReleaseWithChanges,
    /// Speakers, sessions and items that the earlier release showed and that stay hidden, because the draft hides them
    /// more strictly.
    pub kept_hidden: Vec<KeptHidden>,
}

/// A release that is scheduled for a later time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduledRelease)]
pub struct ScheduledView {
    /// Identifier of the scheduled release (UUID).
    pub id: ScheduledReleaseId,
    /// Time at which it is to be published (RFC 3339, UTC).
    pub publish_at: String,
    /// State of the scheduled release: `scheduled` while it waits, then `published` or `cancelled`.
    pub state: ScheduledState,
    /// Name of who scheduled it.
    pub author: String,
    /// Note of the organisers on what changed and why, for readers; null if there is none.
    pub note: Option<String>,
    /// Reason for publishing in spite of conflicts in the agenda; null if there was no conflict.
    pub force_reason: Option<String>,
    /// Number of the release that it became; null before its publication.
    pub release_number: Option<i32>,
    /// Time at which it was scheduled (RFC 3339, UTC). The draft of this time is what is published.
    pub created_at: String,
}

impl From<ScheduledRelease> for ScheduledView {
    fn from(scheduled: ScheduledRelease) -> Self {
        Self {
            id: scheduled.id,
            publish_at: clock::wire(scheduled.publish_at),
            state: scheduled.state,
            author: scheduled.author,
            note: scheduled.note,
            force_reason: scheduled.force_reason,
            release_number: scheduled.release_number,
            created_at: clock::wire(scheduled.created_at),
        }
    }
}

/// A page of releases, as organisers see them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseRecordList {
    /// Releases, the latest first.
    pub data: Vec<ReleaseRecord>,
    /// Scheduled releases, at most 200: first those that wait, in order of publication, then the published and
    /// cancelled ones, the latest first. They are the same on every page.
    pub scheduled: Vec<ScheduledView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// A page of releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseList {
    /// Releases, the latest first.
    pub data: Vec<ReleaseView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// A change between two releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChange {
    /// The change as data.
    #[serde(flatten)]
    pub change: Change,
    /// Kinds of the change, such as `moved_in_time`; each is given once.
    pub kinds: Vec<ChangeKind>,
    /// The change as a sentence, in English, French or Dutch. Null for an item whose session was added or removed as
    /// well: the sentence of the session says enough.
    pub words: Option<ReaderText>,
}

/// The changes from one release to another.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChanges {
    /// Number of the release that was asked for.
    pub number: i32,
    /// Number of the release that it is compared with; null for the first release.
    pub since: Option<i32>,
    /// What changed for the public.
    pub changes: Vec<ReleaseChange>,
}

/// The changes of a difference, each with its sentence in the language.
pub fn release_changes(difference: &Difference, language: &Language) -> Vec<ReleaseChange> {
    let change_texts: Vec<ChangeText<'_>> = match language {
        Language::One(tag) | Language::Marked(tag) => {
            let phrases = Phrases::of(tag.as_str()).unwrap_or(Phrases::English);
            vec![ChangeText::new(difference, phrases, tag.as_str())]
        }
        Language::All => {
            let change_text = |phrases: Phrases| ChangeText::new(difference, phrases, phrases.tag());
            [Phrases::English, Phrases::French, Phrases::Dutch].map(change_text).into()
        }
    };
    let words = |change: &Change| match (language, change_texts.as_slice()) {
        (Language::One(_) | Language::Marked(_), [change_text]) => change_text.sentence(change).map(ReaderText::Plain),
        _ => {
            let words =
                |change_text: &ChangeText<'_>| Some((change_text.tag().to_owned(), change_text.sentence(change)?));
            change_texts.iter().map(words).collect::<Option<_>>().map(ReaderText::All)
        }
    };
    let view = |change: &Change| ReleaseChange {
        change: change.clone(),
        kinds: difference.kinds(change),
        words: words(change),
    };
    difference.changes.iter().map(view).collect()
}

/// Query of a list that is divided into pages.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Number of elements per page: 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor from the `next` link of the previous page.
    #[deserr(default)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page, and the number of the release that it comes after.
    ///
    /// # Errors
    /// One validation error for each wrong parameter.
    pub fn read(&self) -> Result<(Page, i32), ValidationErrors> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let before = page.key()?.unwrap_or(i32::MAX);
        Ok((page, before))
    }
}

/// Query of the changes of a release.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// Number of the release to compare with; the one before if left out.
    #[deserr(default)]
    pub since: Option<ReleaseNumber>,
    /// Language of the sentences: one of the conference's, or `en`, `fr` or `nl`; `*` answers maps from language tag to
    /// sentence. If left out, the header `Accept-Language` decides, then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
}
