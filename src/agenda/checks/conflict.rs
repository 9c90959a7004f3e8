//! Conflicts: their codes and severity, which of them are kept, and how many.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::values::{Code, text_enum};

text_enum! {
    /// Severity of a conflict.
    Severity {
        /// Stops a release, unless the release is forced.
        Error = "error",
        /// Does not stop a release.
        Warning = "warning",
    }
}
text_enum! {
    /// Kind of conflict, errors before warnings.
    ConflictCode {
        /// Two sessions overlap in the same room.
        RoomDoubleBooked = "room_double_booked",
        /// A speaker appears in two sessions that overlap.
        SpeakerDoubleBooked = "speaker_double_booked",
        /// A session is outside the days of the conference.
        OutsideConference = "outside_conference",
        /// The time limits of the items add up to more than the session's duration.
        ItemsTooLong = "items_too_long",
        /// A session's time cannot be written in the conference's time zone.
        ImpossibleTime = "impossible_time",
        /// A speaker has less time between two sessions in different rooms than the conference's `walking_minutes`.
        SpeakerWalkingTime = "speaker_walking_time",
        /// A session has more seats than its room holds.
        SeatsAboveCapacity = "seats_above_capacity",
        /// A panel has no moderator.
        MissingModerator = "missing_moderator",
        /// A session has no chair.
        MissingChair = "missing_chair",
        /// An item of a high-level session is out of the order of precedence.
        OutOfPrecedence = "out_of_precedence",
        /// A text is not written in one of the conference's languages.
        Untranslated = "untranslated",
    }
}
/// Code of the call for action in conflicts, of which a conference has at most one.
pub const CALL_FOR_ACTION: &str = "call-for-action";

text_enum! {
    /// Kind of thing in an agenda.
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
    /// The severity is decided here and nowhere else.
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
    /// Kind of thing.
    pub resource: AgendaResource,
    /// Code of the thing. For a day: its date; for the conference: its slug; for the call for action:
    /// `call-for-action`.
    pub code: String,
}

impl Thing {
    pub fn new(resource: AgendaResource, code: impl Into<String>) -> Self {
        Self { resource, code: code.into() }
    }

    pub fn session(code: &Code) -> Self {
        Self::new(AgendaResource::Session, code.as_str())
    }

    pub fn item(code: &Code) -> Self {
        Self::new(AgendaResource::Item, code.as_str())
    }
}

/// A contradiction in the draft, or a missing part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conflict {
    /// Whether the conflict stops a release.
    pub severity: Severity,
    /// Kind of conflict.
    pub code: ConflictCode,
    /// Kind of the thing with the conflict.
    pub resource: AgendaResource,
    /// Code of the thing with the conflict.
    pub thing: String,
    /// JSON pointer to the place in the agenda's document, such as `#/sessions/3/room`.
    pub pointer: String,
    /// Description of the conflict, in English.
    pub detail: String,
    /// Other things involved in the conflict.
    pub others: Vec<Thing>,
}

impl Conflict {
    /// A conflict with the severity of its code.
    pub fn of(code: ConflictCode, thing: Thing, pointer: String, detail: String, others: Vec<Thing>) -> Self {
        let Thing { resource, code: thing } = thing;
        Self { severity: code.severity(), code, resource, thing, pointer, detail, others }
    }
}

/// Things whose conflicts are asked for.
#[derive(Debug, Clone, Default)]
pub enum InvolvedThings {
    #[default]
    All,
    /// Things of this kind, with this code, or both.
    Named(Option<AgendaResource>, Option<String>),
    /// Things from this set.
    AnyOf(HashSet<(AgendaResource, String)>),
}

impl InvolvedThings {
    fn include(&self, resource: AgendaResource, code: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(only_resource, only_code) => {
                only_resource.is_none_or(|only| only == resource) && only_code.as_ref().is_none_or(|only| only == code)
            }
            Self::AnyOf(things) => things.contains(&(resource, code.to_owned())),
        }
    }
}

/// Conflicts that are asked for; all by default.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub severity: Option<Severity>,
    pub code: Option<ConflictCode>,
    /// Things of which at least one is involved.
    pub involved: InvolvedThings,
}

impl Scope {
    /// Conflicts that stop a release.
    pub fn errors() -> Self {
        Self { severity: Some(Severity::Error), ..Self::default() }
    }

    /// Conflicts that involve at least one of these things.
    pub fn involving(things: HashSet<(AgendaResource, String)>) -> Self {
        Self { involved: InvolvedThings::AnyOf(things), ..Self::default() }
    }

    fn includes_code(&self, code: ConflictCode) -> bool {
        self.severity.is_none_or(|severity| severity == code.severity()) && self.code.is_none_or(|only| only == code)
    }

    fn includes(&self, conflict: &Conflict) -> bool {
        self.involved.include(conflict.resource, &conflict.thing)
            || conflict.others.iter().any(|other| self.involved.include(other.resource, &other.code))
    }
}

/// Most conflicts of one severity that are kept; the others are only counted.
const CONFLICTS_MAX: usize = 1_000;

/// Result of a check.
#[derive(Debug)]
pub struct Findings {
    scope: Scope,
    errors: Vec<Conflict>,
    warnings: Vec<Conflict>,
    /// Number of all errors, including those that are not kept or outside the scope.
    pub error_count: usize,
    /// Number of all warnings, including those that are not kept or outside the scope.
    pub warning_count: usize,
}

impl Findings {
    pub fn within(scope: Scope) -> Self {
        Self { scope, errors: Vec::new(), warnings: Vec::new(), error_count: 0, warning_count: 0 }
    }

    /// Counts conflicts without keeping them.
    pub fn count(&mut self, code: ConflictCode, count: usize) {
        match code.severity() {
            Severity::Error => self.error_count += count,
            Severity::Warning => self.warning_count += count,
        }
    }

    /// Whether a conflict with this code can be kept, if the things it involves are in the scope.
    pub fn can_keep(&self, code: ConflictCode) -> bool {
        let conflicts = match code.severity() {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        conflicts.len() < CONFLICTS_MAX && self.scope.includes_code(code)
    }

    /// Whether conflicts of this thing are in the scope.
    pub fn is_in_scope(&self, resource: AgendaResource, code: &str) -> bool {
        self.scope.involved.include(resource, code)
    }

    /// Keeps a conflict that was counted already, if it is in the scope and the limit is not reached.
    pub fn keep(&mut self, conflict: Conflict) {
        if self.can_keep(conflict.code) && self.scope.includes(&conflict) {
            match conflict.severity {
                Severity::Error => self.errors.push(conflict),
                Severity::Warning => self.warnings.push(conflict),
            }
        }
    }

    /// Counts one conflict, and builds it only if it can be kept.
    pub fn add(&mut self, code: ConflictCode, build: impl FnOnce() -> Conflict) {
        self.count(code, 1);
        if self.can_keep(code) {
            self.keep(build());
        }
    }

    /// The conflicts that were kept: errors first, then by code, then in the order in which they were found.
    pub fn conflicts(self) -> Vec<Conflict> {
        let mut conflicts = self.errors;
        conflicts.extend(self.warnings);
        conflicts.sort_by_key(|conflict| conflict.code);
        conflicts
    }
}
