//! Actions on an existing registration. Each function does its work in the caller's transaction.

use serde_json::json;

use super::{
    RegistrationError,
    admission::session_faults,
    context::ReleasedAgenda,
    form::Question,
    model::{Event, HistoryEntry, Registration, RegistrationStatus},
    pending_event::{EventDetails, detail},
    rows,
    seat_transaction::SeatTransaction,
    session_seats::{self, SignUp},
    setup::{
        self, Setup,
        state::{SetupState, get_setup_state},
    },
};
use crate::{
    access::{Actor, Credentials, Operation, ServerSecret, authorise},
    agenda::{Agenda, Change, ConferenceRef, plan::changes},
    clock,
    database::{Connection, DatabaseError},
    ids::{CategoryId, RegistrationId},
    registration::context::RequestContext,
    validation::ValidationErrors,
    values::{Code, Count, Localised, TimeZone},
};

/// A registration with its place on the waiting list, its category and its sessions.
#[derive(Clone)]
pub struct RegistrationDetails {
    pub registration: Registration,
    /// The category's code.
    pub category: Code,
    pub category_name: Localised,
    /// The place on the waiting list, from 1; `None` unless it waits for a seat.
    pub position: Option<i64>,
    pub sign_ups: Vec<SignUp>,
}

/// Finds a registration with its details, for its attendee or a registrar; returns also who acts.
///
/// # Errors
/// [`RegistrationError::Access`] for everyone else, whether or not the registration exists.
pub fn find(
    connection: &mut Connection,
    place: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: Operation,
) -> Result<(RegistrationDetails, Actor), RegistrationError> {
    let (registration, actor) = lookup(connection, place, reference, credentials, secret, operation)?;
    Ok((show(connection, registration)?, actor))
}

/// Finds a registration without its details, for its attendee or a registrar; returns also who acts.
///
/// # Errors
/// Those of [`find`].
pub fn lookup(
    connection: &mut Connection,
    place: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: Operation,
) -> Result<(Registration, Actor), RegistrationError> {
    let found = rows::find(connection, place.id, reference)?;
    let own = found.as_ref().is_some_and(|registration| is_own(registration, credentials, secret));
    let actor = if own { Actor::attendee() } else { authorise(connection, credentials, operation, Some(place.id))? };
    Ok((found.ok_or(RegistrationError::NotFound)?, actor))
}

/// Whether the credentials hold the registration's own link.
pub fn is_own(registration: &Registration, credentials: &Credentials, secret: &ServerSecret) -> bool {
    let token = credentials.attendee_token();
    token.is_some_and(|token| secret.is_link_token(token, registration.id, registration.token_generation))
}

/// Finds a confirmed registration, whose attendee may see what only attendees see.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is not confirmed, and those of [`find`].
pub fn find_confirmed(
    connection: &mut Connection,
    place: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<RegistrationDetails, RegistrationError> {
    let (shown, _) = find(connection, place, reference, credentials, secret, Operation::ReadAttendeeProgramme)?;
    match shown.registration.state {
        RegistrationStatus::Confirmed => Ok(shown),
        other => Err(RegistrationError::WrongState(other.as_str())),
    }
}

/// Reads the details of a registration.
pub fn show(connection: &mut Connection, registration: Registration) -> Result<RegistrationDetails, RegistrationError> {
    let setup_state = get_setup_state(connection, registration.conference)?;
    let category = setup_state.get_category(registration.category)?;
    let position = match registration.state {
        RegistrationStatus::Waitlisted if registration.offer_expires_at.is_none() => {
            Some(rows::waiting_until(connection, registration.category, registration.arrival)?)
        }
        _ => None,
    };
    let sign_ups = session_seats::sign_ups(connection, registration.id)?;
    Ok(RegistrationDetails {
        category: category.code.clone(),
        category_name: category.name.clone(),
        position,
        registration,
        sign_ups,
    })
}

/// The history of a registration, the oldest event first.
pub fn history(connection: &mut Connection, registration: &Registration) -> Result<Vec<HistoryEntry>, DatabaseError> {
    rows::history(connection, registration.id)
}

/// What the work in [`change`] returns: the registration as it is afterwards.
type Changed = Result<Registration, RegistrationError>;

/// Locks the conference's seats, reads the registration under that lock (so that of two concurrent requests the second
/// sees the result of the first), authorises `operation`, does `work` and closes the seat transaction.
///
/// # Errors
/// Those of `work` and of [`find`].
pub fn change(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    operation: Operation,
    work: impl FnOnce(&mut Connection, &mut SeatTransaction<'_>, Registration, &Actor) -> Changed,
) -> Result<RegistrationDetails, RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, context.place, context.released)?;
    let RequestContext { place, credentials, secret, .. } = context;
    let (registration, actor) = lookup(connection, place, reference, credentials, secret, operation)?;
    let id = work(connection, &mut transaction, registration, &actor)?.id;
    transaction.close(connection)?;
    let registration = rows::of_ids(connection, &[id])?.pop();
    let registration = registration.ok_or_else(|| DatabaseError::missing(format_args!("registration {id}")))?;
    show(connection, registration)
}

