//! `.../mail/templates`.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        Actor, Credentials, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::{Agenda, model::utc},
    clock,
    database::{Connection, DatabaseError},
    http::{CodePath, Json, NO_STORE, Problem, problem::AnyProblem},
    mail::{
        Announcement, LetterContent, LetterKind, LetterSettings,
        letter::{MailLanguage, SessionLine, language_of},
        letter_settings_of,
        own_templates::{self, OwnTemplate},
        templates::{self, Links, TemplateIn},
    },
    messaging::MessagingError,
    registration::{
        RegistrationError, context::RequestContext, letters::conference_content, service::RegistrationService,
    },
    validation::ValidationErrors,
    values::Prose,
};

/// Template of one kind of letter in one language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailTemplate)]
pub struct TemplateView {
    /// Kind of the letter.
    pub kind: LetterKind,
    /// Language of the template: one in which letters ship, or one of the conference (BCP 47).
    pub language: String,
    /// Whether the conference replaced the shipped template by its own.
    pub is_own: bool,
    /// Source of the template: a line `Subject: ...`, an empty line, then paragraphs. The HTML part of a letter is made
    /// from the same paragraphs.
    pub source: String,
    /// Time at which the conference's own template was saved (RFC 3339, UTC); null for a shipped template.
    pub updated_at: Option<String>,
    /// Name of the token that saved the conference's own template; null for a shipped template.
    pub updated_by: Option<String>,
}

/// All templates of a conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateList {
    /// Templates by kind and language: the conference's own where it has one, else the shipped one.
    pub data: Vec<TemplateView>,
    /// Names that a template may use, as `{{ name }}`.
    pub placeholders: Vec<&'static str>,
}

/// Source of a template.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct TemplateSource {
    /// A line `Subject: ...`, an empty line, then paragraphs; at most 3,000 characters.
    pub source: Prose<3000>,
}

/// A letter as its recipient would see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetterPreview {
    /// Subject of the letter.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part; it says the same as the plain text.
    pub html: String,
}

fn template_view(kind: LetterKind, language: String, own_templates: &[OwnTemplate]) -> TemplateView {
    let own = own_templates.iter().find(|own| own.kind == kind && own.language == language);
    let shipped = templates::shipped(kind, language_of(&language)).unwrap_or_default();
    TemplateView {
        kind,
        language,
        is_own: own.is_some(),
        source: own.map_or(shipped, |own| &own.source).to_owned(),
        updated_at: own.map(|own| clock::wire(own.updated_at.0)),
        updated_by: own.map(|own| own.updated_by.clone()),
    }
}

/// The languages that letters may be in: those that ship, then the others of the conference, in which its own words
/// stand in an English letter unless it has a template of its own.
pub fn letter_languages(agenda: &Agenda) -> Vec<String> {
    let mut languages: Vec<String> = MailLanguage::ALL.map(|language| language.as_str().to_owned()).to_vec();
    for tag in &agenda.conference.languages {
        if !languages.iter().any(|language| language == tag.as_str()) {
            languages.push(tag.as_str().to_owned());
        }
    }
    languages
}

/// Whether letters may be in a language.
pub fn is_letter_language(agenda: &Agenda, language: &str) -> bool {
    letter_languages(agenda).iter().any(|known| known == language)
}

fn kinds_and_languages(agenda: &Agenda) -> impl Iterator<Item = (LetterKind, String)> {
    let languages = letter_languages(agenda);
    LetterKind::ALL.into_iter().flat_map(move |kind| {
        let pairs: Vec<_> = languages.iter().map(|language| (kind, language.clone())).collect();
        pairs
    })
}

/// Lists the templates of letters.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/templates",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The templates", body = TemplateList), AnyProblem)
)]
pub async fn list_mail_templates(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let read = |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ListMailTemplates, Some(context.conference.id))?;
        let own_templates = own_templates::list_own_templates(tx, context.conference.id)?;
        let views = kinds_and_languages(context.released.agenda)
            .map(|(kind, language)| template_view(kind, language, &own_templates));
        Ok::<_, RegistrationError>(views.collect())
    };
    let data = service.read(&snapshot, credentials, read).await?;
    let list = TemplateList { data, placeholders: templates::PLACEHOLDERS.to_vec() };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(list))
}

/// The kind, if letters of the conference may be in this language.
///
/// # Errors
/// [`MessagingError::NoTemplate`].
fn kind_in_language(context: RequestContext<'_>, kind: &str, language: &str) -> Result<LetterKind, MessagingError> {
    let kind = LetterKind::from_text(kind).filter(|_| is_letter_language(context.released.agenda, language));
    kind.ok_or(MessagingError::NoTemplate)
}

fn record_audit(
    connection: &mut Connection,
    actor: &Actor,
    context: RequestContext<'_>,
    operation: Operation,
    action: AuditAction,
    kind: LetterKind,
    language: &str,
) -> Result<(), DatabaseError> {
    let change = serde_json::json!({ "kind": kind, "language": language });
    let entry = audit::Entry::of(action, ResourceKind::MailTemplate, format!("{kind}/{language}"), Some(change));
    audit::record(connection, actor, operation, Some(context.conference.id), &[entry])
}

