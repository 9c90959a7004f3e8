//! Structs for the rows of the agenda's tables, one field per column.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::{
    agenda::document::{
        AppearanceRole, CallForActionStatus, ItemKind, Listing, OrganisationKind, OrganisationRole, Precedence,
        ProtocolRule, SessionAccess, SessionKind, Visibility,
    },
    database::{
        schema::{
            appearances, calls_for_action, commitments, conference_organisations, conferences, days, items,
            organisations, rooms, sessions, speakers, tracks,
        },
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{
        AppearanceId, CallForActionId, ConferenceId, DayId, ItemId, OrganisationId, RoomId, SessionId, SpeakerId,
        TrackId,
    },
};

text_enum_columns!(
    AppearanceRole,
    CallForActionStatus,
    ItemKind,
    Listing,
    OrganisationKind,
    OrganisationRole,
    Precedence,
    ProtocolRule,
    SessionAccess,
    SessionKind,
    Visibility,
);

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = conferences, treat_none_as_null = true)]
pub struct ConferenceRow {
    pub id: ConferenceId,
    pub slug: String,
    pub name: JsonValue,
    pub description: Option<JsonValue>,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub time_zone: String,
    pub languages: JsonValue,
    pub venue: Option<JsonValue>,
    pub walking_minutes: Option<i32>,
    pub is_demonstration: bool,
    pub listing: Listing,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = organisations, treat_none_as_null = true)]
pub struct OrganisationRow {
    pub id: OrganisationId,
    pub conference_id: ConferenceId,
    pub code: String,
    pub ordinal: i32,
    pub name: JsonValue,
    pub kind: OrganisationKind,
    pub country: Option<String>,
    pub website: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = conference_organisations)]
pub struct ConferenceOrganisationRow {
    pub conference_id: ConferenceId,
    pub organisation_id: OrganisationId,
    pub role: OrganisationRole,
    pub ordinal: i32,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = days)]
pub struct DayRow {
    pub id: DayId,
    pub conference_id: ConferenceId,
    pub date: NaiveDate,
    pub title: Option<JsonValue>,
    pub changeover: String,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = rooms, treat_none_as_null = true)]
pub struct RoomRow {
    pub id: RoomId,
    pub conference_id: ConferenceId,
    pub code: String,
    pub ordinal: i32,
    pub name: JsonValue,
    pub capacity: Option<i32>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = tracks, treat_none_as_null = true)]
pub struct TrackRow {
    pub id: TrackId,
    pub conference_id: ConferenceId,
    pub code: String,
    pub ordinal: i32,
    pub name: JsonValue,
    pub description: Option<JsonValue>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = speakers, treat_none_as_null = true)]
pub struct SpeakerRow {
    pub id: SpeakerId,
    pub conference_id: ConferenceId,
    pub code: String,
    pub ordinal: i32,
    pub honorific: Option<JsonValue>,
    pub given_name: String,
    pub family_name: String,
    pub position: Option<JsonValue>,
    pub organisation_id: Option<OrganisationId>,
    pub country: Option<String>,
    pub biography: Option<JsonValue>,
    pub precedence: Option<Precedence>,
    pub precedence_rank: Option<i32>,
    pub took_office_on: Option<NaiveDate>,
    pub visibility: Visibility,
    pub public_from: Option<DbInstant>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
pub struct SessionRow {
    pub id: SessionId,
    pub conference_id: ConferenceId,
    pub code: String,
    pub ordinal: i32,
    pub guid: Option<SessionId>,
    pub kind: SessionKind,
    pub title: JsonValue,
    pub abstract_: Option<JsonValue>,
    pub starts_at: DbInstant,
    pub ends_at: DbInstant,
    pub room_id: Option<RoomId>,
    pub track_id: Option<TrackId>,
    pub languages: JsonValue,
    pub interpretation: JsonValue,
    pub access: SessionAccess,
    pub seats: Option<i32>,
    pub visibility: Visibility,
    pub public_from: Option<DbInstant>,
    pub protocol_rule: Option<ProtocolRule>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = items, treat_none_as_null = true)]
pub struct ItemRow {
    pub id: ItemId,
    pub conference_id: ConferenceId,
    pub session_id: SessionId,
    pub code: String,
    pub ordinal: i32,
    pub kind: ItemKind,
    pub title: JsonValue,
    pub abstract_: Option<JsonValue>,
    pub time_limit_minutes: Option<i32>,
    pub visibility: Visibility,
    pub public_from: Option<DbInstant>,
    pub inscribed_at: Option<DbInstant>,
    pub placed_by_hand: bool,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = appearances)]
pub struct AppearanceRow {
    pub id: AppearanceId,
    pub session_id: SessionId,
    pub item_id: Option<ItemId>,
    pub speaker_id: SpeakerId,
    pub role: AppearanceRole,
    pub ordinal: i32,
    pub on_behalf_of_id: Option<SpeakerId>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = calls_for_action, treat_none_as_null = true)]
pub struct CallForActionRow {
    pub id: CallForActionId,
    pub conference_id: ConferenceId,
    pub title: JsonValue,
    pub preamble: Option<JsonValue>,
    pub issuing_speaker_id: Option<SpeakerId>,
    pub issuing_organisation_id: Option<OrganisationId>,
    pub status: CallForActionStatus,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = commitments)]
pub struct CommitmentRow {
    pub call_for_action_id: CallForActionId,
    pub number: i32,
    pub text: JsonValue,
    pub basis: Option<JsonValue>,
}
