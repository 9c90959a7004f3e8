//! How the API speaks: problem documents, request bodies and queries with every fault named, conditional answers, the
//! middleware around each request. It knows actix and no feature.

pub mod conditional;
pub mod extract;
pub mod middleware;
pub mod problem;

pub use conditional::{Representation, answer};
pub use extract::{CodePath, Json, Query};
pub use problem::{Problem, ProblemKind};
