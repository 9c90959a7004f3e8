//! Actions on an existing registration. Each function does its work in the caller's transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    RegistrationError,
    admission::check_sessions,
    context::{ReleasedAgenda, RequestContext},
    erasure,
    form::Question,
    membership,
    model::{Event, HistoryEntry, Registration, RegistrationStatus},
    pending_event::{EventDetails, single_detail},
    reservations, rows,
    seat_transaction::SeatTransaction,
    session_seats::{self, SignUp},
    setup::{
        self, Setup,
        state::{SetupState, get_setup_state},
    },
};
use crate::{
    access::{Actor, Credentials, Operation, ServerSecret, authorise},
    agenda::{Agenda, Change, ConferenceRef, document::Session, plan::changes},
    clock,
    database::{Connection, DatabaseError},
    ids::{CategoryId, ConferenceId, RegistrationId, SessionId},
    mail::SenderDomains,
    site_setup::{PrivacyNotice, notice_in_force},
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

/// Finds a registration with its details, for its attendee or a registrar; also returns who acts.
///
/// # Errors
/// [`RegistrationError::Access`] for everyone else, whether or not the registration exists.
pub fn find_details(
    connection: &mut Connection,
    conference: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: Operation,
) -> Result<(RegistrationDetails, Actor), RegistrationError> {
    let (registration, actor) = find_registration(connection, conference, reference, credentials, secret, operation)?;
    Ok((load_details(connection, registration)?, actor))
}

/// Finds a registration without its details, for its attendee or a registrar; also returns who acts.
///
/// # Errors
/// Those of [`find_details`].
pub fn find_registration(
    connection: &mut Connection,
    conference: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
    operation: Operation,
) -> Result<(Registration, Actor), RegistrationError> {
    let registration = rows::find(connection, conference.id, reference)?;
    let has_link = operation.accepts_personal_link()
        && registration.as_ref().is_some_and(|registration| has_own_link(registration, credentials, secret));
    let actor = match has_link {
        true => Actor::attendee(),
        false => authorise(connection, credentials, operation, Some(conference.id))?,
    };
    Ok((registration.ok_or(RegistrationError::NotFound)?, actor))
}

/// Whether the credentials hold the registration's own link.
pub fn has_own_link(registration: &Registration, credentials: &Credentials, secret: &ServerSecret) -> bool {
    let token = credentials.attendee_token();
    token.is_some_and(|token| secret.is_link_token(token, registration.id, registration.token_generation))
}

/// Whether the credentials hold the link of the registration with this reference.
pub fn has_link(
    connection: &mut Connection,
    conference: ConferenceId,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<bool, DatabaseError> {
    let registration = rows::find(connection, conference, reference)?;
    Ok(registration.is_some_and(|registration| has_own_link(&registration, credentials, secret)))
}

/// Finds a confirmed registration, whose attendee may see what only attendees see.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is not confirmed, and those of [`find_details`].
pub fn find_confirmed(
    connection: &mut Connection,
    conference: &ConferenceRef,
    reference: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<RegistrationDetails, RegistrationError> {
    let (details, _) =
        find_details(connection, conference, reference, credentials, secret, Operation::ReadAttendeeProgramme)?;
    match details.registration.state {
        RegistrationStatus::Confirmed => Ok(details),
        other => Err(RegistrationError::WrongState(other.as_str())),
    }
}

/// Reads the details of a registration.
pub fn load_details(
    connection: &mut Connection,
    registration: Registration,
) -> Result<RegistrationDetails, RegistrationError> {
    let setup_state = get_setup_state(connection, registration.conference)?;
    let category = setup_state.get_category(registration.category)?;
    let position = match registration.state {
        RegistrationStatus::Waitlisted if registration.offer_expires_at.is_none() => {
            Some(rows::count_waiting_until(connection, registration.category, registration.arrival)?)
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
type ChangedRegistration = Result<Registration, RegistrationError>;

/// Locks the conference's seats, reads the registration under that lock (so that of two concurrent requests the second
/// sees the result of the first), authorises `operation`, does `work` and closes the seat transaction.
///
/// # Errors
/// Those of `work` and of [`find_details`].
pub fn change(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    operation: Operation,
    work: impl FnOnce(&mut Connection, &mut SeatTransaction<'_>, Registration, &Actor) -> ChangedRegistration,
) -> Result<RegistrationDetails, RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, context.conference, context.released)?;
    let RequestContext { conference, credentials, secret, .. } = context;
    let (registration, actor) = find_registration(connection, conference, reference, credentials, secret, operation)?;
    let id = work(connection, &mut transaction, registration, &actor)?.id;
    transaction.close(connection)?;
    let registration = rows::of_ids(connection, &[id])?.pop();
    let registration = registration.ok_or_else(|| DatabaseError::missing(format_args!("registration {id}")))?;
    load_details(connection, registration)
}

/// Verifies the address, which the link in the letter to it proves.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is verified already; [`RegistrationError::Full`];
/// [`RegistrationError::ConferenceOver`]; those of [`find_details`].
pub fn verify(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::VerifyRegistration, |tx, transaction, mut registration, actor| {
        registration.state.verified()?;
        transaction.ensure_not_over()?;
        transaction.admit(tx, &mut registration, false)?;
        transaction.save(tx, &mut registration)?;
        transaction.record_event(&registration, Event::Verified, actor, EventDetails::default());
        Ok(registration)
    })
}

/// Accepts the offer of a seat.
///
/// # Errors
/// [`RegistrationError::WrongState`] if there is no offer or it has expired; [`RegistrationError::ConferenceOver`];
/// those of [`find_details`].
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
        transaction.ensure_not_over()?;
        transaction.promote(tx, &mut registration, Event::Accepted, actor)?;
        Ok(registration)
    })
}

/// Gives a registration on the waiting list a free seat, out of turn.
///
/// # Errors
/// [`RegistrationError::WrongState`] if it is not on the waiting list; [`RegistrationError::NoSeatFree`];
/// [`RegistrationError::ConferenceOver`]; those of [`find_details`].
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
            transaction.ensure_not_over()?;
            if registration.offer_expires_at.is_none() && !transaction.take_seat(registration.category) {
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
/// [`RegistrationError::WrongState`] if the status is final already; [`RegistrationError::ConferenceOver`] for an
/// attendee with a seat; those of [`find_details`].
pub fn cancel(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    reason: Option<String>,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::CancelRegistration, |tx, transaction, mut registration, actor| {
        let state = registration.state.cancelled()?;
        // Whoever was there was there: the organisers correct what is wrong.
        if *actor == Actor::attendee() && registration.state == RegistrationStatus::Confirmed {
            transaction.ensure_not_over()?;
        }
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
    transaction.save_ended(connection, registration, held_seat)?;
    transaction.record_event(
        registration,
        event,
        actor,
        EventDetails { reason, was_confirmed, ..EventDetails::default() },
    );
    Ok(())
}

/// Sets the sessions for which a registration is signed up, in place of the earlier choice.
///
/// # Errors
/// [`RegistrationError::Invalid`] for sessions that need no sign-up or overlap; [`RegistrationError::WrongState`] if
/// the status is final; those of [`find_details`].
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
        let mut errors = ValidationErrors::default();
        let parsed_codes: Vec<Option<Code>> = codes.iter().cloned().map(Some).collect();
        let existing = session_seats::sign_ups(tx, registration.id)?;
        let is_signed_up = |session: &SessionId| existing.iter().any(|sign_up| sign_up.session_id == *session);
        let (setup_state, now) = (&transaction.setup_state, transaction.now);
        let is_over = |session: &Session| {
            setup_state.is_session_over(session, now) && !session.id.is_some_and(|id| is_signed_up(&id))
        };
        check_sessions(&parsed_codes, transaction.released.agenda, is_over, &mut errors);
        errors.into_result(())?;
        let chosen: Vec<_> = codes.iter().filter_map(|code| transaction.sign_up_session(code)).collect();
        let is_chosen = |sign_up: &&SignUp| chosen.iter().any(|session| session.id == Some(sign_up.session_id));
        let mut has_changed = false;
        // A session that is over stays: forms do not offer it any more.
        for sign_up in existing.iter().filter(|sign_up| !is_chosen(sign_up)) {
            if transaction.is_session_over(sign_up.session_id) {
                continue;
            }
            transaction.withdraw_sign_up(tx, sign_up)?;
            has_changed = true;
        }
        for session in chosen.iter().filter_map(|session| session.id).filter(|session| !is_signed_up(session)) {
            transaction.sign_up(&registration, session);
            has_changed = true;
        }
        if has_changed {
            let codes: Vec<_> = codes.iter().map(Code::as_str).collect();
            let details = EventDetails { detail: single_detail("sessions", json!(codes)), ..EventDetails::default() };
            transaction.record_event(&registration, Event::SessionsChanged, actor, details);
        }
        Ok(registration)
    })
}

