//! `shotgrid-codegen` as people start it: on a site, on a saved schema, and on what is neither.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use shotgrid_sandbox::Sandbox;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn codegen(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shotgrid-codegen"));
    for name in ["SG_SITE", "SG_SCRIPT", "SG_KEY", "SG_LOGIN", "SG_PASSWORD"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).args(arguments).output().unwrap()
}

fn succeeds(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = codegen(environment, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn fails(environment: &[(&str, &str)], arguments: &[&str], with: &str) {
    let output = codegen(environment, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?} succeeded");
    assert!(said.contains(with), "{arguments:?} says: {said}");
}

#[test]
fn a_site_and_its_saved_schema_give_the_same_header() {
    let folder = Folder::new("same");
    let site = Sandbox::builder().start().unwrap();
    let script = site.scripts().first().unwrap().clone();
    let environment = [("SG_SITE", site.url()), ("SG_SCRIPT", &script.name), ("SG_KEY", &script.api_key)];
    let saved = folder.at("schema.json");
    let live = succeeds(&environment, &["--namespace", "studio", "--save", &saved]);
    assert_eq!(live, succeeds(&[], &["--schema", &saved, "--namespace", "studio"]));
    assert!(live.contains(site.url()), "the header does not say where it is from");
    assert!(!live.contains(script.api_key.as_str()) && !folder.read("schema.json").contains(script.api_key.as_str()));
    for expected in [
        "struct Shot {\n",
        "static constexpr const char *entity_type = \"Shot\";",
        "  static constexpr ::sg::schema_field<::sg::fields::text, std::string> code{\"code\"};",
        "  static constexpr ::sg::schema_field<::sg::fields::link, ::sg::link> sg_sequence{\"sg_sequence\"};",
        "ip = In Progress",
        "Links to Sequence.",
    ] {
        assert!(live.contains(expected), "{expected} is not in the header");
    }
    let wrong = [
        ("SG_SITE", site.url()),
        ("SG_SCRIPT", script.name.as_str()),
        ("SG_KEY", "not the key"),
    ];
    fails(&wrong, &[], "");
    fails(&[("SG_SITE", site.url())], &[], "nobody to sign in as");
}

/// Names that are none, comments that would end early, values that would end a line.
const NASTY: &str = r#"{"entities": {"Shot": {"name": {"value": "Take */ 1"}}}, "fields": {"Shot": {
    "class": {"data_type": {"value": "text"}, "name": {"value": "Class /* of\nit */"}, "description": {"value": "ends in \\"}},
    "Shot": {"data_type": {"value": "number"}, "name": {"value": "S"}},
    "a-b": {"data_type": {"value": "checkbox"}, "name": {"value": "A"}, "editable": {"value": false}},
    "a_b": {"data_type": {"value": "future_type"}, "name": {"value": "B"}},
    "sg_list": {"data_type": {"value": "list"}, "name": {"value": "L"}, "properties": {"valid_values": {"value": ["x\"y", "*/"]}}}
}}}"#;

