//! Personal invitations from a table: all of them, or none.

use std::collections::{HashMap, HashSet};

use deserr::Deserr;
use serde_json::{Map, Value, json};

use super::{
    InvitationKind,
    actions::{Terms, check_address, letter, reserve},
    store::{self, NewRow},
};
use crate::{
    access::{audit, authorise},
    agenda::Agenda,
    database::{Connection, types::Instant},
    faults::{self, Faults},
    ids::Id,
    registration::{
        RegistrationError,
        actions::Errand,
        ledger::Ledger,
        setup::store::Standing,
        store::live_of_addresses,
        table::{self, People, Row},
    },
    values::{Code, EmailAddress, LanguageTag, Line, Moment},
};

/// The columns of the table.
pub const COLUMNS: [&str; 5] = ["email", "name", "language", "category", "expires_at"];

/// What a row says.
#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Guest {
    email: EmailAddress,
    #[deserr(default)]
    name: Option<Line<200>>,
    #[deserr(default)]
    language: Option<LanguageTag>,
    #[deserr(default)]
    category: Option<Code>,
    #[deserr(default)]
    expires_at: Option<Moment>,
}

/// How a table is taken.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether each reserves a seat.
    pub reserve_seats: bool,
    /// Whether nothing is to be done but to say what is wrong.
    pub dry_run: bool,
}

/// Makes a personal invitation of each row and mails it. Answers how many there are.
///
/// # Errors
/// [`RegistrationError::Invalid`] with every fault by line and column; [`RegistrationError::SeatsTaken`] where there
/// are fewer free seats than rows.
pub fn invite_all(
    connection: &mut Connection,
    errand: Errand<'_>,
    people: &People,
    options: Options,
) -> Result<usize, RegistrationError> {
    let Errand { place, released, credentials, .. } = errand;
    let actor = authorise(connection, credentials, "create_invitations", Some(place.id))?;
    let mut ledger = Ledger::open(connection, place, released)?;
    let mut found = people.faults.clone();
    let guests = read(&people.rows, &ledger.standing, released.agenda, options, &mut found);
    let folded: Vec<String> = guests.iter().map(|(_, guest, _)| guest.email.folded()).collect();
    let invited: HashSet<String> = store::invited(connection, place.id, &folded, ledger.now)?.into_iter().collect();
    let live = live_of_addresses(connection, place.id, &folded)?;
    let live: HashSet<String> = live.iter().map(|registration| registration.email.folded()).collect();
    for ((line, ..), address) in guests.iter().zip(&folded) {
        if invited.contains(address) {
            found.add(table::cell(*line, "email"), "already_invited", "has an open invitation");
        } else if live.contains(address) {
            found.add(table::cell(*line, "email"), "already_registered", "is registered");
        }
    }
    found.or(())?;
    let mut new = Vec::with_capacity(guests.len());
    for (_, guest, terms) in guests {
        reserve(&mut ledger, terms.category, u32::from(options.reserve_seats))?;
        new.push(NewRow {
            id: Id::new(),
            conference_id: place.id,
            kind: InvitationKind::Personal.as_str(),
            code_digest: None,
            label: guest.name.as_ref().map_or(guest.email.as_str(), |name| name.as_str()).to_owned(),
            category_id: terms.category,
            email_folded: Some(guest.email.folded()),
            email: Some(guest.email.as_str().to_owned()),
            name: guest.name.as_ref().map(ToString::to_string),
            language: terms.language.as_ref().map(ToString::to_string),
            uses_max: Some(1),
            uses: 0,
            seats_reserved: i32::from(options.reserve_seats),
            generation: 1,
            expires_at: terms.expires_at.map(Instant),
            created_at: Instant(ledger.now),
        });
    }
    if options.dry_run {
        return Ok(new.len());
    }
    store::insert(connection, &new)?;
    for row in &new {
        let letter = letter(&row.made(), place.id, released.agenda, &ledger.standing);
        letter.into_iter().for_each(|letter| ledger.send(letter));
    }
    ledger.close(connection)?;
    let entry = |row: &NewRow| audit::Entry::of("create", "invitation", row.id, Some(json!({ "kind": row.kind })));
    let entries: Vec<_> = new.iter().map(entry).collect();
    audit::record(connection, &actor, "create_invitations", Some(place.id), &entries)?;
    Ok(new.len())
}

/// What the rows say, with their lines.
fn read(
    rows: &[Row],
    standing: &Standing,
    agenda: &Agenda,
    options: Options,
    found: &mut Faults,
) -> Vec<(usize, Guest, Terms)> {
    let mut guests: Vec<(usize, Guest, Terms)> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let cells = row.cells.iter().map(|(column, cell)| (column.clone(), Value::from(cell.as_str())));
        let document = Value::Object(cells.collect::<Map<_, _>>());
        let mut wrong = Faults::default();
        match faults::read::<Guest>(document) {
            Ok(guest) => {
                let asked = (guest.category.as_ref(), guest.language.as_ref(), guest.expires_at);
                let terms = Terms::check(asked, standing, agenda, &mut wrong);
                check_address(Some(&guest.email), &mut wrong);
                if options.reserve_seats && guest.category.is_none() {
                    wrong.add("#/category", "required", "is required where seats are reserved");
                }
                match seen.insert(guest.email.folded(), row.line) {
                    Some(earlier) => wrong.add("#/email", "duplicate", format!("stands also in line {earlier}")),
                    None if wrong.0.is_empty() => guests.push((row.line, guest, terms)),
                    None => {}
                }
            }
            Err(shape) => wrong = shape,
        }
        table::of_row(row.line, wrong).for_each(|fault| found.add(fault.pointer, &fault.code, fault.detail));
    }
    guests
}
