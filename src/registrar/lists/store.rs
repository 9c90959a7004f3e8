//! Queries of lists.
//!
//! The statements of lists are built as text, because this module decides which index finds a page: SQLite's planner
//! has no statistics. Values are bound in the order of their placeholders; both stores read `$1`.

use std::collections::{HashMap, HashSet};

use diesel::{prelude::*, sql_query, sql_types};

use super::model::{Filter, Key, RelatedData, SearchTerm, Sort};
use crate::{
    check_in::{ADMITTED_AND_NOT_UNDONE, scan_rules::Outcome},
    database::{
        Connection, DatabaseError, ROWS_MAX,
        connection::MultiBackend,
        schema::{check_ins, delegation_members, delegations, possible_duplicates, registrations, session_sign_ups},
        types::{DbInstant, Guid, UtcInstant},
    },
    ids::{CheckInId, ConferenceId, DelegationId, Id, RegistrationId, SessionId, kind},
    registrar::lists::row::ListRow,
    registration::{duplicate_check::DuplicateState, fields::PERSONAL_FIELDS, session_seats::SignUpState},
};

/// The columns of a [`ListRow`], of a registration `r`.
fn row_columns() -> String {
    let leading = ["id", "category_id", "reference", "state", "arrival", "name_folded", "email_folded", "answers"];
    let times = ["offer_expires_at", "created_at", "updated_at"];
    let personal = PERSONAL_FIELDS.iter().map(|field| field.name);
    let all: Vec<String> = leading.into_iter().chain(personal).chain(times).map(|name| format!("r.{name}")).collect();
    all.join(", ")
}

/// The condition of a live registration.
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

    fn push_value(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        let placeholder = format!("${}", self.values.len());
        self.push(&placeholder)
    }

    fn push_id<K>(&mut self, id: Id<K>) -> &mut Self {
        // Every id is one column type.
        self.push_value(Value::Id(Id::from_uuid(id.uuid())))
    }

    fn push_any_of(&mut self, column: &str, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.push(column).push(" IN (");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.push_value(value);
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
    /// The indexes that find the registrations of a filter, except that of the search text.
    pub fn of_filter(filter: &Filter) -> impl Iterator<Item = Self> {
        let indexes = [
            (!filter.states.is_empty()).then_some(Self::States),
            (!filter.categories.is_empty()).then_some(Self::Categories),
            (!filter.countries.is_empty()).then_some(Self::Countries),
            filter.delegation.map(|_| Self::Delegation),
            filter.session.map(|_| Self::Session),
            (filter.checked_in == Some(true)).then_some(Self::CheckedIn),
            (filter.duplicates == Some(true)).then_some(Self::Duplicates),
        ];
        indexes.into_iter().flatten()
    }

    /// Appends a query for the ids of at most `limit` registrations.
    fn push_ids(self, statement: &mut Statement, filter: &Filter, limit: i64) {
        let conference = filter.conference;
        match self {
            Self::States => {
                statement.push("SELECT id FROM registrations WHERE conference_id = ").push_id(conference).push(" AND ");
                statement.push_any_of("state", states(filter));
            }
            // A category is of one conference.
            Self::Categories => {
                statement.push("SELECT id FROM registrations WHERE ").push_any_of("category_id", category_ids(filter));
            }
            Self::Countries => {
                statement.push("SELECT id FROM registrations WHERE conference_id = ").push_id(conference).push(" AND ");
                statement.push_any_of("country", countries(filter));
            }
            Self::Delegation => {
                statement.push("SELECT registration_id AS id FROM delegation_members WHERE delegation_id = ");
                statement.push_id(filter.delegation.unwrap_or_default());
            }
            Self::Session => {
                statement.push("SELECT registration_id AS id FROM session_sign_ups WHERE session_id = ");
                statement.push_id(filter.session.unwrap_or_default());
            }
            Self::CheckedIn => {
                statement.push("SELECT DISTINCT registration_id AS id FROM (SELECT registration_id FROM check_ins c WHERE c.conference_id = ");
                statement
                    .push_id(conference)
                    .push(" AND registration_id IS NOT NULL AND ")
                    .push(ADMITTED_AND_NOT_UNDONE)
                    .push(" LIMIT ");
                statement.push_value(Value::Number(limit)).push(") came");
            }
            Self::Duplicates => {
                for (column, set_operator) in [("registration_id", " UNION "), ("earlier_id", "")] {
                    statement
                        .push("SELECT ")
                        .push(column)
                        .push(" AS id FROM possible_duplicates WHERE conference_id = ");
                    statement.push_id(conference).push(" AND state = 'open'").push(set_operator);
                }
            }
            Self::Text => {
                let Some(term) = &filter.text else {
                    return;
                };
                push_direct_matches(statement, conference, term, limit);
            }
        }
        statement.push(" LIMIT ").push_value(Value::Number(limit));
    }
}

