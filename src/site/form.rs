//! Forms as browsers send them (`application/x-www-form-urlencoded`), and the values for a form that is shown again.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, http::header};
use minijinja::{Value, context};
use serde_json::{Map, Value as Json, json};

use super::page::value;
use crate::{
    http::{Problem, problem::UNSUPPORTED_MEDIA_TYPE},
    registration::{
        fields::{Changeable, PERSONAL_FIELDS},
        form::{Question, answers::is_asked, question::QuestionKind},
        form_api::{FormQuestion, RegistrationForm},
        model::{FIELDS, Registration},
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
    pub fn of_request(request: &HttpRequest, body: &[u8]) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = media_type.is_some_and(|media_type| media_type.starts_with("application/x-www-form-urlencoded"));
        if !body.is_empty() && !is_form {
            return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE));
        }
        Ok(Self::read(body))
    }

    fn read(body: &[u8]) -> Self {
        let mut controls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            // Browsers send line breaks as CRLF.
            controls.entry(name.into_owned()).or_default().push(value.replace("\r\n", "\n"));
        }
        Self(controls)
    }

    /// The values of an existing registration, for its form.
    pub fn of(registration: &Registration, sessions: Vec<String>) -> Self {
        let mut controls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in PERSONAL_FIELDS.iter().filter(|field| field.attendee != Changeable::Never) {
            controls.extend(registration.person.text(field).map(|text| (field.name.to_owned(), vec![text])));
        }
        for (code, answer) in &registration.answers {
            let texts = match answer {
                Json::Array(several) => several.iter().map(plain).collect(),
                one => vec![plain(one)],
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
        let sent = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        sent.iter().map(String::as_str).filter(|text| !text.is_empty()).collect()
    }

    /// The values for a template: a text, or a list if there are several.
    pub fn values(&self) -> Value {
        let of = |(name, sent): (&String, &Vec<String>)| match sent.as_slice() {
            [one] => (name.clone(), Value::from(one.clone())),
            several => (name.clone(), Value::from(several.to_vec())),
        };
        Value::from(self.0.iter().map(of).collect::<BTreeMap<String, Value>>())
    }

    /// The fields as a request body of the API; empty ones are left out.
    pub fn fields(&self) -> Map<String, Json> {
        let mut body = Map::new();
        for field in FIELDS {
            let sent = match field.r#type {
                "sessions" => Some(json!(self.all(field.name))).filter(|_| self.0.contains_key(field.name)),
                "consent" => self.get(field.name).map(|text| json!(text == "true")),
                _ => self.get(field.name).map(|text| json!(text)),
            };
            if let Some(sent) = sent {
                body.insert(field.name.to_owned(), sent);
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
            let given = match question.kind {
                QuestionKind::MultipleChoice => Some(json!(self.all(&name))).filter(|_| !self.all(&name).is_empty()),
                QuestionKind::YesNo => self.get(&name).map(|text| match text {
                    "true" | "yes" => json!(true),
                    "false" | "no" => json!(false),
                    other => json!(other),
                }),
                QuestionKind::Number => self.get(&name).map(|text| {
                    let number = text.replace(',', ".");
                    let whole = number.parse::<i64>().map(Json::from).ok();
                    // A text that is not a number is passed on, so that validation reports it.
                    whole.or_else(|| number.parse::<f64>().ok().map(Json::from)).unwrap_or_else(|| json!(text))
                }),
                _ => self.get(&name).map(|text| json!(text)),
            };
            if let Some(given) = given {
                answers.insert(question.code.to_string(), given);
            }
        }
        answers
    }
}

fn plain(answer: &Json) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// The questions of a form that apply to a category.
pub fn questions_of<'a>(form: &'a RegistrationForm, category: &Code) -> Vec<&'a FormQuestion> {
    let is_theirs = |question: &&FormQuestion| question.categories.is_empty() || question.categories.contains(category);
    form.questions.iter().filter(is_theirs).collect()
}

/// Errors for a form's template: validation errors by the name of their control, and the error of the whole form.
pub fn refusal(problem: &Problem) -> (Value, Value) {
    let document = problem.document(None);
    let mut faults: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut said = Value::from(());
    let errors = document.get("errors").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    for error in errors {
        let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default();
        let place = text("pointer").trim_start_matches("#/").replace("~1", "/").replace("~0", "~");
        let mut parts = place.split('/');
        let name = match (parts.next().unwrap_or_default(), parts.next()) {
            ("answers", Some(code)) => format!("answers.{code}"),
            (name, _) => name.to_owned(),
        };
        faults.entry(name).or_default().push(context! { code => text("code"), detail => text("detail") });
    }
    if errors.is_empty() {
        let code = document.get("type").and_then(Json::as_str).unwrap_or_default().trim_start_matches("/problems/");
        let detail = document.get("detail").or_else(|| document.get("title")).and_then(Json::as_str);
        if code == "already-registered" {
            faults.entry("email".to_owned()).or_default().push(context! { code, detail });
        }
        said = context! { code, detail };
    }
    (value(faults), said)
}

/// The same for a form without errors.
pub fn untouched() -> (Value, Value) {
    (value(BTreeMap::<String, String>::new()), Value::from(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::ValidationErrors;

    #[test]
    fn a_form_is_read_as_the_api_takes_it() {
        let filled = SubmittedForm::read(
            b"given_name=+Ada+&email=a%40b.example&phone=&dietary_needs=one%0D%0Atwo&sessions=law&sessions=peace&consent=true&extra=1",
        );
        let expected = json!({
            "given_name": "Ada", "email": "a@b.example", "dietary_needs": "one\ntwo", "sessions": ["law", "peace"],
            "consent": true
        });
        assert_eq!(Json::Object(filled.fields()), expected);
        assert_eq!(filled.values().get_attr("sessions").unwrap().to_string(), "['law', 'peace']");
        let mut found = ValidationErrors::default();
        found.add("#/email", "invalid_email", "is none");
        found.add("#/answers/diet", "required", "is required");
        found.add("#/sessions/1", "unknown_reference", "is none");
        let (faults, said) = refusal(&found.into());
        let names: Vec<String> = faults.try_iter().unwrap().map(|name| name.to_string()).collect();
        assert_eq!(names, ["answers.diet", "email", "sessions"]);
        assert!(said.is_none());
    }
}
