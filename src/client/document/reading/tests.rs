//! A text is read the same however it comes.

use super::super::Known;
use super::{Document, Reader, Reading, SyntaxError};

/// Reads a text that comes in pieces which end at these places.
fn read(text: &str, ends: impl IntoIterator<Item = usize>, most: usize) -> Result<Document, SyntaxError> {
    let mut reader = Reader::new(text.len(), most);
    for end in ends {
        let before = reader.at();
        let may_be = reader.go_on(&text.as_bytes()[..end], text.len());
        assert!(reader.at() >= before && reader.at() <= end, "{text} up to {end}");
        assert!(may_be || Reading::within(most).finish(text.into()).is_err(), "{text} up to {end}");
    }
    Ok(Document::new(text.to_owned(), reader.finish(text.as_bytes())?, 0))
}

/// All nodes of a document, and what its reader found.
#[derive(Debug, PartialEq)]
struct Told {
    nodes: Vec<(usize, usize, bool, bool)>,
    large: Vec<Known>,
    found: [bool; 3],
}

fn told(document: Result<Document, SyntaxError>) -> Result<Told, SyntaxError> {
    let document = document?;
    let nodes = document.nodes.range(0, document.nodes.len());
    Ok(Told {
        nodes: nodes
            .map(|node| (node.start(), node.extent(), node.is_keyed(), node.is_last()))
            .collect(),
        large: document.large.as_ref().map_or_else(Vec::new, |large| large.known().to_vec()),
        found: [document.escaped_keys, document.entities, document.has_local],
    })
}

const TEXTS: &[&str] = &[
    r#"{"results":{"entities":[{"id":12,"code":"SQ_10","x":null,"y":[],"z":{}, "t" : true},{"id":-1.5e3}],"n":1234567890123}}"#,
    "\u{feff} [ \"a\\u00e9\\\"b\", \"\\\\\" , {\"k\\n\" : false } , 0 , 0.5, 1E+2 ]\n ",
    r#"["x &lt; y","local",{"link_type":"local"},"é😀"]"#,
    "12345",
    " \"alone\" ",
    "true",
    "[[[[[[]]]],{}]]",
    "[]",
    // What is wrong stays wrong, and what is cut short is.
    r#"{"a":1,}"#,
    r#"{"a":1}}"#,
    "[] ,1",
    "[1,2",
    "{\"a\"",
    "[tru",
    "[1.]",
    "[01]",
    "\"a\nb\"",
    "[\"\\u12x4\"]",
    "",
];

#[test]
fn a_text_may_be_cut_anywhere_and_again() {
    for text in TEXTS {
        let expected = told(Document::parse((*text).into()));
        assert_eq!(told(read(text, 0..=text.len(), usize::MAX)), expected, "{text}, byte by byte");
        for first in 0..=text.len() {
            assert_eq!(told(read(text, [first], usize::MAX)), expected, "{text} cut at {first}");
            for second in (first..=text.len()).step_by(7) {
                assert_eq!(
                    told(read(text, [first, second], usize::MAX)),
                    expected,
                    "{text} cut at {first} and {second}"
                );
            }
        }
    }
}

/// A list of rows as sites send them.
fn rows(count: usize) -> String {
    let row = |id: usize| {
        format!(
            r#"{{"type":"Shot","id":{id},"code":"SQ_{id}","user":{{"type":"HumanUser","id":{}}},"note":"a\nb"}}"#,
            id % 7
        )
    };
    format!("[{}]", (0..count).map(row).collect::<Vec<_>>().join(","))
}

#[test]
fn much_is_read_in_pieces_of_any_size() {
    let text = rows(3_000);
    let expected = told(Document::parse(text.clone().into()));
    assert!(expected.is_ok());
    for piece in [97, 4_096, 65_537] {
        assert_eq!(told(read(&text, (0..text.len()).step_by(piece), usize::MAX)), expected, "{piece}");
        // What is announced may be unknown, or wrong.
        for length in [0, 33_000, text.len(), text.len() * 9, usize::MAX] {
            let mut reading = Reading::within(usize::MAX);
            for end in (0..text.len()).step_by(piece) {
                reading.go_on(&text.as_bytes()[..end], length);
            }
            assert_eq!(told(reading.finish(text.clone().into())), expected, "{piece} of {length}");
        }
    }
}

#[test]
fn a_character_may_be_cut_and_may_be_none() {
    let text = format!("[\"{}\"]", "é😀漢".repeat(9_000));
    for cut in 0..9 {
        for broken in [false, true] {
            let mut bytes = text.clone().into_bytes();
            if broken {
                bytes[70_000 + cut] = 0xff;
            }
            let mut reading = Reading::within(usize::MAX);
            for end in [40_000 + cut, 75_000, bytes.len()] {
                reading.due = end;
                reading.go_on(&bytes[..end], bytes.len());
            }
            let read = reading.finish(bytes).map(|document| document.json().to_owned());
            match broken {
                true => assert_eq!(read.err().map(|error| error.problem), Some("not UTF-8")),
                false => assert_eq!(read.as_deref(), Ok(text.as_str())),
            }
        }
    }
}

