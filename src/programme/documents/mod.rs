//! Release documents: the documents that every reader requests in the same form, made once when a release is published.
//!
//! Nouns: a *publication* is a kind of document ([`Publication`]); the *release documents* are all publications of one
//! release, in each language and content coding, ready to be sent ([`ReleaseDocuments`]); a *coding* is a compression
//! ([`Coding`]); a *part* is any other answer that is made from a release, cached once it was made
//! ([`parts::PartCache`]).
//!
//! Invariants:
//! - Release documents depend only on the release, the version of the service and the public URL: the bytes are the
//!   same wherever and whenever they are made.
//! - Nothing is compressed twice: what is stored is what is sent, so that its entity tag is strong
//!   ([`Document::body`]).
//! - The documents of a release that was redacted in the meantime are never stored ([`store::insert`], under the lock
//!   of the conference), and a redaction removes the stored ones.

pub mod actions;
pub mod answer;
pub mod coding;
pub mod parts;
pub mod release_documents;
pub mod store;

pub use answer::{serve, serve_part};
pub use coding::Coding;
use serde::Serialize;
pub use store::remove;

use super::{
    filter::ProgrammeQuery,
    formats::{Source, atom, ical, jsonld, schedule_json, schedule_xml, session_table},
    negotiate::Language,
    snapshot::Snapshot,
    views::{List, ViewBuilder},
};
pub use crate::programme::documents::release_documents::{Document, ReleaseDocuments};
use crate::values::text_enum;

text_enum! {
    /// A kind of document that is made from each release; the text is its path after the address of the conference.
    Publication {
        /// The conference itself, at its own address.
        Conference = "",
        Programme = "programme",
        Days = "programme/days",
        Sessions = "programme/sessions",
        Panels = "programme/panels",
        Keynotes = "programme/keynotes",
        Speakers = "programme/speakers",
        Rooms = "programme/rooms",
        Tracks = "programme/tracks",
        HighLevelSession = "programme/high-level-session",
        CallForAction = "call-for-action",
        /// The XML of frab, c3voc and pretalx.
        ScheduleXml = "schedule.xml",
        /// The JSON of c3voc.
        ScheduleJson = "schedule.json",
        Calendar = "programme.ics",
        /// Linked data of schema.org.
        JsonLd = "programme.jsonld",
        SessionTable = "programme/sessions.csv",
        ReleaseFeed = "releases.atom",
    }
}

impl Publication {
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::ScheduleXml => "application/xml",
            Self::Calendar => ical::MEDIA_TYPE,
            Self::JsonLd => "application/ld+json",
            Self::SessionTable => "text/csv; charset=utf-8; header=present",
            Self::ReleaseFeed => "application/atom+xml",
            _ => "application/json",
        }
    }

    /// The document. `None` if the release has no such content, or if this kind of document has only one language and
    /// `language` is all.
    pub fn write(self, snapshot: &Snapshot, language: &Language, base_url: &str) -> Option<Vec<u8>> {
        let view = ViewBuilder::new(snapshot, language);
        let every = ProgrammeQuery::default();
        let source = language.tag().map(|language| Source { snapshot, language, base_url });
        match self {
            Self::Conference => json(&view.conference()),
            Self::Programme => json(&view.programme(&every)),
            Self::Days => json(&List { data: view.days(&every) }),
            Self::Sessions => json(&List { data: view.sessions(&every) }),
            Self::Panels => json(&List { data: view.panels(&every) }),
            Self::Keynotes => json(&List { data: view.keynotes(&every) }),
            Self::Speakers => json(&List { data: view.speakers(&every) }),
            Self::Rooms => json(&List { data: view.rooms(&every) }),
            Self::Tracks => json(&List { data: view.tracks(&every) }),
            Self::HighLevelSession => json(&view.high_level_session()?),
            Self::CallForAction => json(&view.call_for_action()?),
            Self::ScheduleXml => Some(schedule_xml::write(&source?)),
            Self::ScheduleJson => Some(schedule_json::write(&source?)),
            Self::Calendar => Some(ical::write(&source?)),
            Self::JsonLd => Some(jsonld::write(&source?)),
            Self::SessionTable => Some(session_table::write(&source?)),
            Self::ReleaseFeed => Some(atom::write(&source?)),
        }
    }
}

fn json(view: &impl Serialize) -> Option<Vec<u8>> {
    // Cannot fail: views consist of texts, numbers and lists.
    serde_json::to_vec(view).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::ServerSecret,
        agenda::{ConferenceRef, arbitrary},
        ids::Id,
        programme::{
            difference::Difference,
            history::History,
            release::ReleaseRow,
            releases::actions::summarise,
            visibility::{Audience, project},
        },
    };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_hidden_is_in_any_document_of_two_releases(
            before in arbitrary::agenda(),
            after in arbitrary::agenda(),
        ) {
            let at = arbitrary::AT.parse().unwrap();
            let projection = |agenda| project(agenda, Audience::Public, at, &ServerSecret::of_test());
            let history = History::default().advance(&projection(&before), &before, at);
            let history = history.advance(&projection(&after), &after, at);
            let summary = summarise(&Difference::between(Some(projection(&before)), projection(&after)));
            let row = ReleaseRow { number: 2, ..ReleaseRow::of_draft(at) };
            let conference = ConferenceRef { id: Id::new(), slug: after.conference.slug.clone() };
            let mut snapshot = Snapshot::new(conference, row.clone(), projection(&after)).with_history(history);
            snapshot.releases = vec![(row, summary)];
            for publication in Publication::all() {
                for tag in snapshot.agenda.conference.languages.clone() {
                    let language = Language::One(tag);
                    let document = publication.write(&snapshot, &language, "https://conference.example").unwrap_or_default();
                    prop_assert_eq!(&publication.write(&snapshot, &language, "https://conference.example").unwrap_or_default(), &document);
                    let text = String::from_utf8(document).unwrap();
                    for mark in [arbitrary::NOT_PUBLIC, arbitrary::NOT_FOR_ATTENDEES] {
                        prop_assert!(!text.contains(mark), "{} has {mark}: {text}", publication.as_str());
                    }
                }
            }
        }
    }
}
