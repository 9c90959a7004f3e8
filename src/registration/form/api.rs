//! `GET /api/v1/conferences/{conference}/registration-form`: all that a frontend needs to draw the form.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    question::{Condition, Question, QuestionKind},
    schema,
};
use crate::{
    agenda::document::SessionAccess,
    clock,
    faults::Faults,
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    programme::{
        Snapshot,
        negotiate::{self, Language, ReaderText},
    },
    registration::{
        RegistrationError,
        actions::{self, FormState},
        api::Desk,
        model::{FIELDS, FormField},
        page,
        setup::store::CategoryStanding,
    },
    values::{Code, Count, LanguageTag, Localised},
};

/// The query of the form.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FormQuery {
    /// The language of the answer; `*` answers maps with every language. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The code of an invitation, or an access code: the form shows its category, too, where that is hidden.
    #[deserr(default)]
    pub invitation: Option<String>,
}

/// What the form is: the fields, the questions, the categories, what is open, what is left.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationForm {
    /// Whether any category is open now.
    pub open: bool,
    /// When registration opens, if that is limited.
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
    pub languages: Vec<LanguageTag>,
    /// The fields that a POST to `registrations` takes.
    pub fields: &'static [FormField],
    /// The conference's own questions, in order: their answers go under `answers`, by code.
    pub questions: Vec<FormQuestion>,
    /// The sessions that `sessions` takes, in order. Of two that are on at once one can be chosen.
    pub sessions: Vec<FormSession>,
    /// Whether a registration is answered alike whoever it was, because addresses are verified.
    pub verifies_emails: bool,
    /// Which version of the questions this is.
    pub version: i32,
}

/// A category in the form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormCategory {
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
    /// Whether it takes registrations now; when its seats are taken they go on the waiting list, if it has one.
    pub open: bool,
    /// When it opens, if that is limited.
    pub opens_at: Option<String>,
    /// When it closes, if that is limited.
    pub closes_at: Option<String>,
    /// Its own seats; none: without limit of its own.
    pub seats: Option<i64>,
    /// How many a newcomer could have now, by every limit; none: without limit.
    pub seats_left: Option<i64>,
    /// Whether there is a waiting list when the seats are taken.
    pub waiting_list: bool,
    /// Whether the organisers decide about each registration.
    pub needs_approval: bool,
    /// Whether only who is invited may register.
    pub needs_invitation: bool,
    /// Whether the address must be verified.
    pub verifies_email: bool,
}

/// A question in the form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormQuestion {
    /// The key of its answer.
    pub code: Code,
    /// What goes in.
    pub kind: QuestionKind,
    /// What is asked.
    pub label: ReaderText,
    /// What helps to answer it.
    pub help: Option<ReaderText>,
    /// Whether it must be answered by whoever is asked.
    pub required: bool,
    /// The categories that are asked; none: all.
    pub categories: Vec<Code>,
    /// What can be chosen.
    pub options: Vec<FormOption>,
    /// On which earlier answer it depends whether it is asked.
    pub shown_if: Option<Condition>,
    /// The longest text, in characters.
    pub max_length: Option<u32>,
    /// The least number.
    pub minimum: Option<i64>,
    /// The largest number.
    pub maximum: Option<i64>,
}

/// An option in the form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormOption {
    /// What the answer says.
    pub code: Code,
    /// What people read.
    pub label: ReaderText,
}

/// A session in the form.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormSession {
    /// Its code.
    pub code: Code,
    /// Its title.
    pub title: ReaderText,
    /// When it starts.
    pub starts_at: String,
    /// When it ends.
    pub ends_at: String,
    /// Its seats; none: without limit.
    pub seats: Option<i64>,
    /// How many of them are left.
    pub seats_left: Option<i64>,
}

/// Reads what the registration form is.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-form",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), FormQuery),
    responses(
        (status = 200, description = "The form", body = RegistrationForm),
        (status = 303, description = "For a browser with a code: its page"),
        AnyProblem
    )
)]
pub async fn read_registration_form(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    query: Query<FormQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    if query.0.invitation.is_some() && page::is_wanted(&request) {
        return page::lead(&request, &desk, &snapshot, "/register");
    }
    let languages = snapshot.agenda.conference.languages.clone();
    let language = negotiate::choose(&request, query.0.lang.as_deref(), &languages)?;
    let state = form_state(&request, &desk, &snapshot, query.0.invitation).await?;
    let form = form(&state, &snapshot, &language);
    answer_json(&request, &form, "application/json", &language)
}

