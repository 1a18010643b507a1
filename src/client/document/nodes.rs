//! The tape of a document: its nodes, in pages that know what they belong to.
//!
//! A host's cursor is the address of a node. Pages stand at multiples of their size, so that the page of a node is found by its address,
//! and in the page's head stand the document and the number of its first node.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::{Document, Kind};

/// What a node is of: the first three bits of its `aux`. Kinds have the numbers of [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null = Kind::Null as isize,
    Bool = Kind::Bool as isize,
    Number = Kind::Number as isize,
    /// A string without escapes.
    String = Kind::String as isize,
    Array = Kind::Array as isize,
    Object = Kind::Object as isize,
    /// A string with escapes.
    Escaped = 7,
}

/// How many bits of `aux` are an extent; the others are a [`Shape`], or 0 where a container ends.
const EXTENT_BITS: u32 = 29;

/// The largest extent: how long a scalar may be, and how many nodes there may be.
pub(super) const MAX_EXTENT: usize = (1 << EXTENT_BITS) - 1;

/// Set in the `pos` of a member's value.
pub(super) const KEYED: u32 = 1 << 31;

/// One value on the tape.
///
/// `pos` is its first byte. A scalar's extent is its length. Containers take two nodes: the opening one, whose extent is how many
/// nodes it is to the one behind the container, and the closing one, whose extent is the count of elements or members. Keys have no
/// nodes: the value of a member has [`KEYED`] set in its `pos`, and its key is found before it in the text.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Node {
    pos: u32,
    aux: u32,
}

impl Node {
    /// What stands behind the last node.
    const NONE: Node = Node { pos: 0, aux: 0 };

    /// A value that begins at `pos`, which has [`KEYED`] set where it is a member's.
    #[inline]
    pub(super) const fn new(shape: Shape, pos: u32, extent: u32) -> Node {
        Node {
            pos,
            aux: ((shape as u32) << EXTENT_BITS) | (extent & MAX_EXTENT as u32),
        }
    }

    /// The end of a container of so many elements or members.
    #[inline]
    pub(super) const fn closing(pos: u32, count: u32) -> Node {
        Node { pos, aux: count }
    }

    /// The same value elsewhere: in a text in which it begins so many bytes later, round the end of all numbers.
    pub(super) const fn moved(self, by: u32) -> Node {
        Node {
            pos: (self.pos.wrapping_add(by) & !KEYED) | (self.pos & KEYED),
            ..self
        }
    }

    /// The same value, which is no member.
    pub(super) const fn unkeyed(self) -> Node {
        Node {
            pos: self.pos & !KEYED,
            ..self
        }
    }

    /// The same container with its end so many nodes further on.
    pub(super) const fn with_step(self, step: usize) -> Node {
        Node {
            aux: (self.aux & !(MAX_EXTENT as u32)) | (step & MAX_EXTENT) as u32,
            ..self
        }
    }

    /// Where it begins in the text.
    #[inline]
    pub(crate) const fn start(self) -> usize {
        (self.pos & !KEYED) as usize
    }

    /// Whether it is a member's value.
    #[inline]
    pub(crate) const fn is_keyed(self) -> bool {
        self.pos & KEYED != 0
    }

    #[inline]
    pub(crate) const fn extent(self) -> usize {
        (self.aux & MAX_EXTENT as u32) as usize
    }

    /// What it is; `None` where a container ends, and behind the last node.
    #[inline]
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self.aux >> EXTENT_BITS {
            1 => Some(Kind::Null),
            2 => Some(Kind::Bool),
            3 => Some(Kind::Number),
            4 | 7 => Some(Kind::String),
            5 => Some(Kind::Array),
            6 => Some(Kind::Object),
            _ => None,
        }
    }

    /// Whether it is the opening node of a container.
    #[inline]
    pub(crate) const fn is_container(self) -> bool {
        self.aux.wrapping_sub((Shape::Array as u32) << EXTENT_BITS) < 2 << EXTENT_BITS
    }

    /// Whether it is a string that has escapes.
    #[inline]
    pub(crate) const fn is_escaped(self) -> bool {
        self.aux >= (Shape::Escaped as u32) << EXTENT_BITS
    }

    /// How many nodes it is to the one behind it and all that it holds.
    #[inline]
    pub(crate) const fn step(self) -> usize {
        if self.is_container() { self.extent() } else { 1 }
    }
}

/// How many nodes a page has.
const PER_PAGE: usize = Page::NODES;

/// Neighbours on the tape.
#[repr(C, align(1024))]
pub(crate) struct Page {
    /// The document, once cursors were made of its nodes.
    owner: AtomicPtr<Document>,
    /// [`MARK`] once there is an owner.
    mark: AtomicU32,
    /// The number of its first node.
    first: u32,
    nodes: [Node; PER_PAGE],
}

const _: () = assert!(size_of::<Page>() == Page::SIZE && std::mem::offset_of!(Page, nodes) == Page::HEAD);

const MARK: u32 = u32::from_le_bytes(*b"sgvl");

impl Page {
    /// Its size in bytes, and what it is aligned to. A reply of one row takes one.
    pub(crate) const SIZE: usize = 1024;
    /// The bytes before its first node.
    pub(crate) const HEAD: usize = 16;
    /// How many nodes it has.
    pub(crate) const NODES: usize = (Page::SIZE - Page::HEAD) / size_of::<Node>();

    fn new(first: u32, nodes: &[Node; PER_PAGE]) -> Page {
        Page {
            owner: AtomicPtr::new(std::ptr::null_mut()),
            mark: AtomicU32::new(0),
            first,
            nodes: *nodes,
        }
    }

