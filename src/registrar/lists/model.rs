//! Filters, sort orders and cursors of lists.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::row::ListRow;
use crate::{
    clock,
    http::paging::{Page, invalid_cursor},
    ids::{CategoryId, ConferenceId, DelegationId, RegistrationId, SessionId},
    registration::{
        form::question::{Question, QuestionKind},
        model::RegistrationStatus,
        session_seats::SignUpState,
    },
    validation::ValidationErrors,
    values::{fold, text_enum},
};

text_enum! {
    /// Order of a list of registrations; `-` reverses it.
    Sort {
        /// By arrival number.
        Arrival = "arrival",
        /// By arrival number, the latest first.
        LatestArrival = "-arrival",
        /// By folded name, family name first.
        Name = "name",
        /// By folded name, descending.
        LastName = "-name",
        /// By time of the last change, the oldest change first.
        Updated = "updated",
        /// By time of the last change, the latest change first.
        LatestUpdated = "-updated",
    }
}

impl Sort {
    pub const fn is_descending(self) -> bool {
        matches!(self, Self::LatestArrival | Self::LastName | Self::LatestUpdated)
    }
}

/// Sort key of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Arrival(i64),
    /// Folded name.
    Name(String),
    Updated(DateTime<Utc>),
}

/// Part of a list. A search has two: direct matches, then the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The list has only one part.
    Whole,
    /// What an index finds: names and addresses that begin with the search text, and the exact reference.
    Direct,
    /// The other matches.
    Rest,
}

/// Position where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub part: Part,
    /// Last registration of the page; `None` at the beginning of the part.
    pub after: Option<(Key, RegistrationId)>,
}

impl Cursor {
    /// Text of the cursor, before its base64url encoding.
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

