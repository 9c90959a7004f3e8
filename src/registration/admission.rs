//! Admission of registrations: one transaction registers a batch of people; each application is accepted or refused on
//! its own.

use std::{borrow::Cow, collections::HashMap};

use deserr::Deserr;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    RegistrationError,
    context::ReleasedAgenda,
    fields::PersonalDetails,
    form::{Answers, Question, RawAnswers, answers},
    membership::Membership,
    model::{self, ConsentRecord, Event, Form, Registration, RegistrationStatus},
    pending_event::EventDetails,
    reservations::{self, Invitation, InvitationKind},
    rows,
    seat_transaction::SeatTransaction,
    setup::{
        Badge,
        state::{CategoryState, SetupState},
    },
    sign_ups::do_overlap,
};
use crate::{
    access::{Actor, ServerSecret, secret::random},
    agenda::{
        Agenda, ConferenceRef,
        document::{Session, SessionAccess},
    },
    clock,
    database::{Connection, DatabaseError},
    ids::{Id, RegistrationId, SessionId},
    site_setup::notice_version_in_force,
    validation::{ValidationError, ValidationErrors},
    values::{Code, Count, LanguageTag, Line, TextValue as _},
};

/// A person's application to register, and who submits it.
#[derive(Clone)]
pub struct Application {
    pub person: PersonalDetails,
    pub category: Code,
    /// The language of letters, if the form names it: it must be one of the conference's.
    pub named_language: Option<LanguageTag>,
    pub answers: RawAnswers,
    pub sessions: Vec<Code>,
    /// The code of an invitation.
    pub invitation: Option<Line<200>>,
    pub consent: ConsentRecord,
    /// The version of the privacy notice that the person was shown, if the form says so.
    pub privacy_notice_version: Option<i32>,
    /// Who submits the application.
    pub actor: Actor,
    /// [`Event::Registered`] or [`Event::Imported`].
    pub event: Event,
    /// Whether the submitter vouches for the person: the address needs no verification, and neither opening times nor
    /// the need for an invitation apply.
    pub is_vouched_for: bool,
    /// Whether the organisers have approved the registration already.
    pub is_approved: bool,
    /// The delegation that the person joins, and their role there.
    pub membership: Option<Membership>,
    /// Whether the delegation allows that its members share an address. The category may allow it, too.
    pub may_share_mailbox: bool,
    /// Whether required answers may be missing: nobody asked these questions.
    pub may_lack_answers: bool,
    /// Whether no letter is sent about the registration.
    pub sends_no_letter: bool,
    /// What the history keeps of the registration.
    pub detail: serde_json::Map<String, Value>,
}

impl Application {
    /// An application of anybody, through the public form; `language` is that of letters if the form names none.
    pub fn from_public_form(form: Form, language: &LanguageTag) -> Self {
        Self {
            person: form.person(language.as_str()),
            category: form.category,
            named_language: form.language,
            answers: form.answers,
            sessions: form.sessions,
            invitation: form.invitation,
            consent: ConsentRecord::BY_FORM,
            privacy_notice_version: form
                .privacy_notice_version
                .map(|Count(version)| i32::try_from(version).unwrap_or(i32::MAX)),
            actor: Actor::attendee(),
            event: Event::Registered,
            is_vouched_for: false,
            is_approved: false,
            membership: None,
            may_share_mailbox: false,
            may_lack_answers: false,
            sends_no_letter: false,
            detail: serde_json::Map::new(),
        }
    }

    /// Whether the person or a focal point fills the form in. What a form must say does not bind registrars, who enter
    /// what they know.
    fn is_by_person(&self) -> bool {
        self.actor == Actor::attendee() || self.actor == Actor::focal_point()
    }

    /// Whether a refusal is known before anything is written for the application, so that it can share a transaction
    /// with others.
    pub fn can_share_transaction(&self) -> bool {
        self.invitation.is_none() && self.membership.is_none()
    }
}

/// Personal data must not appear in logs.
impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Application(..)")
    }
}

