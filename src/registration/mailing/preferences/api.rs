//! `.../registrations/{reference}/mail-preferences`, where the link of an announcement leads.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    database::Connection,
    faults::Faults,
    http::{CodePath, Problem, Query, problem::AnyProblem},
    mail::store::{self, Block},
    registration::{
        RegistrationError,
        api::{Desk, NO_STORE, TokenQuery},
        page, store as store_of,
    },
};

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

/// The address of the registration whose link it is; nothing is told to anybody else.
fn reader(
    connection: &mut Connection,
    desk: &Desk,
    conference: crate::ids::ConferenceId,
    (reference, token): (&str, Option<&str>),
) -> Result<String, RegistrationError> {
    let found = store_of::find(connection, conference, reference)?;
    let own = found.filter(|own| token.is_some_and(|token| desk.secret.is_preferences_token(token, own.id)));
    let own = own.ok_or(RegistrationError::NotFound)?;
    Ok(own.email.folded())
}

fn wants(
    connection: &mut Connection,
    conference: crate::ids::ConferenceId,
    folded: &str,
) -> Result<bool, RegistrationError> {
    let blocks = store::blocked_of(connection, conference, &[folded.to_owned()])?;
    Ok(!blocks.iter().any(|(_, reason)| reason == Block::Unsubscribed.as_str()))
}

/// Whether announcements are wanted, by the link of one: the reference and the link's token.
///
/// # Errors
/// It is no such link.
pub async fn find(
    desk: &Desk,
    conference: crate::ids::ConferenceId,
    (reference, token): (String, Option<String>),
) -> Result<bool, RegistrationError> {
    let own_desk = desk.clone();
    let read = move |tx: &mut Connection| {
        let folded = reader(tx, &own_desk, conference, (&reference, token.as_deref()))?;
        wants(tx, conference, &folded)
    };
    desk.database.read(read).await
}

/// Wants announcements, or no more.
///
/// # Errors
/// It is no such link.
pub async fn set(
    desk: &Desk,
    conference: crate::ids::ConferenceId,
    (reference, token): (String, Option<String>),
    wanted: bool,
) -> Result<(), RegistrationError> {
    let own_desk = desk.clone();
    let work = move |tx: &mut Connection| {
        let folded = reader(tx, &own_desk, conference, (&reference, token.as_deref()))?;
        if wanted {
            store::unblock(tx, conference, &folded, Block::Unsubscribed)?;
        } else {
            store::block(tx, conference, &folded, Block::Unsubscribed, None)?;
        }
        Ok::<_, RegistrationError>(())
    };
    desk.database.write("set mail preferences", work).await
}

/// Reads what somebody wants to be written to about, by the link of an announcement. A browser gets a page.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "What is wanted", body = MailPreferences),
        (status = 303, description = "For a browser: its page"),
        AnyProblem
    ),
    security(("link" = []))
)]
pub async fn read_mail_preferences(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    if page::is_wanted(&request) {
        return page::lead(&request, &desk, &snapshot, &format!("/registrations/{reference}/mail-preferences"));
    }
    let announcements = find(&desk, snapshot.place.id, (reference, query.0.token)).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MailPreferences { announcements }))
}

/// Stops announcements and reminders to the address, as mail readers do by one click (RFC 8058); or wants them again.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/{reference}/mail-preferences",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        PreferencesQuery
    ),
    responses(
        (status = 200, description = "What is wanted now", body = MailPreferences),
        AnyProblem
    ),
    security(("link" = []))
)]
pub async fn set_mail_preferences(
    desk: web::Data<Desk>,
    path: web::Path<(CodePath, String)>,
    query: Query<PreferencesQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let announcements = query.0.announcements == Some(crate::values::Switch::On);
    set(&desk, snapshot.place.id, (reference, query.0.token), announcements).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MailPreferences { announcements }))
}
