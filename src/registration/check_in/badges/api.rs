//! `/api/v1/conferences/{conference}/registrations/{reference}/badge` and its QR code, and sheets of badges.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{BadgeFacts, choose, find, in_first_language, print};
use crate::{
    access::{
        Credentials, authorise,
        badge::{Badge, BadgeKey},
    },
    database::{self, DatabaseError},
    faults::{Fault, Faults},
    http::{
        CodePath, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    qr,
    registration::{
        RegistrationError,
        api::{Desk, NO_STORE, TokenQuery},
        check_in::api::{next_page, read},
        setup::Colour,
    },
    values::{Code, Line},
};

/// The most badges of one document.
const BADGES_MAX: usize = 2000;

/// What stands on a badge.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationBadge)]
pub struct BadgeView {
    /// The registration's reference.
    pub reference: String,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// What they are there.
    pub position_title: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The name of their delegation, in the conference's first language.
    pub delegation: Option<String>,
    /// The category's code.
    pub category: Code,
    /// The category's name, in the conference's first language.
    pub category_name: String,
    /// The level of accreditation.
    pub level: Option<Line<20>>,
    /// The zones that it opens.
    pub zones: Vec<Code>,
    /// The colour of its band.
    pub colour: Option<Colour>,
    /// The generation of it: a renewed link makes earlier ones void.
    pub generation: i32,
    /// What its QR code says.
    pub code: String,
}

fn payload(desk: &Desk, facts: &BadgeFacts) -> Result<String, RegistrationError> {
    let registration = &facts.registration;
    let key = BadgeKey::of(&desk.secret, registration.conference)?;
    Ok(key.write(Badge { registration: registration.id, generation: registration.token_generation }))
}

/// Reads what stands on the badge of a confirmed registration.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let facts = read(&desk, &slug, credentials, move |tx, errand| find(tx, errand, &reference, "read_badge")).await?;
    let snapshot = desk.snapshot(&slug)?;
    let code = payload(&desk, &facts)?;
    let BadgeFacts { registration, category, category_name, level, zones, colour, delegation } = facts;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(BadgeView {
        reference: registration.reference,
        honorific: registration.honorific,
        given_name: registration.given_name,
        family_name: registration.family_name,
        organisation: registration.organisation,
        position_title: registration.position,
        country: registration.country,
        delegation: delegation.map(|name| in_first_language(&name, &snapshot.agenda)),
        category,
        category_name: in_first_language(&category_name, &snapshot.agenda),
        level,
        zones,
        colour,
        generation: registration.token_generation,
        code,
    }))
}

/// Reads the QR code of a confirmed registration's badge.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let facts =
        read(&desk, &slug, credentials, move |tx, errand| find(tx, errand, &reference, "read_badge_code")).await?;
    let modules = qr::modules(&payload(&desk, &facts)?);
    let modules = modules.ok_or_else(|| Problem::unexpected("a payload is too long for a code"))?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "image/svg+xml"))
        .body(qr::svg(&modules)))
}

/// Which badges are printed.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BadgesQuery {
    /// The code of a category: its badges alone.
    #[deserr(default)]
    pub category: Option<Code>,
    /// The reference of a registration: its badge alone.
    #[deserr(default)]
    pub reference: Option<String>,
    /// How many at most: 1 to 2000, 400 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// From the `Link` of the document before.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// Prints the badges of those who are confirmed, by name: A4, eight of 90 × 55 mm, with marks to cut by. Where there
/// are more, `Link` says where.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/badges.pdf",
    tag = "check-in",
    params(("conference" = String, Path, description = "The conference's slug"), BadgesQuery),
    responses(
        (status = 200, description = "The sheets", body = String, content_type = "application/pdf"),
        AnyProblem
    ),
    security(("bearer" = []))
)]
pub async fn print_badges(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BadgesQuery>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let BadgesQuery { category, reference, limit, cursor } = query.0;
    let (mut badges, most) = read(&desk, &slug, credentials, move |tx, errand| {
        authorise(tx, errand.credentials, "print_badges", Some(errand.place.id))?;
        if let Some(reference) = reference {
            return Ok((vec![(find(tx, errand, &reference, "print_badges")?, String::new())], 1));
        }
        let most = match limit.as_deref().map(str::parse::<usize>) {
            None => 400,
            Some(Ok(limit)) if (1..=BADGES_MAX).contains(&limit) => limit,
            Some(_) => {
                let fault = Fault::at("?limit", "out_of_range", format!("must be 1 to {BADGES_MAX}"));
                return Err(RegistrationError::Invalid(Faults(vec![fault])));
            }
        };
        let page = Page { limit: most, ..Page::read(None, cursor.as_deref())? };
        let after = page.after.as_deref().map(|key| {
            let (id, name) = key.split_once(' ').unwrap_or((key, ""));
            id.parse().map(|id| (name.to_owned(), id))
        });
        let after = after.transpose().map_err(|_| {
            let fault = Fault::at("?cursor", "invalid_cursor", "must come from the document before");
            RegistrationError::Invalid(Faults(vec![fault]))
        })?;
        let found = choose(tx, errand.place, errand.credentials, category.as_ref(), after, page.rows())?;
        Ok((found, most))
    })
    .await?;
    let has_more = badges.len() > most;
    badges.truncate(most);
    let next = badges.last().filter(|_| has_more).map(|(_, key)| next_page(&request, key));
    let badges: Vec<BadgeFacts> = badges.into_iter().map(|(facts, _)| facts).collect();
    let snapshot = desk.snapshot(&slug)?;
    let key = BadgeKey::of(&desk.secret, snapshot.place.id)?;
    let work = move || Ok::<_, DatabaseError>(print(&snapshot.agenda, &key, &badges));
    let document = database::blocking(work).await?.map_err(Problem::unexpected)?;
    let mut response = HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "application/pdf"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"badges-{slug}.pdf\"")))
        .body(document);
    link_next(&mut response, next.as_deref());
    Ok(response)
}
