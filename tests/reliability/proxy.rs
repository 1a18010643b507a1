//! A proxy between client and site that makes faults: it reads a request whole, has the site carry it out or not, and answers what
//! the test wants, as far as the test wants.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{Head, Reply, find, read_head, read_reply};

/// No stall is held for longer, so that no thread outlives its test for long.
const LONGEST_STALL: Duration = Duration::from_secs(20);
/// What was written reaches the client before the connection is torn down.
const SETTLE: Duration = Duration::from_millis(60);

/// What becomes of the connection behind the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    GoOn,
    Close,
    Reset,
    Stall,
}

/// How much of the request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    All,
    /// So little that the rest is more than sockets hold.
    Part,
}

type Make = dyn Fn(&Reply) -> Vec<u8> + Send + Sync;

/// One kind of fault.
#[derive(Clone)]
pub struct Fault {
    /// Whether the site gets the request. Its reply is what the answer is made of.
    pub carried_out: bool,
    pub reads: Reads,
    pub answer: Arc<Make>,
    pub then: Then,
}

impl Fault {
    pub fn new(carried_out: bool, then: Then, answer: impl Fn(&Reply) -> Vec<u8> + Send + Sync + 'static) -> Fault {
        Fault {
            carried_out,
            reads: Reads::All,
            answer: Arc::new(answer),
            then,
        }
    }

    /// Not a byte of an answer.
    pub fn mute(carried_out: bool, then: Then) -> Fault {
        Fault::new(carried_out, then, |_| Vec::new())
    }
}

/// A fault that is waiting for its request.
pub struct Plan {
    /// How the request line begins; behind a `*`, what it holds further on.
    target: String,
    /// What its body must hold.
    needles: Vec<String>,
    fault: Fault,
    left: AtomicUsize,
    seen: AtomicUsize,
}

impl Plan {
    /// How many requests met the plan.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::Acquire)
    }

    fn is_about(&self, head: &Head, body: &[u8]) -> bool {
        let (begin, more) = self.target.split_once('*').unwrap_or((&self.target, ""));
        let is_it = head.line.strip_prefix(begin).is_some_and(|rest| rest.contains(more));
        is_it && self.needles.iter().all(|needle| find(body, needle.as_bytes()).is_some())
    }
}

struct Shared {
    site: SocketAddr,
    own: SocketAddr,
    plans: Mutex<Vec<Arc<Plan>>>,
    connections: Mutex<Vec<TcpStream>>,
    /// Connections are closed as soon as they are made.
    turns_away: AtomicBool,
    /// Requests that the site is carrying out.
    busy: AtomicUsize,
    stop: AtomicBool,
}

/// The proxy. Its threads end when it is dropped.
pub struct Proxy {
    pub url: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy before the site at this address.
    pub fn new(site_url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            site: site_url.strip_prefix("http://").unwrap().parse().unwrap(),
            own,
            plans: Mutex::default(),
            connections: Mutex::default(),
            turns_away: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stop.load(Ordering::Acquire) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                if accepting.turns_away.load(Ordering::Acquire) {
                    continue;
                }
                let _ = stream.set_nodelay(true);
                accepting.connections.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Proxy {
            url: format!("http://{own}"),
            shared,
        }
    }

    /// Makes a fault of the next requests of which the request line is so and the body holds all needles.
    pub fn plan(&self, target: &str, needles: &[&str], fault: Fault, times: usize) -> Arc<Plan> {
        let plan = Arc::new(Plan {
            target: target.to_owned(),
            needles: needles.iter().map(|needle| (*needle).to_owned()).collect(),
            fault,
            left: AtomicUsize::new(times),
            seen: AtomicUsize::new(0),
        });
        self.shared.plans.lock().unwrap().push(Arc::clone(&plan));
        plan
    }

    pub fn forget(&self, plan: &Arc<Plan>) {
        self.shared.plans.lock().unwrap().retain(|known| !Arc::ptr_eq(known, plan));
    }

    /// From now on every connection is closed as soon as it is made; those that are there are closed too.
    pub fn turn_away(&self) {
        self.shared.turns_away.store(true, Ordering::Release);
        self.close_connections();
    }

