//! The rules of a registration: its form, its status and the allowed changes of status, its reference.

use chrono::{DateTime, Utc};
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use super::{
    RegistrationError,
    field_structs::form_struct,
    fields::{PERSONAL_FIELDS, PersonalDetails, personal_fields},
    form::{Answers, RawAnswers},
    setup::Badge,
};
use crate::{
    ids::{CategoryId, ConferenceId, InvitationId, RegistrationId},
    mail::LetterKind,
    validation::{ValidationError, ValidationErrors, wrong_kind},
    values::{Code, Count, EmailAddress, Line, Localised, PersonName, fold, name_key, text_enum},
};

text_enum! {
    /// The status of a registration.
    RegistrationStatus {
        /// The e-mail address is not verified yet.
        Unverified = "unverified",
        /// The organisers have to decide.
        Pending = "pending",
        /// The registration has a seat.
        Confirmed = "confirmed",
        /// The registration is on the waiting list, or has the offer of a seat.
        Waitlisted = "waitlisted",
        /// The organisers rejected the registration. Final: as with every final status, the address can register again.
        Rejected = "rejected",
        /// The address was not verified in time. Final.
        Expired = "expired",
        /// The registration was cancelled. Final.
        Cancelled = "cancelled",
        /// The accreditation was withdrawn. Final.
        Revoked = "revoked",
    }
}

text_enum! {
    /// An event in the history of a registration.
    Event {
        /// The registration was created.
        Registered = "registered",
        /// The registration was imported from another system.
        Imported = "imported",
        /// The address was verified.
        Verified = "verified",
        /// The organisers approved the registration.
        Approved = "approved",
        /// The organisers rejected the registration.
        Rejected = "rejected",
        /// The registration got a free seat from the waiting list.
        Promoted = "promoted",
        /// A free seat is held for the registration until the offer expires.
        Offered = "offered",
        /// The offer of a seat was accepted.
        Accepted = "accepted",
        /// The offer of a seat expired; the registration went to the end of the waiting list.
        Lapsed = "lapsed",
        /// The address was not verified in time.
        Expired = "expired",
        /// The registration was cancelled.
        Cancelled = "cancelled",
        /// The accreditation was withdrawn.
        Revoked = "revoked",
        /// Data of the registration changed.
        Changed = "changed",
        /// The registration moved to another category.
        Moved = "moved",
        /// The choice of sessions changed.
        SessionsChanged = "sessions_changed",
        /// The registration got a seat in a session from that session's waiting list.
        Seated = "seated",
        /// Another registration of the same person was merged into this one.
        Merged = "merged",
        /// Every earlier link to the registration was made void.
        LinkRenewed = "link_renewed",
    }
}

impl Event {
    /// The letter that the event causes; `state` is the status after the event. This is the complete table: other
    /// events cause no letter.
    pub const fn letter(self, state: RegistrationStatus) -> Option<LetterKind> {
        Some(match (self, state) {
            (Self::Registered | Self::Verified | Self::Approved, RegistrationStatus::Unverified) => {
                LetterKind::Received
            }
            (Self::Registered | Self::Verified | Self::Approved, RegistrationStatus::Pending) => LetterKind::Pending,
            (Self::Registered | Self::Verified | Self::Approved, RegistrationStatus::Confirmed) => {
                LetterKind::Confirmed
            }
            (Self::Registered | Self::Verified | Self::Approved, RegistrationStatus::Waitlisted) => {
                LetterKind::Waitlisted
            }
            (Self::Promoted | Self::Accepted, _) => LetterKind::Promoted,
            (Self::Offered, _) => LetterKind::Offered,
            (Self::Lapsed, _) => LetterKind::Lapsed,
            (Self::Rejected, _) => LetterKind::Rejected,
            (Self::Expired, _) => LetterKind::Expired,
            (Self::Cancelled, _) => LetterKind::Cancelled,
            (Self::Revoked, _) => LetterKind::Revoked,
            (Self::Changed | Self::Moved | Self::Merged, _) => LetterKind::Changed,
            (Self::SessionsChanged | Self::Seated, _) => LetterKind::Sessions,
            (Self::LinkRenewed, _) => LetterKind::Link,
            (Self::Registered | Self::Verified | Self::Approved | Self::Imported, _) => return None,
        })
    }

    /// Whether its letter says nothing that is not true any more when the conference is over: most say how to come, or
    /// how to get a seat after all.
    pub const fn letter_holds_after_end(self) -> bool {
        matches!(self, Self::Rejected | Self::Revoked | Self::Changed | Self::Moved | Self::Merged | Self::LinkRenewed)
    }
}

