//! Forms as browsers send them (`application/x-www-form-urlencoded`), and the values for a form that is shown again.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, http::header};
use minijinja::{Value, context};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::page::{PageContext, value};
use crate::{
    http::{Problem, problem::UNSUPPORTED_MEDIA_TYPE},
    registration::{
        fields::{Changeable, PERSONAL_FIELDS},
        form::{Question, answers::is_asked, question::QuestionKind},
        form_api::{FormQuestion, RegistrationForm},
        model::{FIELDS, Registration},
        person_fields::{Presence, configurable_fields},
        setup::state::SetupState,
    },
    values::Code,
};

/// The submitted values of each form control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubmittedForm(BTreeMap<String, Vec<String>>);

impl SubmittedForm {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// The body is not a form: its values would be lost.
    pub fn from_request(request: &HttpRequest, body: &[u8]) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = media_type.is_some_and(|media_type| media_type.starts_with("application/x-www-form-urlencoded"));
        if !body.is_empty() && !is_form {
            return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE));
        }
        Ok(Self::parse(body))
    }

    fn parse(body: &[u8]) -> Self {
        let mut controls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            // Browsers send line breaks as CRLF.
            controls.entry(name.into_owned()).or_default().push(value.replace("\r\n", "\n"));
        }
        Self(controls)
    }

    /// The values of an existing registration, for its form.
    pub fn from_registration(registration: &Registration, sessions: Vec<String>) -> Self {
        let mut controls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in PERSONAL_FIELDS.iter().filter(|field| field.attendee_may_change != Changeable::Never) {
            controls.extend(registration.person.text(field).map(|text| (field.name.to_owned(), vec![text])));
        }
        for (code, answer) in &registration.answers {
            let texts = match answer {
                Json::Array(several) => several.iter().map(text_of).collect(),
                one => vec![text_of(one)],
            };
            controls.insert(format!("answers.{code}"), texts);
        }
        controls.insert("sessions".to_owned(), sessions);
        Self(controls)
    }

    /// The first value of a control that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.iter().map(|text| text.trim()).find(|text| !text.is_empty())
    }

    /// All values of a control that are not empty.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        values.iter().map(String::as_str).filter(|text| !text.is_empty()).collect()
    }

    /// The values for a template: a text, or a list if there are several.
    pub fn values(&self) -> Value {
        let of_control = |(name, values): (&String, &Vec<String>)| match values.as_slice() {
            [one] => (name.clone(), Value::from(one.clone())),
            several => (name.clone(), Value::from(several.to_vec())),
        };
        Value::from(self.0.iter().map(of_control).collect::<BTreeMap<String, Value>>())
    }

    /// The fields as a request body of the API; empty ones are left out.
    pub fn fields(&self) -> Map<String, Json> {
        let mut body = Map::new();
        for field in FIELDS {
            let field_value = match field.r#type {
                "sessions" => Some(json!(self.all(field.name))).filter(|_| self.0.contains_key(field.name)),
                "consent" => self.get(field.name).map(|text| json!(text == "true")),
                "version" => {
                    self.get(field.name).map(|text| text.parse::<u32>().map_or(json!(text), |number| json!(number)))
                }
                _ => self.get(field.name).map(|text| json!(text)),
            };
            if let Some(field_value) = field_value {
                body.insert(field.name.to_owned(), field_value);
            }
        }
        body
    }

    /// The answers as in a request body of the API. A browser without scripts shows questions that do not apply; their
    /// answers are ignored.
    pub fn answers(&self, questions: &[Question], category: &Code) -> Map<String, Json> {
        let mut answers = Map::new();
        for question in questions.iter() {
            let name = format!("answers.{}", question.code);
            if !is_asked(question, category, &answers) {
                continue;
            }
            let answer = match question.kind {
                QuestionKind::MultipleChoice => Some(json!(self.all(&name))).filter(|_| !self.all(&name).is_empty()),
                QuestionKind::YesNo => self.get(&name).map(|text| match text {
                    "true" | "yes" => json!(true),
                    "false" | "no" => json!(false),
                    other => json!(other),
                }),
                QuestionKind::Number => self.get(&name).map(|text| {
                    let number = text.replace(',', ".");
                    let integer = number.parse::<i64>().map(Json::from).ok();
                    // A text that is not a number is passed on, so that validation reports it.
                    integer.or_else(|| number.parse::<f64>().ok().map(Json::from)).unwrap_or_else(|| json!(text))
                }),
                _ => self.get(&name).map(|text| json!(text)),
            };
            if let Some(answer) = answer {
                answers.insert(question.code.to_string(), answer);
            }
        }
        answers
    }
}

