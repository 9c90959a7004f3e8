//! `/api/v1/conferences/{conference}/registrations` and the form in front of it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    RegistrationError,
    actions::{self, Shown},
    letters,
    model::{self, Event, FIELDS, Form, FormField, State},
    page,
};
use crate::{
    access::{Credentials, RateLimit, ServerSecret},
    clock,
    database::Database,
    faults::{self, Faults},
    http::{CodePath, Json, Problem, Query, Representation, answer, extract::Body, problem::AnyProblem},
    mail::Wake,
    programme::{
        Programmes, Snapshot,
        filter::LinkQuery,
        negotiate::{self, ReaderText},
        view::View,
        views::ProgrammeView,
    },
    values::{Code, EmailAddress},
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
}

impl Desk {
    fn snapshot(&self, slug: &Code) -> Result<Arc<Snapshot>, RegistrationError> {
        self.programmes.get(slug).ok_or(RegistrationError::NoConference)
    }
}

/// Personal data: nobody keeps the answer.
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Where a registration is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The registration, with the attendee's token: a GET that changes nothing.
    #[serde(rename = "self")]
    pub own: String,
    /// Where a POST cancels it.
    pub cancel: String,
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
    /// When they consented.
    pub consented_at: String,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// What happened to it, the oldest first.
    pub history: Vec<HistoryEntry>,
    /// Where it is, for its attendee alone.
    pub links: Option<Links>,
}

/// A line of a registration's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// When.
    pub at: String,
    /// What happened.
    pub event: Event,
    /// Where it stood then.
    pub status: State,
}

fn links(desk: &Desk, snapshot: &Snapshot, shown: &Shown) -> Links {
    let registration = &shown.registration;
    let token = desk.secret.link_token(registration.id, registration.token_generation);
    let url = format!("{}{}", desk.public_url, letters::path(&snapshot.agenda, &registration.reference));
    let programme = (registration.state == State::Confirmed).then(|| format!("{url}/programme?token={token}"));
    Links { own: format!("{url}?token={token}"), cancel: format!("{url}/cancel?token={token}"), programme }
}

/// What the form is: the fields, the categories, what is open, what is left.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationForm {
    /// Whether registration is open now.
    pub open: bool,
    /// When it opens, if that is limited.
    pub opens_at: Option<String>,
    /// When it closes, if that is limited.
    pub closes_at: Option<String>,
    /// The seats of the conference; none: without limit.
    pub seats: Option<i64>,
    /// How many of them are left.
    pub seats_left: Option<i64>,
    /// The categories.
    pub categories: Vec<FormCategory>,
    /// The languages that `language` takes.
    pub languages: Vec<crate::values::LanguageTag>,
    /// The fields that a POST to `registrations` takes.
    pub fields: &'static [FormField],
}

/// A category in the form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormCategory {
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
    /// Whether it takes registrations now; when its seats are taken they go on the waiting list.
    pub open: bool,
    /// Its own seats; none: without limit of its own.
    pub seats: Option<i64>,
    /// How many a newcomer could have now, by every limit; none: without limit.
    pub seats_left: Option<i64>,
}

/// Reads what the registration form is.
#[utoipa::path(
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), LanguageQuery),
    responses((status = 200, description = "The form", body = RegistrationForm), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/registration-form")]
pub async fn read_registration_form(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    query: Query<LanguageQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let languages = snapshot.agenda.conference.languages.clone();
    let language = negotiate::choose(&request, query.0.lang.as_deref(), &languages)?;
    let place = snapshot.place.clone();
    let standing = desk.database.read(move |tx| actions::form(tx, &place)).await?;
    let open = model::is_open(clock::now(), standing.opens_at, standing.closes_at);
    let left = |seats: Option<i64>, taken: i64| seats.map(|seats| (seats - taken).max(0));
    let of_conference = left(standing.seats, standing.seats_taken);
    let categories = standing.categories.iter().map(|category| FormCategory {
        code: category.code.clone(),
        name: negotiate::text(&category.name, &language, &languages),
        open,
        seats: category.seats,
        seats_left: [left(category.seats, category.seats_taken), of_conference].into_iter().flatten().min(),
    });
    let form = RegistrationForm {
        open,
        opens_at: standing.opens_at.map(clock::wire),
        closes_at: standing.closes_at.map(clock::wire),
        seats: standing.seats,
        seats_left: of_conference,
        categories: categories.collect(),
        languages: languages.clone(),
        fields: FIELDS,
    };
    let representation = Representation {
        body: serde_json::to_vec(&form).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: language.tag().map(|tag| tag.as_str().to_owned()),
        modified: None,
        cache_control: "no-cache",
        vary: header::HeaderValue::from_static("Accept-Language"),
    };
    Ok(answer(&request, representation))
}

/// The query of an answer in a language.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LanguageQuery {
    /// The language of the answer; `*` answers maps with every language. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
}

