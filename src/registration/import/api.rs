//! `/api/v1/conferences/{conference}/registrations/import`: registrations of another system.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{
    ImportedStatus, KnownRows, Wish,
    actions::{Report, Stopped, import, read},
};
use crate::{
    access::{Credentials, authorise},
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        extract::Upload,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE},
        ledger::Released,
    },
    values::{Code, LanguageTag, Line, Switch},
};

/// How a table is imported.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegistrationImportQuery {
    /// How these people consented to what is kept of them, in the organisers' words: it stands in each history.
    pub consent: Line<300>,
    /// `true`: answer what would be imported and what is wrong, and write nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// What happens to rows whose address is registered already; `refuse` if left out.
    #[deserr(default)]
    pub mode: Option<KnownRows>,
    /// What columns are, as a JSON object of fields by the names of columns; `null` leaves one out. A field is one of
    /// the form, `name`, `status`, `external_id` or `answers.CODE`. Columns that are not named are recognised by their
    /// names.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    pub map: Option<String>,
    /// The category of rows that say none.
    #[deserr(default)]
    pub category: Option<Code>,
    /// The language of rows that say none; the conference's first if left out.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Where rows stand that do not say; `confirmed` if left out.
    #[deserr(default)]
    pub status: Option<ImportedStatus>,
}

impl RegistrationImportQuery {
    fn wish(self) -> Result<Wish, Faults> {
        let map: Option<BTreeMap<String, Option<String>>> = match &self.map {
            None => Some(BTreeMap::new()),
            Some(text) => serde_json::from_str(text).ok(),
        };
        let mut faults = Faults::default();
        if map.is_none() {
            faults.add("?map", "invalid", "must be a JSON object such as {\"E-mail\":\"email\",\"Shoe size\":null}");
        }
        faults.or(Wish {
            map: map.unwrap_or_default(),
            category: self.category,
            language: self.language,
            status: self.status.unwrap_or(ImportedStatus::Confirmed),
            known: self.mode.unwrap_or(KnownRows::Refuse),
            consent: self.consent,
            dry_run: self.dry_run == Some(Switch::On),
        })
    }
}

/// Imports registrations of another system from a table (CSV): all of its rows or, with one fault, none. Nobody gets a
/// letter.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/import",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), RegistrationImportQuery),
    request_body(description = "The table as it is, in UTF-8, at most 16 MiB", content((String = "text/csv"))),
    responses((status = 200, description = "What was imported, or would be", body = Report), AnyProblem),
    security(("bearer" = []))
)]
pub async fn import_registrations(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RegistrationImportQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let snapshot = desk.snapshot(&slug)?;
    let (asked, place) = (credentials.clone(), snapshot.place.id);
    desk.database
        .read(move |tx| {
            authorise(tx, &asked, "import_registrations", Some(place)).map(|_| ()).map_err(RegistrationError::from)
        })
        .await?;
    if body.media_type().as_deref() != Some("text/csv") {
        return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE)
            .detail("send Content-Type: text/csv")
            .header(header::ACCEPT, "text/csv"));
    }
    let wish = Arc::new(query.0.wish()?);
    let bytes = body.receive().await?;
    let (seen, wanted) = (Arc::clone(&snapshot), Arc::clone(&wish));
    let file = desk.database.read(move |tx| read(tx, &seen.place, &seen.agenda, &bytes, &wanted)).await?;
    let secret = desk.secret.clone();
    let done = desk
        .database
        .write_in_turn("import registrations", &format!("registrations of {slug}"), move |tx| {
            let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            let errand = Errand { place: &snapshot.place, released, credentials: &credentials, secret: &secret };
            import(tx, errand, &file, &wish)
        })
        .await;
    match done {
        Ok(report) => Ok(HttpResponse::Ok().insert_header(NO_STORE).json(report)),
        Err(Stopped::Rehearsed(report)) => Ok(HttpResponse::Ok().insert_header(NO_STORE).json(report)),
        Err(Stopped::Faulty(faults)) => Err(faults.into()),
        Err(Stopped::Refused(error)) => Err(error.into()),
    }
}
