//! Which registrations a query means, and the pages of them.

use std::collections::HashMap;

use super::{
    model::{self, Beside, Bookmark, Filter, Key, Needle, Part, Sort, Wanted},
    store::{self, Driver, Entry},
};
use crate::{
    agenda::{Agenda, Place},
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::{CategoryId, RegistrationId},
    registration::{
        RegistrationError,
        form::Question,
        model::State,
        session_seats,
        setup::{self, store::Standing},
    },
    values::{Code, CountryCode, TextValue as _},
};

/// Which registrations are wanted, as a query says it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
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

/// What of the conference a list is told with.
pub struct Facts {
    /// The conference's registration.
    pub standing: Standing,
    /// Its form.
    pub questions: Vec<Question>,
}

impl Facts {
    /// As they stand.
    ///
    /// # Errors
    /// There is no such conference any more, or the store fails.
    pub fn load(connection: &mut Connection, place: &Place) -> Result<Self, RegistrationError> {
        let standing = setup::store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
        let questions = standing.questions()?;
        Ok(Self { standing, questions })
    }

    /// The code of a category.
    pub fn category(&self, id: CategoryId) -> String {
        self.standing.category_by_id(id).map(|category| category.code.to_string()).unwrap_or_default()
    }
}

fn words(list: Option<&String>) -> impl Iterator<Item = &str> {
    list.into_iter().flat_map(|text| text.split(',')).map(str::trim)
}

/// Delegations that a fault names at most.
const NAMED_MAX: i64 = 50;

/// Reads what was asked against the conference. Whatever it does not know is a fault that says what it knows.
///
/// # Errors
/// Every value that is unknown, each with its parameter; or the store fails.
pub fn filter(
    connection: &mut Connection,
    place: &Place,
    agenda: &Agenda,
    facts: &Facts,
    asked: &Asked,
) -> Result<Filter, RegistrationError> {
    let mut found = Faults::default();
    let one_of = |known: &[String]| match known {
        [] => "there is none".to_owned(),
        known => format!("must be one of {}", known.join(", ")),
    };
    let mut states = Vec::new();
    for word in words(asked.state.as_ref()) {
        match State::from_word(word) {
            Some(state) => states.push(state),
            None => found.add("?state", "unknown_value", format!("must be one of {}", State::WORDS.join(", "))),
        }
    }
    let mut categories = Vec::new();
    for word in words(asked.category.as_ref()) {
        match facts.standing.category(word) {
            Some(category) => categories.push(category.id),
            None => {
                let known: Vec<_> = facts.standing.categories.iter().map(|known| known.code.to_string()).collect();
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
            let open = session_seats::store::session_standings(connection, place.id)?;
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
        text: asked.q.as_deref().map(Needle::new),
        answers,
    };
    Ok(found.or(filter)?)
}

/// `question:value`, several after commas: all of them, and of several to one question any.
fn answers(questions: &[Question], asked: Option<&String>, found: &mut Faults) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
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
                None => all.push(Wanted { question: code.to_owned(), any_of: vec![value] }),
            },
            Err(says) => found.add("?answer", "unknown_value", says),
        }
    }
    all
}

/// What so few match is read as a whole and sorted.
const FEW: i64 = 2_500;
/// The first step of a walk: most pages are found in it.
const FIRST_STEP: i64 = 200;
/// Each further one is twice as long, up to this.
const STEP: i64 = 2_000;

/// How many registrations one answer may look at.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Where statements alone judge.
    pub rows: i64,
    /// Where texts and answers are judged one by one.
    pub judged: i64,
    /// The same after the page has something.
    pub more: i64,
}

impl Budget {
    /// Of a page.
    pub const PAGE: Self = Self { rows: 20_000, judged: 10_000, more: 1_000 };
    /// Of an export, which goes on until there is something.
    pub const EXPORT: Self = Self { rows: i64::MAX, judged: i64::MAX, more: i64::MAX };
}

/// A page of a list.
pub struct Found {
    /// The registrations.
    pub entries: Vec<Entry>,
    /// Where the list goes on, if it does.
    pub next: Option<Bookmark>,
}

/// How registrations are found.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// Out of the few that one filter leaves.
    Few(Driver),
    /// By walking along the list.
    Walk,
}

