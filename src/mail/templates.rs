//! Rendering of letters: the template of a kind and language gives subject and text. The HTML is made of the same text,
//! paragraph by paragraph, so that the two cannot differ.

mod check;
mod html_links;
mod shipped;

use std::sync::OnceLock;

pub use check::{PLACEHOLDERS, check, check_text};
use chrono::{DateTime, FixedOffset};
pub use html_links::Links;
use html_links::{Labels, Part, parts_of, without_labels};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, context, value::Serde};
use serde::Serialize;
pub use shipped::shipped;
use shipped::{SHIPPED, shipped_source};

use super::{
    dates_in_words::{date_range, date_time},
    letter::{ClaimedMessage, LetterContent, LetterKind, SessionLine},
    letter_settings::LetterSettings,
    salutation,
};
use crate::{
    clock,
    ids::Id,
    mail::letter::{MailLanguage, is_right_to_left, language_of, preferred_languages, primary_subtag},
    values::Localised,
};

/// Most steps that a template may execute: a hundred times those of the longest shipped one.
const FUEL: u64 = 50_000;
const LAYOUT: &str = include_str!("../../config/mail/layout.html");

/// A subject is one line, whatever values are put into it (RFC 5322, section 2.2).
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Debug, PartialEq, Eq)]
pub struct RenderedLetter {
    /// One line.
    pub subject: String,
    pub text: String,
    /// The same content as `text`.
    pub html: String,
    /// The languages of the text, that of the template first (BCP 47).
    pub languages: Vec<String>,
}

