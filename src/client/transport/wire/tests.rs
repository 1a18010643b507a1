//! Exchanges with scripted sites, by a thread of the host's and by the runtime.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use tokio::runtime::Runtime;

use super::*;
use crate::client::cancellation::Cancellation;
use crate::client::deadline::Deadline;
use crate::client::here::{self, Came, Waiting, Woken};
use crate::client::retry::Effect;
use crate::client::tally::Tally;
use crate::client::transport::{Limit, Reached};
use crate::runtime::{Bell, is_quiet, what_came};

pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Waits as the library's runtime has it.
pub(super) struct Alone(Bell);

impl Alone {
    pub(super) fn new() -> Arc<Alone> {
        Arc::new(Alone(Bell::new().unwrap()))
    }

    pub(super) fn shut_down(&self) {
        self.0.ring();
    }
}

impl Waiting for Alone {
    fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> std::io::Result<Woken> {
        self.0.wait(connection, to_write, until)
    }

    fn is_stopped(&self) -> bool {
        self.0.was_rung()
    }

    fn watch(&self, connection: &Arc<TcpStream>) -> bool {
        self.0.watch(connection)
    }

    fn is_quiet(&self, connection: &TcpStream) -> bool {
        is_quiet(connection)
    }

    fn what_came(&self, connection: &TcpStream) -> Came {
        what_came(connection)
    }
}

/// A site that answers each request on its connections with the next of some texts, and then closes the connection if that is empty.
pub(super) struct Scripted {
    pub(super) address: String,
    connections: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(answers: Vec<Vec<u8>>) -> Scripted {
        Scripted::by(move |stream, at| {
            let Some(answer) = answers.get(at) else { return false };
            // Byte by byte where that is bearable, so that nothing depends on how it is cut.
            let step = if answer.len() < 2000 { 1 } else { answer.len() };
            answer.chunks(step).all(|part| stream.write_all(part).is_ok()) && !answer.is_empty()
        })
    }

    /// One whose answers a function writes. It is told the number of the request, and says whether the connection is kept.
    pub(super) fn by(answer: impl Fn(&mut TcpStream, usize) -> bool + Send + 'static) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            let mut at = 0;
            for stream in listener.incoming().take(20) {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                while read_request(&mut stream) {
                    at += 1;
                    if !answer(&mut stream, at - 1) {
                        break;
                    }
                }
            }
        });
        Scripted { address, connections }
    }

    pub(super) fn wire(&self) -> Wire {
        wire(&self.address, None)
    }
}

pub(super) fn wire(address: &str, tls: Option<&ClientConfig>) -> Wire {
    let site = Site::parse(address, true).unwrap();
    let manner = Manner {
        connect_timeout: Some(LIMIT),
        idle_limit: LIMIT,
        own_within: LIMIT,
        keep_alive: LIMIT,
        silence: LIMIT,
        most_idle: 4,
    };
    Wire::new(&site, tls, &HeaderValue::from_static("test"), manner).unwrap()
}

pub(super) fn idle(wire: &Wire) -> usize {
    kept(&wire.idle).idle.len()
}

/// Reads a request with its body; false where there is none.
pub(super) fn read_request(stream: &mut impl Read) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).is_ok()
}

/// How a wire is used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Runtime,
    /// With connections that the runtime has made, because that is never done here.
    Here,
}

/// Posts on a wire, within some time and up to so many bytes.
pub(super) fn post(runtime: &Runtime, wire: &Wire, way: Way, limit: Duration, most: u64) -> Result<Answer, Broken> {
    post_body(runtime, wire, way, limit, most, b"{}").0
}

/// And how far it came.
pub(super) fn post_body(
    runtime: &Runtime,
    wire: &Wire,
    way: Way,
    limit: Duration,
    most: u64,
    body: &[u8],
) -> (Result<Answer, Broken>, Reached) {
    let watch = Watch::new(Limit::Total(Deadline::after(None)), None, Arc::new(Tally::default()), Effect::Read);
    // A connection that must be made is the runtime's.
    let usable = wire.take_idle();
    let may_leave = usable.is_none();
    let mut all = kept(&wire.idle);
    all.waited_for.extend(usable.as_ref().map(Idle::watched));
    all.idle.extend(usable);
    drop(all);
    let outcome = outcome(
        runtime,
        way,
        may_leave,
        limit,
        wire.post(&wire.request(&[body]), &watch, Some(Instant::now() + limit), most),
    );
    (outcome, watch.give_up())
}

