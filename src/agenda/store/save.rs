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
        document::{Agenda, Listing, Organisation, Room, Session, Speaker, Track},
        model::{date, utc},
    },
    clock,
    database::{
        Connection, DatabaseError, ROWS_MAX, changes, insert_all,
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::{DbInstant, JsonValue},
    },
    ids::{ConferenceId, Id, OrganisationId, RoomId, SpeakerId, TrackId},
    values::{Code, Count, LocalOrInstant, TextValue},
};

macro_rules! free_codes {
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
                    let new_ordinal = $table::ordinal.eq(excluded($table::ordinal));
                    insert.on_conflict($table::id).do_update().set(new_ordinal).execute(inner)?;
                }
            }
            Connection::Sqlite(inner) => {
                for (index, node) in &$steps.moved {
                    let stored = $table::table.find($row(*index, *node)?.id);
                    diesel::update(stored).set($table::ordinal.eq(ordinal(*index))).execute(inner)?;
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

fn required_id<K>(id: Option<Id<K>>) -> Result<Id<K>, DatabaseError> {
    id.ok_or_else(|| DatabaseError::Corrupt("a thing without an id".to_owned()))
}

fn referenced_id<K>(ids: &HashMap<&Code, Id<K>>, code: Option<&Code>) -> Result<Option<Id<K>>, DatabaseError> {
    code.map(|code| ids.get(code).copied().ok_or_else(|| DatabaseError::Corrupt(format!("no {code}")))).transpose()
}

fn ids_by_code<T, K>(nodes: &[T], key: impl Fn(&T) -> (Option<Id<K>>, &Code)) -> HashMap<&Code, Id<K>> {
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
    macro_rules! steps_of {
        ($list:ident) => {
            steps(before.map_or(&[], |before| &before.$list), &after.$list, draft.codes_moved)
        };
    }
    let organisation_steps = steps_of!(organisations);
    let room_steps = steps_of!(rooms);
    let track_steps = steps_of!(tracks);
    let speaker_steps = steps_of!(speakers);
    let session_steps = steps_of!(sessions);
    let (items_before, items_after) = (before.map(placed_items).unwrap_or_default(), placed_items(after));
    let item_steps = steps(&items_before, &items_after, draft.codes_moved);

    free_codes!(connection, organisations, &organisation_steps.codes_to_free);
    free_codes!(connection, rooms, &room_steps.codes_to_free);
    free_codes!(connection, tracks, &track_steps.codes_to_free);
    free_codes!(connection, speakers, &speaker_steps.codes_to_free);
    free_codes!(connection, sessions, &session_steps.codes_to_free);
    free_codes!(connection, items, &item_steps.codes_to_free);

    upsert!(connection, organisations, organisation_steps, |index, node| draft.organisation_row(index, node));
    draft.save_conference_organisations(connection)?;
    draft.save_days(connection)?;
    upsert!(connection, rooms, room_steps, |index, node| draft.room_row(index, node));
    upsert!(connection, tracks, track_steps, |index, node| draft.track_row(index, node));
    upsert!(connection, speakers, speaker_steps, |index, node| draft.speaker_row(index, node));
    upsert!(connection, sessions, session_steps, |index, node| draft.session_row(index, node));
    upsert!(connection, items, item_steps, |position, node| draft.item_row(position, node));
    let changed_sessions =
        session_steps.inserted.iter().chain(&session_steps.updated).map(|(_, session)| *session).collect();
    draft.save_appearances(connection, changed_sessions)?;
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
    codes_moved: bool,
    organisations: HashMap<&'a Code, OrganisationId>,
    rooms: HashMap<&'a Code, RoomId>,
    tracks: HashMap<&'a Code, TrackId>,
    speakers: HashMap<&'a Code, SpeakerId>,
}

impl<'a> DraftWriter<'a> {
    fn of(before: Option<&'a Agenda>, after: &'a Agenda) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: required_id(after.conference.id)?,
            before,
            after,
            codes_moved: before.is_some_and(|before| codes_moved(before, after)),
            organisations: ids_by_code(&after.organisations, |node| (node.id, &node.code)),
            rooms: ids_by_code(&after.rooms, |node| (node.id, &node.code)),
            tracks: ids_by_code(&after.tracks, |node| (node.id, &node.code)),
            speakers: ids_by_code(&after.speakers, |node| (node.id, &node.code)),
        })
    }

    fn save_conference(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, conference) = (self.id, &self.after.conference);
        let row = ConferenceRow {
            id,
            slug: text_of(&conference.slug),
            name: encode(&conference.name),
            description: encode_optional(&conference.description),
            starts_on: date(conference.starts_on),
            ends_on: date(conference.ends_on),
            time_zone: text_of(&conference.time_zone),
            languages: encode(&conference.languages),
            venue: encode_optional(&conference.venue),
            walking_minutes: number(conference.walking_minutes),
            is_demonstration: conference.is_demonstration,
            listing: conference.listing.unwrap_or(Listing::Listed),
        };
        match self.before {
            None => {
                diesel::insert_into(conferences::table)
                    .values((row, conferences::created_at.eq(DbInstant(clock::now()))))
                    .execute(connection)?;
            }
            Some(before) if before.conference != *conference => {
                diesel::update(conferences::table.find(id)).set(&row).execute(connection)?;
                if before.conference.listing != conference.listing {
                    // It applies at once, in the other processes too.
                    changes::announce(connection)?;
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn save_conference_organisations(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, conference) = (self.id, &self.after.conference);
        if !self.codes_moved
            && self.before.map(|before| &before.conference.organisations) == Some(&conference.organisations)
        {
            return Ok(());
        }
        let stored = conference_organisations::table.filter(conference_organisations::conference_id.eq(id));
        diesel::delete(stored).execute(connection)?;
        let mut rows = Vec::new();
        for (index, conference_organisation) in conference.organisations.iter().enumerate() {
            if let Some(organisation_id) =
                referenced_id(&self.organisations, Some(&conference_organisation.organisation))?
            {
                let role = conference_organisation.role;
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
                id: required_id(day.id)?,
                conference_id: id,
                date: date(day.date),
                title: encode_optional(&day.title),
                changeover: day.changeover.as_ref().map_or_else(|| "00:00".to_owned(), text_of),
            });
        }
        insert_all!(connection, days::table, rows);
        Ok(())
    }

    fn organisation_row(&self, index: usize, node: &Organisation) -> Result<OrganisationRow, DatabaseError> {
        Ok(OrganisationRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            code: text_of(&node.code),
            ordinal: ordinal(index),
            name: encode(&node.name),
            kind: node.kind,
            country: text_of_optional(node.country.as_ref()),
            website: text_of_optional(node.website.as_ref()),
        })
    }

    fn room_row(&self, index: usize, node: &Room) -> Result<RoomRow, DatabaseError> {
        let (code, name) = (text_of(&node.code), encode(&node.name));
        Ok(RoomRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            code,
            ordinal: ordinal(index),
            name,
            capacity: number(node.capacity),
        })
    }

    fn track_row(&self, index: usize, node: &Track) -> Result<TrackRow, DatabaseError> {
        let (code, name) = (text_of(&node.code), encode(&node.name));
        let description = encode_optional(&node.description);
        Ok(TrackRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            code,
            ordinal: ordinal(index),
            name,
            description,
        })
    }

    fn speaker_row(&self, index: usize, node: &Speaker) -> Result<SpeakerRow, DatabaseError> {
        Ok(SpeakerRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            code: text_of(&node.code),
            ordinal: ordinal(index),
            honorific: encode_optional(&node.honorific),
            given_name: text_of_optional(node.given_name.as_ref()).unwrap_or_default(),
            family_name: text_of(&node.family_name),
            position: encode_optional(&node.position),
            organisation_id: referenced_id(&self.organisations, node.organisation.as_ref())?,
            country: text_of_optional(node.country.as_ref()),
            biography: encode_optional(&node.biography),
            precedence: node.precedence,
            precedence_rank: number(node.precedence_rank),
            took_office_on: node.took_office_on.map(date),
            visibility: node.visibility,
            public_from: instant_optional(node.public_from),
        })
    }

    fn session_row(&self, index: usize, node: &Session) -> Result<SessionRow, DatabaseError> {
        Ok(SessionRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            code: text_of(&node.code),
            ordinal: ordinal(index),
            guid: node.guid,
            kind: node.kind,
            title: encode(&node.title),
            abstract_: encode_optional(&node.abstract_),
            starts_at: DbInstant(utc(node.starts_at)),
            ends_at: DbInstant(utc(node.ends_at)),
            room_id: referenced_id(&self.rooms, node.room.as_ref())?,
            track_id: referenced_id(&self.tracks, node.track.as_ref())?,
            languages: encode(&node.languages),
            interpretation: encode(&node.interpretation),
            access: node.access,
            seats: number(node.seats),
            visibility: node.visibility,
            public_from: instant_optional(node.public_from),
            protocol_rule: node.protocol_rule,
        })
    }

    fn item_row(&self, position: usize, placed: &PlacedItem<'_>) -> Result<ItemRow, DatabaseError> {
        let node = placed.item;
        Ok(ItemRow {
            id: required_id(node.id)?,
            conference_id: self.id,
            session_id: required_id(placed.session)?,
            code: text_of(&node.code),
            ordinal: ordinal(position),
            kind: node.kind,
            title: encode(&node.title),
            abstract_: encode_optional(&node.abstract_),
            time_limit_minutes: number(node.time_limit_minutes),
            visibility: node.visibility,
            public_from: instant_optional(node.public_from),
            inscribed_at: instant_optional(node.inscribed_at),
            placed_by_hand: node.placed_by_hand,
        })
    }

    /// Writes the appearances of each new or changed session again, including those in its items.
    fn save_appearances(&self, connection: &mut Connection, sessions: Vec<&Session>) -> Result<(), DatabaseError> {
        let session_ids: Vec<_> = sessions.iter().filter_map(|session| session.id).collect();
        for batch in session_ids.chunks(ROWS_MAX) {
            diesel::delete(appearances::table.filter(appearances::session_id.eq_any(batch))).execute(connection)?;
        }
        let mut rows = Vec::new();
        for session in sessions {
            let session_id = required_id(session.id)?;
            let own_appearances = session.appearances.iter().enumerate().map(|(index, node)| (None, index, node));
            let item_appearances = session
                .items
                .iter()
                .flat_map(|item| item.appearances.iter().enumerate().map(|(index, node)| (item.id, index, node)));
            for (item_id, index, node) in own_appearances.chain(item_appearances) {
                if let Some(speaker_id) = referenced_id(&self.speakers, Some(&node.speaker))? {
                    let role = node.role;
                    rows.push(AppearanceRow {
                        id: Id::new(),
                        session_id,
                        item_id,
                        speaker_id,
                        role,
                        ordinal: ordinal(index),
                        on_behalf_of_id: referenced_id(&self.speakers, node.on_behalf_of.as_ref())?,
                    });
                }
            }
        }
        insert_all!(connection, appearances::table, rows);

        Ok(())
    }

    fn save_call_for_action(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let (id, after) = (self.id, self.after);
        if !self.codes_moved && self.before.map(|before| &before.call_for_action) == Some(&after.call_for_action) {
            return Ok(());
        }
        let stored = calls_for_action::table.filter(calls_for_action::conference_id.eq(id));
        diesel::delete(stored).execute(connection)?;
        if let Some(call) = &after.call_for_action {
            let issuer = call.issued_by.as_ref();
            let call_id = required_id(call.id)?;
            let row = CallForActionRow {
                id: call_id,
                conference_id: id,
                title: encode(&call.title),
                preamble: encode_optional(&call.preamble),
                issuing_speaker_id: referenced_id(&self.speakers, issuer.and_then(|issuer| issuer.speaker.as_ref()))?,
                issuing_organisation_id: referenced_id(
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
                    basis: encode_optional(&commitment.basis),
                });
            }
            insert_all!(connection, commitments::table, rows);
        }
        Ok(())
    }
}

