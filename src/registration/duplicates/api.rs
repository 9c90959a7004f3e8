//! `/api/v1/conferences/{conference}/duplicates`: pairs of registrations that are probably of one person.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, MergedField, ShownPair};
use crate::{
    access::Credentials,
    clock,
    faults::Faults,
    http::{
        CodePath, Json, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::PossibleDuplicateId,
    registration::{
        actions::Shown,
        api::{Desk, NO_STORE},
        model::State,
    },
    values::{Code, EmailAddress, Line},
};

/// Two registrations that are probably of one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PossibleDuplicate)]
pub struct PairView {
    /// What it is called.
    #[schema(value_type = String, format = "uuid")]
    pub id: PossibleDuplicateId,
    /// What is the same beside the name: `birth_date` or `organisation`.
    pub reason: String,
    /// What was said about it: `open`, `dismissed` or `merged`.
    pub status: String,
    /// When it was noticed.
    pub flagged_at: String,
    /// Both, the earlier one first.
    pub registrations: Vec<PairedRegistration>,
}

/// What tells whether two registrations are of one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairedRegistration {
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    pub status: State,
    /// The category's code.
    pub category: Code,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// Where mail goes.
    pub email: EmailAddress,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// What they are there.
    pub position_title: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// Where to call.
    pub phone: Option<String>,
    /// Their date of birth.
    pub birth_date: Option<String>,
    /// How many sessions they are signed up for.
    pub sessions: usize,
    /// When it was made.
    pub created_at: String,
}

impl From<Shown> for PairedRegistration {
    fn from(shown: Shown) -> Self {
        let registration = shown.registration;
        Self {
            reference: registration.reference,
            status: registration.state,
            category: shown.category,
            honorific: registration.honorific,
            given_name: registration.given_name,
            family_name: registration.family_name,
            email: registration.email,
            organisation: registration.organisation,
            position_title: registration.position,
            country: registration.country,
            phone: registration.phone,
            birth_date: registration.birth_date.map(|date| date.to_string()),
            sessions: shown.sign_ups.len(),
            created_at: clock::wire(registration.created_at),
        }
    }
}

impl From<ShownPair> for PairView {
    fn from(ShownPair { pair, both }: ShownPair) -> Self {
        Self {
            id: pair.id,
            reason: pair.reason,
            status: pair.state,
            flagged_at: clock::wire(pair.created_at.0),
            registrations: both.into_iter().map(PairedRegistration::from).collect(),
        }
    }
}

/// A page of pairs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PossibleDuplicateList {
    /// The open pairs, the oldest first.
    pub data: Vec<PairView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// Which page is wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DuplicatesQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// Where a page ended.
struct Key(DateTime<Utc>, PossibleDuplicateId);

impl FromStr for Key {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        let at = DateTime::parse_from_rfc3339(at).map_err(|_| ())?.to_utc();
        Ok(Self(at, id.parse().map_err(|_| ())?))
    }
}

/// Lists pairs of live registrations that are probably of one person and that nobody has judged yet.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/duplicates",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), DuplicatesQuery),
    responses((status = 200, description = "A page of pairs", body = PossibleDuplicateList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_duplicates(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DuplicatesQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.into_inner().0)?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let after = page.key::<Key>()?.map(|Key(at, id)| (at, id));
    let rows = page.rows();
    let pairs = desk.database.read(move |tx| actions::list(tx, &snapshot.place, &credentials, after, rows)).await?;
    let mut data: Vec<PairView> = pairs.into_iter().map(PairView::from).collect();
    let next = page.cut(&request, &mut data, |pair| format!("{} {}", pair.flagged_at, pair.id));
    let mut response =
        HttpResponse::Ok().insert_header(NO_STORE).json(PossibleDuplicateList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// A request that says nothing.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = DismissedDuplicate)]
pub struct Dismissal {}

/// The id in a path; what is none names no pair.
fn pair_id(text: &str) -> PossibleDuplicateId {
    text.parse().unwrap_or_else(|_| PossibleDuplicateId::from_uuid(uuid::Uuid::nil()))
}

/// Says that two registrations are of two people. The pair is not shown again for the same reason.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/duplicates/{duplicate}/dismiss",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("duplicate" = String, Path, description = "The pair's id")
    ),
    request_body = Dismissal,
    responses((status = 200, description = "The pair, dismissed", body = PairView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn dismiss_duplicate(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(Dismissal {}): Json<Dismissal>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let snapshot = desk.snapshot(&slug)?;
    let pair = desk
        .write("dismiss a duplicate", &snapshot, credentials, move |tx, errand| {
            actions::dismiss(tx, errand, pair_id(&id))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(PairView::from(pair)))
}

/// How two registrations become one.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Merge {
    /// The reference of the one that is kept.
    pub keep: Line<40>,
    /// The reference of the registration from which each field is taken. What is not named is the kept one's, or the
    /// other's where the kept one has none.
    #[deserr(default)]
    #[schema(required = false, value_type = Object)]
    pub fields: BTreeMap<String, Line<40>>,
}

impl Merge {
    fn fields(&self) -> Result<BTreeMap<MergedField, String>, Faults> {
        let mut faults = Faults::default();
        let mut fields = BTreeMap::new();
        for (name, from) in &self.fields {
            match MergedField::from_word(name) {
                Some(field) => _ = fields.insert(field, from.to_string()),
                None => {
                    let detail = format!("is not known here; known: {}", MergedField::WORDS.join(", "));
                    faults.add(format!("#/fields/{}", crate::faults::escaped(name)), "unknown_field", detail);
                }
            }
        }
        faults.or(fields)
    }
}

/// Makes one registration of two: the one that is kept takes what it lacks, with the sessions, the delegation and the
/// seat of the other, which is cancelled. The person gets one letter.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/duplicates/{duplicate}/merge",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("duplicate" = String, Path, description = "The pair's id")
    ),
    request_body = Merge,
    responses((status = 200, description = "The pair, merged", body = PairView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn merge_duplicate(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(merge): Json<Merge>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let snapshot = desk.snapshot(&slug)?;
    let fields = merge.fields()?;
    let pair = desk
        .write("merge two registrations", &snapshot, credentials, move |tx, errand| {
            actions::merge(tx, errand, pair_id(&id), merge.keep.as_str(), &fields)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(PairView::from(pair)))
}
