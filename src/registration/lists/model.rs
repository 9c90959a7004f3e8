//! What is wanted of a list, and in which order.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::store::Entry;
use crate::{
    clock,
    faults::Faults,
    http::paging::{Page, invalid_cursor},
    ids::{CategoryId, ConferenceId, DelegationId, RegistrationId, SessionId},
    registration::{
        form::question::{Question, QuestionKind},
        model::{State, fold},
    },
    values::text_enum,
};

text_enum! {
    /// The order of a list of registrations; with `-` the other way round.
    Sort {
        /// As they came.
        Arrival = "arrival",
        /// The latest first.
        LatestArrival = "-arrival",
        /// By folded name, family name first.
        Name = "name",
        /// By folded name, the last first.
        LastName = "-name",
        /// The longest unchanged first.
        Updated = "updated",
        /// The latest change first.
        LatestUpdated = "-updated",
    }
}

impl Sort {
    /// Whether the list goes down.
    pub const fn is_descending(self) -> bool {
        matches!(self, Self::LatestArrival | Self::LastName | Self::LatestUpdated)
    }
}

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The place among all registrations.
    Arrival(i64),
    /// The folded name.
    Name(String),
    /// When it last changed.
    Updated(DateTime<Utc>),
}

/// What part of a list a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The list has one part.
    Whole,
    /// What an index finds by its beginning: names, addresses and references that begin with what was searched.
    Direct,
    /// What else holds what was searched.
    Rest,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// In which part.
    pub part: Part,
    /// After which registration; at the beginning of the part if there is none.
    pub after: Option<(Key, RegistrationId)>,
}

impl Bookmark {
    /// As a cursor carries it.
    pub fn text(&self) -> String {
        let part = match self.part {
            Part::Whole => 'w',
            Part::Direct => 'd',
            Part::Rest => 'r',
        };
        let Some((key, id)) = &self.after else {
            return part.to_string();
        };
        match key {
            Key::Arrival(arrival) => format!("{part}{id} {arrival}"),
            Key::Name(name) => format!("{part}{id} {name}"),
            Key::Updated(at) => format!("{part}{id} {}", clock::wire(*at)),
        }
    }

    /// What a page asks for.
    pub fn read(page: &Page, sort: Sort) -> Result<Option<Self>, Faults> {
        let Some(text) = &page.after else {
            return Ok(None);
        };
        Self::parse(text, sort).map(Some).ok_or_else(|| Faults(vec![invalid_cursor()]))
    }

    fn parse(text: &str, sort: Sort) -> Option<Self> {
        let mut letters = text.chars();
        let part = match letters.next()? {
            'w' => Part::Whole,
            'd' => Part::Direct,
            'r' => Part::Rest,
            _ => return None,
        };
        let rest = letters.as_str();
        if rest.is_empty() {
            return Some(Self { part, after: None });
        }
        let (id, key) = rest.split_once(' ')?;
        let key = match sort {
            Sort::Arrival | Sort::LatestArrival => Key::Arrival(key.parse().ok()?),
            // PostgreSQL refuses a text with a NUL; no folded name has one.
            Sort::Name | Sort::LastName => Key::Name((!key.contains('\0')).then(|| key.to_owned())?),
            Sort::Updated | Sort::LatestUpdated => Key::Updated(DateTime::parse_from_rfc3339(key).ok()?.to_utc()),
        };
        Some(Self { part, after: Some((key, id.parse().ok()?)) })
    }
}

/// Which registrations are wanted: those that fit each of these; of a list, any.
#[derive(Clone)]
pub struct Filter {
    /// Of this conference.
    pub conference: ConferenceId,
    /// In one of these states; any if empty.
    pub states: Vec<State>,
    /// In one of these categories; any if empty.
    pub categories: Vec<CategoryId>,
    /// From one of these countries; anywhere if empty.
    pub countries: Vec<String>,
    /// In this delegation.
    pub delegation: Option<DelegationId>,
    /// Signed up for this session.
    pub session: Option<SessionId>,
    /// Whether they have come in.
    pub checked_in: Option<bool>,
    /// Whether they are perhaps registered twice.
    pub duplicates: Option<bool>,
    /// What was searched.
    pub text: Option<Needle>,
    /// Who answered so.
    pub answers: Vec<Wanted>,
}

