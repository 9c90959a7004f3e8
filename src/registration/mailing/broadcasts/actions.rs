//! What is done with broadcasts. Each function is one transaction's work.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Audience, BroadcastKind, BroadcastState, Content,
    api::{NewBroadcastTerms, Recipients},
    store::{self, Broadcast, NewBroadcast},
};
use crate::{
    access::{Actor, audit, authorise},
    agenda::Place,
    clock,
    database::{
        Connection,
        types::{Instant, JsonValue},
    },
    faults::{self, Faults},
    ids::{BroadcastId, Id, RegistrationId, SessionId},
    mail::{
        Letter, LetterContent, LetterKind, enqueue_all, language_of,
        letter::SessionLine,
        messages,
        store::{blocked_of, own_template},
    },
    registration::{
        RegistrationError,
        actions::Errand,
        ledger::Released,
        letters::{Facts, letter},
        lists::{choose, chosen},
        mailing::templates::api::{LetterPreview, MailLanguage, preview, sample},
        model::{Registration, State},
        session_seats,
        setup::store::{Standing, lock_setup},
        store as registrations,
    },
    values::{EmailAddress, Localised, Prose, Switch, TextValue as _},
};

/// Readers who are written to in one transaction.
const CHUNK: i64 = 200;

fn corrupt(what: impl std::fmt::Display) -> RegistrationError {
    crate::database::DatabaseError::Corrupt(format!("a broadcast: {what}")).into()
}

fn written<T: serde::Serialize>(value: &T) -> Result<JsonValue, RegistrationError> {
    Ok(JsonValue(serde_json::to_value(value).map_err(corrupt)?))
}

fn content(broadcast: &Broadcast) -> Result<Content, RegistrationError> {
    serde_json::from_value(broadcast.content.0.clone()).map_err(corrupt)
}

/// Drafts a broadcast.
///
/// # Errors
/// [`RegistrationError::Invalid`] with each fault: of the words, in a language of the conference, and of the audience.
pub fn create(
    connection: &mut Connection,
    errand: Errand<'_>,
    terms: &NewBroadcastTerms,
) -> Result<Broadcast, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "create_mail_broadcast", Some(errand.place.id))?;
    let mut found = Faults::default();
    let subject = words(errand, terms.subject.as_ref(), "subject", terms.kind, &mut found);
    let body = words(errand, terms.body.as_ref(), "body", terms.kind, &mut found);
    if !matches!(terms.kind, BroadcastKind::Announcement | BroadcastKind::Reminder) {
        found.add("#/kind", "not_of_this_kind", "is made by the service");
    }
    found.or(())?;
    let content = Content { subject, body, session: None };
    if terms.kind == BroadcastKind::Announcement {
        for language in [MailLanguage::English, MailLanguage::French, MailLanguage::Dutch] {
            render(errand, &content, language, None)?;
        }
    }
    choose(connection, (errand.place, errand.released.agenda), &terms.audience.asked())?;
    let id = Id::new();
    store::insert(
        connection,
        NewBroadcast {
            id,
            conference_id: errand.place.id,
            kind: terms.kind.as_str(),
            state: BroadcastState::Draft.as_str(),
            content: written(&content)?,
            audience: written(&terms.audience)?,
            per_minute: i32::try_from(terms.per_minute.map_or(600, |count| count.0)).unwrap_or(i32::MAX),
            reached: 0,
            enqueued: 0,
            source: None,
            created_by: actor.name().to_owned(),
            created_at: Instant(clock::now()),
            started_at: None,
        },
    )?;
    note(connection, &actor, ("create", "create_mail_broadcast"), errand.place, id)?;
    find(connection, errand.place, id)
}

fn note(
    connection: &mut Connection,
    actor: &Actor,
    (action, operation): (&str, &str),
    place: &Place,
    id: BroadcastId,
) -> Result<(), RegistrationError> {
    let entry = audit::Entry::of(action, "mail_broadcast", id, Some(json!({})));
    Ok(audit::record(connection, actor, operation, Some(place.id), &[entry])?)
}

fn words(
    errand: Errand<'_>,
    given: Option<&Localised>,
    field: &str,
    kind: BroadcastKind,
    found: &mut Faults,
) -> BTreeMap<String, String> {
    let at = format!("#/{field}");
    let languages = &errand.released.agenda.conference.languages;
    match (given, kind) {
        (None, BroadcastKind::Announcement) => {
            found.add(at, "required", "is required of an announcement");
            BTreeMap::new()
        }
        (Some(_), BroadcastKind::Reminder) => {
            found.add(at, "not_of_this_kind", "is that of the template of reminders");
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
                found.0.extend(crate::mail::render::check_words(text, &format!("{at}/{language}")).0);
            }
            given.map().clone()
        }
    }
}

