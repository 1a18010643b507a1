//! Reading a reply: its head, its body, and what that is packed in.

use std::io::Read;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use httparse::ParserConfig;
use reqwest::header::HeaderName;

use super::connection::{Connection, Length};
use super::trouble::Trouble;
use crate::client::document::Reading;
use crate::client::transport::LOOKED_AT;

/// The most headers of a reply.
const MOST_HEADERS: usize = 100;
/// The most bytes of what stands behind a body in chunks.
const MOST_OF_TRAILERS: usize = 16 * 1024;

/// The beginning of a reply.
pub(super) struct Head {
    pub(super) status: u16,
    /// Those that somebody looks at.
    pub(super) headers: Vec<(HeaderName, String)>,
    framing: Framing,
    packing: Option<Packing>,
    /// Whether another request may follow on the connection.
    pub(super) keeps: bool,
}

/// Where a body ends.
#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunks,
    /// With the connection.
    End,
}

/// How a body is packed.
#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Deflate,
}

/// A body as far as it came, and why it came no further.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: Option<Trouble>,
}

impl Head {
    /// Reads the head of the final reply; those that only say that one will come are passed over.
    pub(super) async fn read(connection: &mut Connection) -> Result<Head, Trouble> {
        loop {
            if let Some((head, length)) = Head::next(connection)? {
                connection.use_up(length);
                return Ok(head);
            }
            match connection.read_more().await? {
                Some(true) => {}
                Some(false) => return Err(Trouble::Cut),
                None => return Err(Trouble::Broken("the head of the reply is too large".to_owned())),
            }
        }
    }

    /// Whether what was read begins with a final reply, as far as one can see.
    pub(super) fn has_begun(connection: &mut Connection) -> Result<bool, Trouble> {
        Head::next(connection).map(|head| head.is_some())
    }

    /// The head of the final reply and its length, if all of it was read. Those before it are passed over.
    fn next(connection: &mut Connection) -> Result<Option<(Head, usize)>, Trouble> {
        loop {
            // Of nothing httparse says that it is no head.
            let parsed = match connection.unused() {
                [] => None,
                unused => Head::parse(unused)?,
            };
            match parsed {
                Some((head, _)) if head.status == 101 => {
                    return Err(Trouble::Broken("the site changes to a protocol that nobody asked for".to_owned()));
                }
                Some((head, length)) if head.status < 200 => connection.use_up(length),
                parsed => return Ok(parsed),
            }
        }
    }

