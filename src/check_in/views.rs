//! The answers of check-in, and the queries of its lists.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions::{EntryDetails, ScanError, ScanResult},
    badges::{BadgeData, in_first_language},
    roster::RosterRow,
    scan_rules::{Entry, Outcome, Reason},
};
use crate::{
    access::badge::{self, BadgeKey},
    agenda::Agenda,
    clock,
    ids::{CheckInId, RegistrationId, SessionId},
    registration::{model::RegistrationStatus, setup::Colour},
    validation::ValidationErrors,
    values::{Code, Line},
};

/// The public key that verifies a conference's badges, and the format of the signed payload.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInKey {
    /// Signature algorithm; always `Ed25519` (RFC 8032).
    #[schema(value_type = String, example = "Ed25519")]
    pub algorithm: &'static str,
    /// The public key: 32 bytes in base64url without padding.
    pub public_key: String,
    /// The public key as PEM (RFC 7468).
    pub pem: String,
    /// The public key as a JSON Web Key (RFC 8037).
    pub jwk: JsonWebKey,
    /// Format of the payload in a badge's QR code.
    pub payload: PayloadFormat,
}

/// A public key as a JSON Web Key (RFC 7517, RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonWebKey {
    /// Key type; always `OKP`.
    pub kty: &'static str,
    /// Curve; always `Ed25519`.
    pub crv: &'static str,
    /// The public key: 32 bytes in base64url without padding.
    pub x: String,
    /// Key id: the thumbprint of the key (RFC 7638).
    pub kid: String,
    /// Use of the key; always `sig` (signature).
    pub r#use: &'static str,
    /// Algorithm of the signature; always `EdDSA`.
    pub alg: &'static str,
}

/// Format of the payload in a badge's QR code.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadFormat {
    /// Version of the format; the first byte of the payload.
    pub version: u8,
    /// Encoding of the bytes in the QR code.
    pub encoding: &'static str,
    /// Length of the decoded payload in bytes.
    pub bytes: usize,
    /// Number of bytes, from the first, that the signature covers.
    pub signed_bytes: usize,
    /// Fields of the payload, in order.
    pub fields: Vec<PayloadField>,
}

/// A field of the payload in a badge's QR code.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayloadField {
    /// Name of the field: `version`, `registration`, `generation` or `signature`.
    pub name: &'static str,
    /// Position of the field's first byte, counted from 0.
    pub offset: usize,
    /// Length of the field in bytes.
    pub bytes: usize,
    /// Type of the value, such as `unsigned integer, big-endian`.
    pub r#type: &'static str,
}

impl CheckInKey {
    pub fn new(key: &BadgeKey) -> Self {
        let public_key = URL_SAFE_NO_PAD.encode(key.public_key());
        Self {
            algorithm: "Ed25519",
            pem: key.pem(),
            jwk: JsonWebKey {
                kty: "OKP",
                crv: "Ed25519",
                x: public_key.clone(),
                kid: key.thumbprint(),
                r#use: "sig",
                alg: "EdDSA",
            },
            public_key,
            payload: PayloadFormat::current(),
        }
    }
}

impl PayloadFormat {
    fn current() -> Self {
        let mut offset = 0;
        let field = |field: &badge::PayloadField| {
            let view = PayloadField { name: field.name, offset, bytes: field.bytes, r#type: field.format };
            offset += field.bytes;
            view
        };
        Self {
            version: badge::VERSION,
            encoding: "base64url without padding",
            bytes: badge::BYTES,
            signed_bytes: badge::SIGNED_BYTES,
            fields: badge::FIELDS.iter().map(field).collect(),
        }
    }
}

/// Results of the scans of one request.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResults {
    /// One result for each scan, in the order of the request.
    pub data: Vec<CheckInResult>,
}

/// Result of a scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInResult {
    /// Id that the scanner gave to the scan.
    pub id: CheckInId,
    /// `admitted`, `admitted_again` or `refused`; null if the scan was not recorded.
    pub outcome: Option<Outcome>,
    /// Reason of a refusal; null for any other outcome.
    pub reason: Option<Reason>,
    /// Why the scan was not recorded; null if it was recorded.
    pub fault: Option<ScanFault>,
    /// Number of the entry in the conference's check-in record; null if the scan was not recorded.
    pub sequence: Option<i64>,
    /// Time of the scan (RFC 3339, UTC); null if the scan was not recorded.
    pub at: Option<String>,
    /// For `admitted_again`: the earliest admission of the same registration at the same gate, for the same session, on
    /// the same day. Null for any other outcome.
    pub first: Option<EarlierEntry>,
    /// The registration of the badge or reference; null if it is unknown.
    pub registration: Option<PersonAtDoor>,
}

