//! Rooms and speakers: a room has one session at a time, a speaker is in one room at a time and has time to walk to the
//! next one, a session has no more seats than its room.
//!
//! The sessions of a room or speaker are swept in the order of their starts, with a heap of those that have not ended,
//! so that overlaps are counted without comparing all pairs. Spans are half open: a session that ends when the next
//! starts does not overlap it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{
    AgendaResource,
    conflict::{Conflict, ConflictCode, Findings, Thing},
    index::AgendaIndex,
};
use crate::{
    agenda::{
        document::{Agenda, ItemKind, Session, SessionKind, Speaker},
        model::utc,
    },
    values::Code,
};

/// Walking time of a conference that sets none, in minutes.
const WALKING_MINUTES: u32 = 5;
const MICROSECONDS_A_MINUTE: i64 = 60_000_000;

/// Reports conflicts of rooms, of speakers' times, and of seats.
pub fn check(agenda: &Agenda, agenda_index: &AgendaIndex, findings: &mut Findings) {
    check_rooms(agenda, findings);
    check_speakers(agenda, findings);
    check_seats(agenda, agenda_index, findings);
}

/// A session in the timetable of a room or speaker.
#[derive(Debug)]
struct Slot<'a> {
    index: usize,
    session: &'a Session,
    /// Microseconds since 1970 (UTC), the precision of the stores.
    starts: i64,
    ends: i64,
    /// End of the JSON pointer in the session: to the room, or to the speaker's appearance.
    pointer_end: String,
    /// Items in which the speaker appears.
    items: Vec<&'a Code>,
    /// Whether conflicts of this session are in the scope.
    in_scope: bool,
}

impl<'a> Slot<'a> {
    fn of(index: usize, session: &'a Session, pointer_end: String) -> Self {
        let (starts, ends) = (utc(session.starts_at).timestamp_micros(), utc(session.ends_at).timestamp_micros());
        Self { index, session, starts, ends, pointer_end, items: Vec::new(), in_scope: false }
    }

    fn pointer(&self) -> String {
        format!("#/sessions/{}/{}", self.index, self.pointer_end)
    }

    fn overlap_minutes(&self, earlier: &Self) -> i64 {
        (self.ends.min(earlier.ends) - self.starts + MICROSECONDS_A_MINUTE - 1) / MICROSECONDS_A_MINUTE
    }
}

/// Sessions that have not ended, by end; each by its index in the order of starts.
#[derive(Default)]
struct OngoingSessions(BinaryHeap<Reverse<(i64, usize)>>);

impl OngoingSessions {
    /// Removes the sessions that have ended at an instant. Returns the one of them that ended last.
    fn end(&mut self, instant: i64) -> Option<usize> {
        let mut last = None;
        while let Some(Reverse((ends, ended))) = self.0.peek().copied()
            && ends <= instant
        {
            last = Some(ended);
            self.0.pop();
        }
        last
    }

    fn indexes(&self) -> Vec<usize> {
        let mut indexes: Vec<usize> = self.0.iter().map(|Reverse((_, index))| *index).collect();
        indexes.sort_unstable();
        indexes
    }
}

/// A slot of a sweep, with the slots that it may be in conflict with.
struct SweepStep<'s, 'a> {
    slots: &'s [Slot<'a>],
    /// The slot, which starts after the others.
    later: &'s Slot<'a>,
    /// Number of other slots that are going on when it starts.
    overlap_count: usize,
    /// Those of them whose overlap with this slot is in the scope.
    in_scope: &'s OngoingSessions,
    /// The slot that ended last before this one starts.
    last: Option<&'s Slot<'a>>,
}

