//! The cases: what the site sends, and what the host must see.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::ffi::CStr;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use shotgrid::client::Status;
use shotgrid::ffi::*;

use super::case::*;
use super::support::fake_site::{Answer, INFO, Request};

const TOO_LARGE: &str = "PROTOCOL_TOO_LARGE";
const PROTOCOL: &str = "PROTOCOL";
const OK: &str = "OK";

/// Every case.
pub fn all() -> Vec<Case> {
    let mut all = sizes();
    all.extend(texts());
    all.extend(values());
    all.extend(http());
    all.extend(times());
    all.extend(files());
    all.extend(steps());
    all
}

fn sizes() -> Vec<Case> {
    vec![
        stream("1 GiB, announced", TOO_LARGE, |stream| {
            stream.write_all(head(&format!("content-length: {GIB}\r\n")).as_bytes())?;
            gibibyte(stream)
        }),
        stream("1 GiB, until the connection ends", TOO_LARGE, |stream| {
            stream.write_all(head("connection: close\r\n").as_bytes())?;
            gibibyte(stream)
        })
        .memory(4),
        stream("1 GiB in chunks", TOO_LARGE, |stream| {
            stream.write_all(head("transfer-encoding: chunked\r\n").as_bytes())?;
            stream.write_all(format!("{GIB:x}\r\n").as_bytes())?;
            gibibyte(stream)
        })
        .memory(4),
        stream("chunks of one byte without end", "TIMEOUT_TOTAL", |stream| {
            stream.write_all(head("transfer-encoding: chunked\r\n").as_bytes())?;
            endlessly(stream, "1\r\n \r\n".repeat(500).as_bytes(), Duration::from_millis(1))
        })
        .memory(4),
        encoded("a gzip bomb of 1 GiB", TOO_LARGE, "gzip", || {
            let encoder = GzEncoder::new(Vec::new(), Compression::fast());
            packed(encoder, |encoder| encoder.get_ref().len(), GzEncoder::finish)
        })
        .memory(4),
        encoded("a deflate bomb of 1 GiB", TOO_LARGE, "deflate", || {
            let encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            packed(encoder, |encoder| encoder.get_ref().len(), ZlibEncoder::finish)
        })
        .memory(4),
        encoded("gzip in gzip", PROTOCOL, "gzip, gzip", || gzip(&gzip(b"{\"results\":1}"))),
        encoded("deflate that is none", PROTOCOL, "deflate", || b"{\"results\":1}".to_vec()),
        encoded("gzip that is cut short", PROTOCOL, "gzip", || {
            let whole = gzip(&[b' '; 100_000]);
            whole[..whole.len() / 2].to_vec()
        }),
        encoded("an encoding that nobody asked for", PROTOCOL, "br", || {
            b"\x0b\x02\x80{}\x03".to_vec()
        }),
        encoded("raw deflate, as some servers send it", PROTOCOL, "deflate", || {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(b"{\"results\":1}").unwrap();
            encoder.finish().unwrap()
        }),
        large("the limit full of the smallest values", TOO_LARGE, || {
            many("[", "1", "]", LIMIT as usize / 2 - 2)
        })
        .memory(8),
        large("as many small values as are allowed", OK, || {
            many("[", "1", "]", LIMIT as usize / 4 - 100)
        })
        .memory(14),
        large("the limit full of strings with escapes", OK, || {
            many("[", "\"\\n\\n\"", "]", LIMIT as usize / 7 - 10)
        })
        .memory(14),
        large("the limit full of empty objects", TOO_LARGE, || {
            many("[", "{}", "]", LIMIT as usize / 3 - 10)
        })
        .memory(8),
        large("a string as long as the limit", OK, || {
            format!("\"{}\"", "x".repeat(LIMIT as usize - 10))
        })
        .memory(8),
        large("spaces up to the limit", OK, || format!("{}1", " ".repeat(LIMIT as usize - 10))).memory(8),
        large("a fault whose message is as long as the limit", "SERVER_FAULT", || {
            format!(r#"{{"exception":true,"message":"{}"}}"#, "%\\\\&".repeat(LIMIT as usize / 5 - 100))
        })
        .memory(8),
        case("a status 500 with a text as long as the limit", "SERVER_FAULT", |_| {
            Answer::Http(500, vec![("content-type", "text/plain".into())], vec![b'x'; LIMIT as usize - 10])
        })
        .memory(8),
    ]
}

fn texts() -> Vec<Case> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    vec![
        body("100,000 arrays in each other", PROTOCOL, deep("[", "]")),
        body("100,000 objects in each other", PROTOCOL, deep("{\"a\":", "}")),
        body("100,000 arrays that nobody closes", PROTOCOL, "[".repeat(100_000)),
        body(
            "512 arrays in each other, which are allowed",
            OK,
            format!("{}{}", "[".repeat(512), "]".repeat(512)),
        ),
        body("bytes that are not UTF-8", PROTOCOL, b"{\"results\":\"\xff\xfe\"}".to_vec()),
        body("overlong UTF-8", PROTOCOL, b"{\"results\":\"\xc0\xaf\"}".to_vec()),
        body("a surrogate in UTF-8", PROTOCOL, b"{\"results\":\"\xed\xa0\x80\"}".to_vec()),
        body(
            "UTF-16",
            PROTOCOL,
            "{\"results\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        ),
        body("JSON cut short", PROTOCOL, "{\"results\":[1,2"),
        body("two JSON texts", PROTOCOL, "{\"results\":1}{\"results\":2}"),
        body("NaN and Infinity", PROTOCOL, "{\"results\":[NaN,Infinity]}"),
        body("comments", PROTOCOL, "{\"results\":1} // well"),
        body("a line break within a string", PROTOCOL, "{\"results\":\"a\nb\"}"),
        body("nothing", PROTOCOL, ""),
        body("only spaces", PROTOCOL, "    "),
        case("JSON that calls itself a web page", PROTOCOL, |_| {
            Answer::Http(200, vec![("content-type", "text/html".into())], b"{\"results\":1}".to_vec())
        }),
        case("JSON that calls itself a picture", OK, |_| {
            Answer::Http(200, vec![("content-type", "image/png".into())], b"{\"results\":1}".to_vec())
        }),
        case("a picture that calls itself JSON", PROTOCOL, |_| {
            Answer::Http(
                200,
                vec![("content-type", "application/json".into())],
                b"\x89PNG\r\n\x1a\n\0\0".to_vec(),
            )
        }),
    ]
}

fn get(value: *const sg_value, name: &CStr) -> *const sg_value {
    unsafe { sg_value_get(value, name.as_ptr()) }
}

fn string(value: *const sg_value) -> Vec<u8> {
    let mut length = 0;
    let text = unsafe { sg_value_string(value, &mut length) };
    assert!(!text.is_null());
    unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) }.to_vec()
}

