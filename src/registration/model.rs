//! The rules of a registration: its form, its states, its reference.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Object, ObjectBuilder, Schema, Type},
    },
};

use super::{
    RegistrationError,
    form::{Answers, RawAnswers},
    setup::Badge,
};
use crate::{
    faults::{Fault, Faults, wrong_kind},
    ids::{CategoryId, ConferenceId, InvitationId, RegistrationId},
    mail::LetterKind,
    values::{Code, CountryCode, Date, EmailAddress, LanguageTag, Line, Prose, TextValue, text_enum},
};

text_enum! {
    /// Where a registration stands.
    State {
        /// The address is still to be verified.
        Unverified = "unverified",
        /// The organisers decide about it.
        Pending = "pending",
        /// A seat is theirs.
        Confirmed = "confirmed",
        /// They wait for one, or have an offer of one.
        Waitlisted = "waitlisted",
        /// The organisers refused it. Final: the address may register anew, as with every final state.
        Rejected = "rejected",
        /// The address was not verified in time. Final.
        Expired = "expired",
        /// They do not come. Final.
        Cancelled = "cancelled",
        /// Accreditation was withdrawn. Final.
        Revoked = "revoked",
    }
}

text_enum! {
    /// What happened to a registration.
    Event {
        /// It was made.
        Registered = "registered",
        /// It was taken over from another system.
        Imported = "imported",
        /// Whoever reads the address's mail said that it is theirs.
        Verified = "verified",
        /// The organisers let it in.
        Approved = "approved",
        /// The organisers refused it.
        Rejected = "rejected",
        /// A freed seat came to it.
        Promoted = "promoted",
        /// A freed seat is held for it until the offer ends.
        Offered = "offered",
        /// The offer was taken.
        Accepted = "accepted",
        /// The offer ran out: the end of the waiting list.
        Lapsed = "lapsed",
        /// The address was not verified in time.
        Expired = "expired",
        /// It was given up.
        Cancelled = "cancelled",
        /// Accreditation was withdrawn.
        Revoked = "revoked",
        /// What it says changed.
        Changed = "changed",
        /// It went into another category.
        Moved = "moved",
        /// The sessions that it is signed up for changed.
        SessionsChanged = "sessions_changed",
        /// A freed seat of a session came to it.
        Seated = "seated",
        /// Another registration of the same person became part of it.
        Merged = "merged",
        /// Every earlier link to it is void.
        LinkRenewed = "link_renewed",
    }
}