/// Visits the slots of a room or speaker in the order of their starts. If not all are in the scope, a slot outside it
/// is compared only with those in it: the work is limited to conflicts that are kept.
fn sweep<'a>(slots: &mut [Slot<'a>], all_in_scope: bool, mut visit: impl FnMut(SweepStep<'_, 'a>)) {
    slots.sort_by_key(|slot| (slot.starts, slot.ends, slot.index));
    let (mut ongoing, mut in_scope) = (OngoingSessions::default(), OngoingSessions::default());
    let mut last = None;
    for (index, later) in slots.iter().enumerate() {
        last = ongoing.end(later.starts).and_then(|last| slots.get(last)).or(last);
        in_scope.end(later.starts);
        let overlap_count = ongoing.0.len();
        let compares_all = all_in_scope || later.in_scope;
        visit(SweepStep {
            slots,
            later,
            overlap_count,
            in_scope: if compares_all { &ongoing } else { &in_scope },
            last,
        });
        ongoing.0.push(Reverse((later.ends, index)));
        if later.in_scope {
            in_scope.0.push(Reverse((later.ends, index)));
        }
    }
}

/// Counts the overlaps of a slot, and keeps those in the scope.
fn report_overlaps<'a>(
    code: ConflictCode,
    step: &SweepStep<'_, 'a>,
    findings: &mut Findings,
    build: impl Fn(&Slot<'a>, &Slot<'a>) -> Conflict,
) {
    findings.count(code, step.overlap_count);
    if step.overlap_count == 0 || !findings.can_keep(code) {
        return;
    }
    for earlier in step.in_scope.indexes().into_iter().filter_map(|index| step.slots.get(index)) {
        findings.keep(build(earlier, step.later));
        if !findings.can_keep(code) {
            return;
        }
    }
}

/// Marks the slots whose session, or one of whose items, is in the scope.
fn mark_in_scope(slots: &mut [Slot], findings: &Findings) {
    for slot in slots {
        slot.in_scope = findings.is_in_scope(AgendaResource::Session, slot.session.code.as_str())
            || slot.items.iter().any(|item| findings.is_in_scope(AgendaResource::Item, item.as_str()));
    }
}

fn check_rooms(agenda: &Agenda, findings: &mut Findings) {
    let mut slots: HashMap<&Code, Vec<Slot>> = HashMap::new();
    for (index, session) in agenda.sessions.iter().enumerate() {
        if let Some(room) = &session.room {
            slots.entry(room).or_default().push(Slot::of(index, session, "room".to_owned()));
        }
    }
    for room in &agenda.rooms {
        let Some(slots) = slots.get_mut(&room.code) else {
            continue;
        };
        mark_in_scope(slots, findings);
        sweep(slots, findings.is_in_scope(AgendaResource::Room, room.code.as_str()), |step| {
            let build = |earlier: &Slot, later: &Slot| room_double_booked(&room.code, earlier, later);
            report_overlaps(ConflictCode::RoomDoubleBooked, &step, findings, build);
        });
    }
}

fn room_double_booked(room: &Code, earlier: &Slot, later: &Slot) -> Conflict {
    let (first, second) = (&earlier.session.code, &later.session.code);
    let minutes = later.overlap_minutes(earlier);
    let detail = format!("sessions {first} and {second} overlap by {minutes} minutes in room {room}");
    let others = vec![Thing::session(first), Thing::new(AgendaResource::Room, room.as_str())];
    Conflict::of(ConflictCode::RoomDoubleBooked, Thing::session(second), later.pointer(), detail, others)
}

