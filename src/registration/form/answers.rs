//! Checks answers against the questions of the form.

use chrono::NaiveDate;
use deserr::{Deserr, IntoValue, Value as RawValue, ValueKind, ValuePointerRef};
use serde_json::{Map, Value};

use super::question::{Condition, Question, QuestionKind};
use crate::{
    validation::{ValidationError, ValidationErrors, escaped, wrong_kind},
    values::{Code, Count, CountryCode, EmailAddress, PhoneNumber, Prose, TextValue, WebAddress, is_allowed_character},
};

/// Checked answers, by the codes of their questions.
pub type Answers = Map<String, Value>;

/// Answers as they were sent, not checked.
#[derive(Clone, PartialEq, Default)]
pub struct RawAnswers(pub Map<String, Value>);

impl Deserr<ValidationErrors> for RawAnswers {
    fn deserialize_from_value<V: IntoValue>(value: RawValue<V>, at: ValuePointerRef) -> Result<Self, ValidationErrors> {
        match value {
            value @ RawValue::Map(_) => match Value::from(value) {
                Value::Object(map) => Ok(Self(map)),
                _ => Ok(Self::default()),
            },
            other => Err(wrong_kind(other, &[ValueKind::Map], at)),
        }
    }
}

/// Answers are personal data: they must not appear in logs.
impl std::fmt::Debug for RawAnswers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawAnswers(..)")
    }
}

/// The largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
const NUMBER_MAX: f64 = 9_007_199_254_740_991.0;

/// Whether the form asks this question of a person in `category` who gave these answers to earlier questions.
pub fn is_asked(question: &Question, category: &Code, answers: &Map<String, Value>) -> bool {
    let of_category = question.categories.is_empty() || question.categories.contains(category);
    of_category && question.shown_if.as_ref().is_none_or(|condition| is_met(condition, answers))
}

fn is_met(condition: &Condition, answers: &Map<String, Value>) -> bool {
    let is_listed = |answer: &str| condition.any_of.iter().any(|listed| listed == answer);
    match answers.get(condition.question.as_str()) {
        Some(Value::String(answer)) => is_listed(answer),
        Some(Value::Bool(yes)) => is_listed(if *yes { "yes" } else { "no" }),
        Some(Value::Array(answers)) => answers.iter().filter_map(Value::as_str).any(is_listed),
        _ => false,
    }
}

/// Checks the answers of a person in `category`. Each wrong answer gets one validation error under `#/answers`; `null`
/// counts as no answer. A question that depends on a missing or wrong answer is not asked.
pub fn check(questions: &[Question], category: &Code, raw: &RawAnswers, errors: &mut ValidationErrors) -> Answers {
    let mut answers = Map::new();
    for question in questions {
        let code = question.code.as_str();
        let pointer = format!("#/answers/{}", escaped(code));
        let value = raw.0.get(code).filter(|value| !value.is_null());
        let is_asked = is_asked(question, category, &answers);
        match value {
            Some(_) if !is_asked => errors.add(pointer, "not_asked", not_asked_detail(question, category)),
            Some(value) => match check_answer(question, value) {
                Ok(value) => _ = answers.insert(code.to_owned(), value),
                Err(error) => errors.add(pointer, &error.code, error.detail),
            },
            None if is_asked && question.required => errors.add(pointer, "required", "is required"),
            None => {}
        }
    }
    for key in raw.0.keys().filter(|key| !questions.iter().any(|question| question.code.as_str() == *key)) {
        errors.add(format!("#/answers/{}", escaped(key)), "unknown_field", "is no question of the form");
    }
    answers
}

fn not_asked_detail(question: &Question, category: &Code) -> String {
    if !question.categories.is_empty() && !question.categories.contains(category) {
        return format!("is not asked of category {category}");
    }
    let earlier_question = question.shown_if.as_ref().map_or("", |condition| condition.question.as_str());
    format!("is not asked with that answer to {earlier_question}")
}

