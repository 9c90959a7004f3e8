//! Registrations by the page, and what is counted of them.
//!
//! The statements of lists are put together as text, since which index finds a page is decided here, not by a planner
//! that on one store has no statistics. Values are bound in the order in which they stand in the text; both stores
//! read `$1`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{prelude::*, sql_query, sql_types};

use super::model::{Beside, Filter, Key, Needle, Sort};
use crate::{
    database::{
        Connection, DatabaseError,
        connection::MultiBackend,
        schema::{
            check_ins, delegation_members, delegations, invitations, possible_duplicates, registrations,
            session_quotas, session_sign_ups,
        },
        types::{Guid, Instant, JsonValue, UtcInstant},
    },
    ids::{CategoryId, CheckInId, ConferenceId, DelegationId, Id, RegistrationId, SessionId, kind},
    registration::model::State,
};

/// A registration as a list has it.
#[derive(Clone, QueryableByName)]
#[diesel(table_name = registrations)]
pub struct Entry {
    pub id: RegistrationId,
    pub category_id: CategoryId,
    pub reference: String,
    pub state: String,
    pub arrival: i64,
    pub honorific: Option<String>,
    pub given_name: String,
    pub family_name: String,
    pub name_folded: String,
    pub email: String,
    pub email_folded: String,
    pub organisation: Option<String>,
    pub position: Option<String>,
    pub country: Option<String>,
    pub language: String,
    pub phone: Option<String>,
    pub accessibility_needs: Option<String>,
    pub dietary_needs: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub answers: JsonValue,
    pub offer_expires_at: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

const COLUMNS: &str = "r.id, r.category_id, r.reference, r.state, r.arrival, r.honorific, r.given_name, r.family_name, \
                       r.name_folded, r.email, r.email_folded, r.organisation, r.position, r.country, \
                       r.language, r.phone, r.accessibility_needs, r.dietary_needs, r.birth_date, r.answers, \
                       r.offer_expires_at, r.created_at, r.updated_at";

/// Whether an entry of the check-in counts: somebody came in, and it was not undone.
const CAME_IN: &str = "c.outcome IN ('admitted', 'admitted_again') \
                       AND NOT EXISTS (SELECT 1 FROM check_ins u WHERE u.undoes = c.id)";

/// The states that a partial index of addresses is of, in its own words: else no store takes it.
const LIVE: &str = "state IN ('unverified', 'pending', 'confirmed', 'waitlisted')";

/// A value on its way into a statement.
enum Value {
    Id(Id<kind::Registration>),
    Text(String),
    Number(i64),
    Instant(Instant),
}

/// A statement with its values.
#[derive(Default)]
struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn value(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.push(&place)
    }

    fn id<K>(&mut self, id: Id<K>) -> &mut Self {
        // Every id is one column type.
        self.value(Value::Id(Id::from_uuid(id.uuid())))
    }

    fn any_of(&mut self, column: &str, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.push(column).push(" IN (");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.value(value);
        }
        self.push(")")
    }

    fn load<T>(self, connection: &mut Connection) -> Result<Vec<T>, DatabaseError>
    where
        T: QueryableByName<MultiBackend> + 'static,
    {
        let mut query = sql_query(self.text).into_boxed::<MultiBackend>();
        for value in self.values {
            query = match value {
                Value::Id(id) => query.bind::<Guid, _>(id),
                Value::Text(text) => query.bind::<sql_types::Text, _>(text),
                Value::Number(number) => query.bind::<sql_types::BigInt, _>(number),
                Value::Instant(instant) => query.bind::<UtcInstant, _>(instant),
            };
        }
        Ok(query.load(connection)?)
    }
}

/// A filter that an index finds the registrations of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    States,
    Categories,
    Countries,
    Delegation,
    Session,
    CheckedIn,
    Duplicates,
    Text,
}

impl Driver {
    /// Those that a filter has, beside the searched text.
    pub fn of(filter: &Filter) -> impl Iterator<Item = Self> {
        let those = [
            (!filter.states.is_empty()).then_some(Self::States),
            (!filter.categories.is_empty()).then_some(Self::Categories),
            (!filter.countries.is_empty()).then_some(Self::Countries),
            filter.delegation.map(|_| Self::Delegation),
            filter.session.map(|_| Self::Session),
            (filter.checked_in == Some(true)).then_some(Self::CheckedIn),
            (filter.duplicates == Some(true)).then_some(Self::Duplicates),
        ];
        those.into_iter().flatten()
    }

