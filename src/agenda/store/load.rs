//! From rows to the document. Rows were checked when they were written: a row that cannot be read is an error of the
//! store, not of a client.

use std::collections::HashMap;

use deserr::Deserr;
use diesel::prelude::*;

use super::rows::{
    AppearanceRow, CallForActionRow, CommitmentRow, ConferenceRow, DayRow, ItemRow, OrganisationRow, RoomRow,
    SessionRow, SpeakerRow, TrackRow,
};
use crate::{
    agenda::{
        document::{
            Agenda, Appearance, CallForAction, Commitment, Conference, ConferenceOrganisation, Day, Issuer, Item,
            Organisation, OrganisationRole, Room, Session, Speaker, Track,
        },
        model::ConferenceRef,
    },
    database::{
        Connection, DatabaseError,
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::{DbInstant, JsonValue},
    },
    ids::{ConferenceId, Id, ItemId, OrganisationId, SessionId, kind},
    validation::{self, ValidationErrors},
    values::{Code, Count, Date, LocalOrInstant, TextValue, TimeZone},
};

pub fn load(connection: &mut Connection, conference: &ConferenceRef) -> Result<Agenda, DatabaseError> {
    let id = conference.id;
    let (organisations, organisation_codes) = load_organisations(connection, id)?;
    let conference = load_conference(connection, id, &organisation_codes)?;
    let (rooms, room_codes) = load_rooms(connection, id)?;
    let (tracks, track_codes) = load_tracks(connection, id)?;
    let zone = conference.time_zone;
    let (speakers, speaker_codes) = load_speakers(connection, id, zone, &organisation_codes)?;
    let (appearances_by_session, appearances_by_item) = load_appearances(connection, id, &speaker_codes)?;
    let items = load_items(connection, id, zone, appearances_by_item)?;
    let sessions = load_sessions(
        connection,
        id,
        zone,
        SessionRelations { rooms: room_codes, tracks: track_codes, appearances: appearances_by_session, items },
    )?;
    let call_for_action = load_call_for_action(connection, id, &speaker_codes, &organisation_codes)?;
    let days = load_days(connection, id)?;
    Ok(Agenda { conference, organisations, days, rooms, tracks, speakers, sessions, call_for_action })
}

/// Codes of things that others refer to by id.
type Codes<K> = HashMap<Id<K>, Code>;

fn load_conference(
    connection: &mut Connection,
    id: ConferenceId,
    organisation_codes: &Codes<kind::Organisation>,
) -> Result<Conference, DatabaseError> {
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
            conferences::walking_minutes,
            conferences::is_demonstration,
            conferences::listing,
        ))
        .first(connection)?;
    let role_rows: Vec<(OrganisationId, OrganisationRole)> = conference_organisations::table
        .filter(conference_organisations::conference_id.eq(id))
        .order(conference_organisations::ordinal)
        .select((conference_organisations::organisation_id, conference_organisations::role))
        .load(connection)?;
    let conference_organisation = |(organisation, role): (OrganisationId, OrganisationRole)| {
        Ok(ConferenceOrganisation { organisation: code_of(organisation_codes, organisation)?, role })
    };
    Ok(Conference {
        id: Some(id),
        slug: parse(&row.slug)?,
        name: decode(row.name)?,
        description: decode_optional(row.description)?,
        starts_on: Date(row.starts_on),
        ends_on: Date(row.ends_on),
        time_zone: parse(&row.time_zone)?,
        languages: decode(row.languages)?,
        venue: decode_optional(row.venue)?,
        organisations: role_rows.into_iter().map(conference_organisation).collect::<Result<_, DatabaseError>>()?,
        walking_minutes: count(row.walking_minutes),
        is_demonstration: row.is_demonstration,
        listing: Some(row.listing),
    })
}

fn load_organisations(
    connection: &mut Connection,
    id: ConferenceId,
) -> Result<(Vec<Organisation>, Codes<kind::Organisation>), DatabaseError> {
    let rows: Vec<OrganisationRow> = organisations::table
        .filter(organisations::conference_id.eq(id))
        .order((organisations::ordinal, organisations::id))
        .load(connection)?;
    let mut codes = HashMap::new();
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        codes.insert(row.id, code.clone());
        list.push(Organisation {
            id: Some(row.id),
            code,
            name: decode(row.name)?,
            kind: row.kind,
            country: parse_optional(row.country.as_ref())?,
            website: parse_optional(row.website.as_ref())?,
        });
    }
    Ok((list, codes))
}

fn load_days(connection: &mut Connection, id: ConferenceId) -> Result<Vec<Day>, DatabaseError> {
    let rows: Vec<DayRow> = days::table.filter(days::conference_id.eq(id)).order(days::date).load(connection)?;
    let day = |row: DayRow| {
        Ok(Day {
            id: Some(row.id),
            date: Date(row.date),
            title: decode_optional(row.title)?,
            changeover: Some(parse(&row.changeover)?),
        })
    };
    rows.into_iter().map(day).collect()
}

