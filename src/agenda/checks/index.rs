//! The things of an agenda by their codes.

use std::collections::HashMap;

use crate::{
    agenda::document::{Agenda, Organisation, Room, Speaker},
    values::Code,
};

/// Rooms, speakers and organisations of an agenda by code.
pub struct AgendaIndex<'a> {
    pub(super) rooms: HashMap<&'a Code, &'a Room>,
    pub(super) speakers: HashMap<&'a Code, &'a Speaker>,
    pub(super) organisations: HashMap<&'a Code, &'a Organisation>,
}

impl<'a> AgendaIndex<'a> {
    pub fn of(agenda: &'a Agenda) -> Self {
        Self {
            rooms: agenda.rooms.iter().map(|room| (&room.code, room)).collect(),
            speakers: agenda.speakers.iter().map(|speaker| (&speaker.code, speaker)).collect(),
            organisations: agenda.organisations.iter().map(|node| (&node.code, node)).collect(),
        }
    }
}