/// Why a scan was not recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanFault {
    /// `id_reused` (another scan has this id), `in_future` (more than five minutes ahead of the service's clock) or
    /// `unknown_session`.
    pub code: &'static str,
    /// Explanation of the code in English.
    pub detail: &'static str,
}

/// An earlier admission of the same registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct EarlierEntry {
    /// Id of the earlier scan.
    pub id: CheckInId,
    /// Time of the earlier scan (RFC 3339, UTC).
    pub at: String,
    /// Code of the gate.
    pub gate: String,
    /// Name of the token that the scanner used.
    pub by: String,
}

/// The registration of a badge, as a scanner may show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAtDoor {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Present status of the registration.
    pub status: RegistrationStatus,
    /// Honorific, such as Dr, H.E. or Sir; null if none was given.
    pub honorific: Option<String>,
    /// The name as one text, without the honorific: the whole name, or given and family name.
    pub name: String,
    /// Organisation that the person represents; null if none was given.
    pub organisation: Option<String>,
    /// Country (ISO 3166-1 alpha-2); null if none was given.
    pub country: Option<String>,
    /// Code of the category.
    pub category: Code,
    /// Name of the category in the conference's first language.
    pub category_name: String,
    /// Level of accreditation, printed on the badge; null if the badge has none.
    pub level: Option<Line<20>>,
    /// Codes of the zones to which the badge gives access.
    pub zones: Vec<Code>,
    /// Colour of the badge, such as `#003399`; null if the badge has none.
    pub colour: Option<Colour>,
}

impl CheckInResult {
    /// The result of the scan with this id. `people` has the registrations of all recorded scans.
    pub fn new(
        id: CheckInId,
        result: ScanResult,
        people: &HashMap<RegistrationId, BadgeData>,
        agenda: &Agenda,
    ) -> Self {
        match result {
            ScanResult::NotRecorded(error) => Self {
                id,
                outcome: None,
                reason: None,
                fault: Some(error.into()),
                sequence: None,
                at: None,
                first: None,
                registration: None,
            },
            ScanResult::Recorded { entry, first } => Self {
                id,
                outcome: Some(entry.outcome),
                reason: entry.reason,
                fault: None,
                sequence: Some(entry.sequence),
                at: Some(clock::wire(entry.at)),
                first: first.map(|first| EarlierEntry::from(*first)),
                registration: entry
                    .registration
                    .and_then(|registration| people.get(&registration))
                    .map(|badge| PersonAtDoor::new(badge, agenda)),
            },
        }
    }
}

impl From<ScanError> for ScanFault {
    fn from(error: ScanError) -> Self {
        let (code, detail) = match error {
            ScanError::IdReused => ("id_reused", "another scan was sent with this id"),
            ScanError::InFuture => ("in_future", "is more than five minutes ahead of the service's clock"),
            ScanError::UnknownSession => ("unknown_session", "is no session of the programme"),
        };
        Self { code, detail }
    }
}

impl From<Entry> for EarlierEntry {
    fn from(entry: Entry) -> Self {
        Self { id: entry.id, at: clock::wire(entry.at), gate: entry.gate, by: entry.actor }
    }
}

impl PersonAtDoor {
    fn new(badge: &BadgeData, agenda: &Agenda) -> Self {
        let registration = &badge.registration;
        Self {
            reference: registration.reference.clone(),
            status: registration.state,
            honorific: registration.person.honorific.clone(),
            name: badge.name(),
            organisation: registration.person.organisation.clone(),
            country: registration.person.country.clone(),
            category: badge.category.clone(),
            category_name: in_first_language(&badge.category_name, agenda),
            level: badge.level.clone(),
            zones: badge.zones.clone(),
            colour: badge.colour.clone(),
        }
    }
}

