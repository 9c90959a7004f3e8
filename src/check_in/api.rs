//! `/api/v1/conferences/{conference}/check-ins`, the roster of scanners, and the key that badges are signed under.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    CheckInError,
    actions::{self, EntryDetails, ScanError, ScanResult},
    badges::{BadgeData, in_first_language},
    roster,
    scan_rules::{Entry, Outcome, Reason, Scan, Scans},
};
use crate::{
    access::{
        Credentials, Operation, authorise,
        badge::{self, BadgeKey},
    },
    agenda::Agenda,
    clock,
    database::{self, Connection, DatabaseError, Retry},
    http::{
        CodePath, EmptyObject, Json, NO_STORE, Problem, Query,
        extract::Document,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::{CheckInId, RegistrationId, SessionId},
    programme::Snapshot,
    registration::{
        RegistrationError,
        context::{ReleasedAgenda, RequestContext},
        model::RegistrationStatus,
        service::RegistrationService,
        setup::Colour,
    },
    validation::{self, ValidationErrors},
    values::{Code, Line},
};

/// The latest release with what only attendees may read.
fn scene(service: &RegistrationService, slug: &Code) -> Result<std::sync::Arc<Snapshot>, RegistrationError> {
    service.programmes.get_for_attendees(slug).ok_or(RegistrationError::NoConference)
}

/// Runs a read transaction with the request context that all check-in and badge reads share.
pub(super) async fn read<T: Send + 'static>(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    work: impl FnOnce(&mut Connection, RequestContext<'_>) -> Result<T, RegistrationError> + Send + 'static,
) -> Result<T, RegistrationError> {
    let (snapshot, secret) = (scene(service, slug)?, service.secret.clone());
    service
        .database
        .read(move |tx| {
            let released = ReleasedAgenda { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            work(tx, RequestContext { place: &snapshot.place, released, credentials: &credentials, secret: &secret })
        })
        .await
}

/// Runs a write transaction. Writes of one conference's check-in record run one after the other.
async fn write<T, E>(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    name: &'static str,
    work: impl Fn(&mut Connection, RequestContext<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<RegistrationError> + From<DatabaseError> + Retry + Send + 'static,
{
    let (snapshot, secret) = (scene(service, slug)?, service.secret.clone());
    let turn = format!("check-ins of {slug}");
    service
        .database
        .write_in_turn(name, &turn, move |tx| {
            let released = ReleasedAgenda { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            work(tx, RequestContext { place: &snapshot.place, released, credentials: &credentials, secret: &secret })
        })
        .await
}

/// The public key that verifies a conference's badges, and the format of the signed payload.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInKey {
    /// Signature algorithm; always `Ed25519` (RFC 8032).
    #[schema(value_type = String, example = "Ed25519")]
    pub algorithm: &'static str,
    /// The public key: 32 bytes in base64url without padding.
    pub public_key: String,
    /// The public key as PEM (RFC 7468).
    pub pem: String,
    /// The public key as a JSON Web Key (RFC 8037).
    pub jwk: JsonWebKey,
    /// Format of the payload in a badge's QR code.
    pub payload: PayloadFormat,
}

/// A public key as a JSON Web Key (RFC 7517, RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonWebKey {
    /// Key type; always `OKP`.
    pub kty: &'static str,
    /// Curve; always `Ed25519`.
    pub crv: &'static str,
    /// The public key: 32 bytes in base64url without padding.
    pub x: String,
    /// Key id: the thumbprint of the key (RFC 7638).
    pub kid: String,
    /// Use of the key; always `sig` (signature).
    pub r#use: &'static str,
    /// Algorithm of the signature; always `EdDSA`.
    pub alg: &'static str,
}

/// Format of the payload in a badge's QR code.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadFormat {
    /// Version of the format; the first byte of the payload.
    pub version: u8,
    /// Encoding of the bytes in the QR code.
    pub encoding: &'static str,
    /// Length of the decoded payload in bytes.
    pub bytes: usize,
    /// Number of bytes, from the first, that the signature covers.
    pub signed_bytes: usize,
    /// Fields of the payload, in order.
    pub fields: Vec<PayloadField>,
}

/// A field of the payload in a badge's QR code.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadField {
    /// Name of the field: `version`, `registration`, `generation` or `signature`.
    pub name: &'static str,
    /// Position of the field's first byte, counted from 0.
    pub offset: usize,
    /// Length of the field in bytes.
    pub bytes: usize,
    /// Type of the value, such as `unsigned integer, big-endian`.
    pub r#type: &'static str,
}

