//! `/api/v1/conferences/{conference}/registrations` and the form in front of it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    RegistrationError,
    actions::{self, Errand, Shown},
    form::Answers,
    intake::{Application, Receipt, conference_faults},
    ledger::Released,
    letters,
    model::{Event, Form, HistoryEntry, State},
    page,
    queue::Queue,
    session_seats::store::SignUp,
};
use crate::{
    access::{Actor, Credentials, RateLimit, ServerSecret},
    clock,
    database::{Connection, Database},
    faults::{self, Faults},
    http::{CodePath, Json, Problem, Query, extract::Body, idempotency::IdempotencyKey, problem::AnyProblem},
    mail::Wake,
    programme::{Programmes, Snapshot, filter::LinkQuery, negotiate, view::View, views::ProgrammeView},
    values::{Code, EmailAddress, LanguageTag, Prose},
};

/// What the handlers of registrations share.
#[derive(Clone)]
pub struct Desk {
    /// The store.
    pub database: Database,
    /// The releases in memory: what letters and forms call things.
    pub programmes: Programmes,
    /// Links are derived under it.
    pub secret: ServerSecret,
    /// How the world reaches the service.
    pub public_url: Arc<str>,
    /// Tells the mail worker.
    pub wake: Wake,
    /// How often one client may register.
    pub limit: RateLimit,
    /// How often one client may try codes of invitations.
    pub code_limit: RateLimit,
    /// Applications on their way into the store.
    pub queue: Queue,
    /// Where files of exports are while they are written and sent.
    pub scratch: Arc<std::path::Path>,
}

impl Desk {
    /// The latest release of a conference.
    ///
    /// # Errors
    /// [`RegistrationError::NoConference`] where there is none.
    pub fn snapshot(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        self.programmes.get(slug).ok_or(RegistrationError::NoConference)
    }

    /// Reads registrations, in one snapshot of the store.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read<T: Send + 'static>(
        &self,
        snapshot: &Arc<Snapshot>,
        credentials: Credentials,
        work: impl FnOnce(&mut Connection, Errand<'_>) -> Result<T, RegistrationError> + Send + 'static,
    ) -> Result<T, RegistrationError> {
        let (snapshot, secret) = (Arc::clone(snapshot), self.secret.clone());
        self.database
            .read(move |tx| {
                let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
                let place = &snapshot.place;
                work(tx, Errand { place, released, credentials: &credentials, secret: &secret })
            })
            .await
    }

    /// Runs a wish about registrations in one write transaction, and wakes the mail worker.
    ///
    /// # Errors
    /// Those of `work`; nothing was written then.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        snapshot: &Arc<Snapshot>,
        credentials: Credentials,
        work: impl Fn(&mut Connection, Errand<'_>) -> Result<T, RegistrationError> + Send + 'static,
    ) -> Result<T, RegistrationError> {
        let (snapshot, secret) = (Arc::clone(snapshot), self.secret.clone());
        let done = self
            .database
            .write(name, move |tx| {
                let released = Released { agenda: &snapshot.agenda, number: Some(snapshot.release.number) };
                let place = &snapshot.place;
                work(tx, Errand { place, released, credentials: &credentials, secret: &secret })
            })
            .await;
        self.wake.wake();
        done
    }
}

/// Answers that must be alike leave at a multiple of this after their request came.
const UNIFORM_BEAT: std::time::Duration = std::time::Duration::from_millis(50);

/// Personal data: nobody keeps the answer.
pub const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Where a registration is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The registration, with the attendee's token: a GET that changes nothing.
    #[serde(rename = "self")]
    pub own: String,
    /// Where a POST cancels it.
    pub cancel: String,
    /// Where a POST says that the address is theirs, while it is not verified.
    pub verify: Option<String>,
    /// Where a POST takes the offer of a seat, while there is one.
    pub accept: Option<String>,
    /// Where a PUT chooses sessions.
    pub sessions: String,
    /// The programme with what attendees alone may see, once the registration is confirmed.
    pub programme: Option<String>,
}

/// A registration as its attendee first sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationReceipt {
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    pub status: State,
    /// The place on the waiting list of its category, while it waits.
    pub position: Option<i64>,
    /// The category's code.
    pub category: Code,
    /// Where it is.
    pub links: Links,
}