#[test]
fn names_and_texts_of_every_kind_make_a_header() {
    let folder = Folder::new("nasty");
    let schema = folder.at("nasty.json");
    fs::write(&schema, NASTY).unwrap();
    let header = succeeds(&[], &["--schema", &schema]);
    let expected = "\
/** Take * / 1: Shot. */
struct Shot {
  static constexpr const char *entity_type = \"Shot\";

  /** S (number). */
  static constexpr ::sg::schema_field<::sg::fields::number, std::int64_t> Shot_2{\"Shot\"};

  /** A (checkbox). Not editable. */
  static constexpr ::sg::schema_field<::sg::fields::checkbox, bool> a_b{\"a-b\"};

  /** B (future_type). */
  static constexpr ::sg::schema_field<::sg::fields::any, ::sg::value> a_b_2{\"a_b\"};

  /** Class / * of it * / (text).
   *  ends in / */
  static constexpr ::sg::schema_field<::sg::fields::text, std::string> class_{\"class\"};

  /** Id (number). Not editable. */
  static constexpr ::sg::schema_field<::sg::fields::number, std::int64_t> id{\"id\"};

  /** L (list). One of: x\"y; * /. */
  static constexpr ::sg::schema_field<::sg::fields::choice, std::string> sg_list{\"sg_list\"};

  /** Type (entity_type). Not editable. */
  static constexpr ::sg::schema_field<::sg::fields::choice, std::string> type{\"type\"};
};
";
    assert!(header.contains(expected), "{header}");
    let c = succeeds(&[], &["--schema", &schema, "--language", "c", "--namespace", "my::site"]);
    for expected in [
        "#ifndef MY_SITE_H\n",
        "#define MY_SITE_SHOT \"Shot\"\n",
        "#define MY_SITE_SHOT_CLASS \"class\"\n",
        "#define MY_SITE_SHOT_A_B_2 \"a_b\"\n",
    ] {
        assert!(c.contains(expected), "{expected}: {c}");
    }
}

#[test]
fn a_file_is_written_when_it_must_be() {
    let folder = Folder::new("files");
    let (schema, header) = (folder.at("s.json"), folder.at("site.hpp"));
    fs::write(&schema, NASTY).unwrap();
    let arguments = ["--schema", &schema, "--output", &header];
    let check = [arguments.as_slice(), &["--check"]].concat();
    fails(&[], &check, "is not up to date");
    succeeds(&[], &arguments);
    succeeds(&[], &check);
    let written = fs::metadata(&header).unwrap().modified().unwrap();
    succeeds(&[], &arguments);
    assert_eq!(
        fs::metadata(&header).unwrap().modified().unwrap(),
        written,
        "an up-to-date header was written again"
    );
    fs::write(&schema, NASTY.replace("sg_list", "sg_list_2")).unwrap();
    fails(&[], &check, "is not up to date");
    succeeds(&[], &arguments);
    assert!(folder.read("site.hpp").contains("sg_list_2"));
}

#[test]
fn a_dash_is_standard_output() {
    let folder = Folder::new("dash");
    let schema = folder.at("schema.json");
    fs::write(&schema, NASTY).unwrap();
    let header = succeeds(&[], &["--schema", &schema, "--output", "-"]);
    assert_eq!(header, succeeds(&[], &["--schema", &schema]));
    assert!(header.contains("struct Shot") && !Path::new("-").exists());
    fails(&[], &["--schema", &schema, "--output", "-", "--check"], "- is standard output");
}

#[test]
fn what_is_wrong_is_told() {
    let folder = Folder::new("wrong");
    let schema = folder.at("s.json");
    fails(&[], &["--namespace", "x"], "no schema");
    fails(&[], &["--schema", &schema], "cannot be read");
    for (text, told) in [
        ("{", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ("{}", "it has no entity types"),
        (r#"{"Shot": 1}"#, "Shot is no object of fields"),
        (r#"{"Shot": {"code": {}}}"#, "Shot.code has no data_type"),
    ] {
        fs::write(&schema, text).unwrap();
        fails(&[], &["--schema", &schema], told);
    }
    fs::write(&schema, NASTY).unwrap();
    fails(
        &[],
        &["--schema", &schema, "--types", "Shot,Shto"],
        "the site has no entity type Shto",
    );
    for namespace in ["", "1a", "a b", "a:b", "a__b", "a::", "é"] {
        fails(&[], &["--schema", &schema, "--namespace", namespace], "--namespace");
    }
    for (namespace, word) in [
        ("class", "class"),
        ("studio::new", "new"),
        ("co_await::a", "co_await"),
        ("errno", "errno"),
    ] {
        let told = format!("\"{word}\" is a word of the language");
        fails(&[], &["--schema", &schema, "--namespace", namespace], &told);
    }
}