/// The allowed changes of status, one function each; every other change is refused.
impl RegistrationStatus {
    /// Every status that is not final.
    pub const LIVE: [Self; 4] = [Self::Unverified, Self::Pending, Self::Confirmed, Self::Waitlisted];

    /// The status of a registration whose address counts as verified: pending where the organisers decide, else
    /// confirmed if it has a seat, else on the waiting list. `None` if there is no waiting list either.
    pub const fn admitted(needs_approval: bool, has_seat: bool, waiting_list: bool) -> Option<Self> {
        match (needs_approval, has_seat, waiting_list) {
            (true, _, _) => Some(Self::Pending),
            (false, true, _) => Some(Self::Confirmed),
            (false, false, true) => Some(Self::Waitlisted),
            (false, false, false) => None,
        }
    }

    /// # Errors
    /// [`RegistrationError::WrongState`] unless the status is unverified.
    pub const fn verified(self) -> Result<(), RegistrationError> {
        match self {
            Self::Unverified => Ok(()),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// # Errors
    /// [`RegistrationError::WrongState`] unless the status is pending.
    pub const fn approved(self) -> Result<(), RegistrationError> {
        match self {
            Self::Pending => Ok(()),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The organisers refuse somebody about whom they have to decide, or who waits for a seat.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] for every other status.
    pub const fn rejected(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Pending | Self::Waitlisted => Ok(Self::Rejected),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// # Errors
    /// [`RegistrationError::WrongState`] unless the status is unverified.
    pub const fn expired(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Unverified => Ok(Self::Expired),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// A free seat, or an accepted offer, confirms a registration on the waiting list.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] for every other status.
    pub const fn promoted(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Waitlisted => Ok(Self::Confirmed),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// # Errors
    /// [`RegistrationError::WrongState`] if the status is final.
    pub const fn cancelled(self) -> Result<Self, RegistrationError> {
        if self.is_final() { Err(RegistrationError::WrongState(self.as_str())) } else { Ok(Self::Cancelled) }
    }

    /// # Errors
    /// [`RegistrationError::WrongState`] unless the status is confirmed.
    pub const fn revoked(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Confirmed => Ok(Self::Revoked),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The status after another registration of the same person, with the status `other`, is merged into this one:
    /// confirmed if one of the two was. `None` if the other registration is confirmed and this one is unverified: the
    /// merge would lose the seat.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] if either status is final.
    pub const fn merged(self, other: Self) -> Result<Option<Self>, RegistrationError> {
        match (self, other) {
            (state, _) | (_, state) if state.is_final() => Err(RegistrationError::WrongState(state.as_str())),
            (Self::Pending | Self::Waitlisted, Self::Confirmed) => Ok(Some(Self::Confirmed)),
            (Self::Unverified, Self::Confirmed) => Ok(None),
            (state, _) => Ok(Some(state)),
        }
    }

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Cancelled | Self::Revoked)
    }
}

/// Consent to the storage of the data in the form. Only `true` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent;

impl Deserr<ValidationErrors> for Consent {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, ValidationErrors> {
        match value {
            Value::Boolean(true) => Ok(Self),
            Value::Boolean(false) => Err(ValidationErrors::one(
                at,
                ValidationError::of_value("consent_required", "must be true: nothing is stored without consent"),
            )),
            other => Err(wrong_kind(other, &[ValueKind::Boolean], at)),
        }
    }
}
impl PartialSchema for Consent {
    fn schema() -> RefOr<Schema> {
        let only_true = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build();
        Schema::Object(only_true).into()
    }
}
impl ToSchema for Consent {}

personal_fields! { form_struct {
    /// A new registration. If it has no `language`, `Accept-Language` decides, else it is the conference's first
    /// language.
    #[derive(Clone, PartialEq, Deserr, ToSchema)]
    #[deserr(error = ValidationErrors, deny_unknown_fields)]
    #[schema(as = NewRegistration)]
    pub struct Form {
        /// Code of the category.
        pub category: Code,
    } then {
        /// Answers to the conference's own questions, by the code of the question.
        #[deserr(default)]
        #[schema(required = false, value_type = Object)]
        pub answers: RawAnswers,
        /// Codes of the sessions to sign up for. They must not overlap.
        #[deserr(default)]
        #[schema(required = false)]
        pub sessions: Vec<Code>,
        /// Code of a personal invitation, or a shared access code.
        #[deserr(default)]
        #[schema(required = false)]
        pub invitation: Option<Line<200>>,
        /// Consent to the storage of these data: must be `true`.
        pub consent: Consent,
        /// Version of the privacy notice that the person was shown (`privacy_notice` of the registration form): 422
        /// `outdated` if another is in force. If left out, the one in force counts as shown.
        #[deserr(default)]
        #[schema(required = false)]
        pub privacy_notice_version: Option<Count<1>>,
    }
} }

/// Personal data must not appear in logs.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form(..)")
    }
}

/// A fixed field of the registration form.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FormField {
    /// Name of the field in the request.
    pub name: &'static str,
    /// Type of the field: `category`, `line`, `prose`, `email`, `country`, `language`, `phone`, `date`, `sessions`,
    /// `consent` or `version` (of the privacy notice).
    pub r#type: &'static str,
    /// Whether the field is required.
    pub required: bool,
    /// Highest number of characters; null for fields that are not free text.
    pub max_length: Option<u32>,
}

/// Every fixed field of the form, in order.
pub const FIELDS: &[FormField] = &{
    const fn field(name: &'static str, r#type: &'static str, required: bool, max_length: Option<u32>) -> FormField {
        FormField { name, r#type, required, max_length }
    }
    const PERSONAL: usize = PERSONAL_FIELDS.len();
    let mut all = [field("category", "category", true, None); PERSONAL + 5];
    let mut index = 0;
    while index < PERSONAL {
        let personal = &PERSONAL_FIELDS[index];
        index += 1;
        all[index] = field(personal.name, personal.kind.as_str(), personal.is_required, personal.max_length);
    }
    all[PERSONAL + 1] = field("sessions", "sessions", false, None);
    all[PERSONAL + 2] = field("invitation", "line", false, Some(200));
    all[PERSONAL + 3] = field("consent", "consent", true, None);
    all[PERSONAL + 4] = field("privacy_notice_version", "version", false, None);
    all
};

/// Whether `now` lies between the opening and the closing time; a missing time is no limit.
pub fn is_open(now: DateTime<Utc>, opens: Option<DateTime<Utc>>, closes: Option<DateTime<Utc>>) -> bool {
    opens.is_none_or(|opens| opens <= now) && closes.is_none_or(|closes| now < closes)
}

/// Crockford's base 32, without I, L, O and U: no look-alikes, and no accidental words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a reference after its prefix: 40 random bits.
const REFERENCE_LENGTH: usize = 8;

/// A registration's reference: the conference's prefix and random characters, as in `GP-7K3MQ9XA`.
pub fn reference(slug: &Code, random: [u8; REFERENCE_LENGTH]) -> String {
    let initials = slug.as_str().split('-').filter_map(|word| word.chars().next()).filter(char::is_ascii_alphabetic);
    let prefix: String = initials.take(4).collect::<String>().to_ascii_uppercase();
    let letter = |byte: &u8| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
    let characters: String = random.iter().map(letter).collect();
    if prefix.is_empty() { characters } else { format!("{prefix}-{characters}") }
}

#[derive(Clone)]
pub struct Registration {
    pub id: RegistrationId,
    pub conference: ConferenceId,
    pub category: CategoryId,
    /// Such as `GP-7K3M9Q2X`.
    pub reference: String,
    pub state: RegistrationStatus,
    /// The registration's number among all registrations and sign-ups of the conference: it orders waiting lists.
    pub arrival: i64,
    pub person: PersonalDetails,
    pub answers: Answers,
    /// The version of the questions that `answers` belong to.
    pub form_version: i32,
    /// The invitation that was used to register.
    pub invitation: Option<InvitationId>,
    /// The time at which what was entered was removed ([`super::erasure`]).
    pub erased_at: Option<DateTime<Utc>>,
    /// The lines with which letters greet the person, by language, where registrars have set them.
    pub salutation: Option<Localised>,
    /// Only what differs from the badge of the category.
    pub badge: Badge,
    /// Whether other people, with other names, may be registered with the same address. Their category or delegation
    /// allowed it when they were registered.
    pub shares_mailbox: bool,
    /// The time until which the address must be verified; `None` unless unverified.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time until which an offered seat is held; `None` without an offer.
    pub offer_expires_at: Option<DateTime<Utc>>,
    /// When the person consented, or when somebody recorded that they had.
    pub consented_at: DateTime<Utc>,
    pub consent: ConsentRecord,
    /// The version of the privacy notice to which the person consented; `None` if there was none, or if nobody knows.
    pub privacy_notice_version: Option<i32>,
    /// The generation of the link's token: a higher one makes every earlier link void.
    pub token_generation: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

text_enum! {
    /// How a person consented to the storage of their data.
    ConsentGiven {
        /// In the form.
        Form = "form",
        /// On paper.
        Paper = "paper",
        /// By word of mouth, after the privacy notice was shown to them.
        Shown = "shown",
        /// In another system; the history quotes how.
        Imported = "imported",
    }
}

impl ConsentGiven {
    /// Whether the person was shown the privacy notice that was in force.
    pub const fn follows_notice(self) -> bool {
        matches!(self, Self::Form | Self::Shown)
    }
}

/// How a person consented, and who recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    pub given: ConsentGiven,
    /// The name of the [`Actor`](crate::access::Actor); `None` if the person filled in the form.
    pub recorded_by: Option<String>,
}

impl ConsentRecord {
    /// The consent of somebody who filled in the form.
    pub const BY_FORM: Self = Self { given: ConsentGiven::Form, recorded_by: None };
}

#[derive(Debug, Clone)]
pub struct HistoryEntry {
    pub at: DateTime<Utc>,
    /// The name of the [`Actor`](crate::access::Actor).
    pub actor: String,
    pub event: Event,
    /// The status after the event.
    pub state: RegistrationStatus,
    /// More about the event: `reason`, `sessions`, `fields`, ...
    pub detail: Option<serde_json::Value>,
}

/// Personal data must not appear in logs.
impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({})", self.id)
    }
}

impl Registration {
    /// Whether the registration counts in the quotas: it is confirmed, or a seat is held for it.
    pub fn holds_seat(&self) -> bool {
        self.state == RegistrationStatus::Confirmed
            || (self.state == RegistrationStatus::Waitlisted && self.offer_expires_at.is_some())
    }