fn load_rooms(connection: &mut Connection, id: ConferenceId) -> Result<(Vec<Room>, Codes<kind::Room>), DatabaseError> {
    let rows: Vec<RoomRow> =
        rooms::table.filter(rooms::conference_id.eq(id)).order((rooms::ordinal, rooms::id)).load(connection)?;
    let mut codes = HashMap::new();
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        codes.insert(row.id, code.clone());
        list.push(Room { id: Some(row.id), code, name: decode(row.name)?, capacity: count(row.capacity) });
    }
    Ok((list, codes))
}

fn load_tracks(
    connection: &mut Connection,
    id: ConferenceId,
) -> Result<(Vec<Track>, Codes<kind::Track>), DatabaseError> {
    let rows: Vec<TrackRow> =
        tracks::table.filter(tracks::conference_id.eq(id)).order((tracks::ordinal, tracks::id)).load(connection)?;
    let mut codes = HashMap::new();
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        codes.insert(row.id, code.clone());
        let description = decode_optional(row.description)?;
        list.push(Track { id: Some(row.id), code, name: decode(row.name)?, description });
    }
    Ok((list, codes))
}

fn load_speakers(
    connection: &mut Connection,
    id: ConferenceId,
    zone: TimeZone,
    organisation_codes: &Codes<kind::Organisation>,
) -> Result<(Vec<Speaker>, Codes<kind::Speaker>), DatabaseError> {
    let rows: Vec<SpeakerRow> = speakers::table
        .filter(speakers::conference_id.eq(id))
        .order((speakers::ordinal, speakers::id))
        .load(connection)?;
    let mut codes = HashMap::new();
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let code: Code = parse(&row.code)?;
        codes.insert(row.id, code.clone());
        list.push(Speaker {
            id: Some(row.id),
            code,
            honorific: decode_optional(row.honorific)?,
            given_name: parse_optional(Some(&row.given_name).filter(|name| !name.is_empty()))?,
            family_name: parse(&row.family_name)?,
            position: decode_optional(row.position)?,
            organisation: code_optional(organisation_codes, row.organisation_id)?,
            country: parse_optional(row.country.as_ref())?,
            biography: decode_optional(row.biography)?,
            precedence: row.precedence,
            precedence_rank: count(row.precedence_rank),
            took_office_on: row.took_office_on.map(Date),
            visibility: row.visibility,
            public_from: local_time_optional(zone, row.public_from),
        });
    }
    Ok((list, codes))
}

type AppearancesBySession = HashMap<SessionId, Vec<Appearance>>;
type AppearancesByItem = HashMap<ItemId, Vec<Appearance>>;

fn load_appearances(
    connection: &mut Connection,
    id: ConferenceId,
    speaker_codes: &Codes<kind::Speaker>,
) -> Result<(AppearancesBySession, AppearancesByItem), DatabaseError> {
    let rows: Vec<AppearanceRow> = appearances::table
        .inner_join(sessions::table.on(sessions::id.eq(appearances::session_id)))
        .filter(sessions::conference_id.eq(id))
        .order((appearances::ordinal, appearances::id))
        .select(appearances::all_columns)
        .load(connection)?;
    let (mut appearances_by_session, mut appearances_by_item) = (AppearancesBySession::new(), AppearancesByItem::new());
    for row in rows {
        let appearance = Appearance {
            speaker: code_of(speaker_codes, row.speaker_id)?,
            role: row.role,
            on_behalf_of: code_optional(speaker_codes, row.on_behalf_of_id)?,
        };
        match row.item_id {
            Some(item) => appearances_by_item.entry(item).or_default().push(appearance),
            None => appearances_by_session.entry(row.session_id).or_default().push(appearance),
        }
    }
    Ok((appearances_by_session, appearances_by_item))
}

fn load_items(
    connection: &mut Connection,
    id: ConferenceId,
    zone: TimeZone,
    mut appearances: AppearancesByItem,
) -> Result<HashMap<SessionId, Vec<Item>>, DatabaseError> {
    let rows: Vec<ItemRow> =
        items::table.filter(items::conference_id.eq(id)).order((items::ordinal, items::id)).load(connection)?;
    let mut items_by_session: HashMap<SessionId, Vec<Item>> = HashMap::new();
    for row in rows {
        items_by_session.entry(row.session_id).or_default().push(Item {
            id: Some(row.id),
            code: parse(&row.code)?,
            kind: row.kind,
            title: decode(row.title)?,
            abstract_: decode_optional(row.abstract_)?,
            time_limit_minutes: count(row.time_limit_minutes),
            visibility: row.visibility,
            public_from: local_time_optional(zone, row.public_from),
            inscribed_at: local_time_optional(zone, row.inscribed_at),
            placed_by_hand: row.placed_by_hand,
            appearances: appearances.remove(&row.id).unwrap_or_default(),
        });
    }
    Ok(items_by_session)
}

