//! Changes as sentences: one for each change that matters to a reader, with names instead of codes, and with times in
//! the conference's time zone.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::Value;

use super::{
    difference::{ChangeKind, Difference},
    phrases::Phrases,
    visibility::is_placeholder,
};
use crate::{
    access::audit::ResourceKind,
    agenda::{Agenda, Change, document::Speaker, plan::ChangeAction},
    values::{LanguageTag, Localised, TimeZone},
};

/// How many sessions, items or speakers a note names.
const NAMED_MAX: usize = 10;

/// Writes changes as sentences, in one language.
pub struct ChangeText<'a> {
    difference: &'a Difference,
    phrases: Phrases,
    tag: &'a str,
    before: Names<'a>,
    after: Names<'a>,
    /// The ids of the sessions that are added or removed.
    passing: HashSet<&'a str>,
}

/// The titles and names of an agenda, by id.
struct Names<'a> {
    languages: &'a [LanguageTag],
    titles: HashMap<String, &'a Localised>,
    speakers: HashMap<String, &'a Speaker>,
}

impl<'a> Names<'a> {
    fn of(agenda: &'a Agenda) -> Self {
        let mut titles = HashMap::new();
        macro_rules! learn {
            ($nodes:expr, $title:ident) => {
                titles.extend($nodes.filter_map(|node| Some((node.id?.to_string(), &node.$title))));
            };
        }
        learn!(agenda.organisations.iter(), name);
        learn!(agenda.rooms.iter(), name);
        learn!(agenda.tracks.iter(), name);
        learn!(agenda.sessions.iter(), title);
        learn!(agenda.sessions.iter().flat_map(|session| &session.items), title);
        let speakers = agenda.speakers.iter().filter_map(|speaker| Some((speaker.id?.to_string(), speaker))).collect();
        Self { languages: &agenda.conference.languages, titles, speakers }
    }
}

impl<'a> ChangeText<'a> {
    /// Sentences in the language of `phrases`, with titles in the language of `tag`.
    pub fn new(difference: &'a Difference, phrases: Phrases, tag: &'a str) -> Self {
        let after = Names::of(&difference.after);
        let before = Names::of(difference.before.as_ref().unwrap_or(&difference.after));
        let passes = |change: &&Change| matches!(change.action, ChangeAction::Create | ChangeAction::Remove);
        let of_sessions = difference.changes.iter().filter(|change| change.resource == ResourceKind::Session);
        let passing = of_sessions.filter(passes).map(|change| change.id.as_str()).collect();
        Self { difference, phrases, tag, before, after, passing }
    }

    /// The language of the titles.
    pub fn tag(&self) -> &str {
        self.tag
    }

    fn zone(&self) -> TimeZone {
        self.difference.after.conference.time_zone
    }

    /// A change as a sentence. `None` for an item whose session is added or removed as well: the sentence about the
    /// session is enough.
    pub fn words(&self, change: &Change) -> Option<String> {
        let fields = match change.action {
            ChangeAction::Create => change.after.as_ref(),
            ChangeAction::Remove => change.before.as_ref(),
            _ => None,
        };
        let goes_along = text(fields, "session").is_some_and(|session| self.passing.contains(session));
        (!goes_along).then(|| self.all_words(change))
    }

    fn all_words(&self, change: &Change) -> String {
        let phrases = self.phrases;
        let thing = match change.action {
            ChangeAction::Create => self.thing(&self.after, change, change.after.as_ref()),
            _ => self.thing(&self.before, change, change.before.as_ref()),
        };
        match change.action {
            ChangeAction::Create => phrases.added(&thing),
            ChangeAction::Remove => phrases.removed(&thing),
            ChangeAction::Reorder => {
                let session = self.title(&self.after, &change.id).map(|title| phrases.quote(&title));
                phrases.reordered(change.resource, session.as_deref())
            }
            ChangeAction::Update => self.update(change, thing),
        }
    }

