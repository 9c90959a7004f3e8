//! What can go wrong with registrations, and its problem documents.

use actix_web::http::header;
use chrono::{DateTime, Utc};

use crate::{
    access::AccessError,
    agenda::AgendaError,
    clock,
    database::{DatabaseError, Retry},
    faults::Faults,
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, Problem, STORAGE_FULL, problem_kinds},
    },
    values::Code,
};

problem_kinds! {
    /// The address is registered already.
    ALREADY_REGISTERED = ("already-registered", 409, "This address is registered already"),
    /// Registration has not opened or is over.
    REGISTRATION_CLOSED = ("registration-closed", 409, "Registration is not open"),
    /// The registration's state does not allow it.
    WRONG_STATE = ("wrong-state", 409, "The registration's state does not allow this"),
    /// More seats are taken than the set-up would leave.
    SEATS_TAKEN = ("seats-taken", 409, "More seats are taken than that"),
    /// The seats are taken and nobody can wait for one.
    REGISTRATION_FULL = ("registration-full", 409, "The seats are taken"),
    /// A message or broadcast is in another state.
    WRONG_MESSAGE_STATE = ("wrong-message-state", 409, "The state of the message or broadcast does not take that"),
    /// A broadcast would go to others than its sender believes.
    OTHER_RECIPIENTS = ("other-recipients", 409, "The broadcast would go to another number of people"),
    /// The code opens nothing.
    INVITATION_INVALID = ("invitation-invalid", 409, "The invitation is not known, used up or over"),
    /// The category is for those who were invited.
    INVITATION_NEEDED = ("invitation-needed", 409, "The category needs an invitation"),
    /// The quota of the delegation is used up.
    DELEGATION_FULL = ("delegation-full", 409, "The delegation's quota is used up"),
    /// Nobody went in with that scan.
    NOT_ADMITTED = ("not-admitted", 409, "Nobody was let in with this scan"),
    /// The pair was merged.
    ALREADY_MERGED = ("already-merged", 409, "The two registrations were merged already"),
    /// The registration that is to be kept cannot take over the seat of the other.
    MERGE_LOSES_SEAT = ("merge-loses-seat", 409, "The registration that is kept would lose the other's seat"),
    /// Another access code of the conference is the same.
    ACCESS_CODE_TAKEN = ("access-code-taken", 409, "Another access code of the conference is the same"),
    /// Nobody can use the invitation any more.
    INVITATION_OVER = ("invitation-over", 409, "The invitation is used up or over"),
    /// Another delegation has this code, or is of this State.
    DELEGATION_TAKEN = ("delegation-taken", 409, "Another delegation has this code"),
    /// The delegation has members.
    DELEGATION_IN_USE = ("delegation-in-use", 409, "The delegation has members"),
    /// The delegation has more members than that.
    QUOTA_BELOW_MEMBERS = ("quota-below-members", 409, "The delegation has more members than that"),
    /// The delegation names nobody to write to.
    NO_FOCAL_POINT = ("no-focal-point", 409, "The delegation has no focal point"),
    /// Who was approved cannot become somebody else.
    IDENTITY_APPROVED = ("identity-approved", 409, "The organisers approved this person"),
    /// The conference has registrations.
    CONFERENCE_IN_USE = ("conference-in-use", 409, "People have registered for the conference"),
    /// The category has registrations.
    CATEGORY_IN_USE = ("category-in-use", 409, "The category has registrations"),
}

