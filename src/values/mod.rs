//! Validated values that all features share. Each is parsed from a text (a localised text also from a map), serialised
//! as it was given, and has its own schema in the API document.

mod by_name;
pub mod links;
mod localised;
mod merge_patch;
mod person_name;
mod phone_number;
mod time;
mod transliteration;
mod whole_name;

use std::{
    borrow::{Borrow, Cow},
    fmt,
};

pub use by_name::ByName;
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
pub use links::LinkFree;
pub use localised::{LOCALISED_LENGTH_MAX, Localised};
pub use merge_patch::merge_patch;
pub use person_name::{NameText, PersonName};
pub use phone_number::PhoneNumber;
use serde::{Serialize, Serializer};
pub use time::{Date, TimeOfDay, TimeZone};
pub use transliteration::{fold, has_latin_form, name_key};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};
use validator::{ValidateEmail, ValidateLength, ValidateUrl};

pub use crate::values::{
    time::LocalOrInstant,
    whole_name::{NameReading, WholeName, both_honorifics, honorific_before},
};
use crate::{
    ids::Id,
    validation::{ValidationError, ValidationErrors, wrong_kind},
};

/// A value that is written as one text.
pub trait TextValue: Sized {
    /// Name of the schema in the API document.
    fn schema_name() -> Cow<'static, str>;
    /// Parses and validates a text.
    fn parse(text: &str) -> Result<Self, ValidationError>;
    /// Inverse of [`Self::parse`].
    fn text(&self) -> Cow<'_, str>;
    /// Schema in the API document.
    fn schema_object() -> Object;
}

/// Implements deserialisation, serialisation and the schema of a [`TextValue`].
macro_rules! text_value {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> deserr::Deserr<$crate::validation::ValidationErrors> for $type {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef,
            ) -> Result<Self, $crate::validation::ValidationErrors> {
                match value {
                    deserr::Value::String(text) => <Self as $crate::values::TextValue>::parse(&text)
                        .map_err(|error| $crate::validation::ValidationErrors::one(at, error)),
                    other => Err($crate::validation::wrong_kind(other, &[deserr::ValueKind::String], at)),
                }
            }
        }
        impl<$($generics)*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$crate::values::TextValue::text(self))
            }
        }
        impl<$($generics)*> utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::Schema::Object(<Self as $crate::values::TextValue>::schema_object()).into()
            }
        }
        impl<$($generics)*> utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::values::TextValue>::schema_name()
            }
        }
        impl<$($generics)*> std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::values::TextValue::text(self))
            }
        }
    };
}
pub(crate) use text_value;

/// Defines an enum whose values are texts: in JSON, in the database and in the API document.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }
        impl $name {
            /// All variants, in order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$case),+];
            /// The texts of all variants, in order.
            pub const TEXTS: &[&str] = &[$($text),+];
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $text),+ }
            }
            /// The variant with this text.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$case),)+ _ => None }
            }
        }
        impl $crate::values::TextValue for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
            fn parse(text: &str) -> Result<Self, $crate::validation::ValidationError> {
                Self::from_text(text).ok_or_else(|| {
                    $crate::validation::ValidationError::of_value("unknown_value", format!("must be one of {}", Self::TEXTS.join(", ")))
                })
            }
            fn text(&self) -> std::borrow::Cow<'_, str> {
                std::borrow::Cow::Borrowed(self.as_str())
            }
            fn schema_object() -> utoipa::openapi::schema::Object {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(Self::ALL.iter().map(|variant| variant.as_str())))
                    .build()
            }
        }
        $crate::values::text_value!([] $name);
    };
}
pub(crate) use text_enum;

text_enum! {
    /// A boolean in a query.
    Switch {
        On = "true",
        Off = "false",
    }
}

fn string_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The longest code or slug, in characters.
const CODE_LENGTH_MAX: usize = 80;

/// A stable identifier within a conference, or of a conference (its slug): lower-case words joined by hyphens, such as
/// `ban-ki-moon`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Borrow<str> for Code {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Code {
    /// In characters.
    pub const LENGTH_MAX: usize = CODE_LENGTH_MAX;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Prefix of the codes of placeholders.
    pub const WITHHELD: &'static str = "withheld-";

    /// The code of a placeholder.
    pub fn withheld(number: u64) -> Self {
        Self(format!("{}{number:016x}", Self::WITHHELD))
    }
}

