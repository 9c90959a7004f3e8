//! The pages of registration: the form, and what personal links open.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::{
    form::{SubmittedForm, questions_of, refusal, untouched},
    page::{PageContext, carry_over, lead_to, value},
    query::parameter,
    service::Site,
};
use crate::{
    access::{
        Actor, Credentials, Operation,
        badge::{Badge, BadgeKey},
    },
    http::{
        Problem,
        problem::{NOT_FOUND, TOO_MANY_REQUESTS},
    },
    messaging::preferences::api as preferences_of,
    qr,
    registration::{
        RegistrationError,
        actions::{self, FormState, RegistrationDetails},
        api::{registration_view, submit_form},
        commit_queue::RegisterOutcome,
        form::Question,
        form_api::{RegistrationForm, form, form_state},
        model::{FIELDS, HistoryEntry, RegistrationStatus},
        service::RegistrationService,
        session_seats::{SignUp, SignUpState},
    },
    self_service::actions as own_actions,
    site::page::country_choices,
    values::{Code, TextValue as _},
};

type Path2 = web::Path<(String, String)>;
type Path3 = web::Path<(String, String, String)>;
type Path4 = web::Path<(String, String, String, String)>;

/// The registration form without values, and its questions as they are configured.
pub struct EmptyForm {
    /// The form as the API answers it.
    pub form: RegistrationForm,
    pub questions: Vec<Question>,
}

impl EmptyForm {
    /// The form of a conference, with an invitation code or without.
    ///
    /// # Errors
    /// The code is not valid, or the store fails.
    pub async fn find(
        request: &HttpRequest,
        (seen, service): (&PageContext, &RegistrationService),
        code: Option<String>,
    ) -> Result<Self, Problem> {
        let state: FormState = form_state(request, service, &seen.snapshot, code).await?;
        Ok(Self { form: form(&state, &seen.snapshot, &seen.language), questions: state.questions })
    }
}

/// The template context of the registration form.
fn register_context(
    seen: &PageContext,
    blank: &EmptyForm,
    (category, invitation): (Option<&str>, Option<&str>),
    filled: &SubmittedForm,
    (faults, said): (Value, Value),
) -> Value {
    let code = category.and_then(|category| Code::parse(category).ok());
    let questions = code.map(|code| value(questions_of(&blank.form, &code)));
    context! {
        form => value(&blank.form), category, invitation, fields => value(FIELDS),
        questions => questions.unwrap_or_else(|| Value::from(Vec::<Value>::new())),
        values => filled.values(), faults, said, countries => country_choices(&seen.tag),
    }
}

/// Shows the choice of a category, or the form of the chosen one.
#[get("/conferences/{conference}/{lang}/register")]
pub async fn show_registration_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    let made = async {
        let seen = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let (category, invitation) = (parameter(&request, "category"), parameter(&request, "invitation"));
        // An invalid code is reported on the form for people without a code.
        let (blank, invitation, told) = match EmptyForm::find(&request, (&seen, &service), invitation.clone()).await {
            Ok(blank) => (blank, invitation, untouched()),
            Err(problem) if invitation.is_some() && !problem.is(&TOO_MANY_REQUESTS) => {
                (EmptyForm::find(&request, (&seen, &service), None).await?, None, refusal(&problem))
            }
            Err(problem) => return Err(problem),
        };
        // An invitation to a single category leaves no choice.
        let only = match blank.form.categories.as_slice() {
            [only] => Some(only.code.to_string()),
            _ => None,
        };
        let category = category.or(only);
        let named = (category.as_deref(), invitation.as_deref());
        let more = register_context(&seen, &blank, named, &SubmittedForm::default(), told);
        site.private(&request, (&seen, &service), ("register.html", "register"), (StatusCode::OK, more)).await
    };
    site.answer(&request, &service, made.await).await
}

