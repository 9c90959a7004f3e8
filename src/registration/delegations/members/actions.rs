//! What a focal point or a registrar does with members. Each action is one transaction's work, under the conference's
//! lock: who comes second finds done what the first did.

use serde_json::{Value, json};

use super::{
    super::{
        Membership,
        actions::{enter, lock, member, merge},
        store::{self, Member},
    },
    MemberDetails, NewMember, category_of, refuse_when_closed, spoken,
};
use crate::{
    access::Actor,
    agenda::{Agenda, document::Precedence},
    database::Connection,
    faults::{self, Faults},
    http::idempotency::{IdempotencyKey, make_once},
    mail::is_deliverable,
    registration::{
        RegistrationError,
        actions::{Errand, leave},
        intake::{self},
        invitations,
        ledger::{Ledger, Remark, detail},
        model::{Event, Registration, State},
    },
    values::{LanguageTag, Line, TextValue as _},
};

/// Adds a member.
///
/// # Errors
/// [`RegistrationError::Invalid`], [`RegistrationError::DelegationFull`], [`RegistrationError::AlreadyRegistered`],
/// [`RegistrationError::Full`], [`RegistrationError::Closed`]; those of [`enter`].
pub fn add(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    sent: &Value,
) -> Result<Member, RegistrationError> {
    let standing = lock(connection, errand.place)?;
    let (delegation, actor) = enter(connection, errand, code, "add_delegation_member")?;
    refuse_when_closed(&standing, &delegation, &actor)?;
    let agenda = errand.released.agenda;
    let category = category_of(&standing, &delegation)?;
    let new = NewMember::read(sent, &category, &standing, agenda)?;
    let membership = Membership {
        delegation: delegation.id,
        is_head: new.details.is_head.unwrap_or(false),
        level: new.details.level.unwrap_or(Precedence::Other),
    };
    let application = new.application(&category, membership.clone(), &spoken(&delegation, agenda)?, &actor);
    let one = std::slice::from_ref(&application);
    let taken = intake::register_all(connection, errand.place, errand.released, errand.secret, one)?;
    let admitted = taken.outcomes.into_iter().next().unwrap_or(Err(RegistrationError::NotFound))?;
    Ok(Member { registration: admitted.registration, membership })
}

/// Adds a member, once for the key.
///
/// # Errors
/// Those of [`add`]; the key came with another member.
pub fn add_once(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    (key, sent): (&IdempotencyKey, &Value),
) -> Result<Member, RegistrationError> {
    once(connection, errand, (code, "add_delegation_member"), (key, sent), |tx| add(tx, errand, code, sent))
}

/// Replaces a member, once for the key.
///
/// # Errors
/// Those of [`replace`]; the key came with another member.
pub fn replace_once(
    connection: &mut Connection,
    errand: Errand<'_>,
    named: (&str, &str),
    (key, sent): (&IdempotencyKey, &Value),
) -> Result<Member, RegistrationError> {
    let operation = (named.0, "replace_delegation_member");
    once(connection, errand, operation, (key, sent), |tx| replace(tx, errand, named, sent))
}

fn once(
    connection: &mut Connection,
    errand: Errand<'_>,
    (code, operation): (&str, &str),
    (key, sent): (&IdempotencyKey, &Value),
    make: impl FnOnce(&mut Connection) -> Result<Member, RegistrationError>,
) -> Result<Member, RegistrationError> {
    let (delegation, actor) = enter(connection, errand, code, operation)?;
    let scope = (errand.place.id.to_string(), actor.identity());
    let reference =
        make_once(connection, key, (&scope.0, &scope.1), sent, |tx| make(tx).map(|made| made.registration.reference))?;
    member(connection, &delegation, &reference)
}

