//! Changes between two documents, thing by thing.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::document::Agenda;
use crate::{
    access::audit::{self, AuditAction, ResourceKind},
    values::{TextValue as _, text_enum},
};

text_enum! {
    /// Kind of change.
    ChangeAction {
        /// The thing is new.
        Create = "create",
        /// Some of its fields change.
        Update = "update",
        /// The thing is removed.
        Remove = "remove",
        /// The things of a list are in another order.
        Reorder = "reorder",
    }
}

impl From<ChangeAction> for AuditAction {
    fn from(action: ChangeAction) -> Self {
        match action {
            ChangeAction::Create => Self::Create,
            ChangeAction::Update => Self::Update,
            ChangeAction::Remove => Self::Remove,
            ChangeAction::Reorder => Self::Reorder,
        }
    }
}

/// A change of one thing, or of the order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// Kind of change.
    pub action: ChangeAction,
    /// Kind of thing.
    pub resource: ResourceKind,
    /// Code of the thing. For `reorder`: the code of the session whose items are in another order, else `*`.
    pub code: String,
    /// Id of the thing (UUID). For `reorder`: the id of the session, else `*`.
    pub id: String,
    /// Names of the fields that change; empty except for `update`.
    pub fields: Vec<String>,
    /// Position in its list (for items, in the session), from 1. Only for a new thing and for an item that comes from
    /// another session; else null.
    pub ordinal: Option<usize>,
    /// Values before. For `update`: the fields that change; for `remove`: all fields; for `reorder`: `order`, the codes
    /// of the things that stay; for `create`: null. References to other things are ids.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Map<String, Value>>,
    /// Values after. For `update`: the fields that change; for `create`: all fields; for `reorder`: `order`, the codes
    /// in the new order; for `remove`: null. References to other things are ids.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Map<String, Value>>,
}

