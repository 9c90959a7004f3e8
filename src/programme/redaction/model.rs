//! The people who are removed, and their removal from agendas, histories and texts.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    codes,
    personal_data_scan::{Name, SpeakerIdentity},
    text::{Match, Pattern, Patterns},
};
use crate::{
    agenda::{
        Agenda,
        document::{Appearance, Speaker},
    },
    database::DatabaseError,
    ids::SpeakerId,
    programme::{history::History, release::ChangeSummary},
    validation,
    values::{Code, LOCALISED_LENGTH_MAX, Line, Localised, TextValue as _},
};

/// A person to remove.
#[derive(Debug)]
pub struct PersonToRedact {
    pub id: SpeakerId,
    pub identity: SpeakerIdentity,
    pub placeholder: Speaker,
}

/// What a redaction removes. It names the person, so it is stored only until everything is rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionDetails {
    people: Vec<PersonDetails>,
    words: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PersonDetails {
    id: String,
    codes: Vec<String>,
    names: BTreeSet<Name>,
    placeholder: Value,
}

impl RedactionDetails {
    pub fn of(people: &[PersonToRedact], words: &[Line<200>]) -> Self {
        let detail = |person: &PersonToRedact| PersonDetails {
            id: person.id.to_string(),
            codes: person.identity.codes.iter().map(Code::to_string).collect(),
            names: person.identity.names.clone(),
            placeholder: serde_json::to_value(&person.placeholder).unwrap_or_default(),
        };
        Self {
            people: people.iter().map(detail).collect(),
            words: words.iter().map(|word| word.as_str().to_owned()).collect(),
        }
    }

    /// # Errors
    /// The details cannot be read.
    pub fn redaction(&self) -> Result<Redaction, DatabaseError> {
        let corrupt = || DatabaseError::Corrupt("the details of a redaction".to_owned());
        let person_to_redact = |detail: &PersonDetails| {
            let codes = detail.codes.iter().map(|code| Code::parse(code).map_err(|_| corrupt()));
            let identity = SpeakerIdentity::of(codes.collect::<Result<_, _>>()?, detail.names.clone());
            let placeholder = validation::read(detail.placeholder.clone()).map_err(|_| corrupt())?;
            let id = detail.id.parse().map_err(|_| corrupt())?;
            Ok::<_, DatabaseError>(PersonToRedact { id, identity, placeholder })
        };
        let people = self.people.iter().map(person_to_redact).collect::<Result<_, _>>()?;
        let words = self.words.iter().map(|word| Line::parse(word).map_err(|_| corrupt()));
        Ok(Redaction::new(people, &words.collect::<Result<Vec<_>, _>>()?))
    }
}

/// A speaker who is removed, and their placeholder. A person with several speaker entries has an id and a placeholder
/// for each.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: SpeakerId,
    /// Every code that they have or had.
    pub codes: BTreeSet<Code>,
    pub placeholder: Speaker,
}

/// What is removed from everything, and what replaces it.
#[derive(Debug)]
pub struct Redaction {
    pub people: Vec<Person>,
    /// Their names, and the words that the caller gave.
    patterns: Patterns,
    /// Their family names: a text that contains one is a mention.
    pub(super) family_names: Vec<Pattern>,
    /// Parts of codes: the code of a session that contains one is a mention.
    pub(super) code_parts: BTreeSet<String>,
    /// Parts of codes that are replaced.
    replaced_parts: BTreeMap<String, Code>,
}

