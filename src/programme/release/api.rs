//! `/api/v1/conferences/{conference}/releases`: publishing, and the history.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{
    actions::{PublishedRelease, difference, publish, restore},
    schedule::{cancel, schedule},
    store,
    views::{
        ChangesQuery, NewRelease, PageQuery, ReleaseChanges, ReleaseList, ReleaseRecordList, ReleaseWithChanges,
        Restoration, RestoredRelease, ScheduledView, release_changes,
    },
};
use crate::{
    access::Credentials,
    agenda::actions::find_authorised,
    faults,
    http::{
        CodePath, Problem, Query, Representation, answer,
        extract::Body,
        idempotency::{IdempotencyKey, StoredAnswer, once},
        paging::link_next,
        problem::AnyProblem,
    },
    ids::{ConferenceId, ScheduledReleaseId},
    programme::{
        ProgrammeError, Snapshot,
        api::{State, public},
        filter::ReleaseNumber,
        negotiate,
        views::ReleaseView,
    },
    values::{Code, TextValue as _},
};

/// The most scheduled releases in an answer, the next to come first.
const SCHEDULED_MAX: i64 = 200;

/// Takes up what was just published.
async fn serve(state: &State) {
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll takes it up as soon as the store answers again.
        tracing::warn!(%error, "a release is not served yet");
    }
}

/// What was published, in the language of whoever asked, as `view` answers it.
fn created<T: Serialize>(
    accepted: Option<&str>,
    slug: &Code,
    published: PublishedRelease,
    view: impl FnOnce(ReleaseWithChanges) -> T,
) -> Result<StoredAnswer, ProgrammeError> {
    let languages = &published.difference.after.conference.languages;
    let language = negotiate::choose_words(accepted, None, languages)?;
    let location = format!("/api/v1/conferences/{slug}/releases/{}", published.release.number);
    let view = view(ReleaseWithChanges::of(published, &language));
    Ok(StoredAnswer::of(201, Some(location), None, &view)?)
}

/// Publishes the draft as the next release, at once or at a time.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/releases",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = NewRelease,
    responses(
        (status = 201, description = "The release", body = ReleaseWithChanges),
        (status = 202, description = "The release that is to come", body = ScheduledView),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn publish_release(
    request: HttpRequest,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (slug, sent) = (path.into_inner().0, body.0);
    let wish: NewRelease = faults::read(sent.clone())?;
    let secret = state.secret.clone();
    let accepted = negotiate::accepted(&request).map(str::to_owned);
    let turn = slug.to_string();
    let answer = state
        .database
        .write_in_turn("publish a release", &turn, move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "publish_release", &slug)?;
            once(tx, &key, (&place.id.to_string(), &actor.identity()), &sent, |tx| {
                if let Some(publish_at) = wish.publish_at {
                    let scheduled = schedule(tx, &place, publish_at, wish.request(), &actor)?;
                    let location = format!("/api/v1/conferences/{slug}/agenda/releases");
                    return Ok(StoredAnswer::of(202, Some(location), None, &ScheduledView::from(scheduled))?);
                }
                let published = publish(tx, &place, wish.request(), &actor, &secret)?;
                created(accepted.as_deref(), &slug, published, |release| release)
            })
        })
        .await?;
    serve(&state).await;
    Ok(answer.response())
}

/// Publishes an old release again, as the public may see it now; the draft becomes the same, unless it is to be kept.
///
/// What the draft hides more strictly than the old release did stays hidden, in the release and in the draft.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/releases/{number}/restore",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = Restoration,
    responses((status = 201, description = "The new release", body = RestoredRelease), AnyProblem),
    security(("bearer" = []))
)]
pub async fn restore_release(
    request: HttpRequest,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    key: IdempotencyKey,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let ((CodePath(slug), number), sent) = (path.into_inner(), body.0);
    let wish: Restoration = faults::read(sent.clone())?;
    let secret = state.secret.clone();
    let accepted = negotiate::accepted(&request).map(str::to_owned);
    let turn = slug.to_string();
    let answer = state
        .database
        .write_in_turn("restore a release", &turn, move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "restore_release", &slug)?;
            let number = number_of(&number)?;
            once(tx, &key, (&place.id.to_string(), &actor.identity()), &sent, |tx| {
                let note = wish.note.as_ref().map(|note| note.as_str().to_owned());
                let (published, kept_hidden) = restore(tx, &place, number, note, wish.keep_draft, &actor, &secret)?;
                let view = |release| RestoredRelease { release, kept_hidden };
                created(accepted.as_deref(), &slug, published, view)
            })
        })
        .await?;
    serve(&state).await;
    Ok(answer.response())
}

