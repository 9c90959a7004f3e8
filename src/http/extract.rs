//! Extractors: whatever is wrong with a request is reported in one problem document, all at once. Extractors parse;
//! they never decide.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev, http::header, web};
use deserr::Deserr;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{
    json,
    problem::{BAD_REQUEST, NOT_FOUND, Problem, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE},
};
use crate::{
    validation::{self, ValidationErrors},
    values::{Code, TextValue as _},
};

/// The media types that a resource accepts as a patch (RFC 5789, section 3.1).
const ACCEPT_PATCH: header::HeaderName = header::HeaderName::from_static("accept-patch");
/// The longest body of a request about one resource, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest body of a request about one resource of an agenda, in bytes: a session includes its items.
const RESOURCE_BYTES_MAX: usize = 1024 * 1024;
/// The longest body with a whole conference, in bytes.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A JSON body of one resource; an empty body is read as `{}`.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body of a whole document, which is not received yet: as it may be long, the sender is authorised first.
pub struct Document {
    request: HttpRequest,
    payload: dev::Payload,
}

impl Document {
    /// Receives the document.
    ///
    /// # Errors
    /// It is not JSON, empty, or too long.
    pub async fn receive(self) -> Result<Value, Problem> {
        let bytes = receive(&self.request, self.payload, DOCUMENT_BYTES_MAX).await?;
        if bytes.is_empty() {
            // An empty document would remove everything that it may leave out.
            return Err(
                Problem::new(&BAD_REQUEST).detail("the body is empty: send the document, or {} for an empty one")
            );
        }
        json_of(&self.request, &bytes)
    }
}

/// A file of any media type, which is not received yet.
pub struct Upload {
    request: HttpRequest,
    payload: dev::Payload,
}

impl Upload {
    /// The media type in `Content-Type`.
    pub fn media_type(&self) -> Option<String> {
        media_type(&self.request)
    }

    /// Receives the file.
    ///
    /// # Errors
    /// It is too long, or incomplete.
    pub async fn receive(self) -> Result<web::Bytes, Problem> {
        receive(&self.request, self.payload, DOCUMENT_BYTES_MAX).await
    }
}

fn media_type(request: &HttpRequest) -> Option<String> {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
}

async fn receive(request: &HttpRequest, payload: dev::Payload, bytes_max: usize) -> Result<web::Bytes, Problem> {
    let payload =
        web::Payload::from_request(request, &mut { payload }).await.map_err(|_| Problem::new(&BAD_REQUEST))?;
    payload
        .to_bytes_limited(bytes_max)
        .await
        .map_err(|_| Problem::new(&TOO_LARGE).detail(format!("at most {bytes_max} bytes are accepted here")))?
        .map_err(|_| Problem::new(&BAD_REQUEST).detail("the body was cut short"))
}

fn is_json(request: &HttpRequest) -> bool {
    media_type(request).is_some_and(|media| {
        media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
    })
}

async fn read_json(request: HttpRequest, payload: dev::Payload, bytes_max: usize) -> Result<Value, Problem> {
    let bytes = receive(&request, payload, bytes_max).await?;
    // An HTML form that has only a button is sent with an empty body.
    let is_form = matches!(media_type(&request).as_deref(), None | Some("application/x-www-form-urlencoded"));
    if bytes.is_empty() && (is_form || is_json(&request)) {
        return Ok(Value::Object(Map::new()));
    }
    json_of(&request, &bytes)
}

fn json_of(request: &HttpRequest, bytes: &[u8]) -> Result<Value, Problem> {
    if !is_json(request) {
        return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE)
            .detail("send Content-Type: application/json")
            .header(header::ACCEPT, "application/json"));
    }
    json::read(bytes)
}

impl<T: Deserr<ValidationErrors> + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(validation::read(read_json(request, payload, BODY_BYTES_MAX).await?)?)) })
    }
}

impl FromRequest for Upload {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl FromRequest for Document {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

/// A JSON body of one resource, not yet validated, for handlers that need stored data to validate it.
#[derive(Debug)]
pub struct RawJson(pub Value);

impl FromRequest for RawJson {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(read_json(request, payload, BODY_BYTES_MAX).await?)) })
    }
}

/// A JSON body as long as one resource of an agenda may be, such as the order of a list of thousands.
#[derive(Debug)]
pub struct LargeJson<T>(pub T);

impl<T: Deserr<ValidationErrors> + 'static> FromRequest for LargeJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(validation::read(read_json(request, payload, RESOURCE_BYTES_MAX).await?)?)) })
    }
}

/// A JSON body of one resource of an agenda, not yet validated.
#[derive(Debug)]
pub struct RawAgendaJson(pub Value);

impl FromRequest for RawAgendaJson {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let is_patch = request.method() == actix_web::http::Method::PATCH;
            read_json(request, payload, RESOURCE_BYTES_MAX).await.map(Self).map_err(|problem| match is_patch {
                // RFC 5789, section 2.2.
                true if problem.is(&UNSUPPORTED_MEDIA_TYPE) => {
                    problem.header(ACCEPT_PATCH, "application/merge-patch+json, application/json")
                }
                _ => problem,
            })
        })
    }
}

/// The query of a request. A parameter that is unknown or given twice is an error, and not ignored.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: Deserr<ValidationErrors>> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        std::future::ready(parse_query(request.query_string()).map(Self))
    }
}

fn parse_query<T: Deserr<ValidationErrors>>(text: &str) -> Result<T, Problem> {
    let mut parameters = Map::new();
    let mut errors = ValidationErrors::default();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if parameters.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            errors.add(format!("?{name}"), "given_twice", "must be given once");
        }
    }
    let value = validation::read::<T>(Value::Object(parameters)).map_err(|invalid| {
        let invalid = invalid.0.into_iter().map(|mut error| {
            error.pointer = error.pointer.replacen("#/", "?", 1);
            error
        });
        ValidationErrors(errors.0.iter().cloned().chain(invalid).collect())
    })?;
    Ok(errors.into_result(value)?)
}

/// A code in the path. A text that cannot be a code gives 404.
#[derive(Debug, Clone)]
pub struct CodePath(pub Code);

impl<'de> serde::Deserialize<'de> for CodePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Code::parse(&text).map(Self).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

/// Answers 404 to a path that cannot be parsed.
pub fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|_, _| Problem::new(&NOT_FOUND).into())
}

/// The query of a registration, which may have the attendee's token.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// The token of the personal link; not needed if the `Authorization` header has it.
    #[deserr(default)]
    pub token: Option<String>,
}

/// An empty JSON object.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct EmptyObject {}
