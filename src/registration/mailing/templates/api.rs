//! `.../mail/templates`.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{Actor, Credentials, audit, authorise},
    agenda::{Agenda, model::utc},
    clock,
    database::Connection,
    faults::Faults,
    http::{
        CodePath, Json, Problem,
        problem::{AnyProblem, NOT_FOUND},
    },
    mail::{
        Announcement, LetterContent, LetterKind, LinkKind,
        letter::SessionLine,
        render::{self, Links},
        store::{self, OwnTemplate},
    },
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE},
    },
    values::{Prose, text_enum},
};

text_enum! {
    /// A language that letters are written in.
    MailLanguage {
        /// English.
        English = "en",
        /// French.
        French = "fr",
        /// Dutch.
        Dutch = "nl",
    }
}

/// The text of a kind of letter in a language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailTemplate)]
pub struct TemplateView {
    /// What it is about.
    pub kind: LetterKind,
    /// Its language.
    pub language: MailLanguage,
    /// Whether it is the conference's own.
    pub is_own: bool,
    /// The text: a line `Subject: ...`, an empty line, then paragraphs. The HTML of a letter is made of them.
    pub source: String,
    /// When it was written.
    pub updated_at: Option<String>,
    /// By whom.
    pub updated_by: Option<String>,
}

/// Every text.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateList {
    /// The texts, by kind and language.
    pub data: Vec<TemplateView>,
    /// What a text may name, as `{{ name }}`.
    pub placeholders: Vec<&'static str>,
}

/// A text.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct TemplateSource {
    /// A line `Subject: ...`, an empty line, then paragraphs. What it may nest is bounded by its length.
    pub source: Prose<3000>,
}

/// A letter, as its reader would see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetterPreview {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML, which says the same.
    pub html: String,
}

fn view(kind: LetterKind, language: MailLanguage, own: &[OwnTemplate]) -> TemplateView {
    let own = own.iter().find(|own| own.kind == kind.as_str() && own.language == language.as_str());
    let shipped = render::shipped(kind.as_str(), language.as_str()).unwrap_or_default();
    TemplateView {
        kind,
        language,
        is_own: own.is_some(),
        source: own.map_or(shipped, |own| &own.source).to_owned(),
        updated_at: own.map(|own| clock::wire(own.updated_at.0)),
        updated_by: own.map(|own| own.updated_by.clone()),
    }
}

fn kinds() -> impl Iterator<Item = (LetterKind, MailLanguage)> {
    let languages = || MailLanguage::WORDS.iter().filter_map(|word| MailLanguage::from_word(word));
    let kinds = LetterKind::WORDS.iter().filter_map(|word| LetterKind::from_word(word));
    kinds.flat_map(move |kind| languages().map(move |language| (kind, language)))
}

/// Lists the texts of letters.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/templates",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The texts", body = TemplateList), AnyProblem)
)]
pub async fn list_mail_templates(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let read = |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "list_mail_templates", Some(errand.place.id))?;
        Ok(store::templates(tx, errand.place.id)?)
    };
    let own = desk.read(&snapshot, credentials, read).await?;
    let data = kinds().map(|(kind, language)| view(kind, language, &own)).collect();
    let list = TemplateList { data, placeholders: render::PLACEHOLDERS.to_vec() };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(list))
}

fn named((kind, language): (&str, &str)) -> Result<(LetterKind, MailLanguage), Problem> {
    let found = LetterKind::from_word(kind).zip(MailLanguage::from_word(language));
    found.ok_or_else(|| Problem::new(&NOT_FOUND).detail("there is no such letter in such a language"))
}

fn note(
    connection: &mut Connection,
    actor: &Actor,
    errand: Errand<'_>,
    (action, operation): (&str, &str),
    (kind, language): (LetterKind, MailLanguage),
) -> Result<(), RegistrationError> {
    let change = serde_json::json!({ "kind": kind, "language": language });
    let entry = audit::Entry::of(action, "mail_template", format!("{kind}/{language}"), Some(change));
    Ok(audit::record(connection, actor, operation, Some(errand.place.id), &[entry])?)
}

/// Gives the conference a text of its own. One that names what there is not, or cannot be rendered, is not taken.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "What the letter is about"),
        ("language" = MailLanguage, Path, description = "Its language")
    ),
    request_body = TemplateSource,
    responses((status = 200, description = "The text", body = TemplateView), AnyProblem)
)]
pub async fn put_mail_template(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    Json(TemplateSource { source }): Json<TemplateSource>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let (kind, language) = named((&kind, &language))?;
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        let actor = authorise(tx, errand.credentials, "put_mail_template", Some(errand.place.id))?;
        check(errand.released.agenda, kind, language, source.as_str())?;
        let key = (kind.as_str(), language.as_str());
        store::put_template(tx, errand.place.id, key, source.as_str(), actor.name())?;
        note(tx, &actor, errand, ("update", "put_mail_template"), (kind, language))?;
        Ok::<_, RegistrationError>(store::templates(tx, errand.place.id)?)
    };
    let own = desk.write("write a template", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view(kind, language, &own)))
}

