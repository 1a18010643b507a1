//! Programs of others, built from the unpacked archive alone and run against a site of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Made, SONAME, VERSION, tree};
use crate::cc::{self, WARNINGS};
use crate::elf;
use crate::markdown;
use crate::site::{Site, local, log_file};
use crate::steps::Session;
use crate::tools::{self, CMAKE, CXX, PKG_CONFIG, Tool};
use crate::workspace::{Workspace, bounded, captured, read};

/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(120);
/// What tests/consumers/CMakeLists.txt builds, and whether it asks the loader for the shared library.
const PROGRAMS: &[(&str, bool)] = &[("c_shared", true), ("c_static", false), ("cpp_shared", true), ("cpp_static", false)];

/// What the consumers need that may be missing: the reasons.
pub fn missing(session: &Session) -> Result<Vec<String>> {
    let tools: [&Tool; 3] = [&PKG_CONFIG, &CMAKE, &CXX];
    let mut reasons = Vec::new();
    for tool in tools {
        reasons.extend(tools::missing(tool, session.required)?);
    }
    Ok(reasons)
}

/// Builds and runs them all; gives the prefix, where it is in the end.
pub fn check(session: &Session, made: &Made) -> Result<PathBuf> {
    let workspace = &session.workspace;
    let folder = workspace.scratch.join("dist/consumers");
    tree::fresh(&folder)?;
    let prefix = super::unpacked(workspace, made, "consumers")?;
    let sources = workspace.root.join("tests/consumers");
    let bench = Bench {
        workspace,
        sources,
        folder,
    };
    bench.by_pkg_config(&prefix)?;
    bench.newer_header(&prefix)?;
    bench.panics(&prefix)?;
    bench.example(&prefix)?;
    bench.first_page(&prefix)?;
    bench.by_cmake(&prefix)?;
    let moved = bench.moved(&prefix)?;
    bench.by_fetch_content(made)?;
    Ok(moved)
}

/// A Rust program over the packaged crate, which compiles everything that the crate needs.
pub fn rust(session: &Session) -> Result<()> {
    let folder = session.workspace.scratch.join("dist/consumer-in-rust");
    tree::fresh(&folder)?;
    let bench = Bench {
        workspace: &session.workspace,
        sources: session.workspace.root.join("tests/consumers"),
        folder,
    };
    bench.rust()
}

/// main.c alone, shared and static, from a prefix with another folder of libraries.
pub fn by_prefix(session: &Session, prefix: &Path, libdir: &str) -> Result<()> {
    let workspace = &session.workspace;
    let folder = workspace.scratch.join("dist/by-prefix");
    tree::fresh(&folder)?;
    let bench = Bench {
        workspace,
        sources: workspace.root.join("tests/consumers"),
        folder,
    };
    let libraries = prefix.join(libdir);
    for (module, shared) in [("shotgrid", true), ("shotgrid-static", false)] {
        let words = flags(&libraries, &[module])?;
        let program = bench.compile(module, "main.c", &prefix.join("include"), &words, &[])?;
        bench.expect(&program, shared, Some(&libraries))?;
    }
    let build = bench.folder.join("cmake");
    let mut configure = bench.configure(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg("-DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu");
    captured(configure.arg(format!("-DWANTED_VERSION={VERSION}")))?;
    bench.build_and_run(&build)
}

/// Where consumers are built.
struct Bench<'a> {
    workspace: &'a Workspace,
    sources: PathBuf,
    folder: PathBuf,
}

