//! `/api/v1/conferences/{conference}/audit` and `/api/v1/audit`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    model::{AuditEntry, AuditFilter},
    store,
};
use crate::{
    access::{AccessError, Credentials, authorise},
    database::Database,
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::ConferenceId,
    values::{Line, Moment},
};

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// The entries, the latest first.
    pub data: Vec<AuditEntry>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// Which entries are wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only what this actor did, by the name that entries show.
    #[deserr(default)]
    pub actor: Option<Line<200>>,
    /// Only what this request did.
    #[deserr(default)]
    pub request: Option<Line<200>>,
    /// Only what was done by this operation.
    #[deserr(default)]
    pub operation: Option<Line<200>>,
    /// Only this action.
    #[deserr(default)]
    pub action: Option<Line<200>>,
    /// Only this kind of thing.
    #[deserr(default)]
    pub resource: Option<Line<200>>,
    /// Only the thing of this code.
    #[deserr(default)]
    pub code: Option<Line<200>>,
    /// Only from this instant on (RFC 3339).
    #[deserr(default)]
    pub since: Option<Moment>,
    /// Only before this instant (RFC 3339).
    #[deserr(default)]
    pub until: Option<Moment>,
}

impl AuditQuery {
    fn read(self) -> Result<(Page, AuditFilter), Faults> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let mut faults = Faults::default();
        let mut instant = |name: &str, moment: Option<Moment>| match moment {
            Some(Moment::Wall(_)) => {
                faults.add(format!("?{name}"), "invalid_time", "must have an offset, such as 2014-03-31T07:00:00Z");
                None
            }
            Some(Moment::Instant(instant)) => Some(instant.to_utc()),
            None => None,
        };
        let (since, until) = (instant("since", self.since), instant("until", self.until));
        let text = |line: Option<Line<200>>| line.map(|line| line.as_str().to_owned());
        let filter = AuditFilter {
            limit: page.rows(),
            before: page.key()?,
            actor: text(self.actor),
            request: text(self.request),
            operation: text(self.operation),
            action: text(self.action),
            resource: text(self.resource),
            code: text(self.code),
            since,
            until,
        };
        faults.or((page, filter))
    }
}

async fn list(
    request: &HttpRequest,
    database: &Database,
    query: AuditQuery,
    find: impl FnOnce(&mut crate::database::Connection) -> Result<Option<ConferenceId>, AccessError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let (page, filter) = query.read()?;
    let mut data = database
        .read(move |tx| {
            let conference = find(tx)?;
            Ok::<_, AccessError>(store::list(tx, conference, &filter)?)
        })
        .await?;
    let next = page.cut(request, &mut data, |entry| entry.id.to_string());
    let mut response = HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .json(AuditList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Lists who changed what in a conference, when, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/audit",
    tag = "access",
    params(("conference" = String, Path, description = "The conference's slug"), AuditQuery),
    responses((status = 200, description = "The entries", body = AuditList), AnyProblem),
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
    let find = move |tx: &mut crate::database::Connection| {
        let found = store::conference(tx, &slug)?;
        authorise(tx, &credentials, "list_audit_entries", found)?;
        found.map(Some).ok_or(AccessError::NotFound)
    };
    list(&request, &database, query.0, find).await
}

/// Lists who changed what on the whole server: tokens and removed conferences, too.
#[utoipa::path(
    get, path = "/api/v1/audit",
    tag = "access",
    params(AuditQuery),
    responses((status = 200, description = "The entries", body = AuditList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_server_audit_entries(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let find = move |tx: &mut crate::database::Connection| {
        authorise(tx, &credentials, "list_server_audit_entries", None)?;
        Ok(None)
    };
    list(&request, &database, query.0, find).await
}