    /// Whether it is a page of a document that has cursors. Who has one of these cursors knows all that was written before.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.mark.load(Ordering::Relaxed) == MARK
    }

    /// The document that it belongs to; NULL if it has no cursors.
    #[inline]
    pub(crate) fn owner(&self) -> *const Document {
        self.owner.load(Ordering::Relaxed)
    }

    /// The number of the node at this position in the page.
    #[inline]
    pub(crate) fn number(&self, index: usize) -> u32 {
        self.first + index as u32
    }

    /// The node at this position in the page; `None` if it is on another page.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<Node> {
        self.nodes.get(index).copied()
    }
}

/// The nodes of a document, numbered from 0.
pub(super) struct Nodes {
    /// All that is in them behind the last node is [`Node::NONE`].
    pages: Vec<Page>,
    len: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The node of this number, or what stands behind the last one.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Node {
        let page = self.pages.get(number / PER_PAGE);
        let node = page.and_then(|page| page.nodes.get(number % PER_PAGE));
        node.copied().unwrap_or(Node::NONE)
    }

    /// The nodes from one number to before another.
    pub(super) fn range(&self, from: usize, to: usize) -> impl Iterator<Item = Node> {
        let pages = self.pages.get(from / PER_PAGE..).unwrap_or_default();
        let nodes = pages.iter().flat_map(|page| &page.nodes).copied();
        nodes.skip(from % PER_PAGE).take(to.min(self.len).saturating_sub(from))
    }

    /// All nodes.
    pub(super) fn iter(&self) -> impl Iterator<Item = Node> {
        self.range(0, self.len)
    }

    /// Changes a node that is there.
    pub(super) fn change(&mut self, number: usize, change: impl FnOnce(Node) -> Node) {
        let page = self.pages.get_mut(number / PER_PAGE);
        if let Some(node) = page.and_then(|page| page.nodes.get_mut(number % PER_PAGE)) {
            *node = change(*node);
        }
    }

    /// The address of a node, good for all pages; NULL behind the last one.
    pub(super) fn address(&self, number: usize) -> *const Node {
        if number >= self.len {
            return std::ptr::null();
        }
        let page = self.pages.as_ptr().wrapping_add(number / PER_PAGE).cast::<Node>();
        page.wrapping_add(Page::HEAD / size_of::<Node>() + number % PER_PAGE)
    }

    /// Tells the pages whose they are. Whoever sees the mark of a page sees the owner of that one and of all behind it.
    pub(super) fn settle(&self, owner: *const Document) {
        for page in self.pages.iter().rev() {
            page.owner.store(owner.cast_mut(), Ordering::Relaxed);
            page.mark.store(MARK, Ordering::Release);
        }
    }

    /// Whether the page of a node was told, and all behind it.
    pub(super) fn is_settled(&self, number: usize) -> bool {
        self.pages
            .get(number / PER_PAGE)
            .is_some_and(|page| page.mark.load(Ordering::Acquire) == MARK)
    }

    /// Drops the node of this number and all behind it.
    pub(super) fn end_before(&mut self, number: usize) {
        self.len = self.len.min(number);
        self.pages.truncate(self.len.div_ceil(PER_PAGE));
        let behind = self.len - (self.pages.len().saturating_sub(1) * PER_PAGE).min(self.len);
        if let Some(behind) = self.pages.last_mut().and_then(|page| page.nodes.get_mut(behind..)) {
            behind.fill(Node::NONE);
        }
    }
}

/// Nodes that are being written.
pub(super) struct Writer {
    pages: Vec<Page>,
    /// What becomes the next page, and how much of it is written.
    nodes: [Node; PER_PAGE],
    used: usize,
    /// The number of the first node that is in no page yet.
    first: usize,
    /// How many pages there may be.
    most: usize,
}

impl Writer {
    /// Has room for so many nodes at first, and never for more pages than so many nodes take.
    pub(super) fn with_room(room: usize, most: usize) -> Writer {
        Writer {
            pages: Vec::with_capacity(room.min(most).div_ceil(PER_PAGE).max(1)),
            nodes: [Node::NONE; PER_PAGE],
            used: 0,
            first: 0,
            most: most.div_ceil(PER_PAGE),
        }
    }

    /// How many nodes were written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.first + self.used
    }

    #[inline]
    pub(super) fn push(&mut self, node: Node) {
        if self.used >= PER_PAGE {
            self.next_page();
        }
        if let Some(place) = self.nodes.get_mut(self.used) {
            *place = node;
            self.used += 1;
        }
    }

    /// Ends a container of so many elements or members, whose opening node has the number `open`, with a closing bracket at `pos`.
    #[inline]
    pub(super) fn close(&mut self, open: usize, pos: u32, count: u32) {
        self.push(Node::closing(pos, count));
        let step = (self.len() - open) as u32;
        let place = match open.checked_sub(self.first) {
            Some(here) => self.nodes.get_mut(here),
            None => self
                .pages
                .get_mut(open / PER_PAGE)
                .and_then(|page| page.nodes.get_mut(open % PER_PAGE)),
        };
        if let Some(place) = place {
            place.aux |= step & MAX_EXTENT as u32;
        }
    }

    #[inline(never)]
    fn next_page(&mut self) {
        if self.pages.len() == self.pages.capacity() {
            // No more than may come, since room takes memory too.
            let left = self.most.saturating_sub(self.pages.len());
            self.pages.reserve_exact(self.pages.len().min(left));
        }
        self.pages.push(Page::new(self.first as u32, &self.nodes));
        self.first += self.used;
        self.used = 0;
    }

    /// All that was written.
    pub(super) fn finish(mut self) -> Nodes {
        let len = self.len();
        if let Some(behind) = self.nodes.get_mut(self.used..) {
            behind.fill(Node::NONE);
        }
        if self.used > 0 {
            self.next_page();
        }
        Nodes { pages: self.pages, len }
    }
}
