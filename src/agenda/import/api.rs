//! `/api/v1/conferences/{conference}/agenda/import`: files of other systems.

use actix_web::{HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{
    Format, ImportMode, Options,
    actions::{Imported, import},
    read,
};
use crate::{
    access::Credentials,
    agenda::actions::find_authorised,
    database::Database,
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        extract::Upload,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    values::{Switch, TimeZone},
};

/// The media types that are taken, and the format that each says.
const MEDIA_TYPES: &[(&str, Format)] = &[
    ("application/vnd.c3voc.schedule+xml", Format::ScheduleXml),
    ("application/xml", Format::ScheduleXml),
    ("text/xml", Format::ScheduleXml),
    ("application/json", Format::ScheduleJson),
    ("text/calendar", Format::Calendar),
    ("text/csv", Format::SpeakersCsv),
];

/// How a file is imported.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What happens to what the draft has; `merge` if left out.
    #[deserr(default)]
    pub mode: Option<ImportMode>,
    /// `true`: answer what would change and change nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// The zone of times that have none, instead of the file's or the conference's.
    #[deserr(default)]
    pub time_zone: Option<TimeZone>,
}

/// Imports a schedule.xml, a schedule.json, an iCalendar file or a CSV table of speakers into the draft.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/import",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), ImportQuery),
    request_body(
        description = "The file as it is, at most 16 MiB",
        content(
            (String = "application/vnd.c3voc.schedule+xml"),
            (String = "application/xml"),
            (String = "text/xml"),
            (serde_json::Value = "application/json"),
            (String = "text/calendar"),
            (String = "text/csv")
        )
    ),
    responses((status = 200, description = "What changed, and what was not kept", body = Imported), AnyProblem),
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
    let options = Options { mode: mode.unwrap_or(ImportMode::Merge), time_zone };
    let dry_run = dry_run == Some(Switch::On);
    let (asked, asked_slug) = (credentials.clone(), slug.clone());
    database.read(move |tx| find_authorised(tx, &asked, "import_agenda", &asked_slug).map(|_| ())).await?;
    let format = format(&body)?;
    let file = read(&body.receive().await?, Some(format))?;
    let turn = slug.to_string();
    let imported = database
        .write_in_turn("import a file", &turn, move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "import_agenda", &slug)?;
            import(tx, &place, &file, &options, &actor, dry_run)
        })
        .await?;
    Ok(HttpResponse::Ok().json(imported))
}

fn format(body: &Upload) -> Result<Format, Problem> {
    let media_type = body.media_type();
    let known = MEDIA_TYPES.iter().find(|(name, _)| media_type.as_deref() == Some(*name));
    known.map(|(_, format)| *format).ok_or_else(|| {
        let names = MEDIA_TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Problem::new(&UNSUPPORTED_MEDIA_TYPE)
            .detail(format!("send Content-Type: one of {names}"))
            .header(header::ACCEPT, names)
    })
}