/// A registration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registration)]
pub struct RegistrationView {
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    pub status: State,
    /// The place on the waiting list of its category, while it waits.
    pub position: Option<i64>,
    /// The category's code.
    pub category: Code,
    /// The category's name, in the language of the registration.
    pub category_name: String,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// Where mail goes.
    pub email: EmailAddress,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// What they are there.
    pub position_title: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The language of what is written to them.
    pub language: String,
    /// Where to call.
    pub phone: Option<String>,
    /// What they need to take part.
    pub accessibility_needs: Option<String>,
    /// What they can and cannot eat.
    pub dietary_needs: Option<String>,
    /// Their date of birth.
    pub birth_date: Option<String>,
    /// Their answers to the conference's own questions, by code.
    #[schema(value_type = Object)]
    pub answers: Answers,
    /// The sessions that they are signed up for.
    pub sessions: Vec<SessionSeat>,
    /// Until when the address must be verified, while it is not.
    pub expires_at: Option<String>,
    /// Until when a seat is held for them, while they have an offer of one.
    pub offer_expires_at: Option<String>,
    /// When they consented.
    pub consented_at: String,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// What happened to it, the oldest first.
    pub history: Vec<HistoryLine>,
    /// Where it is, for its attendee alone.
    pub links: Option<Links>,
}

/// A session that someone is signed up for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSeat {
    /// The session's code.
    pub session: Code,
    /// `confirmed`, `waitlisted`, or `wished` until the registration is confirmed.
    pub status: String,
}

/// A line of a registration's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryLine {
    /// When.
    pub at: String,
    /// What happened.
    pub event: Event,
    /// Where it stood then.
    pub status: State,
    /// Why, in the organisers' words.
    pub reason: Option<String>,
    /// The reference of the registration that it was merged into, for registrars.
    pub merged_into: Option<String>,
    /// Who did it, for registrars.
    pub actor: Option<String>,
}

fn links(desk: &Desk, snapshot: &Snapshot, of: &Receipt) -> Links {
    let token = desk.secret.link_token(of.id, of.token_generation);
    let url = format!("{}{}", desk.public_url, letters::path(&snapshot.agenda, &of.reference));
    let to = |part: &str| format!("{url}/{part}?token={token}");
    Links {
        own: format!("{url}?token={token}"),
        cancel: to("cancel"),
        verify: (of.state == State::Unverified).then(|| to("verify")),
        accept: of.has_offer.then(|| to("accept")),
        sessions: to("sessions"),
        programme: (of.state == State::Confirmed).then(|| to("programme")),
    }
}

/// What anybody learns who registered where addresses are verified: nothing about whether the address was known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// What happens next.
    pub detail: &'static str,
}

/// Registers one person. Where the conference verifies addresses the answer is the same 202 whoever it was: the letter
/// says the rest.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = Form,
    responses(
        (status = 201, description = "The registration, as it stands", body = RegistrationReceipt),
        (status = 202, description = "A letter is on its way to the address", body = Accepted),
        AnyProblem
    )
)]
pub async fn register(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let languages = &snapshot.agenda.conference.languages;
    let language = negotiate::choose(&request, None, languages)?;
    let Some(language) = language.tag() else {
        return Err(Problem::unexpected("a conference without a language"));
    };
    let Some(receipt) = take_in(&request, &desk, &snapshot, (&body.0, Some(key), language)).await? else {
        let detail = "We have written to the address that you gave. Please follow the link in that letter.";
        return Ok(HttpResponse::Accepted().insert_header(NO_STORE).json(Accepted { detail }));
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, letters::path(&snapshot.agenda, &receipt.reference)))
        .insert_header(NO_STORE)
        .json(RegistrationReceipt {
            links: links(&desk, &snapshot, &receipt),
            reference: receipt.reference,
            status: receipt.state,
            position: receipt.position,
            category: receipt.category,
        }))
}

/// Takes a person in by what they sent; `language` is theirs if they name none. Answers nothing where a letter to the
/// address says the rest, whoever it was.
///
/// # Errors
/// They are refused: each fault of the form is named.
pub async fn take_in(
    request: &HttpRequest,
    desk: &Desk,
    snapshot: &Arc<Snapshot>,
    (sent, key, language): (&serde_json::Value, Option<IdempotencyKey>, &LanguageTag),
) -> Result<Option<Receipt>, Problem> {
    let begun = tokio::time::Instant::now();
    desk.limit.check(request)?;
    let form = read_form(desk, snapshot, sent).await?;
    if form.invitation.is_some() {
        desk.code_limit.check(request)?;
    }
    let application = Application::of_public(form, language.clone());
    let taken = match key.filter(IdempotencyKey::is_given) {
        Some(key) => desk.queue.register_once(snapshot, application, (key, sent.clone())).await?,
        None => desk.queue.register(snapshot, application).await?,
    };
    desk.wake.wake();
    if taken.is_uniform && matches!(taken.outcome, Ok(_) | Err(RegistrationError::AlreadyRegistered)) {
        // Nor does the time tell it: a new address costs a few writes more.
        let beats = begun.elapsed().as_millis() / UNIFORM_BEAT.as_millis() + 1;
        tokio::time::sleep_until(begun + UNIFORM_BEAT * u32::try_from(beats).unwrap_or(1)).await;
        return Ok(None);
    }
    Ok(Some(taken.outcome?))
}

