//! The rows of the agenda: a document is read from them whole, and written to them by its difference.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use deserr::Deserr;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::{
    document::{
        Agenda, Appearance, CallForAction, Commitment, Conference, ConferenceOrganisation, Day, Issuer, Item,
        Organisation, Room, Session, Speaker, Track,
    },
    model::{Place, date, utc},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::{Instant, JsonValue},
    },
    faults::{self, Faults},
    ids::{
        AppearanceId, CallForActionId, ConferenceId, DayId, Id, ItemId, OrganisationId, RoomId, SessionId, SpeakerId,
        TrackId,
    },
    values::{Code, Count, Date, Moment, TextValue, TimeZone},
};

/// Rows in one statement: PostgreSQL takes 65,535 values.
const BATCH: usize = 500;

macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {
        for batch in $rows.chunks(BATCH) {
            on_backend!(&mut *$connection, inner => diesel::insert_into($table).values(batch).execute(inner))?;
        }
    };
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = conferences, treat_none_as_null = true)]
struct ConferenceRow {
    id: ConferenceId,
    slug: String,
    name: JsonValue,
    description: Option<JsonValue>,
    starts_on: NaiveDate,
    ends_on: NaiveDate,
    time_zone: String,
    languages: JsonValue,
    venue: Option<JsonValue>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = organisations, treat_none_as_null = true)]
struct OrganisationRow {
    id: OrganisationId,
    conference_id: ConferenceId,
    code: String,
    ordinal: i32,
    name: JsonValue,
    kind: String,
    country: Option<String>,
    website: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = conference_organisations)]
struct ConferenceOrganisationRow {
    conference_id: ConferenceId,
    organisation_id: OrganisationId,
    role: String,
    ordinal: i32,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = days)]
struct DayRow {
    id: DayId,
    conference_id: ConferenceId,
    date: NaiveDate,
    title: Option<JsonValue>,
    changeover: String,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = rooms, treat_none_as_null = true)]
struct RoomRow {
    id: RoomId,
    conference_id: ConferenceId,
    code: String,
    ordinal: i32,
    name: JsonValue,
    capacity: Option<i32>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = tracks, treat_none_as_null = true)]
struct TrackRow {
    id: TrackId,
    conference_id: ConferenceId,
    code: String,
    ordinal: i32,
    name: JsonValue,
    description: Option<JsonValue>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = speakers, treat_none_as_null = true)]
struct SpeakerRow {
    id: SpeakerId,
    conference_id: ConferenceId,
    code: String,
    ordinal: i32,
    honorific: Option<JsonValue>,
    given_name: String,
    family_name: String,
    position: Option<JsonValue>,
    organisation_id: Option<OrganisationId>,
    country: Option<String>,
    biography: Option<JsonValue>,
    precedence: Option<String>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
struct SessionRow {
    id: SessionId,
    conference_id: ConferenceId,
    code: String,
    ordinal: i32,
    guid: Option<SessionId>,
    kind: String,
    title: JsonValue,
    abstract_: Option<JsonValue>,
    starts_at: Instant,
    ends_at: Instant,
    room_id: Option<RoomId>,
    track_id: Option<TrackId>,
    languages: JsonValue,
    interpretation: JsonValue,
    access: String,
    seats: Option<i32>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = items, treat_none_as_null = true)]
struct ItemRow {
    id: ItemId,
    conference_id: ConferenceId,
    session_id: SessionId,
    code: String,
    ordinal: i32,
    kind: String,
    title: JsonValue,
    abstract_: Option<JsonValue>,
    time_limit_minutes: Option<i32>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = appearances)]
struct AppearanceRow {
    id: AppearanceId,
    session_id: SessionId,
    item_id: Option<ItemId>,
    speaker_id: SpeakerId,
    role: String,
    ordinal: i32,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = calls_for_action, treat_none_as_null = true)]
struct CallForActionRow {
    id: CallForActionId,
    conference_id: ConferenceId,
    title: JsonValue,
    preamble: Option<JsonValue>,
    issuing_speaker_id: Option<SpeakerId>,
    issuing_organisation_id: Option<OrganisationId>,
    status: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = commitments)]
struct CommitmentRow {
    call_for_action_id: CallForActionId,
    number: i32,
    text: JsonValue,
    basis: Option<JsonValue>,
}

// Reading. What was written was checked; what cannot be read is corrupt, not a client's fault.

fn parse<T: TextValue>(text: &str) -> Result<T, DatabaseError> {
    T::parse(text).map_err(|fault| DatabaseError::Corrupt(format!("{} {}", T::type_name(), fault.detail)))
}

