//! The templates of letters: those that Plenary ships, and those by which a conference replaces them.

pub mod api;
