//! The queries of the programme. A value that names nothing in the release is a validation error, not an empty list.

use deserr::Deserr;
use utoipa::IntoParams;

use super::{snapshot::Snapshot, timing::Span};
use crate::{
    agenda::{
        document::{Item, Session, SessionKind},
        model::instant,
    },
    validation::ValidationErrors,
    values::{Code, Date, LanguageTag, LocalOrInstant, TextValue},
};

/// Query of a view of the programme.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProgrammeQuery {
    /// Language of the texts (BCP 47 tag, one of the conference's); `*` answers maps from language tag to text. If left
    /// out, the header `Accept-Language` decides, then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Number of the release to read; the latest if left out.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
    /// Only sessions of the day with this date (`YYYY-MM-DD`).
    #[deserr(default)]
    pub day: Option<Date>,
    /// Only sessions of the track with this code.
    #[deserr(default)]
    pub track: Option<Code>,
    /// Only sessions in the room with this code.
    #[deserr(default)]
    pub room: Option<Code>,
    /// Only sessions of this kind.
    #[deserr(default)]
    pub kind: Option<SessionKind>,
    /// Only sessions in which the speaker with this code appears. For panels and keynotes, only those in which they
    /// appear.
    #[deserr(default)]
    pub speaker: Option<Code>,
    /// Only sessions that are spoken in this language or interpreted into it (BCP 47 tag).
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Only sessions that take place at this time: RFC 3339, or a local time in the conference's time zone
    /// (`2030-05-01T09:30`). A session includes its start time and excludes its end time. Panels and keynotes are
    /// compared by their own times, where these are known.
    #[deserr(default)]
    pub at: Option<LocalOrInstant>,
    /// Fields to answer, as paths separated by commas: `code,title,room.name,items.title`. For a list, the fields of
    /// each element. The answer then contains only these fields, even if the schema requires others. At most 50 paths.
    #[deserr(default)]
    pub fields: Option<String>,
}

/// Query of a view that cannot be filtered.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// Language of the texts (BCP 47 tag, one of the conference's); `*` answers maps from language tag to text. If left
    /// out, the header `Accept-Language` decides, then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Number of the release to read; the latest if left out.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
    /// Fields to answer, as paths separated by commas: `code,title,room.name,items.title`. For a list, the fields of
    /// each element. The answer then contains only these fields, even if the schema requires others. At most 50 paths.
    #[deserr(default)]
    pub fields: Option<String>,
}

/// Query of a programme that is read with the token of a link.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// Token of the link.
    #[deserr(default)]
    pub token: Option<String>,
    /// Language of the texts (BCP 47 tag, one of the conference's); `*` answers maps from language tag to text. If left
    /// out, the header `Accept-Language` decides, then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Only sessions of the day with this date (`YYYY-MM-DD`).
    #[deserr(default)]
    pub day: Option<Date>,
    /// Only sessions of the track with this code.
    #[deserr(default)]
    pub track: Option<Code>,
    /// Only sessions in the room with this code.
    #[deserr(default)]
    pub room: Option<Code>,
    /// Only sessions of this kind.
    #[deserr(default)]
    pub kind: Option<SessionKind>,
    /// Only sessions in which the speaker with this code appears.
    #[deserr(default)]
    pub speaker: Option<Code>,
    /// Only sessions that are spoken in this language or interpreted into it (BCP 47 tag).
    #[deserr(default)]
    pub language: Option<LanguageTag>,
    /// Only sessions that take place at this time: RFC 3339, or a local time in the conference's time zone
    /// (`2030-05-01T09:30`). A session includes its start time and excludes its end time. Panels and keynotes are
    /// compared by their own times, where these are known.
    #[deserr(default)]
    pub at: Option<LocalOrInstant>,
}

impl LinkQuery {
    /// The token, and the filter of the latest programme.
    pub fn split(self) -> (Option<String>, ProgrammeQuery) {
        let Self { token, lang, day, track, room, kind, speaker, language, at } = self;
        let query = ProgrammeQuery { lang, day, track, room, kind, speaker, language, at, ..Default::default() };
        (token, query)
    }
}

/// The number of a release, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseNumber(pub i32);

