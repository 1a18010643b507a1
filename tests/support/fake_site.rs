//! A site of a few lines that answers, or fails, exactly as a test says, and keeps what it was sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
    pub at: Instant,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The method of a remote call; empty for everything else.
    pub fn wire_method(&self) -> String {
        if self.target() != "POST /api3/json" {
            return String::new();
        }
        self.json()["method_name"].as_str().unwrap_or_default().to_owned()
    }

    /// Method and path, such as `POST /api3/json`.
    pub fn target(&self) -> String {
        self.head.split(" HTTP/").next().unwrap_or_default().to_owned()
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The credentials part of the parameters.
    pub fn auth(&self) -> serde_json::Value {
        self.json()["params"][0].clone()
    }

    /// What follows the credentials.
    pub fn params(&self) -> serde_json::Value {
        self.json()["params"][1].clone()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let wanted = format!("{}:", name.to_ascii_lowercase());
        self.head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&wanted))
            .map(|line| line[wanted.len()..].trim().to_owned())
    }
}

/// What the site does with a request.
#[derive(Clone)]
pub enum Answer {
    /// 200 with this JSON.
    Json(String),
    /// Any status, headers and body.
    Http(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, then the connection ends.
    Raw(Vec<u8>),
    /// Whatever this writes, then the connection ends.
    Stream(Arc<dyn Fn(&mut TcpStream) + Send + Sync>),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing, for this long; then the connection is closed.
    Stall(Duration),
    /// Another answer, later.
    Late(Duration, Box<Answer>),
    /// Another answer, and the connection is closed behind it without a word.
    AndClose(Box<Answer>),
}

impl Answer {
    pub fn json(text: impl Into<String>) -> Answer {
        Answer::Json(text.into())
    }

    pub fn status(status: u16) -> Answer {
        Answer::Http(status, Vec::new(), Vec::new())
    }

    pub fn fault(code: i64, message: &str) -> Answer {
        Answer::Json(serde_json::json!({"exception": true, "message": message, "error_code": code}).to_string())
    }
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

/// The site. Its threads end when it is dropped.
pub struct FakeSite {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    stop: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

pub const INFO: &str = r#"{"version":[8,60,0],"full_version":[8,60,0,0],"api_max_entities_per_page":500}"#;

impl FakeSite {
    /// A site that answers `info` and proofs of credentials by itself, and everything else by the script.
    pub fn new(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> FakeSite {
        FakeSite::bare(move |request| match (request.wire_method().as_str(), &request.params()) {
            ("info", _) => Answer::json(INFO),
            ("read", params) if params["type"] == "Project" && params["paging"]["entities_per_page"] == 1 => {
                Answer::json(r#"{"results":{"entities":[],"paging_info":{}}}"#)
            }
            _ => script(request),
        })
    }

    /// A site that answers everything by the script.
    pub fn bare(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> FakeSite {
        FakeSite::start(true, script)
    }

    /// The same for any number of requests: none is kept.
    pub fn forgetful(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> FakeSite {
        FakeSite::start(false, script)
    }

    fn start(keeps: bool, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> FakeSite {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Script> = Arc::new(script);
        let site = FakeSite {
            url: format!("http://{address}"),
            requests: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
            address,
        };
        let (requests, connections, stop) = (site.requests.clone(), site.connections.clone(), site.stop.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                if keeps {
                    connections.lock().unwrap().push(stream.try_clone().unwrap());
                }
                let (script, requests) = (script.clone(), requests.clone());
                thread::spawn(move || serve(stream, &*script, keeps.then_some(&requests)));
            }
        });
        site
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests of one wire method.
    pub fn requests_of(&self, wire_method: &str) -> Vec<Request> {
        self.requests()
            .into_iter()
            .filter(|request| request.wire_method() == wire_method)
            .collect()
    }

    pub fn connection_count(&self) -> usize {
        self.connections.lock().unwrap().len()
    }
}

impl Drop for FakeSite {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for stream in self.connections.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread, which then sees that it must stop.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn serve(mut stream: TcpStream, script: &Script, requests: Option<&Mutex<Vec<Request>>>) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    while let Some(request) = read_request(&mut stream) {
        if let Some(requests) = requests {
            requests.lock().unwrap().push(request.clone());
        }
        if !answer(&mut stream, script(&request)) {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let request = Request {
                head,
                body: String::new(),
                at: Instant::now(),
            };
            let length: usize = request.header("content-length").map_or(0, |text| text.parse().unwrap());
            while bytes.len() < end + 4 + length {
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => return None,
                    Ok(read) => bytes.extend_from_slice(&chunk[..read]),
                }
            }
            let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
            return Some(Request { body, ..request });
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Whether the connection goes on.
fn answer(stream: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Json(text) => http(
            stream,
            200,
            &[("content-type", "application/json; charset=utf-8".to_owned())],
            text.as_bytes(),
        ),
        Answer::Http(status, headers, body) => http(stream, status, &headers, &body),
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Answer::Stream(write) => {
            write(stream);
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Answer::Close => {
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Answer::Stall(time) => {
            thread::sleep(time);
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Answer::Late(time, later) => {
            thread::sleep(time);
            self::answer(stream, *later)
        }
        Answer::AndClose(first) => {
            self::answer(stream, *first);
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
    }
}

fn http(stream: &mut TcpStream, status: u16, headers: &[(&'static str, String)], body: &[u8]) -> bool {
    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
}