impl Filter {
    /// Whether rows that a statement found are judged once more.
    pub fn judges(&self, part: Part) -> bool {
        (self.text.is_some() && part != Part::Direct) || !self.answers.is_empty()
    }

    /// What no statement judges.
    pub fn lets_in(&self, part: Part, entry: &Entry) -> bool {
        let found = self.text.as_ref().is_none_or(|needle| match part {
            Part::Whole => needle.begins(entry) || needle.is_in(entry),
            Part::Direct => true,
            Part::Rest => !needle.begins(entry) && needle.is_in(entry),
        });
        found && self.answers.iter().all(|wanted| wanted.is_given(&entry.answers.0))
    }
}

/// A text that is searched.
#[derive(Debug, Clone)]
pub struct Needle {
    /// As names are folded; empty where nothing is left of it.
    pub folded: String,
    /// As addresses are folded.
    pub small: String,
    /// As references are written.
    pub capital: String,
}

impl Needle {
    /// What to search for.
    pub fn new(text: &str) -> Self {
        Self { folded: fold(text), small: text.trim().to_lowercase(), capital: text.trim().to_uppercase() }
    }

    /// Whether name, reference or, of a live registration, address begins with it: what indexes find.
    fn begins(&self, entry: &Entry) -> bool {
        let is_live = State::from_word(&entry.state).is_some_and(|state| !state.is_final());
        (!self.folded.is_empty() && entry.name_folded.starts_with(&self.folded))
            || (is_live && entry.email_folded.starts_with(&self.small))
            || entry.reference == self.capital
    }

    /// Whether each of its words begins a word of name or organisation, or address or reference hold it.
    fn is_in(&self, entry: &Entry) -> bool {
        if entry.email_folded.contains(&self.small) || entry.reference.contains(&self.capital) {
            return true;
        }
        if self.folded.is_empty() {
            return false;
        }
        let organisation = entry.organisation.as_deref().map(fold).unwrap_or_default();
        let mut sought = self.folded.split(' ');
        sought.all(|word| {
            let mut words = entry.name_folded.split(' ').chain(organisation.split(' '));
            words.any(|found| found.starts_with(word))
        })
    }
}

/// An answer that is wanted: one of several values.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The question's code.
    pub question: String,
    /// What any of which was answered.
    pub any_of: Vec<Value>,
}

impl Wanted {
    /// Whether one of them is the answer, or part of it.
    fn is_given(&self, answers: &Value) -> bool {
        match answers.get(&self.question) {
            None | Some(Value::Null) => false,
            Some(Value::Array(chosen)) => chosen.iter().any(|one| self.any_of.contains(one)),
            Some(Value::Number(number)) => {
                self.any_of.iter().any(|wanted| wanted.as_f64().is_some() && wanted.as_f64() == number.as_f64())
            }
            Some(other) => self.any_of.contains(other),
        }
    }
}

/// What a word of a query means as an answer to the question.
///
/// # Errors
/// In words: what the question takes.
pub fn answer(question: &Question, word: &str) -> Result<Value, String> {
    match question.kind {
        QuestionKind::SingleChoice | QuestionKind::MultipleChoice => {
            let known: Vec<_> = question.options.iter().map(|option| option.code.as_str()).collect();
            if known.contains(&word) {
                return Ok(Value::String(word.to_owned()));
            }
            Err(format!("{word} is no option of {}: must be one of {}", question.code, known.join(", ")))
        }
        QuestionKind::YesNo => match word {
            "yes" | "true" => Ok(Value::Bool(true)),
            "no" | "false" => Ok(Value::Bool(false)),
            _ => Err(format!("{word} is no answer to {}: must be yes or no", question.code)),
        },
        QuestionKind::Number => word
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("{word} is no answer to {}: must be a number", question.code)),
        _ => Ok(Value::String(word.to_owned())),
    }
}

