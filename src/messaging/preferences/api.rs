//! `.../registrations/{reference}/mail-preferences`, the target of the link in announcements and reminders.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::ServerSecret,
    database::{Connection, DatabaseError},
    http::{CodePath, NO_STORE, Problem, Query, TokenQuery, problem::AnyProblem},
    ids::ConferenceId,
    mail::block_list::{self, BlockReason},
    registration::{RegistrationError, model::Registration, rows as registrations, service::RegistrationService},
    validation::ValidationErrors,
    values::Switch,
};

/// Which optional mail a person gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailPreferences {
    /// Whether the person gets announcements and reminders. Letters about their own registration are always sent.
    pub announcements: bool,
    /// Whether several people may be registered with the same address. The choice is that of the mailbox: it applies to
    /// all of them.
    pub is_shared_mailbox: bool,
}

/// Query of a change of mail preferences.
#[derive(Debug, Default, Deserr, utoipa::IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreferencesQuery {
    /// Token of the link in an announcement or reminder.
    #[deserr(default)]
    pub token: Option<String>,
    /// `true` subscribes to announcements and reminders again; `false` or nothing unsubscribes.
    #[deserr(default)]
    pub announcements: Option<Switch>,
}

/// The registration, if the token is the one of its preferences link. Any other token gets the same error as
/// an unknown registration.
fn find_authorised(
    connection: &mut Connection,
    service: &RegistrationService,
    conference: ConferenceId,
    reference: &str,
    token: Option<&str>,
) -> Result<Registration, RegistrationError> {
    let registration = find_by_link(connection, &service.secret, conference, reference, token)?;
    registration.ok_or(RegistrationError::NotFound)
}

fn find_by_link(
    connection: &mut Connection,
    secret: &ServerSecret,
    conference: ConferenceId,
    reference: &str,
    token: Option<&str>,
) -> Result<Option<Registration>, DatabaseError> {
    let is_holder = |id| token.is_some_and(|token| secret.is_preferences_token(token, id));
    let registration = registrations::find(connection, conference, reference)?;
    Ok(registration.filter(|registration| is_holder(registration.id)))
}

/// Whether the token is that of the link to the mail preferences of the registration with this reference.
pub fn has_link(
    connection: &mut Connection,
    secret: &ServerSecret,
    conference: ConferenceId,
    reference: &str,
    token: Option<&str>,
) -> Result<bool, DatabaseError> {
    Ok(find_by_link(connection, secret, conference, reference, token)?.is_some())
}

/// The mail preferences, for the holder of a preferences link.
///
/// # Errors
/// [`RegistrationError::NotFound`] for any other link.
pub async fn find_subscription(
    service: &RegistrationService,
    conference: ConferenceId,
    reference: String,
    token: Option<String>,
) -> Result<MailPreferences, RegistrationError> {
    let (database, service) = (&service.database, service.clone());
    let read = move |tx: &mut Connection| {
        let registration = find_authorised(tx, &service, conference, &reference, token.as_deref())?;
        let address = registration.person.address_folded().ok_or(RegistrationError::NotFound)?;
        let blocks = block_list::find_blocked(tx, conference, &[address])?;
        let announcements = !blocks.iter().any(|(_, reason)| *reason == BlockReason::Unsubscribed);
        Ok(MailPreferences { announcements, is_shared_mailbox: registration.shares_mailbox })
    };
    database.read(read).await
}

/// Subscribes to announcements or unsubscribes from them.
///
/// # Errors
/// [`RegistrationError::NotFound`] for any other link.
pub async fn set_subscription(
    service: &RegistrationService,
    conference: ConferenceId,
    reference: String,
    token: Option<String>,
    subscribes: bool,
) -> Result<MailPreferences, RegistrationError> {
    let (database, service) = (&service.database, service.clone());
    let work = move |tx: &mut Connection| {
        let registration = find_authorised(tx, &service, conference, &reference, token.as_deref())?;
        let folded_address = registration.person.address_folded().ok_or(RegistrationError::NotFound)?;
        if subscribes {
            block_list::unblock(tx, conference, &folded_address, BlockReason::Unsubscribed)?;
        } else {
            block_list::block(tx, conference, &folded_address, BlockReason::Unsubscribed, None)?;
        }
        let is_shared_mailbox = registration.shares_mailbox;
        Ok::<_, RegistrationError>(MailPreferences { announcements: subscribes, is_shared_mailbox })
    };
    database.write("set mail preferences", work).await
}

/// Reads the mail preferences of the holder of an announcement's link.
///
/// A browser is redirected to the page of the preferences.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "The preferences", body = MailPreferences),
        (status = 303, description = "For a browser: redirect to the page"),
        AnyProblem
    ),
    security(("link" = []))
)]
pub async fn read_mail_preferences(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    if crate::http::prefers_html(&request) {
        return crate::registration::html_redirect::redirect(
            &request,
            &service,
            &snapshot,
            &format!("/registrations/{reference}/mail-preferences"),
        );
    }
    let preferences = find_subscription(&service, snapshot.conference.id, reference, query.0.token).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preferences))
}

/// Unsubscribes from announcements and reminders, or subscribes again.
///
/// Without parameters, this is the one-click unsubscription of mail clients (RFC 8058).
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        PreferencesQuery
    ),
    responses(
        (status = 200, description = "The preferences after the change", body = MailPreferences),
        AnyProblem
    ),
    security(("link" = []))
)]
pub async fn set_mail_preferences(
    service: web::Data<RegistrationService>,
    path: web::Path<(CodePath, String)>,
    query: Query<PreferencesQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let subscribes = query.0.announcements == Some(Switch::On);
    let conference = snapshot.conference.id;
    let preferences = set_subscription(&service, conference, reference, query.0.token, subscribes).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preferences))
}
