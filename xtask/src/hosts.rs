//! Programs of others with a plug-in of ours in them, without a window: examples/blender and examples/gimp. Others are only compiled.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cc;
use crate::dist;
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX, MCS, PYTHON, Tool};
use crate::workspace::{Workspace, bounded, captured, read};

const LIMIT: Duration = Duration::from_secs(180);
const BLENDER: Tool = Tool {
    program: "blender",
    package: "blender",
};
const GIMP: Tool = Tool {
    program: "gimp",
    package: "gimp",
};

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let mut missing = Vec::new();
    missing.extend(stand_ins(session)?);
    let library = dist::library(session, "hosts")?;
    match tools::missing(&BLENDER, session.required)? {
        Some(why) => missing.push(why),
        None => blender(&session.workspace, &library)?,
    }
    let lacks = match tools::missing(&GIMP, session.required)? {
        Some(why) => Some(why),
        None => tools::missing_module("gimp-2.0", "libgimp2.0-dev", session.required)?,
    };
    match lacks {
        Some(why) => missing.push(why),
        None => gimp(&session.workspace, &library)?,
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Skipped(missing.join("; ")))
}

/// The examples for hosts that are not to be had: compiled against declarations that stand in for theirs. Gives what could not be.
fn stand_ins(session: &Session) -> Result<Vec<String>> {
    let workspace = &session.workspace;
    let mut missing = Vec::new();
    let stand_ins = workspace.root.join("tests/stand_ins");
    match tools::missing(&CXX, session.required)? {
        Some(why) => missing.push(why),
        None => {
            let compile = |source: &str, configure: &dyn Fn(&mut Command)| {
                let mut command = cc::compiler(workspace, CXX.program, "c++17");
                configure(&mut command);
                cc::must_compile(command.arg("-fsyntax-only").arg(workspace.root.join(source)))
            };
            compile("examples/maya/shotgridShots.cpp", &|command| {
                command.arg("-I").arg(&stand_ins);
            })?;
            let unreal = workspace.scratch.join("unreal");
            for header in [
                "Containers/Ticker.h",
                "CoreMinimal.h",
                "HAL/PlatformMisc.h",
                "Misc/ConfigCacheIni.h",
                "Modules/ModuleManager.h",
            ] {
                let path = unreal.join(header);
                fs::create_dir_all(path.parent().context("a header without a folder")?)?;
                fs::write(path, format!("#include \"{}\"\n", stand_ins.join("unreal.h").display()))?;
            }
            compile("examples/unreal/ShotGridModule.cpp", &|command| {
                command.args(["-fno-exceptions", "-fno-rtti", "-I"]).arg(&unreal);
            })?;
        }
    }
    match tools::missing(&MCS, session.required)? {
        Some(why) => missing.push(why),
        None => {
            let sources = [
                "examples/unity/ShotListWindow.cs",
                "examples/csharp/Shotgrid.cs",
                "tests/stand_ins/unity.cs",
            ];
            let mut compile = Command::new(MCS.program);
            compile.args(["-langversion:7", "-warnaserror", "-target:library"]);
            compile.arg(format!("-out:{}", workspace.scratch.join("unity.dll").display()));
            captured(compile.args(sources.map(|source| workspace.root.join(source))))?;
        }
    }
    match tools::missing(&PYTHON, session.required)? {
        Some(why) => missing.push(why),
        None => {
            let check = "import sys; [compile(open(path).read(), path, 'exec') for path in sys.argv[1:]]";
            let sources = ["examples/nuke/menu.py", "examples/houdini/shotgrid_shots.py"];
            captured(
                Command::new(PYTHON.program)
                    .args(["-c", check])
                    .args(sources.map(|source| workspace.root.join(source))),
            )?;
        }
    }
    println!("   maya, unreal, unity, nuke, houdini: compiled, not run");
    Ok(missing)
}

