//! `/api/v1/conferences/{conference}/agenda/import`: files of other systems.

use actix_web::{HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{
    Format, ImportMode, ImportOptions,
    actions::{ImportResult, import},
    read,
};
use crate::{
    access::{Credentials, Operation, check_early},
    agenda::actions::find_authorised,
    database::Database,
    http::{
        CodePath, Problem, Query,
        extract::Upload,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    validation::ValidationErrors,
    values::{Switch, TimeZone},
};

/// Accepted media types, each with the format that it stands for.
const MEDIA_TYPES: &[(&str, Format)] = &[
    ("application/vnd.c3voc.schedule+xml", Format::ScheduleXml),
    ("application/xml", Format::ScheduleXml),
    ("text/xml", Format::ScheduleXml),
    ("application/json", Format::ScheduleJson),
    ("text/calendar", Format::Calendar),
    ("text/csv", Format::SpeakersCsv),
];

/// Query of an import.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What happens to the present content of the draft; `merge` if left out.
    #[deserr(default)]
    pub mode: Option<ImportMode>,
    /// `true`: answer what would change, and change nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// IANA time zone of times without an offset. If left out: the file's time zone, else the conference's.
    #[deserr(default)]
    pub time_zone: Option<TimeZone>,
}

/// Imports a schedule.xml, a schedule.json, an iCalendar file or a CSV table of speakers into the draft.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/import",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), ImportQuery),
    request_body(
        description = "The file, unchanged; at most 16 MiB",
        content(
            (String = "application/vnd.c3voc.schedule+xml"),
            (String = "application/xml"),
            (String = "text/xml"),
            (serde_json::Value = "application/json"),
            (String = "text/calendar"),
            (String = "text/csv")
        )
    ),
    responses((status = 200, description = "The changes and the import report", body = ImportResult), AnyProblem),
    security(("bearer" = []))
)]
pub async fn import_agenda(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ImportQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let ImportQuery { mode, dry_run, time_zone } = query.0;
    let options = ImportOptions { mode: mode.unwrap_or(ImportMode::Merge), time_zone };
    let dry_run = dry_run == Some(Switch::On);
    let checked_slug = slug.clone();
    check_early(&database, &credentials, move |tx, credentials| {
        find_authorised(tx, credentials, Operation::ImportAgenda, &checked_slug)
    })
    .await?;
    let format = format(&body)?;
    let file = read(&body.receive().await?, Some(format))?;
    let turn = slug.to_string();
    let result = database
        .write_in_turn("import a file", &turn, move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::ImportAgenda, &slug)?;
            import(tx, &conference, &file, &options, &actor, dry_run)
        })
        .await?;
    Ok(HttpResponse::Ok().json(result))
}

fn format(body: &Upload) -> Result<Format, Problem> {
    let media_type = body.media_type();
    let accepted = MEDIA_TYPES.iter().find(|(name, _)| media_type.as_deref() == Some(*name));
    accepted.map(|(_, format)| *format).ok_or_else(|| {
        let names = MEDIA_TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Problem::new(&UNSUPPORTED_MEDIA_TYPE)
            .detail(format!("send Content-Type: one of {names}"))
            .header(header::ACCEPT, names)
    })
}
