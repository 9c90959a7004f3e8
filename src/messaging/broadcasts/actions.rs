//! Use cases of broadcasts. Each function runs inside one transaction.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Audience,
    model::{NewBroadcastTerms, Recipients},
    store::{self, Broadcast},
};
use crate::{
    access::{
        Actor, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::ConferenceRef,
    clock,
    database::{
        Connection, DatabaseError,
        types::{DbInstant, JsonValue},
    },
    ids::{BroadcastId, Id, RegistrationId, SessionId},
    mail::{
        Letter, LetterContent, LetterKind,
        block_list::{BlockReason, blocked_of},
        enqueue_all, language_of,
        letter::{MailLanguage, MessageState, SessionLine},
        own_templates::find_own_template,
        tracking,
    },
    messaging::{
        MessagingError,
        templates::api::{LetterPreview, preview, sample},
    },
    registrar::lists::{check_query, matching_after},
    registration::{
        RegistrationError,
        broadcast::{BroadcastContent, BroadcastKind, BroadcastState, NewBroadcast},
        context::{ReleasedAgenda, RequestContext},
        letters::{LetterParams, letter},
        model::{Registration, RegistrationStatus},
        rows as registrations,
        session_seats::{self, SignUpState},
        setup::state::{SetupState, lock_setup},
    },
    validation::{self, ValidationErrors},
    values::{EmailAddress, Localised, Prose, Switch, TextValue as _},
};

/// Recipients of one transaction.
const CHUNK: i64 = 200;

fn corrupt(what: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Corrupt(format!("a broadcast: {what}"))
}

fn written<T: serde::Serialize>(value: &T) -> Result<JsonValue, DatabaseError> {
    Ok(JsonValue(serde_json::to_value(value).map_err(corrupt)?))
}

fn content(broadcast: &Broadcast) -> Result<BroadcastContent, DatabaseError> {
    serde_json::from_value(broadcast.content.0.clone())
        .map_err(|error| DatabaseError::unreadable("the content of a broadcast", &error))
}

/// Drafts a broadcast.
///
/// # Errors
/// [`RegistrationError::Invalid`] with every validation error of subject, body and audience.
pub fn create(
    connection: &mut Connection,
    context: RequestContext<'_>,
    terms: &NewBroadcastTerms,
) -> Result<Broadcast, MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::CreateMailBroadcast, Some(context.place.id))?;
    let mut found = ValidationErrors::default();
    let subject = words(context, terms.subject.as_ref(), "subject", terms.kind, &mut found);
    let body = words(context, terms.body.as_ref(), "body", terms.kind, &mut found);
    if !matches!(terms.kind, BroadcastKind::Announcement | BroadcastKind::Reminder) {
        found.add("#/kind", "not_of_this_kind", "must be announcement or reminder");
    }
    found.or(())?;
    let content = BroadcastContent { subject, body, session: None };
    if terms.kind == BroadcastKind::Announcement {
        for language in [MailLanguage::English, MailLanguage::French, MailLanguage::Dutch] {
            render(context, &content, language, None)?;
        }
    }
    check_query(connection, context.place, context.released.agenda, &terms.audience.asked())?;
    let id = Id::new();
    crate::registration::broadcast::insert(
        connection,
        NewBroadcast {
            id,
            conference_id: context.place.id,
            kind: terms.kind,
            state: BroadcastState::Draft,
            content: written(&content)?,
            audience: written(&terms.audience)?,
            per_minute: i32::try_from(terms.per_minute.map_or(600, |count| count.0)).unwrap_or(i32::MAX),
            reached: 0,
            enqueued: 0,
            source: None,
            created_by: actor.name().to_owned(),
            created_at: DbInstant(clock::now()),
            started_at: None,
        },
    )?;
    note(connection, &actor, Operation::CreateMailBroadcast, AuditAction::Create, context.place, id)?;
    find(connection, context.place, id)
}

