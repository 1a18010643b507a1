//! Making one list of several, without reading their text again.

#![allow(clippy::indexing_slicing, reason = "places come from the tapes of the same texts")]

use super::{Document, Kind, Known, MAX_EXTENT, MAX_TEXT, Node, Shape, Tape, Value, Writer, large};

impl Document {
    /// One list of the elements of several. `None` when it would be longer than a document can be. What is no list is
    /// passed over.
    pub fn join(lists: &[Document]) -> Option<Document> {
        let lists = || {
            lists
                .iter()
                .filter(|list| list.root().kind() == Kind::Array && !list.root().is_empty())
        };
        let length = lists().map(|list| list.json().len()).sum::<usize>() + 2;
        let count = lists().map(Document::node_count).sum::<usize>() + 1;
        if length > MAX_TEXT || count > MAX_EXTENT {
            return None;
        }
        let mut joined = Joined {
            text: String::with_capacity(length),
            nodes: Writer::with_room(count, count),
            large: Vec::new(),
            last: 0,
        };
        joined.text.push('[');
        joined.nodes.push(Node::new(Shape::Array, 0, 0));
        for list in lists() {
            joined.append(list);
        }
        joined.text.push(']');
        joined.end(lists().map(|list| list.root().count()).sum());
        let tape = Tape {
            nodes: joined.nodes.finish(),
            end: joined.text.len(),
            large: joined.large,
            escaped_keys: lists().any(|list| list.escaped_keys),
            entities: lists().any(|list| list.entities),
            has_local: lists().any(|list| list.has_local),
        };
        Some(Document::new(joined.text, tape, 0))
    }

    /// The list of its first elements. Everything else is itself.
    pub fn first_elements(self, count: usize) -> Document {
        let root = self.root();
        let Some(last) = count.checked_sub(1).and_then(|last| root.at(last)) else {
            return self;
        };
        let (open, text_end, end) = (root.node(), last.end(), last.behind());
        let last = last.node() as usize;
        let (mut text, mut tape) = self.into_parts();
        text.truncate(text_end);
        text.push(']');
        tape.nodes.change(last, |last| last.as_last(true));
        tape.nodes.change(open as usize, |list| list.with_step((end - open) as usize));
        tape.large.retain(|known| known.node != open);
        large::note(&mut tape.large, open as usize, count, text.len());
        tape.end = text.len();
        Document::new(text, tape, open)
    }
}

struct Joined {
    text: String,
    nodes: Writer,
    large: Vec<Known>,
    /// The number of the last element, or of the list itself.
    last: usize,
}

impl Joined {
    /// Appends what stands between the brackets of a list: the text as it is, the nodes moved along with it.
    fn append(&mut self, list: &Document) {
        let root = list.root();
        if self.last > 0 {
            self.text.push(',');
        }
        let (from, to) = (root.start() + 1, root.end() - 1);
        let (first, behind) = (root.node() + 1, root.behind());
        let last = root.last_child().map(Value::node);
        // The text only ever moves: behind what is there, or before where it began.
        let by = (self.text.len() as u32).wrapping_sub(from as u32);
        let nodes_by = (self.nodes.len() as u32).wrapping_sub(first);
        for (number, node) in (first..).zip(list.nodes.range(first as usize, behind as usize)) {
            let moved = node.moved(by);
            let is_last = Some(number) == last;
            self.nodes.push(if is_last { moved.as_last(false) } else { moved });
        }
        let large = list.large.as_ref().map_or(&[][..], |large| large.known());
        self.large
            .extend(large.iter().filter(|known| known.node >= first).map(|known| Known {
                node: known.node.wrapping_add(nodes_by),
                end: known.end.wrapping_add(by),
                ..*known
            }));
        self.last = last.map_or(self.last, |last| last.wrapping_add(nodes_by) as usize);
        self.text.push_str(&list.text[from..to]);
    }

    /// Ends the list, whose closing bracket is there.
    fn end(&mut self, count: usize) {
        self.nodes.close(0, Some(self.last));
        large::note(&mut self.large, 0, count, self.text.len());
    }
}
