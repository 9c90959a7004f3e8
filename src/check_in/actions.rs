//! Use cases of check-in. Each function runs inside one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    CheckInError,
    badges::{self, BadgeData},
    scan_rules::{
        AdmissionFacts, CLOCK_TOLERANCE, Claim, Entry, Outcome, Reason, Record, Scan, StatusEvent, as_of, day_of,
        refusal,
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
        rows as registrations,
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
    /// The scan was not recorded.
    Faulty(ScanError),
    Kept {
        entry: Box<Entry>,
        /// For `AdmittedAgain`: the earliest admission at the same gate, session and day.
        first: Option<Box<Entry>>,
    },
}

/// Results of scans, with the registrations that they name.
pub struct ScanResults {
    /// One for each scan, in their order.
    pub of_scans: Vec<ScanResult>,
    pub people: HashMap<RegistrationId, BadgeData>,
}

/// Reads the codes and references of scans, and verifies signatures. Slow for many scans; needs no store.
pub fn claims(key: &BadgeKey, scans: &[Scan]) -> Vec<Claim> {
    let claim = |scan: &Scan| match (&scan.code, &scan.reference) {
        (Some(code), _) => key.read(code).map_or(Claim::Forged, Claim::Badge),
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
    of_references: HashMap<String, RegistrationId>,
    histories: HashMap<RegistrationId, Vec<StatusEvent>>,
    seats: HashSet<(RegistrationId, SessionId)>,
    facts: HashMap<RegistrationId, BadgeData>,
}

impl ScanContext {
    fn load(
        connection: &mut Connection,
        context: RequestContext<'_>,
        scans: &[Scan],
        claims: &[Claim],
        kept: &HashMap<CheckInId, Entry>,
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
        let of_references = store::of_references(connection, context.place.id, &references)?;
        let mut ids: BTreeSet<RegistrationId> = of_references.values().copied().collect();
        ids.extend(claims.iter().filter_map(|claim| match claim {
            Claim::Badge(badge) => Some(badge.registration),
            _ => None,
        }));
        ids.extend(kept.values().filter_map(|entry| entry.registration));
        let ids: Vec<_> = ids.into_iter().collect();
        let found = registrations::of_ids(connection, &ids)?;
        let of_here = found.into_iter().filter(|registration| registration.conference == context.place.id);
        let registrations: HashMap<_, _> = of_here.map(|registration| (registration.id, registration)).collect();
        let has_times = scans.iter().any(|scan| scan.at.is_some());
        let has_sessions = scans.iter().any(|scan| scan.session.is_some());
        Ok(Self {
            histories: if has_times { store::histories(connection, &ids)? } else { HashMap::new() },
            seats: if has_sessions { store::seats(connection, &ids)? } else { HashSet::new() },
            facts: badges::facts(connection, context.place, registrations.values())?,
            of_references,
            registrations,
        })
    }

    fn registration(&self, claim: &Claim) -> Option<&Registration> {
        match claim {
            Claim::Badge(badge) => self.registrations.get(&badge.registration),
            Claim::Reference(reference) => self.registrations.get(self.of_references.get(reference)?),
            Claim::Forged => None,
        }
    }

    /// Reason to refuse the scan, if any.
    fn refusal(
        &self,
        claim: &Claim,
        scan: &Scan,
        session: Option<&Session>,
        entry: &Entry,
        is_as_of_now: bool,
    ) -> Option<Reason> {
        let Some(registration) = self.registration(claim) else {
            return Some(if *claim == Claim::Forged { Reason::BadSignature } else { Reason::Unknown });
        };
        let (state, generation) = match is_as_of_now {
            true => (Some(registration.state), registration.token_generation),
            false => {
                let history = self.histories.get(&registration.id).map_or(&[][..], Vec::as_slice);
                as_of(registration, history, entry.at)
            }
        };
        // A registration that was cancelled since has no sign-ups any more, so its seat at the time is unknown: the
        // check is left out.
        let has_left =
            state == Some(RegistrationStatus::Confirmed) && registration.state != RegistrationStatus::Confirmed;
        let needs_seat = session.filter(|session| session.access == SessionAccess::SignUp && !has_left);
        let has_seat = |session: &Session| session.id.is_some_and(|id| self.seats.contains(&(registration.id, id)));
        let scene = AdmissionFacts {
            state,
            generation,
            zones: self.facts.get(&registration.id).map_or(&[][..], |facts| &facts.zones),
            day: entry.day,
            has_seat: needs_seat.is_none_or(has_seat),
        };
        let shown = match claim {
            Claim::Badge(badge) => Some(badge.generation),
            _ => None,
        };
        refusal(&scene, shown, scan.zone.as_ref())
    }
}

/// Judges scans and records them. Of two requests at the same time, the second one sees the entries of the first.
///
/// # Errors
/// The caller has no permission.
pub fn check_in(
    connection: &mut Connection,
    context: RequestContext<'_>,
    scans: &[Scan],
    claims: &[Claim],
) -> Result<ScanResults, RegistrationError> {
    let place = context.place;
    let actor = authorise(connection, context.credentials, Operation::CheckIn, Some(place.id))?;
    let mut sequence = store::lock_counter(connection, place.id)?;
    let now = clock::now();
    let ids: Vec<_> = scans.iter().map(|scan| scan.id).collect();
    let kept = store::of_ids(connection, place.id, &ids)?;
    let mut kept: HashMap<CheckInId, Entry> = kept.into_iter().map(|entry| (entry.id, entry)).collect();
    let known = ScanContext::load(connection, context, scans, claims, &kept)?;
    let of: Vec<_> = known.registrations.keys().copied().collect();
    let mut record = store::record(connection, &of)?;
    let mut new = Vec::new();
    let mut of_scans = Vec::with_capacity(scans.len());
    for (scan, claim) in scans.iter().zip(claims) {
        let digest = scan.digest();
        if let Some(entry) = kept.get(&scan.id) {
            of_scans.push(if entry.digest == digest {
                again(&record, entry)
            } else {
                ScanResult::Faulty(ScanError::IdReused)
            });
            continue;
        }
        let session = match find_session(context.released.agenda, scan) {
            Ok(session) => session,
            Err(fault) => {
                of_scans.push(ScanResult::Faulty(fault));
                continue;
            }
        };
        let said = scan.at.map_or(now, utc);
        if said - now > CLOCK_TOLERANCE {
            of_scans.push(ScanResult::Faulty(ScanError::InFuture));
            continue;
        }
        sequence += 1;
        let registration = known.registration(claim).map(|registration| registration.id);
        let received_at = clock::following(now, record.heard(registration));
        let mut entry = Entry {
            id: scan.id,
            registration,
            session: session.and_then(|session| session.id),
            gate: scan.gate.to_string(),
            zone: scan.zone.as_ref().map(ToString::to_string),
            at: scan.at.map_or(received_at, utc),
            day: day_of(context.released.agenda, said),
            received_at,
            sequence,
            outcome: Outcome::Admitted,
            reason: None,
            undoes: None,
            actor: actor.name().to_owned(),
            digest,
        };
        // By the clock: `received_at` may be later, since it follows that of the entry before.
        let is_as_of_now = now - said <= CLOCK_TOLERANCE;
        entry.reason = known.refusal(claim, scan, session, &entry, is_as_of_now);
        entry.outcome = match entry.reason {
            Some(_) => Outcome::Refused,
            None => record.told(&entry),
        };
        of_scans.push(again(&record, &entry));
        record.add(entry.clone());
        kept.insert(entry.id, entry.clone());
        new.push(entry);
    }
    store::insert(connection, place.id, &new)?;
    Ok(ScanResults { of_scans, people: known.facts })
}

/// The result of an entry, computed from the record: the same at each repetition.
fn again(record: &Record, entry: &Entry) -> ScanResult {
    let is_second = entry.outcome == Outcome::AdmittedAgain;
    let first = is_second.then(|| record.first(entry, entry.sequence).cloned()).flatten();
    ScanResult::Kept { entry: Box::new(entry.clone()), first: first.map(Box::new) }
}

fn find_session<'a>(agenda: &'a Agenda, scan: &Scan) -> Result<Option<&'a Session>, ScanError> {
    let find =
        |code: &Code| agenda.sessions.iter().find(|session| session.code == *code).ok_or(ScanError::UnknownSession);
    scan.session.as_ref().map(find).transpose()
}

