//! Tables as CSV (RFC 4180): read, written and guarded against formulas in the same way for every table.
//!
//! Nouns: a *formula character* is one with which a cell begins that a spreadsheet runs; the *guard* is the apostrophe
//! before it, which makes the cell a text.
//!
//! Invariants:
//! - No written cell begins with a formula character, whatever white space is before it ([`formula_guard::guard`],
//!   which [`TableWriter::row`] calls for each cell).
//! - A row that is read has exactly the texts that were written, whatever they are ([`formula_guard::unguard`], which
//!   [`Table::for_each_row`] calls for each cell). Only then [`Row::cell`] removes surrounding spaces.
//! - A cell without a guard, such as `-5` or `'t Hooft` in a table that a person typed, is read as it is.
//! - No row is lost by a quote that is missing or misplaced ([`quotes::check`], [`Row::inner_row`]).

mod formula_guard;
mod quotes;
mod reader;
mod writer;

pub use quotes::line_pointer;
pub use reader::{INNER_ROW, LINE_BREAK, Row, Table, text};
pub use writer::TableWriter;