/// A person who was registered.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub registration: Registration,
    /// The place on the waiting list, from 1; `None` unless it waits for a seat.
    pub position: Option<i64>,
    pub category: Code,
}

/// The data for the answer to a new registration. This is also what is stored under an `Idempotency-Key`: no token, no
/// personal data.
#[derive(Debug, Clone, Serialize, Deserr)]
#[deserr(error = ValidationErrors)]
pub struct Receipt {
    pub id: RegistrationId,
    /// The generation of the link's token.
    pub token_generation: i32,
    pub reference: String,
    pub state: RegistrationStatus,
    pub has_offer: bool,
    /// The place on the waiting list, from 1; `None` unless it waits for a seat.
    pub position: Option<i64>,
    pub category: Code,
}

impl Receipt {
    pub fn of(registration: &Registration, position: Option<i64>, category: &Code) -> Self {
        Self {
            id: registration.id,
            token_generation: registration.token_generation,
            reference: registration.reference.clone(),
            state: registration.state,
            has_offer: registration.offer_expires_at.is_some(),
            position,
            category: category.clone(),
        }
    }
}

impl From<Admitted> for Receipt {
    fn from(admitted: Admitted) -> Self {
        Self::of(&admitted.registration, admitted.position, &admitted.category)
    }
}

/// What became of an application that was not refused.
#[derive(Debug, Clone)]
pub enum AdmissionOutcome {
    Registered(Box<Admitted>),
    /// The person has a live registration with this address. Where the answer must not say so, its owner got the link
    /// again.
    AlreadyRegistered,
    /// The same, of an address that several people share: one of them has this name.
    NameRegistered,
}

impl AdmissionOutcome {
    /// The new registration, where the answer may say that the address is registered already.
    ///
    /// # Errors
    /// [`RegistrationError::AlreadyRegistered`], [`RegistrationError::NameRegistered`].
    pub fn registered(self) -> Result<Admitted, RegistrationError> {
        match self {
            Self::Registered(admitted) => Ok(*admitted),
            Self::AlreadyRegistered => Err(RegistrationError::AlreadyRegistered),
            Self::NameRegistered => Err(RegistrationError::NameRegistered),
        }
    }
}

/// The result of one application.
pub type Admission = Result<AdmissionOutcome, RegistrationError>;

/// The result of a batch.
pub struct BatchOutcome {
    /// One result for each application, in order.
    pub outcomes: Vec<Admission>,
    /// Whether the answers must not say whether an address was known.
    pub is_undisclosed: bool,
}

impl BatchOutcome {
    /// The result of a batch of one application.
    pub fn single(self) -> Admission {
        let first = self.outcomes.into_iter().next();
        first.unwrap_or_else(|| Err(DatabaseError::Interrupted.into()))
    }
}

/// Registers people. Each gets a seat if every quota has one, else a place on the waiting list; before that, the
/// address is verified or the organisers decide, where the category requires it. Each gets one letter. A refused
/// application does not stop the others; but if one that is not [`Application::can_share_transaction`] is refused, the
/// transaction must not be committed.
///
/// # Errors
/// Those of [`SeatTransaction::open`]: then nobody was registered.
pub fn register_all(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    secret: &ServerSecret,
    applications: &[Application],
) -> Result<BatchOutcome, RegistrationError> {
    let people: Vec<_> = applications.iter().map(|application| (application, None)).collect();
    register_batch(connection, conference, released, secret, &people)
}

/// Registers people from another system with the status that they had there: confirmed, waitlisted, pending or
/// cancelled. A confirmed person gets a seat or is refused, a waitlisted person gets a seat or a place on the waiting
/// list. The caller says in the applications that nobody gets a letter.
///
/// # Errors
/// Those of [`register_all`].
pub fn register_imported(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    secret: &ServerSecret,
    people: &[(Application, RegistrationStatus)],
) -> Result<BatchOutcome, RegistrationError> {
    let people: Vec<_> = people.iter().map(|(application, state)| (application, Some(*state))).collect();
    register_batch(connection, conference, released, secret, &people)
}

