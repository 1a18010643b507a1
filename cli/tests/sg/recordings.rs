//! `--record` and `--replay`.

use std::process::Command;

use super::desk::{Desk, golden, said};

/// With no site and as nobody.
fn alone(desk: &Desk, words: &[&str]) -> Command {
    let mut command = desk.nobody(words);
    command.env_remove("SG_SITE");
    command
}

#[test]
fn what_was_recorded_is_said_again_without_a_site() {
    let desk = Desk::new("recordings");
    let file = desk.folder.join("find.rec");
    let file = file.to_str().unwrap();
    let asked = [
        "find",
        "Shot",
        "-f",
        "code is SQ010_0010",
        "--fields",
        "code,sg_sequence",
        "--table",
    ];
    let with = |option: &'static str, file| [&asked[..], &[option, file]].concat();
    let recorded = desk.sg(&with("--record", file)).done().out;
    desk.sg(&with("--record", file)).fails(8, &["find.rec", "is there already"]);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains(&desk.site.script().api_key), "the key is in the recording");
    golden("recorded.txt", &recorded);

    let replayed = said(&mut alone(&desk, &with("--replay", file))).done().out;
    assert_eq!(replayed, recorded);
    said(&mut alone(&desk, &["delete", "Shot:1", "--replay", file])).fails(8, &["holds no such request", "\"call\":\"delete\""]);
    let both = said(&mut alone(&desk, &["find", "Shot", "--replay", file, "--record", "x"]));
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{}", both.err);
    let broken = desk.folder.join("broken.rec");
    std::fs::write(&broken, "# Notes\n").unwrap();
    said(&mut alone(&desk, &["schema", "--replay", broken.to_str().unwrap()])).fails(8, &["broken.rec", "line 1"]);
}
