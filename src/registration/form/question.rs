//! Questions as organisers define them.

use std::collections::HashMap;

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    validation::ValidationErrors,
    values::{Code, Count, CountryCode, LanguageTag, Localised, TextValue as _, text_enum},
};

text_enum! {
    /// The type of an answer.
    QuestionKind {
        /// A text of one line.
        ShortText = "short_text",
        /// A text of several lines.
        LongText = "long_text",
        /// The code of one option.
        SingleChoice = "single_choice",
        /// A list of codes of options.
        MultipleChoice = "multiple_choice",
        /// `true` or `false`.
        YesNo = "yes_no",
        /// A number.
        Number = "number",
        /// A date, `YYYY-MM-DD`.
        Date = "date",
        /// A country, as an ISO 3166-1 alpha-2 code.
        Country = "country",
        /// An e-mail address.
        Email = "email",
        /// A telephone number.
        Phone = "phone",
        /// An `http` or `https` address.
        Url = "url",
    }
}

impl QuestionKind {
    /// Whether the condition of another question can refer to the answer.
    const fn can_be_condition(self) -> bool {
        matches!(self, Self::SingleChoice | Self::MultipleChoice | Self::YesNo | Self::Country)
    }

    pub const fn has_options(self) -> bool {
        matches!(self, Self::SingleChoice | Self::MultipleChoice)
    }

    /// The longest text answer, in characters; `None` for other types.
    pub const fn length_max(self) -> Option<u32> {
        match self {
            Self::ShortText => Some(500),
            Self::LongText => Some(10_000),
            _ => None,
        }
    }
}

/// A question of a conference's registration form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Question {
    /// Code of the question: the key of its answer in `answers`.
    pub code: Code,
    /// Type of the answer.
    pub kind: QuestionKind,
    /// Text of the question.
    pub label: Localised,
    /// Help text under the question.
    #[deserr(default)]
    #[schema(required = false)]
    pub help: Option<Localised>,
    /// Whether everyone who is asked must answer; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub required: bool,
    /// Codes of the categories that are asked; all categories if left out or empty.
    #[deserr(default)]
    #[schema(required = false)]
    pub categories: Vec<Code>,
    /// The options to choose from. Required for choices, not accepted for other types; at most 500.
    #[deserr(default)]
    #[schema(required = false)]
    pub options: Vec<AnswerOption>,
    /// Condition on the answer to an earlier question; the question is always asked if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub shown_if: Option<Condition>,
    /// Highest number of characters: at most 500 for `short_text`, 10,000 for `long_text`. Not accepted for other
    /// types.
    #[deserr(default)]
    #[schema(required = false)]
    pub max_length: Option<Count<1>>,
    /// Smallest number that is allowed; no limit if left out. Only for `number`.
    #[deserr(default)]
    #[schema(required = false)]
    pub minimum: Option<i64>,
    /// Largest number that is allowed; no limit if left out. Only for `number`.
    #[deserr(default)]
    #[schema(required = false)]
    pub maximum: Option<i64>,
}

/// An option of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct AnswerOption {
    /// Code of the option: the value of the answer.
    pub code: Code,
    /// Text of the option.
    pub label: Localised,
}

/// A condition under which a question is asked: the answer to an earlier question is (or, for several choices,
/// contains) one of `any_of`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Condition {
    /// Code of an earlier question of type `single_choice`, `multiple_choice`, `yes_no` or `country`.
    pub question: Code,
    /// Answers that meet the condition: codes of options, country codes, or `yes` and `no`.
    pub any_of: Vec<String>,
}

/// The highest number of questions of a form.
const QUESTIONS_MAX: usize = 200;
/// The highest number of options of a question.
const OPTIONS_MAX: usize = 500;

