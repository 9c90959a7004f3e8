//! `/api/v1/conferences/{conference}/registrations`.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    RegistrationError,
    actions::{self, RegistrationDetails},
    admission::{Application, Receipt, check_against_conference, check_person_fields},
    commit_queue::RegisterOutcome,
    context::RequestContext,
    field_structs::{view, view_struct},
    field_values,
    fields::personal_fields,
    form::Answers,
    letters,
    model::{ConsentGiven, Event, Form, HistoryEntry, RegistrationStatus},
    service::{NeedsInvitation, RegistrationService},
    session_seats::{SignUp, SignUpState},
};
use crate::{
    access::{Actor, Credentials, Operation},
    clock,
    database::Connection,
    http::{
        CodePath, Json, NO_STORE, Problem, Query,
        extract::{EmptyObject, RawJson, TokenQuery},
        idempotency::IdempotencyKey,
        problem::AnyProblem,
    },
    programme::{
        Snapshot,
        filter::LinkQuery,
        negotiate,
        views::{ProgrammeView, ViewBuilder},
    },
    validation::ValidationErrors,
    values::{Code, LanguageTag, Localised, Prose},
};

/// Answers that must not be told apart are sent at a multiple of this time after the request arrived, so that the time
/// of the answer does not say whether an address was known: a known one costs a few writes more, or fewer.
const RESPONSE_QUANTUM: Duration = Duration::from_millis(50);

/// The arrival of a request whose answer must not say whether an address was known. Only [`Arrival::quantised`] makes
/// the proof that [`Accepted`] and a page in its place need, so that no such answer is sent at its own time.
#[derive(Debug, Clone, Copy)]
pub struct Arrival(tokio::time::Instant);

/// Proof that the answer waited for the next multiple of [`RESPONSE_QUANTUM`].
#[derive(Debug)]
pub struct Quantised(());

impl Arrival {
    pub fn now() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Waits until the answer may be sent.
    pub async fn quantised(self) -> Quantised {
        tokio::time::sleep_until(self.0 + answer_time(self.0.elapsed())).await;
        Quantised(())
    }
}

/// The time after the arrival at which an answer is sent that was ready after `elapsed`.
fn answer_time(elapsed: Duration) -> Duration {
    let quanta = elapsed.as_millis() / RESPONSE_QUANTUM.as_millis() + 1;
    RESPONSE_QUANTUM * u32::try_from(quanta).unwrap_or(1)
}

/// Links for one registration. They are absolute and hold the attendee's token: keep them secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The registration itself; a GET changes nothing.
    #[serde(rename = "self")]
    pub own: String,
    /// POST here to cancel the registration.
    pub cancel: String,
    /// POST here to verify the address; null unless the status is `unverified`.
    pub verify: Option<String>,
    /// POST here to accept the offer of a seat; null unless there is one.
    pub accept: Option<String>,
    /// PUT here to choose sessions.
    pub sessions: String,
    /// GET the programme for attendees here; null unless the status is `confirmed`.
    pub programme: Option<String>,
}

/// The answer to a new registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationReceipt {
    /// Reference of the registration, such as `GP-7K3M9Q2X`.
    pub reference: String,
    /// Status of the registration.
    pub status: RegistrationStatus,
    /// Place on the waiting list of the category, from 1; null unless the registration waits for a seat.
    pub position: Option<i64>,
    /// Code of the category.
    pub category: Code,
    /// Links for the attendee.
    pub links: Links,
}

