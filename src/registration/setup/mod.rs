//! What organisers configure: seats, opening hours, categories. It takes effect when it is applied, not at a release.

pub mod actions;
pub mod api;
pub mod store;

use std::{borrow::Cow, collections::HashMap};

use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    agenda::{Node, model::utc},
    faults::{self, Fault, Faults},
    ids::{CategoryId, Id},
    registration::form::question::{self, Question},
    values::{Code, Count, LanguageTag, Line, Localised, Moment, TextValue, TimeZone},
};

/// The registration of a conference. Left out or empty: without limit, always open, with one category `participant`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Setup {
    /// The seats of the conference; without limit if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// When registration opens; it is open if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub opens_at: Option<Moment>,
    /// When it closes; never if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub closes_at: Option<Moment>,
    /// How long an address may stay unverified before its registration expires, in hours; 48 if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub verification_hours: Option<Count<1>>,
    /// The kinds of registration; one, `participant`, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub categories: Vec<Category>,
    /// What is asked beside name, address and the like, in order.
    #[deserr(default)]
    #[schema(required = false)]
    pub questions: Vec<Question>,
}

/// How long an address may stay unverified, in hours, where the set-up does not say.
pub const VERIFICATION_HOURS: u32 = 48;

/// A kind of registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = RegistrationCategory)]
pub struct Category {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<CategoryId>,
    /// Its stable name.
    pub code: Code,
    /// Its name.
    pub name: Localised,
    /// Its seats; without limit of its own if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// When it opens; with the conference's registration if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub opens_at: Option<Moment>,
    /// When it closes; with the conference's registration if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub closes_at: Option<Moment>,
    /// Whether the organisers decide about each registration.
    #[deserr(default)]
    #[schema(required = false)]
    pub needs_approval: bool,
    /// Whether only who is invited may register.
    #[deserr(default)]
    #[schema(required = false)]
    pub needs_invitation: bool,
    /// Whether the address must be verified first. Where any category asks for it, no answer to a registration says
    /// whether its address was known.
    #[deserr(default)]
    #[schema(required = false)]
    pub verifies_email: bool,
    /// Whether the form leaves it out unless it is asked for by an invitation.
    #[deserr(default)]
    #[schema(required = false)]
    pub hidden: bool,
    /// Whether there is a waiting list when its seats are taken; there is if left out.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub waiting_list: bool,
    /// For how long a freed seat is held as an offer, in hours; it is given at once if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub offer_hours: Option<Count<1>>,
    /// What the badges of the category say.
    #[deserr(default)]
    #[schema(required = false)]
    pub badge: Badge,
}

/// What a badge says beside the name; of a registration, what differs from its category.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Badge {
    /// The level of accreditation, such as `VIP` or `P`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub level: Option<Line<20>>,
    /// The codes of the zones that it opens.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub zones: Option<Vec<Code>>,
    /// The colour of its band, `#RRGGBB`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub colour: Option<Colour>,
}

impl Badge {
    /// The badge of one whose category has `of_category`.
    pub fn over(&self, of_category: &Self) -> Self {
        Self {
            level: self.level.clone().or_else(|| of_category.level.clone()),
            zones: self.zones.clone().or_else(|| of_category.zones.clone()),
            colour: self.colour.clone().or_else(|| of_category.colour.clone()),
        }
    }
}

/// A colour of the web, `#RRGGBB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour(String);

impl TextValue for Colour {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Colour")
    }
    fn parse(text: &str) -> Result<Self, Fault> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        if digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(Fault::of_value("invalid_colour", "must be a colour such as #003399"))
    }
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
    fn describe() -> Object {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^#[0-9A-Fa-f]{6}$")).build()
    }
}
crate::values::text_value!([] Colour);

/// What of the conference a set-up depends on.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Wall times are in this zone.
    pub time_zone: Option<TimeZone>,
    /// Names are in these languages.
    pub languages: Vec<LanguageTag>,
}

/// The category of a conference that names none.
const DEFAULT_CATEGORY: &str = "participant";

