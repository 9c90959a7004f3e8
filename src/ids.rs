//! Ids: one generic UUIDv7 (RFC 9562) with the kind as a phantom type, so that a room's id cannot be used as a
//! session's.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use uuid::{NoContext, Timestamp, Uuid};

/// The id of a `K`. It never changes.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $id:ident),+ $(,)?) => {
        /// The kinds of resources with an id.
        pub mod kind {
            $($(#[$doc])* #[derive(Debug)] pub enum $name {})+
        }
        $($(#[$doc])* pub type $id = Id<kind::$name>;)+
    };
}
kinds! {
    Appearance AppearanceId,
    CallForAction CallForActionId,
    AuditEntry AuditEntryId,
    Category CategoryId,
    Conference ConferenceId,
    CheckIn CheckInId,
    Broadcast BroadcastId,
    MailAttempt MailAttemptId,
    Day DayId,
    Delegation DelegationId,
    /// Two registrations that are probably of one person.
    PossibleDuplicate PossibleDuplicateId,
    /// A personal invitation, or a shared access code.
    Invitation InvitationId,
    /// A registrar's note about a registration.
    Note NoteId,
    /// A stored answer.
    IdempotencyKey IdempotencyKeyId,
    Item ItemId,
    /// A process that leases messages.
    LeaseHolder LeaseHolderId,
    /// A message of the outbox.
    Message MessageId,
    Organisation OrganisationId,
    Registration RegistrationId,
    /// An entry of a registration's history.
    RegistrationEvent RegistrationEventId,
    Redaction RedactionId,
    Release ReleaseId,
    Room RoomId,
    ScheduledRelease ScheduledReleaseId,
    Session SessionId,
    Speaker SpeakerId,
    Token TokenId,
    Track TrackId,
}

impl<K> Id<K> {
    /// A new id; later ids sort after earlier ones.
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// A new id that the public will see. Ids sort by the millisecond of their creation and have no counter: a counter
    /// would show how many resources of a draft are hidden.
    pub fn new_public() -> Self {
        Self::from_uuid(Uuid::new_v7(Timestamp::now(NoContext)))
    }

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::new()
    }
}
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}
