//! What registrars do with invitations. Each function does its work in the caller's transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    InvitationError,
    model::NewInvitation,
    store::{self, InvitationFilter},
    terms::{CheckedTerms, check_address},
};
use crate::{
    access::{
        Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
        authorise,
        secret::random,
    },
    agenda::{Agenda, ConferenceRef},
    clock,
    database::{Connection, DatabaseError, types::DbInstant, violation::broken_constraint},
    ids::{CategoryId, ConferenceId, Id, InvitationId},
    mail::{Letter, LetterContent, LetterKind, LinkKind, letter::AddressForm},
    registration::{
        RegistrationError,
        context::RequestContext,
        letters::conference_content,
        reservations::{self, Invitation, InvitationKind, InvitationStatus, NewInvitationRow, normalise_code},
        seat_transaction::SeatTransaction,
        setup::state::{CategoryState, SetupState, get_setup_state},
    },
    validation::ValidationErrors,
    values::{Code, Count, EmailAddress, LanguageTag},
};

/// The shortest access code that organisers may choose, not counting spaces and hyphens.
const CODE_LENGTH_MIN: usize = 6;
/// The characters of a generated code: Crockford's base 32 in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An invitation with its category and its status at the time of reading.
pub struct InvitationDetails {
    pub invitation: Invitation,
    pub category: Option<Code>,
    pub status: InvitationStatus,
    /// The code, where the answer may show it.
    pub code: Option<String>,
}

/// Creates an invitation. A personal one with an address is sent by e-mail; reserved seats count as taken.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::SeatsTaken`] if fewer seats are free than it reserves;
/// [`InvitationError::AccessCodeTaken`].
pub fn create(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &NewInvitation,
) -> Result<InvitationDetails, InvitationError> {
    let RequestContext { conference, released, credentials, secret } = context;
    let actor = authorise(connection, credentials, Operation::CreateInvitation, Some(conference.id))?;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    transaction.ensure_not_over()?;
    let mut errors = ValidationErrors::default();
    let terms = CheckedTerms::check(
        request.category.as_ref(),
        request.language.as_ref(),
        request.expires_at,
        &transaction.setup_state,
        released.agenda,
        &mut errors,
    );
    check_request(request, &mut errors);
    errors.into_result(())?;
    let seats = request.seats_reserved.map_or(0, |Count(seats)| seats);
    let (code, row) = new_row(request, &terms, conference.id, secret, transaction.now)?;
    reserve_seats(&mut transaction, terms.category, seats)?;
    insert(connection, std::slice::from_ref(&row))?;
    let invitation = row.to_invitation();
    if let Some(letter) = letter(&invitation, conference.id, released.agenda, &transaction.setup_state) {
        transaction.send_letter(letter);
    }
    let category = request.category.clone();
    transaction.close(connection)?;
    let after = json!({
        "kind": row.kind, "category": category, "uses_max": row.uses_max, "seats_reserved": row.seats_reserved,
        "expires_at": terms.expires_at.map(clock::wire),
    });
    let entry = audit::Entry::of(AuditAction::Create, ResourceKind::Invitation, row.id, Some(after));
    audit::record(connection, &actor, Operation::CreateInvitation, Some(conference.id), &[entry])?;
    Ok(InvitationDetails { status: invitation.status(false, clock::now()), category, invitation, code: Some(code) })
}

/// Inserts invitations.
///
/// # Errors
/// [`InvitationError::AccessCodeTaken`] if another access code of the conference is the same.
pub fn insert(connection: &mut Connection, rows: &[NewInvitationRow]) -> Result<(), InvitationError> {
    reservations::insert(connection, rows).map_err(|error| match broken_constraint(&error) {
        Some("invitations_code_digest_key") => InvitationError::AccessCodeTaken,
        _ => error.into(),
    })
}

/// Takes `seats` seats of the category, to reserve them.
///
/// # Errors
/// [`RegistrationError::SeatsTaken`] if fewer are free.
pub fn reserve_seats(
    transaction: &mut SeatTransaction<'_>,
    category: Option<CategoryId>,
    seats: u32,
) -> Result<(), InvitationError> {
    let Some(category) = category else { return Ok(()) };
    for _ in 0..seats {
        if !transaction.take_seat(category) {
            let category = transaction.category(category)?;
            let (category, taken) = match category.has_free_seat() {
                true => (None, transaction.setup_state.seats_taken),
                false => (Some(category.code.clone()), category.seats_taken),
            };
            return Err(RegistrationError::SeatsTaken { category, taken }.into());
        }
    }
    Ok(())
}

