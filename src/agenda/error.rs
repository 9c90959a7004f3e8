//! Errors of the agenda, and their problem documents.

use actix_web::http::header;
use serde::Serialize;

use crate::{
    access::AccessError,
    agenda::checks::Conflict,
    database::{DatabaseError, Retry, violation::broken_constraint},
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, PRECONDITION_FAILED, Problem, problem_kinds},
    },
    validation::ValidationErrors,
    values::Code,
};

problem_kinds! {
    /// A thing with this code exists already.
    ALREADY_EXISTS = ("already-exists", 409, "A resource with this code already exists"),
    /// Other parts of the agenda refer to it.
    IN_USE = ("in-use", 409, "Other parts of the agenda depend on this"),
    /// Times have two readings in the new time zone.
    TIME_ZONE_CHANGES = ("time-zone-changes", 409, "The time zone changes: say what times keep"),
    /// The draft has errors that stop a release.
    AGENDA_CONFLICTS = ("agenda-conflicts", 409, "The draft has conflicts and cannot be released"),
}

/// The two readings of the first session when the time zone changes.
#[derive(Debug, Serialize)]
pub struct TimeZoneReadings {
    /// The session that starts first.
    pub session: Code,
    /// Its start in the former zone.
    pub before: String,
    /// Its start with `?keep=local`; `None` if the new zone does not have this local time, or has it twice.
    pub local: Option<String>,
    /// Its start with `?keep=instant`.
    pub instant: String,
    /// The new time zone.
    pub time_zone: String,
}

impl TimeZoneReadings {
    fn describe(&self) -> String {
        let local = self.local.as_deref().unwrap_or("a time that the zone does not have, or has twice");
        format!(
            "session {} starts at {}; in {}, ?keep=local makes it {local}, ?keep=instant {}",
            self.session, self.before, self.time_zone, self.instant
        )
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AgendaError {
    #[error("no such conference")]
    NotFound,
    /// The agenda has no thing of this kind with the given code. Holds the noun, such as `room`.
    #[error("no such {0}")]
    ThingNotFound(&'static str),
    /// A thing with this code exists already.
    #[error("there is a {noun} {code} already")]
    AlreadyExists {
        /// Kind of the thing, such as `room`.
        noun: &'static str,
        code: String,
    },
    /// The change would make other parts of the agenda wrong. Pointers are places in the agenda.
    #[error("{} places of the agenda depend on it", .0.0.len())]
    InUse(ValidationErrors),
    /// The thing does not match the `If-Match` or `If-None-Match` of the request.
    #[error("the thing has changed meanwhile")]
    Stale {
        /// Entity tag of the present thing; `None` if it does not exist.
        tag: Option<String>,
        /// Present thing as JSON; `None` if it does not exist.
        current: Option<serde_json::Value>,
    },
    /// The time zone changes, and nobody said whether times keep their local time or stay the same instants.
    #[error("the time zone changes")]
    TimeZoneChanges(Box<TimeZoneReadings>),
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    #[error("the document has {} faults", .0.0.len())]
    Invalid(ValidationErrors),
    /// The draft has conflicts that stop a release.
    #[error("the draft has {} conflicts", .0.len())]
    Conflicts(Vec<Conflict>),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<ValidationErrors> for AgendaError {
    fn from(errors: ValidationErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl Retry for AgendaError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Access(error) => error.may_retry(),
            // Two documents create the same thing at the same time: the second finds it when it runs again.
            Self::Database(error) => error.may_retry() || broken_constraint(error).is_some(),
            _ => false,
        }
    }
}

impl From<AgendaError> for Problem {
    fn from(error: AgendaError) -> Self {
        match error {
            AgendaError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such conference"),
            AgendaError::ThingNotFound(noun) => Problem::new(&NOT_FOUND).detail(format!("there is no such {noun}")),
            AgendaError::AlreadyExists { noun, code } => {
                Problem::new(&ALREADY_EXISTS).detail(format!("there is a {noun} {code} already"))
            }
            AgendaError::InUse(errors) => {
                Problem::new(&IN_USE).detail("`errors` names the places of the agenda that depend on it").errors(errors)
            }
            AgendaError::Stale { tag, current } => {
                let problem = Problem::new(&PRECONDITION_FAILED).detail("`current` is the resource as it is now");
                let problem = problem.member("current", current.unwrap_or(serde_json::Value::Null));
                match tag {
                    Some(tag) => problem.header(header::ETAG, tag),
                    None => problem,
                }
            }
            AgendaError::TimeZoneChanges(readings) => Problem::new(&TIME_ZONE_CHANGES)
                .detail(readings.describe())
                .member("readings", serde_json::json!(readings)),
            AgendaError::KeyReused(key_reused) => key_reused.into(),
            AgendaError::Invalid(errors) => errors.into(),
            AgendaError::Conflicts(conflicts) => Problem::new(&AGENDA_CONFLICTS)
                .detail(describe(&conflicts))
                .member("conflicts", serde_json::json!(conflicts)),
            AgendaError::Access(error) => error.into(),
            AgendaError::Database(error) => error.into(),
        }
    }
}

/// How many conflicts the problem's `detail` describes; its member `conflicts` lists all of them.
const DESCRIBED_CONFLICTS_MAX: usize = 10;

fn describe(conflicts: &[Conflict]) -> String {
    let mut details: Vec<_> =
        conflicts.iter().take(DESCRIBED_CONFLICTS_MAX).map(|conflict| conflict.detail.clone()).collect();
    if let Some(further_count) =
        conflicts.len().checked_sub(DESCRIBED_CONFLICTS_MAX).filter(|further_count| *further_count > 0)
    {
        details.push(format!("and {further_count} more"));
    }
    details.join("; ")
}
