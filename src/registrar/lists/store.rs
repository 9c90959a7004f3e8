//! Queries of lists and statistics.
//!
//! The statements of lists are built as text, because this module decides which index finds a page: SQLite's planner
//! has no statistics. Values are bound in the order of their placeholders; both stores read `$1`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
};

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query, sql_types};

use super::model::{Filter, Key, RelatedData, SearchTerm, Sort};
use crate::{
    check_in::scan_rules::Outcome,
    database::{
        Connection, DatabaseError, ROWS_MAX,
        connection::MultiBackend,
        schema::{
            check_ins, delegation_members, delegations, invitations, possible_duplicates, registrations,
            session_quotas, session_sign_ups,
        },
        types::{DbInstant, Guid, UtcInstant},
    },
    ids::{CategoryId, CheckInId, ConferenceId, DelegationId, Id, RegistrationId, SessionId, kind},
    registrar::lists::row::ListRow,
    registration::{
        duplicate_check::DuplicateState, fields::PERSONAL_FIELDS, model::RegistrationStatus, session_seats::SignUpState,
    },
};

/// The columns of a [`ListRow`], of a registration `r`.
fn columns() -> String {
    let own = ["id", "category_id", "reference", "state", "arrival", "name_folded", "email_folded", "answers"];
    let times = ["offer_expires_at", "created_at", "updated_at"];
    let personal = PERSONAL_FIELDS.iter().map(|field| field.name);
    let all: Vec<String> = own.into_iter().chain(personal).chain(times).map(|name| format!("r.{name}")).collect();
    all.join(", ")
}

/// Condition that a check-in entry `c` is an admission that was not undone.
const CAME_IN: &str = "c.outcome IN ('admitted', 'admitted_again') \
                       AND NOT EXISTS (SELECT 1 FROM check_ins u WHERE u.undoes = c.id)";

/// The condition of the partial index on addresses, word for word: otherwise neither store uses the index.
const LIVE: &str = "state IN ('unverified', 'pending', 'confirmed', 'waitlisted')";

/// A value to bind.
enum Value {
    Id(Id<kind::Registration>),
    Text(String),
    Number(i64),
    DbInstant(DbInstant),
}

/// A statement with its values, in the order of their placeholders.
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
                Value::DbInstant(instant) => query.bind::<UtcInstant, _>(instant),
            };
        }
        Ok(query.load(connection)?)
    }
}

/// A filter whose registrations an index finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPath {
    States,
    Categories,
    Countries,
    Delegation,
    Session,
    CheckedIn,
    Duplicates,
    Text,
}

impl IndexPath {
    /// Those of a filter, except the search text.
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

    /// Appends a query for the ids of at most `limit` registrations.
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
                let Some(term) = &filter.text else {
                    return;
                };
                begins(to, conference, term, limit);
            }
        }
        to.push(" LIMIT ").value(Value::Number(limit));
    }
}

/// Appends a query for registrations whose name or, if live, address begins with the term, or whose reference equals
/// it. An index finds each.
fn begins(to: &mut Statement, conference: ConferenceId, term: &SearchTerm, limit: i64) {
    let mut range = |column: &str, from: &str, and: &str| {
        to.push("SELECT id FROM (SELECT id FROM registrations WHERE conference_id = ").id(conference);
        to.push(" AND ").push(column).push(" >= ").value(Value::Text(from.to_owned()));
        // U+10FFFF is the greatest character: in byte order, every text with this prefix is below.
        to.push(" AND ").push(column).push(" < ").value(Value::Text(format!("{from}\u{10ffff}")));
        to.push(and).push(" LIMIT ").value(Value::Number(limit)).push(") f UNION ");
    };
    if !term.folded.is_empty() {
        range("name_folded", &term.folded, "");
    }
    range("email_folded", &term.small, &format!(" AND {LIVE}"));
    to.push("SELECT id FROM registrations WHERE conference_id = ").id(conference);
    to.push(" AND reference = ").value(Value::Text(term.capital.clone()));
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

/// Number of registrations that the index finds, at most `limit`.
pub fn count(
    connection: &mut Connection,
    filter: &Filter,
    driver: IndexPath,
    limit: i64,
) -> Result<i64, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) AS n FROM (");
    driver.ids(&mut statement, filter, limit);
    statement.push(") found");
    let counts: Vec<Count> = statement.load(connection)?;
    Ok(counts.first().map_or(0, |count| count.n))
}

/// Appends the conditions on a registration `r`, each after an AND.
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

/// Position after which a page continues.
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
        Key::Updated(at) => Value::DbInstant(DbInstant(*at)),
    });
    to.push(", ").id(*id).push(")");
}

fn in_order(to: &mut Statement, table: &str, sort: Sort, limit: i64) {
    let way = if sort.is_descending() { " DESC" } else { "" };
    to.push(&format!(" ORDER BY {table}.{}{way}, {table}.id{way} LIMIT ", column(sort)));
    to.value(Value::Number(limit));
}

