//! Queries of the agenda's lists: which things, in which order, on which page.

use std::collections::HashMap;

use deserr::Deserr;
use utoipa::IntoParams;

use super::resource::Resource;
use crate::{
    agenda::document::{
        Agenda, Item, ItemKind, Organisation, OrganisationKind, Precedence, Session, SessionKind, Speaker,
    },
    http::paging::Page,
    validation::ValidationErrors,
    values::{Code, CountryCode, Date, LanguageTag},
};

/// Defines the query of a list: page, search, order, and the list's own filters.
macro_rules! list_query {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })+) => {
        $($(#[$doc])*
        #[derive(Debug, Default, Deserr, IntoParams)]
        #[deserr(error = ValidationErrors, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Number of things on a page: 1 to 200; 50 if left out.
            #[deserr(default)]
            pub limit: Option<String>,
            /// Position to continue from, as in `next` of the page before.
            #[deserr(default)]
            pub cursor: Option<String>,
            /// Only things whose code, names or texts (in any language) contain this text; case is ignored.
            #[deserr(default)]
            pub q: Option<String>,
            /// Field to sort by, with `-` before it for descending order; the order of the draft if left out.
            #[deserr(default)]
            pub sort: Option<String>,
            $($(#[$field_doc])*
            #[deserr(default)]
            pub $field: Option<$kind>,)*
        }

        impl From<$name> for ListQueryBase {
            fn from(query: $name) -> Self {
                Self { limit: query.limit, cursor: query.cursor, words: query.q, sort: query.sort }
            }
        })+
    };
}
list_query! {
    /// Query of a list without filters of its own.
    ListQuery {}
    /// Query of the list of organisations.
    OrganisationListQuery {
        /// Only organisations of this kind.
        kind: OrganisationKind,
        /// Only organisations of this country (ISO 3166-1 alpha-2).
        country: CountryCode,
    }
    /// Query of the list of speakers.
    SpeakerListQuery {
        /// Only speakers who represent the organisation with this code.
        organisation: Code,
        /// Only speakers of this country (ISO 3166-1 alpha-2).
        country: CountryCode,
        /// Only speakers of this class in the order of precedence.
        precedence: Precedence,
    }
    /// Query of the list of sessions. The list can be sorted by `starts_at`, `title` or `code`.
    SessionListQuery {
        /// Only sessions on this day of the conference.
        day: Date,
        /// Only sessions of the track with this code.
        track: Code,
        /// Only sessions in the room with this code.
        room: Code,
        /// Only sessions of this kind.
        kind: SessionKind,
        /// Only sessions in which the speaker with this code appears.
        speaker: Code,
    }
    /// Query of the list of a session's items.
    ItemListQuery {
        /// Only items of this kind.
        kind: ItemKind,
        /// Only items in which the speaker with this code appears.
        speaker: Code,
    }
}

/// The part of a query that all lists share.
#[derive(Debug, Default)]
pub struct ListQueryBase {
    limit: Option<String>,
    cursor: Option<String>,
    words: Option<String>,
    sort: Option<String>,
}

impl ListQueryBase {
    /// The page that is asked for.
    ///
    /// # Errors
    /// One fault for each invalid parameter: limit, cursor, sort field.
    pub fn page<T: Resource>(&self) -> Result<Page, ValidationErrors> {
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

    /// The things of the page, and the first of the next page if there is one. `all` is the whole list, `narrowed` the
    /// part that the filters leave.
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
        let places = SortKeys::of(self.sort_field(), all, languages);
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

    /// Sort key of a thing in the order that is asked for; a cursor holds it.
    pub fn place<T: Resource>(&self, thing: &T, all: &[T], languages: &[LanguageTag]) -> String {
        SortKeys::of(self.sort_field(), all, languages).of_thing(thing)
    }
}

/// Sort keys of things: the sort field, then the code; without a sort field, the position in the draft.
struct SortKeys<'a> {
    field: Option<&'a str>,
    languages: &'a [LanguageTag],
    indices: HashMap<String, usize>,
}

impl<'a> SortKeys<'a> {
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

/// A query with filters for things of kind `T`.
pub trait Filter<T>: Into<ListQueryBase> {
    /// The things that pass the filters.
    ///
    /// # Errors
    /// One fault for each filter value that names nothing in the draft.
    fn narrow(&self, agenda: &Agenda, all: &[T]) -> Result<Vec<T>, ValidationErrors>;
}

impl<T: Resource> Filter<T> for ListQuery {
    fn narrow(&self, _: &Agenda, all: &[T]) -> Result<Vec<T>, ValidationErrors> {
        Ok(all.to_vec())
    }
}

/// Adds a fault if a filter names a thing that is not in the draft.
fn ensure_known<T: Resource>(faults: &mut ValidationErrors, name: &str, code: Option<&Code>, all: &[T]) {
    if code.is_some_and(|code| !all.iter().any(|known| known.code() == code.as_str())) {
        faults.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the draft"));
    }
}

fn filtered<T: Clone>(all: &[T], takes: impl Fn(&&T) -> bool) -> Vec<T> {
    all.iter().filter(takes).cloned().collect()
}

impl Filter<Organisation> for OrganisationListQuery {
    fn narrow(&self, _: &Agenda, all: &[Organisation]) -> Result<Vec<Organisation>, ValidationErrors> {
        Ok(filtered(all, |organisation| {
            self.kind.is_none_or(|kind| organisation.kind == kind)
                && (self.country.is_none() || organisation.country == self.country)
        }))
    }
}

impl Filter<Speaker> for SpeakerListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Speaker]) -> Result<Vec<Speaker>, ValidationErrors> {
        let mut faults = ValidationErrors::default();
        ensure_known(&mut faults, "organisation", self.organisation.as_ref(), &agenda.organisations);
        faults.or(())?;
        Ok(filtered(all, |speaker| {
            (self.organisation.is_none() || speaker.organisation == self.organisation)
                && (self.country.is_none() || speaker.country == self.country)
                && (self.precedence.is_none() || speaker.precedence == self.precedence)
        }))
    }
}

impl Filter<Item> for ItemListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Item]) -> Result<Vec<Item>, ValidationErrors> {
        let mut faults = ValidationErrors::default();
        ensure_known(&mut faults, "speaker", self.speaker.as_ref(), &agenda.speakers);
        faults.or(())?;
        let appears = |item: &Item, code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        Ok(filtered(all, |item| {
            self.kind.is_none_or(|kind| item.kind == kind)
                && self.speaker.as_ref().is_none_or(|code| appears(item, code))
        }))
    }
}

impl Filter<Session> for SessionListQuery {
    fn narrow(&self, agenda: &Agenda, all: &[Session]) -> Result<Vec<Session>, ValidationErrors> {
        let mut faults = ValidationErrors::default();
        if self.day.is_some_and(|date| !agenda.days.iter().any(|day| day.date == date)) {
            faults.add("?day", "unknown_reference", "names no day of the draft");
        }
        ensure_known(&mut faults, "track", self.track.as_ref(), &agenda.tracks);
        ensure_known(&mut faults, "room", self.room.as_ref(), &agenda.rooms);
        ensure_known(&mut faults, "speaker", self.speaker.as_ref(), &agenda.speakers);
        faults.or(())?;
        Ok(filtered(all, |session| self.takes(agenda, session)))
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
