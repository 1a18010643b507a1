//! The reader of JSON and the cursors of the C functions, held against serde_json. Input: the text.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::ptr::null;

use shotgrid::client::{Document, MAX_DEPTH, Status, SyntaxError};
use shotgrid::ffi::*;

use crate::json_oracle::{Branch, Tree, is_json};

/// Both readers take the same texts, and see the same in them.
pub fn run(data: &[u8]) {
    let read = Document::parse(data.to_vec());
    for piece in [1, 2 + data.len() % 11, 64] {
        same_in_pieces(&read, Document::parse_in_pieces(data.to_vec(), piece));
    }
    // A byte order mark is no JSON, and sites were seen to send it.
    let unmarked = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
    let theirs = std::str::from_utf8(unmarked).ok().filter(|text| is_json(text));
    match (read, theirs) {
        (Ok(document), Some(text)) => agree(document, text),
        (Err(error), None) => assert!(error.offset <= data.len(), "{error:?}"),
        (Err(error), Some(text)) => assert!(
            error.problem.contains("nested") && depth(text) > MAX_DEPTH,
            "refused, but serde_json takes it: {error:?}"
        ),
        (Ok(document), None) => panic!("taken, but serde_json refuses it: {}", document.json()),
    }
}

/// A text that is read while it comes comes to the same.
fn same_in_pieces(whole: &Result<Document, SyntaxError>, pieces: Result<Document, SyntaxError>) {
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!((whole.json(), whole.node_count()), (pieces.json(), pieces.node_count()));
            for node in 0..whole.node_count() as u32 {
                let told = |document: &Document| {
                    let value = document.value(node)?;
                    let key = value.key().map(|key| key.as_str().into_owned());
                    Some((value.kind(), value.json().to_owned(), value.count(), key))
                };
                assert_eq!(told(whole), told(&pieces), "node {node}");
            }
            assert_eq!(whole.holds_less_than(), pieces.holds_less_than());
            assert_eq!(whole.holds_local(), pieces.holds_local());
        }
        (Err(whole), Err(pieces)) => assert_eq!(*whole, pieces),
        (whole, pieces) => panic!("read as a whole {whole:?}, in pieces {pieces:?}"),
    }
}

/// How deep brackets nest that stand outside of strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn agree(document: Document, text: &str) {
    let tree = Tree::read(text);
    assert_eq!(document.json(), tree.json, "the text is kept");
    rejoined(&document);
    let result = fuzzing::result(document);
    let mut length = 0;
    // SAFETY: the result lives until it is freed, and so do its cursors and texts.
    unsafe {
        let json = sg_result_json(result, &mut length);
        assert_eq!(bytes(json, length), tree.json.as_bytes());
        assert_eq!(*json.add(length), 0, "a NUL stands behind the text");
        let root = sg_result_value(result);
        assert!(sg_value_key(root, &mut length).is_null() && sg_value_next(root).is_null());
        same(root, &tree);
        sg_result_free(result);
    }
}

/// Joining pages moves nodes without reading text again: it must come to what reading the joined text comes to.
fn rejoined(document: &Document) {
    if !document.json().starts_with('[') {
        return;
    }
    let copy = || Document::parse(document.json().as_bytes().to_vec()).expect("it was read before");
    let pages = [copy(), copy()];
    let joined = Document::join(&pages).expect("far from 2 GiB");
    let again = Document::parse(joined.json().as_bytes().to_vec()).expect("what is joined is JSON");
    let count = document.root().count();
    assert_eq!((joined.root().count(), again.root().count()), (2 * count, 2 * count));
    let strings = (joined.c_strings(), again.c_strings());
    for (one, other) in joined.root().children().zip(again.root().children()) {
        assert_eq!((one.json(), one.kind(), one.count()), (other.json(), other.kind(), other.count()));
        assert_eq!(strings.0.get(one), strings.1.get(other));
    }
    let cut = joined.first_elements(count);
    let expected = if count == 0 { 0 } else { count };
    assert_eq!(cut.root().count(), expected);
    assert!(is_json(cut.json()), "{}", cut.json());
}

/// # Safety
/// `value` is a cursor of a live result.
unsafe fn same(value: *const sg_value, tree: &Tree<'_>) {
    // SAFETY: as promised above; a cursor's texts live as long as its result.
    unsafe {
        let mut length = 0;
        let json = sg_value_json(value, &mut length);
        assert_eq!(bytes(json, length), tree.json.as_bytes());
        let kind = match &tree.kind {
            Branch::Null => sg_value_type::Null,
            Branch::Bool(_) => sg_value_type::Bool,
            Branch::Number => sg_value_type::Number,
            Branch::String(_) => sg_value_type::String,
            Branch::Array(_) => sg_value_type::Array,
            Branch::Object(_) => sg_value_type::Object,
        };
        assert_eq!(sg_value_get_type(value), kind, "{}", tree.json);
        assert_eq!(sg_value_is_null(value), i32::from(kind == sg_value_type::Null));
        scalars(value, tree);
        match &tree.kind {
            Branch::Array(elements) => elements_agree(value, elements),
            Branch::Object(members) => members_agree(value, members),
            _ => assert!(sg_value_count(value) == 0 && sg_value_first(value).is_null() && sg_value_at(value, 0).is_null()),
        }
    }
}

