//! The reader held against serde_json, and what only this reader promises.

use super::{Document, Kind, MAX_DEPTH, Value};

fn parse(text: &str) -> Document {
    Document::parse(text.into()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The value as serde_json sees it, rebuilt through the cursor functions alone.
fn rebuild(value: Value<'_>) -> serde_json::Value {
    // A text that begins where a value does is only JSON if it ends with the value.
    assert!(
        serde_json::from_str::<serde::de::IgnoredAny>(value.json()).is_ok(),
        "{}",
        value.json()
    );
    assert_eq!(value.is_empty(), value.count() == 0);
    match value.kind() {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool => value.as_bool().unwrap().into(),
        Kind::Number => serde_json::from_str(value.json()).unwrap(),
        Kind::String => value.as_str().unwrap().into_owned().into(),
        Kind::Array => (0..value.count()).map(|index| rebuild(value.at(index).unwrap())).collect(),
        Kind::Object => value
            .children()
            .map(|member| (member.key().unwrap().as_str().into_owned(), rebuild(member)))
            .collect(),
    }
}

/// A small generator: the same texts in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn value(&mut self, depth: u64, out: &mut String) {
        let space = self.pick(&["", "", " ", "\n\t", "\r "]);
        out.push_str(space);
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => out.push_str(self.pick(&["null", "true", "false"])),
            1 => out.push_str(self.pick(&["0", "-0", "12", "-7.25", "1e3", "1E-2", "9007199254740993", "0.1", "123456789"])),
            2 | 3 => self.string(out),
            4 => self.list(depth, out, '[', ']', false),
            _ => self.list(depth, out, '{', '}', true),
        }
        out.push_str(space);
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        for _ in 0..self.below(6) {
            out.push_str(self.pick(&[
                "a",
                "é",
                "\\n",
                "\\u00e9",
                "\\ud83d\\ude00",
                "😀",
                "\\\"",
                "\\\\",
                "plain text of some length",
                "\\u0000",
                "\u{2028}",
            ]));
        }
        out.push('"');
    }

    fn list(&mut self, depth: u64, out: &mut String, open: char, close: char, keyed: bool) {
        out.push(open);
        for index in 0..self.below(22) {
            if index > 0 {
                out.push(',');
            }
            if keyed {
                out.push_str(&format!("\"k{index}\\u0041\" :"));
            }
            self.value(depth - 1, out);
        }
        out.push(close);
    }
}