/// Registers one person.
#[utoipa::path(
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = Form,
    responses(
        (status = 201, description = "The registration: confirmed, or on the waiting list", body = RegistrationReceipt),
        AnyProblem
    )
)]
#[post("/api/v1/conferences/{conference}/registrations")]
pub async fn register(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    desk.limit.check(&request)?;
    let snapshot = desk.snapshot(&path.0)?;
    let seen = Arc::clone(&snapshot);
    let form = match faults::read::<Form>(body.0.clone()) {
        Ok(form) => form,
        Err(found) => {
            let languages = snapshot.agenda.conference.languages.clone();
            let all = desk
                .database
                .read(move |tx| {
                    Ok::<_, RegistrationError>(actions::form_faults(
                        tx,
                        &seen.place,
                        &body.0,
                        found.clone(),
                        &languages,
                    )?)
                })
                .await?;
            return Err(all.into());
        }
    };
    if !crate::mail::is_deliverable(form.email.as_str()) {
        let mut found = Faults::default();
        found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
        return Err(found.into());
    }
    let languages = &snapshot.agenda.conference.languages;
    let language = negotiate::choose(&request, None, languages)?;
    let Some(language) = language.tag().cloned() else {
        return Err(Problem::unexpected("a conference without a language"));
    };
    let shown = desk
        .database
        .write("register", move |tx| actions::register(tx, &seen.place, &seen.agenda, &form, &language))
        .await?;
    desk.wake.wake();
    let receipt = RegistrationReceipt {
        reference: shown.registration.reference.clone(),
        status: shown.registration.state,
        position: shown.position,
        category: shown.category.clone(),
        links: links(&desk, &snapshot, &shown),
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, letters::path(&snapshot.agenda, &shown.registration.reference)))
        .insert_header(NO_STORE)
        .json(receipt))
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
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "The registration; for a browser, a page", content(
            (RegistrationView = "application/json"), (String = "text/html")
        )),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
#[get("/api/v1/conferences/{conference}/registrations/{reference}")]
pub async fn read_registration(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
    let (shown, own, history) = desk
        .database
        .read(move |tx| {
            let (shown, actor) = actions::find(tx, &place, &reference, &credentials, &secret, "read_registration")?;
            let history = actions::history(tx, &shown.registration)?;
            Ok::<_, RegistrationError>((shown, actor == crate::access::Actor::attendee(), history))
        })
        .await?;
    if own && page::is_wanted(&request) {
        let token = desk.secret.link_token(shown.registration.id, shown.registration.token_generation);
        let page = page::render(&snapshot.agenda, &shown, &token).map_err(Problem::unexpected)?;
        return Ok(HttpResponse::Ok()
            .insert_header(NO_STORE)
            .insert_header((header::VARY, "Accept"))
            .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(page));
    }
    let view = registration_view(&desk, &snapshot, &shown, own, history);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).insert_header((header::VARY, "Accept")).json(view))
}

/// Reads the programme as those who have a confirmed registration may see it.
#[utoipa::path(
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        LinkQuery
    ),
    responses((status = 200, description = "The programme for attendees", body = ProgrammeView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
#[get("/api/v1/conferences/{conference}/registrations/{reference}/programme")]
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

/// Nothing is asked of whoever cancels.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Nothing {}

/// Cancels a registration; a seat that it held goes to the first who waits for it.
#[utoipa::path(
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body = Nothing,
    responses(
        (status = 200, description = "The registration, cancelled", body = RegistrationView),
        (status = 303, description = "For a browser: back to the page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
#[post("/api/v1/conferences/{conference}/registrations/{reference}/cancel")]
pub async fn cancel_registration(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let own_reference = reference.clone();
    let snapshot = desk.snapshot(&slug.0)?;
    let (seen, secret) = (Arc::clone(&snapshot), desk.secret.clone());
    let cancelled = desk
        .database
        .write("cancel a registration", move |tx| {
            let shown = actions::cancel(tx, &seen.place, &seen.agenda, &reference, &credentials, &secret)?;
            let registration = &shown.registration;
            let own = credentials
                .attendee_token()
                .is_some_and(|token| secret.is_link_token(token, registration.id, registration.token_generation));
            let history = actions::history(tx, registration)?;
            Ok::<_, RegistrationError>((shown, own, history))
        })
        .await;
    desk.wake.wake();
    // A button that is pressed twice has done its work.
    let done = matches!(cancelled, Ok(_) | Err(RegistrationError::WrongState(_)));
    if done && page::is_wanted(&request) {
        let location = format!("../{own_reference}?{}", request.query_string());
        let back =
            HttpResponse::SeeOther().insert_header(NO_STORE).insert_header((header::LOCATION, location)).finish();
        return Ok(back);
    }
    let (shown, own, history) = cancelled?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(registration_view(&desk, &snapshot, &shown, own, history)))
}

fn registration_view(
    desk: &Desk,
    snapshot: &Snapshot,
    shown: &Shown,
    own: bool,
    history: Vec<(chrono::DateTime<chrono::Utc>, Event, State)>,
) -> RegistrationView {
    let registration = shown.registration.clone();
    let languages = &snapshot.agenda.conference.languages;
    RegistrationView {
        links: own.then(|| links(desk, snapshot, shown)),
        category_name: shown.category_name.text(&registration.language, languages).to_owned(),
        status: registration.state,
        position: shown.position,
        category: shown.category.clone(),
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
        consented_at: clock::wire(registration.consented_at),
        created_at: clock::wire(registration.created_at),
        updated_at: clock::wire(registration.updated_at),
        history: history
            .into_iter()
            .map(|(at, event, status)| HistoryEntry { at: clock::wire(at), event, status })
            .collect(),
    }
}