impl Change {
    /// Reads a change from the JSON of the API; `None` if it is no change.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let fields = value.get("fields").and_then(Value::as_array);
        let object = |key: &str| value.get(key).and_then(Value::as_object).cloned();
        let ordinal = value.get("ordinal").and_then(Value::as_u64);
        Some(Self {
            action: ChangeAction::from_text(text("action")?)?,
            resource: ResourceKind::from_text(text("resource")?)?,
            code: text("code")?.to_owned(),
            id: text("id").or_else(|| text("code"))?.to_owned(),
            ordinal: ordinal.and_then(|ordinal| usize::try_from(ordinal).ok()),
            before: object("before"),
            after: object("after"),
            fields: fields.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    pub fn audit_entry(&self) -> audit::Entry {
        audit::Entry {
            action: self.action.into(),
            resource: self.resource,
            id: self.id.clone(),
            code: self.code.clone(),
            before: self.before.clone().map(Value::Object),
            after: self.after.clone().map(Value::Object),
        }
    }

    /// The change as a line of text: `~ session opening: title, room`.
    pub fn line(&self) -> String {
        let sign = match self.action {
            ChangeAction::Create => '+',
            ChangeAction::Update => '~',
            ChangeAction::Remove => '-',
            ChangeAction::Reorder => '↕',
        };
        let fields = if self.fields.is_empty() { String::new() } else { format!(": {}", self.fields.join(", ")) };
        format!("{sign} {} {}{fields}", self.resource, self.code)
    }
}

/// A thing of a document, in the form that plans compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub resource: ResourceKind,
    pub code: String,
    /// Id of the thing; its code if it has none.
    pub id: String,
    /// Fields of the thing, without the things that it contains.
    pub fields: Map<String, Value>,
}

impl Node {
    /// A node of a document's struct; `children` are the fields with things of their own.
    pub fn of(resource: ResourceKind, code: &str, value: &impl Serialize, children: &[&str]) -> Self {
        let mut fields = match serde_json::to_value(value) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let id = fields.remove("id").and_then(|id| id.as_str().map(str::to_owned));
        for child in children {
            fields.remove(*child);
        }
        Self { resource, code: code.to_owned(), id: id.unwrap_or_else(|| code.to_owned()), fields }
    }
}

/// Every thing of an agenda. References are ids instead of codes: then a renaming changes only the renamed thing, and a
/// code that passes to another thing changes everything that refers to it.
pub fn nodes(agenda: &Agenda) -> Vec<Node> {
    let ids = IdsByCode::of(agenda);
    let mut nodes = vec![Node::of(ResourceKind::Conference, agenda.conference.slug.as_str(), &agenda.conference, &[])];
    nodes.extend(
        agenda.organisations.iter().map(|node| Node::of(ResourceKind::Organisation, node.code.as_str(), node, &[])),
    );
    nodes.extend(agenda.days.iter().map(|node| Node::of(ResourceKind::Day, &node.date.text(), node, &[])));
    nodes.extend(agenda.rooms.iter().map(|node| Node::of(ResourceKind::Room, node.code.as_str(), node, &[])));
    nodes.extend(agenda.tracks.iter().map(|node| Node::of(ResourceKind::Track, node.code.as_str(), node, &[])));
    nodes.extend(agenda.speakers.iter().map(|node| Node::of(ResourceKind::Speaker, node.code.as_str(), node, &[])));
    for session in &agenda.sessions {
        let node = Node::of(ResourceKind::Session, session.code.as_str(), session, &["items"]);
        let id = node.id.clone();
        nodes.push(node);
        for item in &session.items {
            let mut node = Node::of(ResourceKind::Item, item.code.as_str(), item, &[]);
            node.fields.insert("session".to_owned(), Value::from(id.as_str()));
            nodes.push(node);
        }
    }
    if let Some(call) = &agenda.call_for_action {
        nodes.push(Node::of(ResourceKind::CallForAction, "call-for-action", call, &[]));
    }
    for node in &mut nodes {
        ids.replace_codes(node);
    }
    nodes
}

/// Ids of the things that others refer to, by kind and code.
struct IdsByCode(HashMap<(ResourceKind, String), String>);

impl IdsByCode {
    fn of(agenda: &Agenda) -> Self {
        let mut ids = HashMap::new();
        macro_rules! collect_ids {
            ($($list:ident $kind:ident),+) => {
                $(for node in &agenda.$list {
                    if let Some(id) = node.id {
                        ids.insert((ResourceKind::$kind, node.code.as_str().to_owned()), id.to_string());
                    }
                })+
            };
        }
        collect_ids!(organisations Organisation, rooms Room, tracks Track, speakers Speaker);
        Self(ids)
    }

    fn replace_codes(&self, node: &mut Node) {
        for (field, value) in &mut node.fields {
            match field.as_str() {
                "organisation" | "room" | "track" => self.replace(field, value),
                "organisations" | "appearances" => {
                    let members = value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
                    members.flatten().for_each(|(key, value)| self.replace(key, value));
                }
                "issued_by" => {
                    value.as_object_mut().into_iter().flatten().for_each(|(key, value)| self.replace(key, value));
                }
                _ => {}
            }
        }
    }

