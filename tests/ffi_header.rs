//! What the header promises and no compiler checks.

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

use std::process::Command;

use shotgrid::ffi::*;
use support::*;

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_version_is_one() {
    let header = file("include/shotgrid.h");
    let number = |name: &str| -> u32 {
        let line = header
            .lines()
            .find_map(|line| line.strip_prefix(&format!("#define SG_VERSION_{name} ")))
            .unwrap();
        line.trim().parse().unwrap()
    };
    let (major, minor, patch) = (number("MAJOR"), number("MINOR"), number("PATCH"));
    assert_eq!(read(sg_lib_version()), env!("CARGO_PKG_VERSION"));
    assert_eq!(read(sg_lib_version()), format!("{major}.{minor}.{patch}"));
    assert_eq!(sg_lib_version_number(), (major << 16) | (minor << 8) | patch);
    assert!(header.contains("((SG_VERSION_MAJOR << 16) | (SG_VERSION_MINOR << 8) | SG_VERSION_PATCH)"));
}

/// The order of the table is the order of the header.
#[test]
fn the_table_of_symbols_is_the_headers() {
    let header = file("include/shotgrid.h");
    let code = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#']) && !line.starts_with("typedef"));
    let declared: Vec<_> = code
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("sg_"))
        .collect();
    let table = file("docs/symbols.md");
    let listed: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(declared.len() > 60, "{declared:?}");
    assert_eq!(declared, listed);
}

/// The example is compiled as it stands, with the strictest C that the header promises.
#[test]
fn the_example_of_the_header_compiles() {
    let Ok(compiler) = Command::new("cc").arg("--version").output() else {
        return;
    };
    assert!(compiler.status.success());
    let header = file("include/shotgrid.h");
    let example = header.split_once("@code{.c}").unwrap().1.split_once("@endcode").unwrap().0;
    let code: Vec<_> = example.lines().map(|line| line.trim_start().trim_start_matches('*')).collect();
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("header_example.c");
    std::fs::write(&source, code.join("\n")).unwrap();
    let output = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
        .arg(format!("-I{}/include", env!("CARGO_MANIFEST_DIR")))
        .arg(&source)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
