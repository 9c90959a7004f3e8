//! Rules of an agenda that need nothing but the agenda: validation, normal form, ids, and what day a session is on.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use super::{
    document::{Agenda, Appearance, Day, Session},
    references,
};
use crate::{
    ids::{ConferenceId, Id},
    validation::{self, ValidationErrors},
    values::{Code, Date, LocalOrInstant, Localised, TextValue},
};

/// The highest number of sessions in an agenda.
pub const SESSIONS_MAX: usize = 5_000;

/// Reads an agenda and reports every fault. In the agenda that it returns, every time has the conference's offset,
/// every text has its language, and an agenda without days has one for every date of the conference.
///
/// # Errors
/// Every fault, with its JSON pointer.
pub fn read(document: Value) -> Result<Agenda, ValidationErrors> {
    let mut found = references::faults(&document);
    let agenda = match validation::read::<Agenda>(document) {
        Ok(agenda) => agenda,
        Err(shape) => {
            found.0.splice(0..0, shape.0);
            return Err(found);
        }
    };
    agenda.check(&mut found);
    let mut agenda = found.or(agenda)?;
    agenda.settle();
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
        let known: BTreeSet<String> = languages.iter().map(|tag| tag.as_str().to_owned()).collect();
        for thing in self.texts() {
            for (field, text) in &thing.fields {
                let is_known = |language: &str| language == "und" || known.contains(language);
                for language in text.languages().filter(|language| !is_known(language)) {
                    let known = known.iter().cloned().collect::<Vec<_>>().join(", ");
                    errors.add(
                        format!("{}/{language}", thing.pointer_to(field)),
                        "unknown_language",
                        format!("is not a language of the conference: {known}"),
                    );
                }
            }
        }
        let mut roles = BTreeSet::new();
        for (index, part) in self.conference.organisations.iter().enumerate() {
            if !roles.insert((&part.organisation, part.role)) {
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

    fn settle(&mut self) {
        let Some(first) = self.conference.languages.first().cloned() else {
            return;
        };
        self.each_text_mut(&mut |text| text.settle(&first));
        let zone = self.conference.time_zone;
        let settle = |moment: &mut LocalOrInstant| {
            if let Ok(instant) = moment.resolve(zone) {
                *moment = LocalOrInstant::Instant(instant);
            }
        };
        self.speakers.iter_mut().filter_map(|speaker| speaker.public_from.as_mut()).for_each(settle);
        for session in &mut self.sessions {
            settle(&mut session.starts_at);
            settle(&mut session.ends_at);
            session.public_from.iter_mut().for_each(settle);
            for item in &mut session.items {
                item.public_from.iter_mut().chain(&mut item.inscribed_at).for_each(settle);
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
        if let (Some(known), Some(given)) = (conference, self.conference.id)
            && known != given
        {
            errors.add("#/conference/id", "other_conference", format!("this conference has the id {known}"));
        }
        self.conference.id = conference.or(self.conference.id).or_else(|| Some(Id::unlinked()));
        macro_rules! adopt {
            ($list:ident, $key:ident) => {
                adopt(
                    &mut self.$list,
                    draft.map_or(&[], |draft| &draft.$list),
                    |node| (&mut node.id, node.$key.text().into_owned()),
                    |node| (node.id, node.$key.text().into_owned()),
                    |index| format!("#/{}/{index}/id", stringify!($list)),
                    &mut errors,
                )
            };
        }
        adopt!(organisations, code);
        adopt!(days, date);
        adopt!(rooms, code);
        adopt!(tracks, code);
        adopt!(speakers, code);
        adopt!(sessions, code);
        // Items are identified by their code in the whole conference, so that an item can move to another session.
        let known: Vec<_> =
            draft.into_iter().flat_map(|draft| &draft.sessions).flat_map(|session| &session.items).collect();
        let places: Vec<String> = self
            .sessions
            .iter()
            .enumerate()
            .flat_map(|(outer, session)| {
                (0..session.items.len()).map(move |inner| format!("#/sessions/{outer}/items/{inner}/id"))
            })
            .collect();
        let mut items: Vec<_> = self.sessions.iter_mut().flat_map(|session| &mut session.items).collect();
        adopt(
            &mut items,
            &known,
            |item| (&mut item.id, item.code.as_str().to_owned()),
            |item| (item.id, item.code.as_str().to_owned()),
            |index| places.get(index).cloned().unwrap_or_default(),
            &mut errors,
        );
        if let Some(call) = &mut self.call_for_action {
            let known = draft.and_then(|draft| draft.call_for_action.as_ref()).and_then(|call| call.id);
            call.id = known.or_else(|| Some(Id::unlinked()));
        }
        errors.or(())
    }

    /// The day to which a session belongs: the one that begins last before the session starts, and at most 24 hours
    /// before.
    pub fn day_of(&self, session: &Session) -> Option<&Day> {
        self.day_at(local(session.starts_at)?)
    }

    /// The day at this wall time; see [`Agenda::day_of`].
    pub fn day_at(&self, start: NaiveDateTime) -> Option<&Day> {
        let begins = |day: &Day| day.changeover.map(|changeover| day.date.0.and_time(changeover.0));
        let day = self.days.iter().rev().find(|day| begins(day).is_some_and(|begins| begins <= start))?;
        // A day lasts at most 24 hours, also where the next date is no day of the conference.
        let ends = begins(day)?.checked_add_days(chrono::Days::new(1))?;
        (start < ends).then_some(day)
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

/// The wall time in the offset of a resolved time.
fn local(moment: LocalOrInstant) -> Option<NaiveDateTime> {
    match moment {
        LocalOrInstant::Instant(instant) => Some(instant.naive_local()),
        LocalOrInstant::Wall(wall) => Some(wall),
    }
}

/// The instant of a resolved time.
pub fn instant(moment: LocalOrInstant) -> DateTime<FixedOffset> {
    match moment {
        LocalOrInstant::Instant(instant) => instant,
        // Agendas from [`read`] have no wall times. If one comes through, UTC keeps the order.
        LocalOrInstant::Wall(wall) => wall.and_utc().fixed_offset(),
    }
}

fn adopt<N, D, K: 'static>(
    nodes: &mut [N],
    draft: &[D],
    slot: impl for<'a> Fn(&'a mut N) -> (&'a mut Option<Id<K>>, String),
    known: impl Fn(&D) -> (Option<Id<K>>, String),
    place: impl Fn(usize) -> String,
    errors: &mut ValidationErrors,
) {
    let by_code: HashMap<String, Id<K>> = draft
        .iter()
        .filter_map(|node| {
            let (id, code) = known(node);
            Some((code, id?))
        })
        .collect();
    let mut taken: HashMap<Id<K>, usize> = HashMap::new();
    for (index, node) in nodes.iter_mut().enumerate() {
        if let Some(id) = *slot(node).0
            && let Some(first) = taken.insert(id, index)
        {
            errors.add(place(index), "duplicate", format!("is also the id at {}", place(first)));
        }
    }
    for node in nodes.iter_mut() {
        let (id, code) = slot(node);
        if id.is_none() {
            // If another node has this id, that node is the same thing under a new code.
            let same = by_code.get(&code).copied().filter(|id| !taken.contains_key(id));
            *id = Some(same.unwrap_or_else(Id::unlinked));
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

pub fn utc(moment: LocalOrInstant) -> DateTime<Utc> {
    instant(moment).to_utc()
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
        fn what_is_exported_changes_nothing_when_it_is_applied(agenda in arbitrary::agenda(), with_ids in any::<bool>()) {
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
