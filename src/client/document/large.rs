//! Containers of many elements or members: what would take long to go through is kept beside the tape.

use once_cell::race::OnceBox;

use super::keys::Keys;
use super::{Document, Value};

/// A container is large from so many elements or members on.
pub(super) const FROM: usize = 16;

/// What was read of a large container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    /// The number of its node.
    pub(super) node: u32,
    /// How many elements or members it has.
    pub(super) count: u32,
    /// The place behind its closing bracket.
    pub(super) end: u32,
}

/// Takes note of a container, if it is large.
#[inline(always)]
pub(super) fn note(all: &mut Vec<Known>, node: usize, count: usize, end: usize) {
    if count >= FROM {
        push(all, node, count, end);
    }
}

#[cold]
#[inline(never)]
fn push(all: &mut Vec<Known>, node: usize, count: usize, end: usize) {
    all.push(Known {
        node: node as u32,
        count: count as u32,
        end: end as u32,
    });
}

/// The large containers of a document, by the numbers of their nodes.
pub(super) struct Large {
    known: Vec<Known>,
    // Made when they are first needed, without a lock, as what else a document makes.
    elements: OnceBox<Vec<Box<[u32]>>>,
    keys: OnceBox<Keys>,
}

impl Large {
    /// Those between these nodes; `None` where there are none.
    pub(super) fn new(mut known: Vec<Known>, from: u32, to: u32) -> Option<Box<Large>> {
        if known.is_empty() {
            return None;
        }
        known.retain(|known| (from..to).contains(&known.node));
        // They were read in the order of their ends.
        known.sort_unstable_by_key(|known| known.node);
        known.shrink_to_fit();
        let large = Large {
            known,
            elements: OnceBox::new(),
            keys: OnceBox::new(),
        };
        (!large.known.is_empty()).then(|| Box::new(large))
    }

    pub(super) fn into_known(self) -> Vec<Known> {
        self.known
    }

    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    fn find(&self, node: u32) -> Option<usize> {
        self.known.binary_search_by_key(&node, |known| known.node).ok()
    }

    /// What is known of the one with this node.
    pub(super) fn get(&self, node: u32) -> Option<Known> {
        self.find(node).and_then(|which| self.known.get(which).copied())
    }

    /// The keys of every object of many members. Made when the first of them is asked for one.
    pub(super) fn keys(&self, document: &Document) -> &Keys {
        self.keys.get_or_init(|| Box::new(Keys::new(document, &self.known)))
    }

    /// The node of an element. All of them are indexed when the first is asked.
    pub(super) fn element(&self, document: &Document, container: u32, position: usize) -> Option<u32> {
        let of_one = |container: Value<'_>| container.children().map(Value::node).collect();
        let of_all = || {
            let all = self.known.iter().map(|known| document.value(known.node));
            Box::new(all.map(|container| container.map_or_else(Box::default, of_one)).collect())
        };
        let elements = self.elements.get_or_init(of_all).get(self.find(container)?)?;
        elements.get(position).copied()
    }
}
