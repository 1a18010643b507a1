//! The header that shotgrid-codegen writes of a whole site: it compiles, and what is mistyped does not.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::cc;
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX};
use crate::workspace::captured;

const USES: &str = r#"#include "studio.hpp"
using studio::Shot;
int main() {
  const auto filter = sg::where(Shot::code).starts_with("SQ") && sg::where(Shot::sg_cut_in).between(1, 5);
  const sg::object data{Shot::code.to("x"), Shot::sg_cut_in.to(3)};
  return filter.conditions().problem().empty() && data.size() == 2 ? 0 : 1;
}
"#;

const MISTYPED: &str = "#include \"studio.hpp\"\nauto wrong() { return sg::where(studio::Shot::cdoe).is(\"x\"); }\n";

const C_USES: &str = "#include \"studio.h\"\nint main(void) { return STUDIO_SHOT_CODE[0] == 'c' ? 0 : 1; }\n";

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let folder = workspace.scratch.join("codegen");
    fs::create_dir_all(&folder)?;
    let built = workspace.built()?;
    let site = Site::start(&built.sandbox, &[], &log_file(&workspace.scratch, "codegen-site"))?;
    for (language, header) in [("cpp", "studio.hpp"), ("c", "studio.h")] {
        let mut command = local(Command::new(&built.codegen));
        command
            .args(["--namespace", "studio", "--language", language, "--output"])
            .arg(folder.join(header));
        command
            .env("SG_SITE", &site.url)
            .env("SG_SCRIPT", &site.script_name)
            .env("SG_KEY", &site.api_key);
        captured(&mut command)?;
    }
    let written = |name: &str, text: &str| -> Result<_> {
        let path = folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    cc::must_compile(
        cc::compiler(workspace, cc::c_compiler(), "c99")
            .arg("-fsyntax-only")
            .arg(written("uses.c", C_USES)?),
    )?;
    if let Some(why) = tools::missing(&CXX, session.required)? {
        return Ok(Outcome::Skipped(format!("C only: {why}")));
    }
    let compile = |source: &Path, standard: &str| -> Command {
        let mut command = cc::compiler(workspace, CXX.program, standard);
        command.arg("-fsyntax-only").arg(source);
        command
    };
    let uses = written("uses.cpp", USES)?;
    for standard in ["c++17", "c++20"] {
        cc::must_compile(&mut compile(&uses, standard))?;
    }
    let refused = compile(&written("mistyped.cpp", MISTYPED)?, "c++17").output()?;
    if refused.status.success() || !String::from_utf8_lossy(&refused.stderr).contains("cdoe") {
        bail!("a mistyped field compiles");
    }
    Ok(Outcome::Passed)
}
