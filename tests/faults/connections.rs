//! Clients that are slow, silent or many.
