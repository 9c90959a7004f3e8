//! Use cases of broadcasts. Each function runs inside one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Audience,
    model::{NewBroadcastTerms, Recipients, UnreachedReason},
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
        Letter, LetterContent, LetterKind, LetterSettings,
        block_list::{BlockReason, find_blocked},
        enqueue_all,
        letter::{MessageState, SessionLine},
        letter_settings_of,
        own_templates::find_own_template,
        templates::TemplateIn,
        tracking,
    },
    messaging::{
        MessagingError,
        templates::api::{LetterPreview, is_letter_language, letter_languages, render_preview, sample_content},
    },
    registrar::lists::{check_query, matching_after},
    registration::{
        RegistrationError,
        broadcast::{BroadcastContent, BroadcastKind, BroadcastState, NewBroadcast},
        context::{ReleasedAgenda, RequestContext},
        history::calendar_sequence,
        letters::{LetterParams, letter},
        model::{Registration, RegistrationStatus},
        rows as registrations,
        session_seats::{self, SignUpState},
        setup::state::{SetupState, get_setup_state, lock_setup},
    },
    validation::{self, ValidationErrors},
    values::{EmailAddress, Localised, Prose, Switch, TextValue as _},
};

/// Recipients of one transaction.
const CHUNK_SIZE: i64 = 200;

fn corrupt(detail: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Corrupt(format!("a broadcast: {detail}"))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<JsonValue, DatabaseError> {
    Ok(JsonValue(serde_json::to_value(value).map_err(corrupt)?))
}

fn content_of(broadcast: &Broadcast) -> Result<BroadcastContent, DatabaseError> {
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
    let actor =
        authorise(connection, context.credentials, Operation::CreateMailBroadcast, Some(context.conference.id))?;
    let mut errors = ValidationErrors::default();
    let subject = text_by_language(context, terms.subject.as_ref(), "subject", terms.kind, &mut errors);
    let body = text_by_language(context, terms.body.as_ref(), "body", terms.kind, &mut errors);
    if !matches!(terms.kind, BroadcastKind::Announcement | BroadcastKind::Reminder) {
        errors.add("#/kind", "not_of_this_kind", "must be announcement or reminder");
    }
    // What is wrong with the texts themselves comes first.
    let texts =
        if errors.0.is_empty() { vec![("subject", &subject, &body), ("body", &body, &subject)] } else { vec![] };
    for (field, texts, others) in texts {
        let missing = others.keys().filter(|language| !texts.is_empty() && !texts.contains_key(*language));
        for language in missing {
            let detail = format!("is missing in {language}: subject and body must be in the same languages");
            errors.add(format!("#/{field}/{language}"), "required", detail);
        }
    }
    errors.into_result(())?;
    let setup_state = get_setup_state(connection, context.conference.id)?;
    if terms.kind == BroadcastKind::Reminder && setup_state.is_over(context.released.agenda, clock::now()) {
        return Err(RegistrationError::ConferenceOver.into());
    }
    let content = BroadcastContent { subject, body, session: None };
    if terms.kind == BroadcastKind::Announcement {
        for language in letter_languages(context.released.agenda) {
            render(context, &content, &language, None, &LetterSettings::default())?;
        }
    }
    let checked = check_query(connection, context.conference, context.released.agenda, &terms.audience.list_query());
    checked.map_err(in_audience)?;
    let id = Id::new();
    crate::registration::broadcast::insert(
        connection,
        NewBroadcast {
            id,
            conference_id: context.conference.id,
            kind: terms.kind,
            state: BroadcastState::Draft,
            content: to_json(&content)?,
            audience: to_json(&terms.audience)?,
            per_minute: i32::try_from(terms.per_minute.map_or(600, |count| count.0)).unwrap_or(i32::MAX),
            reached: 0,
            enqueued: 0,
            source: None,
            created_by: actor.name().to_owned(),
            created_at: DbInstant(clock::now()),
            started_at: None,
        },
    )?;
    record_audit(connection, &actor, Operation::CreateMailBroadcast, AuditAction::Create, context.conference, id)?;
    find(connection, context.conference, id)
}

fn record_audit(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    action: AuditAction,
    conference: &ConferenceRef,
    id: BroadcastId,
) -> Result<(), DatabaseError> {
    let entry = audit::Entry::of(action, ResourceKind::MailBroadcast, id, Some(json!({})));
    audit::record(connection, actor, operation, Some(conference.id), &[entry])
}

fn text_by_language(
    context: RequestContext<'_>,
    text: Option<&Localised>,
    field: &str,
    kind: BroadcastKind,
    errors: &mut ValidationErrors,
) -> BTreeMap<String, String> {
    let pointer = format!("#/{field}");
    let languages = &context.released.agenda.conference.languages;
    match (text, kind) {
        (None, BroadcastKind::Announcement) => {
            errors.add(pointer, "required", "is required of an announcement");
            BTreeMap::new()
        }
        (Some(_), BroadcastKind::Reminder) => {
            errors.add(pointer, "not_of_this_kind", "must be left out: a reminder has the text of its template");
            BTreeMap::new()
        }
        (None, _) => BTreeMap::new(),
        (Some(text), _) => {
            let mut text = text.clone();
            languages.first().into_iter().for_each(|first| text.assign_language(first));
            for (language, language_text) in text.map() {
                if !languages.iter().any(|tag| tag.as_str() == language) {
                    errors.add(
                        format!("{pointer}/{language}"),
                        "unknown_language",
                        "is not a language of the conference",
                    );
                }
                if let Err(error) = Prose::<20_000>::parse(language_text) {
                    errors.add(format!("{pointer}/{language}"), &error.code, error.detail);
                }
                if field == "subject" && language_text.contains(['\r', '\n']) {
                    errors.add(format!("{pointer}/{language}"), "control_character", "must be one line");
                }
                errors.0.extend(crate::mail::templates::check_text(language_text, &format!("{pointer}/{language}")).0);
            }
            text.map().clone()
        }
    }
}

/// Reports, at `pointer`, a language that no letter of the conference is in.
fn check_language(context: RequestContext<'_>, language: &str, pointer: &str) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if !is_letter_language(context.released.agenda, language) {
        let detail = format!("must be one of {}", letter_languages(context.released.agenda).join(", "));
        errors.add(pointer, "unknown_language", detail);
    }
    errors.into_result(())
}

