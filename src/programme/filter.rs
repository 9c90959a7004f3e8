//! Which sessions a reader asked for. A value that names nothing in the release is a fault, not an empty list.

use deserr::Deserr;
use utoipa::IntoParams;

use super::snapshot::Snapshot;
use crate::{
    agenda::document::{Item, Session, SessionKind},
    faults::Faults,
    values::{Code, Date, TextValue},
};

/// The query of a programme view.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProgrammeQuery {
    /// The language of the answer; `*` answers maps with every language. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The number of an older release.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
    /// Only sessions of this day.
    #[deserr(default)]
    pub day: Option<Date>,
    /// Only sessions of this track.
    #[deserr(default)]
    pub track: Option<Code>,
    /// Only sessions in this room.
    #[deserr(default)]
    pub room: Option<Code>,
    /// Only sessions of this kind.
    #[deserr(default)]
    pub kind: Option<SessionKind>,
    /// Only sessions in which this speaker appears; of panels and keynotes only those in which they do.
    #[deserr(default)]
    pub speaker: Option<Code>,
}

/// The query of a view that has nothing to filter.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// The language of the answer; `*` answers maps with every language. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The number of an older release.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
}

/// The query of a programme behind a link.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// The token of the link.
    #[deserr(default)]
    pub token: Option<String>,
    /// The language of the answer; `*` answers maps with every language. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Only sessions of this day.
    #[deserr(default)]
    pub day: Option<Date>,
    /// Only sessions of this track.
    #[deserr(default)]
    pub track: Option<Code>,
    /// Only sessions in this room.
    #[deserr(default)]
    pub room: Option<Code>,
    /// Only sessions of this kind.
    #[deserr(default)]
    pub kind: Option<SessionKind>,
    /// Only sessions in which this speaker appears.
    #[deserr(default)]
    pub speaker: Option<Code>,
}

impl LinkQuery {
    /// The token, and what of the programme is asked for.
    pub fn split(self) -> (Option<String>, ProgrammeQuery) {
        let Self { token, lang, day, track, room, kind, speaker } = self;
        (token, ProgrammeQuery { lang, version: None, day, track, room, kind, speaker })
    }
}

/// The number of a release, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseNumber(pub i32);

impl TextValue for ReleaseNumber {
    fn type_name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("ReleaseNumber")
    }
    fn parse(text: &str) -> Result<Self, crate::faults::Fault> {
        let fault = || crate::faults::Fault::of_value("invalid_number", "must be the number of a release");
        text.parse().ok().filter(|number| *number > 0).map(Self).ok_or_else(fault)
    }
    fn text(&self) -> std::borrow::Cow<'_, str> {
        std::borrow::Cow::Owned(self.0.to_string())
    }
    fn describe() -> utoipa::openapi::schema::Object {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .minimum(Some(1))
            .build()
    }
}
crate::values::text_value!([] ReleaseNumber);

impl ProgrammeQuery {
    /// Refuses values that name nothing in the release.
    ///
    /// # Errors
    /// A fault a parameter.
    pub fn check(&self, snapshot: &Snapshot) -> Result<(), Faults> {
        let mut faults = Faults::default();
        let mut demand = |known: bool, name: &str| {
            if !known {
                faults.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the programme"));
            }
        };
        demand(self.day.is_none_or(|date| snapshot.agenda.days.iter().any(|day| day.date == date)), "day");
        demand(self.track.as_ref().is_none_or(|code| snapshot.track(code).is_some()), "track");
        demand(self.room.as_ref().is_none_or(|code| snapshot.room(code).is_some()), "room");
        demand(self.speaker.as_ref().is_none_or(|code| snapshot.speaker(code).is_some()), "speaker");
        faults.or(())
    }

    /// Whether the session was asked for.
    pub fn takes(&self, snapshot: &Snapshot, session: &Session) -> bool {
        self.day.is_none_or(|date| snapshot.agenda.day_of(session).is_some_and(|day| day.date == date))
            && self.track.as_ref().is_none_or(|code| session.track.as_ref() == Some(code))
            && self.room.as_ref().is_none_or(|code| session.room.as_ref() == Some(code))
            && self.kind.is_none_or(|kind| session.kind == kind)
            && self.speaker.as_ref().is_none_or(|code| session.has_speaker(code))
    }

    /// Whether the item was asked for, in a list of items.
    pub fn takes_item(&self, item: &Item) -> bool {
        let appears = |code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        self.speaker.as_ref().is_none_or(appears)
    }

    /// Whether any session is left out.
    pub fn is_narrowing(&self) -> bool {
        self.day.is_some()
            || self.track.is_some()
            || self.room.is_some()
            || self.kind.is_some()
            || self.speaker.is_some()
    }
}
