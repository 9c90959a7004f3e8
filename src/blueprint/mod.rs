//! A whole conference as one document: its agenda and its registration set-up, in a YAML or JSON file or over the API.
//!
//! Nouns: a *blueprint* is the document ([`document::Blueprint`]); its *plan* is the list of what it would change.
//!
//! Invariants: those of the parts that it contains. A blueprint is applied as a whole, in one transaction, or not at
//! all ([`actions::apply`]); all validation errors of all parts are reported at once ([`document::read`]).

pub mod actions;
pub mod api;
pub mod conference_api;
pub mod copy;
pub mod document;
pub mod error;
pub mod schema;
pub mod time_zone;
pub mod yaml;

pub use document::Blueprint;
pub use error::BlueprintError;
