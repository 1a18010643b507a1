//! Exchanges where it gets difficult: over TLS, with requests that do not fit the buffers of the systems, at the end of the library.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use tokio::runtime::Runtime;

use super::tests::{self, Alone, LIMIT, Scripted, Way, post, post_body, read_request, runtime};
use super::*;
use crate::client::cancellation::Cancellation;
use crate::client::deadline::Deadline;
use crate::client::retry::Effect;
use crate::client::transport::{Limit, Reached};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// More than fits the buffers of both systems together.
const LARGE: usize = 32 << 20;
const SHORT: Duration = Duration::from_secs(3);

/// A stream of a secure site's, of which one can see what is in one record.
pub(super) type Secured = rustls::StreamOwned<ServerConnection, TcpStream>;

/// A secure site that serves each connection by a function.
pub(super) fn secure(serve: impl Fn(&mut Secured) + Send + Clone + 'static) -> Wire {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let client = client
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let server = Arc::new(server.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(20) {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let mut secured = Secured::new(ServerConnection::new(Arc::clone(&server)).unwrap(), stream);
            let serve = serve.clone();
            thread::spawn(move || serve(&mut secured));
        }
    });
    tests::wire(&address, Some(&client))
}

/// A site that serves one connection by a function.
pub(super) fn serving(serve: impl FnOnce(TcpStream) + Send + 'static) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        serve(stream);
    });
    tests::wire(&address, None)
}

fn say(to: &mut impl Write, text: &[u8]) {
    // Whoever does not listen any more does not hear it.
    let _ = to.write_all(text).and_then(|()| to.flush());
}

/// Reads the head of a request alone.
fn read_head(from: &mut impl Read) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && from.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
}

#[test]
fn a_secure_connection_is_kept_and_its_tickets_are_no_words() {
    let runtime = runtime();
    let (counted, connections) = channel();
    let wire = secure(move |stream| {
        counted.send(()).unwrap();
        while read_request(stream) {
            say(stream, OK);
        }
    });
    for way in [Way::Runtime, Way::Here, Way::Here, Way::Runtime] {
        assert_eq!(post(&runtime, &wire, way, LIMIT, 100).ok().unwrap().body, b"ok");
    }
    assert_eq!(connections.try_iter().count(), 1);
}

