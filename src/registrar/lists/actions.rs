//! Filters and pages of lists: checks a query against the conference and finds the page.

use std::collections::HashMap;

use super::{
    model::{AnswerFilter, Cursor, Filter, Key, Part, RelatedData, SearchTerm, Sort, answer_value},
    row::ListRow,
    store::{self, IndexPath},
};
use crate::{
    agenda::{Agenda, ConferenceRef, document::Session},
    database::{Connection, DatabaseError},
    ids::{CategoryId, RegistrationId},
    registration::{
        RegistrationError,
        form::Question,
        model::RegistrationStatus,
        setup::{self, state::SetupState},
    },
    validation::ValidationErrors,
    values::{Code, CountryCode, TextValue as _},
};

/// Filters of a list as a query gives them, not yet checked.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    pub state: Option<String>,
    pub category: Option<String>,
    pub country: Option<String>,
    pub delegation: Option<String>,
    pub session: Option<String>,
    pub answer: Option<String>,
    pub checked_in: Option<bool>,
    pub duplicates: Option<bool>,
    pub has_address: Option<bool>,
    pub q: Option<String>,
}

/// What lists read of the conference.
pub struct ListContext {
    pub setup_state: SetupState,
    /// Questions of the present form.
    pub questions: Vec<Question>,
}

impl ListContext {
    /// Loads them.
    ///
    /// # Errors
    /// Those of [`setup::state::get_setup_state`].
    pub fn load(connection: &mut Connection, conference: &ConferenceRef) -> Result<Self, RegistrationError> {
        let setup_state = setup::state::get_setup_state(connection, conference.id)?;
        let questions = setup_state.questions()?;
        Ok(Self { setup_state, questions })
    }

    /// Code of the category of a registration.
    ///
    /// # Errors
    /// Those of [`SetupState::get_category`].
    pub fn category_code(&self, id: CategoryId) -> Result<String, DatabaseError> {
        Ok(self.setup_state.get_category(id)?.code.to_string())
    }
}

fn comma_separated(parameter: Option<&String>) -> impl Iterator<Item = &str> {
    parameter.into_iter().flat_map(|text| text.split(',')).map(str::trim)
}

/// Detail of a validation error that names the values that exist.
fn must_be_one_of(codes: &[String]) -> String {
    match codes {
        [] => "there is none".to_owned(),
        codes => format!("must be one of {}", codes.join(", ")),
    }
}

/// Limit of delegations that a validation error names.
const NAMED_MAX: i64 = 50;

/// Checks a query against the conference. A validation error for an unknown value names those that exist.
///
/// # Errors
/// Every unknown value, each with its parameter.
pub fn filter(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    context: &ListContext,
    query: &ListQuery,
) -> Result<Filter, RegistrationError> {
    let mut errors = ValidationErrors::default();
    let mut states = Vec::new();
    for word in comma_separated(query.state.as_ref()) {
        match RegistrationStatus::from_text(word) {
            Some(state) => states.push(state),
            None => {
                let detail = format!("must be one of {}", RegistrationStatus::TEXTS.join(", "));
                errors.add("?state", "unknown_value", detail);
            }
        }
    }
    let mut categories = Vec::new();
    for code in comma_separated(query.category.as_ref()) {
        match context.setup_state.category(code) {
            Some(category) => categories.push(category.id),
            None => {
                let categories = &context.setup_state.categories;
                let codes: Vec<_> = categories.iter().map(|category| category.code.to_string()).collect();
                errors.add("?category", "unknown_value", must_be_one_of(&codes));
            }
        }
    }
    let mut countries = Vec::new();
    for code in comma_separated(query.country.as_ref()) {
        match CountryCode::parse(code) {
            Ok(country) => countries.push(country.text().into_owned()),
            Err(error) => errors.add("?country", &error.code, error.detail),
        }
    }
    let delegation = match &query.delegation {
        Some(code) => {
            let delegation = match Code::parse(code) {
                Ok(code) => store::find_delegation(connection, conference.id, code.as_str())?,
                Err(_) => None,
            };
            if delegation.is_none() {
                let mut codes = store::delegation_codes(connection, conference.id, NAMED_MAX + 1)?;
                if codes.len() > usize::try_from(NAMED_MAX).unwrap_or(usize::MAX) {
                    codes.pop();
                    codes.push("...".to_owned());
                }
                errors.add("?delegation", "unknown_value", must_be_one_of(&codes));
            }
            delegation
        }
        None => None,
    };
    let session = match &query.session {
        Some(code) => {
            let quotas = crate::registration::session_seats::load_session_quotas(connection, conference.id)?;
            let has_sign_up = |session: &&Session| quotas.iter().any(|quota| session.id == Some(quota.id));
            let sessions: Vec<_> = agenda.sessions.iter().filter(has_sign_up).collect();
            let session = sessions.iter().find(|session| session.code.as_str() == code).and_then(|session| session.id);
            if session.is_none() {
                let codes: Vec<_> = sessions.iter().map(|session| session.code.to_string()).collect();
                errors.add("?session", "unknown_value", must_be_one_of(&codes));
            }
            session
        }
        None => None,
    };
    let answers = answer_filters(&context.questions, query.answer.as_ref(), &mut errors);
    let filter = Filter {
        conference: conference.id,
        states,
        categories,
        countries,
        delegation,
        session,
        checked_in: query.checked_in,
        duplicates: query.duplicates,
        has_address: query.has_address,
        text: query.q.as_deref().map(SearchTerm::new),
        answers,
    };
    Ok(errors.into_result(filter)?)
}

