//! Checks who may call an operation before its handler runs, so that nothing of a request but its head is read for a
//! caller who lacks the right.
//!
//! Invariants:
//! - Every operation of the table of routes passes [`authorise_request`]. A handler that writes checks again, in its
//!   transaction.
//! - A conference that is not public is, for everybody who holds neither a token nor a personal link of it, like one
//!   that does not exist: the same status and the same problem, from here. Handlers need not know.

use std::borrow::Cow;

use actix_web::{
    Error, FromRequest as _, HttpMessage as _, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web,
};

use crate::{
    access::{Credentials, Operation, authorise, authorise_within, may_read, policy::Access},
    agenda::{self, document::Listing},
    database::Connection,
    delegations,
    http::{NO_INDEX, Problem, ROBOTS, prefers_html, problem::NOT_FOUND},
    ids::ConferenceId,
    messaging::preferences,
    registration::{
        self, RegistrationError,
        service::{NeedsInvitation, RegistrationService},
    },
    values::{Code, TextValue as _},
};

/// Answers a request to `operation`: by its handler if the sender may call it, otherwise by a problem, without reading
/// its body.
///
/// # Errors
/// Those of the handler.
pub async fn authorise_request(
    operation: Operation,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(service) = request.app_data::<web::Data<RegistrationService>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let check = Check::of(operation, request.request());
    if let Err(problem) = check.run(&service, request.request()).await {
        return Ok(request.error_response(problem));
    }
    let is_for_everyone = check.is_about_conference && operation.access() == Access::Everyone;
    let listing = check.slug.as_ref().and_then(|slug| service.programmes.listing(slug));
    let mut response = next.call(request).await?.map_into_boxed_body();
    let headers = response.headers_mut();
    if is_for_everyone && listing != Some(Listing::Listed) {
        headers.insert(ROBOTS, NO_INDEX);
    }
    if is_for_everyone && listing.is_none_or(|listing| listing == Listing::Private) {
        // Caches must not keep what only the holders of a token or a link may read.
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-store"));
    }
    if operation.may_change_listing()
        && response.status().is_success()
        && let Err(error) = service.programmes.refresh(&service.database).await
    {
        // It is committed; the poll sees it as soon as the store answers again.
        tracing::warn!(%error, "the listing of a conference is not served yet");
    }
    Ok(response)
}

/// What the head of a request says about its sender and what it is about.
struct Check {
    operation: Operation,
    credentials: Credentials,
    /// The conference; `None` if the operation is about none, or the path names none that can exist.
    slug: Option<Code>,
    is_about_conference: bool,
    reference: Option<String>,
    delegation: Option<String>,
    invitation: Option<String>,
}

impl Check {
    fn of(operation: Operation, request: &HttpRequest) -> Self {
        let segment = |name: &str| request.match_info().get(name).map(str::to_owned);
        let parameter = |name: &str| {
            let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
            pairs.filter(|(key, _)| key == name).map(|(_, value)| Cow::into_owned(value)).last()
        };
        let credentials = Credentials::from_request(request, &mut Payload::None).into_inner().unwrap_or_default();
        Self {
            operation,
            credentials: credentials.with_link(parameter("token")),
            slug: segment("conference").and_then(|slug| Code::parse(&slug).ok()),
            is_about_conference: request.match_info().get("conference").is_some(),
            reference: segment("reference"),
            delegation: segment("delegation"),
            invitation: parameter("invitation"),
        }
    }

    async fn run(&self, service: &RegistrationService, request: &HttpRequest) -> Result<(), Problem> {
        match self.operation.access() {
            Access::Everyone => self.check_public(service, request).await,
            // The page to which a browser is redirected says what is wrong with a link.
            Access::OwnOrRoles(_) if prefers_html(request) && request.method().is_safe() => {
                match self.slug.as_ref().is_some_and(|slug| service.programmes.public(slug).is_some()) {
                    true => Ok(()),
                    false => self.check_right(service).await.map_err(|_| no_conference()),
                }
            }
            _ => self.check_right(service).await,
        }
    }

