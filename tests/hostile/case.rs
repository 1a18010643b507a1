//! A case, and the ways in which a site answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use shotgrid::ffi::sg_value;

use super::support::fake_site::{Answer, INFO, Request};

/// What the clients of the cases allow a reply to be, and a file, in bytes.
pub const LIMIT: u64 = 4 << 20;

/// What the child does with the site.
pub enum Work {
    /// One remote call.
    Raw,
    /// One remote call, whose result is looked at.
    Checked(fn(*const sg_value)),
    /// A method with its parameters. `FILE` is a file in a folder of its own, which must be as it was afterwards.
    Call(&'static str, &'static str),
    /// The same in a process that may write no file of more than half of [`LIMIT`].
    CallWithLittleRoom(&'static str, &'static str),
}

pub struct Case {
    pub name: &'static str,
    /// The name of the status that the host sees.
    pub expected: &'static str,
    /// The most memory, in multiples of [`LIMIT`].
    pub memory: u64,
    pub work: Work,
    /// Beyond the time limit.
    pub more_time: Duration,
    answer: Arc<dyn Fn(&Request) -> Answer + Send + Sync>,
    /// Makes what takes long to make.
    prepare: Arc<dyn Fn() + Send + Sync>,
}

impl Case {
    /// The site's answer to everything but `info`.
    pub fn answer(&self) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
        (self.prepare)();
        let answer = Arc::clone(&self.answer);
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            _ => answer(request),
        }
    }

    pub fn memory(self, memory: u64) -> Case {
        Case { memory, ..self }
    }

    pub fn work(self, work: Work) -> Case {
        Case { work, ..self }
    }

    pub fn more_time(self, seconds: u64) -> Case {
        Case {
            more_time: Duration::from_secs(seconds),
            ..self
        }
    }
}

pub fn case(name: &'static str, expected: &'static str, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Case {
    Case {
        name,
        expected,
        memory: 0,
        work: Work::Raw,
        more_time: Duration::from_secs(15),
        answer: Arc::new(answer),
        prepare: Arc::new(|| {}),
    }
}

/// A case that is answered with this body as JSON.
pub fn body(name: &'static str, expected: &'static str, text: impl Into<Vec<u8>>) -> Case {
    let text = text.into();
    large(name, expected, move || text.clone())
}

/// A case that is answered with this body as JSON, made when it is asked for.
pub fn large<T: Into<Vec<u8>>>(name: &'static str, expected: &'static str, text: impl Fn() -> T + Send + Sync + 'static) -> Case {
    made(name, expected, Vec::new(), text)
}

/// A case that is answered with a body and headers besides its type. The body is made once, before the child begins.
pub fn made<T: Into<Vec<u8>>>(
    name: &'static str,
    expected: &'static str,
    mut headers: Vec<(&'static str, String)>,
    body: impl Fn() -> T + Send + Sync + 'static,
) -> Case {
    headers.push(("content-type", "application/json".into()));
    let made: Arc<OnceLock<Vec<u8>>> = Arc::default();
    let answered = Arc::clone(&made);
    let case = case(name, expected, move |_| {
        Answer::Http(200, headers.clone(), answered.get().unwrap().clone())
    });
    Case {
        prepare: Arc::new(move || {
            made.get_or_init(|| body().into());
        }),
        ..case
    }
}

/// A case that is answered with these bytes, head and all.
pub fn raw(name: &'static str, expected: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    let bytes = bytes.into();
    case(name, expected, move |_| Answer::Raw(bytes.clone()))
}

/// A case that is answered by writing to the connection, for as long as it takes it, which is at most a minute.
pub fn stream(
    name: &'static str,
    expected: &'static str,
    write: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> Case {
    let write = Arc::new(write);
    case(name, expected, move |_| streaming(&write))
}

pub fn streaming(write: &Arc<impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static>) -> Answer {
    let write = Arc::clone(write);
    Answer::Stream(Arc::new(move |stream| {
        let _ = write(stream);
    }))
}

/// The head of a good reply with these headers.
pub fn head(more: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{more}\r\n")
}

/// Writes something again and again, until nobody takes it, for at most a minute.
pub fn endlessly(stream: &mut TcpStream, piece: &[u8], pause: Duration) -> std::io::Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        stream.write_all(piece)?;
        std::thread::sleep(pause);
    }
    Ok(())
}

/// The beginning of a reply, again and again.
pub fn interim(line: &'static str, pause: Duration) -> impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static {
    move |stream| endlessly(stream, format!("HTTP/1.1 {line}\r\n\r\n").repeat(100).as_bytes(), pause)
}

pub const GIB: usize = 1 << 30;
pub const MIB: usize = 1 << 20;

/// Writes a gibibyte of spaces.
pub fn gibibyte(stream: &mut TcpStream) -> std::io::Result<()> {
    let piece = vec![b' '; MIB];
    (0..GIB / MIB).try_for_each(|_| stream.write_all(&piece))
}

/// A gibibyte of spaces, packed. Spaces behind spaces are packed alike, so that the same bytes do for all but the first.
pub fn packed<W: Write>(mut encoder: W, so_far: impl Fn(&W) -> usize, finish: impl Fn(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    let piece = vec![b' '; MIB];
    let mut ends = [0; 2];
    for end in &mut ends {
        encoder.write_all(&piece).unwrap();
        encoder.flush().unwrap();
        *end = so_far(&encoder);
    }
    let mut bytes = finish(encoder).unwrap();
    let again = bytes[ends[0]..ends[1]].to_vec();
    bytes.truncate(ends[1]);
    (2..GIB / MIB).for_each(|_| bytes.extend_from_slice(&again));
    bytes
}

pub fn encoded(
    name: &'static str,
    expected: &'static str,
    encoding: &'static str,
    body: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    made(name, expected, vec![("content-encoding", encoding.into())], body)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn many(open: &str, element: &str, close: &str, count: usize) -> Vec<u8> {
    let mut text = String::with_capacity((element.len() + 1) * count + 2);
    text.push_str(open);
    for index in 0..count {
        if index > 0 {
            text.push(',');
        }
        text.push_str(element);
    }
    text.push_str(close);
    text.into_bytes()
}
