//! The localised texts of an agenda: which things have them, in which fields. All code that must see every text uses
//! this list: the check of languages, their normal form, missing translations, merge patches and redaction.
//!
//! Invariant: no field is forgotten. The table names every field of every part of the document, with or without texts:
//! a new field does not compile until it is in the table, nor does a field of a type that is no [`Part`].

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::LazyLock};

use super::{
    checks::conflict::{AgendaResource, CALL_FOR_ACTION},
    document::{
        Agenda, Appearance, AppearanceRole, CallForAction, CallForActionStatus, Commitment, Conference,
        ConferenceOrganisation, Day, Issuer, Item, ItemKind, Listing, Organisation, OrganisationKind, OrganisationRole,
        Precedence, ProtocolRule, Room, Session, SessionAccess, SessionKind, Speaker, Track, Venue, Visibility,
    },
};
use crate::{
    ids::Id,
    values::{
        Code, Count, CountryCode, Date, LanguageTag, Line, LocalOrInstant, Localised, TextValue as _, TimeOfDay,
        TimeZone, WebAddress,
    },
};

/// A thing of the agenda with its own localised texts.
pub struct Texts<'a> {
    pub resource: AgendaResource,
    pub code: Cow<'a, str>,
    path: Vec<Step>,
    /// Texts by field; a field in a list is `commitments/0/text`.
    pub fields: Vec<(Cow<'static, str>, &'a Localised)>,
}

impl Texts<'_> {
    /// JSON pointer to the thing.
    pub fn pointer(&self) -> String {
        let mut pointer = "#".to_owned();
        for step in &self.path {
            pointer.push_str(&format!("/{step}"));
        }
        pointer
    }

    /// JSON pointer to the text in one of the [`Self::fields`].
    pub fn pointer_to(&self, field: &str) -> String {
        format!("{}/{field}", self.pointer())
    }
}

/// A step from a part of the document to a part of that part.
#[derive(Debug, Clone, Copy)]
enum Step {
    Member(&'static str),
    Element(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => f.write_str(name),
            Self::Element(index) => write!(f, "{index}"),
        }
    }
}

impl Agenda {
    /// Every thing that can have texts, in the order of the document.
    pub fn texts(&self) -> Vec<Texts<'_>> {
        let mut collector = Collector { things: Vec::new(), current: None, path: Vec::new() };
        self.collect(&mut collector);
        collector.things
    }

    /// Visits every localised text.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&mut Localised)) {
        self.visit_mut(visit);
    }
}

/// Whether fields with this name hold localised texts.
pub fn is_localised(field: &str) -> bool {
    static FIELDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let mut fields = BTreeSet::new();
        Agenda::localised_fields("", &mut fields);
        fields
    });
    FIELDS.contains(field)
}

/// Collects the things of an agenda and their texts.
struct Collector<'a> {
    things: Vec<Texts<'a>>,
    /// Index of the thing to which the current part belongs.
    current: Option<usize>,
    path: Vec<Step>,
}

impl<'a> Collector<'a> {
    /// Collects the texts of a part of the current part.
    fn collect_part(&mut self, step: Step, part: &'a impl Part) {
        let thing = self.current;
        self.path.push(step);
        part.collect(self);
        self.path.pop();
        self.current = thing;
    }

    fn begin_thing(&mut self, resource: AgendaResource, code: Cow<'a, str>) {
        self.current = Some(self.things.len());
        self.things.push(Texts { resource, code, path: self.path.clone(), fields: Vec::new() });
    }

    fn add(&mut self, text: &'a Localised) {
        let Some(thing) = self.current.and_then(|index| self.things.get_mut(index)) else {
            return;
        };
        let field = match self.path.get(thing.path.len()..).unwrap_or_default() {
            [Step::Member(name)] => Cow::Borrowed(*name),
            steps => steps.iter().map(Step::to_string).collect::<Vec<_>>().join("/").into(),
        };
        thing.fields.push((field, text));
    }
}

/// A part of the document. The provided methods are for a part without texts.
trait Part {
    /// Collects the things and texts of the part.
    fn collect<'a>(&'a self, _: &mut Collector<'a>) {}

    /// Visits the texts of the part.
    fn visit_mut(&mut self, _: &mut dyn FnMut(&mut Localised)) {}

