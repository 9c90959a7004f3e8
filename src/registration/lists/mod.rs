//! The registrar's lists, exports and statistics: reading registrations by the thousand.
//!
//! Nouns: a *filter* says which registrations are wanted; a *sort* in which order; a *bookmark* is where a page
//! ended; an *entry* is a registration as a list has it.
//!
//! Invariants:
//! - A page costs about the same whatever the size of the conference: it is found by the one filter that few match, or
//!   by walking along an index in the order of the list, and the walk is bounded: [`actions::page`]. A page that the
//!   walk has not filled says where the list goes on.
//! - Pages from the first to the last give every registration that matches throughout exactly once, whoever registers
//!   meanwhile: they go on after a key, not after a number of rows.
//! - An export is read page by page, each in a short read of its own, and is never in memory as a whole.
//! - No cell of a CSV is taken for a formula ([`table::safe`]); cells of a workbook are texts by their type.

mod actions;
pub mod api;
mod model;
mod statistics;
mod store;
mod table;
mod workbook;

pub use actions::{Asked, choose, chosen};
pub use model::Sort;
