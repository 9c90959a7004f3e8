//! Bearer tokens: made for a role, for one conference or (without one) for all; shown once, kept as a digest; they may
//! expire, can be revoked, and it is known when each was last used.
//!
//! Invariants:
//! - A token that is revoked or has expired is as good as none ([`store::find`]).
//! - A conference's admin sees and makes no token but those of that conference ([`actions::create`] and its like).
//! - The API leaves at least one live server-wide admin token ([`actions::revoke`]): nobody locks themselves out.
//! - That a token was used is kept in memory and written from time to time ([`TokenUses`]): a read stays a read.

pub mod actions;
pub mod api;
pub mod model;
mod plain;
pub(super) mod store;
mod uses;

pub use actions::settle_admin_token;
pub use model::{NewToken, Token};
pub use plain::{AdminToken, PlainToken};
pub use uses::TokenUses;