/// Verifies the address, which the link in the letter to it proves.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is verified already; [`RegistrationError::Full`]; those of [`find`].
pub fn verify(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::VerifyRegistration, |tx, transaction, mut registration, actor| {
        registration.state.verified()?;
        transaction.admit(tx, &mut registration, false)?;
        transaction.save(tx, &mut registration)?;
        transaction.record_event(&registration, Event::Verified, actor, EventDetails::default());
        Ok(registration)
    })
}

/// Accepts the offer of a seat.
///
/// # Errors
/// [`RegistrationError::WrongState`] if there is no offer or it has expired, and those of [`find`].
pub fn accept(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::AcceptRegistration, |tx, transaction, mut registration, actor| {
        let has_offer = registration.offer_expires_at.is_some_and(|ends| transaction.now < ends);
        if !has_offer {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        transaction.promote(tx, &mut registration, Event::Accepted, actor)?;
        Ok(registration)
    })
}

/// Gives a registration on the waiting list a free seat, out of turn.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is not on the waiting list; [`RegistrationError::NoSeatFree`]; those of
/// [`find`].
pub fn promote(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(
        connection,
        context,
        reference,
        Operation::PromoteRegistration,
        |tx, transaction, mut registration, actor| {
            registration.state.promoted()?;
            if registration.offer_expires_at.is_none() && !transaction.take(registration.category) {
                return Err(RegistrationError::NoSeatFree);
            }
            transaction.promote(tx, &mut registration, Event::Promoted, actor)?;
            Ok(registration)
        },
    )
}

/// Cancels a registration: its seat goes to the first on the waiting list.
///
/// # Errors
/// [`RegistrationError::WrongState`] if the status is final already, and those of [`find`].
pub fn cancel(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    reason: Option<String>,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::CancelRegistration, |tx, transaction, mut registration, actor| {
        let state = registration.state.cancelled()?;
        let ending = Ending { state, event: Event::Cancelled, actor, reason };
        end_registration(tx, transaction, &mut registration, ending)?;
        Ok(registration)
    })
}

/// The end of a registration, as its history records it.
pub struct Ending<'a> {
    /// The final status.
    pub state: RegistrationStatus,
    pub event: Event,
    pub actor: &'a Actor,
    /// The reason, which the letter quotes.
    pub reason: Option<String>,
}

/// Gives a registration its final status, frees its seats and records the event.
pub fn end_registration(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    registration: &mut Registration,
    ending: Ending<'_>,
) -> Result<(), RegistrationError> {
    let Ending { state, event, actor, reason } = ending;
    let held_seat = registration.holds_seat();
    let was_confirmed = registration.state == RegistrationStatus::Confirmed;
    registration.state = state;
    transaction.leave(connection, registration, held_seat)?;
    transaction.record_event(
        registration,
        event,
        actor,
        EventDetails { reason, held_seat: was_confirmed, ..EventDetails::default() },
    );
    Ok(())
}