    /// The ids of at most so many registrations that it finds.
    fn ids(self, to: &mut Statement, filter: &Filter, limit: i64) {
        let conference = filter.conference;
        match self {
            Self::States => {
                to.push("SELECT id FROM registrations WHERE conference_id = ").id(conference).push(" AND ");
                to.any_of("state", states(filter));
            }
            // A category is of one conference.
            Self::Categories => {
                to.push("SELECT id FROM registrations WHERE ").any_of("category_id", category_ids(filter));
            }
            Self::Countries => {
                to.push("SELECT id FROM registrations WHERE conference_id = ").id(conference).push(" AND ");
                to.any_of("country", countries(filter));
            }
            Self::Delegation => {
                to.push("SELECT registration_id AS id FROM delegation_members WHERE delegation_id = ");
                to.id(filter.delegation.unwrap_or_default());
            }
            Self::Session => {
                to.push("SELECT registration_id AS id FROM session_sign_ups WHERE session_id = ");
                to.id(filter.session.unwrap_or_default());
            }
            Self::CheckedIn => {
                to.push("SELECT DISTINCT registration_id AS id FROM (SELECT registration_id FROM check_ins c WHERE c.conference_id = ");
                to.id(conference).push(" AND registration_id IS NOT NULL AND ").push(CAME_IN).push(" LIMIT ");
                to.value(Value::Number(limit)).push(") came");
            }
            Self::Duplicates => {
                for (column, joint) in [("registration_id", " UNION "), ("earlier_id", "")] {
                    to.push("SELECT ").push(column).push(" AS id FROM possible_duplicates WHERE conference_id = ");
                    to.id(conference).push(" AND state = 'open'").push(joint);
                }
            }
            Self::Text => {
                let Some(needle) = &filter.text else {
                    return;
                };
                begins(to, conference, needle, limit);
            }
        }
        to.push(" LIMIT ").value(Value::Number(limit));
    }
}

/// Registrations whose name, reference or, while they are live, address begins so: each found by an index.
fn begins(to: &mut Statement, conference: ConferenceId, needle: &Needle, limit: i64) {
    let mut range = |column: &str, from: &str, and: &str| {
        to.push("SELECT id FROM (SELECT id FROM registrations WHERE conference_id = ").id(conference);
        to.push(" AND ").push(column).push(" >= ").value(Value::Text(from.to_owned()));
        // The last character that there is: in the order of bytes nothing that begins so is behind it.
        to.push(" AND ").push(column).push(" < ").value(Value::Text(format!("{from}\u{10ffff}")));
        to.push(and).push(" LIMIT ").value(Value::Number(limit)).push(") f UNION ");
    };
    if !needle.folded.is_empty() {
        range("name_folded", &needle.folded, "");
    }
    range("email_folded", &needle.small, &format!(" AND {LIVE}"));
    to.push("SELECT id FROM registrations WHERE conference_id = ").id(conference);
    to.push(" AND reference = ").value(Value::Text(needle.capital.clone()));
}

fn states(filter: &Filter) -> impl Iterator<Item = Value> {
    filter.states.iter().map(|state| Value::Text(state.as_str().to_owned()))
}

fn category_ids(filter: &Filter) -> impl Iterator<Item = Value> {
    filter.categories.iter().map(|id| Value::Id(Id::from_uuid(id.uuid())))
}

fn countries(filter: &Filter) -> impl Iterator<Item = Value> {
    filter.countries.iter().map(|country| Value::Text(country.clone()))
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// How many registrations the driver finds, counted no further than `limit`.
pub fn count(connection: &mut Connection, filter: &Filter, driver: Driver, limit: i64) -> Result<i64, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) AS n FROM (");
    driver.ids(&mut statement, filter, limit);
    statement.push(") found");
    let counts: Vec<Count> = statement.load(connection)?;
    Ok(counts.first().map_or(0, |count| count.n))
}

