//! The times of sessions and items. A session has a start and an end; an item starts when the time limits of the items
//! before it have passed.

use chrono::{DateTime, Duration, FixedOffset};
use uuid::Uuid;

use crate::{
    agenda::{
        Agenda,
        document::{Appearance, Item, Session},
        model::instant,
    },
    values::{Code, Localised},
};

/// A period of time, with the offset of the conference's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub starts_at: DateTime<FixedOffset>,
    /// The first instant after it.
    pub ends_at: DateTime<FixedOffset>,
}

impl Span {
    pub fn of(session: &Session) -> Self {
        Self { starts_at: instant(session.starts_at), ends_at: instant(session.ends_at) }
    }

    /// Whether the instant lies in the period.
    pub fn contains(&self, at: DateTime<FixedOffset>) -> bool {
        (self.starts_at..self.ends_at).contains(&at)
    }

    /// The duration in whole minutes.
    pub fn minutes(&self) -> i64 {
        (self.ends_at - self.starts_at).num_minutes()
    }
}

/// The time of each item of a session; `None` if it is not known. It is known if this item and all items before it have
/// a time limit, and the item ends within the session: beyond the end of the session the time limits cannot be right.
pub fn item_spans(session: &Session) -> Vec<Option<Span>> {
    let session_span = Span::of(session);
    let mut next = Some(session_span.starts_at);
    let mut span = |item: &Item| {
        let starts_at = next?;
        next = item.time_limit_minutes.map(|limit| starts_at + Duration::minutes(i64::from(limit.0)));
        next = next.filter(|ends_at| *ends_at <= session_span.ends_at);
        Some(Span { starts_at, ends_at: next? })
    };
    session.items.iter().map(&mut span).collect()
}

/// A session, or an item whose time is known. Formats without nested events show each slot as an event.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    pub session: &'a Session,
    /// `None` for the session itself.
    pub item: Option<&'a Item>,
    pub span: Span,
}

impl<'a> Slot<'a> {
    /// The id of the session or the item.
    pub fn id(&self) -> Uuid {
        let id = match self.item {
            Some(item) => item.id.map(|id| id.uuid()),
            None => self.session.id.map(|id| id.uuid()),
        };
        // Everything that was released has an id.
        id.unwrap_or_default()
    }

    /// The identifier by which other systems know it: the one that it was imported with, otherwise its id.
    pub fn guid(&self) -> Uuid {
        match self.item {
            Some(_) => self.id(),
            None => session_guid(self.session),
        }
    }

    pub fn code(&self) -> &'a Code {
        self.item.map_or(&self.session.code, |item| &item.code)
    }

    pub fn title(&self) -> &'a Localised {
        self.item.map_or(&self.session.title, |item| &item.title)
    }

    /// The abstract.
    pub fn description(&self) -> Option<&'a Localised> {
        self.item.map_or(self.session.abstract_.as_ref(), |item| item.abstract_.as_ref())
    }

    /// The kind, as the API writes it.
    pub fn kind(&self) -> &'static str {
        self.item.map_or(self.session.kind.as_str(), |item| item.kind.as_str())
    }

    /// The people who appear in it, in order, each once; for a session, also the people in its items.
    pub fn appearances(&self) -> Vec<&'a Appearance> {
        let all: Vec<&Appearance> = match self.item {
            Some(item) => item.appearances.iter().collect(),
            None => self.session.all_appearances().collect(),
        };
        let is_first = |index: usize, appearance: &Appearance| {
            !all[..index].iter().any(|other| other.speaker == appearance.speaker)
        };
        all.iter()
            .enumerate()
            .filter(|(index, appearance)| is_first(*index, appearance))
            .map(|(_, appearance)| *appearance)
            .collect()
    }
}

/// The identifier by which other systems know a session.
pub fn session_guid(session: &Session) -> Uuid {
    session.guid.or(session.id).map(|id| id.uuid()).unwrap_or_default()
}

/// The session itself, then its items whose times are known.
pub fn slots_of(session: &Session) -> impl Iterator<Item = Slot<'_>> {
    let session_slot = Slot { session, item: None, span: Span::of(session) };
    let of_item = move |(item, span): (_, Option<Span>)| Some(Slot { session, item: Some(item), span: span? });
    std::iter::once(session_slot).chain(session.items.iter().zip(item_spans(session)).filter_map(of_item))
}

/// Every slot of an agenda, session by session.
pub fn slots(agenda: &Agenda) -> impl Iterator<Item = Slot<'_>> {
    agenda.sessions.iter().flat_map(slots_of)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validation;

    fn spans(limits: &[Option<u32>]) -> Vec<Option<String>> {
        let items: Vec<_> = limits
            .iter()
            .enumerate()
            .map(|(number, limit)| {
                json!({ "code": format!("item-{number}"), "kind": "statement", "title": { "en": "X" },
                        "time_limit_minutes": limit })
            })
            .collect();
        let session: Session = validation::read(json!({
            "code": "x", "kind": "thematic", "title": { "en": "X" }, "items": items,
            "starts_at": "2030-05-01T09:00:00+02:00", "ends_at": "2030-05-01T10:00:00+02:00",
        }))
        .unwrap();
        let words = |span: Span| format!("{}-{}", span.starts_at.format("%H:%M"), span.ends_at.format("%H:%M"));
        item_spans(&session).into_iter().map(|span| span.map(words)).collect()
    }

    #[test]
    fn an_item_has_a_time_while_all_limits_are_known_and_the_session_lasts() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(spans(&[Some(20), Some(40)]), [some("09:00-09:20"), some("09:20-10:00")]);
        assert_eq!(spans(&[Some(20), None, Some(10)]), [some("09:00-09:20"), None, None]);
        assert_eq!(spans(&[Some(50), Some(11), Some(1)]), [some("09:00-09:50"), None, None]);
        assert_eq!(spans(&[]), Vec::<Option<String>>::new());
    }
}
