//! Cursors on results.

#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

mod support;

use std::ffi::c_char;
use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

/// A result that frees itself, for tests that don't test that.
struct Held(*mut sg_result);

impl Held {
    fn new(json: &str) -> Held {
        Held(result(json))
    }

    fn root(&self) -> *const sg_value {
        let root = unsafe { sg_result_value(self.0) };
        assert!(!root.is_null());
        root
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        unsafe { sg_result_free(self.0) };
    }
}

fn kind(value: *const sg_value) -> sg_value_type {
    unsafe { sg_value_get_type(value) }
}

fn get(value: *const sg_value, key: &str) -> *const sg_value {
    let twin = unsafe { sg_value_get_n(value, key.as_ptr().cast(), key.len()) };
    if !key.contains('\0') {
        assert_eq!(unsafe { sg_value_get(value, c(key).as_ptr()) }, twin);
    }
    twin
}

fn at(value: *const sg_value, index: usize) -> *const sg_value {
    unsafe { sg_value_at(value, index) }
}

fn bytes(read: unsafe extern "C" fn(*const sg_value, *mut usize) -> *const c_char, value: *const sg_value) -> Vec<u8> {
    let mut len = usize::MAX;
    let text = unsafe { read(value, &mut len) };
    assert!(!text.is_null());
    assert_eq!(unsafe { read(value, null_mut()) }, text, "the length is optional");
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len + 1) };
    assert_eq!(text[len], 0, "no NUL at the end");
    text[..len].to_vec()
}

/// What a function gives that says where it ends by a length alone.
fn span(read: unsafe extern "C" fn(*const sg_value, *mut usize) -> *const c_char, value: *const sg_value) -> Vec<u8> {
    let mut len = usize::MAX;
    let text = unsafe { read(value, &mut len) };
    assert!(!text.is_null());
    assert!(unsafe { read(value, null_mut()) }.is_null(), "the length is needed");
    unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) }.to_vec()
}

fn string(value: *const sg_value) -> String {
    let string = bytes(sg_value_string, value);
    assert_eq!(span(sg_value_text, value), string);
    String::from_utf8(string).unwrap()
}

fn key(value: *const sg_value) -> String {
    let key = bytes(sg_value_key, value);
    assert_eq!(span(sg_value_key_text, value), key);
    String::from_utf8(key).unwrap()
}

fn json(value: *const sg_value) -> String {
    String::from_utf8(span(sg_value_json, value)).unwrap()
}

fn pointer(value: *const sg_value, pointer: &str) -> *const sg_value {
    unsafe { sg_value_pointer(value, c(pointer).as_ptr()) }
}

