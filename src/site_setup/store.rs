//! The rows of the site set-up, and the versions of the privacy notice.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::SiteSetup;
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{privacy_notices, site_setups},
        types::{DbInstant, JsonValue},
    },
    ids::ConferenceId,
    validation,
};

/// A version of the privacy notice.
#[derive(Debug, Clone, PartialEq)]
pub struct PrivacyNotice {
    /// From 1, without gaps.
    pub version: i32,
    /// Its text, and who the controller is.
    pub setup: SiteSetup,
}

/// The set-up of a conference; empty if there is none.
pub fn load(connection: &mut Connection, conference: ConferenceId) -> Result<SiteSetup, DatabaseError> {
    let row = site_setups::table.find(conference).select(site_setups::document);
    let document: Option<JsonValue> = row.first(connection).optional()?;
    document.map_or_else(|| Ok(SiteSetup::default()), |JsonValue(document)| parse(document))
}

fn parse(document: Value) -> Result<SiteSetup, DatabaseError> {
    validation::read(document).map_err(|errors| DatabaseError::Corrupt(format!("a site set-up: {}", errors.summary())))
}

/// What a version of the privacy notice keeps of the set-up; `None` if there is no notice.
fn notice_of(setup: &SiteSetup) -> Option<Value> {
    let text = setup.privacy_notice.as_ref()?;
    Some(json!({ "privacy_notice": text, "controller": setup.controller }))
}

/// Saves the set-up of a conference whose row the caller has locked. A notice that differs from the latest version
/// becomes the next version.
pub fn save(connection: &mut Connection, conference: ConferenceId, setup: &SiteSetup) -> Result<(), DatabaseError> {
    let version = notice_of(setup).map(|notice| version_of(connection, conference, notice)).transpose()?;
    let document = serde_json::to_value(setup).map_err(|error| DatabaseError::unreadable("a site set-up", &error))?;
    let values = (site_setups::document.eq(JsonValue(document)), site_setups::privacy_notice_version.eq(version));
    let updated = diesel::update(site_setups::table.find(conference)).set(values.clone()).execute(connection)?;
    if updated == 0 {
        let row = (site_setups::conference_id.eq(conference), values.0, values.1);
        diesel::insert_into(site_setups::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// The version of a notice: that of the latest one if it says the same, else the next, which is stored.
fn version_of(connection: &mut Connection, conference: ConferenceId, notice: Value) -> Result<i32, DatabaseError> {
    let latest: Option<(i32, JsonValue)> = privacy_notices::table
        .filter(privacy_notices::conference_id.eq(conference))
        .order(privacy_notices::version.desc())
        .select((privacy_notices::version, privacy_notices::document))
        .first(connection)
        .optional()?;
    let next = match latest {
        Some((version, JsonValue(document))) if document == notice => return Ok(version),
        Some((version, _)) => version + 1,
        None => 1,
    };
    let row = (
        privacy_notices::conference_id.eq(conference),
        privacy_notices::version.eq(next),
        privacy_notices::document.eq(JsonValue(notice)),
        privacy_notices::created_at.eq(DbInstant(clock::now())),
    );
    diesel::insert_into(privacy_notices::table).values(row).execute(connection)?;
    Ok(next)
}

/// The version of the privacy notice that is in force; `None` if the conference has none.
pub fn notice_version_in_force(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Option<i32>, DatabaseError> {
    let row = site_setups::table.find(conference).select(site_setups::privacy_notice_version);
    Ok(row.first::<Option<i32>>(connection).optional()?.flatten())
}

/// The privacy notice that is in force; `None` if the conference has none.
pub fn notice_in_force(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Option<PrivacyNotice>, DatabaseError> {
    match notice_version_in_force(connection, conference)? {
        Some(version) => find_notice(connection, conference, version),
        None => Ok(None),
    }
}

/// A version of the privacy notice.
pub fn find_notice(
    connection: &mut Connection,
    conference: ConferenceId,
    version: i32,
) -> Result<Option<PrivacyNotice>, DatabaseError> {
    let row = privacy_notices::table.find((conference, version)).select(privacy_notices::document);
    let document: Option<JsonValue> = row.first(connection).optional()?;
    document.map(|JsonValue(document)| Ok(PrivacyNotice { version, setup: parse(document)? })).transpose()
}
