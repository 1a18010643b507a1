//! The tape of a document: its nodes, in pages that know what they belong to.
//!
//! A host's cursor is the address of a node. Pages stand at multiples of their size, so that the page of a node is found by its address,
//! and in the page's head stand the document and the number of its first node.

use super::Kind;

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

/// How many bits of `aux` are an extent.
const EXTENT_BITS: u32 = 28;

/// The largest extent: how long a scalar may be, and how many nodes there may be.
pub(super) const MAX_EXTENT: usize = (1 << EXTENT_BITS) - 1;

/// Set in the `aux` of a value that another follows in the same container.
const FOLLOWED: u32 = 1 << EXTENT_BITS;

/// The bits of `aux` from here on are a [`Shape`].
const SHAPE_AT: u32 = EXTENT_BITS + 1;

/// Set in the `pos` of a member's value.
pub(super) const KEYED: u32 = 1 << 31;

/// One value on the tape.
///
/// `pos` is its first byte. A scalar's extent is its length, that of a container is how many nodes it is to the one behind all that it
/// holds. Keys have no nodes: the value of a member has [`KEYED`] set in its `pos`, and its key is found before it in the text. Ends of
/// containers have none either: the last value of each is not [`FOLLOWED`], and the text behind it tells the rest.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Node {
    pos: u32,
    aux: u32,
}

impl Node {
    /// What stands behind the last node.
    const NONE: Node = Node { pos: 0, aux: 0 };

    /// A value that begins at `pos`, which has [`KEYED`] set where it is a member's. Another follows it, until [`Writer::close`].
    #[inline]
    pub(super) const fn new(shape: Shape, pos: u32, extent: u32) -> Node {
        Node {
            pos,
            aux: ((shape as u32) << SHAPE_AT) | FOLLOWED | (extent & MAX_EXTENT as u32),
        }
    }

    /// The same value elsewhere: in a text in which it begins so many bytes later, round the end of all numbers.
    pub(super) const fn moved(self, by: u32) -> Node {
        Node {
            pos: (self.pos.wrapping_add(by) & !KEYED) | (self.pos & KEYED),
            ..self
        }
    }

    /// The same value, which nothing holds.
    pub(super) const fn alone(self) -> Node {
        Node {
            pos: self.pos & !KEYED,
            aux: self.aux & !FOLLOWED,
        }
    }

    /// The same value, which is the last of what holds it, or is not.
    pub(super) const fn as_last(self, is_last: bool) -> Node {
        Node {
            aux: if is_last { self.aux & !FOLLOWED } else { self.aux | FOLLOWED },
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

    /// Whether it is the last value of what holds it.
    #[inline]
    pub(crate) const fn is_last(self) -> bool {
        self.aux & FOLLOWED == 0
    }

    #[inline]
    pub(crate) const fn extent(self) -> usize {
        (self.aux & MAX_EXTENT as u32) as usize
    }

    /// What it is; `None` behind the last node.
    #[inline]
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self.aux >> SHAPE_AT {
            1 => Some(Kind::Null),
            2 => Some(Kind::Bool),
            3 => Some(Kind::Number),
            4 | 7 => Some(Kind::String),
            5 => Some(Kind::Array),
            6 => Some(Kind::Object),
            _ => None,
        }
    }

    /// Whether it is a container.
    #[inline]
    pub(crate) const fn is_container(self) -> bool {
        self.aux.wrapping_sub((Shape::Array as u32) << SHAPE_AT) < 2 << SHAPE_AT
    }

    /// Whether it is a string that has escapes.
    #[inline]
    pub(crate) const fn is_escaped(self) -> bool {
        self.aux >= (Shape::Escaped as u32) << SHAPE_AT
    }

    /// Whether it is of this shape and no longer than `most`.
    #[inline]
    pub(super) const fn is_short(self, shape: Shape, most: u32) -> bool {
        (self.aux & !FOLLOWED).wrapping_sub((shape as u32) << SHAPE_AT) <= most
    }

    /// How many nodes it is to the one behind it and all that it holds.
    #[inline]
    pub(crate) const fn step(self) -> usize {
        if self.is_container() { self.extent() } else { 1 }
    }
}

/// Neighbours on the tape, as they stand in memory.
#[repr(C)]
pub(crate) struct Page {
    head: [Node; HEAD],
    nodes: [Node; Page::NODES],
}

/// How many nodes the head of a page takes: the address of the document, and the number of the first node with [`MARK`].
const HEAD: usize = 2;

/// How many nodes a page takes with its head.
const PAGE: usize = Page::SIZE / size_of::<Node>();

const MARK: u32 = u32::from_le_bytes(*b"sgvl");

const _: () = assert!(size_of::<Page>() == Page::SIZE);

impl Page {
    /// Its size in bytes, and what its address is a multiple of. A reply of one row takes one.
    pub(crate) const SIZE: usize = 1024;
    /// The bytes before its first node.
    pub(crate) const HEAD: usize = HEAD * size_of::<Node>();
    /// How many nodes it has.
    pub(crate) const NODES: usize = PAGE - HEAD;

