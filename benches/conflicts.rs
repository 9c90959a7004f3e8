//! How long the check of a large agenda takes, against the limit and against looking at all pairs.

fn main() {}
