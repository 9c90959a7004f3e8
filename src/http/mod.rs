//! HTTP for all features: client addresses, limits and timeouts of connections; problem documents, request bodies and
//! queries with all their errors, conditional requests, and the middleware around each request. It knows actix and no
//! feature.

pub mod body_pace;
pub mod client;
pub mod conditional;
pub mod connection;
pub mod connections;
pub mod extract;
pub mod idempotency;
pub mod json;
pub mod listener;
pub mod middleware;
pub mod paging;
pub mod problem;
pub mod slots;
pub mod weights;

use actix_web::{HttpRequest, http::header};
pub use conditional::{Preconditions, Representation, answer, entity_tag};
pub use extract::{CodePath, Json, Query, TokenQuery};
pub use problem::{Problem, ProblemKind};

pub use crate::http::extract::EmptyObject;

/// Encodes a decoded path again for a URL in `Location` (RFC 3986, section 2.1).
pub fn location_of(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'!'..=b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// For personal data: answers must not be stored by caches.
pub const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// The header that tells search engines what to do with an answer of any media type.
pub const ROBOTS: header::HeaderName = header::HeaderName::from_static("x-robots-tag");
/// Search engines must not show the answer.
pub const NO_INDEX: header::HeaderValue = header::HeaderValue::from_static("noindex");

/// Whether the request comes from a browser: `Accept` has `text/html`, and there is no `Authorization` header.
pub fn prefers_html(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = |accepted: &str| accepted.contains("text/html") && !accepted.contains("application/json");
    accepted.is_some_and(is_page) && !request.headers().contains_key(header::AUTHORIZATION)
}