fn register_batch(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    secret: &ServerSecret,
    people: &[(&Application, Option<RegistrationStatus>)],
) -> Result<BatchOutcome, RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    let is_undisclosed = transaction.setup_state.verifies_emails();
    let questions = transaction.setup_state.questions()?;
    let addresses: Vec<String> =
        people.iter().filter_map(|(application, _)| application.person.address_folded()).collect();
    let mut live_by_address = find_live(connection, conference, &addresses)?;
    let notice_version = notice_version_in_force(connection, conference.id)?;
    let mut outcomes = Vec::with_capacity(people.len());
    for (application, imported) in people {
        let context = EvaluationContext {
            secret,
            questions: &questions,
            live_by_address: &live_by_address,
            notice_version,
            imported: *imported,
        };
        let outcome = evaluate(connection, &mut transaction, &context, application);
        match &outcome {
            Ok(AdmissionOutcome::Registered(admitted)) if admitted.registration.state.is_final() => {}
            Ok(AdmissionOutcome::Registered(admitted)) => {
                if let Some(address) = admitted.registration.person.address_folded() {
                    live_by_address.entry(address).or_default().push(admitted.registration.clone());
                }
            }
            Ok(AdmissionOutcome::AlreadyRegistered | AdmissionOutcome::NameRegistered) | Err(_) => {}
        }
        outcomes.push(outcome);
    }
    let positions = transaction.close(connection)?;
    for outcome in outcomes.iter_mut().flatten() {
        if let AdmissionOutcome::Registered(admitted) = outcome {
            admitted.position = positions.get(&admitted.registration.id).copied();
        }
    }
    Ok(BatchOutcome { outcomes, is_undisclosed })
}

/// Registers one person within a seat transaction that the caller opened.
///
/// # Errors
/// The application is refused: the transaction must not be committed.
pub fn register(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    secret: &ServerSecret,
    application: &Application,
) -> Result<Admitted, RegistrationError> {
    let questions = transaction.setup_state.questions()?;
    let addresses: Vec<String> = application.person.address_folded().into_iter().collect();
    let live_by_address = find_live(connection, transaction.conference, &addresses)?;
    let context = EvaluationContext {
        secret,
        questions: &questions,
        live_by_address: &live_by_address,
        notice_version: notice_version_in_force(connection, transaction.conference.id)?,
        imported: None,
    };
    evaluate(connection, transaction, &context, application)?.registered()
}

/// The live registrations by address (folded).
type LiveByAddress = HashMap<String, Vec<Registration>>;

fn find_live(
    connection: &mut Connection,
    conference: &ConferenceRef,
    addresses: &[String],
) -> Result<LiveByAddress, DatabaseError> {
    let mut live_by_address = LiveByAddress::new();
    for registration in rows::find_live_by_addresses(connection, conference.id, addresses)? {
        if let Some(address) = registration.person.address_folded() {
            live_by_address.entry(address).or_default().push(registration);
        }
    }
    Ok(live_by_address)
}

/// The most people of one address who wait for its verification. Somebody who knows a shared mailbox must not flood it
/// with the letters of people whom they make up.
const UNVERIFIED_MAX: usize = 20;

/// The live registration that stands in the way of an application.
fn find_obstacle<'a>(
    live: &'a [Registration],
    application: &Application,
    shares_mailbox: bool,
) -> Option<&'a Registration> {
    let name = application.person.name_folded();
    let mut unverified = live.iter().filter(|other| other.state == RegistrationStatus::Unverified);
    live.iter()
        .find(|other| other.excludes(shares_mailbox, &name))
        .or_else(|| unverified.nth(UNVERIFIED_MAX - 1).filter(|_| !application.is_vouched_for))
}

