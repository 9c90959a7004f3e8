//! `/api/v1/conferences/{conference}/delegations`, and the reference list of the Member States of the United Nations.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    DelegationError, DelegationKind, RegionalGroup,
    actions::{self, DelegationDetails},
    members::MemberView,
    reference::{self, MemberState},
    store::{self, FocalPoint, Member},
};
use crate::{
    access::{Credentials, Operation, authorise},
    agenda::{document::Precedence, edit::api::MergePatch},
    clock,
    database::Connection,
    delegations::model::{NewDelegation, NewMemberStates},
    http::{
        CodePath, Json, NO_STORE, Problem, Query, Representation, answer,
        extract::Document,
        idempotency::IdempotencyKey,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::RegistrationId,
    programme::Snapshot,
    registration::{
        context::{ReleasedAgenda, RequestContext},
        model::fold,
        service::RegistrationService,
    },
    validation::{self, ValidationErrors},
    values::{Code, CountryCode, EmailAddress, LanguageTag, Line, Localised, text_enum},
};

/// Result of creating the delegations of Member States.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeDelegations {
    /// Codes of the delegations that were created.
    pub created: Vec<Code>,
    /// Number of requested delegations that existed before.
    pub existing: usize,
}

/// The focal point of a delegation.
#[derive(Debug, Serialize, ToSchema)]
pub struct FocalPointView {
    /// Name of the focal point.
    pub name: String,
    /// E-mail address to which the focal point's link is sent.
    pub email: EmailAddress,
    /// Language of letters to the focal point; null stands for the conference's first language.
    pub language: Option<LanguageTag>,
}

impl From<FocalPoint> for FocalPointView {
    fn from(person: FocalPoint) -> Self {
        Self { name: person.name, email: person.email, language: person.language }
    }
}

/// The head of a delegation.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeadView {
    /// Reference of the head's registration, such as `GP-7K3M9Q2X`.
    pub reference: String,
    /// Full name: honorific, given name, family name.
    pub name: String,
    /// Class of the head in the order of precedence.
    pub level: Precedence,
}

/// A delegation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegation)]
pub struct DelegationView {
    /// Code of the delegation, unique in the conference.
    pub code: Code,
    /// Kind of the delegation.
    pub kind: DelegationKind,
    /// Name of the delegation, by language.
    pub name: Localised,
    /// Country, as an ISO 3166-1 alpha-2 code; null if none.
    pub country: Option<CountryCode>,
    /// Regional group of the United Nations; null if none.
    pub regional_group: Option<RegionalGroup>,
    /// Code of the category in which new members are registered.
    pub category: Code,
    /// Highest number of members; null for no limit.
    pub quota: Option<i64>,
    /// Number of members whose registration is live: unverified, pending, confirmed or on the waiting list.
    pub size: i64,
    /// Head of the delegation; null if none.
    pub head: Option<HeadView>,
    /// Focal point of the delegation; null if none.
    pub focal_point: Option<FocalPointView>,
    /// Time of creation (RFC 3339, UTC).
    pub created_at: String,
    /// Time of the last change (RFC 3339, UTC).
    pub updated_at: String,
}

impl From<DelegationDetails> for DelegationView {
    fn from(shown: DelegationDetails) -> Self {
        let delegation = shown.delegation;
        let head = |head: Member| HeadView {
            name: head.registration.full_name(),
            reference: head.registration.reference,
            level: head.membership.level,
        };
        Self {
            code: delegation.code,
            kind: delegation.kind,
            name: delegation.name,
            country: delegation.country,
            regional_group: delegation.regional_group,
            category: shown.category,
            quota: delegation.quota,
            size: delegation.members,
            head: shown.head.map(head),
            focal_point: delegation.focal_point.map(FocalPointView::from),
            created_at: clock::wire(delegation.created_at),
            updated_at: clock::wire(delegation.updated_at),
        }
    }
}

/// A delegation with a page of its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationWithMembers {
    /// The delegation.
    #[serde(flatten)]
    pub delegation: DelegationView,
    /// Members whose registration is live, in the order in which they were added.
    pub members: Vec<MemberView>,
    /// Path and query of the next page of members; null on the last page.
    pub next: Option<String>,
}