/// Appends a query for registrations whose name or, if live, address begins with the term, or whose reference equals
/// it. An index finds each.
fn push_direct_matches(statement: &mut Statement, conference: ConferenceId, term: &SearchTerm, limit: i64) {
    let mut push_range = |column: &str, prefix: &str, condition: &str| {
        statement.push("SELECT id FROM (SELECT id FROM registrations WHERE conference_id = ").push_id(conference);
        statement.push(" AND ").push(column).push(" >= ").push_value(Value::Text(prefix.to_owned()));
        // U+10FFFF is the greatest character: in byte order, every text with this prefix is below.
        statement.push(" AND ").push(column).push(" < ").push_value(Value::Text(format!("{prefix}\u{10ffff}")));
        statement.push(condition).push(" LIMIT ").push_value(Value::Number(limit)).push(") f UNION ");
    };
    if !term.folded.is_empty() {
        push_range("name_folded", &term.folded, "");
    }
    push_range("email_folded", &term.lower_case, &format!(" AND {LIVE}"));
    statement.push("SELECT id FROM registrations WHERE conference_id = ").push_id(conference);
    statement.push(" AND reference = ").push_value(Value::Text(term.upper_case.clone()));
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
pub fn count(connection: &mut Connection, filter: &Filter, index: IndexPath, limit: i64) -> Result<i64, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) AS n FROM (");
    index.push_ids(&mut statement, filter, limit);
    statement.push(") found");
    let counts: Vec<Count> = statement.load(connection)?;
    Ok(counts.first().map_or(0, |count| count.n))
}

/// Number of registrations that match, by the conditions that a statement can check.
pub fn count_matching(connection: &mut Connection, filter: &Filter) -> Result<usize, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) AS n FROM registrations r WHERE r.conference_id = ").push_id(filter.conference);
    push_conditions(&mut statement, filter);
    let counts: Vec<Count> = statement.load(connection)?;
    Ok(counts.first().map_or(0, |count| usize::try_from(count.n).unwrap_or_default()))
}

/// Appends the conditions on a registration `r`, each after an AND.
fn push_conditions(statement: &mut Statement, filter: &Filter) {
    match filter.has_address {
        Some(true) => _ = statement.push(" AND r.email_folded IS NOT NULL"),
        Some(false) => _ = statement.push(" AND r.email_folded IS NULL"),
        None => {}
    }
    if !filter.states.is_empty() {
        statement.push(" AND ").push_any_of("r.state", states(filter));
    }
    if !filter.categories.is_empty() {
        statement.push(" AND ").push_any_of("r.category_id", category_ids(filter));
    }
    if !filter.countries.is_empty() {
        statement.push(" AND ").push_any_of("r.country", countries(filter));
    }
    if let Some(delegation) = filter.delegation {
        statement.push(
            " AND EXISTS (SELECT 1 FROM delegation_members m WHERE m.registration_id = r.id AND m.delegation_id = ",
        );
        statement.push_id(delegation).push(")");
    }
    if let Some(session) = filter.session {
        statement
            .push(" AND EXISTS (SELECT 1 FROM session_sign_ups s WHERE s.registration_id = r.id AND s.session_id = ");
        statement.push_id(session).push(")");
    }
    let and = |is_wanted: bool| if is_wanted { " AND " } else { " AND NOT " };
    if let Some(is_checked_in) = filter.checked_in {
        statement
            .push(and(is_checked_in))
            .push("EXISTS (SELECT 1 FROM check_ins c WHERE c.registration_id = r.id AND ");
        statement.push(ADMITTED_AND_NOT_UNDONE).push(")");
    }
    if let Some(is_duplicate) = filter.duplicates {
        statement
            .push(and(is_duplicate))
            .push("(EXISTS (SELECT 1 FROM possible_duplicates d WHERE d.registration_id = r.id AND d.state = 'open')");
        statement
            .push(" OR EXISTS (SELECT 1 FROM possible_duplicates d WHERE d.earlier_id = r.id AND d.state = 'open'))");
    }
}

