//! Who is taken out, and what becomes of what speaks of them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    access::audit::Entry,
    agenda::{
        Agenda,
        document::{Appearance, Speaker},
    },
    ids::SpeakerId,
    values::{Code, Localised},
};

/// A speaker with all that is known of them, and what stands in for them from now on.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: SpeakerId,
    /// Every code that they ever had.
    codes: BTreeSet<Code>,
    /// Every name that they ever had, given and family name.
    names: BTreeSet<(Option<String>, String)>,
    /// What stands in for them.
    pub placeholder: Speaker,
}

/// A text in which the family name still stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Where: a JSON pointer into the draft.
    pub pointer: String,
    /// In which language.
    pub language: String,
}

impl Person {
    /// The person of this id.
    pub fn new(id: SpeakerId, placeholder: Speaker) -> Self {
        Self { id, codes: BTreeSet::new(), names: BTreeSet::new(), placeholder }
    }

    /// Learns under which code and name an agenda knows them. Answers whether it does.
    pub fn learn(&mut self, agenda: &Agenda) -> bool {
        let Some(speaker) = agenda.speakers.iter().find(|speaker| speaker.id == Some(self.id)) else {
            return false;
        };
        self.codes.insert(speaker.code.clone());
        let given_name = speaker.given_name.as_ref().map(|name| name.as_str().to_owned());
        self.names.insert((given_name, speaker.family_name.to_string()));
        true
    }

    /// The name that stands in.
    fn stand_in(&self) -> String {
        self.placeholder.name()
    }

    /// A text without the person's full name, however it is written; `None` where it has none.
    pub fn redacted_text(&self, text: &str) -> Option<String> {
        let mut redacted = text.to_owned();
        for (given, family) in &self.names {
            let Some(given) = given else {
                redacted = replaced(&redacted, family, &self.stand_in(), Match::Words);
                continue;
            };
            for name in [format!("{given} {family}"), format!("{family} {given}"), format!("{family}, {given}")] {
                redacted = replaced(&redacted, &name, &self.stand_in(), Match::Anywhere);
            }
        }
        (redacted != text).then_some(redacted)
    }

    /// Takes the person's full name out of a text that may be there. Answers whether anything changed.
    pub fn redact_some(&self, text: &mut Option<String>) -> bool {
        let redacted = text.as_deref().and_then(|text| self.redacted_text(text));
        let changed = redacted.is_some();
        if changed {
            *text = redacted;
        }
        changed
    }

    fn redact_localised(&self, text: &mut Localised) {
        text.edit(|text| self.redacted_text(text));
    }

    /// Takes the person out of an agenda. Answers whether anything changed.
    pub fn redact(&self, agenda: &mut Agenda) -> bool {
        let before = agenda.clone();
        let mut own = None;
        for speaker in agenda.speakers.iter_mut().filter(|speaker| speaker.id == Some(self.id)) {
            own = Some((speaker.code.clone(), speaker.organisation.take()));
            *speaker = self.placeholder.clone();
        }
        if let Some((code, organisation)) = own {
            for session in &mut agenda.sessions {
                self.redact_appearances(&code, &mut session.appearances);
                session.items.iter_mut().for_each(|item| self.redact_appearances(&code, &mut item.appearances));
            }
            let issuer = agenda.call_for_action.as_mut().and_then(|call| call.issued_by.as_mut());
            if let Some(speaker) = issuer.and_then(|issuer| issuer.speaker.as_mut()).filter(|speaker| **speaker == code)
            {
                *speaker = self.placeholder.code.clone();
            }
            if let Some(organisation) = organisation {
                forget_organisation(agenda, &organisation);
            }
        }
        agenda.each_text(&mut |_, text| self.redact_localised(text));
        *agenda != before
    }

    fn redact_appearances(&self, code: &Code, appearances: &mut [Appearance]) {
        for appearance in appearances {
            if appearance.speaker == *code {
                appearance.speaker = self.placeholder.code.clone();
            }
            appearance.on_behalf_of.take_if(|represented| represented == code);
        }
    }

    /// The texts of an agenda in which a family name of theirs stands.
    pub fn mentions(&self, agenda: &mut Agenda) -> Vec<Mention> {
        let families: Vec<String> = self.names.iter().map(|(_, family)| family.to_lowercase()).collect();
        let mut found = Vec::new();
        agenda.each_text(&mut |pointer, text| {
            for (language, text) in text.map() {
                let words = text.to_lowercase();
                if families.iter().any(|family| words.contains(family.as_str())) {
                    found.push(Mention { pointer: pointer.clone(), language: language.clone() });
                }
            }
        });
        found
    }