    fn replace(&self, field: &str, value: &mut Value) {
        let Some(code) = value.as_str() else {
            return;
        };
        let kind = match field {
            "on_behalf_of" => Some(ResourceKind::Speaker),
            field => ResourceKind::from_text(field),
        };
        if let Some(id) = kind.and_then(|kind| self.0.get(&(kind, code.to_owned()))) {
            *value = Value::from(id.as_str());
        }
    }
}

/// The changes that turn `before` into `after`. They are complete: `before` and the changes give `after`.
pub fn changes(before: &[Node], after: &[Node]) -> Vec<Change> {
    let nodes_before: HashMap<_, _> = before.iter().map(|node| (key(node), node)).collect();
    let keys_after: HashSet<_> = after.iter().map(key).collect();
    let mut counts: HashMap<Group<'_>, usize> = HashMap::new();
    let mut changes = Vec::new();
    for node in after {
        let ordinal = counts.entry(group(node)).and_modify(|count| *count += 1).or_insert(1);
        match nodes_before.get(&key(node)) {
            None => changes.push(Change {
                ordinal: Some(*ordinal),
                after: Some(node.fields.clone()),
                ..Change::of(ChangeAction::Create, node)
            }),
            Some(old) => {
                let fields = changed_fields(old, node);
                if !fields.is_empty() {
                    changes.push(Change {
                        ordinal: Some(*ordinal).filter(|_| group(old) != group(node)),
                        before: Some(selected(&old.fields, &fields)),
                        after: Some(selected(&node.fields, &fields)),
                        fields,
                        ..Change::of(ChangeAction::Update, node)
                    });
                }
            }
        }
    }
    for node in before.iter().filter(|node| !keys_after.contains(&key(node))) {
        changes.push(Change { before: Some(node.fields.clone()), ..Change::of(ChangeAction::Remove, node) });
    }
    changes.extend(reorders(before, after));
    changes
}

impl Change {
    /// A change without values.
    fn of(action: ChangeAction, node: &Node) -> Self {
        Self {
            action,
            resource: node.resource,
            code: node.code.clone(),
            id: node.id.clone(),
            fields: Vec::new(),
            ordinal: None,
            before: None,
            after: None,
        }
    }
}

fn key(node: &Node) -> (ResourceKind, &str) {
    (node.resource, node.id.as_str())
}

fn changed_fields(old: &Node, new: &Node) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = old.fields.keys().chain(new.fields.keys()).collect();
    names.into_iter().filter(|name| old.fields.get(*name) != new.fields.get(*name)).cloned().collect()
}

fn selected(fields: &Map<String, Value>, names: &[String]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some((name.clone(), fields.get(name)?.clone()))).collect()
}

/// Lists whose remaining things are in another order; items are compared within their session.
fn reorders(before: &[Node], after: &[Node]) -> Vec<Change> {
    let groups: HashMap<_, _> = before.iter().map(|node| (key(node), group(node))).collect();
    // A thing that went to another group was moved, not reordered.
    let unmoved: HashSet<_> =
        after.iter().filter(|node| groups.get(&key(node)) == Some(&group(node))).map(key).collect();
    let orders_before: HashMap<Group<'_>, Vec<&Node>> = ordered_groups(before, &unmoved).into_iter().collect();
    let mut changes = Vec::new();
    for ((resource, within), order) in ordered_groups(after, &unmoved) {
        let Some(old) = orders_before.get(&(resource, within)) else {
            continue;
        };
        if old.iter().map(|node| &node.id).eq(order.iter().map(|node| &node.id)) {
            continue;
        }
        let codes = |nodes: &[&Node]| {
            let codes: Vec<_> = nodes.iter().map(|node| node.code.as_str()).collect();
            Map::from_iter([("order".to_owned(), Value::from(codes))])
        };
        changes.push(Change {
            action: ChangeAction::Reorder,
            resource,
            code: within.map_or("*", |session| code_of(after, session)).to_owned(),
            id: within.unwrap_or("*").to_owned(),
            fields: Vec::new(),
            ordinal: None,
            before: Some(codes(old)),
            after: Some(codes(&order)),
        });
    }
    changes
}

/// Code of a session by its id, because items refer to it by id.
fn code_of<'a>(nodes: &'a [Node], session: &'a str) -> &'a str {
    let node = nodes.iter().find(|node| node.resource == ResourceKind::Session && node.id == session);
    node.map_or(session, |node| node.code.as_str())
}

/// Kind of things, and of items the id of their session: the things of a group have an order.
type Group<'a> = (ResourceKind, Option<&'a str>);