fn fallbacks(errand: Errand<'_>) -> Vec<String> {
    errand.released.agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect()
}

fn render(
    errand: Errand<'_>,
    content: &Content,
    language: MailLanguage,
    own: Option<&str>,
) -> Result<LetterPreview, RegistrationError> {
    let announcement = content.announcement(language.as_str(), &fallbacks(errand));
    let said = LetterContent { announcement, ..sample(errand.released.agenda, language) };
    Ok(preview(LetterKind::Announcement, language, own, said)?)
}

/// One broadcast.
///
/// # Errors
/// [`RegistrationError::NoThing`].
pub fn find(connection: &mut Connection, place: &Place, id: BroadcastId) -> Result<Broadcast, RegistrationError> {
    store::find(connection, place.id, id)?.ok_or(RegistrationError::NoThing("broadcast"))
}

/// A page of the broadcasts of a conference, the latest first.
///
/// # Errors
/// The store fails.
pub fn list(
    connection: &mut Connection,
    place: &Place,
    before: Option<BroadcastId>,
    limit: i64,
) -> Result<Vec<Broadcast>, RegistrationError> {
    Ok(store::list(connection, place.id, before, limit)?)
}

/// A broadcast in words, as a reader of `language` would get it.
///
/// # Errors
/// [`RegistrationError::NoThing`].
pub fn show_words(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: BroadcastId,
    language: MailLanguage,
) -> Result<LetterPreview, RegistrationError> {
    authorise(connection, errand.credentials, "preview_mail_broadcast", Some(errand.place.id))?;
    let broadcast = find(connection, errand.place, id)?;
    let kind = LetterKind::from_word(&broadcast.kind).ok_or_else(|| corrupt(&broadcast.kind))?;
    if kind == LetterKind::Announcement {
        let own = own_template(connection, errand.place.id, (kind.as_str(), language.as_str()))?;
        return render(errand, &content(&broadcast)?, language, own.as_deref());
    }
    let own = own_template(connection, errand.place.id, (kind.as_str(), language.as_str()))?;
    Ok(preview(kind, language, own.as_deref(), sample(errand.released.agenda, language))?)
}

/// Sends a broadcast to one address, to see it: marked by nothing, and counted nowhere.
///
/// # Errors
/// [`RegistrationError::NoThing`].
pub fn test(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: BroadcastId,
    to: &EmailAddress,
    language: MailLanguage,
) -> Result<(), RegistrationError> {
    let actor = authorise(connection, errand.credentials, "test_mail_broadcast", Some(errand.place.id))?;
    let broadcast = find(connection, errand.place, id)?;
    let kind = LetterKind::from_word(&broadcast.kind).ok_or_else(|| corrupt(&broadcast.kind))?;
    let announcement = content(&broadcast)?.announcement(language.as_str(), &fallbacks(errand));
    let letter = Letter {
        conference: errand.place.id,
        kind,
        to: to.clone(),
        language: language.as_str().to_owned(),
        content: LetterContent { announcement, ..sample(errand.released.agenda, language) },
        event: None,
        broadcast: None,
        not_before: None,
    };
    enqueue_all(connection, &[letter])?;
    note(connection, &actor, ("test", "test_mail_broadcast"), errand.place, id)
}

/// How many a broadcast would go to now.
///
/// # Errors
/// [`RegistrationError::NoThing`].
pub fn count(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: BroadcastId,
) -> Result<Recipients, RegistrationError> {
    authorise(connection, errand.credentials, "count_mail_recipients", Some(errand.place.id))?;
    let broadcast = find(connection, errand.place, id)?;
    count_all(connection, errand, &broadcast)
}