fn conference_languages(context: RequestContext<'_>) -> Vec<String> {
    context.released.agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect()
}

fn render(
    context: RequestContext<'_>,
    content: &BroadcastContent,
    language: &str,
    own_template: Option<TemplateIn<'_>>,
    settings: &LetterSettings,
) -> Result<LetterPreview, ValidationErrors> {
    let announcement = content.announcement(language, &conference_languages(context));
    let content = LetterContent { announcement, ..sample_content(context.released.agenda, language) };
    render_preview(LetterKind::Announcement, language, own_template, content, settings)
}

/// The lists point at their query; the audience stands in the body.
fn in_audience(error: RegistrationError) -> RegistrationError {
    let RegistrationError::Invalid(mut errors) = error else { return error };
    for error in &mut errors.0 {
        if let Some(name) = error.pointer.strip_prefix('?') {
            error.pointer = format!("#/audience/{name}");
        }
    }
    RegistrationError::Invalid(errors)
}

/// One broadcast.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn find(
    connection: &mut Connection,
    conference: &ConferenceRef,
    id: BroadcastId,
) -> Result<Broadcast, MessagingError> {
    store::find(connection, conference.id, id)?.ok_or(MessagingError::NoBroadcast)
}

/// Broadcasts of a conference with an id below `before`, the latest first.
pub fn list(
    connection: &mut Connection,
    conference: &ConferenceRef,
    before: Option<BroadcastId>,
    limit: i64,
) -> Result<Vec<Broadcast>, DatabaseError> {
    store::list(connection, conference.id, before, limit)
}

/// Renders a broadcast with sample data.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn preview_broadcast(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
    language: &str,
) -> Result<LetterPreview, MessagingError> {
    authorise(connection, context.credentials, Operation::PreviewMailBroadcast, Some(context.conference.id))?;
    check_language(context, language, "?language")?;
    let broadcast = find(connection, context.conference, id)?;
    let kind = LetterKind::from(broadcast.kind);
    let own_template = find_own_template(connection, context.conference.id, kind, language)?;
    let own_template = own_template.as_ref().map(TemplateIn::from);
    let settings = letter_settings_of(connection, context.conference.id)?;
    if kind == LetterKind::Announcement {
        return Ok(render(context, &content_of(&broadcast)?, language, own_template, &settings)?);
    }
    let content = sample_content(context.released.agenda, language);
    Ok(render_preview(kind, language, own_template, content, &settings)?)
}

