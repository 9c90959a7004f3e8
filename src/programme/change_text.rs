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
    values::{LanguageTag, Localised, TextValue as _, TimeZone},
};

/// How many sessions, items or speakers a note names.
const NAMES_MAX: usize = 10;

/// Writes changes as sentences, in one language.
pub struct ChangeText<'a> {
    difference: &'a Difference,
    phrases: Phrases,
    tag: &'a str,
    before: Names<'a>,
    after: Names<'a>,
    /// The ids of the sessions that are added or removed.
    added_or_removed_sessions: HashSet<&'a str>,
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
        macro_rules! add_titles {
            ($nodes:expr, $title:ident) => {
                titles.extend($nodes.filter_map(|node| Some((node.id?.to_string(), &node.$title))));
            };
        }
        add_titles!(agenda.organisations.iter(), name);
        add_titles!(agenda.rooms.iter(), name);
        add_titles!(agenda.tracks.iter(), name);
        add_titles!(agenda.sessions.iter(), title);
        add_titles!(agenda.sessions.iter().flat_map(|session| &session.items), title);
        let speakers = agenda.speakers.iter().filter_map(|speaker| Some((speaker.id?.to_string(), speaker))).collect();
        Self { languages: &agenda.conference.languages, titles, speakers }
    }
}

impl<'a> ChangeText<'a> {
    /// Sentences in the language of `phrases`, with titles in the language of `tag`.
    pub fn new(difference: &'a Difference, phrases: Phrases, tag: &'a str) -> Self {
        let after = Names::of(&difference.after);
        let before = Names::of(difference.before.as_ref().unwrap_or(&difference.after));
        let is_added_or_removed =
            |change: &&Change| matches!(change.action, ChangeAction::Create | ChangeAction::Remove);
        let of_sessions = difference.changes.iter().filter(|change| change.resource == ResourceKind::Session);
        let added_or_removed_sessions =
            of_sessions.filter(is_added_or_removed).map(|change| change.id.as_str()).collect();
        Self { difference, phrases, tag, before, after, added_or_removed_sessions }
    }

    /// The language of the titles.
    pub fn tag(&self) -> &str {
        self.tag
    }

    /// The time zones before and after the changes.
    fn zones(&self) -> (TimeZone, TimeZone) {
        let zone = |agenda: &Agenda| agenda.conference.time_zone;
        let after = zone(&self.difference.after);
        (self.difference.before.as_ref().map_or(after, zone), after)
    }

    /// A change as a sentence. `None` for an item whose session is added or removed as well: the sentence about the
    /// session is enough.
    pub fn sentence(&self, change: &Change) -> Option<String> {
        let fields = match change.action {
            ChangeAction::Create => change.after.as_ref(),
            ChangeAction::Remove => change.before.as_ref(),
            _ => None,
        };
        let belongs_to_such_a_session =
            text(fields, "session").is_some_and(|session| self.added_or_removed_sessions.contains(session));
        (!belongs_to_such_a_session).then(|| self.describe(change))
    }