personal_fields! { view_struct {
    /// A registration. A field that was not given is null.
    #[derive(Debug, Serialize, ToSchema)]
    #[schema(as = Registration)]
    pub struct RegistrationView {
        /// Reference of the registration, such as `GP-7K3M9Q2X`.
        pub reference: String,
        /// Status of the registration.
        pub status: RegistrationStatus,
        /// Place on the waiting list of the category, from 1; null unless the registration waits for a seat.
        pub position: Option<i64>,
        /// Code of the category.
        pub category: Code,
        /// Name of the category, in the language of the registration.
        pub category_name: String,
        /// The name as one text, without the honorific: `name`, or given and family name.
        pub full_name: String,
    } then {
        /// Answers to the conference's own questions, by the code of the question.
        #[schema(value_type = Object)]
        pub answers: Answers,
        /// The whole line with which letters greet the person, by language, where registrars have set it; null
        /// otherwise.
        pub salutation: Option<Localised>,
        /// Sessions for which the person is signed up.
        pub sessions: Vec<SessionSeat>,
        /// Time until which the address must be verified (RFC 3339, UTC); null unless the status is `unverified`.
        pub expires_at: Option<String>,
        /// Time until which an offered seat is held (RFC 3339, UTC); null unless there is an offer.
        pub offer_expires_at: Option<String>,
        /// Time of the consent to the storage of the data, or of its recording (RFC 3339, UTC).
        pub consented_at: String,
        /// How the person consented.
        pub consent_given: ConsentGiven,
        /// Who recorded the consent: `focal point` or the label of a token; null if the person filled in the form, and
        /// in the answers to the attendee.
        pub consent_recorded_by: Option<String>,
        /// Version of the privacy notice to which the person consented; null if there was none, or if nobody knows.
        pub privacy_notice_version: Option<i32>,
        /// Time of registration (RFC 3339, UTC).
        pub created_at: String,
        /// Time of the last change (RFC 3339, UTC).
        pub updated_at: String,
        /// Time at which what was entered was removed, because the address was not verified in time (RFC 3339, UTC);
        /// null otherwise. From then on the name is empty, and the address null.
        pub erased_at: Option<String>,
        /// What has happened to the registration, the oldest event first.
        pub history: Vec<HistoryLine>,
        /// Links for the attendee; null in the answers to registrars.
        pub links: Option<Links>,
    }
} }

/// A session for which a person is signed up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSeat {
    /// Code of the session.
    pub session: Code,
    /// `confirmed` (has a seat), `waitlisted` (waits for a seat), or `wished` until the registration is confirmed.
    pub status: SignUpState,
}

/// An event in the history of a registration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryLine {
    /// Time of the event (RFC 3339, UTC).
    pub at: String,
    /// What happened.
    pub event: Event,
    /// Status of the registration after the event.
    pub status: RegistrationStatus,
    /// Reason that was given for the event; null if none was given.
    pub reason: Option<String>,
    /// Reference of the registration into which this one was merged; null for other events, and in the answers to the
    /// attendee.
    pub merged_into: Option<String>,
    /// Who caused the event: `attendee`, `focal point`, `service`, `command line`, or the label of a token; null in the
    /// answers to the attendee.
    pub actor: Option<String>,
}

fn links(service: &RegistrationService, snapshot: &Snapshot, receipt: &Receipt) -> Links {
    let token = service.secret.link_token(receipt.id, receipt.token_generation);
    let url = format!("{}{}", service.public_url, letters::registration_path(&snapshot.agenda, &receipt.reference));
    let link_to = |action: &str| format!("{url}/{action}?token={token}");
    Links {
        own: format!("{url}?token={token}"),
        cancel: link_to("cancel"),
        verify: (receipt.state == RegistrationStatus::Unverified).then(|| link_to("verify")),
        accept: receipt.has_offer.then(|| link_to("accept")),
        sessions: link_to("sessions"),
        programme: (receipt.state == RegistrationStatus::Confirmed).then(|| link_to("programme")),
    }
}

/// An answer that is the same for every address, so that nobody learns whether an address is registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// What happens next, as an English sentence for the person.
    detail: &'static str,
}

impl Accepted {
    /// The answer with this sentence, after its wait.
    pub fn answer(detail: &'static str, _: Quantised) -> HttpResponse {
        HttpResponse::Accepted().insert_header(NO_STORE).json(Self { detail })
    }
}

/// What became of a form that was not refused.
pub enum FormOutcome {
    Registered(Receipt),
    /// A letter to the address says what became of it.
    Undisclosed(Quantised),
}

