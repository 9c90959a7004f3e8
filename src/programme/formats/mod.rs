//! The programme in the formats of other software. Each format is a function from a [`Source`] to bytes, which gives
//! the same bytes for the same release.
//!
//! Nouns: a *source* is a release, a language and the public address of the service; a *slot*
//! ([`super::timing::Slot`]) is a session, or an item with a time: an event, where a format has no nested events.

pub mod atom;
pub mod content_line;
pub mod ical;
pub mod jsonld;
pub mod schedule;
pub mod schedule_json;
pub mod schedule_xml;
pub mod session_table;

use super::{change_text::full_name, phrases::Phrases, snapshot::Snapshot};
use crate::{
    agenda::document::{Room, Session, Speaker, Track},
    values::{LanguageTag, Localised},
};

/// What a document is made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub snapshot: &'a Snapshot,
    /// The language of its texts.
    pub language: &'a LanguageTag,
    /// The address at which the public reaches the service, without a slash at the end.
    pub base_url: &'a str,
}

impl<'a> Source<'a> {
    /// A text in the language of the document.
    pub fn text(&self, localised: &'a Localised) -> &'a str {
        localised.text(self.language.as_str(), &self.snapshot.agenda.conference.languages)
    }

    /// The address of a part of the conference in the API; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1/conferences/{}{path}", self.base_url, self.snapshot.conference.slug)
    }

    pub fn room_of(&self, session: &Session) -> Option<&'a Room> {
        self.snapshot.room(session.room.as_ref()?)
    }

    pub fn track_of(&self, session: &Session) -> Option<&'a Track> {
        self.snapshot.track(session.track.as_ref()?)
    }

    pub fn name_of(&self, speaker: &Speaker) -> String {
        full_name(speaker, self.phrases())
    }

    /// The phrases in the language of the document, otherwise in English.
    pub fn phrases(&self) -> Phrases {
        Phrases::of(self.language.as_str()).unwrap_or(Phrases::English)
    }
}
