//! The faults of the tables, and what each comes to.

use shotgrid::client::Status;

use super::http::{Reply, gzip};
use super::operations::Operation;
use super::proxy::{Fault, Reads, Then};

/// Where a fault is made.
pub enum Where {
    /// At the request that the operation is about.
    Request(Fault),
    /// Nobody listens at the site's address.
    Refused,
    /// The site's name has no address.
    NoName,
    /// Connections are taken and closed at once.
    TurnedAway,
    /// Connections that were open are closed between two calls.
    ClosedBetween,
    /// Nothing is wrong with this call, but its connection ends in another way than it said.
    Behind(Fault),
}

/// A row of the tables.
pub struct Case {
    pub name: String,
    pub place: Where,
    /// What it comes to for remote calls, and for files.
    calls: Status,
    files: Status,
    but: Vec<(Operation, Status)>,
    /// Whether a time limit ends it.
    pub stalls: bool,
    /// Whether it is about a request that is too large for the sockets on its way.
    pub large: bool,
    /// Whether it is about the body of the site's reply: the storage's has none.
    body: bool,
    /// Whether it is about the next request on the connection.
    behind: bool,
    /// Whether a write may come out as applied or not: the wire decides whether it had left.
    pub either: bool,
}

impl Case {
    fn new(name: impl Into<String>, place: Where, status: Status) -> Case {
        Case {
            name: name.into(),
            place,
            calls: status,
            files: status,
            but: Vec::new(),
            stalls: false,
            large: false,
            body: false,
            behind: false,
            either: false,
        }
    }

    fn request(name: impl Into<String>, fault: Fault, status: Status) -> Case {
        Case::new(name, Where::Request(fault), status)
    }

    fn of_the_body(self) -> Case {
        Case { body: true, ..self }
    }

    fn files(self, files: Status) -> Case {
        Case { files, ..self }
    }

    fn but(mut self, operation: Operation, status: Status) -> Case {
        self.but.push((operation, status));
        self
    }

    pub fn expected(&self, operation: Operation) -> Status {
        let but = self.but.iter().find(|(known, _)| *known == operation);
        let usual = if operation.is_file() { self.files } else { self.calls };
        but.map_or(usual, |(_, status)| *status)
    }

    /// Whether the case means something for an operation.
    pub fn suits(&self, operation: Operation) -> bool {
        let is_put = operation == Operation::Store;
        // Behind the file comes a request that meets the end of the connection or does not, as time will have it.
        (!self.large || is_put || operation == Operation::Upload) && !(is_put && (self.body || self.behind))
    }
}

const PAGE: &str = "<html><head><title>Sign in to the network</title></head><body>Welcome</body></html>";

fn canned(carried_out: bool, reply: Reply, then: Then) -> Fault {
    Fault::new(carried_out, then, move |_| reply.bytes())
}

/// The site did it, and something in between answers in its place.
fn instead(reply: Reply) -> Fault {
    canned(true, reply, Then::GoOn)
}

/// The answer comes in place of the site's work.
fn refusing(reply: Reply) -> Fault {
    canned(false, reply, Then::GoOn)
}

/// The site's reply, changed on its way.
fn changed(then: Then, change: impl Fn(&Reply) -> Vec<u8> + Send + Sync + 'static) -> Fault {
    Fault::new(true, then, change)
}

