//! The rules of the door: whom a scan lets in, and who was first.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use deserr::Deserr;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    access::badge::Badge,
    agenda::{Agenda, model::date},
    faults::Faults,
    ids::{CheckInId, RegistrationId, SessionId},
    registration::model::{Event, Registration, State},
    values::{Code, Moment, text_enum},
};

text_enum! {
    /// What became of a scan.
    Outcome {
        /// Let in, for the first time at this gate (and in this session) on this day.
        Admitted = "admitted",
        /// Let in before: whoever stands at the door decides.
        AdmittedAgain = "admitted_again",
        /// Not to be let in.
        Refused = "refused",
        /// An earlier entry is as if it had not been.
        Undone = "undone",
    }
}

text_enum! {
    /// Why someone is not to be let in.
    Reason {
        /// The badge is not one that the conference signed.
        BadSignature = "bad_signature",
        /// There is no such registration.
        Unknown = "unknown",
        /// The registration is not confirmed.
        NotConfirmed = "not_confirmed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// Its accreditation was withdrawn.
        Revoked = "revoked",
        /// There is a newer badge.
        Superseded = "superseded",
        /// The conference is not on that day.
        WrongDay = "wrong_day",
        /// The badge opens other zones.
        WrongZone = "wrong_zone",
        /// The session needs signing up for, and has no seat for them.
        NoSeatInSession = "no_seat_in_session",
    }
}

/// How far a scanner's clock may be wrong. A scan that is no older is judged by what is known now.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The most scans in one request.
pub const SCANS_MAX: usize = 1000;

/// One scan, as a scanner sends it.
#[derive(Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = Scan)]
pub struct Scan {
    /// The scanner's own id of it, a UUID: sent again, it changes nothing and is answered as it was.
    pub id: CheckInId,
    /// When it was, with an offset; now, if left out, as a scanner that is connected had better do.
    #[deserr(default)]
    #[schema(required = false)]
    pub at: Option<Moment>,
    /// Which gate. Doors to one place have one gate.
    pub gate: Code,
    /// The zone behind the gate, where badges open zones.
    #[deserr(default)]
    #[schema(required = false)]
    pub zone: Option<Code>,
    /// The code of the session behind the gate.
    #[deserr(default)]
    #[schema(required = false)]
    pub session: Option<Code>,
    /// What the QR code says, whatever it is. This, or `reference`.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<String>,
    /// The registration's reference, where someone has no badge.
    #[deserr(default)]
    #[schema(required = false)]
    pub reference: Option<String>,
}

/// Scans, in any order.
#[derive(Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Scans {
    /// One at least, a thousand at most.
    #[schema(min_items = 1, max_items = 1000)]
    pub check_ins: Vec<Scan>,
}

impl Scans {
    /// What is wrong with them by themselves.
    pub fn check(&self) -> Result<(), Faults> {
        let mut found = Faults::default();
        if self.check_ins.is_empty() || self.check_ins.len() > SCANS_MAX {
            found.add("#/check_ins", "out_of_range", format!("must hold 1 to {SCANS_MAX} scans"));
        }
        for (index, scan) in self.check_ins.iter().enumerate() {
            if scan.code.is_some() == scan.reference.is_some() {
                let detail = "must have `code` or `reference`, and not both";
                found.add(format!("#/check_ins/{index}"), "one_of", detail);
            }
            if matches!(scan.at, Some(Moment::Wall(_))) {
                let detail = "must have an offset, such as Z or +02:00";
                found.add(format!("#/check_ins/{index}/at"), "invalid_time", detail);
            }
        }
        found.or(())
    }
}

impl Scan {
    /// What tells it from another scan that has the same id.
    pub fn digest(&self) -> String {
        let at = self.at.map(|at| crate::agenda::model::utc(at).timestamp_micros());
        let (zone, session) = (self.zone.as_ref().map(Code::as_str), self.session.as_ref().map(Code::as_str));
        let says = serde_json::json!([at, self.gate.as_str(), zone, session, self.code, self.reference]);
        URL_SAFE_NO_PAD.encode(Sha256::digest(says.to_string()))
    }
}

/// Whom a scan is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Whoever this badge was made for.
    Badge(Badge),
    /// Whoever has the registration of this reference.
    Reference(String),
    /// The conference has not signed this.
    Forged,
}