/// Codes of rooms and tracks by id, and the appearances and items of each session.
struct SessionRelations {
    rooms: Codes<kind::Room>,
    tracks: Codes<kind::Track>,
    appearances: AppearancesBySession,
    items: HashMap<SessionId, Vec<Item>>,
}

fn load_sessions(
    connection: &mut Connection,
    id: ConferenceId,
    zone: TimeZone,
    mut relations: SessionRelations,
) -> Result<Vec<Session>, DatabaseError> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::conference_id.eq(id))
        .order((sessions::ordinal, sessions::id))
        .load(connection)?;
    let session = |row: SessionRow| {
        Ok(Session {
            id: Some(row.id),
            code: parse(&row.code)?,
            guid: row.guid,
            kind: row.kind,
            title: decode(row.title)?,
            abstract_: decode_optional(row.abstract_)?,
            starts_at: local_time(zone, row.starts_at),
            ends_at: local_time(zone, row.ends_at),
            room: code_optional(&relations.rooms, row.room_id)?,
            track: code_optional(&relations.tracks, row.track_id)?,
            languages: decode(row.languages)?,
            interpretation: decode(row.interpretation)?,
            access: row.access,
            seats: count(row.seats),
            visibility: row.visibility,
            public_from: local_time_optional(zone, row.public_from),
            protocol_rule: row.protocol_rule,
            appearances: relations.appearances.remove(&row.id).unwrap_or_default(),
            items: relations.items.remove(&row.id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(session).collect()
}

fn load_call_for_action(
    connection: &mut Connection,
    id: ConferenceId,
    speaker_codes: &Codes<kind::Speaker>,
    organisation_codes: &Codes<kind::Organisation>,
) -> Result<Option<CallForAction>, DatabaseError> {
    let row: Option<CallForActionRow> =
        calls_for_action::table.filter(calls_for_action::conference_id.eq(id)).first(connection).optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let rows: Vec<CommitmentRow> = commitments::table
        .filter(commitments::call_for_action_id.eq(row.id))
        .order(commitments::number)
        .load(connection)?;
    let commitment =
        |row: CommitmentRow| Ok(Commitment { text: decode(row.text)?, basis: decode_optional(row.basis)? });
    let speaker = code_optional(speaker_codes, row.issuing_speaker_id)?;
    let organisation = code_optional(organisation_codes, row.issuing_organisation_id)?;
    let has_issuer = speaker.is_some() || organisation.is_some();
    Ok(Some(CallForAction {
        id: Some(row.id),
        title: decode(row.title)?,
        preamble: decode_optional(row.preamble)?,
        issued_by: has_issuer.then_some(Issuer { speaker, organisation }),
        status: row.status,
        commitments: rows.into_iter().map(commitment).collect::<Result<_, DatabaseError>>()?,
    }))
}

fn code_of<K>(codes: &HashMap<Id<K>, Code>, id: Id<K>) -> Result<Code, DatabaseError> {
    codes.get(&id).cloned().ok_or_else(|| DatabaseError::Corrupt(format!("{id} is of another conference")))
}

fn code_optional<K>(codes: &HashMap<Id<K>, Code>, id: Option<Id<K>>) -> Result<Option<Code>, DatabaseError> {
    id.map(|id| code_of(codes, id)).transpose()
}

pub(super) fn parse<T: TextValue>(text: &str) -> Result<T, DatabaseError> {
    T::parse(text).map_err(|error| DatabaseError::Corrupt(format!("{} {}", T::schema_name(), error.code)))
}

fn parse_optional<T: TextValue>(text: Option<&String>) -> Result<Option<T>, DatabaseError> {
    text.map(|text| parse(text)).transpose()
}

fn decode<T: Deserr<ValidationErrors>>(JsonValue(value): JsonValue) -> Result<T, DatabaseError> {
    validation::read(value).map_err(|errors| DatabaseError::Corrupt(errors.summary()))
}

fn decode_optional<T: Deserr<ValidationErrors>>(value: Option<JsonValue>) -> Result<Option<T>, DatabaseError> {
    value.map(decode).transpose()
}

fn local_time(zone: TimeZone, instant: DbInstant) -> LocalOrInstant {
    LocalOrInstant::Instant(zone.local(instant.0))
}

fn local_time_optional(zone: TimeZone, instant: Option<DbInstant>) -> Option<LocalOrInstant> {
    instant.map(|instant| local_time(zone, instant))
}

fn count<const MIN: u32>(number: Option<i32>) -> Option<Count<MIN>> {
    number.and_then(|number| u32::try_from(number).ok()).map(Count)
}