/// Changes who a member is reached as, and what they are in the delegation, by a merge patch. Whom the organisers
/// approved stays who they are.
///
/// # Errors
/// [`RegistrationError::Invalid`], [`RegistrationError::IdentityApproved`], [`RegistrationError::AlreadyRegistered`],
/// [`RegistrationError::WrongState`]; those of [`enter`].
pub fn patch(
    connection: &mut Connection,
    errand: Errand<'_>,
    (code, reference): (&str, &str),
    patch: &Value,
) -> Result<Member, RegistrationError> {
    let mut ledger = Ledger::open(connection, errand.place, errand.released)?;
    let (delegation, actor) = enter(connection, errand, code, "patch_delegation_member")?;
    let before = member(connection, &delegation, reference)?;
    if before.registration.state.is_final() {
        return Err(RegistrationError::WrongState(before.registration.state.as_str()));
    }
    let details = patched(&before, patch, errand.released.agenda)?;
    let mut registration = written(&before.registration, &details);
    let is_same_person = |one: &Registration, other: &Registration| {
        let identity =
            |of: &Registration| (of.given_name.clone(), of.family_name.clone(), of.country.clone(), of.birth_date);
        identity(one) == identity(other)
    };
    let decided = ledger.category(registration.category)?.needs_approval && registration.state != State::Pending;
    if decided && actor == Actor::focal_point() && !is_same_person(&before.registration, &registration) {
        return Err(RegistrationError::IdentityApproved);
    }
    let membership = Membership {
        delegation: delegation.id,
        is_head: details.is_head.unwrap_or(false),
        level: details.level.unwrap_or(Precedence::Other),
    };
    let is_ranked = (membership.is_head, membership.level) != (before.membership.is_head, before.membership.level);
    if is_ranked {
        store::set_membership(connection, registration.id, &membership)?;
    }
    if says(&registration) != says(&before.registration) {
        if registration.email.folded() != before.registration.email.folded() {
            // Whoever reads the old address's mail has no part in it any more.
            registration.token_generation += 1;
        }
        ledger.save(connection, &mut registration)?;
        ledger.note(&registration, Event::Changed, &actor, Remark::default());
    } else if is_ranked {
        let detail = detail("level", json!(membership.level));
        ledger.note(&registration, Event::Changed, &actor, Remark { detail, silent: true, ..Remark::default() });
    }
    ledger.close(connection)?;
    Ok(Member { registration, membership })
}

/// What a registration says of the person, under the names that [`MemberDetails`] has.
fn says(registration: &Registration) -> Value {
    json!({
        "honorific": registration.honorific,
        "given_name": registration.given_name,
        "family_name": registration.family_name,
        "email": registration.email,
        "organisation": registration.organisation,
        "position": registration.position,
        "country": registration.country,
        "language": registration.language,
        "phone": registration.phone,
        "accessibility_needs": registration.accessibility_needs,
        "dietary_needs": registration.dietary_needs,
        "birth_date": registration.birth_date.map(|date| date.to_string()),
    })
}

