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
    pub vacated: Vec<Id<K>>,
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
    fn place(&self, index: usize) -> usize {
        index
    }
    /// Whether the fields are equal; the position does not count.
    fn says_the_same(&self, other: &Self) -> bool {
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

/// Steps that turn `before` into `after`. With `all`, unchanged things are written again too.
pub fn steps<'a, T: Stored<K>, K>(before: &'a [T], after: &'a [T], all: bool) -> Steps<'a, T, K> {
    let placed = |(index, node): (usize, &'a T)| Some((node.key().0?, (node.place(index), node)));
    let known: HashMap<Id<K>, (usize, &T)> = before.iter().enumerate().filter_map(placed).collect();
    let mut steps = Steps {
        vacated: Vec::new(),
        inserted: Vec::new(),
        updated: Vec::new(),
        moved: Vec::new(),
        removed: Vec::new(),
    };
    let mut kept = HashSet::new();
    for (index, node) in after.iter().enumerate() {
        let (Some(id), code) = node.key() else {
            continue;
        };
        let place = node.place(index);
        kept.insert(id);
        match known.get(&id) {
            None => steps.inserted.push((place, node)),
            Some((old_place, old)) => {
                if old.key().1 != code {
                    steps.vacated.push(id);
                }
                if all || !old.says_the_same(node) {
                    steps.updated.push((place, node));
                } else if *old_place != place {
                    steps.moved.push((place, node));
                }
            }
        }
    }
    steps.removed = known.keys().filter(|id| !kept.contains(*id)).copied().collect();
    steps.vacated.extend(&steps.removed);
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
    fn place(&self, _: usize) -> usize {
        self.index
    }
    fn says_the_same(&self, other: &Self) -> bool {
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