impl Redaction {
    /// The redaction of people with these placeholders, and of the words that the caller gives. The codes of sessions
    /// and items change only if words are given, because links to them break.
    pub fn new(people: Vec<PersonToRedact>, words: &[Line<200>]) -> Self {
        let names: BTreeSet<_> = people.iter().flat_map(|person| &person.identity.names).collect();
        let mut patterns: Vec<_> = words.iter().map(|word| Pattern::new(word.as_str(), Match::WholeWords)).collect();
        for (given, family) in &names {
            match given {
                None => patterns.push(Pattern::new(family, Match::WholeWords)),
                Some(given) => patterns.extend(name_spellings(given, family)),
            }
        }
        let family_names: BTreeSet<_> = names.iter().map(|(_, family)| family.as_str()).collect();
        // Of a whole name, the family name is the first word or the last, unless that is an initial.
        let whole_names = names.iter().filter(|(given, _)| given.is_none());
        let possible_family_names: BTreeSet<_> = whole_names
            .flat_map(|(_, whole)| [whole.split_whitespace().next(), whole.split_whitespace().last()])
            .flatten()
            .filter(|word| word.chars().count() > 2)
            .chain(family_names.iter().copied())
            .collect();
        let first_placeholder = people.first().map(|person| person.placeholder.clone());
        let replacement = first_placeholder.as_ref().map(Speaker::name).unwrap_or_default();
        let mut replaced_parts = BTreeMap::new();
        if let (Some(first), false) = (&first_placeholder, words.is_empty()) {
            let of_words = words.iter().map(|word| (codes::as_code(word.as_str()), first.code.clone()));
            replaced_parts.extend(of_words.filter(|(part, _)| !part.is_empty()));
            for PersonToRedact { identity, placeholder, .. } in &people {
                let of_person = identity.codes.iter().map(|code| (code.to_string(), placeholder.code.clone()));
                replaced_parts.extend(of_person);
            }
        }
        let own_codes = people.iter().flat_map(|person| &person.identity.codes).map(Code::to_string);
        let code_parts =
            own_codes.chain(family_names.iter().map(|family| codes::as_code(family))).filter(|part| !part.is_empty());
        Self {
            patterns: Patterns::new(patterns, replacement),
            code_parts: code_parts.collect(),
            family_names: possible_family_names.iter().map(|family| Pattern::new(family, Match::Anywhere)).collect(),
            replaced_parts,
            people: people
                .into_iter()
                .map(|PersonToRedact { id, identity, placeholder }| Person { id, codes: identity.codes, placeholder })
                .collect(),
        }
    }

    /// The text without the names and words; `None` if it contains none.
    pub fn redacted_text(&self, text: &str) -> Option<String> {
        self.patterns.redacted(text)
    }

    /// Removes the people from an optional text. Returns whether it changed.
    pub fn redact_optional(&self, text: &mut Option<String>) -> bool {
        let redacted = text.as_deref().and_then(|text| self.redacted_text(text));
        let changed = redacted.is_some();
        if changed {
            *text = redacted;
        }
        changed
    }

    /// Returns whether the text changed. A text that would become too long to be read again is cut.
    fn redact_localised(&self, text: &mut Localised) -> bool {
        let changed = Cell::new(false);
        text.edit(|text| {
            let redacted = self.redacted_text(text)?;
            changed.set(true);
            let length_max = usize::try_from(LOCALISED_LENGTH_MAX).unwrap_or(usize::MAX);
            Some(redacted.chars().take(length_max).collect::<String>().trim_end().to_owned())
        });
        changed.get()
    }

    /// Removes the people from an agenda. Returns whether it changed.
    pub fn redact(&self, agenda: &mut Agenda) -> bool {
        let mut changed = false;
        for person in &self.people {
            changed |= person.redact(agenda);
        }
        agenda.for_each_text_mut(&mut |text| changed |= self.redact_localised(text));
        changed | self.rename_sessions(agenda)
    }

    /// Removes the people from the history of sessions and items. Returns whether it changed.
    pub fn redact_history(&self, history: &mut History) -> bool {
        let mut changed = false;
        for slot in history.0.values_mut() {
            let texts = slot.title.values_mut().chain(slot.room_name.iter_mut().flat_map(BTreeMap::values_mut));
            texts.for_each(|text| changed |= self.redact_text(text));
            for code in &mut slot.codes {
                if let Some(redacted) = self.redacted_code(code) {
                    *code = redacted.to_string();
                    changed = true;
                }
            }
        }
        changed
    }

