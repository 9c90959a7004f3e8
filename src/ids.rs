//! Every kind of id: one generic UUIDv7 (RFC 9562) with the kind as a phantom type, so that the id of a room cannot
//! stand where the id of a session is meant.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use uuid::{NoContext, Timestamp, Uuid};

/// The id of one `K`. It is made once and never changes.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $id:ident),+ $(,)?) => {
        /// The kinds of things that have an id of their own.
        pub mod kind {
            $($(#[$doc])* #[derive(Debug)] pub enum $name {})+
        }
        $($(#[$doc])* pub type $id = Id<kind::$name>;)+
    };
}
kinds! {
    /// A speaker in an item or session.
    Appearance AppearanceId,
    /// The outcome document.
    CallForAction CallForActionId,
    /// A line of the audit trail.
    AuditEntry AuditEntryId,
    /// A kind of registration.
    Category CategoryId,
    /// The event itself.
    Conference ConferenceId,
    /// What happened at a door.
    CheckIn CheckInId,
    /// What is written to many.
    Broadcast BroadcastId,
    /// An attempt to send a message.
    MailAttempt MailAttemptId,
    /// A date of the conference.
    Day DayId,
    /// The registrations of one State or organisation.
    Delegation DelegationId,
    /// Two registrations that are probably of one person.
    PossibleDuplicate PossibleDuplicateId,
    /// A personal invitation, or a shared access code.
    Invitation InvitationId,
    /// What a registrar notes about a registration.
    Note NoteId,
    /// An answer that can be given again.
    IdempotencyKey IdempotencyKeyId,
    /// An agenda item.
    Item ItemId,
    /// One process's hold on a message while it sends it.
    LeaseHolder LeaseHolderId,
    /// A message of the outbox.
    Message MessageId,
    /// A State, an international organisation, a university.
    Organisation OrganisationId,
    /// One person's request to attend.
    Registration RegistrationId,
    /// A line of a registration's history.
    RegistrationEvent RegistrationEventId,
    /// The taking out of a person.
    Redaction RedactionId,
    /// A published copy of the agenda.
    Release ReleaseId,
    /// A place of sessions.
    Room RoomId,
    /// A release that is to be published at a time.
    ScheduledRelease ScheduledReleaseId,
    /// A block of a day.
    Session SessionId,
    /// A person who appears in the agenda.
    Speaker SpeakerId,
    /// A bearer token.
    Token TokenId,
    /// A theme.
    Track TrackId,
}

impl<K> Id<K> {
    /// A new id; later ids sort after earlier ones.
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// A new id that the public sees: later ids sort after earlier ones by the millisecond, and nothing in it counts.
    /// (A counter within the millisecond would tell how many things of a draft are hidden.)
    pub fn unlinked() -> Self {
        Self::from_uuid(Uuid::new_v7(Timestamp::now(NoContext)))
    }

    /// The id with this value.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The value.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Default for Id<K> {
    /// A new id.
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