#[test]
fn room_for_nodes_follows_what_comes() {
    let dense = "[],".repeat(200_000);
    let room = |text: &str, length: usize| {
        let mut reader = Reader::new(length, usize::MAX);
        assert!(reader.go_on(text.as_bytes(), length));
        reader.room()
    };
    // 16 MiB, which is what is believed of a body as well, or eight times what came: a page is 1 KiB.
    let came = room(&format!("[{dense}"), 0);
    assert!(room(&format!("[{dense}"), 1 << 30) <= (16 << 10).max(8 * came) + 1);
    assert!(room("[1,2,3,", usize::MAX) < 40);
    // No more than a thirtieth is left over where all is alike, and next to nothing where it ends as was expected.
    for count in [10, 2_000, 4_150, 4_160, 20_000, 100_000] {
        let text = format!("[{}]", vec!["\"thirty bytes of some short text\""; count].join(","));
        let nodes = Document::parse(text.into()).unwrap().nodes;
        let pages = nodes.len().div_ceil(126);
        assert!(
            nodes.room() <= pages + pages / 16 + 34 * usize::from(count < 4_100) + 2,
            "{count}: room for {} of {pages}",
            nodes.room()
        );
    }
}

#[test]
fn a_long_value_is_not_read_again_for_each_piece() {
    let text = format!("[\"{}\"]", "long ".repeat(400_000));
    let mut reading = Reading::within(usize::MAX);
    let mut due = Vec::new();
    for end in (0..=text.len()).step_by(1_024) {
        reading.go_on(&text.as_bytes()[..end], text.len());
        due.push(reading.due);
    }
    due.dedup();
    assert!(due.len() < 10, "it was read {} times", due.len());
    assert_eq!(reading.finish(text.clone().into()).unwrap().json(), text);
}

#[test]
fn values_beyond_the_most_are_refused_however_the_text_comes() {
    let list_of = |value: &str, count: usize| format!("[{}]", vec![value; count].join(","));
    let list = |count: usize| list_of("1", count);
    // The list itself is a node, and the last value may be behind the limit.
    for most in [1, 2, 124, 125, 126, 127, 251, 252, 5_000] {
        for (count, fits) in [(most, true), (most + 1, false), (most + 1_000, false)] {
            let text = list(count);
            for ends in [vec![], vec![text.len() / 2], vec![text.len()]] {
                let outcome = read(&text, ends, most);
                assert_eq!(outcome.as_ref().is_ok(), fits, "{count} of {most}");
                let error = outcome.err();
                assert!(error.as_ref().is_none_or(|error| error.too_many && !error.truncated), "{error:?}");
                assert_eq!(error, Reading::within(most).finish(text.clone().into()).err());
            }
        }
    }
    // What else is wrong behind the limit is not what is told.
    for text in ["[1,1,1,1,1,x]", "[1,1,1,1,1", "[[],[],[],x]", "[1,1,1,1]]"] {
        assert!(read(text, [], 2).is_err_and(|error| error.too_many), "{text}");
    }
    // Memory ends soon behind the limit, and so does reading.
    for value in ["1", "{}", "[[]]", "[1]", "[{},{}]"] {
        for before in ["", "1,", "{},1,"] {
            let text = list_of(value, 100_000).replacen('[', &format!("[{before}"), 1);
            let error = read(&text, [], 10).unwrap_err();
            assert!(error.too_many && error.offset < 1_000, "{value}: {error}");
        }
    }
}

#[test]
fn what_records_are_searched_for_is_seen_wherever_it_stands() {
    for place in (0..140).chain(4_000..4_200).chain([9_000, 20_000]) {
        let before = "x".repeat(place);
        let holds = |string: &str| {
            let document = Document::parse(format!("[\"{before}{string}\",\"{}\"]", "y".repeat(place)).into()).unwrap();
            (document.entities, document.holds_less_than())
        };
        assert_eq!(holds("&lt;"), (true, true), "{place}");
        assert!(!holds("&lt").1 && !holds("l;t").1 && !holds("lt,;").1, "{place}");
        assert!(place > 4_000 || !holds("l; t").0, "{place}");
    }
    for (text, holds) in [
        (r#"["local"]"#, true),
        (r#"{"a":{"link_type":"local"}}"#, true),
        (r#"{"local":"locals"}"#, false),
        (r#"["loca","Local","l\u006fcal"]"#, false),
    ] {
        assert_eq!(Document::parse(text.into()).unwrap().holds_local(), holds, "{text}");
    }
}

/// A reply may hold a session token, and a thread's stack is wiped by nobody.
#[cfg(target_os = "linux")]
#[test]
fn nothing_of_a_text_stays_on_the_stack() {
    use std::io::{Read, Seek, SeekFrom};

    const BELOW: usize = 64 * 1024;
    // Only its parts stand anywhere but in the text.
    let needle = || [3_u8, 14, 15, 92, 65, 35, 89, 79].map(|byte| byte ^ 0x55);
    #[inline(never)]
    fn read_one(needle: &[u8; 8], before: usize) {
        let mut text = vec![b'['; 1];
        text.extend(format!("\"{}", "x".repeat(before)).into_bytes());
        needle.iter().for_each(|byte| text.push(b'a' + byte % 26));
        text.extend_from_slice(b"\",1]");
        let mut reading = Reading::within(usize::MAX);
        reading.due = text.len();
        reading.go_on(&text, text.len());
        std::hint::black_box(reading.finish(text).unwrap());
    }
    for before in [0, 20, 50, 100, 4_000, 4_090, 9_000] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (needle, mut stack) = (needle(), vec![0; BELOW]);
                // What may be found is put together here alone, and on the heap.
                let wanted: Vec<u8> = needle.iter().map(|byte| b'a' + byte % 26).collect();
                let here = std::ptr::from_ref(&needle).addr();
                let mut memory = std::fs::File::open("/proc/self/mem").unwrap();
                read_one(&needle, before);
                memory.seek(SeekFrom::Start((here - BELOW) as u64)).unwrap();
                memory.read_exact(&mut stack).unwrap();
                assert!(memchr::memmem::find(&stack, &wanted).is_none(), "behind {before} bytes");
            });
        });
    }
}