/// Enqueues one message with sample data. It does not belong to the broadcast, so it counts nowhere.
///
/// # Errors
/// [`MessagingError::NoBroadcast`].
pub fn send_test(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
    to: &EmailAddress,
    language: &str,
) -> Result<(), MessagingError> {
    let actor = authorise(connection, context.credentials, Operation::TestMailBroadcast, Some(context.conference.id))?;
    check_language(context, language, "#/language")?;
    let broadcast = find(connection, context.conference, id)?;
    let kind = LetterKind::from(broadcast.kind);
    let announcement = content_of(&broadcast)?.announcement(language, &conference_languages(context));
    let letter = Letter {
        conference: context.conference.id,
        kind,
        to: to.clone(),
        language: language.to_owned(),
        content: LetterContent { announcement, ..sample_content(context.released.agenda, language) },
        event: None,
        broadcast: None,
        addressee: None,
        not_before: None,
    };
    enqueue_all(connection, &[letter])?;
    Ok(record_audit(connection, &actor, Operation::TestMailBroadcast, AuditAction::Test, context.conference, id)?)
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
    authorise(connection, context.credentials, Operation::CountMailRecipients, Some(context.conference.id))?;
    let broadcast = find(connection, context.conference, id)?;
    Ok(count_all(connection, context, &broadcast)?)
}

fn count_all(
    connection: &mut Connection,
    context: RequestContext<'_>,
    broadcast: &Broadcast,
) -> Result<Recipients, RegistrationError> {
    let mut recipients = Recipients::default();
    let mut counted_readers = HashSet::new();
    let mut last_arrival = 0;
    loop {
        let chunk = next_recipients(connection, context.conference, context.released, broadcast, last_arrival)?;
        let Some(last) = chunk.last() else { return Ok(recipients) };
        last_arrival = last.1;
        let people = load_people(connection, &chunk)?;
        let declined = find_declined(connection, context.conference, broadcast, &people)?;
        for registration in &people {
            let reader = reader(registration);
            let reason = match &reader {
                None => Some(UnreachedReason::NoAddress),
                Some(reader) if !counted_readers.insert(reader.clone()) => continue,
                Some((address, _)) => declined.get(address).copied(),
            };
            recipients.add(registration, reason);
        }
    }
}

/// The next recipients, with their arrival numbers.
fn next_recipients(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    broadcast: &Broadcast,
    after_arrival: i64,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    if let Some(session) = broadcast.audience.0.get("session_id").and_then(|id| id.as_str()) {
        let session: SessionId = session.parse().map_err(|_| corrupt("its session"))?;
        return Ok(store::list_signed_up(connection, session, after_arrival, CHUNK_SIZE)?);
    }
    let audience: Audience =
        validation::read(broadcast.audience.0.clone()).map_err(|errors| corrupt(format!("{:?}", errors.0)))?;
    let limit = usize::try_from(CHUNK_SIZE).unwrap_or(usize::MAX);
    matching_after(connection, conference, released.agenda, &audience.list_query(), after_arrival, limit)
}

/// The registrations among these recipients that can be written to: what expired has no address any more.
fn load_people(
    connection: &mut Connection,
    recipients: &[(RegistrationId, i64)],
) -> Result<Vec<Registration>, DatabaseError> {
    let ids: Vec<RegistrationId> = recipients.iter().map(|(id, _)| *id).collect();
    let mut people = registrations::of_ids(connection, &ids)?;
    people.retain(|registration| registration.erased_at.is_none());
    Ok(people)
}

/// Folded addresses among them that get no broadcast of this kind, each with the reason.
fn find_declined(
    connection: &mut Connection,
    conference: &ConferenceRef,
    broadcast: &Broadcast,
    people: &[Registration],
) -> Result<HashMap<String, UnreachedReason>, DatabaseError> {
    let folded: Vec<String> = people.iter().filter_map(|registration| registration.person.address_folded()).collect();
    let kind = LetterKind::from(broadcast.kind);
    let rows = find_blocked(connection, conference.id, &folded)?.into_iter();
    // Notices about changed and cancelled sessions cannot be declined.
    let unreached = |(address, reason)| match reason {
        BlockReason::Bounced => Some((address, UnreachedReason::Bounced)),
        BlockReason::Unsubscribed => kind.can_be_declined().then_some((address, UnreachedReason::Unsubscribed)),
    };
    Ok(rows.filter_map(unreached).collect())
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
    let actor = authorise(connection, context.credentials, Operation::SendMailBroadcast, Some(context.conference.id))?;
    let mut broadcast = lock_in_state(connection, context.conference, id, BroadcastState::Draft)?;
    let recipients = count_all(connection, context, &broadcast)?;
    if let Some(expected) = expected.filter(|expected| *expected != recipients.count) {
        return Err(MessagingError::OtherRecipients { expected, count: recipients.count });
    }
    let now = clock::now();
    broadcast.state = BroadcastState::Sending;
    broadcast.started_at = Some(DbInstant(at.unwrap_or(now).max(now)));
    store::save(connection, &broadcast)?;
    record_audit(connection, &actor, Operation::SendMailBroadcast, AuditAction::Send, context.conference, id)?;
    Ok(broadcast)
}