/// Why a registration was refused or not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// There is no such conference, or it has no release.
    #[error("no such conference")]
    NoConference,
    /// There is no such registration.
    #[error("no such registration")]
    NotFound,
    /// The form is wrong.
    #[error("the form has {} faults", .0.0.len())]
    Invalid(Faults),
    /// The address has a live registration.
    #[error("the address is registered already")]
    AlreadyRegistered,
    /// It is too early or too late.
    #[error("registration is not open")]
    Closed {
        /// When it opens, if that is still to come.
        opens_at: Option<DateTime<Utc>>,
    },
    /// The state does not allow it.
    #[error("a registration that is {0} cannot do this")]
    WrongState(&'static str),
    /// Fewer seats than are taken.
    #[error("{taken} seats are taken")]
    SeatsTaken {
        /// Of what: a category, or the conference.
        category: Option<Code>,
        /// How many.
        taken: i64,
    },
    /// A category with registrations cannot go.
    #[error("category {0} has registrations")]
    CategoryInUse(Code),
    /// A conference that people have registered for cannot go.
    #[error("people have registered for the conference")]
    ConferenceInUse,
    /// The seats are taken and there is no waiting list.
    #[error("the seats are taken and there is no waiting list")]
    Full,
    /// The code opens nothing (any more).
    #[error("the invitation is not known, used up or over")]
    InvitationInvalid,
    /// Nobody can be let in out of turn.
    #[error("no seat is free")]
    NoSeatFree,
    /// The category is for those who were invited to it.
    #[error("category {0} needs an invitation")]
    InvitationNeeded(Code),
    /// The delegation's quota is used up.
    #[error("the delegation's quota is used up")]
    DelegationFull,
    /// The record has no such entry.
    #[error("no such check-in")]
    NoCheckIn,
    /// The entry let nobody in.
    #[error("the entry let nobody in")]
    NotAdmitted,
    /// There is no such pair.
    #[error("no such pair of registrations")]
    NoPair,
    /// The pair was merged.
    #[error("the two registrations were merged already")]
    AlreadyMerged,
    /// The registration that is to be kept cannot take over the seat of the other.
    #[error("the registration that is kept cannot take over the seat of the other")]
    MergeLosesSeat,
    /// Another access code of the conference is the same.
    #[error("the access code is taken")]
    AccessCodeTaken,
    /// Nobody can use the invitation any more, or it has no address to write to.
    #[error("the invitation {0}")]
    InvitationOver(&'static str),
    /// The message, or the broadcast, is in another state than that takes.
    #[error("it is {0}")]
    WrongMessage(String),
    /// A broadcast would go to another number than its sender believes.
    #[error("it would go to {count}, not {expected}")]
    OtherRecipients {
        /// As its sender believes.
        expected: u32,
        /// As it is.
        count: u32,
    },
    /// There is no such thing.
    #[error("no such {0}")]
    NoThing(&'static str),
    /// Another delegation has this code.
    #[error("delegation {0} is there already")]
    DelegationTaken(Code),
    /// A delegation with members cannot go.
    #[error("the delegation has {0} members")]
    DelegationInUse(i64),
    /// A quota below the members.
    #[error("the delegation has {0} members")]
    QuotaBelowMembers(i64),
    /// The delegation names nobody to write to.
    #[error("the delegation has no focal point")]
    NoFocalPoint,
    /// Who was approved cannot become somebody else.
    #[error("the organisers approved this person")]
    IdentityApproved,
    /// A reference that is taken already; another one is drawn.
    #[error("the reference is taken")]
    ReferenceTaken,
    /// The file of an export cannot be written.
    #[error("an export cannot be written")]
    Export(#[source] std::io::Error),
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The agenda cannot be read.
    #[error(transparent)]
    Agenda(#[from] AgendaError),
    /// The store failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<KeyReused> for RegistrationError {
    fn from(reused: KeyReused) -> Self {
        Self::Agenda(reused.into())
    }
}

impl From<Faults> for RegistrationError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl Retry for RegistrationError {
    fn may_retry(&self) -> bool {
        match self {
            Self::ReferenceTaken => true,
            Self::Access(error) => error.may_retry(),
            Self::Agenda(error) => error.may_retry(),
            Self::Database(error) => error.may_retry(),
            _ => false,
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::NoConference => Problem::new(&NOT_FOUND).detail("there is no such conference"),
            RegistrationError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such registration"),
            RegistrationError::Invalid(faults) => faults.into(),
            RegistrationError::AlreadyRegistered => {
                Problem::new(&ALREADY_REGISTERED).detail("the link in the mail to this address shows the registration")
            }
            RegistrationError::Closed { opens_at } => Problem::new(&REGISTRATION_CLOSED).detail(match opens_at {
                Some(at) => format!("it opens at {}", clock::wire(at)),
                None => "it is over".to_owned(),
            }),
            RegistrationError::WrongState(state) => {
                Problem::new(&WRONG_STATE).detail(format!("the registration is {state}"))
            }
            RegistrationError::SeatsTaken { category, taken } => {
                let of = category.map_or_else(|| "in all".to_owned(), |code| format!("in category {code}"));
                Problem::new(&SEATS_TAKEN).detail(format!("{taken} seats are taken {of}"))
            }
            RegistrationError::CategoryInUse(code) => Problem::new(&CATEGORY_IN_USE)
                .detail(format!("category {code} has registrations and cannot be removed")),
            RegistrationError::ConferenceInUse => {
                Problem::new(&CONFERENCE_IN_USE).detail("what is kept of people goes first")
            }
            RegistrationError::Full => Problem::new(&REGISTRATION_FULL).detail("there is no waiting list"),
            RegistrationError::NoSeatFree => Problem::new(&REGISTRATION_FULL)
                .detail("no seat is free for them: somebody leaves first, or a quota grows"),
            RegistrationError::InvitationInvalid => Problem::new(&INVITATION_INVALID),
            RegistrationError::InvitationNeeded(code) => {
                Problem::new(&INVITATION_NEEDED).detail(format!("category {code} needs an invitation to it"))
            }
            RegistrationError::DelegationFull => Problem::new(&DELEGATION_FULL),
            RegistrationError::NoCheckIn => Problem::new(&NOT_FOUND).detail("there is no such check-in"),
            RegistrationError::NotAdmitted => Problem::new(&NOT_ADMITTED),
            RegistrationError::NoPair => Problem::new(&NOT_FOUND).detail("there is no such pair of registrations"),
            RegistrationError::AlreadyMerged => Problem::new(&ALREADY_MERGED),
            RegistrationError::MergeLosesSeat => Problem::new(&MERGE_LOSES_SEAT)
                .detail("keep the other one, or first bring this one where it can have the seat"),
            RegistrationError::WrongMessage(state) => {
                Problem::new(&WRONG_MESSAGE_STATE).detail(format!("it is {state}"))
            }
            RegistrationError::OtherRecipients { expected, count } => Problem::new(&OTHER_RECIPIENTS)
                .detail(format!("it would go to {count}, not to {expected}: nothing was sent")),
            RegistrationError::AccessCodeTaken => Problem::new(&ACCESS_CODE_TAKEN),
            RegistrationError::InvitationOver(why) => {
                Problem::new(&INVITATION_OVER).detail(format!("the invitation {why}"))
            }
            RegistrationError::NoThing(what) => Problem::new(&NOT_FOUND).detail(format!("there is no such {what}")),
            RegistrationError::DelegationTaken(code) => {
                Problem::new(&DELEGATION_TAKEN).detail(format!("there is a delegation {code} already"))
            }
            RegistrationError::DelegationInUse(members) => Problem::new(&DELEGATION_IN_USE)
                .detail(format!("it still has {members}: whoever is in it must leave it first")),
            RegistrationError::QuotaBelowMembers(members) => {
                Problem::new(&QUOTA_BELOW_MEMBERS).detail(format!("the delegation has {members} members"))
            }
            RegistrationError::NoFocalPoint => Problem::new(&NO_FOCAL_POINT).detail("name one with an address first"),
            RegistrationError::IdentityApproved => Problem::new(&IDENTITY_APPROVED)
                .detail("names, country and date of birth stay as they are: replace the member instead"),
            RegistrationError::ReferenceTaken => Problem::unexpected("no free reference was drawn"),
            RegistrationError::Export(error) if is_full(&error) => Problem::new(&STORAGE_FULL)
                .detail("the file of the export is made in the folder data_dir, whose disk is full")
                .header(header::RETRY_AFTER, "30")
                .caused_by(error),
            RegistrationError::Export(error) => Problem::unexpected(error),
            RegistrationError::Access(error) => error.into(),
            RegistrationError::Agenda(error) => error.into(),
            RegistrationError::Database(error) => error.into(),
        }
    }
}