/// What every registration `r` must fit, each condition after an AND.
fn conditions(to: &mut Statement, filter: &Filter) {
    if !filter.states.is_empty() {
        to.push(" AND ").any_of("r.state", states(filter));
    }
    if !filter.categories.is_empty() {
        to.push(" AND ").any_of("r.category_id", category_ids(filter));
    }
    if !filter.countries.is_empty() {
        to.push(" AND ").any_of("r.country", countries(filter));
    }
    if let Some(delegation) = filter.delegation {
        to.push(
            " AND EXISTS (SELECT 1 FROM delegation_members m WHERE m.registration_id = r.id AND m.delegation_id = ",
        );
        to.id(delegation).push(")");
    }
    if let Some(session) = filter.session {
        to.push(" AND EXISTS (SELECT 1 FROM session_sign_ups s WHERE s.registration_id = r.id AND s.session_id = ");
        to.id(session).push(")");
    }
    let not = |yes: bool| if yes { " AND " } else { " AND NOT " };
    if let Some(yes) = filter.checked_in {
        to.push(not(yes)).push("EXISTS (SELECT 1 FROM check_ins c WHERE c.registration_id = r.id AND ");
        to.push(CAME_IN).push(")");
    }
    if let Some(yes) = filter.duplicates {
        to.push(not(yes))
            .push("(EXISTS (SELECT 1 FROM possible_duplicates d WHERE d.registration_id = r.id AND d.state = 'open')");
        to.push(" OR EXISTS (SELECT 1 FROM possible_duplicates d WHERE d.earlier_id = r.id AND d.state = 'open'))");
    }
}

/// Where a page goes on.
type After<'a> = Option<&'a (Key, RegistrationId)>;

const fn column(sort: Sort) -> &'static str {
    match sort {
        Sort::Arrival | Sort::LatestArrival => "arrival",
        Sort::Name | Sort::LastName => "name_folded",
        Sort::Updated | Sort::LatestUpdated => "updated_at",
    }
}

fn behind(to: &mut Statement, table: &str, sort: Sort, after: After<'_>) {
    let Some((key, id)) = after else {
        return;
    };
    let than = if sort.is_descending() { "<" } else { ">" };
    to.push(&format!(" AND ({table}.{}, {table}.id) {than} (", column(sort)));
    to.value(match key {
        Key::Arrival(arrival) => Value::Number(*arrival),
        Key::Name(name) => Value::Text(name.clone()),
        Key::Updated(at) => Value::Instant(Instant(*at)),
    });
    to.push(", ").id(*id).push(")");
}

fn in_order(to: &mut Statement, table: &str, sort: Sort, limit: i64) {
    let way = if sort.is_descending() { " DESC" } else { "" };
    to.push(&format!(" ORDER BY {table}.{}{way}, {table}.id{way} LIMIT ", column(sort)));
    to.value(Value::Number(limit));
}

/// Registrations that fit, out of the few that the driver finds.
pub fn of_few(
    connection: &mut Connection,
    filter: &Filter,
    driver: Driver,
    sort: Sort,
    after: After<'_>,
    limit: i64,
) -> Result<Vec<Entry>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("WITH few AS MATERIALIZED (");
    driver.ids(&mut statement, filter, i64::MAX);
    // The few first: SQLite keeps the order of a cross join.
    statement.push(&format!(") SELECT {COLUMNS} FROM few CROSS JOIN registrations r WHERE r.id = few.id"));
    statement.push(" AND r.conference_id = ").id(filter.conference);
    conditions(&mut statement, filter);
    behind(&mut statement, "r", sort, after);
    in_order(&mut statement, "r", sort, limit);
    statement.load(connection)
}

/// What a walk goes along: all registrations, or, in the order of arrival, those that share what an index begins with.
fn along(to: &mut Statement, filter: &Filter, sort: Sort) {
    let of_arrival = matches!(sort, Sort::Arrival | Sort::LatestArrival);
    if let ([category], true) = (filter.categories.as_slice(), of_arrival) {
        // The conference is left out so that SQLite takes the index of categories.
        to.push(" FROM registrations w WHERE w.category_id = ").id(*category);
        return;
    }
    to.push(" FROM registrations w WHERE w.conference_id = ").id(filter.conference);
    match (filter.countries.as_slice(), filter.states.as_slice(), of_arrival) {
        ([country], _, true) => {
            to.push(" AND w.country = ").value(Value::Text(country.clone()));
        }
        (_, [state], true) => {
            to.push(" AND w.state = ").value(Value::Text(state.as_str().to_owned()));
        }
        _ => {}
    }
}

/// At most `limit` registrations that fit, out of the next `step` of the walk.
pub fn of_step(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    after: After<'_>,
    step: i64,
    limit: i64,
) -> Result<Vec<Entry>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push(&format!("SELECT {COLUMNS} FROM (SELECT w.*"));
    along(&mut statement, filter, sort);
    behind(&mut statement, "w", sort, after);
    in_order(&mut statement, "w", sort, step);
    statement.push(") r WHERE r.conference_id = ").id(filter.conference);
    conditions(&mut statement, filter);
    in_order(&mut statement, "r", sort, limit);
    statement.load(connection)
}

