//! Setting the running order of a session, by hand or by the order of precedence.

use std::collections::HashMap;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use utoipa::ToSchema;

use super::{
    checks::{index::AgendaIndex, precedence},
    edit::actions::{LockedDraft, ensure_preconditions},
};
use crate::{
    agenda::{
        Agenda, AgendaError,
        actions::{plan_against, write},
        document::{ProtocolRule, Session},
        edit::actions::Editor,
    },
    database::Connection,
    http::Preconditions,
    validation::ValidationErrors,
    values::Code,
};

/// New running order of a session. Without `order`, the proposed order is accepted.
#[derive(Debug, Clone, Default, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct OrderChange {
    /// New protocol rule of the session: `null` removes it; if left out, it stays.
    #[deserr(default)]
    #[schema(required = false, value_type = Option<ProtocolRule>)]
    pub rule: RuleChange,
    /// Codes of all items of the session, in the new order; if left out, the proposed order.
    #[deserr(default)]
    #[schema(required = false)]
    pub order: Option<Vec<Code>>,
    /// Codes of the items that keep their place from now on; the order of precedence is not checked for them. It is for
    /// all others. If left out, nothing changes.
    #[deserr(default)]
    #[schema(required = false)]
    pub placed_by_hand: Option<Vec<Code>>,
}

/// Change of a session's rule. A field that is left out differs from `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuleChange {
    #[default]
    Keep,
    Clear,
    Set(ProtocolRule),
}

impl RuleChange {
    fn apply_to(self, rule: Option<ProtocolRule>) -> Option<ProtocolRule> {
        match self {
            Self::Keep => rule,
            Self::Clear => None,
            Self::Set(rule) => Some(rule),
        }
    }
}

impl Deserr<ValidationErrors> for RuleChange {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        at: ValuePointerRef,
    ) -> Result<Self, ValidationErrors> {
        let rule = Option::<ProtocolRule>::deserialize_from_value(value, at)?;
        Ok(rule.map_or(Self::Clear, Self::Set))
    }
}

pub fn find_session<'a>(agenda: &'a Agenda, code: &Code) -> Result<&'a Session, AgendaError> {
    agenda.sessions.iter().find(|session| session.code == *code).ok_or(AgendaError::ThingNotFound("session"))
}

/// Sets the running order of a session, and returns the draft with it.
///
/// # Errors
/// [`AgendaError::ThingNotFound`] without such a session; [`AgendaError::Stale`] if it does not meet the preconditions;
/// [`AgendaError::Invalid`] if the codes are not those of its items.
pub fn set_protocol_order(
    connection: &mut Connection,
    editor: &Editor,
    session: &Code,
    preconditions: &Preconditions,
    change: &OrderChange,
) -> Result<Agenda, AgendaError> {
    let LockedDraft { actor, draft, .. } = editor.open(connection)?;
    ensure_preconditions(preconditions, Some(find_session(&draft, session)?))?;
    let mut after = draft.clone();
    reorder(&mut after, session, change)?;
    let planned = plan_against(connection, Some(draft), after)?;
    write(connection, &planned, &actor, editor.operation)?;
    Ok(planned.after)
}

/// Sorts the items of a session into the order of `change`, or else into the proposed one.
fn reorder(agenda: &mut Agenda, code: &Code, change: &OrderChange) -> Result<(), AgendaError> {
    let index = agenda.sessions.iter().position(|session| session.code == *code);
    let session =
        index.and_then(|index| agenda.sessions.get_mut(index)).ok_or(AgendaError::ThingNotFound("session"))?;
    check(session, change).into_result(())?;
    session.protocol_rule = change.rule.apply_to(session.protocol_rule);
    if let Some(placed_codes) = &change.placed_by_hand {
        session.items.iter_mut().for_each(|item| item.placed_by_hand = placed_codes.contains(&item.code));
    }
    let order = match &change.order {
        Some(order) => order.clone(),
        None => {
            let session = find_session(agenda, code)?;
            let order = precedence::proposed(agenda, &AgendaIndex::of(agenda), session, session.protocol_rule);
            precedence::codes(session, &order).into_iter().cloned().collect()
        }
    };
    let positions: HashMap<Code, usize> =
        order.into_iter().enumerate().map(|(position, code)| (code, position)).collect();
    if let Some(session) = index.and_then(|index| agenda.sessions.get_mut(index)) {
        session.items.sort_by_key(|item| positions.get(&item.code).copied());
    }
    Ok(())
}

/// Faults of the codes: unknown ones, duplicates, and items that the order leaves out.
fn check(session: &Session, change: &OrderChange) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    let lists = [("order", &change.order), ("placed_by_hand", &change.placed_by_hand)];
    for (field, codes) in lists.iter().filter_map(|(field, codes)| Some((field, codes.as_ref()?))) {
        let mut first_indexes = HashMap::new();
        for (index, code) in codes.iter().enumerate() {
            let pointer = format!("#/{field}/{index}");
            if !session.items.iter().any(|item| item.code == *code) {
                errors.add(pointer, "unknown_reference", format!("session {} has no item {code}", session.code));
            } else if let Some(first_index) = first_indexes.insert(code, index) {
                errors.add(pointer, "duplicate", format!("is also the item at #/{field}/{first_index}"));
            }
        }
    }
    let missing_codes = |order: &Vec<Code>| {
        let left_out = session.items.iter().map(|item| &item.code).filter(|code| !order.contains(code));
        left_out.map(Code::as_str).collect::<Vec<_>>()
    };
    let left_out = change.order.as_ref().map(missing_codes).unwrap_or_default();
    if !left_out.is_empty() {
        errors.add("#/order", "incomplete", format!("must name every item: {} missing", left_out.join(", ")));
    }
    errors
}
