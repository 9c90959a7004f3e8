//! From the document to rows: writes the differences between two documents.

use std::collections::HashMap;

use diesel::{prelude::*, upsert::excluded};
use serde::Serialize;
use serde_json::Value;

use super::{
    rows::{
        AppearanceRow, CallForActionRow, CommitmentRow, ConferenceOrganisationRow, ConferenceRow, DayRow, ItemRow,
        OrganisationRow, RoomRow, SessionRow, SpeakerRow, TrackRow,
    },
    steps::{PlacedItem, placed_items, steps},
};
use crate::{
    agenda::{
        document::{Agenda, Organisation, Room, Session, Speaker, Track},
        model::{date, utc},
    },
    clock,
    database::{
        Connection, DatabaseError, ROWS_MAX, insert_all,
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::{DbInstant, JsonValue},
    },
    ids::{ConferenceId, Id, OrganisationId, RoomId, SpeakerId, TrackId},
    values::{Code, Count, LocalOrInstant, TextValue},
};

macro_rules! vacate {
    ($connection:expr, $table:ident, $ids:expr) => {
        for id in $ids {
            // The id is a code that no other thing can have.
            diesel::update($table::table.find(*id)).set($table::code.eq(id.to_string())).execute($connection)?;
        }
    };
}

macro_rules! upsert {
    ($connection:expr, $table:ident, $steps:expr, $row:expr) => {
        let mut rows = Vec::with_capacity($steps.inserted.len());
        for (index, node) in &$steps.inserted {
            rows.push($row(*index, *node)?);
        }
        insert_all!($connection, $table::table, rows);
        for (index, node) in &$steps.updated {
            let row = $row(*index, *node)?;
            diesel::update($table::table.find(row.id)).set(&row).execute($connection)?;
        }
        // When a thing is removed, all that follow it move: on a server that is one statement per batch.
        match &mut *$connection {
            Connection::Postgresql(inner) => {
                for batch in $steps.moved.chunks(ROWS_MAX) {
                    let rows = batch.iter().map(|(index, node)| $row(*index, *node)).collect::<Result<Vec<_>, _>>()?;
                    let insert = diesel::insert_into($table::table).values(rows);
                    let place = $table::ordinal.eq(excluded($table::ordinal));
                    insert.on_conflict($table::id).do_update().set(place).execute(inner)?;
                }
            }
            Connection::Sqlite(inner) => {
                for (index, node) in &$steps.moved {
                    let own = $table::table.find($row(*index, *node)?.id);
                    diesel::update(own).set($table::ordinal.eq(ordinal(*index))).execute(inner)?;
                }
            }
        }
    };
}

macro_rules! remove {
    ($connection:expr, $table:ident, $steps:expr) => {
        for batch in $steps.removed.chunks(ROWS_MAX) {
            diesel::delete($table::table.filter($table::id.eq_any(batch))).execute($connection)?;
        }
    };
}

fn own<K>(id: Option<Id<K>>) -> Result<Id<K>, DatabaseError> {
    id.ok_or_else(|| DatabaseError::Corrupt("a thing without an id".to_owned()))
}

fn target<K>(ids: &HashMap<&Code, Id<K>>, code: Option<&Code>) -> Result<Option<Id<K>>, DatabaseError> {
    code.map(|code| ids.get(code).copied().ok_or_else(|| DatabaseError::Corrupt(format!("no {code}")))).transpose()
}

fn by_code<T, K>(nodes: &[T], key: impl Fn(&T) -> (Option<Id<K>>, &Code)) -> HashMap<&Code, Id<K>> {
    nodes
        .iter()
        .filter_map(|node| {
            let (id, code) = key(node);
            Some((code, id?))
        })
        .collect()
}