/// Renders letters.
pub struct Renderer(Environment<'static>);

impl Renderer {
    /// Compiles every template.
    ///
    /// # Errors
    /// A template is wrong.
    pub fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        // A missing value is rendered as nothing, not as `none`.
        environment.set_formatter(|out, state, value| {
            if value.is_none() { Ok(()) } else { minijinja::escape_formatter(out, state, value) }
        });
        for (name, source) in SHIPPED {
            environment.add_template(name, source)?;
        }
        environment.add_template("layout.html", LAYOUT)?;
        Ok(Self(environment))
    }

    /// The renderer of this process, whose templates are compiled once.
    ///
    /// # Errors
    /// A template is wrong.
    pub fn shared() -> Result<&'static Self, minijinja::Error> {
        static SHARED: OnceLock<Renderer> = OnceLock::new();
        match SHARED.get() {
            Some(renderer) => Ok(renderer),
            None => Self::new().map(|renderer| SHARED.get_or_init(|| renderer)),
        }
    }

    /// Renders a letter. If the conference's own template fails for this recipient, the shipped one is used, so that a
    /// letter always has a text.
    ///
    /// # Errors
    /// The shipped template uses a value that the letter does not have.
    pub fn render(&self, message: &ClaimedMessage, links: &Links) -> Result<RenderedLetter, minijinja::Error> {
        self.render_without_fallback(message, links).or_else(|error| {
            if message.template.is_none() && message.content.announcement.is_none() {
                return Err(error);
            }
            tracing::warn!(
                message.id = %message.id,
                message.kind = %message.kind,
                %error,
                "a template cannot be rendered: the shipped one is used"
            );
            let mut shipped_message = message.clone();
            shipped_message.template = None;
            shipped_message.template_language = language_of(&message.language).as_str().to_owned();
            self.render_without_fallback(&shipped_message, links)
        })
    }

    /// Renders a letter with the message's own template if it has one, and with no other.
    ///
    /// # Errors
    /// The template uses a value that the letter does not have, takes too many steps, or leaves the subject empty.
    pub fn render_without_fallback(
        &self,
        message: &ClaimedMessage,
        links: &Links,
    ) -> Result<RenderedLetter, minijinja::Error> {
        let Links { link, preferences } = links;
        let language = message.template_language.as_str();
        let template_name = format!("{}/{}", language_of(language), message.kind);
        // A conference's own template stops when its fuel is used up.
        let own_template = message
            .template
            .as_ref()
            .map(|source| self.0.template_from_named_str(&template_name, source))
            .transpose()?;
        let template = match own_template {
            Some(own_template) => own_template,
            None => self.0.get_template(&template_name)?,
        };
        let LetterContent { conference, venue, reference, category, position, reason, delegation, .. } =
            &message.content;
        let name = salutation::recipient_name(&message.content).unwrap_or_default();
        let salutation = salutation::line(language, &message.content);
        // A name is one line, also in the subject, even if somebody wrote it on two.
        let (conference, name, category) = (&one_line(conference), &one_line(name), one_line(category));
        let (venue, delegation) = (venue.as_deref().map(one_line), delegation.as_deref().map(one_line));
        let dates = date_range(language, message.content.starts_on, message.content.ends_on);
        // The recipient may be in another time zone than the conference: a deadline is written with its offset.
        let deadline = |at: DateTime<FixedOffset>| format!("{} (UTC{})", date_time(language, at), at.format("%:z"));
        let deadline_text = message.content.deadline.map(deadline);
        let offer_hours = message.content.offer_hours;
        // A session that moved with the conference into another time zone may show the same hour as before.
        let moved_line = message.content.moved.as_ref();
        let is_moved = |line: &&SessionLine| moved_line.is_some_and(|moved| moved.id == line.id);
        let line_now = message.content.sessions.iter().find(is_moved);
        let has_other_offset =
            moved_line.zip(line_now).is_some_and(|(before, now)| before.starts_at.offset() != now.starts_at.offset());
        let session = |line: &SessionLine| {
            let starts_at = match has_other_offset && is_moved(&line) {
                true => deadline(line.starts_at),
                false => date_time(language, line.starts_at),
            };
            let room = line.room.as_deref().map(one_line);
            context! { title => one_line(&line.title), starts_at, waits => line.waits, room }
        };
        let sessions: Vec<_> = message.content.sessions.iter().map(session).collect();
        let left_sessions: Vec<_> = message.content.left.iter().map(session).collect();
        let moved = message.content.moved.as_ref().map(session);
        let has_calendar = message.content.calendar.is_some();
        let (has_badge, is_over) = (message.content.has_badge, message.content.is_over);
        let variables = context! {
            conference, venue, name, salutation, reference, category, position, reason, delegation, dates,
            deadline => deadline_text, offer_hours, sessions, left => left_sessions, moved, link, preferences,
            has_badge, has_calendar, is_over,
        };
        let announcement = message.content.announcement.as_ref().map(|announcement| {
            let subject = self.0.render_str(&announcement.subject, &variables)?;
            let body = self.0.render_str(&announcement.body, &variables)?;
            Ok::<_, minijinja::Error>((one_line(&subject), body))
        });
        let announcement = announcement.transpose()?;
        let announcement_value = announcement.as_ref().map(|(subject, body)| context! { subject, body });
        let rendered = template.render(context! { announcement => announcement_value, ..variables })?;
        let source = message.template.as_deref().unwrap_or_default();
        let labels = Labels::of(source).or(&Labels::of(shipped_source(&template_name).unwrap_or_default()));
        let (subject_line, text) = rendered.split_once('\n').unwrap_or((&rendered, ""));
        let mut subject = one_line(subject_line.trim_start_matches("Subject:"));
        if subject.is_empty() {
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "the subject is empty"));
        }
        let endings = endings(message);
        let mut text = with_signature(without_labels(text).trim(), &endings, preferences);
        let mut note = String::new();
        if message.content.is_shared_mailbox {
            let whose = if name.is_empty() { reference.clone() } else { one_line(name) };
            subject = one_line(&format!("{subject} ({whose})"));
            note = shared_mailbox_note(language, &whose, message.kind);
            text = format!("{note}\n\n{text}");
        }
        let mut insertions = endings;
        if let (Some((_, body)), Some(words)) = (&announcement, &message.content.announcement) {
            insertions.push((words.language.as_deref().unwrap_or(language), body));
        }
        if let Some(set_by_registrars) = &message.content.salutation {
            insertions.push((message.language.as_str(), set_by_registrars));
        }
        insertions.push((language_of(language).as_str(), &note));
        let paragraphs: Vec<Paragraph> = text
            .split("\n\n")
            .map(|paragraph| Paragraph {
                lines: paragraph.trim().lines().map(|line| parts_of(line, links, &labels)).collect(),
                language: other_language(paragraph, language, &insertions),
            })
            .collect();
        let mut languages = vec![language.to_owned()];
        for other in paragraphs.iter().filter_map(|paragraph| paragraph.language.as_ref()) {
            if !languages.contains(other) {
                languages.push(other.clone());
            }
        }
        let html = self.0.get_template("layout.html")?.render(context! {
            language, direction => direction(language), subject => subject.as_str(), conference,
            paragraphs => Value::from(Serde(&paragraphs)),
            badge => message.content.has_badge.then_some(reference),
        })?;
        Ok(RenderedLetter { subject, text: format!("{text}\n"), html, languages })
    }
}

