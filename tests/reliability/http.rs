//! As much of HTTP as a proxy needs that is to break it.

use std::io::Read;
use std::net::TcpStream;

/// Where a text stands in another.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// The head of a request.
pub struct Head {
    /// Such as `POST /api3/json HTTP/1.1`.
    pub line: String,
    headers: Vec<(String, String)>,
}

impl Head {
    pub fn number(&self, name: &str) -> Option<usize> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        found.1.parse().ok()
    }

    /// As it goes to the site: one exchange, nothing compressed.
    pub fn forwarded(&self, host: &str, length: usize) -> Vec<u8> {
        let mut text = format!("{}\r\nhost: {host}\r\nconnection: close\r\n", self.line);
        if !self.line.starts_with("GET ") {
            text.push_str(&format!("content-length: {length}\r\n"));
        }
        for (name, value) in &self.headers {
            let own = ["host", "connection", "content-length", "accept-encoding"];
            if !own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// What a site answered, or what stands in its place.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Such as `HTTP/1.1 200 OK`.
    pub line: String,
    /// Without those that say how long it is.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply::new(200, &[("content-type", "application/json")], b"{}")
    }
}

impl Reply {
    pub fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Reply {
            line: format!("HTTP/1.1 {status} Status"),
            headers: headers.iter().map(own).collect(),
            body: body.to_vec(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    /// The head, with these lines for its length.
    pub fn head(&self, lengths: &[&str]) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for length in lengths {
            text.push_str(&format!("content-length: {length}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// The whole of it, with these lines for its length.
    pub fn announced(&self, lengths: &[&str]) -> Vec<u8> {
        let mut bytes = self.head(lengths);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The whole of it, as it should be.
    pub fn bytes(&self) -> Vec<u8> {
        self.announced(&[&self.body.len().to_string()])
    }
}

fn parse(text: &str) -> (String, Vec<(String, String)>) {
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    (line, lines.filter_map(header).collect())
}

/// Reads the head of the next request; what came behind it stays in `rest`.
pub fn read_head(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<Head> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = find(rest, b"\r\n\r\n") {
            let bytes: Vec<u8> = rest.drain(..end + 4).collect();
            let (line, headers) = parse(&String::from_utf8_lossy(&bytes[..end]));
            return Some(Head { line, headers });
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => rest.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Reads a reply to the end of its connection.
pub fn read_reply(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = find(&bytes, b"\r\n\r\n")?;
    let (line, headers) = parse(&String::from_utf8_lossy(&bytes[..end]));
    let chunked = headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked"));
    let body = &bytes[end + 4..];
    let about_length = ["transfer-encoding", "content-length", "connection"];
    Some(Reply {
        line,
        body: if chunked { unchunked(body)? } else { body.to_vec() },
        headers: headers
            .into_iter()
            .filter(|(name, _)| !about_length.iter().any(|own| name.eq_ignore_ascii_case(own)))
            .collect(),
    })
}

fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = find(body, b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + length)?);
        body = body.get(end + 4 + length..)?;
    }
}

/// Gzip of the plainest kind: stored blocks.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = text.chunks(60_000).peekable();
    if text.is_empty() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(text).to_le_bytes());
    out.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
    out
}

fn crc32(text: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !text.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