/// Sessions of each speaker, without breaks. A representative is present, the speaker on whose behalf they speak is
/// not.
fn slots_of_speakers(agenda: &Agenda) -> HashMap<&Code, Vec<Slot<'_>>> {
    let mut slots: HashMap<&Code, Vec<Slot>> = HashMap::new();
    let sessions = agenda.sessions.iter().enumerate().filter(|(_, session)| session.kind != SessionKind::Break);
    for (index, session) in sessions {
        let session_appearances = session
            .appearances
            .iter()
            .enumerate()
            .map(|(appearance_index, appearance)| (None, appearance_index, appearance));
        let items = session.items.iter().enumerate().filter(|(_, item)| item.kind != ItemKind::Break);
        let item_appearances = items.flat_map(|(item_index, item)| {
            item.appearances
                .iter()
                .enumerate()
                .map(move |(appearance_index, appearance)| (Some((item_index, item)), appearance_index, appearance))
        });
        for (item, appearance_index, appearance) in session_appearances.chain(item_appearances) {
            let slots = slots.entry(&appearance.speaker).or_default();
            if slots.last().is_none_or(|slot| slot.index != index) {
                let item_pointer = item.map(|(item_index, _)| format!("items/{item_index}/")).unwrap_or_default();
                slots.push(Slot::of(index, session, format!("{item_pointer}appearances/{appearance_index}/speaker")));
            }
            if let Some(slot) = slots.last_mut() {
                slot.items.extend(item.map(|(_, item)| &item.code));
            }
        }
    }
    slots
}

fn check_speakers(agenda: &Agenda, findings: &mut Findings) {
    let walking = agenda.conference.walking_minutes.map_or(WALKING_MINUTES, |minutes| minutes.0);
    let mut slots = slots_of_speakers(agenda);
    for speaker in &agenda.speakers {
        let Some(slots) = slots.get_mut(&speaker.code) else {
            continue;
        };
        mark_in_scope(slots, findings);
        sweep(slots, findings.is_in_scope(AgendaResource::Speaker, speaker.code.as_str()), |step| {
            let build = |earlier: &Slot, later: &Slot| speaker_double_booked(speaker, earlier, later);
            report_overlaps(ConflictCode::SpeakerDoubleBooked, &step, findings, build);
            if let Some(earlier) = step.last {
                check_walking_time(speaker, earlier, step.later, walking, findings);
            }
        });
    }
}

/// Other things involved in a conflict of a speaker: the earlier session, the speaker, the items of both sessions.
fn involved_things(speaker: &Speaker, earlier: &Slot, later: &Slot) -> Vec<Thing> {
    let mut things =
        vec![Thing::session(&earlier.session.code), Thing::new(AgendaResource::Speaker, speaker.code.as_str())];
    things.extend(earlier.items.iter().chain(&later.items).map(|item| Thing::item(item)));
    things
}

fn speaker_double_booked(speaker: &Speaker, earlier: &Slot, later: &Slot) -> Conflict {
    let (first, second) = (&earlier.session.code, &later.session.code);
    let minutes = later.overlap_minutes(earlier);
    let detail =
        format!("speaker {} is in sessions {first} and {second}, which overlap by {minutes} minutes", speaker.code);
    let others = involved_things(speaker, earlier, later);
    Conflict::of(ConflictCode::SpeakerDoubleBooked, Thing::session(second), later.pointer(), detail, others)
}

fn check_walking_time(speaker: &Speaker, earlier: &Slot, later: &Slot, walking: u32, findings: &mut Findings) {
    let (Some(from), Some(to)) = (&earlier.session.room, &later.session.room) else {
        return;
    };
    let gap = later.starts - earlier.ends;
    if from == to || gap >= i64::from(walking) * MICROSECONDS_A_MINUTE {
        return;
    }
    findings.add(ConflictCode::SpeakerWalkingTime, || {
        let detail = format!(
            "speaker {} has {} minutes from session {} in room {from} to session {} in room {to}, and needs {walking}",
            speaker.code,
            gap / MICROSECONDS_A_MINUTE,
            earlier.session.code,
            later.session.code,
        );
        let thing = Thing::session(&later.session.code);
        let others = involved_things(speaker, earlier, later);
        Conflict::of(ConflictCode::SpeakerWalkingTime, thing, later.pointer(), detail, others)
    });
}

