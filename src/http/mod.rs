//! How the API speaks: who its clients are, how many connections they have and how slow they may be; problem documents,
//! request bodies and queries with every fault named, conditional answers, the middleware around each request. It knows
//! actix and no feature.

pub mod body_pace;
pub mod client;
pub mod conditional;
pub mod connection;
pub mod connections;
pub mod extract;
pub mod idempotency;
pub mod middleware;
pub mod paging;
pub mod places;
pub mod problem;
pub mod server;

pub use conditional::{Preconditions, Representation, answer, entity_tag};
pub use extract::{CodePath, Json, Query};
pub use problem::{Problem, ProblemKind};

/// A URL for `Location`, made of parts of a path that was decoded: what no URL has as it is gets encoded again
/// (RFC 3986, 2.1).
pub fn location_of(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'!'..=b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}
