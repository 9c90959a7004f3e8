//! The answers of a person to the conference's own questions, as their page shows them.

use minijinja::{Value, context};
use serde_json::{Map, Value as Json};

use super::page::PageContext;
use crate::registration::form::{Question, question::QuestionKind};

/// Each answered question with its answer in words. Countries, and yes or no, are said by the template.
pub fn answers_context(page: &PageContext, questions: &[Question], answers: &Map<String, Json>) -> Vec<Value> {
    let text = |question: &Question, answer: &Json| match answer {
        Json::String(code) => {
            let option = question.options.iter().find(|option| option.code.as_str() == code);
            option.map_or_else(|| code.clone(), |option| page.text(&option.label))
        }
        other => other.to_string(),
    };
    let entry = |question: &Question| {
        let answer = answers.get(question.code.as_str()).filter(|answer| !answer.is_null())?;
        let texts: Vec<String> = match answer {
            Json::Array(several) => several.iter().map(|one| text(question, one)).collect(),
            one => vec![text(question, one)],
        };
        let kind = match question.kind {
            QuestionKind::YesNo => "yes_no",
            QuestionKind::Country => "country",
            _ => "text",
        };
        (!texts.is_empty()).then(|| context! { label => page.text(&question.label), kind, texts })
    };
    questions.iter().filter_map(entry).collect()
}
