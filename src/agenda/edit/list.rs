//! Which things of a list are wanted, in which order, on which page.

use std::collections::HashMap;

use deserr::Deserr;
use utoipa::IntoParams;

use super::resource::Resource;
use crate::{
    agenda::document::{Agenda, Session, SessionKind},
    faults::Faults,
    http::paging::Page,
    values::{Code, Date, LanguageTag},
};

/// The query of a list.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only things whose names or texts, in any language, hold these words.
    #[deserr(default)]
    pub q: Option<String>,
    /// What to sort by, `-` before it for the other direction; the draft's own order if left out.
    #[deserr(default)]
    pub sort: Option<String>,
}

/// The query of the list of sessions.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionListQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only sessions whose title, or the title of an item, holds these words in any language.
    #[deserr(default)]
    pub q: Option<String>,
    /// What to sort by: `starts_at`, `title`, `code`, `-` before it for the other direction; the draft's own order if
    /// left out.
    #[deserr(default)]
    pub sort: Option<String>,
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

/// Which things are wanted.
#[derive(Debug, Default)]
pub struct Wanted {
    limit: Option<String>,
    cursor: Option<String>,
    words: Option<String>,
    sort: Option<String>,
}

impl From<ListQuery> for Wanted {
    fn from(query: ListQuery) -> Self {
        Self { limit: query.limit, cursor: query.cursor, words: query.q, sort: query.sort }
    }
}

impl Wanted {
    /// The page, and whether the list can be sorted as asked.
    ///
    /// # Errors
    /// A fault a parameter.
    pub fn page<T: Resource>(&self) -> Result<Page, Faults> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref());
        let mut faults = page.as_ref().err().cloned().unwrap_or_default();
        if self.sort_field().is_some_and(|field| !T::SORTS.contains(&field)) {
            faults.add("?sort", "unknown_value", format!("must be one of {}", T::SORTS.join(", ")));
        }
        match page {
            Ok(page) => faults.or(page),
            Err(_) => Err(faults),
        }
    }

    fn sort_field(&self) -> Option<&str> {
        self.sort.as_deref().map(|sort| sort.trim_start_matches('-'))
    }

    fn is_descending(&self) -> bool {
        self.sort.as_deref().is_some_and(|sort| sort.starts_with('-'))
    }

    /// The things of the page and, where there is one, the first of the next. `all` is the list that `narrowed` is of.
    pub fn choose<'a, T: Resource>(
        &self,
        all: &[T],
        narrowed: &'a [T],
        languages: &[LanguageTag],
        page: &Page,
    ) -> Vec<&'a T> {
        let words = self.words.as_deref().map(str::to_lowercase);
        let holds = |thing: &&T| {
            words.as_deref().is_none_or(|words| thing.texts().iter().any(|text| text.to_lowercase().contains(words)))
        };
        let places = Places::of(self.sort_field(), all, languages);
        let mut placed: Vec<(String, &T)> =
            narrowed.iter().filter(holds).map(|thing| (places.of_thing(thing), thing)).collect();
        placed.sort_by(|(a, _), (b, _)| if self.is_descending() { b.cmp(a) } else { a.cmp(b) });
        let follows = |place: &String| match &page.after {
            None => true,
            Some(after) if self.is_descending() => place < after,
            Some(after) => place > after,
        };
        placed.into_iter().filter(|(place, _)| follows(place)).map(|(_, thing)| thing).take(page.limit + 1).collect()
    }

    /// Where a thing stands in the order that was asked for: what a cursor remembers.
    pub fn place<T: Resource>(&self, thing: &T, all: &[T], languages: &[LanguageTag]) -> String {
        Places::of(self.sort_field(), all, languages).of_thing(thing)
    }
}

/// Where things stand in an order: by a field, then by code; or as in the draft.
struct Places<'a> {
    field: Option<&'a str>,
    languages: &'a [LanguageTag],
    indices: HashMap<String, usize>,
}

impl<'a> Places<'a> {
    fn of<T: Resource>(field: Option<&'a str>, all: &[T], languages: &'a [LanguageTag]) -> Self {
        let of_draft = all.iter().filter(|_| field.is_none()).enumerate();
        let indices = of_draft.map(|(index, thing)| (thing.code().into_owned(), index)).collect();
        Self { field, languages, indices }
    }

    fn of_thing<T: Resource>(&self, thing: &T) -> String {
        match self.field {
            Some(field) => format!("{}\u{0}{}", thing.sort_key(field, self.languages), thing.code()),
            None => format!("{:08}", self.indices.get(thing.code().as_ref()).copied().unwrap_or_default()),
        }
    }
}

/// A query that takes some things of kind `T` out of their list.
pub trait Narrow<T>: Into<Wanted> {
    /// The things that are asked for.
    ///
    /// # Errors
    /// A fault for each value that names nothing in the draft.
    fn narrow(&self, agenda: &Agenda, all: &[T]) -> Result<Vec<T>, Faults>;
}

impl<T: Resource> Narrow<T> for ListQuery {
    fn narrow(&self, _: &Agenda, all: &[T]) -> Result<Vec<T>, Faults> {
        Ok(all.to_vec())
    }
}

impl From<SessionListQuery> for Wanted {
    fn from(query: SessionListQuery) -> Self {
        Self { limit: query.limit, cursor: query.cursor, words: query.q, sort: query.sort }
    }
}

impl Narrow<Session> for SessionListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Session]) -> Result<Vec<Session>, Faults> {
        let mut faults = Faults::default();
        let mut demand = |known: bool, name: &str| {
            if !known {
                faults.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the draft"));
            }
        };
        fn knows<T: Resource>(code: Option<&Code>, all: &[T]) -> bool {
            code.is_none_or(|code| all.iter().any(|known| known.code() == code.as_str()))
        }
        demand(self.day.is_none_or(|date| agenda.days.iter().any(|day| day.date == date)), "day");
        demand(knows(self.track.as_ref(), &agenda.tracks), "track");
        demand(knows(self.room.as_ref(), &agenda.rooms), "room");
        demand(knows(self.speaker.as_ref(), &agenda.speakers), "speaker");
        faults.or(())?;
        Ok(all.iter().filter(|session| self.takes(agenda, session)).cloned().collect())
    }
}

impl SessionListQuery {
    fn takes(&self, agenda: &Agenda, session: &Session) -> bool {
        self.day.is_none_or(|date| agenda.day_of(session).is_some_and(|day| day.date == date))
            && self.track.as_ref().is_none_or(|code| session.track.as_ref() == Some(code))
            && self.room.as_ref().is_none_or(|code| session.room.as_ref() == Some(code))
            && self.kind.is_none_or(|kind| session.kind == kind)
            && self.speaker.as_ref().is_none_or(|code| session.has_speaker(code))
    }
}
