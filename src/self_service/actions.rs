//! Changes of a registration, and the download of all data about a person.

use serde_json::{Map, Value};

use super::model::{self, Details};
use crate::{
    access::{Actor, Operation},
    database::Connection,
    ids::CategoryId,
    mail::{addressed_to, tracking::RecipientMessageRow},
    registration::{
        RegistrationError,
        actions::{RegistrationDetails, change, find_details},
        context::RequestContext,
        duplicate_check::flag_changed,
        field_values::read_form,
        fields::{Changeable, Field, PERSONAL_FIELDS},
        form::Question,
        letters::check_salutation,
        model::{Event, HistoryEntry, Registration, RegistrationStatus},
        pending_event::{EventDetails, single_detail},
        rows,
        seat_transaction::SeatTransaction,
        setup::state::{CategoryState, questions_of_version},
    },
    validation::ValidationErrors,
    values::{LanguageTag, merge_patch},
};

/// Changes the data of a registration: an attendee some of them with the link, a registrar all with a token. A change
/// of category keeps the seat if the other category has one.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::WrongState`] if the status is final;
/// [`RegistrationError::AlreadyRegistered`] if another registration has the address; [`RegistrationError::Full`].
pub fn change_details(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    patch: &Value,
) -> Result<RegistrationDetails, RegistrationError> {
    change(connection, context, reference, Operation::ChangeRegistration, |tx, transaction, registration, actor| {
        if registration.state.is_final() {
            return Err(RegistrationError::WrongState(registration.state.as_str()));
        }
        let category = transaction.category(registration.category)?.clone();
        let before = model::document(&registration, &category.code);
        let mut after = before.clone();
        merge_patch(&mut after, patch);
        let mut details: Details = read_form(after.clone())?;
        let patched_answers = patch.get("answers").and_then(Value::as_object);
        let mut errors = ValidationErrors::default();
        let languages = &transaction.released.agenda.conference.languages;
        if let Some(lines) = &mut details.salutation {
            check_salutation(lines, languages, "#/salutation", &mut errors);
        }
        let category_id = check_values(&details, languages, transaction, &mut errors);
        if details.email.is_none() && registration.person.email.is_some() {
            errors.add("#/email", "required", "can be replaced, not removed");
        }
        if *actor == Actor::attendee() {
            check_attendee_rights(&before, &after, &category, &registration, &mut errors);
            transaction.setup_state.fields_of(&category).check_change(&before, &after, patch, &mut errors);
        }
        let mut changed = registration.clone();
        if let Some(patched_answers) = patched_answers {
            let questions = transaction.setup_state.questions()?;
            changed.answers =
                model::changed_answers(&questions, &details.category, &details.answers, patched_answers, &mut errors);
            changed.form_version = transaction.setup_state.form_version;
        }
        let new_category = errors.into_result(category_id)?.unwrap_or(registration.category);
        changed.person = details.person(details.language.as_str());
        changed.badge = details.badge;
        changed.salutation = details.salutation;
        let fields = changed_fields(&before, &model::document(&changed, &category.code));
        if changed.person.address_folded() != registration.person.address_folded() {
            // Broadcasts that wait in the outbox for the old address are withdrawn, and its links are void.
            transaction.withdraw_broadcasts(tx, &registration)?;
            changed.token_generation += 1;
        }
        changed.category = new_category;
        let identity = |registration: &Registration| {
            (registration.person.address_folded(), registration.name_folded(), registration.category)
        };
        if identity(&changed) != identity(&registration) {
            transaction.check_mailbox(tx, &mut changed)?;
        }
        if new_category != registration.category {
            move_to_category(tx, transaction, &registration, &mut changed)?;
            transaction.save(tx, &mut changed)?;
            if let Some(invitation) = changed.invitation {
                // The invitation may reserve a seat in the category that the person left.
                transaction.free_reserved_seats(tx, invitation)?;
            }
            transaction.record_event(&changed, Event::Moved, actor, EventDetails::default());
        } else if !fields.is_empty() {
            transaction.save(tx, &mut changed)?;
            let is_changed = |field: &Field| fields.iter().any(|changed| changed == field.name);
            if PERSONAL_FIELDS.iter().any(|field| field.finds_duplicates && is_changed(field)) {
                flag_changed(tx, &changed, transaction.now)?;
            }
            // How letters greet a person is no news to that person.
            let sends_no_letter = fields == ["salutation"];
            let mut detail = single_detail("fields", Value::from(fields));
            if sends_no_letter {
                detail.insert("without_letter".to_owned(), Value::Bool(true));
            }
            let details = EventDetails { detail, sends_no_letter, ..EventDetails::default() };
            transaction.record_event(&changed, Event::Changed, actor, details);
        }
        Ok(changed)
    })
}

