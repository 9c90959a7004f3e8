//! The rules of check-in: which scans are admitted, and which admission was the first.

use std::{collections::HashMap, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use deserr::Deserr;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    access::badge::Badge,
    agenda::{
        Agenda,
        document::Session,
        model::{date, utc},
    },
    ids::{CheckInId, RegistrationId, SessionId},
    registration::model::{Event, Registration, RegistrationStatus},
    validation::ValidationErrors,
    values::{Code, LocalOrInstant, text_enum},
};

text_enum! {
    /// Outcome of a scan or of an undo.
    Outcome {
        /// Admitted for the first time at this gate (and for this session) on this day.
        Admitted = "admitted",
        /// Valid, but admitted there before: the staff at the gate decides.
        AdmittedAgain = "admitted_again",
        /// Not admitted.
        Refused = "refused",
        /// An undo: the earlier admission no longer counts.
        Undone = "undone",
    }
}

text_enum! {
    /// Reason of a refusal.
    Reason {
        /// The conference did not sign this badge.
        BadSignature = "bad_signature",
        /// The conference has no such registration.
        Unknown = "unknown",
        /// The registration is not confirmed.
        NotConfirmed = "not_confirmed",
        /// The registration was cancelled.
        Cancelled = "cancelled",
        /// The accreditation was withdrawn.
        Revoked = "revoked",
        /// A newer badge exists: the registration's link was renewed.
        Superseded = "superseded",
        /// No badge is checked in at this time: the conference has no such day, and the registration desk is not open
        /// yet.
        WrongDay = "wrong_day",
        /// The badge gives no access to the zone behind the gate.
        WrongZone = "wrong_zone",
        /// The session requires sign-up, and the person has no seat in it.
        NoSeatInSession = "no_seat_in_session",
    }
}

/// Greatest error of a scanner's clock. A more recent scan is checked against the present status of the registration,
/// an older one against the status at its time.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Limit of scans in one request.
pub const SCANS_MAX: usize = 1000;

/// A scan of a badge, or a reference typed in by the staff.
#[derive(Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = Scan)]
pub struct Scan {
    /// UUID that the scanner gave to the scan. A scan that is sent again with the same id changes nothing and gets the
    /// same result.
    pub id: CheckInId,
    /// Time of the scan (RFC 3339 with an offset). A connected scanner should leave it out: the service then takes its
    /// own clock.
    #[deserr(default)]
    #[schema(required = false)]
    pub at: Option<LocalOrInstant>,
    /// Code of the gate. Several doors to one place share a gate.
    pub gate: Code,
    /// Code of the zone behind the gate. The badge must give access to it.
    #[deserr(default)]
    #[schema(required = false)]
    pub zone: Option<Code>,
    /// Code of the session behind the gate.
    #[deserr(default)]
    #[schema(required = false)]
    pub session: Option<Code>,
    /// Text of the QR code, whatever it is. Required unless `reference` is given; not both.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<String>,
    /// The registration's reference, such as GP-7K3M9Q2X, for a person without a badge.
    #[deserr(default)]
    #[schema(required = false)]
    pub reference: Option<String>,
}

/// Shows the id alone: codes and references stay out of logs.
impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan({})", self.id)
    }
}

/// Scans to record, in any order.
#[derive(Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Scans {
    /// 1 to 1,000 scans.
    #[schema(min_items = 1, max_items = 1000)]
    pub check_ins: Vec<Scan>,
}

impl Scans {
    /// Checks what needs no store: the number of scans, `code` or `reference`, and the offset of times.
    pub fn check(&self) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::default();
        if self.check_ins.is_empty() || self.check_ins.len() > SCANS_MAX {
            errors.add("#/check_ins", "out_of_range", format!("must hold 1 to {SCANS_MAX} scans"));
        }
        for (index, scan) in self.check_ins.iter().enumerate() {
            if scan.code.is_some() == scan.reference.is_some() {
                let detail = "must have `code` or `reference`, and not both";
                errors.add(format!("#/check_ins/{index}"), "one_of", detail);
            }
            if matches!(scan.at, Some(LocalOrInstant::Wall(_))) {
                let detail = "must have an offset, such as Z or +02:00";
                errors.add(format!("#/check_ins/{index}/at"), "invalid_time", detail);
            }
        }
        errors.into_result(())
    }
}

