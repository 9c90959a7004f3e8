//! Whether the process lives, and whether it can serve.

use actix_web::{HttpResponse, http::header, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    database::Database,
    http::{
        Problem,
        middleware::Ready,
        problem::{AnyProblem, UNAVAILABLE},
    },
};

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// Answers as long as the process lives.
#[utoipa::path(
    get, path = "/healthz",
    tag = "service", responses((status = 200, description = "It lives", body = Health), AnyProblem)
)]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(OK)
}

/// Answers 200 when the store is reachable and migrated and the first conference, if any, is published.
#[utoipa::path(
    get, path = "/readyz",
    tag = "service", responses((status = 200, description = "It serves", body = Health), AnyProblem)
)]
pub async fn ready(database: web::Data<Database>, ready: web::Data<Ready>) -> Result<HttpResponse, Problem> {
    if !ready.is_raised() {
        return Err(ready.problem());
    }
    if !database.is_migrated().await? {
        let detail = "the store's schema is of another version";
        return Err(Problem::new(&UNAVAILABLE).detail(detail).header(header::RETRY_AFTER, "1"));
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(OK))
}