/// Position after which a page continues.
type After<'a> = Option<&'a (Key, RegistrationId)>;

const fn sort_column(sort: Sort) -> &'static str {
    match sort {
        Sort::Arrival | Sort::LatestArrival => "arrival",
        Sort::Name | Sort::LastName => "name_folded",
        Sort::Updated | Sort::LatestUpdated => "updated_at",
    }
}

/// Appends the condition that a row comes after a position.
fn push_after(statement: &mut Statement, table: &str, sort: Sort, after: After<'_>) {
    let Some((key, id)) = after else {
        return;
    };
    let operator = if sort.is_descending() { "<" } else { ">" };
    statement.push(&format!(" AND ({table}.{}, {table}.id) {operator} (", sort_column(sort)));
    statement.push_value(match key {
        Key::Arrival(arrival) => Value::Number(*arrival),
        Key::Name(name) => Value::Text(name.clone()),
        Key::Updated(at) => Value::DbInstant(DbInstant(*at)),
    });
    statement.push(", ").push_id(*id).push(")");
}

fn push_order(statement: &mut Statement, table: &str, sort: Sort, limit: i64) {
    let direction = if sort.is_descending() { " DESC" } else { "" };
    statement.push(&format!(" ORDER BY {table}.{}{direction}, {table}.id{direction} LIMIT ", sort_column(sort)));
    statement.push_value(Value::Number(limit));
}

/// Matching registrations among the few that the index finds.
pub fn selective_rows(
    connection: &mut Connection,
    filter: &Filter,
    index: IndexPath,
    sort: Sort,
    after: After<'_>,
    limit: i64,
) -> Result<Vec<ListRow>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push("WITH few AS MATERIALIZED (");
    index.push_ids(&mut statement, filter, i64::MAX);
    // `few` comes first: SQLite keeps the order of a cross join.
    statement.push(&format!(") SELECT {} FROM few CROSS JOIN registrations r WHERE r.id = few.id", row_columns()));
    statement.push(" AND r.conference_id = ").push_id(filter.conference);
    push_conditions(&mut statement, filter);
    push_after(&mut statement, "r", sort, after);
    push_order(&mut statement, "r", sort, limit);
    statement.load(connection)
}

/// Appends what a scan reads: all registrations or, in the order of arrival, those of one category, country or status,
/// if an index begins with it.
fn push_scan(statement: &mut Statement, filter: &Filter, sort: Sort) {
    let is_by_arrival = matches!(sort, Sort::Arrival | Sort::LatestArrival);
    if let ([category], true) = (filter.categories.as_slice(), is_by_arrival) {
        // The conference is left out so that SQLite takes the index of categories.
        statement.push(" FROM registrations w WHERE w.category_id = ").push_id(*category);
        return;
    }
    statement.push(" FROM registrations w WHERE w.conference_id = ").push_id(filter.conference);
    match (filter.countries.as_slice(), filter.states.as_slice(), is_by_arrival) {
        ([country], _, true) => {
            statement.push(" AND w.country = ").push_value(Value::Text(country.clone()));
        }
        (_, [state], true) => {
            statement.push(" AND w.state = ").push_value(Value::Text(state.as_str().to_owned()));
        }
        _ => {}
    }
}

/// At most `limit` matching registrations among the next `step` rows of the scan.
pub fn rows_of_step(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    after: After<'_>,
    step: i64,
    limit: i64,
) -> Result<Vec<ListRow>, DatabaseError> {
    let mut statement = Statement::default();
    statement.push(&format!("SELECT {} FROM (SELECT w.*", row_columns()));
    push_scan(&mut statement, filter, sort);
    push_after(&mut statement, "w", sort, after);
    push_order(&mut statement, "w", sort, step);
    statement.push(") r WHERE r.conference_id = ").push_id(filter.conference);
    push_conditions(&mut statement, filter);
    push_order(&mut statement, "r", sort, limit);
    statement.load(connection)
}

