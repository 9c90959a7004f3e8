//! Which things of a list are wanted, in which order, on which page.

use std::collections::HashMap;

use deserr::Deserr;
use utoipa::IntoParams;

use super::resource::Resource;
use crate::{
    agenda::document::{
        Agenda, Item, ItemKind, Organisation, OrganisationKind, Precedence, Session, SessionKind, Speaker,
    },
    faults::Faults,
    http::paging::Page,
    values::{Code, CountryCode, Date, LanguageTag},
};

/// The query of a list: the page, the search, the order, and the filters of its own.
macro_rules! list_query {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })+) => {
        $($(#[$doc])*
        #[derive(Debug, Default, Deserr, IntoParams)]
        #[deserr(error = Faults, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
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
            $($(#[$field_doc])*
            #[deserr(default)]
            pub $field: Option<$kind>,)*
        }

        impl From<$name> for Wanted {
            fn from(query: $name) -> Self {
                Self { limit: query.limit, cursor: query.cursor, words: query.q, sort: query.sort }
            }
        })+
    };
}
list_query! {
    /// The query of a list that has no filters of its own.
    ListQuery {}
    /// The query of the list of organisations.
    OrganisationListQuery {
        /// Only organisations of this kind.
        kind: OrganisationKind,
        /// Only organisations of this country.
        country: CountryCode,
    }
    /// The query of the list of speakers.
    SpeakerListQuery {
        /// Only speakers of this organisation.
        organisation: Code,
        /// Only speakers of this country.
        country: CountryCode,
        /// Only speakers of this class.
        precedence: Precedence,
    }
    /// The query of the list of sessions. They can be sorted by `starts_at`, `title`, `code`.
    SessionListQuery {
        /// Only sessions of this day.
        day: Date,
        /// Only sessions of this track.
        track: Code,
        /// Only sessions in this room.
        room: Code,
        /// Only sessions of this kind.
        kind: SessionKind,
        /// Only sessions in which this speaker appears.
        speaker: Code,
    }
    /// The query of the list of a session's items.
    ItemListQuery {
        /// Only items of this kind.
        kind: ItemKind,
        /// Only items in which this speaker appears.
        speaker: Code,
    }
}

/// Which things are wanted.
#[derive(Debug, Default)]
pub struct Wanted {
    limit: Option<String>,
    cursor: Option<String>,
    words: Option<String>,
    sort: Option<String>,
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

/// Demands that what a filter names is in the draft.
fn demand<T: Resource>(faults: &mut Faults, name: &str, code: Option<&Code>, all: &[T]) {
    if code.is_some_and(|code| !all.iter().any(|known| known.code() == code.as_str())) {
        faults.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the draft"));
    }
}

fn taken<T: Clone>(all: &[T], takes: impl Fn(&&T) -> bool) -> Vec<T> {
    all.iter().filter(takes).cloned().collect()
}

impl Narrow<Organisation> for OrganisationListQuery {
    fn narrow(&self, _: &Agenda, all: &[Organisation]) -> Result<Vec<Organisation>, Faults> {
        Ok(taken(all, |organisation| {
            self.kind.is_none_or(|kind| organisation.kind == kind)
                && (self.country.is_none() || organisation.country == self.country)
        }))
    }
}

impl Narrow<Speaker> for SpeakerListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Speaker]) -> Result<Vec<Speaker>, Faults> {
        let mut faults = Faults::default();
        demand(&mut faults, "organisation", self.organisation.as_ref(), &agenda.organisations);
        faults.or(())?;
        Ok(taken(all, |speaker| {
            (self.organisation.is_none() || speaker.organisation == self.organisation)
                && (self.country.is_none() || speaker.country == self.country)
                && (self.precedence.is_none() || speaker.precedence == self.precedence)
        }))
    }
}

impl Narrow<Item> for ItemListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Item]) -> Result<Vec<Item>, Faults> {
        let mut faults = Faults::default();
        demand(&mut faults, "speaker", self.speaker.as_ref(), &agenda.speakers);
        faults.or(())?;
        let appears = |item: &Item, code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        Ok(taken(all, |item| {
            self.kind.is_none_or(|kind| item.kind == kind)
                && self.speaker.as_ref().is_none_or(|code| appears(item, code))
        }))
    }
}

impl Narrow<Session> for SessionListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Session]) -> Result<Vec<Session>, Faults> {
        let mut faults = Faults::default();
        if self.day.is_some_and(|date| !agenda.days.iter().any(|day| day.date == date)) {
            faults.add("?day", "unknown_reference", "names no day of the draft");
        }
        demand(&mut faults, "track", self.track.as_ref(), &agenda.tracks);
        demand(&mut faults, "room", self.room.as_ref(), &agenda.rooms);
        demand(&mut faults, "speaker", self.speaker.as_ref(), &agenda.speakers);
        faults.or(())?;
        Ok(taken(all, |session| self.takes(agenda, session)))
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
