//! Making one list of several, without reading their text again.

#![allow(clippy::indexing_slicing, reason = "places come from the tapes of the same texts")]

use super::{Document, ESCAPED, KEYED, Kind, MAX_TEXT, Node, Tape};

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
        if length > MAX_TEXT {
            return None;
        }
        let mut joined = Joined {
            text: String::with_capacity(length),
            nodes: Vec::with_capacity(lists().map(Document::node_count).sum()),
        };
        joined.text.push('[');
        joined.nodes.push(Node { pos: 0, aux: 0 });
        let mut count = 0;
        for list in lists() {
            if count > 0 {
                joined.text.push(',');
            }
            joined.append(list);
            count += list.root().count();
        }
        let (mut text, mut nodes) = (joined.text, joined.nodes);
        nodes.push(Node {
            pos: text.len() as u32,
            aux: count as u32,
        });
        nodes[0].aux = nodes.len() as u32;
        text.push(']');
        let escaped_keys = lists().any(|list| list.escaped_keys);
        Some(Document::new(text, Tape { nodes, escaped_keys }, 0))
    }

    /// The list of its first elements. Everything else is itself.
    pub fn first_elements(self, count: usize) -> Document {
        let root = self.root();
        let Some(last) = count.checked_sub(1).and_then(|last| root.at(last)) else {
            return self;
        };
        let (open, text_end, nodes_end) = (root.node() as usize, last.end(), last.behind() as usize);
        let (mut text, mut nodes, escaped_keys) = (self.text, self.nodes, self.escaped_keys);
        text.truncate(text_end);
        nodes.truncate(nodes_end);
        nodes.push(Node {
            pos: text_end as u32,
            aux: count as u32,
        });
        nodes[open].aux = nodes.len() as u32;
        text.push(']');
        Document::new(text, Tape { nodes, escaped_keys }, open as u32)
    }
}

struct Joined {
    text: String,
    nodes: Vec<Node>,
}

impl Joined {
    /// Appends what stands between the brackets of a list: the text as it is, the nodes moved along with it.
    fn append(&mut self, list: &Document) {
        let root = list.root();
        let (from, to) = (root.start() + 1, root.end() - 1);
        let (first, behind) = (root.node() as usize + 1, root.behind() as usize - 1);
        // Lists only ever move: their text and nodes begin behind what is there, or before where they began.
        let text_by = (self.text.len() as u32).wrapping_sub(from as u32);
        let nodes_by = (self.nodes.len() as u32).wrapping_sub(first as u32);
        for node in &list.nodes[first..behind] {
            let aux = match list.text.as_bytes()[node.start()] {
                b'[' | b'{' => node.aux.wrapping_add(nodes_by),
                b']' | b'}' => node.aux,
                _ => (node.aux & !ESCAPED).wrapping_add(text_by) | (node.aux & ESCAPED),
            };
            self.nodes.push(Node {
                pos: (node.pos & !KEYED).wrapping_add(text_by) & !KEYED | (node.pos & KEYED),
                aux,
            });
        }
        self.text.push_str(&list.text[from..to]);
    }
}
