//! The texts of letters: those that ship, and those that a conference has in their place.

pub mod api;
