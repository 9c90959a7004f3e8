//! What one transaction does at the door.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    badges::{self, BadgeFacts},
    model::{CLOCK_TOLERANCE, Claim, Entry, Happening, Outcome, Reason, Record, Scan, Scene, as_of, day_of, refusal},
    store,
};
use crate::{
    access::{Actor, authorise, badge::BadgeKey},
    agenda::{
        Agenda,
        document::{Session, SessionAccess},
        model::utc,
    },
    clock,
    database::Connection,
    ids::{CheckInId, Id, RegistrationId, SessionId},
    registration::{
        RegistrationError,
        actions::Errand,
        model::{Registration, State},
        store as registrations,
    },
    values::Code,
};

/// Why a scan was not even kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another scan has its id.
    IdReused,
    /// Its time is still to come.
    InFuture,
    /// There is no such session.
    UnknownSession,
}

/// What became of one scan.
pub enum Verdict {
    /// It was not kept.
    Faulty(Fault),
    /// The record has it.
    Kept {
        /// As it was kept.
        entry: Box<Entry>,
        /// Who went in before, where somebody did.
        first: Option<Box<Entry>>,
    },
}

/// What became of scans, in their order, and whom they are of.
pub struct Verdicts {
    /// One for each scan.
    pub of_scans: Vec<Verdict>,
    /// Whom they are of.
    pub people: HashMap<RegistrationId, BadgeFacts>,
}

/// What the payloads and references of scans say. It takes long for many, and needs no store.
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

/// What is known of those whom scans are of.
#[derive(Default)]
struct Known {
    registrations: HashMap<RegistrationId, Registration>,
    of_references: HashMap<String, RegistrationId>,
    histories: HashMap<RegistrationId, Vec<Happening>>,
    seats: HashSet<(RegistrationId, SessionId)>,
    facts: HashMap<RegistrationId, BadgeFacts>,
}

