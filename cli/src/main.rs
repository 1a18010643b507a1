//! `sg`: a site from a shell. Thin over the library: it turns words into calls, and answers into tables, JSON or CSV.

#![forbid(unsafe_code)]

mod arguments;
mod can;
mod connect;
mod events;
mod failure;
mod files;
mod filters;
mod kept;
mod output;
mod read;
mod saved;
mod schema;
mod session;
mod show;
mod table;
mod values;
mod write;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use shotgrid::client::{Client, Progress};

use arguments::{Arguments, Command};
use events::Whole;
use failure::{Failure, Outcome};

/// So long what is being written may take once the program is to end.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let shown = error.print();
            return if error.use_stderr() {
                failure::USAGE.into()
            } else {
                failure::written(shown).into()
            };
        }
    };
    let outcome = match &arguments.command {
        Command::Completions { shell } => completions(*shell),
        Command::Logout => session::logout(&arguments.connection),
        _ => in_runtime(arguments),
    };
    outcome.unwrap_or_else(|failure| failure.tell()).into()
}

/// Runs a command that talks to the site, until its end or until Ctrl-C.
fn in_runtime(arguments: Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::local(format!("the program could not start its threads: {error}")))?;
    let progress = Arc::new(Progress::default());
    let whole = Whole::default();
    // Nothing else ends it.
    let goes_on = matches!(&arguments.command, Command::Events(events) if events.follow);
    let outcome = runtime.block_on(async {
        let _heard = too_large_files();
        tokio::select! {
            outcome = run(arguments, &progress, &whole) => outcome,
            _ = tokio::signal::ctrl_c() => {
                let _ = tokio::time::timeout(GRACE, whole.lock()).await;
                if goes_on { Ok(failure::OK) } else { Err(Failure::of(Client::stopped(&progress, "cancelled"))) }
            }
        }
    });
    // What still waits for a terminal or a disk is not waited for.
    runtime.shutdown_background();
    outcome
}

/// A file that grows beyond what the shell allows ends a program unless it listens to this signal. Then the write fails, and is told.
#[cfg(unix)]
fn too_large_files() -> Option<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::from_raw(libc::SIGXFSZ)).ok()
}

#[cfg(not(unix))]
fn too_large_files() {}

async fn run(arguments: Arguments, progress: &Arc<Progress>, whole: &Whole) -> Outcome {
    let Arguments {
        command,
        connection,
        format,
    } = arguments;
    if let Command::Login { browser, no_open } = &command {
        return session::login(&connection, *browser, !*no_open).await;
    }
    let site = connect::connect(&connection, progress).await?;
    match command {
        Command::Find(find) => read::find(&site, &find, format).await,
        Command::FindOne(find) => read::find_one(&site, &find, format).await,
        Command::Get(get) => read::get(&site, &get, format).await,
        Command::Summarize(summarize) => read::summarize(&site, &summarize, format).await,
        Command::Create(create) => write::create(&site, &create, format).await,
        Command::Update(update) => write::update(&site, &update, format).await,
        Command::Delete(rows) => write::delete(&site, &rows, "delete", format).await,
        Command::Revive(rows) => write::delete(&site, &rows, "revive", format).await,
        Command::Batch { file } => write::batch(&site, &file).await,
        Command::Schema(which) => schema::schema(&site, &which, format).await,
        Command::Upload(upload) => files::upload(&site, &upload, format).await,
        Command::Download(download) => files::download(&site, &download).await,
        Command::Call(call) => write::call(&site, &call, format).await,
        Command::Whoami => session::whoami(&site, format).await,
        Command::Events(which) => events::events(&site, &which, format, whole).await,
        Command::Can(can) => can::can(&site, &can, format).await,
        Command::Login { .. } | Command::Logout | Command::Completions { .. } => Ok(failure::OK),
    }
}

fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "sg", &mut script);
    Ok(failure::written(std::io::stdout().write_all(&script)))
}
