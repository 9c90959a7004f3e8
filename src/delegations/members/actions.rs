//! What a focal point or a registrar does with members. Each action does its work in one transaction, under the
//! conference's lock, so that of two concurrent actions the second sees the result of the first.

use serde_json::{Value, json};

use super::{
    super::{
        actions::{find_member, lock_setup},
        store::Member,
    },
    MemberDetails, NewMember,
    rules::{MemberDefaults, category_of, refuse_when_closed},
};
use crate::{
    access::{Actor, Operation},
    agenda::{Agenda, document::Precedence},
    database::Connection,
    delegations::{DelegationError, actions::authorise_for_delegation},
    http::idempotency::IdempotencyKey,
    mail::is_deliverable,
    registration::{
        RegistrationError,
        actions::{Ending, end_registration},
        admission::{self},
        context::RequestContext,
        field_values::read_form,
        fields::{Changeable, PERSONAL_FIELDS},
        membership::Membership,
        model::{Event, RegistrationStatus},
        pending_event::{EventDetails, single_detail},
        seat_transaction::SeatTransaction,
    },
    validation::ValidationErrors,
    values::{LanguageTag, Line, TextValue as _, merge_patch},
};

/// # Errors
/// [`RegistrationError::Invalid`], [`RegistrationError::DelegationFull`], [`RegistrationError::AlreadyRegistered`],
/// [`RegistrationError::Full`], [`RegistrationError::Closed`]; those of [`authorise_for_delegation`].
pub fn add(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    sent: &Value,
) -> Result<Member, DelegationError> {
    let setup_state = lock_setup(connection, context.conference)?;
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::AddDelegationMember)?;
    refuse_when_closed(&setup_state, context.released.agenda, &delegation, &actor)?;
    let agenda = context.released.agenda;
    let category = category_of(&setup_state, &delegation)?;
    let new = NewMember::read(sent, &category, &setup_state, agenda)?;
    let membership = Membership {
        delegation: delegation.id,
        is_head: new.details.is_head.unwrap_or(false),
        level: new.details.level.unwrap_or(Precedence::Other),
    };
    let application = new.application(&category, membership.clone(), &MemberDefaults::of(&delegation, agenda)?, &actor);
    let one = std::slice::from_ref(&application);
    let admissions = admission::register_all(connection, context.conference, context.released, context.secret, one)?;
    let admitted = admissions.single()?.registered()?;
    Ok(Member { registration: admitted.registration, membership })
}

/// Adds a member, once for each idempotency key.
///
/// # Errors
/// Those of [`add`]; the key was used with another body.
pub fn add_once(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    key: &IdempotencyKey,
    sent: &Value,
) -> Result<Member, DelegationError> {
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::AddDelegationMember)?;
    let reference = context.make_once(connection, &actor, key, sent, |tx| {
        add(tx, context, code, sent).map(|member| member.registration.reference)
    })?;
    find_member(connection, &delegation, &reference)
}

/// Replaces a member, once for each idempotency key.
///
/// # Errors
/// Those of [`replace`]; the key was used with another body.
pub fn replace_once(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    reference: &str,
    key: &IdempotencyKey,
    sent: &Value,
) -> Result<Member, DelegationError> {
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::ReplaceDelegationMember)?;
    let new_reference = context.make_once(connection, &actor, key, sent, |tx| {
        replace(tx, context, code, reference, sent).map(|member| member.registration.reference)
    })?;
    find_member(connection, &delegation, &new_reference)
}

/// Changes a member's data and role by a merge patch (RFC 7396). A focal point cannot change the identity of a person
/// whom the organisers approved.
///
/// # Errors
/// [`RegistrationError::Invalid`], [`DelegationError::IdentityApproved`], [`RegistrationError::AlreadyRegistered`],
/// [`RegistrationError::WrongState`]; those of [`authorise_for_delegation`].
pub fn patch(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    reference: &str,
    patch: &Value,
) -> Result<Member, DelegationError> {
    let mut transaction = SeatTransaction::open(connection, context.conference, context.released)?;
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::PatchDelegationMember)?;
    let before = find_member(connection, &delegation, reference)?;
    if before.registration.state.is_final() {
        return Err(RegistrationError::WrongState(before.registration.state.as_str()).into());
    }
    let details = patched_details(&before, patch, context.released.agenda)?;
    if actor == Actor::focal_point() {
        let category = transaction.category(before.registration.category)?;
        let language = &before.registration.person.language;
        let (old, new) = (before.registration.person.document(), details.person(language).document());
        let mut errors = ValidationErrors::default();
        transaction.setup_state.fields_of(category).check_change(&old.into(), &new.into(), patch, &mut errors);
        errors.into_result(())?;
    }
    let mut registration = before.registration.clone();
    registration.person = details.person(&before.registration.person.language);
    let (old, new) = (&before.registration.person, &registration.person);
    let is_same_person = PERSONAL_FIELDS
        .iter()
        .filter(|field| field.focal_point_may_change == Changeable::UntilDecided)
        .all(|field| old.text(field) == new.text(field));
    let is_decided = transaction.category(registration.category)?.needs_approval
        && registration.state != RegistrationStatus::Pending;
    if is_decided && actor == Actor::focal_point() && !is_same_person {
        return Err(DelegationError::IdentityApproved);
    }
    let membership = Membership {
        delegation: delegation.id,
        is_head: details.is_head.unwrap_or(false),
        level: details.level.unwrap_or(Precedence::Other),
    };
    let has_new_role = (membership.is_head, membership.level) != (before.membership.is_head, before.membership.level);
    if has_new_role {
        crate::registration::membership::set_membership(connection, registration.id, &membership)?;
    }
    if registration.person != before.registration.person {
        if registration.person.address_folded() != before.registration.person.address_folded() {
            // The owner of the old address must not use the link any more, and gets no broadcast that waits.
            transaction.withdraw_broadcasts(connection, &before.registration)?;
            registration.token_generation += 1;
        }
        transaction.check_mailbox(connection, &mut registration)?;
        transaction.save(connection, &mut registration)?;
        transaction.record_event(&registration, Event::Changed, &actor, EventDetails::default());
    } else if has_new_role {
        let detail = single_detail("level", json!(membership.level));
        transaction.record_event(
            &registration,
            Event::Changed,
            &actor,
            EventDetails { detail, sends_no_letter: true, ..EventDetails::default() },
        );
    }
    transaction.close(connection)?;
    Ok(Member { registration, membership })
}