impl TextValue for Code {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Code")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let is_word =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= CODE_LENGTH_MAX && text.split('-').all(is_word) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value(
            "invalid_code",
            format!(
                "must be lower-case letters and digits in words joined by hyphens, at most {CODE_LENGTH_MAX} characters"
            ),
        ))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema()
            .pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$"))
            .max_length(Some(CODE_LENGTH_MAX))
            .description(Some("Stable identifier: lower-case words joined by hyphens, such as ban-ki-moon."))
            .build()
    }
}
text_value!([] Code);

/// A trimmed text of 1 to `MAX` characters; on one line unless `MULTILINE`. Control characters are rejected, except
/// those that a paste brings along: see [`without_pasted_controls`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: u64, const MULTILINE: bool>(String);

/// A text of one line.
pub type Line<const MAX: u64> = Text<MAX, false>;
/// A text that may have several lines.
pub type Prose<const MAX: u64> = Text<MAX, true>;

impl<const MAX: u64, const MULTILINE: bool> Text<MAX, MULTILINE> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A constant of the service, which is not validated.
    pub fn from_static(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// Line separators, directional overrides, language tags and non-characters: they could change how the rest of the line
/// is displayed.
const HIDDEN: [std::ops::RangeInclusive<char>; 6] = [
    '\u{2028}'..='\u{2029}',
    '\u{202A}'..='\u{202E}',
    '\u{2066}'..='\u{2069}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFFE}'..='\u{FFFF}',
    '\u{E0001}'..='\u{E0001}',
];

/// Invisible characters: default-ignorable code points (Unicode, DerivedCoreProperties) and Hangul fillers.
const BLANK: [std::ops::RangeInclusive<char>; 9] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{200b}'..='\u{200f}',
    '\u{2060}'..='\u{2064}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether this character is invisible.
fn is_blank(c: char) -> bool {
    BLANK.iter().any(|range| range.contains(&c))
}

/// Whether a text may contain this character; line breaks and tabs only if it `is_multiline`.
pub fn is_allowed_character(c: char, is_multiline: bool) -> bool {
    let is_plain = !c.is_control() || (is_multiline && matches!(c, '\n' | '\t'));
    is_plain && !HIDDEN.iter().any(|range| range.contains(&c))
}

/// Replaces what a paste from a word processor or a web page brings along: on one line, a space stands for every tab,
/// vertical tab, form feed, line or paragraph separator and no-break space; in a text of several lines, a line break
/// stands for what divides lines. A line break on one line stays, and is rejected: it may divide two texts.
fn without_pasted_controls(text: &str, is_multiline: bool) -> Cow<'_, str> {
    let divides_lines = |c: char| matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_replaced = |c: char| match is_multiline {
        true => divides_lines(c),
        false => c.is_whitespace() && !matches!(c, ' ' | '\r' | '\n'),
    };
    if !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    let replacement = if is_multiline { "\n" } else { " " };
    Cow::Owned(text.replace("\r\n", if is_multiline { "\n" } else { "\r\n" }).replace(is_replaced, replacement))
}

fn checked_text(text: &str, length_max: u64, is_multiline: bool) -> Result<String, ValidationError> {
    let text = without_pasted_controls(text, is_multiline);
    let text = text.trim();
    if text.chars().all(|c| c.is_whitespace() || is_blank(c)) {
        return Err(ValidationError::of_value("empty", "must not be empty"));
    }
    if !text.validate_length(None, Some(length_max), None) {
        return Err(ValidationError::of_value("too_long", format!("must have at most {length_max} characters")));
    }
    if !text.chars().all(|c| is_allowed_character(c, is_multiline)) {
        let kind = if is_multiline { "control characters" } else { "line breaks or control characters" };
        return Err(ValidationError::of_value("control_character", format!("must not hold {kind}")));
    }
    Ok(text.to_owned())
}

impl<const MAX: u64, const MULTILINE: bool> TextValue for Text<MAX, MULTILINE> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}{MAX}", if MULTILINE { "Prose" } else { "Line" }))
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        checked_text(text, MAX, MULTILINE).map(Self)
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema().min_length(Some(1)).max_length(usize::try_from(MAX).ok()).build()
    }
}

text_value!([const MAX: u64, const MULTILINE: bool] Text<MAX, MULTILINE>);

/// A BCP 47 language tag, such as `en` or `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageTag(String);

