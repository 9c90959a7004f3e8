//! The rows of delegations and their members.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{DelegationKind, Membership, RegionalGroup};
use crate::{
    agenda::document::Precedence,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{delegation_members, delegations, registrations},
        types::{Instant, JsonValue},
        violation::broken_constraint,
    },
    faults,
    ids::{CategoryId, ConferenceId, DelegationId, RegistrationId},
    registration::{
        RegistrationError,
        model::{Registration, State, fold},
        store::of_ids,
    },
    values::{Code, CountryCode, EmailAddress, LanguageTag, Localised, TextValue as _},
};

/// A delegation as it is kept.
#[derive(Debug, Clone)]
pub struct Delegation {
    pub id: DelegationId,
    pub conference: ConferenceId,
    pub code: Code,
    pub kind: DelegationKind,
    pub name: Localised,
    pub country: Option<CountryCode>,
    pub regional_group: Option<RegionalGroup>,
    pub category: CategoryId,
    pub quota: Option<i64>,
    pub members: i64,
    pub focal_point: Option<FocalPoint>,
    pub token_generation: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Who says who the members are.
#[derive(Debug, Clone, PartialEq)]
pub struct FocalPoint {
    pub name: String,
    pub email: EmailAddress,
    pub language: Option<LanguageTag>,
}

/// A member: the registration, and what it is in its delegation.
#[derive(Debug, Clone)]
pub struct Member {
    pub registration: Registration,
    pub membership: Membership,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = delegations, treat_none_as_null = true)]
