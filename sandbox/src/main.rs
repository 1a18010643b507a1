//! The command: starts a site and stays until it is told to end.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::{Builder, Sandbox};

const USAGE: &str = "\
Usage: shotgrid-sandbox serve [OPTIONS]
       shotgrid-sandbox code SECRET

serve: Starts a local Flow Production Tracking (ShotGrid) site. When it is ready, one line of JSON on standard
output tells its URL and who can sign in. It ends on SIGINT or SIGTERM.
code: Prints the code of this moment for the SECRET of a second factor, as an authenticator does.

Options:
  --listen ADDRESS         address and port, 127.0.0.1:0 unless given; port 0 is any free port
  --allow-remote           let ADDRESS be one that other machines can reach
  --data FILE              keep the data in FILE; without it they go when the site ends
  --seed FILE              fill a new site from FILE instead of the default seed
  --new-keys               give every script of an existing FILE a new application key
  --sign-in METHOD         what proves who a person is: password (unless given), ldap, saml (single sign-on)
                           or identity (Autodesk Identity)
  --two-factor             want a code beside every password; the secrets are in the line of JSON
  --session-lifetime SECS  how long session tokens are good for, 86400 unless given
  --claims-lifetime SECS   with saml: how long until a person has to sign on anew, as long as the session
                           unless given
  --lock-after COUNT       wrong passwords in a row that lock an account, 5 unless given
  --lock-for SECS          how long that lasts, 300 unless given
  --block-api              let nobody use the API: HTTP 403 and a page
  --block-user-agent TEXT  let no client use it with TEXT in its User-Agent; may be given several times
  --no-app-session-launcher
                           refuse programs that ask for a session in the person's browser
  --app-session-lifetime SECS
                           how long such a request waits for its person, 305 unless given
  --direct-uploads         let clients put files to the storage endpoints instead of sending forms
  --upload-limit BYTES     the largest file that is taken, 8 GiB unless given
  --thumbnail-delay MS     how long a thumbnail is pending, 300 unless given
  --late-events MS         let some events show up to MS later than those behind them, and leave gaps in their
                           numbers, as real sites do
  --faults FILE            install the faults on demand that FILE describes
  --exit-with-stdin        end when standard input does, as when the program that started this is gone
  --help                   print this
  --version                print the version

Exit codes: 0 when it was told to end, 1 when it could not start: standard error says why.
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
        Some("code") => code(arguments),
        Some(other) => Err(format!("there is no command '{other}'; try --help")),
        None => Err("a command is missing: serve or code; try --help".to_owned()),
    }
}

/// Prints the code that an authenticator shows now for a secret.
fn code(mut arguments: pico_args::Arguments) -> Result<(), String> {
    let secret: String = arguments
        .free_from_str()
        .map_err(|_| "code wants the secret of a second factor, as 'totp_secret' tells it".to_owned())?;
    refuse_others(arguments)?;
    let code = shotgrid_sandbox::two_factor_code(&secret).map_err(|error| error.to_string())?;
    print(&format!("{code}\n"))
}

fn refuse_others(arguments: pico_args::Arguments) -> Result<(), String> {
    match arguments.finish().first() {
        Some(unknown) => Err(format!("'{}' is not understood; try --help", unknown.to_string_lossy())),
        None => Ok(()),
    }
}

fn serve(mut arguments: pico_args::Arguments) -> Result<(), String> {
    let exit_with_stdin = arguments.contains("--exit-with-stdin");
    let builder = options(&mut arguments)?;
    refuse_others(arguments)?;
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
        .direct_uploads(arguments.contains("--direct-uploads"));
    builder = sign_in_options(builder, arguments)?;
    let mut value = |name: &'static str| arguments.opt_value_from_str::<_, String>(name).map_err(|error| error.to_string());
    if let Some(address) = value("--listen")? {
        builder = builder.listen(address);
    }
    let data = value("--data")?;
    let seed = value("--seed")?;
    if let (Some(data), Some(seed)) = (&data, &seed)
        && Path::new(data).exists()
    {
        eprintln!("shotgrid-sandbox: {data} is there already, and keeps the rows that it has: those of {seed} are for a new site");
    }
    if let Some(path) = data {
        builder = builder.data_file(path);
    }
    if let Some(path) = seed {
        builder = builder.seed_file(path);
    }
    if let Some(path) = value("--faults")? {
        let described = std::fs::read_to_string(&path).map_err(|error| format!("faults file {path}: {error}"))?;
        builder = builder.faults(described);
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
    if let Some(longest) = value("--late-events")? {
        let longest = longest
            .parse()
            .map_err(|_| format!("--late-events wants a number of milliseconds, not '{longest}'"))?;
        builder = builder.late_events(Duration::from_millis(longest));
    }
    Ok(builder)
}

/// What is not given is left to the seed.
fn sign_in_options(mut builder: Builder, arguments: &mut pico_args::Arguments) -> Result<Builder, String> {
    if arguments.contains("--two-factor") {
        builder = builder.two_factor(true);
    }
    if arguments.contains("--no-app-session-launcher") {
        builder = builder.app_session_launcher(false);
    }
    if arguments.contains("--block-api") {
        builder = builder.block_api(true);
    }
    let mut value = |name: &'static str| arguments.opt_value_from_str::<_, String>(name).map_err(|error| error.to_string());
    let seconds = |name: &str, text: String| {
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.ok_or_else(|| format!("{name} wants a number of seconds, not '{text}'"))
    };
    if let Some(method) = value("--sign-in")? {
        builder = builder.sign_in_method(method.parse()?);
    }
    type Setter = fn(Builder, Duration) -> Builder;
    let times: [(&'static str, Setter); 4] = [
        ("--session-lifetime", Builder::session_lifetime),
        ("--claims-lifetime", Builder::claims_lifetime),
        ("--app-session-lifetime", Builder::app_session_lifetime),
        ("--lock-for", Builder::lock_for),
    ];
    for (name, set) in times {
        if let Some(text) = value(name)? {
            builder = set(builder, seconds(name, text)?);
        }
    }
    if let Some(count) = value("--lock-after")? {
        let count = count
            .parse()
            .map_err(|_| format!("--lock-after wants a number of passwords, not '{count}'"))?;
        builder = builder.lock_after(count);
    }
    while let Some(part) = value("--block-user-agent")? {
        builder = builder.block_user_agent(part);
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
                "totp_secret": known(&person.totp_secret),
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
