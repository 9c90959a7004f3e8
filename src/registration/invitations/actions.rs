//! What a registrar does with invitations. Each function is one transaction's work.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    InvitationKind, InvitationStatus,
    api::NewInvitation,
    normal,
    store::{self, Invitation, NewRow, Wanted},
};
use crate::{
    access::{ServerSecret, audit, authorise, secret::random},
    agenda::{Agenda, Place},
    clock,
    database::{Connection, DatabaseError, types::Instant},
    faults::Faults,
    ids::{CategoryId, ConferenceId, Id, InvitationId},
    mail::{Letter, LetterContent, LetterKind, LinkKind, is_deliverable},
    registration::{
        RegistrationError,
        actions::Errand,
        ledger::Ledger,
        setup::{
            self,
            store::{CategoryStanding, Standing},
        },
    },
    values::{Code, Count, EmailAddress, LanguageTag, Moment, TextValue as _},
};

/// The shortest access code that organisers may choose, without its spaces and hyphens.
const CODE_LENGTH_MIN: usize = 6;
/// Letters of a code that is drawn: Crockford's base 32 in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An invitation with its category, as it stands now.
pub struct Shown {
    /// The invitation.
    pub invitation: Invitation,
    /// The category's code.
    pub category: Option<Code>,
    /// Whether it can be used.
    pub status: InvitationStatus,
    /// The code, where it is to be told.
    pub code: Option<String>,
}

/// What an invitation is to be, checked against the conference.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// To which category, if to one alone.
    pub category: Option<CategoryId>,
    /// The language of the letter.
    pub language: Option<LanguageTag>,
    /// Until when it can be used.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Terms {
    /// Checks what a document or a row says; places are those of the document.
    pub fn check(
        (category, language, expires_at): (Option<&Code>, Option<&LanguageTag>, Option<Moment>),
        standing: &Standing,
        agenda: &Agenda,
        found: &mut Faults,
    ) -> Self {
        let mut terms = Self::default();
        if let Some(code) = category {
            match standing.category(code.as_str()) {
                Some(category) => terms.category = Some(category.id),
                None => found.add("#/category", "unknown_reference", "is no category of the conference"),
            }
        }
        let languages = &agenda.conference.languages;
        match language {
            Some(tag) if !languages.contains(tag) => {
                found.add("#/language", "unknown_language", "is not a language of the conference");
            }
            tag => terms.language = tag.cloned(),
        }
        match expires_at.map(|moment| moment.resolve(agenda.conference.time_zone)) {
            Some(Ok(instant)) if instant.to_utc() <= clock::now() => {
                found.add("#/expires_at", "in_the_past", "must be to come");
            }
            Some(Ok(instant)) => terms.expires_at = Some(instant.to_utc()),
            Some(Err(fault)) => found.add("#/expires_at", &fault.code, fault.detail),
            None => {}
        }
        terms
    }
}

