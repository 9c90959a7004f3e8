//! Steps that turn the stored rows of a list of things into the new ones.

use std::collections::{HashMap, HashSet};

use crate::{
    agenda::document::{Agenda, Item, Organisation, Room, Session, Speaker, Track},
    ids::{Id, SessionId, kind},
    values::Code,
};

/// Steps for the things of one kind, to be run in this order. A thing comes with its position in its list.
pub struct Steps<'a, T, K> {
    /// Things that give up their old code first, because another thing may get it.
    pub codes_to_free: Vec<Id<K>>,
    pub inserted: Vec<(usize, &'a T)>,
    pub updated: Vec<(usize, &'a T)>,
    /// Things that are unchanged, at another position.
    pub moved: Vec<(usize, &'a T)>,
    pub removed: Vec<Id<K>>,
}

/// A thing with rows of its own.
pub trait Stored<K>: PartialEq {
    fn key(&self) -> (Option<Id<K>>, &Code);
    /// Position of the thing, which is at `index` in the list of all things of its kind.
    fn position(&self, index: usize) -> usize {
        index
    }
    /// Whether the fields are equal; the position does not count.
    fn has_same_fields(&self, other: &Self) -> bool {
        self == other
    }
}

macro_rules! stored {
    ($($thing:ident),+) => {
        $(impl Stored<kind::$thing> for $thing {
            fn key(&self) -> (Option<Id<kind::$thing>>, &Code) {
                (self.id, &self.code)
            }
        })+
    };
}
stored!(Organisation, Room, Track, Speaker, Session);

/// Steps that turn `before` into `after`. With `rewrites_all`, unchanged things are written again too.
pub fn steps<'a, T: Stored<K>, K>(before: &'a [T], after: &'a [T], rewrites_all: bool) -> Steps<'a, T, K> {
    let by_id = |(index, node): (usize, &'a T)| Some((node.key().0?, (node.position(index), node)));
    let stored: HashMap<Id<K>, (usize, &T)> = before.iter().enumerate().filter_map(by_id).collect();
    let mut steps = Steps {
        codes_to_free: Vec::new(),
        inserted: Vec::new(),
        updated: Vec::new(),
        moved: Vec::new(),
        removed: Vec::new(),
    };
    let mut ids_after = HashSet::new();
    for (index, node) in after.iter().enumerate() {
        let (Some(id), code) = node.key() else {
            continue;
        };
        let position = node.position(index);
        ids_after.insert(id);
        match stored.get(&id) {
            None => steps.inserted.push((position, node)),
            Some((old_position, old)) => {
                if old.key().1 != code {
                    steps.codes_to_free.push(id);
                }
                if rewrites_all || !old.has_same_fields(node) {
                    steps.updated.push((position, node));
                } else if *old_position != position {
                    steps.moved.push((position, node));
                }
            }
        }
    }
    steps.removed = stored.keys().filter(|id| !ids_after.contains(*id)).copied().collect();
    steps.codes_to_free.extend(&steps.removed);
    steps
}

/// An item with its session and its position in it.
#[derive(PartialEq)]
pub struct PlacedItem<'a> {
    pub session: Option<SessionId>,
    pub index: usize,
    pub item: &'a Item,
}

impl Stored<kind::Item> for PlacedItem<'_> {
    fn key(&self) -> (Option<Id<kind::Item>>, &Code) {
        (self.item.id, &self.item.code)
    }
    fn position(&self, _: usize) -> usize {
        self.index
    }
    fn has_same_fields(&self, other: &Self) -> bool {
        self.session == other.session && self.item == other.item
    }
}

/// Every item of an agenda with its session and position.
pub fn placed_items(agenda: &Agenda) -> Vec<PlacedItem<'_>> {
    agenda
        .sessions
        .iter()
        .flat_map(|session| {
            let id = session.id;
            session.items.iter().enumerate().map(move |(index, item)| PlacedItem { session: id, index, item })
        })
        .collect()
}
