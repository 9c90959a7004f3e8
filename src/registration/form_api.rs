//! `GET /api/v1/conferences/{conference}/registration-form`: all that a frontend needs to show the form.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::form::{
    question::{Condition, Question, QuestionKind},
    schema,
};
use crate::{
    agenda::{
        document::{Session, SessionAccess},
        model::utc,
    },
    clock,
    database::Connection,
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    programme::{
        Snapshot,
        negotiate::{self, Language, ReaderText},
    },
    registration::{
        RegistrationError,
        actions::{self, FormState},
        model::{FIELDS, FormField},
        person_fields::{Presence, configurable_fields},
        service::RegistrationService,
        setup::state::CategoryState,
    },
    site_setup::PrivacyNotice,
    validation::ValidationErrors,
    values::{Code, Count, LanguageTag, Localised},
};

/// The query of the registration form.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FormQuery {
    /// Language of the answer, as a BCP 47 tag; `*` returns every text as a map from language to text. If left out,
    /// `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Code of a personal invitation or a shared access code. The form then also shows the category of the invitation
    /// if it is hidden.
    #[deserr(default)]
    pub invitation: Option<String>,
}

/// The registration form: fields, questions, categories, sessions and free seats.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationForm {
    /// Whether the organisers have set registration up: if not, nobody can register yet.
    pub enabled: bool,
    /// Whether at least one of these categories is open now.
    pub open: bool,
    /// Whether the conference is over: nobody can register or be confirmed any more. `false` if registration goes on
    /// after the end (`open_after_end` in the set-up).
    pub is_over: bool,
    /// Time at which registration opens (RFC 3339, UTC); null if it has no opening time.
    pub opens_at: Option<String>,
    /// Time at which registration closes (RFC 3339, UTC); null if it has no closing time.
    pub closes_at: Option<String>,
    /// Seats of the conference; null for no limit.
    pub seats: Option<i64>,
    /// Free seats of the conference; null for no limit.
    pub seats_left: Option<i64>,
    /// Categories that the reader may see.
    pub categories: Vec<FormCategory>,
    /// Languages that the field `language` accepts, as BCP 47 tags.
    pub languages: Vec<LanguageTag>,
    /// The fields that a POST to `registrations` accepts. What each category asks for is in its own `fields`.
    pub fields: &'static [FormField],
    /// The conference's own questions, in order. Their answers are sent in `answers`, by the code of the question.
    pub questions: Vec<FormQuestion>,
    /// Sessions that `sessions` accepts, in order: those that are not over. Sessions that overlap cannot be chosen
    /// together.
    pub sessions: Vec<FormSession>,
    /// Whether the answer to a registration is the same for every address, because a category verifies addresses.
    pub verifies_emails: bool,
    /// Privacy notice that people must be shown before they consent; null if the conference has none.
    pub privacy_notice: Option<FormPrivacyNotice>,
    /// Version of the questions; it grows with each change of the questions.
    pub version: i32,
}

/// The privacy notice in the registration form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormPrivacyNotice {
    /// Version of the notice, which the registration sends back in `privacy_notice_version`.
    pub version: i32,
    /// Text of the notice, in Markdown.
    pub text: ReaderText,
    /// Institution that is responsible for the personal data; null if the organisers did not say.
    pub controller: Option<ReaderText>,
}

/// A category in the registration form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormCategory {
    /// Code of the category.
    pub code: Code,
    /// Name of the category.
    pub name: ReaderText,
    /// Who registers in the category, and what they need for it; null if the organisers gave no description.
    pub description: Option<ReaderText>,
    /// Whether the category takes registrations now. It may be open without a free seat.
    pub open: bool,
    /// Time at which the category opens (RFC 3339, UTC); null if it has no opening time of its own.
    pub opens_at: Option<String>,
    /// Time at which the category closes (RFC 3339, UTC); null if it has no closing time of its own.
    pub closes_at: Option<String>,
    /// Seats of the category; null for no limit of its own.
    pub seats: Option<i64>,
    /// Seats that are free for new registrations, by the limits of the category and of the conference; null for no
    /// limit.
    pub seats_left: Option<i64>,
    /// Whether registrations go on a waiting list when no seat is free.
    pub waiting_list: bool,
    /// Whether the organisers decide about each registration.
    pub needs_approval: bool,
    /// Whether only people with an invitation can register.
    pub needs_invitation: bool,
    /// Whether the e-mail address must be verified.
    pub verifies_email: bool,
    /// What the form of the category asks about the person, in order: every field that the organisers can hide or
    /// require. The name and the address are always required.
    pub fields: Vec<CategoryField>,
}

/// A field about the person, as the form of a category asks for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryField {
    /// Name of the field in the request.
    pub name: &'static str,
    /// Whether the form asks for the field. A value for a hidden field is refused.
    pub presence: Presence,
    /// Help text of the organisers; null if there is none.
    pub help: Option<ReaderText>,
}