/// What applications are evaluated with.
struct EvaluationContext<'a> {
    secret: &'a ServerSecret,
    questions: &'a [Question],
    live_by_address: &'a LiveByAddress,
    /// The version of the privacy notice that is in force.
    notice_version: Option<i32>,
    /// The status in the system that the person is imported from; `None` for everybody else.
    imported: Option<RegistrationStatus>,
}

fn evaluate(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    context: &EvaluationContext<'_>,
    application: &Application,
) -> Admission {
    let EvaluationContext { secret, questions, live_by_address, notice_version, imported } = *context;
    let document = json!({
        "category": application.category, "language": application.named_language, "answers": application.answers.0,
        "sessions": application.sessions,
    });
    let agenda = transaction.released.agenda;
    let code = application.invitation.as_ref().map(|code| code.as_str());
    let invitation = code
        .map(|code| reservations::find_by_code(connection, transaction.conference, secret, code, transaction.now))
        .transpose()?;
    let hides_categories = transaction.setup_state.categories.iter().any(|category| category.hidden);
    let setup_state = match hides_categories && !application.is_vouched_for {
        true => {
            let invited = invitation.as_ref().and_then(|invitation| invitation.category_id);
            Cow::Owned(transaction.setup_state.seen_with(invited))
        }
        false => Cow::Borrowed(&transaction.setup_state),
    };
    let (mut errors, answers) = check_against_conference(&document, &setup_state, questions, agenda);
    // Registrars record what happened, also in sessions that are over.
    let is_recorded = application.is_vouched_for && application.actor != Actor::focal_point();
    errors.0.retain(|error| !is_recorded || error.code != "session_over");
    if application.is_by_person() {
        let mut document = Value::Object(application.person.document());
        if let Some(document) = document.as_object_mut() {
            document.insert("category".to_owned(), json!(application.category));
            document.insert("language".to_owned(), json!(application.named_language));
        }
        check_person_fields(&document, &setup_state, &mut errors);
    }
    errors.0.retain(|error| !application.may_lack_answers || error.code != "required");
    if application.privacy_notice_version.is_some() && application.privacy_notice_version != notice_version {
        errors.add("#/privacy_notice_version", "outdated", outdated_notice(notice_version));
    }
    errors.into_result(())?;
    let category_code = application.category.as_str();
    let category = setup_state.category(category_code).cloned();
    let category = category.ok_or_else(|| unknown_category_error(category_code, &setup_state))?;
    let shares_mailbox = category.shared_mailbox || application.may_share_mailbox;
    let address = application.person.address_folded();
    let live = address.as_ref().and_then(|address| live_by_address.get(address)).map_or(&[][..], Vec::as_slice);
    let obstacle = find_obstacle(live, application, shares_mailbox);
    if !application.is_vouched_for && !transaction.setup_state.is_open(&category, agenda, transaction.now) {
        return Err(transaction.setup_state.closed_error(&category, agenda, transaction.now));
    }
    let is_to_category = |invitation: &Invitation| invitation.category_id.is_none_or(|id| id == category.id);
    let invitation = invitation.filter(is_to_category);
    if code.is_some() && invitation.is_none() {
        return Err(RegistrationError::InvitationInvalid);
    }
    let is_for_other_address =
        |invitation: &Invitation| invitation.email_folded.is_some() && invitation.email_folded != address;
    if invitation.as_ref().is_some_and(is_for_other_address) {
        return Err(RegistrationError::InvitationInvalid);
    }
    if category.needs_invitation && invitation.is_none() && !application.is_vouched_for {
        return Err(RegistrationError::InvitationNeeded(category.code));
    }
    if let Some(registered) = obstacle {
        // An address that is registered is refused exactly where an unknown one would be, so that the answer does not
        // say which it is.
        let refuses_when_full = !category.verifies_email && !category.needs_approval && !category.waiting_list;
        let has_reserved_seat = invitation.as_ref().is_some_and(|invitation| invitation.seats_reserved > 0);
        let has_seat = has_reserved_seat || (category.has_free_seat() && transaction.setup_state.has_free_seat());
        let is_undisclosed = transaction.setup_state.verifies_emails();
        if refuses_when_full && !has_seat && is_undisclosed {
            return Err(RegistrationError::Full);
        }
        if is_undisclosed && imported.is_none() {
            // The owner of the address gets the link again; the sender learns nothing.
            transaction.send_link(connection, registered)?;
        }
        let is_about_name = (registered.shares_mailbox || shares_mailbox)
            && registered.excludes(shares_mailbox, &application.person.name_folded());
        return Ok(match is_about_name {
            true => AdmissionOutcome::NameRegistered,
            false => AdmissionOutcome::AlreadyRegistered,
        });
    }
    // Whoever has this code has read the mail to the address, so that the address is verified.
    let is_verified = application.is_vouched_for
        || invitation
            .as_ref()
            .is_some_and(|invitation| invitation.kind == InvitationKind::Personal && invitation.email_folded.is_some());
    let must_verify = category.verifies_email && !is_verified;
    let mut registration = new_registration(transaction, application, &category, answers)?;
    registration.shares_mailbox = shares_mailbox;
    registration.privacy_notice_version = notice_version.filter(|_| application.consent.given.follows_notice());
    registration.invitation = invitation.as_ref().map(|invitation| invitation.id);
    if let Some(invitation) = &invitation {
        reservations::use_once(connection, invitation.id)?;
    }
    if let Some(membership) = &application.membership {
        transaction.join_delegation(connection, registration.id, membership.clone())?;
    }
    if must_verify {
        registration.state = RegistrationStatus::Unverified;
        registration.expires_at = Some(transaction.deadline_in(transaction.setup_state.verification_hours));
    }
    let sessions: Vec<SessionId> = application
        .sessions
        .iter()
        .filter_map(|code| transaction.sign_up_session(code))
        .filter_map(|session| session.id)
        .collect();
    match imported {
        Some(imported) => transaction.set_imported_status(connection, &mut registration, imported)?,
        None if must_verify => {}
        None => transaction.admit(connection, &mut registration, application.is_approved)?,
    }
    for session in sessions.into_iter().filter(|_| !registration.state.is_final()) {
        transaction.sign_up(&registration, session);
    }
    transaction.add_registration(registration.clone());
    let details = EventDetails {
        sends_no_letter: application.sends_no_letter,
        detail: application.detail.clone(),
        ..EventDetails::default()
    };
    transaction.record_event(&registration, application.event, &application.actor, details);
    Ok(AdmissionOutcome::Registered(Box::new(Admitted { registration, position: None, category: category.code })))
}

