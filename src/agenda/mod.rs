//! What organisers edit: the conference and its agenda, as a draft that the public does not see until it is released.
//!
//! Nouns: those of [`document`], one struct each; the *draft* is the agenda in the store; a *plan* lists what a
//! document would change ([`plan`]).
//!
//! Invariants:
//! - A document with an error changes nothing: [`model::read`] names every error before [`actions::write`] is called.
//! - Applying a document twice changes nothing the second time: [`plan::changes`] of equal agendas is empty.
//! - An id never changes. A code may change if the document carries the id: [`Agenda::adopt_ids`].
//! - A draft may have conflicts; a release of a draft with errors is refused unless it is forced: [`checks::errors`].
//! - No check, edit or redaction forgets a localised text: all of them use one list of texts ([`texts`]).
//! - The agenda that [`actions::load`] returns can be applied again: [`actions::plan`] accepts it.

pub mod actions;
pub mod api;
pub mod arrange;
pub mod checks;
pub mod checks_api;
pub mod day;
pub mod document;
pub mod edit;
pub mod error;
pub mod import;
pub mod model;
pub mod plan;
pub mod references;
pub mod running_order;
mod store;
pub mod texts;

pub use document::Agenda;
pub use error::AgendaError;
pub use plan::{Change, Node};

pub use crate::agenda::model::ConferenceRef;

#[cfg(test)]
pub mod arbitrary;
#[cfg(test)]
pub mod marked;
