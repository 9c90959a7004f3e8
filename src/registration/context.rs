//! What every read and every change of a registration needs of its request.

use crate::{
    access::{Credentials, ServerSecret},
    agenda::{Agenda, ConferenceRef},
};

/// What every read and every change of a registration needs of its request.
#[derive(Clone, Copy)]
pub struct RequestContext<'a> {
    pub place: &'a ConferenceRef,
    pub released: ReleasedAgenda<'a>,
    pub credentials: &'a Credentials,
    /// The secret from which links are derived.
    pub secret: &'a ServerSecret,
}

/// A released agenda, with the number of its release.
#[derive(Clone, Copy)]
pub struct ReleasedAgenda<'a> {
    /// The agenda with what attendees may see.
    pub agenda: &'a Agenda,
    /// The number of the release; `None` where the seats of sessions are not needed.
    pub number: Option<i32>,
}
