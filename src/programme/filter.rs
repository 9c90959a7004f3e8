//! Which sessions a reader asked for. A value that names nothing in the release is a fault, not an empty list.

use deserr::Deserr;
use utoipa::IntoParams;

use super::{snapshot::Snapshot, timing::Span};
use crate::{
    agenda::{
        document::{Item, Session, SessionKind},
        model::instant,
    },
    faults::Faults,
    values::{Code, Date, LanguageTag, Moment, TextValue},
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
    /// Only sessions that are spoken in this language or interpreted into it.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Only sessions that are on at this time, their first instant included, their end not: RFC 3339, or a wall time in
    /// the conference's time zone. Panels and keynotes are on at their own times where these are known.
    #[deserr(default)]
    pub at: Option<Moment>,
    /// Only these fields, each a path: `code,title,room.name,items.title`. Of a list, the fields of each element.
    /// Nothing else is in the answer then, whatever its schema requires.
    #[deserr(default)]
    pub fields: Option<String>,
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
    /// Only these fields, each a path: `code,title,room.name,items.title`. Of a list, the fields of each element.
    /// Nothing else is in the answer then, whatever its schema requires.
    #[deserr(default)]
    pub fields: Option<String>,
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
    /// Only sessions that are spoken in this language or interpreted into it.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Only sessions that are on at this time, their first instant included, their end not: RFC 3339, or a wall time in
    /// the conference's time zone. Panels and keynotes are on at their own times where these are known.
    #[deserr(default)]
    pub at: Option<Moment>,
}

impl LinkQuery {
    /// The token, and what of the programme is asked for.
    pub fn split(self) -> (Option<String>, ProgrammeQuery) {
        let Self { token, lang, day, track, room, kind, speaker, language, at } = self;
        let of_latest = ProgrammeQuery { lang, day, track, room, kind, speaker, language, at, ..Default::default() };
        (token, of_latest)
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
    /// Refuses values that name nothing in the release, and settles the time in the conference's time zone.
    ///
    /// # Errors
    /// A fault a parameter.
    pub fn check(&mut self, snapshot: &Snapshot) -> Result<(), Faults> {
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
        demand(self.language.as_ref().is_none_or(|tag| is_heard(snapshot, tag)), "language");
        match self.at.map(|at| at.resolve(snapshot.agenda.conference.time_zone)) {
            Some(Ok(instant)) => self.at = Some(Moment::Instant(instant)),
            Some(Err(fault)) => faults.add("?at", &fault.code, fault.detail),
            None => {}
        }
        faults.or(())
    }

    /// Whether the session was asked for.
    pub fn takes(&self, snapshot: &Snapshot, session: &Session) -> bool {
        self.takes_at_any_time(snapshot, session) && self.at.is_none_or(|at| Span::of(session).holds(instant(at)))
    }

    /// Whether the session was asked for, if the time is left aside.
    pub fn takes_at_any_time(&self, snapshot: &Snapshot, session: &Session) -> bool {
        self.day.is_none_or(|date| snapshot.agenda.day_of(session).is_some_and(|day| day.date == date))
            && self.track.as_ref().is_none_or(|code| session.track.as_ref() == Some(code))
            && self.room.as_ref().is_none_or(|code| session.room.as_ref() == Some(code))
            && self.kind.is_none_or(|kind| session.kind == kind)
            && self.speaker.as_ref().is_none_or(|code| session.has_speaker(code))
            && self.language.as_ref().is_none_or(|tag| is_heard_in(session, tag))
    }

    /// Whether the item of a session that was asked for was so too, in a list of items.
    pub fn takes_item(&self, item: &Item, span: Option<Span>) -> bool {
        let appears = |code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        let is_on = |at| span.is_none_or(|span| span.holds(instant(at)));
        self.speaker.as_ref().is_none_or(appears) && self.at.is_none_or(is_on)
    }

    /// Whether everything is asked for, with all its fields.
    pub fn is_of_all(&self) -> bool {
        !self.is_narrowing() && self.fields.is_none()
    }

    /// Whether any session is left out.
    pub fn is_narrowing(&self) -> bool {
        self.day.is_some()
            || self.track.is_some()
            || self.room.is_some()
            || self.kind.is_some()
            || self.speaker.is_some()
            || self.language.is_some()
            || self.at.is_some()
    }
}

fn is_heard_in(session: &Session, tag: &LanguageTag) -> bool {
    session.languages.contains(tag) || session.interpretation.contains(tag)
}

fn is_heard(snapshot: &Snapshot, tag: &LanguageTag) -> bool {
    let agenda = &snapshot.agenda;
    agenda.conference.languages.contains(tag) || agenda.sessions.iter().any(|session| is_heard_in(session, tag))
}
