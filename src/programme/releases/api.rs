//! `/api/v1/conferences/{conference}/releases`: publishing the draft, and reading what was published.

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
    access::{Credentials, Operation},
    agenda::actions::find_authorised,
    http::{
        CodePath, Problem, Query, Representation, answer,
        extract::RawJson,
        idempotency::{IdempotencyKey, StoredAnswer, once},
        paging::link_next,
        problem::AnyProblem,
    },
    ids::{ConferenceId, ScheduledReleaseId},
    programme::{
        ProgrammeError, Snapshot, api::answer_public, filter::ReleaseNumber, negotiate, service::ProgrammeService,
        views::ReleaseView,
    },
    validation,
    values::{Code, TextValue as _},
};

/// The largest number of scheduled releases in an answer.
const SCHEDULED_MAX: i64 = 200;

/// Loads a new release into memory at once, so that this process serves it.
async fn refresh_programmes(service: &ProgrammeService) {
    if let Err(error) = service.programmes.refresh(&service.database).await {
        // It is committed; the poll loads it as soon as the store answers again.
        tracing::warn!(%error, "a release is not served yet");
    }
}

/// The answer to a publication: 201 with the body that `view` makes, in the language that the client accepts.
fn created_answer<T: Serialize>(
    accept_language: Option<&str>,
    slug: &Code,
    published: PublishedRelease,
    view: impl FnOnce(ReleaseWithChanges) -> T,
) -> Result<StoredAnswer, ProgrammeError> {
    let languages = &published.difference.after.conference.languages;
    let language = negotiate::choose_for_sentences(accept_language, None, languages)?;
    let location = format!("/api/v1/conferences/{slug}/releases/{}", published.release.number);
    let view = view(ReleaseWithChanges::of(published, &language));
    Ok(StoredAnswer::of(201, Some(location), None, &view)?)
}

/// Publishes the draft as the next release, at once or at a later time.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/releases",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the same answer")
    ),
    request_body = NewRelease,
    responses(
        (status = 201, description = "The release", body = ReleaseWithChanges),
        (status = 202, description = "The scheduled release", body = ScheduledView),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn publish_release(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: RawJson,
) -> Result<HttpResponse, Problem> {
    let (slug, body) = (path.into_inner().0, body.0);
    let new_release: NewRelease = validation::read(body.clone())?;
    let secret = service.secret.clone();
    let accept_language = negotiate::accept_language(&request).map(str::to_owned);
    let turn = slug.to_string();
    let answer = service
        .database
        .write_in_turn("publish a release", &turn, move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::PublishRelease, &slug)?;
            once(tx, &key, &conference.id.to_string(), &actor.identity(), &body, |tx| {
                if let Some(publish_at) = new_release.publish_at {
                    let scheduled = schedule(tx, &conference, publish_at, new_release.request(), &actor)?;
                    let location = format!("/api/v1/conferences/{slug}/agenda/releases");
                    return Ok(StoredAnswer::of(202, Some(location), None, &ScheduledView::from(scheduled))?);
                }
                let published = publish(tx, &conference, new_release.request(), &actor, &secret)?;
                created_answer(accept_language.as_deref(), &slug, published, |release| release)
            })
        })
        .await?;
    refresh_programmes(&service).await;
    Ok(answer.response())
}

/// Publishes an earlier release again, as a new release. The draft becomes the same, unless `keep_draft` is set.
///
/// What the draft hides more strictly than the earlier release did stays hidden, in the new release and in the draft.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/releases/{number}/restore",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the same answer")
    ),
    request_body = Restoration,
    responses((status = 201, description = "The new release", body = RestoredRelease), AnyProblem),
    security(("bearer" = []))
)]
pub async fn restore_release(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    key: IdempotencyKey,
    body: RawJson,
) -> Result<HttpResponse, Problem> {
    let ((CodePath(slug), number), body) = (path.into_inner(), body.0);
    let restoration: Restoration = validation::read(body.clone())?;
    let secret = service.secret.clone();
    let accept_language = negotiate::accept_language(&request).map(str::to_owned);
    let turn = slug.to_string();
    let answer = service
        .database
        .write_in_turn("restore a release", &turn, move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::RestoreRelease, &slug)?;
            let number = parse_release_number(&number)?;
            once(tx, &key, &conference.id.to_string(), &actor.identity(), &body, |tx| {
                let note = restoration.note.as_ref().map(|note| note.as_str().to_owned());
                let (published, kept_hidden) =
                    restore(tx, &conference, number, note, restoration.keep_draft, &actor, &secret)?;
                let view = |release| RestoredRelease { release, kept_hidden };
                created_answer(accept_language.as_deref(), &slug, published, view)
            })
        })
        .await?;
    refresh_programmes(&service).await;
    Ok(answer.response())
}

