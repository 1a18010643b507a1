//! Replies that are read as JSON while they come.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::tests::{LIMIT, Scripted, Way, post, runtime};
use super::*;
use crate::client::document::Document;

/// Numbers of all lengths, so that most pieces end in one.
fn numbers() -> String {
    let all: Vec<String> = (0_u64..30_000).map(|number| (number * number * 7_919).to_string()).collect();
    format!("{{\"results\":[{}]}}", all.join(","))
}

/// Writes in pieces that come one by one.
fn write(stream: &mut TcpStream, bytes: &[u8]) {
    for piece in bytes.chunks(9_001) {
        // Whoever has heard enough hangs up.
        if stream.write_all(piece).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn in_chunks(text: &str, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in text.as_bytes().chunks(size) {
        body.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

/// What comes back of a reply, and how much of it was read when it had come.
fn answered(head: &str, body: &[u8], way: Way) -> (Answer, usize) {
    let reply = [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat();
    let site = Scripted::by(move |stream, at| {
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
        write(stream, if at == 0 { first } else { &reply });
        at == 0
    });
    let (runtime, wire) = (runtime(), site.wire());
    assert!(post(&runtime, &wire, way, LIMIT, 1 << 20).is_ok());
    let answer = post(&runtime, &wire, way, LIMIT, 1 << 20).ok().unwrap();
    let read = answer.reading.at();
    (answer, read)
}

#[test]
fn a_reply_is_read_while_it_comes_however_it_comes() {
    let text = numbers();
    let expected = Document::parse(text.clone().into()).unwrap();
    let length = format!("200 OK\r\nContent-Length: {}", text.len());
    let chunked = "200 OK\r\nTransfer-Encoding: chunked";
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let gzip = format!("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}", packed.len());
    // Who refuses may hang up early.
    let refused = format!("500 Oops\r\nContent-Length: {}", text.len() + 9);
    for (head, body, is_read) in [
        (&*length, text.clone().into_bytes(), true),
        (chunked, in_chunks(&text, 5_003), true),
        (chunked, in_chunks(&text, 60_000), true),
        ("200 OK", text.clone().into_bytes(), true),
        (&gzip, packed, false),
        (&refused, text.clone().into_bytes(), true),
    ] {
        for way in [Way::Here, Way::Runtime] {
            let (answer, read) = answered(head, &body, way);
            assert_eq!(answer.body, text.as_bytes(), "{head}");
            match way {
                Way::Here if is_read => assert!(read > text.len() / 2 && read <= text.len(), "{read} of {head}"),
                // The runtime's thread has others to serve.
                _ => assert_eq!(read, 0, "{head}"),
            }
            let document = answer.reading.finish(answer.body).unwrap();
            assert_eq!(
                (document.json(), document.node_count()),
                (expected.json(), expected.node_count()),
                "{head}"
            );
            assert!(
                document
                    .root()
                    .children()
                    .flat_map(|list| list.children())
                    .map(|number| number.json())
                    .eq(expected
                        .root()
                        .children()
                        .flat_map(|list| list.children())
                        .map(|number| number.json()))
            );
        }
    }
}

#[test]
fn a_reply_that_is_cut_off_in_a_number_is_no_shorter_number() {
    let text = numbers();
    let head = format!("500 Oops\r\nContent-Length: {}", text.len());
    let (answer, _) = answered(&head, &text.as_bytes()[..text.len() - 4], Way::Here);
    let error = answer.reading.finish(answer.body).err().unwrap();
    assert!(error.truncated, "{error}");
}