fn check_request(request: &NewInvitation, errors: &mut ValidationErrors) {
    let seats = request.seats_reserved.map_or(0, |Count(seats)| seats);
    if seats > 0 && request.category.is_none() {
        errors.add("#/category", "required", "is required where seats are reserved");
    }
    let mut refuse_if_given = |is_given: bool, field: &str| {
        if is_given {
            let detail = format!("cannot be given for a {} invitation", request.kind);
            errors.add(format!("#/{field}"), "not_of_this_kind", detail);
        }
    };
    let uses = match request.kind {
        InvitationKind::Personal => {
            refuse_if_given(request.uses_max.is_some(), "uses_max");
            refuse_if_given(request.code.is_some(), "code");
            Some(1)
        }
        InvitationKind::Shared => {
            refuse_if_given(request.email.is_some(), "email");
            refuse_if_given(request.name.is_some(), "name");
            refuse_if_given(request.salutation.is_some(), "salutation");
            refuse_if_given(request.language.is_some(), "language");
            request.uses_max.map(|Count(uses)| uses)
        }
    };
    if let Some(uses) = uses.filter(|uses| seats > *uses) {
        errors.add("#/seats_reserved", "out_of_range", format!("must be at most {uses}, the number of uses"));
    }
    if let Some(code) = &request.code
        && normalise_code(code.as_str()).chars().count() < CODE_LENGTH_MIN
    {
        errors.add("#/code", "too_short", format!("must have at least {CODE_LENGTH_MIN} characters"));
    }
    check_address(request.email.as_ref(), errors);
}

/// The row of a new invitation, and its code.
fn new_row(
    request: &NewInvitation,
    terms: &CheckedTerms,
    conference: ConferenceId,
    secret: &ServerSecret,
    now: DateTime<Utc>,
) -> Result<(String, NewInvitationRow), DatabaseError> {
    let id = Id::new();
    let text = |line: Option<&str>| line.map(str::to_owned);
    let (code, digest) = match (request.kind, &request.code) {
        (InvitationKind::Personal, _) => (secret.invitation_code(id, 1), None),
        (InvitationKind::Shared, chosen) => {
            let code = match chosen {
                Some(code) => code.as_str().to_owned(),
                None => random_code()?,
            };
            let digest = secret.access_code_digest(conference, &normalise_code(&code));
            (code, Some(digest))
        }
    };
    let name = request.name.as_ref().map(|name| name.as_str());
    let email = request.email.as_ref().map(EmailAddress::as_str);
    let label = request.label.as_ref().map(|label| label.as_str()).or(name).or(email).unwrap_or_default();
    let count = |Count(count): Count<1>| i32::try_from(count).unwrap_or(i32::MAX);
    let row = NewInvitationRow {
        id,
        conference_id: conference,
        kind: request.kind,
        code_digest: digest,
        label: label.to_owned(),
        category_id: terms.category,
        email: text(email),
        email_folded: request.email.as_ref().filter(|_| request.bound_to_email).map(EmailAddress::folded),
        name: text(name),
        salutation: request.salutation.as_ref().map(ToString::to_string),
        language: terms.language.as_ref().map(ToString::to_string),
        uses_max: if request.kind == InvitationKind::Personal { Some(1) } else { request.uses_max.map(count) },
        uses: 0,
        seats_reserved: request.seats_reserved.map_or(0, |Count(seats)| i32::try_from(seats).unwrap_or(i32::MAX)),
        generation: 1,
        expires_at: terms.expires_at.map(DbInstant),
        created_at: DbInstant(now),
    };
    Ok((code, row))
}

/// A code of 60 random bits, in groups of four that people can read out.
fn random_code() -> Result<String, DatabaseError> {
    let random_bytes = random::<12>().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let mut code = String::with_capacity(14);
    for (index, byte) in random_bytes.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0')));
    }
    Ok(code)
}

fn find(
    connection: &mut Connection,
    conference: &ConferenceRef,
    id: InvitationId,
) -> Result<Invitation, InvitationError> {
    reservations::find(connection, conference.id, id)?.ok_or(InvitationError::NotFound)
}