/// An entry of the record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id: the scanner's, or the undoing's own.
    pub id: CheckInId,
    /// Whom it is of, where that is known.
    pub registration: Option<RegistrationId>,
    /// The session behind the gate.
    pub session: Option<SessionId>,
    /// The gate.
    pub gate: String,
    /// The zone behind the gate.
    pub zone: Option<String>,
    /// When people stood there.
    pub at: DateTime<Utc>,
    /// On which day of the conference that is.
    pub day: Option<NaiveDate>,
    /// When the service heard of it.
    pub received_at: DateTime<Utc>,
    /// Its place in the record.
    pub sequence: i64,
    /// What the scanner was told.
    pub outcome: Outcome,
    /// Why not.
    pub reason: Option<Reason>,
    /// The entry that it undoes.
    pub undoes: Option<CheckInId>,
    /// Whose token the scanner showed.
    pub actor: String,
    /// What was sent.
    pub digest: String,
}

impl Entry {
    /// Whether someone went in.
    pub fn is_admission(&self) -> bool {
        matches!(self.outcome, Outcome::Admitted | Outcome::AdmittedAgain)
    }

    /// Whether it came while what is known now was as good as what was known then.
    pub fn is_as_of_now(&self) -> bool {
        self.received_at - self.at <= CLOCK_TOLERANCE
    }

    fn is_at_the_same_door(&self, other: &Self) -> bool {
        (&self.gate, self.session, self.day) == (&other.gate, other.session, other.day)
    }
}

/// Every admission of some registrations, and what was undone of them.
#[derive(Debug, Default)]
pub struct Record {
    admissions: HashMap<RegistrationId, Vec<Entry>>,
    undoings: HashMap<CheckInId, (CheckInId, i64)>,
}

impl Record {
    /// The record of these entries.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut record = Self::default();
        entries.into_iter().for_each(|entry| record.add(entry));
        record
    }

    /// One entry more.
    pub fn add(&mut self, entry: Entry) {
        if let Some(undone) = entry.undoes {
            self.undoings.insert(undone, (entry.id, entry.sequence));
        } else if let Some(registration) = entry.registration.filter(|_| entry.is_admission()) {
            self.admissions.entry(registration).or_default().push(entry);
        }
    }

    /// When the service heard of a registration last.
    pub fn heard(&self, registration: Option<RegistrationId>) -> Option<DateTime<Utc>> {
        self.admissions.get(&registration?)?.iter().map(|entry| entry.received_at).max()
    }

    /// The entry that undoes this one.
    pub fn undoing(&self, entry: &Entry) -> Option<CheckInId> {
        self.undoings.get(&entry.id).map(|(id, _)| *id)
    }

    /// Who went in first at the same door on the same day, by when they went, as far as the record went before
    /// `sequence`.
    pub fn first(&self, like: &Entry, sequence: i64) -> Option<&Entry> {
        let stands = |entry: &&Entry| {
            let undone = self.undoings.get(&entry.id).is_some_and(|(_, undone)| *undone < sequence);
            entry.sequence < sequence && !undone && entry.is_at_the_same_door(like)
        };
        let admissions = self.admissions.get(&like.registration?)?.iter();
        admissions.filter(stands).min_by_key(|entry| (entry.at, entry.sequence))
    }

    /// What a scanner is told of an admission. Of two at once, the one that told second is second, whatever their
    /// clocks say; what was long ago is put in its order.
    pub fn told(&self, entry: &Entry) -> Outcome {
        match self.first(entry, entry.sequence) {
            Some(first) if entry.is_as_of_now() || first.at <= entry.at => Outcome::AdmittedAgain,
            _ => Outcome::Admitted,
        }
    }

    /// What an entry is in the light of all others, and which came first where it was not this one.
    pub fn reading(&self, entry: &Entry) -> (Outcome, Option<&Entry>) {
        if !entry.is_admission() || self.undoing(entry).is_some() {
            return (entry.outcome, None);
        }
        match self.first(entry, i64::MAX).filter(|first| first.id != entry.id) {
            Some(first) => (Outcome::AdmittedAgain, Some(first)),
            None => (Outcome::Admitted, None),
        }
    }
}

/// What happened to a registration, as far as the door goes.
#[derive(Debug, Clone, Copy)]
pub struct Happening {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Event,
    /// Where the registration stood then.
    pub state: State,
}

/// Where a registration stood at an instant (nowhere, before it was made), and the generation of its badge then.
pub fn as_of(registration: &Registration, history: &[Happening], at: DateTime<Utc>) -> (Option<State>, i32) {
    let state = history.iter().rev().find(|happening| happening.at <= at).map(|happening| happening.state);
    let renewed = history.iter().filter(|happening| happening.at > at && happening.event == Event::LinkRenewed).count();
    (state, registration.token_generation.saturating_sub(i32::try_from(renewed).unwrap_or(i32::MAX)))
}