    /// An entry of the audit trail without the person; `None` where it does not speak of them.
    pub fn redacted_entry(&self, entry: &Entry) -> Option<Entry> {
        let mut redacted = entry.clone();
        if entry.resource == "speaker" && entry.id == self.id.to_string() {
            redacted.before = None;
            redacted.after = None;
        }
        let is_of_speakers = entry.resource == "speaker";
        for value in [&mut redacted.before, &mut redacted.after].into_iter().flatten() {
            self.redact_value(value, is_of_speakers);
        }
        if is_of_speakers && entry.id == self.id.to_string() {
            redacted.id = self.placeholder.id.map(|id| id.to_string()).unwrap_or_default();
            redacted.code = self.placeholder.code.to_string();
        }
        (redacted != *entry).then_some(redacted)
    }

    fn redact_value(&self, value: &mut Value, is_of_speakers: bool) {
        match value {
            Value::String(text) => {
                let is_id = *text == self.id.to_string();
                let is_code = is_of_speakers && self.codes.iter().any(|code| code.as_str() == text);
                if is_id {
                    *text = self.placeholder.id.map(|id| id.to_string()).unwrap_or_default();
                } else if is_code {
                    *text = self.placeholder.code.to_string();
                } else if let Some(redacted) = self.redacted_text(text) {
                    *text = redacted;
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|value| self.redact_value(value, is_of_speakers)),
            Value::Object(members) => {
                members.values_mut().for_each(|value| self.redact_value(value, is_of_speakers));
            }
            _ => {}
        }
    }
}

/// An organisation that nothing else refers to goes with the person: it would tell whom they came from.
fn forget_organisation(agenda: &mut Agenda, code: &Code) {
    let of_speakers = agenda.speakers.iter().filter_map(|speaker| speaker.organisation.as_ref());
    let of_conference = agenda.conference.organisations.iter().map(|part| &part.organisation);
    let issuer = agenda.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
    let of_issuer = issuer.and_then(|issuer| issuer.organisation.as_ref());
    if !of_speakers.chain(of_conference).chain(of_issuer).any(|known| known == code) {
        agenda.organisations.retain(|organisation| organisation.code != *code);
    }
}

/// Where a name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// Anywhere: a full name is part of no other word.
    Anywhere,
    /// As words of their own: someone's one name may be part of many.
    Words,
}

/// `text` with every `name`, in whatever case, replaced.
fn replaced(text: &str, name: &str, by: &str, how: Match) -> String {
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let letters: Vec<char> = text.chars().collect();
    let mut result = String::with_capacity(text.len());
    let mut index = 0;
    while index < letters.len() {
        let is_letter =
            |place: Option<usize>| place.and_then(|place| letters.get(place)).is_some_and(|c| c.is_alphanumeric());
        let stands_alone = |length: usize| !is_letter(index.checked_sub(1)) && !is_letter(index.checked_add(length));
        let found = matched(letters.get(index..).unwrap_or_default(), &name);
        match found.filter(|length| how == Match::Anywhere || stands_alone(*length)) {
            Some(length) => {
                result.push_str(by);
                index += length;
            }
            None => {
                result.extend(letters.get(index));
                index += 1;
            }
        }
    }
    result
}

/// How many letters at the beginning of `letters` spell `name`, which is in lower case.
fn matched(letters: &[char], name: &[char]) -> Option<usize> {
    let mut wanted = name;
    let mut length = 0;
    for letter in letters {
        if wanted.is_empty() {
            break;
        }
        for lower in letter.to_lowercase() {
            let (first, rest) = wanted.split_first()?;
            if *first != lower {
                return None;
            }
            wanted = rest;
        }
        length += 1;
    }
    (wanted.is_empty() && length > 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_found_in_every_case_and_nothing_else_is_touched() {
        let name = |text: &str| replaced(text, "Zoë İnal", "Name withheld", Match::Anywhere);
        assert_eq!(
            name("Keynote by ZOË İNAL, and Zoë İnal's paper"),
            "Keynote by Name withheld, and Name withheld's paper"
        );
        assert_eq!(name("Zoë and İnal"), "Zoë and İnal");
        assert_eq!(name("Zoë İna"), "Zoë İna");
        assert_eq!(name(""), "");
        let one_name = |text: &str| replaced(text, "Sec", "Name withheld", Match::Words);
        let redacted = one_name("Sec (and SEC) on security, sec.");
        assert_eq!(redacted, "Name withheld (and Name withheld) on security, Name withheld.");
    }
}