/// A page of delegations.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationList {
    /// The delegations of this page, in the order that was asked for.
    pub data: Vec<DelegationView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// The Member States of the United Nations.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberStateList {
    /// All 193 Member States, in the order of their ISO 3166-1 alpha-2 codes.
    pub data: &'static [MemberState],
}

/// Lists the 193 Member States of the United Nations, with their names in English and French and their regional groups.
#[utoipa::path(
    get, path = "/api/v1/reference/member-states",
    tag = "registration",
    responses((status = 200, description = "The Member States", body = MemberStateList), AnyProblem)
)]
pub async fn list_member_states(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let list = MemberStateList { data: reference::member_states() };
    let private = Representation::private(&list)?;
    let vary = header::HeaderValue::from_static("Accept-Encoding");
    Ok(answer(&request, Representation { cache_control: "public, max-age=86400", vary, ..private }))
}

text_enum! {
    /// The key by which delegations are sorted; a leading `-` reverses the order.
    DelegationOrder {
        /// By name in the conference's first language.
        Name = "name",
        /// By name, in reverse order.
        NameDescending = "-name",
        /// By number of members, the smallest first.
        Size = "size",
        /// By number of members, the largest first.
        SizeDescending = "-size",
        /// By regional group, then by name; delegations without a group come last.
        RegionalGroup = "regional_group",
        /// By regional group, in reverse order.
        RegionalGroupDescending = "-regional_group",
        /// By the head's class in the order of precedence, heads of State first; delegations without a head come last.
        HeadLevel = "head_level",
        /// By the head's class in the order of precedence, in reverse order.
        HeadLevelDescending = "-head_level",
    }
}

/// Filters, order and page of the list of delegations.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelegationQuery {
    /// Highest number of delegations on the page, 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, as in `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Order of the list; `name` if left out.
    #[deserr(default)]
    pub sort: Option<DelegationOrder>,
    /// Only delegations of this kind.
    #[deserr(default)]
    pub kind: Option<DelegationKind>,
    /// Only delegations of this regional group.
    #[deserr(default)]
    pub regional_group: Option<RegionalGroup>,
    /// Only delegations whose head is of this class in the order of precedence.
    #[deserr(default)]
    pub head_level: Option<Precedence>,
    /// Only delegations whose name (in any language) or code contains this text; case and accents do not matter.
    #[deserr(default)]
    pub name: Option<Line<200>>,
}

impl DelegationQuery {
    fn wants(&self, shown: &DelegationDetails) -> bool {
        let delegation = &shown.delegation;
        let level = shown.head.as_ref().map(|head| head.membership.level);
        let is_named = |text: &Line<200>| {
            let text = fold(text.as_str());
            delegation.code.as_str().contains(&text)
                || delegation.name.map().values().any(|name| fold(name).contains(&text))
        };
        self.kind.is_none_or(|kind| kind == delegation.kind)
            && self.regional_group.is_none_or(|group| Some(group) == delegation.regional_group)
            && self.head_level.is_none_or(|wanted| Some(wanted) == level)
            && self.name.as_ref().is_none_or(is_named)
    }

    /// The sort key of a delegation. It ends with the code, so that no two keys are equal.
    fn key(&self, shown: &DelegationDetails, languages: &[LanguageTag]) -> String {
        use DelegationOrder as Order;
        let delegation = &shown.delegation;
        let first = languages.first().map_or("en", LanguageTag::as_str);
        let name = fold(delegation.name.text(first, languages));
        let before = match self.sort.unwrap_or(Order::Name) {
            Order::Name | Order::NameDescending => String::new(),
            Order::Size | Order::SizeDescending => format!("{:020}", delegation.members),
            Order::RegionalGroup | Order::RegionalGroupDescending => {
                // `~` sorts after every group, so that delegations without a group come last.
                delegation.regional_group.map_or("~", RegionalGroup::as_str).to_owned()
            }
            Order::HeadLevel | Order::HeadLevelDescending => {
                let level = shown.head.as_ref().map(|head| head.membership.level.as_str());
                let rank = Precedence::WORDS.iter().position(|word| Some(*word) == level);
                format!("{:03}", rank.unwrap_or(999))
            }
        };
        format!("{before}\n{name}\n{}", delegation.code)
    }

    fn is_descending(&self) -> bool {
        self.sort.is_some_and(|sort| sort.as_str().starts_with('-'))
    }

