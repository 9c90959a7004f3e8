//! Registering: one transaction takes a batch of people in, each judged by itself.

use std::collections::HashMap;

use chrono::TimeDelta;
use deserr::Deserr;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    RegistrationError,
    delegations::Membership,
    form::{Answers, Question, RawAnswers, answers},
    invitations::{self, Invitation},
    ledger::{Ledger, Released, Remark, overlap},
    model::{self, Event, Form, Registration, State},
    setup::Badge,
    setup::store::{CategoryStanding, Standing},
    store,
};
use crate::{
    access::{Actor, ServerSecret, secret::random},
    agenda::{Agenda, Place, document::SessionAccess},
    database::{Connection, DatabaseError},
    faults::Faults,
    ids::{Id, RegistrationId, SessionId},
    values::{Code, LanguageTag, TextValue as _},
};

/// Who wants to come, and by whose hand.
#[derive(Debug, Clone)]
pub struct Application {
    /// What the form says.
    pub form: Form,
    /// The language of what is written to them, unless the form names another.
    pub language: LanguageTag,
    /// Who filled it in.
    pub actor: Actor,
    /// Registered, or taken over from another system.
    pub event: Event,
    /// Whoever filled it in answers for the address, for the time and for the person: nothing is verified, and neither
    /// opening times nor invitations count.
    pub is_vouched_for: bool,
    /// The organisers have let it in.
    pub is_approved: bool,
    /// The delegation that it joins.
    pub membership: Option<Membership>,
}

impl Application {
    /// Anybody, through the form.
    pub fn of_public(form: Form, language: LanguageTag) -> Self {
        Self {
            form,
            language,
            actor: Actor::attendee(),
            event: Event::Registered,
            is_vouched_for: false,
            is_approved: false,
            membership: None,
        }
    }

    /// Whether it is refused, if it is, before anything was written for it: then it can share a transaction with
    /// others.
    pub fn is_plain(&self) -> bool {
        self.form.invitation.is_none() && self.membership.is_none()
    }
}

/// How a registration stood in the system that it is taken over from.
#[derive(Debug, Clone)]
pub struct TakenOver {
    /// Where it stood: confirmed where there is a seat, waitlisted where there is none, pending or cancelled.
    pub state: State,
    /// What its history keeps.
    pub detail: serde_json::Map<String, Value>,
}

/// Someone who was taken in.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The registration.
    pub registration: Registration,
    /// Its place on the waiting list, if it waits.
    pub position: Option<i64>,
    /// Its category.
    pub category: Code,
}

/// What the answer says of someone who was taken in, and all that is kept of it under an `Idempotency-Key`: no token,
/// no personal data.
#[derive(Debug, Clone, Serialize, Deserr)]
#[deserr(error = Faults)]
pub struct Receipt {
    /// The registration.
    pub id: RegistrationId,
    /// Of its link's token.
    pub token_generation: i32,
    /// What it is called.
    pub reference: String,
    /// Where it stood.
    pub state: State,
    /// Whether a seat was held for it.
    pub has_offer: bool,
    /// Its place on the waiting list, if it waited.
    pub position: Option<i64>,
    /// Its category.
    pub category: Code,
}