    /// The head of a page of the document at an address.
    const fn head(document: u64, first: u32) -> [Node; HEAD] {
        let owner = Node {
            pos: document as u32,
            aux: (document >> 32) as u32,
        };
        [owner, Node { pos: first, aux: MARK }]
    }

    /// Whether it is a page of a document that has cursors.
    #[inline]
    pub(crate) const fn is_marked(&self) -> bool {
        self.head[1].aux == MARK
    }

    /// The address of the document that it belongs to.
    #[inline]
    pub(crate) const fn owner(&self) -> usize {
        (self.head[0].pos as u64 | (self.head[0].aux as u64) << 32) as usize
    }

    /// The number of the node at this position in the page.
    #[inline]
    pub(crate) const fn number(&self, index: usize) -> u32 {
        self.head[1].pos + index as u32
    }

    /// The node at this position in the page; `None` if it is on another page.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<Node> {
        self.nodes.get(index).copied()
    }
}

/// Memory for pages.
struct Room {
    /// Pages with their heads, from `start` on: allocators that align to so much waste memory, so it is done here.
    cells: Vec<Node>,
    start: usize,
}

impl Room {
    fn new(pages: usize) -> Room {
        let mut cells: Vec<Node> = Vec::with_capacity((pages + 1) * PAGE - 1);
        let start = cells.as_ptr().addr().wrapping_neg() % Page::SIZE / size_of::<Node>();
        cells.resize(start, Node::NONE);
        Room { cells, start }
    }

    /// The pages with their heads.
    fn cells(&self) -> &[Node] {
        self.cells.get(self.start..).unwrap_or_default()
    }

    /// How many pages there are.
    fn pages(&self) -> usize {
        self.cells().len() / PAGE
    }

    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.cells.capacity() / PAGE
    }

    fn is_full(&self) -> bool {
        self.cells.capacity() - self.cells.len() < PAGE
    }

    fn place(&self, number: usize) -> usize {
        self.start + number / Page::NODES * PAGE + HEAD + number % Page::NODES
    }

    /// The number and the place of the node that is so many nodes behind another. Most are on the same page.
    #[inline]
    fn behind(&self, number: usize, place: usize, step: usize) -> (usize, usize) {
        let behind = match (place - self.start) % PAGE + step < PAGE {
            true => place + step,
            false => self.place(number + step),
        };
        (number + step, behind)
    }

    fn get_mut(&mut self, number: usize) -> Option<&mut Node> {
        let place = self.place(number);
        self.cells.get_mut(place)
    }
}

/// The nodes of a document, numbered from 0.
pub(super) struct Nodes {
    /// All that is in it behind the last node is [`Node::NONE`]. It never moves.
    room: Room,
    len: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The node of this number, or what stands behind the last one.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Node {
        self.room.cells.get(self.room.place(number)).copied().unwrap_or(Node::NONE)
    }

    /// The nodes page by page, from the page of this number on.
    pub(super) fn pages_from(&self, number: usize) -> impl Iterator<Item = &[Node]> {
        let pages = self.room.cells().get(number * PAGE..).unwrap_or_default();
        pages.chunks_exact(PAGE).filter_map(|page| page.get(HEAD..))
    }

