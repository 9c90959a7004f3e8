//! What registrars do with delegations. Each function does its work in the caller's transaction.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    DelegationError, DelegationKind,
    model::{DelegationTerms, FocalPointTerms, NewDelegation, NewMemberStates, focal_point_language},
    reference,
    store::{self, Delegation, FocalPoint, Member},
};
use crate::{
    access::{
        Actor, Credentials, Operation, ServerSecret,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    agenda::{Agenda, ConferenceRef},
    clock,
    database::{Connection, DatabaseError},
    http::idempotency::IdempotencyKey,
    ids::{CategoryId, ConferenceId, DelegationId, Id},
    mail::{Letter, LetterContent, LetterKind, LinkKind, enqueue_all, is_deliverable, letter::AddressForm},
    registration::{
        RegistrationError,
        context::RequestContext,
        letters::{check_salutation, conference_content, salutation_in},
        membership, rows,
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
pub fn lock_setup(connection: &mut Connection, conference: &ConferenceRef) -> Result<SetupState, RegistrationError> {
    get_locked_setup(connection, conference.id)
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
    let delegation = find(connection, context.conference.id, code)?;
    let is_own = |delegation: &Delegation| {
        operation.accepts_personal_link() && is_link_of(delegation, context.credentials, context.secret)
    };
    let actor = match delegation.as_ref().is_some_and(is_own) {
        true => Actor::focal_point(),
        false => authorise(connection, context.credentials, operation, Some(context.conference.id))?,
    };
    Ok((delegation.ok_or(DelegationError::NotFound)?, actor))
}

/// Whether the credentials hold the link of the delegation's focal point.
fn is_link_of(delegation: &Delegation, credentials: &Credentials, secret: &ServerSecret) -> bool {
    let is_of_link = |token| secret.is_delegation_token(token, delegation.id, delegation.token_generation);
    delegation.focal_point.is_some() && credentials.attendee_token().is_some_and(is_of_link)
}

/// Whether the credentials hold the link of the focal point of the delegation with this code.
pub fn has_link(
    connection: &mut Connection,
    conference: ConferenceId,
    code: &str,
    credentials: &Credentials,
    secret: &ServerSecret,
) -> Result<bool, DatabaseError> {
    let delegation = find(connection, conference, code)?;
    Ok(delegation.is_some_and(|delegation| is_link_of(&delegation, credentials, secret)))
}

fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    code: &str,
) -> Result<Option<Delegation>, DatabaseError> {
    // A text that is not a code cannot match; PostgreSQL refuses a text with a NUL.
    if Code::parse(code).is_err() { Ok(None) } else { store::find(connection, conference, code) }
}

/// Every delegation of the conference with its head.
pub fn list(
    connection: &mut Connection,
    conference: &ConferenceRef,
) -> Result<Vec<DelegationDetails>, DelegationError> {
    let setup_state = get_setup_state(connection, conference.id)?;
    let heads = store::heads(connection, conference.id)?;
    let mut heads: HashMap<DelegationId, Member> =
        heads.into_iter().map(|head| (head.membership.delegation, head)).collect();
    let with_details = |delegation: Delegation| {
        let head = heads.remove(&delegation.id);
        details(&setup_state, delegation, head)
    };
    Ok(store::all(connection, conference.id)?.into_iter().map(with_details).collect::<Result<_, _>>()?)
}

/// The delegation with its category and head.
pub fn load_details(
    connection: &mut Connection,
    conference: &ConferenceRef,
    delegation: Delegation,
) -> Result<DelegationDetails, DelegationError> {
    let setup_state = get_setup_state(connection, conference.id)?;
    let head = store::head(connection, delegation.id)?;
    Ok(details(&setup_state, delegation, head)?)
}

fn details(
    setup_state: &SetupState,
    delegation: Delegation,
    head: Option<Member>,
) -> Result<DelegationDetails, DatabaseError> {
    let category = setup_state.get_category(delegation.category)?.code.clone();
    Ok(DelegationDetails { category, delegation, head })
}

/// The category and the focal point of a document, checked against the conference.
struct CheckedTerms {
    category: Option<CategoryId>,
    focal_point: Option<FocalPoint>,
}

fn check_terms(
    category: &Code,
    focal_point: Option<&FocalPointTerms>,
    setup_state: &SetupState,
    agenda: &Agenda,
    errors: &mut ValidationErrors,
) -> CheckedTerms {
    let category = setup_state.category(category.as_str());
    if category.is_none() {
        errors.add("#/category", "unknown_reference", "is no category of the conference");
    }
    if let Some(person) = focal_point {
        if person.language.as_ref().is_some_and(|tag| !agenda.conference.languages.contains(tag)) {
            errors.add("#/focal_point/language", "unknown_language", "is not a language of the conference");
        }
        if !is_deliverable(person.email.as_str()) {
            errors.add("#/focal_point/email", "invalid_email", "must be an address that mail can be sent to");
        }
    }
    let mut salutation = focal_point.and_then(|person| person.salutation.clone());
    if let Some(lines) = &mut salutation {
        check_salutation(lines, &agenda.conference.languages, "#/focal_point/salutation", errors);
    }
    CheckedTerms {
        category: category.map(|category| category.id),
        focal_point: focal_point.map(|person| FocalPoint {
            name: person.name.to_string(),
            email: person.email.clone(),
            language: person.language.clone(),
            salutation,
        }),
    }
}

/// Gives a name without a language the conference's first language, and reports languages that the conference does not
/// have.
fn normalise_name(name: &mut Localised, agenda: &Agenda, errors: &mut ValidationErrors) {
    let languages = &agenda.conference.languages;
    if let Some(first) = languages.first() {
        name.assign_language(first);
    }
    let is_known = |language: &str| languages.iter().any(|tag| tag.as_str() == language);
    for language in name.languages().filter(|language| !is_known(language)) {
        errors.add(format!("#/name/{language}"), "unknown_language", "is not a language of the conference");
    }
}

fn record_in_audit_trail(
    connection: &mut Connection,
    actor: &Actor,
    operation: Operation,
    conference: &ConferenceRef,
    action: AuditAction,
    delegations: &[Delegation],
) -> Result<(), DatabaseError> {
    let entry = |delegation: &Delegation| audit::Entry {
        code: delegation.code.to_string(),
        // The audit trail is kept for ever and must not hold the focal point's name.
        ..audit::Entry::of(action, ResourceKind::Delegation, delegation.id, Some(json!({ "quota": delegation.quota })))
    };
    let entries: Vec<_> = delegations.iter().map(entry).collect();
    audit::record(connection, actor, operation, Some(conference.id), &entries)
}

/// Creates a delegation. A Member State's delegation takes its regional group, and by default its name and code, from
/// the reference data.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`DelegationError::CodeTaken`].
pub fn create(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &NewDelegation,
) -> Result<DelegationDetails, DelegationError> {
    let RequestContext { conference, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::CreateDelegation, Some(conference.id))?;
    let setup_state = lock_setup(connection, conference)?;
    let mut errors = ValidationErrors::default();
    let checked =
        check_terms(&request.category, request.focal_point.as_ref(), &setup_state, released.agenda, &mut errors);
    let state = match (request.kind, &request.country) {
        (DelegationKind::MemberState, None) => {
            errors.add("#/country", "required", "is required for a Member State");
            None
        }
        (DelegationKind::MemberState, Some(country)) => {
            let state = reference::find(country);
            if state.is_none() {
                errors.add("#/country", "unknown_reference", "is no Member State of the United Nations");
            }
            if request.regional_group.is_some() {
                errors.add("#/regional_group", "not_of_this_kind", "must be left out for a Member State");
            }
            state
        }
        _ => None,
    };
    let mut name = request.name.clone();
    match &mut name {
        Some(name) => normalise_name(name, released.agenda, &mut errors),
        None if request.kind != DelegationKind::MemberState => {
            errors.add("#/name", "required", "is required unless kind is member_state");
        }
        None => {}
    }
    let code = request.code.clone().or_else(|| state.and_then(default_code));
    if code.is_none() && request.kind != DelegationKind::MemberState {
        errors.add("#/code", "required", "is required unless kind is member_state");
    }
    errors.into_result(())?;
    // The reference data have a code and a name for each Member State.
    let missing = || DatabaseError::missing(format_args!("the reference data of Member State {:?}", request.country));
    let now = clock::now();
    let delegation = Delegation {
        id: Id::new(),
        conference: conference.id,
        code: code.ok_or_else(missing)?,
        kind: request.kind,
        name: name.or_else(|| state.map(|state| state.name.clone())).ok_or_else(missing)?,
        country: request.country.clone(),
        regional_group: state.map_or(request.regional_group, |state| Some(state.regional_group)),
        category: checked.category.ok_or_else(missing)?,
        quota: request.quota.map(|Count(quota)| i64::from(quota)),
        members: 0,
        focal_point: checked.focal_point,
        token_generation: 1,
        created_at: now,
        updated_at: now,
        shared_mailbox: request.shared_mailbox,
    };
    let existing = store::all(connection, conference.id)?;
    refuse_too_many(existing.len() + 1)?;
    let is_same = |other: &&Delegation| {
        other.code == delegation.code
            || (request.kind == DelegationKind::MemberState
                && other.kind == request.kind
                && other.country == request.country)
    };
    if let Some(other) = existing.iter().find(is_same) {
        return Err(DelegationError::CodeTaken(other.code.clone()));
    }
    store::insert(connection, std::slice::from_ref(&delegation))?;
    let one = std::slice::from_ref(&delegation);
    record_in_audit_trail(connection, &actor, Operation::CreateDelegation, conference, AuditAction::Create, one)?;
    Ok(details(&setup_state, delegation, None)?)
}

fn refuse_too_many(count: usize) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if count > DELEGATIONS_MAX {
        errors.add("#", "too_long", format!("a conference has at most {DELEGATIONS_MAX} delegations"));
    }
    errors.into_result(())
}

/// The default code of a Member State's delegation: its country code in lower case.
fn default_code(state: &reference::MemberState) -> Option<Code> {
    Code::parse(&state.country.to_string().to_lowercase()).ok()
}

/// Creates a delegation, once for each idempotency key.
///
/// # Errors
/// Those of [`create`]; the key was used with another body.
pub fn create_once(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &NewDelegation,
    key: &IdempotencyKey,
    sent: &Value,
) -> Result<DelegationDetails, DelegationError> {
    let actor = authorise(connection, context.credentials, Operation::CreateDelegation, Some(context.conference.id))?;
    let code = context.make_once(connection, &actor, key, sent, |tx| {
        create(tx, context, request).map(|created| created.delegation.code.to_string())
    })?;
    let delegation = find(connection, context.conference.id, &code)?.ok_or(DelegationError::NotFound)?;
    load_details(connection, context.conference, delegation)
}

/// Creates the missing delegations of Member States: of all, or of the countries that are named. Returns the codes of
/// the new delegations, and how many of the requested ones existed before.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`DelegationError::CodeTaken`] if another delegation has the code of one.
pub fn create_member_states(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &NewMemberStates,
) -> Result<(Vec<Code>, usize), DelegationError> {
    let RequestContext { conference, released, credentials, .. } = context;
    let actor = authorise(connection, credentials, Operation::CreateMemberStateDelegations, Some(conference.id))?;
    let setup_state = lock_setup(connection, conference)?;
    let mut errors = ValidationErrors::default();
    let checked = check_terms(&request.category, None, &setup_state, released.agenda, &mut errors);
    let states: Vec<&reference::MemberState> = match &request.countries {
        None => reference::member_states().iter().collect(),
        Some(countries) => {
            let mut states: Vec<&reference::MemberState> = Vec::new();
            for (index, country) in countries.iter().enumerate() {
                match reference::find(country) {
                    Some(state) if states.contains(&state) => {
                        errors.add(format!("#/countries/{index}"), "duplicate", "is in the list already");
                    }
                    Some(state) => states.push(state),
                    None => {
                        let detail = "is no Member State of the United Nations";
                        errors.add(format!("#/countries/{index}"), "unknown_reference", detail);
                    }
                }
            }
            states
        }
    };
    errors.into_result(())?;
    let existing = store::all(connection, conference.id)?;
    let has_delegation = |state: &&&reference::MemberState| {
        existing
            .iter()
            .any(|other| other.kind == DelegationKind::MemberState && other.country == Some(state.country.clone()))
    };
    let (with_delegation, missing): (Vec<_>, Vec<_>) = states.iter().partition(has_delegation);
    refuse_too_many(existing.len() + missing.len())?;
    let now = clock::now();
    let mut created = Vec::with_capacity(missing.len());
    for state in missing {
        let (Some(code), Some(category)) = (default_code(state), checked.category) else { continue };
        if existing.iter().any(|other| other.code == code) {
            return Err(DelegationError::CodeTaken(code));
        }
        created.push(Delegation {
            id: Id::new(),
            conference: conference.id,
            code,
            kind: DelegationKind::MemberState,
            name: state.name.clone(),
            country: Some(state.country.clone()),
            regional_group: Some(state.regional_group),
            category,
            quota: request.quota.map(|Count(quota)| i64::from(quota)),
            members: 0,
            focal_point: None,
            token_generation: 1,
            created_at: now,
            updated_at: now,
            shared_mailbox: request.shared_mailbox,
        });
    }
    store::insert(connection, &created)?;
    record_in_audit_trail(
        connection,
        &actor,
        Operation::CreateMemberStateDelegations,
        conference,
        AuditAction::Create,
        &created,
    )?;
    Ok((created.into_iter().map(|delegation| delegation.code).collect(), with_delegation.len()))
}

/// Authorises a registrar, locks the conference's seats and finds the delegation.
fn open_for_change(
    connection: &mut Connection,
    context: RequestContext<'_>,
    code: &str,
    operation: Operation,
) -> Result<(Delegation, Actor, SetupState), DelegationError> {
    let actor = authorise(connection, context.credentials, operation, Some(context.conference.id))?;
    let setup_state = lock_setup(connection, context.conference)?;
    let delegation = find(connection, context.conference.id, code)?;
    Ok((delegation.ok_or(DelegationError::NotFound)?, actor, setup_state))
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
    let (mut delegation, actor, setup_state) = open_for_change(connection, context, code, Operation::PatchDelegation)?;
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
    let mut errors = ValidationErrors::default();
    // Names in the reference data are in languages that the conference may not have: they are not checked.
    if patch.get("name").is_some() {
        let old_name = delegation.name.clone();
        let mut new_texts = Localised::of(
            terms
                .name
                .map()
                .iter()
                .filter(|(tag, _)| !old_name.map().contains_key(*tag))
                .map(|(tag, text)| (tag.clone(), text.clone())),
        );
        normalise_name(&mut new_texts, agenda, &mut errors);
        if let Some(first) = agenda.conference.languages.first() {
            terms.name.assign_language(first);
        }
        if terms.name.map().is_empty() {
            errors.add("#/name", "empty", "must have a text in at least one language");
        }
    }
    let checked = check_terms(&terms.category, terms.focal_point.as_ref(), &setup_state, agenda, &mut errors);
    errors.into_result(())?;
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
    delegation.shared_mailbox = terms.shared_mailbox;
    delegation.updated_at = clock::monotonic(clock::now(), Some(delegation.updated_at));
    store::update(connection, &delegation)?;
    let one = std::slice::from_ref(&delegation);
    record_in_audit_trail(
        connection,
        &actor,
        Operation::PatchDelegation,
        context.conference,
        AuditAction::Update,
        one,
    )?;
    load_details(connection, context.conference, delegation)
}

/// The document into which a patch is merged.
fn document(delegation: &Delegation, setup_state: &SetupState) -> Result<Value, DatabaseError> {
    let person = |person: &FocalPoint| {
        let FocalPoint { name, email, language, salutation } = person;
        json!({ "name": name, "email": email, "language": language, "salutation": salutation })
    };
    Ok(json!({
        "name": delegation.name,
        "category": setup_state.get_category(delegation.category)?.code,
        "quota": delegation.quota,
        "focal_point": delegation.focal_point.as_ref().map(person),
        "shared_mailbox": delegation.shared_mailbox,
    }))
}

/// # Errors
/// [`DelegationError::HasMembers`]; [`DelegationError::NotFound`].
pub fn delete(connection: &mut Connection, context: RequestContext<'_>, code: &str) -> Result<(), DelegationError> {
    let (delegation, actor, _) = open_for_change(connection, context, code, Operation::DeleteDelegation)?;
    if delegation.members > 0 {
        return Err(DelegationError::HasMembers(delegation.members));
    }
    store::delete(connection, delegation.id)?;
    let one = std::slice::from_ref(&delegation);
    Ok(record_in_audit_trail(
        connection,
        &actor,
        Operation::DeleteDelegation,
        context.conference,
        AuditAction::Remove,
        one,
    )?)
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
    let (mut delegation, actor, setup_state) = open_for_change(connection, context, code, Operation::InviteFocalPoint)?;
    if setup_state.is_over(context.released.agenda, clock::now()) {
        return Err(RegistrationError::ConferenceOver.into());
    }
    let person = delegation.focal_point.clone().ok_or(DelegationError::NoFocalPoint)?;
    if renew {
        delegation.token_generation += 1;
        delegation.updated_at = clock::monotonic(clock::now(), Some(delegation.updated_at));
        store::update(connection, &delegation)?;
    }
    enqueue_all(connection, &[letter(&delegation, person.clone(), context.released.agenda)])?;
    let one = std::slice::from_ref(&delegation);
    let action = if renew { AuditAction::Renew } else { AuditAction::Invite };
    record_in_audit_trail(connection, &actor, Operation::InviteFocalPoint, context.conference, action, one)?;
    Ok((delegation, person))
}

/// The path of the delegation in the API.
pub fn path(agenda: &Agenda, code: &Code) -> String {
    format!("/api/v1/conferences/{}/delegations/{code}", agenda.conference.slug)
}

fn letter(delegation: &Delegation, person: FocalPoint, agenda: &Agenda) -> Letter {
    let conference = &agenda.conference;
    let languages = &conference.languages;
    let language = focal_point_language(delegation, agenda);
    let name = delegation.name.text(language, languages).to_owned();
    Letter {
        conference: delegation.conference,
        kind: LetterKind::Delegation,
        to: person.email,
        language: language.to_owned(),
        event: None,
        broadcast: None,
        addressee: None,
        not_before: None,
        content: LetterContent {
            salutation: person.salutation.as_ref().and_then(|lines| salutation_in(lines, language)),
            // Some missions are their own focal point.
            address_form: if person.name == name { AddressForm::Unnamed } else { AddressForm::of_line(&person.name) },
            name: person.name,
            link_path: path(agenda, &delegation.code),
            link: LinkKind::Delegation,
            registration: delegation.id.uuid(),
            token_generation: delegation.token_generation,
            delegation: Some(name),
            ..conference_content(agenda, language)
        },
    }
}

/// Finds a member by the reference of the registration, whatever its status.
///
/// # Errors
/// [`DelegationError::NoMember`].
pub fn find_member(
    connection: &mut Connection,
    delegation: &Delegation,
    reference: &str,
) -> Result<Member, DelegationError> {
    let registration = rows::find(connection, delegation.conference, reference)?;
    let registration = registration.ok_or(DelegationError::NoMember)?;
    let membership = membership::find_in_delegation(connection, delegation.id, registration.id)?;
    Ok(Member { membership: membership.ok_or(DelegationError::NoMember)?, registration })
}
