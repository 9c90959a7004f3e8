//! What a conflict is, and how many of them are kept.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::values::{Code, text_enum};

text_enum! {
    /// Whether a conflict stops a release.
    Severity {
        /// It does, unless the release is forced.
        Error = "error",
        /// It does not.
        Warning = "warning",
    }
}
text_enum! {
    /// What is wrong, the errors first.
    ConflictCode {
        /// Two sessions overlap in one room.
        RoomDoubleBooked = "room_double_booked",
        /// A speaker appears in two sessions that overlap.
        SpeakerDoubleBooked = "speaker_double_booked",
        /// A session is not within the days of the conference.
        OutsideConference = "outside_conference",
        /// The items of a session have longer time limits than the session lasts.
        ItemsTooLong = "items_too_long",
        /// A session's time cannot be written in the conference's time zone.
        ImpossibleTime = "impossible_time",
        /// A speaker has too little time from one room to the next.
        SpeakerWalkingTime = "speaker_walking_time",
        /// A session has more seats than its room holds.
        SeatsAboveCapacity = "seats_above_capacity",
        /// A panel has nobody who leads it.
        MissingModerator = "missing_moderator",
        /// A session has nobody who presides over it.
        MissingChair = "missing_chair",
        /// An item of the high-level session is not where the order of precedence puts it.
        OutOfPrecedence = "out_of_precedence",
        /// A text lacks a language of the conference.
        Untranslated = "untranslated",
    }
}
/// The code of the one call for action.
pub const CALL_FOR_ACTION: &str = "call-for-action";

text_enum! {
    /// A kind of thing in an agenda.
    AgendaResource {
        /// The conference itself.
        Conference = "conference",
        /// An organisation.
        Organisation = "organisation",
        /// A day.
        Day = "day",
        /// A room.
        Room = "room",
        /// A track.
        Track = "track",
        /// A speaker.
        Speaker = "speaker",
        /// A session.
        Session = "session",
        /// An item.
        Item = "item",
        /// The call for action.
        CallForAction = "call_for_action",
    }
}

impl ConflictCode {
    /// Whether it stops a release: the one place that says so.
    pub fn severity(self) -> Severity {
        match self {
            Self::RoomDoubleBooked
            | Self::SpeakerDoubleBooked
            | Self::OutsideConference
            | Self::ItemsTooLong
            | Self::ImpossibleTime => Severity::Error,
            Self::SpeakerWalkingTime
            | Self::SeatsAboveCapacity
            | Self::MissingModerator
            | Self::MissingChair
            | Self::OutOfPrecedence
            | Self::Untranslated => Severity::Warning,
        }
    }
}

/// A thing of the agenda, by its kind and code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Thing {
    /// What kind of thing.
    pub resource: AgendaResource,
    /// Its code; a day's date, the conference's slug.
    pub code: String,
}

impl Thing {
    /// The thing of this kind and code.
    pub fn new(resource: AgendaResource, code: impl Into<String>) -> Self {
        Self { resource, code: code.into() }
    }

    /// The session of this code.
    pub fn session(code: &Code) -> Self {
        Self::new(AgendaResource::Session, code.as_str())
    }

    /// The item of this code.
    pub fn item(code: &Code) -> Self {
        Self::new(AgendaResource::Item, code.as_str())
    }
}

/// Something in the draft that contradicts something else or is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conflict {
    /// Whether it stops a release.
    pub severity: Severity,
    /// What is wrong.
    pub code: ConflictCode,
    /// The kind of the thing that it is about.
    pub resource: AgendaResource,
    /// That thing's code.
    pub thing: String,
    /// Where in the agenda's document: a JSON pointer.
    pub pointer: String,
    /// What is wrong, in words.
    pub detail: String,
    /// The other things that have a part in it.
    pub others: Vec<Thing>,
}

impl Conflict {
    /// A conflict of `thing`, with the severity of its code.
    pub fn of(code: ConflictCode, thing: Thing, pointer: String, detail: String, others: Vec<Thing>) -> Self {
        let Thing { resource, code: thing } = thing;
        Self { severity: code.severity(), code, resource, thing, pointer, detail, others }
    }
}