fn parse_some<T: TextValue>(text: Option<&String>) -> Result<Option<T>, DatabaseError> {
    text.map(|text| parse(text)).transpose()
}

fn decode<T: Deserr<Faults>>(JsonValue(value): JsonValue) -> Result<T, DatabaseError> {
    faults::read(value).map_err(|faults| DatabaseError::Corrupt(format!("{:?}", faults.0)))
}

fn decode_some<T: Deserr<Faults>>(value: Option<JsonValue>) -> Result<Option<T>, DatabaseError> {
    value.map(decode).transpose()
}

fn count<const MIN: u32>(number: Option<i32>) -> Option<Count<MIN>> {
    number.and_then(|number| u32::try_from(number).ok()).map(Count)
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

fn word(text: &impl TextValue) -> String {
    text.text().into_owned()
}

fn word_some<T: TextValue>(text: Option<&T>) -> Option<String> {
    text.map(word)
}

/// The conference of this slug.
pub fn find(connection: &mut Connection, slug: &Code) -> Result<Option<Place>, DatabaseError> {
    let id: Option<ConferenceId> = conferences::table
        .filter(conferences::slug.eq(slug.as_str()))
        .select(conferences::id)
        .first(connection)
        .optional()?;
    Ok(id.map(|id| Place { id, slug: slug.clone() }))
}

/// Every conference.
pub fn list(connection: &mut Connection) -> Result<Vec<Place>, DatabaseError> {
    let rows: Vec<(ConferenceId, String)> =
        conferences::table.order(conferences::id).select((conferences::id, conferences::slug)).load(connection)?;
    rows.into_iter().map(|(id, slug)| Ok(Place { id, slug: parse(&slug)? })).collect()
}

/// Locks the conference until the transaction ends, so that rules over several of its rows can be judged.
pub fn lock(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => {
            conferences::table
                .find(conference)
                .select(conferences::id)
                .for_no_key_update()
                .first::<ConferenceId>(inner)
                .optional()?;
        }
        // A write holds the whole of SQLite already.
        Connection::Sqlite(_) => {}
    }
    Ok(())
}