fn values() -> Vec<Case> {
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!("\"{key:x}\":1")).collect();
        format!("{{{}}}", keys.join(","))
    };
    vec![
        large("an object of 300,000 keys, of which all are asked for", OK, move || keys(300_000))
            .work(Work::Checked(|root| {
                for key in 0..300_000 {
                    let name = std::ffi::CString::new(format!("{key:x}")).unwrap();
                    assert!(!get(root, &name).is_null());
                }
                assert!(get(root, c"no").is_null());
            }))
            .memory(14)
            .more_time(60),
        large("one key 500,000 times", OK, || many("{", "\"k\":7", "}", 500_000))
            .work(Work::Checked(|root| {
                (0..1000).for_each(|_| assert!(!get(root, c"k").is_null()));
            }))
            .memory(14)
            .more_time(60),
        large("1,000,000 keys, more than the limit", TOO_LARGE, move || keys(1_000_000)).memory(8),
        body("doubled keys: the last one counts", OK, r#"{"results":{"a":1,"a":2,"\u0061":3}}"#).work(Work::Checked(|root| {
            let mut number = 0;
            assert_eq!(unsafe { sg_value_int64(get(root, c"a"), &mut number) }, Status::Ok);
            assert_eq!((number, unsafe { sg_value_count(root) }), (3, 3));
        })),
        body(
            "a surrogate without its other half: U+FFFD",
            OK,
            r#"{"results":["\ud800","\udc00x","\ud83d\ude00"]}"#,
        )
        .work(Work::Checked(|root| {
            let at = |index| string(unsafe { sg_value_at(root, index) });
            assert_eq!((at(0), at(1), at(2)), ("\u{fffd}".into(), "\u{fffd}x".into(), "😀".into()));
        })),
        body("NUL in a string: its length counts", OK, r#"{"results":{"a\u0000b":"x\u0000y"}}"#).work(Work::Checked(|root| {
            let member = unsafe { sg_value_first(root) };
            assert_eq!(string(member), b"x\0y");
            assert!(!unsafe { sg_value_get_n(root, b"a\0b".as_ptr().cast(), 3) }.is_null());
        })),
        body(
            "numbers beyond every range: kept as text",
            OK,
            format!(
                r#"{{"results":[1e999999,-1e-999999,18446744073709551616,1{},0.1e1]}}"#,
                "0".repeat(100_000)
            ),
        )
        .work(Work::Checked(|root| {
            let at = |index| unsafe { sg_value_at(root, index) };
            let (mut whole, mut double) = (7, 7.0);
            for index in [0, 2, 3] {
                assert_eq!(unsafe { sg_value_int64(at(index), &mut whole) }, Status::InvalidArgument);
            }
            for index in [0, 3] {
                assert_eq!(unsafe { sg_value_double(at(index), &mut double) }, Status::InvalidArgument);
            }
            assert_eq!(unsafe { sg_value_double(at(2), &mut double) }, Status::Ok);
            assert_eq!(double, 18_446_744_073_709_551_616.0);
            let mut length = 0;
            assert!(!unsafe { sg_value_json(at(3), &mut length) }.is_null());
            assert_eq!(length, 100_001);
        })),
        body(
            "an exception of the wrong shape",
            "SERVER_FAULT",
            r#"{"exception":[1],"message":[1],"error_code":1e99}"#,
        )
        .work(Work::Raw),
        body(
            "an exception with a huge number",
            "SERVER_FAULT",
            r#"{"exception":true,"message":"x","error_code":99999999999999999999}"#,
        ),
    ]
}

