//! Entries as they are shown, and which are wanted.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::AuditEntryId;

/// A line of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditEntryId,
    /// When.
    pub at: String,
    /// Who: a token's label and role, the command line, the service itself.
    pub actor: String,
    /// The request's id, as the log and `X-Request-Id` have it.
    pub request_id: Option<String>,
    /// By which operation.
    pub operation: String,
    /// What happened: `create`, `update`, `remove`, `reorder`, ...
    pub action: String,
    /// To what kind of thing.
    pub resource: String,
    /// To which one, by its id.
    pub thing_id: String,
    /// To which one, by its code at that time.
    pub code: String,
    /// What changed of it, as it was.
    pub before: Option<serde_json::Value>,
    /// What changed of it, as it was afterwards.
    pub after: Option<serde_json::Value>,
}

/// Which entries are wanted, read.
#[derive(Debug)]
pub struct AuditFilter {
    pub limit: i64,
    pub before: Option<AuditEntryId>,
    pub actor: Option<String>,
    pub request: Option<String>,
    pub operation: Option<String>,
    pub action: Option<String>,
    pub resource: Option<String>,
    pub code: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}
