//! The errors of the core of registration, and their problem documents. The rooms above it (invitations, delegations,
//! check-in, the registrar's tools, messaging) have errors of their own, through which these pass.

use chrono::{DateTime, Utc};

use crate::{
    access::AccessError,
    agenda::AgendaError,
    clock,
    database::{DatabaseError, Retry},
    http::{
        idempotency::KeyReused,
        problem::{NOT_FOUND, Problem, problem_kinds},
    },
    validation::ValidationErrors,
    values::Code,
};

problem_kinds! {
    ALREADY_REGISTERED = ("already-registered", 409, "This address is registered already"),
    NAME_REGISTERED = ("name-registered", 409, "This name is registered with this address already"),
    REGISTRATION_CLOSED = ("registration-closed", 409, "Registration is not open"),
    CONFERENCE_OVER = ("conference-over", 409, "The conference is over"),
    WRONG_STATE = ("wrong-state", 409, "The registration's status does not allow this"),
    SEATS_TAKEN = ("seats-taken", 409, "More seats are taken already"),
    REGISTRATION_FULL = ("registration-full", 409, "The seats are taken"),
    INVITATION_INVALID = ("invitation-invalid", 409, "The invitation is unknown, used up or no longer valid"),
    INVITATION_NEEDED = ("invitation-needed", 409, "The category needs an invitation"),
    NO_ADDRESS = ("no-address", 409, "The registration has no e-mail address"),
    DELEGATION_FULL = ("delegation-full", 409, "The delegation's quota is used up"),
    CATEGORY_IN_USE = ("category-in-use", 409, "The category has registrations"),
}

/// Why a request about a registration was refused.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// There is no such conference, or it was deleted since its release was read.
    #[error("no such conference")]
    NoConference,
    #[error("nothing is released yet")]
    NothingReleased,
    #[error("no such registration")]
    NotFound,
    #[error("the form has {} validation errors", .0.0.len())]
    Invalid(ValidationErrors),
    #[error("the address is registered already")]
    AlreadyRegistered,
    /// Several people share the address, and one of them has this name.
    #[error("the name is registered with the address already")]
    NameRegistered,
    /// The organisers have not set registration up, or closed it.
    #[error("registration is not set up")]
    NotEnabled,
    #[error("registration is not open")]
    Closed {
        /// The opening time, if it is in the future.
        opens_at: Option<DateTime<Utc>>,
        /// Whether the conference is over, too.
        is_over: bool,
    },
    /// Nobody is confirmed, promoted or invited after the end of the conference.
    #[error("the conference is over")]
    ConferenceOver,
    #[error("a registration that is {0} cannot do this")]
    WrongState(&'static str),
    #[error("{taken} seats are taken")]
    SeatsTaken {
        /// The category; `None` for the conference.
        category: Option<Code>,
        taken: i64,
    },
    #[error("category {0} has registrations")]
    CategoryInUse(Code),
    #[error("the seats are taken and there is no waiting list")]
    Full,
    #[error("the invitation is unknown, used up or no longer valid")]
    InvitationInvalid,
    /// There is no free seat for a promotion out of turn.
    #[error("no seat is free")]
    NoSeatFree,
    #[error("category {0} needs an invitation")]
    InvitationNeeded(Code),
    #[error("the registration has no address")]
    NoAddress,
    #[error("the delegation's quota is used up")]
    DelegationFull,
    /// The random reference exists already: the transaction is tried again with another one.
    #[error("the reference is taken")]
    ReferenceTaken,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Agenda(#[from] AgendaError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<KeyReused> for RegistrationError {
    fn from(reused: KeyReused) -> Self {
        Self::Agenda(reused.into())
    }
}

impl From<ValidationErrors> for RegistrationError {
    fn from(errors: ValidationErrors) -> Self {
        Self::Invalid(errors)
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

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::NoConference => Problem::new(&NOT_FOUND).detail("there is no such conference"),
            RegistrationError::NothingReleased => Problem::new(&NOT_FOUND).detail("nothing is released yet"),
            RegistrationError::NotFound => Problem::new(&NOT_FOUND).detail("there is no such registration"),
            RegistrationError::Invalid(errors) => errors.into(),
            RegistrationError::AlreadyRegistered => {
                Problem::new(&ALREADY_REGISTERED).detail(
                "the link in the mail to this address shows the registration: POST the address to registration-links to \
                 have it sent again",
            )
            }
            RegistrationError::NameRegistered => Problem::new(&NAME_REGISTERED).detail(
                "several people may share this address, and somebody with this name does already: people who share \
                 one need names that differ",
            ),
            RegistrationError::Closed { opens_at, is_over } => {
                Problem::new(&REGISTRATION_CLOSED).detail(match opens_at {
                    _ if is_over => "the conference is over".to_owned(),
                    Some(at) => format!("it opens at {}", clock::wire(at)),
                    None => "it is over".to_owned(),
                })
            }
            RegistrationError::ConferenceOver => Problem::new(&CONFERENCE_OVER)
                .detail("registration ended with the conference, unless its set-up says `open_after_end`"),
            RegistrationError::NotEnabled => {
                Problem::new(&REGISTRATION_CLOSED).detail("the organisers have not opened registration")
            }
            RegistrationError::WrongState(state) => {
                Problem::new(&WRONG_STATE).detail(format!("the registration is {state}"))
            }
            RegistrationError::SeatsTaken { category, taken } => {
                let location =
                    category.map_or_else(|| "in the conference".to_owned(), |code| format!("in category {code}"));
                Problem::new(&SEATS_TAKEN).detail(format!("{taken} seats are taken {location}"))
            }
            RegistrationError::CategoryInUse(code) => Problem::new(&CATEGORY_IN_USE)
                .detail(format!("category {code} has registrations and cannot be removed")),
            RegistrationError::Full => Problem::new(&REGISTRATION_FULL).detail("there is no waiting list"),
            RegistrationError::NoSeatFree => Problem::new(&REGISTRATION_FULL)
                .detail("no seat is free: cancel another registration or raise a quota first"),
            RegistrationError::InvitationInvalid => Problem::new(&INVITATION_INVALID),
            RegistrationError::InvitationNeeded(code) => {
                Problem::new(&INVITATION_NEEDED).detail(format!("category {code} needs an invitation to it"))
            }
            RegistrationError::NoAddress => {
                Problem::new(&NO_ADDRESS).detail("nothing can be sent: PATCH the registration with an email first")
            }
            RegistrationError::DelegationFull => Problem::new(&DELEGATION_FULL),
            RegistrationError::ReferenceTaken => Problem::unexpected("no free reference was drawn"),
            RegistrationError::Access(error) => error.into(),
            RegistrationError::Agenda(error) => error.into(),
            RegistrationError::Database(error) => error.into(),
        }
    }
}
