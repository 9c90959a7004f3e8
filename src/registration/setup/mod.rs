//! The registration set-up, which organisers configure: seats, opening times, categories, questions. It applies as soon
//! as it is saved, not with a release.

pub mod actions;
pub mod api;
pub mod state;

use std::{borrow::Cow, collections::HashMap};

use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    access::audit::ResourceKind,
    agenda::{Node, model::utc},
    ids::{CategoryId, Id},
    mail::LetterSettings,
    registration::{
        form::question::{self, Question},
        person_fields::{FieldRule, check_rules},
    },
    validation::{self, ValidationError, ValidationErrors},
    values::{ByName, Code, Count, LanguageTag, Line, LocalOrInstant, Localised, TextValue, TimeZone},
};

/// The registration set-up of a conference. Empty: no limit, always open, one category `participant`. Left out: nobody
/// can register.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Setup {
    /// Whether people can register, within the opening times; `true` if left out. It is `false` for a conference
    /// without a registration set-up.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub enabled: bool,
    /// Seats of the conference; no limit if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// Time at which registration opens, with an offset or as local time in the conference's time zone; open from the
    /// start if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub opens_at: Option<LocalOrInstant>,
    /// Time at which registration closes, with an offset or as local time in the conference's time zone; never if left
    /// out.
    #[deserr(default)]
    #[schema(required = false)]
    pub closes_at: Option<LocalOrInstant>,
    /// Whether people can still register when the conference is over, and sign up for sessions that are over; `false`
    /// if left out: then nobody is registered, promoted, offered a seat or confirmed after the end, except by a
    /// registrar who records what happened.
    #[deserr(default)]
    #[schema(required = false)]
    pub open_after_end: bool,
    /// Check-in at the doors and at the registration desk.
    #[deserr(default)]
    #[schema(required = false)]
    pub check_in: CheckInSetup,
    /// Hours until a registration with an unverified address expires; 48 if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub verification_hours: Option<Count<1>>,
    /// Sender, reply address and signature of the letters; those of the settings of the service, and no signature, if
    /// left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub letters: LetterSettings,
    /// What the forms of all categories ask about the person, by the name of the field, such as `birth_date`. A field
    /// that is not here is optional. The name and the address are always required.
    #[deserr(default)]
    #[schema(required = false, value_type = std::collections::BTreeMap<String, FieldRule>)]
    pub fields: ByName<FieldRule>,
    /// Categories of registration; one category `participant` if left out or empty.
    #[deserr(default)]
    #[schema(required = false)]
    pub categories: Vec<Category>,
    /// The conference's own questions, in the order of the form.
    #[deserr(default)]
    #[schema(required = false)]
    pub questions: Vec<Question>,
}

/// When badges are checked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct CheckInSetup {
    /// Time from which badges are checked in before the first day of the conference, for instance at a registration
    /// desk on the evening before; with an offset or as local time in the conference's time zone. From the beginning of
    /// the first day if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub opens_at: Option<LocalOrInstant>,
}

/// Hours until a registration with an unverified address expires, if the set-up does not say.
pub const VERIFICATION_HOURS: u32 = 48;