fn note(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    action: AuditAction,
    place: &ConferenceRef,
    id: BroadcastId,
) -> Result<(), DatabaseError> {
    let entry = audit::Entry::of(action, ResourceKind::MailBroadcast, id, Some(json!({})));
    audit::record(connection, actor, operation, Some(place.id), &[entry])
}

fn words(
    context: RequestContext<'_>,
    given: Option<&Localised>,
    field: &str,
    kind: BroadcastKind,
    found: &mut ValidationErrors,
) -> BTreeMap<String, String> {
    let at = format!("#/{field}");
    let languages = &context.released.agenda.conference.languages;
    match (given, kind) {
        (None, BroadcastKind::Announcement) => {
            found.add(at, "required", "is required of an announcement");
            BTreeMap::new()
        }
        (Some(_), BroadcastKind::Reminder) => {
            found.add(at, "not_of_this_kind", "must be left out: a reminder has the text of its template");
            BTreeMap::new()
        }
        (None, _) => BTreeMap::new(),
        (Some(given), _) => {
            let mut given = given.clone();
            languages.first().into_iter().for_each(|first| given.settle(first));
            for (language, text) in given.map() {
                if !languages.iter().any(|tag| tag.as_str() == language) {
                    found.add(format!("{at}/{language}"), "unknown_language", "is not a language of the conference");
                }
                if let Err(fault) = Prose::<20_000>::parse(text) {
                    found.add(format!("{at}/{language}"), &fault.code, fault.detail);
                }
                if field == "subject" && text.contains(['\r', '\n']) {
                    found.add(format!("{at}/{language}"), "control_character", "must be one line");
                }
                found.0.extend(crate::mail::templates::check_words(text, &format!("{at}/{language}")).0);
            }
            given.map().clone()
        }
    }
}

fn fallbacks(context: RequestContext<'_>) -> Vec<String> {
    context.released.agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect()
}

fn render(
    context: RequestContext<'_>,
    content: &BroadcastContent,
    language: MailLanguage,
    own: Option<&str>,
) -> Result<LetterPreview, ValidationErrors> {
    let announcement = content.announcement(language.as_str(), &fallbacks(context));
    let said = LetterContent { announcement, ..sample(context.released.agenda, language) };
    preview(LetterKind::Announcement, language, own, said)
}

/// One broadcast.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn find(connection: &mut Connection, place: &ConferenceRef, id: BroadcastId) -> Result<Broadcast, MessagingError> {
    store::find(connection, place.id, id)?.ok_or(MessagingError::NoBroadcast)
}

/// Broadcasts of a conference with an id below `before`, the latest first.
pub fn list(
    connection: &mut Connection,
    place: &ConferenceRef,
    before: Option<BroadcastId>,
    limit: i64,
) -> Result<Vec<Broadcast>, DatabaseError> {
    store::list(connection, place.id, before, limit)
}

/// Renders a broadcast with sample data.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn show_words(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
    language: MailLanguage,
) -> Result<LetterPreview, MessagingError> {
    authorise(connection, context.credentials, Operation::PreviewMailBroadcast, Some(context.place.id))?;
    let broadcast = find(connection, context.place, id)?;
    let kind = LetterKind::from(broadcast.kind);
    if kind == LetterKind::Announcement {
        let own = find_own_template(connection, context.place.id, (kind, language))?;
        return Ok(render(context, &content(&broadcast)?, language, own.as_deref())?);
    }
    let own = find_own_template(connection, context.place.id, (kind, language))?;
    Ok(preview(kind, language, own.as_deref(), sample(context.released.agenda, language))?)
}

/// Enqueues one message with sample data. It does not belong to the broadcast, so it counts nowhere.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn test(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
    to: &EmailAddress,
    language: MailLanguage,
) -> Result<(), MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::TestMailBroadcast, Some(context.place.id))?;
    let broadcast = find(connection, context.place, id)?;
    let kind = LetterKind::from(broadcast.kind);
    let announcement = content(&broadcast)?.announcement(language.as_str(), &fallbacks(context));
    let letter = Letter {
        conference: context.place.id,
        kind,
        to: to.clone(),
        language: language.as_str().to_owned(),
        content: LetterContent { announcement, ..sample(context.released.agenda, language) },
        event: None,
        broadcast: None,
        not_before: None,
    };
    enqueue_all(connection, &[letter])?;
    Ok(note(connection, &actor, Operation::TestMailBroadcast, AuditAction::Test, context.place, id)?)
}