    /// The sentences about a changed thing, one for each kind of change. `thing` is its old name.
    fn update(&self, change: &Change, thing: String) -> String {
        let mut sentences = Vec::new();
        let mut details: Vec<&str> = change.fields.iter().map(String::as_str).collect();
        let now = self.thing(&self.after, change, change.after.as_ref());
        if now != thing && change.resource != ResourceKind::Day {
            let name = match change.resource {
                // The old name already says that it is a room or a track.
                ResourceKind::Room | ResourceKind::Track => {
                    self.title(&self.after, &change.id).map(|name| self.phrases.quote(&name))
                }
                _ => None,
            };
            sentences.push(self.phrases.renamed(&thing, name.as_ref().unwrap_or(&now)));
            details.retain(|field| !["title", "name", "given_name", "family_name", "code", "slug"].contains(field));
        } else if change.fields.iter().any(|field| field == "code") {
            sentences.push(self.phrases.recoded(&now, &change.code));
            details.retain(|field| *field != "code");
        }
        for kind in self.difference.kinds(change) {
            let found = match kind {
                ChangeKind::MovedInTime => self.moved_in_time(change, &now),
                ChangeKind::MovedInRoom => self.moved_in_room(change, &now),
                ChangeKind::SpeakerChanged => self.speakers(change, &now),
                _ => None,
            };
            sentences.extend(found);
        }
        if change.fields.iter().any(|field| field == "session") {
            let session = |names: &Names<'_>, side: &Option<serde_json::Map<String, Value>>| {
                self.title(names, text(side.as_ref(), "session")?).map(|title| self.phrases.quote(&title))
            };
            let (from, to) = (session(&self.before, &change.before), session(&self.after, &change.after));
            sentences.push(self.phrases.moved(&now, from.as_deref(), to.as_deref()));
        }
        let told = ["starts_at", "ends_at", "starts_on", "ends_on", "date", "room", "appearances", "session"];
        details.retain(|field| !told.contains(field));
        if !details.is_empty() {
            let fields: Vec<_> = details.into_iter().map(|field| self.phrases.field(field)).collect();
            sentences.push(self.phrases.changed(&now, &fields));
        }
        sentences.join(" ")
    }

    fn moved_in_time(&self, change: &Change, thing: &str) -> Option<String> {
        let side = |key: &str| (text(change.before.as_ref(), key), text(change.after.as_ref(), key));
        match change.resource {
            ResourceKind::Day => {
                let thing = self.thing(&self.before, change, change.before.as_ref());
                Some(self.phrases.on_dates(&thing, side("date").1?.parse().ok()?, None))
            }
            ResourceKind::Conference => {
                let conference = &self.difference.after.conference;
                Some(self.phrases.on_dates(thing, conference.starts_on.0, Some(conference.ends_on.0)))
            }
            ResourceKind::Session => {
                let instant = |text: Option<&str>| -> Option<DateTime<FixedOffset>> {
                    let instant = DateTime::parse_from_rfc3339(text?).ok()?;
                    Some(self.zone().local(instant.to_utc()))
                };
                let (starts, ends) = (side("starts_at"), side("ends_at"));
                let (old_end, new_end) = (instant(ends.0), instant(ends.1));
                let (Some(old), Some(new)) = (instant(starts.0), instant(starts.1)) else {
                    return Some(self.phrases.ends_otherwise(thing, old_end?, new_end?));
                };
                // The new end is only mentioned if the duration changed.
                let is_other = old_end.zip(new_end).is_some_and(|(old_end, new_end)| new_end - new != old_end - old);
                Some(self.phrases.moved_in_time(thing, old, new, new_end.filter(|_| is_other)))
            }
            // An item moves with its session, whose sentence is enough.
            _ => None,
        }
    }

    fn moved_in_room(&self, change: &Change, thing: &str) -> Option<String> {
        if change.resource == ResourceKind::Item {
            return None;
        }
        let room = |names: &Names<'_>, side: &Option<serde_json::Map<String, Value>>| {
            self.title(names, text(side.as_ref(), "room")?).map(|name| self.phrases.quote(&name))
        };
        let (from, to) = (room(&self.before, &change.before), room(&self.after, &change.after));
        Some(self.phrases.moved(thing, from.as_deref(), to.as_deref()))
    }

    fn speakers(&self, change: &Change, thing: &str) -> Option<String> {
        let old = appearances(change.before.as_ref())?;
        let new = appearances(change.after.as_ref())?;
        let is_in = |list: &[Part], part: &Part| list.iter().any(|other| other.speaker == part.speaker);
        let gone: Vec<&Part> = old.iter().filter(|part| !is_in(&new, part)).collect();
        let come: Vec<&Part> = new.iter().filter(|part| !is_in(&old, part)).collect();
        let changed: Vec<&Part> = new.iter().filter(|part| is_in(&old, part) && !old.contains(part)).collect();
        let behalf = |part: &Part| part.on_behalf_of.as_ref().map(|id| self.speaker(&self.after, id));
        let phrases = self.phrases;
        let mut sentences = Vec::new();
        if let ([gone], [come]) = (gone.as_slice(), come.as_slice()) {
            let (old, new) = (self.speaker(&self.before, &gone.speaker), self.speaker(&self.after, &come.speaker));
            sentences.push(phrases.replaces(&new, &old, thing, behalf(come).as_deref()));
        } else {
            sentences.extend(
                come.iter().map(|part| {
                    phrases.joins(&self.speaker(&self.after, &part.speaker), thing, behalf(part).as_deref())
                }),
            );
            sentences.extend(gone.iter().map(|part| phrases.leaves(&self.speaker(&self.before, &part.speaker), thing)));
        }
        sentences.extend(
            changed.iter().map(|part| {
                phrases.other_part(&self.speaker(&self.after, &part.speaker), thing, behalf(part).as_deref())
            }),
        );
        if sentences.is_empty() {
            sentences.push(phrases.reordered(ResourceKind::Speaker, Some(thing)));
        }
        Some(sentences.join(" "))
    }

    /// The name of a changed thing, with its kind.
    fn thing(&self, names: &Names<'_>, change: &Change, fields: Option<&serde_json::Map<String, Value>>) -> String {
        let resource = change.resource;
        let name = match resource {
            ResourceKind::Speaker => self.speaker(names, &change.id),
            ResourceKind::Day => {
                let date = text(fields, "date").unwrap_or(&change.code);
                date.parse().map_or_else(|_| date.to_owned(), |date: NaiveDate| self.phrases.date(date))
            }
            _ => self.title(names, &change.id).unwrap_or_else(|| change.code.clone()),
        };
        if resource == ResourceKind::Conference {
            return self.phrases.thing(resource, "");
        }
        self.phrases.thing(resource, &name)
    }

    fn title(&self, names: &Names<'_>, id: &str) -> Option<String> {
        names.titles.get(id).map(|title| title.text(self.tag, names.languages).to_owned())
    }

    fn speaker(&self, names: &Names<'_>, id: &str) -> String {
        names.speakers.get(id).map_or_else(|| id.to_owned(), |speaker| full_name(speaker, self.phrases))
    }
}