/// Turns the stored draft `before` into `after`, in which everything has its id.
pub fn save(connection: &mut Connection, before: Option<&Agenda>, after: &Agenda) -> Result<(), DatabaseError> {
    let draft = DraftWriter::of(before, after)?;
    draft.save_conference(connection)?;
    macro_rules! of_kind {
        ($list:ident) => {
            steps(before.map_or(&[], |before| &before.$list), &after.$list, draft.moved)
        };
    }
    let organisation_steps = of_kind!(organisations);
    let room_steps = of_kind!(rooms);
    let track_steps = of_kind!(tracks);
    let speaker_steps = of_kind!(speakers);
    let session_steps = of_kind!(sessions);
    let (items_before, items_after) = (before.map(placed_items).unwrap_or_default(), placed_items(after));
    let item_steps = steps(&items_before, &items_after, draft.moved);

    vacate!(connection, organisations, &organisation_steps.vacated);
    vacate!(connection, rooms, &room_steps.vacated);
    vacate!(connection, tracks, &track_steps.vacated);
    vacate!(connection, speakers, &speaker_steps.vacated);
    vacate!(connection, sessions, &session_steps.vacated);
    vacate!(connection, items, &item_steps.vacated);

    upsert!(connection, organisations, organisation_steps, |index, node| draft.organisation_row(index, node));
    draft.save_parts(connection)?;
    draft.save_days(connection)?;
    upsert!(connection, rooms, room_steps, |index, node| draft.room_row(index, node));
    upsert!(connection, tracks, track_steps, |index, node| draft.track_row(index, node));
    upsert!(connection, speakers, speaker_steps, |index, node| draft.speaker_row(index, node));
    upsert!(connection, sessions, session_steps, |index, node| draft.session_row(index, node));
    upsert!(connection, items, item_steps, |place, node| draft.item_row(place, node));
    let touched = session_steps.inserted.iter().chain(&session_steps.updated).map(|(_, session)| *session).collect();
    draft.save_appearances(connection, touched)?;
    draft.save_call_for_action(connection)?;

    // Removals come last, when nothing refers to the removed things any more.
    remove!(connection, items, item_steps);
    remove!(connection, sessions, session_steps);
    remove!(connection, speakers, speaker_steps);
    remove!(connection, rooms, room_steps);
    remove!(connection, tracks, track_steps);
    remove!(connection, organisations, organisation_steps);
    Ok(())
}

/// A draft to be written. Rows refer by id where the document refers by code.
struct DraftWriter<'a> {
    id: ConferenceId,
    before: Option<&'a Agenda>,
    after: &'a Agenda,
    /// Whether a code now belongs to another thing: then every row that may refer to it is written again.
    moved: bool,
    organisations: HashMap<&'a Code, OrganisationId>,
    rooms: HashMap<&'a Code, RoomId>,
    tracks: HashMap<&'a Code, TrackId>,
    speakers: HashMap<&'a Code, SpeakerId>,
}

