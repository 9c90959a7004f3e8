//! The request bodies for delegations.

use deserr::Deserr;
use utoipa::ToSchema;

use super::{DelegationKind, RegionalGroup, store::Delegation};
use crate::{
    agenda::Agenda,
    validation::ValidationErrors,
    values::{Code, Count, CountryCode, EmailAddress, LanguageTag, LinkFree, Localised},
};

/// The focal point: the person who names the members of a delegation.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = FocalPoint)]
pub struct FocalPointTerms {
    /// Name of the focal point, as letters address them.
    pub name: LinkFree<200>,
    /// E-mail address to which the focal point's link is sent.
    pub email: EmailAddress,
    /// Language of letters to the focal point, as a BCP 47 tag; must be one of the conference's languages. If left out,
    /// the conference's first language.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
    /// The whole line with which letters greet the focal point, by language, such as `{"fr": "Madame, Monsieur,"}`. If
    /// left out, or in other languages, they greet by the name, and an Excellency or an institution by a neutral form.
    #[deserr(default)]
    #[schema(required = false)]
    pub salutation: Option<Localised>,
}

/// A delegation to create.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewDelegation {
    /// Kind of the delegation.
    pub kind: DelegationKind,
    /// Code of the delegation, unique in the conference. If left out, a Member State's delegation gets its country code
    /// in lower case; required for the other kinds.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<Code>,
    /// Country, as an ISO 3166-1 alpha-2 code such as `BE`. Required for a Member State.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Name of the delegation. If left out, a Member State's delegation gets the name in the reference data; required
    /// for the other kinds.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Localised>,
    /// Regional group. Must be left out for a Member State, whose group is in the reference data.
    #[deserr(default)]
    #[schema(required = false)]
    pub regional_group: Option<RegionalGroup>,
    /// Code of the category in which members are registered.
    pub category: Code,
    /// Highest number of members; no limit if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub quota: Option<Count<0>>,
    /// Focal point of the delegation; none if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub focal_point: Option<FocalPointTerms>,
    /// Whether several members may have one address, told apart by their names; `false` if left out. Their category may
    /// allow it, too.
    #[deserr(default)]
    #[schema(required = false)]
    pub shared_mailbox: bool,
}

/// The delegations of Member States to create.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewMemberStates {
    /// Countries whose delegations are created, as ISO 3166-1 alpha-2 codes; all 193 Member States if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub countries: Option<Vec<CountryCode>>,
    /// Code of the category in which members are registered.
    pub category: Code,
    /// Highest number of members of each delegation; no limit if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub quota: Option<Count<0>>,
    /// Whether several members may have one address, told apart by their names; `false` if left out. Their category may
    /// allow it, too.
    #[deserr(default)]
    #[schema(required = false)]
    pub shared_mailbox: bool,
}

/// The fields of a delegation that a merge patch can change.
#[derive(Debug, Deserr)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct DelegationTerms {
    pub name: Localised,
    pub category: Code,
    #[deserr(default)]
    pub quota: Option<Count<0>>,
    #[deserr(default)]
    pub focal_point: Option<FocalPointTerms>,
    #[deserr(default)]
    pub shared_mailbox: bool,
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

/// The language of letters to the focal point, and the default language of members.
pub fn focal_point_language<'a>(delegation: &'a Delegation, agenda: &'a Agenda) -> &'a str {
    let own = delegation.focal_point.as_ref().and_then(|person| person.language.as_ref());
    own.or(agenda.conference.languages.first()).map_or("en", LanguageTag::as_str)
}
