//! `/api/v1/conferences/{conference}/check-ins`, the roster of scanners, and the key that badges are signed under.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    CheckInError, actions, roster,
    scan_rules::Scans,
    views::{
        CheckInKey, CheckInList, CheckInResult, CheckInResults, CheckInView, RecordQuery, RosterEntry, RosterPage,
        RosterQuery,
    },
};
use crate::{
    access::{Credentials, Operation, authorise, badge::BadgeKey},
    database::{self, Connection, DatabaseError, Retry},
    http::{
        CodePath, EmptyObject, Json, NO_STORE, Problem, Query,
        extract::Document,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::CheckInId,
    registration::{
        RegistrationError,
        context::{ReleasedAgenda, RequestContext},
        service::RegistrationService,
    },
    validation::{self, ValidationErrors},
    values::Code,
};

/// Runs a read transaction with the request context that all check-in and badge reads share.
pub(super) async fn read<T: Send + 'static>(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    work: impl FnOnce(&mut Connection, RequestContext<'_>) -> Result<T, RegistrationError> + Send + 'static,
) -> Result<T, RegistrationError> {
    let (snapshot, secret) = (service.conference_for_attendees(slug).await?, service.secret.clone());
    service
        .database
        .read(move |tx| {
            let released = ReleasedAgenda::of(&snapshot);
            work(
                tx,
                RequestContext {
                    conference: &snapshot.conference,
                    released,
                    credentials: &credentials,
                    secret: &secret,
                },
            )
        })
        .await
}

/// Runs a write transaction. Writes of one conference's check-in record run one after the other.
async fn write<T, E>(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    name: &'static str,
    work: impl Fn(&mut Connection, RequestContext<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<RegistrationError> + From<DatabaseError> + Retry + Send + 'static,
{
    let (snapshot, secret) = (service.conference_for_attendees(slug).await?, service.secret.clone());
    let queue = format!("check-ins of {slug}");
    service
        .database
        .write_in_turn(name, &queue, move |tx| {
            let released = ReleasedAgenda::of(&snapshot);
            work(
                tx,
                RequestContext {
                    conference: &snapshot.conference,
                    released,
                    credentials: &credentials,
                    secret: &secret,
                },
            )
        })
        .await
}

/// Reads the public key that verifies the conference's badges.
///
/// With it, a scanner verifies badges without a connection. The answer describes the signed payload, too.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-in-key",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The key and the payload's format", body = CheckInKey), AnyProblem)
)]
pub async fn read_check_in_key(
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let key = BadgeKey::derive(&service.secret, snapshot.conference.id)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=3600")).json(CheckInKey::new(&key)))
}

/// Records up to 1,000 scans and answers a result for each.
///
/// Scans may be sent at once or later. Each has an id that the scanner chose: a scan that is sent again changes nothing
/// and gets the same result, so a scanner can send a batch again when it got no answer.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = Scans,
    responses((status = 200, description = "A result for each scan", body = CheckInResults), AnyProblem),
    security(("bearer" = []))
)]
pub async fn check_in(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    read(&service, &slug, credentials.clone(), |tx, context| {
        authorise(tx, context.credentials, Operation::CheckIn, Some(context.conference.id))?;
        Ok(())
    })
    .await?;
    let scans = validation::read::<Scans>(body.receive().await?)?;
    scans.check()?;
    let snapshot = service.conference_for_attendees(&slug).await?;
    let key = BadgeKey::derive(&service.secret, snapshot.conference.id)?;
    // Verification of a thousand signatures takes long: it runs on the blocking pool, before the transaction.
    let verify = move || Ok::<_, DatabaseError>((actions::claims(&key, &scans.check_ins), scans.check_ins));
    let (claims, scans) = database::blocking(verify).await?;
    let ids: Vec<CheckInId> = scans.iter().map(|scan| scan.id).collect();
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::check_in(tx, context, &scans, &claims);
    let recorded = write(&service, &slug, credentials, "check in", work).await?;
    let result = |(id, result)| CheckInResult::new(id, result, &recorded.badges, &snapshot.agenda);
    let data = ids.into_iter().zip(recorded.results).map(result).collect();
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(CheckInResults { data }))
}

