//! The pages of registration: the form, and what personal links open.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::{
    answers::answers_context,
    empty_form::EmptyForm,
    form::{FormErrors, SubmittedForm, asked_fields, questions_of},
    opened_registration::{OpenedRegistration, RegistrationPath},
    page::{PageContext, Template, redirect, value},
    query::parameter,
    service::Site,
};
use crate::{
    access::Credentials,
    http::{
        Problem,
        problem::{NOT_FOUND, TOO_MANY_REQUESTS},
    },
    messaging::preferences::api::{self as preferences, MailPreferences},
    registration::{
        RegistrationError, actions,
        error::INVITATION_INVALID,
        model::RegistrationStatus,
        service::RegistrationService,
        session_seats::{SignUp, SignUpState},
        submission::{FormOutcome, submit_form},
    },
    self_service::{
        actions as self_service,
        api::{LinkRequest, send_links},
    },
    site::page::country_choices,
    validation,
    values::{Code, TextValue as _},
};

type ConferencePath = web::Path<(String, String)>;
type ActionPath = web::Path<(String, String, String, String)>;

const REGISTER: Template = Template::new("register.html", "register");
const SENT: Template = Template::new("register-sent.html", "register");
const REGISTRATION: Template = Template::new("registration.html", "registration");
const CHANGE: Template = Template::new("registration-change.html", "registration");
const SESSIONS: Template = Template::new("registration-sessions.html", "registration");
const CANCEL: Template = Template::new("registration-cancel.html", "registration");
const LINK: Template = Template::new("registration-link.html", "register");
const PREFERENCES: Template = Template::new("mail-preferences.html", "registration");

/// The template context of the registration form.
fn register_context(
    page: &PageContext,
    empty_form: &EmptyForm,
    category: Option<&str>,
    invitation: Option<&str>,
    submitted: &SubmittedForm,
    errors: FormErrors,
) -> Value {
    let code = category.and_then(|category| Code::parse(category).ok());
    let questions = code.map(|code| value(questions_of(&empty_form.form, &code)));
    context! {
        form => value(&empty_form.form), category, invitation,
        fields => value(asked_fields(&empty_form.setup_state, category, page)),
        questions => questions.unwrap_or_else(|| Value::from(Vec::<Value>::new())),
        values => submitted.values(), faults => errors.by_control, said => errors.of_form,
        countries => country_choices(&page.locale),
    }
}

/// The conference of the registration form: also one that is not public, for whoever has an invitation to it.
async fn find_for_invited(
    request: &HttpRequest,
    service: &RegistrationService,
    path: &ConferencePath,
    invitation: Option<String>,
) -> Result<PageContext, Problem> {
    let slug = Code::parse(&path.0).map_err(|_| Problem::new(&NOT_FOUND))?;
    if service.programmes.public(&slug).is_none() && !service.is_invited(request, &slug, invitation).await? {
        return Err(Problem::new(&NOT_FOUND));
    }
    PageContext::find_for_holder(service, &path.0, &path.1).await
}

