//! The pages of whoever registers: the form, and what the link in their letters opens.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::{
    Site,
    form::{Filled, questions_of, refusal, untouched},
    page::{Seen, carry_over, lead_to, value},
    programme::{countries, parameter},
};
use crate::{
    access::{
        Actor, Credentials,
        badge::{Badge, BadgeKey},
    },
    http::{
        Problem,
        problem::{NOT_FOUND, TOO_MANY_REQUESTS},
    },
    qr,
    registration::{
        RegistrationError,
        actions::{self, FormState, Shown},
        api::{Desk, registration_view, take_in},
        form::{
            Question,
            api::{RegistrationForm, form, form_state},
        },
        mailing::preferences::api as preferences_of,
        model::{FIELDS, HistoryEntry, State},
        own::actions as own_actions,
        session_seats::store::SignUp,
    },
    values::{Code, TextValue as _},
};

type Path2 = web::Path<(String, String)>;
type Path3 = web::Path<(String, String, String)>;
type Path4 = web::Path<(String, String, String, String)>;

/// The form, as its reader sees it, and its questions as they were configured.
pub struct Blank {
    /// As the API answers it.
    pub form: RegistrationForm,
    /// What is asked.
    pub questions: Vec<Question>,
}

impl Blank {
    /// The form of a conference, for whoever has a code or none.
    ///
    /// # Errors
    /// The code opens nothing, or the store fails.
    pub async fn find(
        request: &HttpRequest,
        (seen, desk): (&Seen, &Desk),
        code: Option<String>,
    ) -> Result<Self, Problem> {
        let state: FormState = form_state(request, desk, &seen.snapshot, code).await?;
        Ok(Self { form: form(&state, &seen.snapshot, &seen.language), questions: state.questions })
    }
}

/// The form, filled or not.
fn register_context(
    seen: &Seen,
    blank: &Blank,
    (category, invitation): (Option<&str>, Option<&str>),
    filled: &Filled,
    (faults, said): (Value, Value),
) -> Value {
    let code = category.and_then(|category| Code::parse(category).ok());
    let questions = code.map(|code| value(questions_of(&blank.form, &code)));
    context! {
        form => value(&blank.form), category, invitation, fields => value(FIELDS),
        questions => questions.unwrap_or_else(|| Value::from(Vec::<Value>::new())),
        values => filled.values(), faults, said, countries => countries(&seen.tag),
    }
}

/// The choice of a category, or its form.
#[get("/conferences/{conference}/{lang}/register")]
pub async fn show_registration_form(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path2,
) -> HttpResponse {
    let made = async {
        let seen = Seen::find(&desk.programmes, &path.0, &path.1)?;
        let (category, invitation) = (parameter(&request, "category"), parameter(&request, "invitation"));
        // A code that opens nothing is told beside the form of those who have none.
        let (blank, invitation, told) = match Blank::find(&request, (&seen, &desk), invitation.clone()).await {
            Ok(blank) => (blank, invitation, untouched()),
            Err(problem) if invitation.is_some() && !problem.is(&TOO_MANY_REQUESTS) => {
                (Blank::find(&request, (&seen, &desk), None).await?, None, refusal(&problem))
            }
            Err(problem) => return Err(problem),
        };
        // Whoever was invited to one thing alone need not choose it.
        let only = match blank.form.categories.as_slice() {
            [only] => Some(only.code.to_string()),
            _ => None,
        };
        let category = category.or(only);
        let named = (category.as_deref(), invitation.as_deref());
        let more = register_context(&seen, &blank, named, &Filled::default(), told);
        site.private(&request, (&seen, &desk), ("register.html", "register"), (StatusCode::OK, more)).await
    };
    site.answer(&request, &desk, made.await).await
}

/// Registers whoever filled in the form; one that is refused comes back as it was filled in.
#[post("/conferences/{conference}/{lang}/register")]
pub async fn send_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path2,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let seen = Seen::find(&desk.programmes, &path.0, &path.1)?;
        let filled = Filled::of_request(&request, &body)?;
        let invitation = filled.get("invitation").map(str::to_owned);
        let category = filled.get("category").map(str::to_owned).or_else(|| parameter(&request, "category"));
        let blank = match Blank::find(&request, (&seen, &desk), invitation.clone()).await {
            Ok(blank) => blank,
            Err(problem) if invitation.is_none() => return Err(problem),
            Err(_) => Blank::find(&request, (&seen, &desk), None).await?,
        };
        let mut sent = filled.fields();
        sent.insert("category".to_owned(), json!(category));
        sent.entry("language").or_insert_with(|| json!(seen.texts));
        if let Some(code) = category.as_deref().and_then(|category| Code::parse(category).ok()) {
            sent.insert("answers".to_owned(), Json::Object(filled.answers(&blank.questions, &code)));
        }
        let problem = match take_in(&request, &desk, &seen.snapshot, (&Json::Object(sent), None, &seen.texts)).await {
            Ok(None) => return Ok(lead_to(format!("{}/register/sent", seen.base(&site)))),
            Ok(Some(receipt)) => {
                let token = desk.secret.link_token(receipt.id, receipt.token_generation);
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
        let mut page = site.private(&request, (&seen, &desk), ("register.html", "register"), (status, more)).await?;
        carry_over(&problem, &mut page);
        Ok(page)
    };
    site.answer(&request, &desk, made.await).await
}

