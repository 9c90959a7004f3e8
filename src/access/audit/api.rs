//! `/api/v1/conferences/{conference}/audit` and `/api/v1/audit`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    entry::{AuditAction, ResourceKind},
    model::{AuditEntry, AuditFilter},
    store,
};
use crate::{
    access::{AccessError, Credentials, Operation, authorise},
    database::{Connection, Database},
    http::{
        CodePath, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::ConferenceId,
    validation::ValidationErrors,
    values::{Line, LocalOrInstant},
};

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// The entries, latest first.
    pub data: Vec<AuditEntry>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Filter of the audit trail.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Maximum number of entries in a page: 1 to 200, default 50.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, taken from `next` of the page before.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only changes by this actor, as entries name it in `actor`.
    #[deserr(default)]
    pub actor: Option<Line<200>>,
    /// Only changes by this request, as entries name it in `request_id`.
    #[deserr(default)]
    pub request: Option<Line<200>>,
    /// Only changes by this operation (`operationId`), such as `patch_agenda_session`.
    #[deserr(default)]
    pub operation: Option<Line<200>>,
    /// Only this action, such as `update`.
    #[deserr(default)]
    pub action: Option<Line<200>>,
    /// Only changes of this kind of resource, such as `session`.
    #[deserr(default)]
    pub resource: Option<Line<200>>,
    /// Only changes of the resource with this code.
    #[deserr(default)]
    pub code: Option<Line<200>>,
    /// Only changes at or after this time (RFC 3339 with an offset).
    #[deserr(default)]
    pub since: Option<LocalOrInstant>,
    /// Only changes before this time (RFC 3339 with an offset).
    #[deserr(default)]
    pub until: Option<LocalOrInstant>,
}

impl AuditQuery {
    /// The page and the filter; `None` for a filter that no entry matches.
    fn read(self) -> Result<(Page, Option<AuditFilter>), ValidationErrors> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let mut errors = ValidationErrors::default();
        let mut instant = |name: &str, value: Option<LocalOrInstant>| match value {
            Some(LocalOrInstant::Wall(_)) => {
                errors.add(format!("?{name}"), "invalid_time", "must have an offset, such as 2014-03-31T07:00:00Z");
                None
            }
            Some(LocalOrInstant::Instant(instant)) => Some(instant.to_utc()),
            None => None,
        };
        let (since, until) = (instant("since", self.since), instant("until", self.until));
        let text = |line: Option<Line<200>>| line.map(|line| line.as_str().to_owned());
        let action = self.action.as_ref().map(|name| AuditAction::from_text(name.as_str()));
        let resource = self.resource.as_ref().map(|name| ResourceKind::from_text(name.as_str()));
        // No entry has an unknown word.
        let can_match = action != Some(None) && resource != Some(None);
        let filter = AuditFilter {
            limit: page.rows(),
            before: page.key()?,
            actor: text(self.actor),
            request: text(self.request),
            operation: text(self.operation),
            action: action.flatten(),
            resource: resource.flatten(),
            code: text(self.code),
            since,
            until,
        };
        errors.into_result((page, can_match.then_some(filter)))
    }
}

async fn list(
    request: &HttpRequest,
    database: &Database,
    query: AuditQuery,
    authorise_in: impl FnOnce(&mut Connection) -> Result<Option<ConferenceId>, AccessError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let (page, filter) = query.read()?;
    let mut data = database
        .read(move |tx| {
            let conference = authorise_in(tx)?;
            Ok::<_, AccessError>(match &filter {
                Some(filter) => store::list(tx, conference, filter)?,
                None => Vec::new(),
            })
        })
        .await?;
    let next = page.cut(request, &mut data, |entry| entry.id.to_string());
    let mut response = HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .json(AuditList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Lists the audit trail of a conference: who changed what and when, latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/audit",
    tag = "access",
    params(("conference" = String, Path, description = "The conference's slug"), AuditQuery),
    responses((status = 200, description = "A page of the audit trail", body = AuditList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_audit_entries(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let authorise_in = move |tx: &mut Connection| {
        let conference = store::conference(tx, &slug)?;
        authorise(tx, &credentials, Operation::ListAuditEntries, conference)?;
        conference.map(Some).ok_or(AccessError::NotFound)
    };
    list(&request, &database, query.0, authorise_in).await
}

/// Lists the audit trail of the whole server, including tokens and deleted conferences, latest first.
#[utoipa::path(
    get, path = "/api/v1/audit",
    tag = "access",
    params(AuditQuery),
    responses((status = 200, description = "A page of the audit trail", body = AuditList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_server_audit_entries(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let authorise_in = move |tx: &mut Connection| {
        authorise(tx, &credentials, Operation::ListServerAuditEntries, None)?;
        Ok(None)
    };
    list(&request, &database, query.0, authorise_in).await
}