/// The draft of a conference.
pub fn load(connection: &mut Connection, place: &Place) -> Result<Agenda, DatabaseError> {
    let id = place.id;
    let row: ConferenceRow = conferences::table
        .find(id)
        .select((
            conferences::id,
            conferences::slug,
            conferences::name,
            conferences::description,
            conferences::starts_on,
            conferences::ends_on,
            conferences::time_zone,
            conferences::languages,
            conferences::venue,
        ))
        .first(connection)?;
    let zone: TimeZone = parse(&row.time_zone)?;

    let rows: Vec<OrganisationRow> = organisations::table
        .filter(organisations::conference_id.eq(id))
        .order((organisations::ordinal, organisations::id))
        .load(connection)?;
    let mut organisation_codes = HashMap::new();
    let mut organisations = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        organisation_codes.insert(row.id, code.clone());
        organisations.push(Organisation {
            id: Some(row.id),
            code,
            name: decode(row.name)?,
            kind: parse(&row.kind)?,
            country: parse_some(row.country.as_ref())?,
            website: parse_some(row.website.as_ref())?,
        });
    }

    let rows: Vec<(OrganisationId, String)> = conference_organisations::table
        .filter(conference_organisations::conference_id.eq(id))
        .order(conference_organisations::ordinal)
        .select((conference_organisations::organisation_id, conference_organisations::role))
        .load(connection)?;
    let mut parts = Vec::with_capacity(rows.len());
    for (organisation, role) in rows {
        parts.push(ConferenceOrganisation {
            organisation: code_of(&organisation_codes, organisation)?,
            role: parse(&role)?,
        });
    }
    let conference = Conference {
        id: Some(id),
        slug: parse(&row.slug)?,
        name: decode(row.name)?,
        description: decode_some(row.description)?,
        starts_on: Date(row.starts_on),
        ends_on: Date(row.ends_on),
        time_zone: zone,
        languages: decode(row.languages)?,
        venue: decode_some(row.venue)?,
        organisations: parts,
    };

    let rows: Vec<DayRow> = days::table.filter(days::conference_id.eq(id)).order(days::date).load(connection)?;
    let mut day_list = Vec::with_capacity(rows.len());
    for row in rows {
        day_list.push(Day {
            id: Some(row.id),
            date: Date(row.date),
            title: decode_some(row.title)?,
            changeover: Some(parse(&row.changeover)?),
        });
    }

    let rows: Vec<RoomRow> =
        rooms::table.filter(rooms::conference_id.eq(id)).order((rooms::ordinal, rooms::id)).load(connection)?;
    let mut room_codes = HashMap::new();
    let mut room_list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        room_codes.insert(row.id, code.clone());
        room_list.push(Room { id: Some(row.id), code, name: decode(row.name)?, capacity: count(row.capacity) });
    }

    let rows: Vec<TrackRow> =
        tracks::table.filter(tracks::conference_id.eq(id)).order((tracks::ordinal, tracks::id)).load(connection)?;
    let mut track_codes = HashMap::new();
    let mut track_list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        track_codes.insert(row.id, code.clone());
        let description = decode_some(row.description)?;
        track_list.push(Track { id: Some(row.id), code, name: decode(row.name)?, description });
    }

    let rows: Vec<SpeakerRow> = speakers::table
        .filter(speakers::conference_id.eq(id))
        .order((speakers::ordinal, speakers::id))
        .load(connection)?;
    let mut speaker_codes = HashMap::new();
    let mut speaker_list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        speaker_codes.insert(row.id, code.clone());
        speaker_list.push(Speaker {
            id: Some(row.id),
            code,
            honorific: decode_some(row.honorific)?,
            given_name: parse_line(&row.given_name)?,
            family_name: parse_line(&row.family_name)?,
            position: decode_some(row.position)?,
            organisation: code_some(&organisation_codes, row.organisation_id)?,
            country: parse_some(row.country.as_ref())?,
            biography: decode_some(row.biography)?,
            precedence: parse_some(row.precedence.as_ref())?,
        });
    }

    let mut of_session: HashMap<SessionId, Vec<Appearance>> = HashMap::new();
    let mut of_item: HashMap<ItemId, Vec<Appearance>> = HashMap::new();
    let rows: Vec<AppearanceRow> = appearances::table
        .inner_join(sessions::table.on(sessions::id.eq(appearances::session_id)))
        .filter(sessions::conference_id.eq(id))
        .order((appearances::ordinal, appearances::id))
        .select(appearances::all_columns)
        .load(connection)?;
    for row in rows {
        let appearance = Appearance { speaker: code_of(&speaker_codes, row.speaker_id)?, role: parse(&row.role)? };
        match row.item_id {
            Some(item) => of_item.entry(item).or_default().push(appearance),
            None => of_session.entry(row.session_id).or_default().push(appearance),
        }
    }

    let mut items_of: HashMap<SessionId, Vec<Item>> = HashMap::new();
    let rows: Vec<ItemRow> =
        items::table.filter(items::conference_id.eq(id)).order((items::ordinal, items::id)).load(connection)?;
    for row in rows {
        items_of.entry(row.session_id).or_default().push(Item {
            id: Some(row.id),
            code: parse(&row.code)?,
            kind: parse(&row.kind)?,
            title: decode(row.title)?,
            abstract_: decode_some(row.abstract_)?,
            time_limit_minutes: count(row.time_limit_minutes),
            appearances: of_item.remove(&row.id).unwrap_or_default(),
        });
    }

    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::conference_id.eq(id))
        .order((sessions::ordinal, sessions::id))
        .load(connection)?;
    let mut session_list = Vec::with_capacity(rows.len());
    for row in rows {
        session_list.push(Session {
            id: Some(row.id),
            code: parse(&row.code)?,
            guid: row.guid,
            kind: parse(&row.kind)?,
            title: decode(row.title)?,
            abstract_: decode_some(row.abstract_)?,
            starts_at: Moment::Instant(zone.local(row.starts_at.0)),
            ends_at: Moment::Instant(zone.local(row.ends_at.0)),
            room: code_some(&room_codes, row.room_id)?,
            track: code_some(&track_codes, row.track_id)?,
            languages: decode(row.languages)?,
            interpretation: decode(row.interpretation)?,
            access: parse(&row.access)?,
            seats: count(row.seats),
            appearances: of_session.remove(&row.id).unwrap_or_default(),
            items: items_of.remove(&row.id).unwrap_or_default(),
        });
    }

    let row: Option<CallForActionRow> =
        calls_for_action::table.filter(calls_for_action::conference_id.eq(id)).first(connection).optional()?;
    let call_for_action = match row {
        None => None,
        Some(row) => {
            let rows: Vec<CommitmentRow> = commitments::table
                .filter(commitments::call_for_action_id.eq(row.id))
                .order(commitments::number)
                .load(connection)?;
            let mut list = Vec::with_capacity(rows.len());
            for row in rows {
                list.push(Commitment { text: decode(row.text)?, basis: decode_some(row.basis)? });
            }
            let speaker = code_some(&speaker_codes, row.issuing_speaker_id)?;
            let organisation = code_some(&organisation_codes, row.issuing_organisation_id)?;
            let named = speaker.is_some() || organisation.is_some();
            Some(CallForAction {
                id: Some(row.id),
                title: decode(row.title)?,
                preamble: decode_some(row.preamble)?,
                issued_by: named.then_some(Issuer { speaker, organisation }),
                status: parse(&row.status)?,
                commitments: list,
            })
        }
    };

    Ok(Agenda {
        conference,
        organisations,
        days: day_list,
        rooms: room_list,
        tracks: track_list,
        speakers: speaker_list,
        sessions: session_list,
        call_for_action,
    })
}

