//! The parsed values that every feature shares: once you hold one it is valid. Each is read from a text (or, for a
//! localised text, a map), written back as it was, and describes itself in the API document.

mod localised;
mod time;

use std::{
    borrow::{Borrow, Cow},
    fmt,
};

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};
use validator::{ValidateEmail, ValidateLength, ValidateUrl};

pub use localised::{LOCALISED_LENGTH_MAX, Localised};
pub use time::{Date, Moment, TimeOfDay, TimeZone};

use crate::{
    faults::{Fault, Faults, wrong_kind},
    ids::Id,
};

/// A value that is written as one text.
pub trait TextValue: Sized {
    /// Its name in the API document.
    fn type_name() -> Cow<'static, str>;
    /// Reads it.
    fn parse(text: &str) -> Result<Self, Fault>;
    /// Writes it.
    fn text(&self) -> Cow<'_, str>;
    /// Its schema.
    fn describe() -> Object;
}

/// Reading, writing and describing, for a [`TextValue`].
macro_rules! text_value {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> deserr::Deserr<$crate::faults::Faults> for $type {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef,
            ) -> Result<Self, $crate::faults::Faults> {
                match value {
                    deserr::Value::String(text) => <Self as $crate::values::TextValue>::parse(&text)
                        .map_err(|fault| $crate::faults::Faults::one(at, fault)),
                    other => Err($crate::faults::wrong_kind(other, &[deserr::ValueKind::String], at)),
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
                utoipa::openapi::Schema::Object(<Self as $crate::values::TextValue>::describe()).into()
            }
        }
        impl<$($generics)*> utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::values::TextValue>::type_name()
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

/// An enum whose values are words: in JSON, in the database, in the API document.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }
        impl $name {
            /// Every word, in the order of the cases.
            pub const WORDS: &[&str] = &[$($word),+];
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }
            /// The case with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$case),)+ _ => None }
            }
        }
        impl $crate::values::TextValue for $name {
            fn type_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
            fn parse(text: &str) -> Result<Self, $crate::faults::Fault> {
                Self::from_word(text).ok_or_else(|| {
                    $crate::faults::Fault::of_value("unknown_value", format!("must be one of {}", Self::WORDS.join(", ")))
                })
            }
            fn text(&self) -> std::borrow::Cow<'_, str> {
                std::borrow::Cow::Borrowed(self.as_str())
            }
            fn describe() -> utoipa::openapi::schema::Object {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(Self::WORDS.iter().copied()))
                    .build()
            }
        }
        $crate::values::text_value!([] $name);
    };
}
pub(crate) use text_enum;

text_enum! {
    /// A switch in a query.
    Switch {
        /// On.
        On = "true",
        /// Off.
        Off = "false",
    }
}

fn string_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The longest code or slug, in characters.
const CODE_LENGTH_MAX: usize = 80;

/// The stable name of a thing in its conference, or of a conference: `ban-ki-moon`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Borrow<str> for Code {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Code {
    /// The longest code, in characters.
    pub const LENGTH_MAX: usize = CODE_LENGTH_MAX;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the code of a placeholder begins with.
    pub const WITHHELD: &'static str = "withheld-";

    /// The code of a placeholder.
    pub fn withheld(number: u64) -> Self {
        Self(format!("{}{number:016x}", Self::WITHHELD))
    }
}

impl TextValue for Code {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Code")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= CODE_LENGTH_MAX && text.split('-').all(word) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value(
            "invalid_code",
            format!(
                "must be lower-case letters and digits in words joined by hyphens, at most {CODE_LENGTH_MAX} characters"
            ),
        ))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        string_schema()
            .pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$"))
            .max_length(Some(CODE_LENGTH_MAX))
            .description(Some("The stable name of a thing in its conference."))
            .build()
    }
}
text_value!([] Code);

/// A text of 1 to `MAX` characters, trimmed; of one line unless `LINES`. Control characters are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: u64, const LINES: bool>(String);

/// A text of one line.
pub type Line<const MAX: u64> = Text<MAX, false>;
/// A text of several lines.
pub type Prose<const MAX: u64> = Text<MAX, true>;

impl<const MAX: u64, const LINES: bool> Text<MAX, LINES> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text of the service's own, which sees to it that it is one.
    pub fn own(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// Line separators, directional overrides and non-characters: they would let one text rewrite the line around it.
const HIDDEN: [std::ops::RangeInclusive<char>; 5] = [
    '\u{2028}'..='\u{2029}',
    '\u{202A}'..='\u{202E}',
    '\u{2066}'..='\u{2069}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFFE}'..='\u{FFFF}',
];

/// What shows nothing by itself: default-ignorable code points (Unicode, DerivedCoreProperties) and Hangul fillers.
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

/// Whether a text, of several `lines` or of one, may hold this character.
pub fn may_hold(c: char, lines: bool) -> bool {
    let is_plain = !c.is_control() || (lines && matches!(c, '\n' | '\t'));
    is_plain && !HIDDEN.iter().any(|range| range.contains(&c))
}

fn checked_text(text: &str, length_max: u64, lines: bool) -> Result<String, Fault> {
    let text = text.trim();
    if text.chars().all(|c| c.is_whitespace() || BLANK.iter().any(|range| range.contains(&c))) {
        return Err(Fault::of_value("empty", "must not be empty"));
    }
    if !text.validate_length(None, Some(length_max), None) {
        return Err(Fault::of_value("too_long", format!("must have at most {length_max} characters")));
    }
    if !text.chars().all(|c| may_hold(c, lines)) {
        let kind = if lines { "control characters" } else { "line breaks or control characters" };
        return Err(Fault::of_value("control_character", format!("must not hold {kind}")));
    }
    Ok(text.to_owned())
}

impl<const MAX: u64, const LINES: bool> TextValue for Text<MAX, LINES> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}{MAX}", if LINES { "Prose" } else { "Line" }))
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        checked_text(text, MAX, LINES).map(Self)
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        string_schema().min_length(Some(1)).max_length(usize::try_from(MAX).ok()).build()
    }
}

