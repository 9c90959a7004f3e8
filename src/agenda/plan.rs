//! What would change: the difference between two documents, thing by thing.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::document::Agenda;
use crate::{
    access::audit,
    values::{TextValue as _, text_enum},
};

text_enum! {
    /// What happens to a thing.
    ChangeAction {
        /// It is new.
        Create = "create",
        /// Some of its fields change.
        Update = "update",
        /// It goes away.
        Remove = "remove",
        /// The things of this kind stand in another order.
        Reorder = "reorder",
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// What happens.
    pub action: ChangeAction,
    /// To what kind of thing: `session`, `speaker`, `category`, ...
    pub resource: String,
    /// To which one.
    pub code: String,
    /// Which of its fields change.
    pub fields: Vec<String>,
}

impl Change {
    /// A change as the API wrote it.
    pub fn from_wire(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let fields = value.get("fields").and_then(Value::as_array);
        Some(Self {
            action: ChangeAction::from_word(text("action")?)?,
            resource: text("resource")?.to_owned(),
            code: text("code")?.to_owned(),
            fields: fields.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// The change as a line of the audit trail.
    pub fn entry(&self) -> audit::Entry {
        audit::Entry {
            action: self.action.as_str().to_owned(),
            resource: self.resource.clone(),
            id: self.code.clone(),
            code: self.code.clone(),
            before: None,
            after: None,
        }
    }

    /// The change as a line: `~ session opening: title, room`.
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

/// A thing of a document as the plan sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What kind of thing.
    pub resource: &'static str,
    /// Its code.
    pub code: String,
    /// Its id.
    pub id: String,
    /// Its own fields, without the things that it holds.
    pub fields: Map<String, Value>,
}

impl Node {
    /// The node of a document's struct; `children` are fields that hold things of their own.
    pub fn of(resource: &'static str, code: &str, value: &impl Serialize, children: &[&str]) -> Self {
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

/// Every thing of an agenda. What refers to another thing does so by its id, so that a renaming changes the renamed
/// thing alone, and a code that passes to another thing changes all that refer to it.
pub fn nodes(agenda: &Agenda) -> Vec<Node> {
    let ids = Ids::of(agenda);
    let mut nodes = vec![Node::of("conference", agenda.conference.slug.as_str(), &agenda.conference, &[])];
    nodes.extend(agenda.organisations.iter().map(|node| Node::of("organisation", node.code.as_str(), node, &[])));
    nodes.extend(agenda.days.iter().map(|node| Node::of("day", &node.date.text(), node, &[])));
    nodes.extend(agenda.rooms.iter().map(|node| Node::of("room", node.code.as_str(), node, &[])));
    nodes.extend(agenda.tracks.iter().map(|node| Node::of("track", node.code.as_str(), node, &[])));
    nodes.extend(agenda.speakers.iter().map(|node| Node::of("speaker", node.code.as_str(), node, &[])));
    for session in &agenda.sessions {
        let node = Node::of("session", session.code.as_str(), session, &["items"]);
        let id = node.id.clone();
        nodes.push(node);
        for item in &session.items {
            let mut node = Node::of("item", item.code.as_str(), item, &[]);
            node.fields.insert("session".to_owned(), Value::from(id.as_str()));
            nodes.push(node);
        }
    }
    if let Some(call) = &agenda.call_for_action {
        nodes.push(Node::of("call_for_action", "call-for-action", call, &[]));
    }
    for node in &mut nodes {
        ids.resolve(node);
    }
    nodes
}

/// The ids of things that others refer to, by kind and code.
struct Ids(HashMap<(&'static str, String), String>);

impl Ids {
    fn of(agenda: &Agenda) -> Self {
        let mut ids = HashMap::new();
        macro_rules! learn {
            ($($list:ident $kind:literal),+) => {
                $(for node in &agenda.$list {
                    if let Some(id) = node.id {
                        ids.insert(($kind, node.code.as_str().to_owned()), id.to_string());
                    }
                })+
            };
        }
        learn!(organisations "organisation", rooms "room", tracks "track", speakers "speaker");
        Self(ids)
    }

    fn resolve(&self, node: &mut Node) {
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

    fn replace(&self, kind: &str, value: &mut Value) {
        let Some(code) = value.as_str() else {
            return;
        };
        let kind = if kind == "on_behalf_of" { "speaker" } else { kind };
        let known = ["organisation", "room", "track", "speaker"].into_iter().find(|known| *known == kind);
        if let Some(id) = known.and_then(|kind| self.0.get(&(kind, code.to_owned()))) {
            *value = Value::from(id.as_str());
        }
    }
}

/// What turns `before` into `after`.
pub fn changes(before: &[Node], after: &[Node]) -> Vec<Change> {
    let known: HashMap<_, _> = before.iter().map(|node| ((node.resource, node.id.as_str()), node)).collect();
    let kept: HashSet<_> = after.iter().map(|node| (node.resource, node.id.as_str())).collect();
    let mut changes = Vec::new();
    let mut add = |action, node: &Node, fields| {
        changes.push(Change { action, resource: node.resource.to_owned(), code: node.code.clone(), fields });
    };
    for node in after {
        match known.get(&(node.resource, node.id.as_str())) {
            None => add(ChangeAction::Create, node, Vec::new()),
            Some(old) => {
                let fields = changed_fields(old, node);
                if !fields.is_empty() {
                    add(ChangeAction::Update, node, fields);
                }
            }
        }
    }
    for node in before.iter().filter(|node| !kept.contains(&(node.resource, node.id.as_str()))) {
        add(ChangeAction::Remove, node, Vec::new());
    }
    changes.extend(reorders(before, after));
    changes
}

fn changed_fields(old: &Node, new: &Node) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = old.fields.keys().chain(new.fields.keys()).collect();
    names.into_iter().filter(|name| old.fields.get(*name) != new.fields.get(*name)).cloned().collect()
}

/// Kinds whose surviving things stand in another order; items are judged within their session.
fn reorders(before: &[Node], after: &[Node]) -> Vec<Change> {
    let earlier: HashMap<_, _> = before.iter().map(|node| ((node.resource, node.id.as_str()), group(node))).collect();
    // What went to another group was moved, not reordered.
    let stayed: HashSet<_> = after
        .iter()
        .map(|node| ((node.resource, node.id.as_str()), group(node)))
        .filter(|(key, group)| earlier.get(key) == Some(group))
        .map(|(key, _)| key)
        .collect();
    let earlier = orders(before, &stayed);
    let later = orders(after, &stayed);
    let changed = later.into_iter().filter(|order| !earlier.contains(order));
    changed
        .map(|((resource, within), _)| Change {
            action: ChangeAction::Reorder,
            resource: resource.to_owned(),
            code: within.map_or("*", |session| code_of(after, session)).to_owned(),
            fields: Vec::new(),
        })
        .collect()
}

/// The code of a session, of which items know the id.
fn code_of<'a>(nodes: &'a [Node], session: &'a str) -> &'a str {
    let found = nodes.iter().find(|node| node.resource == "session" && node.id == session);
    found.map_or(session, |node| node.code.as_str())
}

/// A kind of thing, and for items their session.
type Group<'a> = (&'static str, Option<&'a str>);

fn group(node: &Node) -> Group<'_> {
    let session = node.fields.get("session").and_then(Value::as_str);
    (node.resource, session.filter(|_| node.resource == "item"))
}

/// The ids of each group in their order, of those that `stayed`.
fn orders<'a>(nodes: &'a [Node], stayed: &HashSet<(&'static str, &str)>) -> Vec<(Group<'a>, Vec<&'a str>)> {
    let mut orders: Vec<(Group<'a>, Vec<&'a str>)> = Vec::new();
    let mut places: HashMap<Group<'a>, usize> = HashMap::new();
    for node in nodes.iter().filter(|node| stayed.contains(&(node.resource, node.id.as_str()))) {
        let place = *places.entry(group(node)).or_insert_with(|| {
            orders.push((group(node), Vec::new()));
            orders.len() - 1
        });
        if let Some((_, order)) = orders.get_mut(place) {
            order.push(&node.id);
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(resource: &'static str, id: &str, title: &str, session: Option<&str>) -> Node {
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
    fn a_plan_has_a_line_a_change_and_none_for_what_stays() {
        let before = [node("room", "1", "a", None), node("room", "2", "b", None), node("room", "3", "c", None)];
        let after = [node("room", "3", "c", None), node("room", "1", "x", None), node("room", "4", "d", None)];
        assert_eq!(lines(&before, &before), Vec::<String>::new());
        assert_eq!(lines(&before, &after), ["~ room code-1: title", "+ room code-4", "- room code-2", "↕ room *"]);
    }

    #[test]
    fn an_item_that_goes_to_another_session_is_changed_and_the_order_of_neither_session_is() {
        let before =
            [node("item", "1", "a", Some("s")), node("item", "2", "b", Some("s")), node("item", "3", "c", Some("t"))];
        let after =
            [node("item", "3", "c", Some("t")), node("item", "1", "a", Some("t")), node("item", "2", "b", Some("s"))];
        assert_eq!(lines(&before, &after), ["~ item code-1: session"]);
    }
}
