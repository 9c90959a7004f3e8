//! `/api/v1/conferences/{conference}/agenda`: conflicts, completeness, and the running order by protocol.

use std::time::Instant as Stopwatch;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use chrono::Duration;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    AgendaResource, Concerned, Conflict, ConflictCode, Known, Scope, Severity,
    actions::{OrderChange, find_session, set_protocol_order as set_order},
    check,
    completeness::{LanguageCompleteness, completeness},
    protocol, times, warnings_of,
};
use crate::{
    access::Credentials,
    agenda::{
        Agenda, AgendaError,
        document::{ItemKind, Precedence, ProtocolRule, Session},
        edit::actions::Editor,
        model::instant,
    },
    database::Database,
    faults::{self, Faults},
    http::{CodePath, Preconditions, Problem, Query, Representation, answer, extract::Thing, problem::AnyProblem},
    values::{Code, Count, Date, LanguageTag, Localised, Moment},
};

/// Which conflicts are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConflictQuery {
    /// Errors or warnings alone.
    #[deserr(default)]
    pub severity: Option<Severity>,
    /// Those of this code.
    #[deserr(default)]
    pub code: Option<ConflictCode>,
    /// Those in which a thing of this kind has a part.
    #[deserr(default)]
    pub resource: Option<AgendaResource>,
    /// Those in which the thing of this code has a part; `resource` says of which kind.
    #[deserr(default)]
    pub thing: Option<String>,
}

/// Which language is asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompletenessQuery {
    /// One of the conference's languages; all of them if left out.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
}

/// By which rule an order is proposed.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProtocolQuery {
    /// The rule to try; the session's own if left out.
    #[deserr(default)]
    pub rule: Option<ProtocolRule>,
}

/// The conflicts of the draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictList {
    /// Those that are asked for, the errors first; of each severity no more than a thousand.
    pub data: Vec<Conflict>,
    /// How many errors the whole draft has.
    pub errors: usize,
    /// How many warnings the whole draft has.
    pub warnings: usize,
}

/// How far the draft is written in its languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completeness {
    /// A report a language.
    pub data: Vec<LanguageCompleteness>,
}

/// The running order of a session: as it is, and as protocol proposes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtocolOrder {
    /// The session's code.
    pub session: Code,
    /// The rule by which the order is proposed.
    pub rule: Option<ProtocolRule>,
    /// When the session starts.
    pub starts_at: Moment,
    /// When it should end.
    pub ends_at: Moment,
    /// When it would end if each item took all of its time.
    pub computed_ends_at: Moment,
    /// By how many minutes that is too late.
    pub overrun_minutes: i64,
    /// The items in today's order.
    pub items: Vec<ProtocolItem>,
    /// The conflicts in which the session or one of its items has a part.
    pub warnings: Vec<Conflict>,
}

/// An item in the running order.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtocolItem {
    /// Its code.
    pub code: Code,
    /// What it is.
    pub kind: ItemKind,
    /// Its title.
    pub title: Localised,
    /// Its place today, from 1.
    pub place: usize,
    /// The place that protocol proposes.
    pub proposed_place: usize,
    /// When it starts if each item before it takes all of its time.
    pub starts_at: Moment,
    /// When it ends then.
    pub ends_at: Moment,
    /// How long it may last.
    pub time_limit_minutes: Option<Count<1>>,
    /// It has no time limit and is planned with none of the session's time.
    pub is_without_limit: bool,
    /// Who speaks: the first who appears in it.
    pub speaker: Option<Code>,
    /// Whom they stand in for.
    pub on_behalf_of: Option<Code>,
    /// The class of whoever speaks.
    pub precedence: Option<Precedence>,
    /// Their agreed rank.
    pub precedence_rank: Option<Count<1>>,
    /// When they took office.
    pub took_office_on: Option<Date>,
    /// When the item was inscribed on the list of speakers.
    pub inscribed_at: Option<Moment>,
    /// The organisers have chosen its place.
    pub placed_by_hand: bool,
    /// Why the proposal puts it there.
    pub reason: String,
}

/// Lists what contradicts itself in the draft and what is missing from it.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/conflicts",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), ConflictQuery),
    responses((
        status = 200, description = "The conflicts", body = ConflictList,
        headers(("Server-Timing" = String, description = "How long the check took: `check;dur=` and milliseconds"))
    ), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_conflicts(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ConflictQuery>,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: "list_conflicts", slug: path.into_inner().0 };
    let ConflictQuery { severity, code, resource, thing } = query.0;
    let concerned = match (resource, thing) {
        (None, None) => Concerned::All,
        (resource, thing) => Concerned::Named(resource, thing),
    };
    let (list, milliseconds) = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            let stopwatch = Stopwatch::now();
            let findings = check(&agenda, Scope { severity, code, concerned });
            let milliseconds = stopwatch.elapsed().as_secs_f64() * 1_000.0;
            let (errors, warnings) = (findings.error_count, findings.warning_count);
            Ok::<_, AgendaError>((ConflictList { data: findings.conflicts(), errors, warnings }, milliseconds))
        })
        .await?;
    let mut response = answer(&request, Representation::private(&list)?);
    let timing = HeaderValue::from_str(&format!("check;dur={milliseconds:.3}")).map_err(Problem::unexpected)?;
    response.headers_mut().insert(HeaderName::from_static("server-timing"), timing);
    Ok(response)
}

