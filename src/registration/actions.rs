//! What can be done with a registration that is there. Each function is one transaction's work.

use serde_json::json;

use super::{
    RegistrationError, delegations,
    form::Question,
    intake::session_faults,
    invitations,
    ledger::{Ledger, Released, Remark, detail},
    model::{Event, HistoryEntry, Registration, State},
    session_seats::{self, store::SignUp},
    setup::{self, Setup, store::Standing},
    store,
};
use crate::{
    access::{Actor, Credentials, ServerSecret, authorise},
    agenda::{Agenda, Change, Place, plan::changes},
    clock,
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::{CategoryId, RegistrationId},
    values::{Code, Count, Localised, TimeZone},
};

/// A registration with its place on the waiting list, its category and its sessions.
#[derive(Clone)]
pub struct Shown {
    /// The registration.
    pub registration: Registration,
    /// The category's code.
    pub category: Code,
    /// The category's name.
    pub category_name: Localised,
    /// The place on the waiting list, while it waits.
    pub position: Option<i64>,
    /// The sessions that it is signed up for.
    pub sign_ups: Vec<SignUp>,
}

/// What every wish about a registration comes with.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    /// The conference.
    pub place: &'a Place,
    /// What the programme says.
    pub released: Released<'a>,
    /// What the request shows of who sent it.
    pub credentials: &'a Credentials,
    /// Links are derived under it.
    pub secret: &'a ServerSecret,
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
    let (registration, actor) = lookup(connection, place, reference, credentials, secret, operation)?;
    Ok((show(connection, registration)?, actor))
}

/// A registration, for its attendee or a registrar, without what else there is to know of it.
///
/// # Errors
/// Those of [`find`].
pub fn lookup(
    connection: &mut Connection,
    place: &Place,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: &str,
) -> Result<(Registration, Actor), RegistrationError> {
    let found = store::find(connection, place.id, reference)?;
    let own = found.as_ref().is_some_and(|registration| is_own(registration, credentials, secret));
    let actor = if own { Actor::attendee() } else { authorise(connection, credentials, operation, Some(place.id))? };
    Ok((found.ok_or(RegistrationError::NotFound)?, actor))
}

/// Whether whoever asks has the registration's own link.
pub fn is_own(registration: &Registration, credentials: &Credentials, secret: &ServerSecret) -> bool {
    let token = credentials.attendee_token();
    token.is_some_and(|token| secret.is_link_token(token, registration.id, registration.token_generation))
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

/// What else there is to know of a registration.
///
/// # Errors
/// The store fails.
pub fn show(connection: &mut Connection, registration: Registration) -> Result<Shown, RegistrationError> {
    let standing = setup::store::standing(connection, registration.conference)?.ok_or(RegistrationError::NotFound)?;
    let category = standing.category_by_id(registration.category).ok_or(RegistrationError::NotFound)?;
    let position = match registration.state {
        State::Waitlisted if registration.offer_expires_at.is_none() => {
            Some(store::waiting_until(connection, registration.category, registration.arrival)?)
        }
        _ => None,
    };
    let sign_ups = session_seats::store::sign_ups(connection, registration.id)?;
    Ok(Shown {
        category: category.code.clone(),
        category_name: category.name.clone(),
        position,
        registration,
        sign_ups,
    })
}

/// The history of a registration, the oldest first.
///
/// # Errors
/// The store fails.
pub fn history(connection: &mut Connection, registration: &Registration) -> Result<Vec<HistoryEntry>, DatabaseError> {
    store::history(connection, registration.id)
}

/// A registration as a wish leaves it.
type Changed = Result<Registration, RegistrationError>;

/// Locks the conference's seats, finds the registration as it is then (of two who act at once, the second finds it
/// done), authorises `operation`, does `work`, and writes what follows of it.
///
/// # Errors
/// Those of `work` and of [`find`].
pub fn change(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    operation: &str,
    work: impl FnOnce(&mut Connection, &mut Ledger<'_>, Registration, &Actor) -> Changed,
) -> Result<Shown, RegistrationError> {
    let mut ledger = Ledger::open(connection, errand.place, errand.released)?;
    let Errand { place, credentials, secret, .. } = errand;
    let (registration, actor) = lookup(connection, place, reference, credentials, secret, operation)?;
    let id = work(connection, &mut ledger, registration, &actor)?.id;
    ledger.close(connection)?;
    let registration = store::of_ids(connection, &[id])?.pop().ok_or(RegistrationError::NotFound)?;
    show(connection, registration)
}

/// The address is theirs: what the link in the letter to it proves.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is verified already; [`RegistrationError::Full`]; those of [`find`].
pub fn verify(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "verify_registration", |tx, ledger, mut registration, actor| {
        registration.state.verified()?;
        ledger.admit(tx, &mut registration, false)?;
        ledger.save(tx, &mut registration)?;
        ledger.note(&registration, Event::Verified, actor, Remark::default());
        Ok(registration)
    })
}

/// Takes the offer of a seat.
///
/// # Errors
/// [`RegistrationError::WrongState`] where there is none (any more), and those of [`find`].
pub fn accept(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "accept_registration", |tx, ledger, mut registration, actor| {
        let has_offer = registration.offer_expires_at.is_some_and(|ends| ledger.now < ends);
        if !has_offer {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        ledger.promote(tx, &mut registration, Event::Accepted, actor)?;
        Ok(registration)
    })
}

/// Gives one who waits a seat out of turn, where there is one.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it does not wait; [`RegistrationError::Full`]; those of [`find`].
pub fn promote(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "promote_registration", |tx, ledger, mut registration, actor| {
        registration.state.promoted()?;
        if registration.offer_expires_at.is_none() && !ledger.take(registration.category) {
            return Err(RegistrationError::NoSeatFree);
        }
        ledger.promote(tx, &mut registration, Event::Promoted, actor)?;
        Ok(registration)
    })
}