/// Counts the recipients that a broadcast would have now.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn count(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
) -> Result<Recipients, MessagingError> {
    authorise(connection, context.credentials, Operation::CountMailRecipients, Some(context.place.id))?;
    let broadcast = find(connection, context.place, id)?;
    Ok(count_all(connection, context, &broadcast)?)
}

fn count_all(
    connection: &mut Connection,
    context: RequestContext<'_>,
    broadcast: &Broadcast,
) -> Result<Recipients, RegistrationError> {
    let mut counted = Recipients::default();
    let mut seen = HashSet::new();
    let mut reached = 0;
    loop {
        let chunk = readers(connection, context.place, context.released, broadcast, reached)?;
        let Some(last) = chunk.last() else { return Ok(counted) };
        reached = last.1;
        let people = registrations::of_ids(connection, &chunk.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        let declined = declined(connection, context.place, broadcast, &people)?;
        for registration in people.iter().filter(|registration| seen.insert(registration.person.email.folded())) {
            if declined.contains(&registration.person.email.folded()) {
                counted.left_out += 1;
            } else {
                counted.count += 1;
                *counted.languages.entry(registration.person.language.clone()).or_default() += 1;
            }
        }
    }
}

/// The next recipients, with their arrival numbers.
fn readers(
    connection: &mut Connection,
    place: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    broadcast: &Broadcast,
    reached: i64,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    if let Some(session) = broadcast.audience.0.get("session_id").and_then(|id| id.as_str()) {
        let session: SessionId = session.parse().map_err(|_| corrupt("its session"))?;
        return Ok(store::signed_up(connection, session, reached, CHUNK)?);
    }
    let audience: Audience =
        validation::read(broadcast.audience.0.clone()).map_err(|errors| corrupt(format!("{:?}", errors.0)))?;
    let limit = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    matching_after(connection, place, released.agenda, &audience.asked(), reached, limit)
}

/// Folded addresses among them that get no broadcast of this kind.
fn declined(
    connection: &mut Connection,
    place: &ConferenceRef,
    broadcast: &Broadcast,
    people: &[Registration],
) -> Result<Vec<String>, DatabaseError> {
    let folded: Vec<String> = people.iter().map(|registration| registration.person.email.folded()).collect();
    let kind = LetterKind::from(broadcast.kind);
    let rows = blocked_of(connection, place.id, &folded)?.into_iter();
    // Notices about changed and cancelled sessions cannot be declined.
    let counts = |reason| reason == BlockReason::Bounced || kind.can_be_declined();
    Ok(rows.filter(|(_, reason)| counts(*reason)).map(|(address, _)| address).collect())
}

/// Sends a draft, at once or at a given time. `expected` is the number of recipients that the sender expects.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is no draft; [`MessagingError::OtherRecipients`] if there is another
/// number of recipients now.
pub fn send(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
    expected: Option<u32>,
    at: Option<DateTime<Utc>>,
) -> Result<Broadcast, MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::SendMailBroadcast, Some(context.place.id))?;
    let mut broadcast = locked(connection, context.place, id, BroadcastState::Draft)?;
    let counted = count_all(connection, context, &broadcast)?;
    if let Some(expected) = expected.filter(|expected| *expected != counted.count) {
        return Err(MessagingError::OtherRecipients { expected, count: counted.count });
    }
    let now = clock::now();
    broadcast.state = BroadcastState::Sending;
    broadcast.started_at = Some(DbInstant(at.unwrap_or(now).max(now)));
    store::save(connection, &broadcast)?;
    note(connection, &actor, Operation::SendMailBroadcast, AuditAction::Send, context.place, id)?;
    Ok(broadcast)
}

