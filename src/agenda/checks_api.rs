//! `/api/v1/conferences/{conference}/agenda`: conflicts, completeness, and the protocol order of a session.

use std::time::Instant as Timer;

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
    checks::{
        AgendaResource, Conflict, ConflictCode, InvolvedThings, Scope, Severity, check,
        completeness::{LanguageCompleteness, completeness},
        index::AgendaIndex,
        precedence, times, warnings_of,
    },
    running_order::{OrderChange, find_session, set_protocol_order as set_order},
};
use crate::{
    access::{Credentials, Operation},
    agenda::{
        Agenda, AgendaError,
        document::{ItemKind, Precedence, ProtocolRule, Session},
        edit::actions::Editor,
        model::instant,
    },
    database::Database,
    http::{
        CodePath, Preconditions, Problem, Query, Representation, answer, extract::RawAgendaJson, problem::AnyProblem,
    },
    validation::{self, ValidationErrors},
    values::{Code, Count, Date, LanguageTag, LocalOrInstant, Localised},
};

/// Query of the list of conflicts.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConflictQuery {
    /// Only errors, or only warnings.
    #[deserr(default)]
    pub severity: Option<Severity>,
    /// Only conflicts with this code.
    #[deserr(default)]
    pub code: Option<ConflictCode>,
    /// Only conflicts that involve a thing of this kind.
    #[deserr(default)]
    pub resource: Option<AgendaResource>,
    /// Only conflicts that involve the thing with this code; send `resource` too if things of several kinds have the
    /// code.
    #[deserr(default)]
    pub thing: Option<String>,
}

/// Query of the completeness report.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompletenessQuery {
    /// One of the conference's languages; all of them if left out.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
}

/// Query of the protocol order.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProtocolQuery {
    /// Rule to try; the session's own rule if left out.
    #[deserr(default)]
    pub rule: Option<ProtocolRule>,
}

/// Conflicts of the draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictList {
    /// Conflicts that match the query, errors first; at most 1000 of each severity.
    pub data: Vec<Conflict>,
    /// Number of errors in the whole draft.
    pub errors: usize,
    /// Number of warnings in the whole draft.
    pub warnings: usize,
}

/// Translation status of the draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completeness {
    /// One report for each language.
    pub data: Vec<LanguageCompleteness>,
}

/// Running order of a session: the present one, and the one proposed by the order of precedence.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtocolOrder {
    /// Code of the session.
    pub session: Code,
    /// Rule used for the proposal; null if neither the query nor the session has one.
    pub rule: Option<ProtocolRule>,
    /// Start of the session.
    pub starts_at: LocalOrInstant,
    /// Planned end of the session.
    pub ends_at: LocalOrInstant,
    /// End of the session if every item takes its full time limit.
    pub computed_ends_at: LocalOrInstant,
    /// Minutes from `ends_at` to `computed_ends_at`, rounded up; 0 if the items fit in the session.
    pub overrun_minutes: i64,
    /// Items of the session in the present order.
    pub items: Vec<ProtocolItem>,
    /// Conflicts that involve the session or one of its items.
    pub warnings: Vec<Conflict>,
}

