//! The texts that conferences have of their own.

use diesel::prelude::*;

use super::{
    letter::{LetterKind, preferred_languages},
    templates::TemplateIn,
};
use crate::{
    clock,
    database::{Connection, DatabaseError, schema::mail_templates, types::DbInstant},
    ids::ConferenceId,
};

/// A conference's own template, which replaces a shipped one.
#[derive(Debug, Clone, Queryable)]
pub struct OwnTemplate {
    pub kind: LetterKind,
    /// A language in which letters ship, or one of the conference (BCP 47).
    pub language: String,
    pub source: String,
    pub updated_at: DbInstant,
    /// Name of the actor.
    pub updated_by: String,
}

pub fn list_own_templates(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<OwnTemplate>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq(conference))
        .order((mail_templates::kind, mail_templates::language))
        .select((
            mail_templates::kind,
            mail_templates::language,
            mail_templates::source,
            mail_templates::updated_at,
            mail_templates::updated_by,
        ))
        .load(connection)?)
}

/// The conference's own template for a reader of `language`.
pub fn find_own_template(
    connection: &mut Connection,
    conference: ConferenceId,
    kind: LetterKind,
    language: &str,
) -> Result<Option<OwnTemplate>, DatabaseError> {
    let mut own_templates = list_own_templates(connection, conference)?;
    own_templates.retain(|own| own.kind == kind);
    let mut preferred = preferred_languages(language).into_iter();
    Ok(preferred.find_map(|tag| own_templates.iter().find(|own| own.language == tag)).cloned())
}

/// Replaces the conference's own template of a letter.
pub fn put_own_template(
    connection: &mut Connection,
    conference: ConferenceId,
    kind: LetterKind,
    language: &str,
    source: &str,
    actor_name: &str,
) -> Result<(), DatabaseError> {
    delete_own_template(connection, conference, kind, language)?;
    diesel::insert_into(mail_templates::table)
        .values((
            mail_templates::conference_id.eq(conference),
            mail_templates::kind.eq(kind),
            mail_templates::language.eq(language),
            mail_templates::source.eq(source),
            mail_templates::updated_at.eq(DbInstant(clock::now())),
            mail_templates::updated_by.eq(actor_name),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes a conference's own template, so that the shipped one is used again; returns whether there was one.
pub fn delete_own_template(
    connection: &mut Connection,
    conference: ConferenceId,
    kind: LetterKind,
    language: &str,
) -> Result<bool, DatabaseError> {
    Ok(diesel::delete(mail_templates::table.find((conference, kind, language))).execute(connection)? == 1)
}

impl<'a> From<&'a OwnTemplate> for TemplateIn<'a> {
    fn from(own: &'a OwnTemplate) -> Self {
        Self { language: &own.language, source: &own.source }
    }
}