/// Nobody can be written to any more about a registration that was erased.
fn refuse_erased(registration: &Registration) -> Result<(), RegistrationError> {
    match registration.erased_at {
        Some(_) => Err(RegistrationError::WrongState(registration.state.as_str())),
        None => Ok(()),
    }
}

/// Makes every earlier link void and sends a new one.
///
/// # Errors
/// [`RegistrationError::WrongState`] if the registration was erased; those of [`find_details`].
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
            refuse_erased(&registration)?;
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
/// [`RegistrationError::WrongState`] if the registration was erased; [`RegistrationError::NoAddress`]; those of
/// [`find_details`].
pub fn resend(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::ResendRegistrationLink, |tx, transaction, registration, _| {
        refuse_erased(&registration)?;
        if registration.person.email.is_none() {
            return Err(RegistrationError::NoAddress);
        }
        transaction.send_link(tx, &registration)?;
        Ok(registration)
    })
}

/// Sends the link again to everybody who has a live registration with this address (folded).
pub fn send_link_to(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    folded_address: &str,
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    for registration in rows::find_live_by_addresses(connection, conference.id, &[folded_address.to_owned()])? {
        transaction.send_link(connection, &registration)?;
    }
    transaction.close(connection)?;
    Ok(())
}

/// Expires and erases those of these registrations (of one conference) whose address was not verified in time, and
/// withdraws the
/// offers that were not accepted in time.
pub fn expire_due(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    ids: &[RegistrationId],
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    let service = Actor::service();
    let mut expired = Vec::new();
    for mut registration in rows::of_ids(connection, ids)? {
        let is_over = |ends: Option<DateTime<Utc>>| ends.is_some_and(|ends| ends <= transaction.now);
        if registration.state == RegistrationStatus::Unverified && is_over(registration.expires_at) {
            let state = registration.state.expired()?;
            let ending = Ending { state, event: Event::Expired, actor: &service, reason: None };
            end_registration(connection, &mut transaction, &mut registration, ending)?;
            expired.push(registration);
        } else if is_over(registration.offer_expires_at) {
            transaction.withdraw_offer(connection, &mut registration)?;
        }
    }
    let now = transaction.now;
    transaction.close(connection)?;
    expired.iter().try_for_each(|registration| erasure::erase(connection, registration, now))
}

