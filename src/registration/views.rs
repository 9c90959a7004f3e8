//! What the handlers answer: a registration, and the receipt of a new one.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    actions::RegistrationDetails,
    admission::Receipt,
    field_structs::{view, view_struct},
    fields::personal_fields,
    form::Answers,
    letters,
    model::{ConsentGiven, Event, HistoryEntry, RegistrationStatus},
    service::RegistrationService,
    session_seats::{SignUp, SignUpState},
};
use crate::{
    clock,
    programme::Snapshot,
    values::{Code, Localised},
};

/// Links for one registration. They are absolute and hold the attendee's token: keep them secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The registration itself; a GET changes nothing.
    #[serde(rename = "self")]
    pub own: String,
    /// POST here to cancel the registration.
    pub cancel: String,
    /// POST here to verify the address; null unless the status is `unverified`.
    pub verify: Option<String>,
    /// POST here to accept the offer of a seat; null unless there is one.
    pub accept: Option<String>,
    /// PUT here to choose sessions.
    pub sessions: String,
    /// GET the programme for attendees here; null unless the status is `confirmed`.
    pub programme: Option<String>,
}

/// The answer to a new registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationReceipt {
    /// Reference of the registration, such as `GP-7K3M9Q2X`.
    pub reference: String,
    /// Status of the registration.
    pub status: RegistrationStatus,
    /// Place on the waiting list of the category, from 1; null unless the registration waits for a seat.
    pub position: Option<i64>,
    /// Code of the category.
    pub category: Code,
    /// Links for the attendee.
    pub links: Links,
}

personal_fields! { view_struct {
    /// A registration. A field that was not given is null.
    #[derive(Debug, Serialize, ToSchema)]
    #[schema(as = Registration)]
    pub struct RegistrationView {
        /// Reference of the registration, such as `GP-7K3M9Q2X`.
        pub reference: String,
        /// Status of the registration.
        pub status: RegistrationStatus,
        /// Place on the waiting list of the category, from 1; null unless the registration waits for a seat.
        pub position: Option<i64>,
        /// Code of the category.
        pub category: Code,
        /// Name of the category, in the language of the registration.
        pub category_name: String,
        /// The name as one text, without the honorific: `name`, or given and family name.
        pub full_name: String,
    } then {
        /// Answers to the conference's own questions, by the code of the question.
        #[schema(value_type = Object)]
        pub answers: Answers,
        /// The whole line with which letters greet the person, by language, where registrars have set it; null
        /// otherwise.
        pub salutation: Option<Localised>,
        /// Sessions for which the person is signed up.
        pub sessions: Vec<SessionSeat>,
        /// Time until which the address must be verified (RFC 3339, UTC); null unless the status is `unverified`.
        pub expires_at: Option<String>,
        /// Time until which an offered seat is held (RFC 3339, UTC); null unless there is an offer.
        pub offer_expires_at: Option<String>,
        /// Time of the consent to the storage of the data, or of its recording (RFC 3339, UTC).
        pub consented_at: String,
        /// How the person consented.
        pub consent_given: ConsentGiven,
        /// Who recorded the consent: `focal point` or the label of a token; null if the person filled in the form, and
        /// in the answers to the attendee.
        pub consent_recorded_by: Option<String>,
        /// Version of the privacy notice to which the person consented; null if there was none, or if nobody knows.
        pub privacy_notice_version: Option<i32>,
        /// Time of registration (RFC 3339, UTC).
        pub created_at: String,
        /// Time of the last change (RFC 3339, UTC).
        pub updated_at: String,
        /// Time at which what was entered was removed, because the address was not verified in time (RFC 3339, UTC);
        /// null otherwise. From then on the name is empty, and the address null.
        pub erased_at: Option<String>,
        /// What has happened to the registration, the oldest event first.
        pub history: Vec<HistoryLine>,
        /// Links for the attendee; null in the answers to registrars.
        pub links: Option<Links>,
    }
} }