/// What is wrong with an address that mail is to go to.
pub fn check_address(address: Option<&EmailAddress>, found: &mut Faults) {
    if address.is_some_and(|address| !is_deliverable(address.as_str())) {
        found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
}

/// Makes an invitation. A personal one with an address is mailed; seats that it reserves are taken.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::SeatsTaken`] where there are fewer free seats than it reserves;
/// [`RegistrationError::AccessCodeTaken`].
pub fn create(
    connection: &mut Connection,
    errand: Errand<'_>,
    wish: &NewInvitation,
) -> Result<Shown, RegistrationError> {
    let Errand { place, released, credentials, secret } = errand;
    let actor = authorise(connection, credentials, "create_invitation", Some(place.id))?;
    let mut ledger = Ledger::open(connection, place, released)?;
    let mut found = Faults::default();
    let asked = (wish.category.as_ref(), wish.language.as_ref(), wish.expires_at);
    let terms = Terms::check(asked, &ledger.standing, released.agenda, &mut found);
    check_wish(wish, &mut found);
    found.or(())?;
    let seats = wish.seats_reserved.map_or(0, |Count(seats)| seats);
    let (code, row) = row(wish, &terms, place.id, secret, ledger.now)?;
    reserve(&mut ledger, terms.category, seats)?;
    store::insert(connection, std::slice::from_ref(&row))?;
    let made = row.made();
    if let Some(letter) = letter(&made, place.id, released.agenda, &ledger.standing) {
        ledger.send(letter);
    }
    let category = wish.category.clone();
    ledger.close(connection)?;
    let after = json!({
        "kind": row.kind, "category": category, "uses_max": row.uses_max, "seats_reserved": row.seats_reserved,
        "expires_at": terms.expires_at.map(clock::wire),
    });
    let entry = audit::Entry::of("create", "invitation", row.id, Some(after));
    audit::record(connection, &actor, "create_invitation", Some(place.id), &[entry])?;
    Ok(Shown { status: made.status(clock::now()), category, invitation: made, code: Some(code) })
}

/// Takes the seats that invitations to a category reserve.
///
/// # Errors
/// [`RegistrationError::SeatsTaken`] where there are fewer.
pub fn reserve(ledger: &mut Ledger<'_>, category: Option<CategoryId>, seats: u32) -> Result<(), RegistrationError> {
    let Some(category) = category else { return Ok(()) };
    for _ in 0..seats {
        if !ledger.take(category) {
            let of = ledger.category(category)?;
            let is_own = !of.has_seat();
            let (code, taken) = (is_own.then(|| of.code.clone()), of.seats_taken);
            let taken = if is_own { taken } else { ledger.standing.seats_taken };
            return Err(RegistrationError::SeatsTaken { category: code, taken });
        }
    }
    Ok(())
}

fn check_wish(wish: &NewInvitation, found: &mut Faults) {
    let seats = wish.seats_reserved.map_or(0, |Count(seats)| seats);
    if seats > 0 && wish.category.is_none() {
        found.add("#/category", "required", "is required where seats are reserved");
    }
    let mut not_here = |is_given: bool, field: &str| {
        if is_given {
            let says = format!("is not said of a {} invitation", wish.kind);
            found.add(format!("#/{field}"), "not_of_this_kind", says);
        }
    };
    let uses = match wish.kind {
        InvitationKind::Personal => {
            not_here(wish.uses_max.is_some(), "uses_max");
            not_here(wish.code.is_some(), "code");
            Some(1)
        }
        InvitationKind::Shared => {
            not_here(wish.email.is_some(), "email");
            not_here(wish.name.is_some(), "name");
            not_here(wish.language.is_some(), "language");
            wish.uses_max.map(|Count(uses)| uses)
        }
    };
    if let Some(uses) = uses.filter(|uses| seats > *uses) {
        found.add("#/seats_reserved", "out_of_range", format!("must be at most {uses}: it is not used more often"));
    }
    if let Some(code) = &wish.code
        && normal(code.as_str()).chars().count() < CODE_LENGTH_MIN
    {
        found.add("#/code", "too_short", format!("must have {CODE_LENGTH_MIN} characters or more: it can be guessed"));
    }
    check_address(wish.email.as_ref(), found);
}

/// The row of an invitation, and its code.
fn row(
    wish: &NewInvitation,
    terms: &Terms,
    conference: ConferenceId,
    secret: &ServerSecret,
    now: DateTime<Utc>,
) -> Result<(String, NewRow), DatabaseError> {
    let id = Id::new();
    let text = |line: Option<&str>| line.map(str::to_owned);
    let (code, digest) = match (wish.kind, &wish.code) {
        (InvitationKind::Personal, _) => (secret.invitation_code(id, 1), None),
        (InvitationKind::Shared, chosen) => {
            let code = match chosen {
                Some(code) => code.as_str().to_owned(),
                None => draw_code()?,
            };
            let digest = secret.access_code_digest(conference, &normal(&code));
            (code, Some(digest))
        }
    };
    let name = wish.name.as_ref().map(|name| name.as_str());
    let email = wish.email.as_ref().map(EmailAddress::as_str);
    let label = wish.label.as_ref().map(|label| label.as_str()).or(name).or(email).unwrap_or_default();
    let count = |Count(count): Count<1>| i32::try_from(count).unwrap_or(i32::MAX);
    let row = NewRow {
        id,
        conference_id: conference,
        kind: wish.kind.as_str(),
        code_digest: digest,
        label: label.to_owned(),
        category_id: terms.category,
        email: text(email),
        email_folded: wish.email.as_ref().filter(|_| wish.bound_to_email).map(EmailAddress::folded),
        name: text(name),
        language: terms.language.as_ref().map(ToString::to_string),
        uses_max: if wish.kind == InvitationKind::Personal { Some(1) } else { wish.uses_max.map(count) },
        uses: 0,
        seats_reserved: wish.seats_reserved.map_or(0, |Count(seats)| i32::try_from(seats).unwrap_or(i32::MAX)),
        generation: 1,
        expires_at: terms.expires_at.map(Instant),
        created_at: Instant(now),
    };
    Ok((code, row))
}

/// A code of 60 random bits, in groups that people can read out.
fn draw_code() -> Result<String, DatabaseError> {
    let drawn = random::<12>().map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
    let mut code = String::with_capacity(14);
    for (index, byte) in drawn.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0')));
    }
    Ok(code)
}

fn find(connection: &mut Connection, place: &Place, id: InvitationId) -> Result<Invitation, RegistrationError> {
    store::find(connection, place.id, id)?.ok_or(RegistrationError::NoThing("invitation"))
}

