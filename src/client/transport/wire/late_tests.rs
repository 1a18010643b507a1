//! Threads of the host's that are held up, and shutdowns at the worst moment.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::hard_tests::{Secured, secure, serving};
use super::tests::{Alone, LIMIT, Way, post, read_request, runtime};
use super::*;
use crate::client::cancellation::Cancellation;
use crate::client::deadline::Deadline;
use crate::client::here::{Came, Waiting, Woken};
use crate::client::retry::Effect;
use crate::client::transport::Limit;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// The time limit of what is held up, and for how long beyond it that is.
const SHORT: Duration = Duration::from_millis(250);
const HELD: Duration = Duration::from_millis(100);

/// A way to wait whose parts can be another's.
trait Like: Send + Sync {
    fn alone(&self) -> &Alone;

    fn before_wait(&self, _: Option<Instant>) {}

    fn behind_look(&self) {}
}

impl<L: Like> Waiting for L {
    fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> std::io::Result<Woken> {
        self.before_wait(until);
        self.alone().wait(connection, to_write, until)
    }

    fn is_stopped(&self) -> bool {
        let is_stopped = self.alone().is_stopped();
        self.behind_look();
        is_stopped
    }

    fn watch(&self, connection: &Arc<TcpStream>) -> bool {
        self.alone().watch(connection)
    }

    fn is_quiet(&self, connection: &TcpStream) -> bool {
        self.alone().is_quiet(connection)
    }

    fn what_came(&self, connection: &TcpStream) -> Came {
        self.alone().what_came(connection)
    }
}

/// Whoever waits is held up until the time is over.
struct Held(Arc<Alone>);

impl Like for Held {
    fn alone(&self) -> &Alone {
        &self.0
    }

    fn before_wait(&self, until: Option<Instant>) {
        thread::sleep((until.unwrap() + HELD).saturating_duration_since(Instant::now()));
    }
}

/// A shutdown comes right behind a look at whether there was one.
struct Unseen {
    alone: Arc<Alone>,
    looks: AtomicUsize,
    last: usize,
}

impl Like for Unseen {
    fn alone(&self) -> &Alone {
        &self.alone
    }

    fn behind_look(&self) {
        if self.looks.fetch_add(1, Ordering::SeqCst) + 1 == self.last {
            self.alone.shut_down();
        }
    }
}

/// The outcome of a call on a thread that waits like this, and how long it took.
fn post_like(with: Arc<impl Waiting + 'static>, wire: &Wire, body: &[u8], limit: Duration) -> (Poll<Result<Answer, Broken>>, Duration) {
    let watch = Watch::new(Limit::Total(Deadline::after(None)), None, Arc::default(), Effect::Read);
    let request = wire.request(&[body]);
    let begun = Instant::now();
    let mut work = pin!(wire.post(&request, &watch, Some(begun + limit), 1 << 30));
    let outcome = here::waiting(with, Cancellation::default(), || {
        work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    (outcome, begun.elapsed())
}

/// What a call comes to that is held up beyond its time limit, while a site says something on a connection that was used before.
fn held_up(wire: &Wire) -> (Result<Answer, Broken>, Duration) {
    let runtime = runtime();
    assert!(post(&runtime, wire, Way::Runtime, LIMIT, 100).is_ok());
    let _context = runtime.enter();
    match post_like(Arc::new(Held(Alone::new())), wire, b"{}", SHORT) {
        (Poll::Ready(outcome), took) => (outcome, took),
        (Poll::Pending, took) => panic!("it went to the runtime: {took:?}"),
    }
}

/// A site that says this to the second request, and then nothing but, maybe, the end.
fn saying(text: Vec<u8>, ends: bool) -> Wire {
    serving(move |mut stream| {
        assert!(read_request(&mut stream));
        stream.write_all(OK).unwrap();
        assert!(read_request(&mut stream));
        let _ = stream.write_all(&text);
        if ends {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let _ = stream.read(&mut [0]);
    })
}

#[test]
fn what_came_in_time_is_read_though_its_thread_was_held_up() {
    // Of less than what the system takes in by itself, and read in several steps.
    let body = b"[1,2,3,4,5,6,7]".repeat(2500);
    let joined = |head: &str, body: &[u8]| [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat();
    let chunks: Vec<u8> = body
        .chunks(1000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&body).unwrap();
    let packed = packed.finish().unwrap();
    let whole = [
        (joined(&format!("Content-Length: {}\r\n", body.len()), &body), false),
        (
            joined("Transfer-Encoding: chunked\r\n", &[&chunks[..], b"0\r\n\r\n"].concat()),
            false,
        ),
        (joined("", &body), true),
        (
            joined(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len()), &packed),
            false,
        ),
    ];
    for (text, ends) in whole {
        let head = String::from_utf8_lossy(&text[..60]).into_owned();
        let (outcome, took) = held_up(&saying(text, ends));
        assert_eq!(outcome.map_err(|broken| broken.trouble).unwrap().body, body, "{head:?}");
        assert!(took >= SHORT + HELD);
    }
    let answering = body.clone();
    let wire = secure(move |stream: &mut Secured| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answering.len());
        while read_request(stream) {
            stream.write_all(&[head.as_bytes(), &answering].concat()).unwrap();
            stream.flush().unwrap();
        }
    });
    let runtime = runtime();
    assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 1 << 20).is_ok());
    let _context = runtime.enter();
    let (outcome, _) = post_like(Arc::new(Held(Alone::new())), &wire, b"{}", SHORT);
    assert!(matches!(outcome, Poll::Ready(Ok(answer)) if answer.body == body));
}