/// A paragraph of the HTML.
#[derive(Debug, Serialize)]
struct Paragraph {
    lines: Vec<Vec<Part>>,
    /// Its language, if it is not that of the template.
    language: Option<String>,
}

/// The language of a paragraph that stands in one of `insertions` (each with its language), if it is not that of the
/// template.
fn other_language(paragraph: &str, template_language: &str, insertions: &[(&str, &str)]) -> Option<String> {
    let is_in = |text: &str| text.split("\n\n").any(|inserted| inserted.trim() == paragraph.trim());
    let (language, _) = insertions.iter().find(|(_, text)| is_in(text))?;
    let is_other = primary_subtag(language) != primary_subtag(template_language);
    is_other.then(|| (*language).to_owned())
}

fn direction(language: &str) -> &'static str {
    if is_right_to_left(language) { "rtl" } else { "ltr" }
}

/// Says for which of the people behind a mailbox a letter is, and what an unsubscription stops.
fn shared_mailbox_note(language: &str, name: &str, kind: LetterKind) -> String {
    let (who, stop) = match language_of(language) {
        MailLanguage::French => (
            format!(
                "Ce message est pour {name}. D’autres personnes peuvent être inscrites avec la même adresse ; chacune reçoit \
                     ses propres messages."
            ),
            "Si vous arrêtez les annonces, elles s’arrêtent pour toutes les personnes de cette adresse.",
        ),
        MailLanguage::Dutch => (
            format!(
                "Dit bericht is voor {name}. Er kunnen nog meer mensen met dit adres ingeschreven zijn; ieder krijgt \
                     eigen berichten."
            ),
            "Als u de mededelingen stopzet, stoppen ze voor iedereen met dit adres.",
        ),
        MailLanguage::Arabic => (
            format!(
                "هذه الرسالة موجهة إلى {name}. قد يكون آخرون مسجلين بالعنوان نفسه، وتصل إلى كل منهم رسائله الخاصة."
            ),
            "إذا أُوقفت الإعلانات، تتوقف لجميع المسجلين بهذا العنوان.",
        ),
        MailLanguage::English => (
            format!(
                "This message is for {name}. Other people may be registered with the same address; each of them gets \
                     messages of their own."
            ),
            "If you stop the announcements, they stop for everybody at this address.",
        ),
    };
    if kind.can_be_declined() { format!("{who}\n{stop}") } else { who }
}

/// The conference's signature and contact, each after its language, in the reader's language if there is one.
fn endings(message: &ClaimedMessage) -> Vec<(&str, &str)> {
    let in_best_language = |text: &'_ Localised| {
        let preferred = preferred_languages(&message.language).into_iter();
        preferred.map(str::to_owned).find(|tag| text.map().contains_key(tag)).unwrap_or_default()
    };
    let texts = [&message.settings.signature, &message.settings.contact].into_iter().flatten();
    let found = texts.map(|text| text.find(&in_best_language(text), &[]));
    found.map(|(language, text)| (language, text.trim())).filter(|(_, text)| !text.is_empty()).collect()
}

/// The text with these endings, before the paragraph that stops the messages.
fn with_signature(text: &str, endings: &[(&str, &str)], preferences: &str) -> String {
    let mut paragraphs: Vec<&str> = text.split("\n\n").collect();
    let is_stop = !preferences.is_empty() && paragraphs.last().is_some_and(|last| last.contains(preferences));
    let stop = if is_stop { paragraphs.pop() } else { None };
    paragraphs.extend(endings.iter().map(|(_, ending)| *ending));
    paragraphs.extend(stop);
    paragraphs.join("\n\n")
}

/// A template of a conference, and the language that it is in.
#[derive(Debug, Clone, Copy)]
pub struct TemplateIn<'a> {
    pub language: &'a str,
    pub source: &'a str,
}