/// A question in the registration form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormQuestion {
    /// Code of the question: the key of its answer in `answers`.
    pub code: Code,
    /// Type of the answer.
    pub kind: QuestionKind,
    /// Text of the question.
    pub label: ReaderText,
    /// Help text; null if there is none.
    pub help: Option<ReaderText>,
    /// Whether everyone who is asked must answer.
    pub required: bool,
    /// Codes of the categories that are asked; empty for all.
    pub categories: Vec<Code>,
    /// The options to choose from; empty for questions without options.
    pub options: Vec<FormOption>,
    /// Condition under which the question is asked; null if it is always asked.
    pub shown_if: Option<Condition>,
    /// Highest number of characters of a text answer; null for other types.
    pub max_length: Option<u32>,
    /// Smallest number that is allowed; null for no limit.
    pub minimum: Option<i64>,
    /// Largest number that is allowed; null for no limit.
    pub maximum: Option<i64>,
}

/// An option of a question in the registration form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormOption {
    /// Code of the option: the value of the answer.
    pub code: Code,
    /// Text of the option.
    pub label: ReaderText,
}

/// A session in the registration form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormSession {
    /// Code of the session.
    pub code: Code,
    /// Title of the session.
    pub title: ReaderText,
    /// Start of the session (RFC 3339, with the offset of the conference's time zone).
    pub starts_at: String,
    /// End of the session (RFC 3339, with the offset of the conference's time zone).
    pub ends_at: String,
    /// Seats of the session; null for no limit.
    pub seats: Option<i64>,
    /// Free seats of the session; null for no limit.
    pub seats_left: Option<i64>,
}

/// Reads the registration form.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-form",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), FormQuery),
    responses(
        (status = 200, description = "The registration form", body = RegistrationForm),
        (status = 303, description = "For a browser with an invitation code: redirect to the page"),
        AnyProblem
    )
)]
pub async fn read_registration_form(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
    query: Query<FormQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    if query.0.invitation.is_some() && crate::http::prefers_html(&request) {
        return crate::registration::html_redirect::redirect(&request, &service, &snapshot, "/register");
    }
    let languages = snapshot.agenda.conference.languages.clone();
    let language = negotiate::choose(&request, query.0.lang.as_deref(), &languages)?;
    let mut state = read_form_state(&request, &service, &snapshot, query.0.invitation).await?;
    leave_out_hidden(&mut state);
    let form = form(&state, &snapshot, &language);
    answer_json(&request, &form, "application/json", &language)
}

/// Reads the registration form as a JSON Schema (draft 2020-12).
///
/// The schema describes the body of a POST to `registrations`, with the conditions under which questions are asked.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-form/schema",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), FormQuery),
    responses(
        (status = 200, description = "The JSON Schema", content_type = "application/schema+json", body = Object),
        AnyProblem
    )
)]
pub async fn read_registration_schema(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
    query: Query<FormQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let languages = snapshot.agenda.conference.languages.clone();
    let language = negotiate::choose(&request, query.0.lang.as_deref(), &languages)?;
    let mut state = read_form_state(&request, &service, &snapshot, query.0.invitation).await?;
    leave_out_hidden(&mut state);
    let sessions = sign_up_sessions(&state, &snapshot, clock::now());
    let sessions: Vec<_> = sessions.map(|session| session.code.clone()).collect();
    let tag = language.tag().or(languages.first()).map_or("en", LanguageTag::as_str);
    let rules: Vec<_> = visible_categories(&state)
        .map(|category| (category.code.clone(), state.setup_state.fields_of(category)))
        .collect();
    let document = schema::form_schema(&state.questions, &rules, &sessions, &languages, tag);
    answer_json(&request, &document, "application/schema+json", &language)
}

/// Reads the data of the form for a person with or without an invitation code.
///
/// # Errors
/// The code is not valid.
pub async fn read_form_state(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Snapshot,
    invitation: Option<String>,
) -> Result<FormState, Problem> {
    if invitation.is_some() {
        service.code_limit.check(request)?;
    }
    let (conference, secret) = (snapshot.conference.clone(), service.secret.clone());
    let read = move |tx: &mut Connection| actions::form_state(tx, &conference, &secret, invitation.as_deref());
    Ok(service.database.read(read).await.map_err(|error: RegistrationError| error)?)
}

fn answer_json(
    request: &HttpRequest,
    document: &impl Serialize,
    content_type: &'static str,
    language: &Language,
) -> Result<HttpResponse, Problem> {
    let representation = Representation {
        body: serde_json::to_vec(document).map_err(Problem::unexpected)?,
        content_type,
        language: language.tag().map(|tag| tag.as_str().to_owned()),
        modified: None,
        cache_control: "no-cache",
        vary: header::HeaderValue::from_static("Accept-Language"),
    };
    Ok(answer(request, representation))
}