/// Cancels: what it held goes to the first who waits for it.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is final already, and those of [`find`].
pub fn cancel(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    reason: Option<String>,
) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "cancel_registration", |tx, ledger, mut registration, actor| {
        let state = registration.state.cancelled()?;
        leave(tx, ledger, &mut registration, state, (Event::Cancelled, actor, reason))?;
        Ok(registration)
    })
}

/// A registration comes to its end, whichever it is.
pub fn leave(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    registration: &mut Registration,
    state: State,
    (event, actor, reason): (Event, &Actor, Option<String>),
) -> Result<(), RegistrationError> {
    let held_seat = registration.holds_seat();
    let was_confirmed = registration.state == State::Confirmed;
    registration.state = state;
    ledger.leave(connection, registration, held_seat)?;
    ledger.note(registration, event, actor, Remark { reason, held_seat: was_confirmed, ..Remark::default() });
    Ok(())
}

/// Chooses the sessions that a registration is signed up for: all of them.
///
/// # Errors
/// [`RegistrationError::Invalid`] for sessions that take no signing up or are on at once;
/// [`RegistrationError::WrongState`] where the registration is final; those of [`find`].
pub fn choose_sessions(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    codes: &[Code],
) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "choose_sessions", |tx, ledger, registration, actor| {
        if registration.state.is_final() {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        let mut found = Faults::default();
        let wanted: Vec<Option<Code>> = codes.iter().cloned().map(Some).collect();
        session_faults(&wanted, ledger.released.agenda, &mut found);
        found.or(())?;
        let chosen: Vec<_> = codes.iter().filter_map(|code| ledger.session(code)).collect();
        let present = session_seats::store::sign_ups(tx, registration.id)?;
        let wants = |sign_up: &&SignUp| chosen.iter().any(|session| session.id == Some(sign_up.session_id));
        let mut changed = false;
        for sign_up in present.iter().filter(|sign_up| !wants(sign_up)) {
            ledger.sign_off(tx, sign_up)?;
            changed = true;
        }
        let has = |session: &crate::ids::SessionId| present.iter().any(|sign_up| sign_up.session_id == *session);
        for session in chosen.iter().filter_map(|session| session.id).filter(|session| !has(session)) {
            ledger.sign_up(&registration, session);
            changed = true;
        }
        if changed {
            let codes: Vec<_> = codes.iter().map(Code::as_str).collect();
            let remark = Remark { detail: detail("sessions", json!(codes)), ..Remark::default() };
            ledger.note(&registration, Event::SessionsChanged, actor, remark);
        }
        Ok(registration)
    })
}

/// Makes every earlier link void and sends a new one.
///
/// # Errors
/// Those of [`find`].
pub fn renew_link(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "renew_registration_link", |tx, ledger, mut registration, actor| {
        registration.token_generation += 1;
        ledger.save(tx, &mut registration)?;
        ledger.note(&registration, Event::LinkRenewed, actor, Remark::default());
        Ok(registration)
    })
}

/// Sends the link again.
///
/// # Errors
/// Those of [`find`].
pub fn resend(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "resend_registration_link", |tx, ledger, registration, _| {
        ledger.send_link(tx, &registration)?;
        Ok(registration)
    })
}