fn http() -> Vec<Case> {
    let chunked = head("transfer-encoding: chunked\r\n");
    vec![
        raw(
            "a chunk longer than any number",
            PROTOCOL,
            format!("{chunked}fffffffffffffffff\r\nx"),
        ),
        raw("a chunk of negative length", PROTOCOL, format!("{chunked}-1\r\nx")),
        raw("a chunk whose length is no number", PROTOCOL, format!("{chunked}zz\r\nx")),
        raw(
            "a chunk that is longer than it says",
            PROTOCOL,
            format!("{chunked}1\r\n{{}}\r\n0\r\n\r\n"),
        ),
        raw("a chunk that never comes", "NETWORK_RESET", format!("{chunked}100\r\n{{")),
        raw(
            "a chunk extension of 1 MB",
            PROTOCOL,
            format!("{chunked}2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(MIB)),
        ),
        stream("trailers without end", PROTOCOL, |stream| {
            stream.write_all(head("transfer-encoding: chunked\r\n").as_bytes())?;
            stream.write_all(b"2\r\n{}\r\n0\r\n")?;
            endlessly(stream, "x: y\r\n".repeat(1000).as_bytes(), Duration::ZERO)
        }),
        raw(
            "a header of 1 MB",
            PROTOCOL,
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(MIB)),
        ),
        raw(
            "10,000 headers",
            PROTOCOL,
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000)),
        ),
        stream("headers without end", PROTOCOL, |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            endlessly(stream, "x: y\r\n".repeat(1000).as_bytes(), Duration::ZERO)
        }),
        stream("a header without end", PROTOCOL, |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
            endlessly(stream, &[b'y'; 4096], Duration::ZERO)
        }),
        stream("a status line without end", PROTOCOL, |stream| {
            stream.write_all(b"HTTP/1.1 200 ")?;
            endlessly(stream, &[b'y'; 4096], Duration::ZERO)
        }),
        stream(
            "100 Continue without end",
            "TIMEOUT_TOTAL",
            interim("100 Continue", Duration::from_millis(1)),
        ),
        stream("103 Early Hints without end, as fast as it can", "TIMEOUT_TOTAL", |stream| {
            let hints = format!("HTTP/1.1 103 Early Hints\r\nlink: </{}>; rel=preload\r\n\r\n", "x".repeat(8000));
            endlessly(stream, hints.repeat(10).as_bytes(), Duration::ZERO)
        }),
        raw(
            "a change of protocol",
            PROTOCOL,
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
        raw(
            "two lengths",
            PROTOCOL,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        ),
        raw(
            "a length that is no number",
            PROTOCOL,
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
        ),
        raw("a negative length", PROTOCOL, "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}"),
        raw(
            "more than the length says",
            PROTOCOL,
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}",
        ),
        raw(
            "less than the length says",
            "NETWORK_RESET",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        ),
        raw("NUL in a header", PROTOCOL, b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n".to_vec()),
        raw("status 000", PROTOCOL, "HTTP/1.1 000 Well\r\ncontent-length: 2\r\n\r\n{}"),
        raw("status 999", "SERVER_FAULT", "HTTP/1.1 999 Well\r\ncontent-length: 2\r\n\r\n{}"),
        raw("no HTTP", PROTOCOL, "220 mail.example.com ESMTP\r\n"),
        raw("HTTP/2", PROTOCOL, b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64".to_vec()),
        raw("nothing, and the connection ends", "NETWORK_RESET", ""),
        raw(
            "Retry-After of ages",
            "RATE_LIMITED",
            "HTTP/1.1 429 Slow\r\nretry-after: 99999999999999999999999\r\ncontent-length: 0\r\n\r\n",
        ),
        case("a redirect to itself without end", PROTOCOL, |_| {
            Answer::Http(302, vec![("location", "/api3/json".into())], Vec::new())
        }),
        case("a redirect of 100,000 characters", PROTOCOL, |_| {
            Answer::Http(302, vec![("location", format!("/{}", "x".repeat(100_000)))], Vec::new())
        }),
    ]
}

