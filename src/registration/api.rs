//! `/api/v1/conferences/{conference}/registrations`.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::ToSchema;

use super::{
    RegistrationError,
    actions::{self, RegistrationDetails},
    context::RequestContext,
    letters,
    model::Form,
    service::{NeedsInvitation, RegistrationService},
    submission::{FormOutcome, submit_form},
    uniform_answer::Accepted,
    views::{RegistrationReceipt, RegistrationView, links, registration_view},
};
use crate::{
    access::{Actor, Credentials, Operation},
    database::Connection,
    http::{
        CodePath, Json, NO_STORE, Problem, Query,
        extract::{EmptyObject, RawJson, TokenQuery},
        idempotency::IdempotencyKey,
        problem::AnyProblem,
    },
    programme::{
        filter::LinkQuery,
        negotiate,
        views::{ProgrammeView, ViewBuilder},
    },
    validation::ValidationErrors,
    values::{Code, Prose},
};

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
