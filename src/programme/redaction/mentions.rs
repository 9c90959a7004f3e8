//! What still speaks of a person after a redaction, or may: somebody must read it.

use serde::{Deserialize, Serialize};

use super::{codes, model::Redaction};
use crate::agenda::Agenda;

/// The most mentions that are listed; the others are counted.
pub const MENTIONS_MAX: usize = 500;

/// A text, a code or an address in which a family name, or a part of a code, still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// In the release of this number; in the draft if none.
    pub release: Option<i32>,
    /// Where: a JSON pointer into the draft, or into the agenda that the release was made of.
    pub pointer: String,
    /// In which language, if it is a text in one.
    pub language: Option<String>,
}

/// The mentions of everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mentions {
    /// The first ones.
    pub list: Vec<Mention>,
    /// How many there are.
    pub count: usize,
}

impl Mentions {
    fn add(&mut self, release: Option<i32>, pointer: String, language: Option<&str>) {
        self.count += 1;
        if self.list.len() < MENTIONS_MAX {
            self.list.push(Mention { release, pointer, language: language.map(str::to_owned) });
        }
    }

    /// Has the mentions of something else, too.
    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = MENTIONS_MAX.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
    }

    /// Looks through a note or a reason.
    pub fn look_at_text(&mut self, redaction: &Redaction, release: Option<i32>, pointer: &str, text: Option<&str>) {
        if text.is_some_and(|text| redaction.names_family(text)) {
            self.add(release, pointer.to_owned(), None);
        }
    }

    /// Looks through an agenda.
    pub fn look_at(&mut self, redaction: &Redaction, release: Option<i32>, agenda: &mut Agenda) {
        agenda.each_text(&mut |pointer, text| {
            for (language, text) in text.map() {
                if redaction.names_family(text) {
                    self.add(release, pointer.clone(), Some(language));
                }
            }
        });
        for (index, organisation) in agenda.organisations.iter().enumerate() {
            let website = organisation.website.as_ref().map(ToString::to_string).unwrap_or_default();
            if redaction.has_part(&codes::worded(&website)) || redaction.names_family(&website) {
                self.add(release, format!("#/organisations/{index}/website"), None);
            }
        }
        for (index, session) in agenda.sessions.iter().enumerate() {
            if redaction.has_part(session.code.as_str()) {
                self.add(release, format!("#/sessions/{index}/code"), None);
            }
            for (inner, _) in
                session.items.iter().enumerate().filter(|(_, item)| redaction.has_part(item.code.as_str()))
            {
                self.add(release, format!("#/sessions/{index}/items/{inner}/code"), None);
            }
        }
    }
}

impl Redaction {
    fn names_family(&self, text: &str) -> bool {
        self.families.iter().any(|family| family.is_in(text))
    }

    fn has_part(&self, code: &str) -> bool {
        self.parts.iter().any(|part| codes::holds(code, part))
    }
}
