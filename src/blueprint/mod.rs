//! A whole conference as one document: its agenda and its registration, in a YAML or JSON file or over the API.
//!
//! Nouns: a *blueprint* is the document ([`document::Blueprint`]); its *plan* is the list of what it would change.
//!
//! Invariants: those of the parts that it composes. A blueprint is applied whole, in one transaction, or not at all
//! ([`actions::apply`]); every fault of every part is named at once ([`document::read`]).

pub mod actions;
pub mod api;
pub mod copy;
pub mod document;
pub mod schema;
pub mod yaml;

pub use document::Blueprint;