/// Reads a set-up and names all that is wrong with it; places are under `#/registration`.
///
/// # Errors
/// Every fault, with its place.
pub fn read(document: Option<Value>, surroundings: &Surroundings) -> Result<Setup, Faults> {
    let mut found = Faults::default();
    let document = document.filter(|value| !value.is_null()).unwrap_or_else(|| serde_json::json!({}));
    check_codes(&document, &mut found);
    let mut setup = match faults::read::<Setup>(document) {
        Ok(setup) => setup,
        Err(shape) => {
            found.0.splice(0..0, shape.0);
            return Err(placed(found));
        }
    };
    resolve("#", [&mut setup.opens_at, &mut setup.closes_at], surroundings, &mut found);
    for (index, category) in setup.categories.iter_mut().enumerate() {
        let at = format!("#/categories/{index}");
        resolve(&at, [&mut category.opens_at, &mut category.closes_at], surroundings, &mut found);
    }
    for (index, category) in setup.categories.iter_mut().enumerate() {
        if let Some(first) = surroundings.languages.first() {
            category.name.settle(first);
        }
        let known = |language: &str| surroundings.languages.iter().any(|tag| tag.as_str() == language);
        for language in category.name.languages().filter(|language| !known(language)) {
            found.add(
                format!("#/categories/{index}/name/{language}"),
                "unknown_language",
                "is not a language of the conference",
            );
        }
    }
    if setup.categories.is_empty()
        && let (Ok(code), Some(first)) = (Code::parse(DEFAULT_CATEGORY), surroundings.languages.first())
    {
        let name = Localised::new(first.as_str(), "Participant");
        setup.categories.push(Category::plain(code, name));
    }
    let codes: Vec<Code> = setup.categories.iter().map(|category| category.code.clone()).collect();
    question::check(&mut setup.questions, &codes, &surroundings.languages, &mut found);
    found.or(setup).map_err(placed)
}

fn resolve(at: &str, times: [&mut Option<Moment>; 2], surroundings: &Surroundings, found: &mut Faults) {
    let [opens, closes] = times;
    for (key, moment) in [("opens_at", &mut *opens), ("closes_at", &mut *closes)] {
        if let (Some(given), Some(zone)) = (*moment, surroundings.time_zone) {
            match given.resolve(zone) {
                Ok(instant) => *moment = Some(Moment::Instant(instant)),
                Err(fault) => found.add(format!("{at}/{key}"), &fault.code, fault.detail),
            }
        }
    }
    if let (Some(opens), Some(closes)) = (opens.map(utc), closes.map(utc))
        && closes <= opens
    {
        found.add(format!("{at}/closes_at"), "ends_before_start", "must be after opens_at");
    }
}

fn check_codes(document: &Value, found: &mut Faults) {
    let categories = document.get("categories").and_then(Value::as_array);
    for key in ["id", "code"] {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (index, category) in categories.into_iter().flatten().enumerate() {
            if let Some(value) = category.get(key).and_then(Value::as_str)
                && let Some(earlier) = first.insert(value, index)
            {
                let detail = format!("stands also at #/registration/categories/{earlier}/{key}");
                found.add(format!("#/categories/{index}/{key}"), "duplicate", detail);
            }
        }
    }
}

fn placed(mut faults: Faults) -> Faults {
    for fault in &mut faults.0 {
        fault.pointer = fault.pointer.replacen('#', "#/registration", 1);
    }
    faults
}

impl Category {
    /// A category without any rule.
    pub fn plain(code: Code, name: Localised) -> Self {
        Self {
            id: None,
            code,
            name,
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
        }
    }
}

impl Setup {
    /// Gives every category its id: its own, that of the known category with the same code, or a new one.
    pub fn adopt_ids(&mut self, known: Option<&Setup>) {
        let known = known.map_or(&[][..], |setup| &setup.categories);
        let claimed: Vec<_> = self.categories.iter().filter_map(|category| category.id).collect();
        for category in &mut self.categories {
            // An id that this conference does not know is no category of it.
            category.id = category.id.filter(|id| known.iter().any(|old| old.id == Some(*id)));
            if category.id.is_none() {
                let same = known.iter().find(|old| old.code == category.code).and_then(|old| old.id);
                category.id = Some(same.filter(|id| !claimed.contains(id)).unwrap_or_else(Id::new));
            }
        }
    }

    /// The set-up as a plan sees it.
    pub fn nodes(&self) -> Vec<Node> {
        let own = Node::of("registration", "registration", self, &["categories", "questions"]);
        let category = |category: &Category| Node::of("category", category.code.as_str(), category, &[]);
        let question = |question: &Question| Node::of("question", question.code.as_str(), question, &[]);
        let things = self.categories.iter().map(category).chain(self.questions.iter().map(question));
        std::iter::once(own).chain(things).collect()
    }
}
