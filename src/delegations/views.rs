//! The answers about delegations, and the query of one.

use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    DelegationKind, RegionalGroup,
    actions::DelegationDetails,
    members::MemberView,
    reference::MemberState,
    store::{FocalPoint, Member},
};
use crate::{
    agenda::document::Precedence,
    clock,
    validation::ValidationErrors,
    values::{Code, CountryCode, EmailAddress, LanguageTag, Localised},
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
    /// The whole line with which letters greet the focal point, by language; null if registrars have set none.
    pub salutation: Option<Localised>,
}

impl From<FocalPoint> for FocalPointView {
    fn from(person: FocalPoint) -> Self {
        Self { name: person.name, email: person.email, language: person.language, salutation: person.salutation }
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
    /// Whether several members may have one address, told apart by their names.
    pub shared_mailbox: bool,
    /// Time of creation (RFC 3339, UTC).
    pub created_at: String,
    /// Time of the last change (RFC 3339, UTC).
    pub updated_at: String,
}

impl From<DelegationDetails> for DelegationView {
    fn from(details: DelegationDetails) -> Self {
        let DelegationDetails { delegation, category, head } = details;
        let head_view = |head: Member| HeadView {
            name: head.registration.person.person_name().with_honorific(),
            reference: head.registration.reference,
            level: head.membership.level,
        };
        Self {
            code: delegation.code,
            kind: delegation.kind,
            name: delegation.name,
            country: delegation.country,
            regional_group: delegation.regional_group,
            category,
            quota: delegation.quota,
            size: delegation.members,
            head: head.map(head_view),
            focal_point: delegation.focal_point.map(FocalPointView::from),
            shared_mailbox: delegation.shared_mailbox,
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

/// The link that was sent to a focal point.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentLink {
    /// Address to which the link was sent.
    pub sent_to: EmailAddress,
    /// The link with its token, for a registrar who passes it on in another way.
    pub link: String,
}
