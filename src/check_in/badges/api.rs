//! `/api/v1/conferences/{conference}/registrations/{reference}/badge`, `.../qr.svg` and `.../badges.pdf`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    BadgeData, Fonts, find, in_first_language, list, print, printable::UnprintableText, sheet::unprintable_texts,
};
use crate::{
    access::{
        Credentials, Operation, authorise,
        badge::{Badge, BadgeKey},
    },
    agenda::Agenda,
    check_in::api::{next_page_link, read},
    database::{self, Connection, DatabaseError},
    http::{
        CodePath, NO_STORE, Problem, Query, TokenQuery,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    qr,
    registration::{RegistrationError, context::RequestContext, service::RegistrationService, setup::Colour},
    validation::{ValidationError, ValidationErrors},
    values::{Code, Line},
};

/// Limit of badges in one document.
const BADGES_MAX: usize = 2000;
/// Most references in the header of a document.
const NAMED_MAX: usize = 100;
/// Header of a document: the references of badges that are not printed as they are written.
const UNPRINTABLE_HEADER: &str = "unprintable-badges";

/// What is printed on a badge, with the payload of its QR code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationBadge)]
pub struct BadgeView {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Honorific, such as Dr, H.E. or Sir; null if none was given.
    pub honorific: Option<String>,
    /// The name as one text, without the honorific: `name`, or given and family name.
    pub full_name: String,
    /// Given name; null if the person has none, or if it is not known.
    pub given_name: Option<String>,
    /// Family name, or the only name; null where `name` has the whole name.
    pub family_name: Option<String>,
    /// The whole name as it was written, where its parts are not known; else null.
    pub name: Option<String>,
    /// The name in Latin letters, as in a passport; null if none was given.
    pub latin_name: Option<String>,
    /// Organisation that the person represents; null if none was given.
    pub organisation: Option<String>,
    /// Position in the organisation; null if none was given.
    pub position_title: Option<String>,
    /// Country (ISO 3166-1 alpha-2); null if none was given.
    pub country: Option<String>,
    /// Name of the delegation in the conference's first language; null if the person is in none.
    pub delegation: Option<String>,
    /// Code of the category.
    pub category: Code,
    /// Name of the category in the conference's first language.
    pub category_name: String,
    /// Level of accreditation; null if the badge has none.
    pub level: Option<Line<20>>,
    /// Codes of the zones to which the badge gives access.
    pub zones: Vec<Code>,
    /// Colour of the band at the top, such as `#003399`; null for the default colour.
    pub colour: Option<Colour>,
    /// Generation of the badge. A renewed link makes badges of earlier generations void.
    pub generation: i32,
    /// Text of the QR code: the signed payload in base64url without padding. `/check-in-key` describes its format.
    pub code: String,
    /// Texts that are not printed as they are written, because the fonts lack some of their characters.
    pub unprintable: Vec<UnprintableText>,
}

fn payload(service: &RegistrationService, badge: &BadgeData) -> Result<String, RegistrationError> {
    let registration = &badge.registration;
    let key = BadgeKey::derive(&service.secret, registration.conference)?;
    Ok(key.sign(Badge { registration: registration.id, generation: registration.token_generation }))
}

/// Reads the badge of a confirmed registration.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/badge",
    tag = "check-in",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "The badge", body = BadgeView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_badge(
    service: web::Data<RegistrationService>,
    fonts: web::Data<Fonts>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let badge =
        read(&service, &slug, credentials, move |tx, context| find(tx, context, &reference, Operation::ReadBadge))
            .await?;
    let snapshot = service.conference(&slug).await?;
    let code = payload(&service, &badge)?;
    let unprintable = unprintable_texts(&badge, &snapshot.agenda, &fonts);
    let BadgeData { registration, category, category_name, level, zones, colour, delegation } = badge;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(BadgeView {
        reference: registration.reference,
        full_name: registration.person.person_name().full(),
        honorific: registration.person.honorific,
        given_name: registration.person.given_name,
        family_name: registration.person.family_name,
        name: registration.person.name,
        latin_name: registration.person.latin_name,
        organisation: registration.person.organisation,
        position_title: registration.person.position,
        country: registration.person.country,
        delegation: delegation.map(|name| in_first_language(&name, &snapshot.agenda)),
        category,
        category_name: in_first_language(&category_name, &snapshot.agenda),
        level,
        zones,
        colour,
        generation: registration.token_generation,
        code,
        unprintable,
    }))
}

/// Reads the QR code of a confirmed registration's badge as SVG.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/qr.svg",
    tag = "check-in",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "The QR code", body = String, content_type = "image/svg+xml"), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_badge_code(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let badge =
        read(&service, &slug, credentials, move |tx, context| find(tx, context, &reference, Operation::ReadBadgeCode))
            .await?;
    let modules = qr::modules(&payload(&service, &badge)?);
    let modules = modules.ok_or_else(|| Problem::unexpected("a payload is too long for a code"))?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "image/svg+xml"))
        .body(qr::svg(&modules)))
}

/// Query of badges to print.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BadgesQuery {
    /// Only badges of the category with this code.
    #[deserr(default)]
    pub category: Option<Code>,
    /// Only the badge of the registration with this reference. The other parameters are then ignored.
    #[deserr(default)]
    pub reference: Option<String>,
    /// Greatest number of badges in the document, from 1 to 2,000; 400 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from the `Link` header of the document before; the first document if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