/// A session for which a person is signed up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSeat {
    /// Code of the session.
    pub session: Code,
    /// `confirmed` (has a seat), `waitlisted` (waits for a seat), or `wished` until the registration is confirmed.
    pub status: SignUpState,
}

/// An event in the history of a registration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryLine {
    /// Time of the event (RFC 3339, UTC).
    pub at: String,
    /// What happened.
    pub event: Event,
    /// Status of the registration after the event.
    pub status: RegistrationStatus,
    /// Reason that was given for the event; null if none was given.
    pub reason: Option<String>,
    /// Reference of the registration into which this one was merged; null for other events, and in the answers to the
    /// attendee.
    pub merged_into: Option<String>,
    /// Who caused the event: `attendee`, `focal point`, `service`, `command line`, or the label of a token; null in the
    /// answers to the attendee.
    pub actor: Option<String>,
}

/// The links for the attendee, with the token of the registration.
pub fn links(service: &RegistrationService, snapshot: &Snapshot, receipt: &Receipt) -> Links {
    let token = service.secret.link_token(receipt.id, receipt.token_generation);
    let url = format!("{}{}", service.public_url, letters::registration_path(&snapshot.agenda, &receipt.reference));
    let link_to = |action: &str| format!("{url}/{action}?token={token}");
    Links {
        own: format!("{url}?token={token}"),
        cancel: link_to("cancel"),
        verify: (receipt.state == RegistrationStatus::Unverified).then(|| link_to("verify")),
        accept: receipt.has_offer.then(|| link_to("accept")),
        sessions: link_to("sessions"),
        programme: (receipt.state == RegistrationStatus::Confirmed).then(|| link_to("programme")),
    }
}

/// The registration as the API shows it: with links for its attendee, with actors and merges for registrars.
pub fn registration_view(
    service: &RegistrationService,
    snapshot: &Snapshot,
    details: &RegistrationDetails,
    is_attendee: bool,
    history: Vec<HistoryEntry>,
) -> RegistrationView {
    let registration = details.registration.clone();
    let languages = &snapshot.agenda.conference.languages;
    let detail = |entry: &HistoryEntry, key: &str| {
        let value = entry.detail.as_ref().and_then(|detail| detail.get(key));
        value.and_then(|value| value.as_str().map(str::to_owned))
    };
    let session_seat = |sign_up: &SignUp| {
        let session = snapshot.agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id));
        session.map(|session| SessionSeat { session: session.code.clone(), status: sign_up.state })
    };
    let receipt = Receipt::of(&registration, details.position, &details.category);
    personal_fields! { view { RegistrationView {
        links: is_attendee.then(|| links(service, snapshot, &receipt)),
        category_name: details.category_name.text(&registration.person.language, languages).to_owned(),
        full_name: registration.person.person_name().full(),
        status: registration.state,
        position: details.position,
        category: details.category.clone(),
        sessions: details.sign_ups.iter().filter_map(session_seat).collect(),
        reference: registration.reference,
        answers: registration.answers,
        salutation: registration.salutation,
        expires_at: registration.expires_at.map(clock::wire),
        offer_expires_at: registration.offer_expires_at.map(clock::wire),
        consented_at: clock::wire(registration.consented_at),
        consent_given: registration.consent.given,
        consent_recorded_by: registration.consent.recorded_by.filter(|_| !is_attendee),
        privacy_notice_version: registration.privacy_notice_version,
        created_at: clock::wire(registration.created_at),
        updated_at: clock::wire(registration.updated_at),
        erased_at: registration.erased_at.map(clock::wire),
        history: history
            .iter()
            .map(|entry| HistoryLine {
                at: clock::wire(entry.at),
                event: entry.event,
                status: entry.state,
                // Why a registrar entered somebody is no message to them.
                reason: detail(entry, "reason").filter(|_| !is_attendee || entry.event != Event::Registered),
                merged_into: (!is_attendee).then(|| detail(entry, "merged_into")).flatten(),
                actor: (!is_attendee).then(|| entry.actor.clone()),
            })
            .collect(),
    } of registration.person } }
}