/// What a member says once the patch is merged.
fn patched(before: &Member, patch: &Value, agenda: &Agenda) -> Result<MemberDetails, RegistrationError> {
    let mut document = says(&before.registration);
    if let Value::Object(members) = &mut document {
        members.retain(|_, value| !value.is_null());
        members.insert("is_head".to_owned(), json!(before.membership.is_head));
        members.insert("level".to_owned(), json!(before.membership.level));
    }
    merge(&mut document, patch);
    let details: MemberDetails = faults::read(document)?;
    let mut found = Faults::default();
    if !is_deliverable(details.email.as_str()) {
        found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
    let is_new = details.language.as_ref().map(LanguageTag::as_str) != Some(&before.registration.language);
    if is_new && details.language.as_ref().is_some_and(|tag| !agenda.conference.languages.contains(tag)) {
        found.add("#/language", "unknown_language", "is not a language of the conference");
    }
    Ok(found.or(details)?)
}

/// The registration, saying this.
fn written(registration: &Registration, details: &MemberDetails) -> Registration {
    fn text<T: ToString>(value: &Option<T>) -> Option<String> {
        value.as_ref().map(T::to_string)
    }
    Registration {
        honorific: text(&details.honorific),
        given_name: details.given_name.to_string(),
        family_name: details.family_name.to_string(),
        email: details.email.clone(),
        organisation: text(&details.organisation),
        position: text(&details.position),
        country: text(&details.country),
        language: text(&details.language).unwrap_or_else(|| registration.language.clone()),
        phone: text(&details.phone),
        accessibility_needs: text(&details.accessibility_needs),
        dietary_needs: text(&details.dietary_needs),
        birth_date: details.birth_date.map(|date| date.0),
        ..registration.clone()
    }
}

/// Takes a member out: the registration is cancelled, and what it held goes to the first who waits for it.
///
/// # Errors
/// [`RegistrationError::WrongState`] where it is final already; those of [`enter`].
pub fn remove(
    connection: &mut Connection,
    errand: Errand<'_>,
    (code, reference): (&str, &str),
) -> Result<Member, RegistrationError> {
    let mut ledger = Ledger::open(connection, errand.place, errand.released)?;
    let (delegation, actor) = enter(connection, errand, code, "remove_delegation_member")?;
    let Member { mut registration, membership } = member(connection, &delegation, reference)?;
    let state = registration.state.cancelled()?;
    leave(connection, &mut ledger, &mut registration, state, (Event::Cancelled, &actor, None))?;
    ledger.close(connection)?;
    Ok(Member { registration, membership: Membership { is_head: false, ..membership } })
}

/// Puts another person in a member's place, in the same category: the seat, or the place on the waiting list, is
/// theirs. Where the organisers decide about the category, the seat is kept for the new person until they have
/// decided.
///
/// # Errors
/// [`RegistrationError::WrongState`] where the member's registration is final already: another replaced it first; those
/// of [`add`].
pub fn replace(
    connection: &mut Connection,
    errand: Errand<'_>,
    (code, reference): (&str, &str),
    sent: &Value,
) -> Result<Member, RegistrationError> {
    let Errand { place, released, secret, .. } = errand;
    let mut ledger = Ledger::open(connection, place, released)?;
    let (delegation, actor) = enter(connection, errand, code, "replace_delegation_member")?;
    let Member { registration: mut old, membership } = member(connection, &delegation, reference)?;
    let state = old.state.cancelled()?;
    let category = ledger.category(old.category)?.clone();
    let new = NewMember::read(sent, &category.code, &ledger.standing, released.agenda)?;
    let membership = Membership {
        is_head: new.details.is_head.unwrap_or(membership.is_head),
        level: new.details.level.unwrap_or(membership.level),
        ..membership
    };
    let spoken = spoken(&delegation, released.agenda)?;
    let mut application = new.application(&category.code, membership.clone(), &spoken, &actor);
    let (held_seat, waited) = (old.holds_seat(), old.state == State::Waitlisted);
    let successor_of = old.reference.clone();
    let arrival = old.arrival;
    if waited && !held_seat {
        // The successor takes the place: no two have one.
        old.arrival = ledger.next_arrival();
    }
    let seats_taken = ledger.standing.seats_taken;
    leave(connection, &mut ledger, &mut old, state, (Event::Cancelled, &actor, None))?;
    // The member's own seat, or one that was kept until the organisers decide about them.
    let is_left = ledger.standing.seats_taken < seats_taken;
    if is_left && category.needs_approval && ledger.take(category.id) {
        let code = invitations::keep_seat(connection, place, secret, (category.id, &successor_of, ledger.now))?;
        application.form.invitation = Some(Line::parse(&code).map_err(|fault| Faults(vec![fault]))?);
    } else if waited && !held_seat {
        ledger.inherit(arrival);
    }
    let admitted = intake::take_in(connection, &mut ledger, secret, &application)?;
    ledger.close(connection)?;
    Ok(Member { registration: admitted.registration, membership })
}