impl Entry {
    /// Where it stands in a list of this order.
    pub fn key(&self, sort: Sort) -> (Key, RegistrationId) {
        let key = match sort {
            Sort::Arrival | Sort::LatestArrival => Key::Arrival(self.arrival),
            Sort::Name | Sort::LastName => Key::Name(self.name_folded.clone()),
            Sort::Updated | Sort::LatestUpdated => Key::Updated(self.updated_at.0),
        };
        (key, self.id)
    }
}

/// What stands beside an entry in other tables.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The code of its delegation.
    pub delegation: Option<String>,
    /// Whether they have come in.
    pub checked_in: bool,
    /// Whether they are perhaps registered twice.
    pub possible_duplicate: bool,
    /// The sessions that it is signed up for, and how that stands.
    pub sessions: Vec<(SessionId, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        database::types::{Instant, JsonValue},
        ids::Id,
    };

    fn entry(family: &str, given: &str) -> Entry {
        let at = Instant(DateTime::from_timestamp(0, 0).unwrap());
        Entry {
            id: Id::new(),
            category_id: Id::new(),
            reference: "S-00ABCDEF".to_owned(),
            state: "confirmed".to_owned(),
            arrival: 1,
            honorific: None,
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            name_folded: fold(&format!("{family} {given}")),
            email: "Ada@Example.org".to_owned(),
            email_folded: "ada@example.org".to_owned(),
            organisation: Some("Société Générale".to_owned()),
            position: None,
            country: None,
            language: "en".to_owned(),
            phone: None,
            accessibility_needs: None,
            dietary_needs: None,
            birth_date: None,
            answers: JsonValue(serde_json::json!({ "diet": ["vegan", "halal"], "age": 30, "yes": true })),
            offer_expires_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_bookmark_is_read_as_it_was_written() {
        let id = Id::new();
        let at = DateTime::from_timestamp(5, 123_456_000).unwrap();
        let keys = [
            (Sort::Arrival, Key::Arrival(7)),
            (Sort::Name, Key::Name("de la cruz ana".into())),
            (Sort::Updated, Key::Updated(at)),
        ];
        for (sort, key) in keys {
            let bookmark = Bookmark { part: Part::Rest, after: Some((key, id)) };
            assert_eq!(Bookmark::parse(&bookmark.text(), sort), Some(bookmark));
        }
        let start = Bookmark { part: Part::Direct, after: None };
        assert_eq!(Bookmark::parse(&start.text(), Sort::Name), Some(start));
        for foreign in ["", "x", "w1", "wno-id 5", "7"] {
            assert_eq!(Bookmark::parse(foreign, Sort::Arrival), None, "{foreign}");
        }
    }

    #[test]
    fn a_text_is_found_by_the_beginnings_of_words_and_within_addresses_and_references() {
        let entry = entry("Thiong\u{2019}o", "Ng\u{169}g\u{129}");
        for text in ["thiong", "NGUGI thiong", "generale", "soc gen", "ada@", "EXAMPLE.org", "s-00abcdef", "abcd"] {
            let needle = Needle::new(text);
            assert!(needle.begins(&entry) || needle.is_in(&entry), "{text}");
        }
        for text in ["hiong", "ngugi x", "=", "nobody@"] {
            let needle = Needle::new(text);
            assert!(!needle.begins(&entry) && !needle.is_in(&entry), "{text}");
        }
    }

    #[test]
    fn an_answer_is_wanted_whole_or_as_part_of_several() {
        let answers = entry("a", "b").answers.0;
        let wanted = |question: &str, value: Value| Wanted { question: question.into(), any_of: vec![value] };
        assert!(wanted("diet", "halal".into()).is_given(&answers));
        assert!(!wanted("diet", "kosher".into()).is_given(&answers));
        assert!(wanted("age", 30.0.into()).is_given(&answers));
        assert!(wanted("yes", true.into()).is_given(&answers));
        assert!(!wanted("no", true.into()).is_given(&answers));
    }
}