fn locked(
    connection: &mut Connection,
    place: &ConferenceRef,
    id: BroadcastId,
    state: BroadcastState,
) -> Result<Broadcast, MessagingError> {
    let found = store::lock(connection, place.id, id)?.ok_or(MessagingError::NoBroadcast)?;
    if found.state == state { Ok(found) } else { Err(MessagingError::WrongState(found.state.as_str())) }
}

/// Stops a broadcast and holds the messages that were not sent yet.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is not being sent.
pub fn stop(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
) -> Result<Broadcast, MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::StopMailBroadcast, Some(context.place.id))?;
    let mut broadcast = locked(connection, context.place, id, BroadcastState::Sending)?;
    tracking::hold(connection, id)?;
    broadcast.state = BroadcastState::Stopped;
    store::save(connection, &broadcast)?;
    note(connection, &actor, Operation::StopMailBroadcast, AuditAction::Stop, context.place, id)?;
    Ok(broadcast)
}

/// Resumes a stopped broadcast; nobody gets it a second time.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is not stopped.
pub fn resume(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
) -> Result<Broadcast, MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::ResumeMailBroadcast, Some(context.place.id))?;
    let mut broadcast = locked(connection, context.place, id, BroadcastState::Stopped)?;
    let held = crate::mail::tracking::release_held(connection, id, broadcast.per_minute)?;
    broadcast.state = BroadcastState::Sending;
    // The next recipient comes after the messages that were held; a start time in the future stays.
    let begun = clock::now() - spacing(&broadcast, broadcast.enqueued - held);
    let at = broadcast.started_at.map(|DbInstant(at)| at).filter(|at| *at > clock::now());
    broadcast.started_at = Some(DbInstant(at.unwrap_or(begun)));
    store::save(connection, &broadcast)?;
    note(connection, &actor, Operation::ResumeMailBroadcast, AuditAction::Resume, context.place, id)?;
    Ok(broadcast)
}

/// Deletes a draft.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is no draft.
pub fn delete(connection: &mut Connection, context: RequestContext<'_>, id: BroadcastId) -> Result<(), MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::DeleteMailBroadcast, Some(context.place.id))?;
    locked(connection, context.place, id, BroadcastState::Draft)?;
    store::delete(connection, id)?;
    Ok(note(connection, &actor, Operation::DeleteMailBroadcast, AuditAction::Delete, context.place, id)?)
}

/// Time that the first `number` messages take at the broadcast's rate.
fn spacing(broadcast: &Broadcast, number: i64) -> TimeDelta {
    TimeDelta::milliseconds(number.saturating_mul(60_000) / i64::from(broadcast.per_minute.max(1)))
}

