//! The program that opens the browser: how it is started, and that nothing is left of it. A test of its own, since it changes the
//! environment of its process.

#![cfg(target_os = "linux")]
#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

mod support;
#[path = "support/tools.rs"]
mod tools;

use std::ffi::c_void;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Instant;

use shotgrid::client::Status;
use shotgrid::ffi::*;
use shotgrid_sandbox::Sandbox;
use support::*;

/// What the opener wrote down, once it has.
fn written(path: &Path) -> String {
    let start = Instant::now();
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with("end\n") => return text,
            _ if start.elapsed() > LONG => panic!("{} was not written", path.display()),
            _ => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
}

/// The children of this process that have ended and that nobody has waited for.
fn zombies() -> usize {
    let own = std::process::id().to_string();
    let stat = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("stat")).ok();
    let is_ours = |stat: &String| {
        let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(&own)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(stat)
        .filter(is_ours)
        .count()
}

extern "C" fn open_in_callback(_: *mut sg_op, data: *mut c_void) {
    good(unsafe { sg_sign_in_open_browser(data.cast::<sg_sign_in>()) });
}

#[test]
fn the_browser_is_opened_without_a_shell_a_signal_mask_or_a_zombie() {
    let folder = tools::Folder::new("open-browser");
    let said = folder.0.join("said");
    let script = format!(
        "#!/bin/sh\nexec >\"{}\"\nfor argument; do echo \"argument $argument\"; done\n/bin/grep SigBlk /proc/self/status\necho end\n",
        said.display()
    );
    let opener = folder.file("xdg-open", script);
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let before = std::env::var_os("PATH").unwrap();
    let site = Sandbox::builder().start().unwrap();
    let (mut sign_in, mut op) = (null_mut(), null_mut());
    unsafe {
        good(sg_sign_in_new(
            c(site.url()).as_ptr(),
            c"Paint".as_ptr(),
            c"box".as_ptr(),
            null(),
            &mut sign_in,
        ));
        good(sg_sign_in_begin(sign_in));
        std::env::set_var("PATH", &folder.0);
        good(sg_sign_in_open_browser(sign_in));
        let expected = format!("argument {}\nSigBlk:\t0000000000000000\nend\n", read(sg_sign_in_url(sign_in)));
        assert_eq!(written(&said), expected);
        std::fs::remove_file(&said).unwrap();
        // On the library's own thread, which blocks all signals.
        good(sg_sign_in_submit_wait(sign_in, &mut op));
        good(sg_op_cancel(op));
        good(sg_op_on_done(op, Some(open_in_callback), sign_in.cast(), None));
        assert_eq!(written(&said), expected);
        std::env::set_var("PATH", folder.0.join("nothing"));
        fails(sg_sign_in_open_browser(sign_in), Status::Io, &["xdg-open could not be started"]);
        assert!(!message().contains(&site.app_session_requests()[0].id));
        std::env::set_var("PATH", before);
        let start = Instant::now();
        while zombies() > 0 && start.elapsed() < LONG {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(zombies(), 0);
        sg_op_free(op);
        sg_sign_in_free(sign_in);
    }
}
