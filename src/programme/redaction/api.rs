//! `/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact`, and `/agenda/redactions/{redaction}`.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    actions::{self, Outcome, Wish},
    mentions::Mention,
    model::Redacted,
    rewriting,
};
use crate::{
    access::Credentials,
    agenda::actions::find_authorised,
    faults::Faults,
    http::{CodePath, Json, Problem, problem::AnyProblem},
    ids::RedactionId,
    programme::{ProgrammeError, api::State},
    values::{Code, Line, TextValue as _, text_enum},
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

text_enum! {
    /// Where a redaction stands.
    RedactionState {
        /// A dry run: nothing was written.
        Planned = "planned",
        /// Nobody sees the person any more; what is stored is still being rewritten.
        Rewriting = "rewriting",
        /// What is stored names them no more.
        Done = "done",
    }
}

/// What a redaction did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redaction {
    /// Its id, under which `/agenda/redactions/{redaction}` tells how far it is; none of a dry run.
    pub id: Option<RedactionId>,
    /// Where it stands. From the first answer on nobody sees the person any more, whichever it is.
    pub state: RedactionState,
    /// Nothing was written; this is what would be.
    pub dry_run: bool,
    /// The codes of what stands in for the person from now on: one for each time that they were entered.
    pub placeholders: Vec<Code>,
    /// How many releases were rewritten so far.
    pub releases: usize,
    /// How many scheduled releases were rewritten so far.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// How many entries of the audit trail were rewritten.
    pub audit_entries: usize,
    /// Texts, notes and reasons, websites of organisations, and codes of sessions and items in which the family name or
    /// a code of the person still stands: somebody must read them. They may speak of somebody else, so they are not
    /// changed. At most 500 are listed; while it is rewriting, those that were found so far.
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

impl Redaction {
    fn of(id: Option<RedactionId>, state: RedactionState, redacted: Redacted) -> Self {
        let mention = |mention: Mention| MentionView {
            release: mention.release,
            pointer: mention.pointer,
            language: mention.language,
        };
        Self {
            id,
            state,
            dry_run: id.is_none(),
            placeholders: redacted.placeholders.iter().filter_map(|code| Code::parse(code).ok()).collect(),
            releases: redacted.releases,
            scheduled_releases: redacted.scheduled_releases,
            draft: redacted.draft,
            audit_entries: redacted.audit_entries,
            mention_count: redacted.mentions.count,
            mentions: redacted.mentions.list.into_iter().map(mention).collect(),
        }
    }
}

/// How long an answer waits until everything is rewritten.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes a speaker out of everything that was ever released, and of the draft, the schedule and the audit trail. It
/// cannot be undone.
///
/// They are hidden before this answers, and by other processes within a second. The answer waits, 20 seconds at most,
/// until what is stored is rewritten; 202 says that this goes on. With `Prefer: respond-async` (RFC 7240) it does not
/// wait.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's id, or a code that they ever had, in the draft, in any release or in the trail"),
        ("Prefer" = Option<String>, Header, description = "`respond-async` does not wait until everything is rewritten")
    ),
    request_body = RedactionWish,
    responses(
        (status = 200, description = "What was rewritten, or would be", body = Redaction),
        (status = 202, description = "Nobody sees them any more; `Location` tells how far the rewriting is", body = Redaction),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn redact_speaker(
    request: HttpRequest,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    Json(wish): Json<RedactionWish>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), CodePath(speaker)) = path.into_inner();
    let conference = slug.clone();
    let outcome = actions::redact(&state.database, &state.secret, move |tx| {
        let (place, actor) = find_authorised(tx, &credentials, "redact_speaker", &slug)?;
        let words = checked_words(wish.words.clone())?;
        Ok((place, actor, Wish { speaker: speaker.clone(), words, dry_run: wish.dry_run }))
    });
    let (id, hidden) = match outcome.await? {
        Outcome::Planned(planned) => return Ok(answer(&Redaction::of(None, RedactionState::Planned, planned), None)),
        Outcome::Hidden(id, hidden) => (id, hidden),
    };
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll takes it up as soon as the store answers again.
        tracing::error!(%error, "a redaction is not served yet");
    }
    // It goes on should nobody wait for the answer any more.
    let database = state.database.clone();
    let finishing = tokio::spawn(async move { rewriting::finish(&database, id).await });
    let patience = if wants_no_wait(&request) { Duration::ZERO } else { PATIENCE };
    match tokio::time::timeout(patience, finishing).await {
        Ok(Ok(Ok(Some(done)))) => return Ok(answer(&Redaction::of(Some(id), RedactionState::Done, done), None)),
        Ok(Ok(Err(error))) => tracing::error!(%error, "a redaction hides, and is finished later"),
        _ => {}
    }
    let at = format!("/api/v1/conferences/{conference}/agenda/redactions/{id}");
    Ok(answer(&Redaction::of(Some(id), RedactionState::Rewriting, hidden), Some(&at)))
}

/// 202 where it goes on, under that path.
fn answer(redaction: &Redaction, goes_on_at: Option<&str>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(path) = goes_on_at {
        response.status(StatusCode::ACCEPTED).insert_header((header::LOCATION, path));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(redaction)
}

fn wants_no_wait(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
}

/// How far a redaction is. It names nobody.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/redactions/{redaction}",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("redaction" = String, Path, description = "The redaction's id")
    ),
    responses((status = 200, description = "What was rewritten so far", body = Redaction), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_redaction(
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let redaction = state
        .database
        .read(move |tx| {
            let (place, _) = find_authorised(tx, &credentials, "read_redaction", &slug)?;
            let id = RedactionId::parse(&id).map_err(|_| ProgrammeError::NotFound("redaction"))?;
            let (redacted, is_done) = actions::find(tx, &place, id)?;
            let state = if is_done { RedactionState::Done } else { RedactionState::Rewriting };
            Ok::<_, ProgrammeError>(Redaction::of(Some(id), state, redacted))
        })
        .await?;
    Ok(answer(&redaction, None))
}