/// Registers one person.
///
/// If a category of the conference verifies addresses, an accepted form is always answered with 202, whether or not the
/// address is registered already; the letter to the address says what to do next.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = Form,
    responses(
        (status = 201, description = "The new registration", body = RegistrationReceipt),
        (status = 202, description = "Accepted; a letter to the address says what to do next", body = Accepted),
        AnyProblem
    )
)]
pub async fn register(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: RawJson,
) -> Result<HttpResponse, Problem> {
    if request.extensions().get::<NeedsInvitation>().is_some() {
        let code = body.0.get("invitation").and_then(serde_json::Value::as_str).map(str::to_owned);
        if !service.is_invited(&request, &path.0, code).await? {
            return Err(RegistrationError::NoConference.into());
        }
    }
    let snapshot = service.conference(&path.0).await?;
    let languages = &snapshot.agenda.conference.languages;
    let language = negotiate::choose(&request, None, languages)?;
    let Some(language) = language.tag() else {
        return Err(Problem::unexpected("a conference without a language"));
    };
    let outcome = submit_form(&request, &service, &snapshot, &body.0, Some(key), language).await?;
    let receipt = match outcome {
        FormOutcome::Registered(receipt) => receipt,
        FormOutcome::Undisclosed(quantised) => {
            let detail = "We have written to the address that you gave. Please follow the link in that letter.";
            return Ok(Accepted::answer(detail, quantised));
        }
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, letters::registration_path(&snapshot.agenda, &receipt.reference)))
        .insert_header(NO_STORE)
        .json(RegistrationReceipt {
            links: links(&service, &snapshot, &receipt),
            reference: receipt.reference,
            status: receipt.state,
            position: receipt.position,
            category: receipt.category,
        }))
}

/// Registers the person who sent the form; `language` is the language of letters if the form names none.
///
/// # Errors
/// The registration is refused; validation errors name every field that is wrong.
pub async fn submit_form(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    body: &serde_json::Value,
    key: Option<IdempotencyKey>,
    language: &LanguageTag,
) -> Result<FormOutcome, Problem> {
    let arrival = Arrival::now();
    service.registration_limit.check(request)?;
    let form = read_form(service, snapshot, body).await?;
    if form.invitation.is_some() {
        service.code_limit.check(request)?;
    }
    let application = Application::from_public_form(form, language);
    let outcome = match key.filter(IdempotencyKey::is_given) {
        Some(key) => service.queue.register_once(snapshot, application, key, body.clone()).await,
        None => service.queue.register(snapshot, application).await,
    };
    service.wake.wake();
    Ok(match outcome? {
        RegisterOutcome::Registered(receipt) => FormOutcome::Registered(receipt),
        RegisterOutcome::Undisclosed => FormOutcome::Undisclosed(arrival.quantised().await),
    })
}

/// Reads a registration form and reports all validation errors at once: those of the conference's own rules too, even
/// where the form itself cannot be read.
///
/// # Errors
/// The validation errors of the form.
pub async fn read_form(
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    body: &serde_json::Value,
) -> Result<Form, Problem> {
    let form_errors = match field_values::read_form::<Form>(body.clone()) {
        Ok(form) if crate::mail::is_deliverable(form.email.as_str()) => return Ok(form),
        Ok(_) => {
            let mut errors = ValidationErrors::default();
            errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
            errors
        }
        Err(errors) => errors,
    };
    let (snapshot, body) = (Arc::clone(snapshot), body.clone());
    let conference_errors = service
        .database
        .read(move |tx| {
            let setup_state = super::setup::state::get_setup_state(tx, snapshot.conference.id)?;
            let questions = setup_state.questions()?;
            let mut errors = check_against_conference(&body, &setup_state, &questions, &snapshot.agenda).0;
            check_person_fields(&body, &setup_state, &mut errors);
            Ok::<_, RegistrationError>(errors)
        })
        .await?;
    Err(ValidationErrors(form_errors.0.into_iter().chain(conference_errors.0).collect()).into())
}

/// Reads a registration.
///
/// Attendees read their own with the token of their link, registrars any. A browser that asks for HTML is redirected to
/// the registration's page.
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
        (status = 303, description = "For a browser: redirect to the page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_registration(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    if crate::http::prefers_html(&request) {
        return super::html_redirect::redirect(&request, &service, &snapshot, &format!("/registrations/{reference}"));
    }
    let credentials = credentials.with_link(query.0.token);
    let (conference, secret) = (snapshot.conference.clone(), service.secret.clone());
    let (details, is_attendee, history) = service
        .database
        .read(move |tx| {
            let (details, actor) =
                actions::find_details(tx, &conference, &reference, &credentials, &secret, Operation::ReadRegistration)?;
            let history = actions::history(tx, &details.registration)?;
            Ok::<_, RegistrationError>((details, actor == Actor::attendee(), history))
        })
        .await?;
    let view = registration_view(&service, &snapshot, &details, is_attendee, history);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).insert_header((header::VARY, "Accept")).json(view))
}