/// The letter of a personal invitation; `None` if it has no address.
pub fn letter(
    invitation: &Invitation,
    conference: ConferenceId,
    agenda: &Agenda,
    setup_state: &SetupState,
) -> Option<Letter> {
    let to = EmailAddress::parse_stored(invitation.email.as_deref()?).ok()?;
    let agenda_conference = &agenda.conference;
    let languages = &agenda_conference.languages;
    let language = invitation.language.as_deref().or(languages.first().map(LanguageTag::as_str))?;
    let category = invitation.category_id.and_then(|id| setup_state.category_by_id(id));
    let name = |category: &CategoryState| category.name.text(language, languages).to_owned();
    let content = LetterContent {
        salutation: invitation.salutation.clone(),
        address_form: AddressForm::of_line(invitation.name.as_deref().unwrap_or_default()),
        name: invitation.name.clone().unwrap_or_default(),
        category: category.map(name).unwrap_or_default(),
        link_path: format!("/api/v1/conferences/{}/registration-form", agenda_conference.slug),
        link: LinkKind::Invitation,
        registration: invitation.id.uuid(),
        token_generation: invitation.generation,
        deadline: invitation.expires_at.map(|DbInstant(expires_at)| agenda_conference.time_zone.local(expires_at)),
        ..conference_content(agenda, language)
    };
    Some(Letter {
        conference,
        kind: LetterKind::Invitation,
        to,
        language: language.to_owned(),
        content,
        event: None,
        broadcast: None,
        addressee: None,
        not_before: None,
    })
}

/// An invitation without its code.
fn details_without_code(
    invitation: Invitation,
    setup_state: &SetupState,
    agenda: &Agenda,
    now: DateTime<Utc>,
) -> Result<InvitationDetails, DatabaseError> {
    let category = invitation.category_id.map(|id| setup_state.get_category(id)).transpose()?;
    Ok(InvitationDetails {
        category: category.map(|category| category.code.clone()),
        status: invitation.status(setup_state.is_over(agenda, now), now),
        code: None,
        invitation,
    })
}

/// A page of invitations, without their codes.
pub fn list(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    filter: &InvitationFilter,
) -> Result<Vec<InvitationDetails>, InvitationError> {
    let (setup_state, now) = (get_setup_state(connection, conference.id)?, clock::now());
    let invitations = store::list(connection, conference.id, filter, setup_state.is_over(agenda, now), now)?;
    Ok(invitations
        .into_iter()
        .map(|invitation| details_without_code(invitation, &setup_state, agenda, now))
        .collect::<Result<_, _>>()?)
}

/// Reads one invitation, with the code of a personal one as long as it can be used.
///
/// # Errors
/// [`InvitationError::NotFound`].
pub fn read(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    id: InvitationId,
    secret: &ServerSecret,
) -> Result<InvitationDetails, InvitationError> {
    let invitation = find(connection, conference, id)?;
    let setup_state = get_setup_state(connection, conference.id)?;
    let mut details = details_without_code(invitation, &setup_state, agenda, clock::now())?;
    let is_usable = details.status == InvitationStatus::Open;
    let shows_code = is_usable && details.invitation.kind == InvitationKind::Personal;
    details.code = shows_code.then(|| secret.invitation_code(id, details.invitation.generation));
    Ok(details)
}

/// Revokes an invitation: nobody can use it any more. Its reserved seats become free, except those for registrations
/// that used it and are still unverified or pending.
///
/// # Errors
/// [`InvitationError::Ended`]; [`InvitationError::NotFound`].
pub fn revoke(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: InvitationId,
) -> Result<InvitationDetails, InvitationError> {
    let RequestContext { conference, released, credentials, secret } = context;
    let actor = authorise(connection, credentials, Operation::RevokeInvitation, Some(conference.id))?;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    if find(connection, conference, id)?.ended_at.is_some() {
        return Err(InvitationError::Ended);
    }
    reservations::end(connection, id, transaction.now)?;
    transaction.free_reserved_seats(connection, id)?;
    transaction.close(connection)?;
    let entry = audit::Entry::of(AuditAction::Revoke, ResourceKind::Invitation, id, None);
    audit::record(connection, &actor, Operation::RevokeInvitation, Some(conference.id), &[entry])?;
    read(connection, conference, released.agenda, id, secret)
}

/// Sends a personal invitation again.
///
/// # Errors
/// [`InvitationError::Unusable`]; [`InvitationError::WithoutAddress`]; [`InvitationError::NotFound`].
pub fn resend(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: InvitationId,
) -> Result<InvitationDetails, InvitationError> {
    let RequestContext { conference, released, credentials, secret } = context;
    authorise(connection, credentials, Operation::ResendInvitation, Some(conference.id))?;
    let mut transaction = SeatTransaction::open(connection, conference, released)?;
    let invitation = find(connection, conference, id)?;
    if !invitation.is_usable(transaction.now) {
        return Err(InvitationError::Unusable);
    }
    transaction.ensure_not_over()?;
    let letter = letter(&invitation, conference.id, released.agenda, &transaction.setup_state);
    transaction.send_letter(letter.ok_or(InvitationError::WithoutAddress)?);
    transaction.close(connection)?;
    read(connection, conference, released.agenda, id, secret)
}
