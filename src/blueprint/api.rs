//! `/api/v1/conferences/{conference}/blueprint`: the whole conference as one document.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Blueprint,
    actions::{self, SERVER, apply, authorise_apply, copy, create, find_readable, load},
    copy::Copy,
    document,
};
use crate::{
    access::{Credentials, authorise},
    agenda::{
        Agenda,
        api::{ApplyQuery, Plan},
        document::Conference,
        edit::api::{Written, written},
    },
    database::Database,
    faults::Faults,
    http::{
        CodePath, Json, Problem, Query, Representation, answer,
        extract::{Document, Thing},
        idempotency::{IdempotencyKey, StoredAnswer, once},
        problem::AnyProblem,
    },
    mail::Wake,
    programme::api::State,
    registration::RegistrationError,
    values::{Code, Date, Localised},
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
            let place = find_readable(tx, &credentials, &slug)?;
            load(tx, &place)
        })
        .await?;
    Ok(answer(&request, Representation::private(&blueprint)?))
}

/// Makes the conference what the document says, and creates it if it is new.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/blueprint",
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug"), ApplyQuery),
    request_body = Blueprint,
    responses((status = 200, description = "What changed", body = Plan), AnyProblem),
    security(("bearer" = []))
)]
pub async fn apply_blueprint(
    database: web::Data<Database>,
    wake: web::Data<Wake>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let dry_run = query.0.is_dry_run();
    let (asked, asked_slug) = (credentials.clone(), slug.clone());
    database.read(move |tx| authorise_apply(tx, &asked, &asked_slug)).await?;
    let blueprint = document::read(body.receive().await?)?;
    let turn = slug.to_string();
    let plan = database
        .write_in_turn("apply a blueprint", &turn, move |tx| {
            let actor = authorise_apply(tx, &credentials, &slug)?;
            let changes = apply(tx, &slug, &blueprint, &actor, dry_run)?;
            Ok::<_, RegistrationError>(Plan::of(changes, &blueprint.agenda))
        })
        .await?;
    // Raised seats may have promoted people.
    wake.wake();
    Ok(HttpResponse::Ok().json(plan))
}

/// Creates a conference of which nothing but its own fields is known.
#[utoipa::path(
    post, path = "/api/v1/conferences",
    tag = "blueprint",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")),
    request_body = Conference,
    responses((status = 201, description = "The conference", body = Written<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_conference(
    database: web::Data<Database>,
    credentials: Credentials,
    key: IdempotencyKey,
    body: Thing,
) -> Result<HttpResponse, Problem> {
    let (asked, sent) = (credentials.clone(), body.0);
    database.read(move |tx| authorise(tx, &asked, "create_conference", None)).await?;
    let blueprint =
        document::read(serde_json::json!({ "conference": sent })).map_err(|faults| within(faults, "/conference"))?;
    let answer = database
        .write("create a conference", move |tx| {
            let actor = authorise(tx, &credentials, "create_conference", None)?;
            once(tx, &key, (SERVER, &actor.identity()), &sent, |tx| {
                created(&create(tx, &credentials, "create_conference", &blueprint)?)
            })
        })
        .await?;
    Ok(answer.response())
}

fn created(agenda: &Agenda) -> Result<StoredAnswer, RegistrationError> {
    let slug = &agenda.conference.slug;
    let location = format!("/api/v1/conferences/{slug}/agenda/conference");
    Ok(written(agenda, &agenda.conference, Some(location))?)
}

/// Faults of a part of the document, as places in what the client sent.
fn within(mut faults: Faults, part: &str) -> Faults {
    for fault in &mut faults.0 {
        fault.pointer = fault.pointer.replacen(&format!("#{part}"), "#", 1);
    }
    faults
}

/// What a copy of a conference is to be.
#[derive(Debug, Clone, Deserr, Serialize, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ConferenceCopy {
    /// Its name in URLs.
    pub slug: Code,
    /// Its first date; everything keeps its distance from it, at the same time of day.
    pub starts_on: Date,
    /// Its name; that of the original if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Localised>,
}

/// Creates a conference as a copy of another, on other dates: agenda, call for action and registration set-up.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/copy",
    tag = "blueprint",
    params(
        ("conference" = String, Path, description = "The slug of the conference that is copied"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = ConferenceCopy,
    responses((status = 201, description = "The new conference", body = Written<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn copy_conference(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Json<ConferenceCopy>,
) -> Result<HttpResponse, Problem> {
    let (slug, wish) = (path.into_inner().0, body.0);
    let sent = serde_json::json!(wish);
    let wish = Copy { slug: wish.slug, starts_on: wish.starts_on, name: wish.name };
    let answer = database
        .write("copy a conference", move |tx| {
            let actor = authorise(tx, &credentials, "copy_conference", None)?;
            once(tx, &key, (SERVER, &actor.identity()), &sent, |tx| created(&copy(tx, &credentials, &slug, &wish)?))
        })
        .await?;
    Ok(answer.response())
}

/// Deletes a conference for which nobody ever registered, with its agenda and its releases.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}",
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 204, description = "It is gone"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_conference(
    database: web::Data<Database>,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let turn = slug.to_string();
    database.write_in_turn("delete a conference", &turn, move |tx| actions::delete(tx, &credentials, &slug)).await?;
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll sees it as soon as the store answers again.
        tracing::warn!(%error, "a conference that is gone is still served");
    }
    Ok(HttpResponse::NoContent().finish())
}