fn group(node: &Node) -> Group<'_> {
    let session = node.fields.get("session").and_then(Value::as_str);
    (node.resource, session.filter(|_| node.resource == ResourceKind::Item))
}

/// Nodes of each group in their order, only those that stay in their group.
fn ordered_groups<'a>(nodes: &'a [Node], unmoved: &HashSet<(ResourceKind, &str)>) -> Vec<(Group<'a>, Vec<&'a Node>)> {
    let mut ordered_groups: Vec<(Group<'a>, Vec<&'a Node>)> = Vec::new();
    let mut order_indexes: HashMap<Group<'a>, usize> = HashMap::new();
    for node in nodes.iter().filter(|node| unmoved.contains(&key(node))) {
        let index = *order_indexes.entry(group(node)).or_insert_with(|| {
            ordered_groups.push((group(node), Vec::new()));
            ordered_groups.len() - 1
        });
        if let Some((_, order)) = ordered_groups.get_mut(index) {
            order.push(node);
        }
    }
    ordered_groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::agenda::arbitrary;

    fn node(resource: ResourceKind, id: &str, title: &str, session: Option<&str>) -> Node {
        let mut fields = Map::from_iter([("title".to_owned(), Value::from(title))]);
        if let Some(session) = session {
            fields.insert("session".to_owned(), Value::from(session));
        }
        Node { resource, code: format!("code-{id}"), id: id.to_owned(), fields }
    }

    fn lines(before: &[Node], after: &[Node]) -> Vec<String> {
        changes(before, after).iter().map(Change::line).collect()
    }

    #[test]
    fn a_plan_has_one_line_per_change_and_none_for_an_unchanged_thing() {
        let before = [
            node(ResourceKind::Room, "1", "a", None),
            node(ResourceKind::Room, "2", "b", None),
            node(ResourceKind::Room, "3", "c", None),
        ];
        let after = [
            node(ResourceKind::Room, "3", "c", None),
            node(ResourceKind::Room, "1", "x", None),
            node(ResourceKind::Room, "4", "d", None),
        ];
        assert_eq!(lines(&before, &before), Vec::<String>::new());
        assert_eq!(lines(&before, &after), ["~ room code-1: title", "+ room code-4", "- room code-2", "↕ room *"]);
    }

    #[test]
    fn an_item_that_goes_to_another_session_is_changed_and_the_order_of_neither_session_is() {
        let before = [
            node(ResourceKind::Item, "1", "a", Some("s")),
            node(ResourceKind::Item, "2", "b", Some("s")),
            node(ResourceKind::Item, "3", "c", Some("t")),
        ];
        let after = [
            node(ResourceKind::Item, "3", "c", Some("t")),
            node(ResourceKind::Item, "1", "a", Some("t")),
            node(ResourceKind::Item, "2", "b", Some("s")),
        ];
        assert_eq!(lines(&before, &after), ["~ item code-1: session"]);
    }

    /// Nodes of each group in their order.
    type NodesByGroup = BTreeMap<(ResourceKind, Option<String>), Vec<Node>>;

    fn group_of(node: &Node) -> (ResourceKind, Option<String>) {
        let (resource, within) = group(node);
        (resource, within.map(str::to_owned))
    }

    fn nodes_by_group(nodes: &[Node]) -> NodesByGroup {
        let mut groups = NodesByGroup::new();
        for node in nodes {
            groups.entry(group_of(node)).or_default().push(node.clone());
        }
        groups
    }

    /// Applies changes like a client that keeps a copy.
    fn apply(changes: &[Change], before: &[Node]) -> NodesByGroup {
        let mut groups = nodes_by_group(before);
        let mut to_insert: Vec<(usize, Node)> = Vec::new();
        let changes_of = |action| changes.iter().filter(move |change| change.action == action);
        for change in changes_of(ChangeAction::Remove) {
            for nodes in groups.values_mut() {
                nodes.retain(|node| (node.resource, &node.id) != (change.resource, &change.id));
            }
        }
        for change in changes_of(ChangeAction::Update) {
            let (old, new) = (change.before.clone().unwrap(), change.after.clone().unwrap());
            let is_changed = |node: &Node| node.resource == change.resource && node.id == change.id;
            let nodes = groups.values_mut().find(|nodes| nodes.iter().any(is_changed)).unwrap();
            let index = nodes.iter().position(is_changed).unwrap();
            let node = &mut nodes[index];
            assert_eq!(selected(&node.fields, &change.fields), old, "what was is what the change says");
            old.keys().for_each(|name| _ = node.fields.remove(name));
            node.fields.extend(new);
            node.code.clone_from(&change.code);
            if let Some(ordinal) = change.ordinal {
                to_insert.push((ordinal, nodes.remove(index)));
            }
        }
        for change in changes_of(ChangeAction::Create) {
            let (code, id) = (change.code.clone(), change.id.clone());
            let fields = change.after.clone().unwrap();
            let node = Node { resource: change.resource, code, id, fields };
            to_insert.push((change.ordinal.unwrap(), node));
        }
        for change in changes_of(ChangeAction::Reorder) {
            let within = Some(change.id.clone()).filter(|id| id != "*");
            let order = change.after.clone().unwrap()["order"].clone();
            let index = |node: &Node| order.as_array().unwrap().iter().position(|code| *code == node.code.as_str());
            groups.get_mut(&(change.resource, within)).unwrap().sort_by_key(|node| index(node).unwrap());
        }
        to_insert.sort_by_key(|(ordinal, _)| *ordinal);
        for (ordinal, node) in to_insert {
            groups.entry(group_of(&node)).or_default().insert(ordinal - 1, node);
        }
        groups.retain(|_, nodes| !nodes.is_empty());
        groups
    }

    /// Things of one kind. They vary in which there are, in their order, and in a number that decides about their
    /// fields.
    fn things(resource: ResourceKind) -> impl Strategy<Value = Vec<Node>> {
        let ids: Vec<usize> = (0..6).collect();
        let chosen = proptest::sample::subsequence(ids, 0..=6).prop_shuffle();
        (chosen, prop::collection::vec(0..12_usize, 6)).prop_map(move |(ids, numbers)| {
            let thing = |id: usize| {
                let number = numbers[id];
                let code = format!("{resource}-{id}-{}", number % 2);
                let mut fields = Map::from_iter([
                    ("code".to_owned(), Value::from(code.as_str())),
                    ("title".to_owned(), Value::from(number % 3)),
                ]);
                if resource == ResourceKind::Item {
                    fields.insert("session".to_owned(), Value::from(format!("{}", number % 4)));
                }
                Node { resource, code, id: id.to_string(), fields }
            };
            ids.into_iter().map(thing).collect()
        })
    }

    fn documents() -> impl Strategy<Value = Vec<Node>> {
        (things(ResourceKind::Room), things(ResourceKind::Session), things(ResourceKind::Item))
            .prop_map(|(a, b, c)| [a, b, c].concat())
    }

    proptest! {
        #[test]
        fn changes_applied_to_the_old_things_give_the_new_ones(before in documents(), after in documents()) {
            prop_assert_eq!(apply(&changes(&before, &after), &before), nodes_by_group(&after));
            prop_assert!(changes(&before, &before).is_empty());
        }

        #[test]
        fn changes_between_two_agendas_give_the_second(before in arbitrary::agenda(), after in arbitrary::agenda()) {
            let (before, after) = (nodes(&before), nodes(&after));
            let written = serde_json::to_value(changes(&before, &after)).unwrap();
            let read: Vec<_> = written.as_array().unwrap().iter().filter_map(Change::from_json).collect();
            prop_assert_eq!(apply(&read, &before), nodes_by_group(&after));
        }
    }
}
