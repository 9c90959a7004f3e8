//! The fields about the person of a registration: one table, from which forms, columns, answers, exports, imports and
//! merges are made.
//!
//! A new optional text needs a column (migrations and `database/schema.rs`), a row in [`personal_fields`] and the texts
//! of the site. [`Field`] lists what a row can say. Everything in this table is personal data. The answers that choose
//! a few fields for a purpose are written by hand, so that a new field does not appear there unless somebody wants it:
//! the list of registrations, pairs of possible duplicates, badges, and who is at a gate.

use serde_json::{Map, Value};

use super::field_values::{Erased, FieldKind, FormValue, StoredValue};
use crate::values::PersonName;

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
            optional phone => phone: $crate::values::PhoneNumber {
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
                try_from(Option<String>) = $crate::registration::field_values::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {[[
                default,
                try_from(Option<String>) = $crate::registration::field_values::unless_empty
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
                try_from(Option<String>) = $crate::registration::field_values::unless_empty
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
                try_from(Option<String>) = $crate::registration::field_values::unless_empty
                    -> $crate::validation::ValidationError
            ]] Option<$value>}
            {[[
                default,
                try_from(Option<String>) = $crate::registration::field_values::unless_empty
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

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        registration::{
            field_structs::view,
            form::{Answers, schema},
            model::{ConsentGiven, FIELDS, Form, RegistrationStatus},
            rows::PersonalColumns,
            views::RegistrationView,
        },
        validation,
        values::{Code, EmailAddress, TextValue as _},
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
        let last = ["sessions", "invitation", "consent", "privacy_notice_version"];
        assert_eq!((names[0], &names[names.len() - last.len()..]), ("category", &last[..]));
    }
}
