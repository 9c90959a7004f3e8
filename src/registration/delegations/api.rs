//! `/api/v1/conferences/{conference}/delegations`, and the Member States that most of them are of.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    DelegationKind, RegionalGroup,
    actions::{self, Shown},
    members::MemberView,
    reference::{self, MemberState},
    store::{self, FocalPoint, Member},
};
use crate::{
    access::{Credentials, authorise},
    agenda::{document::Precedence, edit::api::MergePatch},
    clock,
    database::Connection,
    faults::{self, Faults},
    http::{
        CodePath, Json, Problem, Query, Representation, answer,
        extract::Document,
        idempotency::IdempotencyKey,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    programme::Snapshot,
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE},
        ledger::Released,
        model::fold,
        page,
    },
    values::{Code, Count, CountryCode, EmailAddress, LanguageTag, Line, Localised, text_enum},
};

/// Who says who the members are.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = FocalPoint)]
pub struct FocalPointTerms {
    /// Whom letters address.
    pub name: Line<200>,
    /// Where the link goes.
    pub email: EmailAddress,
    /// The language of what is written to them: one of the conference's.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
}

/// A delegation to make.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewDelegation {
    /// Whose it is.
    pub kind: DelegationKind,
    /// Its stable name; of a Member State its country's code in small letters, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<Code>,
    /// The country: of a Member State, it says which.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Its name; of a Member State that of the reference data, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Localised>,
    /// Its regional group; that of a Member State is known.
    #[deserr(default)]
    #[schema(required = false)]
    pub regional_group: Option<RegionalGroup>,
    /// The code of the category that its members go into.
    pub category: Code,
    /// How many members it may have; as many as it likes if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub quota: Option<Count<0>>,
    /// Who says who they are.
    #[deserr(default)]
    #[schema(required = false)]
    pub focal_point: Option<FocalPointTerms>,
}

/// The delegations of Member States to make.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewMemberStates {
    /// Of which countries; of all 193 if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub countries: Option<Vec<CountryCode>>,
    /// The code of the category that their members go into.
    pub category: Code,
    /// How many members each may have; as many as it likes if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub quota: Option<Count<0>>,
}

/// What of a delegation can be changed.
#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct DelegationTerms {
    /// Its name.
    pub name: Localised,
    /// The code of the category that new members go into.
    pub category: Code,
    /// How many members it may have.
    #[deserr(default)]
    pub quota: Option<Count<0>>,
    /// Who says who they are.
    #[deserr(default)]
    pub focal_point: Option<FocalPointTerms>,
}

/// Which delegations were made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeDelegations {
    /// The codes of those made.
    pub created: Vec<Code>,
    /// How many were there before.
    pub existing: usize,
}

/// Who says who the members are.
#[derive(Debug, Serialize, ToSchema)]
pub struct FocalPointView {
    /// The name.
    pub name: String,
    /// Where the link goes.
    pub email: EmailAddress,
    /// The language of what is written to them.
    pub language: Option<LanguageTag>,
}

impl From<FocalPoint> for FocalPointView {
    fn from(person: FocalPoint) -> Self {
        Self { name: person.name, email: person.email, language: person.language }
    }
}

/// Who leads a delegation.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeadView {
    /// What the registration is called.
    pub reference: String,
    /// The whole name.
    pub name: String,
    /// The class in the order of precedence.
    pub level: Precedence,
}

/// A delegation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegation)]
pub struct DelegationView {
    /// Its stable name.
    pub code: Code,
    /// Whose it is.
    pub kind: DelegationKind,
    /// Its name.
    pub name: Localised,
    /// The country.
    pub country: Option<CountryCode>,
    /// The regional group.
    pub regional_group: Option<RegionalGroup>,
    /// The code of the category that its members go into.
    pub category: Code,
    /// How many members it may have; none: as many as it likes.
    pub quota: Option<i64>,
    /// How many it has.
    pub size: i64,
    /// Who leads it.
    pub head: Option<HeadView>,
    /// Who says who the members are.
    pub focal_point: Option<FocalPointView>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

impl From<Shown> for DelegationView {
    fn from(shown: Shown) -> Self {
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

/// A delegation with its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationWithMembers {
    /// The delegation.
    #[serde(flatten)]
    pub delegation: DelegationView,
    /// Its members, in the order in which they came; not those who left it.
    pub members: Vec<MemberView>,
    /// Where the list of members goes on.
    pub next: Option<String>,
}

/// A page of delegations.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationList {
    /// The delegations.
    pub data: Vec<DelegationView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// The Member States.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberStateList {
    /// All 193 of them, in the order of their country's code.
    pub data: &'static [MemberState],
}

/// Lists the 193 Member States of the United Nations, with their names in English and French and their regional group.
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
    /// By what delegations are sorted.
    DelegationOrder {
        /// By their name in the conference's first language.
        Name = "name",
        /// Backwards.
        NameDescending = "-name",
        /// The smallest first.
        Size = "size",
        /// The largest first.
        SizeDescending = "-size",
        /// By the regional group, then the name.
        RegionalGroup = "regional_group",
        /// Backwards.
        RegionalGroupDescending = "-regional_group",
        /// By the class of their heads in the order of precedence, heads of State first, without a head last.
        HeadLevel = "head_level",
        /// Backwards.
        HeadLevelDescending = "-head_level",
    }
}

