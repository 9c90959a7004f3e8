//! What a registrar does with a pair. Each function is one transaction's work.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    flag_changed,
    store::{self, Pair},
};
use crate::{
    access::{Credentials, authorise},
    agenda::Place,
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::PossibleDuplicateId,
    registration::{
        RegistrationError,
        actions::{Errand, Shown, show},
        form::{RawAnswers, answers},
        ledger::{Ledger, Remark, detail, overlap},
        model::{Event, Registration, State},
        session_seats::{self, store::SignUp},
        setup, store as rows,
    },
    values::text_enum,
};

text_enum! {
    /// A field of a registration that a merge can take from either.
    MergedField {
        /// Dr, H.E., Sir.
        Honorific = "honorific",
        /// The given name.
        GivenName = "given_name",
        /// The family name.
        FamilyName = "family_name",
        /// Where mail goes.
        Email = "email",
        /// Whom they come for.
        Organisation = "organisation",
        /// What they are there.
        Position = "position",
        /// Their country.
        Country = "country",
        /// The language of what is written to them.
        Language = "language",
        /// Where to call.
        Phone = "phone",
        /// What they need to take part.
        AccessibilityNeeds = "accessibility_needs",
        /// What they can and cannot eat.
        DietaryNeeds = "dietary_needs",
        /// Their date of birth.
        BirthDate = "birth_date",
    }
}

/// A pair with both of its registrations, the earlier one first.
pub struct ShownPair {
    /// The pair.
    pub pair: Pair,
    /// The registrations.
    pub both: [Shown; 2],
}

/// The open pairs of a conference, the oldest first.
///
/// # Errors
/// [`RegistrationError::Access`].
pub fn list(
    connection: &mut Connection,
    place: &Place,
    credentials: &Credentials,
    after: Option<(DateTime<Utc>, PossibleDuplicateId)>,
    limit: i64,
) -> Result<Vec<ShownPair>, RegistrationError> {
    authorise(connection, credentials, "list_duplicates", Some(place.id))?;
    let pairs = store::open(connection, place.id, after, limit)?;
    pairs.into_iter().map(|pair| shown(connection, pair)).collect()
}

fn shown(connection: &mut Connection, pair: Pair) -> Result<ShownPair, RegistrationError> {
    let (earlier, later) = both(connection, &pair)?;
    let both = [show(connection, earlier)?, show(connection, later)?];
    Ok(ShownPair { pair, both })
}

fn both(connection: &mut Connection, pair: &Pair) -> Result<(Registration, Registration), RegistrationError> {
    let found = rows::of_ids(connection, &[pair.earlier_id, pair.registration_id])?;
    let of = |id| found.iter().find(|registration| registration.id == id).cloned();
    let (Some(earlier), Some(later)) = (of(pair.earlier_id), of(pair.registration_id)) else {
        return Err(DatabaseError::Corrupt(format!("pair {}", pair.id)).into());
    };
    Ok((earlier, later))
}

