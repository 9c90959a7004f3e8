//! Use cases of possible duplicates. Each function runs inside one transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{DuplicateError, store};
use crate::{
    access::{Credentials, Operation, authorise},
    agenda::ConferenceRef,
    database::{Connection, DatabaseError},
    ids::PossibleDuplicateId,
    registration::{
        actions::{RegistrationDetails, show},
        context::RequestContext,
        duplicate_check::{DuplicatePair, DuplicateState, flag_changed},
        fields::{Field, PERSONAL_FIELDS, PersonalDetails},
        form::{RawAnswers, answers},
        model::{Event, Registration, RegistrationStatus},
        pending_event::{EventDetails, detail},
        rows,
        seat_transaction::SeatTransaction,
        session_seats::{self, SignUp, SignUpState},
        setup,
        sign_ups::overlap,
    },
    validation::ValidationErrors,
};

/// For fields, the reference of the registration whose value a merge takes.
pub type Choices = [(&'static Field, String)];

/// A pair with both of its registrations.
pub struct PairDetails {
    pub pair: DuplicatePair,
    /// The earlier one first.
    pub both: [RegistrationDetails; 2],
}

/// Open pairs of a conference, the oldest first.
///
/// # Errors
/// [`AccessError`](crate::access::AccessError).
pub fn list(
    connection: &mut Connection,
    place: &ConferenceRef,
    credentials: &Credentials,
    after: Option<(DateTime<Utc>, PossibleDuplicateId)>,
    limit: i64,
) -> Result<Vec<PairDetails>, DuplicateError> {
    authorise(connection, credentials, Operation::ListDuplicates, Some(place.id))?;
    let pairs = store::open(connection, place.id, after, limit)?;
    pairs.into_iter().map(|pair| pair_details(connection, pair)).collect()
}

fn pair_details(connection: &mut Connection, pair: DuplicatePair) -> Result<PairDetails, DuplicateError> {
    let (earlier, later) = both(connection, &pair)?;
    let both = [show(connection, earlier)?, show(connection, later)?];
    Ok(PairDetails { pair, both })
}

fn both(connection: &mut Connection, pair: &DuplicatePair) -> Result<(Registration, Registration), DuplicateError> {
    let found = rows::of_ids(connection, &[pair.earlier_id, pair.registration_id])?;
    let of = |id| found.iter().find(|registration| registration.id == id).cloned();
    let (Some(earlier), Some(later)) = (of(pair.earlier_id), of(pair.registration_id)) else {
        return Err(DatabaseError::missing(format_args!("a registration of pair {}", pair.id)).into());
    };
    Ok((earlier, later))
}

/// Dismisses a pair.
///
/// # Errors
/// [`DuplicateError::NotFound`], [`DuplicateError::AlreadyMerged`], [`AccessError`](crate::access::AccessError).
pub fn dismiss(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: PossibleDuplicateId,
) -> Result<PairDetails, DuplicateError> {
    let RequestContext { place, credentials, .. } = context;
    authorise(connection, credentials, Operation::DismissDuplicate, Some(place.id))?;
    // The lock: of two decisions at the same time, the second one sees the first.
    setup::state::get_locked_setup(connection, place.id)?;
    let mut pair = store::find(connection, place.id, id)?.ok_or(DuplicateError::NotFound)?;
    if pair.state == DuplicateState::Merged {
        return Err(DuplicateError::AlreadyMerged);
    }
    store::judge(connection, id, DuplicateState::Dismissed)?;
    pair.state = DuplicateState::Dismissed;
    pair_details(connection, pair)
}

/// Merges a pair. The registration `keep` takes from the other one what it lacks, the fields for which `fields` names
/// the other's reference, its answers, sessions, delegation and, if better, its place. The other one is cancelled
/// without a letter; the person gets one letter.
///
/// # Errors
/// [`DuplicateError::NotFound`], [`DuplicateError::AlreadyMerged`], [`DuplicateError::MergeLosesSeat`], those of
/// [`RegistrationStatus::merged`], a validation error for a reference of neither,
/// [`AccessError`](crate::access::AccessError).
pub fn merge(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: PossibleDuplicateId,
    keep: &str,
    fields: &Choices,
) -> Result<PairDetails, DuplicateError> {
    let RequestContext { place, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::MergeDuplicate, Some(place.id))?;
    let mut transaction = SeatTransaction::open(connection, place, released)?;
    let mut pair = store::find(connection, place.id, id)?.ok_or(DuplicateError::NotFound)?;
    if pair.state == DuplicateState::Merged {
        return Err(DuplicateError::AlreadyMerged);
    }
    let (earlier, later) = both(connection, &pair)?;
    check(&earlier, &later, keep, fields)?;
    let (mut kept, mut other) = if earlier.reference == keep { (earlier, later) } else { (later, earlier) };
    let state = kept.state.merged(other.state)?.ok_or(DuplicateError::MergeLosesSeat)?;
    let before = other.clone();
    let address = kept.person.email.folded();
    merge_fields(connection, &mut kept, &other, fields)?;
    if kept.person.email.folded() != address {
        // The link that went to the earlier address becomes void.
        kept.token_generation += 1;
    }

    let had_seat = kept.holds_seat();
    let takes_seat = before.holds_seat() && !had_seat;
    // An approval in one category does not count in another.
    let is_undecided = kept.state == RegistrationStatus::Pending && kept.category != other.category;
    if takes_seat && (is_undecided || !matches!(state, RegistrationStatus::Confirmed | RegistrationStatus::Waitlisted))
    {
        return Err(DuplicateError::MergeLosesSeat);
    }
    let becomes_confirmed = state == RegistrationStatus::Confirmed && kept.state != RegistrationStatus::Confirmed;
    if both_wait(&kept, &other) && other.arrival < kept.arrival {
        std::mem::swap(&mut kept.arrival, &mut other.arrival);
    }
    kept.state = state;
    kept.offer_expires_at = match state {
        RegistrationStatus::Waitlisted => kept.offer_expires_at.or(before.offer_expires_at),
        _ => None,
    };
    if becomes_confirmed {
        kept.expires_at = None;
        transaction.seat_in_sessions(connection, kept.id)?;
    }
    hand_sessions_over(connection, &mut transaction, &kept, &other)?;
    let membership = match crate::registration::membership::of_registration(connection, kept.id)? {
        Some(_) => None,
        None => crate::registration::membership::of_registration(connection, other.id)?,
    };

    other.state = other.state.cancelled()?;
    transaction.leave(connection, &mut other, before.holds_seat())?;
    if takes_seat && !transaction.take(kept.category) {
        return Err(DuplicateError::MergeLosesSeat);
    }
    if let Some(membership) = membership {
        transaction.join(connection, kept.id, membership)?;
    }
    transaction.save(connection, &mut kept)?;
    if let Some(invitation) = kept.invitation {
        // The kept registration may have taken the other one's seat: then the invitation's reserved seat is freed.
        transaction.settle(connection, invitation)?;
    }
    store::judge(connection, id, DuplicateState::Merged)?;
    let into = detail("merged_into", json!(kept.reference));
    transaction.record_event(
        &other,
        Event::Cancelled,
        &actor,
        EventDetails { detail: into, silent: true, ..EventDetails::default() },
    );
    let from = detail("merged_from", json!(other.reference));
    transaction.record_event(&kept, Event::Merged, &actor, EventDetails { detail: from, ..EventDetails::default() });
    let now = transaction.now;
    transaction.close(connection)?;
    // With the copied fields it may match a third registration.
    flag_changed(connection, &kept, now)?;
    pair.state = DuplicateState::Merged;
    pair_details(connection, pair)
}

const fn is_waiting(registration: &Registration) -> bool {
    matches!(registration.state, RegistrationStatus::Waitlisted) && registration.offer_expires_at.is_none()
}

fn both_wait(one: &Registration, other: &Registration) -> bool {
    is_waiting(one) && is_waiting(other) && one.category == other.category
}

fn check(one: &Registration, other: &Registration, keep: &str, fields: &Choices) -> Result<(), ValidationErrors> {
    let mut found = ValidationErrors::default();
    let is_one_of_them = |reference: &str| reference == one.reference || reference == other.reference;
    let detail = || format!("must be {} or {}", one.reference, other.reference);
    if !is_one_of_them(keep) {
        found.add("#/keep", "unknown_reference", detail());
    }
    for (field, _) in fields.iter().filter(|(_, from)| !is_one_of_them(from)) {
        found.add(format!("#/fields/{}", field.name), "unknown_reference", detail());
    }
    found.or(())
}

/// Copies fields and answers from the other registration to the kept one.
fn merge_fields(
    connection: &mut Connection,
    kept: &mut Registration,
    other: &Registration,
    fields: &Choices,
) -> Result<(), DuplicateError> {
    merge_person(&mut kept.person, (&other.person, &other.reference), fields);
    // An answer of the other one is taken if the kept registration's form has the question.
    let category = show(connection, kept.clone())?.category;
    let questions =
        crate::registration::setup::state::questions_of_version(connection, kept.conference, kept.form_version)?;
    let mut all = other.answers.clone();
    all.extend(kept.answers.clone());
    let mut answers = answers::check(&questions, &category, &RawAnswers(all), &mut ValidationErrors::default());
    answers.extend(kept.answers.clone());
    kept.answers = answers;
    Ok(())
}

/// Takes the fields that are chosen from the other registration, and those that the kept one lacks.
fn merge_person(kept: &mut PersonalDetails, (other, reference): (&PersonalDetails, &str), fields: &Choices) {
    for field in PERSONAL_FIELDS {
        let chosen = fields.iter().find(|(known, _)| known.name == field.name);
        let is_taken = chosen.map_or(kept.text(field).is_none(), |(_, from)| from == reference);
        if is_taken {
            kept.take(field, other);
        }
    }
}

/// Moves the other registration's sign-ups to the kept one, unless they overlap with its own. If both are signed up for
/// a session, the better place is kept.
fn hand_sessions_over(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    kept: &Registration,
    other: &Registration,
) -> Result<(), DuplicateError> {
    let sessions = &transaction.released.agenda.sessions;
    let of = |id| sessions.iter().find(|session| session.id == Some(id));
    let own = session_seats::sign_ups(connection, kept.id)?;
    let mut taken: Vec<_> = own.iter().map(|sign_up| sign_up.session_id).collect();
    for sign_up in session_seats::sign_ups(connection, other.id)? {
        let Some(session) = of(sign_up.session_id) else { continue };
        // The better place is a seat, else the earlier place on the waiting list.
        let rank = |sign_up: &SignUp| (sign_up.state != SignUpState::Confirmed, sign_up.arrival);
        if let Some(worse) = own.iter().find(|own| own.session_id == sign_up.session_id) {
            if kept.state == RegistrationStatus::Confirmed && rank(&sign_up) < rank(worse) {
                transaction.sign_off(connection, worse)?;
                transaction.hand_over(connection, sign_up, kept)?;
            }
            continue;
        }
        let clashes = taken.iter().any(|id| of(*id).is_some_and(|own| overlap(own, session)));
        if !clashes {
            taken.push(sign_up.session_id);
            transaction.hand_over(connection, sign_up, kept)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::fields::tests::{bare, person};

    #[test]
    fn a_merge_takes_every_field_that_is_lacking_or_chosen() {
        let (all, other) = (bare(), person());
        let mut lacking = all.clone();
        merge_person(&mut lacking, (&other, "B"), &[]);
        let choices: Vec<_> = PERSONAL_FIELDS.iter().map(|field| (field, "B".to_owned())).collect();
        let mut chosen = all.clone();
        merge_person(&mut chosen, (&other, "B"), &choices);
        let mut kept = all.clone();
        let choices: Vec<_> = PERSONAL_FIELDS.iter().map(|field| (field, "A".to_owned())).collect();
        merge_person(&mut kept, (&other, "B"), &choices);
        for field in PERSONAL_FIELDS {
            let own = all.text(field);
            assert_eq!(lacking.text(field), own.clone().or(other.text(field)), "{}", field.name);
            assert_eq!(chosen.text(field), other.text(field), "{}", field.name);
            assert_eq!(kept.text(field), own, "{}", field.name);
        }
    }
}
