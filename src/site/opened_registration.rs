//! A registration as its personal link opens it, for the pages of its holder.

use actix_web::{HttpRequest, web};
use minijinja::{Value, context};

use super::{
    empty_form::EmptyForm,
    form::{AskedField, SubmittedForm, asked_fields},
    page::{PageContext, country_choices, value},
    query::parameter,
    service::Site,
};
use crate::{
    access::{
        Actor, Credentials, Operation,
        badge::{Badge, BadgeKey},
    },
    http::{Problem, problem::NOT_FOUND},
    qr,
    registration::{
        RegistrationError,
        actions::{self, RegistrationDetails},
        form::Question,
        model::{HistoryEntry, RegistrationStatus},
        service::RegistrationService,
        setup::state::questions_of_version,
        views::registration_view,
    },
    self_service::actions as self_service,
};

/// The conference, the language and the reference.
pub type RegistrationPath = web::Path<(String, String, String)>;

/// A registration, opened with its personal link.
pub struct OpenedRegistration {
    pub page: PageContext,
    pub details: RegistrationDetails,
    history: Vec<HistoryEntry>,
    /// The questions that its answers belong to.
    pub questions: Vec<Question>,
    pub empty_form: EmptyForm,
    pub token: String,
}

impl OpenedRegistration {
    pub async fn find(
        request: &HttpRequest,
        service: &RegistrationService,
        slug: &str,
        tag: &str,
        reference: &str,
    ) -> Result<Self, Problem> {
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let page = PageContext::find_for_holder(service, slug, tag).await?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let reference = reference.to_owned();
        let opened = service
            .read(&page.snapshot, credentials, move |tx, context| {
                let (details, actor) = actions::find_details(
                    tx,
                    context.conference,
                    &reference,
                    context.credentials,
                    context.secret,
                    Operation::ReadRegistration,
                )?;
                if actor != Actor::attendee() {
                    return Err(RegistrationError::NotFound);
                }
                let history = actions::history(tx, &details.registration)?;
                let questions = questions_of_version(tx, context.conference.id, details.registration.form_version)?;
                Ok((details, history, questions))
            })
            .await;
        let (details, history, questions) = page.for_holder(opened.map_err(Problem::from))?;
        let empty_form = EmptyForm::find(request, &page, service, None).await?;
        Ok(Self { page, details, history, questions, empty_form, token })
    }

    /// The path of its page.
    pub fn page_path(&self, site: &Site) -> String {
        self.path_to(site, "")
    }

    /// The part of the template context that every page of a registration has.
    pub fn common_context(&self, service: &RegistrationService) -> Value {
        let view = registration_view(service, &self.page.snapshot, &self.details, true, self.history.clone());
        context! {
            registration => value(view), token => self.token.as_str(), form => value(&self.empty_form.form),
            said => Value::from(()), countries => country_choices(&self.page.locale),
        }
    }

    pub fn current_values(&self) -> SubmittedForm {
        let agenda = &self.page.snapshot.agenda;
        let code =
            |id| agenda.sessions.iter().find(|session| session.id == Some(id)).map(|session| session.code.to_string());
        let sessions = self.details.sign_ups.iter().filter_map(|sign_up| code(sign_up.session_id));
        SubmittedForm::from_registration(&self.details.registration, sessions.collect())
    }

    /// The QR code of the badge as SVG, while the registration is confirmed.
    pub fn badge_code(&self, service: &RegistrationService) -> Result<Option<String>, Problem> {
        let registration = &self.details.registration;
        if registration.state != RegistrationStatus::Confirmed {
            return Ok(None);
        }
        let key = BadgeKey::derive(&service.secret, registration.conference)?;
        let badge = Badge { registration: registration.id, generation: registration.token_generation };
        Ok(qr::modules(&key.sign(badge)).map(|modules| qr::svg(&modules)))
    }

    /// The fields that the form of its category asks for.
    pub fn asked_fields(&self) -> Vec<AskedField> {
        asked_fields(&self.empty_form.setup_state, Some(self.details.category.as_str()), &self.page)
    }

    /// The names of form controls that only organisers may change.
    pub fn locked_controls(&self) -> Vec<&'static str> {
        let category = self.empty_form.form.categories.iter().find(|category| category.code == self.details.category);
        let needs_approval = category.is_none_or(|category| category.needs_approval);
        self_service::organisers_only_fields(needs_approval, self.details.registration.state)
    }

    pub fn programme_path(&self, site: &Site) -> String {
        self.path_to(site, "/my-programme")
    }

    /// Whether the person may sign up for sessions, or withdraw.
    pub fn may_choose_sessions(&self) -> bool {
        let is_live = !self.details.registration.state.is_final();
        is_live && !self.empty_form.form.sessions.is_empty()
    }

    /// The path of a page of the registration.
    pub fn path_to(&self, site: &Site, rest: &str) -> String {
        let (base, reference) = (self.page.base(site), &self.details.registration.reference);
        format!("{base}/registrations/{reference}{rest}?token={}", self.token)
    }
}