#[test]
fn what_came_in_part_ends_with_the_time() {
    for text in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        "HTTP/1.1 200 OK\r\n\r\nhalf",
    ] {
        let (outcome, took) = held_up(&saying(text.into(), false));
        let broken = outcome.err().unwrap();
        assert!(matches!(broken.trouble, Trouble::TimeUp), "{text:?}: {:?}", broken.trouble);
        assert_eq!(broken.status.is_some(), text.len() > 12);
        assert!(took < SHORT + HELD + HELD, "{took:?}");
    }
    // What ended is told as that.
    let (outcome, _) = held_up(&saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".into(), true));
    assert!(matches!(outcome.err().unwrap().trouble, Trouble::Cut));
}

#[test]
fn a_site_that_goes_on_and_on_gains_nothing_by_a_thread_that_was_held_up() {
    for piece in ["HTTP/1.1 100 Continue\r\n\r\n", "x", ""] {
        let wire = serving(move |mut stream| {
            assert!(read_request(&mut stream));
            stream.write_all(OK).unwrap();
            assert!(read_request(&mut stream));
            let head = if piece == "x" { "HTTP/1.1 200 OK\r\n\r\n" } else { "" };
            stream.write_all(head.as_bytes()).unwrap();
            let large = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(500);
            let piece = if piece.is_empty() { &large } else { piece.as_bytes() };
            let begun = Instant::now();
            while begun.elapsed() < LIMIT && stream.write_all(piece).is_ok() {}
        });
        let (outcome, took) = held_up(&wire);
        let broken = outcome.err().unwrap();
        assert!(matches!(broken.trouble, Trouble::TimeUp), "{:?}", broken.trouble);
        assert!(took < SHORT + HELD + Duration::from_millis(700), "{piece:?}: {took:?}");
    }
}

/// Where a reply has no length, its end is the connection's, and a shutdown ends connections.
#[test]
fn a_shutdown_at_any_moment_makes_no_reply_shorter() {
    const FIRST: usize = 32 * 1024;
    const REST: usize = 1000;
    let mut lengths = BTreeSet::new();
    // Behind a short request the read waits by itself; behind a longer one it does not, though the connection is known.
    for length in [2, 8000] {
        for last in 1..16 {
            let wire = serving(|mut stream| {
                for _ in 0..2 {
                    if !read_request(&mut stream) {
                        return;
                    }
                    stream.write_all(OK).unwrap();
                }
                if !read_request(&mut stream) {
                    return;
                }
                // So much that a read is filled, and tried again without a wait.
                let mut text = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
                text.resize(FIRST, b'1');
                let _ = stream.write_all(&text);
                thread::sleep(Duration::from_millis(20));
                let _ = stream.write_all(&[b'2'; REST]);
            });
            let runtime = runtime();
            assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 100).is_ok());
            let _context = runtime.enter();
            let unseen = Arc::new(Unseen {
                alone: Alone::new(),
                looks: AtomicUsize::new(0),
                last,
            });
            let (first, _) = post_like(Arc::clone(&unseen), &wire, b"{}", LIMIT);
            if first.is_pending() || unseen.alone.is_stopped() {
                continue;
            }
            match post_like(Arc::clone(&unseen), &wire, &vec![b' '; length], LIMIT).0 {
                Poll::Ready(Ok(answer)) => drop(lengths.insert(answer.body.len())),
                Poll::Ready(Err(broken)) => panic!("{length} {last}: {:?}", broken.trouble),
                Poll::Pending => assert!(unseen.alone.is_stopped()),
            }
        }
    }
    let whole = FIRST - b"HTTP/1.1 200 OK\r\n\r\n".len() + REST;
    assert_eq!(lengths, BTreeSet::from([whole]));
}

/// A body that comes as fast as it is read, in pieces that leave room for more: there is always something, and never as much as was wanted.
#[test]
fn a_site_that_never_stops_holds_up_nobody_else() {
    const LIMIT_ON_IT: Duration = Duration::from_millis(500);
    let wire = serving(|mut stream| {
        assert!(read_request(&mut stream));
        stream.write_all(OK).unwrap();
        assert!(read_request(&mut stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n").unwrap();
        let (begun, piece) = (Instant::now(), [b' '; 16 * 1024]);
        while begun.elapsed() < LIMIT && stream.write_all(&piece).is_ok() {}
    });
    let runtime = runtime();
    assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 100).is_ok());
    let longest = Arc::new(AtomicUsize::new(0));
    let others = Arc::clone(&longest);
    runtime.spawn(async move {
        loop {
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(2)).await;
            others.fetch_max(begun.elapsed().as_millis() as usize, Ordering::SeqCst);
        }
    });
    let begun = Instant::now();
    let broken = post(&runtime, &wire, Way::Runtime, LIMIT_ON_IT, 1 << 30).err().unwrap();
    let took = begun.elapsed();
    assert!(matches!(broken.trouble, Trouble::TimeUp), "{:?}", broken.trouble);
    let longest = longest.load(Ordering::SeqCst);
    assert!(took < LIMIT_ON_IT + Duration::from_millis(250), "{took:?}");
    assert!((1..250).contains(&longest), "others waited {longest} ms");
}
