//! Middleware around every request: a request id, a log line, the id in every problem document, and `HEAD` wherever
//! there is `GET`. No personal data is logged: no address, no query (it may have an attendee's token), no body; the
//! route's template is logged instead of the path.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant as Timer,
};

use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::{self, BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, Method, header},
    middleware::Next,
    web,
};
use tracing::Instrument as _;

use super::{
    body_pace::Incoming,
    connection::Exchange,
    problem::{BAD_REQUEST, METHOD_NOT_ALLOWED, NOT_FOUND, Problem, TOO_MANY_REQUESTS, UNAVAILABLE},
    slots::LimitReached,
};

/// The id of a request, as in the log, problem documents and the audit trail.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The header with the request's id.
const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// An answer that is found before routing.
pub struct EarlyResponse {
    pub response: HttpResponse,
    /// The route's template, in two parts.
    pub route: [&'static str; 2],
}

/// The outermost middleware. A request that `answer_early` answers does not reach the inner middleware and the routes.
pub async fn observe(
    answer_early: fn(&ServiceRequest) -> Option<EarlyResponse>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Timer::now();
    let id = uuid::Uuid::now_v7().to_string();
    let method = request.method().clone();
    if method == Method::HEAD {
        // The connection remembers that it was HEAD and sends no body.
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!("request", request.id = %id);
    let exchange = request.conn_data::<Rc<Exchange>>().cloned();
    let _active = exchange.as_ref().map(Exchange::start_request);
    let incoming = exchange.as_ref().and_then(|exchange| Incoming::watch(&mut request, &exchange.connections));
    let refusal = exchange.as_ref().and_then(|exchange| refusal(exchange, request.path()));
    let ready = refusal.map(|problem| EarlyResponse { response: problem.response(Some(&id)), route: [""; 2] });
    let (mut response, route) = match ready.or_else(|| answer_early(&request)) {
        Some(EarlyResponse { response, route }) => (request.into_response(response), route),
        None => {
            request.extensions_mut().insert(RequestId(id.clone()));
            let response = next.call(request).instrument(span.clone()).await?.map_into_boxed_body();
            (with_instance(response, &id, &span), [""; 2])
        }
    };
    if let Some(incoming) = incoming {
        response = incoming.finish(response, &id);
    }
    if exchange.is_some_and(|exchange| exchange.announce_if_last()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if method == Method::HEAD && response.response().body().size() == BodySize::Stream {
        // The body is not sent, and it may have no end: nothing must wait for it.
        response = response.map_body(|_, _| BoxBody::new(body::None::new()));
    }
    let headers = response.headers_mut();
    if let Ok(value) = header::HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    span.in_scope(|| {
        let pattern = || response.request().match_pattern().unwrap_or_else(|| route.concat());
        tracing::info!(
            http.method = %method,
            http.route = Some(pattern()).filter(|route| !route.is_empty()).as_deref().unwrap_or("(none)"),
            http.status = response.status().as_u16(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered a request"
        );
    });
    Ok(response)
}

/// The health checks, which are also answered over surplus connections.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// Seconds after which a client that has too many connections may try again.
const RETRY_AFTER_SECONDS: &str = "30";

/// Why a request is refused: its connection is surplus, or has already had its last answer.
fn refusal(exchange: &Exchange, path: &str) -> Option<Problem> {
    let (kind, detail) = match exchange.surplus {
        _ if exchange.has_announced_last() => {
            (&UNAVAILABLE, "the connection is closed; send the request again over another")
        }
        Some(_) if HEALTH.contains(&path) => return None,
        Some(LimitReached::All) => (&UNAVAILABLE, "the service has no free connection; try again later"),
        Some(LimitReached::Client) => (&TOO_MANY_REQUESTS, "this client has too many connections; try again later"),
        None => return None,
    };
    Some(Problem::new(kind).detail(detail).header(header::RETRY_AFTER, RETRY_AFTER_SECONDS))
}

/// Turns every error into a problem document with the request's id; logs the cause, here only.
fn with_instance(response: ServiceResponse, id: &str, span: &tracing::Span) -> ServiceResponse {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    // A page has its own text about the error.
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(|media_type| media_type.starts_with("text/html")) {
        return response;
    }
    let error = response.response().error();
    let message = || error.map(ToString::to_string).unwrap_or_default();
    let fallback;
    let problem = match error.and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem,
        None => {
            fallback = match status.as_u16() {
                404 => Problem::new(&NOT_FOUND),
                405 => Problem::new(&METHOD_NOT_ALLOWED),
                400..500 => Problem::new(&BAD_REQUEST).detail(message()),
                _ => Problem::unexpected(message()),
            };
            &fallback
        }
    };
    if let Some(causes) = problem.source_chain() {
        span.in_scope(|| tracing::error!(causes, "a request failed"));
    }
    let mut answer = problem.response(Some(id));
    // Keeps headers that inner middleware added, such as those for CORS.
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(answer)
}

/// Request headers that pages of other origins may send with a read, besides the CORS-safelisted ones (Fetch, section
/// 2.2.2).
const CORS_REQUEST_HEADERS: &str = "if-none-match, if-modified-since, last-event-id, cache-control";
/// Response headers that pages of other origins may read.
const CORS_RESPONSE_HEADERS: &str = "ETag, Last-Modified, Link, Retry-After, X-Request-Id";

/// Lets pages of every origin do the reads that `is_open` selects (`Access-Control-Allow-Origin: *`), whatever the
/// settings say about other requests. The answer does not vary by origin.
pub async fn allow_cross_origin_reads(
    is_open: fn(&str) -> bool,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !is_open(request.path()) {
        let mut response = next.call(request).await?.map_into_boxed_body();
        response.headers_mut().append(header::VARY, header::HeaderValue::from_static("Origin"));
        return Ok(response);
    }
    let requested_method = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let is_read = requested_method.is_some_and(|method| method == "GET" || method == "HEAD");
    if *request.method() == Method::OPTIONS && is_read {
        let preflight = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, CORS_REQUEST_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish();
        return Ok(request.into_response(preflight));
    }
    if *request.method() != Method::GET {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    request.headers_mut().remove(header::ORIGIN);
    let mut response = next.call(request).await?.map_into_boxed_body();
    share(response.headers_mut());
    Ok(response)
}

/// Lets pages of every origin read an answer.
pub fn share(headers: &mut header::HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header::HeaderValue::from_static(CORS_RESPONSE_HEADERS));
}

/// Set once the store is migrated and the first conference is published.
#[derive(Debug, Clone, Default)]
pub struct Ready {
    is_ready: Arc<AtomicBool>,
    waits_for_store: Arc<AtomicBool>,
}

impl Ready {
    /// From now on, requests are served.
    pub fn mark_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    /// Whether requests are served.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Records that the start waits for the store.
    pub fn wait_for_store(&self) {
        self.waits_for_store.store(true, Ordering::Release);
    }

    /// The problem document for requests during the start.
    pub fn problem(&self) -> Problem {
        let detail = match self.waits_for_store.load(Ordering::Acquire) {
            true => "the service is starting: it waits for the store",
            false => "the service is starting",
        };
        Problem::new(&UNAVAILABLE).detail(detail).header(header::RETRY_AFTER, START_RETRY_AFTER)
    }
}

/// Seconds after which a client may try again during the start.
const START_RETRY_AFTER: &str = "5";
/// Paths that are served during the start: health checks, metrics and the documentation of the API.
const SERVED_AT_START: [&str; 7] =
    ["/healthz", "/readyz", "/metrics", "/openapi.json", "/openapi.yaml", "/docs", "/problems"];
/// Prefixes of paths that are served during the start.
const SERVED_AT_START_BELOW: [&str; 3] = ["/docs/", "/problems/", "/assets/"];

/// Refuses requests that need the store until the service is ready. Browsers get `page`.
pub async fn wait_for_start(
    page: fn(&ServiceRequest) -> Option<HttpResponse>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let starting = request.app_data::<web::Data<Ready>>().filter(|ready| !ready.is_ready()).cloned();
    let path = request.path();
    let is_served =
        SERVED_AT_START.contains(&path) || SERVED_AT_START_BELOW.iter().any(|above| path.starts_with(above));
    let Some(starting) = starting.filter(|_| !is_served) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if let Some(mut page) = page(&request) {
        page.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(START_RETRY_AFTER));
        return Ok(request.into_response(page));
    }
    Ok(ServiceResponse::from_err(starting.problem(), request.into_parts().0))
}
