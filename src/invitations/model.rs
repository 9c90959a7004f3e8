//! The request bodies for invitations.

use deserr::Deserr;
use utoipa::ToSchema;

use crate::{
    registration::reservations::InvitationKind,
    validation::ValidationErrors,
    values::{Code, Count, EmailAddress, LanguageTag, Line, LinkFree, LocalOrInstant},
};

/// An invitation to create.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewInvitation {
    /// Kind: `personal` can be used once, `shared` is an access code for several people.
    pub kind: InvitationKind,
    /// Label for registrars; the name, else the address, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub label: Option<Line<200>>,
    /// Code of the only category that the invitation opens; any category if left out. It also opens a category that
    /// needs an invitation, and shows a hidden one in the form.
    #[deserr(default)]
    #[schema(required = false)]
    pub category: Option<Code>,
    /// Address to which a personal invitation is sent; no letter is sent if left out. Not for shared access codes.
    #[deserr(default)]
    #[schema(required = false)]
    pub email: Option<EmailAddress>,
    /// Whether only a registration with this address can use the invitation; `true` if left out.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub bound_to_email: bool,
    /// Name of the guest, as the letter addresses them. Not for shared access codes.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<LinkFree<200>>,
    /// The whole line with which the letter greets the guest, such as `Monsieur l'Ambassadeur,`. If left out, it greets
    /// by the name, and an Excellency or an institution by a neutral form. Not for shared access codes.
    #[deserr(default)]
    #[schema(required = false)]
    pub salutation: Option<Line<200>>,
    /// Language of the letter, as a BCP 47 tag; must be one of the conference's languages. If left out, the
    /// conference's first language. Not for shared access codes.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
    /// Text of a shared access code, at least 6 characters; case, spaces and hyphens do not matter. A random code is
    /// generated if left out. Not for personal invitations.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<Line<60>>,
    /// How many registrations can use a shared access code; no limit if left out. Not for personal invitations, which
    /// can be used once.
    #[deserr(default)]
    #[schema(required = false)]
    pub uses_max: Option<Count<1>>,
    /// Time at which the invitation expires; must be in the future. A local time is read in the conference's time zone.
    /// Never if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_at: Option<LocalOrInstant>,
    /// Number of seats of the category that are reserved for those who use the invitation; 0 if left out. Requires
    /// `category`.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats_reserved: Option<Count<0>>,
}