/// What the sender of a form is told who was shown another privacy notice than the one in force.
fn outdated_notice(in_force: Option<i32>) -> String {
    in_force.map_or_else(
        || "must be left out: the conference has no privacy notice any more".to_owned(),
        |version| format!("must be {version}: the privacy notice has changed, and must be shown again"),
    )
}

fn new_registration(
    transaction: &mut SeatTransaction<'_>,
    application: &Application,
    category: &CategoryState,
    answers: Answers,
) -> Result<Registration, DatabaseError> {
    let random_bytes = random().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    Ok(Registration {
        id: Id::new(),
        conference: transaction.conference.id,
        category: category.id,
        reference: model::reference(&transaction.conference.slug, random_bytes),
        state: RegistrationStatus::Pending,
        arrival: transaction.next_arrival(),
        person: application.person.clone(),
        answers,
        form_version: transaction.setup_state.form_version,
        invitation: None,
        erased_at: None,
        salutation: None,
        badge: Badge::default(),
        shares_mailbox: false,
        expires_at: None,
        offer_expires_at: None,
        consented_at: transaction.now,
        consent: application.consent.clone(),
        privacy_notice_version: None,
        token_generation: 1,
        created_at: transaction.now,
        updated_at: transaction.now,
    })
}

/// Adds the validation errors of what a form says about the person, by the rules of its category.
pub fn check_person_fields(document: &Value, setup_state: &SetupState, errors: &mut ValidationErrors) {
    let category = document.get("category").and_then(Value::as_str);
    if let Some(category) = category.and_then(|category| setup_state.category(category)) {
        setup_state.fields_of(category).check(document, errors);
    }
}