/// Reads the public key that verifies the conference's badges.
///
/// With it, a scanner verifies badges without a connection. The answer describes the signed payload, too.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-in-key",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The key and the payload's format", body = CheckInKey), AnyProblem)
)]
pub async fn read_check_in_key(
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    let key = BadgeKey::of(&service.secret, snapshot.place.id)?;
    let public_key = URL_SAFE_NO_PAD.encode(key.public());
    let field = |name, offset, bytes, r#type| PayloadField { name, offset, bytes, r#type };
    let view = CheckInKey {
        algorithm: "Ed25519",
        pem: key.pem(),
        jwk: JsonWebKey {
            kty: "OKP",
            crv: "Ed25519",
            x: public_key.clone(),
            kid: key.thumbprint(),
            r#use: "sig",
            alg: "EdDSA",
        },
        public_key,
        payload: PayloadFormat {
            version: badge::VERSION,
            encoding: "base64url without padding",
            bytes: badge::BYTES,
            signed_bytes: badge::SIGNED_BYTES,
            fields: vec![
                field("version", 0, 1, "unsigned integer"),
                field("registration", 1, 16, "UUID in network order"),
                field("generation", 17, 4, "unsigned integer, big-endian"),
                field("signature", 21, 64, "Ed25519 signature of the bytes before it"),
            ],
        },
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=3600")).json(view))
}

/// Results of the scans of one request.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResults {
    /// One result for each scan, in the order of the request.
    pub data: Vec<CheckInResult>,
}

/// Result of a scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResult {
    /// Id that the scanner gave to the scan.
    pub id: CheckInId,
    /// `admitted`, `admitted_again` or `refused`; null if the scan was not recorded.
    pub outcome: Option<Outcome>,
    /// Reason of a refusal; null for any other outcome.
    pub reason: Option<Reason>,
    /// Why the scan was not recorded; null if it was recorded.
    pub fault: Option<ScanFault>,
    /// Number of the entry in the conference's check-in record; null if the scan was not recorded.
    pub sequence: Option<i64>,
    /// Time of the scan (RFC 3339, UTC); null if the scan was not recorded.
    pub at: Option<String>,
    /// For `admitted_again`: the earliest admission of the same registration at the same gate, for the same session, on
    /// the same day. Null for any other outcome.
    pub first: Option<EarlierEntry>,
    /// The registration of the badge or reference; null if it is unknown.
    pub registration: Option<PersonAtDoor>,
}

/// Why a scan was not recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanFault {
    /// `id_reused` (another scan has this id), `in_future` (more than five minutes ahead of the service's clock) or
    /// `unknown_session`.
    pub code: &'static str,
    /// Explanation of the code in English.
    pub detail: &'static str,
}

/// An earlier admission of the same registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct EarlierEntry {
    /// Id of the earlier scan.
    pub id: CheckInId,
    /// Time of the earlier scan (RFC 3339, UTC).
    pub at: String,
    /// Code of the gate.
    pub gate: String,
    /// Name of the token that the scanner used.
    pub by: String,
}

/// The registration of a badge, as a scanner may show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAtDoor {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Present status of the registration.
    pub status: RegistrationStatus,
    /// Honorific, such as Dr, H.E. or Sir; null if none was given.
    pub honorific: Option<String>,
    /// Given name and family name, separated by a space.
    pub name: String,
    /// Organisation that the person represents; null if none was given.
    pub organisation: Option<String>,
    /// Country (ISO 3166-1 alpha-2); null if none was given.
    pub country: Option<String>,
    /// Code of the category.
    pub category: Code,
    /// Name of the category in the conference's first language.
    pub category_name: String,
    /// Level of accreditation, printed on the badge; null if the badge has none.
    pub level: Option<Line<20>>,
    /// Codes of the zones to which the badge gives access.
    pub zones: Vec<Code>,
    /// Colour of the badge, such as `#003399`; null if the badge has none.
    pub colour: Option<Colour>,
}