/// An entry of the check-in record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckIn)]
pub struct CheckInView {
    /// Number of the entry in the conference's check-in record. Later entries have greater numbers.
    pub sequence: i64,
    /// Id of the entry: the scanner's id of the scan or, for an undo, an id of its own.
    pub id: CheckInId,
    /// Time of the scan or of the undo (RFC 3339, UTC).
    pub at: String,
    /// Time at which the service received it (RFC 3339, UTC).
    pub received_at: String,
    /// Day of the conference (YYYY-MM-DD, in the conference's time zone), or the date while the registration desk is
    /// open before the first day; null for any other time. A session after midnight belongs to the day on which it
    /// started.
    pub day: Option<String>,
    /// Code of the gate.
    pub gate: String,
    /// Code of the zone behind the gate; null if the scan named none.
    pub zone: Option<String>,
    /// Code of the session behind the gate, or its id if the programme no longer has the session; null if the scan
    /// named none.
    pub session: Option<String>,
    /// Outcome after all entries known now, ordered by the time of the scans. It differs from `told` if an offline
    /// scanner sent an earlier scan later, or if the first admission was undone.
    pub outcome: Outcome,
    /// Outcome that the scanner got as an answer.
    pub told: Outcome,
    /// Reason of a refusal; null for any other outcome.
    pub reason: Option<Reason>,
    /// Earliest admission of the same registration at the same gate, for the same session, on the same day, if it is
    /// not this entry; else null.
    pub first: Option<EarlierEntry>,
    /// The registration's reference, such as GP-7K3M9Q2X; null if the registration is unknown.
    pub reference: Option<String>,
    /// Id of the entry that this entry undoes; null if this entry is no undo.
    pub undoes: Option<CheckInId>,
    /// Id of the entry that undoes this one; null if it was not undone.
    pub undone_by: Option<CheckInId>,
    /// Name of the token that made the entry.
    pub by: String,
}

impl CheckInView {
    pub fn new(details: EntryDetails, agenda: &Agenda) -> Self {
        let EntryDetails { entry, outcome, first, undone_by, reference } = details;
        Self {
            sequence: entry.sequence,
            id: entry.id,
            at: clock::wire(entry.at),
            received_at: clock::wire(entry.received_at),
            day: entry.day.map(|day| day.to_string()),
            gate: entry.gate,
            zone: entry.zone,
            session: entry.session.map(|id| code_or_id(id, agenda)),
            outcome,
            told: entry.outcome,
            reason: entry.reason,
            first: first.map(EarlierEntry::from),
            reference,
            undoes: entry.undoes,
            undone_by,
            by: entry.actor,
        }
    }
}

/// The code of a session, or its id if the programme no longer has the session.
fn code_or_id(id: SessionId, agenda: &Agenda) -> String {
    let session = agenda.sessions.iter().find(|session| session.id == Some(id));
    session.map_or_else(|| id.to_string(), |session| session.code.to_string())
}

/// A page of the check-in record.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckInList {
    /// Entries in the order of `sequence`.
    pub data: Vec<CheckInView>,
    /// Path and query of the next page; null if there is no later entry yet.
    pub next: Option<String>,
}

/// Query of the check-in record.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Only entries with a greater `sequence`; all entries if left out.
    #[deserr(default)]
    pub after: Option<String>,
    /// Greatest number of entries on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
}

/// A page of the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterPage {
    /// People of this page.
    pub data: Vec<RosterEntry>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
    /// Value for `since` in the next synchronisation. Use the one of the last page.
    pub sync: String,
}

/// A person on the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterEntry {
    /// Id of the registration, as in the payload of its badge.
    pub id: RegistrationId,
    /// Generation of the badge that is valid now. A badge of another generation is void.
    pub generation: i32,
    /// The registration, as a scanner may show it.
    #[serde(flatten)]
    pub person: PersonAtDoor,
    /// Codes of the sessions with sign-up in which the person has a seat.
    pub sessions: Vec<String>,
}

/// Query of the roster.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RosterQuery {
    /// `sync` of an earlier answer: only registrations that changed since, whatever their status is now. Whoever is not
    /// `confirmed` now must not be admitted. Everyone who is confirmed, if left out.
    #[deserr(default)]
    pub since: Option<String>,
    /// Greatest number of people, or with `since` of changes, on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

impl RosterEntry {
    pub fn new(row: RosterRow, agenda: &Agenda) -> Self {
        let RosterRow { badge, sessions } = row;
        Self {
            id: badge.registration.id,
            generation: badge.registration.token_generation,
            person: PersonAtDoor::new(&badge, agenda),
            sessions: sessions.into_iter().map(|id| code_or_id(id, agenda)).collect(),
        }
    }
}
