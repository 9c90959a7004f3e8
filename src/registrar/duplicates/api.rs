//! `/api/v1/conferences/{conference}/duplicates`: pairs of registrations that are probably of one person.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, PairDetails};
use crate::{
    access::Credentials,
    clock,
    http::{CodePath, Json, NO_STORE, Problem, Query, paging::Page, problem::AnyProblem},
    ids::PossibleDuplicateId,
    registration::{
        actions::RegistrationDetails,
        duplicate_check::{DuplicateReason, DuplicateState},
        fields::{Field, PERSONAL_FIELDS},
        model::RegistrationStatus,
        service::RegistrationService,
    },
    validation::ValidationErrors,
    values::{ByName, Code, EmailAddress, Line},
};

/// Two registrations that are probably of one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PossibleDuplicate)]
pub struct PairView {
    /// Id of the pair.
    #[schema(value_type = String, format = "uuid")]
    pub id: PossibleDuplicateId,
    /// What is equal besides the name.
    pub reason: DuplicateReason,
    /// Decision about the pair.
    pub status: DuplicateState,
    /// Time at which the service flagged the pair (RFC 3339, UTC).
    pub flagged_at: String,
    /// Both registrations, the earlier one first.
    pub registrations: Vec<PairedRegistration>,
}

/// A registration of a pair, with the data that helps to decide.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairedRegistration {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Status of the registration.
    pub status: RegistrationStatus,
    /// Code of the category.
    pub category: Code,
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
    /// E-mail address; null if the person has none.
    pub email: Option<EmailAddress>,
    /// Organisation that the person represents; null if none was given.
    pub organisation: Option<String>,
    /// Position in the organisation; null if none was given.
    pub position_title: Option<String>,
    /// Country (ISO 3166-1 alpha-2); null if none was given.
    pub country: Option<String>,
    /// Phone number; null if none was given.
    pub phone: Option<String>,
    /// Date of birth (YYYY-MM-DD); null if none was given.
    pub birth_date: Option<String>,
    /// Number of sessions with a sign-up of this registration.
    pub sessions: usize,
    /// Time of the registration (RFC 3339, UTC).
    pub created_at: String,
}

impl From<RegistrationDetails> for PairedRegistration {
    fn from(details: RegistrationDetails) -> Self {
        let registration = details.registration;
        Self {
            reference: registration.reference,
            status: registration.state,
            category: details.category,
            full_name: registration.person.person_name().full(),
            honorific: registration.person.honorific,
            given_name: registration.person.given_name,
            family_name: registration.person.family_name,
            name: registration.person.name,
            latin_name: registration.person.latin_name,
            email: registration.person.email,
            organisation: registration.person.organisation,
            position_title: registration.person.position,
            country: registration.person.country,
            phone: registration.person.phone,
            birth_date: registration.person.birth_date.map(|date| date.to_string()),
            sessions: details.sign_ups.len(),
            created_at: clock::wire(registration.created_at),
        }
    }
}

impl From<PairDetails> for PairView {
    fn from(PairDetails { pair, registrations }: PairDetails) -> Self {
        Self {
            id: pair.id,
            reason: pair.reason,
            status: pair.state,
            flagged_at: clock::wire(pair.created_at.0),
            registrations: registrations.into_iter().map(PairedRegistration::from).collect(),
        }
    }
}

/// A page of pairs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PossibleDuplicateList {
    /// Open pairs, the oldest first.
    pub data: Vec<PairView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Query of pairs.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DuplicatesQuery {
    /// Greatest number of pairs on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// Cursor key: the pair with which a page ended.
struct Key(DateTime<Utc>, PossibleDuplicateId);

impl FromStr for Key {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        let at = DateTime::parse_from_rfc3339(at).map_err(|_| ())?.to_utc();
        Ok(Self(at, id.parse().map_err(|_| ())?))
    }
}

/// Lists pairs of live registrations that are probably of one person and about which no registrar has decided yet.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/duplicates",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), DuplicatesQuery),
    responses((status = 200, description = "A page of pairs", body = PossibleDuplicateList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_duplicates(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DuplicatesQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.into_inner().0).await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let after = page.key::<Key>()?.map(|Key(at, id)| (at, id));
    let rows = page.rows();
    let pairs =
        service.database.read(move |tx| actions::list(tx, &snapshot.conference, &credentials, after, rows)).await?;
    let pairs: Vec<PairView> = pairs.into_iter().map(PairView::from).collect();
    let key = |pair: &PairView| format!("{} {}", pair.flagged_at, pair.id);
    Ok(page.answer(&request, pairs, key, |data, next| PossibleDuplicateList { data, next }))
}

/// An empty object.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = DismissedDuplicate)]
pub struct Dismissal {}

/// The id in a path. A text that is no id becomes the nil id, which no pair has.
fn pair_id(text: &str) -> PossibleDuplicateId {
    text.parse().unwrap_or_else(|_| PossibleDuplicateId::from_uuid(uuid::Uuid::nil()))
}

/// Dismisses a pair: the registrations are of two people.
///
/// The pair is not flagged again for the same reason.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(Dismissal {}): Json<Dismissal>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let snapshot = service.conference(&slug).await?;
    let pair = service
        .write("dismiss a duplicate", &snapshot, credentials, move |tx, context| {
            actions::dismiss(tx, context, pair_id(&id))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(PairView::from(pair)))
}

/// How two registrations become one.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Merge {
    /// Reference of the registration to keep.
    pub keep: Line<40>,
    /// For a field about the person, by its name in the form, such as `honorific` or `email`: the reference of the
    /// registration whose value is taken. A field that is left out keeps its value; if the kept registration has none,
    /// the value of the other one is taken.
    #[deserr(default)]
    #[schema(required = false, value_type = Object)]
    pub fields: ByName<Line<40>>,
}

impl Merge {
    fn choices(&self) -> Result<Vec<(&'static Field, String)>, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        let names: Vec<_> = PERSONAL_FIELDS.iter().map(|field| field.name).collect();
        for name in self.fields.keys().filter(|name| !names.contains(&name.as_str())) {
            let detail = format!("is not known here; known: {}", names.join(", "));
            errors.add(format!("#/fields/{}", crate::validation::escaped(name)), "unknown_field", detail);
        }
        let choices =
            PERSONAL_FIELDS.iter().filter_map(|field| Some((field, self.fields.get(field.name)?.to_string())));
        errors.into_result(choices.collect())
    }
}

/// Merges the registrations of a pair into one.
///
/// The kept registration takes what it lacks, and the sessions, the delegation and the seat of the other one, which is
/// cancelled. The person gets one letter.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(merge): Json<Merge>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), id) = path.into_inner();
    let snapshot = service.conference(&slug).await?;
    let choices = merge.choices()?;
    let pair = service
        .write("merge two registrations", &snapshot, credentials, move |tx, context| {
            actions::merge(tx, context, pair_id(&id), merge.keep.as_str(), &choices)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(PairView::from(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_can_name_every_field() {
        let from = |field: &Field| (field.name.to_owned(), serde_json::json!("S-00000000"));
        let fields: serde_json::Map<_, _> = PERSONAL_FIELDS.iter().map(from).collect();
        let merge: Merge =
            crate::validation::read(serde_json::json!({ "keep": "S-00000000", "fields": fields })).unwrap();
        let named: Vec<_> = merge.choices().unwrap().into_iter().map(|(field, _)| field.name).collect();
        assert_eq!(named, PERSONAL_FIELDS.iter().map(|field| field.name).collect::<Vec<_>>());
    }
}