impl LanguageTag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextValue for LanguageTag {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("LanguageTag")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let mut parts = text.split('-');
        let primary = parts.next().unwrap_or_default();
        let is_primary_valid = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
        let is_subtag_valid =
            |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_primary_valid && text.len() <= 35 && parts.all(is_subtag_valid) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value("invalid_language", "must be a BCP 47 language tag such as en or pt-BR"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema()
            .pattern(Some("^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))
            .max_length(Some(35))
            .description(Some("A BCP 47 language tag."))
            .build()
    }
}
text_value!([] LanguageTag);

/// An ISO 3166-1 alpha-2 country code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode(String);

/// Every officially assigned ISO 3166-1 alpha-2 code, and the user-assigned `XK` (Kosovo).
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
    UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

impl CountryCode {
    pub fn all() -> impl Iterator<Item = &'static str> {
        COUNTRIES.split_whitespace()
    }
}

impl TextValue for CountryCode {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("CountryCode")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        if text.len() == 2 && COUNTRIES.split(' ').any(|code| code == text) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value(
            "invalid_country",
            "must be an ISO 3166-1 alpha-2 country code in capitals, such as BE",
        ))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema().pattern(Some("^[A-Z]{2}$")).description(Some("An ISO 3166-1 alpha-2 country code.")).build()
    }
}
text_value!([] CountryCode);

/// An e-mail address that mail can be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// A constant of the service, which is not validated.
    pub fn from_static(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses an address that is stored: an older version took addresses of a single host, such as `a@localhost`.
    ///
    /// # Errors
    /// The text is no address.
    pub fn parse_stored(text: &str) -> Result<Self, ValidationError> {
        let text = text.trim();
        // An SMTP path has at most 254 characters (RFC 5321, section 4.5.3.1.3). Mail to a bare IP address reaches
        // nobody.
        let has_host_name = !text.ends_with(']');
        // `validate_email` rejects local parts in Unicode, which RFC 6531 allows.
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        let ascii_local: String =
            local.chars().map(|c| if c.is_ascii() || !c.is_alphanumeric() { c } else { 'x' }).collect();
        if text.len() <= 254 && has_host_name && format!("{ascii_local}@{domain}").validate_email() {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value("invalid_email", "must be an e-mail address"))
    }

    /// Whether the domain is one of the internet: with a dot, and no IP address in any notation.
    fn has_internet_domain(&self) -> bool {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        match url::Host::parse(domain) {
            Ok(url::Host::Domain(domain)) => domain.trim_matches('.').contains('.'),
            _ => false,
        }
    }

    /// The address in lower case, with its domain in ASCII: addresses with the same folded form count as the same
    /// person's.
    pub fn folded(&self) -> String {
        let lower_case = self.0.to_lowercase();
        // A domain in Unicode and its ASCII form (RFC 5890) are the same domain.
        match lower_case.rsplit_once('@').map(|(local, domain)| (local, url::Host::parse(domain))) {
            Some((local, Ok(domain))) => format!("{local}@{domain}"),
            _ => lower_case,
        }
    }
}

/// An address is personal data: it must not be printed into logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl TextValue for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("EmailAddress")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let address = Self::parse_stored(text)?;
        if address.has_internet_domain() {
            return Ok(address);
        }
        Err(ValidationError::of_value(
            "invalid_email",
            "must be an e-mail address with a domain, such as a@example.org",
        ))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema().format(Some(SchemaFormat::Custom("email".to_owned()))).max_length(Some(254)).build()
    }
}
text_value!([] EmailAddress);

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = ValidationError;
    fn try_from(text: String) -> Result<Self, ValidationError> {
        Self::parse_stored(&text)
    }
}

/// An absolute `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(String);

impl TextValue for WebAddress {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("WebAddress")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        if is_web && text.len() <= 2000 && text.validate_url() {
            return Ok(Self(text.to_owned()));
        }
        Err(ValidationError::of_value("invalid_url", "must be an http or https address"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        string_schema().pattern(Some("^https?://")).max_length(Some(2000)).build()
    }
}
text_value!([] WebAddress);

impl<K> TextValue for Id<K> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        text.parse().map_err(|_| ValidationError::of_value("invalid_id", "must be a UUID"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.uuid().to_string())
    }
    fn schema_object() -> Object {
        string_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).build()
    }
}
text_value!([K] Id<K>);