/// Whether anybody has ever registered for the conference.
pub fn has_registrations(connection: &mut Connection, conference: &ConferenceRef) -> Result<bool, DatabaseError> {
    rows::has_registrations(connection, conference.id)
}

/// The set-up as a document, with times in `zone`.
///
/// # Errors
/// Those of [`get_setup_state`].
pub fn load_setup(
    connection: &mut Connection,
    conference: &ConferenceRef,
    zone: TimeZone,
) -> Result<Setup, RegistrationError> {
    Ok(setup::state::document(&get_setup_state(connection, conference.id)?, zone)?)
}

/// The data of the registration form.
pub struct FormState {
    pub setup_state: SetupState,
    pub questions: Vec<Question>,
    pub sessions: Vec<session_seats::SessionQuota>,
    /// The category of the reader's invitation; `None` without one, or if it is for any category.
    pub invited_category: Option<CategoryId>,
    /// The privacy notice that is in force.
    pub privacy_notice: Option<PrivacyNotice>,
}

/// Reads the data of the form, with an invitation code or without.
///
/// # Errors
/// Those of [`get_setup_state`]; [`RegistrationError::InvitationInvalid`] for a code that is not valid.
pub fn form_state(
    connection: &mut Connection,
    conference: &ConferenceRef,
    secret: &ServerSecret,
    code: Option<&str>,
) -> Result<FormState, RegistrationError> {
    let setup_state = get_setup_state(connection, conference.id)?;
    let invitation = code.map(|code| reservations::find_by_code(connection, conference, secret, code, clock::now()));
    Ok(FormState {
        questions: setup_state.questions()?,
        setup_state,
        sessions: session_seats::load_session_quotas(connection, conference.id)?,
        privacy_notice: notice_in_force(connection, conference.id)?,
        invited_category: invitation.transpose()?.and_then(|invitation| invitation.category_id),
    })
}