/// Replaces a template by the conference's own.
///
/// A template that uses an unknown placeholder or cannot be rendered is refused (422).
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "Kind of the letter"),
        ("language" = String, Path, description = "Language of the template: one in which letters ship, or one of the conference")
    ),
    request_body = TemplateSource,
    responses((status = 200, description = "The template", body = TemplateView), AnyProblem)
)]
pub async fn put_mail_template(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    Json(TemplateSource { source }): Json<TemplateSource>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, Operation::PutMailTemplate, Some(context.conference.id))?;
        let kind = kind_in_language(context, &kind, &language)?;
        let settings = letter_settings_of(tx, context.conference.id)?;
        check_template(context.released.agenda, kind, &language, source.as_str(), &settings)?;
        own_templates::put_own_template(tx, context.conference.id, kind, &language, source.as_str(), actor.name())?;
        record_audit(tx, &actor, context, Operation::PutMailTemplate, AuditAction::Update, kind, &language)?;
        let own_templates = own_templates::list_own_templates(tx, context.conference.id)?;
        Ok::<_, MessagingError>(template_view(kind, language.clone(), &own_templates))
    };
    let view = service.write("write a template", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Deletes the conference's own template; the shipped one is used again.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "Kind of the letter"),
        ("language" = String, Path, description = "Language of the template: one in which letters ship, or one of the conference")
    ),
    responses((status = 204, description = "The template was deleted"), AnyProblem)
)]
pub async fn delete_mail_template(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, Operation::DeleteMailTemplate, Some(context.conference.id))?;
        // The language may be one that the conference has no more.
        let kind = LetterKind::from_text(&kind).ok_or(MessagingError::NoTemplate)?;
        if !own_templates::delete_own_template(tx, context.conference.id, kind, &language)? {
            return Err(MessagingError::NoTemplate);
        }
        Ok(record_audit(tx, &actor, context, Operation::DeleteMailTemplate, AuditAction::Delete, kind, &language)?)
    };
    service.write("delete a template", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Renders a template with sample data, without saving it.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/templates/{kind}/{language}/preview",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("kind" = LetterKind, Path, description = "Kind of the letter"),
        ("language" = String, Path, description = "Language of the template: one in which letters ship, or one of the conference")
    ),
    request_body = TemplateSource,
    responses((status = 200, description = "The letter", body = LetterPreview), AnyProblem)
)]
pub async fn preview_mail_template(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    Json(TemplateSource { source }): Json<TemplateSource>,
) -> Result<HttpResponse, Problem> {
    let (slug, kind, language) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::PreviewMailTemplate, Some(context.conference.id))?;
        let kind = kind_in_language(context, &kind, &language)?;
        let settings = letter_settings_of(tx, context.conference.id)?;
        let agenda = context.released.agenda;
        Ok::<_, MessagingError>(check_template(agenda, kind, &language, source.as_str(), &settings)?)
    };
    let preview = service.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preview))
}

/// Renders a template with sample data: once with the least that a letter of its kind has, once with everything.
///
/// # Errors
/// The validation errors with their line, if it uses an unknown placeholder or cannot be rendered.
pub fn check_template(
    agenda: &Agenda,
    kind: LetterKind,
    language: &str,
    source: &str,
    settings: &LetterSettings,
) -> Result<LetterPreview, ValidationErrors> {
    templates::check(source).into_result(())?;
    // Not every letter of a kind has every part: the template must render with the least of them, too.
    let minimal = minimal_content(kind, sample_content(agenda, language));
    let own = Some(TemplateIn { language, source });
    render_preview(kind, language, own, minimal, settings).map_err(|mut errors| {
        errors.0.iter_mut().for_each(|error| error.detail.push_str(" (rendered for a recipient with the least data)"));
        errors
    })?;
    render_preview(kind, language, own, sample_content(agenda, language), settings)
}

/// The letter without the parts that not every letter of the kind has.
fn minimal_content(kind: LetterKind, full: LetterContent) -> LetterContent {
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

/// Renders a letter with sample links, and with the signature of the conference.
///
/// # Errors
/// The template cannot be rendered; the validation error names the line.
pub fn render_preview(
    kind: LetterKind,
    language: &str,
    own_template: Option<TemplateIn<'_>>,
    content: LetterContent,
    settings: &LetterSettings,
) -> Result<LetterPreview, ValidationErrors> {
    let links = Links {
        link: "https://conference.example/your-link".to_owned(),
        preferences: "https://conference.example/your-preferences".to_owned(),
    };
    let rendered =
        templates::preview(kind, language, own_template, content, settings.clone(), &links).map_err(|error| {
            let mut errors = ValidationErrors::default();
            let pointer = format!("#/source/line {}", error.line().unwrap_or(1));
            errors.add(pointer, "invalid_template", error.to_string());
            errors
        })?;
    Ok(LetterPreview { subject: rendered.subject, text: rendered.text, html: rendered.html })
}

/// Sample content with every part that any letter can have, from the conference's own agenda.
pub fn sample_content(agenda: &Agenda, language: &str) -> LetterContent {
    let conference = &agenda.conference;
    let (tag, languages) = (language, &conference.languages);
    let deadline = conference.time_zone.local(clock::now() + TimeDelta::days(2));
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
        name: "Dr Ada Example".to_owned(),
        reference: "ABC-12345678".to_owned(),
        category: "Delegate".to_owned(),
        position: Some(3),
        token_generation: 1,
        reason: Some("The organisers' reason.".to_owned()),
        offer_hours: Some(48),
        deadline: Some(deadline),
        left: sessions.clone(),
        moved: sessions.first().cloned(),
        sessions,
        delegation: Some("Belgium".to_owned()),
        announcement: Some(Announcement {
            subject: "An announcement".to_owned(),
            body: "Its text.".to_owned(),
            language: None,
        }),
        ..conference_content(agenda, tag)
    }
}
