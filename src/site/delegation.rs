//! The page of a delegation, for its focal point.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::context;
use serde_json::{Value as Json, json};

use super::{
    empty_form::EmptyForm,
    form::{FormErrors, SubmittedForm, asked_fields, questions_of},
    page::{PageContext, Template, copy_retry_after, redirect, value},
    query::parameter,
    service::Site,
};
use crate::{
    access::Credentials,
    database::Connection,
    delegations::{api::delegation_with_members, members::actions, views::DelegationWithMembers},
    http::{Problem, problem::NOT_FOUND},
    registration::{context::RequestContext, service::RegistrationService},
    site::page::country_choices,
};

type DelegationPath = web::Path<(String, String, String)>;
type MemberActionPath = web::Path<(String, String, String, String, String)>;

/// The form for a member.
struct MemberForm<'a> {
    /// Reference of the member who is replaced, if any.
    replacing: Option<&'a str>,
    values: &'a SubmittedForm,
    errors: FormErrors,
}

/// A delegation, opened with its link.
struct OpenedDelegation {
    page: PageContext,
    delegation: DelegationWithMembers,
    empty_form: EmptyForm,
    token: String,
}

impl OpenedDelegation {
    async fn find(
        request: &HttpRequest,
        service: &RegistrationService,
        slug: &str,
        tag: &str,
        code: &str,
    ) -> Result<Self, Problem> {
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let page = PageContext::find_for_holder(service, slug, tag).await?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let found = delegation_with_members(service, &page.snapshot, credentials, code).await;
        let delegation = page.for_holder(found.map_err(Problem::from))?;
        let empty_form = EmptyForm::find(request, &page, service, None).await?;
        Ok(Self { page, delegation, empty_form, token })
    }

    async fn show(
        &self,
        request: &HttpRequest,
        site: &Site,
        service: &RegistrationService,
        status: StatusCode,
        form: MemberForm<'_>,
    ) -> Result<HttpResponse, Problem> {
        let notice =
            parameter(request, "notice").filter(|notice| ["added", "removed", "replaced"].contains(&notice.as_str()));
        let code = self.delegation.delegation.category.as_str();
        let category = self.empty_form.setup_state.category(code);
        let shares_mailbox =
            self.delegation.delegation.shared_mailbox || category.is_some_and(|category| category.shared_mailbox);
        let context = context! {
            shares_mailbox,
            delegation => value(&self.delegation), token => self.token.as_str(), form => value(&self.empty_form.form),
            fields => value(asked_fields(
                &self.empty_form.setup_state,
                Some(self.delegation.delegation.category.as_str()),
                &self.page,
            )),
            questions => value(questions_of(&self.empty_form.form, &self.delegation.delegation.category)),
            values => form.values.values(), faults => form.errors.by_control, said => form.errors.of_form, notice,
            replacing => form.replacing, countries => country_choices(&self.page.locale),
        };
        let template = Template::new("delegation.html", "delegation");
        site.private_page(request, &self.page, service, template, status, context).await
    }

    /// The member in the form, as a request body of the API.
    fn member(&self, submitted: &SubmittedForm) -> Json {
        let mut request_body = submitted.fields();
        request_body.remove("category");
        request_body.remove("invitation");
        let answers = submitted.answers(&self.empty_form.questions, &self.delegation.delegation.category);
        request_body.insert("answers".to_owned(), Json::Object(answers));
        if let Some(level) = submitted.get("level") {
            request_body.insert("level".to_owned(), json!(level));
        }
        if submitted.get("is_head") == Some("true") {
            request_body.insert("is_head".to_owned(), json!(true));
        }
        Json::Object(request_body)
    }

    fn redirect_back(&self, site: &Site, notice: &str) -> HttpResponse {
        let (base, code) = (self.page.base(site), &self.delegation.delegation.code);
        redirect(format!("{base}/delegations/{code}?token={}&notice={notice}", self.token))
    }
}