/// Plans a set-up and, unless `dry_run`, saves it; new seats go to the waiting list. `conference` is `None` for one
/// that is not stored yet. `released` is the agenda for the letters. `sender_domains` are those that the sender of
/// letters may have; `None` where the letters stay as they are stored.
///
/// # Errors
/// [`RegistrationError::Invalid`] if the sender of letters is of another domain; [`RegistrationError::SeatsTaken`],
/// [`RegistrationError::CategoryInUse`].
pub fn apply_setup(
    connection: &mut Connection,
    conference: Option<&ConferenceRef>,
    zone: TimeZone,
    mut setup: Setup,
    released: Option<&Agenda>,
    sender_domains: Option<&SenderDomains>,
    dry_run: bool,
) -> Result<Vec<Change>, RegistrationError> {
    if let Some(sender_domains) = sender_domains {
        let mut errors = ValidationErrors::default();
        setup.letters.check_sender(sender_domains, "#/registration/letters", &mut errors);
        errors.into_result(())?;
    }
    let setup_state = match conference {
        Some(conference) => setup::state::lock_setup(connection, conference.id)?,
        None => None,
    };
    let existing = setup_state.as_ref().map(|setup_state| setup::state::document(setup_state, zone)).transpose()?;
    setup.adopt_ids(existing.as_ref());
    let changes = changes(&existing.map(|existing| existing.nodes()).unwrap_or_default(), &setup.nodes());
    if let Some(setup_state) = &setup_state {
        ensure_seats_remain(connection, setup_state, &setup)?;
    }
    let Some(conference) = conference.filter(|_| !dry_run && !changes.is_empty()) else {
        return Ok(changes);
    };
    setup::state::save(connection, conference.id, setup_state.as_ref(), &setup)?;
    if let Some(agenda) = released {
        let mut transaction = SeatTransaction::open(connection, conference, ReleasedAgenda { agenda, number: None })?;
        transaction.expect_free_seats();
        transaction.close(connection)?;
    }
    Ok(changes)
}

/// Refuses a limit below the seats that are taken, and the removal of a category in use.
fn ensure_seats_remain(
    connection: &mut Connection,
    setup_state: &SetupState,
    setup: &Setup,
) -> Result<(), RegistrationError> {
    let is_below = |seats: Option<Count<0>>, taken: i64| seats.is_some_and(|Count(seats)| i64::from(seats) < taken);
    if is_below(setup.seats, setup_state.seats_taken) {
        return Err(RegistrationError::SeatsTaken { category: None, taken: setup_state.seats_taken });
    }
    for old in &setup_state.categories {
        match setup.categories.iter().find(|category| category.id == Some(old.id)) {
            Some(new) if is_below(new.seats, old.seats_taken) => {
                let category = Some(new.code.clone());
                return Err(RegistrationError::SeatsTaken { category, taken: old.seats_taken });
            }
            None if rows::is_category_used(connection, old.id)?
                || reservations::is_category_used(connection, old.id)?
                || membership::is_category_used(connection, old.id)? =>
            {
                return Err(RegistrationError::CategoryInUse(old.code.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ends the invitations that have expired and frees the seats that they reserve.
pub fn end_expired_invitations(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
) -> Result<(), RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    for (category, seats) in reservations::end_expired(connection, conference.id, clock::now())? {
        (0..seats).for_each(|_| transaction.free_seat(category));
    }
    transaction.close(connection)?;
    Ok(())
}