/// The validation errors of a form that need the conference's rules, found in the form as it was sent; and the valid
/// answers.
pub fn check_against_conference(
    document: &Value,
    setup_state: &SetupState,
    questions: &[Question],
    agenda: &Agenda,
) -> (ValidationErrors, Answers) {
    let mut errors = ValidationErrors::default();
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let category = text("category").filter(|text| Code::parse(text).is_ok());
    if let Some(category) = category.filter(|category| setup_state.category(category).is_none()) {
        errors.0.extend(unknown_category_error(category, setup_state).0);
    }
    let languages = &agenda.conference.languages;
    if let Some(language) = text("language").filter(|text| LanguageTag::parse(text).is_ok())
        && !languages.iter().any(|tag| tag.as_str() == language)
    {
        let tags: Vec<_> = languages.iter().map(LanguageTag::as_str).collect();
        errors.add("#/language", "unknown_language", format!("must be one of {}", tags.join(", ")));
    }
    let mut checked_answers = Answers::new();
    let raw_answers = document.get("answers").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(category) = category.and_then(|category| setup_state.category(category)) {
        checked_answers = answers::check(questions, &category.code, &RawAnswers(raw_answers), &mut errors);
    }
    if let Some(codes) = document.get("sessions").and_then(Value::as_array) {
        let codes: Vec<Option<Code>> =
            codes.iter().map(|code| code.as_str().and_then(|code| Code::parse(code).ok())).collect();
        let now = clock::now();
        check_sessions(&codes, agenda, |session| setup_state.is_session_over(session, now), &mut errors);
    }
    (errors, checked_answers)
}

fn unknown_category_error(category: &str, setup_state: &SetupState) -> ValidationErrors {
    let visible = setup_state.categories.iter().filter(|category| !category.hidden);
    let codes: Vec<_> = visible.map(|category| category.code.as_str()).collect();
    let detail = format!("there is no {category:?}: must be one of {}", codes.join(", "));
    ValidationErrors(vec![ValidationError::at("#/category", "unknown_reference", detail)])
}

/// Adds the validation errors of a choice of sessions, of which those that are over cannot be chosen. `None` stands for
/// a text that is not a code: another check reports it.
pub fn check_sessions(
    codes: &[Option<Code>],
    agenda: &Agenda,
    is_over: impl Fn(&Session) -> bool,
    errors: &mut ValidationErrors,
) {
    let find_session = |code: &Code| {
        let mut sessions = agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp);
        sessions.find(|session| session.code == *code)
    };
    for (index, code) in codes.iter().enumerate() {
        let pointer = format!("#/sessions/{index}");
        let Some(code) = code else { continue };
        let Some(session) = find_session(code) else {
            errors.add(pointer, "unknown_reference", "is not a session that needs sign-up");
            continue;
        };
        if is_over(session) {
            errors.add(&pointer, "session_over", "is over");
        }
        let earlier = codes.iter().take(index).flatten();
        let clash = earlier.filter_map(find_session).find(|other| other.code == *code || do_overlap(session, other));
        match clash {
            Some(other) if other.code == *code => errors.add(pointer, "duplicate", "is in the list already"),
            Some(other) => errors.add(pointer, "overlap", format!("is on at the same time as {}", other.code)),
            None => {}
        }
    }
}

impl SeatTransaction<'_> {
    /// Gives an imported registration the status that it had in the other system.
    fn set_imported_status(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        state: RegistrationStatus,
    ) -> Result<(), RegistrationError> {
        match state {
            RegistrationStatus::Waitlisted => return self.admit(connection, registration, true),
            RegistrationStatus::Confirmed if !self.take_seat(registration.category) => {
                return Err(RegistrationError::Full);
            }
            state => registration.state = state,
        }
        Ok(())
    }
}