/// Matching registrations among the few that the index finds.
pub fn of_few(
    connection: &mut Connection,
    filter: &Filter,
    driver: IndexPath,
    sort: Sort,
    after: After<'_>,
    limit: i64,
) -> Result<Vec<ListRow>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("WITH few AS MATERIALIZED (");
    driver.ids(&mut statement, filter, i64::MAX);
    // `few` comes first: SQLite keeps the order of a cross join.
    statement.push(&format!(") SELECT {} FROM few CROSS JOIN registrations r WHERE r.id = few.id", columns()));
    statement.push(" AND r.conference_id = ").id(filter.conference);
    conditions(&mut statement, filter);
    behind(&mut statement, "r", sort, after);
    in_order(&mut statement, "r", sort, limit);
    statement.load(connection)
}

/// Appends what a scan reads: all registrations or, in the order of arrival, those of one category, country or status,
/// if an index begins with it.
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

/// At most `limit` matching registrations among the next `step` rows of the scan.
pub fn of_step(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    after: After<'_>,
    step: i64,
    limit: i64,
) -> Result<Vec<ListRow>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push(&format!("SELECT {} FROM (SELECT w.*", columns()));
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
    updated_at: DbInstant,
}

/// Position of the last of the next `step` rows of the scan; `None` if the scan ends before.
pub fn end_of_step(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    after: After<'_>,
    step: i64,
) -> Result<Option<(Key, RegistrationId)>, DatabaseError> {
    let mut statement = Statement::default();
    // The inner query reads the index alone.
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

/// Data of these registrations from other tables.
pub fn beside(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, RelatedData>, DatabaseError> {
    let mut found: HashMap<RegistrationId, RelatedData> = HashMap::new();
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
        .filter(check_ins::outcome.eq_any([Outcome::Admitted, Outcome::AdmittedAgain]))
        .select((check_ins::registration_id.assume_not_null(), check_ins::id))
        .load(connection)?;
    let of: Vec<CheckInId> = admitted.iter().map(|(_, entry)| *entry).collect();
    let undone: HashSet<Option<CheckInId>> = HashSet::from_iter(undoings(connection, &of)?.into_iter().map(Some));
    for (id, entry) in admitted {
        found.entry(id).or_default().checked_in |= !undone.contains(&Some(entry));
    }
    let open = possible_duplicates::table.filter(possible_duplicates::state.eq(DuplicateState::Open));
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
    let sign_ups: Vec<(RegistrationId, SessionId, SignUpState)> = session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq_any(ids))
        .select((session_sign_ups::registration_id, session_sign_ups::session_id, session_sign_ups::state))
        .load(connection)?;
    for (id, session, state) in sign_ups {
        found.entry(id).or_default().sessions.push((session, state));
    }
    Ok(found)
}

/// Those of these entries that were undone. `undoes` is no foreign key, so it is looked up by id.
fn undoings(connection: &mut Connection, of: &[CheckInId]) -> Result<Vec<CheckInId>, DatabaseError> {
    let mut found = Vec::new();
    // One person may have many admissions.
    for some in of.chunks(ROWS_MAX) {
        let undone: Vec<CheckInId> = check_ins::table
            .filter(check_ins::undoes.eq_any(some))
            .select(check_ins::undoes.assume_not_null())
            .load(connection)?;
        found.extend(undone);
    }
    Ok(found)
}

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

/// The first delegation codes, in order.
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

pub fn by_state(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(RegistrationStatus, i64)>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .group_by(registrations::state)
        .select((registrations::state, diesel::dsl::count_star()))
        .load(connection)?)
}

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

#[derive(Debug, Clone, Copy, Default)]
pub struct CategoryCounts {
    pub registrations: i64,
    pub waiting: i64,
}

/// Seats reserved for invitations, with the category of each invitation.
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

pub fn by_category(
    connection: &mut Connection,
    ids: &[CategoryId],
) -> Result<HashMap<CategoryId, CategoryCounts>, DatabaseError> {
    let rows: Vec<(CategoryId, RegistrationStatus, i64)> = registrations::table
        .filter(registrations::category_id.eq_any(ids))
        .group_by((registrations::category_id, registrations::state))
        .select((registrations::category_id, registrations::state, diesel::dsl::count_star()))
        .load(connection)?;
    // A registration with an offer does not count as waiting. Offers are few, and have an index of their own.
    let offered: Vec<CategoryId> = registrations::table
        .filter(registrations::offer_expires_at.is_not_null())
        .select(registrations::category_id)
        .load(connection)?;
    let mut found: HashMap<CategoryId, CategoryCounts> = HashMap::new();
    for (id, state, count) in rows {
        let counts = found.entry(id).or_default();
        counts.registrations += count;
        if state == RegistrationStatus::Waitlisted {
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

/// Counts of a session with sign-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionCounts {
    pub seats: Option<i64>,
    pub taken: i64,
    pub waiting: i64,
    pub wished: i64,
}

/// Counts of every session with sign-up.
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
        let mut count = |state: SignUpState| -> Result<i64, DatabaseError> {
            Ok(session_sign_ups::table
                .filter(session_sign_ups::session_id.eq(id))
                .filter(session_sign_ups::state.eq(state))
                .count()
                .get_result(connection)?)
        };
        let (waiting, wished) = (count(SignUpState::Waitlisted)?, count(SignUpState::Wished)?);
        found.insert(id, SessionCounts { seats, taken, waiting, wished });
    }
    Ok(found)
}