fn person(facts: &BadgeData, agenda: &Agenda) -> PersonAtDoor {
    let registration = &facts.registration;
    PersonAtDoor {
        reference: registration.reference.clone(),
        status: registration.state,
        honorific: registration.person.honorific.clone(),
        name: facts.name(),
        organisation: registration.person.organisation.clone(),
        country: registration.person.country.clone(),
        category: facts.category.clone(),
        category_name: in_first_language(&facts.category_name, agenda),
        level: facts.level.clone(),
        zones: facts.zones.clone(),
        colour: facts.colour.clone(),
    }
}

fn earlier(entry: Entry) -> EarlierEntry {
    EarlierEntry { id: entry.id, at: clock::wire(entry.at), gate: entry.gate, by: entry.actor }
}

fn fault(fault: ScanError) -> ScanFault {
    let (code, detail) = match fault {
        ScanError::IdReused => ("id_reused", "another scan was sent with this id"),
        ScanError::InFuture => ("in_future", "is more than five minutes ahead of the service's clock"),
        ScanError::UnknownSession => ("unknown_session", "is no session of the programme"),
    };
    ScanFault { code, detail }
}

/// Records up to 1,000 scans and answers a result for each.
///
/// Scans may be sent at once or later. Each has an id that the scanner chose: a scan that is sent again changes nothing
/// and gets the same result, so a scanner can send a batch again when it got no answer.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = Scans,
    responses((status = 200, description = "A result for each scan", body = CheckInResults), AnyProblem),
    security(("bearer" = []))
)]
pub async fn check_in(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    read(&service, &slug, credentials.clone(), |tx, context| {
        authorise(tx, context.credentials, Operation::CheckIn, Some(context.place.id))?;
        Ok(())
    })
    .await?;
    let scans = validation::read::<Scans>(body.receive().await?)?;
    scans.check()?;
    let snapshot = scene(&service, &slug)?;
    let key = BadgeKey::of(&service.secret, snapshot.place.id)?;
    // Verification of a thousand signatures takes long: it runs on the blocking pool, before the transaction.
    let verify = move || Ok::<_, DatabaseError>((actions::claims(&key, &scans.check_ins), scans.check_ins));
    let (claims, scans) = database::blocking(verify).await?;
    let ids: Vec<CheckInId> = scans.iter().map(|scan| scan.id).collect();
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::check_in(tx, context, &scans, &claims);
    let verdicts = write(&service, &slug, credentials, "check in", work).await?;
    let result = |(id, verdict): (CheckInId, ScanResult)| match verdict {
        ScanResult::Faulty(found) => CheckInResult {
            id,
            outcome: None,
            reason: None,
            fault: Some(fault(found)),
            sequence: None,
            at: None,
            first: None,
            registration: None,
        },
        ScanResult::Kept { entry, first } => CheckInResult {
            id,
            outcome: Some(entry.outcome),
            reason: entry.reason,
            fault: None,
            sequence: Some(entry.sequence),
            at: Some(clock::wire(entry.at)),
            first: first.map(|first| earlier(*first)),
            registration: entry
                .registration
                .and_then(|of: RegistrationId| verdicts.people.get(&of))
                .map(|facts| person(facts, &snapshot.agenda)),
        },
    };
    let data = ids.into_iter().zip(verdicts.of_scans).map(result).collect();
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(CheckInResults { data }))
}

