//! `/api/v1/conferences/{conference}/programme/now`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DurationRound as _, TimeDelta};

use crate::{
    agenda::model::instant,
    clock,
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    programme::{
        api::{Found, State, find},
        fields::Selection,
        filter::ProgrammeQuery,
        negotiate,
        publication::answer::VARY,
        view::View,
        views::NowView,
    },
    values::Moment,
};

/// What is true of the present is soon not so any more, and nobody may show it when it is old.
const FOR_THE_PRESENT: &str = "public, max-age=5";

/// Reads which sessions are on, and in each room which comes next: at a time, or in the present minute.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/now",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
    responses((status = 200, description = "What is on, and what comes next", body = NowView), AnyProblem)
)]
pub async fn read_programme_now(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<ProgrammeQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(mut query) = query;
    let fields = Selection::read::<NowView>(query.fields.as_deref())?;
    let Found { snapshot, cache_control, .. } = find(&state, &path.0, query.version).await?;
    let conference = &snapshot.agenda.conference;
    let language = negotiate::choose(&request, query.lang.as_deref(), &conference.languages)?;
    query.check(&snapshot)?;
    let (at, modified, cache_control) = match query.at {
        Some(at) => (instant(at), Some(snapshot.release.updated_at), cache_control),
        None => {
            // Whoever asks again within the minute is told that nothing changed. It changes without a release,
            // therefore it has no date of change.
            let minute = clock::now().duration_trunc(TimeDelta::minutes(1)).map_err(Problem::unexpected)?;
            let at = Moment::Instant(minute.fixed_offset()).resolve(conference.time_zone);
            (at.unwrap_or(minute.fixed_offset()), None, FOR_THE_PRESENT)
        }
    };
    let value = fields.of(View::new(&snapshot, &language).now(&query, at));
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
