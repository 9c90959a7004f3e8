//! What every reader asks for alike: the whole documents of a release, made once when it is released.
//!
//! Nouns: a *publication* is a kind of document ([`Publication`]); an *edition* is all publications of one release, in
//! each language and content coding, ready to be sent ([`Edition`]); a *coding* is a compression ([`Coding`]); a *part*
//! is anything else that is asked for of a release, remembered once it was made ([`parts::Parts`]).
//!
//! Invariants:
//! - An edition is made of one release by one version of the service under one public URL, and nothing else: the bytes
//!   are the same wherever and whenever they are made.
//! - Nothing is compressed twice: what is stored is what is sent, so that its entity tag is strong
//!   ([`edition::Whole::body`]).
//! - An edition of a release that was redacted meanwhile is never stored ([`store::insert`], under the conference's
//!   lock), and a redaction removes the one that is there.

pub mod actions;
pub mod answer;
pub mod coding;
pub mod edition;
pub mod parts;
pub mod store;

pub use answer::{serve, serve_part};
pub use coding::Coding;
pub use edition::{Edition, Whole};
use serde::Serialize;

use super::{
    filter::ProgrammeQuery,
    formats::{Source, atom, ical, jsonld, schedule_json, schedule_xml, session_table},
    negotiate::Language,
    snapshot::Snapshot,
    view::View,
    views::List,
};
use crate::values::text_enum;

text_enum! {
    /// A kind of document that is made of each release; the word is where it is under the conference.
    Publication {
        /// The conference itself, which is at the conference's own address.
        Conference = "",
        /// The whole programme.
        Programme = "programme",
        /// The days.
        Days = "programme/days",
        /// The sessions.
        Sessions = "programme/sessions",
        /// The panels.
        Panels = "programme/panels",
        /// The keynotes.
        Keynotes = "programme/keynotes",
        /// The speakers.
        Speakers = "programme/speakers",
        /// The rooms.
        Rooms = "programme/rooms",
        /// The tracks.
        Tracks = "programme/tracks",
        /// The high-level political session.
        HighLevelSession = "programme/high-level-session",
        /// The call for action.
        CallForAction = "call-for-action",
        /// frab's and c3voc's XML.
        ScheduleXml = "schedule.xml",
        /// c3voc's JSON.
        ScheduleJson = "schedule.json",
        /// The calendar.
        Calendar = "programme.ics",
        /// Linked data of schema.org.
        JsonLd = "programme.jsonld",
        /// The table of sessions.
        SessionTable = "programme/sessions.csv",
        /// The feed of releases.
        ReleaseFeed = "releases.atom",
    }
}

impl Publication {
    /// Every publication.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::WORDS.iter().filter_map(|word| Self::from_word(word))
    }

    /// Its media type.
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

    /// The document; none where the release has nothing of the kind, or not in all languages at once.
    pub fn write(self, snapshot: &Snapshot, language: &Language, base_url: &str) -> Option<Vec<u8>> {
        let view = View::new(snapshot, language);
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
    // Views are made of texts, numbers and lists: all of them can be written.
    serde_json::to_vec(view).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::ServerSecret,
        agenda::{Place, arbitrary},
        ids::Id,
        programme::{
            difference::Difference,
            history::History,
            release::{ReleaseRow, actions::words_of},
            visibility::{Audience, project},
        },
    };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_hidden_stands_in_any_document_of_two_releases(
            before in arbitrary::agenda(),
            after in arbitrary::agenda(),
        ) {
            let at = arbitrary::AT.parse().unwrap();
            let seen = |agenda| project(agenda, Audience::Public, at, &ServerSecret::of_test());
            let history = History::default().advance(&seen(&before), &before, at).advance(&seen(&after), &after, at);
            let words = words_of(&Difference::between(Some(seen(&before)), seen(&after)));
            let row = ReleaseRow { number: 2, ..ReleaseRow::of_draft(at) };
            let place = Place { id: Id::new(), slug: after.conference.slug.clone() };
            let mut snapshot = Snapshot::new(place, row.clone(), seen(&after)).with_history(history);
            snapshot.releases = vec![(row, words)];
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