    /// The head that some bytes begin with, and its length. `None` where it goes on.
    fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Trouble> {
        // Nothing is written to the room that is not needed.
        let mut fields = [MaybeUninit::uninit(); MOST_HEADERS];
        let mut reply = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut reply, bytes, &mut fields);
        let length = match parsed.map_err(|error| broken(&error))? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let fields = &*reply.headers;
        let mut headers = Vec::new();
        for name in &LOOKED_AT {
            if let Some(text) = values(fields, name.as_str()).next().and_then(plain) {
                headers.push((name.clone(), text.to_owned()));
            }
        }
        let status = reply.code.unwrap_or(0);
        if status < 100 {
            return Err(Trouble::Broken(format!("the status {status} is none")));
        }
        let newer = reply.version == Some(1);
        let framing = Framing::of(status, newer, fields)?;
        let says = |word: &str| tokens(fields, "connection").any(|token| token.eq_ignore_ascii_case(word.as_bytes()));
        // Of what is no plain text nobody knows what it says.
        let is_plain = values(fields, "connection").all(<[u8]>::is_ascii);
        // Where there are two lengths, somebody on the way may go by the other one.
        let is_clear = match framing {
            Framing::Length(_) => true,
            Framing::Chunks => values(fields, "content-length").next().is_none(),
            Framing::End => false,
        };
        let keeps = is_clear && is_plain && !says("close") && (newer || says("keep-alive"));
        let head = Head {
            status,
            headers,
            framing,
            packing: Packing::of(fields),
            keeps,
        };
        Ok(Some((head, length)))
    }

    /// Reads the body, of at most so many bytes, packed or not. What comes as it is, is read as JSON meanwhile.
    pub(super) async fn body(&self, connection: &mut Connection, most: u64, reading: &mut Reading) -> Result<Body, Trouble> {
        let packing = self.packing;
        let reading = Some(reading).filter(|_| packing.is_none());
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let read = match self.framing {
            Framing::Length(length) => match usize::try_from(length).ok().filter(|length| *length <= most) {
                Some(length) => {
                    // What is announced is only believed so far. A byte more, for the NUL that a document ends with.
                    bytes.reserve_exact(length.min(16 << 20) + 1);
                    connection.read_body(&mut bytes, Length::Whole(length), reading).await
                }
                None => Err(Trouble::TooLarge),
            },
            Framing::Chunks => read_chunks(connection, &mut bytes, most, reading).await,
            Framing::End => match connection
                .read_body(&mut bytes, Length::AtMost(most.saturating_add(1)), reading)
                .await
            {
                Ok(()) if bytes.len() > most => Err(Trouble::TooLarge),
                read => read,
            },
        };
        let cut = match read {
            Ok(()) => None,
            Err(trouble) if trouble.is_hang_up() => Some(trouble),
            Err(trouble) => return Err(trouble),
        };
        if let Some(packing) = packing {
            let unpacked = unpack(packing, &bytes, most, connection).await?;
            // Of what is cut off, what can be read.
            bytes = match (unpacked, &cut) {
                ((plain, None), _) | ((plain, _), Some(_)) => plain,
                ((_, Some(error)), None) => return Err(Trouble::Packed(error)),
            };
        }
        Ok(Body { bytes, cut })
    }
}

impl Packing {
    /// How a body is packed, where that is known.
    fn of(fields: &[httparse::Header<'_>]) -> Option<Packing> {
        let encoding = values(fields, "content-encoding").next()?;
        match () {
            () if encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip") => Some(Packing::Gzip),
            () if encoding.eq_ignore_ascii_case(b"deflate") => Some(Packing::Deflate),
            () => None,
        }
    }
}

impl Framing {
    /// As RFC 9112 has it, section 6.3, for the reply to a POST.
    fn of(status: u16, newer: bool, fields: &[httparse::Header<'_>]) -> Result<Framing, Trouble> {
        if status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Length(0));
        }
        let mut codings = tokens(fields, "transfer-encoding");
        if let Some(coding) = codings.next() {
            if !newer {
                return Err(Trouble::Broken("a reply of HTTP/1.0 has a Transfer-Encoding".to_owned()));
            }
            // No other was asked for.
            if codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(Trouble::Broken("the Transfer-Encoding is not chunked alone".to_owned()));
            }
            return Ok(Framing::Chunks);
        }
        let mut length = None;
        for told in tokens(fields, "content-length") {
            let digits = plain(told).filter(|told| told.bytes().all(|byte| byte.is_ascii_digit()));
            let told = digits.and_then(|told| told.parse::<u64>().ok());
            let told = told.ok_or_else(|| Trouble::Broken("the Content-Length is no number".to_owned()))?;
            if length.is_some_and(|length| length != told) {
                return Err(Trouble::Broken("there are several lengths".to_owned()));
            }
            length = Some(told);
        }
        Ok(length.map_or(Framing::End, Framing::Length))
    }
}

/// The values of a header.
fn values<'f>(fields: &'f [httparse::Header<'f>], name: &'static str) -> impl Iterator<Item = &'f [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

/// The text of a value.
fn plain(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
}