/// Counts the texts of the draft in each language and names those that are missing.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/completeness",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), CompletenessQuery),
    responses((status = 200, description = "A report a language", body = Completeness), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_completeness(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<CompletenessQuery>,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: "read_completeness", slug: path.into_inner().0 };
    let language = query.0.language;
    let data = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            let mut faults = Faults::default();
            if language.as_ref().is_some_and(|language| !agenda.conference.languages.contains(language)) {
                let known: Vec<_> = agenda.conference.languages.iter().map(LanguageTag::as_str).collect();
                let detail = format!("is not a language of the conference: {}", known.join(", "));
                faults.add("?language", "unknown_language", detail);
            }
            Ok::<_, AgendaError>(faults.or(completeness(&agenda, language.as_ref()))?)
        })
        .await?;
    Ok(answer(&request, Representation::private(&Completeness { data })?))
}

/// Proposes the running order of a session by the order of precedence.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/protocol-order",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ProtocolQuery
    ),
    responses((status = 200, description = "The order as it is and as proposed", body = ProtocolOrder), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_protocol_order(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ProtocolQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), CodePath(code)) = path.into_inner();
    let editor = Editor { credentials, operation: "read_protocol_order", slug };
    let order = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            protocol_order(&agenda, find_session(&agenda, &code)?, query.0.rule)
        })
        .await?;
    Ok(answer(&request, Representation::private(&order)?))
}

/// Accepts the proposed running order of a session, or sets another.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/protocol-order",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("If-Match" = Option<String>, Header, description = "The state of the session that is expected")
    ),
    request_body = OrderChange,
    responses((status = 200, description = "The order as it is now", body = ProtocolOrder), AnyProblem),
    security(("bearer" = []))
)]
pub async fn set_protocol_order(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: Thing,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), CodePath(code)) = path.into_inner();
    let editor = Editor { credentials, operation: "set_protocol_order", slug };
    let change: OrderChange = faults::read(body.0)?;
    let turn = editor.slug.to_string();
    let order = database
        .write_in_turn("set a protocol order", &turn, move |tx| {
            let agenda = set_order(tx, &editor, &code, &preconditions, &change)?;
            protocol_order(&agenda, find_session(&agenda, &code)?, None)
        })
        .await?;
    Ok(HttpResponse::Ok().json(order))
}

/// The running order of a session, proposed by `rule` or the session's own.
fn protocol_order(
    agenda: &Agenda,
    session: &Session,
    rule: Option<ProtocolRule>,
) -> Result<ProtocolOrder, AgendaError> {
    let known = Known::of(agenda);
    let rule = rule.or(session.protocol_rule);
    let mut proposed_places = vec![0; session.items.len()];
    for (place, item) in protocol::proposed(agenda, &known, session, rule).into_iter().enumerate() {
        if let Some(proposed) = proposed_places.get_mut(item) {
            *proposed = place + 1;
        }
    }
    let mut touched = vec![("session", session.code.as_str())];
    touched.extend(session.items.iter().map(|item| ("item", item.code.as_str())));
    Ok(ProtocolOrder {
        session: session.code.clone(),
        rule,
        starts_at: session.starts_at,
        ends_at: session.ends_at,
        computed_ends_at: later(agenda, session, times::planned(session)),
        overrun_minutes: times::overrun_minutes(session),
        items: protocol_items(agenda, &known, session, rule, &proposed_places),
        warnings: warnings_of(agenda, &touched),
    })
}

/// An instant of a session, in the conference's offset at that instant.
fn later(agenda: &Agenda, session: &Session, by: Duration) -> Moment {
    let instant = instant(session.starts_at).to_utc().checked_add_signed(by);
    instant.map_or(session.ends_at, |instant| Moment::Instant(agenda.conference.time_zone.local(instant)))
}

fn protocol_items(
    agenda: &Agenda,
    known: &Known,
    session: &Session,
    rule: Option<ProtocolRule>,
    proposed_places: &[usize],
) -> Vec<ProtocolItem> {
    let mut elapsed = Duration::zero();
    let mut items = Vec::new();
    for (index, item) in session.items.iter().enumerate() {
        let starts_at = later(agenda, session, elapsed);
        elapsed += Duration::minutes(item.time_limit_minutes.map_or(0, |limit| i64::from(limit.0)));
        let speaking = protocol::speaker_of(known, item);
        let speaker = speaking.map(|(_, speaker)| speaker);
        items.push(ProtocolItem {
            code: item.code.clone(),
            kind: item.kind,
            title: item.title.clone(),
            place: index + 1,
            proposed_place: proposed_places.get(index).copied().unwrap_or(index + 1),
            starts_at,
            ends_at: later(agenda, session, elapsed),
            time_limit_minutes: item.time_limit_minutes,
            is_without_limit: item.time_limit_minutes.is_none(),
            speaker: speaker.map(|speaker| speaker.code.clone()),
            on_behalf_of: speaking.and_then(|(appearance, _)| appearance.on_behalf_of.clone()),
            precedence: speaker.map(protocol::class_of),
            precedence_rank: speaker.and_then(|speaker| speaker.precedence_rank),
            took_office_on: speaker.and_then(|speaker| speaker.took_office_on),
            inscribed_at: item.inscribed_at,
            placed_by_hand: item.placed_by_hand,
            reason: protocol::reason(known, rule, item),
        });
    }
    items
}
