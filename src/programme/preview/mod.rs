//! Previews: the draft as the public would see it, for everybody who has the link.

pub mod actions;
pub mod api;
mod store;