fn parse_line<const MAX: u64>(text: &str) -> Result<crate::values::Line<MAX>, DatabaseError> {
    parse(text)
}

fn code_of<K>(codes: &HashMap<Id<K>, Code>, id: Id<K>) -> Result<Code, DatabaseError> {
    codes.get(&id).cloned().ok_or_else(|| DatabaseError::Corrupt(format!("{id} is of another conference")))
}

fn code_some<K>(codes: &HashMap<Id<K>, Code>, id: Option<Id<K>>) -> Result<Option<Code>, DatabaseError> {
    id.map(|id| code_of(codes, id)).transpose()
}

// Writing.

/// What is to be done with the things of one kind, in this order.
struct Steps<'a, T, K> {
    /// Things whose old code another may need: they give it up first.
    vacated: Vec<Id<K>>,
    inserted: Vec<(usize, &'a T)>,
    updated: Vec<(usize, &'a T)>,
    removed: Vec<Id<K>>,
}

fn steps<'a, T: PartialEq, K>(
    before: &'a [T],
    after: &'a [T],
    key: impl Fn(&T) -> (Option<Id<K>>, &Code),
) -> Steps<'a, T, K> {
    let known: HashMap<Id<K>, (usize, &T)> =
        before.iter().enumerate().filter_map(|(index, node)| Some((key(node).0?, (index, node)))).collect();
    let mut steps = Steps { vacated: Vec::new(), inserted: Vec::new(), updated: Vec::new(), removed: Vec::new() };
    let mut kept = HashSet::new();
    for (index, node) in after.iter().enumerate() {
        let (Some(id), code) = key(node) else {
            continue;
        };
        kept.insert(id);
        match known.get(&id) {
            None => steps.inserted.push((index, node)),
            Some((place, old)) => {
                if key(old).1 != code {
                    steps.vacated.push(id);
                }
                if *old != node || *place != index {
                    steps.updated.push((index, node));
                }
            }
        }
    }
    steps.removed = known.keys().filter(|id| !kept.contains(*id)).copied().collect();
    steps.vacated.extend(&steps.removed);
    steps
}