/// Which delegations are wanted, and in which order.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelegationQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// By what they are sorted: `name` if left out.
    #[deserr(default)]
    pub sort: Option<DelegationOrder>,
    /// Only those of this kind.
    #[deserr(default)]
    pub kind: Option<DelegationKind>,
    /// Only those of this regional group.
    #[deserr(default)]
    pub regional_group: Option<RegionalGroup>,
    /// Only those whose head is of this class in the order of precedence.
    #[deserr(default)]
    pub head_level: Option<Precedence>,
    /// Only those whose name, in any language, or code holds this text.
    #[deserr(default)]
    pub name: Option<Line<200>>,
}

impl DelegationQuery {
    fn wants(&self, shown: &Shown) -> bool {
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

    /// The key by which a delegation is sorted; no two have the same.
    fn key(&self, shown: &Shown, languages: &[LanguageTag]) -> String {
        use DelegationOrder as Order;
        let delegation = &shown.delegation;
        let first = languages.first().map_or("en", LanguageTag::as_str);
        let name = fold(delegation.name.text(first, languages));
        let before = match self.sort.unwrap_or(Order::Name) {
            Order::Name | Order::NameDescending => String::new(),
            Order::Size | Order::SizeDescending => format!("{:020}", delegation.members),
            Order::RegionalGroup | Order::RegionalGroupDescending => {
                // Those of no group come last.
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

    /// The page that is wanted (one more, where there is more), each with its key.
    fn choose(&self, all: Vec<Shown>, page: &Page, languages: &[LanguageTag]) -> Vec<(String, Shown)> {
        let wanted = all.into_iter().filter(|shown| self.wants(shown));
        let mut keyed: Vec<(String, Shown)> = wanted.map(|shown| (self.key(&shown, languages), shown)).collect();
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let place = snapshot.place.clone();
    let all = desk.database.read(move |tx| {
        authorise(tx, &credentials, "list_delegations", Some(place.id))?;
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

/// Lets nobody send a body who may not: a registrar.
async fn admit(
    desk: &Desk,
    snapshot: &Snapshot,
    credentials: &Credentials,
    operation: &'static str,
) -> Result<(), Problem> {
    let (credentials, conference) = (credentials.clone(), snapshot.place.id);
    let asked = desk.database.read(move |tx| {
        authorise(tx, &credentials, operation, Some(conference)).map(|_| ()).map_err(RegistrationError::from)
    });
    Ok(asked.await?)
}

/// Lets nobody send a body who may not: the delegation's focal point, or a registrar.
pub async fn admit_to(
    desk: &Desk,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: &Credentials,
    code: &str,
    operation: &'static str,
) -> Result<(), Problem> {
    let (credentials, code, secret) = (credentials.clone(), code.to_owned(), desk.secret.clone());
    let snapshot = std::sync::Arc::clone(snapshot);
    let asked = desk.database.read(move |tx: &mut Connection| {
        let released = Released { agenda: &snapshot.agenda, number: None };
        let errand = Errand { place: &snapshot.place, released, credentials: &credentials, secret: &secret };
        actions::enter(tx, errand, &code, operation).map(|_| ())
    });
    Ok(asked.await?)
}

/// Makes a delegation.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = NewDelegation,
    responses((status = 201, description = "The delegation", body = DelegationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_delegation(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    admit(&desk, &snapshot, &credentials, "create_delegation").await?;
    let sent = body.receive().await?;
    let wish: NewDelegation = faults::read(sent.clone())?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::create_once(tx, errand, &wish, (&key, &sent));
    let made = desk.write("create a delegation", &snapshot, credentials, work).await?;
    let location = actions::path(&snapshot.agenda, &made.delegation.code);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header(NO_STORE)
        .json(DelegationView::from(made)))
}

/// Makes the delegations of Member States that are missing, of all 193 or of those that are named, each with one quota.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/member-states",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewMemberStates,
    responses((status = 200, description = "Which were made", body = MadeDelegations), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_member_state_delegations(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    admit(&desk, &snapshot, &credentials, "create_member_state_delegations").await?;
    let wish: NewMemberStates = faults::read(body.receive().await?)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::create_member_states(tx, errand, &wish);
    let (created, existing) = desk.write("create delegations", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MadeDelegations { created, existing }))
}

/// The query of a delegation: the focal point's token may stand in it, and which members are wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OneDelegationQuery {
    /// The token of the focal point's link, unless `Authorization` carries it.
    #[deserr(default)]
    pub token: Option<String>,
    /// How many members at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

async fn with_members(
    desk: &Desk,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: Credentials,
    (code, after, rows): (String, Option<crate::ids::RegistrationId>, i64),
) -> Result<(Shown, Vec<Member>), RegistrationError> {
    let (seen, secret) = (std::sync::Arc::clone(snapshot), desk.secret.clone());
    let read = desk.database.read(move |tx: &mut Connection| {
        let released = Released { agenda: &seen.agenda, number: None };
        let errand = Errand { place: &seen.place, released, credentials: &credentials, secret: &secret };
        let (delegation, _) = actions::enter(tx, errand, &code, "read_delegation")?;
        let members = store::members(tx, delegation.id, after, rows)?;
        Ok((actions::show(tx, &seen.place, delegation)?, members))
    });
    read.await
}

/// How many members a page shows: more than any delegation has.
const MEMBERS_SHOWN: i64 = 1_000;

/// A delegation with all of its members.
///
/// # Errors
/// Neither its focal point's link nor a registrar's token is given.
pub async fn whole(
    desk: &Desk,
    snapshot: &std::sync::Arc<Snapshot>,
    credentials: Credentials,
    code: &str,
) -> Result<DelegationWithMembers, RegistrationError> {
    let (shown, members) = with_members(desk, snapshot, credentials, (code.to_owned(), None, MEMBERS_SHOWN)).await?;
    let members = members.into_iter().map(MemberView::from).collect();
    Ok(DelegationWithMembers { delegation: shown.into(), members, next: None })
}

/// Reads a delegation with its members: its focal point's with the link's token, any with a registrar's.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        OneDelegationQuery
    ),
    responses(
        (status = 200, description = "The delegation", body = DelegationWithMembers),
        (status = 303, description = "For a browser with the link's token: its page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_delegation(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<OneDelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    if page::is_wanted(&request) {
        return page::lead(&request, &desk, &snapshot, &format!("/delegations/{code}"));
    }
    let credentials = credentials.with_link(query.0.token);
    admit_to(&desk, &snapshot, &credentials, &code, "read_delegation").await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let (shown, mut members) = with_members(&desk, &snapshot, credentials, (code, page.key()?, page.rows())).await?;
    let next = page.cut(&request, &mut members, |member| member.registration.id.to_string());
    let members = members.into_iter().map(MemberView::from).collect();
    let view = DelegationWithMembers { delegation: shown.into(), members, next: next.clone() };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(view);
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Changes a delegation: its name, its category, its quota, its focal point.
///
/// A focal point with another address needs a new link; the earlier one is void.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    admit(&desk, &snapshot, &credentials, "patch_delegation").await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::patch(tx, errand, &code, &sent);
    let done = desk.write("change a delegation", &snapshot, credentials, work).await?;
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
    responses((status = 204, description = "It is gone"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_delegation(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::delete(tx, errand, &code);
    desk.write("delete a delegation", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How a focal point is written to.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct FocalPointInvitation {
    /// Whether every earlier link is void from now on.
    #[deserr(default)]
    #[schema(required = false)]
    pub renew: bool,
}

/// What was sent to a focal point.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentLink {
    /// To whom.
    pub sent_to: EmailAddress,
    /// The link, for a registrar who hands it over by another way.
    pub link: String,
}

/// Mails the focal point their link.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/invite-focal-point",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    request_body = FocalPointInvitation,
    responses((status = 200, description = "The letter is on its way", body = SentLink), AnyProblem),
    security(("bearer" = []))
)]
pub async fn invite_focal_point(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(FocalPointInvitation { renew }): Json<FocalPointInvitation>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::invite_focal_point(tx, errand, &code, renew);
    let delegation = desk.write("invite a focal point", &snapshot, credentials, work).await?;
    let token = desk.secret.delegation_token(delegation.id, delegation.token_generation);
    let path = actions::path(&snapshot.agenda, &delegation.code);
    let person = delegation.focal_point.ok_or(RegistrationError::NoFocalPoint)?;
    let sent = SentLink { sent_to: person.email, link: format!("{}{path}?token={token}", desk.public_url) };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(sent))
}