/// A letter is on its way.
#[get("/conferences/{conference}/{lang}/register/sent")]
pub async fn show_sent(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path2,
) -> HttpResponse {
    let made = async {
        let seen = Seen::find(&desk.programmes, &path.0, &path.1)?;
        let more = (StatusCode::OK, context! {});
        site.private(&request, (&seen, &desk), ("register-sent.html", "register"), more).await
    };
    site.answer(&request, &desk, made.await).await
}

/// A registration, for whoever holds its link.
struct Own {
    seen: Seen,
    shown: Shown,
    history: Vec<HistoryEntry>,
    blank: Blank,
    token: String,
}

impl Own {
    async fn find(
        request: &HttpRequest,
        desk: &Desk,
        (slug, tag, reference): (&str, &str, &str),
    ) -> Result<Self, Problem> {
        let seen = Seen::find(&desk.programmes, slug, tag)?;
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let reference = reference.to_owned();
        let (shown, history) = desk
            .read(&seen.snapshot, credentials, move |tx, errand| {
                let (shown, actor) = actions::find(
                    tx,
                    errand.place,
                    &reference,
                    errand.credentials,
                    errand.secret,
                    "read_registration",
                )?;
                if actor != Actor::attendee() {
                    return Err(RegistrationError::NotFound);
                }
                let history = actions::history(tx, &shown.registration)?;
                Ok((shown, history))
            })
            .await?;
        let blank = Blank::find(request, (&seen, desk), None).await?;
        Ok(Self { seen, shown, history, blank, token })
    }

    /// Where its own page is.
    fn address(&self, site: &Site) -> String {
        let (base, reference) = (self.seen.base(site), &self.shown.registration.reference);
        format!("{base}/registrations/{reference}?token={}", self.token)
    }

    /// What every page about it is made with.
    fn context(&self, desk: &Desk) -> Value {
        let view = registration_view(desk, &self.seen.snapshot, &self.shown, true, self.history.clone());
        context! {
            registration => value(view), token => self.token.as_str(), form => value(&self.blank.form),
            said => Value::from(()), countries => countries(&self.seen.tag),
        }
    }

    fn filled(&self) -> Filled {
        let agenda = &self.seen.snapshot.agenda;
        let code = |id| agenda.sessions.iter().find(|session| session.id == Some(id)).map(|one| one.code.to_string());
        let sessions = self.shown.sign_ups.iter().filter_map(|sign_up| code(sign_up.session_id));
        Filled::of(&self.shown.registration, sessions.collect())
    }

    /// The code of the badge, as a picture, while it lets its holder in.
    fn code(&self, desk: &Desk) -> Result<Option<String>, Problem> {
        let registration = &self.shown.registration;
        if registration.state != State::Confirmed {
            return Ok(None);
        }
        let key = BadgeKey::of(&desk.secret, registration.conference)?;
        let badge = Badge { registration: registration.id, generation: registration.token_generation };
        Ok(qr::modules(&key.write(badge)).map(|modules| qr::svg(&modules)))
    }

    /// The names of controls that the organisers alone may change.
    fn locked(&self) -> Vec<&'static str> {
        let category = self.blank.form.categories.iter().find(|category| category.code == self.shown.category);
        let needs_approval = category.is_none_or(|category| category.needs_approval);
        own_actions::kept_by_organisers(needs_approval, self.shown.registration.state)
    }
}

/// One's own registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}")]
pub async fn show_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = Own::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
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
                waits => sign_up.state == "waitlisted",
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
                verify => registration.state == State::Unverified, accept => has_offer, cancel => is_live,
                change => is_live, sessions => is_live && !own.blank.form.sessions.is_empty(),
            },
            qr => own.code(&desk)?, sessions, notice,
            programme_url => format!("{}/programme", own.seen.base(&site)),
            ..own.context(&desk)
        };
        site.private(&request, (&own.seen, &desk), ("registration.html", "registration"), (StatusCode::OK, more)).await
    };
    site.answer(&request, &desk, made.await).await
}

fn change_context(own: &Own, desk: &Desk, filled: &Filled, (faults, said): (Value, Value)) -> Value {
    context! {
        fields => value(FIELDS), questions => value(questions_of(&own.blank.form, &own.shown.category)),
        values => filled.values(), faults, said, locked => own.locked(), ..own.context(desk)
    }
}

/// The form with which one changes what one's registration says.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/change")]
pub async fn show_change_form(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = Own::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        if own.shown.registration.state.is_final() {
            return Ok(lead_to(own.address(&site)));
        }
        let more = change_context(&own, &desk, &own.filled(), untouched());
        site.private(&request, (&own.seen, &desk), ("registration-change.html", "registration"), (StatusCode::OK, more))
            .await
    };
    site.answer(&request, &desk, made.await).await
}

