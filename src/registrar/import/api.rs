//! `/api/v1/conferences/{conference}/registrations/import`: registrations of another system.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{
    ExistingRowPolicy, ImportOptions, ImportedStatus,
    actions::{ImportAborted, Report, import, read},
};
use crate::{
    access::{Credentials, Operation},
    http::{
        CodePath, NO_STORE, Problem, Query,
        extract::Upload,
        json,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    registration::{
        context::{ReleasedAgenda, RequestContext},
        service::RegistrationService,
    },
    validation::ValidationErrors,
    values::{Code, LanguageTag, Line, Switch},
};

/// Options of an import.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegistrationImportQuery {
    /// How these people consented to the storage of their data, in the organisers' words. The history of each
    /// registration quotes it.
    pub consent: Line<300>,
    /// `true`: answers what would be imported and what is wrong, and writes nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// What happens to rows whose address is already registered: `refuse` (nothing is imported) or `skip` (they are
    /// left out); `refuse` if left out.
    #[deserr(default)]
    pub mode: Option<ExistingRowPolicy>,
    /// Fields of columns, as a JSON object from column names to field names, such as `{"E-mail":"email","Shoe
    /// size":null}`; `null` leaves a column out. Fields are those of the form, `name`, `status`, `external_id` and
    /// `answers.CODE`. Columns that are not in the object are recognised by their names.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    pub map: Option<String>,
    /// Code of the category of rows without one.
    #[deserr(default)]
    pub category: Option<Code>,
    /// Language of rows without one (BCP 47); the conference's first if left out.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Status of rows without one; `confirmed` if left out.
    #[deserr(default)]
    pub status: Option<ImportedStatus>,
}

impl RegistrationImportQuery {
    fn into_options(self) -> Result<ImportOptions, ValidationErrors> {
        let map: Option<BTreeMap<String, Option<String>>> = match &self.map {
            None => Some(BTreeMap::new()),
            Some(text) => json::read(text.as_bytes()).ok().and_then(|map| serde_json::from_value(map).ok()),
        };
        let mut errors = ValidationErrors::default();
        if map.is_none() {
            errors.add(
                "?map",
                "invalid",
                "must be a JSON object, each column once, such as {\"E-mail\":\"email\",\"Shoe size\":null}",
            );
        }
        errors.into_result(ImportOptions {
            map: map.unwrap_or_default(),
            category: self.category,
            language: self.language,
            status: self.status.unwrap_or(ImportedStatus::Confirmed),
            existing_rows: self.mode.unwrap_or(ExistingRowPolicy::Refuse),
            consent: self.consent,
            dry_run: self.dry_run == Some(Switch::On),
        })
    }
}

/// Imports registrations of another system from a table (CSV).
///
/// All rows are imported or, with one validation error, none. Nobody gets a letter.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/import",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), RegistrationImportQuery),
    request_body(description = "The table in UTF-8, at most 16 MiB", content((String = "text/csv"))),
    responses((status = 200, description = "Report of the import or of the dry run", body = Report), AnyProblem),
    security(("bearer" = []))
)]
pub async fn import_registrations(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RegistrationImportQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let snapshot = service.conference(&slug).await?;
    service.authorise(&snapshot, &credentials, Operation::ImportRegistrations).await?;
    if body.media_type().as_deref() != Some("text/csv") {
        return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE)
            .detail("send Content-Type: text/csv")
            .header(header::ACCEPT, "text/csv"));
    }
    let options = Arc::new(query.0.into_options()?);
    let bytes = body.receive().await?;
    let table = {
        let (snapshot, options) = (Arc::clone(&snapshot), Arc::clone(&options));
        service.database.read(move |tx| read(tx, &snapshot.conference, &snapshot.agenda, &bytes, &options)).await?
    };
    let secret = service.secret.clone();
    let result = service
        .database
        .write_in_turn("import registrations", &format!("registrations of {slug}"), move |tx| {
            let released = ReleasedAgenda::of(&snapshot);
            let context = RequestContext {
                conference: &snapshot.conference,
                released,
                credentials: &credentials,
                secret: &secret,
            };
            import(tx, context, &table, &options)
        })
        .await;
    match result {
        Ok(report) => Ok(HttpResponse::Ok().insert_header(NO_STORE).json(report)),
        Err(ImportAborted::DryRun(report)) => Ok(HttpResponse::Ok().insert_header(NO_STORE).json(report)),
        Err(ImportAborted::Invalid(errors)) => Err(errors.into()),
        Err(ImportAborted::Failed(error)) => Err(error.into()),
    }
}
