//! A look at the draft as the public would see it, for whoever has the link.

pub mod actions;
pub mod api;
mod store;