/// The member's data after the patch.
fn patched_details(before: &Member, patch: &Value, agenda: &Agenda) -> Result<MemberDetails, ValidationErrors> {
    let mut document = before.registration.person.document();
    document.retain(|_, value| !value.is_null());
    document.insert("is_head".to_owned(), json!(before.membership.is_head));
    document.insert("level".to_owned(), json!(before.membership.level));
    let mut document = Value::Object(document);
    merge_patch(&mut document, patch);
    let details: MemberDetails = read_form(document)?;
    let mut errors = ValidationErrors::default();
    if !is_deliverable(details.email.as_str()) {
        errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
    let is_new_language =
        details.language.as_ref().map(LanguageTag::as_str) != Some(&before.registration.person.language);
    if is_new_language && details.language.as_ref().is_some_and(|tag| !agenda.conference.languages.contains(tag)) {
        errors.add("#/language", "unknown_language", "is not a language of the conference");
    }
    errors.into_result(details)
}

/// Removes a member: the registration is cancelled, and its seat goes to the first on the waiting list.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is final already; those of [`authorise_for_delegation`].
pub fn remove(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    reference: &str,
) -> Result<Member, DelegationError> {
    let mut transaction = SeatTransaction::open(connection, context.conference, context.released)?;
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::RemoveDelegationMember)?;
    let Member { mut registration, membership } = find_member(connection, &delegation, reference)?;
    let state = registration.state.cancelled()?;
    let ending = Ending { state, event: Event::Cancelled, actor: &actor, reason: None };
    end_registration(connection, &mut transaction, &mut registration, ending)?;
    transaction.close(connection)?;
    Ok(Member { registration, membership: Membership { is_head: false, ..membership } })
}

/// Replaces a member by another person in the same category, who gets the seat or the place on the waiting list. If the
/// category needs approval, the seat is reserved for the new person until the organisers decide.
///
/// # Errors
/// [`RegistrationError::WrongState`] if the member's registration is final already, for instance because another
/// request replaced it first; those of [`add`].
pub fn replace(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    reference: &str,
    sent: &Value,
) -> Result<Member, DelegationError> {
    let RequestContext { conference, released, secret, .. } = context;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    let (delegation, actor) = authorise_for_delegation(connection, context, code, Operation::ReplaceDelegationMember)?;
    let Member { registration: mut old, membership } = find_member(connection, &delegation, reference)?;
    if actor == Actor::focal_point() {
        transaction.ensure_not_over()?;
    }
    let state = old.state.cancelled()?;
    let category = transaction.category(old.category)?.clone();
    let new = NewMember::read(sent, &category.code, &transaction.setup_state, released.agenda)?;
    let membership = Membership {
        is_head: new.details.is_head.unwrap_or(membership.is_head),
        level: new.details.level.unwrap_or(membership.level),
        ..membership
    };
    let defaults = MemberDefaults::of(&delegation, released.agenda)?;
    let mut application = new.application(&category.code, membership.clone(), &defaults, &actor);
    let (had_seat, was_waiting) = (old.holds_seat(), old.state == RegistrationStatus::Waitlisted);
    let old_reference = old.reference.clone();
    let old_arrival = old.arrival;
    if was_waiting && !had_seat {
        // The successor gets the place on the waiting list, and no two registrations may have the same.
        old.arrival = transaction.next_arrival();
    }
    let seats_taken = transaction.setup_state.seats_taken;
    let ending = Ending { state, event: Event::Cancelled, actor: &actor, reason: None };
    end_registration(connection, &mut transaction, &mut old, ending)?;
    // Did a seat become free: the member's own, or one that was reserved until the organisers decide about them?
    let is_seat_free = transaction.setup_state.seats_taken < seats_taken;
    if is_seat_free && category.needs_approval && transaction.take_seat(category.id) {
        let code = crate::registration::reservations::reserve_for_successor(
            connection,
            conference,
            secret,
            category.id,
            &old_reference,
            transaction.now,
        )?;
        application.invitation = Some(Line::parse(&code).map_err(|error| ValidationErrors(vec![error]))?);
    } else if was_waiting && !had_seat {
        transaction.reuse_arrival(old_arrival);
    }
    let admitted = admission::register(connection, &mut transaction, secret, &application)?;
    transaction.close(connection)?;
    Ok(Member { registration: admitted.registration, membership })
}