/// The driver that finds the fewest, if they are few.
fn few(connection: &mut Connection, filter: &Filter) -> Result<Option<Driver>, DatabaseError> {
    let mut best = None;
    for driver in Driver::of(filter) {
        let count = store::count(connection, filter, driver, FEW + 1)?;
        if count <= FEW && best.is_none_or(|(_, least)| count < least) {
            best = Some((driver, count));
        }
    }
    Ok(best.map(|(driver, _)| driver))
}

/// The page after `from` of at most `limit` registrations that fit. A searched text that an index finds some of comes
/// in two parts: those whose name, address or reference begin with it, then the rest; an export has one part.
///
/// # Errors
/// The store fails.
pub fn page(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    from: Option<Bookmark>,
    limit: usize,
    budget: Budget,
) -> Result<Found, DatabaseError> {
    let few = few(connection, filter)?;
    let Bookmark { mut part, mut after } = match from {
        Some(bookmark) => bookmark,
        None if filter.text.is_some() && few.is_none() => {
            let direct = store::count(connection, filter, Driver::Text, FEW + 1)?;
            let part = if (1..=FEW).contains(&direct) { Part::Direct } else { Part::Whole };
            Bookmark { part, after: None }
        }
        None => Bookmark { part: Part::Whole, after: None },
    };
    let whole = few.map_or(Plan::Walk, Plan::Few);
    let mut entries: Vec<Entry> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let plan = if part == Part::Direct { Plan::Few(Driver::Text) } else { whole };
        let wanted = limit + 1 - entries.len();
        let reach = match (filter.judges(part), entries.is_empty()) {
            (false, _) => budget.rows,
            (true, true) => budget.judged,
            (true, false) => budget.more,
        };
        let (found, goes_on) = walk(connection, filter, sort, (part, plan), after, wanted, reach)?;
        parts.extend(found.iter().map(|_| part));
        entries.extend(found);
        if entries.len() > limit {
            entries.truncate(limit);
            let last = entries.last().map(|entry| entry.key(sort));
            let part = limit.checked_sub(1).and_then(|last| parts.get(last).copied()).unwrap_or(part);
            return Ok(Found { entries, next: Some(Bookmark { part, after: last }) });
        }
        if goes_on.is_some() {
            return Ok(Found { entries, next: Some(Bookmark { part, after: goes_on }) });
        }
        if part != Part::Direct {
            return Ok(Found { entries, next: None });
        }
        (part, after) = (Part::Rest, None);
    }
}

/// Where a list goes on.
type After = Option<(Key, RegistrationId)>;

/// Up to `wanted` registrations of a part after a key; and after which key it goes on, unless it has ended.
fn walk(
    connection: &mut Connection,
    filter: &Filter,
    sort: Sort,
    (part, plan): (Part, Plan),
    mut after: After,
    wanted: usize,
    reach: i64,
) -> Result<(Vec<Entry>, After), DatabaseError> {
    let judges = filter.judges(part);
    let mut found: Vec<Entry> = Vec::new();
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
            // What fills the page ends the step: more of it is not wanted.
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

/// What stands beside the registrations in other tables.
///
/// # Errors
/// The store fails.
pub fn beside(
    connection: &mut Connection,
    entries: &[Entry],
) -> Result<HashMap<RegistrationId, Beside>, DatabaseError> {
    let ids: Vec<RegistrationId> = entries.iter().map(|entry| entry.id).collect();
    store::beside(connection, &ids)
}

/// Holds what was asked against the conference.
///
/// # Errors
/// Those of [`filter`].
pub fn choose(
    connection: &mut Connection,
    (place, agenda): (&Place, &Agenda),
    asked: &Asked,
) -> Result<Filter, RegistrationError> {
    let facts = Facts::load(connection, place)?;
    filter(connection, place, agenda, &facts, asked)
}

/// The next registrations that fit after an arrival, with their arrivals, in the order in which they came.
///
/// # Errors
/// Those of [`filter`].
pub fn chosen(
    connection: &mut Connection,
    of: (&Place, &Agenda),
    asked: &Asked,
    after: i64,
    limit: usize,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    let filter = choose(connection, of, asked)?;
    let after = Some((Key::Arrival(after), RegistrationId::from_uuid(uuid::Uuid::max())));
    let from = Some(Bookmark { part: Part::Whole, after });
    let found = page(connection, &filter, Sort::Arrival, from, limit, Budget::EXPORT)?;
    Ok(found.entries.into_iter().map(|entry| (entry.id, entry.arrival)).collect())
}
