//! The network of these tests, the machines in it, and a client that is told what to do.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid::client::{Client, Credentials, Error, Options, Secret};

use crate::tools::{Folder, run};

/// The client's address, and the site's.
pub const HERE: &str = "10.77.0.1";
pub const THERE: &str = "10.77.0.2";
/// The sandbox as it is, without TLS.
pub const PLAIN: u16 = 8000;

/// Names the part of a case that a child process gets.
const CASE: &str = "SHOTGRID_NETWORK_CASE";

/// Runs a command line without quotes, and gives what it printed.
#[track_caller]
pub fn sh(line: &str) -> String {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// As [`sh`], on the site's machine.
#[track_caller]
pub fn on_site(line: &str) -> String {
    sh(&format!("ip netns exec site {line}"))
}

/// Starts a program on the site's machine. It ends with the lab at the latest.
pub fn start(program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", "site", program]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Ends a program that was started here.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sandbox in the lab.
pub struct Site {
    _program: Ending,
    pub url: String,
    script: String,
    key: String,
    /// A Version, to upload to.
    pub version: i64,
    /// An Attachment, to download.
    pub attachment: i64,
    pub folder: Folder,
    pub file: PathBuf,
}

pub const CONTENT: usize = 300_000;

impl Site {
    pub fn start(address: &str) -> Site {
        assert!(
            std::env::var_os("SHOTGRID_LAB").is_some(),
            "run by `cargo xtask test network`, which makes the network"
        );
        let program = std::env::var("SHOTGRID_SANDBOX").expect("SHOTGRID_SANDBOX names the sandbox's program");
        let listen = format!("{address}:{PLAIN}");
        let arguments = [
            "serve",
            "--exit-with-stdin",
            "--allow-remote",
            "--direct-uploads",
            "--listen",
            &listen,
        ];
        let mut program = Ending(start(&program, &arguments));
        let mut line = String::new();
        BufReader::new(program.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let folder = Folder::new(&format!("network-{address}"));
        let content: Vec<u8> = (0..CONTENT as u64)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let file = folder.file("frames.mov", content);
        let mut site = Site {
            _program: program,
            url: text("url"),
            script: text("script_name"),
            key: text("api_key"),
            version: 0,
            attachment: 0,
            folder,
            file,
        };
        run(async {
            let client = site.client(&json!({})).await.unwrap();
            let project = call(&client, "find_one", json!(["Project", []])).await.unwrap();
            let version = json!(["Version", {"code": "files", "project": project}]);
            site.version = call(&client, "create", version).await.unwrap()["id"].as_i64().unwrap();
            let upload = json!(["Version", site.version, site.file, "sg_uploaded_movie"]);
            site.attachment = call(&client, "upload", upload).await.unwrap().as_i64().unwrap();
        });
        site
    }

    /// A client by the settings of a case; see [`options`].
    pub async fn client(&self, case: &Value) -> Result<Client, Error> {
        connect(&self.case(case)).await
    }

    /// The case with all that a client needs to know of the site.
    pub fn case(&self, case: &Value) -> Value {
        let mut whole = json!({
            "url": self.url, "script": self.script, "key": self.key, "insecure": true, "version": self.version,
            "attachment": self.attachment, "file": self.file, "back": self.folder.0.join("back.mov"),
        });
        for (name, value) in case.as_object().unwrap() {
            whole[name] = value.clone();
        }
        whole
    }
}

/// The site that stands behind everything here.
pub static SITE: LazyLock<Site> = LazyLock::new(|| Site::start(THERE));

fn options(case: &Value) -> Options {
    let milliseconds = |name: &str, otherwise: u64| Some(Duration::from_millis(case[name].as_u64().unwrap_or(otherwise)));
    Options {
        timeout: milliseconds("timeout", 12_000),
        connect_timeout: milliseconds("connect", 5_000),
        max_attempts: case["attempts"].as_u64().unwrap_or(3) as u32,
        ca_file: case["ca"].as_str().map(PathBuf::from),
        proxy: case["proxy"].as_str().map(Secret::new),
        no_proxy: case["no_proxy"] == true,
        allow_insecure_http: case["insecure"] == true,
        verify_on_connect: false,
        ..Options::default()
    }
}

async fn connect(case: &Value) -> Result<Client, Error> {
    let credentials = Credentials::Script {
        name: case["script"].as_str().unwrap().into(),
        api_key: Secret::new(case["key"].as_str().unwrap()),
    };
    Client::connect(case["url"].as_str().unwrap(), credentials, options(case)).await
}

pub async fn call(client: &Client, method: &str, params: Value) -> Result<Value, Error> {
    let result = client.call(method, &params.to_string()).await?;
    Ok(serde_json::from_str(result.json()).unwrap())
}

/// What came of a call, an upload and a download.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub statuses: [String; 3],
    pub messages: [String; 3],
}

impl Seen {
    /// The statuses as cells of a table.
    pub fn cells(&self) -> Vec<String> {
        self.statuses.to_vec()
    }

    pub fn all(&self, status: &str) -> bool {
        self.statuses.iter().all(|seen| seen == status)
    }

    pub fn say(&self, part: &str) -> bool {
        self.messages.iter().all(|message| message.contains(part))
    }
}

/// Makes a call, an upload and a download as the case says. None may last longer than a few limits.
pub fn attempt(case: &Value) -> Seen {
    let case = SITE.case(case);
    let began = Instant::now();
    let seen = read(&run(work(&case)));
    assert!(began.elapsed() < Duration::from_secs(90), "{case} took {:?}", began.elapsed());
    seen
}

/// As [`attempt`], in a process with these variables and no others that name a proxy or certificates.
pub fn attempt_with(environment: &[(&str, &str)], case: &Value) -> Seen {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "one_client", "--ignored", "--nocapture"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_ascii_uppercase());
    }
    command.env(CASE, SITE.case(case).to_string()).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find_map(|line| line.split_once("OUTCOME "))
        .map(|(_, outcome)| outcome.to_owned());
    read(&serde_json::from_str(&line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))).unwrap())
}

