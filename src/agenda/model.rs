//! The rules of an agenda that need nothing but the agenda.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use super::{
    document::{Agenda, Appearance, Day, Session},
    references,
};
use crate::{
    faults::{self, Faults},
    ids::{ConferenceId, Id},
    values::{Code, Date, Localised, Moment, TextValue},
};

/// The longest agenda, in sessions.
pub const SESSIONS_MAX: usize = 5_000;

/// Reads an agenda and names all that is wrong with it. In what it answers every time has the conference's offset,
/// every text its language, and every date of the conference is a day.
///
/// # Errors
/// Every fault, with its place.
pub fn read(document: Value) -> Result<Agenda, Faults> {
    let mut found = references::faults(&document);
    let mut agenda = match faults::read::<Agenda>(document) {
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
    fn check(&mut self, faults: &mut Faults) {
        let languages = &self.conference.languages;
        if languages.is_empty() {
            faults.add("#/conference/languages", "empty", "must name at least one language");
        }
        let distinct: BTreeSet<_> = languages.iter().collect();
        if distinct.len() != languages.len() {
            faults.add("#/conference/languages", "duplicate", "must name each language once");
        }
        if self.sessions.len() > SESSIONS_MAX {
            faults.add("#/sessions", "too_long", format!("at most {SESSIONS_MAX} sessions"));
        }
        let known: BTreeSet<String> = languages.iter().map(|tag| tag.as_str().to_owned()).collect();
        self.each_text(&mut |pointer, text| {
            for language in text.languages().filter(|language| *language != "und" && !known.contains(*language)) {
                let known = known.iter().cloned().collect::<Vec<_>>().join(", ");
                faults.add(
                    format!("{pointer}/{language}"),
                    "unknown_language",
                    format!("is not a language of the conference: {known}"),
                );
            }
        });
        let mut roles = BTreeSet::new();
        for (index, part) in self.conference.organisations.iter().enumerate() {
            if !roles.insert((&part.organisation, part.role)) {
                faults.add(format!("#/conference/organisations/{index}"), "duplicate", "stands here twice");
            }
        }
        if let Some(issuer) = self.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref())
            && issuer.speaker.is_some() == issuer.organisation.is_some()
        {
            let detail = "must name either a speaker or an organisation";
            faults.add("#/call_for_action/issued_by", "either_or", detail);
        }
    }

    fn settle(&mut self) {
        let Some(first) = self.conference.languages.first().cloned() else {
            return;
        };
        self.each_text(&mut |_, text| text.settle(&first));
        let zone = self.conference.time_zone;
        let settle = |moment: &mut Moment| {
            if let Ok(instant) = moment.resolve(zone) {
                *moment = Moment::Instant(instant);
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

    /// Visits every localised text with its place.
    pub fn each_text(&mut self, visit: &mut impl FnMut(String, &mut Localised)) {
        let mut some = |pointer: String, text: &mut Option<Localised>| {
            if let Some(text) = text {
                visit(pointer, text);
            }
        };
        some("#/conference/description".to_owned(), &mut self.conference.description);
        if let Some(venue) = &mut self.conference.venue {
            some("#/conference/venue/address".to_owned(), &mut venue.address);
            some("#/conference/venue/city".to_owned(), &mut venue.city);
        }
        for (index, day) in self.days.iter_mut().enumerate() {
            some(format!("#/days/{index}/title"), &mut day.title);
        }
        for (index, track) in self.tracks.iter_mut().enumerate() {
            some(format!("#/tracks/{index}/description"), &mut track.description);
        }
        for (index, speaker) in self.speakers.iter_mut().enumerate() {
            some(format!("#/speakers/{index}/honorific"), &mut speaker.honorific);
            some(format!("#/speakers/{index}/position"), &mut speaker.position);
            some(format!("#/speakers/{index}/biography"), &mut speaker.biography);
        }
        for (index, session) in self.sessions.iter_mut().enumerate() {
            some(format!("#/sessions/{index}/abstract"), &mut session.abstract_);
            for (inner, item) in session.items.iter_mut().enumerate() {
                some(format!("#/sessions/{index}/items/{inner}/abstract"), &mut item.abstract_);
            }
        }
        if let Some(call) = &mut self.call_for_action {
            some("#/call_for_action/preamble".to_owned(), &mut call.preamble);
            for (index, commitment) in call.commitments.iter_mut().enumerate() {
                some(format!("#/call_for_action/commitments/{index}/basis"), &mut commitment.basis);
            }
        }
        if let Some(call) = &mut self.call_for_action {
            for (index, commitment) in call.commitments.iter_mut().enumerate() {
                visit(format!("#/call_for_action/commitments/{index}/text"), &mut commitment.text);
            }
            visit("#/call_for_action/title".to_owned(), &mut call.title);
        }
        visit("#/conference/name".to_owned(), &mut self.conference.name);
        if let Some(venue) = &mut self.conference.venue {
            visit("#/conference/venue/name".to_owned(), &mut venue.name);
        }
        for (index, organisation) in self.organisations.iter_mut().enumerate() {
            visit(format!("#/organisations/{index}/name"), &mut organisation.name);
        }
        for (index, room) in self.rooms.iter_mut().enumerate() {
            visit(format!("#/rooms/{index}/name"), &mut room.name);
        }
        for (index, track) in self.tracks.iter_mut().enumerate() {
            visit(format!("#/tracks/{index}/name"), &mut track.name);
        }
        for (index, session) in self.sessions.iter_mut().enumerate() {
            visit(format!("#/sessions/{index}/title"), &mut session.title);
            for (inner, item) in session.items.iter_mut().enumerate() {
                visit(format!("#/sessions/{index}/items/{inner}/title"), &mut item.title);
            }
        }
    }

    /// Gives everything its id: its own where the document says it, that of the draft's thing with the same code, or a
    /// new one.
    ///
    /// # Errors
    /// An id that stands in the document twice.
    pub fn adopt_ids(&mut self, draft: Option<&Agenda>) -> Result<(), Faults> {
        let mut faults = Faults::default();
        let conference = draft.and_then(|draft| draft.conference.id);
        if let (Some(known), Some(given)) = (conference, self.conference.id)
            && known != given
        {
            faults.add("#/conference/id", "other_conference", format!("this conference has the id {known}"));
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
                    &mut faults,
                )
            };
        }
        adopt!(organisations, code);
        adopt!(days, date);
        adopt!(rooms, code);
        adopt!(tracks, code);
        adopt!(speakers, code);
        adopt!(sessions, code);
        // Items are known by their code in the whole conference, so that one may move to another session.
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
            &mut faults,
        );
        if let Some(call) = &mut self.call_for_action {
            let known = draft.and_then(|draft| draft.call_for_action.as_ref()).and_then(|call| call.id);
            call.id = known.or_else(|| Some(Id::unlinked()));
        }
        faults.or(())
    }

    /// The day on which a session lies: the one whose span, from its changeover to the next day's, holds the start.
    pub fn day_of(&self, session: &Session) -> Option<&Day> {
        self.day_at(local(session.starts_at)?)
    }

    /// The day on which something lies that starts at this wall time.
    pub fn day_at(&self, start: NaiveDateTime) -> Option<&Day> {
        let begins = |day: &Day| day.changeover.map(|changeover| day.date.0.and_time(changeover.0));
        let day = self.days.iter().rev().find(|day| begins(day).is_some_and(|begins| begins <= start))?;
        // Without a day after it, a span ends at its changeover on the next date.
        let ends = begins(day)?.checked_add_days(chrono::Days::new(1))?;
        (start < ends).then_some(day)
    }

    /// The name of the venue in a language, with its city.
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
    /// Every appearance: in the session as such, then in its items in their order.
    pub fn all_appearances(&self) -> impl Iterator<Item = &Appearance> {
        self.appearances.iter().chain(self.items.iter().flat_map(|item| &item.appearances))
    }

    /// Whether the speaker of this code appears in it.
    pub fn has_speaker(&self, code: &Code) -> bool {
        self.all_appearances().any(|appearance| appearance.speaker == *code)
    }
}

