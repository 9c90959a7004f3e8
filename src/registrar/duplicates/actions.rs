//! Use cases of possible duplicates. Each function runs inside one transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{DuplicateError, store};
use crate::{
    access::{
        Credentials, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::ConferenceRef,
    database::{Connection, DatabaseError},
    ids::PossibleDuplicateId,
    registration::{
        actions::{RegistrationDetails, load_details},
        context::RequestContext,
        duplicate_check::{DuplicatePair, DuplicateState, flag_changed},
        fields::{Field, NAME_FIELDS, PERSONAL_FIELDS, PersonalDetails},
        form::{RawAnswers, answers},
        model::{Event, Registration, RegistrationStatus},
        pending_event::{EventDetails, single_detail},
        rows,
        seat_transaction::SeatTransaction,
        session_seats::{self, SignUp, SignUpState},
        setup,
        sign_ups::do_overlap,
    },
    validation::ValidationErrors,
};

/// For fields, the reference of the registration whose value a merge takes.
pub type Choices = [(&'static Field, String)];

/// A pair with both of its registrations.
pub struct PairDetails {
    pub pair: DuplicatePair,
    /// The earlier one first.
    pub registrations: [RegistrationDetails; 2],
}

/// Open pairs of a conference, the oldest first.
///
/// # Errors
/// [`AccessError`](crate::access::AccessError).
pub fn list(
    connection: &mut Connection,
    conference: &ConferenceRef,
    credentials: &Credentials,
    after: Option<(DateTime<Utc>, PossibleDuplicateId)>,
    limit: i64,
) -> Result<Vec<PairDetails>, DuplicateError> {
    authorise(connection, credentials, Operation::ListDuplicates, Some(conference.id))?;
    let pairs = store::open_pairs(connection, conference.id, after, limit)?;
    pairs.into_iter().map(|pair| pair_details(connection, pair)).collect()
}

fn pair_details(connection: &mut Connection, pair: DuplicatePair) -> Result<PairDetails, DuplicateError> {
    let (earlier, later) = registrations_of(connection, &pair)?;
    let registrations = [load_details(connection, earlier)?, load_details(connection, later)?];
    Ok(PairDetails { pair, registrations })
}

/// The earlier and the later registration of a pair.
fn registrations_of(
    connection: &mut Connection,
    pair: &DuplicatePair,
) -> Result<(Registration, Registration), DuplicateError> {
    let registrations = rows::of_ids(connection, &[pair.earlier_id, pair.registration_id])?;
    let find = |id| registrations.iter().find(|registration| registration.id == id).cloned();
    let (Some(earlier), Some(later)) = (find(pair.earlier_id), find(pair.registration_id)) else {
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
    let RequestContext { conference, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::DismissDuplicate, Some(conference.id))?;
    // The lock: of two decisions at the same time, the second one sees the first.
    setup::state::get_locked_setup(connection, conference.id)?;
    let mut pair = store::find(connection, conference.id, id)?.ok_or(DuplicateError::NotFound)?;
    if pair.state == DuplicateState::Merged {
        return Err(DuplicateError::AlreadyMerged);
    }
    if pair.state == DuplicateState::Open {
        store::save_decision(connection, id, DuplicateState::Dismissed)?;
        pair.state = DuplicateState::Dismissed;
        // No references: they would name people beyond their erasure.
        let entry = audit::Entry::of(AuditAction::Dismiss, ResourceKind::Duplicate, id, None);
        audit::record(connection, &actor, Operation::DismissDuplicate, Some(conference.id), &[entry])?;
    }
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
    let RequestContext { conference, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::MergeDuplicate, Some(conference.id))?;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    let mut pair = store::find(connection, conference.id, id)?.ok_or(DuplicateError::NotFound)?;
    if pair.state == DuplicateState::Merged {
        return Err(DuplicateError::AlreadyMerged);
    }
    let (earlier, later) = registrations_of(connection, &pair)?;
    check_references(&earlier, &later, keep, fields)?;
    let (mut kept, mut other) = if earlier.reference == keep { (earlier, later) } else { (later, earlier) };
    let state = kept.state.merged(other.state)?.ok_or(DuplicateError::MergeLosesSeat)?;
    let before = other.clone();
    let address = kept.person.address_folded();
    merge_fields(connection, &mut kept, &other, fields)?;
    if kept.person.address_folded() != address {
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
    move_sign_ups(connection, &mut transaction, &kept, &other)?;
    let membership = match crate::registration::membership::find_membership(connection, kept.id)? {
        Some(_) => None,
        None => crate::registration::membership::find_membership(connection, other.id)?,
    };

    other.state = other.state.cancelled()?;
    transaction.save_ended(connection, &mut other, before.holds_seat())?;
    if takes_seat && !transaction.take_seat(kept.category) {
        return Err(DuplicateError::MergeLosesSeat);
    }
    if let Some(membership) = membership {
        transaction.join_delegation(connection, kept.id, membership)?;
    }
    kept.shares_mailbox |= other.shares_mailbox && kept.person.address_folded() == before.person.address_folded();
    transaction.check_mailbox(connection, &mut kept)?;
    transaction.save(connection, &mut kept)?;
    if let Some(invitation) = kept.invitation {
        // The kept registration may have taken the other one's seat: then the invitation's reserved seat is freed.
        transaction.free_reserved_seats(connection, invitation)?;
    }
    store::save_decision(connection, id, DuplicateState::Merged)?;
    let into = single_detail("merged_into", json!(kept.reference));
    transaction.record_event(
        &other,
        Event::Cancelled,
        &actor,
        EventDetails { detail: into, sends_no_letter: true, ..EventDetails::default() },
    );
    let from = single_detail("merged_from", json!(other.reference));
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

fn check_references(
    one: &Registration,
    other: &Registration,
    keep: &str,
    fields: &Choices,
) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let is_of_pair = |reference: &str| reference == one.reference || reference == other.reference;
    let detail = || format!("must be {} or {}", one.reference, other.reference);
    if !is_of_pair(keep) {
        errors.add("#/keep", "unknown_reference", detail());
    }
    for (field, _) in fields.iter().filter(|(_, from)| !is_of_pair(from)) {
        errors.add(format!("#/fields/{}", field.name), "unknown_reference", detail());
    }
    errors.into_result(())
}

/// Copies fields and answers from the other registration to the kept one.
fn merge_fields(
    connection: &mut Connection,
    kept: &mut Registration,
    other: &Registration,
    fields: &Choices,
) -> Result<(), DuplicateError> {
    merge_person(&mut kept.person, &other.person, &other.reference, fields);
    // An answer of the other one is taken if the kept registration's form has the question.
    let category = load_details(connection, kept.clone())?.category;
    let questions =
        crate::registration::setup::state::questions_of_version(connection, kept.conference, kept.form_version)?;
    let mut both_answers = other.answers.clone();
    both_answers.extend(kept.answers.clone());
    let mut answers =
        answers::check(&questions, &category, &RawAnswers(both_answers), &mut ValidationErrors::default());
    answers.extend(kept.answers.clone());
    kept.answers = answers;
    Ok(())
}

/// Takes the fields that are chosen from the other registration, and those that the kept one lacks.
///
/// A name is never lacking: a person without a given name may have none. Where one registration has a whole name and
/// the other its parts, a choice of one of these fields takes the whole name or all parts.
fn merge_person(kept: &mut PersonalDetails, other: &PersonalDetails, other_reference: &str, fields: &Choices) {
    let before = kept.clone();
    let mut is_name_chosen = false;
    for field in PERSONAL_FIELDS {
        let choice = fields.iter().find(|(chosen, _)| chosen.name == field.name);
        let is_of_name = NAME_FIELDS.contains(&field.name);
        let is_lacking = kept.text(field).is_none() && !is_of_name;
        if choice.map_or(is_lacking, |(_, reference)| reference == other_reference) {
            kept.copy_field(field, other);
            is_name_chosen |= is_of_name;
        }
    }
    let has_no_name = kept.person_name().full().is_empty();
    if is_name_chosen && (before.name.is_some() != other.name.is_some() || has_no_name) {
        kept.given_name.clone_from(&other.given_name);
        kept.family_name.clone_from(&other.family_name);
        kept.name.clone_from(&other.name);
    }
}

/// Moves the other registration's sign-ups to the kept one, unless they overlap with its own. If both are signed up for
/// a session, the better place is kept.
fn move_sign_ups(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    kept: &Registration,
    other: &Registration,
) -> Result<(), DuplicateError> {
    let sessions = &transaction.released.agenda.sessions;
    let find = |id| sessions.iter().find(|session| session.id == Some(id));
    let own = session_seats::sign_ups(connection, kept.id)?;
    let mut session_ids: Vec<_> = own.iter().map(|sign_up| sign_up.session_id).collect();
    for sign_up in session_seats::sign_ups(connection, other.id)? {
        let Some(session) = find(sign_up.session_id) else { continue };
        // The better place is a seat, else the earlier place on the waiting list.
        let rank = |sign_up: &SignUp| (sign_up.state != SignUpState::Confirmed, sign_up.arrival);
        if let Some(own_sign_up) = own.iter().find(|own| own.session_id == sign_up.session_id) {
            if kept.state == RegistrationStatus::Confirmed && rank(&sign_up) < rank(own_sign_up) {
                transaction.withdraw_sign_up(connection, own_sign_up)?;
                transaction.move_sign_up(connection, sign_up, kept)?;
            }
            continue;
        }
        let overlaps = session_ids.iter().any(|id| find(*id).is_some_and(|own| do_overlap(own, session)));
        if !overlaps {
            session_ids.push(sign_up.session_id);
            transaction.move_sign_up(connection, sign_up, kept)?;
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
        let (own, other) = (bare(), person());
        let mut lacking = own.clone();
        merge_person(&mut lacking, &other, "B", &[]);
        let choices: Vec<_> = PERSONAL_FIELDS.iter().map(|field| (field, "B".to_owned())).collect();
        let mut chosen = own.clone();
        merge_person(&mut chosen, &other, "B", &choices);
        let mut kept = own.clone();
        let choices: Vec<_> = PERSONAL_FIELDS.iter().map(|field| (field, "A".to_owned())).collect();
        merge_person(&mut kept, &other, "B", &choices);
        for field in PERSONAL_FIELDS.iter().filter(|field| !NAME_FIELDS.contains(&field.name)) {
            let own_text = own.text(field);
            assert_eq!(lacking.text(field), own_text.clone().or(other.text(field)), "{}", field.name);
            assert_eq!(chosen.text(field), other.text(field), "{}", field.name);
            assert_eq!(kept.text(field), own_text, "{}", field.name);
        }
    }
    #[test]
    fn a_merge_takes_a_name_whole_or_by_its_parts() {
        let named = |name: [Option<&str>; 3]| {
            let [given_name, family_name, name] = name.map(|text| text.map(str::to_owned));
            PersonalDetails { given_name, family_name, name, ..bare() }
        };
        let merged = |own: [Option<&str>; 3], other: [Option<&str>; 3], chosen: &[&str]| {
            let of_name = |name: &&str| PERSONAL_FIELDS.iter().find(|field| field.name == *name).unwrap();
            let choices: Vec<_> = chosen.iter().map(|name| (of_name(name), "B".to_owned())).collect();
            let mut kept = named(own);
            merge_person(&mut kept, &named(other), "B", &choices);
            [kept.given_name, kept.family_name, kept.name].map(Option::unwrap_or_default).join("|")
        };
        let (both, single, whole) =
            ([Some("Ada"), Some("King"), None], [None, Some("Suhartono"), None], [None, None, Some("Ada King")]);
        assert_eq!(merged(single, both, &[]), "|Suhartono|");
        assert_eq!(merged(whole, both, &[]), "||Ada King");
        assert_eq!(merged(both, single, &["family_name"]), "Ada|Suhartono|");
        assert_eq!(merged(whole, both, &["family_name"]), "Ada|King|");
        assert_eq!(merged(both, whole, &["given_name"]), "||Ada King");
        assert_eq!(merged(single, [Some("Ada"), None, None], &["family_name"]), "Ada||");
    }
}
