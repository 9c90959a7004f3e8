//! The fields about the person of a registration: one table, from which forms, columns, answers, exports, imports and
//! merges are made.
//!
//! A new optional text needs a column (migrations and `database/schema.rs`), a row in [`personal_fields`] and the texts
//! of the site. [`Field`] lists what a row can say. Everything in this table is personal data. The answers that choose
//! a few fields for a purpose are written by hand, so that a new field does not appear there unless somebody wants it:
//! the list of registrations, pairs of possible duplicates, badges, and who is at a gate.

use chrono::NaiveDate;
use deserr::Deserr;
use serde_json::{Map, Value};

use super::phone_number::PhoneNumber;
use crate::{
    validation::{self, ValidationError, ValidationErrors},
    values::{
        CountryCode, Date, EmailAddress, LanguageTag, LinkFree, NameText, PersonName, Text, TextValue, text_enum,
    },
};

/// Calls the macro `$callback` with `$arguments` and every row of the table, in the order in which forms have the
/// fields.
///
/// A row has the field's shape (see [`complete_rows`]), its name in requests and in the database, its name in answers
/// and exports, the type that checks what is sent, and the other values of its [`Field`].
macro_rules! personal_fields {
    ($callback:ident $arguments:tt) => {
        $crate::registration::fields::complete_rows! { $callback $arguments []
            /// Honorific, such as `Dr` or `H.E.`.
            optional honorific => honorific: $crate::values::LinkFree<100> {
                import_columns: &["honorific", "title", "prefix", "salutation", "attendee name title"],
            }
            /// Given name; left out by people who have one name only.
            optional given_name => given_name: $crate::values::NameText<200> {
                import_columns: &["given name", "first name", "attendee name given name", "forename", "prenom", "voornaam"],
                attendee_may_change: Changeable::UntilDecided,
                focal_point_may_change: Changeable::UntilDecided,
                finds_duplicates: true,
            }
            /// Family name, or the only name of the person. Required unless there is a `name` or a `given_name`.
            optional family_name => family_name: $crate::values::NameText<200> {
                import_columns: &[
                    "family name", "last name", "surname", "attendee name family name", "nom de famille", "nom",
                    "achternaam", "familienaam",
                ],
                attendee_may_change: Changeable::UntilDecided,
                focal_point_may_change: Changeable::UntilDecided,
                finds_duplicates: true,
            }
            /// The whole name as it is written, where it is not known which of its words are the given and the family
            /// name. There is either this, or `given_name`, `family_name` or both.
            optional name => name: $crate::values::NameText<300> {
                import_columns: &[
                    "name", "full name", "attendee name", "nom complet", "nom et prenom", "prenom et nom", "volledige naam",
                    "naam",
                ],
                attendee_may_change: Changeable::UntilDecided,
                focal_point_may_change: Changeable::UntilDecided,
                finds_duplicates: true,
            }
            /// The name in Latin letters, as in the machine-readable zone of a passport, for a name in another script.
            optional latin_name => latin_name: $crate::values::NameText<200> {
                import_columns: &[
                    "latin name", "name in latin letters", "passport name", "nom en caracteres latins",
                    "naam in latijnse letters",
                ],
                attendee_may_change: Changeable::UntilDecided,
                focal_point_may_change: Changeable::UntilDecided,
                finds_duplicates: true,
            }
            /// E-mail address of the person, to which letters are sent.
            address email => email: $crate::values::EmailAddress {
                import_columns: &[
                    "attendee email", "attendee e mail", "email", "e mail", "email address", "e mail address", "mail",
                    "courriel",
                ],
                attendee_may_change: Changeable::Never,
            }
            /// Organisation that the person represents.
            optional organisation => organisation: $crate::values::Line<300> {
                import_columns: &[
                    "organisation", "organization", "affiliation", "company", "attendee company", "institution",
                    "organisatie",
                ],
                finds_duplicates: true,
            }
            /// Position in that organisation.
            optional position => position_title: $crate::values::Line<300> {
                import_columns: &["position", "job title", "function", "fonction", "functie"],
            }
            /// Country, as an ISO 3166-1 alpha-2 code such as `BE`.
            optional country => country: $crate::values::CountryCode {
                import_columns: &["country", "country code", "home country", "pays", "land"],
                focal_point_may_change: Changeable::UntilDecided,
            }
            /// Language of letters to the person, as a BCP 47 tag such as `fr`: one of the conference's languages.
            language language => language: $crate::values::LanguageTag {
                import_columns: &["language", "locale", "order locale", "langue", "taal"],
            }
            /// Telephone number.
            optional phone => phone: $crate::registration::phone_number::PhoneNumber {
                import_columns: &["phone", "phone number", "telephone", "mobile", "cell phone"],
            }
            /// What the person needs in order to take part, for instance step-free access.
            optional accessibility_needs => accessibility_needs: $crate::values::Prose<2000> {
                import_columns: &["accessibility needs", "accessibility requirements", "special needs"],
            }
            /// Dietary needs.
            optional dietary_needs => dietary_needs: $crate::values::Prose<2000> {
                import_columns: &["dietary needs", "dietary requirements", "dietary restrictions"],
            }
            /// Date of birth, `YYYY-MM-DD`, where the organisers need it for accreditation.
            date birth_date => birth_date: $crate::values::Date {
                import_columns: &["birth date", "date of birth", "birthday", "birthdate"],
                attendee_may_change: Changeable::UntilDecided,
                focal_point_may_change: Changeable::UntilDecided,
                finds_duplicates: true,
            }
        }
    };
}
pub(crate) use personal_fields;

