//! `/api/v1/conferences/{conference}/blueprint`: the whole conference as one document.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{
    Blueprint,
    actions::{self, SERVER_SCOPE, apply, authorise_apply, copy, create, find_readable, load},
    copy::ConferenceCopy,
    document,
    time_zone::{self, DocumentQuery},
};
use crate::{
    access::{Credentials, Operation, authorise, check_early},
    agenda::{
        Agenda,
        api::Plan,
        document::Conference,
        edit::api::{WithWarnings, answer_write},
    },
    database::Database,
    http::{
        CodePath, Json, Problem, Query, Representation, answer,
        extract::{Document, RawAgendaJson},
        idempotency::{IdempotencyKey, StoredAnswer, once},
        problem::AnyProblem,
    },
    mail::SenderDomains,
    programme::service::ProgrammeService,
    registration::{RegistrationError, service::RegistrationService},
    site_setup::SiteSetups,
    validation::ValidationErrors,
    values::Switch,
};

/// Reads the whole conference as one document.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/blueprint",
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The blueprint", body = Blueprint), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_blueprint(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let blueprint = database
        .read(move |tx| {
            let conference = find_readable(tx, &credentials, &slug)?;
            load(tx, &conference)
        })
        .await?;
    Ok(answer(&request, Representation::private(&blueprint)?))
}

/// Replaces the agenda, the registration set-up and the site set-up of a conference by those of the document; creates
/// the conference if it is new.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/blueprint",
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug"), DocumentQuery),
    request_body = Blueprint,
    responses((status = 200, description = "What changed", body = Plan), AnyProblem),
    security(("bearer" = []))
)]
pub async fn apply_blueprint(
    service: web::Data<RegistrationService>,
    site_setups: web::Data<SiteSetups>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DocumentQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let (dry_run, keep) = (query.0.dry_run == Some(Switch::On), query.0.keep);
    let checked_slug = slug.clone();
    check_early(&service.database, &credentials, move |tx, credentials| {
        authorise_apply(tx, credentials, &checked_slug)
    })
    .await?;
    let document = body.receive().await?;
    document::read(document.clone())?;
    let turn = slug.to_string();
    let sender_domains = service.sender_domains.clone();
    let plan = service
        .database
        .write_in_turn("apply a blueprint", &turn, move |tx| {
            let actor = authorise_apply(tx, &credentials, &slug)?;
            let blueprint = time_zone::read_blueprint(tx, &document, keep)?;
            let changes = apply(tx, &slug, &blueprint, &actor, &sender_domains, dry_run)?;
            Ok::<_, RegistrationError>(Plan::of(changes, &blueprint.agenda))
        })
        .await?;
    site_setups.forget();
    // More seats may have promoted people from the waiting list, who get a letter.
    service.wake.wake();
    Ok(HttpResponse::Ok().json(plan))
}

/// Creates a conference from its own fields, without sessions, and with the default registration set-up.
#[utoipa::path(
    post, path = "/api/v1/conferences",
    tag = "blueprint",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the same answer")),
    request_body = Conference,
    responses((status = 201, description = "The conference", body = WithWarnings<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_conference(
    database: web::Data<Database>,
    sender_domains: web::Data<SenderDomains>,
    credentials: Credentials,
    key: IdempotencyKey,
    body: RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let request_json = body.0;
    check_early(&database, &credentials, |tx, credentials| {
        authorise(tx, credentials, Operation::CreateConference, None)
    })
    .await?;
    let blueprint = document::read(serde_json::json!({ "conference": request_json }))
        .map_err(|errors| relative_to(errors, "/conference"))?;
    let answer = database
        .write("create a conference", move |tx| {
            let actor = authorise(tx, &credentials, Operation::CreateConference, None)?;
            once(tx, &key, SERVER_SCOPE, &actor.identity(), &request_json, |tx| {
                answer_creation(&create(tx, &credentials, Operation::CreateConference, &blueprint, &sender_domains)?)
            })
        })
        .await?;
    Ok(answer.response())
}

fn answer_creation(agenda: &Agenda) -> Result<StoredAnswer, RegistrationError> {
    let slug = &agenda.conference.slug;
    let location = format!("/api/v1/conferences/{slug}/agenda/conference");
    Ok(answer_write(agenda, &agenda.conference, Some(location))?)
}

/// Validation errors of a part of the document, with pointers into what the client sent.
fn relative_to(mut errors: ValidationErrors, part: &str) -> ValidationErrors {
    for error in &mut errors.0 {
        error.pointer = error.pointer.replacen(&format!("#{part}"), "#", 1);
    }
    errors
}

/// Creates a conference as a copy of another on other dates, with its agenda, call for action and registration set-up.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/copy",
    tag = "blueprint",
    params(
        ("conference" = String, Path, description = "The slug of the conference that is copied"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the same answer")
    ),
    request_body = ConferenceCopy,
    responses((status = 201, description = "The new conference", body = WithWarnings<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn copy_conference(
    database: web::Data<Database>,
    sender_domains: web::Data<SenderDomains>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Json<ConferenceCopy>,
) -> Result<HttpResponse, Problem> {
    let (slug, request) = (path.into_inner().0, body.0);
    let request_json = serde_json::json!(request);
    let answer = database
        .write("copy a conference", move |tx| {
            let actor = authorise(tx, &credentials, Operation::CopyConference, None)?;
            once(tx, &key, SERVER_SCOPE, &actor.identity(), &request_json, |tx| {
                answer_creation(&copy(tx, &credentials, &slug, &request, &sender_domains)?)
            })
        })
        .await?;
    Ok(answer.response())
}

/// Deletes a conference with its agenda and releases. It is refused if anybody ever registered.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}",
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 204, description = "The conference is deleted"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_conference(
    database: web::Data<Database>,
    programme_service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let turn = slug.to_string();
    database.write_in_turn("delete a conference", &turn, move |tx| actions::delete(tx, &credentials, &slug)).await?;
    if let Err(error) = programme_service.programmes.refresh(&programme_service.database).await {
        // It is committed; the poll notices as soon as the store answers again.
        tracing::warn!(%error, "a conference that is gone is still served");
    }
    Ok(HttpResponse::NoContent().finish())
}