fn count_all(
    connection: &mut Connection,
    errand: Errand<'_>,
    broadcast: &Broadcast,
) -> Result<Recipients, RegistrationError> {
    let mut counted = Recipients::default();
    let mut seen = HashSet::new();
    let mut reached = 0;
    loop {
        let chunk = readers(connection, errand.place, errand.released, broadcast, reached)?;
        let Some(last) = chunk.last() else { return Ok(counted) };
        reached = last.1;
        let people = registrations::of_ids(connection, &chunk.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        let declined = declined(connection, errand.place, broadcast, &people)?;
        for person in people.iter().filter(|person| seen.insert(person.email.folded())) {
            if declined.contains(&person.email.folded()) {
                counted.left_out += 1;
            } else {
                counted.count += 1;
                *counted.languages.entry(person.language.clone()).or_default() += 1;
            }
        }
    }
}

/// The next who are to be written to, with their arrivals.
fn readers(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    broadcast: &Broadcast,
    reached: i64,
) -> Result<Vec<(RegistrationId, i64)>, RegistrationError> {
    if let Some(session) = broadcast.audience.0.get("session_id").and_then(|id| id.as_str()) {
        let session: SessionId = session.parse().map_err(|_| corrupt("its session"))?;
        return Ok(store::signed_up(connection, session, reached, CHUNK)?);
    }
    let audience: Audience =
        faults::read(broadcast.audience.0.clone()).map_err(|faults| corrupt(format!("{:?}", faults.0)))?;
    let limit = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    chosen(connection, (place, released.agenda), &audience.asked(), reached, limit)
}

/// The addresses among them that are not written to.
fn declined(
    connection: &mut Connection,
    place: &Place,
    broadcast: &Broadcast,
    people: &[Registration],
) -> Result<Vec<String>, RegistrationError> {
    let folded: Vec<String> = people.iter().map(|person| person.email.folded()).collect();
    let kind = LetterKind::from_word(&broadcast.kind);
    let rows = blocked_of(connection, place.id, &folded)?.into_iter();
    // Nobody can do without word that a session is not where they go.
    let counts = |reason: &str| reason == "bounced" || kind.is_some_and(LetterKind::can_be_declined);
    Ok(rows.filter(|(_, reason)| counts(reason)).map(|(address, _)| address).collect())
}

/// Sends a broadcast, at once or at a time. `expected` is how many its sender believes that it goes to.
///
/// # Errors
/// [`RegistrationError::WrongMessage`] where it is no draft; [`RegistrationError::OtherRecipients`] where it would go
/// to another number.
pub fn send(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: BroadcastId,
    (expected, at): (Option<u32>, Option<DateTime<Utc>>),
) -> Result<Broadcast, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "send_mail_broadcast", Some(errand.place.id))?;
    let mut broadcast = locked(connection, errand.place, id, BroadcastState::Draft)?;
    let counted = count_all(connection, errand, &broadcast)?;
    if let Some(expected) = expected.filter(|expected| *expected != counted.count) {
        return Err(RegistrationError::OtherRecipients { expected, count: counted.count });
    }
    let now = clock::now();
    broadcast.state = BroadcastState::Sending.as_str().to_owned();
    broadcast.started_at = Some(Instant(at.unwrap_or(now).max(now)));
    store::save(connection, &broadcast)?;
    note(connection, &actor, ("send", "send_mail_broadcast"), errand.place, id)?;
    Ok(broadcast)
}

fn locked(
    connection: &mut Connection,
    place: &Place,
    id: BroadcastId,
    state: BroadcastState,
) -> Result<Broadcast, RegistrationError> {
    let found = store::lock(connection, place.id, id)?.ok_or(RegistrationError::NoThing("broadcast"))?;
    if found.state == state.as_str() { Ok(found) } else { Err(RegistrationError::WrongMessage(found.state)) }
}

/// Stops a broadcast: what is not sent yet is held.
///
/// # Errors
/// [`RegistrationError::WrongMessage`] where it is not on its way.
pub fn stop(connection: &mut Connection, errand: Errand<'_>, id: BroadcastId) -> Result<Broadcast, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "stop_mail_broadcast", Some(errand.place.id))?;
    let mut broadcast = locked(connection, errand.place, id, BroadcastState::Sending)?;
    messages::hold(connection, id)?;
    broadcast.state = BroadcastState::Stopped.as_str().to_owned();
    store::save(connection, &broadcast)?;
    note(connection, &actor, ("stop", "stop_mail_broadcast"), errand.place, id)?;
    Ok(broadcast)
}

/// Goes on with a broadcast that was stopped: whoever has it does not get it again.
///
/// # Errors
/// [`RegistrationError::WrongMessage`] where it was not stopped.
pub fn resume(
    connection: &mut Connection,
    errand: Errand<'_>,
    id: BroadcastId,
) -> Result<Broadcast, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "resume_mail_broadcast", Some(errand.place.id))?;
    let mut broadcast = locked(connection, errand.place, id, BroadcastState::Stopped)?;
    let held = messages::let_go(connection, id, broadcast.per_minute)?;
    broadcast.state = BroadcastState::Sending.as_str().to_owned();
    // The turn of the next reader comes after those that were held; one whose time has not come yet waits for it.
    let begun = clock::now() - spacing(&broadcast, broadcast.enqueued - held);
    let at = broadcast.started_at.map(|Instant(at)| at).filter(|at| *at > clock::now());
    broadcast.started_at = Some(Instant(at.unwrap_or(begun)));
    store::save(connection, &broadcast)?;
    note(connection, &actor, ("resume", "resume_mail_broadcast"), errand.place, id)?;
    Ok(broadcast)
}

/// Deletes a draft.
///
/// # Errors
/// [`RegistrationError::WrongMessage`] where it is none.
pub fn delete(connection: &mut Connection, errand: Errand<'_>, id: BroadcastId) -> Result<(), RegistrationError> {
    let actor = authorise(connection, errand.credentials, "delete_mail_broadcast", Some(errand.place.id))?;
    locked(connection, errand.place, id, BroadcastState::Draft)?;
    store::delete(connection, id)?;
    note(connection, &actor, ("delete", "delete_mail_broadcast"), errand.place, id)
}