/// # Safety
/// As for [`same`].
unsafe fn scalars(value: *const sg_value, tree: &Tree<'_>) {
    let (mut whole, mut real, mut flag, mut time) = (1, 1.0, 1, 1);
    // SAFETY: as promised above.
    let (as_whole, as_real, as_flag, as_time) = unsafe {
        (
            sg_value_int64(value, &mut whole),
            sg_value_double(value, &mut real),
            sg_value_bool(value, &mut flag),
            sg_value_time_ms(value, &mut time),
        )
    };
    let is_number = matches!(tree.kind, Branch::Number);
    let expected_whole: Option<i64> = tree.json.parse().ok().filter(|_| is_number);
    assert_eq!(as_whole == Status::Ok, expected_whole.is_some(), "{}", tree.json);
    assert_eq!(whole, expected_whole.unwrap_or(0));
    let expected_real = serde_json::from_str::<f64>(tree.json).ok().filter(|_| is_number);
    assert_eq!(as_real == Status::Ok, expected_real.is_some(), "{}", tree.json);
    // Both must be the nearest double, where serde_json by itself is allowed to be one away from it.
    let nearest = tree.json.parse::<f64>().ok().filter(|_| expected_real.is_some());
    assert_eq!(real.to_bits(), nearest.unwrap_or(0.0).to_bits(), "{}", tree.json);
    let expected_flag = if let Branch::Bool(flag) = tree.kind { Some(flag) } else { None };
    assert_eq!(as_flag == Status::Ok, expected_flag.is_some());
    assert_eq!(flag != 0, expected_flag.unwrap_or(false));
    let mut length = usize::MAX;
    // SAFETY: as promised above.
    let text = unsafe { sg_value_string(value, &mut length) };
    if let Branch::String(expected) = &tree.kind {
        // SAFETY: a NUL-terminated text of that length.
        unsafe {
            assert_eq!(bytes(text, length), expected.as_bytes(), "{}", tree.json);
            assert_eq!(*text.add(length), 0, "a NUL stands behind the text");
        }
        // SAFETY: as promised above, and a text of that length.
        unsafe {
            assert_eq!(
                bytes(sg_value_text(value, &mut length), length),
                expected.as_bytes(),
                "{}",
                tree.json
            )
        };
    } else {
        assert!(text.is_null() && length == 0 && as_time != Status::Ok);
        length = usize::MAX;
        // SAFETY: as promised above.
        assert!(unsafe { sg_value_text(value, &mut length) }.is_null() && length == 0);
    }
    assert!(as_time == Status::Ok || time == 0);
}

/// # Safety
/// As for [`same`].
unsafe fn elements_agree(value: *const sg_value, elements: &[Tree<'_>]) {
    // SAFETY: as promised above.
    unsafe {
        assert_eq!(sg_value_count(value), elements.len());
        let mut cursor = sg_value_first(value);
        for (index, element) in elements.iter().enumerate() {
            assert!(!cursor.is_null() && sg_value_at(value, index) == cursor);
            let pointer = format!("/{index}\0");
            assert_eq!(sg_value_pointer(value, pointer.as_ptr().cast()), cursor);
            assert!(sg_value_key(cursor, std::ptr::null_mut()).is_null());
            let mut length = usize::MAX;
            assert!(sg_value_key_text(cursor, &mut length).is_null() && length == 0);
            same(cursor, element);
            cursor = sg_value_next(cursor);
        }
        assert!(cursor.is_null() && sg_value_at(value, elements.len()).is_null());
        assert!(sg_value_get_n(value, null(), 0).is_null(), "an array has no members");
    }
}

/// # Safety
/// As for [`same`].
unsafe fn members_agree(value: *const sg_value, members: &[(String, Tree<'_>)]) {
    // SAFETY: as promised above.
    unsafe {
        assert_eq!(sg_value_count(value), members.len());
        let mut cursor = sg_value_first(value);
        for (index, (key, member)) in members.iter().enumerate() {
            assert!(!cursor.is_null() && sg_value_at(value, index) == cursor);
            let mut length = 0;
            let name = sg_value_key(cursor, &mut length);
            assert_eq!(bytes(name, length), key.as_bytes(), "the key of {}", member.json);
            let text = sg_value_key_text(cursor, &mut length);
            assert_eq!(bytes(text, length), key.as_bytes(), "the key of {}", member.json);
            assert_eq!(CStr::from_ptr(name).to_bytes().len(), key.find('\0').unwrap_or(key.len()));
            let last = members.iter().rposition(|(other, _)| other == key) == Some(index);
            let found = sg_value_get_n(value, key.as_ptr().cast(), key.len());
            assert_eq!(found == cursor, last, "of members with one key the last one counts");
            if !key.contains('\0') {
                let terminated = format!("{key}\0");
                assert_eq!(sg_value_get(value, terminated.as_ptr().cast()), found);
                let pointer = format!("/{}\0", key.replace('~', "~0").replace('/', "~1"));
                assert_eq!(sg_value_pointer(value, pointer.as_ptr().cast()), found);
            }
            same(cursor, member);
            cursor = sg_value_next(cursor);
        }
        assert!(cursor.is_null() && sg_value_at(value, members.len()).is_null());
    }
}

/// # Safety
/// `text` is that many bytes, which outlive what they are used for.
unsafe fn bytes<'a>(text: *const c_char, length: usize) -> &'a [u8] {
    assert!(!text.is_null());
    // SAFETY: as promised above.
    unsafe { std::slice::from_raw_parts(text.cast(), length) }
}