#[test]
fn agrees_with_serde_json_on_random_documents_and_their_ruins() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2_000 {
        let mut text = String::new();
        random.value(4, &mut text);
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(rebuild(parse(&text).root()), expected, "{text}");

        let mut bytes = text.into_bytes();
        let place = random.below(bytes.len() as u64) as usize;
        match random.below(3) {
            0 => bytes.truncate(place),
            1 => bytes[place] = random.pick(&["\"", "{", "]", ",", ":", "\\", "0", "\u{1}", "x"]).as_bytes()[0],
            _ => bytes.insert(place, random.pick(&["\"", "}", "[", ",", ":", "\\", "-", "e", " "]).as_bytes()[0]),
        }
        let ours = Document::parse(bytes.clone());
        // Ignoring the value lets serde_json take numbers beyond every range and lone surrogates, which are JSON.
        let theirs = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        assert_eq!(ours.is_ok(), theirs, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn broken_texts_say_where_and_whether_they_are_cut_short() {
    for (text, offset, truncated) in [
        ("", 0, true),
        ("  ", 2, true),
        ("{\"a\":1", 6, true),
        ("\"abc", 4, true),
        ("\"a\\u12", 6, true),
        ("tru", 0, true),
        ("[1,]", 3, false),
        ("{\"a\" 1}", 5, false),
        ("{a:1}", 1, false),
        ("[1}", 2, false),
        ("1 2", 2, false),
        ("01", 1, false),
        ("-", 1, true),
        ("1.", 2, true),
        ("1.x", 2, false),
        ("[NaN]", 1, false),
        ("Infinity", 0, false),
        ("\"a\nb\"", 2, false),
        ("\"\\x\"", 1, false),
        ("'a'", 0, false),
    ] {
        let error = Document::parse(text.into()).unwrap_err();
        assert_eq!((error.offset, error.truncated), (offset, truncated), "{text}: {error}");
    }
    assert_eq!(Document::parse(b"\"\xff\"".to_vec()).unwrap_err().offset, 1);
}

#[test]
fn strings_end_where_they_end_wherever_they_stand() {
    // What is looked at together is 64 bytes, and 64 times as much.
    let places = (0..70).chain(4_040..4_120);
    for place in places {
        for (space, between) in [(" ", ","), ("\n", "\n,\t\r\n")] {
            let text = format!(
                r#"{}[{{"key":"plain","\\\"":"\\"}}{between}"\\\\\"\u005c{}"{between}123]"#,
                space.repeat(place),
                "long ".repeat(900)
            );
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(rebuild(parse(&text).root()), expected, "{text}");
            let end = text.rfind('"').unwrap();
            let cut = Document::parse(text[..end].into()).unwrap_err();
            assert_eq!((cut.offset, cut.truncated), (end, true), "{text}");
            let control = Document::parse(text.replacen("long", "lo\tng", 1).into())
                .err()
                .map(|error| error.offset);
            assert_eq!(control, text.find("long").map(|at| at + 2), "{text}");
        }
    }
}

#[test]
fn numbers_of_every_length() {
    for digits in 1..40 {
        for (before, behind) in [
            ("", ""),
            ("-", ""),
            ("", ".5"),
            ("", "e7"),
            ("-", "E+10"),
            ("0.", ""),
            ("1.5e-", ""),
        ] {
            let number = format!("{before}{}{behind}", &"1234567890".repeat(4)[..digits]);
            for text in [number.clone(), format!("[{number},{number}]"), format!("{{\"a\":{number} }}")] {
                let document = parse(&text);
                let root = document.root();
                assert_eq!(root.first().unwrap_or(root).json(), number, "{text}");
            }
            for wrong in ["x", "-", ":", "/", "\u{fffd}"] {
                let text = format!("[{number}{wrong}1234567]");
                let error = Document::parse(text.clone().into()).unwrap_err();
                assert_eq!((error.offset, error.truncated), (number.len() + 1, false), "{text}");
            }
        }
    }
}

#[test]
fn nesting_has_a_limit_and_no_recursion() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Document::parse(nested(MAX_DEPTH).into()).is_ok());
    assert!(Document::parse(nested(MAX_DEPTH + 1).into()).is_err());
    assert_eq!(Document::parse("[".repeat(MAX_DEPTH + 1).into()).unwrap_err().offset, MAX_DEPTH);
    assert!(Document::parse("[".repeat(1_000_000).into()).is_err());
}

