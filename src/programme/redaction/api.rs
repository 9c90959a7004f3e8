//! `/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact`.

use actix_web::{HttpResponse, http::header, post, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    actions::{self, Redacted, Wish},
    mentions::Mention,
};
use crate::{
    access::Credentials,
    agenda::actions::find_authorised,
    faults::Faults,
    http::{CodePath, Json, Problem, problem::AnyProblem},
    programme::api::State,
    values::{Code, Line},
};

/// What else is to go. No reason is asked for: it would be kept, and might name the person.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RedactionWish {
    /// Words, 1 to 20, that go wherever they stand as words in a text, a note or a reason: `Mme Quux`. Where any is
    /// given, the person's codes, and these words, also go from the codes of sessions and items (`keynote-quux`).
    #[deserr(default)]
    #[schema(required = false)]
    pub words: Option<Vec<Line<200>>>,
    /// Only answer what would be done, and what would still speak of them: nothing is written.
    #[deserr(default)]
    #[schema(required = false)]
    pub dry_run: bool,
}

/// The most words.
const WORDS_MAX: usize = 20;

/// The words, if they are not too many.
///
/// # Errors
/// There are too many, or none in a list.
pub fn checked_words(words: Option<Vec<Line<200>>>) -> Result<Vec<Line<200>>, Faults> {
    let mut faults = Faults::default();
    if words.as_ref().is_some_and(|words| !(1..=WORDS_MAX).contains(&words.len())) {
        faults.add("#/words", "wrong_length", format!("must have 1 to {WORDS_MAX} elements"));
    }
    faults.or(words.unwrap_or_default())
}

/// What a redaction did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redaction {
    /// Nothing was written; this is what would be.
    pub dry_run: bool,
    /// The codes of what stands in for the person from now on: one for each time that they were entered.
    pub placeholders: Vec<Code>,
    /// How many releases were rewritten.
    pub releases: usize,
    /// How many scheduled releases were rewritten.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// How many entries of the audit trail were rewritten.
    pub audit_entries: usize,
    /// Texts, notes and reasons, websites of organisations, and codes of sessions and items in which the family name or
    /// a code of the person still stands: somebody must read them. They may speak of somebody else, so they are not
    /// changed. At most 500 are listed.
    pub mentions: Vec<MentionView>,
    /// How many there are.
    pub mention_count: usize,
}

/// A place where the family name or a code still stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct MentionView {
    /// In the release of this number; in the draft if null.
    pub release: Option<i32>,
    /// Where: a JSON pointer into the draft, or into the agenda that the release was made of; `#/note` and
    /// `#/force_reason` are the release's own.
    pub pointer: String,
    /// In which language, if it is a text in one.
    pub language: Option<String>,
}

impl From<Redacted> for Redaction {
    fn from(redacted: Redacted) -> Self {
        let mention = |mention: Mention| MentionView {
            release: mention.release,
            pointer: mention.pointer,
            language: mention.language,
        };
        Self {
            dry_run: redacted.dry_run,
            placeholders: redacted.placeholders,
            releases: redacted.releases,
            scheduled_releases: redacted.scheduled_releases,
            draft: redacted.draft,
            audit_entries: redacted.audit_entries,
            mention_count: redacted.mentions.count,
            mentions: redacted.mentions.list.into_iter().map(mention).collect(),
        }
    }
}

/// Takes a speaker out of everything that was ever released, and of the draft, the schedule and the audit trail. It
/// cannot be undone.
#[utoipa::path(
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's id, or a code that they ever had, in the draft, in any release or in the trail")
    ),
    request_body = RedactionWish,
    responses((status = 200, description = "What was rewritten", body = Redaction), AnyProblem),
    security(("bearer" = []))
)]
#[post("/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact")]
pub async fn redact_speaker(
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    Json(wish): Json<RedactionWish>,
) -> Result<HttpResponse, Problem> {
    let (slug, speaker) = path.into_inner();
    let secret = state.secret.clone();
    let turn = slug.0.to_string();
    let redacted = state
        .database
        .write_in_turn("redact a speaker", &turn, move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "redact_speaker", &slug.0)?;
            let words = checked_words(wish.words.clone())?;
            let wish = Wish { speaker: speaker.0.clone(), words, dry_run: wish.dry_run };
            actions::redact(tx, &place, &actor, &wish, &secret)
        })
        .await?;
    if let Err(error) = state.database.empty_journal().await {
        // It is committed; the store empties its journal itself, later.
        tracing::error!(%error, "the journal still holds what was redacted");
    }
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll takes it up as soon as the store answers again.
        tracing::error!(%error, "a redaction is not served yet");
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Redaction::from(redacted)))
}
