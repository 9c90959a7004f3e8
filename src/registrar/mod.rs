//! The registrar's tools: lists and exports, statistics, decisions, import of registrations, possible duplicates, and
//! the doctor that checks a store.

pub mod decisions;
pub mod doctor;
pub mod duplicates;
pub mod import;
pub mod lists;
pub mod on_behalf;
pub mod statistics;
