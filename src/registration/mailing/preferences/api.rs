//! `.../registrations/{reference}/mail-preferences`, where the link of an announcement leads.

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use deserr::Deserr;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    database::Connection,
    faults::Faults,
    http::{CodePath, Problem, Query, problem::AnyProblem},
    mail::{
        language_of,
        store::{self, Block},
    },
    registration::{
        RegistrationError,
        api::{Desk, NO_STORE, TokenQuery},
        page,
        store::find,
    },
};

const TEMPLATE: &str = include_str!("../../../../config/pages/mail-preferences.html");

/// What somebody wants to be written to about.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailPreferences {
    /// Whether announcements and reminders are sent. Letters about one's own registration always are.
    pub announcements: bool,
}

/// What the query of a wish says.
#[derive(Debug, Default, Deserr, utoipa::IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreferencesQuery {
    /// The token of the link.
    #[deserr(default)]
    pub token: Option<String>,
    /// `true`: announcements are wanted again. Left out: they are not.
    #[deserr(default)]
    pub announcements: Option<crate::values::Switch>,
}

/// The address of the registration whose link it is, in its language; nothing is told to anybody else.
fn reader(
    connection: &mut Connection,
    desk: &Desk,
    conference: crate::ids::ConferenceId,
    (reference, token): (&str, Option<&str>),
) -> Result<(String, String), RegistrationError> {
    let found = find(connection, conference, reference)?;
    let own = found.filter(|own| token.is_some_and(|token| desk.secret.is_preferences_token(token, own.id)));
    let own = own.ok_or(RegistrationError::NotFound)?;
    Ok((own.email.folded(), own.language))
}

fn wants(
    connection: &mut Connection,
    conference: crate::ids::ConferenceId,
    folded: &str,
) -> Result<bool, RegistrationError> {
    let blocks = store::blocked_of(connection, conference, &[folded.to_owned()])?;
    Ok(!blocks.iter().any(|(_, reason)| reason == Block::Unsubscribed.as_str()))
}

fn answer(
    request: &HttpRequest,
    conference: &str,
    (language, announcements): (&str, bool),
) -> Result<HttpResponse, Problem> {
    if !page::is_wanted(request) {
        return Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MailPreferences { announcements }));
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("mail-preferences.html", TEMPLATE).map_err(Problem::unexpected)?;
    // The form posts to the page itself.
    let token = request.query_string().split('&').find(|pair| pair.starts_with("token=")).unwrap_or_default();
    let page = environment
        .get_template("mail-preferences.html")
        .and_then(|template| {
            template.render(context! { language => language_of(language), announcements, conference, token })
        })
        .map_err(Problem::unexpected)?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page))
}

/// Reads what somebody wants to be written to about, by the link of an announcement. A browser gets a page.
#[utoipa::path(
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "What is wanted; for a browser, a page", content(
            (MailPreferences = "application/json"), (String = "text/html")
        )),
        AnyProblem
    ),
    security(("link" = []))
)]
#[get("/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences")]
pub async fn read_mail_preferences(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let (own_desk, conference, token) = (desk.clone(), snapshot.place.id, query.0.token);
    let read = move |tx: &mut Connection| {
        let (folded, language) = reader(tx, &own_desk, conference, (&reference, token.as_deref()))?;
        let wants = wants(tx, conference, &folded)?;
        Ok::<_, RegistrationError>((language, wants))
    };
    let (language, wants) = desk.database.read(read).await?;
    let about = &snapshot.agenda.conference;
    answer(&request, about.name.text(&language, &about.languages), (&language, wants))
}

/// Stops announcements and reminders to the address, as mail readers do by one click (RFC 8058); or wants them again.
#[utoipa::path(
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        PreferencesQuery
    ),
    responses(
        (status = 200, description = "What is wanted now; for a browser, a page", content(
            (MailPreferences = "application/json"), (String = "text/html")
        )),
        AnyProblem
    ),
    security(("link" = []))
)]
#[post("/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences")]
pub async fn set_mail_preferences(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<(CodePath, String)>,
    query: Query<PreferencesQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let (own_desk, conference) = (desk.clone(), snapshot.place.id);
    let wanted = query.0.announcements == Some(crate::values::Switch::On);
    let work = move |tx: &mut Connection| {
        let token = query.0.token.as_deref();
        let (folded, language) = reader(tx, &own_desk, conference, (&reference, token))?;
        if wanted {
            store::unblock(tx, conference, &folded, Block::Unsubscribed)?;
        } else {
            store::block(tx, conference, &folded, Block::Unsubscribed, None)?;
        }
        Ok::<_, RegistrationError>(language)
    };
    let language = desk.database.write("set mail preferences", work).await?;
    let about = &snapshot.agenda.conference;
    answer(&request, about.name.text(&language, &about.languages), (&language, wanted))
}
