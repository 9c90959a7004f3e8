//! Which texts lack a language of the conference. A proper name lacks one too where it is not written in it: what is
//! the same in every language is written in each.

use std::borrow::Cow;

use super::{
    AgendaResource, CALL_FOR_ACTION,
    conflict::{Conflict, ConflictCode, Findings, Thing},
};
use crate::{
    agenda::document::{Agenda, Session},
    values::{LanguageTag, Localised, TextValue as _},
};

/// A thing with its texts.
pub struct Texts<'a> {
    /// What kind of thing.
    pub resource: AgendaResource,
    /// Its code.
    pub code: Cow<'a, str>,
    /// Where it is: a list and a place in it, and so on.
    place: [Option<(&'static str, usize)>; 2],
    /// Its texts by field; a field in a list is `commitments/0/text`.
    pub fields: Vec<(Cow<'static, str>, &'a Localised)>,
}

impl<'a> Texts<'a> {
    fn of(
        resource: AgendaResource,
        code: impl Into<Cow<'a, str>>,
        place: [Option<(&'static str, usize)>; 2],
        required: &[(&'static str, &'a Localised)],
        optional: &[(&'static str, &'a Option<Localised>)],
    ) -> Self {
        let optional = optional.iter().filter_map(|(field, text)| Some((*field, text.as_ref()?)));
        let fields = required.iter().copied().chain(optional).map(|(field, text)| (Cow::from(field), text)).collect();
        Self { resource, code: code.into(), place, fields }
    }

    /// A JSON pointer to the thing.
    pub fn pointer(&self) -> String {
        let mut pointer = "#".to_owned();
        match self.resource {
            AgendaResource::Conference => pointer.push_str("/conference"),
            AgendaResource::CallForAction => pointer.push_str("/call_for_action"),
            _ => {}
        }
        for (list, index) in self.place.iter().flatten() {
            pointer.push_str(&format!("/{list}/{index}"));
        }
        pointer
    }
}

/// Visits every thing that has texts, in the document's order.
pub fn each<'a>(agenda: &'a Agenda, visit: &mut impl FnMut(Texts<'a>)) {
    use AgendaResource::{Day, Organisation, Room, Speaker, Track};
    visit(conference(agenda));
    for (index, node) in agenda.organisations.iter().enumerate() {
        let place = [Some(("organisations", index)), None];
        visit(Texts::of(Organisation, node.code.as_str(), place, &[("name", &node.name)], &[]));
    }
    for (index, node) in agenda.days.iter().enumerate() {
        visit(Texts::of(
            Day,
            node.date.text().into_owned(),
            [Some(("days", index)), None],
            &[],
            &[("title", &node.title)],
        ));
    }
    for (index, node) in agenda.rooms.iter().enumerate() {
        visit(Texts::of(Room, node.code.as_str(), [Some(("rooms", index)), None], &[("name", &node.name)], &[]));
    }
    for (index, node) in agenda.tracks.iter().enumerate() {
        let optional = [("description", &node.description)];
        let place = [Some(("tracks", index)), None];
        visit(Texts::of(Track, node.code.as_str(), place, &[("name", &node.name)], &optional));
    }
    for (index, node) in agenda.speakers.iter().enumerate() {
        let optional = [("honorific", &node.honorific), ("position", &node.position), ("biography", &node.biography)];
        visit(Texts::of(Speaker, node.code.as_str(), [Some(("speakers", index)), None], &[], &optional));
    }
    for (index, session) in agenda.sessions.iter().enumerate() {
        of_session(index, session, visit);
    }
    if let Some(texts) = call_for_action(agenda) {
        visit(texts);
    }
}

fn of_session<'a>(index: usize, session: &'a Session, visit: &mut impl FnMut(Texts<'a>)) {
    let outer = Some(("sessions", index));
    let optional = [("abstract", &session.abstract_)];
    let title = [("title", &session.title)];
    visit(Texts::of(AgendaResource::Session, session.code.as_str(), [outer, None], &title, &optional));
    for (inner, item) in session.items.iter().enumerate() {
        let place = [outer, Some(("items", inner))];
        let optional = [("abstract", &item.abstract_)];
        visit(Texts::of(AgendaResource::Item, item.code.as_str(), place, &[("title", &item.title)], &optional));
    }
}

fn conference(agenda: &Agenda) -> Texts<'_> {
    let node = &agenda.conference;
    let required = [("name", &node.name)];
    let optional = [("description", &node.description)];
    let mut texts = Texts::of(AgendaResource::Conference, node.slug.as_str(), [None, None], &required, &optional);
    if let Some(venue) = &node.venue {
        texts.fields.push(("venue/name".into(), &venue.name));
        let more = [("venue/address", &venue.address), ("venue/city", &venue.city)];
        texts.fields.extend(more.into_iter().filter_map(|(field, text)| Some((field.into(), text.as_ref()?))));
    }
    texts
}

fn call_for_action(agenda: &Agenda) -> Option<Texts<'_>> {
    let node = agenda.call_for_action.as_ref()?;
    let required = [("title", &node.title)];
    let optional = [("preamble", &node.preamble)];
    let mut texts = Texts::of(AgendaResource::CallForAction, CALL_FOR_ACTION, [None, None], &required, &optional);
    for (index, commitment) in node.commitments.iter().enumerate() {
        texts.fields.push((format!("commitments/{index}/text").into(), &commitment.text));
        if let Some(basis) = &commitment.basis {
            texts.fields.push((format!("commitments/{index}/basis").into(), basis));
        }
    }
    Some(texts)
}

/// Whether a text is written in a language.
pub fn has(text: &Localised, language: &LanguageTag) -> bool {
    text.map().contains_key(language.as_str())
}

/// Finds the things whose texts lack a language: one warning a thing.
pub fn check(agenda: &Agenda, findings: &mut Findings) {
    let languages = &agenda.conference.languages;
    let complete = |text: &Localised| languages.iter().all(|language| has(text, language));
    each(agenda, &mut |texts| {
        if texts.fields.iter().all(|(_, text)| complete(text)) {
            return;
        }
        findings.add(ConflictCode::Untranslated, || {
            let gap = |(field, text): &(Cow<'static, str>, &Localised)| {
                let missing: Vec<_> =
                    languages.iter().filter(|language| !has(text, language)).map(LanguageTag::as_str).collect();
                (!missing.is_empty()).then(|| format!("{field} lacks {}", missing.join(", ")))
            };
            let gaps: Vec<_> = texts.fields.iter().filter_map(gap).collect();
            let detail = format!("{} {}: {}", texts.resource, texts.code, gaps.join("; "));
            let pointer = texts.pointer();
            Conflict::of(
                ConflictCode::Untranslated,
                Thing::new(texts.resource, texts.code),
                pointer,
                detail,
                Vec::new(),
            )
        });
    });
}
