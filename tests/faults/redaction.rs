//! Redactions that are large, interrupted or beside other writes.
