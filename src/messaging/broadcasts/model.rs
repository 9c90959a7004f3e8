//! Request and result types that handlers and use cases of broadcasts share.

use std::collections::BTreeMap;

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::Audience;
use crate::{
    registration::{broadcast::BroadcastKind, model::Registration},
    validation::ValidationErrors,
    values::{Count, Localised, text_enum},
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
    /// Number of people who would not get it, because they have no address, mail to it bounced, or it unsubscribed.
    pub left_out: u32,
    /// The first 200 of them.
    pub unreached: Vec<UnreachedPerson>,
}

/// Greatest number of people whom [`Recipients::unreached`] names.
const UNREACHED_MAX: usize = 200;

/// Somebody who would not get a broadcast.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreachedPerson {
    /// Reference of the registration, such as `GP-7K3M9Q2X`.
    pub reference: String,
    /// Why the broadcast does not reach this person.
    pub reason: UnreachedReason,
}

text_enum! {
    /// Why a broadcast does not reach somebody.
    UnreachedReason {
        /// The registration has no e-mail address.
        NoAddress = "no_address",
        /// Mail to the address bounced.
        Bounced = "bounced",
        /// The address unsubscribed.
        Unsubscribed = "unsubscribed",
    }
}

impl Recipients {
    /// Counts somebody, whom the broadcast does not reach if there is a reason.
    pub fn add(&mut self, registration: &Registration, reason: Option<UnreachedReason>) {
        match reason {
            None => {
                self.count += 1;
                *self.languages.entry(registration.person.language.clone()).or_default() += 1;
            }
            Some(reason) => {
                self.left_out += 1;
                if self.unreached.len() < UNREACHED_MAX {
                    self.unreached.push(UnreachedPerson { reference: registration.reference.clone(), reason });
                }
            }
        }
    }
}