/// The add-on signs in, lists shots, renders, publishes, and is unloaded.
fn blender(workspace: &Workspace, library: &Path) -> Result<()> {
    let site = site(workspace, "blender")?;
    let artist = site.person("artist")?;
    let mut command = local(Command::new(BLENDER.program));
    command.args(["--background", "--factory-startup", "--python"]);
    command.arg(workspace.root.join("examples/blender/headless.py"));
    command.args(["--", &site.url, &artist.login, &artist.password]);
    command.env("SHOTGRID_LIBRARY", library).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = run(workspace, command, "blender")?;
    for expected in [
        "Published SQ010_0010_blender",
        "with a thumbnail: SQ010_0010 True",
        "unloaded",
        "Blender quit",
    ] {
        if !said.contains(expected) {
            bail!("Blender did not say {expected:?}:\n{said}");
        }
    }
    println!("   blender: listed, rendered, published");
    Ok(())
}

/// The plug-in publishes an image to a shot, and is told that another shot is none.
fn gimp(workspace: &Workspace, library: &Path) -> Result<()> {
    const SCRIPT: &str = r#"(let* ((image (car (gimp-image-new 320 180 RGB)))
        (layer (car (gimp-layer-new image 320 180 RGB-IMAGE "all" 100 LAYER-MODE-NORMAL))))
        (gimp-image-insert-layer image layer 0 0)
        (gimp-drawable-fill layer FILL-FOREGROUND)
        (gimp-message (string-append "published as "
            (number->string (car (shotgrid-publish RUN-NONINTERACTIVE image layer "SQ010_0010")))))
        (shotgrid-publish RUN-NONINTERACTIVE image layer "no such shot"))"#;
    let profile = workspace.scratch.join("gimp");
    let plug_in = profile.join("plug-ins/shotgrid-publish");
    fs::create_dir_all(&plug_in).with_context(|| format!("{} cannot be made", plug_in.display()))?;
    compile(workspace, library, &plug_in.join("shotgrid-publish"))?;
    let site = site(workspace, "gimp")?;
    let artist = site.person("artist")?;
    let mut command = local(Command::new(GIMP.program));
    command.args(["-i", "-d", "-f", "-b", SCRIPT, "-b", "(gimp-quit 0)"]);
    command.env("GIMP2_DIRECTORY", &profile).env("SHOTGRID_SITE", &site.url);
    command
        .env("SHOTGRID_LOGIN", &artist.login)
        .env("SHOTGRID_PASSWORD", &artist.password);
    let said = run(workspace, command, "gimp")?;
    for expected in ["published as ", "no such shot is not published: There is no such row"] {
        if !said.contains(expected) {
            bail!("GIMP did not say {expected:?}:\n{said}");
        }
    }
    println!("   gimp: published, and told of a shot that is none");
    Ok(())
}

fn compile(workspace: &Workspace, library: &Path, program: &Path) -> Result<()> {
    let flags = captured(Command::new("pkg-config").args(["--cflags", "--libs", "gimp-2.0"]))?;
    // Its own headers are not ours to warn about.
    let flags = flags.replace("-I", "-isystem");
    let mut command = cc::compiler(workspace, cc::c_compiler(), "c99");
    command
        .arg("-o")
        .arg(program)
        .arg(workspace.root.join("examples/gimp/shotgrid-publish.c"));
    cc::with_library(&mut command, library)?;
    cc::must_compile(command.args(flags.split_whitespace()))
}

fn site(workspace: &Workspace, name: &str) -> Result<Site> {
    let log = log_file(&workspace.scratch, &format!("host-{name}-site"));
    Site::start(&workspace.built()?.sandbox, &[], &log)
}

fn run(workspace: &Workspace, mut command: Command, name: &str) -> Result<String> {
    let log = log_file(&workspace.scratch, &format!("host-{name}"));
    let Some(status) = bounded(&mut command, &log, LIMIT)? else {
        bail!("{name} was ended after {} s, it said:\n{}", LIMIT.as_secs(), read(&log)?);
    };
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        bail!("{name}: {status}\n{said}");
    }
    Ok(said)
}
