//! Request and result types that handlers and use cases of broadcasts share.

use std::collections::BTreeMap;

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::Audience;
use crate::{
    registration::broadcast::BroadcastKind,
    validation::ValidationErrors,
    values::{Count, Localised},
};

/// A broadcast to draft.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[schema(as = NewMailBroadcast)]
pub struct NewBroadcastTerms {
    /// `announcement` (with a text of its own) or `reminder` (the text of the template); `announcement` if left out.
    #[deserr(default = BroadcastKind::Announcement)]
    #[schema(required = false)]
    pub kind: BroadcastKind,
    /// Subject; required for an announcement, refused for a reminder. It may use the placeholders of templates, as `{{
    /// name }}`.
    #[deserr(default)]
    #[schema(required = false)]
    pub subject: Option<Localised>,
    /// Text: paragraphs separated by empty lines; required for an announcement, refused for a reminder. It may use the
    /// placeholders of templates.
    #[deserr(default)]
    #[schema(required = false)]
    pub body: Option<Localised>,
    /// Recipients; all confirmed registrations if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub audience: Audience,
    /// Greatest number of messages per minute; 600 if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub per_minute: Option<Count<1>>,
}

/// Number of recipients that a broadcast would have now.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = MailRecipients)]
pub struct Recipients {
    /// Number of people who would get it. Several who share one address count each.
    pub count: u32,
    /// Number of these people by language of the registration.
    pub languages: BTreeMap<String, u32>,
    /// Number of people who would not get it, because mail to their address bounced or was unsubscribed.
    pub left_out: u32,
}
