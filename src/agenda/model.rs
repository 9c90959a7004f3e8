//! Rules of an agenda that need nothing but the agenda: validation, normal form and ids.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde_json::Value;

use super::{
    document::{Agenda, Appearance, Day, Listing, Session},
    references,
};
use crate::{
    ids::{ConferenceId, Id},
    validation::{self, ValidationErrors},
    values::{Code, Date, LocalOrInstant, Localised, TextValue},
};

/// The highest number of sessions in an agenda.
pub const SESSIONS_MAX: usize = 5_000;

/// Reads an agenda and reports every error. In the agenda that it returns, every time has the conference's offset,
/// every text has its language, and an agenda without days has one for every date of the conference.
///
/// # Errors
/// Every error, with its JSON pointer.
pub fn read(document: Value) -> Result<Agenda, ValidationErrors> {
    let mut errors = references::check(&document);
    let agenda = match validation::read::<Agenda>(document) {
        Ok(agenda) => agenda,
        Err(shape_errors) => {
            errors.0.splice(0..0, shape_errors.0);
            return Err(errors);
        }
    };
    agenda.check(&mut errors);
    let mut agenda = errors.into_result(agenda)?;
    agenda.normalise();
    Ok(agenda)
}

impl Agenda {
    fn check(&self, errors: &mut ValidationErrors) {
        let languages = &self.conference.languages;
        if languages.is_empty() {
            errors.add("#/conference/languages", "empty", "must name at least one language");
        }
        let distinct: BTreeSet<_> = languages.iter().collect();
        if distinct.len() != languages.len() {
            errors.add("#/conference/languages", "duplicate", "must name each language once");
        }
        if self.sessions.len() > SESSIONS_MAX {
            errors.add("#/sessions", "too_long", format!("at most {SESSIONS_MAX} sessions"));
        }
        let known_languages: BTreeSet<String> = languages.iter().map(|tag| tag.as_str().to_owned()).collect();
        for thing in self.texts() {
            for (field, text) in &thing.fields {
                let is_known = |language: &str| language == "und" || known_languages.contains(language);
                for language in text.languages().filter(|language| !is_known(language)) {
                    let listed = known_languages.iter().cloned().collect::<Vec<_>>().join(", ");
                    errors.add(
                        format!("{}/{language}", thing.pointer_to(field)),
                        "unknown_language",
                        format!("is not a language of the conference: {listed}"),
                    );
                }
            }
        }
        let mut roles = BTreeSet::new();
        for (index, conference_organisation) in self.conference.organisations.iter().enumerate() {
            if !roles.insert((&conference_organisation.organisation, conference_organisation.role)) {
                errors.add(format!("#/conference/organisations/{index}"), "duplicate", "is listed twice");
            }
        }
        if let Some(issuer) = self.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref())
            && issuer.speaker.is_some() == issuer.organisation.is_some()
        {
            let detail = "must name either a speaker or an organisation";
            errors.add("#/call_for_action/issued_by", "either_or", detail);
        }
    }

    /// Gives every time the offset of the conference, every plain text its language, and every day a changeover, and
    /// sorts the days by date; an agenda without days gets one for each date.
    fn normalise(&mut self) {
        let Some(first_language) = self.conference.languages.first().cloned() else {
            return;
        };
        self.for_each_text_mut(&mut |text| text.assign_language(&first_language));
        let zone = self.conference.time_zone;
        let resolve = |time: &mut LocalOrInstant| {
            if let Ok(instant) = time.resolve(zone) {
                *time = LocalOrInstant::Instant(instant);
            }
        };
        self.speakers.iter_mut().filter_map(|speaker| speaker.public_from.as_mut()).for_each(resolve);
        for session in &mut self.sessions {
            resolve(&mut session.starts_at);
            resolve(&mut session.ends_at);
            session.public_from.iter_mut().for_each(resolve);
            for item in &mut session.items {
                item.public_from.iter_mut().chain(&mut item.inscribed_at).for_each(resolve);
            }
        }
        if self.days.is_empty() {
            let dates = self.conference.starts_on.0.iter_days();
            self.days = dates
                .take_while(|date| *date <= self.conference.ends_on.0)
                .map(|date| Day { id: None, date: Date(date), title: None, changeover: None })
                .collect();
        }
        self.days.sort_by_key(|day| day.date);
        let midnight = chrono::NaiveTime::MIN;
        for day in &mut self.days {
            day.changeover.get_or_insert(crate::values::TimeOfDay(midnight));
        }
    }

    /// Gives every thing an id: the one in the document, else the one of the draft's thing with the same code, else a
    /// new one.
    ///
    /// # Errors
    /// An id that appears twice in the document, or an id of another conference.
    pub fn adopt_ids(&mut self, draft: Option<&Agenda>) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::default();
        let conference = draft.and_then(|draft| draft.conference.id);
        if let (Some(draft_id), Some(document_id)) = (conference, self.conference.id)
            && draft_id != document_id
        {
            errors.add("#/conference/id", "other_conference", format!("this conference has the id {draft_id}"));
        }
        self.conference.id = conference.or(self.conference.id).or_else(|| Some(Id::new_public()));
        // A document that does not mention the listing must not publish a private conference.
        let listing = self.conference.listing.or_else(|| draft.and_then(|draft| draft.conference.listing));
        self.conference.listing = Some(listing.unwrap_or(Listing::Listed));
        macro_rules! adopt_list {
            ($list:ident, $key:ident) => {
                adopt_list_ids(
                    &mut self.$list,
                    draft.map_or(&[], |draft| &draft.$list),
                    |node| (&mut node.id, node.$key.text().into_owned()),
                    |node| (node.id, node.$key.text().into_owned()),
                    |index| format!("#/{}/{index}/id", stringify!($list)),
                    &mut errors,
                )
            };
        }
        adopt_list!(organisations, code);
        adopt_list!(days, date);
        adopt_list!(rooms, code);
        adopt_list!(tracks, code);
        adopt_list!(speakers, code);
        adopt_list!(sessions, code);
        // Items are identified by their code in the whole conference, so that an item can move to another session.
        let draft_items: Vec<_> =
            draft.into_iter().flat_map(|draft| &draft.sessions).flat_map(|session| &session.items).collect();
        let item_pointers: Vec<String> = self
            .sessions
            .iter()
            .enumerate()
            .flat_map(|(outer, session)| {
                (0..session.items.len()).map(move |inner| format!("#/sessions/{outer}/items/{inner}/id"))
            })
            .collect();
        let mut items: Vec<_> = self.sessions.iter_mut().flat_map(|session| &mut session.items).collect();
        adopt_list_ids(
            &mut items,
            &draft_items,
            |item| (&mut item.id, item.code.as_str().to_owned()),
            |item| (item.id, item.code.as_str().to_owned()),
            |index| item_pointers.get(index).cloned().unwrap_or_default(),
            &mut errors,
        );
        if let Some(call) = &mut self.call_for_action {
            let call_id = draft.and_then(|draft| draft.call_for_action.as_ref()).and_then(|call| call.id);
            call.id = call_id.or_else(|| Some(Id::new_public()));
        }
        errors.into_result(())
    }

    /// Name and city of the venue, in `language` if they have it.
    pub fn venue_line(&self, language: &str) -> Option<String> {
        let venue = self.conference.venue.as_ref()?;
        let text = |localised: &Localised| localised.text(language, &self.conference.languages).to_owned();
        Some(match &venue.city {
            Some(city) => format!("{}, {}", text(&venue.name), text(city)),
            None => text(&venue.name),
        })
    }
}

