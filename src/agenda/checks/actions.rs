//! Writing the running order of a session.

use std::collections::HashMap;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use utoipa::ToSchema;

use super::{Known, protocol};
use crate::{
    agenda::{
        Agenda, AgendaError,
        actions::{plan_against, write},
        document::{ProtocolRule, Session},
        edit::actions::{Editor, Opened, demand},
    },
    database::Connection,
    faults::Faults,
    http::Preconditions,
    values::Code,
};

/// A running order to set. Without an order the proposal is accepted.
#[derive(Debug, Clone, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct OrderChange {
    /// The rule of the session from now on; null for none, the one that it has if left out.
    #[deserr(default)]
    #[schema(required = false, value_type = Option<ProtocolRule>)]
    pub rule: RuleChange,
    /// The codes of all items of the session, in the order that the organisers choose.
    #[deserr(default)]
    #[schema(required = false)]
    pub order: Option<Vec<Code>>,
    /// The codes of the items that keep their place from now on and are not judged; the others are. Left out, all
    /// stay as they are.
    #[deserr(default)]
    #[schema(required = false)]
    pub placed_by_hand: Option<Vec<Code>>,
}

/// What becomes of a session's rule: left out and null are not the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuleChange {
    /// It stays.
    #[default]
    Keep,
    /// The session has none any more.
    Clear,
    /// It is this one.
    Set(ProtocolRule),
}

impl RuleChange {
    fn of(self, rule: Option<ProtocolRule>) -> Option<ProtocolRule> {
        match self {
            Self::Keep => rule,
            Self::Clear => None,
            Self::Set(rule) => Some(rule),
        }
    }
}

impl Deserr<Faults> for RuleChange {
    fn deserialize_from_value<V: IntoValue>(value: deserr::Value<V>, at: ValuePointerRef) -> Result<Self, Faults> {
        let rule = Option::<ProtocolRule>::deserialize_from_value(value, at)?;
        Ok(rule.map_or(Self::Clear, Self::Set))
    }
}

/// The session of this code.
///
/// # Errors
/// [`AgendaError::NoThing`].
pub fn find_session<'a>(agenda: &'a Agenda, code: &Code) -> Result<&'a Session, AgendaError> {
    agenda.sessions.iter().find(|session| session.code == *code).ok_or(AgendaError::NoThing("session"))
}

/// Sets the running order of a session. Answers the draft as it is then.
///
/// # Errors
/// [`AgendaError::NoThing`] without such a session; [`AgendaError::Invalid`] where the codes are not those of its
/// items.
pub fn set_protocol_order(
    connection: &mut Connection,
    editor: &Editor,
    session: &Code,
    preconditions: &Preconditions,
    change: &OrderChange,
) -> Result<Agenda, AgendaError> {
    let Opened { actor, draft, .. } = editor.open(connection)?;
    demand(preconditions, Some(find_session(&draft, session)?))?;
    let mut after = draft.clone();
    reorder(&mut after, session, change)?;
    let planned = plan_against(connection, Some(draft), after)?;
    write(connection, &planned, &actor, editor.operation)?;
    Ok(planned.after)
}

/// Puts the items of a session into the wished order, or into the proposed one.
fn reorder(agenda: &mut Agenda, code: &Code, change: &OrderChange) -> Result<(), AgendaError> {
    let index = agenda.sessions.iter().position(|session| session.code == *code);
    let session = index.and_then(|index| agenda.sessions.get_mut(index)).ok_or(AgendaError::NoThing("session"))?;
    check(session, change).or(())?;
    session.protocol_rule = change.rule.of(session.protocol_rule);
    if let Some(placed) = &change.placed_by_hand {
        session.items.iter_mut().for_each(|item| item.placed_by_hand = placed.contains(&item.code));
    }
    let order = match &change.order {
        Some(order) => order.clone(),
        None => {
            let session = find_session(agenda, code)?;
            let order = protocol::proposed(agenda, &Known::of(agenda), session, session.protocol_rule);
            protocol::codes(session, &order).into_iter().cloned().collect()
        }
    };
    let places: HashMap<Code, usize> = order.into_iter().enumerate().map(|(place, code)| (code, place)).collect();
    if let Some(session) = index.and_then(|index| agenda.sessions.get_mut(index)) {
        session.items.sort_by_key(|item| places.get(&item.code).copied());
    }
    Ok(())
}

/// What is wrong with the codes: unknown ones, some that stand twice, some that are left out of the order.
fn check(session: &Session, change: &OrderChange) -> Faults {
    let mut faults = Faults::default();
    let lists = [("order", &change.order), ("placed_by_hand", &change.placed_by_hand)];
    for (field, codes) in lists.iter().filter_map(|(field, codes)| Some((field, codes.as_ref()?))) {
        let mut seen = HashMap::new();
        for (place, code) in codes.iter().enumerate() {
            let pointer = format!("#/{field}/{place}");
            if !session.items.iter().any(|item| item.code == *code) {
                faults.add(pointer, "unknown_reference", format!("session {} has no item {code}", session.code));
            } else if let Some(first) = seen.insert(code, place) {
                faults.add(pointer, "duplicate", format!("is also the item at #/{field}/{first}"));
            }
        }
    }
    let named = |order: &Vec<Code>| {
        let left_out = session.items.iter().map(|item| &item.code).filter(|code| !order.contains(code));
        left_out.map(Code::as_str).collect::<Vec<_>>()
    };
    let left_out = change.order.as_ref().map(named).unwrap_or_default();
    if !left_out.is_empty() {
        faults.add("#/order", "incomplete", format!("must name every item: {} missing", left_out.join(", ")));
    }
    faults
}