/// Completes each row by its shape, one row after the other, and calls `$callback` with `$arguments` and the rows:
///
/// `{ [doc] name output {in a form} {in a change} {in memory} {in the database} {in an answer} {Field} }`
///
/// The brackets before a type have what deserr is told about a field that may be left out.
macro_rules! complete_rows {
    ($callback:ident $arguments:tt [$($completed:tt)*]) => {
        $callback! { $arguments $($completed)* }
    };
    ($callback:ident $arguments:tt [$($completed:tt)*] $(#[$doc:meta])*
        optional $name:ident => $output:ident: $value:ty { $($settings:tt)* } $($rest:tt)*) => {
        $crate::registration::fields::complete_rows! { $callback $arguments [$($completed)* {
            [$(#[$doc])*] $name $output
            {[[
                default,
                try_from(Option<String>) = $crate::registration::fields::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {[[
                default,
                try_from(Option<String>) = $crate::registration::fields::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {Option<String>} {Option<String>} {Option<String>} {false, $value, { $($settings)* }}
        }] $($rest)* }
    };
    // Whoever registers has an address; a registrar may register somebody who has none.
    ($callback:ident $arguments:tt [$($completed:tt)*] $(#[$doc:meta])*
        address $name:ident => $output:ident: $value:ty { $($settings:tt)* } $($rest:tt)*) => {
        $crate::registration::fields::complete_rows! { $callback $arguments [$($completed)* {
            [$(#[$doc])*] $name $output {[] $value}
            {[[
                default,
                try_from(Option<String>) = $crate::registration::fields::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {Option<$value>} {Option<String>} {Option<$value>} {true, $value, { $($settings)* }}
        }] $($rest)* }
    };
    // A registration always has a language; a form may leave it to the service.
    ($callback:ident $arguments:tt [$($completed:tt)*] $(#[$doc:meta])*
        language $name:ident => $output:ident: $value:ty { $($settings:tt)* } $($rest:tt)*) => {
        $crate::registration::fields::complete_rows! { $callback $arguments [$($completed)* {
            [$(#[$doc])*] $name $output {[[default]] Option<$value>} {[] $value}
            {String} {String} {String} {false, $value, { $($settings)* }}
        }] $($rest)* }
    };
    ($callback:ident $arguments:tt [$($completed:tt)*] $(#[$doc:meta])*
        date $name:ident => $output:ident: $value:ty { $($settings:tt)* } $($rest:tt)*) => {
        $crate::registration::fields::complete_rows! { $callback $arguments [$($completed)* {
            [$(#[$doc])*] $name $output
            {[[
                default,
                try_from(Option<String>) = $crate::registration::fields::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {[[
                default,
                try_from(Option<String>) = $crate::registration::fields::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {Option<chrono::NaiveDate>} {Option<chrono::NaiveDate>} {Option<String>} {false, $value, { $($settings)* }}
        }] $($rest)* }
    };
}
pub(crate) use complete_rows;

/// What the service knows of a field.
#[derive(Debug)]
pub struct Field {
    /// Name in requests and in the database.
    pub name: &'static str,
    /// Name in answers and exports.
    pub output_name: &'static str,
    pub kind: FieldKind,
    /// Whether a form must have the field.
    pub is_required: bool,
    /// Highest number of characters; `None` for fields that are not free text.
    pub max_length: Option<u32>,
    /// Folded names by which a column of an imported table is recognised. The first one that the table has wins.
    pub import_columns: &'static [&'static str],
    /// Until when attendees may change the field. Registrars always may.
    pub attendee_may_change: Changeable,
    /// Until when focal points may change the field of a member.
    pub focal_point_may_change: Changeable,
    /// Whether a change of the field may show that the person is registered twice.
    pub finds_duplicates: bool,
}

/// Until when a field may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changeable {
    Always,
    /// Until the organisers have decided about the registration, in a category that needs approval.
    UntilDecided,
    Never,
}

text_enum! {
    /// The kind of a field, in the words of the form's description.
    FieldKind {
        Line = "line",
        Prose = "prose",
        Email = "email",
        Country = "country",
        Language = "language",
        Phone = "phone",
        Date = "date",
    }
}

/// A type that checks what is sent for a field.
trait FormValue {
    const KIND: FieldKind;
    const MAX_LENGTH: Option<u32> = None;
}

impl<const MAX: u64, const LINES: bool> FormValue for Text<MAX, LINES> {
    const KIND: FieldKind = if LINES { FieldKind::Prose } else { FieldKind::Line };
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl<const MAX: u64> FormValue for LinkFree<MAX> {
    const KIND: FieldKind = FieldKind::Line;
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl<const MAX: u64> FormValue for NameText<MAX> {
    const KIND: FieldKind = FieldKind::Line;
    const MAX_LENGTH: Option<u32> = Some(MAX as u32);
}
impl FormValue for EmailAddress {
    const KIND: FieldKind = FieldKind::Email;
    const MAX_LENGTH: Option<u32> = Some(254);
}
impl FormValue for CountryCode {
    const KIND: FieldKind = FieldKind::Country;
}
impl FormValue for LanguageTag {
    const KIND: FieldKind = FieldKind::Language;
}
impl FormValue for PhoneNumber {
    const KIND: FieldKind = FieldKind::Phone;
    const MAX_LENGTH: Option<u32> = Some(40);
}
impl FormValue for Date {
    const KIND: FieldKind = FieldKind::Date;
}

/// A value of a form; an empty text means that the field is left out.
///
/// # Errors
/// Those of [`TextValue::parse`].
pub fn unless_empty<T: TextValue>(text: Option<String>) -> Result<Option<T>, ValidationError> {
    text.filter(|text| !text.trim().is_empty()).map(|text| T::parse(&text)).transpose()
}

/// Whether a value is given: null and an empty text mean that the field is left out.
pub fn is_given(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

/// Reads a form and reports, beside the errors of its fields, what is wrong with the name as a whole.
///
/// # Errors
/// The validation errors.
pub fn read_form<T: Deserr<ValidationErrors>>(sent: Value) -> Result<T, ValidationErrors> {
    let name_errors = name_errors(&sent);
    match validation::read(sent) {
        Ok(form) => name_errors.into_result(form),
        Err(errors) => Err(ValidationErrors(name_errors.0.into_iter().chain(errors.0).collect())),
    }
}

/// A form needs a name: the whole one, or at least one of its parts, and not both.
fn name_errors(sent: &Value) -> ValidationErrors {
    let is_given = |field: &str| is_given(sent.get(field));
    let mut errors = ValidationErrors::default();
    match (is_given("name"), is_given("given_name") || is_given("family_name")) {
        (true, true) => {
            let detail = "must be left out beside given_name or family_name: give the whole name, or its parts";
            errors.add("#/name", "name_and_parts", detail);
        }
        // Where the document is no object, that is its error.
        (false, false) if sent.is_object() => {
            let detail = "is required: the family name or the only name; or name, the whole name as it is written";
            errors.add("#/family_name", "required", detail);
        }
        _ => {}
    }
    errors
}

/// A value of a form, which the registration stores as a `Stored`. `language` is stored if the form names no language.
pub trait ToStored<Stored> {
    fn to_stored(&self, language: &str) -> Stored;
}

impl<T: TextValue> ToStored<String> for T {
    fn to_stored(&self, _: &str) -> String {
        self.text().into_owned()
    }
}
impl<T: TextValue> ToStored<Option<String>> for Option<T> {
    fn to_stored(&self, _: &str) -> Option<String> {
        self.as_ref().map(|value| value.text().into_owned())
    }
}
impl ToStored<Option<EmailAddress>> for EmailAddress {
    fn to_stored(&self, _: &str) -> Option<EmailAddress> {
        Some(self.clone())
    }
}
impl ToStored<Option<EmailAddress>> for Option<EmailAddress> {
    fn to_stored(&self, _: &str) -> Option<EmailAddress> {
        self.clone()
    }
}
impl ToStored<String> for Option<LanguageTag> {
    fn to_stored(&self, language: &str) -> String {
        self.as_ref().map_or(language, LanguageTag::as_str).to_owned()
    }
}
impl ToStored<Option<NaiveDate>> for Option<Date> {
    fn to_stored(&self, _: &str) -> Option<NaiveDate> {
        self.map(|date| date.0)
    }
}

/// A stored value, as answers and exports have it.
pub trait StoredValue {
    type Output;
    fn output(&self) -> Self::Output;
    /// The value as a text; `None` if the person gave none.
    fn text(&self) -> Option<String>;
}

impl StoredValue for String {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        Some(self.clone())
    }
}
impl StoredValue for Option<String> {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        self.clone()
    }
}
impl StoredValue for Option<EmailAddress> {
    type Output = Self;
    fn output(&self) -> Self {
        self.clone()
    }
    fn text(&self) -> Option<String> {
        self.as_ref().map(|address| address.as_str().to_owned())
    }
}
impl StoredValue for Option<NaiveDate> {
    type Output = Option<String>;
    fn output(&self) -> Option<String> {
        self.text()
    }
    fn text(&self) -> Option<String> {
        self.map(|date| date.to_string())
    }
}

/// A stored value, of which an erased registration keeps nothing.
trait Erased {
    fn erased() -> Self;
}

impl Erased for String {
    fn erased() -> Self {
        Self::new()
    }
}
impl<T> Erased for Option<T> {
    fn erased() -> Self {
        None
    }
}

macro_rules! personal_details {
    ({} $({ $doc:tt $name:ident $output:ident $form:tt $change:tt { $stored:ty } $column:tt $answer:tt
        { $is_required:literal, $value:ty, { $($settings:tt)* } } })*) => {
        /// Every field, in the order in which forms have them.
        #[expect(clippy::needless_update, reason = "most rows name what differs alone; one names everything")]
        pub const PERSONAL_FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            output_name: stringify!($output),
            kind: <$value as FormValue>::KIND,
            is_required: $is_required,
            max_length: <$value as FormValue>::MAX_LENGTH,
            $($settings)*
            ..Field::PLAIN
        }),*];

        /// The data about a person, as their registration stores them.
        #[derive(Clone, PartialEq)]
        pub struct PersonalDetails { $(pub $name: $stored),* }

        impl PersonalDetails {
            /// The value of a field as a text; `None` if the person gave none.
            pub fn text(&self, field: &Field) -> Option<String> {
                match field.name {
                    $(stringify!($name) => StoredValue::text(&self.$name),)*
                    _ => None,
                }
            }

            /// The data of a registration that was erased: none but the language, in which its page is shown.
            pub fn erased(language: &str) -> Self {
                let nobody = Self { $($name: Erased::erased()),* };
                // The store requires a name: an empty one stands for none.
                Self { language: language.to_owned(), name: Some(String::new()), ..nobody }
            }

            /// Copies the value of a field from the data of another registration.
            pub fn copy_field(&mut self, field: &Field, other: &Self) {
                match field.name {
                    $(stringify!($name) => self.$name.clone_from(&other.$name),)*
                    _ => {}
                }
            }
        }
    };
}
personal_fields! { personal_details {} }

/// The fields of a name: there is either the whole name, or one of its parts, or both.
pub const NAME_FIELDS: [&str; 3] = ["name", "family_name", "given_name"];

impl Field {
    const PLAIN: Self = Self {
        name: "",
        output_name: "",
        kind: FieldKind::Line,
        is_required: false,
        max_length: None,
        import_columns: &[],
        attendee_may_change: Changeable::Always,
        focal_point_may_change: Changeable::Always,
        finds_duplicates: false,
    };
}

impl PersonalDetails {
    pub fn person_name(&self) -> PersonName<'_> {
        PersonName {
            honorific: self.honorific.as_deref(),
            given: self.given_name.as_deref(),
            family: self.family_name.as_deref(),
            whole: self.name.as_deref(),
        }
    }

    /// The data as a request writes them; a field that the person left out is null.
    pub fn document(&self) -> Map<String, Value> {
        PERSONAL_FIELDS.iter().map(|field| (field.name.to_owned(), self.text(field).into())).collect()
    }
}

/// Personal data must not appear in logs.
impl std::fmt::Debug for PersonalDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonalDetails(..)")
    }
}

/// Defines a form: a struct with the fields of a person between its own fields.
macro_rules! form_struct {
    ({ $(#[$meta:meta])* pub struct $form_name:ident { $($before:tt)* } then { $($after:tt)* } }
        $({ [$($doc:tt)*] $name:ident $output:ident { [$([$($default:tt)*])?] $form:ty } $change:tt $stored:tt
            $column:tt $answer:tt $field:tt })*) => {
        $(#[$meta])*
        pub struct $form_name {
            $($before)*
            $($($doc)* $(#[deserr($($default)*)] #[schema(required = false)])? pub $name: $form,)*
            $($after)*
        }

        impl $form_name {
            /// The data about the person; `language` is that of their letters if the form names none.
            pub fn person(&self, language: &str) -> $crate::registration::fields::PersonalDetails {
                $crate::registration::fields::PersonalDetails {
                    $($name: $crate::registration::fields::ToStored::to_stored(&self.$name, language)),*
                }
            }
        }
    };
}
pub(crate) use form_struct;

/// Defines what can be changed: as [`form_struct`], but with what a registration always has.
macro_rules! change_struct {
    ({ $($arguments:tt)* }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $crate::registration::fields::form_struct! {
            { $($arguments)* }
            $({ $doc $name $output $change $change $stored $column $answer $field })*
        }
    };
}
pub(crate) use change_struct;

/// Defines an answer: a struct with the fields of a person between its own fields.
macro_rules! view_struct {
    ({ $(#[$meta:meta])* pub struct $view:ident { $($before:tt)* } then { $($after:tt)* } }
        $({ [$($doc:tt)*] $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt { $answer:ty }
            $field:tt })*) => {
        $(#[$meta])*
        pub struct $view {
            $($before)*
            $($($doc)* pub $output: $answer,)*
            $($after)*
        }
    };
}
pub(crate) use view_struct;

/// An answer that [`view_struct`] defined, with the fields of `$person` and its own ones.
macro_rules! view {
    ({ $view:ident { $($own:tt)* } of $person:expr }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $view {
            $($output: $crate::registration::fields::StoredValue::output(&$person.$name),)*
            $($own)*
        }
    };
}
pub(crate) use view;

/// A form that [`form_struct`] defined, with the fields of a person from another form and its own ones.
macro_rules! form_of {
    ({ $form_name:ident { $($own:tt)* } of $other:expr }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $form_name {
            $($name: $other.$name.clone(),)*
            $($own)*
        }
    };
}
pub(crate) use form_of;

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        registration::{
            api::RegistrationView,
            form::{Answers, schema},
            model::{ConsentGiven, FIELDS, Form, RegistrationStatus},
            rows::PersonalColumns,
        },
        values::Code,
    };

    /// A person who gave every field, each with another value.
    pub fn person() -> PersonalDetails {
        person_with(|_| true)
    }

    /// Another person, who gave only what a form requires.
    pub fn bare() -> PersonalDetails {
        let mut person = person_with(|field| field.is_required);
        person.family_name = Some("text B".to_owned());
        person.email = EmailAddress::parse("bare@example.org").ok();
        person
    }

    fn person_with(is_included: impl Fn(&Field) -> bool) -> PersonalDetails {
        let value = |index: usize, field: &Field| match field.kind {
            FieldKind::Line | FieldKind::Prose => format!("text {index}"),
            FieldKind::Email => format!("person{index}@example.org"),
            FieldKind::Country => "BE".to_owned(),
            FieldKind::Language => "fr".to_owned(),
            FieldKind::Phone => format!("+32 2 123 45 {index}"),
            FieldKind::Date => "1990-12-10".to_owned(),
        };
        let fields = PERSONAL_FIELDS.iter().enumerate().filter(|(_, field)| is_included(field));
        let mut form: Map<String, Value> =
            fields.map(|(index, field)| (field.name.to_owned(), json!(value(index, field)))).collect();
        form.insert("category".to_owned(), json!("delegate"));
        form.insert("consent".to_owned(), json!(true));
        validation::read::<Form>(Value::Object(form)).unwrap().person("en")
    }

    /// The answer about a registration of this person.
    pub fn view_of(person: &PersonalDetails) -> RegistrationView {
        personal_fields! { view { RegistrationView {
            reference: String::new(),
            status: RegistrationStatus::Pending,
            position: None,
            category: Code::parse("delegate").unwrap(),
            category_name: String::new(),
            answers: Answers::new(),
            salutation: None,
            sessions: Vec::new(),
            expires_at: None,
            offer_expires_at: None,
            consented_at: String::new(),
            consent_given: ConsentGiven::Form,
            consent_recorded_by: None,
            privacy_notice_version: None,
            created_at: String::new(),
            updated_at: String::new(),
            erased_at: None,
            history: Vec::new(),
            full_name: person.person_name().full(),
            links: None,
        } of person } }
    }

    #[test]
    fn every_field_is_stored_as_the_form_gives_it() {
        for person in [person(), bare()] {
            let stored = PersonalDetails::try_from(PersonalColumns::from(person.clone())).unwrap();
            let columns = PersonalColumns::from(person.clone());
            for field in PERSONAL_FIELDS {
                assert_eq!(stored.text(field), person.text(field), "{}", field.name);
                assert_eq!(columns.text(field), person.text(field), "{}", field.name);
            }
        }
        assert!(PERSONAL_FIELDS.iter().all(|field| person().text(field).is_some()));
    }

    #[test]
    fn every_field_is_in_the_description_and_in_the_answer() {
        let schema = schema::form_schema(&[], &[], &[], &[], "en");
        let view = serde_json::to_value(view_of(&person())).unwrap();
        for field in PERSONAL_FIELDS {
            let described = FIELDS.iter().find(|described| described.name == field.name).unwrap();
            assert_eq!((described.r#type, described.required), (field.kind.as_str(), field.is_required));
            assert!(schema["properties"].get(field.name).is_some(), "{}", field.name);
            assert_eq!(view[field.output_name].as_str().map(str::to_owned), person().text(field), "{}", field.name);
        }
        let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!((names[0], &names[names.len() - 3..]), ("category", &["sessions", "invitation", "consent"][..]));
    }
}
