//! The kinds of things of an agenda, as lists that can be searched and sorted.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    agenda::document::{Agenda, CallForAction, Conference, Day, Item, Organisation, Room, Session, Speaker, Track},
    values::{Code, Localised, TextValue},
};

/// A kind of thing of an agenda.
pub trait Resource: Serialize + Clone + Send + 'static {
    /// Singular name, such as `room`.
    const NOUN: &'static str;
    /// Member of the agenda's document, such as `rooms`.
    const LIST: &'static str;
    /// Field that identifies a thing in its list.
    const KEY: &'static str = "code";
    /// Fields that the list can be sorted by, besides the order of the draft.
    const SORTS: &'static [&'static str];

    /// The whole list, of items that of one session; `None` if there is no such session.
    fn all<'a>(agenda: &'a Agenda, session: Option<&Code>) -> Option<&'a [Self]>;
    /// Value of the field [`Self::KEY`].
    fn code(&self) -> Cow<'_, str>;
    /// Texts and names that a search looks in.
    fn texts(&self) -> Vec<Cow<'_, str>>;
    /// Sort key for `field`; localised texts are compared in the first of `languages`.
    fn sort_key(&self, field: &str, languages: &[crate::values::LanguageTag]) -> String;
}

fn all_translations(text: &Localised) -> impl Iterator<Item = Cow<'_, str>> {
    text.map().values().map(|text| Cow::Borrowed(text.as_str()))
}

fn sort_text(text: &Localised, languages: &[crate::values::LanguageTag]) -> String {
    text.text(languages.first().map_or("", |tag| tag.as_str()), languages).to_lowercase()
}

macro_rules! named {
    ($($thing:ident $noun:literal $list:ident),+) => {
        $(impl Resource for $thing {
            const NOUN: &'static str = $noun;
            const LIST: &'static str = stringify!($list);
            const SORTS: &'static [&'static str] = &["code", "name"];
            fn all<'a>(agenda: &'a Agenda, _: Option<&Code>) -> Option<&'a [Self]> {
                Some(&agenda.$list)
            }
            fn code(&self) -> Cow<'_, str> {
                self.code.text()
            }
            fn texts(&self) -> Vec<Cow<'_, str>> {
                all_translations(&self.name).chain([self.code.text()]).collect()
            }
            fn sort_key(&self, field: &str, languages: &[crate::values::LanguageTag]) -> String {
                if field == "name" { sort_text(&self.name, languages) } else { self.code.to_string() }
            }
        })+
    };
}
named!(Organisation "organisation" organisations, Room "room" rooms, Track "track" tracks);

impl Resource for Day {
    const NOUN: &'static str = "day";
    const LIST: &'static str = "days";
    const KEY: &'static str = "date";
    const SORTS: &'static [&'static str] = &["date"];
    fn all<'a>(agenda: &'a Agenda, _: Option<&Code>) -> Option<&'a [Self]> {
        Some(&agenda.days)
    }
    fn code(&self) -> Cow<'_, str> {
        Cow::Owned(self.date.to_string())
    }
    fn texts(&self) -> Vec<Cow<'_, str>> {
        self.title.iter().flat_map(all_translations).chain([self.code()]).collect()
    }
    fn sort_key(&self, _: &str, _: &[crate::values::LanguageTag]) -> String {
        self.date.to_string()
    }
}

impl Resource for Speaker {
    const NOUN: &'static str = "speaker";
    const LIST: &'static str = "speakers";
    const SORTS: &'static [&'static str] = &["code", "family_name", "precedence"];
    fn all<'a>(agenda: &'a Agenda, _: Option<&Code>) -> Option<&'a [Self]> {
        Some(&agenda.speakers)
    }
    fn code(&self) -> Cow<'_, str> {
        self.code.text()
    }
    fn texts(&self) -> Vec<Cow<'_, str>> {
        let name = Cow::Owned(self.name());
        self.position.iter().flat_map(all_translations).chain([name, self.code.text()]).collect()
    }
    fn sort_key(&self, field: &str, _: &[crate::values::LanguageTag]) -> String {
        let given_name = || self.given_name.as_ref().map_or("", |name| name.as_str());
        let name = || format!("{} {}", self.family_name, given_name()).to_lowercase();
        match field {
            "family_name" => name(),
            "precedence" => {
                let class = self.precedence.map_or(99, |class| class as u8);
                format!("{class:02} {:09} {}", self.precedence_rank.map_or(999_999_999, |rank| rank.0), name())
            }
            _ => self.code.to_string(),
        }
    }
}

impl Resource for Session {
    const NOUN: &'static str = "session";
    const LIST: &'static str = "sessions";
    const SORTS: &'static [&'static str] = &["code", "title", "starts_at"];
    fn all<'a>(agenda: &'a Agenda, _: Option<&Code>) -> Option<&'a [Self]> {
        Some(&agenda.sessions)
    }
    fn code(&self) -> Cow<'_, str> {
        self.code.text()
    }
    fn texts(&self) -> Vec<Cow<'_, str>> {
        let items = self.items.iter().flat_map(|item| all_translations(&item.title));
        all_translations(&self.title).chain(items).chain([self.code.text()]).collect()
    }
    fn sort_key(&self, field: &str, languages: &[crate::values::LanguageTag]) -> String {
        match field {
            "title" => sort_text(&self.title, languages),
            "starts_at" => crate::agenda::model::utc(self.starts_at).to_rfc3339(),
            _ => self.code.to_string(),
        }
    }
}

impl Resource for Item {
    const NOUN: &'static str = "item";
    const LIST: &'static str = "items";
    const SORTS: &'static [&'static str] = &["code", "title"];
    fn all<'a>(agenda: &'a Agenda, session: Option<&Code>) -> Option<&'a [Self]> {
        let session = agenda.sessions.iter().find(|candidate| Some(&candidate.code) == session)?;
        Some(&session.items)
    }
    fn code(&self) -> Cow<'_, str> {
        self.code.text()
    }
    fn texts(&self) -> Vec<Cow<'_, str>> {
        all_translations(&self.title).chain([self.code.text()]).collect()
    }
    fn sort_key(&self, field: &str, languages: &[crate::values::LanguageTag]) -> String {
        if field == "title" { sort_text(&self.title, languages) } else { self.code.to_string() }
    }
}

/// Implements [`Resource`] for a thing that exists once in a conference: the member of the document is the thing
/// itself, not a list.
macro_rules! single {
    ($($thing:ident $noun:literal $member:literal, |$agenda:ident| $all:expr;)+) => {
        $(impl Resource for $thing {
            const NOUN: &'static str = $noun;
            const LIST: &'static str = $member;
            const SORTS: &'static [&'static str] = &[];
            fn all<'a>($agenda: &'a Agenda, _: Option<&Code>) -> Option<&'a [Self]> {
                Some($all)
            }
            fn code(&self) -> Cow<'_, str> {
                Cow::Borrowed($member)
            }
            fn texts(&self) -> Vec<Cow<'_, str>> {
                Vec::new()
            }
            fn sort_key(&self, _: &str, _: &[crate::values::LanguageTag]) -> String {
                String::new()
            }
        })+
    };
}
single! {
    Conference "conference" "conference", |agenda| std::slice::from_ref(&agenda.conference);
    CallForAction "call_for_action" "call_for_action", |agenda| agenda.call_for_action.as_slice();
}

pub fn find<'a, T: Resource>(agenda: &'a Agenda, session: Option<&Code>, code: &str) -> Option<&'a T> {
    T::all(agenda, session)?.iter().find(|thing| thing.code() == code)
}
