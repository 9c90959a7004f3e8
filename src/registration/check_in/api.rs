//! `/api/v1/conferences/{conference}/check-ins`, the roster of scanners, and the key that badges are signed under.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions::{self, Fault, Listed, Verdict},
    badges::{BadgeFacts, in_first_language},
    model::{Entry, Outcome, Reason, Scan, Scans},
    roster,
};
use crate::{
    access::{
        Credentials, authorise,
        badge::{self, BadgeKey},
    },
    agenda::Agenda,
    clock,
    database::{self, Connection, DatabaseError},
    faults::{self, Faults},
    http::{
        CodePath, Json, Problem, Query,
        extract::Document,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::{CheckInId, RegistrationId, SessionId},
    programme::Snapshot,
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE, Nothing},
        ledger::Released,
        model::State,
        setup::Colour,
    },
    values::{Code, Line},
};

/// The release with all that the door may know of it.
fn scene(desk: &Desk, slug: &Code) -> Result<std::sync::Arc<Snapshot>, RegistrationError> {
    desk.programmes.get_for_attendees(slug).ok_or(RegistrationError::NoConference)
}

/// Reads in one transaction, with what every wish at the door comes with.
pub(super) async fn read<T: Send + 'static>(
    desk: &Desk,
    slug: &Code,
    credentials: Credentials,
    work: impl FnOnce(&mut Connection, Errand<'_>) -> Result<T, RegistrationError> + Send + 'static,
) -> Result<T, RegistrationError> {
    let (snapshot, secret) = (scene(desk, slug)?, desk.secret.clone());
    desk.database
        .read(move |tx| {
            let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            work(tx, Errand { place: &snapshot.place, released, credentials: &credentials, secret: &secret })
        })
        .await
}

/// Writes in one transaction, one write of a conference's record after the other.
async fn write<T: Send + 'static>(
    desk: &Desk,
    slug: &Code,
    credentials: Credentials,
    name: &'static str,
    work: impl Fn(&mut Connection, Errand<'_>) -> Result<T, RegistrationError> + Send + 'static,
) -> Result<T, RegistrationError> {
    let (snapshot, secret) = (scene(desk, slug)?, desk.secret.clone());
    let turn = format!("check-ins of {slug}");
    desk.database
        .write_in_turn(name, &turn, move |tx| {
            let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
            work(tx, Errand { place: &snapshot.place, released, credentials: &credentials, secret: &secret })
        })
        .await
}

/// The key that a conference signs its badges under, and what is signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInKey {
    /// How it signs: RFC 8032.
    #[schema(value_type = String, example = "Ed25519")]
    pub algorithm: &'static str,
    /// The public key, 32 bytes in base64url.
    pub public_key: String,
    /// The public key as PEM.
    pub pem: String,
    /// The public key as a JSON Web Key (RFC 8037).
    pub jwk: JsonWebKey,
    /// What a badge's QR code says.
    pub payload: PayloadFormat,
}

/// A public key as a JSON Web Key.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonWebKey {
    /// Its kind.
    pub kty: &'static str,
    /// Its curve.
    pub crv: &'static str,
    /// The key, in base64url.
    pub x: String,
    /// What tells it from another (RFC 7638).
    pub kid: String,
    /// What it does.
    pub r#use: &'static str,
    /// How.
    pub alg: &'static str,
}

/// What a badge's QR code says.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadFormat {
    /// The version of it: its first byte.
    pub version: u8,
    /// How its bytes are written.
    pub encoding: &'static str,
    /// How many bytes it has.
    pub bytes: usize,
    /// How many of them, from the first, are signed.
    pub signed_bytes: usize,
    /// Its fields, in order.
    pub fields: Vec<PayloadField>,
}

/// A field of a payload.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadField {
    /// What it is.
    pub name: &'static str,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How long it is, in bytes.
    pub bytes: usize,
    /// What its bytes mean.
    pub r#type: &'static str,
}

/// The key under which the conference's badges are signed, for scanners that are not connected.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-in-key",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The public key, and what is signed", body = CheckInKey), AnyProblem)
)]
pub async fn read_check_in_key(desk: web::Data<Desk>, path: web::Path<CodePath>) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let key = BadgeKey::of(&desk.secret, snapshot.place.id)?;
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

/// What became of scans.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResults {
    /// One for each scan, in their order.
    pub data: Vec<CheckInResult>,
}