/// Renders a letter to a reader of `language` for a preview; nothing is sent.
///
/// # Errors
/// The template cannot be rendered.
pub fn preview(
    kind: LetterKind,
    language: &str,
    template: Option<TemplateIn<'_>>,
    content: LetterContent,
    settings: LetterSettings,
    links: &Links,
) -> Result<RenderedLetter, minijinja::Error> {
    let message = ClaimedMessage {
        id: Id::new(),
        conference: Id::new(),
        template: template.map(|own| own.source.to_owned()),
        template_language: template.map_or_else(|| language_of(language).as_str(), |own| own.language).to_owned(),
        kind,
        recipient: String::new(),
        language: language.to_owned(),
        content,
        tries: 0,
        created_at: clock::now(),
        domain: String::new(),
        is_broadcast: false,
        uid_host: String::new(),
        settings,
    };
    Renderer::shared()?.render_without_fallback(&message, links)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn message(kind: LetterKind, language: &str) -> ClaimedMessage {
        ClaimedMessage {
            id: Id::new(),
            conference: Id::new(),
            template: None,
            template_language: language_of(language).as_str().to_owned(),
            domain: String::new(),
            is_broadcast: false,
            uid_host: String::new(),
            settings: LetterSettings::default(),
            kind,
            recipient: "a@b.example".to_owned(),
            language: language.to_owned(),
            content: LetterContent {
                conference: "A & B".to_owned(),
                starts_on: NaiveDate::from_ymd_opt(2014, 3, 31).unwrap(),
                ends_on: NaiveDate::from_ymd_opt(2014, 4, 1).unwrap(),
                name: "<Ada>".to_owned(),
                reference: "GP-ABC".to_owned(),
                category: "Press".to_owned(),
                position: Some(3),
                link_path: "/x".to_owned(),
                token_generation: 1,
                announcement: Some(crate::mail::letter::Announcement {
                    subject: "A & B moves".to_owned(),
                    body: "The hall is another one, {{ name }}.\n\nCome early.".to_owned(),
                    language: None,
                }),
                reason: Some("Too late".to_owned()),
                offer_hours: Some(48),
                deadline: DateTime::parse_from_rfc3339("2014-03-01T09:30:00+01:00").ok(),
                sessions: vec![SessionLine {
                    title: "Panel".to_owned(),
                    starts_at: DateTime::parse_from_rfc3339("2014-03-31T14:00:00+02:00").unwrap(),
                    waits: true,
                    id: None,
                    ends_at: None,
                    room: None,
                }],
                delegation: Some("Belgium".to_owned()),
                ..LetterContent::default()
            },
            tries: 0,
            created_at: clock::now(),
        }
    }

    #[test]
    fn every_letter_renders_in_every_language_and_says_the_same_in_html() {
        let renderer = Renderer::new().unwrap();
        for language in ["en", "fr", "nl", "ar", "fr-BE", "sw"] {
            for kind in LetterKind::ALL {
                let link = "https://p.example/x?token=a&b";
                let links = Links { link: link.to_owned(), preferences: "https://p.example/y".to_owned() };
                let letter = renderer.render(&message(kind, language), &links).unwrap();
                assert!(letter.subject.contains("A & B") && !letter.subject.contains('\n'));
                let unescaped = letter
                    .html
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&#x27;", "'")
                    .replace("&#x2f;", "/")
                    .replace("&amp;", "&");
                for line in letter.text.lines() {
                    assert!(unescaped.contains(line), "{language} {kind}: {line} is not in {unescaped}");
                }
                assert!(!letter.html.contains("<Ada>"));
                assert!(!letter.text.contains("\n\n\n"), "{language} {kind}: {}", letter.text);
            }
        }
    }

    #[test]
    fn a_letter_to_a_shared_mailbox_says_for_whom_it_is_and_what_an_unsubscription_stops() {
        let renderer = Renderer::new().unwrap();
        let links = Links { link: "https://p.example/x".to_owned(), preferences: "https://p.example/y".to_owned() };
        let stops = [
            ("en", "for everybody"),
            ("fr", "pour toutes les personnes"),
            ("nl", "voor iedereen"),
            ("ar", "لجميع المسجلين"),
        ];
        for (language, stop) in stops {
            for kind in LetterKind::ALL {
                let mut shared = message(kind, language);
                shared.content.is_shared_mailbox = true;
                shared.template = Some("Subject: Hello\nText".to_owned());
                let letter = renderer.render(&shared, &links).unwrap();
                assert_eq!(letter.subject, "Hello (<Ada>)");
                assert!(letter.text.lines().next().unwrap().contains("<Ada>"), "{}", letter.text);
                assert!(letter.text.ends_with("\n\nText\n"), "{}", letter.text);
                assert_eq!(letter.text.contains(stop), kind.can_be_declined(), "{}", letter.text);
                assert!(letter.html.contains("&lt;Ada&gt;"));
            }
        }
    }

    #[test]
    fn web_addresses_of_organisers_are_links_and_nothing_else_is() {
        let mut letter = message(LetterKind::Announcement, "en");
        letter.content.announcement = Some(crate::mail::letter::Announcement {
            subject: "News".to_owned(),
            body: "See https://conference.example/a?b=1&c=<2>, (or http://x.example/y). Not javascript:alert(1), \
                   https:// or httpx://z.example.\n<a href=\"https://evil.example\">x</a>"
                .to_owned(),
            language: None,
        });
        let links =
            Links { link: "https://p.example/x?token=a".to_owned(), preferences: "https://p.example/y".to_owned() };
        let html = Renderer::new().unwrap().render(&letter, &links).unwrap().html.replace("&#x2f;", "/");
        let hrefs: Vec<_> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(
            hrefs,
            [
                "https://conference.example/a?b=1&amp;c=",
                "http://x.example/y",
                "https://evil.example",
                "https://p.example/x?token=a",
                "https://p.example/y",
            ]
        );
        assert!(html.contains(">See my registration</a>") && html.contains(">Stop these messages</a>"), "{html}");
        assert!(!html.contains("<a href=\"https://evil.example\">x</a>"));
    }

    #[test]
    fn a_letter_ends_with_the_signature_of_its_conference() {
        let mut letter = message(LetterKind::Announcement, "fr");
        let texts = |french: &str| Some(Localised::of([("en".into(), "English".into()), ("fr".into(), french.into())]));
        letter.settings.signature = texts("Le secrétariat\nBruxelles");
        letter.settings.contact = texts("Tél. +32 2 123 45 67");
        let links = Links { link: "https://p.example/x".to_owned(), preferences: "https://p.example/y".to_owned() };
        let rendered = Renderer::new().unwrap().render(&letter, &links).unwrap();
        let stop = rendered.text.find("https://p.example/y").unwrap();
        let signature = rendered.text.find("\n\nLe secrétariat\nBruxelles\n\nTél. +32 2 123 45 67\n\n").unwrap();
        assert!(
            rendered.text.find("https://p.example/x").unwrap() < signature && signature < stop,
            "{}",
            rendered.text
        );
        assert!(rendered.html.contains("Le secrétariat<br>"));
        letter.kind = LetterKind::Confirmed;
        let rendered = Renderer::new().unwrap().render(&letter, &links).unwrap();
        assert!(rendered.text.ends_with("Le secrétariat\nBruxelles\n\nTél. +32 2 123 45 67\n"), "{}", rendered.text);
    }
    #[test]
    fn a_template_that_runs_away_is_stopped() {
        let renderer = Renderer::new().unwrap();
        let mut runaway = message(LetterKind::Link, "en");
        runaway.template =
            Some("Subject: x\n{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}".into());
        assert!(
            renderer.render_without_fallback(&runaway, &Links::default()).unwrap_err().to_string().contains("fuel")
        );
        let shipped = renderer.render(&runaway, &Links::default()).unwrap();
        assert_eq!(shipped, renderer.render(&message(LetterKind::Link, "en"), &Links::default()).unwrap());
        let mut injected = message(LetterKind::Link, "en");
        injected.content.name = "A\nBcc: x".to_owned();
        injected.template = Some("Subject: {{ name }}\nText".into());
        assert_eq!(renderer.render(&injected, &Links::default()).unwrap().subject, "A Bcc: x");
        injected.content.conference = "Prevention\nof Genocide".to_owned();
        injected.template = Some("Subject: News of {{ conference }} today\nText".into());
        assert_eq!(
            renderer.render(&injected, &Links::default()).unwrap().subject,
            "News of Prevention of Genocide today"
        );
    }
}