/// The other process.
pub fn one_client() {
    let case = std::env::var(CASE).expect("is started by the tests of proxies and certificates");
    println!("OUTCOME {}", run(work(&serde_json::from_str(&case).unwrap())));
}

fn read(outcome: &Value) -> Seen {
    let all = |index: usize| std::array::from_fn(|number| outcome[number][index].as_str().unwrap().to_owned());
    Seen {
        statuses: all(0),
        messages: all(1),
    }
}

async fn work(case: &Value) -> Value {
    let client = match connect(case).await {
        Ok(client) => client,
        Err(error) => {
            let seen = seen(Err(&error));
            return json!([seen, seen, seen]);
        }
    };
    let called = call(&client, "find", json!(["Project", [], ["id"]])).await;
    let upload = json!(["Version", case["version"], case["file"], "sg_uploaded_movie"]);
    let uploaded = call(&client, "upload", upload).await;
    let back = Path::new(case["back"].as_str().unwrap());
    let attachment = uploaded.as_ref().unwrap_or(&case["attachment"]).clone();
    let downloaded = call(&client, "download_attachment", json!([attachment, back])).await;
    assert_eq!(downloaded.is_ok(), back.exists(), "a download is whole or not there");
    if downloaded.is_ok() {
        assert!(std::fs::read(back).unwrap() == std::fs::read(case["file"].as_str().unwrap()).unwrap());
        std::fs::remove_file(back).unwrap();
    }
    json!([seen(called.as_ref()), seen(uploaded.as_ref()), seen(downloaded.as_ref())])
}

fn seen(outcome: Result<&Value, &Error>) -> Value {
    match outcome {
        Ok(_) => json!(["OK", ""]),
        Err(error) => json!([error.status.name(), format!("{error:?}")]),
    }
}

/// A section of docs/reliability.md, and what was not as it should be.
pub struct Section {
    name: &'static str,
    head: Value,
    rows: Vec<Vec<String>>,
    wrong: String,
}

impl Section {
    pub fn new(name: &'static str, title: &str, about: &str, columns: &[&str]) -> Section {
        Section {
            name,
            head: json!({"title": title, "about": about, "columns": columns}),
            rows: Vec::new(),
            wrong: String::new(),
        }
    }

    pub fn row(&mut self, case: &str, cells: Vec<String>) {
        self.rows.push(std::iter::once(case.to_owned()).chain(cells).collect());
    }

    /// Notes what is wrong, so that one run tells all.
    pub fn check(&mut self, good: bool, what: impl std::fmt::Debug) {
        if !good {
            let _ = writeln!(self.wrong, "{what:?}");
        }
    }

    /// One row for a case whose call, upload and download must all come to this, with this in every message.
    pub fn expect(&mut self, case: &str, seen: &Seen, status: &str, part: &str) {
        self.check(seen.all(status) && seen.say(part), (case, status, part, seen));
        self.row(case, seen.cells());
    }

    /// Writes the section, if a folder for it is named.
    pub fn finish(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong);
        let Some(folder) = std::env::var_os("SHOTGRID_RELIABILITY_ROWS") else {
            return;
        };
        let mut section = self.head;
        section["rows"] = json!(self.rows);
        let file = Path::new(&folder).join(format!("{}.json", self.name));
        std::fs::write(file, serde_json::to_string_pretty(&section).unwrap()).unwrap();
    }
}

/// A server that was started is asked until it answers.
pub fn wait_for(port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect((THERE, port)).is_err() {
        assert!(Instant::now() < end, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A file that a server writes.
pub fn text_of(path: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path);
    let _ = file.map(|mut file| file.read_to_string(&mut text));
    text
}