    /// The folded name, family name first, by which lists are sorted and duplicates are found.
    pub fn name_folded(&self) -> String {
        self.person.name_folded()
    }

    /// Whether another live registration of this one's address is refused: if neither of the two shares it, or if they
    /// have the same name.
    pub fn excludes(&self, shares_mailbox: bool, name_folded: &str) -> bool {
        !(self.shares_mailbox || shares_mailbox) || name_key(&self.name_folded()) == name_key(name_folded)
    }

    /// The registration itself as the addressee of a letter, if other people read the same mailbox.
    pub fn addressee(&self) -> Option<RegistrationId> {
        self.shares_mailbox.then_some(self.id)
    }
}

impl PersonalDetails {
    /// The folded name, family name first, by which lists are sorted and duplicates are found.
    pub fn name_folded(&self) -> String {
        name_folded(self.person_name())
    }

    /// The address in the one spelling by which it is compared; `None` without an address.
    pub fn address_folded(&self) -> Option<String> {
        self.email.as_ref().map(EmailAddress::folded)
    }
}

/// The folded name, family name first, by which lists are sorted and duplicates are found.
pub fn name_folded(name: PersonName<'_>) -> String {
    fold(&name.sorted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue as _;

    #[test]
    fn a_status_changes_only_as_the_table_allows() {
        use RegistrationStatus::{Cancelled, Confirmed, Expired, Pending, Rejected, Revoked, Unverified, Waitlisted};
        for state in RegistrationStatus::ALL {
            let is_one_of = |states: &[RegistrationStatus]| states.contains(&state);
            assert_eq!(state.verified().is_ok(), is_one_of(&[Unverified]), "{state}");
            assert_eq!(state.approved().is_ok(), is_one_of(&[Pending]), "{state}");
            assert_eq!(state.rejected().ok(), is_one_of(&[Pending, Waitlisted]).then_some(Rejected), "{state}");
            assert_eq!(state.expired().ok(), is_one_of(&[Unverified]).then_some(Expired), "{state}");
            assert_eq!(state.promoted().ok(), is_one_of(&[Waitlisted]).then_some(Confirmed), "{state}");
            assert_eq!(state.cancelled().ok(), is_one_of(&RegistrationStatus::LIVE).then_some(Cancelled), "{state}");
            assert_eq!(state.revoked().ok(), is_one_of(&[Confirmed]).then_some(Revoked), "{state}");
            assert_eq!(state.is_final(), !is_one_of(&RegistrationStatus::LIVE), "{state}");
        }
        assert_eq!(RegistrationStatus::admitted(true, true, true), Some(Pending));
        assert_eq!(RegistrationStatus::admitted(false, true, false), Some(Confirmed));
        assert_eq!(RegistrationStatus::admitted(false, false, true), Some(Waitlisted));
        assert_eq!(RegistrationStatus::admitted(false, false, false), None);
    }

    #[test]
    fn a_reference_has_the_conference_s_prefix_and_no_ambiguous_letter() {
        let slug = |text| Code::parse(text).unwrap();
        assert_eq!(reference(&slug("genocide-prevention-2014"), [0, 1, 31, 32, 255, 10, 18, 20]), "GP-01Z0ZAJM");
        assert_eq!(reference(&slug("2014"), [0; 8]), "00000000");
    }

    #[test]
    fn registration_is_open_from_its_opening_until_before_its_closing() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let now = at(100).unwrap();
        assert!(is_open(now, None, None));
        assert!(is_open(now, at(100), at(101)));
        assert!(!is_open(now, at(101), None));
        assert!(!is_open(now, None, at(100)));
    }
}