macro_rules! vacate {
    ($connection:expr, $table:ident, $ids:expr) => {
        for id in $ids {
            // An id is a code that nobody else has.
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
    };
}

macro_rules! remove {
    ($connection:expr, $table:ident, $steps:expr) => {
        for batch in $steps.removed.chunks(BATCH) {
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

/// Turns the stored draft, which is `before`, into `after`. Everything in `after` has its id.
pub fn save(connection: &mut Connection, before: Option<&Agenda>, after: &Agenda) -> Result<(), DatabaseError> {
    let id = own(after.conference.id)?;
    let conference = &after.conference;
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
    };
    match before {
        None => {
            diesel::insert_into(conferences::table)
                .values((row, conferences::created_at.eq(Instant(clock::now()))))
                .execute(connection)?;
        }
        Some(before) if before.conference != *conference => {
            diesel::update(conferences::table.find(id)).set(&row).execute(connection)?;
        }
        Some(_) => {}
    }
    macro_rules! of_kind {
        ($list:ident) => {
            steps(before.map_or(&[], |before| &before.$list), &after.$list, |node| (node.id, &node.code))
        };
    }
    let organisation_steps = of_kind!(organisations);
    let room_steps = of_kind!(rooms);
    let track_steps = of_kind!(tracks);
    let speaker_steps = of_kind!(speakers);
    let session_steps = of_kind!(sessions);
    let items_before = before.map(placed_items).unwrap_or_default();
    let items_after = placed_items(after);
    let item_steps = steps(&items_before, &items_after, |placed| (placed.item.id, &placed.item.code));

    vacate!(connection, organisations, &organisation_steps.vacated);
    vacate!(connection, rooms, &room_steps.vacated);
    vacate!(connection, tracks, &track_steps.vacated);
    vacate!(connection, speakers, &speaker_steps.vacated);
    vacate!(connection, sessions, &session_steps.vacated);
    vacate!(connection, items, &item_steps.vacated);

    let row = |index, node: &Organisation| -> Result<OrganisationRow, DatabaseError> {
        Ok(OrganisationRow {
            id: own(node.id)?,
            conference_id: id,
            code: word(&node.code),
            ordinal: ordinal(index),
            name: encode(&node.name),
            kind: word(&node.kind),
            country: word_some(node.country.as_ref()),
            website: word_some(node.website.as_ref()),
        })
    };
    upsert!(connection, organisations, organisation_steps, row);
    let organisation_ids = by_code(&after.organisations, |node| (node.id, &node.code));

    if before.map(|before| &before.conference.organisations) != Some(&conference.organisations) {
        let old = conference_organisations::table.filter(conference_organisations::conference_id.eq(id));
        diesel::delete(old).execute(connection)?;
        let mut rows = Vec::new();
        for (index, part) in conference.organisations.iter().enumerate() {
            if let Some(organisation_id) = target(&organisation_ids, Some(&part.organisation))? {
                let role = word(&part.role);
                rows.push(ConferenceOrganisationRow {
                    conference_id: id,
                    organisation_id,
                    role,
                    ordinal: ordinal(index),
                });
            }
        }
        insert_all!(connection, conference_organisations::table, rows);
    }

    if before.map(|before| &before.days) != Some(&after.days) {
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
    }

    let row = |index, node: &Room| -> Result<RoomRow, DatabaseError> {
        let (code, name) = (word(&node.code), encode(&node.name));
        Ok(RoomRow {
            id: own(node.id)?,
            conference_id: id,
            code,
            ordinal: ordinal(index),
            name,
            capacity: number(node.capacity),
        })
    };
    upsert!(connection, rooms, room_steps, row);
    let room_ids = by_code(&after.rooms, |node| (node.id, &node.code));

    let row = |index, node: &Track| -> Result<TrackRow, DatabaseError> {
        let (code, name) = (word(&node.code), encode(&node.name));
        let description = encode_some(&node.description);
        Ok(TrackRow { id: own(node.id)?, conference_id: id, code, ordinal: ordinal(index), name, description })
    };
    upsert!(connection, tracks, track_steps, row);
    let track_ids = by_code(&after.tracks, |node| (node.id, &node.code));

    let row = |index, node: &Speaker| -> Result<SpeakerRow, DatabaseError> {
        Ok(SpeakerRow {
            id: own(node.id)?,
            conference_id: id,
            code: word(&node.code),
            ordinal: ordinal(index),
            honorific: encode_some(&node.honorific),
            given_name: word(&node.given_name),
            family_name: word(&node.family_name),
            position: encode_some(&node.position),
            organisation_id: target(&organisation_ids, node.organisation.as_ref())?,
            country: word_some(node.country.as_ref()),
            biography: encode_some(&node.biography),
            precedence: word_some(node.precedence.as_ref()),
        })
    };
    upsert!(connection, speakers, speaker_steps, row);
    let speaker_ids = by_code(&after.speakers, |node| (node.id, &node.code));

    let row = |index, node: &Session| -> Result<SessionRow, DatabaseError> {
        Ok(SessionRow {
            id: own(node.id)?,
            conference_id: id,
            code: word(&node.code),
            ordinal: ordinal(index),
            guid: node.guid,
            kind: word(&node.kind),
            title: encode(&node.title),
            abstract_: encode_some(&node.abstract_),
            starts_at: Instant(utc(node.starts_at)),
            ends_at: Instant(utc(node.ends_at)),
            room_id: target(&room_ids, node.room.as_ref())?,
            track_id: target(&track_ids, node.track.as_ref())?,
            languages: encode(&node.languages),
            interpretation: encode(&node.interpretation),
            access: word(&node.access),
            seats: number(node.seats),
        })
    };
    upsert!(connection, sessions, session_steps, row);

    let row = |_, placed: &PlacedItem<'_>| -> Result<ItemRow, DatabaseError> {
        let node = placed.item;
        Ok(ItemRow {
            id: own(node.id)?,
            conference_id: id,
            session_id: own(placed.session)?,
            code: word(&node.code),
            ordinal: ordinal(placed.index),
            kind: word(&node.kind),
            title: encode(&node.title),
            abstract_: encode_some(&node.abstract_),
            time_limit_minutes: number(node.time_limit_minutes),
        })
    };
    upsert!(connection, items, item_steps, row);

    // The appearances of every session that is new or not as it was, items included, are written anew.
    let touched: Vec<&Session> =
        session_steps.inserted.iter().chain(&session_steps.updated).map(|(_, session)| *session).collect();
    let touched_ids: Vec<_> = touched.iter().filter_map(|session| session.id).collect();
    for batch in touched_ids.chunks(BATCH) {
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
            if let Some(speaker_id) = target(&speaker_ids, Some(&node.speaker))? {
                let role = word(&node.role);
                rows.push(AppearanceRow {
                    id: Id::new(),
                    session_id,
                    item_id,
                    speaker_id,
                    role,
                    ordinal: ordinal(index),
                });
            }
        }
    }
    insert_all!(connection, appearances::table, rows);

    if before.map(|before| &before.call_for_action) != Some(&after.call_for_action) {
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
                issuing_speaker_id: target(&speaker_ids, issuer.and_then(|issuer| issuer.speaker.as_ref()))?,
                issuing_organisation_id: target(
                    &organisation_ids,
                    issuer.and_then(|issuer| issuer.organisation.as_ref()),
                )?,
                status: word(&call.status),
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
    }

    // What goes away goes last, when nothing refers to it any more.
    remove!(connection, items, item_steps);
    remove!(connection, sessions, session_steps);
    remove!(connection, speakers, speaker_steps);
    remove!(connection, rooms, room_steps);
    remove!(connection, tracks, track_steps);
    remove!(connection, organisations, organisation_steps);
    Ok(())
}

/// An item with its place.
#[derive(PartialEq)]
struct PlacedItem<'a> {
    session: Option<SessionId>,
    index: usize,
    item: &'a Item,
}

