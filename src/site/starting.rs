//! The page that browsers get during the start: it needs no store and no file, and reloads by itself.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{StatusCode, header},
    web,
};
use minijinja::{Value, context};

use super::{page, service::Site, texts::is_right_to_left};

/// The page, if a browser asks: in all locales of the pages, the reader's first.
pub fn starting_page(request: &ServiceRequest) -> Option<HttpResponse> {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if request.path().starts_with("/api/") || !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return None;
    }
    let site = request.app_data::<web::Data<Site>>()?;
    let locale = site.preferred_locale(request.request());
    let mut tags: Vec<&str> = site.renderers.keys().map(String::as_str).collect();
    tags.sort_by_key(|tag| *tag != locale);
    let parts = tags.into_iter().filter_map(|tag| {
        let dir = if is_right_to_left(tag) { "rtl" } else { "ltr" };
        site.render(tag, "_starting.html", context! { lang => tag, dir }).ok()
    });
    let parts: Vec<Value> = parts.map(Value::from_safe_string).collect();
    let html = site.render(&locale, "starting.html", context! { lang => &locale, parts }).ok()?;
    Some(page::uncached_page(StatusCode::SERVICE_UNAVAILABLE, &locale, html))
}