fn half(bytes: Vec<u8>) -> Vec<u8> {
    let mut bytes = bytes;
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn half_head(reply: &Reply) -> Vec<u8> {
    half(reply.head(&[&reply.body.len().to_string()]))
}

/// Half of the body, and of a body that is asked for from its middle nothing.
fn half_body(reply: &Reply) -> Vec<u8> {
    if reply.line.contains(" 206 ") {
        return reply.head(&[&reply.body.len().to_string()]);
    }
    reply
        .clone()
        .with_body(half(reply.body.clone()))
        .announced(&[&reply.body.len().to_string()])
}

fn compressed(spoil: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Fault {
    changed(Then::GoOn, move |reply| {
        let mut body = gzip(&reply.body);
        spoil(&mut body);
        reply.clone().with("content-encoding", "gzip").with_body(body).bytes()
    })
}

/// All faults. `elsewhere` is the address of another host.
pub fn all(elsewhere: &str) -> Vec<Case> {
    let mut all = connections();
    all.extend(stalls());
    all.extend(lengths());
    all.extend(encodings());
    all.extend(contents());
    all.extend(redirects(elsewhere));
    all.extend(statuses());
    all
}

/// Those that happen to a request and suit every write, by name.
pub fn by_request() -> Vec<(String, Fault)> {
    let cases = all("http://elsewhere.invalid").into_iter().filter(|case| !case.large);
    cases
        .filter_map(|case| match case.place {
            Where::Request(fault) => Some((case.name, fault)),
            _ => None,
        })
        .collect()
}

fn connections() -> Vec<Case> {
    let whole = |reply: &Reply| reply.bytes();
    vec![
        Case::new("refused: nobody listens", Where::Refused, Status::NetworkConnect),
        Case::new("the site's name has no address", Where::NoName, Status::NetworkDns),
        Case {
            either: true,
            ..Case::new("accepted and closed at once", Where::TurnedAway, Status::NetworkReset)
        },
        Case::request(
            "closed when the request has come",
            Fault::mute(false, Then::Close),
            Status::NetworkReset,
        ),
        Case::request(
            "closed when the site has done it",
            Fault::mute(true, Then::Close),
            Status::NetworkReset,
        ),
        Case::request(
            "reset when the request has come",
            Fault::mute(false, Then::Reset),
            Status::NetworkReset,
        ),
        Case::request(
            "reset when the site has done it",
            Fault::mute(true, Then::Reset),
            Status::NetworkReset,
        ),
        Case::request(
            "reset in the head of the reply",
            changed(Then::Reset, half_head),
            Status::NetworkReset,
        ),
        Case::request(
            "reset in the body of the reply",
            changed(Then::Reset, half_body),
            Status::NetworkReset,
        )
        .of_the_body(),
        Case {
            behind: true,
            ..Case::new("reset behind the reply", Where::Behind(changed(Then::Reset, whole)), Status::Ok)
        },
        Case {
            behind: true,
            ..Case::new(
                "closed behind the reply, unannounced",
                Where::Behind(changed(Then::Close, whole)),
                Status::Ok,
            )
        },
        Case::new("closed between two calls", Where::ClosedBetween, Status::Ok),
    ]
}

fn stalls() -> Vec<Case> {
    let stalled = |name: &str, fault: Fault| Case {
        stalls: true,
        ..Case::request(name, fault, Status::TimeoutTotal).files(Status::Timeout)
    };
    let part_read = |then| Fault {
        reads: Reads::Part,
        ..Fault::mute(false, then)
    };
    vec![
        stalled("silent when the request has come", Fault::mute(false, Then::Stall)),
        stalled("silent when the site has done it", Fault::mute(true, Then::Stall)),
        stalled("silent in the head of the reply", changed(Then::Stall, half_head)),
        stalled("silent in the body of the reply", changed(Then::Stall, half_body))
            .of_the_body()
            .but(Operation::Upload, Status::TimeoutTotal),
        Case {
            large: true,
            ..stalled("silent when a part of 19 MB was read", part_read(Then::Stall))
        },
        Case {
            large: true,
            ..Case::request("reset when a part of 19 MB was read", part_read(Then::Reset), Status::NetworkReset)
        },
    ]
}

fn lengths() -> Vec<Case> {
    let announced = |name: &str, lengths: fn(usize) -> Vec<String>, status| {
        let fault = changed(Then::Close, move |reply| {
            let lengths = lengths(reply.body.len());
            reply.announced(&lengths.iter().map(String::as_str).collect::<Vec<_>>())
        });
        Case::request(name, fault, status)
    };
    vec![
        Case::request(
            "body cut short, connection closed",
            changed(Then::Close, half_body),
            Status::NetworkReset,
        )
        .of_the_body(),
        Case::new(
            "bytes behind the body",
            Where::Behind(changed(Then::GoOn, |reply| [reply.bytes(), b"and more\r\n\r\n".to_vec()].concat())),
            Status::Ok,
        ),
        Case::new(
            "a second reply that nobody asked for",
            Where::Behind(changed(Then::GoOn, |reply| {
                let foreign = Reply::new(
                    200,
                    &[("content-type", "application/json")],
                    br#"{"results":{"entities":[{"type":"Shot","id":1}]}}"#,
                );
                [reply.bytes(), foreign.bytes()].concat()
            })),
            Status::Ok,
        ),
        announced(
            "Content-Length too long",
            |length| vec![(length + 7).to_string()],
            Status::NetworkReset,
        ),
        announced("Content-Length no number", |_| vec!["many".to_owned()], Status::Protocol),
        announced("Content-Length negative", |_| vec!["-1".to_owned()], Status::Protocol),
        announced(
            "two Content-Length that differ",
            |length| vec![length.to_string(), (length + 7).to_string()],
            Status::Protocol,
        ),
    ]
}

fn encodings() -> Vec<Case> {
    let broken = |name: &str, spoil: fn(&mut Vec<u8>)| Case::request(name, compressed(spoil), Status::Protocol).of_the_body();
    vec![
        broken("gzip cut short", |body| body.truncate(body.len() - 9)),
        broken("gzip with a wrong checksum", |body| {
            let place = body.len() - 6;
            body[place] ^= 0xff;
        }),
        broken("gzip that is none", |body| *body = b"what is this".to_vec()),
    ]
}

fn contents() -> Vec<Case> {
    let page = |reply: Reply| reply.with("content-type", "text/html; charset=utf-8").with_body(PAGE);
    let json = |text: &str| instead(Reply::default().with_body(text));
    let shaped = |name: &str, text: &str| Case::request(name, json(text), Status::Protocol);
    vec![
        Case::request("a web page with 200", instead(page(Reply::default())), Status::Protocol),
        Case::request("an empty 200", instead(Reply::new(200, &[], b"")), Status::Protocol),
        shaped("JSON cut short, its length right", r#"{"results":{"entities":[{"type":"Shot""#),
        shaped("JSON of the wrong shape: null", r#"{"results":null}"#),
        shaped("JSON of the wrong shape: a number", r#"{"results":7}"#),
        shaped("JSON of the wrong shape: a list of numbers", r#"{"results":[1,2]}"#),
        shaped("JSON of the wrong shape: an object", r#"{"results":{"entities":{"type":"Shot"}}}"#),
        Case::request(
            "no HTTP",
            changed(Then::Close, |_| b"220 mail.example.com ESMTP\r\n\r\n".to_vec()),
            Status::Protocol,
        ),
    ]
}

fn redirects(elsewhere: &str) -> Vec<Case> {
    let to = |status: u16, location: &str| refusing(Reply::new(status, &[("location", location)], b""));
    let mut cases = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        let same = to(status, "?again");
        cases.push(Case::request(format!("{status} to the same host"), same, Status::Protocol));
        let other = to(status, &format!("{elsewhere}/elsewhere"));
        cases.push(Case::request(format!("{status} to another host"), other, Status::Protocol));
    }
    let saml = to(302, "/saml/saml_login_request");
    cases.push(
        Case::request("302 to SAML", saml, Status::AuthSso)
            .but(Operation::Store, Status::Protocol)
            .but(Operation::Download, Status::AuthSessionExpired),
    );
    cases
}

fn statuses() -> Vec<Case> {
    let page = |status: u16| Reply::new(status, &[("content-type", "text/html")], PAGE.as_bytes());
    let refused = |status: u16, to: Status| Case::request(format!("{status} with a page"), refusing(page(status)), to);
    let done =
        |status: u16, to: Status| Case::request(format!("{status} with a page, and the site has done it"), instead(page(status)), to);
    vec![
        refused(401, Status::AuthBlocked).but(Operation::Store, Status::Rejected),
        refused(403, Status::AuthBlocked).but(Operation::Store, Status::Rejected),
        refused(404, Status::Protocol)
            .but(Operation::Store, Status::Rejected)
            .but(Operation::Download, Status::NotFound),
        refused(408, Status::Timeout),
        refused(413, Status::Rejected),
        Case::request("429", refusing(page(429)), Status::RateLimited),
        Case::request(
            "429 with Retry-After: 3600",
            refusing(page(429).with("retry-after", "3600")),
            Status::RateLimited,
        ),
        done(500, Status::ServerFault).but(Operation::Store, Status::Unavailable),
        done(502, Status::Unavailable),
        done(503, Status::Unavailable),
        Case::request(
            "503 with Retry-After: 3600",
            instead(page(503).with("retry-after", "3600")),
            Status::Unavailable,
        ),
        done(504, Status::Unavailable),
    ]
}