impl TextValue for ReleaseNumber {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("ReleaseNumber")
    }
    fn parse(text: &str) -> Result<Self, crate::validation::ValidationError> {
        let error =
            || crate::validation::ValidationError::of_value("invalid_number", "must be the number of a release");
        text.parse().ok().filter(|number| *number > 0).map(Self).ok_or_else(error)
    }
    fn text(&self) -> std::borrow::Cow<'_, str> {
        std::borrow::Cow::Owned(self.0.to_string())
    }
    fn schema_object() -> utoipa::openapi::schema::Object {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .minimum(Some(1))
            .build()
    }
}
crate::values::text_value!([] ReleaseNumber);

impl ProgrammeQuery {
    /// Refuses values that name nothing in the release, and resolves the time in the conference's time zone.
    ///
    /// # Errors
    /// One validation error for each wrong parameter.
    pub fn check(&mut self, snapshot: &Snapshot) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::default();
        let mut ensure = |is_known: bool, name: &str| {
            if !is_known {
                errors.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the programme"));
            }
        };
        ensure(self.day.is_none_or(|date| snapshot.agenda.days.iter().any(|day| day.date == date)), "day");
        ensure(self.track.as_ref().is_none_or(|code| snapshot.track(code).is_some()), "track");
        ensure(self.room.as_ref().is_none_or(|code| snapshot.room(code).is_some()), "room");
        ensure(self.speaker.as_ref().is_none_or(|code| snapshot.speaker(code).is_some()), "speaker");
        ensure(self.language.as_ref().is_none_or(|tag| is_language_of_programme(snapshot, tag)), "language");
        match self.at.map(|at| at.resolve(snapshot.agenda.conference.time_zone)) {
            Some(Ok(instant)) => self.at = Some(LocalOrInstant::Instant(instant)),
            Some(Err(error)) => errors.add("?at", &error.code, error.detail),
            None => {}
        }
        errors.into_result(())
    }

    /// Whether the query selects the session.
    pub fn selects(&self, snapshot: &Snapshot, session: &Session) -> bool {
        self.selects_ignoring_time(snapshot, session)
            && self.at.is_none_or(|at| Span::of(session).contains(instant(at)))
    }

    /// Whether the query selects the session, if `at` is ignored.
    pub fn selects_ignoring_time(&self, snapshot: &Snapshot, session: &Session) -> bool {
        self.day.is_none_or(|date| snapshot.agenda.day_of(session).is_some_and(|day| day.date == date))
            && self.track.as_ref().is_none_or(|code| session.track.as_ref() == Some(code))
            && self.room.as_ref().is_none_or(|code| session.room.as_ref() == Some(code))
            && self.kind.is_none_or(|kind| session.kind == kind)
            && self.speaker.as_ref().is_none_or(|code| session.has_speaker(code))
            && self.language.as_ref().is_none_or(|tag| is_language_of_session(session, tag))
    }

    /// Whether a list of items contains this item of a selected session. `span` is its time, if known.
    pub fn selects_item(&self, item: &Item, span: Option<Span>) -> bool {
        let appears = |code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        let is_on = |at| span.is_none_or(|span| span.contains(instant(at)));
        self.speaker.as_ref().is_none_or(appears) && self.at.is_none_or(is_on)
    }

    /// Whether the query asks for everything, with all fields.
    pub fn selects_everything(&self) -> bool {
        !self.has_filter() && self.fields.is_none()
    }

    /// Whether the query can leave a session out.
    pub fn has_filter(&self) -> bool {
        self.day.is_some()
            || self.track.is_some()
            || self.room.is_some()
            || self.kind.is_some()
            || self.speaker.is_some()
            || self.language.is_some()
            || self.at.is_some()
    }
}

fn is_language_of_session(session: &Session, tag: &LanguageTag) -> bool {
    session.languages.contains(tag) || session.interpretation.contains(tag)
}

fn is_language_of_programme(snapshot: &Snapshot, tag: &LanguageTag) -> bool {
    let agenda = &snapshot.agenda;
    agenda.conference.languages.contains(tag)
        || agenda.sessions.iter().any(|session| is_language_of_session(session, tag))
}