/// Reads the programme with what only attendees with a confirmed registration may see.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let (token, mut query) = query.0.split();
    let credentials = credentials.with_link(token);
    let snapshot = service.programmes.get_for_attendees(&slug).ok_or(RegistrationError::NothingReleased)?;
    let (conference, secret) = (snapshot.conference.clone(), service.secret.clone());
    service
        .database
        .read(move |tx| actions::find_confirmed(tx, &conference, &reference, &credentials, &secret).map(|_| ()))
        .await?;
    let language = negotiate::choose(&request, query.lang.as_deref(), &snapshot.agenda.conference.languages)?;
    query.check(&snapshot)?;
    let mut response = HttpResponse::Ok();
    if let Some(tag) = language.tag() {
        response.insert_header((header::CONTENT_LANGUAGE, tag.as_str().to_owned()));
    }
    Ok(response
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .json(ViewBuilder::new(&snapshot, &language).programme(&query)))
}

/// A reason that the letter to the person quotes.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = CancellationReason)]
pub struct Reason {
    /// The reason, as the letter to the person quotes it; at most 2,000 characters. The letter gives no reason if left
    /// out.
    #[deserr(default)]
    #[schema(required = false)]
    pub reason: Option<Prose<2000>>,
}

impl Reason {
    pub fn into_text(self) -> Option<String> {
        self.reason.map(|reason| reason.as_str().to_owned())
    }
}

/// Changes one registration by `work` and answers it as it is after the change.
pub async fn change_and_answer(
    service: &RegistrationService,
    credentials: Credentials,
    (CodePath(slug), reference): (CodePath, String),
    name: &'static str,
    work: impl Fn(&mut Connection, RequestContext<'_>, &str) -> Result<RegistrationDetails, RegistrationError>
    + Send
    + 'static,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&slug).await?;
    let (details, is_attendee, history) = service
        .write(name, &snapshot, credentials, move |tx, context| {
            let details = work(tx, context, &reference)?;
            let is_attendee = actions::has_own_link(&details.registration, context.credentials, context.secret);
            let history = actions::history(tx, &details.registration)?;
            Ok::<_, RegistrationError>((details, is_attendee, history))
        })
        .await?;
    let view = registration_view(service, &snapshot, &details, is_attendee, history);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Cancels a registration; if it had a seat, the seat goes to the first on the waiting list.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Json(reason): Json<Reason>,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    change_and_answer(
        &service,
        credentials,
        path.into_inner(),
        "cancel a registration",
        move |tx, context, reference| actions::cancel(tx, context, reference, reason.clone().into_text()),
    )
    .await
}

/// A handler that takes no body and calls one action on a registration.
macro_rules! action_without_body {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $action:ident, $label:literal, $description:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "registration",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("reference" = String, Path, description = "The registration's reference"),
                TokenQuery
            ),
            request_body = EmptyObject,
            responses(
                (status = 200, description = $description, body = RegistrationView),
                AnyProblem
            ),
            security(("bearer" = []), ("link" = []))
        )]
        pub async fn $name(
            service: web::Data<RegistrationService>,
            credentials: Credentials,
            path: web::Path<(CodePath, String)>,
            query: Query<TokenQuery>,
            Json(EmptyObject {}): Json<EmptyObject>,
        ) -> Result<HttpResponse, Problem> {
            let credentials = credentials.with_link(query.0.token);
            change_and_answer(&service, credentials, path.into_inner(), $label, actions::$action).await
        }
    };
}

