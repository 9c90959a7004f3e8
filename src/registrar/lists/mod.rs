//! The registrar's lists and exports: reading registrations by the thousand.
//!
//! Nouns: a *filter* selects registrations; a *sort* is their order; a *cursor* is the position where a page ended; a
//! *row* is a registration as lists read it.
//!
//! Invariants:
//! - A page costs about the same whatever the size of the conference. It is found by the one filter that few
//!   registrations match, or by a bounded scan along an index in the order of the list ([`actions::page`]). A page that
//!   the scan did not fill has a cursor to continue.
//! - The pages together have every registration that matches all the time exactly once, even if people register
//!   meanwhile: a page continues after a key, not after a number of rows.
//! - An export is read page by page, each in a short transaction of its own, and is never in memory as a whole.
//! - No spreadsheet takes a cell of an export for a formula: CSV is guarded ([`crate::csv_table`]), and cells of a
//!   workbook have the type text ([`workbook::Workbook::add`]).

mod actions;
pub mod api;
pub mod error;
mod export_csv;
mod model;
pub mod row;
mod store;
mod views;
mod workbook;

pub use error::ExportError;
pub use model::Sort;

pub use crate::registrar::lists::actions::{ListQuery, check_query, matching_after};