/// The things whose conflicts are asked for.
#[derive(Debug, Clone, Default)]
pub enum Concerned {
    /// All.
    #[default]
    All,
    /// Those of this kind, of this code, or both.
    Named(Option<AgendaResource>, Option<String>),
    /// These.
    Touched(HashSet<(AgendaResource, String)>),
}

impl Concerned {
    /// Whether this thing is one of them.
    fn holds(&self, resource: AgendaResource, code: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(wanted, thing) => {
                wanted.is_none_or(|wanted| wanted == resource) && thing.as_ref().is_none_or(|thing| thing == code)
            }
            Self::Touched(things) => things.contains(&(resource, code.to_owned())),
        }
    }
}

/// The conflicts that are asked for; by default all.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Of this code.
    pub code: Option<ConflictCode>,
    /// In which one of these things has a part.
    pub concerned: Concerned,
}

impl Scope {
    /// Those that stop a release.
    pub fn errors() -> Self {
        Self { severity: Some(Severity::Error), ..Self::default() }
    }

    /// Those in which one of these things has a part.
    pub fn touched(things: HashSet<(AgendaResource, String)>) -> Self {
        Self { concerned: Concerned::Touched(things), ..Self::default() }
    }

    fn holds_code(&self, code: ConflictCode) -> bool {
        self.severity.is_none_or(|severity| severity == code.severity())
            && self.code.is_none_or(|wanted| wanted == code)
    }

    fn holds(&self, conflict: &Conflict) -> bool {
        self.concerned.holds(conflict.resource, &conflict.thing)
            || conflict.others.iter().any(|other| self.concerned.holds(other.resource, &other.code))
    }
}

/// How many conflicts of one severity are kept; the rest is counted.
const KEPT_MAX: usize = 1_000;

/// What a check found.
#[derive(Debug)]
pub struct Findings {
    scope: Scope,
    errors: Vec<Conflict>,
    warnings: Vec<Conflict>,
    /// How many errors there are in all, those beyond the limit and outside the scope too.
    pub error_count: usize,
    /// How many warnings there are in all.
    pub warning_count: usize,
}

impl Findings {
    /// Nothing yet.
    pub fn within(scope: Scope) -> Self {
        Self { scope, errors: Vec::new(), warnings: Vec::new(), error_count: 0, warning_count: 0 }
    }

    /// Counts `count` conflicts of this code, without keeping them.
    pub fn count(&mut self, code: ConflictCode, count: usize) {
        match code.severity() {
            Severity::Error => self.error_count += count,
            Severity::Warning => self.warning_count += count,
        }
    }

    /// Whether a conflict of this code would be kept, were it in the scope.
    pub fn keeps(&self, code: ConflictCode) -> bool {
        let kept = match code.severity() {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        kept.len() < KEPT_MAX && self.scope.holds_code(code)
    }

    /// Whether the conflicts of this thing are asked for.
    pub fn concerns(&self, resource: AgendaResource, code: &str) -> bool {
        self.scope.concerned.holds(resource, code)
    }

    /// Keeps a conflict that was counted, if it is in the scope and there is room.
    pub fn keep(&mut self, conflict: Conflict) {
        if self.keeps(conflict.code) && self.scope.holds(&conflict) {
            match conflict.severity {
                Severity::Error => self.errors.push(conflict),
                Severity::Warning => self.warnings.push(conflict),
            }
        }
    }

    /// Counts one conflict, and builds it only where it may be kept.
    pub fn add(&mut self, code: ConflictCode, build: impl FnOnce() -> Conflict) {
        self.count(code, 1);
        if self.keeps(code) {
            self.keep(build());
        }
    }

    /// The conflicts that were kept, the errors first, by code and then in the order in which they were found.
    pub fn conflicts(self) -> Vec<Conflict> {
        let mut conflicts = self.errors;
        conflicts.extend(self.warnings);
        conflicts.sort_by_key(|conflict| conflict.code);
        conflicts
    }
}
