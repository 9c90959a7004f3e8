//! Wire types and filter of the audit trail.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::entry::{AuditAction, ResourceKind};
use crate::ids::AuditEntryId;

/// An entry of the audit trail: the change of one resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Id of the entry.
    pub id: AuditEntryId,
    /// Time of the change (RFC 3339, UTC).
    pub at: String,
    /// Who made the change: a token's label and role, such as `Anna (registrar)`; or `attendee`, `focal point`,
    /// `everyone`, `command line`, `service`.
    pub actor: String,
    /// Id of the request, as in the log and in the header `X-Request-Id`; null if the change was not made by a request.
    pub request_id: Option<String>,
    /// Operation that made the change, such as `patch_agenda_session`.
    pub operation: String,
    /// What was done.
    pub action: AuditAction,
    /// Kind of the changed resource.
    pub resource: ResourceKind,
    /// Id of the changed resource.
    pub thing_id: String,
    /// Code of the changed resource at that time; its id if it has no code.
    pub code: String,
    /// The changed values before the change; null if there were none, or if they were removed.
    pub before: Option<serde_json::Value>,
    /// The changed values after the change; null if there are none, or if they were removed.
    pub after: Option<serde_json::Value>,
}

/// The parsed filter of a list.
#[derive(Debug)]
pub struct AuditFilter {
    pub limit: i64,
    pub before: Option<AuditEntryId>,
    pub actor: Option<String>,
    pub request: Option<String>,
    pub operation: Option<String>,
    pub action: Option<AuditAction>,
    pub resource: Option<ResourceKind>,
    pub code: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}
