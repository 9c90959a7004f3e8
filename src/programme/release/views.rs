//! How releases are asked for and answered.

use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions::{PublishedRelease, Request},
    protection::KeptHidden,
    schedule::{ScheduledRelease, ScheduledState},
    store::ReleaseRow,
};
use crate::{
    agenda::Change,
    clock,
    faults::Faults,
    http::paging::Page,
    ids::ScheduledReleaseId,
    programme::{
        difference::{ChangeKind, Difference},
        filter::ReleaseNumber,
        negotiate::{Language, ReaderText},
        tongue::Tongue,
        views::ReleaseView,
        words::Speech,
    },
    values::{Moment, Prose},
};

/// What is said about a new release.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewRelease {
    /// What changed and why, for readers.
    #[deserr(default)]
    #[schema(required = false)]
    pub note: Option<Prose<2000>>,
    /// When to publish the draft as it is now; at once if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub publish_at: Option<Moment>,
    /// Publish in spite of conflicts.
    #[deserr(default)]
    #[schema(required = false)]
    pub force: Option<Force>,
}

/// Why a draft is to be published in spite of its conflicts.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Force {
    /// The reason, which organisers can read later.
    pub reason: Prose<2000>,
}

impl NewRelease {
    /// What is asked for, without the time.
    pub fn request(&self) -> Request {
        Request {
            note: self.note.as_ref().map(|note| note.as_str().to_owned()),
            force_reason: self.force.as_ref().map(|force| force.reason.as_str().to_owned()),
        }
    }
}

/// How an old release is published again.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Restoration {
    /// Why, for readers.
    #[deserr(default)]
    #[schema(required = false)]
    pub note: Option<Prose<2000>>,
    /// Leave the draft as it is; else it becomes what is published again.
    #[deserr(default)]
    #[schema(required = false)]
    pub keep_draft: bool,
}

/// A release as organisers see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseRecord {
    /// Its number, from 1.
    pub number: i32,
    /// When it was published.
    pub released_at: String,
    /// Who published it.
    pub author: String,
    /// What the organisers say about it.
    pub note: Option<String>,
    /// Why it was published in spite of conflicts.
    pub force_reason: Option<String>,
    /// The number of the release that it published again.
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

/// A release with what it changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseWithChanges {
    /// Which release.
    #[serde(flatten)]
    pub release: ReleaseRecord,
    /// What changed for the public against the one before.
    pub changes: Vec<ReleaseChange>,
}

impl ReleaseWithChanges {
    /// What was published, in a language.
    pub fn of(published: PublishedRelease, language: &Language) -> Self {
        let changes = release_changes(&published.difference, language);
        Self { release: published.release.into(), changes }
    }
}

/// An old release that was published again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestoredRelease {
    /// The new release.
    #[serde(flatten)]
    pub release: ReleaseWithChanges,
    /// What stays hidden although the old release showed it, because the draft hides it more strictly.
    pub kept_hidden: Vec<KeptHidden>,
}

/// A release that is to be published at a time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduledRelease)]
pub struct ScheduledView {
    /// Its id.
    pub id: ScheduledReleaseId,
    /// When it is to be published.
    pub publish_at: String,
    /// What became of it.
    pub state: ScheduledState,
    /// Who asked for it.
    pub author: String,
    /// What the organisers say about it.
    pub note: Option<String>,
    /// Why it is to be published in spite of conflicts.
    pub force_reason: Option<String>,
    /// The number of the release that it became.
    pub release_number: Option<i32>,
    /// When it was asked for; the draft of then is what is published.
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

/// A page of releases as organisers see them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseRecordList {
    /// The releases, the latest first.
    pub data: Vec<ReleaseRecord>,
    /// The scheduled ones: what is to come in its order, then what became of the others. The first 200.
    pub scheduled: Vec<ScheduledView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// A page of releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseList {
    /// The releases, the latest first.
    pub data: Vec<ReleaseView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// A change between two releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChange {
    /// The change as data.
    #[serde(flatten)]
    pub change: Change,
    /// Of which kinds it is.
    pub kinds: Vec<ChangeKind>,
    /// The change in words: English, French or Dutch; none of an item whose session is new or gone, too.
    pub words: Option<ReaderText>,
}

/// What changed from one release to another.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChanges {
    /// The release that is looked at.
    pub number: i32,
    /// The release that it is compared with; none before the first.
    pub since: Option<i32>,
    /// What changed.
    pub changes: Vec<ReleaseChange>,
}

/// The changes of a difference with their words in a language.
pub fn release_changes(difference: &Difference, language: &Language) -> Vec<ReleaseChange> {
    let speeches: Vec<Speech<'_>> = match language {
        Language::One(tag) => {
            let tongue = Tongue::of(tag.as_str()).unwrap_or(Tongue::English);
            vec![Speech::new(difference, tongue, tag.as_str())]
        }
        Language::All => {
            let speech = |tongue: Tongue| Speech::new(difference, tongue, tongue.tag());
            [Tongue::English, Tongue::French, Tongue::Dutch].map(speech).into()
        }
    };
    let words = |change: &Change| match (language, speeches.as_slice()) {
        (Language::One(_), [speech]) => speech.words(change).map(ReaderText::Plain),
        _ => {
            let words = |speech: &Speech<'_>| Some((speech.tag().to_owned(), speech.words(change)?));
            speeches.iter().map(words).collect::<Option<_>>().map(ReaderText::All)
        }
    };
    let view = |change: &Change| ReleaseChange {
        change: change.clone(),
        kinds: difference.kinds(change),
        words: words(change),
    };
    difference.changes.iter().map(view).collect()
}

/// The query of a paged list.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page, and the number of the release that it comes after.
    ///
    /// # Errors
    /// A fault a parameter.
    pub fn read(&self) -> Result<(Page, i32), Faults> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let before = page.key()?.unwrap_or(i32::MAX);
        Ok((page, before))
    }
}

/// The query of what changed.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// The number of the release to compare with; the one before if left out.
    #[deserr(default)]
    pub since: Option<ReleaseNumber>,
    /// The language of the words: one of the conference's, or `en`, `fr`, `nl`; `*` answers a map. Without it
    /// `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
}
