//! docs/methods.md is written from the registry that the code uses, and says what it says.
//!
//! `UPDATE_DOCS=1 cargo test --test methods_reference` writes it anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

use std::ffi::CStr;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use shotgrid::client::{Method, Param, methods};

const INTRODUCTION: &str = "\
# Methods

Every method that `sg_call` knows, by the name that it has in the official Python client, with the same parameters, order and
defaults, and the library's own, which say so. `params_json` is a JSON object of keyword arguments or a JSON array of positional ones; `NULL` stands for none.
This page is written from the library's own registry: change it there.

What each method returns is what `sg_result_json` and `sg_result_value` give. Texts, numbers and dates are the site's own
bytes, but for [two changes in records](#find). What the library does differently from the official client stands in
[differences-from-shotgun_api3.md](differences-from-shotgun_api3.md).

";

/// Stands under `find`, for all methods that give records.
const RECORDS: &str = "
Two things in the records are changed, as the official client does; all else is as the site sent it. Both are at the top level of each record
that `find`, `find_one`, `create`, `update`, `batch`, `note_thread_read`, `text_search` and `activity_stream_read` give, and of pages and events:

* In a field that is a text, each `&lt;`, which sites make of `<` in what people type, becomes `<` again. No other entity is changed, and
  no text in a list or in a linked entity.
* A link to a local file, which is an object whose `link_type` is `local`, gets as `local_path` the path that it has for this platform
  (`local_path_linux`, `local_path_mac`, `local_path_windows`), and as `url` that path behind `file://`. Where it has none, it stays as it is.

So a text that was read is not always what the site keeps. A filter that is made of it (`[\"description\", \"is\", text]`) may not find its row, and an update
that writes it back may change the field, or turn an `&lt;` that somebody typed into `<`. Where that matters, read the row by `sg_call_raw`
(`\"read\"` is `find` on the wire), which gives the site's bytes.
";

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/methods.md");
    let wanted = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "docs/methods.md is not what the registry says; run UPDATE_DOCS=1 cargo test --test methods_reference"
    );
}

#[test]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
fn bindings_are_told_the_same() {
    let text = unsafe { CStr::from_ptr(shotgrid::ffi::sg_methods_json()) }.to_str().unwrap();
    let told: Value = serde_json::from_str(text).unwrap();
    assert_eq!(told.as_object().unwrap().len(), methods().count());
    for method in methods() {
        let of = &told[method.name];
        assert_eq!((&of["summary"], &of["returns"]), (&method.summary.into(), &method.returns.into()));
        let example = if method.example.is_empty() { "null" } else { method.example };
        assert_eq!(of["example"], serde_json::from_str::<Value>(example).unwrap(), "{}", method.name);
        let parameters = of["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), method.params.len(), "{}", method.name);
        for (told, param) in parameters.iter().zip(method.params) {
            let default = param.default.map(|default| serde_json::from_str::<Value>(default).unwrap());
            assert_eq!((&told["name"], told.get("default")), (&param.name.into(), default.as_ref()));
            assert_eq!(
                (&told["takes"], &told["required"]),
                (&param.takes.allowed().into(), &default.is_none().into())
            );
        }
    }
}

fn reference() -> String {
    let mut all: Vec<&Method> = methods().collect();
    all.sort_by_key(|method| method.name);
    let mut page = INTRODUCTION.to_owned();
    for method in &all {
        writeln!(page, "- [`{0}`](#{0})", method.name).unwrap();
    }
    for method in all {
        section(&mut page, method);
    }
    page
}

fn section(page: &mut String, method: &Method) {
    let own = if method.is_official() {
        ""
    } else {
        " The official client has no such method."
    };
    write!(page, "\n## {}\n\n{}{own}\n\n", method.name, method.summary).unwrap();
    if method.params.is_empty() {
        page.push_str("It takes no parameters.\n\n");
    } else {
        page.push_str("| parameter | default | takes |\n| --- | --- | --- |\n");
        method.params.iter().for_each(|param| row(page, param));
        page.push('\n');
    }
    write!(page, "Returns: {}\n\n```c\n{}\n```\n", method.returns, example(method)).unwrap();
    if method.name == "find" {
        page.push_str(RECORDS);
    }
}

fn row(page: &mut String, param: &Param) {
    let default = param.default.map_or("required".to_owned(), |default| format!("`{default}`"));
    let or_null = if param.default == Some("null") { ", or null" } else { "" };
    writeln!(page, "| `{}` | {default} | {}{or_null} |", param.name, param.takes.allowed()).unwrap();
}

/// A call as one would write it, with the parameters broken over lines where they are long.
fn example(method: &Method) -> String {
    if method.example.is_empty() {
        return format!("status = sg_call(client, \"{}\", NULL, &result);", method.name);
    }
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let whole = format!("status = sg_call(client, \"{}\", {}, &result);", method.name, quote(method.example));
    if whole.len() <= 110 {
        return whole;
    }
    let mut lines = vec![String::new()];
    for word in method.example.split_inclusive(", ") {
        if lines.last().unwrap().len() + word.len() > 84 {
            lines.push(String::new());
        }
        lines.last_mut().unwrap().push_str(word);
    }
    let quoted: Vec<String> = lines.iter().map(|line| format!("    {}", quote(line))).collect();
    format!(
        "const char *params =\n{};\nstatus = sg_call(client, \"{}\", params, &result);",
        quoted.join("\n"),
        method.name
    )
}