struct Row {
    id: DelegationId,
    conference_id: ConferenceId,
    code: String,
    kind: String,
    name: JsonValue,
    name_folded: String,
    country: Option<String>,
    regional_group: Option<String>,
    category_id: CategoryId,
    quota: Option<i64>,
    members: i64,
    focal_point_name: Option<String>,
    focal_point_email: Option<String>,
    focal_point_language: Option<String>,
    token_generation: i32,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Delegation> for Row {
    fn from(delegation: &Delegation) -> Self {
        let focal_point = delegation.focal_point.as_ref();
        Self {
            id: delegation.id,
            conference_id: delegation.conference,
            code: delegation.code.to_string(),
            kind: delegation.kind.as_str().to_owned(),
            // A name is words, which can be written.
            name: JsonValue(serde_json::to_value(&delegation.name).unwrap_or_default()),
            name_folded: fold(delegation.name.text("en", &[])),
            country: delegation.country.as_ref().map(ToString::to_string),
            regional_group: delegation.regional_group.map(|group| group.as_str().to_owned()),
            category_id: delegation.category,
            quota: delegation.quota,
            members: delegation.members,
            focal_point_name: focal_point.map(|person| person.name.clone()),
            focal_point_email: focal_point.map(|person| person.email.as_str().to_owned()),
            focal_point_language: focal_point.and_then(|person| person.language.as_ref()).map(ToString::to_string),
            token_generation: delegation.token_generation,
            created_at: Instant(delegation.created_at),
            updated_at: Instant(delegation.updated_at),
        }
    }
}

impl TryFrom<Row> for Delegation {
    type Error = DatabaseError;
    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = |what: &str| DatabaseError::Corrupt(format!("{what} of delegation {}", row.id));
        let group = row.regional_group.as_deref();
        let language = row.focal_point_language.as_deref().map(LanguageTag::parse).transpose();
        let email = row.focal_point_email.as_deref().map(EmailAddress::parse).transpose();
        let email = email.map_err(|_| corrupt("address"))?;
        let language = language.map_err(|_| corrupt("language"))?;
        let focal_point = row.focal_point_name.clone().zip(email);
        Ok(Self {
            id: row.id,
            conference: row.conference_id,
            code: Code::parse(&row.code).map_err(|_| corrupt("code"))?,
            kind: DelegationKind::from_word(&row.kind).ok_or_else(|| corrupt("kind"))?,
            country: row.country.as_deref().map(CountryCode::parse).transpose().map_err(|_| corrupt("country"))?,
            regional_group: match group {
                Some(word) => Some(RegionalGroup::from_word(word).ok_or_else(|| corrupt("group"))?),
                None => None,
            },
            focal_point: focal_point.map(|(name, email)| FocalPoint { name, email, language }),
            name: faults::read(row.name.0.clone()).map_err(|_| corrupt("name"))?,
            category: row.category_id,
            quota: row.quota,
            members: row.members,
            token_generation: row.token_generation,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// The delegation of this code.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    code: &str,
) -> Result<Option<Delegation>, DatabaseError> {
    let row: Option<Row> = delegations::table
        .filter(delegations::conference_id.eq(conference))
        .filter(delegations::code.eq(code))
        .first(connection)
        .optional()?;
    row.map(Delegation::try_from).transpose()
}

/// Every delegation of the conference, in the order of their codes.
pub fn all(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Delegation>, DatabaseError> {
    let of_conference = delegations::table.filter(delegations::conference_id.eq(conference));
    let rows: Vec<Row> = of_conference.order(delegations::code).load(connection)?;
    rows.into_iter().map(Delegation::try_from).collect()
}

/// Writes new delegations.
pub fn insert(connection: &mut Connection, new: &[Delegation]) -> Result<(), RegistrationError> {
    let rows: Vec<Row> = new.iter().map(Row::from).collect();
    insert_rows(connection, &rows).map_err(|error| match (broken_constraint(&error), new.first()) {
        (Some("delegations_code_key"), Some(first)) => RegistrationError::DelegationTaken(first.code.clone()),
        _ => error.into(),
    })
}

fn insert_rows(connection: &mut Connection, rows: &[Row]) -> Result<(), DatabaseError> {
    insert_all!(connection, delegations::table, rows);
    Ok(())
}

/// Writes all that a delegation says. The conference is locked, so that its members are those that were read.
pub fn update(connection: &mut Connection, delegation: &Delegation) -> Result<(), DatabaseError> {
    diesel::update(delegations::table.find(delegation.id)).set(Row::from(delegation)).execute(connection)?;
    Ok(())
}

/// Deletes a delegation without live members; who was in it once is forgotten with it.
pub fn delete(connection: &mut Connection, delegation: DelegationId) -> Result<(), DatabaseError> {
    let of_delegation = delegation_members::table.filter(delegation_members::delegation_id.eq(delegation));
    diesel::delete(of_delegation).execute(connection)?;
    diesel::delete(delegations::table.find(delegation)).execute(connection)?;
    Ok(())
}

/// Whether any delegation's members go into the category.
pub fn is_of_category(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let of_category = delegations::table.filter(delegations::category_id.eq(category));
    let first: Option<DelegationId> = of_category.select(delegations::id).first(connection).optional()?;
    Ok(first.is_some())
}

/// Counts a member; false where the quota is used up.
pub fn count_member(connection: &mut Connection, delegation: DelegationId) -> Result<bool, DatabaseError> {
    let fits = delegations::quota.is_null().or(delegations::members.nullable().lt(delegations::quota));
    let counted = diesel::update(delegations::table.find(delegation).filter(fits))
        .set(delegations::members.eq(delegations::members + 1))
        .execute(connection)?;
    Ok(counted == 1)
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = delegation_members)]
struct MemberRow {
    registration_id: RegistrationId,
    delegation_id: DelegationId,
    is_head: bool,
    level: String,
}

impl TryFrom<MemberRow> for Membership {
    type Error = DatabaseError;
    fn try_from(row: MemberRow) -> Result<Self, DatabaseError> {
        let level = Precedence::from_word(&row.level);
        let corrupt = || DatabaseError::Corrupt(format!("level of member {}", row.registration_id));
        Ok(Self { delegation: row.delegation_id, is_head: row.is_head, level: level.ok_or_else(corrupt)? })
    }
}

/// Writes members; a new head takes the place of the one before.
pub fn join_all(connection: &mut Connection, members: &[(RegistrationId, Membership)]) -> Result<(), DatabaseError> {
    let row = |(registration, membership): &(RegistrationId, Membership)| MemberRow {
        registration_id: *registration,
        delegation_id: membership.delegation,
        is_head: membership.is_head,
        level: membership.level.as_str().to_owned(),
    };
    let mut rows: Vec<MemberRow> = members.iter().map(row).collect();
    // Of several new heads the last one is.
    let mut led: BTreeSet<DelegationId> = BTreeSet::new();
    for row in rows.iter_mut().rev().filter(|row| row.is_head) {
        row.is_head = led.insert(row.delegation_id);
    }
    for delegation in led {
        clear_head(connection, delegation)?;
    }
    insert_all!(connection, delegation_members::table, rows);
    Ok(())
}

/// Nobody leads the delegation.
pub fn clear_head(connection: &mut Connection, delegation: DelegationId) -> Result<(), DatabaseError> {
    diesel::update(delegation_members::table.filter(delegation_members::delegation_id.eq(delegation)))
        .set(delegation_members::is_head.eq(false))
        .execute(connection)?;
    Ok(())
}

/// Writes what a member is; a new head takes the place of the one before.
pub fn set_membership(
    connection: &mut Connection,
    registration: RegistrationId,
    membership: &Membership,
) -> Result<(), DatabaseError> {
    if membership.is_head {
        clear_head(connection, membership.delegation)?;
    }
    diesel::update(delegation_members::table.find(registration))
        .set((
            delegation_members::is_head.eq(membership.is_head),
            delegation_members::level.eq(membership.level.as_str()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Uncounts a member that left for good; who it was stays known.
pub fn member_left(connection: &mut Connection, registration: RegistrationId) -> Result<(), DatabaseError> {
    let of: Option<DelegationId> = delegation_members::table
        .find(registration)
        .select(delegation_members::delegation_id)
        .first(connection)
        .optional()?;
    if let Some(delegation) = of {
        diesel::update(delegations::table.find(delegation))
            .set(delegations::members.eq(delegations::members - 1))
            .execute(connection)?;
        diesel::update(delegation_members::table.find(registration))
            .set(delegation_members::is_head.eq(false))
            .execute(connection)?;
    }
    Ok(())
}

/// What a registration is in the delegation, if it is in it.
pub fn membership(
    connection: &mut Connection,
    delegation: DelegationId,
    registration: RegistrationId,
) -> Result<Option<Membership>, DatabaseError> {
    let row: Option<MemberRow> = delegation_members::table
        .find(registration)
        .filter(delegation_members::delegation_id.eq(delegation))
        .first(connection)
        .optional()?;
    row.map(Membership::try_from).transpose()
}

/// A page of the live members of a delegation, in the order in which they came.
pub fn members(
    connection: &mut Connection,
    delegation: DelegationId,
    after: Option<RegistrationId>,
    limit: i64,
) -> Result<Vec<Member>, DatabaseError> {
    let after = after.unwrap_or(RegistrationId::from_uuid(uuid::Uuid::nil()));
    let rows: Vec<MemberRow> = delegation_members::table
        .inner_join(registrations::table)
        .filter(delegation_members::delegation_id.eq(delegation))
        .filter(delegation_members::registration_id.gt(after))
        .filter(registrations::state.eq_any(State::LIVE.map(State::as_str)))
        .order(delegation_members::registration_id)
        .limit(limit)
        .select((
            delegation_members::registration_id,
            delegation_members::delegation_id,
            delegation_members::is_head,
            delegation_members::level,
        ))
        .load(connection)?;
    let ids: Vec<RegistrationId> = rows.iter().map(|row| row.registration_id).collect();
    let registrations = of_ids(connection, &ids)?;
    let member = |row: MemberRow| {
        let registration = registrations.iter().find(|registration| registration.id == row.registration_id).cloned()?;
        Some(Membership::try_from(row).map(|membership| Member { registration, membership }))
    };
    rows.into_iter().filter_map(member).collect()
}

/// The head of a delegation.
pub fn head(connection: &mut Connection, delegation: DelegationId) -> Result<Option<Member>, DatabaseError> {
    let row: Option<MemberRow> = delegation_members::table
        .filter(delegation_members::delegation_id.eq(delegation))
        .filter(delegation_members::is_head)
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let registration = of_ids(connection, &[row.registration_id])?.pop();
    let membership = Membership::try_from(row)?;
    Ok(registration.map(|registration| Member { registration, membership }))
}

/// The heads of the conference's delegations.
pub fn heads(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Member>, DatabaseError> {
    let rows: Vec<MemberRow> = delegation_members::table
        .inner_join(delegations::table)
        .filter(delegations::conference_id.eq(conference))
        .filter(delegation_members::is_head)
        .select((
            delegation_members::registration_id,
            delegation_members::delegation_id,
            delegation_members::is_head,
            delegation_members::level,
        ))
        .load(connection)?;
    let ids: Vec<RegistrationId> = rows.iter().map(|row| row.registration_id).collect();
    let mut found = Vec::with_capacity(rows.len());
    for some in ids.chunks(1000) {
        found.extend(of_ids(connection, some)?);
    }
    let member = |row: MemberRow| {
        let registration = found.iter().find(|registration| registration.id == row.registration_id).cloned()?;
        Some(Membership::try_from(row).map(|membership| Member { registration, membership }))
    };
    rows.into_iter().filter_map(member).collect()
}