fn text_of(answer: &Json) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// The questions of a form that apply to a category.
pub fn questions_of<'a>(form: &'a RegistrationForm, category: &Code) -> Vec<&'a FormQuestion> {
    let applies = |question: &&FormQuestion| question.categories.is_empty() || question.categories.contains(category);
    form.questions.iter().filter(applies).collect()
}

/// A field of the form, as its category asks for it.
#[derive(Debug, Serialize)]
pub struct AskedField {
    pub name: &'static str,
    r#type: &'static str,
    required: bool,
    max_length: Option<u32>,
    /// Help of the organisers.
    help: Option<String>,
}

/// The fields that the form of a category asks for: all, if there is no such category.
pub fn asked_fields(setup_state: &SetupState, category: Option<&str>, page: &PageContext) -> Vec<AskedField> {
    let rules = category.and_then(|code| setup_state.category(code)).map(|category| setup_state.fields_of(category));
    let is_configurable = |name: &str| configurable_fields().any(|field| field.name == name);
    let asked = FIELDS.iter().filter_map(|field| {
        let rules = rules.filter(|_| is_configurable(field.name));
        let presence = rules.map_or(Presence::Optional, |rules| rules.presence(field.name));
        let help = rules.and_then(|rules| rules.help(field.name));
        (presence != Presence::Hidden).then(|| AskedField {
            name: field.name,
            r#type: field.r#type,
            required: field.required || presence == Presence::Required,
            max_length: field.max_length,
            help: help.map(|help| page.text(help)),
        })
    });
    asked.collect()
}

/// The errors of a submitted form, for its template.
pub struct FormErrors {
    /// Validation errors by the name of their control.
    pub by_control: Value,
    /// The error of the whole form.
    pub of_form: Value,
}

impl FormErrors {
    /// No errors: the form was not submitted yet.
    pub fn none() -> Self {
        Self { by_control: value(BTreeMap::<String, String>::new()), of_form: Value::from(()) }
    }

    /// The errors that a problem document names.
    pub fn of(problem: &Problem) -> Self {
        let document = problem.document(None);
        let mut by_control: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut of_form = Value::from(());
        let errors = document.get("errors").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        for error in errors {
            let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default();
            let pointer = text("pointer").trim_start_matches("#/").replace("~1", "/").replace("~0", "~");
            let mut parts = pointer.split('/');
            let name = match (parts.next().unwrap_or_default(), parts.next()) {
                ("answers", Some(code)) => format!("answers.{code}"),
                (name, _) => name.to_owned(),
            };
            by_control.entry(name).or_default().push(context! { code => text("code"), detail => text("detail") });
        }
        if errors.is_empty() {
            let code = document.get("type").and_then(Json::as_str).unwrap_or_default();
            let code = code.trim_start_matches("/problems/");
            let detail = document.get("detail").or_else(|| document.get("title")).and_then(Json::as_str);
            of_form = context! { code, detail };
        }
        Self { by_control: value(by_control), of_form }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::ValidationErrors;

    #[test]
    fn a_form_becomes_a_request_body_of_the_api() {
        let submitted = SubmittedForm::parse(
            b"given_name=+Ada+&email=a%40b.example&phone=&dietary_needs=one%0D%0Atwo&sessions=law&sessions=peace&consent=true&extra=1",
        );
        let expected = json!({
            "given_name": "Ada", "email": "a@b.example", "dietary_needs": "one\ntwo", "sessions": ["law", "peace"],
            "consent": true
        });
        assert_eq!(Json::Object(submitted.fields()), expected);
        assert_eq!(submitted.values().get_attr("sessions").unwrap().to_string(), "['law', 'peace']");
        let mut errors = ValidationErrors::default();
        errors.add("#/email", "invalid_email", "is none");
        errors.add("#/answers/diet", "required", "is required");
        errors.add("#/sessions/1", "unknown_reference", "is none");
        let errors = FormErrors::of(&errors.into());
        let names: Vec<String> = errors.by_control.try_iter().unwrap().map(|name| name.to_string()).collect();
        assert_eq!(names, ["answers.diet", "email", "sessions"]);
        assert!(errors.of_form.is_none());
    }
}
