//! From rows to the document. What was written was checked: what cannot be read is corrupt, not a client's fault.

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
            Organisation, Room, Session, Speaker, Track,
        },
        model::Place,
    },
    database::{
        Connection, DatabaseError,
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::JsonValue,
    },
    faults::{self, Faults},
    ids::{Id, ItemId, OrganisationId, SessionId},
    values::{Code, Count, Date, Moment, TextValue, TimeZone},
};

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

pub(super) fn parse<T: TextValue>(text: &str) -> Result<T, DatabaseError> {
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