/// The categories that this reader may see: hidden ones only with an invitation to them.
pub fn visible_categories(state: &FormState) -> impl Iterator<Item = &CategoryState> {
    state
        .setup_state
        .categories
        .iter()
        .filter(|category| !category.hidden || state.invited_category == Some(category.id))
}

/// Leaves out what would give hidden categories away: the questions that they alone are asked.
fn leave_out_hidden(state: &mut FormState) {
    let visible: Vec<Code> = visible_categories(state).map(|category| category.code.clone()).collect();
    state.questions.retain_mut(|question| {
        let is_for_all = question.categories.is_empty();
        question.categories.retain(|code| visible.contains(code));
        is_for_all || !question.categories.is_empty()
    });
}

/// The sessions that people can still sign up for.
fn sign_up_sessions<'a>(
    state: &'a FormState,
    snapshot: &'a Snapshot,
    now: DateTime<Utc>,
) -> impl Iterator<Item = &'a Session> {
    let sessions = snapshot.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp);
    sessions.filter(move |session| !state.setup_state.is_session_over(session, now))
}

/// The form in the reader's language.
pub fn form(state: &FormState, snapshot: &Snapshot, language: &Language) -> RegistrationForm {
    let (setup_state, now) = (&state.setup_state, clock::now());
    let languages = &snapshot.agenda.conference.languages;
    let zone = snapshot.agenda.conference.time_zone;
    let text = |text: &Localised| negotiate::text(text, language, languages);
    let free = |seats: Option<i64>, taken: i64| seats.map(|seats| (seats - taken).max(0));
    let wire = |instant: Option<DateTime<Utc>>| instant.map(clock::wire);
    let free_in_conference = free(setup_state.seats, setup_state.seats_taken);
    let category = |category: &CategoryState| FormCategory {
        code: category.code.clone(),
        name: text(&category.name),
        description: category.description.as_ref().map(text),
        open: setup_state.is_open(category, &snapshot.agenda, now),
        opens_at: wire(category.opens_at),
        closes_at: wire(category.closes_at),
        seats: category.seats,
        seats_left: [free(category.seats, category.seats_taken), free_in_conference].into_iter().flatten().min(),
        waiting_list: category.waiting_list,
        needs_approval: category.needs_approval,
        needs_invitation: category.needs_invitation,
        verifies_email: category.verifies_email,
        fields: configurable_fields()
            .map(|field| {
                let (name, rules) = (field.name, setup_state.fields_of(category));
                CategoryField { name, presence: rules.presence(name), help: rules.help(name).map(text) }
            })
            .collect(),
    };
    let question = |question: &Question| FormQuestion {
        code: question.code.clone(),
        kind: question.kind,
        label: text(&question.label),
        help: question.help.as_ref().map(text),
        required: question.required,
        categories: question.categories.clone(),
        options: question
            .options
            .iter()
            .map(|option| FormOption { code: option.code.clone(), label: text(&option.label) })
            .collect(),
        shown_if: question.shown_if.clone(),
        max_length: question.max_length.map(|Count(length)| length).or(question.kind.length_max()),
        minimum: question.minimum,
        maximum: question.maximum,
    };
    let notice = |PrivacyNotice { version, setup }: &PrivacyNotice| {
        let controller = setup.controller.as_ref().map(|controller| text(&controller.name));
        let version = *version;
        setup.privacy_notice.as_ref().map(|notice| FormPrivacyNotice { version, text: text(notice), controller })
    };
    let sessions = sign_up_sessions(state, snapshot, now).map(|session| {
        let quota = state.sessions.iter().find(|quota| Some(quota.id) == session.id);
        let seats = quota.map_or_else(|| session.seats.map(|Count(seats)| i64::from(seats)), |quota| quota.seats);
        let local = |time| zone.local(utc(time)).to_rfc3339();
        FormSession {
            code: session.code.clone(),
            title: text(&session.title),
            starts_at: local(session.starts_at),
            ends_at: local(session.ends_at),
            seats,
            seats_left: free(seats, quota.map_or(0, |quota| quota.seats_taken)),
        }
    });
    RegistrationForm {
        enabled: setup_state.enabled,
        open: visible_categories(state).any(|category| setup_state.is_open(category, &snapshot.agenda, now)),
        is_over: setup_state.is_over(&snapshot.agenda, now),
        opens_at: wire(setup_state.opens_at),
        closes_at: wire(setup_state.closes_at),
        seats: setup_state.seats,
        seats_left: free_in_conference,
        categories: visible_categories(state).map(category).collect(),
        languages: languages.clone(),
        fields: FIELDS,
        questions: state.questions.iter().map(question).collect(),
        sessions: sessions.collect(),
        verifies_emails: setup_state.verifies_emails(),
        privacy_notice: state.privacy_notice.as_ref().and_then(notice),
        version: setup_state.form_version,
    }
}
