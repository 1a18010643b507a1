//! Finding members of large objects by name: a host may ask for many, and a site may send millions.

use std::hash::{BuildHasher, RandomState};

use super::{Document, Kind, Known, Value};

/// From this many members on, an object has its keys indexed when it is asked for one.
pub(super) const INDEX_FROM: usize = 64;

/// The keys of the large objects of a document.
pub(super) struct Keys {
    /// Seeded anew for each, so that no site can choose keys that all have one hash.
    hasher: RandomState,
    objects: Vec<Members>,
}

/// The members of one object.
struct Members {
    object: u32,
    /// The hashes of the keys with the nodes of the values, ascending.
    sorted: Box<[(u32, u32)]>,
}

impl Keys {
    pub(super) fn new(document: &Document, large: &[Known]) -> Keys {
        let hasher = RandomState::new();
        let large = large.iter().filter(|known| known.count as usize >= INDEX_FROM);
        let large = large
            .filter_map(|known| document.value(known.node))
            .filter(|value| value.kind() == Kind::Object);
        let members = |object: Value<'_>| {
            let hashed = |member: Value<'_>| Some((hash(&hasher, &member.key()?.as_str()), member.node()));
            let mut sorted = Vec::with_capacity(object.count());
            sorted.extend(object.children().filter_map(hashed));
            sorted.sort_unstable();
            Members {
                object: object.node(),
                sorted: sorted.into_boxed_slice(),
            }
        };
        Keys {
            objects: large.map(members).collect(),
            hasher,
        }
    }

    /// The nodes of the members of an object whose keys have the hash of this name, from the last one on. `None` where the object is
    /// not indexed.
    pub(super) fn of<'k>(&'k self, object: u32, name: &str) -> Option<impl Iterator<Item = u32> + 'k> {
        let found = self.objects.binary_search_by_key(&object, |members| members.object).ok()?;
        let sorted = &self.objects.get(found)?.sorted;
        let wanted = hash(&self.hasher, name);
        let end = sorted.partition_point(|(hash, _)| *hash <= wanted);
        let same = sorted.get(..end)?.iter().rev().take_while(move |(hash, _)| *hash == wanted);
        Some(same.map(|(_, node)| *node))
    }
}

fn hash(hasher: &RandomState, name: &str) -> u32 {
    hasher.hash_one(name) as u32
}
