//! Filters and pages of lists: checks a query against the conference and finds the page.

use std::collections::HashMap;

use super::{
    model::{self, AnswerFilter, Cursor, Filter, Key, Part, RelatedData, SearchTerm, Sort},
    row::ListRow,
    store::{self, IndexPath},
};
use crate::{
    agenda::{Agenda, ConferenceRef},
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
    pub fn load(connection: &mut Connection, place: &ConferenceRef) -> Result<Self, RegistrationError> {
        let setup_state = setup::state::get_setup_state(connection, place.id)?;
        let questions = setup_state.questions()?;
        Ok(Self { setup_state, questions })
    }

    /// Code of the category of a registration.
    ///
    /// # Errors
    /// Those of [`SetupState::get_category`].
    pub fn category(&self, id: CategoryId) -> Result<String, DatabaseError> {
        Ok(self.setup_state.get_category(id)?.code.to_string())
    }
}

fn words(list: Option<&String>) -> impl Iterator<Item = &str> {
    list.into_iter().flat_map(|text| text.split(',')).map(str::trim)
}

/// Limit of delegations that a validation error names.
const NAMED_MAX: i64 = 50;

/// Checks a query against the conference. A validation error for an unknown value names the known ones.
///
/// # Errors
/// Every unknown value, each with its parameter.
pub fn filter(
    connection: &mut Connection,
    place: &ConferenceRef,
    agenda: &Agenda,
    facts: &ListContext,
    asked: &ListQuery,
) -> Result<Filter, RegistrationError> {
    let mut found = ValidationErrors::default();
    let one_of = |known: &[String]| match known {
        [] => "there is none".to_owned(),
        known => format!("must be one of {}", known.join(", ")),
    };
    let mut states = Vec::new();
    for word in words(asked.state.as_ref()) {
        match RegistrationStatus::from_word(word) {
            Some(state) => states.push(state),
            None => {
                found.add("?state", "unknown_value", format!("must be one of {}", RegistrationStatus::WORDS.join(", ")))
            }
        }
    }
    let mut categories = Vec::new();
    for word in words(asked.category.as_ref()) {
        match facts.setup_state.category(word) {
            Some(category) => categories.push(category.id),
            None => {
                let known: Vec<_> = facts.setup_state.categories.iter().map(|known| known.code.to_string()).collect();
                found.add("?category", "unknown_value", one_of(&known));
            }
        }
    }
    let mut countries = Vec::new();
    for word in words(asked.country.as_ref()) {
        match CountryCode::parse(word) {
            Ok(country) => countries.push(country.text().into_owned()),
            Err(fault) => found.add("?country", &fault.code, fault.detail),
        }
    }
    let delegation = match &asked.delegation {
        Some(code) => {
            let known = match Code::parse(code) {
                Ok(code) => store::delegation(connection, place.id, code.as_str())?,
                Err(_) => None,
            };
            if known.is_none() {
                let mut codes = store::delegation_codes(connection, place.id, NAMED_MAX + 1)?;
                if codes.len() > usize::try_from(NAMED_MAX).unwrap_or(usize::MAX) {
                    codes.pop();
                    codes.push("...".to_owned());
                }
                found.add("?delegation", "unknown_value", one_of(&codes));
            }
            known
        }
        None => None,
    };
    let session = match &asked.session {
        Some(code) => {
            let open = crate::registration::session_seats::load_session_quotas(connection, place.id)?;
            let mut known =
                agenda.sessions.iter().filter(|session| open.iter().any(|open| session.id == Some(open.id)));
            let named = known.clone().find(|session| session.code.as_str() == code).and_then(|session| session.id);
            if named.is_none() {
                let codes: Vec<_> = known.by_ref().map(|session| session.code.to_string()).collect();
                found.add("?session", "unknown_value", one_of(&codes));
            }
            named
        }
        None => None,
    };
    let answers = answers(&facts.questions, asked.answer.as_ref(), &mut found);
    let filter = Filter {
        conference: place.id,
        states,
        categories,
        countries,
        delegation,
        session,
        checked_in: asked.checked_in,
        duplicates: asked.duplicates,
        text: asked.q.as_deref().map(SearchTerm::new),
        answers,
    };
    Ok(found.or(filter)?)
}

