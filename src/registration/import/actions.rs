//! Importing a table, in one transaction.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::{
    ImportedStatus, KnownRows, Wish,
    rows::{self, File, Person, field_of},
    store,
};
use crate::{
    access::{Actor, authorise},
    agenda::Agenda,
    database::{Connection, DatabaseError, Retry},
    faults::{Fault, Faults},
    registration::{
        RegistrationError,
        actions::{Errand, form},
        intake::{Application, TakenOver, take_over},
        model::{Event, State},
    },
    values::Code,
};

/// Registrations that are written at once: what is held in memory beside the table itself.
const BATCH: usize = 1000;

/// What an import did, or would do.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RegistrationImport)]
pub struct Report {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How many rows the table has.
    pub rows: usize,
    /// How many registrations were made of them.
    pub imported: usize,
    /// How many rows were left out because their address is registered already.
    pub skipped: usize,
    /// What the columns are.
    pub mapping: BTreeMap<String, String>,
    /// The columns that are not taken.
    pub unknown_columns: Vec<String>,
    /// The new registrations by category and state.
    pub counts: Vec<ImportCount>,
    /// What is wrong, by row and column: the first 200 faults.
    pub errors: Vec<Fault>,
}

/// How many registrations of a category stand where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct ImportCount {
    /// The category's code.
    pub category: Code,
    /// Where they stand.
    pub status: &'static str,
    /// How many.
    pub count: usize,
}

/// Why an import wrote nothing.
#[derive(Debug)]
pub enum Stopped {
    /// It was a rehearsal.
    Rehearsed(Box<Report>),
    /// Something is wrong with the table.
    Faulty(Faults),
    /// It cannot be done at all.
    Refused(RegistrationError),
}