/// How long the readers before the `number`th take.
fn spacing(broadcast: &Broadcast, number: i64) -> TimeDelta {
    TimeDelta::milliseconds(number.saturating_mul(60_000) / i64::from(broadcast.per_minute.max(1)))
}

/// Writes to the next readers of a broadcast that is on its way; when there is none and everything was sent, it is
/// done. Answers whether somebody was written to.
///
/// # Errors
/// The store fails.
pub fn step(
    connection: &mut Connection,
    place: &Place,
    released: Released<'_>,
    id: BroadcastId,
) -> Result<bool, RegistrationError> {
    // Whoever leaves or changes meanwhile does so before this reads who there is, or after it wrote to them.
    let Some(standing) = lock_setup(connection, place.id)? else { return Ok(false) };
    let Some(mut broadcast) = store::lock(connection, place.id, id)? else { return Ok(false) };
    let started_at = broadcast.started_at.filter(|_| broadcast.state == BroadcastState::Sending.as_str());
    let Some(Instant(started_at)) = started_at.filter(|Instant(at)| *at <= clock::now()) else { return Ok(false) };
    let chunk = readers(connection, place, released, &broadcast, broadcast.reached)?;
    let Some(last) = chunk.last().map(|(_, arrival)| *arrival) else {
        let waits = messages::states_of(connection, id)?.iter().any(|(state, _)| state == "waiting");
        if !waits {
            broadcast.state = BroadcastState::Done.as_str().to_owned();
            broadcast.finished_at = Some(Instant(clock::now()));
            store::save(connection, &broadcast)?;
        }
        return Ok(false);
    };
    let people = registrations::of_ids(connection, &chunk.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    let declined = declined(connection, place, &broadcast, &people)?;
    let said = content(&broadcast)?;
    let addresses: Vec<String> = people.iter().map(|person| person.email.folded()).collect();
    // One person may have registered twice: once cancelled, once again.
    let mut reached: HashSet<String> = messages::reached(connection, id, &addresses)?.into_iter().collect();
    let mut letters = Vec::with_capacity(people.len());
    for person in people.iter().filter(|person| !declined.contains(&person.email.folded())) {
        if !reached.insert(person.email.folded()) {
            continue;
        }
        let number = broadcast.enqueued + i64::try_from(letters.len()).unwrap_or(0);
        let not_before = started_at + spacing(&broadcast, number);
        let mut letter = one(connection, (released, &standing), &broadcast, &said, person)?;
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

/// The letter to one reader.
fn one(
    connection: &mut Connection,
    (released, standing): (Released<'_>, &Standing),
    broadcast: &Broadcast,
    said: &Content,
    person: &Registration,
) -> Result<Letter, RegistrationError> {
    let kind = LetterKind::from_word(&broadcast.kind).ok_or_else(|| corrupt(&broadcast.kind))?;
    let agenda = released.agenda;
    let category = standing.category_by_id(person.category).ok_or_else(|| corrupt("a category"))?;
    let mut sessions = Vec::new();
    if person.state == State::Confirmed && kind != LetterKind::Announcement {
        for sign_up in session_seats::store::sign_ups(connection, person.id)? {
            let found = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
            sessions.extend(found.map(|session| (session, sign_up.state == "waitlisted")));
        }
    }
    // A release raises the revision of everybody's entries, whatever their own history did.
    let events = registrations::count_events(connection, person.id)?;
    let sequence = u32::try_from(events + i64::from(released.number.unwrap_or(0))).unwrap_or(u32::MAX);
    let mut made = letter(kind, agenda, category, person, Facts { sessions, sequence, ..Facts::default() });
    let languages: Vec<String> = agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect();
    made.content.announcement = said.announcement(language_of(&person.language), &languages);
    if let Some(former) = &said.session {
        let title = former.title.get(&person.language).or_else(|| former.title.values().next());
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

/// What a registrar sees of a broadcast's messages.
///
/// # Errors
/// The store fails.
pub fn states(connection: &mut Connection, id: BroadcastId) -> Result<BTreeMap<String, i64>, RegistrationError> {
    Ok(messages::states_of(connection, id)?.into_iter().collect())
}

impl Audience {
    /// As the registrar's lists ask.
    pub fn asked(&self) -> crate::registration::lists::Asked {
        fn text<T: ToString>(value: &Option<T>) -> Option<String> {
            value.as_ref().map(T::to_string)
        }
        crate::registration::lists::Asked {
            state: text(&self.state).or_else(|| Some(State::Confirmed.as_str().to_owned())),
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