    /// Checks that the sender may call an operation that is not for everybody.
    async fn check_right(&self, service: &RegistrationService) -> Result<(), Problem> {
        let (operation, credentials, secret) = (self.operation, self.credentials.clone(), service.secret.clone());
        let (slug, is_about_conference) = (self.slug.clone(), self.is_about_conference);
        let (reference, delegation) = (self.reference.clone(), self.delegation.clone());
        let check = move |tx: &mut Connection| {
            if operation.access() == Access::ServerAdmins {
                return Ok(authorise(tx, &credentials, operation, None).map(|_| ())?);
            }
            if !is_about_conference {
                return Ok(authorise_within(tx, &credentials, operation).map(|_| ())?);
            }
            let conference = find_id(tx, slug.as_ref())?;
            let Err(error) = authorise(tx, &credentials, operation, conference) else { return Ok(()) };
            let Some(conference) = conference.filter(|_| operation.accepts_personal_link()) else {
                return Err(error.into());
            };
            let has_link = match (&delegation, &reference) {
                (Some(code), _) => delegations::actions::has_link(tx, conference, code, &credentials, &secret)?,
                (None, Some(reference)) => {
                    registration::actions::has_link(tx, conference, reference, &credentials, &secret)?
                }
                (None, None) => false,
            };
            if has_link { Ok(()) } else { Err(RegistrationError::from(error)) }
        };
        Ok(service.database.read(check).await?)
    }

    /// Checks that the sender may see the conference of an operation that is for everybody.
    async fn check_public(&self, service: &RegistrationService, request: &HttpRequest) -> Result<(), Problem> {
        let Some(slug) = self.slug.clone().filter(|slug| service.programmes.public(slug).is_none()) else {
            // A path without a conference, or with one that everybody may see, or with none that can exist.
            return Ok(());
        };
        // A preview has a token of its own, and answers every other token as it answers for no conference.
        if self.operation == Operation::ReadPreview {
            return Ok(());
        }
        if self.credentials.bearer.is_some() {
            let (credentials, of_token) = (self.credentials.clone(), slug.clone());
            let may_read = move |tx: &mut Connection| {
                let conference = find_id(tx, Some(&of_token))?;
                Ok::<_, RegistrationError>(match conference {
                    Some(conference) => may_read(tx, &credentials, conference)?,
                    None => false,
                })
            };
            if service.database.read(may_read).await? {
                let is_released = service.programmes.get(&slug).is_some();
                return if is_released || self.is_prepared_beforehand() { Ok(()) } else { Err(nothing_released()) };
            }
        }
        if self.operation == Operation::Register {
            // The invitation is in the body: the handler checks it.
            request.extensions_mut().insert(NeedsInvitation);
            return Ok(());
        }
        if self.has_personal_link(service, request, slug).await? { Ok(()) } else { Err(no_conference()) }
    }

    /// Whether the operation is about what can be prepared before anything is released: registration and the site.
    fn is_prepared_beforehand(&self) -> bool {
        use Operation::{
            ReadCheckInKey, ReadMailPreferences, ReadRegistrationForm, ReadRegistrationSchema, ReadSite, Register,
            RequestRegistrationLink, SetMailPreferences,
        };
        [
            ReadCheckInKey,
            ReadMailPreferences,
            ReadRegistrationForm,
            ReadRegistrationSchema,
            ReadSite,
            Register,
            RequestRegistrationLink,
            SetMailPreferences,
        ]
        .contains(&self.operation)
    }

    /// Whether the query has an invitation to the conference, or the token of a letter.
    async fn has_personal_link(
        &self,
        service: &RegistrationService,
        request: &HttpRequest,
        slug: Code,
    ) -> Result<bool, Problem> {
        let secret = service.secret.clone();
        match (self.operation, self.invitation.clone(), self.reference.clone()) {
            (Operation::ReadRegistrationForm | Operation::ReadRegistrationSchema, Some(code), _) => {
                Ok(service.is_invited(request, &slug, Some(code)).await?)
            }
            (Operation::ReadMailPreferences | Operation::SetMailPreferences, _, Some(reference)) => {
                let token = self.credentials.link_token.clone();
                let check = move |tx: &mut Connection| {
                    let conference = find_id(tx, Some(&slug))?;
                    Ok::<_, RegistrationError>(match conference {
                        Some(id) => preferences::api::has_link(tx, &secret, id, &reference, token.as_deref())?,
                        None => false,
                    })
                };
                Ok(service.database.read(check).await?)
            }
            _ => Ok(false),
        }
    }
}

fn find_id(connection: &mut Connection, slug: Option<&Code>) -> Result<Option<ConferenceId>, RegistrationError> {
    let Some(slug) = slug else { return Ok(None) };
    Ok(agenda::actions::lookup(connection, slug)?.map(|conference| conference.id))
}

fn no_conference() -> Problem {
    Problem::new(&NOT_FOUND).detail("there is no such conference")
}

/// For a reader with a token: the conference exists, but what the operation reads does not yet.
fn nothing_released() -> Problem {
    Problem::new(&NOT_FOUND).detail("nothing is released yet: publish the agenda first")
}