/// What stands behind a reply would be taken for the answer to the next call.
#[test]
fn what_stands_behind_a_secure_reply_is_never_an_answer() {
    for way in [Way::Runtime, Way::Here] {
        let runtime = runtime();
        let wire = secure(|stream| {
            for number in 1.. {
                if !read_request(stream) {
                    return;
                }
                // The rest of the body and a stray reply come in one record.
                say(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
                thread::sleep(Duration::from_millis(20));
                say(
                    stream,
                    b"mineHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
                        .get(..if number == 1 { 47 } else { 4 })
                        .unwrap(),
                );
            }
        });
        for _ in 0..3 {
            assert_eq!(post(&runtime, &wire, way, LIMIT, 100).ok().unwrap().body, b"mine");
        }
    }
}

#[test]
fn a_secure_reply_that_is_cut_off_is_none() {
    let runtime = runtime();
    for text in [
        "HTTP/1.1 200 OK\r\n\r\n[1,2",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,2",
        "HTTP/1.1 200",
    ] {
        let wire = secure(move |stream| {
            read_request(stream);
            say(stream, text.as_bytes());
            // The end of the connection without TLS saying so.
            let _ = stream.sock.shutdown(Shutdown::Write);
            thread::sleep(Duration::from_millis(100));
        });
        let broken = post(&runtime, &wire, Way::Runtime, LIMIT, 100).err().unwrap();
        assert!(broken.trouble.is_hang_up(), "{text:?}: {:?}", broken.trouble);
    }
    // And one that TLS ends is whole.
    let wire = secure(|stream| {
        read_request(stream);
        say(stream, b"HTTP/1.1 200 OK\r\n\r\n[1,2]");
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    assert_eq!(post(&runtime, &wire, Way::Runtime, LIMIT, 100).ok().unwrap().body, b"[1,2]");
}

/// Posts a large body behind a small one, in both ways, and gives how that ended, how far it came, and how long it took.
fn large(wire: impl Fn() -> Wire, limit: Duration) -> Vec<(Result<Answer, Broken>, Reached, Duration)> {
    [Way::Runtime, Way::Here]
        .into_iter()
        .map(|way| {
            let wire = wire();
            let (told, ended) = channel();
            thread::spawn(move || {
                let runtime = runtime();
                assert!(post(&runtime, &wire, way, LIMIT, 100).is_ok());
                let begun = Instant::now();
                let (outcome, reached) = post_body(&runtime, &wire, way, limit, 1 << 20, &vec![b' '; LARGE]);
                told.send((outcome, reached, begun.elapsed())).unwrap();
            });
            ended.recv_timeout(LIMIT * 3).unwrap_or_else(|_| panic!("{way:?} never ended"))
        })
        .collect()
}

const REFUSAL: &[u8] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn a_refusal_in_the_middle_of_a_large_request_is_heard() {
    let plain = || {
        serving(|mut stream| {
            assert!(read_request(&mut stream));
            say(&mut stream, OK);
            read_head(&mut stream);
            thread::sleep(Duration::from_millis(200));
            say(&mut stream, REFUSAL);
            thread::sleep(SHORT);
        })
    };
    let secure = || {
        secure(|stream| {
            read_request(stream);
            say(stream, OK);
            read_head(stream);
            thread::sleep(Duration::from_millis(200));
            say(stream, REFUSAL);
            thread::sleep(SHORT);
        })
    };
    for (outcome, reached, _) in large(plain, LIMIT).into_iter().chain(large(secure, LIMIT)) {
        assert_eq!(outcome.ok().unwrap().status, 413);
        assert_eq!(reached, Reached::Part);
    }
}

#[test]
fn a_site_that_reads_no_further_costs_no_more_than_the_limit() {
    let secure = || {
        secure(|stream| {
            read_request(stream);
            say(stream, OK);
            read_head(stream);
            thread::sleep(LIMIT);
        })
    };
    for (outcome, reached, took) in large(secure, Duration::from_secs(1)) {
        assert!(matches!(outcome.err().unwrap().trouble, Trouble::TimeUp));
        assert_eq!(reached, Reached::Part);
        assert!(took < LIMIT, "{took:?}");
    }
}

/// Those that only say that a reply will come do not end the request.
#[test]
fn a_provisional_reply_in_the_middle_of_a_large_request_is_passed_over() {
    let listening = || {
        serving(|mut stream| {
            assert!(read_request(&mut stream));
            say(&mut stream, OK);
            thread::sleep(Duration::from_millis(200));
            say(&mut stream, b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Contin");
            thread::sleep(Duration::from_millis(100));
            say(&mut stream, b"ue\r\n\r\n");
            if read_request(&mut stream) {
                say(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
            }
            thread::sleep(SHORT);
        })
    };
    for (outcome, reached, _) in large(listening, LIMIT) {
        assert_eq!(outcome.ok().unwrap().body, b"whole");
        assert_eq!(reached, Reached::Unknown);
    }
}

/// A call that has gone on to the runtime waits there, and holds up nobody.
#[test]
fn a_connection_moves_to_the_runtime_with_its_call() {
    let site = Scripted::by(|stream, number| {
        if number > 0 {
            thread::sleep(Duration::from_millis(500));
        }
        stream.write_all(OK).is_ok()
    });
    let (runtime, wire) = (runtime(), site.wire());
    assert!(post(&runtime, &wire, Way::Here, LIMIT, 100).is_ok());
    let idle = wire.take_idle().unwrap();
    let _context = runtime.enter();
    let here = || here::waiting(Alone::new(), Cancellation::default(), || Connection::again(idle, None));
    let mut connection = here().unwrap();
    drop(_context);
    runtime.block_on(async {
        let begun = Instant::now();
        let other = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            begun.elapsed()
        });
        let watch = Watch::new(Limit::Total(Deadline::after(None)), None, Arc::default(), Effect::Read);
        assert!(
            wire.send(&mut connection, wire.request(&[b"{}"]).text.as_ref(), &watch)
                .await
                .is_ok_and(|written| written == Written::Whole)
        );
        assert_eq!(Head::read(&mut connection).await.ok().unwrap().status, 200);
        assert!(begun.elapsed() >= Duration::from_millis(400));
        assert!(other.await.unwrap() < Duration::from_millis(400));
    });
}

/// One that says nothing any more, not even that it takes in what is sent, is given up by the system, and that is what is told.
#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_died_in_the_middle_of_a_large_request_is_told_as_that() {
    let silent = || {
        let mut wire = serving(|mut stream| {
            assert!(read_request(&mut stream));
            say(&mut stream, OK);
            thread::sleep(LIMIT * 2);
        });
        wire.connector.set_tcp_user_timeout(Some(Duration::from_secs(1)));
        wire
    };
    for (outcome, reached, took) in large(silent, LIMIT * 2) {
        let trouble = outcome.err().unwrap().trouble;
        assert!(trouble.is_silence(), "{trouble:?}");
        assert_eq!(reached, Reached::Part);
        assert!(took < LIMIT, "{took:?}");
    }
}

#[test]
fn idle_connections_end_with_the_runtime() {
    let (told, ended) = channel();
    let wire = serving(move |mut stream| {
        while read_request(&mut stream) {
            say(&mut stream, OK);
        }
        told.send(()).unwrap();
    });
    let first = runtime();
    assert!(post(&first, &wire, Way::Runtime, LIMIT, 100).is_ok());
    assert!(post(&first, &wire, Way::Here, LIMIT, 100).is_ok());
    assert_eq!(tests::idle(&wire), 1);
    drop(first);
    ended.recv_timeout(LIMIT).unwrap();
    assert_eq!(tests::idle(&wire), 0);
}

/// A call on a connection that was used before, to a site that takes so long for the second answer: what it comes to on a thread of the
/// host's that is shut down after a while, and when.
fn second(pause: Duration, limit: Duration, shut_down_after: Duration) -> (Poll<Result<Answer, Broken>>, Duration) {
    let wire = serving(move |mut stream| {
        assert!(read_request(&mut stream));
        say(&mut stream, OK);
        assert!(read_request(&mut stream));
        thread::sleep(pause);
        say(&mut stream, OK);
    });
    let runtime = runtime();
    assert!(post(&runtime, &wire, Way::Runtime, LIMIT, 100).is_ok());
    let _context = runtime.enter();
    let watch = Watch::new(Limit::Total(Deadline::after(None)), None, Arc::default(), Effect::Read);
    let begun = Instant::now();
    let request = wire.request(&[b"{}"]);
    let mut work = pin!(wire.post(&request, &watch, Some(begun + limit), 100));
    let alone = Alone::new();
    let shutting = Arc::clone(&alone);
    let shuts_down = thread::spawn(move || {
        thread::sleep(shut_down_after);
        shutting.shut_down();
    });
    let outcome = here::waiting(alone, Cancellation::default(), || {
        work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    let took = begun.elapsed();
    shuts_down.join().unwrap();
    (outcome, took)
}

#[test]
fn a_read_that_waits_by_itself_ends_with_a_shutdown() {
    let (outcome, took) = second(SHORT, LIMIT, Duration::from_millis(100));
    assert!(outcome.is_pending() && took < Duration::from_millis(800), "{took:?}");
}

#[test]
fn a_read_that_waits_by_itself_is_within_the_limit_and_longer_answers_are_read() {
    let (outcome, took) = second(SHORT, Duration::from_millis(1300), SHORT);
    let Poll::Ready(Err(broken)) = outcome else { panic!("{took:?}") };
    assert!(matches!(broken.trouble, Trouble::TimeUp), "{:?}", broken.trouble);
    assert!(
        (Duration::from_millis(1300)..Duration::from_millis(2000)).contains(&took),
        "{took:?}"
    );
    let (outcome, took) = second(Duration::from_millis(1300), LIMIT, SHORT);
    assert!(matches!(outcome, Poll::Ready(Ok(answer)) if answer.body == b"ok"), "{took:?}");
}

#[test]
fn a_time_limit_is_kept_though_there_is_always_something_to_read() {
    let (runtime, limit) = (runtime(), Duration::from_millis(1_500));
    for way in [Way::Runtime, Way::Here] {
        let site = Scripted::by(|stream, at| {
            let head = if at == 0 { "0\r\n\r\n" } else { "900000000\r\n\r\n" };
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {head}").as_bytes())
                .unwrap();
            // As fast as it can, and never much.
            let end = Instant::now() + LIMIT;
            while at > 0 && Instant::now() < end && stream.write_all(b"[").is_ok() {}
            at == 0
        });
        let wire = site.wire();
        assert!(post(&runtime, &wire, way, LIMIT, 1 << 30).is_ok());
        let started = Instant::now();
        let broken = post(&runtime, &wire, way, limit, 1 << 30).err().unwrap();
        let waited = started.elapsed();
        assert!(matches!(broken.trouble, Trouble::TimeUp), "{:?}", broken.trouble);
        assert!(
            waited >= limit && waited < limit + Duration::from_millis(900),
            "{way:?}: {waited:?}"
        );
    }
}

/// What another HTTP stack makes of an answer.
fn elsewhere(runtime: &Runtime, site: &Scripted) -> Option<(u16, Vec<u8>)> {
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured(crate::client::tls::without_roots().unwrap());
        let sent = client
            .build()
            .unwrap()
            .post(&site.address)
            .header("content-length", "2")
            .body("{}")
            .send();
        let answer = sent.await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.bytes().await.ok()?.to_vec()))
    })
}