/// An item in the running order of a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProtocolItem {
    /// Code of the item.
    pub code: Code,
    /// Kind of item.
    pub kind: ItemKind,
    /// Title of the item.
    pub title: Localised,
    /// Present position in the session, from 1.
    pub place: usize,
    /// Proposed position in the session, from 1.
    pub proposed_place: usize,
    /// Start of the item if every item before it takes its full time limit.
    pub starts_at: LocalOrInstant,
    /// End of the item on the same condition.
    pub ends_at: LocalOrInstant,
    /// Longest duration of the item, in minutes; null for no limit.
    pub time_limit_minutes: Option<Count<1>>,
    /// Whether the item has no time limit. It counts as 0 minutes in the computed times.
    pub is_without_limit: bool,
    /// Code of the speaker who decides the item's order: the first who appears in it. Null if nobody does.
    pub speaker: Option<Code>,
    /// Code of the speaker whom the speaker represents; null for nobody.
    pub on_behalf_of: Option<Code>,
    /// Class of the speaker in the order of precedence; null without a speaker.
    pub precedence: Option<Precedence>,
    /// Agreed rank of the speaker in the class, 1 for the highest; null if none is agreed.
    pub precedence_rank: Option<Count<1>>,
    /// Date on which the speaker took office; null if unknown.
    pub took_office_on: Option<Date>,
    /// Time at which the item was inscribed on the list of speakers; null if it was not.
    pub inscribed_at: Option<LocalOrInstant>,
    /// Whether the organisers chose the item's place themselves; the proposal does not move it.
    pub placed_by_hand: bool,
    /// Reason for the proposed position, in English, such as `class minister, in office since 2012-05-16`.
    pub reason: String,
}

/// Lists the conflicts of the draft: contradictions, such as a room that is booked twice, and missing parts.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/conflicts",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), ConflictQuery),
    responses((
        status = 200, description = "Conflicts that match the query", body = ConflictList,
        headers(("Server-Timing" = String, description = "Duration of the check in ms, as in `check;dur=12.345`"))
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
    let editor = Editor { credentials, operation: Operation::ListConflicts, slug: path.into_inner().0 };
    let ConflictQuery { severity, code, resource, thing } = query.0;
    let involved = match (resource, thing) {
        (None, None) => InvolvedThings::All,
        (resource, thing) => InvolvedThings::Named(resource, thing),
    };
    let (list, milliseconds) = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            let timer = Timer::now();
            let findings = check(&agenda, Scope { severity, code, involved });
            let milliseconds = timer.elapsed().as_secs_f64() * 1_000.0;
            let (errors, warnings) = (findings.error_count, findings.warning_count);
            Ok::<_, AgendaError>((ConflictList { data: findings.conflicts(), errors, warnings }, milliseconds))
        })
        .await?;
    let mut response = answer(&request, Representation::private(&list)?);
    let timing = HeaderValue::from_str(&format!("check;dur={milliseconds:.3}")).map_err(Problem::unexpected)?;
    response.headers_mut().insert(HeaderName::from_static("server-timing"), timing);
    Ok(response)
}

/// Counts the texts of the draft in each language and lists those that are missing.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/completeness",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), CompletenessQuery),
    responses((status = 200, description = "One report per language", body = Completeness), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_completeness(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<CompletenessQuery>,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: Operation::ReadCompleteness, slug: path.into_inner().0 };
    let language = query.0.language;
    let data = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            let mut errors = ValidationErrors::default();
            if language.as_ref().is_some_and(|language| !agenda.conference.languages.contains(language)) {
                let known_languages: Vec<_> = agenda.conference.languages.iter().map(LanguageTag::as_str).collect();
                let detail = format!("is not a language of the conference: {}", known_languages.join(", "));
                errors.add("?language", "unknown_language", detail);
            }
            Ok::<_, AgendaError>(errors.into_result(completeness(&agenda, language.as_ref()))?)
        })
        .await?;
    Ok(answer(&request, Representation::private(&Completeness { data })?))
}

/// Proposes a running order for a session by the order of precedence.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/protocol-order",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ProtocolQuery
    ),
    responses((status = 200, description = "The present and the proposed order", body = ProtocolOrder), AnyProblem),
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
    let editor = Editor { credentials, operation: Operation::ReadProtocolOrder, slug };
    let order = database
        .read(move |tx| {
            let agenda = editor.read(tx)?;
            protocol_order(&agenda, find_session(&agenda, &code)?, query.0.rule)
        })
        .await?;
    Ok(answer(&request, Representation::private(&order)?))
}

