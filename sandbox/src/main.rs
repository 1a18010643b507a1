//! The command: starts a site and stays until it is told to end.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::{Builder, Sandbox};

const USAGE: &str = "\
Usage: shotgrid-sandbox serve [OPTIONS]

Starts a local Flow Production Tracking (ShotGrid) site. When it is ready, one line of JSON on standard
output tells its URL and who can sign in. It ends on SIGINT or SIGTERM.

Options:
  --listen ADDRESS         address and port, 127.0.0.1:0 unless given; port 0 is any free port
  --allow-remote           let ADDRESS be one that other machines can reach
  --data FILE              keep the data in FILE; without it they go when the site ends
  --seed FILE              fill a new site from FILE instead of the default seed
  --new-keys               give every script of an existing FILE a new application key
  --session-lifetime SECS  how long session tokens are good for, 86400 unless given
  --no-app-session-launcher
                           refuse programs that ask for a session in the person's browser
  --app-session-lifetime SECS
                           how long such a request waits for its person, 305 unless given
  --direct-uploads         let clients put files to the storage endpoints instead of sending forms
  --upload-limit BYTES     the largest file that is taken, 8 GiB unless given
  --thumbnail-delay MS     how long a thumbnail is pending, 300 unless given
  --faults FILE            install the faults on demand that FILE describes
  --exit-with-stdin        end when standard input does, as when the program that started this is gone
  --help                   print this
  --version                print the version
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("shotgrid-sandbox: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = pico_args::Arguments::from_env();
    if arguments.contains("--help") {
        return print(USAGE);
    }
    if arguments.contains("--version") {
        return print(&format!("shotgrid-sandbox {}\n", env!("CARGO_PKG_VERSION")));
    }
    let command = arguments.subcommand().map_err(|error| error.to_string())?;
    match command.as_deref() {
        Some("serve") => serve(arguments),
        Some(other) => Err(format!("there is no command '{other}'; try --help")),
        None => Err("a command is missing: serve; try --help".to_owned()),
    }
}

fn serve(mut arguments: pico_args::Arguments) -> Result<(), String> {
    let exit_with_stdin = arguments.contains("--exit-with-stdin");
    let builder = options(&mut arguments)?;
    if let Some(unknown) = arguments.finish().first() {
        return Err(format!("'{}' is not understood; try --help", unknown.to_string_lossy()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    // Signals are listened for before the line is out: who reads it may send one at once.
    let signals = runtime.block_on(async { Signals::listen() }).map_err(|error| error.to_string())?;
    let site = builder.start().map_err(|error| error.to_string())?;
    print(&format!("{}\n", ready_line(&site)))?;
    runtime.block_on(signals.wait(exit_with_stdin));
    Ok(())
}

fn options(arguments: &mut pico_args::Arguments) -> Result<Builder, String> {
    let mut builder = Sandbox::builder()
        .allow_remote(arguments.contains("--allow-remote"))
        .new_keys(arguments.contains("--new-keys"))
        .direct_uploads(arguments.contains("--direct-uploads"))
        .app_session_launcher(!arguments.contains("--no-app-session-launcher"));
    let mut value = |name: &'static str| arguments.opt_value_from_str::<_, String>(name).map_err(|error| error.to_string());
    if let Some(address) = value("--listen")? {
        builder = builder.listen(address);
    }
    if let Some(path) = value("--data")? {
        builder = builder.data_file(path);
    }
    if let Some(path) = value("--seed")? {
        builder = builder.seed_file(path);
    }
    if let Some(path) = value("--faults")? {
        let described = std::fs::read_to_string(&path).map_err(|error| format!("faults file {path}: {error}"))?;
        builder = builder.faults(described);
    }
    if let Some(seconds) = value("--session-lifetime")? {
        let seconds = seconds
            .parse()
            .map_err(|_| format!("--session-lifetime wants a number of seconds, not '{seconds}'"))?;
        builder = builder.session_lifetime(Duration::from_secs(seconds));
    }
    if let Some(seconds) = value("--app-session-lifetime")? {
        let seconds = seconds
            .parse()
            .map_err(|_| format!("--app-session-lifetime wants a number of seconds, not '{seconds}'"))?;
        builder = builder.app_session_lifetime(Duration::from_secs(seconds));
    }
    if let Some(bytes) = value("--upload-limit")? {
        let bytes = bytes
            .parse()
            .map_err(|_| format!("--upload-limit wants a number of bytes, not '{bytes}'"))?;
        builder = builder.upload_limit(bytes);
    }
    if let Some(delay) = value("--thumbnail-delay")? {
        let delay = delay
            .parse()
            .map_err(|_| format!("--thumbnail-delay wants a number of milliseconds, not '{delay}'"))?;
        builder = builder.thumbnail_delay(Duration::from_millis(delay));
    }
    Ok(builder)
}

/// A closed standard output is no reason to panic.
fn print(text: &str) -> Result<(), String> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| format!("standard output: {error}"))
}

/// What whoever started the site needs to know. A secret that is not known is null.
fn ready_line(site: &Sandbox) -> Value {
    let known = |secret: &str| (!secret.is_empty()).then(|| secret.to_owned());
    let scripts: Vec<Value> = site
        .scripts()
        .iter()
        .map(|script| {
            json!({
                "script_name": script.name,
                "api_key": known(&script.api_key),
                "role": script.role,
            })
        })
        .collect();
    let people: Vec<Value> = site
        .people()
        .iter()
        .map(|person| {
            json!({
                "login": person.login,
                "password": known(&person.password),
                "role": person.role,
            })
        })
        .collect();
    let first = (!site.scripts().is_empty()).then(|| site.script());
    json!({
        "url": site.url(),
        "script_name": first.map(|script| script.name.clone()),
        "api_key": first.and_then(|script| known(&script.api_key)),
        "people": people,
        "scripts": scripts,
    })
}

/// What ends the program.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(windows)]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    #[cfg(unix)]
    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(windows)]
    async fn received(&mut self) {
        self.interrupt.recv().await;
    }

    async fn wait(mut self, exit_with_stdin: bool) {
        if !exit_with_stdin {
            return self.received().await;
        }
        let (input_ended, input_end) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            drain_input();
            let _ = input_ended.send(());
        });
        tokio::select! {
            () = self.received() => {}
            _ = input_end => {}
        }
    }
}

/// Reads standard input to its end, or to where it can't be read.
fn drain_input() {
    let mut input = std::io::stdin().lock();
    let mut buffer = [0_u8; 1024];
    while input.read(&mut buffer).is_ok_and(|length| length > 0) {}
}