/// Broken answers in many ways: whatever hyper takes for a whole answer is the same here, and whatever it does not is none here either.
#[test]
fn what_is_whole_is_what_hyper_takes_for_whole() {
    const WHOLE: [&str; 6] = [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\":[1,2]}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n7;x=y\r\n:[1,2]}\r\n0\r\nSum: 1\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n{}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    const PIECES: [&str; 12] = [
        "\r\n",
        "\n",
        "\r",
        " ",
        ":",
        "0",
        "f",
        "\0",
        "\u{e9}",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        ",",
    ];
    let runtime = runtime();
    // A fixed course, so that what fails fails again.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % most
    };
    for _ in 0..600 {
        let mut answer = WHOLE[below(WHOLE.len())].as_bytes().to_vec();
        for _ in 0..below(3) {
            let at = below(answer.len());
            match below(4) {
                0 => answer.truncate(at.max(1)),
                1 => drop(answer.splice(at..(at + 1 + below(3)).min(answer.len()), [])),
                _ => drop(answer.splice(at..at, PIECES[below(PIECES.len())].bytes())),
            }
        }
        let one = answer.clone();
        let site = Scripted::by(move |stream, _| {
            let _ = stream.write_all(&one);
            false
        });
        let theirs = elsewhere(&runtime, &site);
        let ours = post(&runtime, &site.wire(), Way::Runtime, LIMIT, 10_000);
        // Codings that nobody asked for hyper leaves to whoever reads on.
        if matches!(&ours, Err(Broken { trouble: Trouble::Broken(what), .. }) if what.contains("not chunked alone")) {
            continue;
        }
        let ours = ours.ok().map(|answer| (answer.status, answer.body));
        // A refusal is heard though its words are cut off.
        if theirs.is_none() && ours.as_ref().is_some_and(|(status, _)| *status >= 300) {
            continue;
        }
        assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&answer));
    }
}

