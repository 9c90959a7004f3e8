//! Seats of sessions: who is signed up, who waits. They are given and freed by the [`super::ledger::Ledger`] alone.

pub mod news;
pub mod store;
