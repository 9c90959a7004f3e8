//! From data to words: a template a kind and language gives the subject and the text; the HTML is the same text,
//! paragraph by paragraph, so that the two cannot say different things.

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::{
    letter::{LetterContent, SessionLine},
    outbox::Claimed,
};

/// The languages that the service itself speaks; the first stands in for others.
const LANGUAGES: [&str; 3] = ["en", "fr", "nl"];

/// The language in which the service speaks to a reader of `tag`.
pub fn language_of(tag: &str) -> &'static str {
    let primary = tag.split('-').next().unwrap_or_default();
    LANGUAGES.iter().find(|language| **language == primary).unwrap_or(&LANGUAGES[0])
}

macro_rules! letters {
    ($($language:literal: [$($kind:literal),+]),+ $(,)?) => {
        &[$($((concat!($language, "/", $kind), include_str!(concat!("../../config/mail/", $language, "/", $kind, ".txt")))),+),+]
    };
}

/// Every letter in every language, compiled in.
const LETTERS: &[(&str, &str)] = letters! {
    "en": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation"
    ],
    "fr": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation"
    ],
    "nl": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation"
    ],
};
const LAYOUT: &str = include_str!("../../config/mail/layout.html");

/// A letter in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Puts letters into words.
pub struct Renderer(Environment<'static>);

impl Renderer {
    /// Compiles every template.
    ///
    /// # Errors
    /// A template is wrong.
    pub fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        for (name, source) in LETTERS {
            environment.add_template(name, source)?;
        }
        environment.add_template("layout.html", LAYOUT)?;
        Ok(Self(environment))
    }

    /// Puts one letter into words.
    ///
    /// # Errors
    /// A template asks for what the letter does not say.
    pub fn render(&self, message: &Claimed, link: &str) -> Result<Rendered, minijinja::Error> {
        let language = language_of(&message.language);
        let template = self.0.get_template(&format!("{language}/{}", message.kind))?;
        let LetterContent { conference, venue, name, reference, category, position, reason, delegation, .. } =
            &message.content;
        let dates = dates(language, message.content.starts_on, message.content.ends_on);
        // A time by which something must be done is read wherever the reader is.
        let deadline = |at: DateTime<FixedOffset>| format!("{} (UTC{})", moment(language, at), at.format("%:z"));
        let deadline = message.content.deadline.map(deadline);
        let offer_hours = message.content.offer_hours;
        let session = |line: &SessionLine| {
            let starts_at = moment(language, line.starts_at);
            context! { title => line.title.as_str(), starts_at, waits => line.waits }
        };
        let sessions: Vec<_> = message.content.sessions.iter().map(session).collect();
        let whole = template.render(context! {
            conference, venue, name, reference, category, position, reason, delegation, dates, deadline, offer_hours, sessions, link
        })?;
        let (first, text) = whole.split_once('\n').unwrap_or((&whole, ""));
        let subject = first.trim_start_matches("Subject:").trim().to_owned();
        let text = text.trim().to_owned();
        let paragraphs: Vec<Vec<String>> =
            text.split("\n\n").map(|paragraph| paragraph.trim().lines().map(str::to_owned).collect()).collect();
        let html = self
            .0
            .get_template("layout.html")?
            .render(context! { language, subject => subject.as_str(), conference, paragraphs, link })?;
        Ok(Rendered { subject, text: format!("{text}\n"), html })
    }
}

const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_NL: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];

/// The conference's dates as a person writes them: `31 March – 1 April 2014`.
pub fn dates(language: &str, first: NaiveDate, last: NaiveDate) -> String {
    let months = match language {
        "fr" => MONTHS_FR,
        "nl" => MONTHS_NL,
        _ => MONTHS_EN,
    };
    let month = |date: NaiveDate| months.get(date.month0() as usize).copied().unwrap_or_default();
    let day = |date: NaiveDate| match (language, date.day()) {
        ("fr", 1) => "1er".to_owned(),
        (_, day) => day.to_string(),
    };
    let end = format!("{} {} {}", day(last), month(last), last.year());
    if first == last {
        end
    } else if first.year() != last.year() {
        format!("{} {} {} – {end}", day(first), month(first), first.year())
    } else if first.month() != last.month() {
        format!("{} {} – {end}", day(first), month(first))
    } else {
        format!("{}–{end}", day(first))
    }
}

/// An instant as a person writes it: `31 March 2014, 09:30`.
pub fn moment(language: &str, at: DateTime<FixedOffset>) -> String {
    let date = dates(language, at.date_naive(), at.date_naive());
    format!("{date}, {}", at.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock,
        ids::Id,
        mail::{LetterKind, LinkKind},
    };

    fn message(kind: LetterKind, language: &str) -> Claimed {
        Claimed {
            id: Id::new(),
            kind,
            recipient: "a@b.example".to_owned(),
            language: language.to_owned(),
            content: LetterContent {
                conference: "A & B".to_owned(),
                starts_on: NaiveDate::from_ymd_opt(2014, 3, 31).unwrap(),
                ends_on: NaiveDate::from_ymd_opt(2014, 4, 1).unwrap(),
                venue: None,
                name: "<Ada>".to_owned(),
                reference: "GP-ABC".to_owned(),
                category: "Press".to_owned(),
                position: Some(3),
                link_path: "/x".to_owned(),
                registration: uuid::Uuid::nil(),
                token_generation: 1,
                calendar: None,
                link: LinkKind::Registration,
                reason: Some("Too late".to_owned()),
                offer_hours: Some(48),
                deadline: DateTime::parse_from_rfc3339("2014-03-01T09:30:00+01:00").ok(),
                sessions: vec![SessionLine {
                    title: "Panel".to_owned(),
                    starts_at: DateTime::parse_from_rfc3339("2014-03-31T14:00:00+02:00").unwrap(),
                    waits: true,
                }],
                delegation: Some("Belgium".to_owned()),
            },
            tries: 0,
            created_at: clock::now(),
        }
    }

    #[test]
    fn every_letter_renders_in_every_language_and_says_the_same_in_html() {
        let renderer = Renderer::new().unwrap();
        for language in ["en", "fr", "nl", "fr-BE", "sw"] {
            for word in LetterKind::WORDS {
                let kind = LetterKind::from_word(word).unwrap();
                let link = "https://p.example/x?token=a&b";
                let letter = renderer.render(&message(kind, language), link).unwrap();
                assert!(letter.subject.contains("A & B") && !letter.subject.contains('\n'));
                let unescaped = letter
                    .html
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&#x27;", "'")
                    .replace("&#x2f;", "/")
                    .replace("&amp;", "&");
                for line in letter.text.lines() {
                    assert!(unescaped.contains(line), "{language} {word}: {line} is not in {unescaped}");
                }
                assert!(!letter.html.contains("<Ada>"));
                assert!(!letter.text.contains("\n\n\n"), "{language} {word}: {}", letter.text);
            }
        }
    }

    #[test]
    fn dates_read_as_people_write_them() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(dates("en", day(2014, 3, 31), day(2014, 4, 1)), "31 March – 1 April 2014");
        assert_eq!(dates("fr", day(2014, 3, 30), day(2014, 3, 31)), "30–31 mars 2014");
        assert_eq!(dates("fr", day(2014, 3, 31), day(2014, 4, 1)), "31 mars – 1er avril 2014");
        assert_eq!(dates("nl", day(2014, 12, 31), day(2015, 1, 1)), "31 december 2014 – 1 januari 2015");
        assert_eq!(dates("sw", day(2014, 5, 1), day(2014, 5, 1)), "1 May 2014");
    }
}
