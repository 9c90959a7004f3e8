//! The page of a delegation, for its focal point.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::{
    form::{SubmittedForm, questions_of, refusal, untouched},
    page::{PageContext, lead_to, value},
    query::parameter,
    registration::EmptyForm,
    service::Site,
};
use crate::{
    access::Credentials,
    delegations::{
        api::{DelegationWithMembers, delegation_with_members},
        members::actions,
    },
    http::{Problem, problem::NOT_FOUND},
    registration::{model::FIELDS, service::RegistrationService},
    site::page::country_choices,
};

type Path3 = web::Path<(String, String, String)>;
type Path5 = web::Path<(String, String, String, String, String)>;

/// A delegation, opened with its link.
struct DelegationPage {
    seen: PageContext,
    delegation: DelegationWithMembers,
    blank: EmptyForm,
    token: String,
}

impl DelegationPage {
    async fn find(
        request: &HttpRequest,
        service: &RegistrationService,
        (slug, tag, code): (&str, &str, &str),
    ) -> Result<Self, Problem> {
        let seen = PageContext::find(&service.programmes, slug, tag)?;
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let delegation = delegation_with_members(service, &seen.snapshot, credentials, code).await?;
        let blank = EmptyForm::find(request, (&seen, service), None).await?;
        Ok(Self { seen, delegation, blank, token })
    }

    async fn page(
        &self,
        request: &HttpRequest,
        (site, service): (&Site, &RegistrationService),
        replacing: Option<&str>,
        filled: &SubmittedForm,
        (status, (faults, said)): (StatusCode, (Value, Value)),
    ) -> Result<HttpResponse, Problem> {
        let notice = parameter(request, "notice").filter(|it| ["added", "removed", "replaced"].contains(&it.as_str()));
        let more = context! {
            delegation => value(&self.delegation), token => self.token.as_str(), form => value(&self.blank.form),
            fields => value(FIELDS),
            questions => value(questions_of(&self.blank.form, &self.delegation.delegation.category)),
            values => filled.values(), faults, said, notice, replacing, countries => country_choices(&self.seen.tag),
        };
        site.private(request, (&self.seen, service), ("delegation.html", "delegation"), (status, more)).await
    }

    /// The member in the form, as a request body of the API.
    fn member(&self, filled: &SubmittedForm) -> Json {
        let mut sent = filled.fields();
        sent.remove("category");
        sent.remove("invitation");
        let answers = filled.answers(&self.blank.questions, &self.delegation.delegation.category);
        sent.insert("answers".to_owned(), Json::Object(answers));
        if let Some(level) = filled.get("level") {
            sent.insert("level".to_owned(), json!(level));
        }
        if filled.get("is_head") == Some("true") {
            sent.insert("is_head".to_owned(), json!(true));
        }
        Json::Object(sent)
    }

    fn back(&self, site: &Site, notice: &str) -> HttpResponse {
        let (base, code) = (self.seen.base(site), &self.delegation.delegation.code);
        lead_to(format!("{base}/delegations/{code}?token={}&notice={notice}", self.token))
    }
}

/// Shows a delegation and its members.
#[get("/conferences/{conference}/{lang}/delegations/{delegation}")]
pub async fn show_delegation(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let led = DelegationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let replacing = parameter(&request, "replace");
        let fresh = (StatusCode::OK, untouched());
        led.page(&request, (&site, &service), replacing.as_deref(), &SubmittedForm::default(), fresh).await
    };
    site.answer(&request, &service, made.await).await
}

/// Adds a member; if the form is refused, shows it again as it was filled in.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members")]
pub async fn add_member(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let led = DelegationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let filled = SubmittedForm::of_request(&request, &body)?;
        let (sent, code) = (led.member(&filled), path.2.clone());
        let credentials = Credentials::default().with_link(Some(led.token.clone()));
        let work = move |tx: &mut crate::database::Connection,
                         context: crate::registration::context::RequestContext<'_>| {
            actions::add(tx, context, &code, &sent).map(|_| ())
        };
        match service.write("add a member", &led.seen.snapshot, credentials, work).await {
            Ok(()) => Ok(led.back(&site, "added")),
            Err(error) => led.refuse(&request, (&site, &service), None, &filled, error.into()).await,
        }
    };
    site.answer(&request, &service, made.await).await
}

impl DelegationPage {
    async fn refuse(
        &self,
        request: &HttpRequest,
        both: (&Site, &RegistrationService),
        replacing: Option<&str>,
        filled: &SubmittedForm,
        problem: Problem,
    ) -> Result<HttpResponse, Problem> {
        let status = actix_web::ResponseError::status_code(&problem);
        if status.is_server_error() || status == StatusCode::NOT_FOUND {
            return Err(problem);
        }
        self.page(request, both, replacing, filled, (status, refusal(&problem))).await
    }
}

/// Redirects a `GET` of an address that only takes `POST` to the page of the delegation.
#[get("/conferences/{conference}/{lang}/delegations/{delegation}/members{act:.*}")]
pub async fn lead_to_delegation(
    request: HttpRequest,
    site: web::Data<Site>,
    path: web::Path<(String, String, String, String)>,
) -> HttpResponse {
    let (slug, tag, code, act) = path.into_inner();
    let replacing = act.strip_suffix("/replace").map(|member| format!("&replace={}", member.trim_start_matches('/')));
    let query = format!("{}{}", request.query_string(), replacing.unwrap_or_default());
    lead_to(format!("{}/conferences/{slug}/{tag}/delegations/{code}?{query}", site.prefix))
}

/// Removes a member, or replaces one.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members/{reference}/{act}")]
pub async fn act_on_member(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path5,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let led = DelegationPage::find(&request, &service, (&path.0, &path.1, &path.2)).await?;
        let filled = SubmittedForm::of_request(&request, &body)?;
        let credentials = Credentials::default().with_link(Some(led.token.clone()));
        let (code, reference) = (path.2.clone(), path.3.clone());
        let snapshot = &led.seen.snapshot;
        let (done, notice) = match path.4.as_str() {
            "remove" => {
                let work = move |tx: &mut crate::database::Connection,
                                 context: crate::registration::context::RequestContext<'_>| {
                    actions::remove(tx, context, &code, &reference).map(|_| ())
                };
                (service.write("remove a member", snapshot, credentials, work).await, "removed")
            }
            "replace" => {
                let sent = led.member(&filled);
                let work = move |tx: &mut crate::database::Connection,
                                 context: crate::registration::context::RequestContext<'_>| {
                    actions::replace(tx, context, &code, &reference, &sent).map(|_| ())
                };
                (service.write("replace a member", snapshot, credentials, work).await, "replaced")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        match done {
            Ok(()) => Ok(led.back(&site, notice)),
            Err(error) => {
                let replacing = (path.4 == "replace").then_some(path.3.as_str());
                led.refuse(&request, (&site, &service), replacing, &filled, error.into()).await
            }
        }
    };
    site.answer(&request, &service, made.await).await
}