/// Whether a code that others may refer to belongs to another thing than before.
fn codes_moved(before: &Agenda, after: &Agenda) -> bool {
    macro_rules! is_moved {
        ($list:ident) => {{
            let ids_before = ids_by_code(&before.$list, |node| (node.id, &node.code));
            after.$list.iter().any(|node| ids_before.get(&node.code).is_some_and(|id| Some(*id) != node.id))
        }};
    }
    is_moved!(organisations) || is_moved!(rooms) || is_moved!(tracks) || is_moved!(speakers)
}

fn encode(value: &impl Serialize) -> JsonValue {
    JsonValue(serde_json::to_value(value).unwrap_or(Value::Null))
}

fn encode_optional<T: Serialize>(value: &Option<T>) -> Option<JsonValue> {
    value.as_ref().map(encode)
}

fn ordinal(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn number<const MIN: u32>(count: Option<Count<MIN>>) -> Option<i32> {
    count.and_then(|Count(number)| i32::try_from(number).ok())
}

fn instant_optional(time: Option<LocalOrInstant>) -> Option<DbInstant> {
    time.map(|time| DbInstant(utc(time)))
}

fn text_of(text: &impl TextValue) -> String {
    text.text().into_owned()
}

fn text_of_optional<T: TextValue>(text: Option<&T>) -> Option<String> {
    text.map(text_of)
}
