//! `--record` and `--replay`.

use std::process::{Command, Stdio};

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

#[test]
fn a_recording_takes_the_place_of_no_session() {
    let desk = Desk::new("no-session");
    let file = desk.folder.join("login.rec");
    let file = file.to_str().unwrap();
    said(&mut desk.artist(&["login", "--record", file]));
    let kept = desk.folder.join(".config/sg/session.json");
    let before = std::fs::read_to_string(&kept).unwrap();
    said(&mut desk.artist(&["login", "--replay", file])).fails(2, &["opens and ends no session"]);
    said(&mut desk.nobody(&["logout", "--replay", file])).fails(2, &["opens and ends no session"]);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_recording_that_cannot_grow_is_told() {
    let desk = Desk::new("full");
    let file = desk.folder.join("full.rec");
    let sg = desk.script(&[]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1; exec \"$0\" find Shot --limit 20 --json --record \"$1\""]);
    let environment = sg.get_envs().filter_map(|(name, value)| Some((name, value?)));
    limited.arg(sg.get_program()).arg(&file).envs(environment);
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let told = said(&mut limited);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.json().as_array().map(Vec::len), Some(20));
    assert!(told.err.contains("full.rec ends here"), "{}", told.err);
}