    /// Closes what is open, as a site does with connections that were idle for long.
    pub fn close_connections(&self) {
        for stream in self.shared.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until the site has carried out all that it was given, and what is to be reset was.
    pub fn settle(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.shared.busy.load(Ordering::Acquire) > 0 {
            assert!(Instant::now() < end, "the site has been carrying out a request for a minute");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.close_connections();
        // Wakes the accepting thread, which then sees that it must stop.
        let _ = TcpStream::connect_timeout(&self.shared.own, Duration::from_secs(1));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut rest = Vec::new();
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let mut then = Then::GoOn;
    while then == Then::GoOn
        && let Some(head) = read_head(&mut stream, &mut rest)
    {
        then = exchange(&mut stream, &mut rest, &head, shared).unwrap_or(Then::Close);
    }
    let client = stream.peer_addr().ok();
    if then == Then::Reset {
        thread::sleep(SETTLE);
        reset_on_close(&stream);
    }
    shared
        .connections
        .lock()
        .unwrap()
        .retain(|other| client.is_some() && other.peer_addr().ok() != client);
    if then == Then::Reset {
        drop(stream);
        shared.busy.fetch_sub(1, Ordering::AcqRel);
    } else {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// One request and its answer, and what becomes of the connection. `None` where that has ended already.
fn exchange(stream: &mut TcpStream, rest: &mut Vec<u8>, head: &Head, shared: &Shared) -> Option<Then> {
    let length = head.number("content-length").unwrap_or(0);
    // A plan for a part of a request goes by its head alone.
    let part = chosen(shared, |plan| plan.fault.reads == Reads::Part && plan.is_about(head, b""));
    let wanted = if part.is_some() { length / 8 } else { length };
    while rest.len() < wanted {
        let mut chunk = vec![0; (wanted - rest.len()).min(64 * 1024)];
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => rest.extend_from_slice(&chunk[..read]),
        }
    }
    let body: Vec<u8> = rest.drain(..wanted).collect();
    let plan = part.or_else(|| chosen(shared, |plan| plan.fault.reads == Reads::All && plan.is_about(head, &body)));
    let carried_out = plan.as_ref().is_none_or(|plan| plan.fault.carried_out);
    let reply = match carried_out {
        true => {
            shared.busy.fetch_add(1, Ordering::AcqRel);
            let reply = forward(head, &body, shared);
            shared.busy.fetch_sub(1, Ordering::AcqRel);
            reply?
        }
        false => Reply::default(),
    };
    let Some(plan) = plan else {
        return stream.write_all(&reply.bytes()).ok().map(|()| Then::GoOn);
    };
    if plan.fault.then == Then::Reset {
        // What comes next is to find it reset, and not to be hit by it.
        shared.busy.fetch_add(1, Ordering::AcqRel);
    }
    let _ = stream.write_all(&(plan.fault.answer)(&reply));
    if plan.fault.then == Then::Stall {
        stall(stream);
    }
    Some(plan.fault.then)
}

/// The first plan that is about a request and not used up; it is used once more.
fn chosen(shared: &Shared, is_it: impl Fn(&Plan) -> bool) -> Option<Arc<Plan>> {
    let plans = shared.plans.lock().unwrap();
    let take = |left: usize| left.checked_sub(1);
    let plan = plans
        .iter()
        .find(|plan| is_it(plan) && plan.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok())?;
    plan.seen.fetch_add(1, Ordering::AcqRel);
    Some(Arc::clone(plan))
}

/// Has the site carry a request out. Its own address in texts is replaced by the proxy's, so that files come this way too.
fn forward(head: &Head, body: &[u8], shared: &Shared) -> Option<Reply> {
    let (site, own) = (shared.site.to_string(), shared.own.to_string());
    let is_text = head.line.starts_with("POST /upload/api_");
    let escaped = |address: &str| address.replace(':', "%3A");
    let body = match is_text {
        true => String::from_utf8_lossy(body).replace(&escaped(&own), &escaped(&site)).into_bytes(),
        false => body.to_vec(),
    };
    let mut stream = TcpStream::connect(shared.site).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    stream.write_all(&head.forwarded(&site, body.len())).ok()?;
    stream.write_all(&body).ok()?;
    let mut reply = read_reply(&mut stream)?;
    if is_text {
        reply.body = String::from_utf8_lossy(&reply.body).replace(&site, &own).into_bytes();
    }
    for (_, value) in &mut reply.headers {
        *value = value.replace(&site, &own);
    }
    Some(reply)
}

/// Holds a connection until the client leaves it.
fn stall(stream: &mut TcpStream) {
    let end = Instant::now() + LONGEST_STALL;
    let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
    while Instant::now() < end {
        // A client that is still sending is not read: it must feel that nobody takes what it sends.
        match stream.peek(&mut [0; 1]) {
            Ok(0) => return,
            Ok(_) => thread::sleep(Duration::from_millis(50)),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// Makes the end of a connection a reset.
fn reset_on_close(stream: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap();
    let done = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            std::ptr::from_ref(&linger).cast(),
            size,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}