fn times() -> Vec<Case> {
    let drip = Duration::from_millis(100);
    vec![
        stream("a head, one byte at a time", "TIMEOUT_TOTAL", move |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
            endlessly(stream, b"y", drip)
        }),
        stream("a reply, one byte at a time", "TIMEOUT_TOTAL", move |stream| {
            stream.write_all(head("content-length: 100000\r\n").as_bytes())?;
            endlessly(stream, b" ", drip)
        }),
        case(
            "what is said of an upload, one byte at a time",
            "TIMEOUT_TOTAL",
            move |request| match request.target().starts_with("POST /upload") {
                true => streaming(&Arc::new(move |stream: &mut TcpStream| {
                    stream.write_all(head("content-length: 100000\r\n").as_bytes())?;
                    endlessly(stream, b"1", drip)
                })),
                false => Answer::json(INFO),
            },
        )
        .work(Work::Call("upload", r#"["Version",1,"FILE"]"#)),
        case("silence", "TIMEOUT_TOTAL", |_| Answer::Stall(Duration::from_secs(30))),
    ]
}

/// Who asks for a file is given a session, and then what this writes.
fn file(name: &'static str, expected: &'static str, write: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Case {
    let write = Arc::new(write);
    let case = case(name, expected, move |request| match request.wire_method() == "get_session_token" {
        true => Answer::json(r#"{"results":{"session_id":"S"}}"#),
        false => streaming(&write),
    });
    case.work(Work::Call("download_attachment", r#"[9,"FILE"]"#))
}

fn files() -> Vec<Case> {
    let hints = || interim("103 Early Hints", Duration::from_millis(1));
    vec![
        file("a download without end", TOO_LARGE, |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            gibibyte(stream)
        }),
        file("a download of 1 TiB, announced", TOO_LARGE, |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n")?;
            gibibyte(stream)
        }),
        file("a download of more than this process may write (RLIMIT_FSIZE)", "IO", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3145728\r\n\r\n")?;
            stream.write_all(&vec![b'x'; 3 * MIB])
        })
        .work(Work::CallWithLittleRoom("download_attachment", r#"[9,"FILE"]"#)),
        file("103 Early Hints without end, for a download", "TIMEOUT", hints()),
        stream("103 Early Hints without end, for an upload", "TIMEOUT", hints()).work(Work::Call("upload", r#"["Version",1,"FILE"]"#)),
    ]
}

fn steps() -> Vec<Case> {
    let session = |request: &Request| request.wire_method() == "get_session_token";
    let page = |rows: usize, name: usize| {
        let row = format!(r#"{{"type":"Shot","id":1,"code":"{}"}}"#, "x".repeat(name));
        let rows = vec![row; rows].join(",");
        format!(r#"{{"results":{{"entities":[{rows}],"paging_info":{{"has_next_page":true}}}}}}"#)
    };
    let (large, small) = (page(500, 1000), page(1, 1));
    // No two pages are alike, as those of a site that only repeats itself would be.
    let numbered = |page: String| {
        let number = std::sync::atomic::AtomicU64::new(0);
        move |_: &Request| {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Answer::json(page.replacen("\"id\":1", &format!("\"id\":{number}"), 1))
        }
    };
    vec![
        case("large pages without end", TOO_LARGE, numbered(large))
            .work(Work::Call("find", r#"["Shot",[],["code"]]"#))
            .memory(8)
            .more_time(60),
        case("small pages without end", TOO_LARGE, numbered(small))
            .work(Work::Call("find", r#"["Shot",[],["code"]]"#))
            .memory(8)
            .more_time(60),
        case("empty pages without end", PROTOCOL, |_| {
            Answer::json(r#"{"results":{"entities":[],"paging_info":{"has_next_page":true}}}"#)
        })
        .work(Work::Call("find", r#"["Shot",[],["code"]]"#)),
        case("rows where a number belongs", PROTOCOL, |_| {
            Answer::json(r#"{"results":{"entities":7}}"#)
        })
        .work(Work::Call("find", r#"["Shot",[],["code"]]"#)),
        case(
            "a download that is redirected without end",
            PROTOCOL,
            move |request| match session(request) {
                true => Answer::json(r#"{"results":{"session_id":"S"}}"#),
                false => Answer::Http(302, vec![("location", "/file_serve/attachment/9?again=1".into())], Vec::new()),
            },
        )
        .work(Work::Call("download_attachment", "[9]")),
        case(
            "a download that leads to a file of this machine",
            PROTOCOL,
            move |request| match session(request) {
                true => Answer::json(r#"{"results":{"session_id":"S"}}"#),
                false => Answer::Http(302, vec![("location", "file:///etc/hostname".into())], Vec::new()),
            },
        )
        .work(Work::Call("download_attachment", "[9]")),
        case("a download into memory without end", TOO_LARGE, move |request| {
            match session(request) {
                true => Answer::json(r#"{"results":{"session_id":"S"}}"#),
                false => streaming(&Arc::new(|stream: &mut TcpStream| {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                    gibibyte(stream)
                })),
            }
        })
        .work(Work::Call("download_attachment", "[9]"))
        .memory(4),
        case("a session token of a million characters", PROTOCOL, |_| {
            Answer::json(format!(r#"{{"results":{{"session_id":"{}"}}}}"#, "x".repeat(1_000_000)))
        })
        .work(Work::Call("get_session_token", "[]"))
        .memory(1),
        case("a storage that is a file of this machine", PROTOCOL, |request| {
            storage(request, "file:///tmp/x")
        })
        .work(Work::Call("upload", r#"["Version",1,"FILE","sg_uploaded_movie"]"#)),
        case("no place for a file", PROTOCOL, |request| storage(request, "well"))
            .work(Work::Call("upload", r#"["Version",1,"FILE","sg_uploaded_movie"]"#)),
        case("an answer to an upload of 2 MB", TOO_LARGE, |request| {
            if request.target().starts_with("POST /upload") {
                return Answer::Http(200, vec![("content-type", "text/plain".into())], vec![b'1'; 2 * MIB]);
            }
            Answer::json(INFO)
        })
        .work(Work::Call("upload", r#"["Version",1,"FILE"]"#))
        .memory(1),
    ]
}

/// A site that wants files of Versions at this address.
fn storage(request: &Request, address: &str) -> Answer {
    let text = format!("1\n{address}\n2024-01-02T03:04:05Z\nAttachment\nID\n");
    match request.target().starts_with("POST /upload/api_get_upload_link_info") {
        true => Answer::Http(200, vec![("content-type", "text/plain".into())], text.into_bytes()),
        false => Answer::status(404),
    }
}
