//! What organisers edit: the conference and its agenda, as a draft that the public does not see until it is released.
//!
//! Nouns: those of [`document`], one struct each; the *draft* is the agenda as the store has it; a *plan* lists what a
//! document would change ([`plan`]).
//!
//! Invariants:
//! - A document that is wrong anywhere changes nothing: [`model::read`] names every fault before [`actions::apply`]
//!   writes.
//! - Applying a document twice changes nothing the second time: [`plan::changes`] of equal agendas is empty.
//! - An id never changes; a code may, when the document carries the id: [`model::Agenda::adopt_ids`].
//! - A draft may hold conflicts; a release of one with errors is refused: [`checks::errors`].
//! - What [`actions::load`] answers is what [`actions::apply`] takes.

pub mod actions;
pub mod api;
pub mod arrange;
pub mod checks;
pub mod document;
pub mod edit;
pub mod error;
pub mod import;
pub mod model;
pub mod plan;
pub mod references;
mod store;

pub use document::Agenda;
pub use error::AgendaError;
pub use model::Place;
pub use plan::{Change, Node};

#[cfg(test)]
pub mod arbitrary;