/// Reads `question:value` pairs, separated by commas. Several values of one question become one condition.
fn answers(questions: &[Question], asked: Option<&String>, found: &mut ValidationErrors) -> Vec<AnswerFilter> {
    let mut all: Vec<AnswerFilter> = Vec::new();
    for pair in words(asked) {
        let Some((code, word)) = pair.split_once(':') else {
            found.add("?answer", "malformed", "must be question:value, several after commas");
            continue;
        };
        let Some(question) = questions.iter().find(|question| question.code.as_str() == code) else {
            let known: Vec<_> = questions.iter().map(|question| question.code.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            found.add("?answer", "unknown_value", format!("{code} is no question of the form, which has {known}"));
            continue;
        };
        match model::answer(question, word.trim()) {
            Ok(value) => match all.iter_mut().find(|wanted| wanted.question == code) {
                Some(wanted) => wanted.any_of.push(value),
                None => all.push(AnswerFilter { question: code.to_owned(), any_of: vec![value] }),
            },
            Err(says) => found.add("?answer", "unknown_value", says),
        }
    }
    all
}

/// A filter that matches at most so many registrations is read as a whole and sorted.
const FEW: i64 = 2_500;
/// Rows of the first step of a scan; most pages are found in it.
const FIRST_STEP: i64 = 200;
/// Limit of rows of a step; each step is twice as long as the one before.
const STEP: i64 = 2_000;

/// Limits of rows that one page may scan.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Limit if SQL alone checks the conditions.
    pub rows: i64,
    /// Limit if search text or answers are checked row by row.
    pub judged: i64,
    /// As `judged`, once the page has a registration.
    pub more: i64,
}

impl Budget {
    pub const PAGE: Self = Self { rows: 20_000, judged: 10_000, more: 1_000 };
    /// Without limit, so that no page of an export is empty before the end.
    pub const EXPORT: Self = Self { rows: i64::MAX, judged: i64::MAX, more: i64::MAX };
}

/// A page of a list.
pub struct ListPage {
    pub entries: Vec<ListRow>,
    /// Cursor of the next page.
    pub next: Option<Cursor>,
}

/// How registrations are found.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// By a filter that few match: they are read and sorted.
    Few(IndexPath),
    /// By a scan along the order of the list.
    Walk,
}

/// The filter that matches the fewest registrations, if at most [`FEW`] do.
fn selective_index(connection: &mut Connection, filter: &Filter) -> Result<Option<IndexPath>, DatabaseError> {
    let mut best = None;
    for driver in IndexPath::of(filter) {
        let count = store::count(connection, filter, driver, FEW + 1)?;
        if count <= FEW && best.is_none_or(|(_, least)| count < least) {
            best = Some((driver, count));
        }
    }
    Ok(best.map(|(driver, _)| driver))
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
    let few = selective_index(connection, filter)?;
    let Cursor { mut part, mut after } = match from {
        Some(cursor) => cursor,
        None if filter.text.is_some() && few.is_none() => {
            let direct = store::count(connection, filter, IndexPath::Text, FEW + 1)?;
            let part = if (1..=FEW).contains(&direct) { Part::Direct } else { Part::Whole };
            Cursor { part, after: None }
        }
        None => Cursor { part: Part::Whole, after: None },
    };
    let whole = few.map_or(Plan::Walk, Plan::Few);
    let mut entries: Vec<ListRow> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let plan = if part == Part::Direct { Plan::Few(IndexPath::Text) } else { whole };
        let wanted = limit + 1 - entries.len();
        let reach = match (filter.judges(part), entries.is_empty()) {
            (false, _) => budget.rows,
            (true, true) => budget.judged,
            (true, false) => budget.more,
        };
        let (found, goes_on) = scan(connection, filter, sort, (part, plan), after, wanted, reach)?;
        parts.extend(found.iter().map(|_| part));
        entries.extend(found);
        if entries.len() > limit {
            entries.truncate(limit);
            let last = entries.last().map(|entry| entry.key(sort));
            let part = limit.checked_sub(1).and_then(|last| parts.get(last).copied()).unwrap_or(part);
            return Ok(ListPage { entries, next: Some(Cursor { part, after: last }) });
        }
        if goes_on.is_some() {
            return Ok(ListPage { entries, next: Some(Cursor { part, after: goes_on }) });
        }
        if part != Part::Direct {
            return Ok(ListPage { entries, next: None });
        }
        (part, after) = (Part::Rest, None);
    }
}

