//! What still mentions a person after a redaction, or may mention them: somebody must read it.

use serde::{Deserialize, Serialize};

use super::{codes, model::Redaction};
use crate::agenda::Agenda;

/// How many mentions are listed; the others are only counted.
pub const MENTIONS_MAX: usize = 500;

/// A text, a code or an address that still contains a family name or a part of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The number of the release; `None` for the draft.
    pub release: Option<i32>,
    /// A JSON Pointer into the draft, or into the agenda that the release was made from.
    pub pointer: String,
    /// The language tag, if it is a localised text.
    pub language: Option<String>,
}

/// The mentions of a person.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mentions {
    /// At most [`MENTIONS_MAX`].
    pub list: Vec<Mention>,
    /// The number of all mentions.
    pub count: usize,
}

impl Mentions {
    fn add(&mut self, release: Option<i32>, pointer: String, language: Option<&str>) {
        self.count += 1;
        if self.list.len() < MENTIONS_MAX {
            self.list.push(Mention { release, pointer, language: language.map(str::to_owned) });
        }
    }

    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        let remaining = MENTIONS_MAX.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(remaining));
    }

    /// Searches a note or a reason.
    pub fn search_text(&mut self, redaction: &Redaction, release: Option<i32>, pointer: &str, text: Option<&str>) {
        if text.is_some_and(|text| redaction.contains_family_name(text)) {
            self.add(release, pointer.to_owned(), None);
        }
    }

    /// Searches an agenda.
    pub fn search_agenda(&mut self, redaction: &Redaction, release: Option<i32>, agenda: &Agenda) {
        for thing in agenda.texts() {
            for (field, text) in &thing.fields {
                for (language, text) in text.map() {
                    if redaction.contains_family_name(text) {
                        self.add(release, thing.pointer_to(field), Some(language));
                    }
                }
            }
        }
        for (index, organisation) in agenda.organisations.iter().enumerate() {
            let website = organisation.website.as_ref().map(ToString::to_string).unwrap_or_default();
            if redaction.contains_code_part(&codes::as_code(&website)) || redaction.contains_family_name(&website) {
                self.add(release, format!("#/organisations/{index}/website"), None);
            }
        }
        for (index, session) in agenda.sessions.iter().enumerate() {
            if redaction.contains_code_part(session.code.as_str()) {
                self.add(release, format!("#/sessions/{index}/code"), None);
            }
            for (item_index, _) in
                session.items.iter().enumerate().filter(|(_, item)| redaction.contains_code_part(item.code.as_str()))
            {
                self.add(release, format!("#/sessions/{index}/items/{item_index}/code"), None);
            }
        }
    }
}

impl Redaction {
    fn contains_family_name(&self, text: &str) -> bool {
        self.family_names.iter().any(|family| family.is_in(text))
    }

    fn contains_code_part(&self, code: &str) -> bool {
        self.code_parts.iter().any(|part| codes::contains_words(code, part))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        agenda::{marked, model},
        ids::Id,
        programme::redaction::{model::PersonToRedact, personal_data_scan::SpeakerIdentity},
        values::{Line, TextValue as _},
    };

    /// The agenda of [`marked`], pointers to its texts, and the redaction of a person whose name is in each of them.
    fn marked_redaction() -> (Agenda, BTreeSet<String>, Redaction) {
        let (document, pointers) = marked::document();
        let agenda = model::read(document).unwrap();
        let mut placeholder = agenda.speakers[0].clone();
        placeholder.family_name = Line::parse("Withheld").unwrap();
        let identity = SpeakerIdentity::of(BTreeSet::new(), BTreeSet::from([(None, marked::MARK.to_owned())]));
        (agenda, pointers, Redaction::new(vec![PersonToRedact { id: Id::new(), identity, placeholder }], &[]))
    }

    fn mentioned(redaction: &Redaction, agenda: &Agenda) -> BTreeSet<String> {
        let mut mentions = Mentions::default();
        mentions.search_agenda(redaction, None, agenda);
        mentions.list.into_iter().map(|mention| mention.pointer).collect()
    }

    #[test]
    fn a_mention_is_found_in_every_text_of_the_agenda() {
        let (agenda, pointers, redaction) = marked_redaction();
        assert_eq!(mentioned(&redaction, &agenda), pointers);
    }

    #[test]
    fn a_name_is_removed_from_every_text_of_the_agenda() {
        let (mut agenda, _, redaction) = marked_redaction();
        assert!(redaction.redact(&mut agenda));
        assert_eq!(mentioned(&redaction, &agenda), BTreeSet::new());
        assert!(!serde_json::to_string(&agenda).unwrap().contains(marked::MARK));
    }
}
