//! Reading a recording: what is asked in which line. Bodies stay in the file until they are wanted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, Read, Seek, SeekFrom};

use super::asked::{Key, keys};
use super::outcome::Outcome;
use super::{LONGEST_LINE, MARK, VERSION};
use crate::client::document::{Document, Kind, Value};

/// What is wrong with a line.
pub(super) type Wrong = Cow<'static, str>;

/// What a recording holds.
pub(super) struct Index {
    pub(super) clients: Vec<Introduced>,
    pub(super) exchanges: Vec<Exchange>,
    /// The exchanges that ask the same, and those that do but for dates and times, in the order of the file.
    pub(super) same: HashMap<Key, Vec<usize>>,
    pub(super) alike: HashMap<Key, Vec<usize>>,
}

/// A client of the recording.
pub(super) struct Introduced {
    number: i64,
    pub(super) site: String,
    pub(super) who: String,
}

/// An exchange, and where it stands.
pub(super) struct Exchange {
    /// Its line, from 1.
    pub(super) line: u64,
    start: u64,
    length: usize,
    /// Where the request stands in the line.
    request: (usize, usize),
    /// Which of the clients made it.
    pub(super) client: usize,
}

impl Index {
    /// Reads a recording to its end. The error names the line.
    pub(super) fn read(mut file: impl BufRead) -> Result<Index, Wrong> {
        let mut index = Index {
            clients: Vec::new(),
            exchanges: Vec::new(),
            same: HashMap::new(),
            alike: HashMap::new(),
        };
        let (mut number, mut start) = (0, 0);
        loop {
            let mut line = Vec::new();
            number += 1;
            let read = (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line);
            let length = read.map_err(|error| format!("line {number} cannot be read: {error}"))?;
            if length == 0 {
                break;
            }
            let wrong = |what: Wrong| Wrong::from(format!("line {number}: {what}"));
            if number == 1 {
                heading(&line).map_err(|what| Wrong::from(format!("line 1 {what}")))?;
            } else {
                let whole = line.pop_if(|last| *last == b'\n').is_some();
                if !whole && !line.trim_ascii().is_empty() {
                    let what = match length as u64 == LONGEST_LINE {
                        true => "it is longer than any line of a recording",
                        false => "it is cut short; remove it to replay what stands before it",
                    };
                    return Err(wrong(what.into()));
                }
                // Editors end files with empty lines.
                if !line.trim_ascii().is_empty() {
                    index.line(line, number, start).map_err(wrong)?;
                }
            }
            start += length as u64;
        }
        if number == 1 {
            return Err("it is empty, and no recording".into());
        }
        if index.clients.is_empty() {
            return Err("it ends before the first client, so there is nothing to replay".into());
        }
        Ok(index)
    }

    fn line(&mut self, line: Vec<u8>, number: u64, start: u64) -> Result<(), Wrong> {
        let length = line.len();
        let document = parsed(line)?;
        let root = document.root();
        let client = root
            .get("client")
            .and_then(|client| client.as_i64().ok())
            .ok_or("it names no \"client\"")?;
        let text = |name: &str| root.get(name).and_then(Value::as_str).map(Cow::into_owned);
        let Some(request) = root.get("request") else {
            let site = text("site").ok_or("it is neither a client, with a \"site\", nor an exchange, with a \"request\"")?;
            self.clients.push(Introduced {
                number: client,
                site,
                who: text("as").unwrap_or_default(),
            });
            return Ok(());
        };
        let known = self.clients.iter().position(|known| known.number == client);
        let client = known.ok_or_else(|| format!("no line before it introduces client {client}"))?;
        if request.kind() != Kind::Object {
            return Err("its \"request\" is no object".into());
        }
        // What is too large to be kept is no fault of the file: whoever asks for it is told.
        if root.pointer("/reply/omitted").is_none() {
            Outcome::read(root)?;
        }
        let place = request.json().as_ptr().addr() - document.json().as_ptr().addr();
        let (exact, alike) = keys(self.clients.get(client).map_or("", |client| client.site.as_str()), request);
        let exchange = self.exchanges.len();
        self.same.entry(exact).or_default().push(exchange);
        self.alike.entry(alike).or_default().push(exchange);
        self.exchanges.push(Exchange {
            line: number,
            start,
            length,
            request: (place, request.json().len()),
            client,
        });
        Ok(())
    }
}

impl Exchange {
    /// Its whole line.
    pub(super) fn read(&self, file: impl Read + Seek) -> Result<Document, Wrong> {
        self.part(file, 0, self.length)
    }

    /// What it asked.
    pub(super) fn read_request(&self, file: impl Read + Seek) -> Result<Document, Wrong> {
        self.part(file, self.request.0 as u64, self.request.1)
    }

    fn part(&self, mut file: impl Read + Seek, from: u64, length: usize) -> Result<Document, Wrong> {
        let mut bytes = vec![0; length];
        let read = file
            .seek(SeekFrom::Start(self.start + from))
            .and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|error| format!("it cannot be read: {error}"))?;
        parsed(bytes).map_err(|_| "it was changed while it was being replayed".into())
    }
}

fn parsed(line: Vec<u8>) -> Result<Document, Wrong> {
    let document = Document::parse(line).map_err(|error| format!("it is no JSON: {error}"))?;
    match document.root().kind() {
        Kind::Object => Ok(document),
        kind => Err(format!("it is {}, and not an object", kind.with_article()).into()),
    }
}

/// Whether the file is a recording, and of this version.
fn heading(line: &[u8]) -> Result<(), Wrong> {
    let other = || Wrong::from(format!("is not the beginning of a recording: {{\"{MARK}\": {VERSION}, …}}"));
    let head = line.get(..line.len().min(4096)).unwrap_or_default();
    let document = Document::parse(head.to_vec()).map_err(|_| other())?;
    let version = document
        .root()
        .get(MARK)
        .and_then(|version| version.as_i64().ok())
        .ok_or_else(other)?;
    match version {
        VERSION => Ok(()),
        _ => Err(format!("is of a recording of version {version}, and this library reads version {VERSION}").into()),
    }
}