/// Reads the form of a person, with every fault at once: what the conference has to say, too, where the form cannot be
/// read.
///
/// # Errors
/// The form is wrong.
pub async fn read_form(desk: &Desk, snapshot: &Arc<Snapshot>, sent: &serde_json::Value) -> Result<Form, Problem> {
    let found = match faults::read::<Form>(sent.clone()) {
        Ok(form) if crate::mail::is_deliverable(form.email.as_str()) => return Ok(form),
        Ok(_) => {
            let mut found = Faults::default();
            found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
            found
        }
        Err(found) => found,
    };
    let (seen, sent) = (Arc::clone(snapshot), sent.clone());
    let of_conference = desk
        .database
        .read(move |tx| {
            let standing = actions::form(tx, &seen.place)?;
            let questions = standing.questions()?;
            Ok::<_, RegistrationError>(conference_faults(&sent, &standing, &questions, &seen.agenda).0)
        })
        .await?;
    Err(Faults(found.0.into_iter().chain(of_conference.0).collect()).into())
}

/// The query of a registration: the attendee's token may stand in it.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// The token of the attendee's link, unless `Authorization` carries it.
    #[deserr(default)]
    pub token: Option<String>,
}

/// Reads a registration: its attendee's with the link's token, any with a registrar's. A browser gets a page.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "The registration", body = RegistrationView),
        (status = 303, description = "For a browser with the link's token: its page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_registration(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    if page::is_wanted(&request) {
        return page::lead(&request, &desk, &snapshot, &format!("/registrations/{reference}"));
    }
    let credentials = credentials.with_link(query.0.token);
    let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
    let (shown, own, history) = desk
        .database
        .read(move |tx| {
            let (shown, actor) = actions::find(tx, &place, &reference, &credentials, &secret, "read_registration")?;
            let history = actions::history(tx, &shown.registration)?;
            Ok::<_, RegistrationError>((shown, actor == Actor::attendee(), history))
        })
        .await?;
    let view = registration_view(&desk, &snapshot, &shown, own, history);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).insert_header((header::VARY, "Accept")).json(view))
}

/// Reads the programme as those who have a confirmed registration may see it.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/programme",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        LinkQuery
    ),
    responses((status = 200, description = "The programme for attendees", body = ProgrammeView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_attendee_programme(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let (token, mut query) = query.0.split();
    let credentials = credentials.with_link(token);
    let snapshot = desk.programmes.get_for_attendees(&slug).ok_or(RegistrationError::NoConference)?;
    let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
    desk.database
        .read(move |tx| actions::find_confirmed(tx, &place, &reference, &credentials, &secret).map(|_| ()))
        .await?;
    let language = negotiate::choose(&request, query.lang.as_deref(), &snapshot.agenda.conference.languages)?;
    query.check(&snapshot)?;
    let mut response = HttpResponse::Ok();
    if let Some(tag) = language.tag() {
        response.insert_header((header::CONTENT_LANGUAGE, tag.as_str().to_owned()));
    }
    Ok(response
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .json(View::new(&snapshot, &language).programme(&query)))
}

/// Nothing is asked.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Nothing {}

/// Why, where there is something to say: the letter quotes it.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = CancellationReason)]
pub struct Reason {
    /// The reason, as the person reads it.
    #[deserr(default)]
    #[schema(required = false)]
    pub reason: Option<Prose<2000>>,
}

impl Reason {
    /// The words.
    pub fn words(self) -> Option<String> {
        self.reason.map(|reason| reason.as_str().to_owned())
    }
}

/// Does one thing with a registration and answers it as it stands then.
pub async fn act(
    desk: &Desk,
    credentials: Credentials,
    (CodePath(slug), reference): (CodePath, String),
    name: &'static str,
    work: impl Fn(&mut Connection, Errand<'_>, &str) -> Result<Shown, RegistrationError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&slug)?;
    let (shown, own, history) = desk
        .write(name, &snapshot, credentials, move |tx, errand| {
            let shown = work(tx, errand, &reference)?;
            let own = actions::is_own(&shown.registration, errand.credentials, errand.secret);
            let history = actions::history(tx, &shown.registration)?;
            Ok((shown, own, history))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(registration_view(desk, &snapshot, &shown, own, history)))
}

/// Cancels a registration; a seat that it held goes to the first who waits for it.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/{reference}/cancel",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body = Reason,
    responses(
        (status = 200, description = "The registration, cancelled", body = RegistrationView),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn cancel_registration(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Json(reason): Json<Reason>,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    act(&desk, credentials, path.into_inner(), "cancel a registration", move |tx, errand, reference| {
        actions::cancel(tx, errand, reference, reason.clone().words())
    })
    .await
}

/// A thing that is done with a registration, and that needs no more words than its path.
macro_rules! one_word_act {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $action:ident, $label:literal, $done:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "registration",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("reference" = String, Path, description = "The registration's reference"),
                TokenQuery
            ),
            request_body = Nothing,
            responses(
                (status = 200, description = $done, body = RegistrationView),
                AnyProblem
            ),
            security(("bearer" = []), ("link" = []))
        )]
        pub async fn $name(
            desk: web::Data<Desk>,
            credentials: Credentials,
            path: web::Path<(CodePath, String)>,
            query: Query<TokenQuery>,
            Json(Nothing {}): Json<Nothing>,
        ) -> Result<HttpResponse, Problem> {
            let credentials = credentials.with_link(query.0.token);
            act(&desk, credentials, path.into_inner(), $label, actions::$action).await
        }
    };
}

one_word_act! {
    /// Says that the address is theirs who have the link in the letter to it.
    post "/api/v1/conferences/{conference}/registrations/{reference}/verify" => verify_registration,
    verify, "verify an address", "The registration, as it stands now"
}
one_word_act! {
    /// Takes the offer of a seat.
    post "/api/v1/conferences/{conference}/registrations/{reference}/accept" => accept_registration,
    accept, "accept an offer", "The registration, confirmed"
}
one_word_act! {
    /// Gives one who waits a seat out of turn, where there is one.
    post "/api/v1/conferences/{conference}/registrations/{reference}/promote" => promote_registration,
    promote, "promote a registration", "The registration, confirmed"
}
one_word_act! {
    /// Sends the link to a registration again.
    post "/api/v1/conferences/{conference}/registrations/{reference}/resend" => resend_registration_link,
    resend, "send a link again", "The registration; the letter is on its way"
}
one_word_act! {
    /// Makes every earlier link to a registration void and sends a new one.
    post "/api/v1/conferences/{conference}/registrations/{reference}/renew-link" => renew_registration_link,
    renew_link, "renew a link", "The registration; the letter is on its way"
}

/// Every session that one wants to be in.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ChosenSessions {
    /// Their codes; none leaves all of them.
    pub sessions: Vec<Code>,
}