/// Sets the sessions for which a registration is signed up, in place of the earlier choice.
///
/// # Errors
/// [`RegistrationError::Invalid`] for sessions that need no sign-up or overlap; [`RegistrationError::WrongState`] if
/// the status is final; those of [`find`].
pub fn choose_sessions(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    codes: &[Code],
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::ChooseSessions, |tx, transaction, registration, actor| {
        if registration.state.is_final() {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        let mut found = ValidationErrors::default();
        let wanted: Vec<Option<Code>> = codes.iter().cloned().map(Some).collect();
        session_faults(&wanted, transaction.released.agenda, &mut found);
        found.or(())?;
        let chosen: Vec<_> = codes.iter().filter_map(|code| transaction.session(code)).collect();
        let present = session_seats::sign_ups(tx, registration.id)?;
        let wants = |sign_up: &&SignUp| chosen.iter().any(|session| session.id == Some(sign_up.session_id));
        let mut changed = false;
        for sign_up in present.iter().filter(|sign_up| !wants(sign_up)) {
            transaction.sign_off(tx, sign_up)?;
            changed = true;
        }
        let has = |session: &crate::ids::SessionId| present.iter().any(|sign_up| sign_up.session_id == *session);
        for session in chosen.iter().filter_map(|session| session.id).filter(|session| !has(session)) {
            transaction.sign_up(&registration, session);
            changed = true;
        }
        if changed {
            let codes: Vec<_> = codes.iter().map(Code::as_str).collect();
            let details = EventDetails { detail: detail("sessions", json!(codes)), ..EventDetails::default() };
            transaction.record_event(&registration, Event::SessionsChanged, actor, details);
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
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(
        connection,
        context,
        reference,
        Operation::RenewRegistrationLink,
        |tx, transaction, mut registration, actor| {
            registration.token_generation += 1;
            transaction.save(tx, &mut registration)?;
            transaction.record_event(&registration, Event::LinkRenewed, actor, EventDetails::default());
            Ok(registration)
        },
    )
}

/// Sends the link again.
///
/// # Errors
/// Those of [`find`].
pub fn resend(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::ResendRegistrationLink, |tx, transaction, registration, _| {
        transaction.send_link(tx, &registration)?;
        Ok(registration)
    })
}

/// Sends the link again to the live registration with this folded address, if there is one.
pub fn send_link_to(
    connection: &mut Connection,
    place: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    folded: &str,
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, place, released)?;
    for registration in rows::live_of_addresses(connection, place.id, &[folded.to_owned()])? {
        transaction.send_link(connection, &registration)?;
    }
    transaction.close(connection)?;
    Ok(())
}

/// Expires those of these registrations (of one conference) whose address was not verified in time, and withdraws the
/// offers that were not accepted in time.
pub fn expire_due(
    connection: &mut Connection,
    place: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    ids: &[RegistrationId],
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, place, released)?;
    let service = Actor::service();
    for mut registration in rows::of_ids(connection, ids)? {
        let is_over = |ends: Option<chrono::DateTime<chrono::Utc>>| ends.is_some_and(|ends| ends <= transaction.now);
        if registration.state == RegistrationStatus::Unverified && is_over(registration.expires_at) {
            let state = registration.state.expired()?;
            let ending = Ending { state, event: Event::Expired, actor: &service, reason: None };
            end_registration(connection, &mut transaction, &mut registration, ending)?;
        } else if is_over(registration.offer_expires_at) {
            transaction.lapse(connection, &mut registration)?;
        }
    }
    transaction.close(connection)?;
    Ok(())
}

/// Whether anybody has ever registered for the conference.
pub fn is_registered_for(connection: &mut Connection, place: &ConferenceRef) -> Result<bool, DatabaseError> {
    rows::has_registrations(connection, place.id)
}

/// The set-up as a document, with times in `zone`.
///
/// # Errors
/// Those of [`get_setup_state`].
pub fn load_setup(
    connection: &mut Connection,
    place: &ConferenceRef,
    zone: TimeZone,
) -> Result<Setup, RegistrationError> {
    Ok(setup::state::document(&get_setup_state(connection, place.id)?, zone)?)
}