impl<'a> DraftWriter<'a> {
    fn of(before: Option<&'a Agenda>, after: &'a Agenda) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: own(after.conference.id)?,
            before,
            after,
            moved: before.is_some_and(|before| codes_moved(before, after)),
            organisations: by_code(&after.organisations, |node| (node.id, &node.code)),
            rooms: by_code(&after.rooms, |node| (node.id, &node.code)),
            tracks: by_code(&after.tracks, |node| (node.id, &node.code)),
            speakers: by_code(&after.speakers, |node| (node.id, &node.code)),
        })
    }

    fn save_conference(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, conference) = (self.id, &self.after.conference);
        let row = ConferenceRow {
            id,
            slug: word(&conference.slug),
            name: encode(&conference.name),
            description: encode_some(&conference.description),
            starts_on: date(conference.starts_on),
            ends_on: date(conference.ends_on),
            time_zone: word(&conference.time_zone),
            languages: encode(&conference.languages),
            venue: encode_some(&conference.venue),
            walking_minutes: number(conference.walking_minutes),
        };
        match self.before {
            None => {
                diesel::insert_into(conferences::table)
                    .values((row, conferences::created_at.eq(DbInstant(clock::now()))))
                    .execute(connection)?;
            }
            Some(before) if before.conference != *conference => {
                diesel::update(conferences::table.find(id)).set(&row).execute(connection)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn save_parts(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, conference) = (self.id, &self.after.conference);
        if !self.moved && self.before.map(|before| &before.conference.organisations) == Some(&conference.organisations)
        {
            return Ok(());
        }
        let old = conference_organisations::table.filter(conference_organisations::conference_id.eq(id));
        diesel::delete(old).execute(connection)?;
        let mut rows = Vec::new();
        for (index, part) in conference.organisations.iter().enumerate() {
            if let Some(organisation_id) = target(&self.organisations, Some(&part.organisation))? {
                let role = part.role;
                rows.push(ConferenceOrganisationRow {
                    conference_id: id,
                    organisation_id,
                    role,
                    ordinal: ordinal(index),
                });
            }
        }
        insert_all!(connection, conference_organisations::table, rows);
        Ok(())
    }

    fn save_days(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, after) = (self.id, self.after);
        if self.before.map(|before| &before.days) == Some(&after.days) {
            return Ok(());
        }
        diesel::delete(days::table.filter(days::conference_id.eq(id))).execute(connection)?;
        let mut rows = Vec::new();
        for day in &after.days {
            rows.push(DayRow {
                id: own(day.id)?,
                conference_id: id,
                date: date(day.date),
                title: encode_some(&day.title),
                changeover: day.changeover.as_ref().map_or_else(|| "00:00".to_owned(), word),
            });
        }
        insert_all!(connection, days::table, rows);
        Ok(())
    }

    fn organisation_row(&self, index: usize, node: &Organisation) -> Result<OrganisationRow, DatabaseError> {
        Ok(OrganisationRow {
            id: own(node.id)?,
            conference_id: self.id,
            code: word(&node.code),
            ordinal: ordinal(index),
            name: encode(&node.name),
            kind: node.kind,
            country: word_some(node.country.as_ref()),
            website: word_some(node.website.as_ref()),
        })
    }

    fn room_row(&self, index: usize, node: &Room) -> Result<RoomRow, DatabaseError> {
        let (code, name) = (word(&node.code), encode(&node.name));
        Ok(RoomRow {
            id: own(node.id)?,
            conference_id: self.id,
            code,
            ordinal: ordinal(index),
            name,
            capacity: number(node.capacity),
        })
    }

    fn track_row(&self, index: usize, node: &Track) -> Result<TrackRow, DatabaseError> {
        let (code, name) = (word(&node.code), encode(&node.name));
        let description = encode_some(&node.description);
        Ok(TrackRow { id: own(node.id)?, conference_id: self.id, code, ordinal: ordinal(index), name, description })
    }

    fn speaker_row(&self, index: usize, node: &Speaker) -> Result<SpeakerRow, DatabaseError> {
        Ok(SpeakerRow {
            id: own(node.id)?,
            conference_id: self.id,
            code: word(&node.code),
            ordinal: ordinal(index),
            honorific: encode_some(&node.honorific),
            given_name: word_some(node.given_name.as_ref()).unwrap_or_default(),
            family_name: word(&node.family_name),
            position: encode_some(&node.position),
            organisation_id: target(&self.organisations, node.organisation.as_ref())?,
            country: word_some(node.country.as_ref()),
            biography: encode_some(&node.biography),
            precedence: node.precedence,
            precedence_rank: number(node.precedence_rank),
            took_office_on: node.took_office_on.map(date),
            visibility: node.visibility,
            public_from: instant_some(node.public_from),
        })
    }

    fn session_row(&self, index: usize, node: &Session) -> Result<SessionRow, DatabaseError> {
        Ok(SessionRow {
            id: own(node.id)?,
            conference_id: self.id,
            code: word(&node.code),
            ordinal: ordinal(index),
            guid: node.guid,
            kind: node.kind,
            title: encode(&node.title),
            abstract_: encode_some(&node.abstract_),
            starts_at: DbInstant(utc(node.starts_at)),
            ends_at: DbInstant(utc(node.ends_at)),
            room_id: target(&self.rooms, node.room.as_ref())?,
            track_id: target(&self.tracks, node.track.as_ref())?,
            languages: encode(&node.languages),
            interpretation: encode(&node.interpretation),
            access: node.access,
            seats: number(node.seats),
            visibility: node.visibility,
            public_from: instant_some(node.public_from),
            protocol_rule: node.protocol_rule,
        })
    }

    fn item_row(&self, place: usize, placed: &PlacedItem<'_>) -> Result<ItemRow, DatabaseError> {
        let node = placed.item;
        Ok(ItemRow {
            id: own(node.id)?,
            conference_id: self.id,
            session_id: own(placed.session)?,
            code: word(&node.code),
            ordinal: ordinal(place),
            kind: node.kind,
            title: encode(&node.title),
            abstract_: encode_some(&node.abstract_),
            time_limit_minutes: number(node.time_limit_minutes),
            visibility: node.visibility,
            public_from: instant_some(node.public_from),
            inscribed_at: instant_some(node.inscribed_at),
            placed_by_hand: node.placed_by_hand,
        })
    }

    /// Writes the appearances of each new or changed session again, including those in its items.
    fn save_appearances(&self, connection: &mut Connection, touched: Vec<&Session>) -> Result<(), DatabaseError> {
        let touched_ids: Vec<_> = touched.iter().filter_map(|session| session.id).collect();
        for batch in touched_ids.chunks(ROWS_MAX) {
            diesel::delete(appearances::table.filter(appearances::session_id.eq_any(batch))).execute(connection)?;
        }
        let mut rows = Vec::new();
        for session in touched {
            let session_id = own(session.id)?;
            let own_appearances = session.appearances.iter().enumerate().map(|(index, node)| (None, index, node));
            let item_appearances = session
                .items
                .iter()
                .flat_map(|item| item.appearances.iter().enumerate().map(|(index, node)| (item.id, index, node)));
            for (item_id, index, node) in own_appearances.chain(item_appearances) {
                if let Some(speaker_id) = target(&self.speakers, Some(&node.speaker))? {
                    let role = node.role;
                    rows.push(AppearanceRow {
                        id: Id::new(),
                        session_id,
                        item_id,
                        speaker_id,
                        role,
                        ordinal: ordinal(index),
                        on_behalf_of_id: target(&self.speakers, node.on_behalf_of.as_ref())?,
                    });
                }
            }
        }
        insert_all!(connection, appearances::table, rows);

        Ok(())
    }

    fn save_call_for_action(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, after) = (self.id, self.after);
        if !self.moved && self.before.map(|before| &before.call_for_action) == Some(&after.call_for_action) {
            return Ok(());
        }
        let old = calls_for_action::table.filter(calls_for_action::conference_id.eq(id));
        diesel::delete(old).execute(connection)?;
        if let Some(call) = &after.call_for_action {
            let issuer = call.issued_by.as_ref();
            let call_id = own(call.id)?;
            let row = CallForActionRow {
                id: call_id,
                conference_id: id,
                title: encode(&call.title),
                preamble: encode_some(&call.preamble),
                issuing_speaker_id: target(&self.speakers, issuer.and_then(|issuer| issuer.speaker.as_ref()))?,
                issuing_organisation_id: target(
                    &self.organisations,
                    issuer.and_then(|issuer| issuer.organisation.as_ref()),
                )?,
                status: call.status,
            };
            diesel::insert_into(calls_for_action::table).values(row).execute(connection)?;
            let mut rows = Vec::new();
            for (index, commitment) in call.commitments.iter().enumerate() {
                rows.push(CommitmentRow {
                    call_for_action_id: call_id,
                    number: ordinal(index + 1),
                    text: encode(&commitment.text),
                    basis: encode_some(&commitment.basis),
                });
            }
            insert_all!(connection, commitments::table, rows);
        }
        Ok(())
    }
}

