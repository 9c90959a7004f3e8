//! Use cases of check-in. Each function runs inside one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    CheckInError,
    badges::{self, BadgeData},
    scan_rules::{
        AdmissionFacts, CLOCK_TOLERANCE, Claim, Entry, Outcome, Reason, Record, Scan, StatusEvent, day_of,
        refusal_reason, status_and_generation_at,
    },
    store,
};
use crate::{
    access::{Actor, Operation, authorise, badge::BadgeKey},
    agenda::{
        Agenda,
        document::{Session, SessionAccess},
        model::utc,
    },
    clock,
    database::{Connection, DatabaseError},
    ids::{CheckInId, Id, RegistrationId, SessionId},
    registration::{
        RegistrationError,
        context::RequestContext,
        model::{Registration, RegistrationStatus},
        rows,
        setup::state::check_in_opens_at,
    },
    values::Code,
};

/// Why a scan was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanError {
    /// The record has another scan with this id.
    IdReused,
    /// Its time is more than [`CLOCK_TOLERANCE`] ahead.
    InFuture,
    UnknownSession,
}

/// Result of one scan.
pub enum ScanResult {
    NotRecorded(ScanError),
    Recorded {
        entry: Box<Entry>,
        /// For `AdmittedAgain`: the earliest admission at the same gate, session and day.
        first: Option<Box<Entry>>,
    },
}

/// Results of scans, with the registrations that scans name.
pub struct ScanResults {
    /// One for each scan, in their order.
    pub results: Vec<ScanResult>,
    /// Badges of the registrations.
    pub badges: HashMap<RegistrationId, BadgeData>,
}

/// Reads the codes and references of scans, and verifies signatures. Slow for many scans; needs no store.
pub fn claims(key: &BadgeKey, scans: &[Scan]) -> Vec<Claim> {
    let claim = |scan: &Scan| match (&scan.code, &scan.reference) {
        (Some(code), _) => key.verify(code).map_or(Claim::Forged, Claim::Badge),
        (None, reference) => {
            let reference = reference.as_deref().unwrap_or_default();
            Claim::Reference(reference.trim().to_ascii_uppercase())
        }
    };
    scans.iter().map(claim).collect()
}

/// What the store has about the registrations that scans name.
#[derive(Default)]
struct ScanContext {
    registrations: HashMap<RegistrationId, Registration>,
    ids_of_references: HashMap<String, RegistrationId>,
    histories: HashMap<RegistrationId, Vec<StatusEvent>>,
    seats: HashSet<(RegistrationId, SessionId)>,
    badges: HashMap<RegistrationId, BadgeData>,
}

impl ScanContext {
    fn load(
        connection: &mut Connection,
        context: RequestContext<'_>,
        scans: &[Scan],
        claims: &[Claim],
        recorded: &HashMap<CheckInId, Entry>,
    ) -> Result<Self, RegistrationError> {
        let is_reference =
            |text: &&String| text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let references: BTreeSet<String> = claims
            .iter()
            .filter_map(|claim| match claim {
                Claim::Reference(reference) => Some(reference),
                _ => None,
            })
            .filter(is_reference)
            .cloned()
            .collect();
        let references: Vec<_> = references.into_iter().collect();
        let ids_of_references = store::ids_of_references(connection, context.conference.id, &references)?;
        let mut ids: BTreeSet<RegistrationId> = ids_of_references.values().copied().collect();
        ids.extend(claims.iter().filter_map(|claim| match claim {
            Claim::Badge(badge) => Some(badge.registration),
            _ => None,
        }));
        ids.extend(recorded.values().filter_map(|entry| entry.registration));
        let ids: Vec<_> = ids.into_iter().collect();
        let registrations = rows::of_ids(connection, &ids)?;
        let of_conference =
            registrations.into_iter().filter(|registration| registration.conference == context.conference.id);
        let registrations: HashMap<_, _> = of_conference.map(|registration| (registration.id, registration)).collect();
        let has_times = scans.iter().any(|scan| scan.at.is_some());
        let has_sessions = scans.iter().any(|scan| scan.session.is_some());
        Ok(Self {
            histories: if has_times { store::histories(connection, &ids)? } else { HashMap::new() },
            seats: if has_sessions { store::seats(connection, &ids)? } else { HashSet::new() },
            badges: badges::badge_data(connection, context.conference, registrations.values())?,
            ids_of_references,
            registrations,
        })
    }

