//! The page of a delegation, for its focal point.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::{
    Site,
    form::{Filled, questions_of, refusal, untouched},
    page::{Seen, lead_to, value},
    programme::{countries, parameter},
    registration::Blank,
};
use crate::{
    access::Credentials,
    http::{Problem, problem::NOT_FOUND},
    registration::{
        api::Desk,
        delegations::{
            api::{DelegationWithMembers, whole},
            members::actions,
        },
        model::FIELDS,
    },
};

type Path3 = web::Path<(String, String, String)>;
type Path5 = web::Path<(String, String, String, String, String)>;

/// A delegation, for whoever holds its link.
struct Led {
    seen: Seen,
    delegation: DelegationWithMembers,
    blank: Blank,
    token: String,
}

impl Led {
    async fn find(request: &HttpRequest, desk: &Desk, (slug, tag, code): (&str, &str, &str)) -> Result<Self, Problem> {
        let seen = Seen::find(&desk.programmes, slug, tag)?;
        let token = parameter(request, "token").ok_or_else(|| Problem::new(&NOT_FOUND))?;
        let credentials = Credentials::default().with_link(Some(token.clone()));
        let delegation = whole(desk, &seen.snapshot, credentials, code).await?;
        let blank = Blank::find(request, (&seen, desk), None).await?;
        Ok(Self { seen, delegation, blank, token })
    }

    async fn page(
        &self,
        request: &HttpRequest,
        (site, desk): (&Site, &Desk),
        replacing: Option<&str>,
        filled: &Filled,
        (status, (faults, said)): (StatusCode, (Value, Value)),
    ) -> Result<HttpResponse, Problem> {
        let notice = parameter(request, "notice").filter(|it| ["added", "removed", "replaced"].contains(&it.as_str()));
        let more = context! {
            delegation => value(&self.delegation), token => self.token.as_str(), form => value(&self.blank.form),
            fields => value(FIELDS),
            questions => value(questions_of(&self.blank.form, &self.delegation.delegation.category)),
            values => filled.values(), faults, said, notice, replacing, countries => countries(&self.seen.tag),
        };
        site.private(request, (&self.seen, desk), ("delegation.html", "delegation"), (status, more)).await
    }

    /// The member that a form speaks of, as the API takes it.
    fn member(&self, filled: &Filled) -> Json {
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

/// A delegation and its members.
#[get("/conferences/{conference}/{lang}/delegations/{delegation}")]
pub async fn show_delegation(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
) -> HttpResponse {
    let made = async {
        let led = Led::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        let replacing = parameter(&request, "replace");
        let fresh = (StatusCode::OK, untouched());
        led.page(&request, (&site, &desk), replacing.as_deref(), &Filled::default(), fresh).await
    };
    site.answer(&request, &desk, made.await).await
}

/// Adds a member; a form that is refused comes back as it was filled in.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members")]
pub async fn add_member(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path3,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let led = Led::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        let filled = Filled::of_request(&request, &body)?;
        let (sent, code) = (led.member(&filled), path.2.clone());
        let credentials = Credentials::default().with_link(Some(led.token.clone()));
        let work = move |tx: &mut crate::database::Connection, errand: crate::registration::actions::Errand<'_>| {
            actions::add(tx, errand, &code, &sent).map(|_| ())
        };
        match desk.write("add a member", &led.seen.snapshot, credentials, work).await {
            Ok(()) => Ok(led.back(&site, "added")),
            Err(error) => led.refuse(&request, (&site, &desk), None, &filled, error.into()).await,
        }
    };
    site.answer(&request, &desk, made.await).await
}

impl Led {
    async fn refuse(
        &self,
        request: &HttpRequest,
        both: (&Site, &Desk),
        replacing: Option<&str>,
        filled: &Filled,
        problem: Problem,
    ) -> Result<HttpResponse, Problem> {
        let status = actix_web::ResponseError::status_code(&problem);
        if status.is_server_error() || status == StatusCode::NOT_FOUND {
            return Err(problem);
        }
        self.page(request, both, replacing, filled, (status, refusal(&problem))).await
    }
}

/// What is done by a POST: whoever opens its address is led to the delegation.
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

/// Takes a member out, or puts another in their place.
#[post("/conferences/{conference}/{lang}/delegations/{delegation}/members/{reference}/{act}")]
pub async fn act_on_member(
    request: HttpRequest,
    site: web::Data<Site>,
    desk: web::Data<Desk>,
    path: Path5,
    body: web::Bytes,
) -> HttpResponse {
    let made = async {
        let led = Led::find(&request, &desk, (&path.0, &path.1, &path.2)).await?;
        let filled = Filled::of_request(&request, &body)?;
        let credentials = Credentials::default().with_link(Some(led.token.clone()));
        let (code, reference) = (path.2.clone(), path.3.clone());
        let snapshot = &led.seen.snapshot;
        let (done, notice) = match path.4.as_str() {
            "remove" => {
                let work = move |tx: &mut crate::database::Connection,
                                 errand: crate::registration::actions::Errand<'_>| {
                    actions::remove(tx, errand, (&code, &reference)).map(|_| ())
                };
                (desk.write("remove a member", snapshot, credentials, work).await, "removed")
            }
            "replace" => {
                let sent = led.member(&filled);
                let work = move |tx: &mut crate::database::Connection,
                                 errand: crate::registration::actions::Errand<'_>| {
                    actions::replace(tx, errand, (&code, &reference), &sent).map(|_| ())
                };
                (desk.write("replace a member", snapshot, credentials, work).await, "replaced")
            }
            _ => return Err(Problem::new(&NOT_FOUND)),
        };
        match done {
            Ok(()) => Ok(led.back(&site, notice)),
            Err(error) => {
                let replacing = (path.4 == "replace").then_some(path.3.as_str());
                led.refuse(&request, (&site, &desk), replacing, &filled, error.into()).await
            }
        }
    };
    site.answer(&request, &desk, made.await).await
}