impl From<DatabaseError> for Stopped {
    fn from(error: DatabaseError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<RegistrationError> for Stopped {
    fn from(error: RegistrationError) -> Self {
        Self::Refused(error)
    }
}

impl Retry for Stopped {
    fn may_retry(&self) -> bool {
        match self {
            Self::Refused(error) => error.may_retry(),
            Self::Rehearsed(_) | Self::Faulty(_) => false,
        }
    }
}

/// Reads a table for a conference.
///
/// # Errors
/// It is no table; there is no such conference.
pub fn read(
    connection: &mut Connection,
    place: &crate::agenda::Place,
    agenda: &Agenda,
    bytes: &[u8],
    wish: &Wish,
) -> Result<File, RegistrationError> {
    let standing = form(connection, place)?;
    let mut found = Faults::default();
    if let Some(category) = wish.category.as_ref().filter(|code| standing.category(code.as_str()).is_none()) {
        found.add("?category", "unknown_reference", format!("there is no category {category}"));
    }
    let languages = &agenda.conference.languages;
    if wish.language.as_ref().is_some_and(|language| !languages.contains(language)) {
        found.add("?language", "unknown_language", "must be a language of the conference");
    }
    found.or(())?;
    let questions = standing.questions()?;
    Ok(rows::read(bytes, wish, &standing, &questions, agenda)?)
}

/// Imports a table: every row of it, or none.
///
/// # Errors
/// [`Stopped`]: then nothing is to be written.
pub fn import(connection: &mut Connection, errand: Errand<'_>, file: &File, wish: &Wish) -> Result<Report, Stopped> {
    let Errand { place, released, credentials, secret } = errand;
    let actor =
        authorise(connection, credentials, "import_registrations", Some(place.id)).map_err(RegistrationError::from)?;
    let mut order: Vec<&Person> = file.rows.iter().collect();
    // Who was cancelled came before whoever has the address now, and seats go to those who have one.
    order.sort_by_key(|person| (rank(person.status), person.row));
    let mut faults = file.faults.clone();
    let (mut imported, mut skipped) = (0, 0);
    let mut counts: BTreeMap<(Code, &'static str), usize> = BTreeMap::new();
    for chunk in order.chunks(BATCH) {
        let addresses: Vec<String> = chunk.iter().map(|person| person.form.email.folded()).collect();
        let mut known: HashMap<String, bool> = HashMap::new();
        for (address, is_live) in store::known(connection, place.id, &addresses)? {
            *known.entry(address).or_default() |= is_live;
        }
        let is_known = |person: &Person| {
            let found = known.get(&person.form.email.folded());
            found.is_some_and(|is_live| *is_live || person.status == ImportedStatus::Cancelled)
        };
        let (old, new): (Vec<&Person>, Vec<&Person>) = chunk.iter().copied().partition(|person| is_known(person));
        let people: Vec<_> = new.iter().map(|person| application(person, &actor, wish)).collect();
        let outcomes = take_over(connection, place, released, secret, &people)?.outcomes;
        let of_old = old.into_iter().map(|person| (person, Err(RegistrationError::AlreadyRegistered)));
        for (person, outcome) in new.into_iter().zip(outcomes).chain(of_old) {
            match outcome {
                Ok(admitted) => {
                    imported += 1;
                    *counts.entry((admitted.category, admitted.registration.state.as_str())).or_default() += 1;
                }
                Err(RegistrationError::AlreadyRegistered) if wish.known == KnownRows::Skip => skipped += 1,
                Err(error) => refuse(file, person, error, &mut faults)?,
            }
        }
    }
    faults.0.sort_by_cached_key(|fault| row_of(&fault.pointer));
    if !wish.dry_run && !faults.0.is_empty() {
        return Err(Stopped::Faulty(faults));
    }
    let count = |((category, status), count)| ImportCount { category, status, count };
    let report = Report {
        dry_run: wish.dry_run,
        rows: file.count,
        imported,
        skipped,
        mapping: file.columns.mapping(),
        unknown_columns: file.columns.unknown(),
        counts: counts.into_iter().map(count).collect(),
        errors: faults.0,
    };
    if wish.dry_run { Err(Stopped::Rehearsed(Box::new(report))) } else { Ok(report) }
}

/// The number in `row 7, column E-mail`.
fn row_of(pointer: &str) -> usize {
    let digits = pointer.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

const fn rank(status: ImportedStatus) -> u8 {
    match status {
        ImportedStatus::Cancelled => 0,
        ImportedStatus::Confirmed => 1,
        ImportedStatus::Pending => 2,
        ImportedStatus::Waitlisted => 3,
    }
}

fn application(person: &Person, actor: &Actor, wish: &Wish) -> (Application, TakenOver) {
    let state = match person.status {
        ImportedStatus::Confirmed => State::Confirmed,
        ImportedStatus::Waitlisted => State::Waitlisted,
        ImportedStatus::Pending => State::Pending,
        ImportedStatus::Cancelled => State::Cancelled,
    };
    let mut detail = Map::from_iter([("consent".to_owned(), json!(wish.consent.as_str()))]);
    if let Some(external_id) = &person.external_id {
        detail.insert("external_id".to_owned(), json!(external_id));
    }
    let application = Application {
        actor: actor.clone(),
        event: Event::Imported,
        is_vouched_for: true,
        is_approved: true,
        ..Application::of_public(person.form.clone(), person.language.clone())
    };
    (application, TakenOver { state, detail })
}

/// Says why a row cannot be imported, in the words of the table.
fn refuse(file: &File, person: &Person, error: RegistrationError, faults: &mut Faults) -> Result<(), Stopped> {
    let at = |field: &str| file.columns.at(person.row, field);
    match error {
        RegistrationError::AlreadyRegistered => {
            faults.add(
                at("email"),
                "already_registered",
                "this address is registered already: ?mode=skip leaves it out",
            );
        }
        RegistrationError::Full => {
            let detail = format!("no seat is left in category {}", person.form.category);
            faults.add(at("status"), "no_seat", detail);
        }
        RegistrationError::Invalid(found) => {
            for fault in found.0 {
                let answer = fault.pointer.strip_prefix("#/answers/").map(|code| format!("answers.{code}"));
                let field = answer.as_deref().unwrap_or_else(|| field_of(&fault.pointer));
                faults.add(at(field), &fault.code, fault.detail);
            }
        }
        other => return Err(Stopped::Refused(other)),
    }
    Ok(())
}