    /// The nodes from one number to before another.
    pub(super) fn range(&self, from: usize, to: usize) -> impl Iterator<Item = Node> {
        let nodes = self.pages_from(from / Page::NODES).flatten().copied();
        nodes.skip(from % Page::NODES).take(to.min(self.len).saturating_sub(from))
    }

    /// The values that the container of this number holds, with their numbers; none where it is no container.
    pub(super) fn children(&self, container: usize, node: Node) -> Children<'_> {
        let first = container + 1;
        Children {
            room: &self.room,
            number: first,
            place: self.room.place(first),
            more: node.is_container() && node.step() > 1,
        }
    }

    /// The last value that a container holds, with its number.
    pub(super) fn last_child(&self, container: usize, node: Node) -> Option<(u32, Node)> {
        if !node.is_container() || node.step() <= 1 {
            return None;
        }
        let (mut number, mut place) = (container + 1, self.room.place(container + 1));
        loop {
            let node = self.room.cells.get(place).copied()?;
            if node.is_last() {
                return Some((number as u32, node));
            }
            (number, place) = self.room.behind(number, place, node.step());
        }
    }

    /// Changes a node that is there.
    pub(super) fn change(&mut self, number: usize, change: impl FnOnce(Node) -> Node) {
        if let Some(node) = self.room.get_mut(number) {
            *node = change(*node);
        }
    }

    /// How many pages there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.room.capacity()
    }

    /// The address of a node, good for all pages; NULL behind the last one.
    pub(super) fn address(&self, number: usize) -> *const Node {
        match number < self.len {
            true => self.room.cells.as_ptr().wrapping_add(self.room.place(number)),
            false => std::ptr::null(),
        }
    }

    /// Tells the pages at which address the document is that they belong to.
    pub(super) fn settle(&mut self, document: usize) {
        let pages = self.room.cells.get_mut(self.room.start..).unwrap_or_default();
        for (number, page) in pages.chunks_exact_mut(PAGE).enumerate() {
            if let Some(head) = page.first_chunk_mut() {
                *head = Page::head(document as u64, (number * Page::NODES) as u32);
            }
        }
    }

    /// Drops the node of this number and all behind it.
    pub(super) fn end_before(&mut self, number: usize) {
        self.len = self.len.min(number);
        self.room.cells.truncate(self.room.start + self.len.div_ceil(Page::NODES) * PAGE);
        let behind = self.room.place(self.len);
        if let Some(behind) = self.room.cells.get_mut(behind..) {
            behind.fill(Node::NONE);
        }
    }
}

/// Goes over what each holds to the next.
pub(super) struct Children<'n> {
    room: &'n Room,
    number: usize,
    /// Where it stands in the room.
    place: usize,
    /// Whether there is another one.
    more: bool,
}

impl Iterator for Children<'_> {
    type Item = (u32, Node);

    #[inline]
    fn next(&mut self) -> Option<(u32, Node)> {
        if !self.more {
            return None;
        }
        let node = self.room.cells.get(self.place).copied()?;
        self.more = !node.is_last();
        let number = self.number;
        (self.number, self.place) = self.room.behind(number, self.place, node.step());
        Some((number as u32, node))
    }
}

/// Nodes that are being written.
pub(super) struct Writer {
    room: Room,
    /// What becomes the next page, and how much of it is written.
    page: [Node; Page::NODES],
    used: usize,
    /// The number of the first node of that page.
    first: usize,
    /// How many nodes there may be, more or less.
    most: usize,
    /// How long the text is, probably.
    length: usize,
}

impl Writer {
    /// How many nodes a text gets room for at first: its length does not tell how many values are in it, but its beginning does.
    const FIRST: usize = 4096;

    /// For a text of probably so many bytes, with room for not much more than so many nodes.
    pub(super) fn for_text(length: usize, most: usize) -> Writer {
        Writer {
            length,
            ..Writer::with_room((length / 20 + 4).min(Writer::FIRST).min(most), most)
        }
    }