/// What two threads get that take turns, from a site that answers with the number of the connection. Their first requests are under way at once.
fn numbers_of_connections(own_within: Duration) -> Vec<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let both = Arc::new(Barrier::new(2));
    thread::spawn(move || {
        for (number, stream) in (0..2).zip(listener.incoming()) {
            let (mut stream, both) = (stream.unwrap(), Arc::clone(&both));
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
            thread::spawn(move || {
                for round in 0.. {
                    if !read_request(&mut stream) {
                        break;
                    }
                    if round == 0 {
                        both.wait();
                    }
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    let mut wire = tests::wire(&address, None);
    wire.manner.own_within = own_within;
    let (together, turn) = (Barrier::new(2), Mutex::new(()));
    thread::scope(|scope| {
        let calling = || {
            let runtime = runtime();
            let call = || post(&runtime, &wire, Way::Here, LIMIT, 1).ok().unwrap().body;
            let mut answers = call();
            together.wait();
            for _ in 0..50 {
                let _turn = turn.lock().unwrap();
                answers.extend(call());
            }
            // A runtime that ends takes what is idle with it.
            together.wait();
            answers
        };
        let threads = [scope.spawn(calling), scope.spawn(calling)];
        threads.map(|thread| thread.join().unwrap()).into()
    })
}

#[test]
fn a_thread_has_the_connection_again_that_it_used_last() {
    let [first, second]: [Vec<u8>; 2] = numbers_of_connections(LIMIT).try_into().unwrap();
    let is_one = |answers: &[u8]| answers.iter().all(|number| *number == answers[0]);
    assert!(is_one(&first) && is_one(&second) && first[0] != second[0], "{first:?} {second:?}");
    // Where it is far behind, all have the one that is fresh.
    let [first, second]: [Vec<u8>; 2] = numbers_of_connections(Duration::ZERO).try_into().unwrap();
    assert!(
        first[0] != second[0] && is_one(&[&first[1..], &second[1..]].concat()),
        "{first:?} {second:?}"
    );
}