    fn registration(&self, claim: &Claim) -> Option<&Registration> {
        match claim {
            Claim::Badge(badge) => self.registrations.get(&badge.registration),
            Claim::Reference(reference) => self.registrations.get(self.ids_of_references.get(reference)?),
            Claim::Forged => None,
        }
    }

    /// Reason to refuse the scan, if any.
    fn refusal_reason(
        &self,
        claim: &Claim,
        scan: &Scan,
        session: Option<&Session>,
        entry: &Entry,
        is_recent: bool,
    ) -> Option<Reason> {
        let Some(registration) = self.registration(claim) else {
            return Some(if *claim == Claim::Forged { Reason::BadSignature } else { Reason::Unknown });
        };
        let (state, generation) = match is_recent {
            true => (Some(registration.state), registration.token_generation),
            false => {
                let history = self.histories.get(&registration.id).map_or(&[][..], Vec::as_slice);
                status_and_generation_at(registration, history, entry.at)
            }
        };
        // A registration that was cancelled since has no sign-ups any more, so its seat at the time is unknown: the
        // check is left out.
        let has_ended_since =
            state == Some(RegistrationStatus::Confirmed) && registration.state != RegistrationStatus::Confirmed;
        let needs_seat = session.filter(|session| session.access == SessionAccess::SignUp && !has_ended_since);
        let has_seat = |session: &Session| session.id.is_some_and(|id| self.seats.contains(&(registration.id, id)));
        let facts = AdmissionFacts {
            state,
            generation,
            zones: self.badges.get(&registration.id).map_or(&[][..], |badge| &badge.zones),
            day: entry.day,
            has_seat: needs_seat.is_none_or(has_seat),
        };
        let badge_generation = match claim {
            Claim::Badge(badge) => Some(badge.generation),
            _ => None,
        };
        refusal_reason(&facts, badge_generation, scan.zone.as_ref())
    }
}

/// Decides about scans and records them. Of two requests at the same time, the second one sees the entries of the
/// first.
///
/// # Errors
/// The caller has no permission.
pub fn check_in(
    connection: &mut Connection,
    context: RequestContext<'_>,
    scans: &[Scan],
    claims: &[Claim],
) -> Result<ScanResults, RegistrationError> {
    let conference = context.conference;
    let actor = authorise(connection, context.credentials, Operation::CheckIn, Some(conference.id))?;
    let mut sequence = store::lock_counter(connection, conference.id)?;
    let now = clock::now();
    let opens_at = check_in_opens_at(connection, conference.id)?;
    let ids: Vec<_> = scans.iter().map(|scan| scan.id).collect();
    let recorded = store::of_ids(connection, conference.id, &ids)?;
    let mut recorded: HashMap<CheckInId, Entry> = recorded.into_iter().map(|entry| (entry.id, entry)).collect();
    let scan_context = ScanContext::load(connection, context, scans, claims, &recorded)?;
    let registrations: Vec<_> = scan_context.registrations.keys().copied().collect();
    let mut record = store::record(connection, &registrations)?;
    let mut new_entries = Vec::new();
    let mut results = Vec::with_capacity(scans.len());
    for (scan, claim) in scans.iter().zip(claims) {
        let digest = scan.digest();
        if let Some(entry) = recorded.get(&scan.id) {
            results.push(if entry.digest == digest {
                recorded_result(&record, entry)
            } else {
                ScanResult::NotRecorded(ScanError::IdReused)
            });
            continue;
        }
        let session = match find_session(context.released.agenda, scan) {
            Ok(session) => session,
            Err(error) => {
                results.push(ScanResult::NotRecorded(error));
                continue;
            }
        };
        let scanned_at = scan.at.map_or(now, utc);
        if scanned_at - now > CLOCK_TOLERANCE {
            results.push(ScanResult::NotRecorded(ScanError::InFuture));
            continue;
        }
        sequence += 1;
        let registration = scan_context.registration(claim).map(|registration| registration.id);
        let received_at = clock::monotonic(now, record.last_received_at(registration));
        let mut entry = Entry {
            id: scan.id,
            registration,
            session: session.and_then(|session| session.id),
            gate: scan.gate.to_string(),
            zone: scan.zone.as_ref().map(ToString::to_string),
            at: scan.at.map_or(received_at, utc),
            day: day_of(context.released.agenda, session, opens_at, scanned_at),
            received_at,
            sequence,
            outcome: Outcome::Admitted,
            reason: None,
            undoes: None,
            actor: actor.name().to_owned(),
            digest,
        };
        // By the clock: `received_at` may be later, since it follows that of the entry before.
        let is_recent = now - scanned_at <= CLOCK_TOLERANCE;
        entry.reason = scan_context.refusal_reason(claim, scan, session, &entry, is_recent);
        entry.outcome = match entry.reason {
            Some(_) => Outcome::Refused,
            None => record.outcome_when_recorded(&entry),
        };
        results.push(recorded_result(&record, &entry));
        record.add(entry.clone());
        recorded.insert(entry.id, entry.clone());
        new_entries.push(entry);
    }
    store::insert(connection, conference.id, &new_entries)?;
    Ok(ScanResults { results, badges: scan_context.badges })
}