/// Shows a delegation and its members.
#[get("/conferences/{conference}/{lang}/delegations/{delegation}")]
pub async fn show_delegation(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: DelegationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedDelegation::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let replacing = parameter(&request, "replace");
        let values = SubmittedForm::default();
        let form = MemberForm { replacing: replacing.as_deref(), values: &values, errors: FormErrors::none() };
        opened.show(&request, &site, &service, StatusCode::OK, form).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

/// Adds a member; if the form is refused, shows it again as it was filled in.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members")]
pub async fn add_member(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: DelegationPath,
    body: web::Bytes,
) -> HttpResponse {
    let response = async {
        let opened = OpenedDelegation::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let submitted = SubmittedForm::from_request(&request, &body)?;
        let (request_body, code) = (opened.member(&submitted), path.2.clone());
        let credentials = Credentials::default().with_link(Some(opened.token.clone()));
        let work = move |tx: &mut Connection, context: RequestContext<'_>| {
            actions::add(tx, context, &code, &request_body).map(|_| ())
        };
        match service.write("add a member", &opened.page.snapshot, credentials, work).await {
            Ok(()) => Ok(opened.redirect_back(&site, "added")),
            Err(error) => opened.show_refused_form(&request, &site, &service, None, &submitted, error.into()).await,
        }
    };
    site.answer_or_show_error(&request, &service, response.await).await
}

impl OpenedDelegation {
    async fn show_refused_form(
        &self,
        request: &HttpRequest,
        site: &Site,
        service: &RegistrationService,
        replacing: Option<&str>,
        submitted: &SubmittedForm,
        problem: Problem,
    ) -> Result<HttpResponse, Problem> {
        let status = actix_web::ResponseError::status_code(&problem);
        if status.is_server_error() || status == StatusCode::NOT_FOUND {
            return Err(problem);
        }
        let form = MemberForm { replacing, values: submitted, errors: FormErrors::of(&problem) };
        let mut response = self.show(request, site, service, status, form).await?;
        copy_retry_after(&problem, &mut response);
        Ok(response)
    }
}

/// Redirects a `GET` of an address that only takes `POST` to the page of the delegation.
#[get("/conferences/{conference}/{lang}/delegations/{delegation}/members{act:.*}")]
pub async fn redirect_to_delegation(
    request: HttpRequest,
    site: web::Data<Site>,
    path: web::Path<(String, String, String, String)>,
) -> HttpResponse {
    let (slug, tag, code, rest) = path.into_inner();
    let replacing = rest.strip_suffix("/replace").map(|member| format!("&replace={}", member.trim_start_matches('/')));
    let query = format!("{}{}", request.query_string(), replacing.unwrap_or_default());
    redirect(format!("{}/conferences/{slug}/{tag}/delegations/{code}?{query}", site.prefix))
}

/// Removes a member, or replaces one.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members/{reference}/{act}")]
pub async fn act_on_member(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: MemberActionPath,
    body: web::Bytes,
) -> HttpResponse {
    let response = async {
        let opened = OpenedDelegation::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let submitted = SubmittedForm::from_request(&request, &body)?;
        let credentials = Credentials::default().with_link(Some(opened.token.clone()));
        let (code, reference) = (path.2.clone(), path.3.clone());
        let snapshot = &opened.page.snapshot;
        let (result, notice) = match path.4.as_str() {
            "remove" => {
                let work = move |tx: &mut Connection, context: RequestContext<'_>| {
                    actions::remove(tx, context, &code, &reference).map(|_| ())
                };
                (service.write("remove a member", snapshot, credentials, work).await, "removed")
            }
            "replace" => {
                let request_body = opened.member(&submitted);
                let work = move |tx: &mut Connection, context: RequestContext<'_>| {
                    actions::replace(tx, context, &code, &reference, &request_body).map(|_| ())
                };
                (service.write("replace a member", snapshot, credentials, work).await, "replaced")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        match result {
            Ok(()) => Ok(opened.redirect_back(&site, notice)),
            Err(error) => {
                let replacing = (path.4 == "replace").then_some(path.3.as_str());
                opened.show_refused_form(&request, &site, &service, replacing, &submitted, error.into()).await
            }
        }
    };
    site.answer_or_show_error(&request, &service, response.await).await
}