/// Registers a person; if the form is refused, shows it again as it was filled in.
#[post("/conferences/{conference}/{lang}/register")]
pub async fn send_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let seen = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let filled = SubmittedForm::of_request(&request, &body)?;
        let invitation = filled.get("invitation").map(str::to_owned);
        let category = filled.get("category").map(str::to_owned).or_else(|| parameter(&request, "category"));
        let blank = match EmptyForm::find(&request, (&seen, &service), invitation.clone()).await {
            Ok(blank) => blank,
            Err(problem) if invitation.is_none() => return Err(problem),
            Err(_) => EmptyForm::find(&request, (&seen, &service), None).await?,
        };
        let mut sent = filled.fields();
        sent.insert("category".to_owned(), json!(category));
        sent.entry("language").or_insert_with(|| json!(seen.texts));
        if let Some(code) = category.as_deref().and_then(|category| Code::parse(category).ok()) {
            sent.insert("answers".to_owned(), Json::Object(filled.answers(&blank.questions, &code)));
        }
        let problem =
            match submit_form(&request, &service, &seen.snapshot, &Json::Object(sent), None, &seen.texts).await {
                Ok(RegisterOutcome::Undisclosed) => return Ok(lead_to(format!("{}/register/sent", seen.base(&site)))),
                Ok(RegisterOutcome::Registered(receipt)) => {
                    let token = service.secret.link_token(receipt.id, receipt.token_generation);
                    let own = format!("{}/registrations/{}?token={token}", seen.base(&site), receipt.reference);
                    return Ok(lead_to(own));
                }
                Err(problem) => problem,
            };
        let status = actix_web::ResponseError::status_code(&problem);
        if status.is_server_error() {
            return Err(problem);
        }
        let named = (category.as_deref(), invitation.as_deref());
        let more = register_context(&seen, &blank, named, &filled, refusal(&problem));
        let mut page = site.private(&request, (&seen, &service), ("register.html", "register"), (status, more)).await?;
        carry_over(&problem, &mut page);
        Ok(page)
    };
    site.answer(&request, &service, made.await).await
}

/// Says that a letter was sent.
#[get("/conferences/{conference}/{lang}/register/sent")]
pub async fn show_sent(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    let made = async {
        let seen = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let more = (StatusCode::OK, context! {});
        site.private(&request, (&seen, &service), ("register-sent.html", "register"), more).await
    };
    site.answer(&request, &service, made.await).await
}

/// A registration, opened with its personal link.
struct RegistrationPage {
    seen: PageContext,
    shown: RegistrationDetails,
    history: Vec<HistoryEntry>,
    blank: EmptyForm,
    token: String,
}

impl RegistrationPage {
    async fn find(
        request: &HttpRequest,
        service: &RegistrationService,
        (slug, tag, reference): (&str, &str, &str),
    ) -> Result<Self, Problem> {
        let seen = PageContext::find(&service.programmes, slug, tag)?;
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let reference = reference.to_owned();
        let (shown, history) = service
            .read(&seen.snapshot, credentials, move |tx, context| {
                let (shown, actor) = actions::find(
                    tx,
                    context.place,
                    &reference,
                    context.credentials,
                    context.secret,
                    Operation::ReadRegistration,
                )?;
                if actor != Actor::attendee() {
                    return Err(RegistrationError::NotFound);
                }
                let history = actions::history(tx, &shown.registration)?;
                Ok((shown, history))
            })
            .await?;
        let blank = EmptyForm::find(request, (&seen, service), None).await?;
        Ok(Self { seen, shown, history, blank, token })
    }

    /// The path of its page.
    fn address(&self, site: &Site) -> String {
        let (base, reference) = (self.seen.base(site), &self.shown.registration.reference);
        format!("{base}/registrations/{reference}?token={}", self.token)
    }

    /// The part of the template context that every page of a registration has.
    fn context(&self, service: &RegistrationService) -> Value {
        let view = registration_view(service, &self.seen.snapshot, &self.shown, true, self.history.clone());
        context! {
            registration => value(view), token => self.token.as_str(), form => value(&self.blank.form),
            said => Value::from(()), countries => country_choices(&self.seen.tag),
        }
    }

    fn filled(&self) -> SubmittedForm {
        let agenda = &self.seen.snapshot.agenda;
        let code = |id| agenda.sessions.iter().find(|session| session.id == Some(id)).map(|one| one.code.to_string());
        let sessions = self.shown.sign_ups.iter().filter_map(|sign_up| code(sign_up.session_id));
        SubmittedForm::of(&self.shown.registration, sessions.collect())
    }

    /// The QR code of the badge as SVG, while the registration is confirmed.
    fn code(&self, service: &RegistrationService) -> Result<Option<String>, Problem> {
        let registration = &self.shown.registration;
        if registration.state != RegistrationStatus::Confirmed {
            return Ok(None);
        }
        let key = BadgeKey::of(&service.secret, registration.conference)?;
        let badge = Badge { registration: registration.id, generation: registration.token_generation };
        Ok(qr::modules(&key.write(badge)).map(|modules| qr::svg(&modules)))
    }

    /// The names of form controls that only organisers may change.
    fn locked(&self) -> Vec<&'static str> {
        let category = self.blank.form.categories.iter().find(|category| category.code == self.shown.category);
        let needs_approval = category.is_none_or(|category| category.needs_approval);
        own_actions::kept_by_organisers(needs_approval, self.shown.registration.state)
    }
}