/// Lists the check-in record in the order in which the service received it.
///
/// To follow the record, ask for the entries `after` the last `sequence` that you have: no entry is missed.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RecordQuery),
    responses((status = 200, description = "A page of the check-in record", body = CheckInList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_check_ins(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RecordQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RecordQuery { after, limit } = query.0;
    let (page, after) = read(&service, &slug, credentials.clone(), move |tx, context| {
        authorise(tx, context.credentials, Operation::ListCheckIns, Some(context.conference.id))?;
        let mut errors = ValidationErrors::default();
        let sequence = after.as_deref().map_or(Some(0), |text| text.parse::<i64>().ok().filter(|number| *number >= 0));
        if sequence.is_none() {
            errors.add("?after", "out_of_range", "must be the number of an entry");
        }
        let page = match Page::read(limit.as_deref(), None) {
            Ok(page) => Some(page),
            Err(of_page) => {
                errors.0.extend(of_page.0);
                None
            }
        };
        match (page, sequence) {
            (Some(page), Some(sequence)) => Ok((page, sequence)),
            _ => Err(errors.into()),
        }
    })
    .await?;
    let rows = page.rows();
    let mut entries =
        read(&service, &slug, credentials, move |tx, context| actions::list(tx, context, after, rows)).await?;
    let has_more = entries.len() > page.limit;
    entries.truncate(page.limit);
    let last = entries.last().map(|details| details.entry.sequence).filter(|_| has_more);
    let next = last.map(|last| format!("{}?after={last}&limit={}", request.path(), page.limit));
    let snapshot = service.conference_for_attendees(&slug).await?;
    let data = entries.into_iter().map(|details| CheckInView::new(details, &snapshot.agenda)).collect();
    let list = CheckInList { data, next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

/// Undoes an admission.
///
/// The undo is a new entry of the record; afterwards the person can be admitted as if for the first time. A second undo
/// of the same admission answers the first one.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins/{check_in}/undo",
    tag = "check-in",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("check_in" = CheckInId, Path, description = "Id of the admission to undo")
    ),
    request_body = EmptyObject,
    responses((status = 200, description = "The entry of the undo", body = CheckInView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn undo_check_in(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(EmptyObject {}): Json<EmptyObject>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::UndoCheckIn, Some(context.conference.id))?;
        let id = id.parse().map_err(|_| CheckInError::NotFound)?;
        actions::undo(tx, context, id)
    };
    let undo = write(&service, &slug, credentials, "undo a check-in", work).await?;
    let snapshot = service.conference_for_attendees(&slug).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(CheckInView::new(undo, &snapshot.agenda)))
}

/// Lists the people whom an offline scanner admits.
///
/// Without `since`: all confirmed registrations. With `since`: the registrations that changed since that
/// synchronisation.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins/roster",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RosterQuery),
    responses((status = 200, description = "A page of the roster", body = RosterPage), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_check_in_roster(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RosterQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RosterQuery { since, limit, cursor } = query.0;
    let roster = read(&service, &slug, credentials, move |tx, context| {
        authorise(tx, context.credentials, Operation::ReadCheckInRoster, Some(context.conference.id))?;
        let page = Page::read(limit.as_deref(), cursor.as_deref())?;
        let since = since.as_deref().map(roster::parse_since).transpose()?;
        roster::read(tx, context, since, &page)
    })
    .await?;
    let snapshot = service.conference_for_attendees(&slug).await?;
    let next = roster.next.map(|key| next_page_link(&request, &key));
    let data = roster.people.into_iter().map(|row| RosterEntry::new(row, &snapshot.agenda)).collect();
    let page = RosterPage { data, next, sync: roster.sync.to_string() };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&page);
    link_next(&mut response, page.next.as_deref());
    Ok(response)
}

/// Path and query of the page after this key. A token in the query is left out.
pub(super) fn next_page_link(request: &HttpRequest, key: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        if name != "cursor" && name != "token" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", &URL_SAFE_NO_PAD.encode(key));
    format!("{}?{}", request.path(), query.finish())
}
