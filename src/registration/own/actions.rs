//! Changing a registration, and all that is kept of a person.

use serde_json::{Map, Value};

use super::model::{self, Details};
use crate::{
    access::Actor,
    database::Connection,
    faults::{self, Faults},
    mail::{
        LetterKind, addressed_to,
        messages::{Addressed, withdraw},
    },
    registration::{
        RegistrationError,
        actions::{Errand, Shown, change, find},
        duplicates,
        form::Question,
        ledger::{Ledger, Remark, detail},
        model::{Event, HistoryEntry, Registration, State},
        setup::{self, store::CategoryStanding},
        store,
    },
    values::LanguageTag,
};

/// By what one person is recognised.
const WHO_THEY_ARE: [&str; 4] = ["given_name", "family_name", "birth_date", "organisation"];

/// Changes what a registration says: what its attendee may change by the link, more with a registrar's token. A change
/// of category keeps the seat, where the other category has one.
///
/// # Errors
/// [`RegistrationError::Invalid`] with each fault; [`RegistrationError::WrongState`] where it is final;
/// [`RegistrationError::AlreadyRegistered`] for the address of another; [`RegistrationError::Full`].
pub fn change_details(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    patch: &Value,
) -> Result<Shown, RegistrationError> {
    change(connection, errand, reference, "change_registration", |tx, ledger, registration, actor| {
        if registration.state.is_final() {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        let category = ledger.category(registration.category)?.clone();
        let before = model::document(&registration, &category.code);
        let mut after = before.clone();
        model::merge(&mut after, patch);
        let details: Details = faults::read(after.clone())?;
        let touched = patch.get("answers").and_then(Value::as_object);
        let mut found = Faults::default();
        let languages = &ledger.released.agenda.conference.languages;
        check_values(&details, languages, ledger, &mut found);
        if *actor == Actor::attendee() {
            check_rights(&before, &after, &category, &registration, &mut found);
        }
        let mut changed = registration.clone();
        if let Some(touched) = touched {
            let questions = ledger.standing.questions()?;
            changed.answers =
                model::changed_answers(&questions, &details.category, &details.answers, touched, &mut found);
            changed.form_version = ledger.standing.form_version;
        }
        found.or(())?;
        take_over(&mut changed, details);
        let new = ledger.standing.category(after.get("category").and_then(Value::as_str).unwrap_or_default());
        let new = new.ok_or(RegistrationError::NotFound)?.id;
        let fields = changed_fields(&before, &model::document(&changed, &category.code));
        if changed.email.folded() != registration.email.folded() {
            // Whoever reads the old address's mail has no business here any more.
            withdraw(tx, registration.conference, &[registration.email.folded()], &LetterKind::OF_BROADCASTS)?;
            changed.token_generation += 1;
        }
        if new != registration.category {
            changed.category = new;
            move_to(tx, ledger, &registration, &mut changed)?;
            ledger.save(tx, &mut changed)?;
            if let Some(invitation) = changed.invitation {
                // It reserves seats of the category that they left.
                ledger.settle(tx, invitation)?;
            }
            ledger.note(&changed, Event::Moved, actor, Remark::default());
        } else if !fields.is_empty() {
            ledger.save(tx, &mut changed)?;
            if WHO_THEY_ARE.iter().any(|key| fields.iter().any(|field| field == key)) {
                duplicates::flag_changed(tx, &changed, ledger.now)?;
            }
            let remark = Remark { detail: detail("fields", Value::from(fields)), ..Remark::default() };
            ledger.note(&changed, Event::Changed, actor, remark);
        }
        Ok(changed)
    })
}

fn check_values(details: &Details, languages: &[LanguageTag], ledger: &Ledger<'_>, found: &mut Faults) {
    if !languages.contains(&details.language) {
        let tags: Vec<_> = languages.iter().map(LanguageTag::as_str).collect();
        found.add("#/language", "unknown_language", format!("must be one of {}", tags.join(", ")));
    }
    if ledger.standing.category(details.category.as_str()).is_none() {
        let codes: Vec<_> = ledger.standing.categories.iter().map(|category| category.code.as_str()).collect();
        found.add("#/category", "unknown_reference", format!("must be one of {}", codes.join(", ")));
    }
    if !crate::mail::is_deliverable(details.email.as_str()) {
        found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
}

/// What an attendee may not change by the link.
/// What the organisers alone may change of a registration in this state.
pub fn kept_by_organisers(needs_approval: bool, state: State) -> Vec<&'static str> {
    let who_they_are: &[&str] = match needs_approval && state != State::Pending {
        true => &["given_name", "family_name", "birth_date"],
        false => &[],
    };
    ["category", "email", "badge"].iter().chain(who_they_are).copied().collect()
}

fn check_rights(
    before: &Value,
    after: &Value,
    category: &CategoryStanding,
    registration: &Registration,
    found: &mut Faults,
) {
    for key in kept_by_organisers(category.needs_approval, registration.state) {
        if before.get(key) != after.get(key)
            && !(before.get(key).is_some_and(Value::is_null) && after.get(key).is_none())
        {
            found.add(format!("#/{key}"), "not_changeable", "can be changed by the organisers alone");
        }
    }
}

fn take_over(registration: &mut Registration, details: Details) {
    fn text<T: ToString>(line: &Option<T>) -> Option<String> {
        line.as_ref().map(T::to_string)
    }
    registration.honorific = text(&details.honorific);
    registration.given_name = details.given_name.to_string();
    registration.family_name = details.family_name.to_string();
    registration.email = details.email;
    registration.organisation = text(&details.organisation);
    registration.position = text(&details.position);
    registration.country = text(&details.country);
    registration.language = details.language.to_string();
    registration.phone = text(&details.phone);
    registration.accessibility_needs = text(&details.accessibility_needs);
    registration.dietary_needs = text(&details.dietary_needs);
    registration.birth_date = details.birth_date.map(|date| date.0);
    registration.badge = details.badge;
}

fn changed_fields(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    after.iter().filter(|(key, value)| before.get(*key) != Some(value)).map(|(key, _)| key.clone()).collect()
}

/// A registration changes its category: its seat comes along where the other category has one; who waits gets a seat
/// that is free there, or waits there since when they came.
fn move_to(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    before: &Registration,
    registration: &mut Registration,
) -> Result<(), RegistrationError> {
    match before.state {
        _ if before.holds_seat() => {
            let moved = ledger.move_seat(before.category, registration.category);
            moved.then_some(()).ok_or(RegistrationError::Full)?;
        }
        State::Waitlisted => ledger.admit(connection, registration, true)?,
        _ => {}
    }
    Ok(())
}

/// All that is kept of a person.
pub struct Kept {
    /// The registration.
    pub shown: Shown,
    /// What happened to it.
    pub history: Vec<HistoryEntry>,
    /// The form that they answered.
    pub form: Vec<Question>,
    /// What was written to them.
    pub messages: Vec<Addressed>,
}

/// Reads all that is kept of a person, for them or a registrar.
///
/// # Errors
/// Those of [`find`].
pub fn read_all(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Kept, RegistrationError> {
    let Errand { place, credentials, secret, .. } = errand;
    let (shown, _) = find(connection, place, reference, credentials, secret, "read_registration_data")?;
    let registration = &shown.registration;
    Ok(Kept {
        history: store::history(connection, registration.id)?,
        form: setup::store::form(connection, place.id, registration.form_version)?,
        messages: addressed_to(connection, place.id, registration.email.as_str())?,
        shown,
    })
}

/// The questions that a person answered and their answers, label by label.
pub fn answered(form: &[Question], answers: &Map<String, Value>) -> Vec<(Question, Value)> {
    let answer = |question: &Question| answers.get(question.code.as_str()).cloned();
    form.iter().filter_map(|question| Some((question.clone(), answer(question)?))).collect()
}
