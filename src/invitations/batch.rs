//! Imports a table of personal invitations: all rows, or none.

use std::collections::{BTreeSet, HashMap};

use deserr::Deserr;
use serde_json::{Map, Value, json};

use super::{
    InvitationError,
    actions::{insert, letter, reserve_seats},
    store,
    terms::{CheckedTerms, check_address},
};
use crate::{
    access::{
        Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::Agenda,
    database::{Connection, types::DbInstant},
    ids::Id,
    registration::{
        context::RequestContext,
        import_table::{self, PeopleTable, Row},
        reservations::{InvitationKind, NewInvitationRow},
        rows::find_live_by_addresses,
        seat_transaction::SeatTransaction,
        setup::state::SetupState,
    },
    validation::{self, ValidationErrors},
    values::{Code, EmailAddress, LanguageTag, Line, LinkFree, LocalOrInstant, fold},
};

pub const COLUMNS: [&str; 6] = ["email", "name", "salutation", "language", "category", "expires_at"];

/// A row of the table.
#[derive(Deserr)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
struct InvitationRow {
    email: EmailAddress,
    #[deserr(default)]
    name: Option<LinkFree<200>>,
    #[deserr(default)]
    salutation: Option<Line<200>>,
    #[deserr(default)]
    language: Option<LanguageTag>,
    #[deserr(default)]
    category: Option<Code>,
    #[deserr(default)]
    expires_at: Option<LocalOrInstant>,
}

/// How a table is imported.
#[derive(Debug, Clone, Copy)]
pub struct BatchOptions {
    /// Whether each invitation reserves a seat.
    pub reserve_seats: bool,
    /// Whether only errors are reported and nothing is written.
    pub dry_run: bool,
}

/// Creates a personal invitation for each row and sends it; returns their number.
///
/// # Errors
/// The validation errors by line and column; those of [`reserve_seats`] if fewer seats are free than there are rows.
pub fn invite_all(
    connection: &mut Connection,
    context: RequestContext<'_>,
    people: &PeopleTable,
    options: BatchOptions,
) -> Result<usize, InvitationError> {
    let RequestContext { conference, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::CreateInvitations, Some(conference.id))?;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    transaction.ensure_not_over()?;
    let mut errors = people.errors.clone();
    let guests = read_rows(&people.rows, &transaction.setup_state, released.agenda, options, &mut errors);
    let addresses: Vec<String> = guests.iter().map(|(_, guest, _)| guest.email.folded()).collect();
    let invited = store::find_invited(connection, conference.id, &addresses, transaction.now)?;
    let live = find_live_by_addresses(connection, conference.id, &addresses)?;
    for ((line, guest, terms), address) in guests.iter().zip(&addresses) {
        let is_shared = shares_mailbox(&transaction.setup_state, terms);
        let name = guest.name.as_ref().map(|name| words(name.as_str()));
        // Where people share a mailbox, the name tells them apart.
        let is_guest = |other: Option<&str>| !is_shared || name == other.map(words);
        if invited.iter().any(|(other, name)| other == address && is_guest(name.as_deref())) {
            errors.add(import_table::cell_pointer(*line, "email"), "already_invited", "has an open invitation");
        } else if live.iter().any(|other| {
            other.person.address_folded().as_ref() == Some(address) && is_guest(Some(&other.name_folded()))
        }) {
            let detail = match is_shared {
                true => "somebody with this name is registered with this address already",
                false => "is registered",
            };
            errors.add(import_table::cell_pointer(*line, "email"), "already_registered", detail);
        }
    }
    errors.into_result(())?;
    let mut rows = Vec::with_capacity(guests.len());
    for (_, guest, terms) in guests {
        reserve_seats(&mut transaction, terms.category, u32::from(options.reserve_seats))?;
        rows.push(NewInvitationRow {
            id: Id::new(),
            conference_id: conference.id,
            kind: InvitationKind::Personal,
            code_digest: None,
            label: guest.name.as_ref().map_or(guest.email.as_str(), |name| name.as_str()).to_owned(),
            category_id: terms.category,
            email_folded: Some(guest.email.folded()),
            email: Some(guest.email.as_str().to_owned()),
            name: guest.name.as_ref().map(ToString::to_string),
            salutation: guest.salutation.as_ref().map(ToString::to_string),
            language: terms.language.as_ref().map(ToString::to_string),
            uses_max: Some(1),
            uses: 0,
            seats_reserved: i32::from(options.reserve_seats),
            generation: 1,
            expires_at: terms.expires_at.map(DbInstant),
            created_at: DbInstant(transaction.now),
        });
    }
    if options.dry_run {
        return Ok(rows.len());
    }
    insert(connection, &rows)?;
    for row in &rows {
        let letter = letter(&row.to_invitation(), conference.id, released.agenda, &transaction.setup_state);
        letter.into_iter().for_each(|letter| transaction.send_letter(letter));
    }
    transaction.close(connection)?;
    let entry = |row: &NewInvitationRow| {
        audit::Entry::of(AuditAction::Create, ResourceKind::Invitation, row.id, Some(json!({ "kind": row.kind })))
    };
    let entries: Vec<_> = rows.iter().map(entry).collect();
    audit::record(connection, &actor, Operation::CreateInvitations, Some(conference.id), &entries)?;
    Ok(rows.len())
}

/// Whether several people may be invited to register with one address.
fn shares_mailbox(setup_state: &SetupState, terms: &CheckedTerms) -> bool {
    let category = terms.category.and_then(|id| setup_state.category_by_id(id));
    category.is_some_and(|category| category.shared_mailbox)
}

/// The words of a name, whichever comes first.
fn words(name: &str) -> BTreeSet<String> {
    fold(name).split(' ').map(str::to_owned).collect()
}

/// The rows that have no error, with their line numbers.
fn read_rows(
    rows: &[Row],
    setup_state: &SetupState,
    agenda: &Agenda,
    options: BatchOptions,
    errors: &mut ValidationErrors,
) -> Vec<(usize, InvitationRow, CheckedTerms)> {
    let mut guests: Vec<(usize, InvitationRow, CheckedTerms)> = Vec::new();
    let mut lines_of_guests: HashMap<(String, Option<BTreeSet<String>>), usize> = HashMap::new();
    for row in rows {
        let cells = row.cells.iter().map(|(column, cell)| (column.clone(), Value::from(cell.as_str())));
        let document = Value::Object(cells.collect::<Map<_, _>>());
        let mut row_errors = ValidationErrors::default();
        match validation::read::<InvitationRow>(document) {
            Ok(guest) => {
                let (category, language) = (guest.category.as_ref(), guest.language.as_ref());
                let terms =
                    CheckedTerms::check(category, language, guest.expires_at, setup_state, agenda, &mut row_errors);
                check_address(Some(&guest.email), &mut row_errors);
                if options.reserve_seats && guest.category.is_none() {
                    row_errors.add("#/category", "required", "is required where seats are reserved");
                }
                let name = guest.name.as_ref().filter(|_| shares_mailbox(setup_state, &terms));
                let guest_key = (guest.email.folded(), name.map(|name| words(name.as_str())));
                match lines_of_guests.insert(guest_key, row.line) {
                    Some(earlier) => row_errors.add("#/email", "duplicate", format!("is also in line {earlier}")),
                    None if row_errors.0.is_empty() => guests.push((row.line, guest, terms)),
                    None => {}
                }
            }
            Err(errors) => row_errors = errors,
        }
        for error in import_table::errors_of_row(row.line, row_errors) {
            errors.add(error.pointer, &error.code, error.detail);
        }
    }
    guests
}
