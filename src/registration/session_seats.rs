//! Queries and rows of the seats of sessions and of sign-ups.

use diesel::prelude::*;

use super::setup::state::ensure_counted;
use crate::{
    database::{
        Connection, DatabaseError, insert_all,
        schema::{registration_setups, session_quotas, session_sign_ups},
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{ConferenceId, RegistrationId, SessionId},
    values::text_enum,
};

text_enum! {
    /// The status of a sign-up for a session.
    SignUpState {
        /// The registration is not confirmed yet.
        Wished = "wished",
        /// Has a seat.
        Confirmed = "confirmed",
        /// On the session's waiting list.
        Waitlisted = "waitlisted",
    }
}
text_enum_columns!(SignUpState);

impl SignUpState {
    /// The status of a confirmed registration's sign-up.
    pub const fn of_seat(has_seat: bool) -> Self {
        if has_seat { Self::Confirmed } else { Self::Waitlisted }
    }
}

/// Adds `more` to the seats taken of a session, within its limit.
pub fn add_taken_of_session(connection: &mut Connection, session: SessionId, more: i64) -> Result<(), DatabaseError> {
    use session_quotas::dsl;
    let is_within_limit = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let updated = diesel::update(session_quotas::table.find(session).filter(is_within_limit))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    ensure_counted(updated)
}

/// The seats of a session.
#[derive(Debug, Clone, Queryable)]
pub struct SessionQuota {
    pub id: SessionId,
    pub seats: Option<i64>,
    pub seats_taken: i64,
    /// The seats that the release has: fewer than `seats` while more are taken.
    pub seats_released: Option<i64>,
    /// Time, room and title that people were last notified of.
    pub announced_slot: Option<JsonValue>,
}

impl SessionQuota {
    pub fn has_free_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }
}

/// The seats of every session of the conference that needs sign-up.
pub fn load_session_quotas(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<SessionQuota>, DatabaseError> {
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

/// Inserts the seats of a session; none is taken yet.
pub fn insert_session_quota(
    connection: &mut Connection,
    conference: ConferenceId,
    quota: &SessionQuota,
) -> Result<(), DatabaseError> {
    diesel::insert_into(session_quotas::table)
        .values((
            session_quotas::session_id.eq(quota.id),
            session_quotas::conference_id.eq(conference),
            session_quotas::seats.eq(quota.seats),
            session_quotas::seats_released.eq(quota.seats_released),
            session_quotas::seats_taken.eq(0),
        ))
        .execute(connection)?;
    Ok(())
}

/// Saves the seats of a session, as they are now and as they are in the release, but not those that are taken.
pub fn save_session_quota(connection: &mut Connection, quota: &SessionQuota) -> Result<(), DatabaseError> {
    diesel::update(session_quotas::table.find(quota.id))
        .set((session_quotas::seats.eq(quota.seats), session_quotas::seats_released.eq(quota.seats_released)))
        .execute(connection)?;
    Ok(())
}

/// Saves the time and room of a session that people are now notified of.
pub fn save_announced_slot(
    connection: &mut Connection,
    session: SessionId,
    slot: &JsonValue,
) -> Result<(), DatabaseError> {
    diesel::update(session_quotas::table.find(session)).set(session_quotas::slot.eq(slot)).execute(connection)?;
    Ok(())
}

/// Records that the seats of sessions were taken from `release`.
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

/// A registration's sign-up for a session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = session_sign_ups)]
pub struct SignUp {
    pub registration_id: RegistrationId,
    pub session_id: SessionId,
    pub state: SignUpState,
    pub arrival: i64,
    pub created_at: DbInstant,
}

pub fn sign_ups(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq(registration))
        .order(session_sign_ups::session_id)
        .load(connection)?)
}

/// The first sign-up on the session's waiting list.
pub fn first_waiting_for_session(
    connection: &mut Connection,
    session: SessionId,
) -> Result<Option<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::session_id.eq(session))
        .filter(session_sign_ups::state.eq(SignUpState::Waitlisted))
        .order(session_sign_ups::arrival)
        .first(connection)
        .optional()?)
}

pub fn insert_sign_ups(connection: &mut Connection, sign_ups: &[SignUp]) -> Result<(), DatabaseError> {
    insert_all!(connection, session_sign_ups::table, sign_ups);
    Ok(())
}

/// Saves the state and the arrival number of a sign-up.
pub fn update_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::update(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id)))
        .set((session_sign_ups::state.eq(sign_up.state), session_sign_ups::arrival.eq(sign_up.arrival)))
        .execute(connection)?;
    Ok(())
}

pub fn delete_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::delete(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id))).execute(connection)?;
    Ok(())
}

/// The conferences whose seats of sessions were taken from an older release than the given one.
pub fn conferences_behind_release(
    connection: &mut Connection,
    releases: &[(ConferenceId, i32)],
) -> Result<Vec<ConferenceId>, DatabaseError> {
    let seats_releases: Vec<(ConferenceId, i32)> = registration_setups::table
        .filter(registration_setups::sessions_release.gt(0))
        .select((registration_setups::conference_id, registration_setups::sessions_release))
        .load(connection)?;
    let is_behind = |(id, seats_release): &(ConferenceId, i32)| {
        releases.iter().any(|(conference, latest)| conference == id && latest > seats_release)
    };
    Ok(seats_releases.into_iter().filter(is_behind).map(|(id, _)| id).collect())
}