impl Scan {
    /// Hash of the content. It shows whether a second scan with the same id is the same scan.
    pub fn digest(&self) -> String {
        let at = self.at.map(|at| crate::agenda::model::utc(at).timestamp_micros());
        let (zone, session) = (self.zone.as_ref().map(Code::as_str), self.session.as_ref().map(Code::as_str));
        let content = serde_json::json!([at, self.gate.as_str(), zone, session, self.code, self.reference]);
        URL_SAFE_NO_PAD.encode(Sha256::digest(content.to_string()))
    }
}

/// What a scan says about the registration, after verification of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Badge(Badge),
    Reference(String),
    /// The conference did not sign this code.
    Forged,
}

/// An entry of the check-in record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The scanner's id of the scan; an undo has an id of its own.
    pub id: CheckInId,
    /// `None` if the badge or reference is unknown.
    pub registration: Option<RegistrationId>,
    pub session: Option<SessionId>,
    pub gate: String,
    pub zone: Option<String>,
    /// Time of the scan by the scanner's clock, or by ours if the scanner sent none.
    pub at: DateTime<Utc>,
    /// `None` if the conference has no such day.
    pub day: Option<NaiveDate>,
    /// Time by the service's clock; never before that of an earlier admission of the same registration.
    pub received_at: DateTime<Utc>,
    /// Number in the conference's record.
    pub sequence: i64,
    /// Outcome that the scanner got as an answer.
    pub outcome: Outcome,
    pub reason: Option<Reason>,
    pub undoes: Option<CheckInId>,
    /// Name of the scanner's token.
    pub actor: String,
    /// [`Scan::digest`]; empty for an undo.
    pub digest: String,
}

impl Entry {
    pub fn is_admission(&self) -> bool {
        matches!(self.outcome, Outcome::Admitted | Outcome::AdmittedAgain)
    }

    /// Whether the scan is so recent that the present status decides.
    pub fn is_recent(&self) -> bool {
        self.received_at - self.at <= CLOCK_TOLERANCE
    }

    fn has_same_gate_session_and_day(&self, other: &Self) -> bool {
        (&self.gate, self.session, self.day) == (&other.gate, other.session, other.day)
    }
}

/// All admissions of some registrations, with their undos.
#[derive(Debug, Default)]
pub struct Record {
    admissions: HashMap<RegistrationId, Vec<Entry>>,
    /// By the id of an undone entry: id and number of the entry that undoes it.
    undos: HashMap<CheckInId, (CheckInId, i64)>,
}

impl Record {
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut record = Self::default();
        entries.into_iter().for_each(|entry| record.add(entry));
        record
    }

    pub fn add(&mut self, entry: Entry) {
        if let Some(undone) = entry.undoes {
            self.undos.insert(undone, (entry.id, entry.sequence));
        } else if let Some(registration) = entry.registration.filter(|_| entry.is_admission()) {
            self.admissions.entry(registration).or_default().push(entry);
        }
    }

    /// Time at which the service received the registration's latest admission.
    pub fn last_received_at(&self, registration: Option<RegistrationId>) -> Option<DateTime<Utc>> {
        self.admissions.get(&registration?)?.iter().map(|entry| entry.received_at).max()
    }

    /// Id of the entry that undoes this one.
    pub fn undone_by(&self, entry: &Entry) -> Option<CheckInId> {
        self.undos.get(&entry.id).map(|(id, _)| *id)
    }

    /// Earliest admission, by time of the scan, of the same registration at the same gate, session and day, among the
    /// entries with a number below `sequence`.
    pub fn first_admission(&self, other: &Entry, sequence: i64) -> Option<&Entry> {
        let counts = |entry: &&Entry| {
            let is_undone = self.undos.get(&entry.id).is_some_and(|(_, undo)| *undo < sequence);
            entry.sequence < sequence && !is_undone && entry.has_same_gate_session_and_day(other)
        };
        let admissions = self.admissions.get(&other.registration?)?.iter();
        admissions.filter(counts).min_by_key(|entry| (entry.at, entry.sequence))
    }

    /// Outcome of an admission when it is recorded. Of two recent scans the second to be received is `AdmittedAgain`,
    /// whatever the scanners' clocks say; an older scan is ordered by its time.
    pub fn outcome_when_recorded(&self, entry: &Entry) -> Outcome {
        match self.first_admission(entry, entry.sequence) {
            Some(first) if entry.is_recent() || first.at <= entry.at => Outcome::AdmittedAgain,
            _ => Outcome::Admitted,
        }
    }

    /// Outcome of an entry after all others, with the first admission if it is another entry.
    pub fn present_outcome(&self, entry: &Entry) -> (Outcome, Option<&Entry>) {
        if !entry.is_admission() || self.undone_by(entry).is_some() {
            return (entry.outcome, None);
        }
        match self.first_admission(entry, i64::MAX).filter(|first| first.id != entry.id) {
            Some(first) => (Outcome::AdmittedAgain, Some(first)),
            None => (Outcome::Admitted, None),
        }
    }
}

