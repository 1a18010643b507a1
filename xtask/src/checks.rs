//! The steps that hand over to cargo, a compiler or cargo-deny and look at what they say.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cc;
use crate::header;
use crate::reliability;
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX};
use crate::workspace::{PRODUCT, captured, read, succeed};

/// Other TLS stacks: a host's own OpenSSL would interpose on ours.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "tokio-native-tls", "hyper-tls"];
/// This package, apart from the product's for the reason that stands at `PRODUCT`.
const SELF: &[&str] = &["--package", "xtask"];
/// The version of cargo-deny that deny.toml is written for.
const CARGO_DENY: &str = "0.20.2";

/// `cargo fmt --check`.
pub fn format(session: &Session) -> Result<Outcome> {
    if tools::on_path("cargo-fmt").is_none() {
        return Ok(Outcome::Skipped(
            "cargo fmt is not installed (rustup component add rustfmt)".to_owned(),
        ));
    }
    succeed(session.workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed)
}

/// Clippy, with every warning an error.
pub fn lints(session: &Session) -> Result<Outcome> {
    if tools::on_path("cargo-clippy").is_none() {
        return Ok(Outcome::Skipped("clippy is not installed (rustup component add clippy)".to_owned()));
    }
    for packages in [PRODUCT, SELF] {
        let mut clippy = session.workspace.cargo();
        clippy.args(["clippy", "--quiet", "--all-targets"]).args(packages);
        succeed(clippy.args(["--", "-D", "warnings"]))?;
    }
    Ok(Outcome::Passed)
}

/// The Rust tests of every package; what cargo test prints is shown.
pub fn rust_tests(session: &Session) -> Result<Outcome> {
    for packages in [PRODUCT, SELF] {
        let mut test = session.workspace.cargo();
        test.args(["test", "--no-fail-fast"]).args(packages);
        if packages == PRODUCT {
            reliability::written_by(&session.workspace, &mut test)?;
        }
        succeed(&mut test)?;
    }
    Ok(Outcome::Passed)
}

/// No other TLS stack anywhere in the tree, on any system.
pub fn tls_stack(session: &Session) -> Result<Outcome> {
    let tree = captured(
        session
            .workspace
            .cargo()
            .args(["tree", "--workspace", "--target", "all", "--edges", "all", "--prefix", "none"]),
    )?;
    let found: Vec<&str> = BANNED
        .iter()
        .copied()
        .filter(|banned| tree.lines().any(|line| line.split_whitespace().next() == Some(*banned)))
        .collect();
    if !found.is_empty() {
        bail!(
            "in the tree: {} (`cargo tree -i {}` says through whom)",
            found.join(", "),
            found.join(" -i ")
        );
    }
    Ok(Outcome::Passed)
}

/// What C++ hosts turn on besides, and C compilers do not know.
const CXX_WARNINGS: &[&str] = &["-Wold-style-cast", "-Wsign-conversion"];

/// The header alone, included twice, and the program in its comment, as each language that a host may be written in.
pub fn header_compiles(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let folder = workspace.scratch.join("c-header");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // The macros are used, so that the compiler sees what they expand to.
    let body = "int main(void) {\n\
        sg_status status = SG_STATUS_OK;\n\
        sg_call_options options = SG_CALL_OPTIONS_INIT;\n\
        sg_stats stats = SG_STATS_INIT;\n\
        (void)options, (void)stats;\n\
        return SG_STATUS_CLASS(status) == SG_STATUS_OK && SG_VERSION_NUMBER > 0 && SG_CHECK_VERSION() ? 0 : 1;\n\
        }\n";
    let include = "#include <shotgrid.h>\n";
    let example = header_example(&read(&header::path(workspace))?)?;
    let texts = [
        ("alone", format!("{include}{body}")),
        ("twice", format!("{include}{include}{body}")),
        ("example", example),
    ];
    let compile = |program: &str, standards: &[&str], extension: &str| -> Result<()> {
        for (name, text) in &texts {
            let source = folder.join(name).with_extension(extension);
            fs::write(&source, text).with_context(|| format!("{} cannot be written", source.display()))?;
            for standard in standards {
                let mut command = cc::compiler(workspace, program, standard);
                command.args(["-Wconversion", "-Wshadow"]);
                if extension == "cpp" {
                    command.args(CXX_WARNINGS);
                }
                cc::must_compile(command.arg("-fsyntax-only").arg(&source))?;
            }
        }
        println!("   {program}: {}", standards.join(", "));
        Ok(())
    };
    let (c, cxx) = (["c99", "c11", "c17"], ["c++11", "c++17", "c++20"]);
    compile(&cc::c_compiler().to_string_lossy(), &c, "c")?;
    // A second opinion where it can be had; the first one is what counts.
    if tools::on_path("clang").is_some() {
        compile("clang", &c, "c")?;
    }
    if tools::on_path("clang++").is_some() {
        compile("clang++", &cxx, "cpp")?;
    }
    if let Some(why) = tools::missing(&CXX, session.required)? {
        return Ok(Outcome::Skipped(format!("only as C: {why}")));
    }
    compile(CXX.program, &cxx, "cpp")?;
    Ok(Outcome::Passed)
}

/// The program in the header's first comment, which people will copy.
fn header_example(header: &str) -> Result<String> {
    let (_, rest) = header
        .split_once("@code{.c}\n")
        .context("the header's first comment has no @code{.c}")?;
    let (code, _) = rest.split_once("@endcode").context("the header's @code has no @endcode")?;
    Ok(code
        .lines()
        .map(|line| line.trim_start().trim_start_matches('*'))
        .collect::<Vec<_>>()
        .join("\n")
        + "\n")
}

/// deny.toml: banned crates, licences, sources. Not the advisories: they would need a download at every run.
pub fn dependencies(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let program = match tools::cargo_program(workspace, "cargo-deny", CARGO_DENY, session.required)? {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let arguments = ["--workspace", "--all-features", "check", "bans", "licenses", "sources"];
    succeed(Command::new(program).current_dir(&workspace.root).args(arguments))?;
    Ok(Outcome::Passed)
}