/// Checks the values against the conference; returns the category, `None` if there is none with this code.
fn check_values(
    details: &Details,
    languages: &[LanguageTag],
    transaction: &SeatTransaction<'_>,
    errors: &mut ValidationErrors,
) -> Option<CategoryId> {
    if !languages.contains(&details.language) {
        let tags: Vec<_> = languages.iter().map(LanguageTag::as_str).collect();
        errors.add("#/language", "unknown_language", format!("must be one of {}", tags.join(", ")));
    }
    let category = transaction.setup_state.category(details.category.as_str());
    if category.is_none() {
        let codes: Vec<_> = transaction.setup_state.categories.iter().map(|category| category.code.as_str()).collect();
        errors.add("#/category", "unknown_reference", format!("must be one of {}", codes.join(", ")));
    }
    if details.email.as_ref().is_some_and(|address| !crate::mail::is_deliverable(address.as_str())) {
        errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
    category.map(|category| category.id)
}

/// The fields that only the organisers may change when the registration has this status.
pub fn organisers_only_fields(needs_approval: bool, state: RegistrationStatus) -> Vec<&'static str> {
    let fields_with = |changeable: Changeable| {
        PERSONAL_FIELDS.iter().filter(move |field| field.attendee_may_change == changeable).map(|field| field.name)
    };
    let is_decided = needs_approval && state != RegistrationStatus::Pending;
    let until_decided = fields_with(Changeable::UntilDecided).filter(|_| is_decided);
    ["category"]
        .into_iter()
        .chain(fields_with(Changeable::Never))
        .chain(["badge", "salutation"])
        .chain(until_decided)
        .collect()
}

fn check_attendee_rights(
    before: &Value,
    after: &Value,
    category: &CategoryState,
    registration: &Registration,
    errors: &mut ValidationErrors,
) {
    for key in organisers_only_fields(category.needs_approval, registration.state) {
        if before.get(key) != after.get(key)
            && !(before.get(key).is_some_and(Value::is_null) && after.get(key).is_none())
        {
            errors.add(format!("#/{key}"), "not_changeable", "can be changed by the organisers alone");
        }
    }
}

fn changed_fields(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    after.iter().filter(|(key, value)| before.get(*key) != Some(value)).map(|(key, _)| key.clone()).collect()
}

/// Moves a registration to another category. A registration with a seat needs one there; a waiting one gets a free seat
/// there, or waits there with its old arrival number.
fn move_to_category(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    before: &Registration,
    registration: &mut Registration,
) -> Result<(), RegistrationError> {
    match before.state {
        _ if before.holds_seat() => {
            let has_moved = transaction.move_seat(before.category, registration.category);
            has_moved.then_some(()).ok_or(RegistrationError::Full)?;
        }
        RegistrationStatus::Waitlisted if !transaction.is_over() => {
            transaction.admit(connection, registration, true)?
        }
        _ => {}
    }
    Ok(())
}

/// All data that are stored about a person.
pub struct PersonalData {
    pub details: RegistrationDetails,
    pub history: Vec<HistoryEntry>,
    /// The questions that the person answered.
    pub questions: Vec<Question>,
    pub messages: Vec<RecipientMessageRow>,
}

/// Reads all data that are stored about a person, for that person or a registrar.
///
/// # Errors
/// Those of [`find_details`].
pub fn read_all(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<PersonalData, RegistrationError> {
    let RequestContext { conference, credentials, secret, .. } = context;
    let (details, _) =
        find_details(connection, conference, reference, credentials, secret, Operation::ReadRegistrationData)?;
    let registration = &details.registration;
    let messages = match &registration.person.email {
        Some(address) => addressed_to(connection, conference.id, (address, registration.addressee()))?,
        None => Vec::new(),
    };
    Ok(PersonalData {
        history: rows::history(connection, registration.id)?,
        questions: questions_of_version(connection, conference.id, registration.form_version)?,
        messages,
        details,
    })
}

/// The questions that the person answered, with their answers.
pub fn answered_questions(questions: &[Question], answers: &Map<String, Value>) -> Vec<(Question, Value)> {
    let answer = |question: &Question| answers.get(question.code.as_str()).cloned();
    questions.iter().filter_map(|question| Some((question.clone(), answer(question)?))).collect()
}