/// An event in the history of a registration, with what check-in needs of it.
#[derive(Debug, Clone, Copy)]
pub struct StatusEvent {
    pub at: DateTime<Utc>,
    pub event: Event,
    /// Status after the event.
    pub state: RegistrationStatus,
}

/// Status of a registration at an instant (`None` before it was made), and the generation of its badge then.
pub fn status_and_generation_at(
    registration: &Registration,
    history: &[StatusEvent],
    at: DateTime<Utc>,
) -> (Option<RegistrationStatus>, i32) {
    let state = history.iter().rev().find(|event| event.at <= at).map(|event| event.state);
    let is_later_renewal = |event: &&StatusEvent| event.at > at && event.event == Event::LinkRenewed;
    let renewals = history.iter().filter(is_later_renewal).count();
    (state, registration.token_generation.saturating_sub(i32::try_from(renewals).unwrap_or(i32::MAX)))
}

/// What decides about an admission.
#[derive(Debug, Clone)]
pub struct AdmissionFacts<'a> {
    /// Status of the registration; `None` before it was made.
    pub state: Option<RegistrationStatus>,
    /// Generation of the valid badge.
    pub generation: i32,
    /// Zones to which the badge gives access.
    pub zones: &'a [Code],
    /// Day of the conference; `None` if it has no such day.
    pub day: Option<NaiveDate>,
    /// Whether the person has a seat in the session, or needs none.
    pub has_seat: bool,
}

/// Reason to refuse, if any. `badge_generation` is that of the scanned badge; `None` for a scan by reference.
pub fn refusal_reason(
    facts: &AdmissionFacts<'_>,
    badge_generation: Option<i32>,
    zone: Option<&Code>,
) -> Option<Reason> {
    match facts.state {
        Some(RegistrationStatus::Confirmed) => {}
        Some(RegistrationStatus::Cancelled) => return Some(Reason::Cancelled),
        Some(RegistrationStatus::Revoked) => return Some(Reason::Revoked),
        _ => return Some(Reason::NotConfirmed),
    }
    if badge_generation.is_some_and(|generation| generation != facts.generation) {
        Some(Reason::Superseded)
    } else if facts.day.is_none() {
        Some(Reason::WrongDay)
    } else if zone.is_some_and(|zone| !facts.zones.contains(zone)) {
        Some(Reason::WrongZone)
    } else if !facts.has_seat {
        Some(Reason::NoSeatInSession)
    } else {
        None
    }
}