/// Gives texts without a language the conference's first language, and adds the validation errors of the questions,
/// under `#/questions`.
pub fn check(
    questions: &mut [Question],
    categories: &[Code],
    languages: &[LanguageTag],
    errors: &mut ValidationErrors,
) {
    if questions.len() > QUESTIONS_MAX {
        errors.add("#/questions", "too_many", format!("must have at most {QUESTIONS_MAX} questions"));
    }
    let mut earlier: HashMap<Code, Question> = HashMap::new();
    for (index, question) in questions.iter_mut().enumerate() {
        let pointer = format!("#/questions/{index}");
        if let Some(first) = languages.first() {
            let labels = [Some(&mut question.label), question.help.as_mut()].into_iter().flatten();
            labels
                .chain(question.options.iter_mut().map(|option| &mut option.label))
                .for_each(|text| text.assign_language(first));
        }
        check_languages(question, &pointer, languages, errors);
        if earlier.contains_key(&question.code) {
            errors.add(format!("{pointer}/code"), "duplicate", "is the code of an earlier question");
        }
        for (position, code) in question.categories.iter().enumerate() {
            if !categories.contains(code) {
                errors.add(
                    format!("{pointer}/categories/{position}"),
                    "unknown_reference",
                    format!("there is no category {code}"),
                );
            }
        }
        check_options(question, &pointer, errors);
        check_bounds(question, &pointer, errors);
        if let Some(condition) = &question.shown_if {
            check_condition(condition, earlier.get(&condition.question), &format!("{pointer}/shown_if"), errors);
        }
        earlier.insert(question.code.clone(), question.clone());
    }
}

fn check_languages(question: &Question, pointer: &str, languages: &[LanguageTag], errors: &mut ValidationErrors) {
    let labels = [("label".to_owned(), Some(&question.label)), ("help".to_owned(), question.help.as_ref())];
    let option_labels = question.options.iter().enumerate();
    let option_labels = option_labels.map(|(index, option)| (format!("options/{index}/label"), Some(&option.label)));
    for (path, text) in labels.into_iter().chain(option_labels) {
        for language in text.into_iter().flat_map(Localised::languages) {
            if !languages.iter().any(|tag| tag.as_str() == language) {
                errors.add(
                    format!("{pointer}/{path}/{language}"),
                    "unknown_language",
                    "is not a language of the conference",
                );
            }
        }
    }
}

fn check_options(question: &Question, pointer: &str, errors: &mut ValidationErrors) {
    match (question.kind.has_options(), question.options.len()) {
        (true, 0) => errors.add(format!("{pointer}/options"), "required", "a choice needs options"),
        (false, 1..) => errors.add(format!("{pointer}/options"), "not_taken", "only a choice has options"),
        (_, count) if count > OPTIONS_MAX => {
            errors.add(format!("{pointer}/options"), "too_many", format!("must have at most {OPTIONS_MAX} options"));
        }
        _ => {}
    }
    for (index, option) in question.options.iter().enumerate() {
        if question.options.iter().take(index).any(|other| other.code == option.code) {
            errors.add(format!("{pointer}/options/{index}/code"), "duplicate", "is the code of an earlier option");
        }
    }
}

fn check_bounds(question: &Question, pointer: &str, errors: &mut ValidationErrors) {
    match (question.max_length, question.kind.length_max()) {
        (Some(_), None) => errors.add(format!("{pointer}/max_length"), "not_taken", "only a text has a length"),
        (Some(Count(length)), Some(length_max)) if length > length_max => {
            errors.add(format!("{pointer}/max_length"), "out_of_range", format!("must be at most {length_max}"));
        }
        _ => {}
    }
    for (key, bound) in [("minimum", question.minimum), ("maximum", question.maximum)] {
        if bound.is_some() && question.kind != QuestionKind::Number {
            errors.add(format!("{pointer}/{key}"), "not_taken", "only a number has bounds");
        }
    }
    if let (Some(minimum), Some(maximum)) = (question.minimum, question.maximum)
        && maximum < minimum
    {
        errors.add(format!("{pointer}/maximum"), "out_of_range", "must not be below minimum");
    }
}

fn check_condition(condition: &Condition, earlier: Option<&Question>, pointer: &str, errors: &mut ValidationErrors) {
    let Some(earlier) = earlier else {
        return errors.add(
            format!("{pointer}/question"),
            "unknown_reference",
            "must be the code of an earlier question",
        );
    };
    if !earlier.kind.can_be_condition() {
        let detail = "must be a choice, a yes or no, or a country";
        return errors.add(format!("{pointer}/question"), "wrong_kind", detail);
    }
    if condition.any_of.is_empty() {
        errors.add(format!("{pointer}/any_of"), "required", "must name an answer");
    }
    for (index, answer) in condition.any_of.iter().enumerate() {
        let is_known = match earlier.kind {
            QuestionKind::YesNo => answer == "yes" || answer == "no",
            QuestionKind::Country => CountryCode::parse(answer).is_ok(),
            _ => earlier.options.iter().any(|option| option.code.as_str() == answer),
        };
        if !is_known {
            errors.add(format!("{pointer}/any_of/{index}"), "unknown_reference", "is no answer to that question");
        }
    }
}