/// Reads the form as a JSON Schema (draft 2020-12) of what a POST to `registrations` takes, with the conditions under
/// which questions are asked.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-form/schema",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), FormQuery),
    responses(
        (status = 200, description = "The schema", content_type = "application/schema+json", body = Object),
        AnyProblem
    )
)]
pub async fn read_registration_schema(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    query: Query<FormQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let languages = snapshot.agenda.conference.languages.clone();
    let language = negotiate::choose(&request, query.0.lang.as_deref(), &languages)?;
    let state = form_state(&request, &desk, &snapshot, query.0.invitation).await?;
    let shown: Vec<_> = shown(&state).map(|category| category.code.clone()).collect();
    let sessions = snapshot.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp);
    let sessions: Vec<_> = sessions.map(|session| session.code.clone()).collect();
    let tag = language.tag().or(languages.first()).map_or("en", LanguageTag::as_str);
    let document = schema::of(&state.questions, &shown, &sessions, &languages, tag);
    answer_json(&request, &document, "application/schema+json", &language)
}

/// All that the form is made of, for whoever has a code or none.
///
/// # Errors
/// The code opens nothing.
pub async fn form_state(
    request: &HttpRequest,
    desk: &Desk,
    snapshot: &Snapshot,
    invitation: Option<String>,
) -> Result<FormState, Problem> {
    if invitation.is_some() {
        desk.code_limit.check(request)?;
    }
    let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
    let read =
        move |tx: &mut crate::database::Connection| actions::form_state(tx, &place, &secret, invitation.as_deref());
    Ok(desk.database.read(read).await.map_err(|error: RegistrationError| error)?)
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

/// The categories that the reader may see.
pub fn shown(state: &FormState) -> impl Iterator<Item = &CategoryStanding> {
    state.standing.categories.iter().filter(|category| !category.hidden || state.invited_to == Some(category.id))
}

/// The form in a language.
pub fn form(state: &FormState, snapshot: &Snapshot, language: &Language) -> RegistrationForm {
    let (standing, now) = (&state.standing, clock::now());
    let languages = &snapshot.agenda.conference.languages;
    let zone = snapshot.agenda.conference.time_zone;
    let text = |text: &Localised| negotiate::text(text, language, languages);
    let left = |seats: Option<i64>, taken: i64| seats.map(|seats| (seats - taken).max(0));
    let wire = |instant: Option<DateTime<Utc>>| instant.map(clock::wire);
    let of_conference = left(standing.seats, standing.seats_taken);
    let category = |category: &CategoryStanding| FormCategory {
        code: category.code.clone(),
        name: text(&category.name),
        open: standing.is_open(category, now),
        opens_at: wire(category.opens_at),
        closes_at: wire(category.closes_at),
        seats: category.seats,
        seats_left: [left(category.seats, category.seats_taken), of_conference].into_iter().flatten().min(),
        waiting_list: category.waiting_list,
        needs_approval: category.needs_approval,
        needs_invitation: category.needs_invitation,
        verifies_email: category.verifies_email,
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
    let sessions = snapshot.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp);
    let sessions = sessions.map(|session| {
        let quota = state.sessions.iter().find(|quota| Some(quota.id) == session.id);
        let seats = quota.map_or_else(|| session.seats.map(|Count(seats)| i64::from(seats)), |quota| quota.seats);
        let local = |moment| zone.local(crate::agenda::model::utc(moment)).to_rfc3339();
        FormSession {
            code: session.code.clone(),
            title: text(&session.title),
            starts_at: local(session.starts_at),
            ends_at: local(session.ends_at),
            seats,
            seats_left: left(seats, quota.map_or(0, |quota| quota.seats_taken)),
        }
    });
    RegistrationForm {
        open: shown(state).any(|category| standing.is_open(category, now)),
        opens_at: wire(standing.opens_at),
        closes_at: wire(standing.closes_at),
        seats: standing.seats,
        seats_left: of_conference,
        categories: shown(state).map(category).collect(),
        languages: languages.clone(),
        fields: FIELDS,
        questions: state.questions.iter().map(question).collect(),
        sessions: sessions.collect(),
        verifies_emails: standing.verifies_emails(),
        version: standing.form_version,
    }
}