    /// Has room for so many nodes at first, and never for much more than so many.
    pub(super) fn with_room(room: usize, most: usize) -> Writer {
        Writer {
            room: Room::new(room.min(most).div_ceil(Page::NODES).max(1)),
            page: [Node::NONE; Page::NODES],
            used: 0,
            first: 0,
            most,
            length: 0,
        }
    }

    /// How many nodes were written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.first + self.used
    }

    #[inline]
    pub(super) fn push(&mut self, node: Node) {
        if !self.push_here(node) {
            self.push_on_next_page(node);
        }
    }

    /// [`Writer::push`]; false where a page would begin behind more nodes than there may be.
    #[inline]
    pub(super) fn push_value(&mut self, node: Node) -> bool {
        self.push_here(node) || self.push_value_on_next_page(node)
    }

    /// False where the page is full.
    #[inline(always)]
    fn push_here(&mut self, node: Node) -> bool {
        let Some(place) = self.page.get_mut(self.used) else {
            return false;
        };
        *place = node;
        self.used += 1;
        true
    }

    #[cold]
    #[inline(never)]
    fn push_value_on_next_page(&mut self, node: Node) -> bool {
        if self.len() > self.most {
            return false;
        }
        self.push_on_next_page(node);
        true
    }

    #[cold]
    #[inline(never)]
    fn push_on_next_page(&mut self, node: Node) {
        self.next_page();
        self.push_here(node);
    }

    /// Ends a container whose own node has the number `open`, and the last value in it the number `last`.
    #[inline]
    pub(super) fn close(&mut self, open: usize, last: Option<usize>) {
        let step = (self.len() - open) as u32;
        let here = self.used.wrapping_sub(1);
        let last = match last {
            None if here < Page::NODES => self.page.get_mut(here),
            None => self.written(self.len() - 1),
            Some(last) => self.written(last),
        };
        if let Some(last) = last {
            last.aux &= !FOLLOWED;
        }
        if let Some(open) = self.written(open) {
            open.aux |= step & MAX_EXTENT as u32;
        }
    }

    #[inline]
    fn written(&mut self, number: usize) -> Option<&mut Node> {
        match number.checked_sub(self.first) {
            Some(here) => self.page.get_mut(here),
            None => self.room.get_mut(number),
        }
    }

    fn next_page(&mut self) {
        if self.room.is_full() {
            self.make_room(self.enough_pages());
        }
        self.room.cells.extend_from_slice(&[Node::NONE; HEAD]);
        self.room.cells.extend_from_slice(&self.page);
        self.first += self.used;
        self.used = 0;
    }

    fn make_room(&mut self, pages: usize) {
        let mut larger = Room::new(pages);
        larger.cells.extend_from_slice(self.room.cells());
        self.room = larger;
    }

    /// For how many pages there should be room where there is none left.
    fn enough_pages(&self) -> usize {
        /// An announced length is only believed so far: memory follows what really comes.
        const BELIEVED: usize = (16 << 20) / Page::SIZE;
        let pages = self.room.pages();
        // As many as all of the text has, if the rest of it is as what was read; a little more where it is not.
        let read = self.page.last().map_or(0, |node| node.start());
        let expected = match (pages + 1).checked_mul(self.length) {
            Some(product) if read > 0 && self.length > read => product / read,
            _ => pages.saturating_mul(2),
        };
        let most = pages.saturating_mul(8).max(BELIEVED);
        let enough = (expected + expected / 32).clamp(pages + pages / 8, most);
        // No more than may come, since room takes memory too.
        enough.min(self.most / Page::NODES).max(pages + 1)
    }

    /// How many pages there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.room.capacity()
    }

    /// Tells how long the text is, as far as that is known now.
    pub(super) fn expect(&mut self, length: usize) {
        self.length = length;
    }

    /// All that was written.
    pub(super) fn finish(mut self) -> Nodes {
        let len = self.len();
        if let Some(behind) = self.page.get_mut(self.used..) {
            behind.fill(Node::NONE);
        }
        if self.used > 0 {
            if self.room.is_full() {
                self.make_room(self.room.pages() + 1);
            }
            self.next_page();
        }
        Nodes { room: self.room, len }
    }
}
