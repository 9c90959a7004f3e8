//! The pages of the site set-up: practical information, privacy notice, legal notice, accessibility statement.

use actix_web::{HttpRequest, HttpResponse, get, web};
use minijinja::{Value, context};

use super::{
    page::{PageContext, Template},
    programme::{not_found, public_page},
    service::Site,
};
use crate::{
    registration::service::RegistrationService,
    site_setup::{Controller, InformationPage},
};

const LIST: Template = Template::new("information.html", "information");
const PAGE: Template = Template::new("information-page.html", "information");
const PRIVACY: Template = Template::new("notice.html", "privacy");
const LEGAL: Template = Template::new("notice.html", "legal");
const ACCESSIBILITY: Template = Template::new("notice.html", "accessibility");

fn controller(page: &PageContext, Controller { name, address, email, data_protection_officer }: &Controller) -> Value {
    context! {
        name => page.text(name), address => address.as_ref().map(|address| page.text(address)),
        email => email.as_ref().map(|email| email.as_str()),
        data_protection_officer => data_protection_officer.as_ref().map(|email| email.as_str()),
    }
}

type ConferencePath = web::Path<(String, String)>;
type InformationPath = web::Path<(String, String, String)>;

/// Lists the pages of practical information.
#[get("/conferences/{conference}/{lang}/information")]
pub async fn list_information_pages(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, LIST, |page, setup| {
        let entry = |one: &InformationPage| context! { code => one.code.as_str(), title => page.text(&one.title) };
        let pages: Vec<Value> = setup.pages.iter().map(entry).collect();
        if pages.is_empty() { Err(not_found()) } else { Ok(context! { pages }) }
    })
    .await
}

/// Shows a page of practical information.
#[get("/conferences/{conference}/{lang}/information/{page}")]
pub async fn show_information_page(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: InformationPath,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, PAGE, |page, setup| {
        let one = setup.page(&path.2).ok_or_else(not_found)?;
        Ok(context! { title => page.text(&one.title), text => page.text(&one.body) })
    })
    .await
}

/// Shows the privacy notice that is in force, and who the controller is.
#[get("/conferences/{conference}/{lang}/privacy")]
pub async fn show_privacy_notice(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, PRIVACY, |page, setup| {
        let text = setup.privacy_notice.as_ref().ok_or_else(not_found)?;
        let controller = setup.controller.as_ref().map(|of| controller(page, of));
        Ok(context! { text => page.text(text), controller })
    })
    .await
}

/// Shows the legal notice.
#[get("/conferences/{conference}/{lang}/legal")]
pub async fn show_legal_notice(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, LEGAL, |page, setup| {
        let text = setup.legal_notice.as_ref().ok_or_else(not_found)?;
        Ok(context! { text => page.text(text), controller => Value::from(()) })
    })
    .await
}

/// Shows the accessibility statement.
#[get("/conferences/{conference}/{lang}/accessibility")]
pub async fn show_accessibility_statement(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, ACCESSIBILITY, |page, setup| {
        let text = setup.accessibility_statement.as_ref().ok_or_else(not_found)?;
        Ok(context! { text => page.text(text), controller => Value::from(()) })
    })
    .await
}