/// A category of registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = RegistrationCategory)]
pub struct Category {
    /// Id of the category (UUID). Assigned by the service if left out; send it to change the code of an existing
    /// category.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<CategoryId>,
    /// Code of the category, unique in the conference.
    pub code: Code,
    /// Name of the category.
    pub name: Localised,
    /// Who registers in the category, and what they need for it; shown where people choose a category.
    #[deserr(default)]
    #[schema(required = false)]
    pub description: Option<Localised>,
    /// Seats of the category; no limit of its own if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// Time at which the category opens, in addition to the opening time of the conference; no limit of its own if left
    /// out.
    #[deserr(default)]
    #[schema(required = false)]
    pub opens_at: Option<LocalOrInstant>,
    /// Time at which the category closes, in addition to the closing time of the conference; no limit of its own if
    /// left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub closes_at: Option<LocalOrInstant>,
    /// Whether the organisers decide about each registration; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub needs_approval: bool,
    /// Whether only people with an invitation can register; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub needs_invitation: bool,
    /// Whether the e-mail address must be verified first; `false` if left out. If any category verifies addresses, no
    /// answer to a registration says whether its address was known.
    #[deserr(default)]
    #[schema(required = false)]
    pub verifies_email: bool,
    /// Whether the category exists only for people with an invitation to it; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub hidden: bool,
    /// Whether registrations go on a waiting list when no seat is free; `true` if left out.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub waiting_list: bool,
    /// Hours for which a free seat is held as an offer for the next registration on the waiting list. If left out, that
    /// registration is confirmed at once.
    #[deserr(default)]
    #[schema(required = false)]
    pub offer_hours: Option<Count<1>>,
    /// What is printed on the badges of the category.
    #[deserr(default)]
    #[schema(required = false)]
    pub badge: Badge,
    /// Whether several people may register with one address, told apart by their names; `false` if left out. For
    /// instance a mission that registers its delegates with its own address.
    #[deserr(default)]
    #[schema(required = false)]
    pub shared_mailbox: bool,
    /// What the form of the category asks about the person where it differs from `fields` of the set-up.
    #[deserr(default)]
    #[schema(required = false, value_type = std::collections::BTreeMap<String, FieldRule>)]
    pub fields: ByName<FieldRule>,
}

/// What is printed on a badge besides the name. For a registration: only what differs from its category.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Badge {
    /// Level of accreditation, such as `VIP` or `P`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub level: Option<Line<20>>,
    /// Codes of the zones to which the badge gives access.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub zones: Option<Vec<Code>>,
    /// Colour of the badge's band, `#RRGGBB`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub colour: Option<Colour>,
}

impl Badge {
    /// This badge, completed by the badge of the category.
    pub fn completed_by(&self, of_category: &Self) -> Self {
        Self {
            level: self.level.clone().or_else(|| of_category.level.clone()),
            zones: self.zones.clone().or_else(|| of_category.zones.clone()),
            colour: self.colour.clone().or_else(|| of_category.colour.clone()),
        }
    }
}

/// A colour as CSS writes it: `#RRGGBB`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour(String);

