//! The sessions that take place now and those that come next: for door signs and phones.

pub mod api;