/// What stands between the commas of a header, whatever that is.
fn tokens<'f>(fields: &'f [httparse::Header<'f>], name: &'static str) -> impl Iterator<Item = &'f [u8]> {
    values(fields, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

async fn read_chunks(
    connection: &mut Connection,
    body: &mut Vec<u8>,
    most: usize,
    mut reading: Option<&mut Reading>,
) -> Result<(), Trouble> {
    loop {
        let size = loop {
            let unused = connection.unused();
            match httparse::parse_chunk_size(unused) {
                Ok(httparse::Status::Complete((length, size))) if unused.first().is_some_and(u8::is_ascii_hexdigit) => {
                    connection.use_up(length);
                    break size;
                }
                Ok(httparse::Status::Partial) => more(connection).await?,
                _ => return Err(Trouble::Broken("the size of a chunk is none".to_owned())),
            }
        };
        if size == 0 {
            return read_trailers(connection).await;
        }
        let room = most.saturating_sub(body.len());
        let size = usize::try_from(size).ok().filter(|size| *size <= room).ok_or(Trouble::TooLarge)?;
        connection.read_body(body, Length::Part(size), reading.as_deref_mut()).await?;
        while connection.unused().len() < 2 {
            more(connection).await?;
        }
        if !connection.unused().starts_with(b"\r\n") {
            return Err(Trouble::Broken("a chunk is longer than its size".to_owned()));
        }
        connection.use_up(2);
    }
}

/// Passes over the headers that stand behind the last chunk.
async fn read_trailers(connection: &mut Connection) -> Result<(), Trouble> {
    loop {
        match length_of_trailers(connection.unused())? {
            Some(length) => {
                connection.use_up(length);
                return Ok(());
            }
            None => more(connection).await?,
        }
    }
}

/// How long the headers behind the last chunk are with the empty line. `None` where they go on.
fn length_of_trailers(bytes: &[u8]) -> Result<Option<usize>, Trouble> {
    match httparse::parse_headers(bytes, &mut [httparse::EMPTY_HEADER; MOST_HEADERS]).map_err(|error| broken(&error))? {
        httparse::Status::Complete((length, _)) => match bytes.get(..length) {
            Some(all) if all == b"\r\n" || all.ends_with(b"\r\n\r\n") => Ok(Some(length)),
            _ => Err(Trouble::Broken(
                "a line behind the chunks ends with half an end of a line".to_owned(),
            )),
        },
        httparse::Status::Partial if bytes.len() > MOST_OF_TRAILERS => {
            Err(Trouble::Broken("what stands behind the chunks is too long".to_owned()))
        }
        httparse::Status::Partial => Ok(None),
    }
}

/// Reads more of what cannot end here.
async fn more(connection: &mut Connection) -> Result<(), Trouble> {
    match connection.read_more().await? {
        Some(true) => Ok(()),
        Some(false) => Err(Trouble::Cut),
        None => Err(Trouble::Broken("a line between chunks is too long".to_owned())),
    }
}

/// Unpacks a body, which may have so many bytes: as far as that goes, and why it goes no further.
async fn unpack(
    packing: Packing,
    packed: &[u8],
    most: usize,
    connection: &Connection,
) -> Result<(Vec<u8>, Option<std::io::Error>), Trouble> {
    /// Between two of these others have their turn.
    const STEP: u64 = 16 * 1024;
    /// For so long what has come is unpacked though the time is up.
    const SOON: Duration = Duration::from_millis(100);
    let begun = Instant::now();
    let mut plain = Vec::new();
    if packed.is_empty() {
        return Ok((plain, None));
    }
    let mut unpacked: Box<dyn Read + Send + '_> = match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packing::Deflate => Box::new(ZlibDecoder::new(packed)),
    };
    loop {
        match unpacked.by_ref().take(STEP).read_to_end(&mut plain) {
            Ok(0) => return Ok((plain, None)),
            Ok(_) if plain.len() > most => return Err(Trouble::TooLarge),
            Ok(_) => match connection.take_time().await {
                Err(Trouble::TimeUp) if begun.elapsed() < SOON => {}
                taken => taken?,
            },
            Err(error) => return Ok((plain, Some(error))),
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Broken(error.to_string())
}
