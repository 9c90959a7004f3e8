//! Problem documents (RFC 9457): the form of every error answer.

use std::{collections::BTreeMap, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::{
    database::DatabaseError,
    validation::{ValidationError, ValidationErrors},
};

/// A kind of problem, identified by `type`. Each kind is in one `PROBLEMS` table and in the API's documentation.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The last part of `type`, which is `/problems/<slug>`.
    pub slug: &'static str,
    pub status: u16,
    /// One line.
    pub title: &'static str,
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident = ($slug:literal, $status:literal, $title:literal)),+ $(,)?) => {
        $($(#[$doc])* pub const $name: $crate::http::ProblemKind =
            $crate::http::ProblemKind { slug: $slug, status: $status, title: $title };)+
        /// Every kind of problem of this module.
        pub const PROBLEMS: &[&$crate::http::ProblemKind] = &[$(&$name),+];
    };
}
pub(crate) use problem_kinds;

problem_kinds! {
    MALFORMED_JSON = ("malformed-json", 400, "The body is not JSON"),
    BAD_REQUEST = ("bad-request", 400, "The request cannot be read"),
    NOT_FOUND = ("not-found", 404, "There is nothing here"),
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "The method is not allowed here"),
    /// The body stopped, or came too slowly.
    REQUEST_TIMEOUT = ("request-timeout", 408, "The request took too long to arrive"),
    /// `If-Match` or `If-None-Match` is not true for the present state of the resource.
    PRECONDITION_FAILED = ("precondition-failed", 412, "The resource has changed meanwhile"),
    KEY_REUSED = ("idempotency-key-reused", 422, "The Idempotency-Key was used for another request"),
    TOO_LARGE = ("too-large", 413, "The body is too large"),
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "The media type of the body is not accepted here"),
    /// The request breaks rules; `errors` lists each error.
    VALIDATION = ("validation", 422, "The request is not valid"),
    TOO_MANY_REQUESTS = ("too-many-requests", 429, "Too many requests"),
    UNEXPECTED = ("unexpected", 500, "The service failed"),
    /// The store is unavailable, or the service is still starting.
    UNAVAILABLE = ("unavailable", 503, "The service is not available now"),
    /// The disk of the store or of the service is full; nothing was written.
    STORAGE_FULL = ("storage-full", 503, "There is no room left on the disk"),
    /// The store accepts no writes; nothing was written.
    STORE_READ_ONLY = ("store-read-only", 503, "The store accepts no writes now"),
    /// The store was lost during the commit: the request was done completely or not at all.
    OUTCOME_UNKNOWN = ("outcome-unknown", 503, "It is not known whether the request was done"),
}

/// An error answer.
#[derive(Debug)]
pub struct Problem {
    kind: &'static ProblemKind,
    detail: Option<String>,
    errors: Vec<ValidationError>,
    members: Map<String, Value>,
    headers: Vec<(header::HeaderName, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A problem document (RFC 9457): the body of every error answer. Some kinds have further members.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Kind of problem: `/problems/<slug>`. It is stable and documented at that path.
    pub r#type: String,
    /// Short description of the kind.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What happened in this case; null if the title says everything.
    pub detail: Option<String>,
    /// Id of the request, as in the log and in the header `X-Request-Id`.
    pub instance: Option<String>,
    /// Validation errors of the request; missing if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ValidationError>,
}

/// The `default` response of every operation in the API document.
pub struct AnyProblem;

impl IntoResponses for AnyProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("What went wrong (RFC 9457)")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

impl Problem {
    pub fn new(kind: &'static ProblemKind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), members: Map::new(), headers: Vec::new(), source: None }
    }

    pub fn is(&self, kind: &ProblemKind) -> bool {
        self.kind == kind
    }

    /// Sets `detail`.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets `errors`.
    pub fn errors(mut self, errors: ValidationErrors) -> Self {
        self.errors = errors.0;
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a member that only this kind of problem has.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the cause, which is logged and not sent.
    pub fn caused_by(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// An internal error: the client learns nothing about the cause, which is logged.
    pub fn unexpected(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(&UNEXPECTED) }
    }

    /// The chain of causes, for the log.
    pub fn source_chain(&self) -> Option<String> {
        let mut error = self.source.as_deref().map(|error| error as &dyn std::error::Error);
        error?;
        let mut chain = Vec::new();
        while let Some(cause) = error {
            chain.push(cause.to_string());
            error = cause.source();
        }
        Some(chain.join(": "))
    }

    /// Renders the document; `instance` is the request's id.
    pub fn document(&self, instance: Option<&str>) -> Value {
        let mut body = serde_json::json!({
            "type": format!("/problems/{}", self.kind.slug),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": instance,
        });
        if let Value::Object(members) = &mut body {
            if !self.errors.is_empty() {
                members.insert("errors".to_owned(), serde_json::json!(self.errors));
            }
            members.extend(self.members.clone());
        }
        body
    }

    /// Renders the response; `instance` is the request's id.
    pub fn response(&self, instance: Option<&str>) -> HttpResponse {
        let body = self.document(instance);
        let mut response = HttpResponse::build(self.status_code());
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(body.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.title)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

impl From<ValidationErrors> for Problem {
    fn from(errors: ValidationErrors) -> Self {
        let count = errors.0.len();
        let detail = if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") };
        Self { errors: errors.0, ..Self::new(&VALIDATION).detail(detail) }
    }
}

const NOTHING_DONE: &str = "the store cannot be reached: nothing was done";
const BUSY: &str = "another process is writing to the store: nothing was done";
const MOVED: &str = "the files of the store are not where they were: nothing is written until they are back, or until the service \
                     starts again where others are in their place";
const NOTHING_WRITTEN: &str = "nothing was written; what is read is read as before";
/// Detail for a store that was lost during the commit.
const COMMIT_LOST: &str = "the store was lost while it committed: send the same again, with the same Idempotency-Key if it had one; the \
                      answer tells whether this one was done";

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        let (problem, seconds) = match &error {
            DatabaseError::Unavailable(_) => (Self::new(&UNAVAILABLE).detail(NOTHING_DONE), "2"),
            DatabaseError::Busy(_) => (Self::new(&UNAVAILABLE).detail(BUSY), "2"),
            DatabaseError::Full(_) => (Self::new(&STORAGE_FULL).detail(NOTHING_WRITTEN), "30"),
            DatabaseError::ReadOnly(_) => (Self::new(&STORE_READ_ONLY).detail(NOTHING_WRITTEN), "30"),
            DatabaseError::Moved => (Self::new(&UNAVAILABLE).detail(MOVED), "30"),
            DatabaseError::OutcomeUnknown(_) => (Self::new(&OUTCOME_UNKNOWN).detail(COMMIT_LOST), "2"),
            DatabaseError::Statement(_) | DatabaseError::Corrupt(_) | DatabaseError::Interrupted => {
                return Self::unexpected(error);
            }
        };
        problem.header(header::RETRY_AFTER, seconds).caused_by(error)
    }
}
