//! What organisers configure: seats, opening hours, categories. It takes effect when it is applied, not at a release.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    agenda::Node,
    faults::{self, Faults},
    ids::{CategoryId, Id},
    values::{Code, Count, LanguageTag, Localised, Moment, TextValue as _, TimeZone},
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
    /// The kinds of registration; one, `participant`, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub categories: Vec<Category>,
}

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
}

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
    for (key, moment) in [("opens_at", &mut setup.opens_at), ("closes_at", &mut setup.closes_at)] {
        if let (Some(at), Some(zone)) = (*moment, surroundings.time_zone) {
            match at.resolve(zone) {
                Ok(instant) => *moment = Some(Moment::Instant(instant)),
                Err(fault) => found.add(format!("#/{key}"), &fault.code, fault.detail),
            }
        }
    }
    if let (Some(opens), Some(closes)) = (setup.opens(), setup.closes())
        && closes <= opens
    {
        found.add("#/closes_at", "ends_before_start", "must be after opens_at");
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
        setup.categories.push(Category { id: None, code, name, seats: None });
    }
    found.or(setup).map_err(placed)
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

impl Setup {
    /// When registration opens.
    pub fn opens(&self) -> Option<DateTime<Utc>> {
        self.opens_at.map(crate::agenda::model::utc)
    }

    /// When it closes.
    pub fn closes(&self) -> Option<DateTime<Utc>> {
        self.closes_at.map(crate::agenda::model::utc)
    }

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
        let own = Node::of("registration", "registration", self, &["categories"]);
        let of = |category: &Category| Node::of("category", category.code.as_str(), category, &[]);
        std::iter::once(own).chain(self.categories.iter().map(of)).collect()
    }
}