#[test]
fn siblings_keys_and_positions() {
    let document = parse(r#"{"a" : 1, "b" : [10, {"c":null}, "x"], "a": 2, "é\n": true}"#);
    let root = document.root();
    assert_eq!(root.count(), 4);
    assert_eq!(root.get("a").unwrap().json(), "2", "the last one wins");
    assert_eq!(root.at(0).unwrap().json(), "1");
    assert!(root.get("é\n").unwrap().as_bool().unwrap());
    assert!(root.get("missing").is_none() && root.next().is_none() && root.key().is_none());
    let list = root.get("b").unwrap();
    assert_eq!(list.next().unwrap().json(), "2");
    assert_eq!(list.at(1).unwrap().next().unwrap().json(), "\"x\"");
    assert!(list.at(1).unwrap().key().is_none() && list.at(3).is_none() && list.at(2).unwrap().next().is_none());
    assert!(list.get("a").is_none() && root.get("a").unwrap().first().is_none());
    let keys: Vec<_> = root.children().map(|member| member.key().unwrap().as_str().into_owned()).collect();
    assert_eq!(keys, ["a", "b", "a", "é\n"]);
}

#[test]
fn names_are_found_whole_and_only_as_keys() {
    let mut document = parse(r#"{"a":"b","c":1,"":2,"ab":3,"\\":4}"#);
    for _ in 0..2 {
        let root = document.root();
        let found = |name: &str| root.get(name).map(Value::json);
        for (name, json) in [("a", r#""b""#), ("c", "1"), ("", "2"), ("ab", "3")] {
            assert_eq!(found(name), Some(json), "{name:?}");
        }
        for missing in ["b", r#"b","c"#, r#""c"#, r#"c""#, r#","c"#, r#"a":"b","c"#, r#"{"a"#, "ac", "1"] {
            assert_eq!(found(missing), None, "{missing:?}");
        }
        // Without the key that has an escape, keys are compared in another way.
        document = parse(r#"{"a":"b","c":1,"":2,"ab":3}"#);
    }
}

#[test]
fn narrowing_keeps_the_text_and_ends_it_with_a_nul() {
    let text = r#"{"results": [ {"id":1}, {"id":2} ], "more": "x"}"#;
    let document = parse(text);
    let node = document.root().get("results").unwrap().node();
    let narrowed = document.narrow(node);
    assert_eq!(narrowed.json(), r#"[ {"id":1}, {"id":2} ]"#);
    assert_eq!(narrowed.json_with_nul(), b"[ {\"id\":1}, {\"id\":2} ]\0");
    assert_eq!(narrowed.root().at(1).unwrap().get("id").unwrap().as_i64().unwrap(), 2);
    assert!(narrowed.root().key().is_none() && narrowed.root().next().is_none());
    assert!(narrowed.value(narrowed.node_count() as u32).is_none());
}

#[test]
fn pointers() {
    let document = parse(r#"{"a/b":{"~":[0,1,{"":7}]},"0":"zero"}"#);
    let at = |pointer: &str| document.root().pointer(pointer).map(Value::json);
    assert_eq!(at("/a~1b/~0/2/"), Some("7"));
    assert_eq!(at("/0"), Some("\"zero\""));
    assert_eq!(at(""), Some(document.json()));
    for missing in ["a", "/a~1b/~0/3", "/a~1b/~0/01", "/a~1b/~0/-", "/a~1b/~0/+1", "/x", "/"] {
        assert_eq!(at(missing), None, "{missing}");
    }
}

#[test]
fn numbers_are_kept_as_written_and_converted_strictly() {
    let document = parse("[1, 1.0, 1e2, -9223372036854775808, 9223372036854775808, 1e400, 0.5, \"7\", 123456789012345678901234567890]");
    let at = |index: usize| document.root().at(index).unwrap();
    assert_eq!(at(0).as_i64().unwrap(), 1);
    assert!(at(1).as_i64().unwrap_err().message.contains("not a whole number"));
    assert!(at(2).as_i64().is_err());
    assert_eq!(at(3).as_i64().unwrap(), i64::MIN);
    assert!(at(4).as_i64().unwrap_err().message.contains("64 bits"));
    assert!(at(5).as_f64().unwrap_err().message.contains("double"));
    assert_eq!(at(6).as_f64().unwrap(), 0.5);
    assert!(at(7).as_i64().unwrap_err().message.contains("a string, not a number"));
    assert_eq!(at(8).json(), "123456789012345678901234567890");
}

#[test]
fn c_strings_are_decoded_and_end_with_a_nul() {
    let document = parse(r#"{"pl\u0061in":"text","e":"","n":"a\u0000b","s":"\ud83d\ude00\ud800x","u":"é"}"#);
    let strings = document.c_strings();
    let root = document.root();
    let bytes = |name: &str| strings.get(root.get(name).unwrap()).unwrap();
    assert_eq!(bytes("plain"), b"text\0");
    assert_eq!(document.c_keys().get(root.first().unwrap()).unwrap(), b"plain\0");
    assert_eq!(bytes("e"), b"\0");
    assert_eq!(bytes("n"), b"a\0b\0");
    assert_eq!(bytes("s"), "😀\u{fffd}x\0".as_bytes());
    assert_eq!(bytes("u"), "é\0".as_bytes());
    assert!(strings.get(root).is_none());
    assert_eq!(
        document.json(),
        r#"{"pl\u0061in":"text","e":"","n":"a\u0000b","s":"\ud83d\ude00\ud800x","u":"é"}"#
    );
}

/// What hosts get of all strings and keys of a document, against serde_json.
fn compare_strings(text: &str) {
    fn compare(document: &Document, value: Value<'_>, expected: &serde_json::Value) {
        let with_nul = |text: &str| [text.as_bytes(), &[0]].concat();
        let wanted = expected.as_str();
        assert_eq!(value.text(), wanted.map(str::as_bytes), "{}", value.json());
        assert_eq!(document.c_strings().get(value), wanted.map(with_nul).as_deref(), "{}", value.json());
        for (index, member) in value.children().enumerate() {
            if let Some(object) = expected.as_object() {
                let (key, expected) = object.iter().nth(index).unwrap();
                assert_eq!(member.key_text(), Some(key.as_bytes()), "{}", member.json());
                assert_eq!(document.c_keys().get(member), Some(&*with_nul(key)), "{}", member.json());
                compare(document, member, expected);
            } else {
                assert_eq!(
                    (member.key_text(), document.c_keys().get(member)),
                    (None, None),
                    "{}",
                    member.json()
                );
                compare(document, member, expected.get(index).unwrap());
            }
        }
    }
    let document = parse(text);
    compare(&document, document.root(), &serde_json::from_str(text).unwrap());
}

#[test]
fn strings_are_decoded_wherever_they_stand() {
    // Chunks of 16 bytes are copied, up to the very end of the text.
    for escape in [
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b\\f\\r\\t",
        "\\u0041",
        "\\uD83D\\ude00",
        "\\u00e9\\u20AC\\u0000",
        "é\\n€",
    ] {
        for before in 0..34 {
            for behind in 0..18 {
                let string = format!("\"{}{escape}{}\"", "b".repeat(before), "e".repeat(behind));
                compare_strings(&string);
                compare_strings(&format!("[1,{string},{string},\"plain\",{{\"n\":{string}}}]"));
            }
        }
    }
}

#[test]
fn strings_are_found_across_the_borders_of_their_groups() {
    let mut random = Random(0x0bad_cafe_1234_5678);
    for count in [1, 62, 63, 64, 125, 126, 127, 252, 4_031, 4_032, 4_033, 10_000] {
        let mut text = "[".to_owned();
        for index in 0..count {
            text.push_str(if index > 0 { "," } else { "" });
            match random.below(4) {
                0 => text.push_str(&format!("{{\"k\\u00e9y{:05}\":1}}", random.below(100_000))),
                1 => text.push_str("\"plain\""),
                2 => text.push_str("null"),
                _ => random.string(&mut text),
            }
        }
        text.push(']');
        compare_strings(&text);
    }
    // Far more in the text than decoded, and as little as can be.
    compare_strings(&format!("[{}\"\"]", "\"\\u3042\\u3044\",".repeat(3_000)));
    compare_strings(&format!("[{}\"\"]", "\"\\n\",".repeat(3_000)));
}

#[test]
fn strings_are_found_however_much_text_their_group_has() {
    // Their places take more room beyond 65,535 bytes.
    for length in (65_490..65_540).chain([200_000]) {
        compare_strings(&format!("[\"{}\"]", "x".repeat(length)));
        compare_strings(&format!("{{\"{}\":1}}", "x".repeat(length)));
        compare_strings(&format!("[\"\\n\",\"{}\\t\",{{\"k\":\"\\\"\"}}]", "x".repeat(length)));
    }
}

#[test]
fn large_lists_are_indexed_once_and_right() {
    let inner: Vec<String> = (0..1000).map(|index| format!("[{index}]")).collect();
    let document = parse(&format!("{{\"rows\":[{}],\"x\":1}}", inner.join(",")));
    let rows = document.root().get("rows").unwrap();
    for index in (0..1000).rev() {
        assert_eq!(rows.at(index).unwrap().json(), inner[index]);
    }
    let root_list = parse(&format!("[{}]", inner.join(",")));
    assert!((0..1000).all(|index| root_list.root().at(index).unwrap().json() == inner[index]));
}

#[test]
fn values_are_found_across_the_borders_of_pages() {
    for count in (100..140).chain(230..260).chain([5_000]) {
        let inner: Vec<String> = (0..count)
            .map(|index| match index % 7 {
                0 => format!("[{index}]"),
                3 => "{}".to_owned(),
                _ => index.to_string(),
            })
            .collect();
        let text = format!(
            "{{\"before\":[[]],\"rows\":[{}],\"behind\":[{}]}}",
            inner.join(","),
            inner.join(",")
        );
        let document = parse(&text);
        assert_eq!(rebuild(document.root()), serde_json::from_str::<serde_json::Value>(&text).unwrap());
        let rows = document.root().get("rows").unwrap();
        assert!(rows.children().map(Value::json).eq(inner.iter().map(String::as_str)));
        assert_eq!(rows.next().unwrap().key().unwrap().as_str(), "behind");
        let node = rows.node();
        let narrowed = document.narrow(node);
        assert!(narrowed.root().next().is_none() && narrowed.value(narrowed.node_count() as u32).is_none());
        assert!(narrowed.root().children().map(Value::json).eq(inner.iter().map(String::as_str)));
        let cut = narrowed.first_elements(count - 1);
        assert!(
            cut.root()
                .children()
                .map(Value::json)
                .eq(inner[..count - 1].iter().map(String::as_str))
        );
        assert!(cut.root().next().is_none() && cut.value(cut.node_count() as u32).is_none());
    }
}

#[test]
fn lists_are_joined_without_being_read_again() {
    let page = |text: &str| {
        let whole = parse(text);
        let node = whole.root().get("rows").unwrap().node();
        whole.narrow(node)
    };
    let lists = [
        page(r#"{"before":["x"],"rows":[{"a":"\u00e9","b":[1,[]]} , 2.50],"behind":1}"#),
        parse(" [ ] "),
        page(r#"{"rows":[ "é\n" ]}"#),
        parse("{}"),
        parse("[null,{\"k\":{\"l\":true}}]"),
    ];
    let joined = Document::join(&lists).unwrap();
    assert_eq!(joined.json(), r#"[{"a":"\u00e9","b":[1,[]]} , 2.50, "é\n" ,null,{"k":{"l":true}}]"#);
    assert_eq!(
        rebuild(joined.root()),
        serde_json::from_str::<serde_json::Value>(joined.json()).unwrap()
    );
    assert_eq!(joined.root().count(), 5);
    assert_eq!(joined.root().pointer("/4/k/l").unwrap().as_bool(), Some(true));
    let strings = joined.c_strings();
    assert_eq!(strings.get(joined.root().pointer("/0/a").unwrap()).unwrap(), "é\0".as_bytes());
    assert_eq!(strings.get(joined.root().at(2).unwrap()).unwrap(), "é\n\0".as_bytes());
    let empty = Document::join(&[]).unwrap();
    assert_eq!((empty.json(), empty.root().count()), ("[]", 0));
}

#[test]
fn joining_and_cutting_agree_with_serde_json_on_random_lists() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..300 {
        let texts: Vec<String> = (0..random.below(5))
            .map(|_| {
                let mut text = String::new();
                random.list(3, &mut text, '[', ']', false);
                text
            })
            .collect();
        let expected: Vec<serde_json::Value> = texts
            .iter()
            .flat_map(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).unwrap())
            .collect();
        let lists: Vec<Document> = texts.iter().map(|text| parse(text)).collect();
        let joined = Document::join(&lists).unwrap();
        assert_eq!(rebuild(joined.root()), serde_json::Value::from(expected.clone()));
        let count = random.below(expected.len() as u64 + 2) as usize;
        let cut = joined.first_elements(count);
        let kept = if count == 0 || count > expected.len() {
            expected.len()
        } else {
            count
        };
        assert_eq!(rebuild(cut.root()), serde_json::Value::from(&expected[..kept]));
        assert_eq!(serde_json::from_str::<serde_json::Value>(cut.json()).unwrap(), rebuild(cut.root()));
    }
}

#[test]
fn debug_shows_no_content() {
    let document = parse("{\"session_id\":\"SECRET\"}");
    assert!(!format!("{document:?} {:?}", document.root()).contains("SECRET"));
}
