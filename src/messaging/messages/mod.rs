//! The messages of a conference and their delivery; bounces; blocked addresses.

pub mod api;