/// An entry of the check-in record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckIn)]
pub struct CheckInView {
    /// Number of the entry in the conference's check-in record. Later entries have greater numbers.
    pub sequence: i64,
    /// Id of the entry: the scanner's id of the scan or, for an undo, an id of its own.
    pub id: CheckInId,
    /// Time of the scan or of the undo (RFC 3339, UTC).
    pub at: String,
    /// Time at which the service received it (RFC 3339, UTC).
    pub received_at: String,
    /// Day of the conference (YYYY-MM-DD, in the conference's time zone); null for a time outside the conference.
    pub day: Option<String>,
    /// Code of the gate.
    pub gate: String,
    /// Code of the zone behind the gate; null if the scan named none.
    pub zone: Option<String>,
    /// Code of the session behind the gate, or its id if the programme no longer has the session; null if the scan
    /// named none.
    pub session: Option<String>,
    /// Outcome after all entries known now, ordered by the time of the scans. It differs from `told` if an offline
    /// scanner sent an earlier scan later, or if the first admission was undone.
    pub outcome: Outcome,
    /// Outcome that the scanner got as an answer.
    pub told: Outcome,
    /// Reason of a refusal; null for any other outcome.
    pub reason: Option<Reason>,
    /// Earliest admission of the same registration at the same gate, for the same session, on the same day, if it is
    /// not this entry; else null.
    pub first: Option<EarlierEntry>,
    /// The registration's reference, such as GP-7K3M9Q2X; null if the registration is unknown.
    pub reference: Option<String>,
    /// Id of the entry that this entry undoes; null if this entry is no undo.
    pub undoes: Option<CheckInId>,
    /// Id of the entry that undoes this one; null if it was not undone.
    pub undone_by: Option<CheckInId>,
    /// Name of the token that made the entry.
    pub by: String,
}

fn view(listed: EntryDetails, agenda: &Agenda) -> CheckInView {
    let EntryDetails { entry, outcome, first, undone_by, reference } = listed;
    CheckInView {
        sequence: entry.sequence,
        id: entry.id,
        at: clock::wire(entry.at),
        received_at: clock::wire(entry.received_at),
        day: entry.day.map(|day| day.to_string()),
        gate: entry.gate,
        zone: entry.zone,
        session: entry.session.map(|id| session_name(id, agenda)),
        outcome,
        told: entry.outcome,
        reason: entry.reason,
        first: first.map(earlier),
        reference,
        undoes: entry.undoes,
        undone_by,
        by: entry.actor,
    }
}

fn session_name(id: SessionId, agenda: &Agenda) -> String {
    let found = agenda.sessions.iter().find(|session| session.id == Some(id));
    found.map_or_else(|| id.to_string(), |session| session.code.to_string())
}

/// A page of the check-in record.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInList {
    /// Entries in the order of `sequence`.
    pub data: Vec<CheckInView>,
    /// Path and query of the next page; null if there is no later entry yet.
    pub next: Option<String>,
}

/// Query of the check-in record.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Only entries with a greater `sequence`; all entries if left out.
    #[deserr(default)]
    pub after: Option<String>,
    /// Greatest number of entries on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
}