/// The largest count in a document.
const COUNT_MAX: u32 = 1_000_000;

/// A count from `MIN` to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<const MIN: u32>(pub u32);

impl<const MIN: u32> Deserr<ValidationErrors> for Count<MIN> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, ValidationErrors> {
        let number = match value {
            Value::Integer(number) => u32::try_from(number).ok(),
            Value::NegativeInteger(_) => None,
            other => return Err(wrong_kind(other, &[ValueKind::Integer], at)),
        };
        number.filter(|number| (MIN..=COUNT_MAX).contains(number)).map(Self).ok_or_else(|| {
            ValidationErrors::one(
                at,
                ValidationError::of_value("out_of_range", format!("must be {MIN} to {COUNT_MAX}")),
            )
        })
    }
}
impl<const MIN: u32> Serialize for Count<MIN> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}
impl<const MIN: u32> PartialSchema for Count<MIN> {
    fn schema() -> RefOr<Schema> {
        let number =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(MIN)).maximum(Some(COUNT_MAX)).build();
        Schema::Object(number).into()
    }
}
impl<const MIN: u32> ToSchema for Count<MIN> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("CountFrom{MIN}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of<T: TextValue>(text: &str) -> String {
        T::parse(text).map_or_else(|error| error.code, |value| value.text().into_owned())
    }

    #[test]
    fn a_code_is_lower_case_words_joined_by_hyphens() {
        for valid in ["ban-ki-moon", "a", "2014", "a-1"] {
            assert_eq!(code_of::<Code>(valid), valid);
        }
        for invalid in ["", "-a", "a-", "a--b", "A", "é", "a_b", &"a".repeat(81)] {
            assert_eq!(code_of::<Code>(invalid), "invalid_code");
        }
    }

    #[test]
    fn a_line_contains_no_line_break_and_no_hidden_override() {
        assert_eq!(code_of::<Line<5>>(" abc "), "abc");
        assert_eq!(code_of::<Line<5>>("a\r\nBcc: x"), "too_long");
        assert_eq!(code_of::<Line<50>>("a\r\nBcc: x"), "control_character");
        assert_eq!(code_of::<Line<50>>("a\u{202E}b"), "control_character");
        assert_eq!(code_of::<Line<50>>("  "), "empty");
        assert_eq!(code_of::<Prose<50>>("a\nb"), "a\nb");
    }

    #[test]
    fn what_a_paste_brings_along_is_cleaned() {
        for pasted in ['\t', '\u{b}', '\u{c}', '\u{85}', '\u{a0}', '\u{2028}', '\u{2029}', '\u{202f}', '\u{3000}'] {
            assert_eq!(code_of::<Line<50>>(&format!("a{pasted}b{pasted}")), "a b");
        }
        for pasted in ["\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\r", "\r\n"] {
            assert_eq!(code_of::<Prose<50>>(&format!("a{pasted}b{pasted}")), "a\nb");
        }
        assert_eq!(code_of::<Prose<50>>("a\u{a0}\tb"), "a\u{a0}\tb");
        for refused in ["a\0b", "a\u{8}b", "a\u{1b}b", "a\nb", "a\rb"] {
            assert_eq!(code_of::<Line<50>>(refused), "control_character");
        }
    }

    #[test]
    fn an_address_folds_by_case() {
        let folded = |text| EmailAddress::parse(text).map(|address| address.folded());
        assert_eq!(folded("Ada@Example.ORG"), folded("ada@example.org"));
        assert_eq!(code_of::<EmailAddress>("no at"), "invalid_email");
        assert_eq!(code_of::<EmailAddress>("ada@[127.0.0.1]"), "invalid_email");
        assert_eq!(code_of::<EmailAddress>("a@b\r\nBcc: c@d"), "invalid_email");
        for unreachable in ["root@127.0.0.1", "a@0x7f.1", "a@2130706433", "a@localhost", "a@b", "a@b.", "a@[::1]"] {
            assert_eq!(code_of::<EmailAddress>(unreachable), "invalid_email", "{unreachable}");
        }
        for reachable in ["a@b.example", "x@bücher.example", "x@例え.jp", "дарья@почта.рф", "a@1.example"]
        {
            assert_eq!(code_of::<EmailAddress>(reachable), reachable);
        }
        assert!(EmailAddress::parse_stored("a@localhost").is_ok());
    }
}
