//! A site, the command, and what it came to.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use shotgrid_sandbox::Sandbox;

/// What a command came to.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    #[track_caller]
    pub fn done(self) -> Said {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        assert_eq!(self.err, "");
        self
    }

    /// Ended with this code, with these words on standard error and nothing on standard output.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert!(self.err.lines().count() <= 2, "{}", self.err);
        assert!(self.err.starts_with("sg: ") || self.err.starts_with("error: "), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "\"{word}\" is not in \"{}\"", self.err);
        }
    }
}

/// A site, and a folder of its own for the session.
pub struct Desk {
    pub site: Sandbox,
    pub folder: PathBuf,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    pub fn new(name: &str) -> Desk {
        let folder = std::env::temp_dir().join(format!("sg-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Desk {
            site: Sandbox::builder().start().unwrap(),
            folder,
        }
    }

    /// The command without credentials.
    pub fn nobody(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sg"));
        command
            .args(words)
            .env_clear()
            .env("SG_SITE", self.site.url())
            .env("HOME", &self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn script(&self, words: &[&str]) -> Command {
        let mut command = self.nobody(words);
        let script = self.site.script();
        command.env("SG_SCRIPT", &script.name).env("SG_KEY", &script.api_key);
        command
    }

    pub fn artist(&self, words: &[&str]) -> Command {
        let mut command = self.nobody(words);
        let artist = self.site.person("artist").unwrap();
        command.env("SG_LOGIN", &artist.login).env("SG_PASSWORD", &artist.password);
        command
    }

    pub fn sg(&self, words: &[&str]) -> Said {
        said(&mut self.script(words))
    }

    /// As the script, with a text on standard input.
    pub fn piped(&self, words: &[&str], text: &str) -> Said {
        let mut child = self.script(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        ended(child, Duration::from_secs(60))
    }
}

pub fn ended(mut child: Child, limit: Duration) -> Said {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || {
        let mut text = Vec::new();
        out.read_to_end(&mut text).map(|_| String::from_utf8(text).unwrap()).unwrap()
    });
    let err = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text).unwrap()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > limit {
            child.kill().unwrap();
            panic!("sg did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Said {
        code: status.code().unwrap_or(-1),
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

pub fn said(command: &mut Command) -> Said {
    ended(command.spawn().unwrap(), Duration::from_secs(120))
}

pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{name} has changed; UPDATE_GOLDEN=1 writes it anew");
}