/// Enqueues the messages to the next recipients. When there are none left and no message waits, the broadcast is done.
/// Answers whether there were recipients.
pub fn step(
    connection: &mut Connection,
    place: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    id: BroadcastId,
) -> Result<bool, RegistrationError> {
    // The lock of the set-up: a cancellation or change happens before the recipients are read or after the commit.
    let Some(setup_state) = lock_setup(connection, place.id)? else { return Ok(false) };
    let Some(mut broadcast) = store::lock(connection, place.id, id)? else { return Ok(false) };
    let started_at = broadcast.started_at.filter(|_| broadcast.state == BroadcastState::Sending);
    let Some(DbInstant(started_at)) = started_at.filter(|DbInstant(at)| *at <= clock::now()) else { return Ok(false) };
    let chunk = readers(connection, place, released, &broadcast, broadcast.reached)?;
    let Some(last) = chunk.last().map(|(_, arrival)| *arrival) else {
        let waits = tracking::states_of(connection, id)?.iter().any(|(state, _)| *state == MessageState::Waiting);
        if !waits {
            broadcast.state = BroadcastState::Done;
            broadcast.finished_at = Some(DbInstant(clock::now()));
            store::save(connection, &broadcast)?;
        }
        return Ok(false);
    };
    let people = registrations::of_ids(connection, &chunk.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    let declined = declined(connection, place, &broadcast, &people)?;
    let said = content(&broadcast)?;
    let addresses: Vec<String> = people.iter().map(|registration| registration.person.email.folded()).collect();
    // One address may have two registrations: a cancelled one and a later one.
    let mut reached: HashSet<String> = tracking::reached(connection, id, &addresses)?.into_iter().collect();
    let mut letters = Vec::with_capacity(people.len());
    for registration in people.iter().filter(|registration| !declined.contains(&registration.person.email.folded())) {
        if !reached.insert(registration.person.email.folded()) {
            continue;
        }
        let number = broadcast.enqueued + i64::try_from(letters.len()).unwrap_or(0);
        let not_before = started_at + spacing(&broadcast, number);
        let mut letter = one(connection, released, &setup_state, &broadcast, &said, registration)?;
        letter.broadcast = Some(id);
        letter.not_before = Some(not_before);
        letters.push(letter);
    }
    enqueue_all(connection, &letters)?;
    broadcast.reached = last;
    broadcast.enqueued += i64::try_from(letters.len()).unwrap_or(0);
    store::save(connection, &broadcast)?;
    Ok(true)
}

/// The letter to one recipient.
fn one(
    connection: &mut Connection,
    released: ReleasedAgenda<'_>,
    setup_state: &SetupState,
    broadcast: &Broadcast,
    said: &BroadcastContent,
    registration: &Registration,
) -> Result<Letter, DatabaseError> {
    let kind = LetterKind::from(broadcast.kind);
    let agenda = released.agenda;
    let category = setup_state.get_category(registration.category)?;
    let mut sessions = Vec::new();
    if registration.state == RegistrationStatus::Confirmed && kind != LetterKind::Announcement {
        for sign_up in session_seats::sign_ups(connection, registration.id)? {
            let found = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
            sessions.extend(found.map(|session| (session, sign_up.state == SignUpState::Waitlisted)));
        }
    }
    // Each release raises the iCalendar SEQUENCE of all entries, too.
    let events = registrations::count_events(connection, registration.id)?;
    let sequence = u32::try_from(events + i64::from(released.number.unwrap_or(0))).unwrap_or(u32::MAX);
    let mut made =
        letter(kind, agenda, category, registration, LetterParams { sessions, sequence, ..LetterParams::default() });
    let languages: Vec<String> = agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect();
    made.content.announcement = said.announcement(language_of(&registration.person.language).as_str(), &languages);
    if let Some(former) = &said.session {
        let title = former.title.get(&registration.person.language).or_else(|| former.title.values().next());
        let line = SessionLine {
            title: title.cloned().unwrap_or_default(),
            starts_at: former.starts_at,
            waits: false,
            id: Some(former.id),
            ends_at: Some(former.ends_at),
            room: None,
        };
        match kind {
            LetterKind::SessionCancelled => made.content.left.push(line),
            _ => made.content.moved = Some(line),
        }
    }
    Ok(made)
}

/// Number of a broadcast's messages by state.
pub fn states(connection: &mut Connection, id: BroadcastId) -> Result<BTreeMap<String, i64>, DatabaseError> {
    let counts = tracking::states_of(connection, id)?.into_iter();
    Ok(counts.map(|(state, count)| (state.to_string(), count)).collect())
}

impl Audience {
    /// The audience as a query of the registrar's lists.
    pub fn asked(&self) -> crate::registrar::lists::ListQuery {
        fn text<T: ToString>(value: &Option<T>) -> Option<String> {
            value.as_ref().map(T::to_string)
        }
        crate::registrar::lists::ListQuery {
            state: text(&self.state).or_else(|| Some(RegistrationStatus::Confirmed.as_str().to_owned())),
            category: text(&self.category),
            country: text(&self.country),
            delegation: text(&self.delegation),
            session: text(&self.session),
            answer: text(&self.answer),
            checked_in: self.checked_in.map(|switch| switch == Switch::On),
            duplicates: None,
            q: None,
        }
    }
}