/// They are two people.
///
/// # Errors
/// [`RegistrationError::NoPair`], [`RegistrationError::AlreadyMerged`], [`RegistrationError::Access`].
pub fn dismiss(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: PossibleDuplicateId,
) -> Result<ShownPair, RegistrationError> {
    let Errand { place, credentials, .. } = errand;
    authorise(connection, credentials, "dismiss_duplicate", Some(place.id))?;
    // The lock: of two who judge at once, the second finds it judged.
    setup::store::lock_setup(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let mut pair = store::find(connection, place.id, id)?.ok_or(RegistrationError::NoPair)?;
    if pair.state == "merged" {
        return Err(RegistrationError::AlreadyMerged);
    }
    store::judge(connection, id, "dismissed")?;
    "dismissed".clone_into(&mut pair.state);
    shown(connection, pair)
}

/// Makes one registration of both: `keep` stays and takes what it lacks from the other (and the fields that `fields`
/// says from the registration of that reference), with its answers, sessions, delegation and, where it is better, its
/// place. The other is cancelled without a word; the person gets one letter.
///
/// # Errors
/// [`RegistrationError::NoPair`], [`RegistrationError::AlreadyMerged`], [`RegistrationError::WrongState`] where one of
/// them is final, [`RegistrationError::MergeLosesSeat`], [`RegistrationError::Invalid`] for a reference that is of
/// neither, [`RegistrationError::Access`].
pub fn merge(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: PossibleDuplicateId,
    keep: &str,
    fields: &BTreeMap<MergedField, String>,
) -> Result<ShownPair, RegistrationError> {
    let Errand { place, released, credentials, .. } = errand;
    let actor = authorise(connection, credentials, "merge_duplicate", Some(place.id))?;
    let mut ledger = Ledger::open(connection, place, released)?;
    let mut pair = store::find(connection, place.id, id)?.ok_or(RegistrationError::NoPair)?;
    if pair.state == "merged" {
        return Err(RegistrationError::AlreadyMerged);
    }
    let (earlier, later) = both(connection, &pair)?;
    check(&earlier, &later, keep, fields)?;
    let (mut kept, mut other) = if earlier.reference == keep { (earlier, later) } else { (later, earlier) };
    let state = kept.state.merged(other.state)?;
    let before = other.clone();
    let address = kept.email.folded();
    take_over(connection, &mut kept, &other, fields)?;
    if kept.email.folded() != address {
        // Whoever has the link that went to the earlier address has no business here any more.
        kept.token_generation += 1;
    }

    let had_seat = kept.holds_seat();
    let takes_seat = before.holds_seat() && !had_seat;
    // A decision about one category is none about another.
    let is_undecided = kept.state == State::Pending && kept.category != other.category;
    if takes_seat && (is_undecided || !matches!(state, State::Confirmed | State::Waitlisted)) {
        return Err(RegistrationError::MergeLosesSeat);
    }
    let becomes_confirmed = state == State::Confirmed && kept.state != State::Confirmed;
    if both_wait(&kept, &other) && other.arrival < kept.arrival {
        std::mem::swap(&mut kept.arrival, &mut other.arrival);
    }
    kept.state = state;
    kept.offer_expires_at = match state {
        State::Waitlisted => kept.offer_expires_at.or(before.offer_expires_at),
        _ => None,
    };
    if becomes_confirmed {
        kept.expires_at = None;
        ledger.seat_in_sessions(connection, kept.id)?;
    }
    hand_sessions_over(connection, &mut ledger, &kept, &other)?;
    let membership = match store::membership(connection, kept.id)? {
        Some(_) => None,
        None => store::membership(connection, other.id)?,
    };

    other.state = other.state.cancelled()?;
    ledger.leave(connection, &mut other, before.holds_seat())?;
    if takes_seat && !ledger.take(kept.category) {
        return Err(RegistrationError::MergeLosesSeat);
    }
    if let Some(membership) = membership {
        ledger.join(connection, kept.id, membership)?;
    }
    ledger.save(connection, &mut kept)?;
    if let Some(invitation) = kept.invitation {
        // A seat that it reserved is not needed where the other one's was taken over.
        ledger.settle(connection, invitation)?;
    }
    store::judge(connection, id, "merged")?;
    let into = detail("merged_into", json!(kept.reference));
    ledger.note(&other, Event::Cancelled, &actor, Remark { detail: into, silent: true, ..Remark::default() });
    let from = detail("merged_from", json!(other.reference));
    ledger.note(&kept, Event::Merged, &actor, Remark { detail: from, ..Remark::default() });
    let now = ledger.now;
    ledger.close(connection)?;
    // What it took over may be what a third one says, too.
    flag_changed(connection, &kept, now)?;
    "merged".clone_into(&mut pair.state);
    shown(connection, pair)
}

const fn is_waiting(registration: &Registration) -> bool {
    matches!(registration.state, State::Waitlisted) && registration.offer_expires_at.is_none()
}

fn both_wait(one: &Registration, other: &Registration) -> bool {
    is_waiting(one) && is_waiting(other) && one.category == other.category
}

fn check(
    one: &Registration,
    other: &Registration,
    keep: &str,
    fields: &BTreeMap<MergedField, String>,
) -> Result<(), Faults> {
    let mut found = Faults::default();
    let is_one_of_them = |reference: &str| reference == one.reference || reference == other.reference;
    let detail = || format!("must be {} or {}", one.reference, other.reference);
    if !is_one_of_them(keep) {
        found.add("#/keep", "unknown_reference", detail());
    }
    for (field, _) in fields.iter().filter(|(_, from)| !is_one_of_them(from)) {
        found.add(format!("#/fields/{}", field.as_str()), "unknown_reference", detail());
    }
    found.or(())
}

/// What the one that is kept says of the person afterwards.
fn take_over(
    connection: &mut Connection,
    kept: &mut Registration,
    other: &Registration,
    fields: &BTreeMap<MergedField, String>,
) -> Result<(), RegistrationError> {
    let reference = kept.reference.clone();
    let of_other = |field: MergedField| fields.get(&field).is_some_and(|from| *from == other.reference);
    let of_kept = |field: MergedField| fields.get(&field).is_some_and(|from| *from == reference);
    macro_rules! lacking {
        ($($case:ident $field:ident),+) => { $(
            let field = MergedField::$case;
            if of_other(field) || (kept.$field.is_none() && !of_kept(field)) {
                kept.$field.clone_from(&other.$field);
            }
        )+ };
    }
    macro_rules! chosen {
        ($($case:ident $field:ident),+) => { $(
            if of_other(MergedField::$case) {
                kept.$field.clone_from(&other.$field);
            }
        )+ };
    }
    lacking!(
        Honorific honorific, Organisation organisation, Position position, Country country, Phone phone,
        AccessibilityNeeds accessibility_needs, DietaryNeeds dietary_needs, BirthDate birth_date
    );
    chosen!(GivenName given_name, FamilyName family_name, Email email, Language language);
    // An answer of the other is taken where the form that was kept asks for it.
    let category = show(connection, kept.clone())?.category;
    let questions = setup::store::form(connection, kept.conference, kept.form_version)?;
    let mut all = other.answers.clone();
    all.extend(kept.answers.clone());
    let mut answers = answers::check(&questions, &category, &RawAnswers(all), &mut Faults::default());
    answers.extend(kept.answers.clone());
    kept.answers = answers;
    Ok(())
}

/// Sessions of the other that are not on at the same time as one of those that are kept, and its place in those that
/// both are signed up for where it is better.
fn hand_sessions_over(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    kept: &Registration,
    other: &Registration,
) -> Result<(), RegistrationError> {
    let sessions = &ledger.released.agenda.sessions;
    let of = |id| sessions.iter().find(|session| session.id == Some(id));
    let own = session_seats::store::sign_ups(connection, kept.id)?;
    let mut taken: Vec<_> = own.iter().map(|sign_up| sign_up.session_id).collect();
    for sign_up in session_seats::store::sign_ups(connection, other.id)? {
        let Some(session) = of(sign_up.session_id) else { continue };
        // Of the same session twice the better place is kept: a seat, else the earlier place in the list.
        let rank = |sign_up: &SignUp| (sign_up.state != "confirmed", sign_up.arrival);
        if let Some(worse) = own.iter().find(|own| own.session_id == sign_up.session_id) {
            if kept.state == State::Confirmed && rank(&sign_up) < rank(worse) {
                ledger.sign_off(connection, worse)?;
                ledger.hand_over(connection, sign_up, kept)?;
            }
            continue;
        }
        let clashes = taken.iter().any(|id| of(*id).is_some_and(|own| overlap(own, session)));
        if !clashes {
            taken.push(sign_up.session_id);
            ledger.hand_over(connection, sign_up, kept)?;
        }
    }
    Ok(())
}
