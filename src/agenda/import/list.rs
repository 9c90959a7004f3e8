//! Lists of a document that an import merges or replaces, and how names in the file are matched with things of the
//! draft.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use super::{
    ImportMode,
    text::{self, CodeAllocator},
};

/// A thing of a document, as a JSON object.
pub type Node = Map<String, Value>;

/// A list of a document. When it is merged, things keep their fields; when it is replaced, they keep only their id.
#[derive(Debug)]
pub struct ImportedList {
    key: &'static str,
    order: Vec<String>,
    nodes: HashMap<String, Node>,
    draft_nodes: HashMap<String, Node>,
}

impl ImportedList {
    /// The list to fill, from that of the draft.
    pub fn of(draft: Option<Value>, key: &'static str, mode: ImportMode) -> Self {
        let mut list = Self { key, order: Vec::new(), nodes: HashMap::new(), draft_nodes: HashMap::new() };
        let Some(Value::Array(nodes)) = draft else {
            return list;
        };
        for node in nodes {
            let Value::Object(node) = node else {
                continue;
            };
            let code = node.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if mode == ImportMode::Merge {
                list.order.push(code.clone());
                list.nodes.insert(code.clone(), node.clone());
            }
            list.draft_nodes.insert(code, node);
        }
        list
    }

    /// The thing with this code in the draft.
    pub fn draft_node(&self, code: &str) -> Option<&Node> {
        self.draft_nodes.get(code)
    }

    /// The thing with this code in the new list; it is added if it is missing.
    pub fn node(&mut self, code: &str) -> &mut Node {
        self.nodes.entry(code.to_owned()).or_insert_with(|| {
            self.order.push(code.to_owned());
            let id = self.draft_nodes.get(code).and_then(|draft_node| draft_node.get("id"));
            let key = (self.key.to_owned(), Value::from(code));
            Node::from_iter([key].into_iter().chain(id.map(|id| ("id".to_owned(), id.clone()))))
        })
    }

    /// The codes in order, and the list as JSON.
    pub fn into_value(mut self) -> (Vec<String>, Value) {
        let nodes: Vec<_> = self.order.iter().filter_map(|code| self.nodes.remove(code)).collect();
        (self.order, json!(nodes))
    }
}

/// Sets a text of a thing in one language; other languages keep their text.
pub fn set_text(node: &mut Node, field: &str, language: &str, text: &str) {
    if node.get(field).and_then(|texts| texts.get(language)).is_some_and(|present| present.as_str() == Some(text)) {
        return;
    }
    let mut texts = match node.remove(field) {
        Some(Value::Object(texts)) => texts,
        _ => Map::new(),
    };
    // The same text under another tag is this text in a wrong language: remove it.
    texts.retain(|_, present| present.as_str() != Some(text));
    texts.insert(language.to_owned(), Value::from(text));
    node.insert(field.to_owned(), Value::Object(texts));
}

/// Whether this text of a thing is the same in any language.
pub fn has_text(node: &Node, field: &str, text: &str) -> bool {
    let texts = node.get(field).and_then(Value::as_object);
    texts.is_some_and(|texts| texts.values().any(|present| present.as_str() == Some(text)))
}

/// The code of each name: that of the draft's thing with this name, else that of the thing whose code the name makes,
/// else a new one. No code is given to two names.
pub fn assign_codes(names: &[&str], draft_things: &[(String, Vec<String>)], fallback: &str) -> Vec<String> {
    let names: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    assign_codes_from(&names, draft_things, fallback)
}

/// As [`assign_codes`], of names with the text from which a new code is made, such as the name in Latin letters.
pub fn assign_codes_from(
    names: &[(&str, &str)],
    draft_things: &[(String, Vec<String>)],
    fallback: &str,
) -> Vec<String> {
    let mut by_code_length: Vec<_> = draft_things.iter().collect();
    by_code_length.sort_by_key(|(code, _)| (code.len(), code.as_str()));
    let mut by_name: HashMap<&str, VecDeque<&str>> = HashMap::new();
    for (code, thing_names) in by_code_length {
        for name in thing_names {
            by_name.entry(name).or_default().push_back(code);
        }
    }
    let mut assigned: HashSet<&str> = HashSet::new();
    let mut matched_codes: Vec<Option<String>> = Vec::with_capacity(names.len());
    for (name, _) in names {
        let queue = by_name.get_mut(name);
        let code = queue.and_then(|queue| std::iter::from_fn(|| queue.pop_front()).find(|code| assigned.insert(code)));
        matched_codes.push(code.map(str::to_owned));
    }
    let codes: HashSet<&str> = draft_things.iter().map(|(code, _)| code.as_str()).collect();
    let mut allocator = CodeAllocator::with_used_codes(codes.iter().copied());
    let code_of = |((_, text), matched_code): (&(&str, &str), Option<String>)| {
        matched_code.unwrap_or_else(|| {
            let base = text::code(text, fallback);
            match codes.get(base.as_str()).filter(|code| assigned.insert(code)) {
                Some(code) => (*code).to_owned(),
                None => allocator.allocate(&base, fallback),
            }
        })
    };
    names.iter().zip(matched_codes).map(code_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_the_draft_s_things_by_name_then_by_code_and_share_none() {
        let draft_things = [
            ("hall".to_owned(), vec!["Great hall".to_owned(), "Grande salle".to_owned()]),
            ("saal-1".to_owned(), vec!["Saal 1".to_owned()]),
            ("marc-2".to_owned(), vec!["Marc".to_owned()]),
            ("marc".to_owned(), vec!["Marc".to_owned()]),
        ];
        let names = ["Saal-1", "Saal 1", "Grande salle", "HALL", "Marc", "Marc", "Marc", "!"];
        assert_eq!(
            assign_codes(&names, &draft_things, "room"),
            ["saal-1-2", "saal-1", "hall", "hall-2", "marc", "marc-2", "marc-3", "room"]
        );
        assert_eq!(assign_codes(&["SAAL 1"], &draft_things, "room"), ["saal-1"]);
        // A thing keeps the code that it has, however it was made.
        let draft_things = [("bei-jing".to_owned(), vec!["北京".to_owned()])];
        let codes = assign_codes(&["北京", "上海"], &draft_things, "room");
        assert_eq!(codes, ["bei-jing".to_owned(), text::code("上海", "room")]);
    }

    #[test]
    fn a_text_keeps_its_other_languages() {
        let mut node = Node::from_iter([("title".to_owned(), json!({ "en": "A", "fr": "B" }))]);
        set_text(&mut node, "title", "en", "C");
        assert_eq!(node["title"], json!({ "en": "C", "fr": "B" }));
        set_text(&mut node, "title", "de", "C");
        assert_eq!(node["title"], json!({ "de": "C", "fr": "B" }));
    }
}
