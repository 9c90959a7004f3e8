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
                Self { limit: query.limit, cursor: query.cursor, search_text: query.q, sort: query.sort }
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
    search_text: Option<String>,
    sort: Option<String>,
}

impl ListQueryBase {
    /// The page that is asked for.
    ///
    /// # Errors
    /// One error for each invalid parameter: limit, cursor, sort field.
    pub fn page<T: Resource>(&self) -> Result<Page, ValidationErrors> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref());
        let mut errors = page.as_ref().err().cloned().unwrap_or_default();
        if self.sort_field().is_some_and(|field| !T::SORTS.contains(&field)) {
            errors.add("?sort", "unknown_value", format!("must be one of {}", T::SORTS.join(", ")));
        }
        match page {
            Ok(page) => errors.into_result(page),
            Err(_) => Err(errors),
        }
    }

    fn sort_field(&self) -> Option<&str> {
        self.sort.as_deref().map(|sort| sort.trim_start_matches('-'))
    }

    fn is_descending(&self) -> bool {
        self.sort.as_deref().is_some_and(|sort| sort.starts_with('-'))
    }

    /// The things of the page, and the first of the next page if there is one. `all` is the whole list, `filtered` the
    /// part that the filters leave.
    pub fn select<'a, T: Resource>(
        &self,
        all: &[T],
        filtered: &'a [T],
        languages: &[LanguageTag],
        page: &Page,
    ) -> Vec<&'a T> {
        let search_text = self.search_text.as_deref().map(str::to_lowercase);
        let matches_search = |thing: &&T| {
            search_text
                .as_deref()
                .is_none_or(|search_text| thing.texts().iter().any(|text| text.to_lowercase().contains(search_text)))
        };
        let sort_keys = SortKeys::of(self.sort_field(), all, languages);
        let mut candidates: Vec<(String, &T)> =
            filtered.iter().filter(matches_search).map(|thing| (sort_keys.key_of(thing), thing)).collect();
        candidates.sort_by(|(one, _), (other, _)| if self.is_descending() { other.cmp(one) } else { one.cmp(other) });
        let is_after_cursor = |sort_key: &String| match &page.after {
            None => true,
            Some(cursor_key) if self.is_descending() => sort_key < cursor_key,
            Some(cursor_key) => sort_key > cursor_key,
        };
        candidates
            .into_iter()
            .filter(|(sort_key, _)| is_after_cursor(sort_key))
            .map(|(_, thing)| thing)
            .take(page.limit + 1)
            .collect()
    }

    /// Sort key of a thing in the order that is asked for; a cursor holds it.
    pub fn sort_key<T: Resource>(&self, thing: &T, all: &[T], languages: &[LanguageTag]) -> String {
        SortKeys::of(self.sort_field(), all, languages).key_of(thing)
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
        let in_draft_order = all.iter().filter(|_| field.is_none()).enumerate();
        let indices = in_draft_order.map(|(index, thing)| (thing.code().into_owned(), index)).collect();
        Self { field, languages, indices }
    }

    fn key_of<T: Resource>(&self, thing: &T) -> String {
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
    /// One error for each filter value that names nothing in the draft.
    fn filter(&self, agenda: &Agenda, all: &[T]) -> Result<Vec<T>, ValidationErrors>;
}

impl<T: Resource> Filter<T> for ListQuery {
    fn filter(&self, _: &Agenda, all: &[T]) -> Result<Vec<T>, ValidationErrors> {
        Ok(all.to_vec())
    }
}

/// Adds an error if a filter names a thing that is not in the draft.
fn ensure_known<T: Resource>(errors: &mut ValidationErrors, name: &str, code: Option<&Code>, all: &[T]) {
    if code.is_some_and(|code| !all.iter().any(|thing| thing.code() == code.as_str())) {
        errors.add(format!("?{name}"), "unknown_reference", format!("names no {name} of the draft"));
    }
}

fn filtered<T: Clone>(all: &[T], matches: impl Fn(&&T) -> bool) -> Vec<T> {
    all.iter().filter(matches).cloned().collect()
}

impl Filter<Organisation> for OrganisationListQuery {
    fn filter(&self, _: &Agenda, all: &[Organisation]) -> Result<Vec<Organisation>, ValidationErrors> {
        Ok(filtered(all, |organisation| {
            self.kind.is_none_or(|kind| organisation.kind == kind)
                && (self.country.is_none() || organisation.country == self.country)
        }))
    }
}

impl Filter<Speaker> for SpeakerListQuery {
    fn filter(&self, agenda: &Agenda, all: &[Speaker]) -> Result<Vec<Speaker>, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        ensure_known(&mut errors, "organisation", self.organisation.as_ref(), &agenda.organisations);
        errors.into_result(())?;
        Ok(filtered(all, |speaker| {
            (self.organisation.is_none() || speaker.organisation == self.organisation)
                && (self.country.is_none() || speaker.country == self.country)
                && (self.precedence.is_none() || speaker.precedence == self.precedence)
        }))
    }
}

impl Filter<Item> for ItemListQuery {
    fn filter(&self, agenda: &Agenda, all: &[Item]) -> Result<Vec<Item>, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        ensure_known(&mut errors, "speaker", self.speaker.as_ref(), &agenda.speakers);
        errors.into_result(())?;
        let appears = |item: &Item, code: &Code| item.appearances.iter().any(|appearance| appearance.speaker == *code);
        Ok(filtered(all, |item| {
            self.kind.is_none_or(|kind| item.kind == kind)
                && self.speaker.as_ref().is_none_or(|code| appears(item, code))
        }))
    }
}

impl Filter<Session> for SessionListQuery {
    fn filter(&self, agenda: &Agenda, all: &[Session]) -> Result<Vec<Session>, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        if self.day.is_some_and(|date| !agenda.days.iter().any(|day| day.date == date)) {
            errors.add("?day", "unknown_reference", "names no day of the draft");
        }
        ensure_known(&mut errors, "track", self.track.as_ref(), &agenda.tracks);
        ensure_known(&mut errors, "room", self.room.as_ref(), &agenda.rooms);
        ensure_known(&mut errors, "speaker", self.speaker.as_ref(), &agenda.speakers);
        errors.into_result(())?;
        Ok(filtered(all, |session| self.matches(agenda, session)))
    }
}

impl SessionListQuery {
    fn matches(&self, agenda: &Agenda, session: &Session) -> bool {
        self.day.is_none_or(|date| agenda.day_of(session).is_some_and(|day| day.date == date))
            && self.track.as_ref().is_none_or(|code| session.track.as_ref() == Some(code))
            && self.room.as_ref().is_none_or(|code| session.room.as_ref() == Some(code))
            && self.kind.is_none_or(|kind| session.kind == kind)
            && self.speaker.as_ref().is_none_or(|code| session.has_speaker(code))
    }
}
