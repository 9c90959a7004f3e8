//! `/api/v1/conferences/{conference}/agenda/speakers/{speaker}/redact`.

use actix_web::{HttpResponse, http::header, post, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::actions::{self, Redacted};
use crate::{
    access::Credentials,
    agenda::actions::find_authorised,
    faults::Faults,
    http::{CodePath, Json, Problem, problem::AnyProblem},
    programme::api::State,
    values::Code,
};

/// Nothing is asked of whoever redacts: no reason is kept, for it might name the person.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RedactionWish {}

/// What a redaction did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redaction {
    /// The code of what stands in for the person from now on.
    pub placeholder: Option<Code>,
    /// How many releases were rewritten.
    pub releases: usize,
    /// How many scheduled releases were rewritten.
    pub scheduled_releases: usize,
    /// Whether the draft was rewritten.
    pub draft: bool,
    /// How many entries of the audit trail were rewritten.
    pub audit_entries: usize,
    /// Texts of the draft in which the family name still stands: somebody must read them. They may speak of somebody
    /// else, so they are not changed.
    pub mentions: Vec<MentionView>,
}

/// A text in which the family name still stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct MentionView {
    /// Where: a JSON pointer into the draft.
    pub pointer: String,
    /// In which language.
    pub language: String,
}

impl From<Redacted> for Redaction {
    fn from(redacted: Redacted) -> Self {
        let mention =
            |mention: super::model::Mention| MentionView { pointer: mention.pointer, language: mention.language };
        Self {
            placeholder: redacted.placeholder,
            releases: redacted.releases,
            scheduled_releases: redacted.scheduled_releases,
            draft: redacted.draft,
            audit_entries: redacted.audit_entries,
            mentions: redacted.mentions.into_iter().map(mention).collect(),
        }
    }
}

/// Takes a speaker out of everything that was ever released, and of the draft, the schedule and the audit trail. It
/// cannot be undone.
#[utoipa::path(
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's code, in the draft or in any release")
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
    Json(RedactionWish {}): Json<RedactionWish>,
) -> Result<HttpResponse, Problem> {
    let (slug, speaker) = path.into_inner();
    let secret = state.secret.clone();
    let redacted = state
        .database
        .write("redact a speaker", move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "redact_speaker", &slug.0)?;
            actions::redact(tx, &place, &actor, &speaker.0, &secret)
        })
        .await?;
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll takes it up as soon as the store answers again.
        tracing::error!(%error, "a redaction is not served yet");
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Redaction::from(redacted)))
}