impl Bench<'_> {
    /// main.c by what pkg-config says: with the shared library, with the static one, and where there is only the static one.
    fn by_pkg_config(&self, prefix: &Path) -> Result<()> {
        let search = format!("-Wl,-rpath,{}", prefix.join("lib").display());
        let shared = self.compile(
            "pc-shared",
            "main.c",
            &prefix.join("include"),
            &flags(&prefix.join("lib"), &["shotgrid"])?,
            &[&search],
        )?;
        self.expect(&shared, true, None)?;
        let fixed = self.compile(
            "pc-static",
            "main.c",
            &prefix.join("include"),
            &flags(&prefix.join("lib"), &["shotgrid-static"])?,
            &[],
        )?;
        self.expect(&fixed, false, None)?;
        let alone = self.folder.join("alone");
        let alone = alone.join("prefix");
        tree::copy_folder(prefix, &alone)?;
        for name in [super::REAL_NAME, SONAME, "libshotgrid.so"] {
            let file = alone.join("lib").join(name);
            fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
        }
        let only = self.compile(
            "pc-only",
            "main.c",
            &alone.join("include"),
            &flags(&alone.join("lib"), &["--static", "shotgrid"])?,
            &[],
        )?;
        self.expect(&only, false, None)?;
        println!("   C by pkg-config: shared, static, a prefix without the shared library");
        Ok(())
    }

    /// A program that was compiled with the header of a later version is told so.
    fn newer_header(&self, prefix: &Path) -> Result<()> {
        let include = self.folder.join("newer");
        for (name, from, to) in [
            ("minor", "#define SG_VERSION_MINOR 1\n", "#define SG_VERSION_MINOR 255\n"),
            ("major", "#define SG_VERSION_MAJOR 0\n", "#define SG_VERSION_MAJOR 1\n"),
        ] {
            let text = read(&prefix.join("include/shotgrid.h"))?;
            let newer = text.replace(from, to);
            if newer == text {
                bail!("the header does not have the line {from:?}");
            }
            tree::write(&include.join("shotgrid.h"), &newer)?;
            let program = self.compile(
                name,
                "main.c",
                &include,
                &flags(&prefix.join("lib"), &["--libs-only-L", "--libs-only-l", "shotgrid"])?,
                &[],
            )?;
            let said = self.run(&program, Some(&prefix.join("lib")), false)?;
            if !said.contains("older than its header") {
                bail!("a library with another {name} number passes for what the header is of:\n{said}");
            }
        }
        println!("   SG_CHECK_VERSION() tells an older library");
        Ok(())
    }

    /// What panics inside the shipped library, shared and static, is told as an error and nowhere else.
    fn panics(&self, prefix: &Path) -> Result<()> {
        let libraries = prefix.join("lib");
        for (name, module) in [("panic-shared", "shotgrid"), ("panic-static", "shotgrid-static")] {
            let words = flags(&libraries, &[module])?;
            let program = self.compile(name, "panic.c", &prefix.join("include"), &words, &["-ldl"])?;
            let said = self.run(&program, Some(&libraries), true)?;
            if said != format!("libshotgrid {VERSION} caught its panics\n") {
                bail!("{name} should say that panics were caught, and nothing else:\n{said}");
            }
        }
        println!("   a panic in the library is an error of the call, shared and static");
        Ok(())
    }

    /// The tour of the first page, as it lies in the archive.
    fn example(&self, prefix: &Path) -> Result<()> {
        let program = self.folder.join("quickstart");
        let mut command = Command::new(cc::c_compiler());
        command
            .args(["-std=c99", "-D_GNU_SOURCE", "-o"])
            .arg(&program)
            .arg(prefix.join("share/doc/libshotgrid/examples/c/quickstart.c"))
            .args(flags(&prefix.join("lib"), &["shotgrid"])?);
        cc::must_compile(&mut command)?;
        let site = self.site("quickstart")?;
        let mut command = local(Command::new(&program));
        command
            .args(site.quickstart_arguments()?)
            .env("LD_LIBRARY_PATH", prefix.join("lib"));
        self.finish(command, "quickstart", true).map(drop)
    }

    /// The programs of README.md as they stand there, but for whose site it is and who signs in.
    fn first_page(&self, prefix: &Path) -> Result<()> {
        let page = read(&self.workspace.root.join("README.md"))?;
        let programs = [
            ("c", cc::c_compiler(), "-std=c99", "SQ010_0010\n"),
            ("cpp", CXX.program.into(), "-std=c++17", "You may not: Artist\n"),
        ];
        for (language, compiler, standard, expected) in programs {
            let code = markdown::fences(&page).into_iter().find(|(found, _)| *found == language);
            let (_, mut code) = code.with_context(|| format!("README.md has no program in {language}"))?;
            let site = self.site(&format!("readme-{language}"))?;
            let artist = site.person("artist")?;
            for (mark, word) in [
                ("https://studio.shotgrid.autodesk.com", &site.url),
                ("\"anna\"", &format!("\"{}\"", artist.login)),
                ("\"her password\"", &format!("\"{}\"", artist.password)),
            ] {
                if !code.contains(mark) {
                    bail!("the program in {language} of README.md does not say {mark}");
                }
                code = code.replace(mark, word);
            }
            let source = self.folder.join(format!("readme.{language}"));
            tree::write(&source, &code)?;
            let program = self.folder.join(format!("readme-{language}"));
            let mut command = Command::new(compiler);
            command.arg(standard).args(WARNINGS).arg("-o").arg(&program).arg(&source);
            cc::must_compile(command.args(flags(&prefix.join("lib"), &["shotgrid"])?))?;
            let mut command = local(Command::new(&program));
            command.env("LD_LIBRARY_PATH", prefix.join("lib"));
            let said = self.finish(command, &format!("readme-{language}"), true)?;
            if !said.contains(expected) {
                bail!("the program in {language} of README.md did not say {expected:?}:\n{said}");
            }
        }
        println!("   the programs of the first page");
        Ok(())
    }

    /// tests/consumers/CMakeLists.txt by find_package.
    fn by_cmake(&self, prefix: &Path) -> Result<()> {
        let build = self.folder.join("cmake");
        let mut configure = self.configure(&build);
        configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
        captured(configure.arg(format!("-DWANTED_VERSION={VERSION}")))?;
        self.build_and_run(&build)?;
        println!("   C and C++ by CMake: shared, static");
        Ok(())
    }

    /// The same straight from the archive.
    fn by_fetch_content(&self, made: &Made) -> Result<()> {
        let build = self.folder.join("fetch");
        let sum: String = tree::digest(&made.archive)?.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut configure = self.configure(&build);
        configure.arg(format!("-DARCHIVE_URL=file://{}", made.archive.display()));
        captured(configure.arg(format!("-DARCHIVE_SHA256={sum}")))?;
        self.build_and_run(&build)?;
        println!("   C and C++ by CMake's FetchContent: shared, static");
        Ok(())
    }

    /// The tree is put elsewhere: what was built goes on with the new place, and what is built there knows no other.
    fn moved(&self, prefix: &Path) -> Result<PathBuf> {
        let elsewhere = self.folder.join("else where");
        fs::rename(prefix, &elsewhere).with_context(|| format!("{} cannot be moved", prefix.display()))?;
        let libraries = elsewhere.join("lib");
        self.expect(&self.folder.join("pc-shared"), true, Some(&libraries))?;
        let build = self.folder.join("moved");
        let mut configure = self.configure(&build);
        configure.arg(format!("-DCMAKE_PREFIX_PATH={}", elsewhere.display()));
        captured(configure.arg(format!("-DWANTED_VERSION={VERSION}")))?;
        self.build_and_run(&build)?;
        println!("   the tree works in another folder");
        Ok(elsewhere)
    }

    /// tests/consumers/rust with the package as cargo would publish it.
    fn rust(&self) -> Result<()> {
        let target = self.workspace.scratch.join("dist/rust");
        let package = ["package", "--package", "libshotgrid", "--no-verify", "--allow-dirty", "--quiet"];
        captured(self.workspace.cargo().args(package).env("CARGO_TARGET_DIR", &target))?;
        let folder = self.folder.join("rust");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let packed = target.join(format!("package/libshotgrid-{VERSION}.crate"));
        captured(Command::new("tar").arg("-xzf").arg(&packed).arg("-C").arg(&folder))?;
        tree::copy(&self.sources.join("rust/main.rs"), &folder.join("src/main.rs"))?;
        tree::copy(&self.workspace.root.join("Cargo.lock"), &folder.join("Cargo.lock"))?;
        let manifest = format!(
            "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             libshotgrid = {{ path = \"libshotgrid-{VERSION}\" }}\n\
             tokio = {{ version = \"1\", default-features = false, features = [\"rt-multi-thread\"] }}\n\n\
             [profile.dev]\ndebug = false\n\n[workspace]\n"
        );
        tree::write(&folder.join("Cargo.toml"), &manifest)?;
        let mut build = self.workspace.cargo();
        build
            .current_dir(&folder)
            .args(["build", "--quiet"])
            .env("CARGO_TARGET_DIR", &target);
        captured(&mut build)?;
        self.run(&target.join("debug/consumer"), None, true).and_then(|said| found(&said))?;
        println!("   Rust by the packaged crate");
        Ok(())
    }

    fn configure(&self, build: &Path) -> Command {
        let mut command = Command::new(CMAKE.program);
        command
            .arg("-S")
            .arg(&self.sources)
            .arg("-B")
            .arg(build)
            .arg("-DCMAKE_BUILD_TYPE=Release");
        command
    }

    fn build_and_run(&self, build: &Path) -> Result<()> {
        captured(Command::new(CMAKE.program).arg("--build").arg(build).args(["--parallel", "2"]))?;
        PROGRAMS
            .iter()
            .try_for_each(|(name, shared)| self.expect(&build.join(name), *shared, None))
    }

    /// A source with these words, against the headers of a folder.
    fn compile(&self, name: &str, source: &str, include: &Path, words: &[String], more: &[&str]) -> Result<PathBuf> {
        let program = self.folder.join(name);
        let mut command = Command::new(cc::c_compiler());
        command
            .arg("-std=c99")
            .args(WARNINGS)
            .arg("-I")
            .arg(include)
            .arg("-o")
            .arg(&program);
        cc::must_compile(command.arg(self.sources.join(source)).args(words).args(more))?;
        Ok(program)
    }

    /// It runs, finds shots, and asks the loader for the shared library or does not.
    fn expect(&self, program: &Path, shared: bool, libraries: Option<&Path>) -> Result<()> {
        if elf::read_elf(program, "-d")?.contains(&format!("[{SONAME}]")) != shared {
            bail!(
                "{} {} the shared library",
                program.display(),
                if shared { "does not ask for" } else { "asks for" }
            );
        }
        found(&self.run(program, libraries, true)?)
    }

    /// Runs a program against a site that is started for it, and gives what it said.
    fn run(&self, program: &Path, libraries: Option<&Path>, good: bool) -> Result<String> {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let site = self.site(&name)?;
        let mut command = local(Command::new(program));
        command.envs(site.environment()?).env("SG_TEST_VERSION", VERSION);
        if let Some(folder) = libraries {
            command.env("LD_LIBRARY_PATH", folder);
        }
        self.finish(command, &name, good)
    }

    fn finish(&self, mut command: Command, name: &str, good: bool) -> Result<String> {
        let log = log_file(&self.folder, name);
        let status = bounded(&mut command, &log, LIMIT)?;
        let said = read(&log)?;
        match status {
            Some(status) if status.success() == good => Ok(said),
            Some(status) => bail!("{name}: {status}\n{said}"),
            None => bail!("{name} was ended after {} s\n{said}", LIMIT.as_secs()),
        }
    }

    fn site(&self, name: &str) -> Result<Site> {
        Site::start(
            &self.workspace.built()?.sandbox,
            &[],
            &log_file(&self.folder, &format!("{name}-site")),
        )
    }
}

fn found(said: &str) -> Result<()> {
    let expected = format!("libshotgrid {VERSION} found some shots");
    if !said.contains(&expected) {
        bail!("the program did not say {expected:?}:\n{said}");
    }
    Ok(())
}

/// The words that pkg-config gives for a folder of libraries, where it looks nowhere else.
fn flags(libraries: &Path, arguments: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new(PKG_CONFIG.program);
    command
        .env("PKG_CONFIG_LIBDIR", libraries.join("pkgconfig"))
        .env_remove("PKG_CONFIG_PATH");
    if !arguments.iter().any(|word| word.starts_with("--libs")) {
        command.args(["--cflags", "--libs"]);
    }
    let words = captured(command.args(arguments))?;
    Ok(words.split_whitespace().map(str::to_owned).collect())
}