/// Creation time of the first registration, or of the first one at or after `from`.
pub fn first_made(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let all = registrations::table.filter(registrations::conference_id.eq(conference));
    let all = all.order(registrations::created_at).select(registrations::created_at);
    let first: Option<DbInstant> = match from {
        Some(from) => all.filter(registrations::created_at.ge(DbInstant(from))).first(connection).optional()?,
        None => all.first(connection).optional()?,
    };
    Ok(first.map(|DbInstant(at)| at))
}

/// Number of registrations created during the interval.
pub fn made_between(
    connection: &mut Connection,
    conference: ConferenceId,
    during: &Range<DateTime<Utc>>,
) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::created_at.ge(DbInstant(during.start)))
        .filter(registrations::created_at.lt(DbInstant(during.end)))
        .count()
        .get_result(connection)?)
}

/// Outcomes that are counted by date.
pub const OUTCOMES: [Outcome; 3] = [Outcome::Admitted, Outcome::AdmittedAgain, Outcome::Refused];

/// Time of the first counted check-in, or of the first one at or after `from`.
pub fn first_check_in(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let mut found: Option<DateTime<Utc>> = None;
    // One query for each outcome: each finds its row in the index.
    for outcome in OUTCOMES {
        let all = check_ins::table
            .filter(check_ins::conference_id.eq(conference))
            .filter(check_ins::outcome.eq(outcome))
            .order(check_ins::at)
            .select(check_ins::at);
        let first: Option<DbInstant> = match from {
            Some(from) => all.filter(check_ins::at.ge(DbInstant(from))).first(connection).optional()?,
            None => all.first(connection).optional()?,
        };
        found = found.into_iter().chain(first.map(|DbInstant(at)| at)).min();
    }
    Ok(found)
}

/// Number of check-ins during the interval, by gate and outcome.
pub fn by_gate(
    connection: &mut Connection,
    conference: ConferenceId,
    during: &Range<DateTime<Utc>>,
) -> Result<BTreeMap<(String, Outcome), i64>, DatabaseError> {
    let rows: Vec<(String, Outcome, i64)> = check_ins::table
        .filter(check_ins::conference_id.eq(conference))
        .filter(check_ins::outcome.eq_any(OUTCOMES))
        .filter(check_ins::at.ge(DbInstant(during.start)))
        .filter(check_ins::at.lt(DbInstant(during.end)))
        .group_by((check_ins::gate, check_ins::outcome))
        .select((check_ins::gate, check_ins::outcome, diesel::dsl::count_star()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(gate, outcome, count)| ((gate, outcome), count)).collect())
}

/// A check-in entry that was undone.
#[derive(QueryableByName)]
#[diesel(table_name = check_ins)]
pub struct Undone {
    pub at: DbInstant,
    pub gate: String,
    pub outcome: Outcome,
}

pub fn undone(connection: &mut Connection, conference: ConferenceId) -> Result<Vec<Undone>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT c.at, c.gate, c.outcome FROM check_ins u CROSS JOIN check_ins c \
         WHERE c.id = u.undoes AND u.outcome = 'undone' AND u.conference_id = ",
    );
    statement.id(conference);
    statement.load(connection)
}

/// Number of registrations with an admission that was not undone.
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

/// A count for each status, in the order of [`RegistrationStatus`]; 0 for those without registrations.
pub fn in_order_of_states(counts: &[(RegistrationStatus, i64)]) -> Vec<(RegistrationStatus, i64)> {
    let of = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    let known: BTreeSet<RegistrationStatus> =
        RegistrationStatus::WORDS.iter().filter_map(|word| RegistrationStatus::from_word(word)).collect();
    known.into_iter().map(|state| (state, of(state))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_the_words_of_the_enums() {
        let quoted = |words: &[&str]| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        assert_eq!(LIVE, format!("state IN ({})", quoted(&RegistrationStatus::LIVE.map(RegistrationStatus::as_str))));
        let admitted = quoted(&[Outcome::Admitted.as_str(), Outcome::AdmittedAgain.as_str()]);
        assert!(CAME_IN.starts_with(&format!("c.outcome IN ({admitted}) ")));
    }
}