#[derive(QueryableByName)]
#[diesel(table_name = registrations)]
struct Place {
    id: RegistrationId,
    arrival: i64,
    name_folded: String,
    updated_at: Instant,
}

/// The last registration of the next `step` of the walk; none where the walk ends before it.
pub fn end_of_step(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    after: After<'_>,
    step: i64,
) -> Result<Option<(Key, RegistrationId)>, DatabaseError> {
    let mut statement = Statement::default();
    // Found in the index alone, then read.
    statement
        .push("SELECT p.id, p.arrival, p.name_folded, p.updated_at FROM registrations p WHERE p.id = (SELECT w.id");
    along(&mut statement, filter, sort);
    behind(&mut statement, "w", sort, after);
    in_order(&mut statement, "w", sort, 1);
    statement.push(" OFFSET ").value(Value::Number(step - 1)).push(")");
    let places: Vec<Place> = statement.load(connection)?;
    Ok(places.into_iter().next().map(|place| {
        let key = match sort {
            Sort::Arrival | Sort::LatestArrival => Key::Arrival(place.arrival),
            Sort::Name | Sort::LastName => Key::Name(place.name_folded),
            Sort::Updated | Sort::LatestUpdated => Key::Updated(place.updated_at.0),
        };
        (key, place.id)
    }))
}

/// What stands beside these registrations in other tables.
pub fn beside(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, Beside>, DatabaseError> {
    let mut found: HashMap<RegistrationId, Beside> = HashMap::new();
    let members: Vec<(RegistrationId, DelegationId)> = delegation_members::table
        .filter(delegation_members::registration_id.eq_any(ids))
        .select((delegation_members::registration_id, delegation_members::delegation_id))
        .load(connection)?;
    let of: HashSet<DelegationId> = members.iter().map(|(_, delegation)| *delegation).collect();
    let codes: HashMap<DelegationId, String> = delegations::table
        .filter(delegations::id.eq_any(of))
        .select((delegations::id, delegations::code))
        .load(connection)?
        .into_iter()
        .collect();
    for (id, delegation) in members {
        found.entry(id).or_default().delegation = codes.get(&delegation).cloned();
    }
    let admitted: Vec<(RegistrationId, CheckInId)> = check_ins::table
        .filter(check_ins::registration_id.eq_any(ids))
        .filter(check_ins::outcome.eq_any(["admitted", "admitted_again"]))
        .select((check_ins::registration_id.assume_not_null(), check_ins::id))
        .load(connection)?;
    let of: Vec<CheckInId> = admitted.iter().map(|(_, entry)| *entry).collect();
    let undone: HashSet<Option<CheckInId>> = HashSet::from_iter(undoings(connection, &of)?.into_iter().map(Some));
    for (id, entry) in admitted {
        found.entry(id).or_default().checked_in |= !undone.contains(&Some(entry));
    }
    let open = possible_duplicates::table.filter(possible_duplicates::state.eq("open"));
    let later: Vec<RegistrationId> = open
        .filter(possible_duplicates::registration_id.eq_any(ids))
        .select(possible_duplicates::registration_id)
        .load(connection)?;
    let earlier: Vec<RegistrationId> = open
        .filter(possible_duplicates::earlier_id.eq_any(ids))
        .select(possible_duplicates::earlier_id)
        .load(connection)?;
    for id in later.into_iter().chain(earlier) {
        found.entry(id).or_default().possible_duplicate = true;
    }
    let sign_ups: Vec<(RegistrationId, SessionId, String)> = session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq_any(ids))
        .select((session_sign_ups::registration_id, session_sign_ups::session_id, session_sign_ups::state))
        .load(connection)?;
    for (id, session, state) in sign_ups {
        found.entry(id).or_default().sessions.push((session, state));
    }
    Ok(found)
}

/// Those of these entries that were undone. An undoing names an entry by its id, which is no kind of reference.
fn undoings(connection: &mut Connection, of: &[CheckInId]) -> Result<Vec<CheckInId>, DatabaseError> {
    let mut found = Vec::new();
    // A person may come and go often.
    for some in of.chunks(crate::database::connection::ROWS_MAX) {
        let undone: Vec<CheckInId> = check_ins::table
            .filter(check_ins::undoes.eq_any(some))
            .select(check_ins::undoes.assume_not_null())
            .load(connection)?;
        found.extend(undone);
    }
    Ok(found)
}

