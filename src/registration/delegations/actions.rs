//! What a registrar does with delegations. Each function is one transaction's work.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    DelegationKind,
    api::{DelegationTerms, NewDelegation, NewMemberStates},
    reference,
    store::{self, Delegation, FocalPoint, Member},
};
use crate::{
    access::{Actor, audit, authorise},
    agenda::{Agenda, Place},
    clock,
    database::{Connection, DatabaseError},
    faults::{self, Faults},
    http::idempotency::{IdempotencyKey, make_once},
    ids::{CategoryId, DelegationId, Id},
    mail::{Letter, LetterContent, LetterKind, LinkKind, enqueue_all, is_deliverable},
    registration::{
        RegistrationError,
        actions::Errand,
        model::Registration,
        setup::store::{Standing, lock_setup, standing},
    },
    values::{Code, Count, LanguageTag, Localised, TextValue as _},
};

/// The most delegations of a conference.
const DELEGATIONS_MAX: usize = 5000;

/// A delegation with its category and its head.
#[derive(Clone)]
pub struct Shown {
    /// The delegation.
    pub delegation: Delegation,
    /// The code of the category that its members go into.
    pub category: Code,
    /// Who leads it.
    pub head: Option<Member>,
}

/// Locks the conference's seats and members.
///
/// # Errors
/// [`RegistrationError::NoConference`].
pub fn lock(connection: &mut Connection, place: &Place) -> Result<Standing, RegistrationError> {
    lock_setup(connection, place.id)?.ok_or(RegistrationError::NoConference)
}

/// A delegation for its focal point, or for whoever the policy lets at `operation`; and who that is.
///
/// # Errors
/// [`RegistrationError::Access`] for whoever is neither, whether or not there is such a delegation.
pub fn enter(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    operation: &str,
) -> Result<(Delegation, Actor), RegistrationError> {
    let found = find(connection, errand.place, code)?;
    let token = errand.credentials.attendee_token();
    let is_own = |delegation: &Delegation| {
        let own = |token| errand.secret.is_delegation_token(token, delegation.id, delegation.token_generation);
        delegation.focal_point.is_some() && token.is_some_and(own)
    };
    let actor = match found.as_ref().is_some_and(is_own) {
        true => Actor::focal_point(),
        false => authorise(connection, errand.credentials, operation, Some(errand.place.id))?,
    };
    Ok((found.ok_or(RegistrationError::NoThing("delegation"))?, actor))
}

fn find(connection: &mut Connection, place: &Place, code: &str) -> Result<Option<Delegation>, DatabaseError> {
    // What cannot be a code names nothing; PostgreSQL refuses a text with a NUL.
    if Code::parse(code).is_err() { Ok(None) } else { store::find(connection, place.id, code) }
}

/// Every delegation of the conference, with its head.
///
/// # Errors
/// The store fails.
pub fn all(connection: &mut Connection, place: &Place) -> Result<Vec<Shown>, RegistrationError> {
    let standing = standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let heads = store::heads(connection, place.id)?;
    let mut heads: HashMap<DelegationId, Member> =
        heads.into_iter().map(|head| (head.membership.delegation, head)).collect();
    let show = |delegation: Delegation| {
        let head = heads.remove(&delegation.id);
        shown(&standing, delegation, head)
    };
    store::all(connection, place.id)?.into_iter().map(show).collect::<Result<_, _>>().map_err(Into::into)
}

