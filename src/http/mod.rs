//! How the API speaks: problem documents, request bodies and queries with every fault named, conditional answers, the
//! middleware around each request. It knows actix and no feature.

pub mod conditional;
pub mod extract;
pub mod idempotency;
pub mod middleware;
pub mod paging;
pub mod problem;

pub use conditional::{Preconditions, Representation, answer, entity_tag};
pub use extract::{CodePath, Json, Query};
pub use problem::{Problem, ProblemKind};
