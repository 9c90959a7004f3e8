//! Entries of the audit trail: the change of one resource.

use serde_json::Value;

use crate::values::text_enum;

text_enum! {
    /// What was done to a resource.
    AuditAction {
        Create = "create",
        Update = "update",
        Remove = "remove",
        /// The resources of a list are in another order.
        Reorder = "reorder",
        Delete = "delete",
        /// A secret was accepted as that of the store.
        Adopt = "adopt",
        /// A focal point was invited.
        Invite = "invite",
        /// A focal point got a new link; the earlier one became void.
        Renew = "renew",
        Revoke = "revoke",
        Publish = "publish",
        /// A release was scheduled.
        Schedule = "schedule",
        Cancel = "cancel",
        /// A person was redacted.
        Redact = "redact",
        Send = "send",
        Stop = "stop",
        Resume = "resume",
        /// One message of a broadcast was sent for a look at it.
        Test = "test",
        /// A message was made due again.
        Retry = "retry",
        /// A message bounced.
        Bounce = "bounce",
        /// Two registrations were said to be of two people.
        Dismiss = "dismiss",
    }
}

text_enum! {
    /// Kind of a resource.
    ResourceKind {
        Conference = "conference",
        Organisation = "organisation",
        Day = "day",
        Room = "room",
        Track = "track",
        Speaker = "speaker",
        Session = "session",
        Item = "item",
        CallForAction = "call_for_action",
        /// The set-up of the registration.
        Registration = "registration",
        Category = "category",
        Question = "question",
        /// What the pages say besides the programme.
        Site = "site",
        /// A page of practical information.
        Page = "page",
        Release = "release",
        ScheduledRelease = "scheduled_release",
        Preview = "preview",
        Invitation = "invitation",
        /// Two registrations that may be of one person.
        Duplicate = "duplicate",
        Delegation = "delegation",
        MailTemplate = "mail_template",
        MailMessage = "mail_message",
        MailBroadcast = "mail_broadcast",
        MailBlock = "mail_block",
        Token = "token",
        /// The secret of the server.
        Secret = "secret",
    }
}

/// The change of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub action: AuditAction,
    pub resource: ResourceKind,
    pub id: String,
    pub code: String,
    /// The changed values before the change.
    pub before: Option<Value>,
    /// The changed values after the change.
    pub after: Option<Value>,
}

impl Entry {
    /// An entry about a resource that has no code but its id.
    pub fn of(action: AuditAction, resource: ResourceKind, id: impl ToString, after: Option<Value>) -> Self {
        let id = id.to_string();
        Self { action, resource, code: id.clone(), id, before: None, after }
    }
}
