//! A release in memory: readers are answered from it, without a query to the store.

use std::collections::HashMap;

use super::{
    history::History,
    release::{ChangeSummary, ReleaseRow},
};
use crate::{
    agenda::{
        Agenda, ConferenceRef,
        document::{Organisation, Room, Session, Speaker, Track},
        model::instant,
    },
    database::uid_hosts::UidHosts,
    values::Code,
};

/// A release with indexes for its views.
#[derive(Debug)]
pub struct Snapshot {
    /// Id and slug of the conference; the rest of it is in the agenda.
    pub conference: ConferenceRef,
    pub release: ReleaseRow,
    /// The released agenda, its sessions in order of start time.
    pub agenda: Agenda,
    /// The history of sessions and items up to this release.
    pub history: History,
    /// The last releases up to this one, the latest first, with the sentences on what each changed.
    pub releases: Vec<(ReleaseRow, ChangeSummary)>,
    /// The host in the UIDs of its calendars.
    pub uid_host: String,
    organisations: HashMap<Code, usize>,
    rooms: HashMap<Code, usize>,
    tracks: HashMap<Code, usize>,
    speakers: HashMap<Code, usize>,
}

impl Snapshot {
    pub fn new(conference: ConferenceRef, release: ReleaseRow, mut agenda: Agenda) -> Self {
        fn index<T>(nodes: &[T], code: impl Fn(&T) -> &Code) -> HashMap<Code, usize> {
            nodes.iter().enumerate().map(|(index, node)| (code(node).clone(), index)).collect()
        }
        // A stable sort: sessions that start together stay in the organisers' order.
        agenda.sessions.sort_by_key(|session| instant(session.starts_at));
        Self {
            organisations: index(&agenda.organisations, |node| &node.code),
            rooms: index(&agenda.rooms, |node| &node.code),
            tracks: index(&agenda.tracks, |node| &node.code),
            speakers: index(&agenda.speakers, |node| &node.code),
            conference,
            release,
            agenda,
            history: History::default(),
            releases: Vec::new(),
            uid_host: UidHosts::FALLBACK.to_owned(),
        }
    }

    pub fn with_history(self, history: History) -> Self {
        Self { history, ..self }
    }

    pub fn with_releases(self, releases: Vec<(ReleaseRow, ChangeSummary)>) -> Self {
        Self { releases, ..self }
    }

    pub fn with_uid_host(self, uid_host: &str) -> Self {
        Self { uid_host: uid_host.to_owned(), ..self }
    }

    pub fn organisation(&self, code: &Code) -> Option<&Organisation> {
        self.organisations.get(code).and_then(|index| self.agenda.organisations.get(*index))
    }

    pub fn room(&self, code: &Code) -> Option<&Room> {
        self.rooms.get(code).and_then(|index| self.agenda.rooms.get(*index))
    }

    pub fn track(&self, code: &Code) -> Option<&Track> {
        self.tracks.get(code).and_then(|index| self.agenda.tracks.get(*index))
    }

    pub fn speaker(&self, code: &Code) -> Option<&Speaker> {
        self.speakers.get(code).and_then(|index| self.agenda.speakers.get(*index))
    }

    pub fn session(&self, code: &Code) -> Option<&Session> {
        self.agenda.sessions.iter().find(|session| session.code == *code)
    }
}