/// The wall time of a settled moment.
fn local(moment: Moment) -> Option<NaiveDateTime> {
    match moment {
        Moment::Instant(instant) => Some(instant.naive_local()),
        Moment::Wall(wall) => Some(wall),
    }
}

/// The instant of a settled moment.
pub fn instant(moment: Moment) -> DateTime<FixedOffset> {
    match moment {
        Moment::Instant(instant) => instant,
        // Settled agendas have none; UTC keeps the order should one slip through.
        Moment::Wall(wall) => wall.and_utc().fixed_offset(),
    }
}

fn adopt<N, D, K: 'static>(
    nodes: &mut [N],
    draft: &[D],
    slot: impl for<'a> Fn(&'a mut N) -> (&'a mut Option<Id<K>>, String),
    known: impl Fn(&D) -> (Option<Id<K>>, String),
    place: impl Fn(usize) -> String,
    faults: &mut Faults,
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
            faults.add(place(index), "duplicate", format!("is also the id at {}", place(first)));
        }
    }
    for node in nodes.iter_mut() {
        let (id, code) = slot(node);
        if id.is_none() {
            // A thing of the same code that another node claims by its id is being renamed.
            let same = by_code.get(&code).copied().filter(|id| !taken.contains_key(id));
            *id = Some(same.unwrap_or_else(Id::unlinked));
        }
    }
}

/// Where in the store an agenda is: its conference's id and name in URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The conference's id.
    pub id: ConferenceId,
    /// Its slug.
    pub slug: Code,
}

/// A date, as rows have it.
pub fn date(date: Date) -> NaiveDate {
    date.0
}

/// The instant in UTC, as rows have it.
pub fn utc(moment: Moment) -> DateTime<Utc> {
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

    /// The document without the ids that the service gave.
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
