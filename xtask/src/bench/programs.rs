//! The measured programs of `benches`: compiled, with canned servers for the time of a command.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::plan::{Measurement, Peer, Server};
use crate::cc::{self, must_compile};
use crate::python::{self, Environment};
use crate::site::local;
use crate::steps::Session;
use crate::tools::{self, CXX, OPENSSL};
use crate::workspace::{bounded, captured, read};

/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How large the file is that is sent and fetched.
const FILE_BYTES: u64 = 256 << 20;

/// Everything that a run needs.
pub struct Programs {
    folder: PathBuf,
    official: PathBuf,
    python: PathBuf,
    servers: Vec<Canned>,
}

/// A program that is measured, whose library is the released one: cargo's search path leads to the one of the tests.
pub fn released(command: Command) -> Command {
    let mut command = local(command);
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// What is missing here, as a sentence.
pub fn missing(session: &Session) -> Result<Option<String>> {
    if let Some(why) = tools::missing(&CXX, session.required)? {
        return Ok(Some(why));
    }
    if let Some(why) = tools::missing(&OPENSSL, session.required)? {
        return Ok(Some(why));
    }
    for (module, package) in [
        ("libcurl", "libcurl4-openssl-dev"),
        ("libcrypto", "libssl-dev"),
        ("nlohmann_json", "nlohmann-json3-dev"),
        ("simdjson", "libsimdjson-dev"),
    ] {
        if let Some(why) = tools::missing_module(module, package, session.required)? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Compiles the program that uses the library.
pub fn library_program(session: &Session, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let program = folder.join("libshotgrid");
    let mut command = compiler(session, "libshotgrid.c", &program);
    command.arg("-I").arg(session.workspace.root.join("include"));
    cc::with_library(&mut command, session.workspace.released()?)?;
    must_compile(&mut command)?;
    Ok(program)
}

/// Compiles the canned server.
pub fn server_program(session: &Session, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("server");
    must_compile(compiler(session, "server.c", &program).args(["-lssl", "-lcrypto"]))?;
    Ok(program)
}

fn compiler(session: &Session, source: &str, program: &Path) -> Command {
    let plain = source.ends_with(".c");
    let mut command = if plain {
        Command::new(cc::c_compiler())
    } else {
        Command::new(CXX.program)
    };
    command
        .arg(if plain { "-std=gnu11" } else { "-std=c++17" })
        .args(["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-pthread", "-o"])
        .arg(program)
        .arg(session.workspace.root.join("benches").join(source));
    command
}

impl Programs {
    /// Builds what there is to build and starts the servers.
    pub fn prepare(session: &Session) -> Result<Programs> {
        let Environment::Ready(python) = python::environment(session)? else {
            bail!("the official client's environment cannot be made here");
        };
        let folder = session.workspace.scratch.join("bench");
        library_program(session, &folder)?;
        let server = server_program(session, &folder)?;
        must_compile(&mut compiler(session, "floor.c", &folder.join("floor")))?;
        must_compile(compiler(session, "libcurl.cpp", &folder.join("nlohmann")).arg("-lcurl"))?;
        must_compile(compiler(session, "libcurl.cpp", &folder.join("simdjson")).args(["-DUSE_SIMDJSON", "-lcurl", "-lsimdjson"]))?;
        certificates(&folder)?;
        let file = File::create(folder.join("file")).context("the file to send cannot be made")?;
        file.set_len(FILE_BYTES).context("the file to send cannot be made")?;
        let servers = Server::ALL
            .iter()
            .map(|kind| Canned::start(&server, *kind, &folder))
            .collect::<Result<_>>()?;
        Ok(Programs {
            official: session.workspace.root.join("benches/official.py"),
            folder,
            python,
            servers,
        })
    }

    /// Lets a peer do its work once; what it measured. `None` where the work is not for it.
    pub fn run(&self, measurement: &Measurement, peer: Peer) -> Result<Value> {
        let server = self
            .servers
            .iter()
            .find(|server| server.kind == measurement.server)
            .context("a server is missing")?;
        let command = match peer {
            Peer::Floor => Command::new(self.folder.join("floor")),
            Peer::Simdjson => Command::new(self.folder.join("simdjson")),
            Peer::Nlohmann => Command::new(self.folder.join("nlohmann")),
            Peer::Library => Command::new(self.folder.join("libshotgrid")),
            Peer::Official => {
                let mut command = Command::new(&self.python);
                command.arg(&self.official);
                command
            }
        };
        let certificates = match (server.is_secure(), peer) {
            (false, _) => PathBuf::from("-"),
            // The others trust the file alone, and the library the file and the system.
            (true, Peer::Library) => self.folder.join("certificate.pem"),
            (true, _) => self.folder.join("trusted.pem"),
        };
        let file = if measurement.work == "download" { "fetched" } else { "file" };
        let count = if peer == Peer::Official {
            measurement.official_count
        } else {
            measurement.count
        };
        let numbers = [count, measurement.size, measurement.server.page()].map(|number| number.to_string());
        let mut command = released(command);
        command
            .args([measurement.work, &server.url()])
            .args(numbers)
            .arg(certificates)
            .arg(self.folder.join(file));
        if measurement.work == "start" {
            self.timed(&mut command, count)
        } else {
            self.told(&mut command)
        }
    }

    /// The last line that a program prints is what it measured.
    fn told(&self, command: &mut Command) -> Result<Value> {
        let log = self.folder.join("said");
        let status = bounded(command, &log, LIMIT)?;
        let said = read(&log)?;
        match status {
            Some(status) if status.success() => {
                let line = said.lines().last().unwrap_or_default();
                serde_json::from_str(line).with_context(|| format!("a program printed no figures: {said}"))
            }
            Some(status) => bail!("{status}: {said}"),
            None => bail!("it was ended after {} s", LIMIT.as_secs()),
        }
    }

    /// The median time from the start of a process to its end.
    fn timed(&self, command: &mut Command, count: u32) -> Result<Value> {
        let mut times = Vec::new();
        for _ in 0..count {
            let start = Instant::now();
            // Bounded by the programs' own time limits.
            captured(command)?;
            times.push(start.elapsed().as_secs_f64());
        }
        Ok(serde_json::json!({ "seconds": super::median(&mut times) }))
    }
}

/// A certificate for this machine, and a file of all that is trusted: the system's and it.
fn certificates(folder: &Path) -> Result<()> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    captured(
        Command::new(OPENSSL.program)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ])
            .args([
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:localhost",
            ])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(key)
            .arg("-out")
            .arg(&certificate),
    )?;
    let system = read(Path::new("/etc/ssl/certs/ca-certificates.crt")).unwrap_or_default();
    fs::write(folder.join("trusted.pem"), system + &read(&certificate)?).context("the file of certificates cannot be written")
}

