//! `/api/v1/conferences/{conference}/agenda`: the draft as one document.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Agenda, AgendaError, Change,
    actions::{self, find_authorised},
    checks::{Conflict, warnings_of},
};
use crate::{
    access::{Credentials, Operation},
    database::Database,
    http::{CodePath, Problem, Representation, answer, problem::AnyProblem},
    validation::ValidationErrors,
    values::Switch,
};

/// Query of an operation that applies a document.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApplyQuery {
    /// `true`: answer what would change, and change nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
}

impl ApplyQuery {
    pub fn is_dry_run(&self) -> bool {
        self.dry_run == Some(Switch::On)
    }
}

/// Changes that a document made, or would make.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plan {
    /// One entry for each thing that changes; empty if the draft already matches the document.
    pub changes: Vec<Change>,
    /// Conflicts of the draft that involve a changed thing. Errors stop a release, warnings do not.
    pub warnings: Vec<Conflict>,
}

impl Plan {
    /// Plan of `changes`, with the conflicts that `draft` has after them.
    pub fn of(changes: Vec<Change>, draft: &Agenda) -> Self {
        let changed_things: Vec<_> =
            changes.iter().map(|change| (change.resource.as_str(), change.code.as_str())).collect();
        let warnings = warnings_of(draft, &changed_things);
        Self { changes, warnings }
    }
}

/// Reads the draft of the agenda as one document.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The draft of the agenda", body = Agenda), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_agenda(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let agenda = database
        .read(move |tx| {
            let (conference, _) = find_authorised(tx, &credentials, Operation::ReadAgenda, &slug)?;
            Ok::<_, AgendaError>(actions::load(tx, &conference)?)
        })
        .await?;
    Ok(answer(&request, Representation::private(&agenda)?))
}
