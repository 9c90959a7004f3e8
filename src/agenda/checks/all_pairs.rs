//! Compares the sweep of [`super::double_bookings`] with the definition, which compares all pairs, on random agendas.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    AgendaResource, Conflict, ConflictCode,
    sample::{conflicts, document, read, session_in},
};

const ROOMS: [&str; 3] = ["hall", "attic", "cellar"];
const SPEAKERS: [&str; 3] = ["ada", "bob", "eve"];

/// A session of a random agenda: start and length in units of five minutes, room, speakers, whether it is a break.
type Sketch = (u32, u32, Option<usize>, Vec<usize>, bool);

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let rooms = proptest::option::of(0..ROOMS.len());
    let speakers = proptest::collection::vec(0..SPEAKERS.len(), 0..3);
    proptest::collection::vec((0..40_u32, 1..12_u32, rooms, speakers, proptest::bool::weighted(0.1)), 0..14)
}

fn wall(units: u32) -> String {
    format!("2030-05-01T{:02}:{:02}", 8 + units / 12, units % 12 * 5)
}

fn node(index: usize, (start, length, room, speakers, is_break): &Sketch) -> Value {
    let mut names: Vec<_> = speakers.iter().map(|speaker| SPEAKERS[*speaker]).collect();
    names.dedup();
    let room = room.map(|room| ROOMS[room]);
    let mut node = session_in(&format!("s{index}"), room, &wall(*start), &wall(start + length), &names);
    if *is_break {
        node["kind"] = json!("break");
    }
    node
}

/// All pairs by the definition: conflict code, earlier session, later session, room or speaker.
fn all_pairs(sketches: &[Sketch]) -> BTreeSet<(ConflictCode, usize, usize, String)> {
    let mut conflicts = BTreeSet::new();
    let order = |index: usize| (sketches[index].0, sketches[index].0 + sketches[index].1, index);
    for (later, (start, length, room, speakers, is_break)) in sketches.iter().enumerate() {
        for (earlier, (other_start, other_length, other_room, other_speakers, other_is_break)) in
            sketches.iter().enumerate()
        {
            let overlap = start < &(other_start + other_length) && other_start < &(start + length);
            if order(earlier) >= order(later) || !overlap {
                continue;
            }
            if let (Some(room), true) = (room, room == other_room) {
                conflicts.insert((ConflictCode::RoomDoubleBooked, earlier, later, ROOMS[*room].to_owned()));
            }
            for speaker in speakers.iter().filter(|speaker| other_speakers.contains(speaker)) {
                if !is_break && !other_is_break {
                    let name = SPEAKERS[*speaker].to_owned();
                    conflicts.insert((ConflictCode::SpeakerDoubleBooked, earlier, later, name));
                }
            }
        }
        // A walk starts at the session that ended last before this one.
        for speaker in speakers.iter().filter(|_| !is_break) {
            let before = sketches.iter().enumerate().filter(|(_, (other_start, other_length, _, others, is_break))| {
                others.contains(speaker) && !is_break && other_start + other_length <= *start
            });
            let last = before.max_by_key(|(index, (start, length, ..))| (start + length, order(*index)));
            if let Some((earlier, (other_start, other_length, Some(other_room), ..))) = last
                && room.is_some_and(|room| room != *other_room)
                && (start - other_start - other_length) * 5 < 10
            {
                let name = SPEAKERS[*speaker].to_owned();
                conflicts.insert((ConflictCode::SpeakerWalkingTime, earlier, later, name));
            }
        }
    }
    conflicts
}

fn pair(conflict: &Conflict) -> (ConflictCode, usize, usize, String) {
    let index = |code: &str| code.trim_start_matches('s').parse().unwrap();
    let of = |kinds: &[AgendaResource]| {
        conflict.others.iter().find(|other| kinds.contains(&other.resource)).unwrap().code.clone()
    };
    let subject = of(&[AgendaResource::Room, AgendaResource::Speaker]);
    (conflict.code, index(&of(&[AgendaResource::Session])), index(&conflict.thing), subject)
}

proptest! {
    #[test]
    fn the_sweep_finds_the_same_conflicts_as_comparing_all_pairs(sketches in sketches()) {
        let nodes: Vec<_> = sketches.iter().enumerate().map(|(index, sketch)| node(index, sketch)).collect();
        let conflicts = conflicts(&read(document(&nodes)));
        let reported: Vec<_> = conflicts.iter().filter(|conflict| conflict.code != ConflictCode::OutsideConference)
            .map(pair).collect();
        let distinct: BTreeSet<_> = reported.iter().cloned().collect();
        prop_assert_eq!(distinct.len(), reported.len(), "each is reported once");
        prop_assert_eq!(distinct, all_pairs(&sketches));
    }
}