/// What became of a scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResult {
    /// The scanner's id of it.
    pub id: CheckInId,
    /// `admitted`, `admitted_again` or `refused`; none, if it was not kept.
    pub outcome: Option<Outcome>,
    /// Why someone was refused.
    pub reason: Option<Reason>,
    /// Why it was not kept.
    pub fault: Option<ScanFault>,
    /// Its place in the record.
    pub sequence: Option<i64>,
    /// When it was.
    pub at: Option<String>,
    /// Who went in before with the same registration: at the same gate, in the same session, on the same day.
    pub first: Option<EarlierEntry>,
    /// Whom it is of, where that is known.
    pub registration: Option<PersonAtDoor>,
}

/// Why a scan was not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanFault {
    /// `id_reused`, `in_future` or `unknown_session`.
    pub code: &'static str,
    /// The same in words.
    pub detail: &'static str,
}

/// Who went in before.
#[derive(Debug, Serialize, ToSchema)]
pub struct EarlierEntry {
    /// The scan.
    pub id: CheckInId,
    /// When.
    pub at: String,
    /// Where.
    pub gate: String,
    /// By whose scanner: the name of its token.
    pub by: String,
}

/// Whom a scanner sees.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAtDoor {
    /// The registration's reference.
    pub reference: String,
    /// Where the registration stands now.
    pub status: State,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// Given and family name.
    pub name: String,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The category's code.
    pub category: Code,
    /// The category's name, in the conference's first language.
    pub category_name: String,
    /// The level of accreditation.
    pub level: Option<Line<20>>,
    /// The zones that the badge opens.
    pub zones: Vec<Code>,
    /// The colour of the badge.
    pub colour: Option<Colour>,
}