fn placed_items(agenda: &Agenda) -> Vec<PlacedItem<'_>> {
    agenda
        .sessions
        .iter()
        .flat_map(|session| {
            let id = session.id;
            session.items.iter().enumerate().map(move |(index, item)| PlacedItem { session: id, index, item })
        })
        .collect()
}

/// Which ids that are new to the draft another conference already uses, as places in the document.
pub fn foreign_ids(
    connection: &mut Connection,
    before: Option<&Agenda>,
    after: &Agenda,
) -> Result<Faults, DatabaseError> {
    const DETAIL: &str = "is the id of something in another conference; leave it out to make a copy";
    let mut faults = Faults::default();
    macro_rules! check {
        ($table:ident, $before:expr, $after:expr) => {
            let known: HashSet<_> = $before.collect();
            let new: Vec<_> = $after
                .filter_map(|(place, id)| Some((place, id?)))
                .filter(|(_, id)| !known.contains(&Some(*id)))
                .collect();
            for batch in new.chunks(BATCH) {
                let ids: Vec<_> = batch.iter().map(|(_, id)| *id).collect();
                let taken: Vec<_> =
                    $table::table.filter($table::id.eq_any(&ids)).select($table::id).load(connection)?;
                for (place, _) in batch.iter().filter(|(_, id)| taken.contains(id)) {
                    faults.add(place.clone(), "other_conference", DETAIL);
                }
            }
        };
        ($list:ident) => {
            check!(
                $list,
                before.into_iter().flat_map(|before| &before.$list).map(|node| node.id),
                after
                    .$list
                    .iter()
                    .enumerate()
                    .map(|(index, node)| { (format!("#/{}/{index}/id", stringify!($list)), node.id) })
            );
        };
    }
    check!(organisations);
    check!(days);
    check!(rooms);
    check!(tracks);
    check!(speakers);
    check!(sessions);
    check!(
        items,
        before.into_iter().flat_map(|before| &before.sessions).flat_map(|session| &session.items).map(|item| item.id),
        after.sessions.iter().enumerate().flat_map(|(outer, session)| {
            session
                .items
                .iter()
                .enumerate()
                .map(move |(inner, item)| (format!("#/sessions/{outer}/items/{inner}/id"), item.id))
        })
    );
    check!(
        conferences,
        before.into_iter().map(|before| before.conference.id),
        std::iter::once(("#/conference/id".to_owned(), after.conference.id))
    );
    Ok(faults)
}