/// Sends the link again to whoever has a live registration of this address; to nobody, if there is none.
///
/// # Errors
/// The store fails.
pub fn send_link_to(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    folded: &str,
) -> Result<(), RegistrationError> {
    let mut ledger = Ledger::open(connection, place, released)?;
    for registration in store::live_of_addresses(connection, place.id, &[folded.to_owned()])? {
        ledger.send_link(connection, &registration)?;
    }
    ledger.close(connection)?;
    Ok(())
}

/// What is due at `now` among these registrations of one conference: addresses that were not verified in time expire,
/// offers that nobody took lapse.
///
/// # Errors
/// The store fails.
pub fn run_out(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    ids: &[RegistrationId],
) -> Result<(), RegistrationError> {
    let mut ledger = Ledger::open(connection, place, released)?;
    let service = Actor::service();
    for mut registration in store::of_ids(connection, ids)? {
        let is_over = |ends: Option<chrono::DateTime<chrono::Utc>>| ends.is_some_and(|ends| ends <= ledger.now);
        if registration.state == State::Unverified && is_over(registration.expires_at) {
            let state = registration.state.expired()?;
            leave(connection, &mut ledger, &mut registration, state, (Event::Expired, &service, None))?;
        } else if is_over(registration.offer_expires_at) {
            registration.offer_expires_at = None;
            registration.arrival = ledger.next_arrival();
            ledger.free(registration.category);
            ledger.save(connection, &mut registration)?;
            ledger.note(&registration, Event::Lapsed, &service, Remark::default());
        }
    }
    ledger.close(connection)?;
    Ok(())
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
    setup::store::standing(connection, place.id)?.map(|standing| setup::store::document(&standing, zone)).transpose()
}

/// All that the form is made of.
pub struct FormState {
    /// What was configured, and what is taken.
    pub standing: Standing,
    /// The questions.
    pub questions: Vec<Question>,
    /// The seats of sessions.
    pub sessions: Vec<session_seats::store::SessionStanding>,
    /// The category that the reader's invitation is to.
    pub invited_to: Option<CategoryId>,
}

/// Reads all that the form is made of, for whoever has a code or none.
///
/// # Errors
/// [`RegistrationError::NoConference`]; [`RegistrationError::InvitationInvalid`] for a code that opens nothing.
pub fn form_state(
    connection: &mut Connection,
    place: &Place,
    secret: &ServerSecret,
    code: Option<&str>,
) -> Result<FormState, RegistrationError> {
    let standing = form(connection, place)?;
    let invitation = code.map(|code| invitations::find_by_code(connection, place, secret, code, clock::now()));
    Ok(FormState {
        questions: standing.questions()?,
        standing,
        sessions: session_seats::store::session_standings(connection, place.id)?,
        invited_to: invitation.transpose()?.and_then(|invitation| invitation.category_id),
    })
}

/// The set-up as it stands, for the form.
///
/// # Errors
/// [`RegistrationError::NoConference`] where there is none.
pub fn form(connection: &mut Connection, place: &Place) -> Result<Standing, RegistrationError> {
    setup::store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)
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
        Some(place) => setup::store::lock_setup(connection, place.id)?,
        None => None,
    };
    let known = standing.as_ref().map(|standing| setup::store::document(standing, zone)).transpose()?;
    setup.adopt_ids(known.as_ref());
    let changes = changes(&known.map(|known| known.nodes()).unwrap_or_default(), &setup.nodes());
    if let Some(standing) = &standing {
        refuse_what_takes_seats_away(connection, standing, &setup)?;
    }
    let Some(place) = place.filter(|_| !dry_run && !changes.is_empty()) else {
        return Ok(changes);
    };
    setup::store::save(connection, place.id, standing.as_ref(), &setup)?;
    if let Some(agenda) = released {
        let mut ledger = Ledger::open(connection, place, Released { agenda, number: None })?;
        ledger.expect_free_seats();
        ledger.close(connection)?;
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
            None if store::is_used(connection, old.id)?
                || invitations::is_of_category(connection, old.id)?
                || delegations::is_of_category(connection, old.id)? =>
            {
                return Err(RegistrationError::CategoryInUse(old.code.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Seats that invitations reserved and that ended by `now` are free again.
///
/// # Errors
/// The store fails.
pub fn end_invitations(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
) -> Result<(), RegistrationError> {
    let mut ledger = Ledger::open(connection, place, released)?;
    for (category, seats) in invitations::end_those_over(connection, place.id, clock::now())? {
        (0..seats).for_each(|_| ledger.free(category));
    }
    ledger.close(connection)?;
    Ok(())
}
