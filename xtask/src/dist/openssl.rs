//! An OpenSSL in the way: hosts that have one of their own, 3 or 1.1, and the shipped library in one process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{REAL_NAME, tree};
use crate::python::{self, Environment};
use crate::site::{Site, local, log_file};
use crate::steps::Session;
use crate::tools::{self, PYTHON, Tool};
use crate::workspace::{bounded, captured, read, wait_at_most};

const LIMIT: Duration = Duration::from_secs(120);
/// Makes the certificates, and has the libraries of version 3 beside it.
const OPENSSL: Tool = Tool {
    program: "openssl",
    package: "openssl",
};

/// Each version, loaded before libshotgrid and after it.
pub fn check(session: &Session, prefix: &Path) -> Result<()> {
    let workspace = &session.workspace;
    for tool in [&OPENSSL, &PYTHON] {
        if let Some(why) = tools::missing(tool, session.required)? {
            println!("   an OpenSSL in the way: skipped, {why}");
            return if session.required { bail!(why) } else { Ok(()) };
        }
    }
    let folder = workspace.scratch.join("dist/openssl");
    tree::fresh(&folder)?;
    certificates(&folder)?;
    let site = Site::start(&workspace.built()?.sandbox, &[], &log_file(&folder, "site"))?;
    let script = workspace.root.join("tests/openssl/in_the_way.py");
    let secure = Secure::start(&script, &folder, &site)?;
    let mut versions = vec![["libcrypto.so.3".to_owned(), "libssl.so.3".to_owned()]];
    versions.extend(older(session, &folder)?);
    for [crypto, ssl] in &versions {
        for order in ["openssl-first", "shotgrid-first"] {
            let log = log_file(&folder, order);
            let mut command = local(Command::new(PYTHON.program));
            command
                .arg("-B")
                .arg(&script)
                .args(["host", &secure.port])
                .arg(prefix.join("lib").join(REAL_NAME))
                .args([crypto, ssl, order])
                .envs(site.environment()?)
                .env("SHOTGUN_API_CACERTS", folder.join("ca.pem"))
                // The libraries of the wheel want others that lie beside them.
                .env("LD_LIBRARY_PATH", Path::new(ssl).parent().unwrap_or_else(|| Path::new("")));
            let status = bounded(&mut command, &log, LIMIT)?;
            let said = read(&log)?;
            if !status.is_some_and(|status| status.success()) {
                bail!("{ssl}, {order}: {status:?}\n{said}");
            }
            println!("   {}", said.trim_end());
        }
    }
    Ok(())
}

/// An authority, and a certificate of it for this machine.
fn certificates(folder: &Path) -> Result<()> {
    let openssl = |arguments: &[&str]| captured(Command::new(OPENSSL.program).args(arguments).current_dir(folder)).map(drop);
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = [
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=Authority of a test",
    ];
    openssl(&[&["req", "-x509"], &key[..], &authority[..]].concat())?;
    let request = ["-keyout", "site.key", "-out", "site.csr", "-subj", "/CN=localhost"];
    openssl(&[&["req", "-new"], &key[..], &request[..]].concat())?;
    tree::write(
        &folder.join("site.ext"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
    )?;
    let sign = [
        "x509",
        "-req",
        "-in",
        "site.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
    ];
    openssl(&[&sign[..], &["-extfile", "site.ext", "-out", "site.pem"]].concat())
}

/// The libraries of 1.1 out of the wheel that tests/openssl/requirements.txt pins; `None` where there is no index to ask.
fn older(session: &Session, folder: &Path) -> Result<Option<[String; 2]>> {
    let wheels = folder.join("wheels");
    // That of the system may have no pip.
    let python = match python::pinned(session, "packaging/requirements.txt", "release-tools")? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => bail!(why),
    };
    let mut download = Command::new(python);
    download
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ])
        .args([
            "--platform",
            "manylinux1_x86_64",
            "--python-version",
            "38",
            "--only-binary=:all:",
            "--dest",
        ])
        .arg(&wheels)
        .arg("-r")
        .arg(session.workspace.root.join("tests/openssl/requirements.txt"));
    if let Err(error) = captured(&mut download) {
        if session.required {
            return Err(error.context("OpenSSL 1.1 could not be had"));
        }
        println!("   OpenSSL 1.1: skipped, {error:#}");
        return Ok(None);
    }
    let content = folder.join("wheel");
    for entry in std::fs::read_dir(&wheels).context("the wheel is not there")? {
        let wheel = entry.context("the wheel is not there")?.path();
        captured(Command::new(PYTHON.program).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&content))?;
    }
    let libraries = content.join("psycopg2_binary.libs");
    let named = |start: &str| -> Result<String> {
        let entries = std::fs::read_dir(&libraries).context("the wheel has no libraries")?;
        let found: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok())
            .map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)))
            .collect();
        let path = found.first().with_context(|| format!("the wheel has no {start}"))?;
        Ok(path.display().to_string())
    };
    Ok(Some([named("libcrypto-")?, named("libssl-")?]))
}

/// The site behind TLS, for as long as this lives.
struct Secure {
    child: Child,
    port: String,
}

impl Secure {
    fn start(script: &Path, folder: &Path, site: &Site) -> Result<Secure> {
        let port = site.url.rsplit(':').next().unwrap_or_default().trim_end_matches('/');
        let log = log_file(folder, "secure");
        let errors = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut child = Command::new(PYTHON.program)
            .arg("-B")
            .arg(script)
            .arg("serve")
            .arg(folder.join("site.pem"))
            .arg(folder.join("site.key"))
            .arg(port)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .context("python3 could not be started")?;
        let output = child.stdout.take();
        let mut secure = Secure {
            child,
            port: String::new(),
        };
        let output = output.context("the secure site has no output")?;
        BufReader::new(output)
            .read_line(&mut secure.port)
            .context("the secure site said nothing")?;
        secure.port = secure.port.trim().to_owned();
        if secure.port.is_empty() {
            bail!("the secure site did not start:\n{}", read(&log)?);
        }
        Ok(secure)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if matches!(wait_at_most(&mut self.child, Duration::from_secs(5)), Ok(Some(_))) {
            return;
        }
        // Nothing can be done about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