    /// Adds the names of the fields that hold localised texts. `field_name` is the name of the field with the part.
    fn localised_fields(_field_name: &'static str, _names: &mut BTreeSet<&'static str>) {}
}

impl Part for Localised {
    fn collect<'a>(&'a self, collector: &mut Collector<'a>) {
        collector.add(self);
    }

    fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        visit(self);
    }

    fn localised_fields(field_name: &'static str, names: &mut BTreeSet<&'static str>) {
        names.insert(field_name);
    }
}

impl<T: Part> Part for Option<T> {
    fn collect<'a>(&'a self, collector: &mut Collector<'a>) {
        if let Some(part) = self {
            part.collect(collector);
        }
    }

    fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Localised)) {
        if let Some(part) = self {
            part.visit_mut(visit);
        }
    }

    fn localised_fields(field_name: &'static str, names: &mut BTreeSet<&'static str>) {
        T::localised_fields(field_name, names);
    }
}

impl<T: Part> Part for Vec<T> {
    fn collect<'a>(&'a self, collector: &mut Collector<'a>) {
        for (index, part) in self.iter().enumerate() {
            collector.collect_part(Step::Element(index), part);
        }
    }

    fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Localised)) {
        for part in self {
            part.visit_mut(visit);
        }
    }

    fn localised_fields(field_name: &'static str, names: &mut BTreeSet<&'static str>) {
        T::localised_fields(field_name, names);
    }
}

/// Name of a field in JSON: `abstract` is a keyword, so its field is `abstract_`.
fn json_name(field: &'static str) -> &'static str {
    field.trim_end_matches('_')
}

/// The names of the localised fields in a field of a part. The field is given as a function, for its type.
fn collect_field_names<P, T: Part>(_: fn(&P) -> &T, field: &'static str, names: &mut BTreeSet<&'static str>) {
    T::localised_fields(json_name(field), names);
}

/// Implements [`Part`] for the structs of the document. A struct that is a thing names its resource and its code.
macro_rules! parts {
    ($($part:ident $(is $resource:ident($code:expr))? { $($field:ident),+ $(,)? })+) => {
        $(impl Part for $part {
            fn collect<'a>(&'a self, collector: &mut Collector<'a>) {
                $(
                    let code: for<'b> fn(&'b Self) -> Cow<'b, str> = $code;
                    collector.begin_thing(AgendaResource::$resource, code(self));
                )?
                // There is no `..`, so that a field that is not in the table does not compile.
                let Self { $($field),+ } = self;
                $(collector.collect_part(Step::Member(json_name(stringify!($field))), $field);)+
            }

            fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Localised)) {
                let Self { $($field),+ } = self;
                $($field.visit_mut(visit);)+
            }

            fn localised_fields(_: &'static str, names: &mut BTreeSet<&'static str>) {
                $(collect_field_names(|part: &Self| &part.$field, stringify!($field), names);)+
            }
        })+
    };
}
parts! {
    Agenda { conference, organisations, days, rooms, tracks, speakers, sessions, call_for_action }
    Conference is Conference(|conference| conference.slug.text()) {
        id, slug, name, description, starts_on, ends_on, time_zone, languages, venue, organisations, walking_minutes,
        is_demonstration,
        listing,
    }
    Venue { name, address, city, country }
    ConferenceOrganisation { organisation, role }
    Organisation is Organisation(|organisation| organisation.code.text()) { id, code, name, kind, country, website }
    Day is Day(|day| day.date.text()) { id, date, title, changeover }
    Room is Room(|room| room.code.text()) { id, code, name, capacity }
    Track is Track(|track| track.code.text()) { id, code, name, description }
    Speaker is Speaker(|speaker| speaker.code.text()) {
        id, code, honorific, given_name, family_name, position, organisation, country, biography, precedence,
        precedence_rank, took_office_on, visibility, public_from,
    }
    Session is Session(|session| session.code.text()) {
        id, code, guid, kind, title, abstract_, starts_at, ends_at, room, track, languages, interpretation, access,
        seats, visibility, public_from, protocol_rule, appearances, items,
    }
    Item is Item(|item| item.code.text()) {
        id, code, kind, title, abstract_, time_limit_minutes, visibility, public_from, inscribed_at, placed_by_hand,
        appearances,
    }
    Appearance { speaker, role, on_behalf_of }
    CallForAction is CallForAction(|_| Cow::Borrowed(CALL_FOR_ACTION)) {
        id, title, preamble, issued_by, status, commitments,
    }
    Issuer { speaker, organisation }
    Commitment { text, basis }
}