fn outcome<T>(
    runtime: &Runtime,
    way: Way,
    may_leave: bool,
    limit: Duration,
    work: impl Future<Output = Result<T, Broken>>,
) -> Result<T, Broken> {
    let mut work = pin!(work);
    let _context = runtime.enter();
    if let Way::Here = way {
        let waits_only_for_the_site = here::waiting(Alone::new(), Cancellation::default(), || {
            work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        if let Poll::Ready(outcome) = waits_only_for_the_site {
            return outcome;
        }
        assert!(may_leave, "it went to the runtime");
    }
    runtime
        .block_on(async { tokio::time::timeout(limit, work).await })
        .unwrap_or(Err(Trouble::TimeUp.into()))
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a site's answer is understood as, in both ways.
fn understood(answer: impl Into<Vec<u8>>, most: u64) -> Result<(u16, Vec<u8>), String> {
    let answer = answer.into();
    let runtime = runtime();
    let all = [Way::Runtime, Way::Here].map(|way| {
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1".to_vec();
        let wire = Scripted::new(vec![first, answer.clone()]).wire();
        assert_eq!(post(&runtime, &wire, way, LIMIT, 1).ok().unwrap().body, b"1");
        match post(&runtime, &wire, way, LIMIT, most) {
            Ok(answer) => Ok((answer.status, answer.body)),
            Err(broken) => Err(format!("{:?} {:?}", broken.trouble, broken.status)),
        }
    });
    assert_eq!(all[0], all[1]);
    all.into_iter().next().unwrap()
}

fn is_fault(answer: &str, what: &str) {
    let told = understood(answer, 1000).unwrap_err();
    assert!(told.contains(what), "{answer:?}: {told}");
}

#[test]
fn bodies_end_where_they_say() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
            200,
            "hello",
        ),
        ("HTTP/1.1 503 \r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", 503, ""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;name=\"x\"\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
            200,
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 200, "ok"),
        // Chunks win over a length.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            200,
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", 204, ""),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
    ];
    for (answer, status, body) in cases {
        assert_eq!(understood(answer, 1000), Ok((status, body.as_bytes().to_vec())), "{answer:?}");
    }
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let runtime = runtime();
    for way in [Way::Runtime, Way::Here] {
        let site = Scripted::by(|stream, at| {
            let answer = if at == 0 {
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\n\r\nall of it"
            };
            stream.write_all(answer.as_bytes()).unwrap();
            at == 0
        });
        let wire = site.wire();
        assert!(post(&runtime, &wire, way, LIMIT, 100).is_ok());
        assert_eq!(post(&runtime, &wire, way, LIMIT, 100).ok().unwrap().body, b"all of it");
        assert!(matches!(
            post(&runtime, &wire, way, LIMIT, 8).err().unwrap().trouble,
            Trouble::TooLarge
        ));
    }
}

