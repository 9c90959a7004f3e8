//! What can be done with registrations. Each function is one transaction's work: it decides, writes, records and
//! enqueues.

use super::{
    RegistrationError, letters,
    model::{self, Event, Form, Registration, State},
    setup::Setup,
    store::{self, Standing},
};
use crate::{
    access::{Actor, Credentials, ServerSecret, authorise, secret::random},
    agenda::{Agenda, Change, Place, plan::changes},
    clock,
    database::{Connection, DatabaseError},
    ids::Id,
    mail::{LetterKind, enqueue},
    values::{Code, Count, LanguageTag, TimeZone},
};

/// A registration with its place on the waiting list and its category.
#[derive(Clone)]
pub struct Shown {
    /// The registration.
    pub registration: Registration,
    /// The category's code.
    pub category: Code,
    /// The category's name.
    pub category_name: crate::values::Localised,
    /// The place on the waiting list, while it waits.
    pub position: Option<i64>,
}

/// Registers: a seat if every quota has one, else a place on the waiting list; the letter says which, in `language`
/// unless the form names another.
///
/// # Errors
/// [`RegistrationError::Closed`], [`RegistrationError::AlreadyRegistered`], [`RegistrationError::Invalid`] for a
/// category or language that the conference does not have.
pub fn register(
    connection: &mut Connection,
    place: &Place,
    agenda: &Agenda,
    form: &Form,
    language: &LanguageTag,
) -> Result<Shown, RegistrationError> {
    let languages = &agenda.conference.languages;
    let standing = store::lock_setup(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    check_conference(form, &standing, languages).or(())?;
    let now = clock::now();
    if !model::is_open(now, standing.opens_at, standing.closes_at) {
        return Err(RegistrationError::Closed { opens_at: standing.opens_at.filter(|opens| now < *opens) });
    }
    let category = standing.category(form.category.as_str()).ok_or(RegistrationError::NotFound)?;
    let seat_is_free = store::take_seats(connection, place.id, category.id)?;
    let state = State::at_registration(seat_is_free);
    let drawn = random().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let registration = Registration {
        id: Id::new(),
        conference: place.id,
        category: category.id,
        reference: model::reference(&place.slug, drawn),
        state,
        arrival: standing.last_arrival + 1,
        honorific: text(&form.honorific),
        given_name: form.given_name.to_string(),
        family_name: form.family_name.to_string(),
        email: form.email.clone(),
        organisation: text(&form.organisation),
        position: text(&form.position),
        country: text(&form.country),
        language: form.language.as_ref().unwrap_or(language).to_string(),
        phone: text(&form.phone),
        accessibility_needs: text(&form.accessibility_needs),
        dietary_needs: text(&form.dietary_needs),
        consented_at: now,
        token_generation: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(connection, &registration)?;
    store::record(connection, registration.id, Event::Registered, state, Actor::attendee().name())?;
    let position = match state {
        State::Waitlisted => Some(store::position(connection, &registration)?),
        _ => None,
    };
    let kind = if seat_is_free { LetterKind::Confirmed } else { LetterKind::Waitlisted };
    enqueue(connection, &letters::letter(kind, agenda, category, &registration, position, false))?;
    Ok(Shown { registration, category: category.code.clone(), category_name: category.name.clone(), position })
}

fn text<T: ToString>(line: &Option<T>) -> Option<String> {
    line.as_ref().map(T::to_string)
}

fn check_conference(form: &Form, standing: &Standing, languages: &[LanguageTag]) -> crate::faults::Faults {
    let sent = serde_json::json!({ "category": form.category, "language": form.language });
    let categories: Vec<Code> = standing.categories.iter().map(|category| category.code.clone()).collect();
    model::conference_faults(&sent, &categories, languages)
}

/// All that is wrong with a form that could not be read, what the conference has to say included.
///
/// # Errors
/// The store fails.
pub fn form_faults(
    connection: &mut Connection,
    place: &Place,
    sent: &serde_json::Value,
    mut faults: crate::faults::Faults,
    languages: &[LanguageTag],
) -> Result<crate::faults::Faults, DatabaseError> {
    let standing = store::standing(connection, place.id)?;
    let categories: Vec<Code> =
        standing.iter().flat_map(|standing| &standing.categories).map(|category| category.code.clone()).collect();
    faults.0.extend(model::conference_faults(sent, &categories, languages).0);
    Ok(faults)
}

/// A registration, for its attendee or a registrar.
///
/// # Errors
/// [`RegistrationError::Access`] for whoever is neither, whether or not there is such a registration.
pub fn find(
    connection: &mut Connection,
    place: &Place,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: &str,
) -> Result<(Shown, Actor), RegistrationError> {
    let found = store::find(connection, place.id, reference)?;
    let own = found.as_ref().zip(credentials.attendee_token()).is_some_and(|(registration, token)| {
        secret.is_link_token(token, registration.id, registration.token_generation)
    });
    let actor = if own { Actor::attendee() } else { authorise(connection, credentials, operation, Some(place.id))? };
    let registration = found.ok_or(RegistrationError::NotFound)?;
    Ok((show(connection, registration)?, actor))
}

/// A registration that lets its attendee at what attendees may see.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is not confirmed, and those of [`find`].
pub fn find_confirmed(
    connection: &mut Connection,
    place: &Place,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<Shown, RegistrationError> {
    let (shown, _) = find(connection, place, reference, credentials, secret, "read_attendee_programme")?;
    match shown.registration.state {
        State::Confirmed => Ok(shown),
        other => Err(RegistrationError::WrongState(other.as_str())),
    }
}

fn show(connection: &mut Connection, registration: Registration) -> Result<Shown, RegistrationError> {
    let standing = store::standing(connection, registration.conference)?.ok_or(RegistrationError::NotFound)?;
    let category = standing.category_by_id(registration.category).ok_or(RegistrationError::NotFound)?;
    let position = match registration.state {
        State::Waitlisted => Some(store::position(connection, &registration)?),
        _ => None,
    };
    Ok(Shown { category: category.code.clone(), category_name: category.name.clone(), position, registration })
}

/// The history of a registration, the oldest first.
///
/// # Errors
/// The store fails.
pub fn history(
    connection: &mut Connection,
    registration: &Registration,
) -> Result<Vec<(chrono::DateTime<chrono::Utc>, Event, State)>, DatabaseError> {
    store::history(connection, registration.id)
}

/// Cancels: the seat goes to the first who waits for it, and both are written to.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is final already, and those of [`find`].
pub fn cancel(
    connection: &mut Connection,
    place: &Place,
    agenda: &Agenda,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<Shown, RegistrationError> {
    let standing = store::lock_setup(connection, place.id)?.ok_or(RegistrationError::NotFound)?;
    // Read under the lock: of two who cancel at once, the second finds it done.
    let (shown, actor) = find(connection, place, reference, credentials, secret, "cancel_registration")?;
    let mut registration = shown.registration;
    let before = registration.state;
    let now = clock::now();
    registration.state = before.cancelled()?;
    registration.updated_at = now;
    store::set_state(connection, registration.id, registration.state, now)?;
    store::record(connection, registration.id, Event::Cancelled, registration.state, actor.name())?;
    let category = standing.category_by_id(registration.category).ok_or(RegistrationError::NotFound)?;
    let letter = letters::letter(LetterKind::Cancelled, agenda, category, &registration, None, before.holds_seat());
    enqueue(connection, &letter)?;
    if before.holds_seat() {
        store::free_seats(connection, place.id, registration.category)?;
        promote(connection, place, agenda)?;
    }
    show(connection, registration)
}

/// Gives every free seat to whoever waits longest for one of it, over all waiting lists. The set-up is locked.
fn promote(connection: &mut Connection, place: &Place, agenda: &Agenda) -> Result<(), RegistrationError> {
    loop {
        let standing = store::standing(connection, place.id)?.ok_or(RegistrationError::NotFound)?;
        if !standing.has_seat() {
            return Ok(());
        }
        let mut first: Option<Registration> = None;
        for category in standing.categories.iter().filter(|category| category.has_seat()) {
            let waiting = store::first_waiting(connection, category.id)?;
            first = [first, waiting].into_iter().flatten().min_by_key(|registration| registration.arrival);
        }
        let Some(mut registration) = first else {
            return Ok(());
        };
        let category = standing.category_by_id(registration.category).ok_or(RegistrationError::NotFound)?;
        if !store::take_seats(connection, place.id, category.id)? {
            return Ok(());
        }
        let now = clock::now();
        registration.state = registration.state.promoted()?;
        store::set_state(connection, registration.id, registration.state, now)?;
        store::record(connection, registration.id, Event::Promoted, registration.state, Actor::service().name())?;
        enqueue(connection, &letters::letter(LetterKind::Promoted, agenda, category, &registration, None, false))?;
    }
}

/// Whether anybody ever registered.
///
/// # Errors
/// The store fails.
pub fn is_registered_for(connection: &mut Connection, place: &Place) -> Result<bool, DatabaseError> {
    store::has_registrations(connection, place.id)
}

/// The set-up as a document.
///
/// # Errors
/// The store fails.
pub fn load_setup(connection: &mut Connection, place: &Place, zone: TimeZone) -> Result<Option<Setup>, DatabaseError> {
    Ok(store::standing(connection, place.id)?.map(|standing| store::document(&standing, zone)))
}

/// The set-up as it stands, for the form.
///
/// # Errors
/// [`RegistrationError::NoConference`] where there is none.
pub fn form(connection: &mut Connection, place: &Place) -> Result<Standing, RegistrationError> {
    store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)
}

/// Plans a set-up and, unless `dry_run`, makes it so; new seats go to those who wait. `place` is `None` for a
/// conference that is not written yet. `released` is the agenda that letters speak of.
///
/// # Errors
/// [`RegistrationError::SeatsTaken`], [`RegistrationError::CategoryInUse`].
pub fn apply_setup(
    connection: &mut Connection,
    place: Option<&Place>,
    zone: TimeZone,
    mut setup: Setup,
    released: Option<&Agenda>,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let standing = match place {
        Some(place) => store::lock_setup(connection, place.id)?,
        None => None,
    };
    let known = standing.as_ref().map(|standing| store::document(standing, zone));
    setup.adopt_ids(known.as_ref());
    let changes = changes(&known.map(|known| known.nodes()).unwrap_or_default(), &setup.nodes());
    if let Some(standing) = &standing {
        refuse_what_takes_seats_away(connection, standing, &setup)?;
    }
    let Some(place) = place.filter(|_| !dry_run && !changes.is_empty()) else {
        return Ok(changes);
    };
    store::save(connection, place.id, standing.as_ref(), &setup)?;
    if let Some(agenda) = released {
        promote(connection, place, agenda)?;
    }
    Ok(changes)
}

fn refuse_what_takes_seats_away(
    connection: &mut Connection,
    standing: &Standing,
    setup: &Setup,
) -> Result<(), RegistrationError> {
    let below = |seats: Option<Count<0>>, taken: i64| seats.is_some_and(|Count(seats)| i64::from(seats) < taken);
    if below(setup.seats, standing.seats_taken) {
        return Err(RegistrationError::SeatsTaken { category: None, taken: standing.seats_taken });
    }
    for old in &standing.categories {
        match setup.categories.iter().find(|category| category.id == Some(old.id)) {
            Some(new) if below(new.seats, old.seats_taken) => {
                let category = Some(new.code.clone());
                return Err(RegistrationError::SeatsTaken { category, taken: old.seats_taken });
            }
            None if store::is_used(connection, old.id)? => {
                return Err(RegistrationError::CategoryInUse(old.code.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}