fn lock_in_state(
    connection: &mut Connection,
    conference: &ConferenceRef,
    id: BroadcastId,
    state: BroadcastState,
) -> Result<Broadcast, MessagingError> {
    let broadcast = store::lock(connection, conference.id, id)?.ok_or(MessagingError::NoBroadcast)?;
    if broadcast.state == state { Ok(broadcast) } else { Err(MessagingError::WrongState(broadcast.state.as_str())) }
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
    let actor = authorise(connection, context.credentials, Operation::StopMailBroadcast, Some(context.conference.id))?;
    let mut broadcast = lock_in_state(connection, context.conference, id, BroadcastState::Sending)?;
    tracking::hold_messages(connection, id)?;
    broadcast.state = BroadcastState::Stopped;
    store::save(connection, &broadcast)?;
    record_audit(connection, &actor, Operation::StopMailBroadcast, AuditAction::Stop, context.conference, id)?;
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
    let actor =
        authorise(connection, context.credentials, Operation::ResumeMailBroadcast, Some(context.conference.id))?;
    let mut broadcast = lock_in_state(connection, context.conference, id, BroadcastState::Stopped)?;
    let released_count = tracking::release_held(connection, id, broadcast.per_minute)?;
    broadcast.state = BroadcastState::Sending;
    // The next recipient comes after the messages that were held; a start time in the future stays.
    let virtual_start = clock::now() - sending_time(&broadcast, broadcast.enqueued - released_count);
    let at = broadcast.started_at.map(|DbInstant(at)| at).filter(|at| *at > clock::now());
    broadcast.started_at = Some(DbInstant(at.unwrap_or(virtual_start)));
    store::save(connection, &broadcast)?;
    record_audit(connection, &actor, Operation::ResumeMailBroadcast, AuditAction::Resume, context.conference, id)?;
    Ok(broadcast)
}

/// Deletes a draft.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is no draft.
pub fn delete(connection: &mut Connection, context: RequestContext<'_>, id: BroadcastId) -> Result<(), MessagingError> {
    let actor =
        authorise(connection, context.credentials, Operation::DeleteMailBroadcast, Some(context.conference.id))?;
    lock_in_state(connection, context.conference, id, BroadcastState::Draft)?;
    store::delete(connection, id)?;
    Ok(record_audit(connection, &actor, Operation::DeleteMailBroadcast, AuditAction::Delete, context.conference, id)?)
}

/// Time that the first `number` messages take at the broadcast's rate.
fn sending_time(broadcast: &Broadcast, number: i64) -> TimeDelta {
    TimeDelta::milliseconds(number.saturating_mul(60_000) / i64::from(broadcast.per_minute.max(1)))
}