#[test]
fn what_is_no_http_is_told() {
    is_fault("SSH-2.0-OpenSSH_9.2\r\n", "Broken");
    is_fault(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "several lengths",
    );
    is_fault("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "no number");
    is_fault("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "no number");
    for length in ["2\u{e9}", "2\r\nContent-Length: 2\u{e9}", "2, \u{e9}", "+2", "2,", ""] {
        is_fault(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nok"), "no number");
    }
    for coding in [
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: \u{e9}",
        "\u{e9}",
        "identity",
        "",
    ] {
        is_fault(
            &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            "not chunked alone",
        );
    }
    is_fault(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding",
    );
    is_fault("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "Some(200)");
    is_fault(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        "longer than its size",
    );
    is_fault(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n\r\n\r\n",
        "size of a chunk",
    );
    is_fault("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "protocol");
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(300_000));
    is_fault(&long, "too large");
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    is_fault(&many, "Broken");
}

#[test]
fn a_large_head_is_read() {
    let answer = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\nok", "y".repeat(200_000));
    assert_eq!(understood(answer, 1000), Ok((200, b"ok".to_vec())));
}

#[test]
fn limits_hold_before_anything_is_kept() {
    is_fault("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "TooLarge");
    is_fault("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", "TooLarge");
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&[b' '; 100_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    answer.extend(bomb);
    assert!(understood(answer.clone(), 1000).unwrap_err().contains("TooLarge"));
    assert_eq!(understood(answer, 100_000).unwrap().1.len(), 100_000);
}

#[test]
fn bodies_are_unpacked() {
    let text = b"{\"results\":{\"entities\":[]}}".repeat(20);
    let packed = |encoding: &str, packed: Vec<u8>| {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        )
        .into_bytes();
        answer.extend(packed);
        understood(answer, 10_000)
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(&text).unwrap();
    assert_eq!(packed("gzip", gzip.clone()), Ok((200, text.clone())));
    assert_eq!(packed("X-GZIP", gzip.clone()), Ok((200, text.clone())));
    assert_eq!(packed("deflate", deflate.finish().unwrap()), Ok((200, text.clone())));
    assert_eq!(packed("gzip", Vec::new()), Ok((200, Vec::new())));
    // What nobody asked for comes as it is.
    assert_eq!(packed("br", b"\x0b".to_vec()), Ok((200, b"\x0b".to_vec())));
    assert!(packed("gzip", gzip[..gzip.len() - 9].to_vec()).unwrap_err().contains("Packed"));
    // Of a refusal that is cut off, what can be read.
    let mut refusal = format!(
        "HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    )
    .into_bytes();
    refusal.extend(&gzip[..gzip.len() - 9]);
    let runtime = runtime();
    let site = Scripted::by(move |stream, _| {
        stream.write_all(&refusal).unwrap();
        false
    });
    let answer = post(&runtime, &site.wire(), Way::Runtime, LIMIT, 10_000).ok().unwrap();
    assert_eq!(answer.status, 403);
    assert!(text.starts_with(&answer.body), "{:?}", answer.body);
    assert!(packed("deflate", text).unwrap_err().contains("Packed"));
}

#[test]
fn a_connection_that_ends_in_the_middle_is_told_and_a_refusal_is_heard() {
    let runtime = runtime();
    for way in [Way::Runtime, Way::Here] {
        for (answer, outcome) in [
            ("", Err(None)),
            ("HTTP/1.1 200 OK\r\nContent-", Err(None)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Err(Some(200))),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", Err(Some(200))),
            ("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nhalf", Ok(403)),
        ] {
            let site = Scripted::by(move |stream, at| {
                let text = if at == 0 {
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                } else {
                    answer
                };
                stream.write_all(text.as_bytes()).unwrap();
                at == 0
            });
            let wire = site.wire();
            assert!(post(&runtime, &wire, way, LIMIT, 100).is_ok());
            match post(&runtime, &wire, way, LIMIT, 100) {
                Ok(answer) => assert_eq!((Ok(answer.status), &*answer.body), (outcome, &b"half"[..])),
                Err(broken) => {
                    assert!(matches!(broken.trouble, Trouble::Cut), "{:?}", broken.trouble);
                    assert_eq!(Err(broken.status), outcome);
                }
            }
        }
    }
}

#[test]
fn connections_are_kept_where_that_may_be() {
    let kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let cases: [(&[u8], usize); 9] = [
        (kept, 1),
        // The site says that it is the last.
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", 3),
        // There are two lengths, one of which somebody on the way may have gone by.
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            3,
        ),
        // Without a word HTTP/1.0 closes.
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 3),
        // Unless it says that it does not, which goes before saying that it does.
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 1),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok",
            3,
        ),
        // What is no text may say anything.
        (b"HTTP/1.1 200 OK\r\nConnection: close, \xe9\r\nContent-Length: 2\r\n\r\nok", 3),
        (b"HTTP/1.1 200 OK\r\nConnection: \xe9\r\nContent-Length: 2\r\n\r\nok", 3),
        // More was said than was asked: what it belongs to is not known.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", 3),
    ];
    let runtime = runtime();
    for way in [Way::Runtime, Way::Here] {
        for (answer, connections) in cases {
            let site = Scripted::by(move |stream, _| {
                stream.write_all(answer).unwrap();
                // Who does not keep it closes it.
                true
            });
            let wire = site.wire();
            for _ in 0..3 {
                assert_eq!(post(&runtime, &wire, way, LIMIT, 100).ok().unwrap().body, b"ok");
                // The site's end is there when the next one begins.
                thread::sleep(Duration::from_millis(20));
            }
            assert_eq!(site.connections.load(Ordering::SeqCst), connections, "{way:?} {answer:?}");
        }
    }
}

#[test]
fn a_connection_that_the_site_closed_meanwhile_is_not_used() {
    let runtime = runtime();
    for way in [Way::Runtime, Way::Here] {
        let site = Scripted::by(|stream, _| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            false
        });
        let wire = site.wire();
        for _ in 0..3 {
            assert!(post(&runtime, &wire, way, LIMIT, 100).is_ok());
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(site.connections.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn nobody_waits_longer_than_the_limit() {
    let runtime = runtime();
    for way in [Way::Runtime, Way::Here] {
        let site = Scripted::by(|stream, at| match at {
            0 => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok(),
            // Silence, and then words that never end.
            1 => {
                thread::sleep(Duration::from_millis(600));
                false
            }
            _ => {
                let begun = Instant::now();
                while begun.elapsed() < LIMIT && stream.write_all(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)).is_ok() {}
                false
            }
        });
        let wire = site.wire();
        assert!(post(&runtime, &wire, way, LIMIT, 100).is_ok());
        for _ in 0..2 {
            let begun = Instant::now();
            let broken = post(&runtime, &wire, way, Duration::from_millis(300), 100).err().unwrap();
            assert!(matches!(broken.trouble, Trouble::TimeUp), "{:?}", broken.trouble);
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }
}

#[test]
fn idle_connections_are_closed_in_time() {
    let runtime = runtime();
    let site = Scripted::new(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(); 3]);
    let mut wire = site.wire();
    wire.manner.idle_limit = Duration::from_millis(50);
    assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 1).is_ok());
    assert_eq!(idle(&wire), 1);
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(200)).await });
    assert_eq!(idle(&wire), 0);
    // And so are those that come later.
    assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 1).is_ok());
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(200)).await });
    assert_eq!(idle(&wire), 0);
}

#[test]
fn the_head_says_what_the_official_clients_does() {
    let site = Site::parse("https://us%20er:pass@example.com:8443", true).unwrap();
    let head = head(&site, &HeaderValue::from_static("agent"));
    let expected = "POST /api3/json HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\n\
        authorization: Basic dXMgZXI6cGFzcw==\r\naccept: */*\r\nuser-agent: agent\r\naccept-encoding: gzip,deflate\r\n\
        host: example.com:8443\r\ncontent-length: ";
    assert_eq!(std::str::from_utf8(head.as_ref()).unwrap(), expected);
}