/// The letter of a personal invitation, if it has an address.
pub fn letter(
    invitation: &Invitation,
    conference: ConferenceId,
    agenda: &Agenda,
    standing: &Standing,
) -> Option<Letter> {
    let to = EmailAddress::parse(invitation.email.as_deref()?).ok()?;
    let about = &agenda.conference;
    let languages = &about.languages;
    let language = invitation.language.as_deref().or(languages.first().map(LanguageTag::as_str))?;
    let category = invitation.category_id.and_then(|id| standing.category_by_id(id));
    let name = |category: &CategoryStanding| category.name.text(language, languages).to_owned();
    let content = LetterContent {
        conference: about.name.text(language, languages).to_owned(),
        starts_on: about.starts_on.0,
        ends_on: about.ends_on.0,
        venue: agenda.venue_line(language),
        name: invitation.name.clone().unwrap_or_default(),
        reference: String::new(),
        category: category.map(name).unwrap_or_default(),
        position: None,
        link_path: format!("/api/v1/conferences/{}/registration-form", about.slug),
        link: LinkKind::Invitation,
        registration: invitation.id.uuid(),
        token_generation: invitation.generation,
        calendar: None,
        reason: None,
        offer_hours: None,
        deadline: invitation.expires_at.map(|Instant(ends)| about.time_zone.local(ends)),
        sessions: Vec::new(),
        delegation: None,
        left: Vec::new(),
        moved: None,
        is_over: false,
        announcement: None,
        has_badge: false,
    };
    Some(Letter {
        conference,
        kind: LetterKind::Invitation,
        to,
        language: language.to_owned(),
        content,
        event: None,
        broadcast: None,
        not_before: None,
    })
}

fn shown(
    connection: &mut Connection,
    place: &Place,
    invitations: Vec<Invitation>,
) -> Result<Vec<Shown>, RegistrationError> {
    let standing = setup::store::standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let now = clock::now();
    let show = |invitation: Invitation| Shown {
        category: invitation.category_id.and_then(|id| standing.category_by_id(id)).map(|found| found.code.clone()),
        status: invitation.status(now),
        code: None,
        invitation,
    };
    Ok(invitations.into_iter().map(show).collect())
}

/// A page of invitations; no code is told.
///
/// # Errors
/// The store fails.
pub fn list(connection: &mut Connection, place: &Place, wanted: &Wanted) -> Result<Vec<Shown>, RegistrationError> {
    let found = store::list(connection, place.id, wanted, clock::now())?;
    shown(connection, place, found)
}

/// One invitation; the code of a personal one is told as long as it can be used.
///
/// # Errors
/// [`RegistrationError::NoThing`].
pub fn read(
    connection: &mut Connection,
    place: &Place,
    id: InvitationId,
    secret: &ServerSecret,
) -> Result<Shown, RegistrationError> {
    let found = find(connection, place, id)?;
    let mut one = shown(connection, place, vec![found])?;
    let mut one = one.pop().ok_or(RegistrationError::NoThing("invitation"))?;
    let is_told = one.status == InvitationStatus::Open && one.invitation.kind == InvitationKind::Personal.as_str();
    one.code = is_told.then(|| secret.invitation_code(id, one.invitation.generation));
    Ok(one)
}

/// Ends an invitation: nobody can use it from now on, and seats that it reserves are free, but for those of people who
/// came by it and wait to be verified or decided about.
///
/// # Errors
/// [`RegistrationError::InvitationOver`] where it has ended already; [`RegistrationError::NoThing`].
pub fn revoke(connection: &mut Connection, errand: Errand<'_>, id: InvitationId) -> Result<Shown, RegistrationError> {
    let Errand { place, released, credentials, secret } = errand;
    let actor = authorise(connection, credentials, "revoke_invitation", Some(place.id))?;
    let mut ledger = Ledger::open(connection, place, released)?;
    if find(connection, place, id)?.ended_at.is_some() {
        return Err(RegistrationError::InvitationOver("has ended already"));
    }
    store::end(connection, id, ledger.now)?;
    ledger.settle(connection, id)?;
    ledger.close(connection)?;
    let entry = audit::Entry::of("revoke", "invitation", id, None);
    audit::record(connection, &actor, "revoke_invitation", Some(place.id), &[entry])?;
    read(connection, place, id, secret)
}

/// Mails a personal invitation again.
///
/// # Errors
/// [`RegistrationError::InvitationOver`] where it cannot be used or has no address; [`RegistrationError::NoThing`].
pub fn resend(connection: &mut Connection, errand: Errand<'_>, id: InvitationId) -> Result<Shown, RegistrationError> {
    let Errand { place, released, credentials, secret } = errand;
    authorise(connection, credentials, "resend_invitation", Some(place.id))?;
    let mut ledger = Ledger::open(connection, place, released)?;
    let invitation = find(connection, place, id)?;
    if !invitation.is_usable(ledger.now) {
        return Err(RegistrationError::InvitationOver("is used up or over"));
    }
    let letter = letter(&invitation, place.id, released.agenda, &ledger.standing);
    ledger.send(letter.ok_or(RegistrationError::InvitationOver("has no address"))?);
    ledger.close(connection)?;
    read(connection, place, id, secret)
}
