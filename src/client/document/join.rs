//! Making one list of several, without reading their text again.

#![allow(clippy::indexing_slicing, reason = "places come from the tapes of the same texts")]

use super::{Document, Kind, MAX_EXTENT, MAX_TEXT, Node, Shape, Tape, Writer};

impl Document {
    /// One list of the elements of several. `None` when it would be longer than a document can be. What is no list is
    /// passed over.
    pub fn join(lists: &[Document]) -> Option<Document> {
        let lists = || {
            lists
                .iter()
                .filter(|list| list.root().kind() == Kind::Array && list.root().count() > 0)
        };
        let length = lists().map(|list| list.json().len()).sum::<usize>() + 2;
        let count = lists().map(Document::node_count).sum::<usize>() + 2;
        if length > MAX_TEXT || count > MAX_EXTENT {
            return None;
        }
        let mut joined = Joined {
            text: String::with_capacity(length),
            nodes: Writer::with_room(count, count),
        };
        joined.text.push('[');
        joined.nodes.push(Node::new(Shape::Array, 0, 0));
        let mut count = 0;
        for list in lists() {
            if count > 0 {
                joined.text.push(',');
            }
            joined.append(list);
            count += list.root().count();
        }
        let (mut text, mut nodes) = (joined.text, joined.nodes);
        nodes.close(0, text.len() as u32, count as u32);
        text.push(']');
        let nodes = nodes.finish();
        let tape = Tape {
            nodes,
            escaped_keys: lists().any(|list| list.escaped_keys),
            entities: lists().any(|list| list.entities),
            has_local: lists().any(|list| list.has_local),
        };
        Some(Document::new(text, tape, 0))
    }

    /// The list of its first elements. Everything else is itself.
    pub fn first_elements(self, count: usize) -> Document {
        let root = self.root();
        let Some(last) = count.checked_sub(1).and_then(|last| root.at(last)) else {
            return self;
        };
        // At the latest what closes the whole list stands behind the last that is kept.
        let (open, text_end, end) = (root.node() as usize, last.end(), last.behind() as usize);
        let (mut text, mut tape) = self.into_parts();
        text.truncate(text_end);
        tape.nodes.change(end, |_| Node::closing(text_end as u32, count as u32));
        tape.nodes.change(open, |list| list.with_step(end + 1 - open));
        text.push(']');
        Document::new(text, tape, open as u32)
    }
}

struct Joined {
    text: String,
    nodes: Writer,
}

impl Joined {
    /// Appends what stands between the brackets of a list: the text as it is, the nodes moved along with it.
    fn append(&mut self, list: &Document) {
        let root = list.root();
        let (from, to) = (root.start() + 1, root.end() - 1);
        let (first, behind) = (root.node() as usize + 1, root.behind() as usize - 1);
        // The text only ever moves: behind what is there, or before where it began.
        let by = (self.text.len() as u32).wrapping_sub(from as u32);
        for node in list.nodes.range(first, behind) {
            self.nodes.push(node.moved(by));
        }
        self.text.push_str(&list.text[from..to]);
    }
}