/// The delegation of this code.
pub fn delegation(
    connection: &mut Connection,
    conference: ConferenceId,
    code: &str,
) -> Result<Option<DelegationId>, DatabaseError> {
    Ok(delegations::table
        .filter(delegations::conference_id.eq(conference))
        .filter(delegations::code.eq(code))
        .select(delegations::id)
        .first(connection)
        .optional()?)
}

/// The codes of some delegations, the first in order.
pub fn delegation_codes(
    connection: &mut Connection,
    conference: ConferenceId,
    limit: i64,
) -> Result<Vec<String>, DatabaseError> {
    Ok(delegations::table
        .filter(delegations::conference_id.eq(conference))
        .order(delegations::code)
        .limit(limit)
        .select(delegations::code)
        .load(connection)?)
}

/// How many registrations stand in each state.
pub fn by_state(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<(String, i64)>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .group_by(registrations::state)
        .select((registrations::state, diesel::dsl::count_star()))
        .load(connection)?)
}

/// How many registrations are from each country.
pub fn by_country(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(Option<String>, i64)>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .group_by(registrations::country)
        .order(registrations::country)
        .select((registrations::country, diesel::dsl::count_star()))
        .load(connection)?)
}

/// What is counted of a category.
#[derive(Debug, Clone, Copy, Default)]
pub struct CategoryCounts {
    pub registrations: i64,
    pub waiting: i64,
}

/// The seats that are kept for invitations, each with the category that it is to.
pub fn reserved(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(Option<CategoryId>, i64)>, DatabaseError> {
    let rows: Vec<(Option<CategoryId>, i32)> = invitations::table
        .filter(invitations::conference_id.eq(conference))
        .filter(invitations::seats_reserved.gt(0))
        .select((invitations::category_id, invitations::seats_reserved))
        .load(connection)?;
    Ok(rows.into_iter().map(|(category, seats)| (category, i64::from(seats))).collect())
}

/// What is counted of these categories.
pub fn by_category(
    connection: &mut Connection,
    ids: &[CategoryId],
) -> Result<HashMap<CategoryId, CategoryCounts>, DatabaseError> {
    let waits = State::Waitlisted.as_str();
    let rows: Vec<(CategoryId, String, i64)> = registrations::table
        .filter(registrations::category_id.eq_any(ids))
        .group_by((registrations::category_id, registrations::state))
        .select((registrations::category_id, registrations::state, diesel::dsl::count_star()))
        .load(connection)?;
    // Who has an offer waits no more. Offers are few, and have an index of their own.
    let offered: Vec<CategoryId> = registrations::table
        .filter(registrations::offer_expires_at.is_not_null())
        .select(registrations::category_id)
        .load(connection)?;
    let mut found: HashMap<CategoryId, CategoryCounts> = HashMap::new();
    for (id, state, count) in rows {
        let counts = found.entry(id).or_default();
        counts.registrations += count;
        if state == waits {
            counts.waiting += count;
        }
    }
    for id in offered {
        if let Some(counts) = found.get_mut(&id) {
            counts.waiting -= 1;
        }
    }
    Ok(found)
}

/// What is counted of a session that needs signing up for.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionCounts {
    pub seats: Option<i64>,
    pub taken: i64,
    pub waiting: i64,
    pub wished: i64,
}

/// What is counted of each session that needs signing up for.
pub fn by_session(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<HashMap<SessionId, SessionCounts>, DatabaseError> {
    let quotas: Vec<(SessionId, Option<i64>, i64)> = session_quotas::table
        .filter(session_quotas::conference_id.eq(conference))
        .select((session_quotas::session_id, session_quotas::seats, session_quotas::seats_taken))
        .load(connection)?;
    let mut found = HashMap::new();
    for (id, seats, taken) in quotas {
        let mut count = |state: &str| -> Result<i64, DatabaseError> {
            Ok(session_sign_ups::table
                .filter(session_sign_ups::session_id.eq(id))
                .filter(session_sign_ups::state.eq(state))
                .count()
                .get_result(connection)?)
        };
        let (waiting, wished) = (count("waitlisted")?, count("wished")?);
        found.insert(id, SessionCounts { seats, taken, waiting, wished });
    }
    Ok(found)
}

/// When the first registration from an instant on was made.
pub fn first_made(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let all = registrations::table.filter(registrations::conference_id.eq(conference));
    let all = all.order(registrations::created_at).select(registrations::created_at);
    let first: Option<Instant> = match from {
        Some(from) => all.filter(registrations::created_at.ge(Instant(from))).first(connection).optional()?,
        None => all.first(connection).optional()?,
    };
    Ok(first.map(|Instant(at)| at))
}

/// How many registrations were made from an instant until before another.
pub fn made_between(
    connection: &mut Connection,
    conference: ConferenceId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::created_at.ge(Instant(from)))
        .filter(registrations::created_at.lt(Instant(until)))
        .count()
        .get_result(connection)?)
}