fn check_answer(question: &Question, value: &Value) -> Result<Value, ValidationError> {
    let text = || value.as_str().ok_or_else(|| wrong_type("a text"));
    let accept = |text: &str| -> Result<Value, ValidationError> { Ok(Value::String(text.to_owned())) };
    match question.kind {
        QuestionKind::ShortText | QuestionKind::LongText => {
            let allows_line_breaks = question.kind == QuestionKind::LongText;
            let text = Prose::<10_000>::parse(text()?)?;
            let length_max =
                question.max_length.map(|Count(length)| length).or(question.kind.length_max()).unwrap_or(500);
            if text.as_str().chars().count() > usize::try_from(length_max).unwrap_or(usize::MAX) {
                return Err(ValidationError::of_value(
                    "too_long",
                    format!("must have at most {length_max} characters"),
                ));
            }
            if !text.as_str().chars().all(|c| is_allowed_character(c, allows_line_breaks)) {
                return Err(ValidationError::of_value(
                    "control_character",
                    "must not hold line breaks or control characters",
                ));
            }
            accept(text.as_str())
        }
        QuestionKind::SingleChoice => accept(option(question, value)?),
        QuestionKind::MultipleChoice => {
            let chosen = value.as_array().ok_or_else(|| wrong_type("a list"))?;
            let codes = chosen.iter().map(|value| option(question, value)).collect::<Result<Vec<_>, _>>()?;
            if codes.is_empty() && question.required {
                return Err(ValidationError::of_value("required", "must name an option"));
            }
            if (1..codes.len()).any(|index| codes.iter().take(index).any(|code| Some(code) == codes.get(index))) {
                return Err(ValidationError::of_value("duplicate", "must name each option once"));
            }
            Ok(codes.into_iter().map(|code| Value::String(code.to_owned())).collect())
        }
        QuestionKind::YesNo => value.as_bool().map(Value::Bool).ok_or_else(|| wrong_type("true or false")),
        QuestionKind::Number => number(question, value),
        QuestionKind::Date => {
            let text = text()?;
            let is_date = text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
            if is_date {
                accept(text)
            } else {
                Err(ValidationError::of_value("invalid_date", "must be a date such as 2014-03-31"))
            }
        }
        QuestionKind::Country => accept(&CountryCode::parse(text()?)?.text()),
        QuestionKind::Email => accept(EmailAddress::parse(text()?)?.as_str()),
        QuestionKind::Phone => accept(&PhoneNumber::parse(text()?)?.text()),
        QuestionKind::Url => accept(&WebAddress::parse(text()?)?.text()),
    }
}

fn option<'a>(question: &'a Question, value: &Value) -> Result<&'a str, ValidationError> {
    let chosen = value.as_str().ok_or_else(|| wrong_type("the code of an option"))?;
    let code = question.options.iter().map(|option| option.code.as_str()).find(|code| *code == chosen);
    code.ok_or_else(|| {
        let codes: Vec<_> = question.options.iter().map(|option| option.code.as_str()).collect();
        ValidationError::of_value("unknown_value", format!("must be one of {}", codes.join(", ")))
    })
}

fn number(question: &Question, value: &Value) -> Result<Value, ValidationError> {
    let number = value.as_f64().filter(|_| value.is_number()).ok_or_else(|| wrong_type("a number"))?;
    #[expect(clippy::cast_precision_loss, reason = "a bound beyond what JSON keeps exactly is no sensible bound")]
    let is_out_of_bounds = question.minimum.is_some_and(|least| number < least as f64)
        || question.maximum.is_some_and(|most| number > most as f64);
    if is_out_of_bounds || number.abs() > NUMBER_MAX {
        let least = question.minimum.map_or_else(String::new, |least| format!(" at least {least}"));
        let most = question.maximum.map_or_else(String::new, |most| format!(" at most {most}"));
        let and = if least.is_empty() || most.is_empty() { "" } else { " and" };
        let detail = if is_out_of_bounds { format!("must be{least}{and}{most}") } else { "is too large".to_owned() };
        return Err(ValidationError::of_value("out_of_range", detail));
    }
    Ok(value.clone())
}

fn wrong_type(expected: &str) -> ValidationError {
    ValidationError::of_value("wrong_type", format!("must be {expected}"))
}