/// The result of an entry, computed from the record: the same at each repetition.
fn recorded_result(record: &Record, entry: &Entry) -> ScanResult {
    let is_repeated = entry.outcome == Outcome::AdmittedAgain;
    let first = is_repeated.then(|| record.first_admission(entry, entry.sequence).cloned()).flatten();
    ScanResult::Recorded { entry: Box::new(entry.clone()), first: first.map(Box::new) }
}

fn find_session<'a>(agenda: &'a Agenda, scan: &Scan) -> Result<Option<&'a Session>, ScanError> {
    let find =
        |code: &Code| agenda.sessions.iter().find(|session| session.code == *code).ok_or(ScanError::UnknownSession);
    scan.session.as_ref().map(find).transpose()
}

/// An entry with its present outcome.
pub struct EntryDetails {
    /// As it was recorded.
    pub entry: Entry,
    /// Outcome after all entries known now.
    pub outcome: Outcome,
    /// Earliest admission at the same gate, session and day, if it is another entry.
    pub first: Option<Entry>,
    pub undone_by: Option<CheckInId>,
    pub reference: Option<String>,
}

fn entry_details(connection: &mut Connection, entries: Vec<Entry>) -> Result<Vec<EntryDetails>, RegistrationError> {
    let ids: BTreeSet<RegistrationId> = entries.iter().filter_map(|entry| entry.registration).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let record = store::record(connection, &ids)?;
    let references: HashMap<_, _> = rows::of_ids(connection, &ids)?
        .into_iter()
        .map(|registration| (registration.id, registration.reference))
        .collect();
    let details = |entry: Entry| {
        let (outcome, first) = record.present_outcome(&entry);
        EntryDetails {
            outcome,
            first: first.cloned(),
            undone_by: record.undone_by(&entry),
            reference: entry.registration.and_then(|registration| references.get(&registration).cloned()),
            entry,
        }
    };
    Ok(entries.into_iter().map(details).collect())
}

/// Up to `limit` entries with a number above `after`.
///
/// # Errors
/// The caller has no permission.
pub fn list(
    connection: &mut Connection,
    context: RequestContext<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<EntryDetails>, RegistrationError> {
    authorise(connection, context.credentials, Operation::ListCheckIns, Some(context.conference.id))?;
    let entries = store::entries_after(connection, context.conference.id, after, limit)?;
    entry_details(connection, entries)
}

/// Undoes an admission by an entry of its own. A second undo answers the first one.
///
/// # Errors
/// [`CheckInError::NotFound`]; [`CheckInError::NotAdmitted`] if the entry is no admission; the caller has no
/// permission.
pub fn undo(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: CheckInId,
) -> Result<EntryDetails, CheckInError> {
    let conference = context.conference;
    let actor: Actor = authorise(connection, context.credentials, Operation::UndoCheckIn, Some(conference.id))?;
    let sequence = store::lock_counter(connection, conference.id)? + 1;
    let undone = store::of_ids(connection, conference.id, &[id])?.pop().ok_or(CheckInError::NotFound)?;
    if !undone.is_admission() {
        return Err(CheckInError::NotAdmitted);
    }
    let entry = match store::undo_of(connection, conference.id, id)? {
        Some(entry) => entry,
        None => {
            let at: DateTime<Utc> = clock::monotonic(clock::now(), Some(undone.received_at));
            let entry = Entry {
                id: Id::new(),
                at,
                received_at: at,
                sequence,
                outcome: Outcome::Undone,
                reason: None,
                undoes: Some(id),
                actor: actor.name().to_owned(),
                digest: String::new(),
                ..undone
            };
            store::insert(connection, conference.id, std::slice::from_ref(&entry))?;
            entry
        }
    };
    let undo = entry_details(connection, vec![entry])?.pop();
    Ok(undo.ok_or_else(|| DatabaseError::missing(format_args!("the undo of check-in {id}")))?)
}