/// Day of a scan, in the conference's time zone. For a scan at a session that is on, it is the day of that session.
/// Otherwise it is a day of the agenda (from its changeover to the next one, or until its last session has ended), a
/// date from the first to the last date of the conference, or a date before them on which the registration desk is
/// open (`opens_at`). `None` at any other time.
pub fn day_of(
    agenda: &Agenda,
    session: Option<&Session>,
    opens_at: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Option<NaiveDate> {
    let conference = &agenda.conference;
    let is_on = |session: &Session| (utc(session.starts_at)..=utc(session.ends_at)).contains(&at);
    // An exhibition of several days counts its visitors by day.
    let is_short = |session: &Session| utc(session.ends_at) - utc(session.starts_at) <= TimeDelta::days(1);
    let date_of = |session: &Session| agenda.day_of(session).map(|day| date(day.date));
    if let Some(day) = session.filter(|session| is_on(session) && is_short(session)).and_then(date_of) {
        return Some(day);
    }
    let wall = conference.time_zone.local(at).naive_local();
    let dates = date(conference.starts_on)..=date(conference.ends_on);
    let is_desk_open = || wall.date() < *dates.start() && opens_at.is_some_and(|opens_at| opens_at <= at);
    let day = agenda.day_at(wall).map(|day| date(day.date));
    // The session that goes on after the end of its day.
    let day = day.or_else(|| agenda.sessions.iter().filter(|session| is_on(session)).filter_map(date_of).max());
    day.or_else(|| Some(wall.date()).filter(|wall| dates.contains(wall) || is_desk_open()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::Id, values::TextValue as _};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_900_000_000 + 60 * minute, 0).unwrap()
    }

    fn entry(registration: RegistrationId, minute: i64, sequence: i64) -> Entry {
        Entry {
            id: Id::new(),
            registration: Some(registration),
            session: None,
            gate: "main".to_owned(),
            zone: None,
            at: at(minute),
            day: NaiveDate::from_ymd_opt(2030, 5, 1),
            received_at: at(100),
            sequence,
            outcome: Outcome::Admitted,
            reason: None,
            undoes: None,
            actor: "a scanner".to_owned(),
            digest: String::new(),
        }
    }

    #[test]
    fn the_first_admission_is_the_earliest_scan_whenever_it_was_sent() {
        let someone = Id::new();
        let (late, early) = (entry(someone, 20, 1), entry(someone, 10, 2));
        let elsewhere = Entry { gate: "garden".to_owned(), ..entry(someone, 5, 3) };
        let another = entry(Id::new(), 1, 4);
        let mut record = Record::of([late.clone(), early.clone(), elsewhere.clone(), another.clone()]);
        let present_outcome = |record: &Record, entry: &Entry| {
            let (outcome, first) = record.present_outcome(entry);
            (outcome, first.map(|first| first.id))
        };
        assert_eq!(present_outcome(&record, &late), (Outcome::AdmittedAgain, Some(early.id)));
        assert_eq!(present_outcome(&record, &early), (Outcome::Admitted, None));
        assert_eq!(present_outcome(&record, &elsewhere), (Outcome::Admitted, None));
        assert_eq!(present_outcome(&record, &another), (Outcome::Admitted, None));
        // The answer to the second entry stays the same after later entries.
        assert_eq!(record.first_admission(&early, 2).map(|first| first.id), Some(late.id));
        let undone = Entry { outcome: Outcome::Undone, undoes: Some(early.id), ..entry(someone, 30, 5) };
        record.add(undone.clone());
        assert_eq!(present_outcome(&record, &late), (Outcome::Admitted, None));
        assert_eq!(record.undone_by(&early), Some(undone.id));
        assert_eq!(record.first_admission(&late, 5).map(|first| first.id), Some(early.id));
    }

    #[test]
    fn a_confirmed_registration_is_admitted_with_its_newest_badge_where_it_has_access() {
        let hall = [Code::parse("hall").unwrap()];
        let garden = Code::parse("garden").unwrap();
        let day = NaiveDate::from_ymd_opt(2030, 5, 1);
        let facts = AdmissionFacts {
            state: Some(RegistrationStatus::Confirmed),
            generation: 2,
            zones: &hall,
            day,
            has_seat: true,
        };
        assert_eq!(refusal_reason(&facts, Some(2), Some(&hall[0])), None);
        assert_eq!(refusal_reason(&facts, None, None), None);
        assert_eq!(refusal_reason(&facts, Some(1), None), Some(Reason::Superseded));
        assert_eq!(refusal_reason(&facts, Some(2), Some(&garden)), Some(Reason::WrongZone));
        let reason = |state| refusal_reason(&AdmissionFacts { state, ..facts.clone() }, Some(2), None);
        assert_eq!(reason(None), Some(Reason::NotConfirmed));
        for word in RegistrationStatus::TEXTS {
            let expected = match *word {
                "confirmed" => None,
                "cancelled" => Some(Reason::Cancelled),
                "revoked" => Some(Reason::Revoked),
                _ => Some(Reason::NotConfirmed),
            };
            assert_eq!(reason(RegistrationStatus::from_text(word)), expected, "{word}");
        }
        assert_eq!(refusal_reason(&AdmissionFacts { day: None, ..facts.clone() }, None, None), Some(Reason::WrongDay));
        assert_eq!(
            refusal_reason(&AdmissionFacts { has_seat: false, ..facts }, None, None),
            Some(Reason::NoSeatInSession)
        );
    }
}
