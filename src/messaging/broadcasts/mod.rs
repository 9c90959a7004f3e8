//! Broadcasts: one text to many recipients. A broadcast is drafted, counted, tested on one address, sent at a limited
//! rate, stopped and resumed; each recipient gets it once.

pub mod actions;
pub mod api;
pub mod model;
mod store;

use deserr::Deserr;
use serde::Serialize;
pub use store::list_due;
use utoipa::ToSchema;

use crate::{
    validation::ValidationErrors,
    values::{Code, Line, Switch},
};

/// Selects the recipients of a broadcast by the same filters as the list of registrations. Without any filter: all
/// confirmed registrations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Audience {
    /// Only registrations with one of these statuses, separated by commas; `confirmed` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub state: Option<Line<200>>,
    /// Only registrations of one of these categories (codes, separated by commas).
    #[deserr(default)]
    #[schema(required = false)]
    pub category: Option<Line<1000>>,
    /// Only registrations from one of these countries (ISO 3166-1 alpha-2, separated by commas).
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<Line<1000>>,
    /// Only members of the delegation with this code.
    #[deserr(default)]
    #[schema(required = false)]
    pub delegation: Option<Code>,
    /// Only people who are signed up for the session with this code, wait for a seat in it or wish one.
    #[deserr(default)]
    #[schema(required = false)]
    pub session: Option<Code>,
    /// Only registrations with these answers: pairs such as `diet:vegan`, separated by commas, as in the list of
    /// registrations.
    #[deserr(default)]
    #[schema(required = false)]
    pub answer: Option<Line<1000>>,
    /// `true`: only people who were admitted at a gate; `false`: only the others.
    #[deserr(default)]
    #[schema(required = false)]
    pub checked_in: Option<Switch>,
}
