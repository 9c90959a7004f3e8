//! `/api/v1/conferences/{conference}/programme/now`: what takes place now, and what comes next.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DurationRound as _, TimeDelta};

use crate::{
    agenda::model::instant,
    clock,
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    programme::{
        documents::answer::VARY,
        fields::Selection,
        filter::ProgrammeQuery,
        negotiate,
        service::{ProgrammeService, ServedRelease, find_release},
        views::{NowView, ViewBuilder},
    },
    values::LocalOrInstant,
};

/// An answer about the present soon becomes wrong, so no cache may serve it stale.
const CACHE_FIVE_SECONDS: &str = "public, max-age=5";

/// Reads the sessions that take place now or at a given time, and those of the next time slot.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/now",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
    responses((status = 200, description = "The current and the next sessions", body = NowView), AnyProblem)
)]
pub async fn read_programme_now(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<ProgrammeQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(mut query) = query;
    let fields = Selection::read::<NowView>(query.fields.as_deref())?;
    let ServedRelease { snapshot, cache_control, .. } = find_release(&service, &path.0, query.version).await?;
    let conference = &snapshot.agenda.conference;
    let language = negotiate::choose(&request, query.lang.as_deref(), &conference.languages)?;
    query.check(&snapshot)?;
    let (at, modified, cache_control) = match query.at {
        Some(at) => (instant(at), Some(snapshot.release.updated_at), cache_control),
        None => {
            // Within one minute the answer and its entity tag stay the same. It changes without a release, so it has no
            // `Last-Modified`.
            let minute = clock::now().duration_trunc(TimeDelta::minutes(1)).map_err(Problem::unexpected)?;
            let at = LocalOrInstant::Instant(minute.fixed_offset()).resolve(conference.time_zone);
            (at.unwrap_or(minute.fixed_offset()), None, CACHE_FIVE_SECONDS)
        }
    };
    let value = fields.apply(ViewBuilder::new(&snapshot, &language).now(&query, at));
    let representation = Representation {
        body: serde_json::to_vec(&value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: language.tag().map(|tag| tag.as_str().to_owned()),
        modified,
        cache_control,
        vary: VARY,
    };
    Ok(answer(&request, representation))
}