/// One delegation with its head.
///
/// # Errors
/// The store fails.
pub fn show(connection: &mut Connection, place: &Place, delegation: Delegation) -> Result<Shown, RegistrationError> {
    let standing = standing(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
    let head = store::head(connection, delegation.id)?;
    Ok(shown(&standing, delegation, head)?)
}

fn shown(standing: &Standing, delegation: Delegation, head: Option<Member>) -> Result<Shown, DatabaseError> {
    let category = standing.category_by_id(delegation.category);
    let missing = || DatabaseError::Corrupt(format!("the category of delegation {}", delegation.id));
    Ok(Shown { category: category.ok_or_else(missing)?.code.clone(), delegation, head })
}

/// What a document says of a category and a focal point, checked against the conference.
struct Checked {
    category: Option<CategoryId>,
    focal_point: Option<FocalPoint>,
}

fn check(
    (category, focal_point): (&Code, Option<&super::api::FocalPointTerms>),
    standing: &Standing,
    agenda: &Agenda,
    found: &mut Faults,
) -> Checked {
    let known = standing.category(category.as_str());
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

/// Gives a plain name the conference's first language, and refuses languages that the conference has not.
fn settle(name: &mut Localised, agenda: &Agenda, found: &mut Faults) {
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
    (actor, operation): (&Actor, &str),
    place: &Place,
    (action, delegations): (&str, &[Delegation]),
) -> Result<(), DatabaseError> {
    let entry = |delegation: &Delegation| audit::Entry {
        code: delegation.code.to_string(),
        // Whom it names stays out of a trail that is kept for ever.
        ..audit::Entry::of(action, "delegation", delegation.id, Some(json!({ "quota": delegation.quota })))
    };
    let entries: Vec<_> = delegations.iter().map(entry).collect();
    audit::record(connection, actor, operation, Some(place.id), &entries)
}

/// Makes a delegation: that of a Member State takes its names and its group from the reference data.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::DelegationTaken`].
pub fn create(
    connection: &mut Connection,
    errand: Errand<'_>,
    wish: &NewDelegation,
) -> Result<Shown, RegistrationError> {
    let Errand { place, released, credentials, .. } = errand;
    let actor = authorise(connection, credentials, "create_delegation", Some(place.id))?;
    let standing = lock(connection, place)?;
    let mut found = Faults::default();
    let checked = check((&wish.category, wish.focal_point.as_ref()), &standing, released.agenda, &mut found);
    let state = match (wish.kind, &wish.country) {
        (DelegationKind::MemberState, None) => {
            found.add("#/country", "required", "is required of a Member State");
            None
        }
        (DelegationKind::MemberState, Some(country)) => {
            let state = reference::find(country);
            if state.is_none() {
                found.add("#/country", "unknown_reference", "is no Member State of the United Nations");
            }
            if wish.regional_group.is_some() {
                found.add("#/regional_group", "not_of_this_kind", "is known of a Member State");
            }
            state
        }
        _ => None,
    };
    let mut name = wish.name.clone();
    match &mut name {
        Some(name) => settle(name, released.agenda, &mut found),
        None if wish.kind != DelegationKind::MemberState => {
            found.add("#/name", "required", "is required, but of a Member State");
        }
        None => {}
    }
    let code = wish.code.clone().or_else(|| state.and_then(code_of));
    if code.is_none() && wish.kind != DelegationKind::MemberState {
        found.add("#/code", "required", "is required, but of a Member State");
    }
    found.or(())?;
    let missing = || RegistrationError::NoThing("delegation");
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
        return Err(RegistrationError::DelegationTaken(known.code.clone()));
    }
    store::insert(connection, std::slice::from_ref(&delegation))?;
    let one = std::slice::from_ref(&delegation);
    record(connection, (&actor, "create_delegation"), place, ("create", one))?;
    Ok(shown(&standing, delegation, None)?)
}

fn refuse_too_many(count: usize) -> Result<(), Faults> {
    let mut found = Faults::default();
    if count > DELEGATIONS_MAX {
        found.add("#", "too_long", format!("a conference has at most {DELEGATIONS_MAX} delegations"));
    }
    found.or(())
}

/// A Member State's delegation is called by its country.
fn code_of(state: &reference::MemberState) -> Option<Code> {
    Code::parse(&state.country.to_string().to_lowercase()).ok()
}

/// Makes a delegation, once for the key.
///
/// # Errors
/// Those of [`create`]; the key came with another delegation.
pub fn create_once(
    connection: &mut Connection,
    errand: Errand<'_>,
    wish: &NewDelegation,
    (key, sent): (&IdempotencyKey, &Value),
) -> Result<Shown, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "create_delegation", Some(errand.place.id))?;
    let scope = (errand.place.id.to_string(), actor.identity());
    let code = make_once(connection, key, (&scope.0, &scope.1), sent, |tx| {
        create(tx, errand, wish).map(|made| made.delegation.code.to_string())
    })?;
    let made = find(connection, errand.place, &code)?.ok_or(RegistrationError::NoThing("delegation"))?;
    show(connection, errand.place, made)
}

