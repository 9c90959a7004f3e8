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
    actions::{self, RedactionOutcome, RedactionRequest},
    mentions::Mention,
    report::RedactionReport,
    rewriting,
};
use crate::{
    access::{Credentials, Operation},
    agenda::actions::find_authorised,
    http::{CodePath, Json, Problem, problem::AnyProblem},
    ids::RedactionId,
    programme::{ProgrammeError, service::ProgrammeService},
    validation::ValidationErrors,
    values::{Code, Line, TextValue as _, text_enum},
};

/// Options of a redaction. No reason is asked for: it would be stored, and might name the person.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct RedactionOptions {
    /// Words to remove, 1 to 20 (for instance `Mme Quux`), each wherever it occurs as a word in a text, a note or a
    /// reason. If any word is given, the codes of sessions and items change too: the person's codes and these words are
    /// removed from them (`keynote-quux`).
    #[deserr(default)]
    #[schema(required = false)]
    pub words: Option<Vec<Line<200>>>,
    /// Whether to answer only what would be done and what would still mention the person, without changing anything.
    #[deserr(default)]
    #[schema(required = false)]
    pub dry_run: bool,
}

/// The largest number of words.
const WORDS_MAX: usize = 20;

/// The words, if their number is allowed.
///
/// # Errors
/// The list is empty or too long.
pub fn checked_words(words: Option<Vec<Line<200>>>) -> Result<Vec<Line<200>>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if words.as_ref().is_some_and(|words| !(1..=WORDS_MAX).contains(&words.len())) {
        errors.add("#/words", "wrong_length", format!("must have 1 to {WORDS_MAX} elements"));
    }
    errors.into_result(words.unwrap_or_default())
}

text_enum! {
    /// The state of a redaction.
    RedactionState {
        /// A dry run: nothing was changed.
        Planned = "planned",
        /// Nobody can see the person any more; the stored data are still being rewritten.
        Rewriting = "rewriting",
        /// The stored data do not name the person any more.
        Done = "done",
    }
}

/// The result of a redaction.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redaction {
    /// Identifier of the redaction (UUID), for `GET .../agenda/redactions/{redaction}`; null for a dry run.
    pub id: Option<RedactionId>,
    /// State of the redaction: `planned` (dry run), `rewriting` or `done`. In `rewriting`, nobody can see the person
    /// any more either.
    pub state: RedactionState,
    /// Whether this was a dry run: nothing was changed, and the other members say what would change.
    pub dry_run: bool,
    /// Codes of the placeholders that replace the person: one for each speaker entry that the person had.
    pub placeholders: Vec<Code>,
    /// Number of releases rewritten so far.
    pub releases: usize,
    /// Number of scheduled releases rewritten so far.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// Number of entries of the audit trail rewritten so far.
    pub audit_entries: usize,
    /// Places that still contain the family name or a code of the person: texts, notes, reasons, websites of
    /// organisations, and codes of sessions and items. They are not changed, because they may concern somebody else: a
    /// person must read them. At most 500 are listed; in state `rewriting`, those found so far.
    pub mentions: Vec<MentionView>,
    /// Number of all mentions, also of those that are not listed.
    pub mention_count: usize,
}

/// A place that still contains the family name or a code of the person.
#[derive(Debug, Serialize, ToSchema)]
pub struct MentionView {
    /// Number of the release that contains it; null for the draft.
    pub release: Option<i32>,
    /// JSON Pointer (RFC 6901) with `#` before it, into the draft or into the agenda that the release was made from.
    /// `#/note` and `#/force_reason` are texts of the release itself.
    pub pointer: String,
    /// Language of the text (BCP 47 tag); null if the place is no localised text.
    pub language: Option<String>,
}

impl Redaction {
    fn of(id: Option<RedactionId>, state: RedactionState, redacted: RedactionReport) -> Self {
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

/// The longest time that an answer waits for the rewriting.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Removes a speaker from every release, the draft, the scheduled releases and the audit trail. This cannot be undone.
///
/// The person is hidden before the answer comes, and by other processes within a second. The answer waits at most 20
/// seconds for the stored data to be rewritten; status 202 says that the rewriting goes on. With
/// `Prefer: respond-async` (RFC 7240) it does not wait.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's id, or any code that it has or had in the draft, a release or the audit trail"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: answer without waiting for the rewriting")
    ),
    request_body = RedactionOptions,
    responses(
        (status = 200, description = "What was rewritten, or would be", body = Redaction),
        (status = 202, description = "The person is hidden and the rewriting goes on; `Location` is the address of its state", body = Redaction),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn redact_speaker(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    Json(options): Json<RedactionOptions>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), CodePath(speaker)) = path.into_inner();
    let conference = slug.clone();
    let outcome = actions::redact(&service.database, &service.secret, move |tx| {
        let (conference, actor) = find_authorised(tx, &credentials, Operation::RedactSpeaker, &slug)?;
        let words = checked_words(options.words.clone())?;
        Ok((conference, actor, RedactionRequest { speaker: speaker.clone(), words, dry_run: options.dry_run }))
    });
    let (id, report) = match outcome.await? {
        RedactionOutcome::Planned(planned) => {
            return Ok(answer(&Redaction::of(None, RedactionState::Planned, planned), None));
        }
        RedactionOutcome::Hidden(id, report) => (id, report),
    };
    if let Err(error) = service.programmes.refresh(&service.database).await {
        // It is committed; the poll loads it as soon as the store answers again.
        tracing::error!(%error, "a redaction is not served yet");
    }
    // A task of its own: it goes on even if the client closes the connection.
    let database = service.database.clone();
    let finishing = tokio::spawn(async move { rewriting::finish(&database, id).await });
    let wait = if prefers_async(&request) { Duration::ZERO } else { WAIT_MAX };
    match tokio::time::timeout(wait, finishing).await {
        Ok(Ok(Ok(Some(report)))) => return Ok(answer(&Redaction::of(Some(id), RedactionState::Done, report), None)),
        Ok(Ok(Err(error))) => tracing::error!(%error, "a redaction hides, and is finished later"),
        _ => {}
    }
    let at = format!("/api/v1/conferences/{conference}/agenda/redactions/{id}");
    Ok(answer(&Redaction::of(Some(id), RedactionState::Rewriting, report), Some(&at)))
}

/// The answer: status 202 with `Location` if `progress_path` is the path of a redaction that goes on.
fn answer(redaction: &Redaction, progress_path: Option<&str>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(path) = progress_path {
        response.status(StatusCode::ACCEPTED).insert_header((header::LOCATION, path));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(redaction)
}

fn prefers_async(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
}

/// Reads the state of a redaction. The answer names nobody.
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
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let redaction = service
        .database
        .read(move |tx| {
            let (conference, _) = find_authorised(tx, &credentials, Operation::ReadRedaction, &slug)?;
            let id = RedactionId::parse(&id).map_err(|_| ProgrammeError::NotFound("redaction"))?;
            let (redacted, is_done) = actions::find(tx, &conference, id)?;
            let state = if is_done { RedactionState::Done } else { RedactionState::Rewriting };
            Ok::<_, ProgrammeError>(Redaction::of(Some(id), state, redacted))
        })
        .await?;
    Ok(answer(&redaction, None))
}