fn check_seats(agenda: &Agenda, agenda_index: &AgendaIndex, findings: &mut Findings) {
    for (index, session) in agenda.sessions.iter().enumerate() {
        let room = session.room.as_ref().and_then(|room| agenda_index.rooms.get(room));
        let (Some(seats), Some(room)) = (session.seats, room) else {
            continue;
        };
        let Some(capacity) = room.capacity.filter(|capacity| seats.0 > capacity.0) else {
            continue;
        };
        findings.add(ConflictCode::SeatsAboveCapacity, || {
            let detail =
                format!("session {} has {} seats, room {} holds {}", session.code, seats.0, room.code, capacity.0);
            let others = vec![Thing::new(AgendaResource::Room, room.code.as_str())];
            let pointer = format!("#/sessions/{index}/seats");
            Conflict::of(ConflictCode::SeatsAboveCapacity, Thing::session(&session.code), pointer, detail, others)
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::agenda::checks::{
        InvolvedThings, Scope, check,
        sample::{agenda, conflicts, conflicts_with_code, session_in},
        warnings_of,
    };

    #[test]
    fn a_room_holds_one_session_at_a_time_and_the_next_may_start_when_one_ends() {
        let agenda = agenda(&[
            session_in("a", Some("hall"), "2030-05-01T09:00", "2030-05-01T10:00", &[]),
            session_in("b", Some("hall"), "2030-05-01T10:00", "2030-05-01T11:00", &[]),
            session_in("c", Some("hall"), "2030-05-01T09:30", "2030-05-01T10:30", &[]),
            session_in("d", Some("attic"), "2030-05-01T09:30", "2030-05-01T10:30", &[]),
            session_in("e", None, "2030-05-01T09:30", "2030-05-01T10:30", &[]),
        ]);
        assert_eq!(
            conflicts_with_code(&agenda, "room_double_booked"),
            ["#/sessions/2/room c a hall", "#/sessions/1/room b c hall"]
        );
        let detail = &conflicts(&agenda)[0].detail;
        assert_eq!(detail, "sessions a and c overlap by 30 minutes in room hall");
    }

    #[test]
    fn a_speaker_is_in_one_session_at_a_time_wherever_in_it_they_appear() {
        let mut nodes = [
            session_in("a", Some("hall"), "2030-05-01T09:00", "2030-05-01T10:00", &["ada"]),
            session_in("b", Some("attic"), "2030-05-01T09:30", "2030-05-01T10:30", &[]),
            session_in("c", Some("cellar"), "2030-05-01T09:30", "2030-05-01T10:30", &["ada"]),
        ];
        nodes[2]["kind"] = json!("break");
        let appears = json!([{ "speaker": "eve", "role": "speaker" }, { "speaker": "ada", "role": "speaker" }]);
        nodes[1]["items"] = json!([
            { "code": "x", "kind": "keynote", "title": "X", "appearances": appears },
            { "code": "y", "kind": "keynote", "title": "Y", "appearances": appears },
        ]);
        let conflicts = conflicts_with_code(&agenda(&nodes), "speaker_double_booked");
        assert_eq!(conflicts, ["#/sessions/1/items/0/appearances/1/speaker b a ada x y"], "not in a pause");
        nodes[1]["items"][0]["kind"] = json!("break");
        let conflicts = conflicts_with_code(&agenda(&nodes), "speaker_double_booked");
        assert_eq!(conflicts, ["#/sessions/1/items/1/appearances/1/speaker b a ada y"], "nor in an item that is one");
        nodes[1]["items"][1]["kind"] = json!("break");
        assert_eq!(conflicts_with_code(&agenda(&nodes), "speaker_double_booked"), Vec::<String>::new());
        nodes[1]["items"][1]["kind"] = json!("keynote");
        nodes[0]["appearances"] = json!([{ "speaker": "bob", "role": "speaker", "on_behalf_of": "ada" }]);
        assert_eq!(
            conflicts_with_code(&agenda(&nodes), "speaker_double_booked"),
            Vec::<String>::new(),
            "bob is there, ada is not"
        );
    }

    #[test]
    fn a_speaker_has_time_to_walk_from_one_room_to_another() {
        let walking_conflicts = |room: Option<&str>, starts_at: &str| {
            conflicts_with_code(
                &agenda(&[
                    session_in("a", Some("hall"), "2030-05-01T09:00", "2030-05-01T10:00", &["ada"]),
                    session_in("b", room, starts_at, "2030-05-01T11:00", &["ada"]),
                ]),
                "speaker_walking_time",
            )
        };
        let warned = ["#/sessions/1/appearances/0/speaker b a ada"];
        assert_eq!(walking_conflicts(Some("attic"), "2030-05-01T10:00"), warned);
        assert_eq!(walking_conflicts(Some("attic"), "2030-05-01T10:09"), warned);
        assert_eq!(walking_conflicts(Some("attic"), "2030-05-01T10:10"), Vec::<String>::new());
        assert_eq!(walking_conflicts(Some("hall"), "2030-05-01T10:00"), Vec::<String>::new());
        assert_eq!(walking_conflicts(None, "2030-05-01T10:00"), Vec::<String>::new());
    }

    #[test]
    fn a_session_has_no_more_seats_than_its_room_holds() {
        let seats = |room: &str, seats: u32| {
            let mut node = session_in("a", Some(room), "2030-05-01T09:00", "2030-05-01T10:00", &[]);
            node["seats"] = json!(seats);
            conflicts_with_code(&agenda(&[node]), "seats_above_capacity")
        };
        assert_eq!(seats("hall", 100), Vec::<String>::new());
        assert_eq!(seats("hall", 101), ["#/sessions/0/seats a hall"]);
        assert_eq!(seats("attic", 101), Vec::<String>::new(), "nobody knows how many it holds");
    }

    #[test]
    fn a_thousand_conflicts_are_kept_and_all_are_counted() {
        let nodes: Vec<_> = (0..300)
            .map(|n| session_in(&format!("s{n}"), Some("hall"), "2030-05-01T09:00", "2030-05-01T10:00", &[]))
            .collect();
        let agenda = agenda(&nodes);
        let findings = check(&agenda, Scope::default());
        assert_eq!((findings.error_count, findings.conflicts().len()), (300 * 299 / 2, 1_000));
        let findings = check(
            &agenda,
            Scope { involved: InvolvedThings::Named(None, Some("s299".to_owned())), ..Scope::default() },
        );
        assert_eq!((findings.error_count, findings.conflicts().len()), (300 * 299 / 2, 299), "a filter goes first");
    }

    #[test]
    fn a_write_lists_the_conflicts_of_the_written_thing_on_either_side() {
        let agenda = agenda(&[
            session_in("a", Some("hall"), "2030-05-01T09:00", "2030-05-01T10:00", &[]),
            session_in("b", Some("hall"), "2030-05-01T09:30", "2030-05-01T10:30", &[]),
            session_in("c", Some("attic"), "2030-05-01T09:00", "2030-05-01T10:00", &[]),
            session_in("d", Some("attic"), "2030-05-01T09:30", "2030-05-01T10:30", &[]),
        ]);
        let conflicting_sessions = |things: &[(&str, &str)]| {
            warnings_of(&agenda, things).into_iter().map(|conflict| conflict.thing).collect::<Vec<_>>()
        };
        assert_eq!(conflicting_sessions(&[("session", "a")]), ["b"]);
        assert_eq!(conflicting_sessions(&[("session", "d")]), ["d"]);
        assert_eq!(conflicting_sessions(&[("room", "attic"), ("session", "b")]), ["b", "d"]);
        assert_eq!(conflicting_sessions(&[("track", "a")]), Vec::<String>::new());
        assert_eq!(conflicting_sessions(&[]), Vec::<String>::new());
    }
}
