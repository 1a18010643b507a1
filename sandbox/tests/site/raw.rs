//! HTTP by hand, for what no well-behaved client sends or is sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use shotgrid_sandbox::Sandbox;

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub fn connect(site: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(site.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// A call.
pub fn post(stream: &mut TcpStream, headers: &str, body: &[u8]) -> Answer {
    send(stream, "POST /api3/json", headers, body);
    read_answer(stream)
}

/// A request that is written and not waited for.
pub fn send(stream: &mut TcpStream, line: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses a body answers before it has read all of it.
    let _ = stream.write_all(body);
}

/// A request to the sandbox's controls, and what it is answered.
pub fn control(site: &Sandbox, line: &str, body: &str) -> Answer {
    let mut stream = connect(site);
    send(
        &mut stream,
        line,
        "Content-Type: application/json\r\nX-Sandbox-Control: 1\r\n",
        body.as_bytes(),
    );
    read_answer(&mut stream)
}

pub fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut head = Vec::new();
    let mut byte = [0_u8];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended in the headers");
        head.push(byte[0]);
    }
    let headers = String::from_utf8(head).unwrap().to_lowercase();
    let status: u16 = headers.split(' ').nth(1).unwrap().parse().unwrap();
    let length = |line: &str| {
        line.strip_prefix("content-length: ")
            .map(|text| text.trim().parse::<usize>().unwrap())
    };
    let body = match headers.lines().find_map(length) {
        Some(length) => {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            body
        }
        // These have no body.
        None if matches!(status, 204 | 304) => Vec::new(),
        None => read_chunks(stream),
    };
    Answer { status, headers, body }
}

fn read_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0_u8];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim().to_owned()
}

fn read_chunks(stream: &mut TcpStream) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(&read_line(stream), 16).unwrap();
        let mut chunk = vec![0; length];
        stream.read_exact(&mut chunk).unwrap();
        read_line(stream);
        if length == 0 {
            return body;
        }
        body.extend(chunk);
    }
}