/// Position after which a list continues.
type After = Option<(Key, RegistrationId)>;

/// Up to `wanted` registrations of a part after a position, and the position after which it continues; `None` at its
/// end.
fn scan(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    (part, plan): (Part, Plan),
    mut after: After,
    wanted: usize,
    reach: i64,
) -> Result<(Vec<ListRow>, After), DatabaseError> {
    let judges = filter.judges(part);
    let mut found: Vec<ListRow> = Vec::new();
    let mut looked_at = 0;
    let mut step = FIRST_STEP;
    loop {
        let missing = i64::try_from(wanted - found.len()).unwrap_or(i64::MAX);
        let most = if judges { step } else { missing };
        let rows = match plan {
            Plan::Few(driver) => store::of_few(connection, filter, driver, sort, after.as_ref(), most)?,
            Plan::Walk => store::of_step(connection, filter, sort, after.as_ref(), step, most)?,
        };
        let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= most;
        let end = match plan {
            // The page is full: the rest of the step is not needed.
            _ if is_full && !judges => rows.last().map(|entry| entry.key(sort)),
            Plan::Few(_) if is_full => rows.last().map(|entry| entry.key(sort)),
            Plan::Few(_) => None,
            Plan::Walk => store::end_of_step(connection, filter, sort, after.as_ref(), step)?,
        };
        found.extend(rows.into_iter().filter(|entry| filter.lets_in(part, entry)));
        if found.len() >= wanted {
            found.truncate(wanted);
            let last = found.last().map(|entry| entry.key(sort));
            return Ok((found, last));
        }
        looked_at += step;
        if end.is_none() || looked_at >= reach {
            return Ok((found, end));
        }
        (after, step) = (end, (step * 2).min(STEP));
    }
}

/// Data of the registrations from other tables.
pub fn related_data(
    connection: &mut Connection,
    entries: &[ListRow],
) -> Result<HashMap<RegistrationId, RelatedData>, DatabaseError> {
    let ids: Vec<RegistrationId> = entries.iter().map(|entry| entry.id).collect();
    store::beside(connection, &ids)
}

/// Checks a query against the conference.
///
/// # Errors
/// Those of [`filter`].
pub fn check_query(
    connection: &mut Connection,
    place: &ConferenceRef,
    agenda: &Agenda,
    asked: &ListQuery,
) -> Result<Filter, RegistrationError> {
    let facts = ListContext::load(connection, place)?;
    filter(connection, place, agenda, &facts, asked)
}

/// The next matching registrations after an arrival number, in the order of arrival, with their arrival numbers.
///
/// # Errors
/// Those of [`filter`].
pub fn matching_after(
    connection: &mut Connection,
    place: &ConferenceRef,
    agenda: &Agenda,
    asked: &ListQuery,
    after: i64,
    limit: usize,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    let filter = check_query(connection, place, agenda, asked)?;
    let after = Some((Key::Arrival(after), RegistrationId::from_uuid(uuid::Uuid::max())));
    let from = Some(Cursor { part: Part::Whole, after });
    let found = page(connection, &filter, Sort::Arrival, from, limit, Budget::EXPORT)?;
    Ok(found.entries.into_iter().map(|entry| (entry.id, entry.arrival)).collect())
}