/// Enqueues the messages to the next recipients. When there are none left and no message waits, the broadcast is done.
/// Answers whether there were recipients.
pub fn enqueue_next(
    connection: &mut Connection,
    conference: &ConferenceRef,
    released: ReleasedAgenda<'_>,
    id: BroadcastId,
) -> Result<bool, RegistrationError> {
    // The lock of the set-up: a cancellation or change happens before the recipients are read or after the commit.
    let Some(setup_state) = lock_setup(connection, conference.id)? else { return Ok(false) };
    let Some(mut broadcast) = store::lock(connection, conference.id, id)? else { return Ok(false) };
    let started_at = broadcast.started_at.filter(|_| broadcast.state == BroadcastState::Sending);
    let Some(DbInstant(started_at)) = started_at.filter(|DbInstant(at)| *at <= clock::now()) else { return Ok(false) };
    let chunk = next_recipients(connection, conference, released, &broadcast, broadcast.reached)?;
    let Some(last_arrival) = chunk.last().map(|(_, arrival)| *arrival) else {
        let is_waiting =
            tracking::count_by_state(connection, id)?.iter().any(|(state, _)| *state == MessageState::Waiting);
        if !is_waiting {
            broadcast.state = BroadcastState::Done;
            broadcast.finished_at = Some(DbInstant(clock::now()));
            store::save(connection, &broadcast)?;
        }
        return Ok(false);
    };
    let people = load_people(connection, &chunk)?;
    let declined = find_declined(connection, conference, &broadcast, &people)?;
    let content = content_of(&broadcast)?;
    let addresses: Vec<String> =
        people.iter().filter_map(|registration| registration.person.address_folded()).collect();
    // One person may have two registrations: a cancelled one and a later one.
    let mut addressed = find_addressed(connection, id, &addresses)?;
    let mut letters = Vec::with_capacity(people.len());
    for registration in &people {
        let reader = reader(registration).filter(|(address, _)| !declined.contains_key(address));
        if !reader.is_some_and(|reader| addressed.insert(reader)) {
            continue;
        }
        let number = broadcast.enqueued + i64::try_from(letters.len()).unwrap_or(0);
        let not_before = started_at + sending_time(&broadcast, number);
        let letter = letter_to(connection, released, &setup_state, &broadcast, &content, registration)?;
        let Some(mut letter) = letter else { continue };
        letter.broadcast = Some(id);
        letter.not_before = Some(not_before);
        letters.push(letter);
    }
    enqueue_all(connection, &letters)?;
    broadcast.reached = last_arrival;
    broadcast.enqueued += i64::try_from(letters.len()).unwrap_or(0);
    store::save(connection, &broadcast)?;
    Ok(true)
}

/// Who reads a letter: an address (folded) and, if several people share the mailbox, a name (folded).
type Reader = (String, Option<String>);

/// `None` if the person has no address.
fn reader(registration: &Registration) -> Option<Reader> {
    let name = registration.shares_mailbox.then(|| registration.name_folded());
    Some((registration.person.address_folded()?, name))
}

/// The readers at these addresses for whom the broadcast has a message.
fn find_addressed(
    connection: &mut Connection,
    id: BroadcastId,
    addresses: &[String],
) -> Result<HashSet<Reader>, DatabaseError> {
    let written = tracking::already_addressed(connection, id, addresses)?;
    let addressees: Vec<RegistrationId> = written.iter().filter_map(|(_, addressee)| *addressee).collect();
    let people = registrations::of_ids(connection, &addressees)?;
    let mailboxes =
        written.into_iter().filter(|(_, addressee)| addressee.is_none()).map(|(address, _)| (address, None));
    Ok(people.iter().filter_map(reader).chain(mailboxes).collect())
}

/// The letter to one recipient; `None` if the person has no address.
fn letter_to(
    connection: &mut Connection,
    released: ReleasedAgenda<'_>,
    setup_state: &SetupState,
    broadcast: &Broadcast,
    content: &BroadcastContent,
    registration: &Registration,
) -> Result<Option<Letter>, DatabaseError> {
    let kind = LetterKind::from(broadcast.kind);
    let agenda = released.agenda;
    let category = setup_state.get_category(registration.category)?;
    let mut sessions = Vec::new();
    if registration.state == RegistrationStatus::Confirmed && kind != LetterKind::Announcement {
        for sign_up in session_seats::sign_ups(connection, registration.id)? {
            let session = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
            sessions.extend(session.map(|session| (session, sign_up.state == SignUpState::Waitlisted)));
        }
    }
    // Each release raises the iCalendar SEQUENCE of all entries, too.
    let calendar_sequence = calendar_sequence(connection, registration.id, released.number.unwrap_or(0))?;
    let letter = letter(
        kind,
        agenda,
        category,
        registration,
        LetterParams { sessions, calendar_sequence, ..LetterParams::default() },
    );
    let Some(mut letter) = letter else { return Ok(None) };
    let languages: Vec<String> = agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect();
    letter.content.announcement = content.announcement(&registration.person.language, &languages);
    if let Some(former) = &content.session {
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
            LetterKind::SessionCancelled => letter.content.left.push(line),
            _ => letter.content.moved = Some(line),
        }
    }
    Ok(Some(letter))
}

/// Number of a broadcast's messages by state.
pub fn count_messages(connection: &mut Connection, id: BroadcastId) -> Result<BTreeMap<String, i64>, DatabaseError> {
    let counts = tracking::count_by_state(connection, id)?.into_iter();
    Ok(counts.map(|(state, count)| (state.to_string(), count)).collect())
}

impl Audience {
    /// The audience as a query of the registrar's lists.
    pub fn list_query(&self) -> crate::registrar::lists::ListQuery {
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
            has_address: None,
            q: None,
        }
    }
}