impl Session {
    /// All appearances: first those of the session as a whole, then those of its items, in order.
    pub fn all_appearances(&self) -> impl Iterator<Item = &Appearance> {
        self.appearances.iter().chain(self.items.iter().flat_map(|item| &item.appearances))
    }

    pub fn has_speaker(&self, code: &Code) -> bool {
        self.all_appearances().any(|appearance| appearance.speaker == *code)
    }
}

/// The instant of a resolved time.
pub fn instant(time: LocalOrInstant) -> DateTime<FixedOffset> {
    match time {
        LocalOrInstant::Instant(instant) => instant,
        // Agendas from [`read`] have no wall times. If one comes through, UTC keeps the order.
        LocalOrInstant::Wall(wall) => wall.and_utc().fixed_offset(),
    }
}

fn adopt_list_ids<N, D, K: 'static>(
    nodes: &mut [N],
    draft: &[D],
    id_slot_and_code: impl for<'a> Fn(&'a mut N) -> (&'a mut Option<Id<K>>, String),
    id_and_code: impl Fn(&D) -> (Option<Id<K>>, String),
    pointer: impl Fn(usize) -> String,
    errors: &mut ValidationErrors,
) {
    let by_code: HashMap<String, Id<K>> = draft
        .iter()
        .filter_map(|node| {
            let (id, code) = id_and_code(node);
            Some((code, id?))
        })
        .collect();
    let mut indexes_by_id: HashMap<Id<K>, usize> = HashMap::new();
    for (index, node) in nodes.iter_mut().enumerate() {
        if let Some(id) = *id_slot_and_code(node).0
            && let Some(first_index) = indexes_by_id.insert(id, index)
        {
            errors.add(pointer(index), "duplicate", format!("is also the id at {}", pointer(first_index)));
        }
    }
    for node in nodes.iter_mut() {
        let (id, code) = id_slot_and_code(node);
        if id.is_none() {
            // If another node has this id, that node is the same thing under a new code.
            let draft_id = by_code.get(&code).copied().filter(|id| !indexes_by_id.contains_key(id));
            *id = Some(draft_id.unwrap_or_else(Id::new_public));
        }
    }
}

/// A conference by id and slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConferenceRef {
    pub id: ConferenceId,
    pub slug: Code,
}

pub fn date(date: Date) -> NaiveDate {
    date.0
}

pub fn utc(time: LocalOrInstant) -> DateTime<Utc> {
    instant(time).to_utc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agenda::{
        arbitrary,
        plan::{changes, nodes},
    };

    /// The document without ids.
    fn without_ids(document: &mut Value) {
        match document {
            Value::Object(members) => {
                members.remove("id");
                members.values_mut().for_each(without_ids);
            }
            Value::Array(elements) => elements.iter_mut().for_each(without_ids),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn an_exported_agenda_applied_again_changes_nothing(agenda in arbitrary::agenda(), with_ids in any::<bool>()) {
            let mut exported = serde_json::to_value(&agenda).unwrap();
            if !with_ids {
                without_ids(&mut exported);
            }
            let mut read = read(exported).unwrap();
            read.adopt_ids(Some(&agenda)).unwrap();
            prop_assert_eq!(&changes(&nodes(&agenda), &nodes(&read)), &Vec::new());
            prop_assert_eq!(read, agenda);
        }
    }
}