/// A canned server, which ends with us.
pub struct Canned {
    kind: Server,
    port: u16,
    child: Child,
    /// Closing it ends the server.
    input: Option<ChildStdin>,
}

impl Canned {
    /// Starts one.
    pub fn start(program: &Path, kind: Server, folder: &Path) -> Result<Canned> {
        let mut command = Command::new(program);
        command.args([kind.think_ms(), kind.page()].map(|number| number.to_string()));
        match kind {
            Server::Fast | Server::Slow => command.args(["-", "-"]),
            Server::Secure | Server::Closing => command.arg(folder.join("certificate.pem")).arg(folder.join("key.pem")),
        };
        let mut child = command
            .arg(if kind == Server::Closing { "1" } else { "0" })
            .arg(FILE_BYTES.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the canned server could not be started")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the canned server has no standard output")?;
        let mut server = Canned {
            kind,
            port: 0,
            child,
            input,
        };
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .context("the canned server says nothing")?;
        server.port = line.trim().parse().context("the canned server told no port")?;
        Ok(server)
    }

    fn is_secure(&self) -> bool {
        matches!(self.kind, Server::Secure | Server::Closing)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.is_secure() { "https" } else { "http" }, self.port)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself when its input does; what it is worth is known by now.
        let _ = self.child.wait();
    }
}
