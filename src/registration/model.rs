//! The rules of a registration: its form, its states, its reference.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Object, ObjectBuilder, Schema, Type},
    },
};

use super::RegistrationError;
use crate::{
    faults::{Fault, Faults, wrong_kind},
    ids::{CategoryId, ConferenceId, RegistrationId},
    values::{Code, CountryCode, EmailAddress, LanguageTag, Line, Prose, TextValue, text_enum},
};

text_enum! {
    /// Where a registration stands.
    State {
        /// A seat is theirs.
        Confirmed = "confirmed",
        /// They wait for one.
        Waitlisted = "waitlisted",
        /// They do not come. Final: the address may register anew.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What happened to a registration.
    Event {
        /// It was made.
        Registered = "registered",
        /// A freed seat came to it.
        Promoted = "promoted",
        /// It was given up.
        Cancelled = "cancelled",
    }
}

impl State {
    /// Where a new registration stands: confirmed where every quota has a seat.
    pub const fn at_registration(seat_is_free: bool) -> Self {
        if seat_is_free { Self::Confirmed } else { Self::Waitlisted }
    }

    /// A seat came free for one who waits.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`]: nobody else can be promoted.
    pub const fn promoted(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Waitlisted => Ok(Self::Confirmed),
            Self::Confirmed | Self::Cancelled => Err(RegistrationError::WrongState(self.as_str())),
        }
    }

    /// The attendee's or registrar's wish.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`]: a final state stays.
    pub const fn cancelled(self) -> Result<Self, RegistrationError> {
        match self {
            Self::Confirmed | Self::Waitlisted => Ok(Self::Cancelled),
            Self::Cancelled => Err(RegistrationError::WrongState(self.as_str())),
        }
    }

    /// Whether a seat is held.
    pub const fn holds_seat(self) -> bool {
        matches!(self, Self::Confirmed)
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
    /// What goes in: `category`, `line`, `prose`, `email`, `country`, `language`, `phone`, `consent`.
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
        field("consent", "consent", true, None),
    ]
};

/// Faults of a form that need the conference to be seen, from the form as it was sent.
pub fn conference_faults(form: &serde_json::Value, categories: &[Code], languages: &[LanguageTag]) -> Faults {
    let mut faults = Faults::default();
    let text = |key: &str| form.get(key).and_then(serde_json::Value::as_str);
    let list = |codes: &mut dyn Iterator<Item = &str>| codes.collect::<Vec<_>>().join(", ");
    if let Some(category) = text("category").filter(|text| Code::parse(text).is_ok())
        && !categories.iter().any(|code| code.as_str() == category)
    {
        let known = list(&mut categories.iter().map(Code::as_str));
        faults.add("#/category", "unknown_reference", format!("must be one of {known}"));
    }
    if let Some(language) = text("language").filter(|text| LanguageTag::parse(text).is_ok())
        && !languages.iter().any(|tag| tag.as_str() == language)
    {
        let known = list(&mut languages.iter().map(LanguageTag::as_str));
        faults.add("#/language", "unknown_language", format!("must be one of {known}"));
    }
    faults
}

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
    /// When they consented.
    pub consented_at: DateTime<Utc>,
    /// The generation of their link.
    pub token_generation: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Registration {
    /// The name as a letter addresses it.
    pub fn full_name(&self) -> String {
        let parts = [self.honorific.as_deref(), Some(&self.given_name), Some(&self.family_name)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_goes_where_the_table_of_states_lets_it() {
        use State::{Cancelled, Confirmed, Waitlisted};
        let to = |result: Result<State, RegistrationError>| result.map_err(|error| error.to_string());
        let refused = |state: &str| Err(format!("a registration that is {state} cannot do this"));
        assert_eq!(State::at_registration(true), Confirmed);
        assert_eq!(State::at_registration(false), Waitlisted);
        assert_eq!(to(Waitlisted.promoted()), Ok(Confirmed));
        assert_eq!(to(Confirmed.promoted()), refused("confirmed"));
        assert_eq!(to(Cancelled.promoted()), refused("cancelled"));
        assert_eq!(to(Confirmed.cancelled()), Ok(Cancelled));
        assert_eq!(to(Waitlisted.cancelled()), Ok(Cancelled));
        assert_eq!(to(Cancelled.cancelled()), refused("cancelled"));
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