/// Makes the delegations of Member States that are missing: of all, or of those that are named. Answers those made, and
/// how many were there.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::DelegationTaken`] where another delegation has the code of one.
pub fn create_member_states(
    connection: &mut Connection,
    errand: Errand<'_>,
    wish: &NewMemberStates,
) -> Result<(Vec<Code>, usize), RegistrationError> {
    let Errand { place, released, credentials, .. } = errand;
    let actor = authorise(connection, credentials, "create_member_state_delegations", Some(place.id))?;
    let standing = lock(connection, place)?;
    let mut found = Faults::default();
    let checked = check((&wish.category, None), &standing, released.agenda, &mut found);
    let wanted: Vec<&reference::MemberState> = match &wish.countries {
        None => reference::member_states().iter().collect(),
        Some(countries) => {
            let mut states: Vec<&reference::MemberState> = Vec::new();
            for (index, country) in countries.iter().enumerate() {
                match reference::find(country) {
                    Some(state) if states.contains(&state) => {
                        found.add(format!("#/countries/{index}"), "duplicate", "stands there already");
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
            return Err(RegistrationError::DelegationTaken(code));
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
    record(connection, (&actor, "create_member_state_delegations"), place, ("create", &made))?;
    Ok((made.into_iter().map(|delegation| delegation.code).collect(), there.len()))
}

/// The delegation of this code, for a registrar, locked.
fn open(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    operation: &str,
) -> Result<(Delegation, Actor, Standing), RegistrationError> {
    let actor = authorise(connection, errand.credentials, operation, Some(errand.place.id))?;
    let standing = lock(connection, errand.place)?;
    let found = find(connection, errand.place, code)?;
    Ok((found.ok_or(RegistrationError::NoThing("delegation"))?, actor, standing))
}

/// Changes a delegation by a merge patch. A focal point with another address has another link: the earlier one is void.
///
/// # Errors
/// [`RegistrationError::Invalid`]; [`RegistrationError::QuotaBelowMembers`]; [`RegistrationError::NoThing`].
pub fn patch(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    patch: &Value,
) -> Result<Shown, RegistrationError> {
    let (mut delegation, actor, standing) = open(connection, errand, code, "patch_delegation")?;
    let agenda = errand.released.agenda;
    let mut document = document(&delegation, &standing);
    let mut patch = patch.clone();
    if let (Some(name), Some(first)) = (patch.get_mut("name"), agenda.conference.languages.first())
        && name.is_string()
    {
        *name = json!({ first.as_str(): name.clone() });
    }
    merge(&mut document, &patch);
    let mut terms: DelegationTerms = faults::read(document)?;
    let mut found = Faults::default();
    // Names of the reference data are in languages that the conference may not have.
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
        settle(&mut new, agenda, &mut found);
        if let Some(first) = agenda.conference.languages.first() {
            terms.name.settle(first);
        }
        if terms.name.map().is_empty() {
            found.add("#/name", "empty", "must be there in a language");
        }
    }
    let checked = check((&terms.category, terms.focal_point.as_ref()), &standing, agenda, &mut found);
    found.or(())?;
    let quota = terms.quota.map(|Count(quota)| i64::from(quota));
    if quota.is_some_and(|quota| quota < delegation.members) {
        return Err(RegistrationError::QuotaBelowMembers(delegation.members));
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
    record(connection, (&actor, "patch_delegation"), errand.place, ("update", one))?;
    show(connection, errand.place, delegation)
}

/// What of a delegation can be changed, as a document.
fn document(delegation: &Delegation, standing: &Standing) -> Value {
    let person =
        |person: &FocalPoint| json!({ "name": person.name, "email": person.email, "language": person.language });
    json!({
        "name": delegation.name,
        "category": standing.category_by_id(delegation.category).map(|category| &category.code),
        "quota": delegation.quota,
        "focal_point": delegation.focal_point.as_ref().map(person),
    })
}

/// Merges a patch into a document (RFC 7396); what is cleared is left out.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(members) = target {
        for (key, value) in patch {
            if value.is_null() {
                members.remove(key);
            } else {
                merge(members.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// Deletes a delegation that has no members.
///
/// # Errors
/// [`RegistrationError::DelegationInUse`]; [`RegistrationError::NoThing`].
pub fn delete(connection: &mut Connection, errand: Errand<'_>, code: &str) -> Result<(), RegistrationError> {
    let (delegation, actor, _) = open(connection, errand, code, "delete_delegation")?;
    if delegation.members > 0 {
        return Err(RegistrationError::DelegationInUse(delegation.members));
    }
    store::delete(connection, delegation.id)?;
    let one = std::slice::from_ref(&delegation);
    Ok(record(connection, (&actor, "delete_delegation"), errand.place, ("remove", one))?)
}

/// Mails the focal point their link; `renew` makes every earlier one void.
///
/// # Errors
/// [`RegistrationError::NoFocalPoint`]; [`RegistrationError::NoThing`].
pub fn invite_focal_point(
    connection: &mut Connection,
    errand: Errand<'_>,
    code: &str,
    renew: bool,
) -> Result<Delegation, RegistrationError> {
    let (mut delegation, actor, _) = open(connection, errand, code, "invite_focal_point")?;
    let person = delegation.focal_point.clone().ok_or(RegistrationError::NoFocalPoint)?;
    if renew {
        delegation.token_generation += 1;
        delegation.updated_at = clock::following(clock::now(), Some(delegation.updated_at));
        store::update(connection, &delegation)?;
    }
    enqueue_all(connection, &[letter(&delegation, person, errand.released.agenda)])?;
    let one = std::slice::from_ref(&delegation);
    let action = if renew { "renew" } else { "invite" };
    record(connection, (&actor, "invite_focal_point"), errand.place, (action, one))?;
    Ok(delegation)
}

/// The path of a delegation.
pub fn path(agenda: &Agenda, code: &Code) -> String {
    format!("/api/v1/conferences/{}/delegations/{code}", agenda.conference.slug)
}

/// The language in which a delegation is written to.
pub fn language<'a>(delegation: &'a Delegation, agenda: &'a Agenda) -> &'a str {
    let own = delegation.focal_point.as_ref().and_then(|person| person.language.as_ref());
    own.or(agenda.conference.languages.first()).map_or("en", LanguageTag::as_str)
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
            conference: conference.name.text(language, languages).to_owned(),
            starts_on: conference.starts_on.0,
            ends_on: conference.ends_on.0,
            venue: agenda.venue_line(language),
            name: person.name,
            reference: String::new(),
            category: String::new(),
            position: None,
            link_path: path(agenda, &delegation.code),
            link: LinkKind::Delegation,
            registration: delegation.id.uuid(),
            token_generation: delegation.token_generation,
            calendar: None,
            reason: None,
            offer_hours: None,
            deadline: None,
            sessions: Vec::new(),
            left: Vec::new(),
            moved: None,
            is_over: false,
            announcement: None,
            has_badge: false,
            delegation: Some(name),
        },
    }
}

/// The member of this reference, whatever became of the registration.
///
/// # Errors
/// [`RegistrationError::NotFound`] where it is in no such delegation.
pub fn member(
    connection: &mut Connection,
    delegation: &Delegation,
    reference: &str,
) -> Result<Member, RegistrationError> {
    let found = crate::registration::store::find(connection, delegation.conference, reference)?;
    let registration: Registration = found.ok_or(RegistrationError::NotFound)?;
    let membership = store::membership(connection, delegation.id, registration.id)?;
    Ok(Member { membership: membership.ok_or(RegistrationError::NotFound)?, registration })
}
