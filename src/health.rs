//! Health checks: whether the process is alive, and whether it can serve.

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

/// Result of a health check.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`; otherwise the answer is a problem document.
    pub status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// Checks that the process is alive.
#[utoipa::path(
    get, path = "/healthz",
    tag = "service", responses((status = 200, description = "The process is alive", body = Health), AnyProblem)
)]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(OK)
}

/// Checks that the service can serve: the store is reachable and migrated, and the first conference, if any, is
/// published.
#[utoipa::path(
    get, path = "/readyz",
    tag = "service", responses((status = 200, description = "The service can serve", body = Health), AnyProblem)
)]
pub async fn ready(database: web::Data<Database>, ready: web::Data<Ready>) -> Result<HttpResponse, Problem> {
    if !ready.is_ready() {
        return Err(ready.problem());
    }
    if !database.is_migrated().await? {
        let detail = "the store's schema is of another version";
        return Err(Problem::new(&UNAVAILABLE).detail(detail).header(header::RETRY_AFTER, "1"));
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(OK))
}
