//! Documentation of the API: the document in both formats, the page that shows it, and the kinds of problems.

use std::sync::OnceLock;

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    http::{
        Problem, ProblemKind, Representation, answer,
        problem::{AnyProblem, NOT_FOUND},
    },
    programme::views::List,
};

fn cacheable(body: Vec<u8>, content_type: &'static str) -> Representation {
    Representation {
        body,
        content_type,
        language: None,
        modified: None,
        cache_control: "public, max-age=300",
        vary: header::HeaderValue::from_static("Accept-Encoding"),
    }
}

/// The input of the documentation.
#[derive(Clone)]
pub struct Documentation {
    /// Builds the API document. Its texts are cached when they are first needed; they have a tenth of its size.
    pub document: fn() -> OpenApi,
    pub problems: &'static [&'static ProblemKind],
}

impl Documentation {
    /// The API document as YAML.
    ///
    /// # Errors
    /// It cannot be serialised.
    pub fn yaml(&self) -> Result<&'static str, Problem> {
        static YAML: OnceLock<String> = OnceLock::new();
        self.cached(&YAML, OpenApi::to_yaml)
    }

    fn json(&self) -> Result<&'static str, Problem> {
        static JSON: OnceLock<String> = OnceLock::new();
        self.cached(&JSON, OpenApi::to_pretty_json)
    }

    fn cached<E: std::error::Error + Send + Sync + 'static>(
        &self,
        text: &'static OnceLock<String>,
        render: fn(&OpenApi) -> Result<String, E>,
    ) -> Result<&'static str, Problem> {
        if let Some(text) = text.get() {
            return Ok(text);
        }
        let rendered = render(&(self.document)()).map_err(Problem::unexpected)?;
        Ok(text.get_or_init(|| rendered))
    }
}

/// Returns this API document as JSON.
#[utoipa::path(
    get, path = "/openapi.json",
    tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), AnyProblem)
)]
pub async fn read_openapi_json(request: HttpRequest, docs: web::Data<Documentation>) -> Result<HttpResponse, Problem> {
    Ok(answer(&request, cacheable(docs.json()?.into(), "application/json")))
}

/// Returns this API document as YAML.
#[utoipa::path(
    get, path = "/openapi.yaml",
    tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = String, content_type = "application/yaml"), AnyProblem)
)]
pub async fn read_openapi_yaml(request: HttpRequest, docs: web::Data<Documentation>) -> Result<HttpResponse, Problem> {
    Ok(answer(&request, cacheable(docs.yaml()?.into(), "application/yaml")))
}

/// A kind of problem.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDescription {
    /// The value of `type` in problem documents of this kind: `/problems/<slug>`.
    pub r#type: String,
    /// HTTP status code.
    pub status: u16,
    /// Short description.
    pub title: &'static str,
}

fn description(kind: &ProblemKind) -> ProblemDescription {
    ProblemDescription { r#type: format!("/problems/{}", kind.slug), status: kind.status, title: kind.title }
}

/// Lists the kinds of problems.
#[utoipa::path(
    get, path = "/problems",
    tag = "service",
    responses((status = 200, description = "The kinds of problems", body = List<ProblemDescription>), AnyProblem)
)]
pub async fn list_problems(docs: web::Data<Documentation>) -> HttpResponse {
    HttpResponse::Ok().json(List { data: docs.problems.iter().map(|kind| description(kind)).collect() })
}

/// Returns the description of a kind of problem.
#[utoipa::path(
    get, path = "/problems/{slug}",
    tag = "service",
    params(("slug" = String, Path, description = "The last part of `type`")),
    responses((status = 200, description = "The kind of problem", body = ProblemDescription), AnyProblem)
)]
pub async fn read_problem(docs: web::Data<Documentation>, slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let kind = docs.problems.iter().find(|kind| kind.slug == *slug).ok_or_else(|| Problem::new(&NOT_FOUND))?;
    Ok(HttpResponse::Ok().json(description(kind)))
}

/// The page that shows the API document, under `/docs/`.
pub fn page() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json"))
}

/// Redirects to the page.
#[get("/docs")]
pub async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}