/// Shows the choice of a category, or the form of the chosen one.
#[get("/conferences/{conference}/{lang}/register")]
pub async fn show_registration_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let response = async {
        let page = find_for_invited(&request, &service, &path, parameter(&request, "invitation")).await?;
        let (category, invitation) = (parameter(&request, "category"), parameter(&request, "invitation"));
        // An invalid code is reported on the form for people without a code.
        let (empty_form, invitation, errors) =
            match EmptyForm::find(&request, &page, &service, invitation.clone()).await {
                Ok(empty_form) => (empty_form, invitation, FormErrors::none()),
                Err(problem) if problem.is(&INVITATION_INVALID) => {
                    (EmptyForm::find(&request, &page, &service, None).await?, None, FormErrors::of(&problem))
                }
                Err(problem) => return Err(problem),
            };
        // An invitation to a single category leaves no choice.
        let only_category = match empty_form.form.categories.as_slice() {
            [only] => Some(only.code.to_string()),
            _ => None,
        };
        let category = category.or(only_category);
        let (category, invitation) = (category.as_deref(), invitation.as_deref());
        let submitted = SubmittedForm::default();
        let context = register_context(&page, &empty_form, category, invitation, &submitted, errors);
        site.private_page(&request, &page, &service, REGISTER, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Registers a person; if the form is refused, shows it again as it was filled in.
#[post("/conferences/{conference}/{lang}/register")]
pub async fn send_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
    body: web::Bytes,
) -> HttpResponse {
    let response = async {
        let submitted = SubmittedForm::from_request(&request, &body)?;
        let invitation = submitted.get("invitation").map(str::to_owned);
        let page = find_for_invited(&request, &service, &path, invitation.clone()).await?;
        let category = submitted.get("category").map(str::to_owned).or_else(|| parameter(&request, "category"));
        let empty_form = match EmptyForm::find(&request, &page, &service, invitation.clone()).await {
            Ok(empty_form) => empty_form,
            // The form below refuses the code, or says when to try again.
            Err(problem) if problem.is(&INVITATION_INVALID) || problem.is(&TOO_MANY_REQUESTS) => {
                EmptyForm::find(&request, &page, &service, None).await?
            }
            Err(problem) => return Err(problem),
        };
        let mut request_body = submitted.fields();
        request_body.insert("category".to_owned(), json!(category));
        if let Some(code) = category.as_deref().and_then(|category| Code::parse(category).ok()) {
            request_body.insert("answers".to_owned(), Json::Object(submitted.answers(&empty_form.questions, &code)));
        }
        let (request_body, language) = (Json::Object(request_body), &page.text_language);
        let problem = match submit_form(&request, &service, &page.snapshot, &request_body, None, language).await {
            // The invitation may be used up now, so there is no other page to go to.
            Ok(FormOutcome::Undisclosed(_)) if !page.is_public() => {
                return site.private_page(&request, &page, &service, SENT, StatusCode::OK, context! {}).await;
            }
            Ok(FormOutcome::Undisclosed(_)) => return Ok(redirect(format!("{}/register/sent", page.base(&site)))),
            Ok(FormOutcome::Registered(receipt)) => {
                let token = service.secret.link_token(receipt.id, receipt.token_generation);
                let location = format!("{}/registrations/{}?token={token}", page.base(&site), receipt.reference);
                return Ok(redirect(location));
            }
            Err(problem) => problem,
        };
        if actix_web::ResponseError::status_code(&problem).is_server_error() {
            return Err(problem);
        }
        let (category, invitation, errors) = (category.as_deref(), invitation.as_deref(), FormErrors::of(&problem));
        let context = register_context(&page, &empty_form, category, invitation, &submitted, errors);
        site.refused_form(&request, &page, &service, REGISTER, &problem, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Says that a letter was sent.
#[get("/conferences/{conference}/{lang}/register/sent")]
pub async fn show_sent(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let response = async {
        let page = PageContext::find(&service.programmes, &path.0, &path.1)?;
        site.private_page(&request, &page, &service, SENT, StatusCode::OK, context! {}).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Shows the form by which people have their personal link sent again, or that it was sent.
#[get("/conferences/{conference}/{lang}/registration-link")]
pub async fn show_link_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let response = async {
        let page = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let is_sent = parameter(&request, "notice").as_deref() == Some("sent");
        let context = link_context(&SubmittedForm::default(), FormErrors::none(), is_sent);
        site.private_page(&request, &page, &service, LINK, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

fn link_context(submitted: &SubmittedForm, errors: FormErrors, is_sent: bool) -> Value {
    context! { values => submitted.values(), faults => errors.by_control, is_sent }
}

/// Sends people their personal link again. The page that follows is the same whether or not the address is registered.
#[post("/conferences/{conference}/{lang}/registration-link")]
pub async fn send_link_again(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
    body: web::Bytes,
) -> HttpResponse {
    let response = async {
        let page = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let submitted = SubmittedForm::from_request(&request, &body)?;
        let problem = match validation::read::<LinkRequest>(json!({ "email": submitted.get("email") })) {
            Ok(link_request) => {
                send_links(&request, &service, &page.snapshot, link_request).await?;
                return Ok(redirect(format!("{}/registration-link?notice=sent", page.base(&site))));
            }
            Err(errors) => Problem::from(errors),
        };
        let context = link_context(&submitted, FormErrors::of(&problem), false);
        site.refused_form(&request, &page, &service, LINK, &problem, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Shows the reader's registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}")]
pub async fn show_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let (registration, agenda) = (&opened.details.registration, &opened.page.snapshot.agenda);
        let zone = agenda.conference.time_zone;
        let session = |sign_up: &SignUp| {
            let session = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id))?;
            let local = |moment| zone.local(crate::agenda::model::utc(moment)).to_rfc3339();
            let room = session.room.as_ref().and_then(|code| opened.page.snapshot.room(code));
            Some(context! {
                code => session.code.as_str(), title => opened.page.text(&session.title),
                starts_at => local(session.starts_at), ends_at => local(session.ends_at),
                room => room.map(|room| opened.page.text(&room.name)),
                waits => sign_up.state == SignUpState::Waitlisted,
            })
        };
        let position =
            |sign_up: &&SignUp| agenda.sessions.iter().position(|session| session.id == Some(sign_up.session_id));
        let mut sign_ups: Vec<&SignUp> = opened.details.sign_ups.iter().collect();
        sign_ups.sort_by_key(position);
        let sessions: Vec<Value> = sign_ups.into_iter().filter_map(session).collect();
        let is_live = !registration.state.is_final();
        let has_offer = registration.offer_expires_at.is_some();
        let is_over = opened.empty_form.form.is_over;
        let notice = parameter(&request, "notice").filter(|notice| ["changed", "sessions"].contains(&notice.as_str()));
        let context = context! {
            status => if has_offer { "offered" } else { registration.state.as_str() },
            deadline => registration.offer_expires_at.map(crate::clock::wire),
            may => context! {
                verify => registration.state == RegistrationStatus::Unverified && !is_over,
                accept => has_offer && !is_over,
                cancel => is_live && !(is_over && registration.state == RegistrationStatus::Confirmed),
                change => is_live, sessions => opened.may_choose_sessions(),
                calendar => registration.state == RegistrationStatus::Confirmed,
            },
            qr => opened.badge_code(&service)?, sessions, notice,
            answers => answers_context(&opened.page, &opened.questions, &registration.answers),
            own_programme => opened.programme_path(&site),
            programme_url => format!("{}/programme", opened.page.base(&site)),
            ..opened.common_context(&service)
        };
        site.private_page(&request, &opened.page, &service, REGISTRATION, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

fn change_context(
    opened: &OpenedRegistration,
    service: &RegistrationService,
    submitted: &SubmittedForm,
    errors: FormErrors,
) -> Value {
    context! {
        fields => value(opened.asked_fields()),
        questions => value(questions_of(&opened.empty_form.form, &opened.details.category)),
        values => submitted.values(), faults => errors.by_control, said => errors.of_form,
        locked => opened.locked_controls(),
        ..opened.common_context(service)
    }
}

/// Shows the form that changes the reader's registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/change")]
pub async fn show_change_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        if opened.details.registration.state.is_final() {
            return Ok(redirect(opened.page_path(&site)));
        }
        let context = change_context(&opened, &service, &opened.current_values(), FormErrors::none());
        site.private_page(&request, &opened.page, &service, CHANGE, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Shows the form that chooses sessions.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/sessions")]
pub async fn show_session_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        if opened.details.registration.state.is_final() {
            return Ok(redirect(opened.page_path(&site)));
        }
        let errors = FormErrors::none();
        let context = context! {
            values => opened.current_values().values(), faults => errors.by_control, said => errors.of_form,
            ..opened.common_context(&service)
        };
        site.private_page(&request, &opened.page, &service, SESSIONS, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Redirects a `GET` of an address that only takes `POST` to the page of the registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn redirect_to_registration(request: HttpRequest, site: web::Data<Site>, path: ActionPath) -> HttpResponse {
    let (slug, tag, reference, _) = path.into_inner();
    let query = request.query_string();
    redirect(format!("{}/conferences/{slug}/{tag}/registrations/{reference}?{query}", site.prefix))
}

/// Asks for confirmation before cancelling.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/cancel")]
pub async fn ask_before_cancelling(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let context = opened.common_context(&service);
        site.private_page(&request, &opened.page, &service, CANCEL, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// The action that a form requests.
enum RegistrationAction {
    Verify,
    Accept,
    Cancel,
    Change(Json),
    ChooseSessions(Vec<Code>),
}

/// Performs an action on the reader's registration. If its button is pressed twice, the second request redirects to the
/// page as well.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn act_on_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ActionPath,
    body: web::Bytes,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let submitted = SubmittedForm::from_request(&request, &body)?;
        let (action, name) = match path.3.as_str() {
            "verify" => (RegistrationAction::Verify, "verify an address"),
            "accept" => (RegistrationAction::Accept, "accept an offer"),
            "cancel" => (RegistrationAction::Cancel, "cancel a registration"),
            "change" => (RegistrationAction::Change(merge_patch(&opened, &submitted)), "change a registration"),
            "sessions" => {
                let codes = submitted.all("sessions").into_iter().filter_map(|code| Code::parse(code).ok());
                (RegistrationAction::ChooseSessions(codes.collect()), "choose sessions")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        // The page of the form, which is shown again if it is refused.
        let (template, notice) = match &action {
            RegistrationAction::Change(_) => (Some(CHANGE), "&notice=changed"),
            RegistrationAction::ChooseSessions(_) => (Some(SESSIONS), "&notice=sessions"),
            _ => (None, ""),
        };
        let credentials = Credentials::default().with_link(Some(opened.token.clone()));
        let reference = opened.details.registration.reference.clone();
        let result = service
            .write(name, &opened.page.snapshot, credentials, move |tx, context| match &action {
                RegistrationAction::Verify => actions::verify(tx, context, &reference).map(|_| ()),
                RegistrationAction::Accept => actions::accept(tx, context, &reference).map(|_| ()),
                RegistrationAction::Cancel => actions::cancel(tx, context, &reference, None).map(|_| ()),
                RegistrationAction::Change(patch) => {
                    self_service::change_details(tx, context, &reference, patch).map(|_| ())
                }
                RegistrationAction::ChooseSessions(codes) => {
                    actions::choose_sessions(tx, context, &reference, codes).map(|_| ())
                }
            })
            .await;
        let location = opened.page_path(&site);
        let problem: Problem = match result {
            Ok(()) => return Ok(redirect(format!("{location}{notice}"))),
            Err(RegistrationError::WrongState(_)) => return Ok(redirect(location)),
            Err(error) => error.into(),
        };
        let is_refused = !actix_web::ResponseError::status_code(&problem).is_server_error();
        let Some(template) = template.filter(|_| is_refused) else { return Err(problem) };
        let context = change_context(&opened, &service, &submitted, FormErrors::of(&problem));
        site.refused_form(&request, &opened.page, &service, template, &problem, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// The merge patch (RFC 7396) of a change form: every field that the form shows gets its value from the form. What is
/// hidden now stays as it is.
fn merge_patch(opened: &OpenedRegistration, submitted: &SubmittedForm) -> Json {
    let locked_controls = opened.locked_controls();
    let not_in_form = ["category", "email", "invitation", "sessions", "consent"];
    let values = submitted.fields();
    let mut patch = serde_json::Map::new();
    let asked_fields = opened.asked_fields();
    let asked_names = asked_fields.iter().map(|field| field.name);
    for name in asked_names.filter(|name| !locked_controls.contains(name) && !not_in_form.contains(name)) {
        // Every registration has a language, so it cannot be removed.
        if name != "language" || values.contains_key(name) {
            patch.insert(name.to_owned(), values.get(name).cloned().unwrap_or(Json::Null));
        }
    }
    let answers_given = submitted.answers(&opened.empty_form.questions, &opened.details.category);
    let applicable =
        opened.empty_form.questions.iter().filter(|question| {
            question.categories.is_empty() || question.categories.contains(&opened.details.category)
        });
    let answers: serde_json::Map<String, Json> = applicable
        .map(|question| question.code.to_string())
        .map(|code| (code.clone(), answers_given.get(&code).cloned().unwrap_or(Json::Null)))
        .collect();
    patch.insert("answers".to_owned(), Json::Object(answers));
    Json::Object(patch)
}

/// Shows the mail preferences.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/mail-preferences")]
pub async fn show_mail_preferences(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let page = PageContext::find_for_holder(&service, &path.0, &path.1).await?;
        let (conference, token) = (page.snapshot.conference.id, parameter(&request, "token"));
        let found = preferences::find_subscription(&service, conference, path.2.clone(), token).await;
        let subscription = page.for_holder(found.map_err(Problem::from))?;
        show_preferences(&request, &site, &page, &service, &subscription).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

async fn show_preferences(
    request: &HttpRequest,
    site: &Site,
    page: &PageContext,
    service: &RegistrationService,
    subscription: &MailPreferences,
) -> Result<HttpResponse, Problem> {
    let token = parameter(request, "token").unwrap_or_default();
    let MailPreferences { announcements, is_shared_mailbox } = subscription;
    let context = context! { announcements, is_shared_mailbox, token => format!("token={token}") };
    site.private_page(request, page, service, PREFERENCES, StatusCode::OK, context).await
}

/// Turns announcements off or on.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/mail-preferences")]
pub async fn set_mail_preferences(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let page = PageContext::find_for_holder(&service, &path.0, &path.1).await?;
        let subscribes = parameter(&request, "announcements").as_deref() == Some("true");
        let (conference, token) = (page.snapshot.conference.id, parameter(&request, "token"));
        let set = preferences::set_subscription(&service, conference, path.2.clone(), token, subscribes).await;
        let subscription = page.for_holder(set.map_err(Problem::from))?;
        show_preferences(&request, &site, &page, &service, &subscription).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}