impl Receipt {
    /// The receipt of a registration as it stands.
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

/// What became of a batch.
pub struct Intake {
    /// Of each application, in order.
    pub outcomes: Vec<Result<Admitted, RegistrationError>>,
    /// Whether answers must not say whether an address was known.
    pub is_uniform: bool,
}

/// Takes people in: a seat if every quota has one, else a place on the waiting list; or, before that, the
/// verification of the address or the organisers' decision. Each gets one letter. Who is refused keeps nobody else
/// out; one that is not [`Application::is_plain`] and is refused must not be committed.
///
/// # Errors
/// There is no such conference, or the store fails: then nobody was taken in.
pub fn register_all(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    secret: &ServerSecret,
    applications: &[Application],
) -> Result<Intake, RegistrationError> {
    let each: Vec<_> = applications.iter().map(|application| (application, None)).collect();
    take_all_in(connection, place, released, secret, &each)
}

/// Takes people over from another system: each stands where they stood there. Who says `confirmed` gets a seat or is
/// refused, who says `waitlisted` a seat or a place on the list. Nobody gets a letter.
///
/// # Errors
/// Those of [`register_all`].
pub fn take_over(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    secret: &ServerSecret,
    people: &[(Application, TakenOver)],
) -> Result<Intake, RegistrationError> {
    let each: Vec<_> = people.iter().map(|(application, taken_over)| (application, Some(taken_over))).collect();
    take_all_in(connection, place, released, secret, &each)
}

fn take_all_in(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    secret: &ServerSecret,
    people: &[(&Application, Option<&TakenOver>)],
) -> Result<Intake, RegistrationError> {
    let mut ledger = Ledger::open(connection, place, released)?;
    let is_uniform = ledger.standing.verifies_emails();
    let questions = ledger.standing.questions()?;
    let addresses: Vec<String> = people.iter().map(|(application, _)| application.form.email.folded()).collect();
    let live = store::live_of_addresses(connection, place.id, &addresses)?;
    let mut known: HashMap<String, Registration> =
        live.into_iter().map(|registration| (registration.email.folded(), registration)).collect();
    let mut outcomes = Vec::with_capacity(people.len());
    for (application, taken_over) in people {
        let outcome = consider(connection, &mut ledger, secret, &questions, &known, (application, *taken_over));
        match &outcome {
            Ok(admitted) if admitted.registration.state.is_final() => {}
            Ok(admitted) => {
                known.insert(admitted.registration.email.folded(), admitted.registration.clone());
            }
            // Whoever owns the address gets the link again; whoever asked learns nothing.
            Err(RegistrationError::AlreadyRegistered) if is_uniform && taken_over.is_none() => {
                if let Some(registration) = known.get(&application.form.email.folded()) {
                    ledger.send_link(connection, registration)?;
                }
            }
            Err(_) => {}
        }
        outcomes.push(outcome);
    }
    let positions = ledger.close(connection)?;
    for admitted in outcomes.iter_mut().flatten() {
        admitted.position = positions.get(&admitted.registration.id).copied();
    }
    Ok(Intake { outcomes, is_uniform })
}

/// Takes one in while the caller holds the ledger.
///
/// # Errors
/// It is refused: the transaction must not commit.
pub fn take_in(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    secret: &ServerSecret,
    application: &Application,
) -> Result<Admitted, RegistrationError> {
    let questions = ledger.standing.questions()?;
    let live = store::live_of_addresses(connection, ledger.place.id, &[application.form.email.folded()])?;
    let known = live.into_iter().map(|registration| (registration.email.folded(), registration)).collect();
    consider(connection, ledger, secret, &questions, &known, (application, None))
}

fn consider(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    secret: &ServerSecret,
    questions: &[Question],
    known: &HashMap<String, Registration>,
    (application, taken_over): (&Application, Option<&TakenOver>),
) -> Result<Admitted, RegistrationError> {
    let form = &application.form;
    let sent = json!({
        "category": form.category, "language": form.language, "answers": form.answers.0, "sessions": form.sessions,
    });
    let agenda = ledger.released.agenda;
    let (mut found, given) = conference_faults(&sent, &ledger.standing, questions, agenda);
    // The other system may not have asked.
    found.0.retain(|fault| taken_over.is_none() || fault.code != "required");
    found.or(())?;
    let category = ledger.standing.category(form.category.as_str()).ok_or(RegistrationError::NotFound)?.clone();
    let is_known = known.contains_key(&form.email.folded());
    if !application.is_vouched_for && !ledger.standing.is_open(&category, ledger.now) {
        return Err(closed(ledger, &category));
    }
    let code = form.invitation.as_ref().map(|code| code.as_str());
    let invitation = code
        .map(|code| invitations::find_by_code(connection, ledger.place, secret, code, ledger.now))
        .transpose()?
        .filter(|invitation| invitation.category_id.is_none_or(|of| of == category.id));
    if code.is_some() && invitation.is_none() {
        return Err(RegistrationError::InvitationInvalid);
    }
    let is_bound_elsewhere = |invitation: &Invitation| {
        invitation.email_folded.as_ref().is_some_and(|address| *address != form.email.folded())
    };
    if invitation.as_ref().is_some_and(is_bound_elsewhere) {
        return Err(RegistrationError::InvitationInvalid);
    }
    if category.needs_invitation && invitation.is_none() && !application.is_vouched_for {
        return Err(RegistrationError::InvitationNeeded(category.code));
    }
    if is_known {
        // Where an unknown address would be refused, a known one is refused alike: the answer tells neither.
        let is_full = !category.verifies_email && !category.needs_approval && !category.waiting_list;
        let reserves = invitation.as_ref().is_some_and(|invitation| invitation.seats_reserved > 0);
        let has_seat = reserves || (category.has_seat() && ledger.standing.has_seat());
        let is_refused = is_full && !has_seat && ledger.standing.verifies_emails();
        return Err(if is_refused { RegistrationError::Full } else { RegistrationError::AlreadyRegistered });
    }
    // Whoever has the mail that an invitation to this address was sent in has verified the address.
    let is_verified = application.is_vouched_for
        || invitation
            .as_ref()
            .is_some_and(|invitation| invitation.kind == "personal" && invitation.email_folded.is_some());
    let must_verify = category.verifies_email && !is_verified;
    let mut registration = new_registration(ledger, application, &category, given)?;
    registration.invitation = invitation.as_ref().map(|invitation| invitation.id);
    if let Some(invitation) = &invitation {
        invitations::use_once(connection, invitation.id)?;
    }
    if let Some(membership) = &application.membership {
        ledger.join(connection, registration.id, membership.clone())?;
    }
    if must_verify {
        registration.state = State::Unverified;
        registration.expires_at = Some(ledger.now + TimeDelta::hours(ledger.standing.verification_hours.into()));
    }
    let sessions: Vec<SessionId> =
        form.sessions.iter().filter_map(|code| ledger.session(code)).filter_map(|session| session.id).collect();
    match taken_over {
        Some(taken_over) => ledger.stand(connection, &mut registration, taken_over.state)?,
        None if must_verify => {}
        None => ledger.admit(connection, &mut registration, application.is_approved)?,
    }
    for session in sessions.into_iter().filter(|_| !registration.state.is_final()) {
        ledger.sign_up(&registration, session);
    }
    ledger.add(registration.clone());
    let detail = taken_over.map(|taken_over| taken_over.detail.clone()).unwrap_or_default();
    let remark = Remark { silent: application.event == Event::Imported, detail, ..Remark::default() };
    ledger.note(&registration, application.event, &application.actor, remark);
    Ok(Admitted { registration, position: None, category: category.code })
}

fn new_registration(
    ledger: &mut Ledger<'_>,
    application: &Application,
    category: &CategoryStanding,
    answers: Answers,
) -> Result<Registration, DatabaseError> {
    let form = &application.form;
    let drawn = random().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    Ok(Registration {
        id: Id::new(),
        conference: ledger.place.id,
        category: category.id,
        reference: model::reference(&ledger.place.slug, drawn),
        state: State::Pending,
        arrival: ledger.next_arrival(),
        honorific: text(&form.honorific),
        given_name: form.given_name.to_string(),
        family_name: form.family_name.to_string(),
        email: form.email.clone(),
        organisation: text(&form.organisation),
        position: text(&form.position),
        country: text(&form.country),
        language: form.language.as_ref().unwrap_or(&application.language).to_string(),
        phone: text(&form.phone),
        accessibility_needs: text(&form.accessibility_needs),
        dietary_needs: text(&form.dietary_needs),
        birth_date: form.birth_date.map(|date| date.0),
        answers,
        form_version: ledger.standing.form_version,
        invitation: None,
        badge: Badge::default(),
        expires_at: None,
        offer_expires_at: None,
        consented_at: ledger.now,
        token_generation: 1,
        created_at: ledger.now,
        updated_at: ledger.now,
    })
}

fn text<T: ToString>(line: &Option<T>) -> Option<String> {
    line.as_ref().map(T::to_string)
}

fn closed(ledger: &Ledger<'_>, category: &CategoryStanding) -> RegistrationError {
    let opens = [ledger.standing.opens_at, category.opens_at].into_iter().flatten().max();
    RegistrationError::Closed { opens_at: opens.filter(|opens| ledger.now < *opens) }
}

/// Faults of a form that need the conference to be seen, from the form as it was sent; and the answers that are right.
pub fn conference_faults(
    sent: &Value,
    standing: &Standing,
    questions: &[Question],
    agenda: &Agenda,
) -> (Faults, Answers) {
    let mut found = Faults::default();
    let text = |key: &str| sent.get(key).and_then(Value::as_str);
    let category = text("category").filter(|text| Code::parse(text).is_ok());
    if let Some(category) = category.filter(|category| standing.category(category).is_none()) {
        let shown = standing.categories.iter().filter(|category| !category.hidden);
        let codes: Vec<_> = shown.map(|category| category.code.as_str()).collect();
        let detail = format!("there is no {category:?}: must be one of {}", codes.join(", "));
        found.add("#/category", "unknown_reference", detail);
    }
    let languages = &agenda.conference.languages;
    if let Some(language) = text("language").filter(|text| LanguageTag::parse(text).is_ok())
        && !languages.iter().any(|tag| tag.as_str() == language)
    {
        let tags: Vec<_> = languages.iter().map(LanguageTag::as_str).collect();
        found.add("#/language", "unknown_language", format!("must be one of {}", tags.join(", ")));
    }
    let mut given = Answers::new();
    let of_sent = sent.get("answers").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(category) = category.and_then(|category| standing.category(category)) {
        given = answers::check(questions, &category.code, &RawAnswers(of_sent), &mut found);
    }
    if let Some(codes) = sent.get("sessions").and_then(Value::as_array) {
        let codes: Vec<Option<Code>> =
            codes.iter().map(|code| code.as_str().and_then(|code| Code::parse(code).ok())).collect();
        session_faults(&codes, agenda, &mut found);
    }
    (found, given)
}

/// What is wrong with a choice of sessions; a code that is none is somebody else's fault to name.
pub fn session_faults(codes: &[Option<Code>], agenda: &Agenda, found: &mut Faults) {
    let of = |code: &Code| {
        let mut sessions = agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp);
        sessions.find(|session| session.code == *code)
    };
    for (index, code) in codes.iter().enumerate() {
        let at = format!("#/sessions/{index}");
        let Some(code) = code else { continue };
        let Some(session) = of(code) else {
            found.add(at, "unknown_reference", "is no session that takes signing up");
            continue;
        };
        let earlier = codes.iter().take(index).flatten();
        let clash = earlier.filter_map(of).find(|other| other.code == *code || overlap(session, other));
        match clash {
            Some(other) if other.code == *code => found.add(at, "duplicate", "stands there already"),
            Some(other) => found.add(at, "overlap", format!("is on at the same time as {}", other.code)),
            None => {}
        }
    }
}

impl Ledger<'_> {
    /// Gives a registration of another system the state that it had there.
    fn stand(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        state: State,
    ) -> Result<(), RegistrationError> {
        match state {
            State::Waitlisted => return self.admit(connection, registration, true),
            State::Confirmed if !self.take(registration.category) => return Err(RegistrationError::Full),
            state => registration.state = state,
        }
        Ok(())
    }
}