/// Reads `question:value` pairs, separated by commas. Several values of one question become one condition.
fn answer_filters(
    questions: &[Question],
    parameter: Option<&String>,
    errors: &mut ValidationErrors,
) -> Vec<AnswerFilter> {
    let mut filters: Vec<AnswerFilter> = Vec::new();
    for pair in comma_separated(parameter) {
        let Some((code, value)) = pair.split_once(':') else {
            errors.add("?answer", "malformed", "must be question:value, several after commas");
            continue;
        };
        let Some(question) = questions.iter().find(|question| question.code.as_str() == code) else {
            let codes: Vec<_> = questions.iter().map(|question| question.code.as_str()).collect();
            let codes = if codes.is_empty() { "none".to_owned() } else { codes.join(", ") };
            errors.add("?answer", "unknown_value", format!("{code} is no question of the form, which has {codes}"));
            continue;
        };
        match answer_value(question, value.trim()) {
            Ok(value) => match filters.iter_mut().find(|filter| filter.question == code) {
                Some(filter) => filter.any_of.push(value),
                None => filters.push(AnswerFilter { question: code.to_owned(), any_of: vec![value] }),
            },
            Err(detail) => errors.add("?answer", "unknown_value", detail),
        }
    }
    filters
}

/// A filter that matches at most so many registrations is read as a whole and sorted.
const SELECTIVE_MAX: i64 = 2_500;
/// Rows of the first step of a scan; most pages are found in it.
const FIRST_STEP: i64 = 200;
/// Limit of rows of a step; each step is twice as long as the one before.
const STEP_MAX: i64 = 2_000;

/// Limits of rows that one page may scan.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Limit if SQL alone checks the conditions.
    pub rows: i64,
    /// Limit if search text or answers are checked row by row.
    pub checked_rows: i64,
    /// As `checked_rows`, once the page has a registration.
    pub checked_rows_after_first: i64,
}

impl Budget {
    pub const PAGE: Self = Self { rows: 20_000, checked_rows: 10_000, checked_rows_after_first: 1_000 };
    /// Without limit, so that no page of an export is empty before the end.
    pub const EXPORT: Self = Self { rows: i64::MAX, checked_rows: i64::MAX, checked_rows_after_first: i64::MAX };
}

/// A page of a list.
pub struct ListPage {
    pub rows: Vec<ListRow>,
    /// Cursor of the next page.
    pub next: Option<Cursor>,
}

/// How registrations are found.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// By a filter that few match: they are read and sorted.
    Selective(IndexPath),
    /// By a scan along the order of the list.
    Scan,
}

/// The filter that matches the fewest registrations, if at most [`SELECTIVE_MAX`] do.
fn selective_index(connection: &mut Connection, filter: &Filter) -> Result<Option<IndexPath>, DatabaseError> {
    let mut best = None;
    for index in IndexPath::of_filter(filter) {
        let count = store::count(connection, filter, index, SELECTIVE_MAX + 1)?;
        if count <= SELECTIVE_MAX && best.is_none_or(|(_, least)| count < least) {
            best = Some((index, count));
        }
    }
    Ok(best.map(|(index, _)| index))
}

/// The page of at most `limit` matching registrations after `from`. The list of a search has two parts if an index
/// finds some matches: those at the beginning of name or address and the exact reference, then the rest. An export has
/// one part.
pub fn page(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    from: Option<Cursor>,
    limit: usize,
    budget: Budget,
) -> Result<ListPage, DatabaseError> {
    let selective = selective_index(connection, filter)?;
    let Cursor { mut part, mut after } = match from {
        Some(cursor) => cursor,
        None if filter.text.is_some() && selective.is_none() => {
            let direct_matches = store::count(connection, filter, IndexPath::Text, SELECTIVE_MAX + 1)?;
            let part = if (1..=SELECTIVE_MAX).contains(&direct_matches) { Part::Direct } else { Part::Whole };
            Cursor { part, after: None }
        }
        None => Cursor { part: Part::Whole, after: None },
    };
    let plan = selective.map_or(Plan::Scan, Plan::Selective);
    let mut rows: Vec<ListRow> = Vec::new();
    // The part of each row.
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let plan = if part == Part::Direct { Plan::Selective(IndexPath::Text) } else { plan };
        let missing = limit + 1 - rows.len();
        let scan_max = match (filter.needs_check(part), rows.is_empty()) {
            (false, _) => budget.rows,
            (true, true) => budget.checked_rows,
            (true, false) => budget.checked_rows_after_first,
        };
        let search = PartSearch { filter, sort, part, plan };
        let (matches, end) = search.next_matches(connection, after, missing, scan_max)?;
        parts.extend(matches.iter().map(|_| part));
        rows.extend(matches);
        if rows.len() > limit {
            rows.truncate(limit);
            let last = rows.last().map(|row| row.key(sort));
            let part = limit.checked_sub(1).and_then(|last| parts.get(last).copied()).unwrap_or(part);
            return Ok(ListPage { rows, next: Some(Cursor { part, after: last }) });
        }
        if end.is_some() {
            return Ok(ListPage { rows, next: Some(Cursor { part, after: end }) });
        }
        if part != Part::Direct {
            return Ok(ListPage { rows, next: None });
        }
        (part, after) = (Part::Rest, None);
    }
}

