//! The command.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, site};
use super::data_files::Scratch;

const WAIT: Duration = Duration::from_secs(10);

/// A running command; killed if the test fails before it ended.
pub struct Running {
    child: Child,
    pub ready: Value,
    stdin: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        let stdin = child.stdin.take();
        Self {
            child,
            ready,
            stdin,
            output,
        }
    }

    pub fn client(&self) -> Client {
        let authentication = json!({"script_name": self.ready["script_name"], "script_key": self.ready["api_key"]});
        Client::new(self.ready["url"].as_str().unwrap(), authentication)
    }

    /// SIGKILL: nothing is told to the process.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn address(&self) -> String {
        self.ready["url"].as_str().unwrap().trim_start_matches("http://").to_owned()
    }

    /// The exit code, once it has ended by itself.
    fn ended(&mut self) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < WAIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the command did not end");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shotgrid-sandbox"));
    command.args(arguments).stderr(Stdio::piped());
    command
}

pub fn run(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn one_line_tells_who_can_sign_in() {
    let mut running = Running::start(&["serve"]);
    assert!(running.ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(running.client().ids("Shot", json!([])).unwrap().len(), 36);
    let people = running.ready["people"].as_array().unwrap();
    for role in ["admin", "manager", "artist", "vendor"] {
        let person = people.iter().find(|person| person["role"] == role).unwrap();
        let authentication = json!({"user_login": person["login"], "user_password": person["password"]});
        assert!(
            Client::new(running.ready["url"].as_str().unwrap(), authentication)
                .ids("Project", json!([]))
                .is_ok()
        );
    }
    let scripts = running.ready["scripts"].as_array().unwrap();
    assert_eq!(scripts.len(), 2);
    assert_eq!(
        (&scripts[0]["script_name"], &scripts[0]["api_key"]),
        (&running.ready["script_name"], &running.ready["api_key"])
    );
    running.signal("-TERM");
    assert_eq!(running.ended(), Some(0));
    let mut rest = String::new();
    running.output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line and no more");
    assert!(TcpStream::connect(running.address()).is_err());
}

#[test]
fn it_ends_on_an_interrupt() {
    let mut running = Running::start(&["serve"]);
    running.signal("-INT");
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn it_ends_with_standard_input_when_asked_to() {
    let mut running = Running::start(&["serve", "--exit-with-stdin"]);
    assert!(running.client().ids("Shot", json!([])).is_ok());
    drop(running.stdin.take());
    assert_eq!(running.ended(), Some(0));
    let mut other = Running::start(&["serve"]);
    drop(other.stdin.take());
    std::thread::sleep(Duration::from_millis(300));
    assert!(other.child.try_wait().unwrap().is_none());
}

#[test]
fn data_survive_a_kill() {
    let scratch = Scratch::new("kill");
    let file = scratch.file("site.sqlite");
    let file = file.to_str().unwrap();
    let first = Running::start(&["serve", "--data", file]);
    let client = first.client();
    for n in 0..5 {
        client.new_shot(&format!("K{n}"));
    }
    drop(first);
    let second = Running::start(&["serve", "--data", file, "--new-keys"]);
    assert_eq!(second.client().ids("Shot", json!([])).unwrap().len(), 41);
    drop(second);
    let third = Running::start(&["serve", "--data", file]);
    assert_eq!(third.ready["api_key"], Value::Null);
    assert_eq!(third.ready["scripts"][1]["api_key"], Value::Null);
}

#[test]
fn a_data_file_is_one_sites_alone_until_that_has_ended() {
    let scratch = Scratch::new("claimed");
    let file = scratch.file("site.sqlite");
    let file = file.to_str().unwrap();
    let first = Running::start(&["serve", "--data", file]);
    let second = run(&["serve", "--data", file]);
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!((second.status.code(), second.stdout.len()), (Some(1), 0));
    assert!(message.contains(&format!("{file} is in use by another sandbox")), "{message}");
    // The one that has it is not disturbed, and a killed one leaves nothing that is in the way.
    first.client().new_shot("MINE");
    first.kill();
    let third = Running::start(&["serve", "--data", file, "--new-keys"]);
    assert_eq!(third.client().ids("Shot", json!([])).unwrap().len(), 37);
}

#[test]
fn sessions_end_when_told_to() {
    let running = Running::start(&["serve", "--session-lifetime", "0"]);
    let session = running.client().call("get_session_token", json!(null)).unwrap();
    let authentication = json!({"session_token": session["session_id"], "reject_if_expired": true});
    let client = Client::new(running.ready["url"].as_str().unwrap(), authentication);
    assert_eq!(client.ids("Shot", json!([])).unwrap_err().code, 102);
}

#[test]
fn bad_arguments_are_told() {
    let scratch = Scratch::new("arguments");
    let seed = scratch.file("seed.json");
    std::fs::write(&seed, "{\"entities\": 5}").unwrap();
    let site = site();
    let taken = site.url().trim_start_matches("http://");
    for (arguments, expected) in [
        (&[][..], "a command is missing"),
        (&["fly"], "there is no command 'fly'"),
        (&["serve", "--fast"], "'--fast' is not understood"),
        (&["serve", "--listen"], "--listen"),
        (&["serve", "--listen", "here"], "'here' is no address to listen on"),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            "can be reached by other machines; give --allow-remote",
        ),
        (&["serve", "--listen", taken], "can't listen on"),
        (&["serve", "--seed", "/no/such/file"], "/no/such/file"),
        (&["serve", "--seed", seed.to_str().unwrap()], "at line 1 column 14"),
        (
            &["serve", "--session-lifetime", "soon"],
            "--session-lifetime wants a number of seconds",
        ),
        (&["serve", "--late-events", "some"], "--late-events wants a number of milliseconds"),
    ] {
        let output = run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            message.starts_with("shotgrid-sandbox: ") && message.contains(expected),
            "{arguments:?}: {message}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("Usage: shotgrid-sandbox serve"));
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        format!("shotgrid-sandbox {}\n", env!("CARGO_PKG_VERSION"))
    );
}