/// Lists the check-in record in the order in which the service received it.
///
/// To follow the record, ask for the entries `after` the last `sequence` that you have: no entry is missed.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RecordQuery),
    responses((status = 200, description = "A page of the check-in record", body = CheckInList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_check_ins(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RecordQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RecordQuery { after, limit } = query.0;
    let (page, after) = read(&service, &slug, credentials.clone(), move |tx, context| {
        authorise(tx, context.credentials, Operation::ListCheckIns, Some(context.place.id))?;
        let mut found = ValidationErrors::default();
        let number = after.as_deref().map_or(Some(0), |text| text.parse::<i64>().ok().filter(|number| *number >= 0));
        if number.is_none() {
            found.add("?after", "out_of_range", "must be the number of an entry");
        }
        let page = match Page::read(limit.as_deref(), None) {
            Ok(page) => Some(page),
            Err(errors) => {
                found.0.extend(errors.0);
                None
            }
        };
        match (page, number) {
            (Some(page), Some(number)) => Ok((page, number)),
            _ => Err(found.into()),
        }
    })
    .await?;
    let rows = page.rows();
    let mut found =
        read(&service, &slug, credentials, move |tx, context| actions::list(tx, context, after, rows)).await?;
    let has_more = found.len() > page.limit;
    found.truncate(page.limit);
    let last = found.last().map(|listed| listed.entry.sequence).filter(|_| has_more);
    let next = last.map(|last| format!("{}?after={last}&limit={}", request.path(), page.limit));
    let snapshot = scene(&service, &slug)?;
    let data = found.into_iter().map(|listed| view(listed, &snapshot.agenda)).collect();
    let list = CheckInList { data, next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

/// Undoes an admission.
///
/// The undo is a new entry of the record; afterwards the person can be admitted as if for the first time. A second undo
/// of the same admission answers the first one.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins/{check_in}/undo",
    tag = "check-in",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("check_in" = CheckInId, Path, description = "Id of the admission to undo")
    ),
    request_body = EmptyObject,
    responses((status = 200, description = "The entry of the undo", body = CheckInView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn undo_check_in(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(EmptyObject {}): Json<EmptyObject>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::UndoCheckIn, Some(context.place.id))?;
        let id = id.parse().map_err(|_| CheckInError::NotFound)?;
        actions::undo(tx, context, id)
    };
    let undone = write(&service, &slug, credentials, "undo a check-in", work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view(undone, &scene(&service, &slug)?.agenda)))
}

/// A page of the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterPage {
    /// People of this page.
    pub data: Vec<RosterEntry>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
    /// Value for `since` in the next synchronisation. Use the one of the last page.
    pub sync: String,
}

/// A person on the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterEntry {
    /// Id of the registration, as in the payload of its badge.
    pub id: RegistrationId,
    /// Generation of the badge that is valid now. A badge of another generation is void.
    pub generation: i32,
    /// The registration, as a scanner may show it.
    #[serde(flatten)]
    pub person: PersonAtDoor,
    /// Codes of the sessions with sign-up in which the person has a seat.
    pub sessions: Vec<String>,
}

/// Query of the roster.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RosterQuery {
    /// `sync` of an earlier answer: only registrations that changed since, whatever their status is now. Whoever is not
    /// `confirmed` now must not be admitted. Everyone who is confirmed, if left out.
    #[deserr(default)]
    pub since: Option<String>,
    /// Greatest number of people, or with `since` of changes, on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// Lists the people whom an offline scanner admits.
///
/// Without `since`: all confirmed registrations. With `since`: the registrations that changed since that
/// synchronisation.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins/roster",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RosterQuery),
    responses((status = 200, description = "A page of the roster", body = RosterPage), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_check_in_roster(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RosterQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RosterQuery { since, limit, cursor } = query.0;
    let found = read(&service, &slug, credentials, move |tx, context| {
        authorise(tx, context.credentials, Operation::ReadCheckInRoster, Some(context.place.id))?;
        let page = Page::read(limit.as_deref(), cursor.as_deref())?;
        let since = since.as_deref().map(roster::sync_of).transpose()?;
        roster::read(tx, context, since, &page)
    })
    .await?;
    let snapshot = scene(&service, &slug)?;
    let next = found.next.map(|key| next_page(&request, &key));
    let entry = |listed: &super::roster::RosterRow| RosterEntry {
        id: listed.facts.registration.id,
        generation: listed.facts.registration.token_generation,
        person: person(&listed.facts, &snapshot.agenda),
        sessions: listed.sessions.iter().map(|id| session_name(*id, &snapshot.agenda)).collect(),
    };
    let page = RosterPage { data: found.people.iter().map(entry).collect(), next, sync: found.sync.to_string() };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&page);
    link_next(&mut response, page.next.as_deref());
    Ok(response)
}

/// Path and query of the page after this key. A token in the query is left out.
pub(super) fn next_page(request: &HttpRequest, key: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        if name != "cursor" && name != "token" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", &URL_SAFE_NO_PAD.encode(key));
    format!("{}?{}", request.path(), query.finish())
}

/// Shows the id alone: codes and references stay out of logs.
impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({})", self.id)
    }
}