/// Accepts the proposed running order of a session, or sets another one.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/protocol-order",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("If-Match" = Option<String>, Header, description = "Entity tag that the session must have")
    ),
    request_body = OrderChange,
    responses((status = 200, description = "The order after the change", body = ProtocolOrder), AnyProblem),
    security(("bearer" = []))
)]
pub async fn set_protocol_order(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), CodePath(code)) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::SetProtocolOrder, slug };
    let change: OrderChange = validation::read(body.0)?;
    let turn = editor.slug.to_string();
    let order = database
        .write_in_turn("set a protocol order", &turn, move |tx| {
            let agenda = set_order(tx, &editor, &code, &preconditions, &change)?;
            protocol_order(&agenda, find_session(&agenda, &code)?, None)
        })
        .await?;
    Ok(HttpResponse::Ok().json(order))
}

/// Running order of a session, with the proposal by `rule` or else by the session's own rule.
fn protocol_order(
    agenda: &Agenda,
    session: &Session,
    rule: Option<ProtocolRule>,
) -> Result<ProtocolOrder, AgendaError> {
    let agenda_index = AgendaIndex::of(agenda);
    let rule = rule.or(session.protocol_rule);
    let mut proposed_positions = vec![0; session.items.len()];
    for (position, index) in precedence::proposed(agenda, &agenda_index, session, rule).into_iter().enumerate() {
        if let Some(proposed_position) = proposed_positions.get_mut(index) {
            *proposed_position = position + 1;
        }
    }
    let mut session_things = vec![("session", session.code.as_str())];
    session_things.extend(session.items.iter().map(|item| ("item", item.code.as_str())));
    Ok(ProtocolOrder {
        session: session.code.clone(),
        rule,
        starts_at: session.starts_at,
        ends_at: session.ends_at,
        computed_ends_at: start_plus(agenda, session, times::planned_duration(session)),
        overrun_minutes: times::overrun_minutes(session),
        items: protocol_items(agenda, &agenda_index, session, rule, &proposed_positions),
        warnings: warnings_of(agenda, &session_things),
    })
}

/// The start of a session plus `by`, in the conference's offset at that instant.
fn start_plus(agenda: &Agenda, session: &Session, by: Duration) -> LocalOrInstant {
    let instant = instant(session.starts_at).to_utc().checked_add_signed(by);
    instant.map_or(session.ends_at, |instant| LocalOrInstant::Instant(agenda.conference.time_zone.local(instant)))
}

fn protocol_items(
    agenda: &Agenda,
    agenda_index: &AgendaIndex,
    session: &Session,
    rule: Option<ProtocolRule>,
    proposed_positions: &[usize],
) -> Vec<ProtocolItem> {
    let mut elapsed = Duration::zero();
    let mut items = Vec::new();
    for (index, item) in session.items.iter().enumerate() {
        let starts_at = start_plus(agenda, session, elapsed);
        elapsed += Duration::minutes(item.time_limit_minutes.map_or(0, |limit| i64::from(limit.0)));
        let first_appearance = precedence::speaker_of(agenda_index, item);
        let speaker = first_appearance.map(|(_, speaker)| speaker);
        items.push(ProtocolItem {
            code: item.code.clone(),
            kind: item.kind,
            title: item.title.clone(),
            place: index + 1,
            proposed_place: proposed_positions.get(index).copied().unwrap_or(index + 1),
            starts_at,
            ends_at: start_plus(agenda, session, elapsed),
            time_limit_minutes: item.time_limit_minutes,
            is_without_limit: item.time_limit_minutes.is_none(),
            speaker: speaker.map(|speaker| speaker.code.clone()),
            on_behalf_of: first_appearance.and_then(|(appearance, _)| appearance.on_behalf_of.clone()),
            precedence: speaker.map(precedence::class_of),
            precedence_rank: speaker.and_then(|speaker| speaker.precedence_rank),
            took_office_on: speaker.and_then(|speaker| speaker.took_office_on),
            inscribed_at: item.inscribed_at,
            placed_by_hand: item.placed_by_hand,
            reason: precedence::reason(agenda_index, rule, item),
        });
    }
    items
}
