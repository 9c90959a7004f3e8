//! Queries and rows of delegations and their members.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{DelegationError, DelegationKind, RegionalGroup};
use crate::{
    database::{
        Connection, DatabaseError, ROWS_MAX, insert_all,
        schema::{delegation_members, delegations, registrations},
        types::{DbInstant, JsonValue, text_enum_columns},
        violation::broken_constraint,
    },
    ids::{CategoryId, ConferenceId, DelegationId, RegistrationId},
    registration::{
        membership::{MemberRow, Membership},
        model::{Registration, RegistrationStatus},
        rows::of_ids,
    },
    validation,
    values::{Code, CountryCode, EmailAddress, LanguageTag, Localised, TextValue as _, fold},
};

text_enum_columns!(DelegationKind, RegionalGroup);

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
    /// Whether several members may have one address.
    pub shared_mailbox: bool,
}

/// The person who names the members of the delegation and has its link.
#[derive(Debug, Clone, PartialEq)]
pub struct FocalPoint {
    pub name: String,
    pub email: EmailAddress,
    pub language: Option<LanguageTag>,
    /// The lines with which letters greet the person, by language.
    pub salutation: Option<Localised>,
}

/// A registration with its role in the delegation.
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
    kind: DelegationKind,
    name: JsonValue,
    name_folded: String,
    country: Option<String>,
    regional_group: Option<RegionalGroup>,
    category_id: CategoryId,
    quota: Option<i64>,
    members: i64,
    focal_point_name: Option<String>,
    focal_point_email: Option<String>,
    focal_point_language: Option<String>,
    focal_point_salutation: Option<JsonValue>,
    token_generation: i32,
    created_at: DbInstant,
    updated_at: DbInstant,
    shared_mailbox: bool,
}

impl From<&Delegation> for Row {
    fn from(delegation: &Delegation) -> Self {
        let focal_point = delegation.focal_point.as_ref();
        Self {
            id: delegation.id,
            conference_id: delegation.conference,
            code: delegation.code.to_string(),
            kind: delegation.kind,
            // A map of texts always serialises.
            name: JsonValue(serde_json::to_value(&delegation.name).unwrap_or_default()),
            name_folded: fold(delegation.name.text("en", &[])),
            country: delegation.country.as_ref().map(ToString::to_string),
            regional_group: delegation.regional_group,
            category_id: delegation.category,
            quota: delegation.quota,
            members: delegation.members,
            focal_point_name: focal_point.map(|person| person.name.clone()),
            focal_point_email: focal_point.map(|person| person.email.as_str().to_owned()),
            focal_point_language: focal_point.and_then(|person| person.language.as_ref()).map(ToString::to_string),
            focal_point_salutation: focal_point
                .and_then(|person| person.salutation.as_ref())
                .map(|lines| JsonValue(serde_json::to_value(lines).unwrap_or_default())),
            token_generation: delegation.token_generation,
            created_at: DbInstant(delegation.created_at),
            updated_at: DbInstant(delegation.updated_at),
            shared_mailbox: delegation.shared_mailbox,
        }
    }
}

impl TryFrom<Row> for Delegation {
    type Error = DatabaseError;
    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = |what: &str| DatabaseError::Corrupt(format!("{what} of delegation {}", row.id));
        let language = row.focal_point_language.as_deref().map(LanguageTag::parse).transpose();
        let email = row.focal_point_email.as_deref().map(EmailAddress::parse_stored).transpose();
        let email = email.map_err(|_| corrupt("address"))?;
        let language = language.map_err(|_| corrupt("language"))?;
        let salutation = row.focal_point_salutation.map(|JsonValue(lines)| validation::read(lines)).transpose();
        let salutation = salutation.map_err(|_| corrupt("salutation"))?;
        let focal_point = row.focal_point_name.clone().zip(email);
        Ok(Self {
            id: row.id,
            conference: row.conference_id,
            code: Code::parse(&row.code).map_err(|_| corrupt("code"))?,
            kind: row.kind,
            country: row.country.as_deref().map(CountryCode::parse).transpose().map_err(|_| corrupt("country"))?,
            regional_group: row.regional_group,
            focal_point: focal_point.map(|(name, email)| FocalPoint { name, email, language, salutation }),
            name: validation::read(row.name.0.clone()).map_err(|_| corrupt("name"))?,
            category: row.category_id,
            quota: row.quota,
            members: row.members,
            token_generation: row.token_generation,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            shared_mailbox: row.shared_mailbox,
        })
    }
}

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

pub fn insert(connection: &mut Connection, new: &[Delegation]) -> Result<(), DelegationError> {
    let rows: Vec<Row> = new.iter().map(Row::from).collect();
    insert_rows(connection, &rows).map_err(|error| match (broken_constraint(&error), new.first()) {
        (Some("delegations_code_key"), Some(first)) => DelegationError::CodeTaken(first.code.clone()),
        _ => error.into(),
    })
}

fn insert_rows(connection: &mut Connection, rows: &[Row]) -> Result<(), DatabaseError> {
    insert_all!(connection, delegations::table, rows);
    Ok(())
}

/// Saves every field. The caller holds the conference's lock, so that the number of members is the one that was read.
pub fn update(connection: &mut Connection, delegation: &Delegation) -> Result<(), DatabaseError> {
    diesel::update(delegations::table.find(delegation.id)).set(Row::from(delegation)).execute(connection)?;
    Ok(())
}

/// Deletes a delegation without live members, and with it the record of its earlier members.
pub fn delete(connection: &mut Connection, delegation: DelegationId) -> Result<(), DatabaseError> {
    let of_delegation = delegation_members::table.filter(delegation_members::delegation_id.eq(delegation));
    diesel::delete(of_delegation).execute(connection)?;
    diesel::delete(delegations::table.find(delegation)).execute(connection)?;
    Ok(())
}

/// A page of the live members of a delegation, in the order in which they were added.
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
        .filter(registrations::state.eq_any(RegistrationStatus::LIVE))
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
        Some(Member { registration, membership: row.into() })
    };
    Ok(rows.into_iter().filter_map(member).collect())
}

pub fn head(connection: &mut Connection, delegation: DelegationId) -> Result<Option<Member>, DatabaseError> {
    let row: Option<MemberRow> = delegation_members::table
        .filter(delegation_members::delegation_id.eq(delegation))
        .filter(delegation_members::is_head)
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let registration = of_ids(connection, &[row.registration_id])?.pop();
    let membership = row.into();
    Ok(registration.map(|registration| Member { registration, membership }))
}

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
    let mut registrations = Vec::with_capacity(rows.len());
    for chunk in ids.chunks(ROWS_MAX) {
        registrations.extend(of_ids(connection, chunk)?);
    }
    let member = |row: MemberRow| {
        let registration = registrations.iter().find(|registration| registration.id == row.registration_id).cloned()?;
        Some(Member { registration, membership: row.into() })
    };
    Ok(rows.into_iter().filter_map(member).collect())
}
