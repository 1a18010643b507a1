//! A local site for the time of a command: the sandbox as a child process that ends with us.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::workspace::{read, wait_at_most};

/// How long the sandbox may take until it says that it is ready.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end after its input was closed.
const STOP: Duration = Duration::from_secs(5);

/// A running sandbox and what it said about itself.
pub struct Site {
    child: Child,
    /// Closing it ends the sandbox, also when this program dies without a word.
    input: Option<ChildStdin>,
    /// The ready line, as it came.
    pub ready: String,
    /// The site's address.
    pub url: String,
    /// The script of the seed that may do everything a script may.
    pub script_name: String,
    /// Its application key.
    pub api_key: String,
    people: Vec<Person>,
}

/// Somebody who may sign in.
pub struct Person {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    role: String,
}

impl Site {
    /// Starts the sandbox with `arguments` more and waits for its one line. What it writes to standard error goes to `log`.
    pub fn start(program: &Path, arguments: &[&str], log: &Path) -> Result<Site> {
        let errors = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut child = Command::new(program)
            .args(["serve", "--exit-with-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("the sandbox {} could not be started", program.display()))?;
        let input = child.stdin.take();
        let line = child
            .stdout
            .take()
            .context("the sandbox has no standard output")
            .and_then(|output| {
                let (sender, receiver) = mpsc::channel();
                // Reads on to the end, so that the sandbox never waits for somebody to take what it prints.
                std::thread::spawn(move || {
                    for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
                        // Only the first line is waited for.
                        let _ = sender.send(line);
                    }
                });
                receiver.recv_timeout(START).map_err(|error| match error {
                    RecvTimeoutError::Disconnected => anyhow!("the sandbox ended before it was ready"),
                    RecvTimeoutError::Timeout => anyhow!("the sandbox was not ready within {} s", START.as_secs()),
                })
            });
        // From here on it is ended whatever comes.
        let mut site = Site {
            child,
            input,
            ready: String::new(),
            url: String::new(),
            script_name: String::new(),
            api_key: String::new(),
            people: Vec::new(),
        };
        site.understand(line).with_context(|| told(log))?;
        Ok(site)
    }

    fn understand(&mut self, line: Result<String>) -> Result<()> {
        self.ready = line?;
        let ready: Value =
            serde_json::from_str(&self.ready).with_context(|| format!("the sandbox's first line is no JSON: {}", self.ready))?;
        self.url = text(&ready, "url")?;
        self.script_name = text(&ready, "script_name")?;
        self.api_key = text(&ready, "api_key")?;
        let people = ready
            .get("people")
            .and_then(Value::as_array)
            .context("the ready line has no people")?;
        for person in people {
            self.people.push(Person {
                login: text(person, "login")?,
                password: text(person, "password")?,
                role: text(person, "role")?,
            });
        }
        Ok(())
    }

    /// The first person with a role.
    pub fn person(&self, role: &str) -> Result<&Person> {
        let found = self.people.iter().find(|person| person.role == role);
        found.with_context(|| format!("the sandbox has nobody with the role {role}: {}", self.ready))
    }

    /// The arguments of examples/c/quickstart.c.
    pub fn quickstart_arguments(&self) -> Result<[&str; 5]> {
        let artist = self.person("artist")?;
        Ok([&self.url, &artist.login, &artist.password, &self.script_name, &self.api_key])
    }

    /// What the programs of tests/c read from their environment.
    pub fn environment(&self) -> Result<Vec<(String, &str)>> {
        let mut variables = vec![
            ("SG_TEST_URL".to_owned(), self.url.as_str()),
            ("SG_TEST_SCRIPT_NAME".to_owned(), &self.script_name),
            ("SG_TEST_API_KEY".to_owned(), &self.api_key),
        ];
        for role in ["artist", "admin"] {
            let person = self.person(role)?;
            let upper = role.to_uppercase();
            variables.push((format!("SG_TEST_{upper}_LOGIN"), &person.login));
            variables.push((format!("SG_TEST_{upper}_PASSWORD"), &person.password));
        }
        Ok(variables)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.input.take());
        if matches!(wait_at_most(&mut self.child, STOP), Ok(Some(_))) {
            return;
        }
        // Nothing can be done about a failure here, and the closed input ends the child at the latest with us.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that talks to the local site only: proxies and certificates of the machine are none of its business.
pub fn local(mut command: Command) -> Command {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env_remove("SHOTGUN_API_CACERTS");
    command
}

fn text(value: &Value, name: &str) -> Result<String> {
    match value.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => bail!("the sandbox's ready line has no text `{name}`: {value}"),
    }
}

fn told(log: &Path) -> String {
    match read(log) {
        Ok(words) if !words.trim().is_empty() => format!("the sandbox said:\n{}", words.trim_end()),
        _ => "the sandbox said nothing on standard error".to_owned(),
    }
}

/// A file for the log of something, by its name.
pub fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}
