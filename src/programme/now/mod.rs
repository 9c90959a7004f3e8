//! What is on now, and what comes next: for signs at doors, and for phones.

pub mod api;