/// What a gate may answer that is counted by date.
pub const OUTCOMES: [&str; 3] = ["admitted", "admitted_again", "refused"];

/// When the first answer of a gate from an instant on was given.
pub fn first_check_in(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let mut found: Option<DateTime<Utc>> = None;
    // One by one: each is the first entry of a stretch of the index.
    for outcome in OUTCOMES {
        let all = check_ins::table
            .filter(check_ins::conference_id.eq(conference))
            .filter(check_ins::outcome.eq(outcome))
            .order(check_ins::at)
            .select(check_ins::at);
        let first: Option<Instant> = match from {
            Some(from) => all.filter(check_ins::at.ge(Instant(from))).first(connection).optional()?,
            None => all.first(connection).optional()?,
        };
        found = found.into_iter().chain(first.map(|Instant(at)| at)).min();
    }
    Ok(found)
}

/// How often each gate gave each answer from an instant until before another.
pub fn by_gate(
    connection: &mut Connection,
    conference: ConferenceId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<BTreeMap<(String, String), i64>, DatabaseError> {
    let rows: Vec<(String, String, i64)> = check_ins::table
        .filter(check_ins::conference_id.eq(conference))
        .filter(check_ins::outcome.eq_any(OUTCOMES))
        .filter(check_ins::at.ge(Instant(from)))
        .filter(check_ins::at.lt(Instant(until)))
        .group_by((check_ins::gate, check_ins::outcome))
        .select((check_ins::gate, check_ins::outcome, diesel::dsl::count_star()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(gate, outcome, count)| ((gate, outcome), count)).collect())
}

/// An entry of the check-in that was undone: when, at which gate and with what outcome it was made.
#[derive(QueryableByName)]
#[diesel(table_name = check_ins)]
pub struct Undone {
    pub at: Instant,
    pub gate: String,
    pub outcome: String,
}

/// Every entry of the check-in that was undone.
pub fn undone(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Undone>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT c.at, c.gate, c.outcome FROM check_ins u CROSS JOIN check_ins c \
         WHERE c.id = u.undoes AND u.outcome = 'undone' AND u.conference_id = ",
    );
    statement.id(conference);
    statement.load(connection)
}

/// How many registrations have come in: those that were let in, without those all of whose entries were undone.
pub fn checked_in(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let admitted = "outcome IN ('admitted', 'admitted_again')";
    let mut let_in = Statement::default();
    let_in.push("SELECT count(*) AS n FROM (SELECT DISTINCT registration_id FROM check_ins WHERE conference_id = ");
    let_in.id(conference).push(" AND registration_id IS NOT NULL AND ").push(admitted).push(") came");
    let mut undone = Statement::default();
    undone.push("SELECT count(DISTINCT e.registration_id) AS n FROM check_ins u CROSS JOIN check_ins e ");
    undone.push("WHERE e.id = u.undoes AND u.outcome = 'undone' AND u.conference_id = ").id(conference);
    undone.push(" AND e.").push(admitted).push(" AND NOT EXISTS (SELECT 1 FROM check_ins c WHERE c.registration_id = ");
    undone.push("e.registration_id AND ").push(CAME_IN).push(")");
    let mut count = |statement: Statement| -> Result<i64, DatabaseError> {
        let counts: Vec<Count> = statement.load(connection)?;
        Ok(counts.first().map_or(0, |count| count.n))
    };
    Ok(count(let_in)? - count(undone)?)
}

/// The states in the order of the table of states, each with its count.
pub fn in_order_of_states(counts: &[(String, i64)]) -> Vec<(State, i64)> {
    let of = |word: &str| counts.iter().find(|(state, _)| state == word).map_or(0, |(_, count)| *count);
    let known: BTreeSet<State> = State::WORDS.iter().filter_map(|word| State::from_word(word)).collect();
    known.into_iter().map(|state| (state, of(state.as_str()))).collect()
}
