//! `shotgrid-codegen`: reads a site's schema and writes a header of it.

// Every line this program prints is meant for the person at the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use shotgrid::client::{Client, Error, Options, Status, environment, quote};
use shotgrid_codegen::header::{Form, c, cpp};
use shotgrid_codegen::names::is_taken;
use shotgrid_codegen::schema::Schema;

/// Writes a C++ or C header of a site's entity types and fields, so that a mistyped field name does not compile.
///
/// The schema comes from a site (--site, and who signs in by the environment variables SG_SCRIPT and SG_KEY, or SG_LOGIN and SG_PASSWORD) or from
/// a file that --save wrote before. The same schema gives the same header, to the byte.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The site's address; the environment variable SG_SITE if it is not given.
    #[arg(long, conflicts_with = "schema")]
    site: Option<String>,
    /// Read the schema from this file instead: what --save wrote, or the result of schema_read.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Save the site's schema in this file, for later and for machines without the site.
    #[arg(long, value_name = "FILE", conflicts_with = "schema")]
    save: Option<PathBuf>,
    /// The header's language.
    #[arg(long, value_enum, default_value_t = Language::Cpp)]
    language: Language,
    /// The C++ namespace, such as studio or studio::site; in C, in capitals, the prefix of each macro.
    #[arg(long, default_value = "site", value_parser = namespace)]
    namespace: String,
    /// Only these entity types.
    #[arg(long, value_delimiter = ',', value_name = "TYPE,…")]
    types: Vec<String>,
    /// Where the header goes; standard output if it is not given, or -. A file that is up to date is not touched.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write nothing; fail if the file of --output is not up to date.
    #[arg(long, requires = "output")]
    check: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Cpp,
    C,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("shotgrid-codegen: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let site = arguments.site.clone().or_else(environment::site);
    let (text, file) = match (&arguments.schema, site) {
        (Some(path), _) => (read(path)?, Some(path)),
        (None, Some(site)) => (from_site(&site)?, None),
        (None, None) => return Err("no schema: give --site, or set SG_SITE, or give --schema".to_owned()),
    };
    let schema = Schema::parse(&text).map_err(|why| format!("the schema cannot be used: {why}"))?;
    if let Some(path) = &arguments.save {
        write(path, &text)?;
    }
    let source = schema.site.clone().or_else(|| file.map(|path| shown(path))).unwrap_or_default();
    let schema = schema.only(&arguments.types)?;
    let form = Form {
        namespace: &arguments.namespace,
        source: &source,
    };
    let header = match arguments.language {
        Language::Cpp => cpp(&schema, &form),
        Language::C => c(&schema, &form),
    };
    let path = match &arguments.output {
        Some(path) if path != Path::new("-") => path,
        Some(_) if arguments.check => return Err("--check looks at a file, and - is standard output".to_owned()),
        _ => {
            print!("{header}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    // Untouched, so that nothing is compiled anew for nothing.
    if std::fs::read_to_string(path).is_ok_and(|there| there == header) {
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        return Err(format!("{} is not up to date", path.display()));
    }
    write(path, &header)?;
    Ok(ExitCode::SUCCESS)
}

/// Both parts of the schema, as one JSON text.
fn from_site(site: &str) -> Result<String, String> {
    let mut options = Options::default();
    let nobody = |why: &str| {
        Error::new(
            Status::Auth,
            format!("{why}: set SG_SCRIPT and SG_KEY, or SG_LOGIN and SG_PASSWORD"),
        )
    };
    let told = environment::credentials(&mut options, |login| Err(nobody(&format!("no password for {login}"))));
    let credentials = told
        .and_then(|told| told.ok_or_else(|| nobody("nobody to sign in as")))
        .map_err(|error| error.message.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no event loop can be made: {error}"))?;
    let read = async {
        let client = Client::connect(site, credentials, options).await?;
        let entities = client.call("schema_entity_read", "{}").await?;
        let fields = client.call("schema_read", "{}").await?;
        let site = quote(site.trim_end_matches('/'));
        Ok(format!(
            "{{\"site\": {site}, \"entities\": {}, \"fields\": {}}}\n",
            entities.json(),
            fields.json()
        ))
    };
    runtime.block_on(read).map_err(|error: Error| error.message.clone())
}

fn namespace(text: &str) -> Result<String, String> {
    let name = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !part.contains("__")
    };
    if let Some(taken) = text.split("::").find(|part| is_taken(part)) {
        return Err(format!(
            "\"{taken}\" is a word of the language or of its headers; take another name, such as site"
        ));
    }
    if text.split("::").all(name) {
        return Ok(text.to_owned());
    }
    Err("it must be a name of letters, digits and single underscores, or several joined by ::".to_owned())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

/// The file's name alone, so that the header is the same on every machine.
fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
