//! The sandbox's pages in a real browser.

use anyhow::Result;

use crate::cc;
use crate::steps::{Outcome, Session};
use crate::tools::{self, CHROMEDRIVER, CHROMIUM, CXX};
use crate::workspace::{PRODUCT, succeed};

/// The step of `cargo xtask test`. As root it installs the browser also where a skip would do: nobody has one by chance.
pub fn pages(session: &Session) -> Result<Outcome> {
    for tool in [CHROMIUM, CHROMEDRIVER] {
        let missing = match tools::missing(&tool, true) {
            Ok(missing) => missing,
            Err(error) if session.required => return Err(error),
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(why) = missing {
            return Ok(Outcome::Skipped(why));
        }
    }
    let workspace = &session.workspace;
    let mut test = workspace.cargo();
    for (name, compiler, standard, source) in [
        ("SG_SIGN_IN_C", cc::c_compiler(), "c99", "examples/c/browser_sign_in.c"),
        ("SG_SIGN_IN_CPP", CXX.program.into(), "c++17", "examples/cpp/browser_sign_in.cpp"),
    ] {
        let program = workspace.scratch.join(name.to_lowercase());
        let mut command = cc::compiler(workspace, compiler, standard);
        command
            .args(["-g", "-pthread", "-o"])
            .arg(&program)
            .arg(workspace.root.join(source));
        cc::with_library(&mut command, &workspace.built()?.cdylib)?;
        cc::must_compile(&mut command)?;
        test.env(name, program);
    }
    // Cargo runs only what is named, and builds it with the product's selection of packages, as everything else.
    test.arg("test")
        .args(PRODUCT)
        .args(["--test", "journey", "--test", "programs", "--", "--ignored"]);
    succeed(&mut test)?;
    Ok(Outcome::Passed)
}