/// What a door goes by.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// Where the registration stands.
    pub state: Option<State>,
    /// The generation of its badge.
    pub generation: i32,
    /// The zones that it opens.
    pub zones: &'a [Code],
    /// The day of the conference.
    pub day: Option<NaiveDate>,
    /// Whether the session, if any, has a seat for it.
    pub has_seat: bool,
}

/// Why someone is not to be let in; `badge` is the generation of the badge that they show.
pub fn refusal(scene: &Scene<'_>, badge: Option<i32>, zone: Option<&Code>) -> Option<Reason> {
    match scene.state {
        Some(State::Confirmed) => {}
        Some(State::Cancelled) => return Some(Reason::Cancelled),
        Some(State::Revoked) => return Some(Reason::Revoked),
        _ => return Some(Reason::NotConfirmed),
    }
    if badge.is_some_and(|badge| badge != scene.generation) {
        Some(Reason::Superseded)
    } else if scene.day.is_none() {
        Some(Reason::WrongDay)
    } else if zone.is_some_and(|zone| !scene.zones.contains(zone)) {
        Some(Reason::WrongZone)
    } else if !scene.has_seat {
        Some(Reason::NoSeatInSession)
    } else {
        None
    }
}

/// The day of the conference at an instant: one of its days with their changeovers, else any date from its first to its
/// last, on the clocks there.
pub fn day_of(agenda: &Agenda, at: DateTime<Utc>) -> Option<NaiveDate> {
    let conference = &agenda.conference;
    let wall = conference.time_zone.local(at).naive_local();
    let dates = date(conference.starts_on)..=date(conference.ends_on);
    let day = agenda.day_at(wall).map(|day| date(day.date));
    day.or_else(|| Some(wall.date()).filter(|wall| dates.contains(wall)))
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
    fn the_first_is_who_came_first_whoever_told_first() {
        let someone = Id::new();
        let (late, early) = (entry(someone, 20, 1), entry(someone, 10, 2));
        let elsewhere = Entry { gate: "garden".to_owned(), ..entry(someone, 5, 3) };
        let another = entry(Id::new(), 1, 4);
        let mut record = Record::of([late.clone(), early.clone(), elsewhere.clone(), another.clone()]);
        let reading = |record: &Record, entry: &Entry| {
            let (outcome, first) = record.reading(entry);
            (outcome, first.map(|first| first.id))
        };
        assert_eq!(reading(&record, &late), (Outcome::AdmittedAgain, Some(early.id)));
        assert_eq!(reading(&record, &early), (Outcome::Admitted, None));
        assert_eq!(reading(&record, &elsewhere), (Outcome::Admitted, None));
        assert_eq!(reading(&record, &another), (Outcome::Admitted, None));
        // What was known when the second came is known for good.
        assert_eq!(record.first(&early, 2).map(|first| first.id), Some(late.id));
        let undone = Entry { outcome: Outcome::Undone, undoes: Some(early.id), ..entry(someone, 30, 5) };
        record.add(undone.clone());
        assert_eq!(reading(&record, &late), (Outcome::Admitted, None));
        assert_eq!(record.undoing(&early), Some(undone.id));
        assert_eq!(record.first(&late, 5).map(|first| first.id), Some(early.id));
    }

    #[test]
    fn a_door_opens_for_who_is_confirmed_has_the_newest_badge_and_may_be_there() {
        let hall = [Code::parse("hall").unwrap()];
        let garden = Code::parse("garden").unwrap();
        let day = NaiveDate::from_ymd_opt(2030, 5, 1);
        let scene = Scene { state: Some(State::Confirmed), generation: 2, zones: &hall, day, has_seat: true };
        assert_eq!(refusal(&scene, Some(2), Some(&hall[0])), None);
        assert_eq!(refusal(&scene, None, None), None);
        assert_eq!(refusal(&scene, Some(1), None), Some(Reason::Superseded));
        assert_eq!(refusal(&scene, Some(2), Some(&garden)), Some(Reason::WrongZone));
        let of = |state| refusal(&Scene { state, ..scene.clone() }, Some(2), None);
        assert_eq!(of(None), Some(Reason::NotConfirmed));
        for word in State::WORDS {
            let due = match *word {
                "confirmed" => None,
                "cancelled" => Some(Reason::Cancelled),
                "revoked" => Some(Reason::Revoked),
                _ => Some(Reason::NotConfirmed),
            };
            assert_eq!(of(State::from_word(word)), due, "{word}");
        }
        assert_eq!(refusal(&Scene { day: None, ..scene.clone() }, None, None), Some(Reason::WrongDay));
        assert_eq!(refusal(&Scene { has_seat: false, ..scene }, None, None), Some(Reason::NoSeatInSession));
    }
}