/// Chooses the sessions that a registration is signed up for: all of them.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/registrations/{reference}/sessions",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body = ChosenSessions,
    responses(
        (status = 200, description = "The registration with its sessions", body = RegistrationView),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn choose_sessions(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Json(chosen): Json<ChosenSessions>,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    act(&desk, credentials, path.into_inner(), "choose sessions", move |tx, errand, reference| {
        actions::choose_sessions(tx, errand, reference, &chosen.sessions)
    })
    .await
}

/// A registration as its attendee and registrars see it; links are its attendee's alone.
pub fn registration_view(
    desk: &Desk,
    snapshot: &Snapshot,
    shown: &Shown,
    own: bool,
    history: Vec<HistoryEntry>,
) -> RegistrationView {
    let registration = shown.registration.clone();
    let languages = &snapshot.agenda.conference.languages;
    let told = |entry: &HistoryEntry, what: &str| {
        let detail = entry.detail.as_ref().and_then(|detail| detail.get(what));
        detail.and_then(|said| said.as_str().map(str::to_owned))
    };
    let session = |sign_up: &SignUp| {
        let found = snapshot.agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
        found.map(|session| SessionSeat { session: session.code.clone(), status: sign_up.state.clone() })
    };
    RegistrationView {
        links: own.then(|| links(desk, snapshot, &Receipt::of(&registration, shown.position, &shown.category))),
        category_name: shown.category_name.text(&registration.language, languages).to_owned(),
        status: registration.state,
        position: shown.position,
        category: shown.category.clone(),
        sessions: shown.sign_ups.iter().filter_map(session).collect(),
        reference: registration.reference,
        honorific: registration.honorific,
        given_name: registration.given_name,
        family_name: registration.family_name,
        email: registration.email,
        organisation: registration.organisation,
        position_title: registration.position,
        country: registration.country,
        language: registration.language,
        phone: registration.phone,
        accessibility_needs: registration.accessibility_needs,
        dietary_needs: registration.dietary_needs,
        birth_date: registration.birth_date.map(|date| date.to_string()),
        answers: registration.answers,
        expires_at: registration.expires_at.map(clock::wire),
        offer_expires_at: registration.offer_expires_at.map(clock::wire),
        consented_at: clock::wire(registration.consented_at),
        created_at: clock::wire(registration.created_at),
        updated_at: clock::wire(registration.updated_at),
        history: history
            .iter()
            .map(|entry| HistoryLine {
                at: clock::wire(entry.at),
                event: entry.event,
                status: entry.state,
                reason: told(entry, "reason"),
                merged_into: (!own).then(|| told(entry, "merged_into")).flatten(),
                actor: (!own).then(|| entry.actor.clone()),
            })
            .collect(),
    }
}