fn person(facts: &BadgeFacts, agenda: &Agenda) -> PersonAtDoor {
    let registration = &facts.registration;
    PersonAtDoor {
        reference: registration.reference.clone(),
        status: registration.state,
        honorific: registration.honorific.clone(),
        name: facts.name(),
        organisation: registration.organisation.clone(),
        country: registration.country.clone(),
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

fn fault(fault: Fault) -> ScanFault {
    let (code, detail) = match fault {
        Fault::IdReused => ("id_reused", "another scan was sent with this id"),
        Fault::InFuture => ("in_future", "is more than five minutes ahead of the service's clock"),
        Fault::UnknownSession => ("unknown_session", "is no session of the programme"),
    };
    ScanFault { code, detail }
}

/// Takes scans, at once or afterwards: each with an id of the scanner's own, so that a batch can be sent again. Each
/// gets an answer of its own.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = Scans,
    responses((status = 200, description = "What became of each scan", body = CheckInResults), AnyProblem),
    security(("bearer" = []))
)]
pub async fn check_in(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    read(&desk, &slug, credentials.clone(), |tx, errand| {
        authorise(tx, errand.credentials, "check_in", Some(errand.place.id))?;
        Ok(())
    })
    .await?;
    let scans = faults::read::<Scans>(body.receive().await?)?;
    scans.check()?;
    let snapshot = scene(&desk, &slug)?;
    let key = BadgeKey::of(&desk.secret, snapshot.place.id)?;
    // A thousand signatures take a while.
    let verify = move || Ok::<_, DatabaseError>((actions::claims(&key, &scans.check_ins), scans.check_ins));
    let (claims, scans) = database::blocking(verify).await?;
    let ids: Vec<CheckInId> = scans.iter().map(|scan| scan.id).collect();
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::check_in(tx, errand, &scans, &claims);
    let verdicts = write(&desk, &slug, credentials, "check in", work).await?;
    let result = |(id, verdict): (CheckInId, Verdict)| match verdict {
        Verdict::Faulty(found) => CheckInResult {
            id,
            outcome: None,
            reason: None,
            fault: Some(fault(found)),
            sequence: None,
            at: None,
            first: None,
            registration: None,
        },
        Verdict::Kept { entry, first } => CheckInResult {
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

/// An entry of the record of check-ins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckIn)]
pub struct CheckInView {
    /// Its place in the record.
    pub sequence: i64,
    /// The scanner's id of it, or the undoing's own.
    pub id: CheckInId,
    /// When people stood there.
    pub at: String,
    /// When the service heard of it.
    pub received_at: String,
    /// On which day of the conference that is.
    pub day: Option<String>,
    /// The gate.
    pub gate: String,
    /// The zone behind it.
    pub zone: Option<String>,
    /// The session behind it: its code, or its id where the programme has it no more.
    pub session: Option<String>,
    /// What it is by the times of all entries that the record has now.
    pub outcome: Outcome,
    /// What the scanner was told when it came.
    pub told: Outcome,
    /// Why someone was refused.
    pub reason: Option<Reason>,
    /// Who went in before.
    pub first: Option<EarlierEntry>,
    /// The registration's reference, where it is known.
    pub reference: Option<String>,
    /// The entry that it undoes.
    pub undoes: Option<CheckInId>,
    /// The entry that undoes it.
    pub undone_by: Option<CheckInId>,
    /// By whose scanner: the name of its token.
    pub by: String,
}

fn view(listed: Listed, agenda: &Agenda) -> CheckInView {
    let Listed { entry, outcome, first, undone_by, reference } = listed;
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

/// A page of the record.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInList {
    /// Entries in the order of their numbers.
    pub data: Vec<CheckInView>,
    /// Where the record goes on, if it does now.
    pub next: Option<String>,
}

/// Which part of the record.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Entries after this number; from the first, if left out.
    #[deserr(default)]
    pub after: Option<String>,
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
}

/// Reads the record in the order in which the service heard of it. Whoever has read to a number asks for what is after
/// it, and misses nothing.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RecordQuery),
    responses((status = 200, description = "A page of the record", body = CheckInList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_check_ins(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RecordQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RecordQuery { after, limit } = query.0;
    let (page, after) = read(&desk, &slug, credentials.clone(), move |tx, errand| {
        authorise(tx, errand.credentials, "list_check_ins", Some(errand.place.id))?;
        let mut found = Faults::default();
        let number = after.as_deref().map_or(Some(0), |text| text.parse::<i64>().ok().filter(|number| *number >= 0));
        if number.is_none() {
            found.add("?after", "out_of_range", "must be the number of an entry");
        }
        let page = match Page::read(limit.as_deref(), None) {
            Ok(page) => Some(page),
            Err(faults) => {
                found.0.extend(faults.0);
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
    let mut found = read(&desk, &slug, credentials, move |tx, errand| actions::list(tx, errand, after, rows)).await?;
    let has_more = found.len() > page.limit;
    found.truncate(page.limit);
    let last = found.last().map(|listed| listed.entry.sequence).filter(|_| has_more);
    let next = last.map(|last| format!("{}?after={last}&limit={}", request.path(), page.limit));
    let snapshot = scene(&desk, &slug)?;
    let data = found.into_iter().map(|listed| view(listed, &snapshot.agenda)).collect();
    let list = CheckInList { data, next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

/// Takes an admission back. It is an entry of its own: the person can be let in anew, as if for the first time.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/check-ins/{check_in}/undo",
    tag = "check-in",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("check_in" = CheckInId, Path, description = "The id of the scan that let someone in")
    ),
    request_body = Nothing,
    responses((status = 200, description = "The entry that takes it back", body = CheckInView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn undo_check_in(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "undo_check_in", Some(errand.place.id))?;
        let id = id.parse().map_err(|_| RegistrationError::NoCheckIn)?;
        actions::undo(tx, errand, id)
    };
    let undone = write(&desk, &slug, credentials, "undo a check-in", work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view(undone, &scene(&desk, &slug)?.agenda)))
}

/// A page of what a scanner takes along.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterPage {
    /// People.
    pub data: Vec<RosterEntry>,
    /// Where it goes on, if it does.
    pub next: Option<String>,
    /// What `since` is next time, once the last page is read.
    pub sync: String,
}

/// A person of a roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterEntry {
    /// The registration's id: what a badge's payload says.
    pub id: RegistrationId,
    /// The generation of the badge that is valid; one of another is not.
    pub generation: i32,
    /// Whom it is of.
    #[serde(flatten)]
    pub person: PersonAtDoor,
    /// The codes of the sessions that need signing up for and have a seat for them.
    pub sessions: Vec<String>,
}

/// Which part of a roster.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RosterQuery {
    /// The `sync` of an earlier answer: those alone to whom something happened since, whatever they are now. Who is
    /// not `confirmed` now is not to be let in.
    #[deserr(default)]
    pub since: Option<String>,
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// From the `next` of the page before.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// What a scanner takes along that is not connected: everyone who is confirmed; with `since`, what has changed.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/check-ins/roster",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), RosterQuery),
    responses((status = 200, description = "A page of the roster", body = RosterPage), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_check_in_roster(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RosterQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let RosterQuery { since, limit, cursor } = query.0;
    let found = read(&desk, &slug, credentials, move |tx, errand| {
        authorise(tx, errand.credentials, "read_check_in_roster", Some(errand.place.id))?;
        let page = Page::read(limit.as_deref(), cursor.as_deref())?;
        let since = since.as_deref().map(roster::sync_of).transpose()?;
        roster::read(tx, errand, since, &page)
    })
    .await?;
    let snapshot = scene(&desk, &slug)?;
    let next = found.next.map(|key| next_page(&request, &key));
    let entry = |listed: &roster::Listed| RosterEntry {
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

/// The path of the page after this key.
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

/// A scan says no more of itself in a log than which it is.
impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({})", self.id)
    }
}