text_value!([const MAX: u64, const LINES: bool] Text<MAX, LINES>);

/// A BCP 47 language tag, as `en` or `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageTag(String);

impl LanguageTag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextValue for LanguageTag {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("LanguageTag")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = text.split('-');
        let primary = parts.next().unwrap_or_default();
        let primary_ok = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
        let subtag_ok = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if primary_ok && text.len() <= 35 && parts.all(subtag_ok) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value("invalid_language", "must be a BCP 47 language tag such as en or pt-BR"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
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

/// ISO 3166-1 alpha-2, every officially assigned code, and the user-assigned `XK` that the United Nations system uses.
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
    /// Every code.
    pub fn all() -> impl Iterator<Item = &'static str> {
        COUNTRIES.split_whitespace()
    }
}

impl TextValue for CountryCode {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("CountryCode")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() == 2 && COUNTRIES.split(' ').any(|code| code == text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value("invalid_country", "must be an ISO 3166-1 alpha-2 country code in capitals, such as BE"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        string_schema().pattern(Some("^[A-Z]{2}$")).description(Some("An ISO 3166-1 alpha-2 country code.")).build()
    }
}
text_value!([] CountryCode);

/// An e-mail address that mail can be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address case-folded: two addresses that fold alike are the same person's.
    pub fn folded(&self) -> String {
        let small = self.0.to_lowercase();
        // A domain in letters of a language and its form in ASCII (RFC 5890) are one domain.
        match small.rsplit_once('@').map(|(local, domain)| (local, url::Host::parse(domain))) {
            Some((local, Ok(domain))) => format!("{local}@{domain}"),
            _ => small,
        }
    }
}

/// An address is personal data: it does not print itself into logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl TextValue for EmailAddress {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("EmailAddress")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        // 254 characters is what an SMTP path holds (RFC 5321, 4.5.3.1.3).
        // Mail to a bare IP address reaches nobody.
        let names_a_host = !text.ends_with(']');
        // A local part in letters of a language (RFC 6531) is as good as one in those of ASCII.
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        let plain: String = local.chars().map(|c| if c.is_ascii() || !c.is_alphanumeric() { c } else { 'x' }).collect();
        if text.len() <= 254 && names_a_host && format!("{plain}@{domain}").validate_email() {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value("invalid_email", "must be an e-mail address"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        string_schema().format(Some(SchemaFormat::Custom("email".to_owned()))).max_length(Some(254)).build()
    }
}
text_value!([] EmailAddress);

/// An absolute web address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(String);

impl TextValue for WebAddress {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("WebAddress")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let web = text.starts_with("https://") || text.starts_with("http://");
        if web && text.len() <= 2000 && text.validate_url() {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::of_value("invalid_url", "must be an http or https address"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        string_schema().pattern(Some("^https?://")).max_length(Some(2000)).build()
    }
}
text_value!([] WebAddress);

impl<K> TextValue for Id<K> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::of_value("invalid_id", "must be a UUID"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.uuid().to_string())
    }
    fn describe() -> Object {
        string_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).build()
    }
}
text_value!([K] Id<K>);

/// The largest count that a document may hold.
const COUNT_MAX: u32 = 1_000_000;

/// A number of things, from `MIN` to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<const MIN: u32>(pub u32);

impl<const MIN: u32> Deserr<Faults> for Count<MIN> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Faults> {
        let number = match value {
            Value::Integer(number) => u32::try_from(number).ok(),
            Value::NegativeInteger(_) => None,
            other => return Err(wrong_kind(other, &[ValueKind::Integer], at)),
        };
        number
            .filter(|number| (MIN..=COUNT_MAX).contains(number))
            .map(Self)
            .ok_or_else(|| Faults::one(at, Fault::of_value("out_of_range", format!("must be {MIN} to {COUNT_MAX}"))))
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
        T::parse(text).map_or_else(|fault| fault.code, |value| value.text().into_owned())
    }

    #[test]
    fn a_code_is_lower_case_words_joined_by_hyphens() {
        for good in ["ban-ki-moon", "a", "2014", "a-1"] {
            assert_eq!(code_of::<Code>(good), good);
        }
        for bad in ["", "-a", "a-", "a--b", "A", "é", "a_b", &"a".repeat(81)] {
            assert_eq!(code_of::<Code>(bad), "invalid_code");
        }
    }

    #[test]
    fn a_line_holds_no_line_break_and_no_hidden_override() {
        assert_eq!(code_of::<Line<5>>(" abc "), "abc");
        assert_eq!(code_of::<Line<5>>("a\r\nBcc: x"), "too_long");
        assert_eq!(code_of::<Line<50>>("a\r\nBcc: x"), "control_character");
        assert_eq!(code_of::<Line<50>>("a\u{202E}b"), "control_character");
        assert_eq!(code_of::<Line<50>>("  "), "empty");
        assert_eq!(code_of::<Prose<50>>("a\nb"), "a\nb");
    }

    #[test]
    fn an_address_folds_by_case() {
        let folded = |text| EmailAddress::parse(text).map(|address| address.folded());
        assert_eq!(folded("Ada@Example.ORG"), folded("ada@example.org"));
        assert_eq!(code_of::<EmailAddress>("no at"), "invalid_email");
        assert_eq!(code_of::<EmailAddress>("ada@[127.0.0.1]"), "invalid_email");
        assert_eq!(code_of::<EmailAddress>("a@b\r\nBcc: c@d"), "invalid_email");
    }
}
