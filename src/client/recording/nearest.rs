//! Why a request is not in a recording: the nearest one that is, and where it differs.

use crate::client::document::{Kind, Value, shorten};
use crate::client::json::quote;

/// The differences of two values; no more of them than `most` are looked for.
pub(super) struct Differences {
    most: usize,
    pub(super) count: usize,
    /// Where the first is, and what it is.
    pub(super) first: Option<String>,
}

impl Differences {
    pub(super) fn between(recorded: Value<'_>, asked: Value<'_>, most: usize) -> Differences {
        let mut found = Differences {
            most,
            count: 0,
            first: None,
        };
        found.compare(recorded, asked, &mut String::new());
        found
    }

    fn compare(&mut self, recorded: Value<'_>, asked: Value<'_>, path: &mut String) {
        if self.count >= self.most {
            return;
        }
        match (recorded.kind(), asked.kind()) {
            (Kind::Object, Kind::Object) => {
                for member in recorded.children() {
                    let Some(key) = member.key() else { continue };
                    let key = key.as_str();
                    self.at(path, &key, |found, path| match asked.get(&key) {
                        Some(other) => found.compare(member, other, path),
                        None => found.note(path, Some(member), None),
                    });
                }
                for member in asked.children() {
                    let Some(key) = member.key() else { continue };
                    let key = key.as_str();
                    if recorded.get(&key).is_none() {
                        self.at(path, &key, |found, path| found.note(path, None, Some(member)));
                    }
                }
            }
            (Kind::Array, Kind::Array) => {
                let (mut left, mut right) = (recorded.children(), asked.children());
                let mut place = 0;
                loop {
                    let pair = (left.next(), right.next());
                    if let (None, None) = pair {
                        break;
                    }
                    self.at(path, &place.to_string(), |found, path| match pair {
                        (Some(recorded), Some(asked)) => found.compare(recorded, asked, path),
                        (recorded, asked) => found.note(path, recorded, asked),
                    });
                    place += 1;
                }
            }
            (Kind::String, Kind::String) if recorded.as_str() == asked.as_str() => {}
            (recorded_kind, asked_kind) if recorded_kind == asked_kind && recorded.json() == asked.json() => {}
            _ => self.note(path, Some(recorded), Some(asked)),
        }
    }

    fn at(&mut self, path: &mut String, step: &str, look: impl FnOnce(&mut Self, &mut String)) {
        let before = path.len();
        path.push('/');
        path.push_str(step);
        look(self, path);
        path.truncate(before);
    }

    fn note(&mut self, path: &str, recorded: Option<Value<'_>>, asked: Option<Value<'_>>) {
        self.count += 1;
        let shown = |value: Option<Value<'_>>| value.map_or("nothing".into(), |value| shorten(value.json()).into_owned());
        self.first.get_or_insert_with(|| {
            let (recorded, asked) = (shown(recorded), shown(asked));
            format!("at {} it has {recorded} where {asked} is asked", quote(path))
        });
    }
}