/// Shows the reader's registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}")]
pub async fn show_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = RegistrationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let (registration, agenda) = (&own.shown.registration, &own.seen.snapshot.agenda);
        let languages = &agenda.conference.languages;
        let zone = agenda.conference.time_zone;
        let session = |sign_up: &SignUp| {
            let session = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id))?;
            let local = |moment| zone.local(crate::agenda::model::utc(moment)).to_rfc3339();
            let room = session.room.as_ref().and_then(|code| own.seen.snapshot.room(code));
            Some(context! {
                code => session.code.as_str(), title => session.title.text(own.seen.texts.as_str(), languages),
                starts_at => local(session.starts_at), ends_at => local(session.ends_at),
                room => room.map(|room| room.name.text(own.seen.texts.as_str(), languages)),
                waits => sign_up.state == SignUpState::Waitlisted,
            })
        };
        let place = |sign_up: &&SignUp| agenda.sessions.iter().position(|one| one.id == Some(sign_up.session_id));
        let mut sign_ups: Vec<&SignUp> = own.shown.sign_ups.iter().collect();
        sign_ups.sort_by_key(place);
        let sessions: Vec<Value> = sign_ups.into_iter().filter_map(session).collect();
        let is_live = !registration.state.is_final();
        let has_offer = registration.offer_expires_at.is_some();
        let notice = parameter(&request, "notice").filter(|notice| ["changed", "sessions"].contains(&notice.as_str()));
        let more = context! {
            status => if has_offer { "offered" } else { registration.state.as_str() },
            deadline => registration.offer_expires_at.map(crate::clock::wire),
            may => context! {
                verify => registration.state == RegistrationStatus::Unverified, accept => has_offer, cancel => is_live,
                change => is_live, sessions => is_live && !own.blank.form.sessions.is_empty(),
            },
            qr => own.code(&service)?, sessions, notice,
            programme_url => format!("{}/programme", own.seen.base(&site)),
            ..own.context(&service)
        };
        site.private(&request, (&own.seen, &service), ("registration.html", "registration"), (StatusCode::OK, more))
            .await
    };
    site.answer(&request, &service, made.await).await
}

fn change_context(
    own: &RegistrationPage,
    service: &RegistrationService,
    filled: &SubmittedForm,
    (faults, said): (Value, Value),
) -> Value {
    context! {
        fields => value(FIELDS), questions => value(questions_of(&own.blank.form, &own.shown.category)),
        values => filled.values(), faults, said, locked => own.locked(), ..own.context(service)
    }
}

/// Shows the form that changes the reader's registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/change")]
pub async fn show_change_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = RegistrationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        if own.shown.registration.state.is_final() {
            return Ok(lead_to(own.address(&site)));
        }
        let more = change_context(&own, &service, &own.filled(), untouched());
        site.private(
            &request,
            (&own.seen, &service),
            ("registration-change.html", "registration"),
            (StatusCode::OK, more),
        )
        .await
    };
    site.answer(&request, &service, made.await).await
}

/// Shows the form that chooses sessions.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/sessions")]
pub async fn show_session_form(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = RegistrationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        if own.shown.registration.state.is_final() {
            return Ok(lead_to(own.address(&site)));
        }
        let (faults, said) = untouched();
        let more = context! { values => own.filled().values(), faults, said, ..own.context(&service) };
        let named = ("registration-sessions.html", "registration");
        site.private(&request, (&own.seen, &service), named, (StatusCode::OK, more)).await
    };
    site.answer(&request, &service, made.await).await
}

/// Redirects a `GET` of an address that only takes `POST` to the page of the registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn lead_to_registration(request: HttpRequest, site: web::Data<Site>, path: Path4) -> HttpResponse {
    let (slug, tag, reference, _) = path.into_inner();
    let query = request.query_string();
    lead_to(format!("{}/conferences/{slug}/{tag}/registrations/{reference}?{query}", site.prefix))
}

/// Asks for confirmation before cancelling.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/cancel")]
pub async fn ask_before_cancelling(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = RegistrationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let more = own.context(&service);
        site.private(
            &request,
            (&own.seen, &service),
            ("registration-cancel.html", "registration"),
            (StatusCode::OK, more),
        )
        .await
    };
    site.answer(&request, &service, made.await).await
}

/// The action that a form requests.
enum RegistrationAction {
    Verify,
    Accept,
    Cancel,
    Change(Json),
    Choose(Vec<Code>),
}