/// Types of fields without localised texts.
macro_rules! without_texts {
    ($($type:ty),+ $(,)?) => {
        $(impl Part for $type {})+
    };
}
without_texts! {
    bool, Code, CountryCode, Date, LanguageTag, LocalOrInstant, TimeOfDay, TimeZone, WebAddress,
    AppearanceRole, CallForActionStatus, ItemKind, Listing, OrganisationKind, OrganisationRole, Precedence,
    ProtocolRule, SessionAccess, SessionKind, Visibility,
}
impl<K> Part for Id<K> {}
impl<const MIN: u32> Part for Count<MIN> {}
impl<const LENGTH_MAX: u64> Part for Line<LENGTH_MAX> {}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::agenda::{marked, model};

    #[test]
    fn every_text_of_the_api_document_is_listed_once_in_the_order_of_the_document() {
        let (document, pointers) = marked::document();
        let agenda = model::read(document.clone()).unwrap();
        let mut listed = Vec::new();
        for thing in agenda.texts() {
            for (field, text) in &thing.fields {
                let pointer = thing.pointer_to(field);
                let written = document.pointer(pointer.trim_start_matches('#')).unwrap();
                assert_eq!(serde_json::to_value(text).unwrap(), *written, "{pointer}");
                listed.push(pointer);
            }
        }
        assert_eq!(listed.len(), pointers.len());
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), pointers);
        let things =
            agenda.texts().into_iter().map(|thing| format!("{} {} {}", thing.resource, thing.code, thing.pointer()));
        assert_eq!(
            things.collect::<Vec<_>>(),
            [
                "conference marked #/conference",
                "organisation ngo #/organisations/0",
                "day 2030-05-01 #/days/0",
                "room hall #/rooms/0",
                "track law #/tracks/0",
                "speaker ada #/speakers/0",
                "session opening #/sessions/0",
                "item keynote #/sessions/0/items/0",
                "call_for_action call-for-action #/call_for_action",
            ]
        );
    }

    #[test]
    fn every_text_of_the_api_document_can_be_changed() {
        let (document, pointers) = marked::document();
        let mut agenda = model::read(document).unwrap();
        let mut count = 0;
        agenda.for_each_text_mut(&mut |text| {
            count += 1;
            text.edit(|text| Some(text.replace(marked::MARK, "changed")));
        });
        assert_eq!(count, pointers.len());
        assert!(!serde_json::to_string(&agenda).unwrap().contains(marked::MARK));
    }

    #[test]
    fn every_plain_text_gets_the_first_language() {
        let (mut document, pointers) = marked::document();
        for pointer in &pointers {
            *document.pointer_mut(pointer.trim_start_matches('#')).unwrap() = Value::from("plain");
        }
        let agenda = model::read(document).unwrap();
        let things = agenda.texts();
        let mut texts = things.iter().flat_map(|thing| &thing.fields);
        assert!(texts.all(|(_, text)| **text == Localised::new("en", "plain")));
    }

    #[test]
    fn the_language_of_every_text_is_checked() {
        let (mut document, pointers) = marked::document();
        for pointer in &pointers {
            document.pointer_mut(pointer.trim_start_matches('#')).unwrap()["de"] = Value::from("Deutsch");
        }
        let errors = model::read(document).unwrap_err().0.into_iter().map(|error| (error.pointer, error.code));
        let expected = pointers.iter().map(|pointer| (format!("{pointer}/de"), "unknown_language".to_owned()));
        assert_eq!(errors.collect::<BTreeSet<_>>(), expected.collect());
    }

    #[test]
    fn fields_with_texts_are_known_by_name() {
        let (_, pointers) = marked::document();
        assert!(pointers.iter().all(|pointer| is_localised(pointer.rsplit('/').next().unwrap())));
        for other in ["", "code", "family_name", "kind", "venue", "items", "commitments", "languages", "abstract_"] {
            assert!(!is_localised(other), "{other}");
        }
    }
}