/// Position after which a list continues.
type After = Option<(Key, RegistrationId)>;

/// How the registrations of one part of a list are found.
struct PartSearch<'a> {
    filter: &'a Filter,
    sort: Sort,
    part: Part,
    plan: Plan,
}

impl PartSearch<'_> {
    /// Up to `limit` registrations after a position, and the position after which the part continues; `None` at its
    /// end. A scan reads at most about `scan_max` rows.
    fn next_matches(
        &self,
        connection: &mut Connection,
        mut after: After,
        limit: usize,
        scan_max: i64,
    ) -> Result<(Vec<ListRow>, After), DatabaseError> {
        let Self { filter, sort, part, plan } = *self;
        let needs_check = filter.needs_check(part);
        let mut matches: Vec<ListRow> = Vec::new();
        let mut scanned = 0;
        let mut step = FIRST_STEP;
        loop {
            let missing = i64::try_from(limit - matches.len()).unwrap_or(i64::MAX);
            let row_limit = if needs_check { step } else { missing };
            let rows = match plan {
                Plan::Selective(index) => {
                    store::selective_rows(connection, filter, index, sort, after.as_ref(), row_limit)?
                }
                Plan::Scan => store::rows_of_step(connection, filter, sort, after.as_ref(), step, row_limit)?,
            };
            let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= row_limit;
            let end = match plan {
                // The page is full: the rest of the step is not needed.
                _ if is_full && !needs_check => rows.last().map(|row| row.key(sort)),
                Plan::Selective(_) if is_full => rows.last().map(|row| row.key(sort)),
                Plan::Selective(_) => None,
                Plan::Scan => store::end_of_step(connection, filter, sort, after.as_ref(), step)?,
            };
            matches.extend(rows.into_iter().filter(|row| filter.matches(part, row)));
            if matches.len() >= limit {
                matches.truncate(limit);
                let last = matches.last().map(|row| row.key(sort));
                return Ok((matches, last));
            }
            scanned += step;
            if end.is_none() || scanned >= scan_max {
                return Ok((matches, end));
            }
            (after, step) = (end, (step * 2).min(STEP_MAX));
        }
    }
}

/// Rows that are read at once to count those that match.
const COUNTED_ROWS: usize = 2_000;

/// Number of registrations that match.
pub fn total(connection: &mut Connection, filter: &Filter) -> Result<usize, DatabaseError> {
    if !filter.needs_check(Part::Whole) {
        return store::count_matching(connection, filter);
    }
    let mut total = 0;
    let mut from = Cursor { part: Part::Whole, after: None };
    loop {
        let found = page(connection, filter, Sort::Arrival, Some(from), COUNTED_ROWS, Budget::EXPORT)?;
        total += found.rows.len();
        match found.next {
            Some(next) => from = next,
            None => return Ok(total),
        }
    }
}

/// Data of the registrations from other tables.
pub fn related_data(
    connection: &mut Connection,
    rows: &[ListRow],
) -> Result<HashMap<RegistrationId, RelatedData>, DatabaseError> {
    let ids: Vec<RegistrationId> = rows.iter().map(|row| row.id).collect();
    store::related_data(connection, &ids)
}

/// Checks a query against the conference.
///
/// # Errors
/// Those of [`filter`].
pub fn check_query(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    query: &ListQuery,
) -> Result<Filter, RegistrationError> {
    let context = ListContext::load(connection, conference)?;
    filter(connection, conference, agenda, &context, query)
}

/// The next matching registrations after an arrival number, in the order of arrival, with their arrival numbers.
///
/// # Errors
/// Those of [`filter`].
pub fn matching_after(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    query: &ListQuery,
    after: i64,
    limit: usize,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    let filter = check_query(connection, conference, agenda, query)?;
    let after = Some((Key::Arrival(after), RegistrationId::from_uuid(uuid::Uuid::max())));
    let from = Some(Cursor { part: Part::Whole, after });
    let page = page(connection, &filter, Sort::Arrival, from, limit, Budget::EXPORT)?;
    Ok(page.rows.into_iter().map(|row| (row.id, row.arrival)).collect())
}