    /// The requested page, each delegation with its sort key; one more than the limit where another page follows.
    fn choose(
        &self,
        all: Vec<DelegationDetails>,
        page: &Page,
        languages: &[LanguageTag],
    ) -> Vec<(String, DelegationDetails)> {
        let wanted = all.into_iter().filter(|shown| self.wants(shown));
        let mut keyed: Vec<(String, DelegationDetails)> =
            wanted.map(|shown| (self.key(&shown, languages), shown)).collect();
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        if self.is_descending() {
            keyed.reverse();
        }
        let is_after = |key: &str| match &page.after {
            Some(after) if self.is_descending() => key < after.as_str(),
            Some(after) => key > after.as_str(),
            None => true,
        };
        keyed.retain(|(key, _)| is_after(key));
        keyed.truncate(page.limit.saturating_add(1));
        keyed
    }
}

/// Lists the delegations of a conference with their size and their head.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/delegations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), DelegationQuery),
    responses((status = 200, description = "A page of delegations", body = DelegationList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_delegations(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    let place = snapshot.place.clone();
    let all = service.database.read(move |tx| {
        authorise(tx, &credentials, Operation::ListDelegations, Some(place.id))?;
        actions::all(tx, &place)
    });
    let all = all.await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let mut found = query.0.choose(all, &page, &snapshot.agenda.conference.languages);
    let next = page.cut(&request, &mut found, |(key, _)| key.clone());
    let data = found.into_iter().map(|(_, shown)| shown.into()).collect();
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(DelegationList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Checks that the sender is a registrar before the body of the request is read.
async fn admit(
    service: &RegistrationService,
    snapshot: &Snapshot,
    credentials: &Credentials,
    operation: Operation,
) -> Result<(), Problem> {
    let (credentials, conference) = (credentials.clone(), snapshot.place.id);
    let asked = service.database.read(move |tx| {
        authorise(tx, &credentials, operation, Some(conference)).map(|_| ()).map_err(DelegationError::from)
    });
    Ok(asked.await?)
}

/// Checks that the sender is the delegation's focal point or a registrar before the body of the request is read.
pub async fn admit_to(
    service: &RegistrationService,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: &Credentials,
    code: &str,
    operation: Operation,
) -> Result<(), Problem> {
    let (credentials, code, secret) = (credentials.clone(), code.to_owned(), service.secret.clone());
    let snapshot = std::sync::Arc::clone(snapshot);
    let asked = service.database.read(move |tx: &mut Connection| {
        let released = ReleasedAgenda { agenda: &snapshot.agenda, number: None };
        let context = RequestContext { place: &snapshot.place, released, credentials: &credentials, secret: &secret };
        super::actions::authorise_for_delegation(tx, context, &code, operation).map(|_| ())
    });
    Ok(asked.await?)
}

/// Creates a delegation.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = NewDelegation,
    responses((status = 201, description = "The delegation", body = DelegationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    admit(&service, &snapshot, &credentials, Operation::CreateDelegation).await?;
    let sent = body.receive().await?;
    let wish: NewDelegation = validation::read(sent.clone())?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::create_once(tx, context, &wish, &key, &sent);
    let made = service.write("create a delegation", &snapshot, credentials, work).await?;
    let location = actions::path(&snapshot.agenda, &made.delegation.code);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header(NO_STORE)
        .json(DelegationView::from(made)))
}

/// Creates the missing delegations of Member States: of all 193, or of the countries that are named.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/member-states",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewMemberStates,
    responses((status = 200, description = "The codes of the new delegations", body = MadeDelegations), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_member_state_delegations(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    admit(&service, &snapshot, &credentials, Operation::CreateMemberStateDelegations).await?;
    let wish: NewMemberStates = validation::read(body.receive().await?)?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::create_member_states(tx, context, &wish);
    let (created, existing) = service.write("create delegations", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MadeDelegations { created, existing }))
}

/// The token of the focal point's link, and the page of members.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OneDelegationQuery {
    /// Token of the focal point's link. It can be sent as a bearer token in `Authorization` instead.
    #[deserr(default)]
    pub token: Option<String>,
    /// Highest number of members on the page, 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, as in `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

async fn with_members(
    service: &RegistrationService,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: Credentials,
    code: String,
    after: Option<RegistrationId>,
    limit: i64,
) -> Result<(DelegationDetails, Vec<Member>), DelegationError> {
    let (seen, secret) = (std::sync::Arc::clone(snapshot), service.secret.clone());
    let read = service.database.read(move |tx: &mut Connection| {
        let released = ReleasedAgenda { agenda: &seen.agenda, number: None };
        let context = RequestContext { place: &seen.place, released, credentials: &credentials, secret: &secret };
        let (delegation, _) = super::actions::authorise_for_delegation(tx, context, &code, Operation::ReadDelegation)?;
        let members = store::members(tx, delegation.id, after, limit)?;
        Ok((actions::show(tx, &seen.place, delegation)?, members))
    });
    read.await
}

/// The most members that [`whole`] shows.
const MEMBERS_SHOWN: i64 = 1_000;

/// A delegation with its first 1,000 members.
///
/// # Errors
/// Those of [`authorise_for_delegation`](super::actions::authorise_for_delegation).
pub async fn delegation_with_members(
    service: &RegistrationService,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: Credentials,
    code: &str,
) -> Result<DelegationWithMembers, DelegationError> {
    let (shown, members) = with_members(service, snapshot, credentials, code.to_owned(), None, MEMBERS_SHOWN).await?;
    let members = members.into_iter().map(MemberView::from).collect();
    Ok(DelegationWithMembers { delegation: shown.into(), members, next: None })
}

/// Reads a delegation with its members.
///
/// The focal point reads their own delegation with the token of their link, a registrar any delegation. A browser that
/// asks for HTML is redirected to the delegation's page.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        OneDelegationQuery
    ),
    responses(
        (status = 200, description = "The delegation and a page of its members", body = DelegationWithMembers),
        (status = 303, description = "For a browser: redirect to the page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_delegation(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<OneDelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.snapshot(&slug.0)?;
    if crate::http::prefers_html(&request) {
        return crate::registration::html_redirect::redirect(
            &request,
            &service,
            &snapshot,
            &format!("/delegations/{code}"),
        );
    }
    let credentials = credentials.with_link(query.0.token);
    admit_to(&service, &snapshot, &credentials, &code, Operation::ReadDelegation).await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let (shown, mut members) = with_members(&service, &snapshot, credentials, code, page.key()?, page.rows()).await?;
    let next = page.cut(&request, &mut members, |member| member.registration.id.to_string());
    let members = members.into_iter().map(MemberView::from).collect();
    let view = DelegationWithMembers { delegation: shown.into(), members, next: next.clone() };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(view);
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Changes the name, the category, the quota or the focal point of a delegation (a merge patch, RFC 7396).
///
/// If the focal point's address changes, every earlier link is void: send the new one with `invite-focal-point`.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    request_body = MergePatch,
    responses((status = 200, description = "The delegation", body = DelegationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn patch_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.snapshot(&slug.0)?;
    admit(&service, &snapshot, &credentials, Operation::PatchDelegation).await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::patch(tx, context, &code, &sent);
    let done = service.write("change a delegation", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(DelegationView::from(done)))
}

/// Deletes a delegation that has no members.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    responses((status = 204, description = "The delegation was deleted"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::delete(tx, context, &code);
    service.write("delete a delegation", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How the focal point is invited.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct FocalPointInvitation {
    /// Whether every earlier link of the focal point becomes void; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub renew: bool,
}

/// The link that was sent to a focal point.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentLink {
    /// Address to which the link was sent.
    pub sent_to: EmailAddress,
    /// The link with its token, for a registrar who passes it on in another way.
    pub link: String,
}

/// Sends the focal point the link to their delegation.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/invite-focal-point",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    request_body = FocalPointInvitation,
    responses((status = 200, description = "The link that is sent", body = SentLink), AnyProblem),
    security(("bearer" = []))
)]
pub async fn invite_focal_point(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(FocalPointInvitation { renew }): Json<FocalPointInvitation>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.snapshot(&slug.0)?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::invite_focal_point(tx, context, &code, renew);
    let (delegation, person) = service.write("invite a focal point", &snapshot, credentials, work).await?;
    let token = service.secret.delegation_token(delegation.id, delegation.token_generation);
    let path = actions::path(&snapshot.agenda, &delegation.code);
    let sent = SentLink { sent_to: person.email, link: format!("{}{path}?token={token}", service.public_url) };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(sent))
}
