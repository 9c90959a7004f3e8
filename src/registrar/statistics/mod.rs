//! Statistics of a conference's registrations, counted at the time of the request.

mod actions;
pub mod api;
mod store;
mod views;