/// Lists the releases as organisers see them, and those that are scheduled.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/releases",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), PageQuery),
    responses((status = 200, description = "The releases", body = ReleaseRecordList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_agenda_releases(
    request: HttpRequest,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let asked = query.0.read();
    let (mut rows, scheduled, page) = state
        .database
        .read(move |tx| {
            let (place, _) = find_authorised(tx, &credentials, "list_agenda_releases", &slug)?;
            let (page, before) = asked?;
            let rows = store::list(tx, place.id, before, page.rows())?;
            Ok::<_, ProgrammeError>((rows, store::list_scheduled(tx, place.id, SCHEDULED_MAX)?, page))
        })
        .await?;
    let next = page.cut(&request, &mut rows, |row| row.number.to_string());
    let list = ReleaseRecordList {
        data: rows.into_iter().map(Into::into).collect(),
        scheduled: scheduled.into_iter().map(Into::into).collect(),
        next: next.clone(),
    };
    let mut response = answer(&request, Representation::private(&list)?);
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Calls a scheduled release off.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/agenda/scheduled-releases/{id}",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("id" = String, Path, description = "The scheduled release's id")
    ),
    responses((status = 204, description = "It will not be published"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn cancel_scheduled_release(
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    state
        .database
        .write("call a scheduled release off", move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "cancel_scheduled_release", &slug)?;
            let id = ScheduledReleaseId::parse(&id).map_err(|_| ProgrammeError::NotFound("scheduled release"))?;
            cancel(tx, &place, id, &actor)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the releases, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/releases",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), PageQuery),
    responses((status = 200, description = "The releases", body = ReleaseList), AnyProblem)
)]
pub async fn list_releases(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let id = state.programmes.get(&path.0).ok_or(ProgrammeError::NotFound("conference"))?.place.id;
    let (page, before) = query.0.read()?;
    let wanted = page.rows();
    let mut rows =
        state.database.read(move |tx| store::list(tx, id, before, wanted).map_err(ProgrammeError::from)).await?;
    let next = page.cut(&request, &mut rows, |row| row.number.to_string());
    let list = ReleaseList { data: rows.iter().map(ReleaseView::of).collect(), next: next.clone() };
    let mut response = public(&request, &list)?;
    link_next(&mut response, next.as_deref());
    Ok(response)
}

fn number_of(number: &str) -> Result<i32, ProgrammeError> {
    Ok(ReleaseNumber::parse(number).map_err(|_| ProgrammeError::NotFound("release"))?.0)
}

/// The conference's latest release and the number of the one that the path names.
fn release_named(
    state: &State,
    slug: &Code,
    number: &str,
) -> Result<(std::sync::Arc<Snapshot>, ConferenceId, i32), ProgrammeError> {
    let snapshot = state.programmes.get(slug).ok_or(ProgrammeError::NotFound("conference"))?;
    let id = snapshot.place.id;
    Ok((snapshot, id, number_of(number)?))
}

/// Reads which release a number is.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/releases/{number}",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number")
    ),
    responses((status = 200, description = "The release", body = ReleaseView), AnyProblem)
)]
pub async fn read_release(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (_, id, number) = release_named(&state, &path.0.0, &path.1)?;
    let found = state.database.read(move |tx| store::find(tx, id, number).map_err(ProgrammeError::from)).await?;
    public(&request, &ReleaseView::of(&found.ok_or(ProgrammeError::NotFound("release"))?))
}

/// Reads what changed in a release, against the one before or any other: as data and in words.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/releases/{number}/changes",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number"),
        ChangesQuery
    ),
    responses((status = 200, description = "The changes", body = ReleaseChanges), AnyProblem)
)]
pub async fn read_release_changes(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
    query: Query<ChangesQuery>,
) -> Result<HttpResponse, Problem> {
    let (snapshot, id, number) = release_named(&state, &path.0.0, &path.1)?;
    let languages = &snapshot.agenda.conference.languages;
    let language = negotiate::choose_words(negotiate::accepted(&request), query.0.lang.as_deref(), languages)?;
    let since = query.0.since.map(|since| since.0);
    let _turn = state.programmes.turn_for_old().await;
    let difference = state.database.read(move |tx| difference(tx, id, number, since)).await?;
    let before = since.unwrap_or(number - 1);
    let changes = release_changes(&difference, &language);
    public(&request, &ReleaseChanges { number, since: difference.before.as_ref().map(|_| before), changes })
}