/// Takes the conference's own text away: the one that ships is used again.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "What the letter is about"),
        ("language" = MailLanguage, Path, description = "Its language")
    ),
    responses((status = 204, description = "It is gone"), AnyProblem)
)]
pub async fn delete_mail_template(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        let actor = authorise(tx, errand.credentials, "delete_mail_template", Some(errand.place.id))?;
        let known = LetterKind::from_word(&kind).zip(MailLanguage::from_word(&language));
        let (kind, language) = known.ok_or(RegistrationError::NoThing("template"))?;
        match store::delete_template(tx, errand.place.id, (kind.as_str(), language.as_str()))? {
            true => note(tx, &actor, errand, ("delete", "delete_mail_template"), (kind, language)),
            false => Err(RegistrationError::NoThing("template")),
        }
    };
    desk.write("delete a template", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Renders a text, not yet taken, with the facts of somebody who might be.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}/preview",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "What the letter is about"),
        ("language" = MailLanguage, Path, description = "Its language")
    ),
    request_body = TemplateSource,
    responses((status = 200, description = "The letter", body = LetterPreview), AnyProblem)
)]
pub async fn preview_mail_template(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    Json(TemplateSource { source }): Json<TemplateSource>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let (kind, language) = named((&kind, &language))?;
    let snapshot = desk.snapshot(&slug.0)?;
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "preview_mail_template", Some(errand.place.id))?;
        check(errand.released.agenda, kind, language, source.as_str())
    };
    let preview = desk.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preview))
}

/// Renders a text as a reader would get it.
///
/// # Errors
/// It names what there is not, or cannot be rendered: [`RegistrationError::Invalid`] names the line.
pub fn check(
    agenda: &Agenda,
    kind: LetterKind,
    language: MailLanguage,
    source: &str,
) -> Result<LetterPreview, RegistrationError> {
    render::check(source).or(())?;
    // Some letters of a kind say more than others: the text must do for whoever has the least to be told.
    preview(kind, language, Some(source), least(kind, sample(agenda, language))).map_err(|mut found| {
        found.0.iter_mut().for_each(|fault| fault.detail.push_str(", for a reader of whom only the least is known"));
        found
    })?;
    preview(kind, language, Some(source), sample(agenda, language)).map_err(RegistrationError::from)
}

/// The same letter, without what not every letter says.
fn least(kind: LetterKind, full: LetterContent) -> LetterContent {
    LetterContent {
        venue: None,
        position: None,
        reason: None,
        offer_hours: None,
        deadline: None,
        left: Vec::new(),
        moved: None,
        sessions: Vec::new(),
        delegation: None,
        announcement: full.announcement.filter(|_| kind == LetterKind::Announcement),
        ..full
    }
}

/// Renders a letter.
///
/// # Errors
/// Its text cannot be rendered: the fault names the line.
pub fn preview(
    kind: LetterKind,
    language: MailLanguage,
    source: Option<&str>,
    content: LetterContent,
) -> Result<LetterPreview, Faults> {
    let links = Links {
        link: "https://conference.example/your-link".to_owned(),
        preferences: "https://conference.example/your-preferences".to_owned(),
    };
    let rendered = render::preview(kind, language.as_str(), source, content, &links).map_err(|error| {
        let mut found = Faults::default();
        let at = format!("#/source/line {}", error.line().unwrap_or(1));
        found.add(at, "invalid_template", error.to_string());
        found
    })?;
    Ok(LetterPreview { subject: rendered.subject, text: rendered.text, html: rendered.html })
}

/// What a letter of the conference might say: everything that any letter says.
pub fn sample(agenda: &Agenda, language: MailLanguage) -> LetterContent {
    let conference = &agenda.conference;
    let (tag, languages) = (language.as_str(), &conference.languages);
    let now = conference.time_zone.local(clock::now() + TimeDelta::days(2));
    let sessions: Vec<SessionLine> = agenda
        .sessions
        .iter()
        .take(2)
        .map(|session| SessionLine {
            title: session.title.text(tag, languages).to_owned(),
            starts_at: conference.time_zone.local(utc(session.starts_at)),
            waits: false,
            id: session.id.map(|id| id.uuid()),
            ends_at: Some(conference.time_zone.local(utc(session.ends_at))),
            room: None,
        })
        .collect();
    LetterContent {
        conference: conference.name.text(tag, languages).to_owned(),
        starts_on: conference.starts_on.0,
        ends_on: conference.ends_on.0,
        venue: agenda.venue_line(tag),
        name: "Dr Ada Example".to_owned(),
        reference: "ABC-12345678".to_owned(),
        category: "Delegate".to_owned(),
        position: Some(3),
        link_path: String::new(),
        link: LinkKind::Registration,
        registration: uuid::Uuid::nil(),
        token_generation: 1,
        calendar: None,
        reason: Some("The organisers' reason.".to_owned()),
        offer_hours: Some(48),
        deadline: Some(now),
        left: sessions.clone(),
        moved: sessions.first().cloned(),
        is_over: false,
        sessions,
        delegation: Some("Belgium".to_owned()),
        announcement: Some(Announcement { subject: "An announcement".to_owned(), body: "Its text.".to_owned() }),
        has_badge: false,
    }
}
