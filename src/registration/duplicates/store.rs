//! The rows of possible duplicates.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use crate::{
    agenda::document::Precedence,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{delegation_members, possible_duplicates, registrations},
        types::Instant,
    },
    ids::{ConferenceId, DelegationId, Id, PossibleDuplicateId, RegistrationId},
    registration::{
        delegations::Membership,
        model::{Registration, State, fold},
    },
};

/// Names in one query: SQLite takes 32,766 values.
const NAMES_MAX: usize = 500;

/// What of a live registration is compared.
#[derive(Debug, Queryable)]
pub struct Known {
    pub id: RegistrationId,
    pub arrival: i64,
    pub name_folded: String,
    pub birth_date: Option<NaiveDate>,
    pub organisation: Option<String>,
}

impl Known {
    /// Why one of the same name is probably the same person.
    pub fn reason(&self, other: &Registration) -> Option<&'static str> {
        let same_organisation = || {
            let theirs = other.organisation.as_deref().map(fold);
            self.organisation
                .as_deref()
                .map(fold)
                .filter(|own| !own.is_empty() && Some(own) == theirs.as_ref())
                .is_some()
        };
        match (self.birth_date, other.birth_date) {
            (Some(one), Some(other)) if one == other => Some("birth_date"),
            // Two dates that differ tell two people apart.
            (Some(_), Some(_)) => None,
            _ => same_organisation().then_some("organisation"),
        }
    }
}

/// The live registrations of these folded names.
pub fn of_names(
    connection: &mut Connection,
    conference: ConferenceId,
    names: &[String],
) -> Result<Vec<Known>, DatabaseError> {
    let mut found = Vec::new();
    for names in names.chunks(NAMES_MAX) {
        let of_these: Vec<Known> = registrations::table
            .filter(registrations::conference_id.eq(conference))
            .filter(registrations::name_folded.eq_any(names))
            .filter(registrations::state.eq_any(State::LIVE.map(State::as_str)))
            .select((
                registrations::id,
                registrations::arrival,
                registrations::name_folded,
                registrations::birth_date,
                registrations::organisation,
            ))
            .load(connection)?;
        found.extend(of_these);
    }
    Ok(found)
}

/// Two registrations that are probably of one person.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = possible_duplicates)]
pub struct Pair {
    pub id: PossibleDuplicateId,
    pub registration_id: RegistrationId,
    pub earlier_id: RegistrationId,
    pub reason: String,
    pub state: String,
    pub created_at: Instant,
}

/// The pair of this id.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    id: PossibleDuplicateId,
) -> Result<Option<Pair>, DatabaseError> {
    Ok(possible_duplicates::table
        .filter(possible_duplicates::id.eq(id))
        .filter(possible_duplicates::conference_id.eq(conference))
        .select(Pair::as_select())
        .first(connection)
        .optional()?)
}

/// The pair of these two, whichever came first.
pub fn of_two(
    connection: &mut Connection,
    one: RegistrationId,
    other: RegistrationId,
) -> Result<Option<Pair>, DatabaseError> {
    use possible_duplicates::dsl;
    let this_way = dsl::registration_id.eq(one).and(dsl::earlier_id.eq(other));
    let other_way = dsl::registration_id.eq(other).and(dsl::earlier_id.eq(one));
    Ok(possible_duplicates::table
        .filter(this_way.or(other_way))
        .select(Pair::as_select())
        .first(connection)
        .optional()?)
}

/// Open pairs of live registrations, the oldest first, after the one of this key.
pub fn open(
    connection: &mut Connection,
    conference: ConferenceId,
    after: Option<(DateTime<Utc>, PossibleDuplicateId)>,
    limit: i64,
) -> Result<Vec<Pair>, DatabaseError> {
    use possible_duplicates::dsl;
    let (later, earlier) = diesel::alias!(registrations as later, registrations as earlier);
    let live = State::LIVE.map(State::as_str);
    let mut query = possible_duplicates::table
        .inner_join(later.on(later.field(registrations::id).eq(dsl::registration_id)))
        .inner_join(earlier.on(earlier.field(registrations::id).eq(dsl::earlier_id)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq("open"))
        .filter(later.field(registrations::state).eq_any(live))
        .filter(earlier.field(registrations::state).eq_any(live))
        .order((dsl::created_at, dsl::id))
        .limit(limit)
        .select(Pair::as_select())
        .into_boxed();
    if let Some((at, id)) = after {
        let at = Instant(at);
        query = query.filter(dsl::created_at.gt(at).or(dsl::created_at.eq(at).and(dsl::id.gt(id))));
    }
    Ok(query.load(connection)?)
}

/// Writes what a registrar said about a pair.
pub fn judge(connection: &mut Connection, id: PossibleDuplicateId, state: &str) -> Result<(), DatabaseError> {
    diesel::update(possible_duplicates::table.find(id))
        .set(possible_duplicates::state.eq(state))
        .execute(connection)?;
    Ok(())
}

/// Opens a pair again, for another reason.
pub fn open_again(connection: &mut Connection, id: PossibleDuplicateId, reason: &str) -> Result<(), DatabaseError> {
    diesel::update(possible_duplicates::table.find(id))
        .set((possible_duplicates::state.eq("open"), possible_duplicates::reason.eq(reason)))
        .execute(connection)?;
    Ok(())
}

/// The delegation that a registration is in.
pub fn membership(
    connection: &mut Connection,
    registration: RegistrationId,
) -> Result<Option<Membership>, DatabaseError> {
    let row: Option<(DelegationId, bool, String)> = delegation_members::table
        .find(registration)
        .select((delegation_members::delegation_id, delegation_members::is_head, delegation_members::level))
        .first(connection)
        .optional()?;
    row.map(|(delegation, is_head, level)| {
        let corrupt = || DatabaseError::Corrupt(format!("level of registration {registration}"));
        Ok(Membership { delegation, is_head, level: Precedence::from_word(&level).ok_or_else(corrupt)? })
    })
    .transpose()
}

#[derive(Insertable)]
#[diesel(table_name = possible_duplicates)]
struct Row {
    id: PossibleDuplicateId,
    conference_id: ConferenceId,
    registration_id: RegistrationId,
    earlier_id: RegistrationId,
    reason: &'static str,
    state: &'static str,
    created_at: Instant,
}

/// Writes pairs: the later registration, the earlier one, and why.
pub fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    pairs: &[(RegistrationId, RegistrationId, &'static str)],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let row = |(registration_id, earlier_id, reason): &(RegistrationId, RegistrationId, &'static str)| Row {
        id: Id::new(),
        conference_id: conference,
        registration_id: *registration_id,
        earlier_id: *earlier_id,
        reason,
        state: "open",
        created_at: Instant(now),
    };
    let rows: Vec<Row> = pairs.iter().map(row).collect();
    insert_all!(connection, possible_duplicates::table, rows);
    Ok(())
}
