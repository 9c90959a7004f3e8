//! The rows of the seats of sessions: quotas, and who is signed up.

use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError, insert_all,
        schema::{registration_setups, session_quotas, session_sign_ups},
        types::{Instant, JsonValue},
    },
    ids::{ConferenceId, RegistrationId, SessionId},
    registration::setup::store::counted_once,
};

/// Adds to the seats taken of a session.
pub fn add_taken_of_session(connection: &mut Connection, session: SessionId, more: i64) -> Result<(), DatabaseError> {
    use session_quotas::dsl;
    let fits = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let counted = diesel::update(session_quotas::table.find(session).filter(fits))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    counted_once(counted)
}

/// The seats of a session as they stand.
#[derive(Debug, Clone, Queryable)]
pub struct SessionStanding {
    pub id: SessionId,
    pub seats: Option<i64>,
    pub seats_taken: i64,
    /// The seats that the release has: fewer than `seats` while more are taken.
    pub seats_released: Option<i64>,
    /// When and where it was when people last heard of it.
    pub slot: Option<JsonValue>,
}

/// The seats of every session of the conference that needs signing up for.
pub fn session_standings(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<SessionStanding>, DatabaseError> {
    Ok(session_quotas::table
        .filter(session_quotas::conference_id.eq(conference))
        .order(session_quotas::session_id)
        .select((
            session_quotas::session_id,
            session_quotas::seats,
            session_quotas::seats_taken,
            session_quotas::seats_released,
            session_quotas::slot,
        ))
        .load(connection)?)
}

/// Writes what a session's quota is from now on, and that the quotas are those of `release`.
pub fn save_session_quota(
    connection: &mut Connection,
    conference: ConferenceId,
    (session, seats, seats_released): (SessionId, Option<i64>, Option<i64>),
    is_new: bool,
) -> Result<(), DatabaseError> {
    if is_new {
        diesel::insert_into(session_quotas::table)
            .values((
                session_quotas::session_id.eq(session),
                session_quotas::conference_id.eq(conference),
                session_quotas::seats.eq(seats),
                session_quotas::seats_released.eq(seats_released),
                session_quotas::seats_taken.eq(0),
            ))
            .execute(connection)?;
    } else {
        diesel::update(session_quotas::table.find(session))
            .set((session_quotas::seats.eq(seats), session_quotas::seats_released.eq(seats_released)))
            .execute(connection)?;
    }
    Ok(())
}

/// Writes when and where a session is, now that people hear of it.
pub fn save_slot(connection: &mut Connection, session: SessionId, slot: &JsonValue) -> Result<(), DatabaseError> {
    diesel::update(session_quotas::table.find(session)).set(session_quotas::slot.eq(slot)).execute(connection)?;
    Ok(())
}

/// The quotas of sessions are those of `release`.
pub fn set_sessions_release(
    connection: &mut Connection,
    conference: ConferenceId,
    release: i32,
) -> Result<(), DatabaseError> {
    diesel::update(registration_setups::table.find(conference))
        .set(registration_setups::sessions_release.eq(release))
        .execute(connection)?;
    Ok(())
}

/// Someone's wish to be in a session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = session_sign_ups)]
pub struct SignUp {
    pub registration_id: RegistrationId,
    pub session_id: SessionId,
    pub state: String,
    pub arrival: i64,
    pub created_at: Instant,
}

/// Who a registration wants to be with.
pub fn sign_ups(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq(registration))
        .order(session_sign_ups::session_id)
        .load(connection)?)
}

/// The first who waits for a seat in the session.
pub fn first_waiting_for_session(
    connection: &mut Connection,
    session: SessionId,
) -> Result<Option<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::session_id.eq(session))
        .filter(session_sign_ups::state.eq("waitlisted"))
        .order(session_sign_ups::arrival)
        .first(connection)
        .optional()?)
}

/// Writes new sign-ups.
pub fn insert_sign_ups(connection: &mut Connection, sign_ups: &[SignUp]) -> Result<(), DatabaseError> {
    insert_all!(connection, session_sign_ups::table, sign_ups);
    Ok(())
}

/// Writes the state of a sign-up.
pub fn update_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::update(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id)))
        .set((session_sign_ups::state.eq(&sign_up.state), session_sign_ups::arrival.eq(sign_up.arrival)))
        .execute(connection)?;
    Ok(())
}

/// Takes a sign-up back.
pub fn delete_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::delete(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id))).execute(connection)?;
    Ok(())
}

/// The conferences whose quotas of sessions are of an older release than theirs.
pub fn behind(
    connection: &mut Connection,
    releases: &[(ConferenceId, i32)],
) -> Result<Vec<ConferenceId>, DatabaseError> {
    let known: Vec<(ConferenceId, i32)> = registration_setups::table
        .filter(registration_setups::sessions_release.gt(0))
        .select((registration_setups::conference_id, registration_setups::sessions_release))
        .load(connection)?;
    let is_behind = |(id, known): &(ConferenceId, i32)| releases.iter().any(|(of, now)| of == id && now > known);
    Ok(known.into_iter().filter(is_behind).map(|(id, _)| id).collect())
}