#[test]
fn every_kind_is_told_and_read() {
    let held = Held::new(r#"{"null":null,"yes":true,"no":false,"number":-12,"text":"hi","list":[1,2],"object":{"a":1}}"#);
    let root = held.root();
    assert_eq!(kind(root), sg_value_type::Object);
    assert_eq!(unsafe { sg_value_count(root) }, 7);
    for (name, expected) in [
        ("null", sg_value_type::Null),
        ("yes", sg_value_type::Bool),
        ("no", sg_value_type::Bool),
        ("number", sg_value_type::Number),
        ("text", sg_value_type::String),
        ("list", sg_value_type::Array),
        ("object", sg_value_type::Object),
        ("missing", sg_value_type::None),
    ] {
        assert_eq!(kind(get(root, name)), expected, "{name}");
        let null = matches!(expected, sg_value_type::Null | sg_value_type::None);
        assert_eq!(unsafe { sg_value_is_null(get(root, name)) }, i32::from(null), "{name}");
    }
    let (mut number, mut truth) = (0, 7);
    good(unsafe { sg_value_int64(get(root, "number"), &mut number) });
    good(unsafe { sg_value_bool(get(root, "yes"), &mut truth) });
    assert_eq!((number, truth), (-12, 1));
    good(unsafe { sg_value_bool(get(root, "no"), &mut truth) });
    assert_eq!(truth, 0);
    assert_eq!(string(get(root, "text")), "hi");
    assert_eq!(unsafe { sg_value_count(get(root, "text")) }, 0);
    assert_eq!(unsafe { sg_value_count(get(root, "list")) }, 2);
    assert_eq!(json(get(root, "object")), r#"{"a":1}"#);
    assert_eq!(json(get(root, "text")), r#""hi""#);
    assert_eq!(unsafe { sg_value_json(root, null_mut()) }, null(), "its length is needed");
    assert_eq!(unsafe { sg_value_string(get(root, "number"), null_mut()) }, null());
}

#[test]
fn the_bytes_are_the_sites_own() {
    let text = "{ \"b\" : [1.50,  1e3], \"a\":\"\\u00e9/\\/\" , \"big\": 123456789012345678901234567890 }";
    let held = Held::new(text);
    let mut len = 0;
    assert_eq!(read(unsafe { sg_result_json(held.0, &mut len) }), text);
    assert_eq!(len, text.len());
    assert_eq!(json(held.root()), text);
    assert_eq!(json(get(held.root(), "b")), "[1.50,  1e3]");
    assert_eq!(json(get(held.root(), "big")), "123456789012345678901234567890");
}

#[test]
fn a_scalar_may_be_the_root() {
    for (text, expected) in [
        ("true", sg_value_type::Bool),
        ("null", sg_value_type::Null),
        ("12", sg_value_type::Number),
    ] {
        let held = Held::new(text);
        assert_eq!(kind(held.root()), expected);
        for step in [sg_value_next, sg_value_first] {
            assert_eq!(unsafe { step(held.root()) }, null());
        }
        assert_eq!(unsafe { sg_value_key(held.root(), null_mut()) }, null());
    }
    assert_eq!(string(Held::new(r#""text""#).root()), "text");
}

#[test]
fn numbers_are_read_exactly_or_refused() {
    let held = Held::new(r#"[9223372036854775807,-9223372036854775808,9223372036854775808,1.5,1e400,"7",null,0.1]"#);
    let whole = |index| {
        let mut out = 5;
        let status = unsafe { sg_value_int64(at(held.root(), index), &mut out) };
        (status, out)
    };
    let double = |index| {
        let mut out = 5.0;
        let status = unsafe { sg_value_double(at(held.root(), index), &mut out) };
        (status, out)
    };
    assert_eq!(whole(0), (Status::Ok, i64::MAX));
    assert_eq!(whole(1), (Status::Ok, i64::MIN));
    for index in 2..9 {
        assert_eq!(whole(index), (Status::InvalidArgument, 0), "{index}");
        assert_ne!(message(), "");
    }
    assert_eq!(double(3), (Status::Ok, 1.5));
    assert_eq!(double(7), (Status::Ok, 0.1));
    assert_eq!(double(2), (Status::Ok, 9_223_372_036_854_775_808.0));
    for index in [4, 5, 6, 8] {
        assert_eq!(double(index), (Status::InvalidArgument, 0.0), "{index}");
    }
    fails(
        unsafe { sg_value_int64(at(held.root(), 5), &mut 0) },
        Status::InvalidArgument,
        &["a string", "a number"],
    );
    fails(
        unsafe { sg_value_bool(at(held.root(), 5), &mut 0) },
        Status::InvalidArgument,
        &["a string", "a boolean"],
    );
    fails(
        unsafe { sg_value_int64(at(held.root(), 99), &mut 0) },
        Status::InvalidArgument,
        &["value is NULL"],
    );
    fails(
        unsafe { sg_value_int64(at(held.root(), 0), null_mut()) },
        Status::InvalidArgument,
        &["out is NULL"],
    );
}

#[test]
fn times_are_converted_when_asked() {
    let held = Held::new(r#"["1970-01-01T00:00:00Z","1969-12-31T23:59:59Z","2024-02-29","2024-07-15T15:00:00Z","soon",5]"#);
    let expected = [
        Some(0),
        Some(-1000),
        Some(1_709_164_800_000),
        Some(1_721_055_600_000),
        None,
        None,
        None,
    ];
    for (index, expected) in expected.into_iter().enumerate() {
        let mut out = 7;
        let status = unsafe { sg_value_time_ms(at(held.root(), index), &mut out) };
        assert_eq!(
            (status == Status::Ok, out),
            (expected.is_some(), expected.unwrap_or(0)),
            "{index}: {}",
            message()
        );
    }
}

#[test]
fn text_is_decoded_and_may_hold_nul() {
    let held = Held::new(
        r#"{"plain":"Bücher 漢字 🎬","escaped":"B\u00fccher\n\t\"\\\/\ud83c\udfac","nul":"a\u0000b","lone":"x\ud800y","empty":"","k\u0000ey":1,"\u00fc":2}"#,
    );
    let root = held.root();
    assert_eq!(string(get(root, "plain")), "Bücher 漢字 🎬");
    assert_eq!(string(get(root, "escaped")), "Bücher\n\t\"\\/🎬");
    assert_eq!(string(get(root, "nul")), "a\0b");
    assert_eq!(string(get(root, "lone")), "x\u{fffd}y");
    assert_eq!(string(get(root, "empty")), "");
    assert_eq!(json(get(root, "k\0ey")), "1");
    assert_eq!(key(get(root, "k\0ey")), "k\0ey");
    assert_eq!(json(get(root, "ü")), "2");
    assert_eq!(key(get(root, "ü")), "ü");
    assert_eq!(unsafe { sg_value_get(root, c"k".as_ptr()) }, null(), "no key is found by its start");
}

#[test]
fn texts_without_escapes_stand_in_the_reply_itself() {
    let held = Held::new(r#"{"code":"A","n\u0061me":"B\n","none":null}"#);
    let mut len = 0;
    let reply = unsafe { sg_result_json(held.0, &mut len) };
    let within = reply as usize..reply as usize + len;
    let place = |read: unsafe extern "C" fn(*const sg_value, *mut usize) -> *const c_char, name| unsafe {
        read(get(held.root(), name), &mut 0) as usize
    };
    assert_eq!(place(sg_value_text, "code"), within.start + 9);
    assert_eq!(place(sg_value_key_text, "code"), within.start + 2);
    for read in [sg_value_text, sg_value_key_text] {
        let decoded = place(read, "name");
        assert!(decoded != 0 && !within.contains(&decoded));
        assert_eq!(place(read, "name"), decoded, "it is made once");
    }
    assert_eq!(place(sg_value_text, "none"), 0);
}

#[test]
fn members_are_visited_in_order_with_their_keys() {
    let held = Held::new(r#"{"b":1, "a":[{"x":null}] ,"b":2, "c":{}}"#);
    let root = held.root();
    let mut seen = Vec::new();
    let mut member = unsafe { sg_value_first(root) };
    while !member.is_null() {
        assert_eq!(at(root, seen.len()), member);
        seen.push((key(member), json(member)));
        member = unsafe { sg_value_next(member) };
    }
    let expected = [("b", "1"), ("a", r#"[{"x":null}]"#), ("b", "2"), ("c", "{}")];
    assert_eq!(seen, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(at(root, 4), null());
    assert_eq!(json(get(root, "b")), "2", "the last of a doubled key counts");
    assert_eq!(unsafe { sg_value_first(get(root, "c")) }, null());
    let element = at(get(root, "a"), 0);
    assert_eq!(unsafe { sg_value_key(element, null_mut()) }, null(), "an element has no key");
    assert_eq!(key(get(element, "x")), "x");
    assert_eq!(unsafe { sg_value_next(element) }, null());
    assert_eq!(unsafe { sg_value_next(root) }, null());
}

#[test]
fn a_large_array_is_the_same_by_number_and_by_step() {
    let rows: Vec<String> = (0..20_000).map(|row| format!("{{\"id\":{row},\"tags\":[{row},\"t\"]}}")).collect();
    let held = Held::new(&format!("[{}]", rows.join(",")));
    let root = held.root();
    assert_eq!(unsafe { sg_value_count(root) }, rows.len());
    let mut row = unsafe { sg_value_first(root) };
    for (index, text) in rows.iter().enumerate() {
        assert_eq!(at(root, index), row);
        assert_eq!(json(row), *text);
        row = unsafe { sg_value_next(row) };
    }
    assert_eq!(row, null());
    assert_eq!(json(pointer(root, "/19999/tags/0")), "19999");
}

#[test]
fn pointers_follow_the_rfc() {
    let held = Held::new(r#"{"a/b":1,"m~n":2,"":3,"~1":4,"list":[10,{"x":"y"}],"0":5}"#);
    let root = held.root();
    for (path, expected) in [
        ("/a~1b", "1"),
        ("/m~0n", "2"),
        ("/", "3"),
        ("/~01", "4"),
        ("/list/0", "10"),
        ("/list/1/x", "\"y\""),
        ("/0", "5"),
    ] {
        assert_eq!(json(pointer(root, path)), expected, "{path}");
    }
    assert_eq!(pointer(root, ""), root);
    assert_eq!(json(pointer(get(root, "list"), "/1/x")), "\"y\"");
    for path in [
        "a",
        "/list/2",
        "/list/00",
        "/list/-",
        "/list/+0",
        "/list/x",
        "/list/",
        "/missing/x",
        "/a/b",
        "/0/0",
    ] {
        assert_eq!(pointer(root, path), null(), "{path}");
    }
}

#[test]
fn nothing_leads_to_nothing() {
    let nothing: *const sg_value = null();
    let mut len = 9;
    unsafe {
        assert_eq!(sg_value_get_type(nothing), sg_value_type::None);
        assert_eq!(sg_value_count(nothing), 0);
        assert_eq!(sg_value_get(nothing, c"a".as_ptr()), null());
        assert_eq!(sg_value_get_n(nothing, null(), 0), null());
        assert_eq!(sg_value_at(nothing, 0), null());
        assert_eq!(sg_value_first(nothing), null());
        assert_eq!(sg_value_next(nothing), null());
        assert_eq!(sg_value_pointer(nothing, c"".as_ptr()), null());
        for text in [sg_value_key, sg_value_key_text, sg_value_string, sg_value_text, sg_value_json] {
            assert_eq!(text(nothing, &mut len), null());
            assert_eq!(len, 0);
            len = 9;
        }
        assert_eq!(sg_value_is_null(nothing), 1);
        assert_eq!(sg_result_json(null(), &mut len), null());
        assert_eq!(len, 0);
        assert_eq!(sg_result_value(null()), null());
        fails(sg_value_double(nothing, &mut 0.0), Status::InvalidArgument, &["value is NULL"]);
        fails(sg_value_time_ms(nothing, &mut 0), Status::InvalidArgument, &["value is NULL"]);
    }
    let held = Held::new(r#"{"a":1}"#);
    unsafe {
        assert_eq!(sg_value_get(held.root(), null()), null());
        assert_eq!(sg_value_get(held.root(), c"\xff".as_ptr()), null());
        assert_eq!(sg_value_get_n(held.root(), null(), 3), null());
        assert_eq!(sg_value_get_n(held.root(), c"a".as_ptr(), usize::MAX), null());
        assert_eq!(sg_value_pointer(held.root(), null()), null());
        assert_eq!(
            sg_value_string(
                sg_value_get(sg_value_at(sg_value_get(held.root(), c"b".as_ptr()), 0), c"c".as_ptr()),
                null_mut()
            ),
            null()
        );
        for text in [sg_value_key, sg_value_key_text, sg_value_string, sg_value_text] {
            len = 9;
            assert_eq!((text(held.root(), &mut len), len), (null(), 0));
        }
    }
}

#[test]
fn what_is_no_cursor_is_refused() {
    /// As much as a page of cursors, and aligned as one.
    #[repr(align(1024))]
    struct Block([u8; 1024]);
    let block = Block([0; 1024]);
    let held = Held::new("[1,2,3]");
    let root = held.root();
    let start = root.map_addr(|address| address & !1023);
    let mut foreign = vec![
        root.wrapping_byte_add(1),
        root.wrapping_byte_add(4),
        start,
        start.wrapping_byte_add(8),
    ];
    foreign.extend([0, 8, 16, 512, 1016].map(|offset| block.0.as_ptr().wrapping_add(offset).cast::<sg_value>()));
    for value in foreign {
        assert_eq!(kind(value), sg_value_type::None);
        let mut len = 9;
        assert_eq!(unsafe { sg_value_string(value, &mut len) }, null());
        assert_eq!(len, 0);
        assert_eq!(unsafe { sg_value_next(value) }, null());
        assert_eq!(unsafe { sg_value_first(value) }, null());
        fails(
            unsafe { sg_value_int64(value, &mut 0) },
            Status::InvalidArgument,
            &["no cursor of a live sg_result"],
        );
    }
    assert_eq!(json(root), "[1,2,3]");
}

#[test]
fn threads_may_share_a_result() {
    let rows: Vec<String> = (0..500).map(|row| format!("{{\"id\":{row},\"code\":\"s\\u0068{row}\"}}")).collect();
    let held = Held::new(&format!("[{}]", rows.join(",")));
    let address = held.0 as usize;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let root = unsafe { sg_result_value(address as *const sg_result) };
                for row in 0..500 {
                    assert_eq!(string(get(at(root, row), "code")), format!("sh{row}"));
                }
            });
        }
    });
}