/// Lists the releases as organisers see them, with the scheduled ones.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/releases",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), PageQuery),
    responses((status = 200, description = "The releases", body = ReleaseRecordList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_agenda_releases(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let page = query.0.read();
    let (mut rows, scheduled, page) = service
        .database
        .read(move |tx| {
            let (conference, _) = find_authorised(tx, &credentials, Operation::ListAgendaReleases, &slug)?;
            let (page, before) = page?;
            let rows = store::list(tx, conference.id, before, page.rows())?;
            Ok::<_, ProgrammeError>((rows, store::list_scheduled(tx, conference.id, SCHEDULED_MAX)?, page))
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

/// Cancels a scheduled release. A release that was cancelled before stays cancelled.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/agenda/scheduled-releases/{id}",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("id" = String, Path, description = "The scheduled release's id")
    ),
    responses((status = 204, description = "The scheduled release is cancelled"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn cancel_scheduled_release(
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    service
        .database
        .write("call a scheduled release off", move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::CancelScheduledRelease, &slug)?;
            let id = ScheduledReleaseId::parse(&id).map_err(|_| ProgrammeError::NotFound("scheduled release"))?;
            cancel(tx, &conference, id, &actor)
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
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let id = service.programmes.get(&path.0).ok_or(ProgrammeError::NotFound("conference"))?.conference.id;
    let (page, before) = query.0.read()?;
    let limit = page.rows();
    let mut rows =
        service.database.read(move |tx| store::list(tx, id, before, limit).map_err(ProgrammeError::from)).await?;
    let next = page.cut(&request, &mut rows, |row| row.number.to_string());
    let list = ReleaseList { data: rows.iter().map(ReleaseView::of).collect(), next: next.clone() };
    let mut response = answer_public(&request, &list)?;
    link_next(&mut response, next.as_deref());
    Ok(response)
}

fn parse_release_number(number: &str) -> Result<i32, ProgrammeError> {
    Ok(ReleaseNumber::parse(number).map_err(|_| ProgrammeError::NotFound("release"))?.0)
}

/// The conference's latest release, and the number of the one that the path names.
fn resolve_release(
    service: &ProgrammeService,
    slug: &Code,
    number: &str,
) -> Result<(std::sync::Arc<Snapshot>, ConferenceId, i32), ProgrammeError> {
    let snapshot = service.programmes.get(slug).ok_or(ProgrammeError::NotFound("conference"))?;
    let id = snapshot.conference.id;
    Ok((snapshot, id, parse_release_number(number)?))
}

/// Reads a release: its number, its time and its note.
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (_, id, number) = resolve_release(&service, &path.0.0, &path.1)?;
    let release = service.database.read(move |tx| store::find(tx, id, number).map_err(ProgrammeError::from)).await?;
    answer_public(&request, &ReleaseView::of(&release.ok_or(ProgrammeError::NotFound("release"))?))
}

/// Reads what changed in a release, compared with the one before or with any other, as data and as sentences.
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, String)>,
    query: Query<ChangesQuery>,
) -> Result<HttpResponse, Problem> {
    let (snapshot, id, number) = resolve_release(&service, &path.0.0, &path.1)?;
    let languages = &snapshot.agenda.conference.languages;
    let language =
        negotiate::choose_for_sentences(negotiate::accept_language(&request), query.0.lang.as_deref(), languages)?;
    let since = query.0.since.map(|since| since.0);
    let _permit = service.programmes.old_release_permit().await;
    let difference = service.database.read(move |tx| difference(tx, id, number, since)).await?;
    let before = since.unwrap_or(number - 1);
    let changes = release_changes(&difference, &language);
    answer_public(&request, &ReleaseChanges { number, since: difference.before.as_ref().map(|_| before), changes })
}