impl Event {
    /// The one letter that the event causes, where the registration then stands in `state`. This is the whole table:
    /// what is not in it causes none.
    pub const fn letter(self, state: State) -> Option<LetterKind> {
        Some(match (self, state) {
            (Self::Registered | Self::Verified | Self::Approved, State::Unverified) => LetterKind::Received,
            (Self::Registered | Self::Verified | Self::Approved, State::Pending) => LetterKind::Pending,
            (Self::Registered | Self::Verified | Self::Approved, State::Confirmed) => LetterKind::Confirmed,
            (Self::Registered | Self::Verified | Self::Approved, State::Waitlisted) => LetterKind::Waitlisted,
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
}

/// The rows of the table of states, one function each. What is not drawn there is refused.
impl State {
    /// Every state that is not final.
    pub const LIVE: [Self; 4] = [Self::Unverified, Self::Pending, Self::Confirmed, Self::Waitlisted];

    /// Where a registration stands whose address is known to be its own: with the organisers, where they decide about
    /// its category; else confirmed where every quota has a seat (`None`: the list is closed).
    pub const fn admitted(needs_approval: bool, seat: bool, waiting_list: bool) -> Option<Self> {
        match (needs_approval, seat, waiting_list) {
            (true, _, _) => Some(Self::Pending),
            (false, true, _) => Some(Self::Confirmed),
            (false, false, true) => Some(Self::Waitlisted),
            (false, false, false) => None,
        }
    }

    /// The address is theirs.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where it is verified already, or too late.
    pub const fn verified(self) -> Result<(), RegistrationError> {
        match self {
            Self::Unverified => Ok(()),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The organisers let it in.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where nobody waits for their decision.
    pub const fn approved(self) -> Result<(), RegistrationError> {
        match self {
            Self::Pending => Ok(()),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The organisers refused it.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where nobody waits for their decision.
    pub const fn rejected(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Pending => Ok(Self::Rejected),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The address was not verified in time.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where it was.
    pub const fn expired(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Unverified => Ok(Self::Expired),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// A seat came free for one who waits, or the offer of one was taken.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`]: nobody else can be promoted.
    pub const fn promoted(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Waitlisted => Ok(Self::Confirmed),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// The attendee's or registrar's wish.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`]: a final state stays.
    pub const fn cancelled(self) -> Result<Self, RegistrationError> {
        if self.is_final() { Err(RegistrationError::WrongState(self.as_str())) } else { Ok(Self::Cancelled) }
    }

    /// Accreditation is withdrawn.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where there is none.
    pub const fn revoked(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Confirmed => Ok(Self::Revoked),
            other => Err(RegistrationError::WrongState(other.as_str())),
        }
    }

    /// Another registration of the same person, which stands at `other`, becomes part of it: whichever of the two was
    /// confirmed, it is.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] where either is final; [`RegistrationError::MergeLosesSeat`] where the other
    /// is confirmed and this one's address is not even verified.
    pub const fn merged(self, other: Self) -> Result<Self, RegistrationError> {
        match (self, other) {
            (state, _) | (_, state) if state.is_final() => Err(RegistrationError::WrongState(state.as_str())),
            (Self::Pending | Self::Waitlisted, Self::Confirmed) => Ok(Self::Confirmed),
            (Self::Unverified, Self::Confirmed) => Err(RegistrationError::MergeLosesSeat),
            (state, _) => Ok(state),
        }
    }

    /// Whether it stays as it is for good.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Cancelled | Self::Revoked)
    }
}

/// Consent to keeping what the form says: `true`, or there is no registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent;

impl Deserr<Faults> for Consent {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Faults> {
        match value {
            Value::Boolean(true) => Ok(Self),
            Value::Boolean(false) => Err(Faults::one(
                at,
                Fault::of_value("consent_required", "must be true: nothing is kept without consent"),
            )),
            other => Err(wrong_kind(other, &[ValueKind::Boolean], at)),
        }
    }
}
impl PartialSchema for Consent {
    fn schema() -> RefOr<Schema> {
        let yes = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build();
        Schema::Object(yes).into()
    }
}
impl ToSchema for Consent {}

/// A telephone number as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl TextValue for PhoneNumber {
    fn type_name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("PhoneNumber")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let allowed = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '/' | '(' | ')'));
        // E.164 has at most 15 digits; an extension may follow.
        if allowed && (3..=20).contains(&digits) && text.len() <= 40 {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value("invalid_phone", "must be a telephone number such as +32 2 123 45 67"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[0-9+ ./()-]{3,40}$")).build()
    }
}
crate::values::text_value!([] PhoneNumber);

/// The form that an attendee sends.
#[derive(Clone, PartialEq, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewRegistration)]
pub struct Form {
    /// The code of a category.
    pub category: Code,
    /// Dr, H.E., Sir.
    #[deserr(default)]
    #[schema(required = false)]
    pub honorific: Option<Line<100>>,
    /// The given name.
    pub given_name: Line<200>,
    /// The family name.
    pub family_name: Line<200>,
    /// Where the confirmation goes.
    pub email: EmailAddress,
    /// Whom they come for.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Line<300>>,
    /// What they are there.
    #[deserr(default)]
    #[schema(required = false)]
    pub position: Option<Line<300>>,
    /// Their country.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// The language of what is written to them: one of the conference's. If left out, `Accept-Language` decides, else
    /// it is the conference's first.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
    /// Where to call.
    #[deserr(default)]
    #[schema(required = false)]
    pub phone: Option<PhoneNumber>,
    /// What they need to take part.
    #[deserr(default)]
    #[schema(required = false)]
    pub accessibility_needs: Option<Prose<2000>>,
    /// What they can and cannot eat.
    #[deserr(default)]
    #[schema(required = false)]
    pub dietary_needs: Option<Prose<2000>>,
    /// The date of birth, where the organisers need it for accreditation.
    #[deserr(default)]
    #[schema(required = false)]
    pub birth_date: Option<Date>,
    /// Answers to the conference's own questions, by their codes.
    #[deserr(default)]
    #[schema(required = false, value_type = Object)]
    pub answers: RawAnswers,
    /// The codes of sessions to sign up for.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Code>,
    /// The code of a personal invitation, or an access code.
    #[deserr(default)]
    #[schema(required = false)]
    pub invitation: Option<Line<200>>,
    /// Consent to keeping what the form says.
    pub consent: Consent,
}

/// Personal data does not print itself into logs.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form(..)")
    }
}

/// A field of the form, for frontends.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormField {
    /// Its name in the request.
    pub name: &'static str,
    /// What goes in: `category`, `line`, `prose`, `email`, `country`, `language`, `phone`, `date`, `sessions`,
    /// `consent`.
    pub r#type: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// The most characters.
    pub max_length: Option<u32>,
}

/// Every field of the form, in order.
pub const FIELDS: &[FormField] = {
    const fn field(name: &'static str, r#type: &'static str, required: bool, max_length: Option<u32>) -> FormField {
        FormField { name, r#type, required, max_length }
    }
    &[
        field("category", "category", true, None),
        field("honorific", "line", false, Some(100)),
        field("given_name", "line", true, Some(200)),
        field("family_name", "line", true, Some(200)),
        field("email", "email", true, Some(254)),
        field("organisation", "line", false, Some(300)),
        field("position", "line", false, Some(300)),
        field("country", "country", false, None),
        field("language", "language", false, None),
        field("phone", "phone", false, Some(40)),
        field("accessibility_needs", "prose", false, Some(2000)),
        field("dietary_needs", "prose", false, Some(2000)),
        field("birth_date", "date", false, None),
        field("sessions", "sessions", false, None),
        field("invitation", "line", false, Some(200)),
        field("consent", "consent", true, None),
    ]
};

/// Whether registration is open.
pub fn is_open(now: DateTime<Utc>, opens: Option<DateTime<Utc>>, closes: Option<DateTime<Utc>>) -> bool {
    opens.is_none_or(|opens| opens <= now) && closes.is_none_or(|closes| now < closes)
}

/// Crockford's base 32: no I, L, O, U to mistake or to spell words with.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a reference after its prefix: 40 random bits.
const REFERENCE_LENGTH: usize = 8;

/// A registration's reference: the conference's prefix and random characters, as in `GP-7K3MQ9XA`.
pub fn reference(slug: &Code, random: [u8; REFERENCE_LENGTH]) -> String {
    let initials = slug.as_str().split('-').filter_map(|word| word.chars().next()).filter(char::is_ascii_alphabetic);
    let prefix: String = initials.take(4).collect::<String>().to_ascii_uppercase();
    let letter = |byte: &u8| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
    let drawn: String = random.iter().map(letter).collect();
    if prefix.is_empty() { drawn } else { format!("{prefix}-{drawn}") }
}

/// A registration as it is kept.
#[derive(Clone)]
pub struct Registration {
    /// Its id.
    pub id: RegistrationId,
    /// Its conference.
    pub conference: ConferenceId,
    /// Its category.
    pub category: CategoryId,
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    pub state: State,
    /// Its place among all registrations of the conference.
    pub arrival: i64,
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
    pub position: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The language of what is written to them.
    pub language: String,
    /// Where to call.
    pub phone: Option<String>,
    /// What they need to take part.
    pub accessibility_needs: Option<String>,
    /// What they can and cannot eat.
    pub dietary_needs: Option<String>,
    /// Their date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Their answers to the conference's own questions.
    pub answers: Answers,
    /// The version of the form that they answered.
    pub form_version: i32,
    /// The invitation that they came by.
    pub invitation: Option<InvitationId>,
    /// What their badge says, where it differs from their category's.
    pub badge: Badge,
    /// Until when the address must be verified, while it is not.
    pub expires_at: Option<DateTime<Utc>>,
    /// Until when a seat is held for them, while they have an offer.
    pub offer_expires_at: Option<DateTime<Utc>>,
    /// When they consented.
    pub consented_at: DateTime<Utc>,
    /// The generation of their link.
    pub token_generation: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A line of a registration's history.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What happened.
    pub event: Event,
    /// Where the registration stood then.
    pub state: State,
    /// What else there is to know: `reason`, `sessions`, ...
    pub detail: Option<serde_json::Value>,
}

/// Personal data does not print itself into logs.
impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({})", self.id)
    }
}

impl Registration {
    /// The name as a letter addresses it.
    pub fn full_name(&self) -> String {
        let parts = [self.honorific.as_deref(), Some(&self.given_name), Some(&self.family_name)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether it counts against the quotas: it is confirmed, or a seat is held for it.
    pub fn holds_seat(&self) -> bool {
        self.state == State::Confirmed || (self.state == State::Waitlisted && self.offer_expires_at.is_some())
    }

    /// The name by which lists are sorted and one person is recognised: family name first.
    pub fn name_folded(&self) -> String {
        name_folded(&self.family_name, &self.given_name)
    }
}

/// A name by which lists are sorted and one person is recognised.
pub fn name_folded(family_name: &str, given_name: &str) -> String {
    fold(&format!("{family_name} {given_name}"))
}

/// A text as it is searched and compared: in lower-case ASCII, words parted by one space.
pub fn fold(text: &str) -> String {
    let ascii = deunicode::deunicode(text).to_lowercase();
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_goes_where_the_table_of_states_lets_it() {
        use State::{Cancelled, Confirmed, Expired, Pending, Rejected, Revoked, Unverified, Waitlisted};
        let all = State::WORDS.iter().map(|word| State::from_word(word).unwrap());
        for state in all {
            let from = |states: &[State]| states.contains(&state);
            assert_eq!(state.verified().is_ok(), from(&[Unverified]), "{state}");
            assert_eq!(state.approved().is_ok(), from(&[Pending]), "{state}");
            assert_eq!(state.rejected().ok(), from(&[Pending]).then_some(Rejected), "{state}");
            assert_eq!(state.expired().ok(), from(&[Unverified]).then_some(Expired), "{state}");
            assert_eq!(state.promoted().ok(), from(&[Waitlisted]).then_some(Confirmed), "{state}");
            assert_eq!(state.cancelled().ok(), from(&State::LIVE).then_some(Cancelled), "{state}");
            assert_eq!(state.revoked().ok(), from(&[Confirmed]).then_some(Revoked), "{state}");
            assert_eq!(state.is_final(), !from(&State::LIVE), "{state}");
        }
        assert_eq!(State::admitted(true, true, true), Some(Pending));
        assert_eq!(State::admitted(false, true, false), Some(Confirmed));
        assert_eq!(State::admitted(false, false, true), Some(Waitlisted));
        assert_eq!(State::admitted(false, false, false), None);
    }

    #[test]
    fn a_name_folds_to_words_of_ascii() {
        assert_eq!(fold("  Ng\u{169}g\u{129} wa Thiong\u{2019}o "), "ngugi wa thiong o");
        assert_eq!(fold("LE MEN-Ménard"), fold("Le Men Menard"));
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