    fn describe(&self, change: &Change) -> String {
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

    /// The sentences about a changed thing, one for each kind of change. `old_name` is what it was called before.
    fn update(&self, change: &Change, old_name: String) -> String {
        let mut sentences = Vec::new();
        let mut other_fields: Vec<&str> = change.fields.iter().map(String::as_str).collect();
        let new_name = self.thing(&self.after, change, change.after.as_ref());
        if new_name != old_name && change.resource != ResourceKind::Day {
            let name = match change.resource {
                // The old name already says that it is a room or a track.
                ResourceKind::Room | ResourceKind::Track => {
                    self.title(&self.after, &change.id).map(|name| self.phrases.quote(&name))
                }
                _ => None,
            };
            sentences.push(self.phrases.renamed(&old_name, name.as_ref().unwrap_or(&new_name)));
            other_fields
                .retain(|field| !["title", "name", "given_name", "family_name", "code", "slug"].contains(field));
        } else if change.fields.iter().any(|field| field == "code") {
            sentences.push(self.phrases.recoded(&new_name, &change.code));
            other_fields.retain(|field| *field != "code");
        }
        for kind in self.difference.kinds(change) {
            let sentence = match kind {
                ChangeKind::MovedInTime => self.moved_in_time(change, &new_name),
                ChangeKind::MovedInRoom => self.moved_in_room(change, &new_name),
                ChangeKind::SpeakerChanged => self.speakers(change, &new_name),
                _ => None,
            };
            sentences.extend(sentence);
        }
        if change.fields.iter().any(|field| field == "session") {
            let session = |names: &Names<'_>, side: &Option<serde_json::Map<String, Value>>| {
                self.title(names, text(side.as_ref(), "session")?).map(|title| self.phrases.quote(&title))
            };
            let (from, to) = (session(&self.before, &change.before), session(&self.after, &change.after));
            sentences.push(self.phrases.moved(&new_name, from.as_deref(), to.as_deref()));
        }
        let covered_fields = ["starts_at", "ends_at", "starts_on", "ends_on", "date", "room", "appearances", "session"];
        other_fields.retain(|field| !covered_fields.contains(field));
        if change.resource == ResourceKind::Conference && other_fields.contains(&"time_zone") {
            let (before, after) = self.zones();
            sentences.push(self.phrases.other_time_zone(&before.text(), &after.text()));
            other_fields.retain(|field| *field != "time_zone");
        }
        if !other_fields.is_empty() {
            let fields: Vec<_> = other_fields.into_iter().map(|field| self.phrases.field(field)).collect();
            sentences.push(self.phrases.changed(&new_name, &fields));
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
                let (zone_before, zone_after) = self.zones();
                let instant = |text: Option<&str>, zone: TimeZone| -> Option<DateTime<FixedOffset>> {
                    let instant = DateTime::parse_from_rfc3339(text?).ok()?;
                    Some(zone.local(instant.to_utc()))
                };
                // Readers knew the old time in the old zone.
                let zone_names = (zone_before.text(), zone_after.text());
                let zone_names = (zone_before != zone_after).then_some((&*zone_names.0, &*zone_names.1));
                let (starts, ends) = (side("starts_at"), side("ends_at"));
                let (old_end, new_end) = (instant(ends.0, zone_before), instant(ends.1, zone_after));
                let (Some(old), Some(new)) = (instant(starts.0, zone_before), instant(starts.1, zone_after)) else {
                    return Some(self.phrases.end_changed(thing, old_end?, new_end?, zone_names));
                };
                // The new end is only mentioned if the duration changed.
                let has_other_duration =
                    old_end.zip(new_end).is_some_and(|(old_end, new_end)| new_end - new != old_end - old);
                Some(self.phrases.moved_in_time(thing, (old, new), new_end.filter(|_| has_other_duration), zone_names))
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
        let is_in = |list: &[AppearanceRecord], record: &AppearanceRecord| {
            list.iter().any(|other| other.speaker == record.speaker)
        };
        let removed: Vec<&AppearanceRecord> = old.iter().filter(|record| !is_in(&new, record)).collect();
        let added: Vec<&AppearanceRecord> = new.iter().filter(|record| !is_in(&old, record)).collect();
        let changed: Vec<&AppearanceRecord> =
            new.iter().filter(|record| is_in(&old, record) && !old.contains(record)).collect();
        let behalf = |record: &AppearanceRecord| record.on_behalf_of.as_ref().map(|id| self.speaker(&self.after, id));
        let phrases = self.phrases;
        let mut sentences = Vec::new();
        if let ([removed], [added]) = (removed.as_slice(), added.as_slice()) {
            let (old, new) = (self.speaker(&self.before, &removed.speaker), self.speaker(&self.after, &added.speaker));
            sentences.push(phrases.replaces(&new, &old, thing, behalf(added).as_deref()));
        } else {
            sentences.extend(added.iter().map(|record| {
                phrases.joins(&self.speaker(&self.after, &record.speaker), thing, behalf(record).as_deref())
            }));
            sentences.extend(
                removed.iter().map(|record| phrases.leaves(&self.speaker(&self.before, &record.speaker), thing)),
            );
        }
        sentences.extend(changed.iter().map(|record| {
            phrases.changed_role(&self.speaker(&self.after, &record.speaker), thing, behalf(record).as_deref())
        }));
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
struct AppearanceRecord {
    speaker: String,
    role: String,
    on_behalf_of: Option<String>,
}

fn appearances(fields: Option<&serde_json::Map<String, Value>>) -> Option<Vec<AppearanceRecord>> {
    let list = fields?.get("appearances")?.as_array()?;
    let text_of = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let record = |value: &Value| {
        Some(AppearanceRecord {
            speaker: text_of(value, "speaker")?,
            role: text_of(value, "role")?,
            on_behalf_of: text_of(value, "on_behalf_of"),
        })
    };
    Some(list.iter().filter_map(record).collect())
}

/// The note of a release that the end of an embargo caused. It names what everybody may know now, and nothing that is
/// still hidden.
pub fn embargo_note(difference: &Difference, full_agenda: &Agenda) -> String {
    let languages = &difference.after.conference.languages;
    let first = languages.first().map_or("en", LanguageTag::as_str);
    let phrases = Phrases::of(first).unwrap_or(Phrases::English);
    let change_text = ChangeText::new(difference, phrases, first);
    let names = Names::of(full_agenda);
    let is_named = |id: &str| names.titles.contains_key(id) || names.speakers.contains_key(id);
    let is_new = |change: &&Change| change.action == ChangeAction::Create && is_named(&change.id);
    let new_things: Vec<&Change> = difference.changes.iter().filter(is_new).collect();
    // The items of a new session are not named in addition.
    let session_of = |change: &Change| text(change.after.as_ref(), "session").map(str::to_owned);
    let is_within_new_session =
        |change: &Change| session_of(change).is_some_and(|id| new_things.iter().any(|other| other.id == id));
    let new_things: Vec<String> = new_things
        .iter()
        .filter(|change| {
            [ResourceKind::Session, ResourceKind::Item, ResourceKind::Speaker].contains(&change.resource)
                && !is_within_new_session(change)
        })
        .map(|change| change_text.thing(&change_text.after, change, None))
        .collect();
    let named_things: Vec<String> = new_things.iter().take(NAMES_MAX).cloned().collect();
    phrases.embargo_ended(&named_things, new_things.len() - named_things.len())
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
        fn every_sentence_is_without_ids_and_without_secrets(
            before in arbitrary::agenda(),
            after in arbitrary::agenda(),
        ) {
            let at: DateTime<Utc> = arbitrary::AT.parse().unwrap();
            let projection = |agenda| project(agenda, Audience::Public, at, &ServerSecret::of_test());
            let difference = Difference::between(Some(projection(&before)), projection(&after));
            for phrases in [Phrases::English, Phrases::French, Phrases::Dutch] {
                let change_text = ChangeText::new(&difference, phrases, phrases.tag());
                for change in &difference.changes {
                    prop_assert!(!difference.kinds(change).is_empty());
                    let Some(sentence) = change_text.sentence(change) else {
                        prop_assert_eq!(change.resource, ResourceKind::Item);
                        continue;
                    };
                    prop_assert!(sentence.ends_with('.'), "{} of {:?}", sentence, change);
                    prop_assert!(!sentence.contains(arbitrary::NOT_PUBLIC), "{}", sentence);
                    let is_id = |word: &str| uuid::Uuid::parse_str(word).is_ok();
                    prop_assert!(!sentence.split([' ', ',', '.']).any(is_id), "{}", sentence);
                }
            }
            let note = embargo_note(&difference, &after);
            prop_assert!(!note.contains(arbitrary::NOT_PUBLIC), "{}", note);
        }
    }
}
