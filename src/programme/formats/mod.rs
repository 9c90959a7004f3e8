//! The programme in the formats of others: each a function from a [`Source`] to bytes, the same bytes for the same
//! release.
//!
//! Nouns: a *source* is a release, a language and where the service is; a *slot* ([`super::timing::Slot`]) is a session
//! or an item with a time, an event of its own where a format knows no nesting.

pub mod api;
pub mod atom;
pub mod content_line;
pub mod ical;
pub mod jsonld;
pub mod schedule;
pub mod schedule_json;
pub mod schedule_xml;
pub mod session_table;

use super::{snapshot::Snapshot, tongue::Tongue, words::full_name};
use crate::{
    agenda::document::{Room, Session, Speaker, Track},
    values::{LanguageTag, Localised},
};

/// What a document is made of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The release.
    pub snapshot: &'a Snapshot,
    /// The language of its texts.
    pub language: &'a LanguageTag,
    /// How the world reaches the service, without a slash at the end.
    pub base_url: &'a str,
}

impl<'a> Source<'a> {
    /// A text in the language of the document.
    pub fn text(&self, localised: &'a Localised) -> &'a str {
        localised.text(self.language.as_str(), &self.snapshot.agenda.conference.languages)
    }

    /// Where the API has something of the conference: `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1/conferences/{}{path}", self.base_url, self.snapshot.place.slug)
    }

    /// The room of a session.
    pub fn room_of(&self, session: &Session) -> Option<&'a Room> {
        self.snapshot.room(session.room.as_ref()?)
    }

    /// The track of a session.
    pub fn track_of(&self, session: &Session) -> Option<&'a Track> {
        self.snapshot.track(session.track.as_ref()?)
    }

    /// A speaker's name.
    pub fn name_of(&self, speaker: &Speaker) -> String {
        full_name(speaker, self.tongue())
    }

    /// The language of what the service itself says: that of the document, else English.
    pub fn tongue(&self) -> Tongue {
        Tongue::of(self.language.as_str()).unwrap_or(Tongue::English)
    }
}