/// An entry as it reads after all others.
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

fn listed(connection: &mut Connection, entries: Vec<Entry>) -> Result<Vec<EntryDetails>, RegistrationError> {
    let of: BTreeSet<RegistrationId> = entries.iter().filter_map(|entry| entry.registration).collect();
    let of: Vec<_> = of.into_iter().collect();
    let record = store::record(connection, &of)?;
    let references: HashMap<_, _> = registrations::of_ids(connection, &of)?
        .into_iter()
        .map(|registration| (registration.id, registration.reference))
        .collect();
    let list = |entry: Entry| {
        let (outcome, first) = record.reading(&entry);
        EntryDetails {
            outcome,
            first: first.cloned(),
            undone_by: record.undoing(&entry),
            reference: entry.registration.and_then(|registration| references.get(&registration).cloned()),
            entry,
        }
    };
    Ok(entries.into_iter().map(list).collect())
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
    authorise(connection, context.credentials, Operation::ListCheckIns, Some(context.place.id))?;
    let entries = store::after(connection, context.place.id, after, limit)?;
    listed(connection, entries)
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
    let place = context.place;
    let actor: Actor = authorise(connection, context.credentials, Operation::UndoCheckIn, Some(place.id))?;
    let sequence = store::lock_counter(connection, place.id)? + 1;
    let undone = store::of_ids(connection, place.id, &[id])?.pop().ok_or(CheckInError::NotFound)?;
    if !undone.is_admission() {
        return Err(CheckInError::NotAdmitted);
    }
    let entry = match store::undoing(connection, place.id, id)? {
        Some(entry) => entry,
        None => {
            let at: DateTime<Utc> = clock::following(clock::now(), Some(undone.received_at));
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
            store::insert(connection, place.id, std::slice::from_ref(&entry))?;
            entry
        }
    };
    let undone = listed(connection, vec![entry])?.pop();
    Ok(undone.ok_or_else(|| DatabaseError::missing(format_args!("the undo of check-in {id}")))?)
}
