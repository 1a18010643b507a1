//! The person's own browser.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Runtime, signals};
use crate::client::{Error, Result, Status};

/// How often it is looked whether the program that opens the browser has ended, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_secs(1);

impl Runtime {
    /// Has the system open an address. The program that does so knows nothing of the library's threads, and is waited for so that
    /// it leaves no zombie.
    pub fn open_browser(&self, url: &str) -> Result<()> {
        let seat = self.0.usable()?;
        let mut command = opener(url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        signals::open_in(&mut command);
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            let what = format!("{program} could not be started: {error}; ask the person to open the address");
            Error::new(Status::Io, what)
        })?;
        // In no hurry: somebody drives sooner or later.
        seat.handle().spawn(wait_for(child));
        Ok(())
    }
}

/// No shell has a part in it: the address is an argument and nothing else.
fn opener(url: &str) -> Command {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("rundll32.exe");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else if cfg!(target_os = "macos") {
        Command::new("/usr/bin/open")
    } else {
        Command::new("xdg-open")
    };
    command.arg(url);
    command
}

async fn wait_for(mut child: Child) {
    let mut pause = FIRST_LOOK;
    while matches!(child.try_wait(), Ok(None)) {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}
