//! The report of a redaction: what it has done.

use serde::{Deserialize, Serialize};

use super::{mentions::Mentions, model::Redaction};

/// What a redaction has done so far. It names nobody.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RedactionReport {
    /// The codes of the placeholders: one for each speaker entry of the person.
    pub placeholders: Vec<String>,
    pub releases: usize,
    pub scheduled_releases: usize,
    pub draft: bool,
    pub audit_entries: usize,
    /// What still mentions the person or may mention them.
    pub mentions: Mentions,
}

impl RedactionReport {
    /// The report of a redaction that has done nothing yet.
    pub fn of(redaction: &Redaction) -> Self {
        let placeholders = redaction.people.iter().map(|person| person.placeholder.code.to_string()).collect();
        Self { placeholders, ..Self::default() }
    }
}