impl BadgesQuery {
    /// The badges, each with its cursor key, and how many of them belong to the answer: one more says that there are
    /// more.
    fn find(
        self,
        connection: &mut Connection,
        context: RequestContext<'_>,
        operation: Operation,
    ) -> Result<(Vec<(BadgeData, String)>, usize), RegistrationError> {
        let Self { category, reference, limit, cursor } = self;
        authorise(connection, context.credentials, operation, Some(context.conference.id))?;
        if let Some(reference) = reference {
            let badge = find(connection, context, &reference, operation)?;
            return Ok((vec![(badge, String::new())], 1));
        }
        let limit = match limit.as_deref().map(str::parse::<usize>) {
            None => 400,
            Some(Ok(limit)) if (1..=BADGES_MAX).contains(&limit) => limit,
            Some(_) => {
                let error = ValidationError::at("?limit", "out_of_range", format!("must be 1 to {BADGES_MAX}"));
                return Err(RegistrationError::Invalid(ValidationErrors(vec![error])));
            }
        };
        let page = Page { limit, ..Page::read(None, cursor.as_deref())? };
        let after = page.after.as_deref().map(|key| {
            let (id, name) = key.split_once(' ').unwrap_or((key, ""));
            id.parse().map(|id| (name.to_owned(), id))
        });
        let after = after.transpose().map_err(|_| {
            let error = ValidationError::at("?cursor", "invalid_cursor", "must come from the Link of a document");
            RegistrationError::Invalid(ValidationErrors(vec![error]))
        })?;
        let badges = list(connection, context.conference, category.as_ref(), after, page.rows())?;
        Ok((badges, limit))
    }
}

/// The badges that the query names, and the address of the next ones.
async fn read_badges(
    request: &HttpRequest,
    service: &RegistrationService,
    credentials: Credentials,
    slug: &Code,
    query: BadgesQuery,
    operation: Operation,
) -> Result<(Vec<BadgeData>, Option<String>), Problem> {
    let find = move |tx: &mut Connection, context: RequestContext<'_>| query.find(tx, context, operation);
    let (mut badges, limit) = read(service, slug, credentials, find).await?;
    let has_more = badges.len() > limit;
    badges.truncate(limit);
    let next = badges.last().filter(|_| has_more).map(|(_, key)| next_page_link(request, key));
    Ok((badges.into_iter().map(|(badge, _)| badge).collect(), next))
}

/// Prints the badges of confirmed registrations as PDF, in the order of names.
///
/// Each A4 page has eight badges of 90 × 55 mm, with cut marks. If there are more badges, the header `Link: <...>;
/// rel="next"` gives the next document. If the fonts lack characters of some badges, the header `Unprintable-Badges`
/// lists their references, at most 100; `badges/check` says more.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/badges.pdf",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), BadgesQuery),
    responses(
        (
            status = 200, description = "The badges as a PDF document", body = String,
            content_type = "application/pdf",
            headers(("unprintable-badges" = Option<String>, description = "Badges that are not printed as they are written"))
        ),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn print_badges(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    fonts: web::Data<Fonts>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BadgesQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let (badges, next) = read_badges(&request, &service, credentials, &slug, query.0, Operation::PrintBadges).await?;
    let snapshot = service.conference(&slug).await?;
    let key = BadgeKey::derive(&service.secret, snapshot.conference.id)?;
    let work = move || Ok::<_, DatabaseError>(print(&snapshot.agenda, &key, &badges, &fonts));
    let (document, unprintable) = database::blocking(work).await?.map_err(Problem::unexpected)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "application/pdf"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"badges-{slug}.pdf\"")));
    if !unprintable.is_empty() {
        let more = if unprintable.len() > NAMED_MAX { ", ..." } else { "" };
        let named: Vec<_> = unprintable.iter().take(NAMED_MAX).map(String::as_str).collect();
        response.insert_header((UNPRINTABLE_HEADER, format!("{}{more}", named.join(", "))));
    }
    let mut response = response.body(document);
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// A badge that is not printed as it is written.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnprintableBadge {
    /// The registration's reference.
    pub reference: String,
    pub texts: Vec<UnprintableText>,
}

impl UnprintableBadge {
    fn of(badge: &BadgeData, agenda: &Agenda, fonts: &Fonts) -> Option<Self> {
        let texts = unprintable_texts(badge, agenda, fonts);
        (!texts.is_empty()).then(|| Self { reference: badge.registration.reference.clone(), texts })
    }
}

/// Which badges are not printed as they are written.
#[derive(Debug, Serialize, ToSchema)]
pub struct BadgesCheck {
    /// Badges that were checked.
    pub checked: usize,
    /// Those of them that are not printed as they are written, in the order of names.
    pub data: Vec<UnprintableBadge>,
    /// Address of the check of the next badges; null if these were the last.
    pub next: Option<String>,
}

/// Checks which badges have texts that cannot be printed as they are written, before they are printed.
///
/// Takes the query of `badges.pdf`, and checks the badges of that document. For each text it says which characters are
/// missing, what is printed instead, and which fonts have them. No character is missing where a text is too long for
/// its space and is cut.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/badges/check",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), BadgesQuery),
    responses((status = 200, description = "Badges that are not printed as they are written", body = BadgesCheck), AnyProblem),
    security(("bearer" = []))
)]
pub async fn check_badges(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    fonts: web::Data<Fonts>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BadgesQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let (badges, next) = read_badges(&request, &service, credentials, &slug, query.0, Operation::CheckBadges).await?;
    let snapshot = service.conference(&slug).await?;
    let work = move || {
        let data = badges.iter().filter_map(|badge| UnprintableBadge::of(badge, &snapshot.agenda, &fonts)).collect();
        Ok::<_, DatabaseError>((badges.len(), data))
    };
    let (checked, data) = database::blocking(work).await?;
    let mut response =
        HttpResponse::Ok().insert_header(NO_STORE).json(BadgesCheck { checked, data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}
