//! One's own programme: the sessions that a reader chose, and, behind a personal link, those that they signed up for.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use minijinja::context;

use super::{
    opened_registration::{OpenedRegistration, RegistrationPath},
    page::{PageContext, Template, value},
    programme::public_page,
    query::query_pairs,
    service::Site,
};
use crate::{
    programme::{filter::ProgrammeQuery, views::DayView},
    registration::{model::RegistrationStatus, service::RegistrationService, session_seats::SignUpState},
};

const MY_PROGRAMME: Template = Template::new("my-programme.html", "my-programme");

/// The codes of sessions in the query.
fn chosen_codes(request: &HttpRequest) -> BTreeSet<String> {
    query_pairs(request).into_iter().filter(|(key, _)| key == "session").map(|(_, code)| code).collect()
}

/// The days with these sessions alone. Those that are no longer in the release are left out: bookmarks outlive them.
fn days_of(page: &PageContext, is_wanted: impl Fn(&str) -> bool) -> Vec<DayView> {
    let mut days = page.view().days(&ProgrammeQuery::default());
    days.iter_mut().for_each(|day| day.sessions.retain(|session| is_wanted(session.code.as_str())));
    days
}

fn codes_of(days: &[DayView]) -> Vec<String> {
    days.iter().flat_map(|day| &day.sessions).map(|session| session.code.to_string()).collect()
}

/// Shows the sessions that a reader has chosen; the address contains them.
#[get("/conferences/{conference}/{lang}/my-programme")]
pub async fn show_my_programme(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    public_page(&request, &site, &service, &path.0, &path.1, MY_PROGRAMME, |page, _| {
        let codes = chosen_codes(&request);
        let days = days_of(page, |code| codes.contains(code));
        let chosen = codes_of(&days);
        let api = format!("{}/api/v1/conferences/{}", site.prefix, page.snapshot.conference.slug);
        let calendar =
            format!("{api}/programme.ics?lang={}&sessions={}", page.text_language.as_str(), chosen.join(","));
        let calendar = (!chosen.is_empty()).then_some(calendar);
        Ok(context! { days => value(days), count => chosen.len(), chosen, calendar })
    })
    .await
}

/// Shows the sessions that the holder of a personal link signed up for, and those that they chose besides.
#[get("/conferences/{conference}/{lang}/registrations/{reference}/my-programme")]
pub async fn show_own_programme(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: RegistrationPath,
) -> HttpResponse {
    let response = async {
        let opened = OpenedRegistration::find(&request, &service, &path.0, &path.1, &path.2).await?;
        let (page, registration) = (&opened.page, &opened.details.registration);
        let sessions = &page.snapshot.agenda.sessions;
        let sign_ups: BTreeMap<String, &str> = opened
            .details
            .sign_ups
            .iter()
            .filter_map(|sign_up| {
                let session = sessions.iter().find(|session| session.id == Some(sign_up.session_id))?;
                let state = match sign_up.state {
                    SignUpState::Confirmed => "seat",
                    SignUpState::Waitlisted => "waits",
                    SignUpState::Wished => "wished",
                };
                Some((session.code.to_string(), state))
            })
            .collect();
        let codes = chosen_codes(&request);
        let days = days_of(page, |code| codes.contains(code) || sign_ups.contains_key(code));
        let shown = codes_of(&days);
        let chosen: Vec<String> = shown.iter().filter(|code| codes.contains(*code)).cloned().collect();
        let action = format!("{}/registrations/{}/my-programme", page.base(&site), registration.reference);
        let api = format!("{}/api/v1/conferences/{}", site.prefix, page.snapshot.conference.slug);
        let calendar = format!("{api}/registrations/{}/calendar.ics?token={}", registration.reference, opened.token);
        let calendar = (registration.state == RegistrationStatus::Confirmed).then_some(calendar);
        let context = context! {
            days => value(&days), count => shown.len(), chosen, calendar, sign_ups => value(&sign_ups),
            own_programme => opened.programme_path(&site),
            own => context! {
                page => opened.page_path(&site), action, token => opened.token.as_str(),
                choice => opened.may_choose_sessions().then(|| opened.path_to(&site, "/sessions")),
            },
        };
        site.private_page(&request, page, &service, MY_PROGRAMME, StatusCode::OK, context).await
    };
    site.answer_or_show_error(&request, &service, response.await).await
}