/// Performs an action on the reader's registration. If its button is pressed twice, the second request redirects to the
/// page as well.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn act_on_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path4,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let own = RegistrationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let filled = SubmittedForm::of_request(&request, &body)?;
        let (wish, name) = match path.3.as_str() {
            "verify" => (RegistrationAction::Verify, "verify an address"),
            "accept" => (RegistrationAction::Accept, "accept an offer"),
            "cancel" => (RegistrationAction::Cancel, "cancel a registration"),
            "change" => (RegistrationAction::Change(patch(&own, &filled)), "change a registration"),
            "sessions" => {
                let codes = filled.all("sessions").into_iter().filter_map(|code| Code::parse(code).ok());
                (RegistrationAction::Choose(codes.collect()), "choose sessions")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        let (template, notice) = match &wish {
            RegistrationAction::Change(_) => ("registration-change.html", "&notice=changed"),
            RegistrationAction::Choose(_) => ("registration-sessions.html", "&notice=sessions"),
            _ => ("registration.html", ""),
        };
        let credentials = Credentials::default().with_link(Some(own.token.clone()));
        let reference = own.shown.registration.reference.clone();
        let done = service
            .write(name, &own.seen.snapshot, credentials, move |tx, context| match &wish {
                RegistrationAction::Verify => actions::verify(tx, context, &reference).map(|_| ()),
                RegistrationAction::Accept => actions::accept(tx, context, &reference).map(|_| ()),
                RegistrationAction::Cancel => actions::cancel(tx, context, &reference, None).map(|_| ()),
                RegistrationAction::Change(patch) => {
                    own_actions::change_details(tx, context, &reference, patch).map(|_| ())
                }
                RegistrationAction::Choose(codes) => {
                    actions::choose_sessions(tx, context, &reference, codes).map(|_| ())
                }
            })
            .await;
        let back = own.address(&site);
        let problem: Problem = match done {
            Ok(()) => return Ok(lead_to(format!("{back}{notice}"))),
            Err(RegistrationError::WrongState(_)) => return Ok(lead_to(back)),
            Err(error) => error.into(),
        };
        let status = actix_web::ResponseError::status_code(&problem);
        if template == "registration.html" || status.is_server_error() {
            return Err(problem);
        }
        let more = change_context(&own, &service, &filled, refusal(&problem));
        site.private(&request, (&own.seen, &service), (template, "registration"), (status, more)).await
    };
    site.answer(&request, &service, made.await).await
}

/// The merge patch (RFC 7396) of a change form: every field that the form shows gets its value from the form.
fn patch(own: &RegistrationPage, filled: &SubmittedForm) -> Json {
    let locked = own.locked();
    let apart = ["category", "email", "invitation", "sessions", "consent"];
    let sent = filled.fields();
    let mut patch = serde_json::Map::new();
    for field in FIELDS.iter().filter(|field| !locked.contains(&field.name) && !apart.contains(&field.name)) {
        // Every registration has a language, so it cannot be removed.
        if field.name != "language" || sent.contains_key(field.name) {
            patch.insert(field.name.to_owned(), sent.get(field.name).cloned().unwrap_or(Json::Null));
        }
    }
    let given = filled.answers(&own.blank.questions, &own.shown.category);
    let asked = own
        .blank
        .questions
        .iter()
        .filter(|one| one.categories.is_empty() || one.categories.contains(&own.shown.category));
    let answers: serde_json::Map<String, Json> = asked
        .map(|question| question.code.to_string())
        .map(|code| (code.clone(), given.get(&code).cloned().unwrap_or(Json::Null)))
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
    path: Path3,
) -> HttpResponse {
    let made = async {
        let seen = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let token = parameter(&request, "token");
        let wants = preferences_of::find(&service, seen.snapshot.place.id, path.2.clone(), token).await?;
        show_preferences(&request, &site, (&seen, &service), wants).await
    };
    site.answer(&request, &service, made.await).await
}

async fn show_preferences(
    request: &HttpRequest,
    site: &Site,
    (seen, service): (&PageContext, &RegistrationService),
    announcements: bool,
) -> Result<HttpResponse, Problem> {
    let token = parameter(request, "token").unwrap_or_default();
    let more = context! { announcements, token => format!("token={token}") };
    site.private(request, (seen, service), ("mail-preferences.html", "registration"), (StatusCode::OK, more)).await
}

/// Turns announcements off or on.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/mail-preferences")]
pub async fn set_mail_preferences(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let seen = PageContext::find(&service.programmes, &path.0, &path.1)?;
        let wanted = parameter(&request, "announcements").as_deref() == Some("true");
        let token = parameter(&request, "token");
        preferences_of::set(&service, seen.snapshot.place.id, path.2.clone(), token, wanted).await?;
        show_preferences(&request, &site, (&seen, &service), wanted).await
    };
    site.answer(&request, &service, made.await).await
}