/// Whether a code that others may refer to belongs to another thing than before.
fn codes_moved(before: &Agenda, after: &Agenda) -> bool {
    macro_rules! moved {
        ($list:ident) => {{
            let known = by_code(&before.$list, |node| (node.id, &node.code));
            after.$list.iter().any(|node| known.get(&node.code).is_some_and(|id| Some(*id) != node.id))
        }};
    }
    moved!(organisations) || moved!(rooms) || moved!(tracks) || moved!(speakers)
}

fn encode(value: &impl Serialize) -> JsonValue {
    JsonValue(serde_json::to_value(value).unwrap_or(Value::Null))
}

fn encode_some<T: Serialize>(value: &Option<T>) -> Option<JsonValue> {
    value.as_ref().map(encode)
}

fn ordinal(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn number<const MIN: u32>(count: Option<Count<MIN>>) -> Option<i32> {
    count.and_then(|Count(number)| i32::try_from(number).ok())
}

fn instant_some(moment: Option<LocalOrInstant>) -> Option<DbInstant> {
    moment.map(|moment| DbInstant(utc(moment)))
}

fn word(text: &impl TextValue) -> String {
    text.text().into_owned()
}

fn word_some<T: TextValue>(text: Option<&T>) -> Option<String> {
    text.map(word)
}