impl TextValue for Colour {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Colour")
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        if digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(ValidationError::of_value("invalid_colour", "must be a colour such as #003399"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn schema_object() -> Object {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^#[0-9A-Fa-f]{6}$")).build()
    }
}
crate::values::text_value!([] Colour);

/// What the check of a set-up needs of the conference.
#[derive(Debug, Clone)]
pub struct SetupContext {
    /// The zone of local times.
    pub time_zone: Option<TimeZone>,
    /// The languages that texts may be in.
    pub languages: Vec<LanguageTag>,
}

/// The code of the only category of a conference that configures none.
const DEFAULT_CATEGORY: &str = "participant";

/// Reads a set-up; the pointers of validation errors begin with `#/registration`.
///
/// # Errors
/// Every validation error of the document.
pub fn read(document: Option<Value>, context: &SetupContext) -> Result<Setup, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    // Whoever has not said how people register has not opened registration.
    let document = document.filter(|value| !value.is_null()).unwrap_or_else(|| serde_json::json!({ "enabled": false }));
    check_unique_codes(&document, &mut errors);
    let mut setup = match validation::read::<Setup>(document) {
        Ok(setup) => setup,
        Err(shape_errors) => {
            errors.0.splice(0..0, shape_errors.0);
            return Err(under_registration(errors));
        }
    };
    setup.letters.check(&context.languages, "#/letters", &mut errors);
    resolve_times("#", [&mut setup.opens_at, &mut setup.closes_at], context, &mut errors);
    resolve_times("#/check_in", [&mut setup.check_in.opens_at, &mut None], context, &mut errors);
    for (index, category) in setup.categories.iter_mut().enumerate() {
        let pointer = format!("#/categories/{index}");
        resolve_times(&pointer, [&mut category.opens_at, &mut category.closes_at], context, &mut errors);
    }
    for (index, category) in setup.categories.iter_mut().enumerate() {
        let pointer = format!("#/categories/{index}");
        category.name.check_languages(&format!("{pointer}/name"), &context.languages, &mut errors);
        if let Some(description) = &mut category.description {
            description.check_languages(&format!("{pointer}/description"), &context.languages, &mut errors);
        }
        check_rules(&mut category.fields, &format!("{pointer}/fields"), &context.languages, &mut errors);
    }
    check_rules(&mut setup.fields, "#/fields", &context.languages, &mut errors);
    if setup.categories.is_empty()
        && let (Ok(code), Some(first)) = (Code::parse(DEFAULT_CATEGORY), context.languages.first())
    {
        let name = Localised::new(first.as_str(), "Participant");
        setup.categories.push(Category::without_rules(code, name));
    }
    let codes: Vec<Code> = setup.categories.iter().map(|category| category.code.clone()).collect();
    question::check(&mut setup.questions, &codes, &context.languages, &mut errors);
    errors.into_result(setup).map_err(under_registration)
}

fn resolve_times(
    pointer: &str,
    times: [&mut Option<LocalOrInstant>; 2],
    context: &SetupContext,
    errors: &mut ValidationErrors,
) {
    let [opens, closes] = times;
    for (key, time) in [("opens_at", &mut *opens), ("closes_at", &mut *closes)] {
        if let (Some(local_or_instant), Some(zone)) = (*time, context.time_zone) {
            match local_or_instant.resolve(zone) {
                Ok(instant) => *time = Some(LocalOrInstant::Instant(instant)),
                Err(error) => errors.add(format!("{pointer}/{key}"), &error.code, error.detail),
            }
        }
    }
    if let (Some(opens), Some(closes)) = (opens.map(utc), closes.map(utc))
        && closes <= opens
    {
        errors.add(format!("{pointer}/closes_at"), "ends_before_start", "must be after opens_at");
    }
}

fn check_unique_codes(document: &Value, errors: &mut ValidationErrors) {
    let categories = document.get("categories").and_then(Value::as_array);
    for key in ["id", "code"] {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (index, category) in categories.into_iter().flatten().enumerate() {
            if let Some(value) = category.get(key).and_then(Value::as_str)
                && let Some(earlier) = first.insert(value, index)
            {
                let detail = format!("is also at #/registration/categories/{earlier}/{key}");
                errors.add(format!("#/categories/{index}/{key}"), "duplicate", detail);
            }
        }
    }
}

fn under_registration(mut errors: ValidationErrors) -> ValidationErrors {
    for error in &mut errors.0 {
        error.pointer = error.pointer.replacen('#', "#/registration", 1);
    }
    errors
}

impl Category {
    /// A category with a name and no rules.
    pub fn without_rules(code: Code, name: Localised) -> Self {
        Self {
            id: None,
            code,
            name,
            description: None,
            seats: None,
            opens_at: None,
            closes_at: None,
            needs_approval: false,
            needs_invitation: false,
            verifies_email: false,
            hidden: false,
            waiting_list: true,
            offer_hours: None,
            badge: Badge::default(),
            shared_mailbox: false,
            fields: ByName::default(),
        }
    }
}

impl Setup {
    /// Gives every category its id: the one in the document if it is a category of this conference, that of the
    /// existing category with the same code, or a new one.
    pub fn adopt_ids(&mut self, existing: Option<&Setup>) {
        let existing = existing.map_or(&[][..], |setup| &setup.categories);
        let claimed: Vec<_> = self.categories.iter().filter_map(|category| category.id).collect();
        for category in &mut self.categories {
            // An unknown id, or that of another conference, is replaced.
            category.id = category.id.filter(|id| existing.iter().any(|old| old.id == Some(*id)));
            if category.id.is_none() {
                let same_code = existing.iter().find(|old| old.code == category.code).and_then(|old| old.id);
                category.id = Some(same_code.filter(|id| !claimed.contains(id)).unwrap_or_else(Id::new));
            }
        }
    }

    /// The parts of the set-up that a plan compares.
    pub fn nodes(&self) -> Vec<Node> {
        let own = Node::of(ResourceKind::Registration, "registration", self, &["categories", "questions"]);
        let category = |category: &Category| Node::of(ResourceKind::Category, category.code.as_str(), category, &[]);
        let question = |question: &Question| Node::of(ResourceKind::Question, question.code.as_str(), question, &[]);
        let parts = self.categories.iter().map(category).chain(self.questions.iter().map(question));
        std::iter::once(own).chain(parts).collect()
    }
}
