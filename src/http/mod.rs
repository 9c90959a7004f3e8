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