action_without_body! {
    /// Verifies the e-mail address of a registration, with the token of the link that was sent to it.
    post "/api/v1/conferences/{conference}/registrations/{reference}/verify" => verify_registration,
    verify, "verify an address", "The registration, verified"
}
action_without_body! {
    /// Accepts the offer of a seat.
    post "/api/v1/conferences/{conference}/registrations/{reference}/accept" => accept_registration,
    accept, "accept an offer", "The registration, confirmed"
}
action_without_body! {
    /// Gives a registration on the waiting list a free seat, out of turn.
    post "/api/v1/conferences/{conference}/registrations/{reference}/promote" => promote_registration,
    promote, "promote a registration", "The registration, confirmed"
}
action_without_body! {
    /// Sends the link to a registration again.
    post "/api/v1/conferences/{conference}/registrations/{reference}/resend" => resend_registration_link,
    resend, "send a link again", "The registration; a letter is sent"
}
action_without_body! {
    /// Makes every earlier link to a registration void and sends a new one.
    post "/api/v1/conferences/{conference}/registrations/{reference}/renew-link" => renew_registration_link,
    renew_link, "renew a link", "The registration; a letter is sent"
}

/// The sessions that an attendee chooses.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct ChosenSessions {
    /// Codes of all sessions that the attendee wants to attend; an empty list gives up every session.
    pub sessions: Vec<Code>,
}

/// Sets the sessions for which a registration is signed up, in place of the earlier choice.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Json(chosen): Json<ChosenSessions>,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    change_and_answer(&service, credentials, path.into_inner(), "choose sessions", move |tx, context, reference| {
        actions::choose_sessions(tx, context, reference, &chosen.sessions)
    })
    .await
}

/// The registration as the API shows it: with links for its attendee, with actors and merges for registrars.
pub fn registration_view(
    service: &RegistrationService,
    snapshot: &Snapshot,
    details: &RegistrationDetails,
    is_attendee: bool,
    history: Vec<HistoryEntry>,
) -> RegistrationView {
    let registration = details.registration.clone();
    let languages = &snapshot.agenda.conference.languages;
    let detail = |entry: &HistoryEntry, key: &str| {
        let value = entry.detail.as_ref().and_then(|detail| detail.get(key));
        value.and_then(|value| value.as_str().map(str::to_owned))
    };
    let session_seat = |sign_up: &SignUp| {
        let session = snapshot.agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
        session.map(|session| SessionSeat { session: session.code.clone(), status: sign_up.state })
    };
    let receipt = Receipt::of(&registration, details.position, &details.category);
    personal_fields! { view { RegistrationView {
        links: is_attendee.then(|| links(service, snapshot, &receipt)),
        category_name: details.category_name.text(&registration.person.language, languages).to_owned(),
        full_name: registration.person.person_name().full(),
        status: registration.state,
        position: details.position,
        category: details.category.clone(),
        sessions: details.sign_ups.iter().filter_map(session_seat).collect(),
        reference: registration.reference,
        answers: registration.answers,
        salutation: registration.salutation,
        expires_at: registration.expires_at.map(clock::wire),
        offer_expires_at: registration.offer_expires_at.map(clock::wire),
        consented_at: clock::wire(registration.consented_at),
        consent_given: registration.consent.given,
        consent_recorded_by: registration.consent.recorded_by.filter(|_| !is_attendee),
        privacy_notice_version: registration.privacy_notice_version,
        created_at: clock::wire(registration.created_at),
        updated_at: clock::wire(registration.updated_at),
        erased_at: registration.erased_at.map(clock::wire),
        history: history
            .iter()
            .map(|entry| HistoryLine {
                at: clock::wire(entry.at),
                event: entry.event,
                status: entry.state,
                reason: detail(entry, "reason"),
                merged_into: (!is_attendee).then(|| detail(entry, "merged_into")).flatten(),
                actor: (!is_attendee).then(|| entry.actor.clone()),
            })
            .collect(),
    } of registration.person } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_take_a_little_more_or_less_are_sent_at_the_same_time() {
        let sent_at = |micros| answer_time(Duration::from_micros(micros));
        assert_eq!([0, 1_850, 2_100, 49_999].map(sent_at), [RESPONSE_QUANTUM; 4]);
        assert_eq!([50_000, 99_000].map(sent_at), [2 * RESPONSE_QUANTUM; 2]);
    }
}