/// The data of the registration form.
pub struct FormState {
    pub setup_state: SetupState,
    pub questions: Vec<Question>,
    pub sessions: Vec<super::session_seats::SessionQuota>,
    /// The category of the reader's invitation; `None` without one, or if it is for any category.
    pub invited_to: Option<CategoryId>,
}

/// Reads the data of the form, with an invitation code or without.
///
/// # Errors
/// Those of [`get_setup_state`]; [`RegistrationError::InvitationInvalid`] for a code that is not valid.
pub fn form_state(
    connection: &mut Connection,
    place: &ConferenceRef,
    secret: &ServerSecret,
    code: Option<&str>,
) -> Result<FormState, RegistrationError> {
    let setup_state = get_setup_state(connection, place.id)?;
    let invitation = code.map(|code| super::reservations::find_by_code(connection, place, secret, code, clock::now()));
    Ok(FormState {
        questions: setup_state.questions()?,
        setup_state,
        sessions: super::session_seats::load_session_quotas(connection, place.id)?,
        invited_to: invitation.transpose()?.and_then(|invitation| invitation.category_id),
    })
}

/// Plans a set-up and, unless `dry_run`, saves it; new seats go to the waiting list. `place` is `None` for a conference
/// that is not stored yet. `released` is the agenda for the letters.
///
/// # Errors
/// [`RegistrationError::SeatsTaken`], [`RegistrationError::CategoryInUse`].
pub fn apply_setup(
    connection: &mut Connection,
    place: Option<&ConferenceRef>,
    zone: TimeZone,
    mut setup: Setup,
    released: Option<&Agenda>,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    let setup_state = match place {
        Some(place) => setup::state::lock_setup(connection, place.id)?,
        None => None,
    };
    let known = setup_state.as_ref().map(|setup_state| setup::state::document(setup_state, zone)).transpose()?;
    setup.adopt_ids(known.as_ref());
    let changes = changes(&known.map(|known| known.nodes()).unwrap_or_default(), &setup.nodes());
    if let Some(setup_state) = &setup_state {
        refuse_what_takes_seats_away(connection, setup_state, &setup)?;
    }
    let Some(place) = place.filter(|_| !dry_run && !changes.is_empty()) else {
        return Ok(changes);
    };
    setup::state::save(connection, place.id, setup_state.as_ref(), &setup)?;
    if let Some(agenda) = released {
        let mut transaction = SeatTransaction::open(connection, place, ReleasedAgenda { agenda, number: None })?;
        transaction.expect_free_seats();
        transaction.close(connection)?;
    }
    Ok(changes)
}

fn refuse_what_takes_seats_away(
    connection: &mut Connection,
    setup_state: &SetupState,
    setup: &Setup,
) -> Result<(), RegistrationError> {
    let below = |seats: Option<Count<0>>, taken: i64| seats.is_some_and(|Count(seats)| i64::from(seats) < taken);
    if below(setup.seats, setup_state.seats_taken) {
        return Err(RegistrationError::SeatsTaken { category: None, taken: setup_state.seats_taken });
    }
    for old in &setup_state.categories {
        match setup.categories.iter().find(|category| category.id == Some(old.id)) {
            Some(new) if below(new.seats, old.seats_taken) => {
                let category = Some(new.code.clone());
                return Err(RegistrationError::SeatsTaken { category, taken: old.seats_taken });
            }
            None if rows::is_used(connection, old.id)?
                || super::reservations::is_of_category(connection, old.id)?
                || super::membership::is_of_category(connection, old.id)? =>
            {
                return Err(RegistrationError::CategoryInUse(old.code.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ends the invitations that have expired and frees the seats that they reserve.
pub fn end_invitations(
    connection: &mut Connection,
    place: &ConferenceRef,
    released: ReleasedAgenda<'_>,
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, place, released)?;
    for (category, seats) in super::reservations::end_expired(connection, place.id, clock::now())? {
        (0..seats).for_each(|_| transaction.free(category));
    }
    transaction.close(connection)?;
    Ok(())
}