/// The name of a speaker; for a placeholder, a text that says that the name is withheld.
pub fn full_name(speaker: &Speaker, phrases: Phrases) -> String {
    if is_placeholder(speaker) {
        return phrases.name_withheld().to_owned();
    }
    speaker.name()
}

fn text<'v>(fields: Option<&'v serde_json::Map<String, Value>>, key: &str) -> Option<&'v str> {
    fields?.get(key)?.as_str()
}

/// An appearance of a speaker, as changes describe it: with ids.
#[derive(PartialEq)]
struct Part {
    speaker: String,
    role: String,
    on_behalf_of: Option<String>,
}

fn appearances(fields: Option<&serde_json::Map<String, Value>>) -> Option<Vec<Part>> {
    let list = fields?.get("appearances")?.as_array()?;
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let part = |value: &Value| {
        Some(Part {
            speaker: word(value, "speaker")?,
            role: word(value, "role")?,
            on_behalf_of: word(value, "on_behalf_of"),
        })
    };
    Some(list.iter().filter_map(part).collect())
}

/// The note of a release that the end of an embargo caused. It names what everybody may know now, and nothing that is
/// still hidden.
pub fn embargo_note(difference: &Difference, full: &Agenda) -> String {
    let languages = &difference.after.conference.languages;
    let first = languages.first().map_or("en", LanguageTag::as_str);
    let phrases = Phrases::of(first).unwrap_or(Phrases::English);
    let change_text = ChangeText::new(difference, phrases, first);
    let known = Names::of(full);
    let is_known = |id: &str| known.titles.contains_key(id) || known.speakers.contains_key(id);
    let is_new = |change: &&Change| change.action == ChangeAction::Create && is_known(&change.id);
    let new: Vec<&Change> = difference.changes.iter().filter(is_new).collect();
    // The items of a new session are not named in addition.
    let within = |change: &Change| text(change.after.as_ref(), "session").map(str::to_owned);
    let goes_without = |change: &Change| within(change).is_some_and(|id| new.iter().any(|other| other.id == id));
    let new: Vec<String> = new
        .iter()
        .filter(|change| {
            [ResourceKind::Session, ResourceKind::Item, ResourceKind::Speaker].contains(&change.resource)
                && !goes_without(change)
        })
        .map(|change| change_text.thing(&change_text.after, change, None))
        .collect();
    let named: Vec<String> = new.iter().take(NAMED_MAX).cloned().collect();
    phrases.embargo_ended(&named, new.len() - named.len())
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::ServerSecret,
        agenda::arbitrary,
        programme::visibility::{Audience, project},
    };

    proptest! {
        #[test]
        fn every_change_has_words_without_ids_and_without_secrets(
            before in arbitrary::agenda(),
            after in arbitrary::agenda(),
        ) {
            let at: DateTime<Utc> = arbitrary::AT.parse().unwrap();
            let seen = |agenda| project(agenda, Audience::Public, at, &ServerSecret::of_test());
            let difference = Difference::between(Some(seen(&before)), seen(&after));
            for phrases in [Phrases::English, Phrases::French, Phrases::Dutch] {
                let change_text = ChangeText::new(&difference, phrases, phrases.tag());
                for change in &difference.changes {
                    prop_assert!(!difference.kinds(change).is_empty());
                    let Some(words) = change_text.words(change) else {
                        prop_assert_eq!(change.resource, ResourceKind::Item);
                        continue;
                    };
                    prop_assert!(words.ends_with('.'), "{} of {:?}", words, change);
                    prop_assert!(!words.contains(arbitrary::NOT_PUBLIC), "{}", words);
                    let is_id = |word: &str| uuid::Uuid::parse_str(word).is_ok();
                    prop_assert!(!words.split([' ', ',', '.']).any(is_id), "{}", words);
                }
            }
            let note = embargo_note(&difference, &after);
            prop_assert!(!note.contains(arbitrary::NOT_PUBLIC), "{}", note);
        }
    }
}