    /// Reads the cursor of a request.
    pub fn read(page: &Page, sort: Sort) -> Result<Option<Self>, ValidationErrors> {
        let Some(text) = &page.after else {
            return Ok(None);
        };
        Self::parse(text, sort).map(Some).ok_or_else(|| ValidationErrors(vec![invalid_cursor()]))
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

/// Which registrations a list has: those that match every field; of a field with several values, any of them.
#[derive(Clone)]
pub struct Filter {
    pub conference: ConferenceId,
    /// All statuses if empty.
    pub states: Vec<RegistrationStatus>,
    /// All categories if empty.
    pub categories: Vec<CategoryId>,
    /// All countries if empty.
    pub countries: Vec<String>,
    pub delegation: Option<DelegationId>,
    pub session: Option<SessionId>,
    pub checked_in: Option<bool>,
    /// Whether they are in an open pair of possible duplicates.
    pub duplicates: Option<bool>,
    /// Whether they have an e-mail address.
    pub has_address: Option<bool>,
    pub text: Option<SearchTerm>,
    pub answers: Vec<AnswerFilter>,
}

impl Filter {
    /// Whether rows that a statement found must also pass [`Filter::matches`].
    pub fn needs_check(&self, part: Part) -> bool {
        (self.text.is_some() && part != Part::Direct) || !self.answers.is_empty()
    }

    /// Checks the conditions that no statement checks: the search text and the answers.
    pub fn matches(&self, part: Part, row: &ListRow) -> bool {
        let matches_text = self.text.as_ref().is_none_or(|term| match part {
            Part::Whole => term.is_direct_match(row) || term.is_match(row),
            Part::Direct => true,
            Part::Rest => !term.is_direct_match(row) && term.is_match(row),
        });
        matches_text && self.answers.iter().all(|filter| filter.matches(&row.answers.0))
    }
}

/// A search text in the forms in which columns are stored.
#[derive(Debug, Clone)]
pub struct SearchTerm {
    /// Folded as names are; may be empty.
    pub folded: String,
    /// Lower case, as addresses are.
    pub lower_case: String,
    /// Upper case, as references are.
    pub upper_case: String,
}

impl SearchTerm {
    pub fn new(text: &str) -> Self {
        Self { folded: fold(text), lower_case: text.trim().to_lowercase(), upper_case: text.trim().to_uppercase() }
    }

    /// Whether an index finds the row: its name or, if it is live, its address begins with the term, or its reference
    /// equals it.
    fn is_direct_match(&self, row: &ListRow) -> bool {
        let is_live = !row.state.is_final();
        (!self.folded.is_empty() && row.name_folded.starts_with(&self.folded))
            || (is_live && row.address_folded().starts_with(&self.lower_case))
            || row.reference == self.upper_case
    }

    /// Whether each word of the term begins a word of the name or organisation, or address or reference contain the
    /// term.
    fn is_match(&self, row: &ListRow) -> bool {
        if row.address_folded().contains(&self.lower_case) || row.reference.contains(&self.upper_case) {
            return true;
        }
        if self.folded.is_empty() {
            return false;
        }
        let folded = |text: &Option<String>| text.as_deref().map(fold).unwrap_or_default();
        let (organisation, latin_name) = (folded(&row.person.organisation), folded(&row.person.latin_name));
        self.folded.split(' ').all(|term| {
            let mut words = row.name_folded.split(' ').chain(organisation.split(' ')).chain(latin_name.split(' '));
            words.any(|word| word.starts_with(term))
        })
    }
}

/// A condition on an answer: one of several values.
#[derive(Debug, Clone)]
pub struct AnswerFilter {
    /// Code of the question.
    pub question: String,
    pub any_of: Vec<Value>,
}

impl AnswerFilter {
    /// Whether the answer is one of the values or, if it is a list, contains one.
    fn matches(&self, answers: &Value) -> bool {
        match answers.get(&self.question) {
            None | Some(Value::Null) => false,
            Some(Value::Array(options)) => options.iter().any(|option| self.any_of.contains(option)),
            Some(Value::Number(number)) => {
                self.any_of.iter().any(|value| value.as_f64().is_some() && value.as_f64() == number.as_f64())
            }
            Some(other) => self.any_of.contains(other),
        }
    }
}

/// Value of an answer, as the text of a query gives it.
///
/// # Errors
/// The values that the question takes, in English.
pub fn answer_value(question: &Question, text: &str) -> Result<Value, String> {
    match question.kind {
        QuestionKind::SingleChoice | QuestionKind::MultipleChoice => {
            let codes: Vec<_> = question.options.iter().map(|option| option.code.as_str()).collect();
            if codes.contains(&text) {
                return Ok(Value::String(text.to_owned()));
            }
            Err(format!("{text} is no option of {}: must be one of {}", question.code, codes.join(", ")))
        }
        QuestionKind::YesNo => match text {
            "yes" | "true" => Ok(Value::Bool(true)),
            "no" | "false" => Ok(Value::Bool(false)),
            _ => Err(format!("{text} is no answer to {}: must be yes or no", question.code)),
        },
        QuestionKind::Number => text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("{text} is no answer to {}: must be a number", question.code)),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Data of a registration from other tables.
#[derive(Debug, Clone, Default)]
pub struct RelatedData {
    /// Code of the delegation.
    pub delegation: Option<String>,
    pub checked_in: bool,
    pub possible_duplicate: bool,
    /// Sign-ups with their state.
    pub sessions: Vec<(SessionId, SignUpState)>,
}

impl ListRow {
    /// Sort key of the row.
    pub fn key(&self, sort: Sort) -> (Key, RegistrationId) {
        let key = match sort {
            Sort::Arrival | Sort::LatestArrival => Key::Arrival(self.arrival),
            Sort::Name | Sort::LastName => Key::Name(self.name_folded.clone()),
            Sort::Updated | Sort::LatestUpdated => Key::Updated(self.updated_at.0),
        };
        (key, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        database::types::{DbInstant, JsonValue},
        ids::Id,
        registration::rows::PersonalColumns,
    };

    fn row(family: &str, given: &str) -> ListRow {
        let at = DbInstant(DateTime::from_timestamp(0, 0).unwrap());
        ListRow {
            id: Id::new(),
            category_id: Id::new(),
            reference: "S-00ABCDEF".to_owned(),
            state: RegistrationStatus::Confirmed,
            arrival: 1,
            person: PersonalColumns {
                given_name: Some(given.to_owned()),
                family_name: Some(family.to_owned()),
                email: Some("Ada@Example.org".to_owned()),
                organisation: Some("Société Générale".to_owned()),
                ..PersonalColumns::default()
            },
            name_folded: fold(&format!("{family} {given}")),
            email_folded: Some("ada@example.org".to_owned()),
            answers: JsonValue(serde_json::json!({ "diet": ["vegan", "halal"], "age": 30, "yes": true })),
            offer_expires_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let id = Id::new();
        let at = DateTime::from_timestamp(5, 123_456_000).unwrap();
        let keys = [
            (Sort::Arrival, Key::Arrival(7)),
            (Sort::Name, Key::Name("de la cruz ana".into())),
            (Sort::Updated, Key::Updated(at)),
        ];
        for (sort, key) in keys {
            let cursor = Cursor { part: Part::Rest, after: Some((key, id)) };
            assert_eq!(Cursor::parse(&cursor.text(), sort), Some(cursor));
        }
        let start = Cursor { part: Part::Direct, after: None };
        assert_eq!(Cursor::parse(&start.text(), Sort::Name), Some(start));
        for foreign in ["", "x", "w1", "wno-id 5", "7"] {
            assert_eq!(Cursor::parse(foreign, Sort::Arrival), None, "{foreign}");
        }
    }

    #[test]
    fn a_text_is_found_by_the_beginnings_of_words_and_within_addresses_and_references() {
        let row = row("Thiong\u{2019}o", "Ng\u{169}g\u{129}");
        for text in ["thiong", "NGUGI thiong", "generale", "soc gen", "ada@", "EXAMPLE.org", "s-00abcdef", "abcd"] {
            let term = SearchTerm::new(text);
            assert!(term.is_direct_match(&row) || term.is_match(&row), "{text}");
        }
        for text in ["hiong", "ngugi x", "=", "nobody@"] {
            let term = SearchTerm::new(text);
            assert!(!term.is_direct_match(&row) && !term.is_match(&row), "{text}");
        }
    }

    #[test]
    fn an_answer_matches_as_a_whole_or_as_one_of_several_options() {
        let answers = row("a", "b").answers.0;
        let filter = |question: &str, value: Value| AnswerFilter { question: question.into(), any_of: vec![value] };
        assert!(filter("diet", "halal".into()).matches(&answers));
        assert!(!filter("diet", "kosher".into()).matches(&answers));
        assert!(filter("age", 30.0.into()).matches(&answers));
        assert!(filter("yes", true.into()).matches(&answers));
        assert!(!filter("no", true.into()).matches(&answers));
    }
}