impl Known {
    fn load(
        connection: &mut Connection,
        errand: Errand<'_>,
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
        let of_references = store::of_references(connection, errand.place.id, &references)?;
        let mut ids: BTreeSet<RegistrationId> = of_references.values().copied().collect();
        ids.extend(claims.iter().filter_map(|claim| match claim {
            Claim::Badge(badge) => Some(badge.registration),
            _ => None,
        }));
        ids.extend(kept.values().filter_map(|entry| entry.registration));
        let ids: Vec<_> = ids.into_iter().collect();
        let found = registrations::of_ids(connection, &ids)?;
        let of_here = found.into_iter().filter(|registration| registration.conference == errand.place.id);
        let registrations: HashMap<_, _> = of_here.map(|registration| (registration.id, registration)).collect();
        let has_times = scans.iter().any(|scan| scan.at.is_some());
        let has_sessions = scans.iter().any(|scan| scan.session.is_some());
        Ok(Self {
            histories: if has_times { store::histories(connection, &ids)? } else { HashMap::new() },
            seats: if has_sessions { store::seats(connection, &ids)? } else { HashSet::new() },
            facts: badges::facts(connection, errand.place, registrations.values())?,
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

    /// Why someone is not to be let in, if not.
    fn refusal(
        &self,
        (claim, scan): (&Claim, &Scan),
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
        // Who has left since has no sign-up any more: whether there was a seat was for the door to know.
        let has_left = state == Some(State::Confirmed) && registration.state != State::Confirmed;
        let needs_seat = session.filter(|session| session.access == SessionAccess::SignUp && !has_left);
        let has_seat = |session: &Session| session.id.is_some_and(|id| self.seats.contains(&(registration.id, id)));
        let scene = Scene {
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

/// Judges scans and keeps them. Of two that come at once, the second finds what the first left.
///
/// # Errors
/// Whoever asks may not; the store fails.
pub fn check_in(
    connection: &mut Connection,
    errand: Errand<'_>,
    scans: &[Scan],
    claims: &[Claim],
) -> Result<Verdicts, RegistrationError> {
    let place = errand.place;
    let actor = authorise(connection, errand.credentials, "check_in", Some(place.id))?;
    let mut sequence = store::lock_counter(connection, place.id)?;
    let now = clock::now();
    let ids: Vec<_> = scans.iter().map(|scan| scan.id).collect();
    let kept = store::of_ids(connection, place.id, &ids)?;
    let mut kept: HashMap<CheckInId, Entry> = kept.into_iter().map(|entry| (entry.id, entry)).collect();
    let known = Known::load(connection, errand, scans, claims, &kept)?;
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
                Verdict::Faulty(Fault::IdReused)
            });
            continue;
        }
        let session = match find_session(errand.released.agenda, scan) {
            Ok(session) => session,
            Err(fault) => {
                of_scans.push(Verdict::Faulty(fault));
                continue;
            }
        };
        let said = scan.at.map_or(now, utc);
        if said - now > CLOCK_TOLERANCE {
            of_scans.push(Verdict::Faulty(Fault::InFuture));
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
            day: day_of(errand.released.agenda, said),
            received_at,
            sequence,
            outcome: Outcome::Admitted,
            reason: None,
            undoes: None,
            actor: actor.name().to_owned(),
            digest,
        };
        // By the clock: `received_at` may be later, as that of an entry before was.
        let is_as_of_now = now - said <= CLOCK_TOLERANCE;
        entry.reason = known.refusal((claim, scan), session, &entry, is_as_of_now);
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
    Ok(Verdicts { of_scans, people: known.facts })
}

/// What was told of an entry, told again.
fn again(record: &Record, entry: &Entry) -> Verdict {
    let is_second = entry.outcome == Outcome::AdmittedAgain;
    let first = is_second.then(|| record.first(entry, entry.sequence).cloned()).flatten();
    Verdict::Kept { entry: Box::new(entry.clone()), first: first.map(Box::new) }
}

fn find_session<'a>(agenda: &'a Agenda, scan: &Scan) -> Result<Option<&'a Session>, Fault> {
    let find = |code: &Code| agenda.sessions.iter().find(|session| session.code == *code).ok_or(Fault::UnknownSession);
    scan.session.as_ref().map(find).transpose()
}

/// An entry as it reads in the light of all others.
pub struct Listed {
    /// As it was kept.
    pub entry: Entry,
    /// What it is by the times of all.
    pub outcome: Outcome,
    /// Who went in before.
    pub first: Option<Entry>,
    /// What undid it.
    pub undone_by: Option<CheckInId>,
    /// The registration's reference.
    pub reference: Option<String>,
}

fn listed(connection: &mut Connection, entries: Vec<Entry>) -> Result<Vec<Listed>, RegistrationError> {
    let of: BTreeSet<RegistrationId> = entries.iter().filter_map(|entry| entry.registration).collect();
    let of: Vec<_> = of.into_iter().collect();
    let record = store::record(connection, &of)?;
    let references: HashMap<_, _> = registrations::of_ids(connection, &of)?
        .into_iter()
        .map(|registration| (registration.id, registration.reference))
        .collect();
    let list = |entry: Entry| {
        let (outcome, first) = record.reading(&entry);
        Listed {
            outcome,
            first: first.cloned(),
            undone_by: record.undoing(&entry),
            reference: entry.registration.and_then(|registration| references.get(&registration).cloned()),
            entry,
        }
    };
    Ok(entries.into_iter().map(list).collect())
}

/// The record after a number.
///
/// # Errors
/// Whoever asks may not; the store fails.
pub fn list(
    connection: &mut Connection,
    errand: Errand<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<Listed>, RegistrationError> {
    authorise(connection, errand.credentials, "list_check_ins", Some(errand.place.id))?;
    let entries = store::after(connection, errand.place.id, after, limit)?;
    listed(connection, entries)
}

/// Takes an admission back: an entry of its own. Done again, it is answered as it was.
///
/// # Errors
/// [`RegistrationError::NoCheckIn`]; [`RegistrationError::NotAdmitted`] where nobody went in; whoever asks may not.
pub fn undo(connection: &mut Connection, errand: Errand<'_>, id: CheckInId) -> Result<Listed, RegistrationError> {
    let place = errand.place;
    let actor: Actor = authorise(connection, errand.credentials, "undo_check_in", Some(place.id))?;
    let sequence = store::lock_counter(connection, place.id)? + 1;
    let undone = store::of_ids(connection, place.id, &[id])?.pop().ok_or(RegistrationError::NoCheckIn)?;
    if !undone.is_admission() {
        return Err(RegistrationError::NotAdmitted);
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
    listed(connection, vec![entry])?.pop().ok_or(RegistrationError::NoCheckIn)
}
