//! What happens between machines: the tests of `tests/network`, in a network that is made for them and gone with them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::steps::{Outcome, Session};
use crate::tools::{self, IP, NFT, NGINX, PYTHON, TINYPROXY};
use crate::workspace::{PRODUCT, succeed};

/// Namespaces of the tests' own for network, mounts and processes: what is made in them ends with the tests, however those end.
const UNSHARE: &[&str] = &["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Runs them. `rows` names a folder for what they measure, by the variable that tells them.
pub fn run(session: &Session, rows: Option<(&str, &Path)>) -> Result<Outcome> {
    for tool in [IP, NFT, NGINX, TINYPROXY, PYTHON] {
        if let Some(why) = tools::missing(&tool, session.required)? {
            return Ok(Outcome::Skipped(why));
        }
    }
    let Some(runner) = runner()? else {
        return Ok(Outcome::Skipped(
            "network namespaces cannot be made here: that needs root, or a kernel that lets everybody make them, and /dev/net/tun"
                .to_owned(),
        ));
    };
    let workspace = &session.workspace;
    let lab = workspace.root.join("tests/network/lab.sh").display().to_string();
    let words: Vec<String> = runner
        .iter()
        .copied()
        .chain([lab.as_str()])
        .map(|word| format!("{word:?}"))
        .collect();
    let mut test = workspace.cargo();
    test.args(["--config", &format!("target.'cfg(all())'.runner=[{}]", words.join(","))]);
    test.arg("test").args(PRODUCT);
    test.args([
        "--test",
        "network",
        "--",
        "--ignored",
        "--skip",
        "one_client",
        "--test-threads",
        "1",
    ]);
    test.envs(rows);
    succeed(test.env("SHOTGRID_SANDBOX", &workspace.built()?.sandbox))?;
    Ok(Outcome::Passed)
}

/// What runs a program in namespaces of its own: as root, or as anybody where the kernel allows that. `None` where neither works.
fn runner() -> Result<Option<Vec<&'static str>>> {
    let as_anybody = UNSHARE.iter().copied().chain(["--user", "--map-root-user"]).collect();
    for runner in [UNSHARE.to_vec(), as_anybody] {
        let Some((program, arguments)) = runner.split_first() else {
            continue;
        };
        let mut trial = Command::new(program);
        let making = "mount -t tmpfs tmpfs /run && ip netns add trial && ip tuntap add dev trial mode tun";
        trial
            .args(arguments)
            .args(["sh", "-c", making])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if trial.status().context("unshare could not be started")?.success() {
            return Ok(Some(runner));
        }
    }
    Ok(None)
}
