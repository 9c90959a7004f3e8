//! What registrars do with delegations. Each function does its work in the caller's transaction.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    DelegationError, DelegationKind,
    model::{DelegationTerms, NewDelegation, NewMemberStates, language},
    reference,
    store::{self, Delegation, FocalPoint, Member},
};
use crate::{
    access::{
        Actor, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::{Agenda, ConferenceRef},
    clock,
    database::{Connection, DatabaseError},
    http::idempotency::{IdempotencyKey, make_once},
    ids::{CategoryId, DelegationId, Id},
    mail::{Letter, LetterContent, LetterKind, LinkKind, enqueue_all, is_deliverable},
    registration::{
        RegistrationError,
        context::RequestContext,
        letters::of_conference,
        model::Registration,
        setup::state::{SetupState, get_locked_setup, get_setup_state},
    },
    validation::{self, ValidationErrors},
    values::{Code, Count, Localised, TextValue as _, merge_patch},
};

/// The highest number of delegations of a conference.
const DELEGATIONS_MAX: usize = 5000;

/// A delegation with its category and its head.
#[derive(Clone)]
pub struct DelegationDetails {
    pub delegation: Delegation,
    pub category: Code,
    pub head: Option<Member>,
}

/// Locks the set-up of the conference, and with it its seats and delegations.
///
/// # Errors
/// Those of [`get_locked_setup`].
pub fn lock(connection: &mut Connection, place: &ConferenceRef) -> Result<SetupState, RegistrationError> {
    get_locked_setup(connection, place.id)
}

/// Finds a delegation for its focal point, or for someone whom the access policy allows `operation`; returns also who
/// acts.
///
/// # Errors
/// [`RegistrationError::Access`] for everyone else, whether or not the delegation exists.
pub fn authorise_for_delegation(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    operation: Operation,
) -> Result<(Delegation, Actor), DelegationError> {
    let found = find(connection, context.place, code)?;
    let token = context.credentials.attendee_token();
    let is_own = |delegation: &Delegation| {
        let own = |token| context.secret.is_delegation_token(token, delegation.id, delegation.token_generation);
        delegation.focal_point.is_some() && token.is_some_and(own)
    };
    let actor = match found.as_ref().is_some_and(is_own) {
        true => Actor::focal_point(),
        false => authorise(connection, context.credentials, operation, Some(context.place.id))?,
    };
    Ok((found.ok_or(DelegationError::NotFound)?, actor))
}

fn find(connection: &mut Connection, place: &ConferenceRef, code: &str) -> Result<Option<Delegation>, DatabaseError> {
    // A text that is not a code cannot match; PostgreSQL refuses a text with a NUL.
    if Code::parse(code).is_err() { Ok(None) } else { store::find(connection, place.id, code) }
}

pub fn all(connection: &mut Connection, place: &ConferenceRef) -> Result<Vec<DelegationDetails>, DelegationError> {
    let setup_state = get_setup_state(connection, place.id)?;
    let heads = store::heads(connection, place.id)?;
    let mut heads: HashMap<DelegationId, Member> =
        heads.into_iter().map(|head| (head.membership.delegation, head)).collect();
    let show = |delegation: Delegation| {
        let head = heads.remove(&delegation.id);
        shown(&setup_state, delegation, head)
    };
    Ok(store::all(connection, place.id)?.into_iter().map(show).collect::<Result<_, _>>()?)
}

pub fn show(
    connection: &mut Connection,
    place: &ConferenceRef,
    delegation: Delegation,
) -> Result<DelegationDetails, DelegationError> {
    let setup_state = get_setup_state(connection, place.id)?;
    let head = store::head(connection, delegation.id)?;
    Ok(shown(&setup_state, delegation, head)?)
}

fn shown(
    setup_state: &SetupState,
    delegation: Delegation,
    head: Option<Member>,
) -> Result<DelegationDetails, DatabaseError> {
    let category = setup_state.get_category(delegation.category)?.code.clone();
    Ok(DelegationDetails { category, delegation, head })
}

/// The category and the focal point of a document, checked against the conference.
struct Checked {
    category: Option<CategoryId>,
    focal_point: Option<FocalPoint>,
}

fn check(
    category: &Code,
    focal_point: Option<&super::model::FocalPointTerms>,
    setup_state: &SetupState,
    agenda: &Agenda,
    found: &mut ValidationErrors,
) -> Checked {
    let known = setup_state.category(category.as_str());
    if known.is_none() {
        found.add("#/category", "unknown_reference", "is no category of the conference");
    }
    if let Some(person) = focal_point {
        if person.language.as_ref().is_some_and(|tag| !agenda.conference.languages.contains(tag)) {
            found.add("#/focal_point/language", "unknown_language", "is not a language of the conference");
        }
        if !is_deliverable(person.email.as_str()) {
            found.add("#/focal_point/email", "invalid_email", "must be an address that mail can be sent to");
        }
    }
    Checked {
        category: known.map(|category| category.id),
        focal_point: focal_point.map(|person| FocalPoint {
            name: person.name.to_string(),
            email: person.email.clone(),
            language: person.language.clone(),
        }),
    }
}

/// Gives a name without a language the conference's first language, and reports languages that the conference does not
/// have.
fn normalise_name(name: &mut Localised, agenda: &Agenda, found: &mut ValidationErrors) {
    let languages = &agenda.conference.languages;
    if let Some(first) = languages.first() {
        name.settle(first);
    }
    let is_known = |language: &str| languages.iter().any(|tag| tag.as_str() == language);
    for language in name.languages().filter(|language| !is_known(language)) {
        found.add(format!("#/name/{language}"), "unknown_language", "is not a language of the conference");
    }
}

fn record(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    place: &ConferenceRef,
    action: AuditAction,
    delegations: &[Delegation],
) -> Result<(), DatabaseError> {
    let entry = |delegation: &Delegation| audit::Entry {
        code: delegation.code.to_string(),
        // The audit trail is kept for ever and must not hold the focal point's name.
        ..audit::Entry::of(action, ResourceKind::Delegation, delegation.id, Some(json!({ "quota": delegation.quota })))
    };
    let entries: Vec<_> = delegations.iter().map(entry).collect();
    audit::record(connection, actor, operation, Some(place.id), &entries)
}

/// Creates a delegation. A Member State's delegation takes its regional group, and by default its name and code, from
/// the reference data.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`DelegationError::Taken`].
pub fn create(
    connection: &mut Connection,
    context: RequestContext<'_>,
    wish: &NewDelegation,
) -> Result<DelegationDetails, DelegationError> {
    let RequestContext { place, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::CreateDelegation, Some(place.id))?;
    let setup_state = lock(connection, place)?;
    let mut found = ValidationErrors::default();
    let checked = check(&wish.category, wish.focal_point.as_ref(), &setup_state, released.agenda, &mut found);
    let state = match (wish.kind, &wish.country) {
        (DelegationKind::MemberState, None) => {
            found.add("#/country", "required", "is required for a Member State");
            None
        }
        (DelegationKind::MemberState, Some(country)) => {
            let state = reference::find(country);
            if state.is_none() {
                found.add("#/country", "unknown_reference", "is no Member State of the United Nations");
            }
            if wish.regional_group.is_some() {
                found.add("#/regional_group", "not_of_this_kind", "must be left out for a Member State");
            }
            state
        }
        _ => None,
    };
    let mut name = wish.name.clone();
    match &mut name {
        Some(name) => normalise_name(name, released.agenda, &mut found),
        None if wish.kind != DelegationKind::MemberState => {
            found.add("#/name", "required", "is required unless kind is member_state");
        }
        None => {}
    }
    let code = wish.code.clone().or_else(|| state.and_then(code_of));
    if code.is_none() && wish.kind != DelegationKind::MemberState {
        found.add("#/code", "required", "is required unless kind is member_state");
    }
    found.or(())?;
    // The reference data have a code and a name for each Member State.
    let missing = || DatabaseError::missing(format_args!("the reference data of Member State {:?}", wish.country));
    let now = clock::now();
    let delegation = Delegation {
        id: Id::new(),
        conference: place.id,
        code: code.ok_or_else(missing)?,
        kind: wish.kind,
        name: name.or_else(|| state.map(|state| state.name.clone())).ok_or_else(missing)?,
        country: wish.country.clone(),
        regional_group: state.map_or(wish.regional_group, |state| Some(state.regional_group)),
        category: checked.category.ok_or_else(missing)?,
        quota: wish.quota.map(|Count(quota)| i64::from(quota)),
        members: 0,
        focal_point: checked.focal_point,
        token_generation: 1,
        created_at: now,
        updated_at: now,
    };
    let known = store::all(connection, place.id)?;
    refuse_too_many(known.len() + 1)?;
    let is_same = |known: &&Delegation| {
        known.code == delegation.code
            || (wish.kind == DelegationKind::MemberState && known.kind == wish.kind && known.country == wish.country)
    };
    if let Some(known) = known.iter().find(is_same) {
        return Err(DelegationError::Taken(known.code.clone()));
    }
    store::insert(connection, std::slice::from_ref(&delegation))?;
    let one = std::slice::from_ref(&delegation);
    record(connection, &actor, Operation::CreateDelegation, place, AuditAction::Create, one)?;
    Ok(shown(&setup_state, delegation, None)?)
}

fn refuse_too_many(count: usize) -> Result<(), ValidationErrors> {
    let mut found = ValidationErrors::default();
    if count > DELEGATIONS_MAX {
        found.add("#", "too_long", format!("a conference has at most {DELEGATIONS_MAX} delegations"));
    }
    found.or(())
}

/// The default code of a Member State's delegation: its country code in lower case.
fn code_of(state: &reference::MemberState) -> Option<Code> {
    Code::parse(&state.country.to_string().to_lowercase()).ok()
}

/// Creates a delegation, once for each idempotency key.
///
/// # Errors
/// Those of [`create`]; the key was used with another body.
pub fn create_once(
    connection: &mut Connection,
    context: RequestContext<'_>,
    wish: &NewDelegation,
    key: &IdempotencyKey,
    sent: &Value,
) -> Result<DelegationDetails, DelegationError> {
    let actor = authorise(connection, context.credentials, Operation::CreateDelegation, Some(context.place.id))?;
    let scope = (context.place.id.to_string(), actor.identity());
    let code = make_once(connection, key, (&scope.0, &scope.1), sent, |tx| {
        create(tx, context, wish).map(|made| made.delegation.code.to_string())
    })?;
    let made = find(connection, context.place, &code)?.ok_or(DelegationError::NotFound)?;
    show(connection, context.place, made)
}

/// Creates the missing delegations of Member States: of all, or of the countries that are named. Returns the codes of
/// the new delegations, and how many of the requested ones existed before.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`DelegationError::Taken`] if another delegation has the code of one.
pub fn create_member_states(
    connection: &mut Connection,
    context: RequestContext<'_>,
    wish: &NewMemberStates,
) -> Result<(Vec<Code>, usize), DelegationError> {
    let RequestContext { place, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::CreateMemberStateDelegations, Some(place.id))?;
    let setup_state = lock(connection, place)?;
    let mut found = ValidationErrors::default();
    let checked = check(&wish.category, None, &setup_state, released.agenda, &mut found);
    let wanted: Vec<&reference::MemberState> = match &wish.countries {
        None => reference::member_states().iter().collect(),
        Some(countries) => {
            let mut states: Vec<&reference::MemberState> = Vec::new();
            for (index, country) in countries.iter().enumerate() {
                match reference::find(country) {
                    Some(state) if states.contains(&state) => {
                        found.add(format!("#/countries/{index}"), "duplicate", "is in the list already");
                    }
                    Some(state) => states.push(state),
                    None => {
                        let says = "is no Member State of the United Nations";
                        found.add(format!("#/countries/{index}"), "unknown_reference", says);
                    }
                }
            }
            states
        }
    };
    found.or(())?;
    let known = store::all(connection, place.id)?;
    let is_there = |state: &&&reference::MemberState| {
        known
            .iter()
            .any(|known| known.kind == DelegationKind::MemberState && known.country == Some(state.country.clone()))
    };
    let (there, missing): (Vec<_>, Vec<_>) = wanted.iter().partition(is_there);
    refuse_too_many(known.len() + missing.len())?;
    let now = clock::now();
    let mut made = Vec::with_capacity(missing.len());
    for state in missing {
        let (Some(code), Some(category)) = (code_of(state), checked.category) else { continue };
        if known.iter().any(|known| known.code == code) {
            return Err(DelegationError::Taken(code));
        }
        made.push(Delegation {
            id: Id::new(),
            conference: place.id,
            code,
            kind: DelegationKind::MemberState,
            name: state.name.clone(),
            country: Some(state.country.clone()),
            regional_group: Some(state.regional_group),
            category,
            quota: wish.quota.map(|Count(quota)| i64::from(quota)),
            members: 0,
            focal_point: None,
            token_generation: 1,
            created_at: now,
            updated_at: now,
        });
    }
    store::insert(connection, &made)?;
    record(connection, &actor, Operation::CreateMemberStateDelegations, place, AuditAction::Create, &made)?;
    Ok((made.into_iter().map(|delegation| delegation.code).collect(), there.len()))
}

/// Authorises a registrar, locks the conference's seats and finds the delegation.
fn open(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    operation: Operation,
) -> Result<(Delegation, Actor, SetupState), DelegationError> {
    let actor = authorise(connection, context.credentials, operation, Some(context.place.id))?;
    let setup_state = lock(connection, context.place)?;
    let found = find(connection, context.place, code)?;
    Ok((found.ok_or(DelegationError::NotFound)?, actor, setup_state))
}

/// Changes a delegation by a merge patch (RFC 7396). If the focal point's address changes, every earlier link is void.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`DelegationError::QuotaBelowMembers`]; [`DelegationError::NotFound`].
pub fn patch(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    patch: &Value,
) -> Result<DelegationDetails, DelegationError> {
    let (mut delegation, actor, setup_state) = open(connection, context, code, Operation::PatchDelegation)?;
    let agenda = context.released.agenda;
    let mut document = document(&delegation, &setup_state)?;
    let mut patch = patch.clone();
    // A plain name sets the first language and keeps the others.
    if let (Some(name), Some(first)) = (patch.get_mut("name"), agenda.conference.languages.first())
        && name.is_string()
    {
        *name = json!({ first.as_str(): name.clone() });
    }
    merge_patch(&mut document, &patch);
    let mut terms: DelegationTerms = validation::read(document)?;
    let mut found = ValidationErrors::default();
    // Names in the reference data are in languages that the conference may not have: they are not checked.
    if patch.get("name").is_some() {
        let known = delegation.name.clone();
        let mut new = Localised::of(
            terms
                .name
                .map()
                .iter()
                .filter(|(tag, _)| !known.map().contains_key(*tag))
                .map(|(a, b)| (a.clone(), b.clone())),
        );
        normalise_name(&mut new, agenda, &mut found);
        if let Some(first) = agenda.conference.languages.first() {
            terms.name.settle(first);
        }
        if terms.name.map().is_empty() {
            found.add("#/name", "empty", "must have a text in at least one language");
        }
    }
    let checked = check(&terms.category, terms.focal_point.as_ref(), &setup_state, agenda, &mut found);
    found.or(())?;
    let quota = terms.quota.map(|Count(quota)| i64::from(quota));
    if quota.is_some_and(|quota| quota < delegation.members) {
        return Err(DelegationError::QuotaBelowMembers(delegation.members));
    }
    let address = |person: &Option<FocalPoint>| person.as_ref().map(|person| person.email.folded());
    if address(&checked.focal_point) != address(&delegation.focal_point) {
        delegation.token_generation += 1;
    }
    delegation.name = terms.name;
    delegation.category = checked.category.unwrap_or(delegation.category);
    delegation.quota = quota;
    delegation.focal_point = checked.focal_point;
    delegation.updated_at = clock::following(clock::now(), Some(delegation.updated_at));
    store::update(connection, &delegation)?;
    let one = std::slice::from_ref(&delegation);
    record(connection, &actor, Operation::PatchDelegation, context.place, AuditAction::Update, one)?;
    show(connection, context.place, delegation)
}

/// The document into which a patch is merged.
fn document(delegation: &Delegation, setup_state: &SetupState) -> Result<Value, DatabaseError> {
    let person =
        |person: &FocalPoint| json!({ "name": person.name, "email": person.email, "language": person.language });
    Ok(json!({
        "name": delegation.name,
        "category": setup_state.get_category(delegation.category)?.code,
        "quota": delegation.quota,
        "focal_point": delegation.focal_point.as_ref().map(person),
    }))
}

/// # Errors
/// [`DelegationError::InUse`]; [`DelegationError::NotFound`].
pub fn delete(connection: &mut Connection, context: RequestContext<'_>, code: &str) -> Result<(), DelegationError> {
    let (delegation, actor, _) = open(connection, context, code, Operation::DeleteDelegation)?;
    if delegation.members > 0 {
        return Err(DelegationError::InUse(delegation.members));
    }
    store::delete(connection, delegation.id)?;
    let one = std::slice::from_ref(&delegation);
    Ok(record(connection, &actor, Operation::DeleteDelegation, context.place, AuditAction::Remove, one)?)
}

/// Sends the focal point their link; `renew` makes every earlier link void. Returns the delegation and the person.
///
/// # Errors
/// [`DelegationError::NoFocalPoint`]; [`DelegationError::NotFound`].
pub fn invite_focal_point(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    renew: bool,
) -> Result<(Delegation, FocalPoint), DelegationError> {
    let (mut delegation, actor, _) = open(connection, context, code, Operation::InviteFocalPoint)?;
    let person = delegation.focal_point.clone().ok_or(DelegationError::NoFocalPoint)?;
    if renew {
        delegation.token_generation += 1;
        delegation.updated_at = clock::following(clock::now(), Some(delegation.updated_at));
        store::update(connection, &delegation)?;
    }
    enqueue_all(connection, &[letter(&delegation, person.clone(), context.released.agenda)])?;
    let one = std::slice::from_ref(&delegation);
    let action = if renew { AuditAction::Renew } else { AuditAction::Invite };
    record(connection, &actor, Operation::InviteFocalPoint, context.place, action, one)?;
    Ok((delegation, person))
}

/// The path of the delegation in the API.
pub fn path(agenda: &Agenda, code: &Code) -> String {
    format!("/api/v1/conferences/{}/delegations/{code}", agenda.conference.slug)
}

fn letter(delegation: &Delegation, person: FocalPoint, agenda: &Agenda) -> Letter {
    let conference = &agenda.conference;
    let languages = &conference.languages;
    let language = language(delegation, agenda);
    let name = delegation.name.text(language, languages).to_owned();
    Letter {
        conference: delegation.conference,
        kind: LetterKind::Delegation,
        to: person.email,
        language: language.to_owned(),
        event: None,
        broadcast: None,
        not_before: None,
        content: LetterContent {
            name: person.name,
            link_path: path(agenda, &delegation.code),
            link: LinkKind::Delegation,
            registration: delegation.id.uuid(),
            token_generation: delegation.token_generation,
            delegation: Some(name),
            ..of_conference(agenda, language)
        },
    }
}

/// Finds a member by the reference of the registration, whatever its status.
///
/// # Errors
/// [`DelegationError::NoMember`].
pub fn member(
    connection: &mut Connection,
    delegation: &Delegation,
    reference: &str,
) -> Result<Member, DelegationError> {
    let found = crate::registration::rows::find(connection, delegation.conference, reference)?;
    let registration: Registration = found.ok_or(DelegationError::NoMember)?;
    let membership = crate::registration::membership::in_delegation(connection, delegation.id, registration.id)?;
    Ok(Member { membership: membership.ok_or(DelegationError::NoMember)?, registration })
}