#[derive(QueryableByName)]
#[diesel(table_name = registrations)]
struct StepEnd {
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
    push_scan(&mut statement, filter, sort);
    push_after(&mut statement, "w", sort, after);
    push_order(&mut statement, "w", sort, 1);
    statement.push(" OFFSET ").push_value(Value::Number(step - 1)).push(")");
    let ends: Vec<StepEnd> = statement.load(connection)?;
    Ok(ends.into_iter().next().map(|end| {
        let key = match sort {
            Sort::Arrival | Sort::LatestArrival => Key::Arrival(end.arrival),
            Sort::Name | Sort::LastName => Key::Name(end.name_folded),
            Sort::Updated | Sort::LatestUpdated => Key::Updated(end.updated_at.0),
        };
        (key, end.id)
    }))
}

/// Data of these registrations from other tables.
pub fn related_data(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, RelatedData>, DatabaseError> {
    let mut related: HashMap<RegistrationId, RelatedData> = HashMap::new();
    let members: Vec<(RegistrationId, DelegationId)> = delegation_members::table
        .filter(delegation_members::registration_id.eq_any(ids))
        .select((delegation_members::registration_id, delegation_members::delegation_id))
        .load(connection)?;
    let delegation_ids: HashSet<DelegationId> = members.iter().map(|(_, delegation)| *delegation).collect();
    let codes: HashMap<DelegationId, String> = delegations::table
        .filter(delegations::id.eq_any(delegation_ids))
        .select((delegations::id, delegations::code))
        .load(connection)?
        .into_iter()
        .collect();
    for (id, delegation) in members {
        related.entry(id).or_default().delegation = codes.get(&delegation).cloned();
    }
    let admitted: Vec<(RegistrationId, CheckInId)> = check_ins::table
        .filter(check_ins::registration_id.eq_any(ids))
        .filter(check_ins::outcome.eq_any([Outcome::Admitted, Outcome::AdmittedAgain]))
        .select((check_ins::registration_id.assume_not_null(), check_ins::id))
        .load(connection)?;
    let entries: Vec<CheckInId> = admitted.iter().map(|(_, entry)| *entry).collect();
    let undone: HashSet<CheckInId> = undone_entries(connection, &entries)?.into_iter().collect();
    for (id, entry) in admitted {
        related.entry(id).or_default().checked_in |= !undone.contains(&entry);
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
        related.entry(id).or_default().possible_duplicate = true;
    }
    let sign_ups: Vec<(RegistrationId, SessionId, SignUpState)> = session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq_any(ids))
        .select((session_sign_ups::registration_id, session_sign_ups::session_id, session_sign_ups::state))
        .load(connection)?;
    for (id, session, state) in sign_ups {
        related.entry(id).or_default().sessions.push((session, state));
    }
    Ok(related)
}

/// Those of these entries that were undone. `undoes` is no foreign key, so it is looked up by id.
fn undone_entries(connection: &mut Connection, entries: &[CheckInId]) -> Result<Vec<CheckInId>, DatabaseError> {
    let mut undone = Vec::new();
    // One person may have many admissions.
    for chunk in entries.chunks(ROWS_MAX) {
        let undone_of_chunk: Vec<CheckInId> = check_ins::table
            .filter(check_ins::undoes.eq_any(chunk))
            .select(check_ins::undoes.assume_not_null())
            .load(connection)?;
        undone.extend(undone_of_chunk);
    }
    Ok(undone)
}

pub fn find_delegation(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::model::RegistrationStatus;

    #[test]
    fn the_condition_of_live_registrations_names_the_live_statuses() {
        let quoted: Vec<String> =
            RegistrationStatus::LIVE.iter().map(|status| format!("'{}'", status.as_str())).collect();
        assert_eq!(LIVE, format!("state IN ({})", quoted.join(", ")));
    }
}