/// The form with which one chooses sessions.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/sessions")]
pub async fn show_session_form(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = Own::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        if own.shown.registration.state.is_final() {
            return Ok(lead_to(own.address(&site)));
        }
        let (faults, said) = untouched();
        let more = context! { values => own.filled().values(), faults, said, ..own.context(&desk) };
        let named = ("registration-sessions.html", "registration");
        site.private(&request, (&own.seen, &desk), named, (StatusCode::OK, more)).await
    };
    site.answer(&request, &desk, made.await).await
}

/// What is done by a POST: whoever opens its address is led to the registration.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn lead_to_registration(request: HttpRequest, site: web::Data<Site>, path: Path4) -> HttpResponse {
    let (slug, tag, reference, _) = path.into_inner();
    let query = request.query_string();
    lead_to(format!("{}/conferences/{slug}/{tag}/registrations/{reference}?{query}", site.prefix))
}

/// Asks once more.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/cancel")]
pub async fn ask_before_cancelling(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let own = Own::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        let more = own.context(&desk);
        site.private(&request, (&own.seen, &desk), ("registration-cancel.html", "registration"), (StatusCode::OK, more))
            .await
    };
    site.answer(&request, &desk, made.await).await
}

/// What a form of one's own registration asks for.
enum Wish {
    Verify,
    Accept,
    Cancel,
    Change(Json),
    Choose(Vec<Code>),
}

/// Does with one's own registration what its page offers. A button that is pressed twice has done its work.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/{act}")]
pub async fn act_on_registration(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path4,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let own = Own::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        let filled = Filled::of_request(&request, &body)?;
        let (wish, name) = match path.3.as_str() {
            "verify" => (Wish::Verify, "verify an address"),
            "accept" => (Wish::Accept, "accept an offer"),
            "cancel" => (Wish::Cancel, "cancel a registration"),
            "change" => (Wish::Change(patch(&own, &filled)), "change a registration"),
            "sessions" => {
                let codes = filled.all("sessions").into_iter().filter_map(|code| Code::parse(code).ok());
                (Wish::Choose(codes.collect()), "choose sessions")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        let (template, notice) = match &wish {
            Wish::Change(_) => ("registration-change.html", "&notice=changed"),
            Wish::Choose(_) => ("registration-sessions.html", "&notice=sessions"),
            _ => ("registration.html", ""),
        };
        let credentials = Credentials::default().with_link(Some(own.token.clone()));
        let reference = own.shown.registration.reference.clone();
        let done = desk
            .write(name, &own.seen.snapshot, credentials, move |tx, errand| match &wish {
                Wish::Verify => actions::verify(tx, errand, &reference).map(|_| ()),
                Wish::Accept => actions::accept(tx, errand, &reference).map(|_| ()),
                Wish::Cancel => actions::cancel(tx, errand, &reference, None).map(|_| ()),
                Wish::Change(patch) => own_actions::change_details(tx, errand, &reference, patch).map(|_| ()),
                Wish::Choose(codes) => actions::choose_sessions(tx, errand, &reference, codes).map(|_| ()),
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
        let more = change_context(&own, &desk, &filled, refusal(&problem));
        site.private(&request, (&own.seen, &desk), (template, "registration"), (status, more)).await
    };
    site.answer(&request, &desk, made.await).await
}

/// What the form of a change makes of a registration (RFC 7396): all that it shows is as it was filled in.
fn patch(own: &Own, filled: &Filled) -> Json {
    let locked = own.locked();
    let apart = ["category", "email", "invitation", "sessions", "consent"];
    let sent = filled.fields();
    let mut patch = serde_json::Map::new();
    for field in FIELDS.iter().filter(|field| !locked.contains(&field.name) && !apart.contains(&field.name)) {
        // Every registration has a language: it cannot be taken back.
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

/// What somebody wants to be written to about.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/mail-preferences")]
pub async fn show_mail_preferences(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let seen = Seen::find(&desk.programmes, &path.0, &path.1)?;
        let token = parameter(&request, "token");
        let wants = preferences_of::find(&desk, seen.snapshot.place.id, (path.2.clone(), token)).await?;
        show_preferences(&request, &site, (&seen, &desk), wants).await
    };
    site.answer(&request, &desk, made.await).await
}

async fn show_preferences(
    request: &HttpRequest,
    site: &Site,
    (seen, desk): (&Seen, &Desk),
    announcements: bool,
) -> Result<HttpResponse, Problem> {
    let token = parameter(request, "token").unwrap_or_default();
    let more = context! { announcements, token => format!("token={token}") };
    site.private(request, (seen, desk), ("mail-preferences.html", "registration"), (StatusCode::OK, more)).await
}

/// Wants announcements no more, or again.
#[post("/conferences/{conference}/{lang}/registrations/{reference}/mail-preferences")]
pub async fn set_mail_preferences(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let seen = Seen::find(&desk.programmes, &path.0, &path.1)?;
        let wanted = parameter(&request, "announcements").as_deref() == Some("true");
        let named = (path.2.clone(), parameter(&request, "token"));
        preferences_of::set(&desk, seen.snapshot.place.id, named, wanted).await?;
        show_preferences(&request, &site, (&seen, &desk), wanted).await
    };
    site.answer(&request, &desk, made.await).await
}