    /// Removes the people from the sentences of a release. Returns whether they changed.
    pub fn redact_change_summary(&self, summary: &mut ChangeSummary) -> bool {
        let mut changed = false;
        let sentences = summary.0.values_mut().flat_map(|sentences| &mut sentences.first);
        sentences.for_each(|text| changed |= self.redact_text(text));
        changed
    }

    fn redact_text(&self, text: &mut String) -> bool {
        let redacted = self.redacted_text(text);
        let changed = redacted.is_some();
        if let Some(redacted) = redacted {
            *text = redacted;
        }
        changed
    }

    /// The code of a session or an item without the people's own codes; `None` if it contains none.
    pub fn redacted_code(&self, code: &str) -> Option<Code> {
        codes::without_parts(code, &self.replaced_parts)
    }

    /// Nothing refers to a session or an item by its code, so no reference has to change.
    fn rename_sessions(&self, agenda: &mut Agenda) -> bool {
        if self.replaced_parts.is_empty() {
            return false;
        }
        let redacted = |code: &Code| self.redacted_code(code.as_str());
        let sessions = codes::rename(agenda.sessions.iter_mut().map(|session| &mut session.code).collect(), redacted);
        let items = agenda.sessions.iter_mut().flat_map(|session| &mut session.items).map(|item| &mut item.code);
        codes::rename(items.collect(), redacted) | sessions
    }
}

/// The ways to write a full name.
fn name_spellings(given: &str, family: &str) -> impl Iterator<Item = Pattern> {
    [
        format!("{given} {family}"),
        format!("{family} {given}"),
        format!("{family}, {given}"),
        format!("{family},{given}"),
    ]
    .into_iter()
    .map(|name| Pattern::new(&name, Match::Anywhere))
}

impl Person {
    /// Replaces them by the placeholder. Returns whether the agenda contained them.
    fn redact(&self, agenda: &mut Agenda) -> bool {
        let Some(speaker) = agenda.speakers.iter_mut().find(|speaker| speaker.id == Some(self.id)) else {
            return false;
        };
        let speaker = std::mem::replace(speaker, self.placeholder.clone());
        for session in &mut agenda.sessions {
            self.redact_appearances(&speaker.code, &mut session.appearances);
            session.items.iter_mut().for_each(|item| self.redact_appearances(&speaker.code, &mut item.appearances));
        }
        let issuer = agenda.call_for_action.as_mut().and_then(|call| call.issued_by.as_mut());
        let issuer = issuer.and_then(|issuer| issuer.speaker.as_mut());
        if let Some(issuer) = issuer.filter(|issuer| **issuer == speaker.code) {
            *issuer = self.placeholder.code.clone();
        }
        if let Some(organisation) = speaker.organisation {
            forget_organisation(agenda, &organisation);
        }
        true
    }

    fn redact_appearances(&self, code: &Code, appearances: &mut [Appearance]) {
        for appearance in appearances {
            if appearance.speaker == *code {
                appearance.speaker = self.placeholder.code.clone();
            }
            appearance.on_behalf_of.take_if(|represented| represented == code);
        }
    }
}

/// Removes the organisation of the person if nothing else refers to it: it would reveal where they came from.
fn forget_organisation(agenda: &mut Agenda, code: &Code) {
    let of_speakers = agenda.speakers.iter().filter_map(|speaker| speaker.organisation.as_ref());
    let of_conference = agenda.conference.organisations.iter().map(|part| &part.organisation);
    let issuer = agenda.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
    let of_issuer = issuer.and_then(|issuer| issuer.organisation.as_ref());
    if !of_speakers.chain(of_conference).chain(of_issuer).any(|referenced| referenced == code) {
        agenda.organisations.retain(|organisation| organisation.code != *code);
    }
}
