//! Views: the parts of a release in a reader's language, as the API answers them and as the pages show them.
//!
//! `types.rs` has the types of the answers; `builder.rs` makes them of a snapshot.

mod builder;
mod types;

pub use builder::ViewBuilder;
pub use types::*;
