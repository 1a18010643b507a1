//! `sg upload` and `sg download`, with a progress bar where there is a terminal.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shotgrid::client::{Document, Kind, quote};

use crate::arguments::{Download, Format, Upload};
use crate::connect::Site;
use crate::failure::{self, Failure, Outcome};
use crate::output::{self, Kinds};
use crate::values::{link, row};

/// How often the bar is drawn.
const BEAT: Duration = Duration::from_millis(100);

pub async fn upload(site: &Site, upload: &Upload, format: Format) -> Outcome {
    let (entity_type, id, rest) = row(&upload.words)?;
    let [file] = rest else {
        return Err(Failure::usage("which file?").hint("sg upload Version 6944 comp_v001.mov"));
    };
    let name = upload.name.as_deref().map_or("null".to_owned(), quote);
    let (method, field) = match (upload.thumbnail, &upload.field) {
        (true, _) => ("upload_thumbnail", String::new()),
        (false, field) => (
            "upload",
            format!(
                r#","field_name":{},"display_name":{name}"#,
                field.as_deref().map_or("null".to_owned(), quote)
            ),
        ),
    };
    let params = format!(
        r#"{{"entity_type":{},"entity_id":{id},"path":{}{field}}}"#,
        quote(&entity_type),
        quote(file)
    );
    let attachment = watched(site, method, &params, file).await?;
    let id = attachment.root();
    match output::kind(format) {
        Kinds::Csv => output::one(format!(r#"{{"id":{}}}"#, id.json()), format),
        _ => Ok(output::object(id, format)),
    }
}

pub async fn download(site: &Site, download: &Download) -> Outcome {
    let attachment = match (&download.field, link(&download.what)) {
        (Some(field), Some((entity_type, id))) => file_in(site, entity_type, id, field).await?,
        (Some(_), None) => {
            return Err(Failure::usage(format!(
                "--field goes with a row such as Version:6944, not \"{}\"",
                download.what
            )));
        }
        (None, Some(("Attachment", id))) => id.to_string(),
        (None, Some(_)) => {
            return Err(
                Failure::usage("which field of the row? Give --field").hint("sg download Version:6944 --field sg_uploaded_movie out.mov")
            );
        }
        (None, None) => {
            let id = download.what.parse::<i64>().ok().filter(|id| *id >= 1);
            id.ok_or_else(|| Failure::usage(format!("\"{}\" is no Attachment's id", download.what)))?
                .to_string()
        }
    };
    if download.file == Path::new("-") {
        return to_standard_output(site, &attachment).await;
    }
    let file = download
        .file
        .to_str()
        .ok_or_else(|| Failure::usage("the file's name is no UTF-8"))?;
    if download.file.is_dir() {
        return Err(Failure::local(format!("{file} is a folder")).hint("name the file in it, such as comp.mov"));
    }
    if !download.force && download.file.exists() {
        return Err(Failure::local(format!("{file} is there already")).hint("--force replaces it"));
    }
    let params = format!(r#"{{"attachment":{attachment},"file_path":{}}}"#, quote(file));
    let path = watched(site, "download_attachment", &params, file).await?;
    if path.root().kind() == Kind::Null {
        return Err(Failure::no("the attachment has no file"));
    }
    Ok(output::print(&format!("{file}\n")))
}

/// The value of a field that holds a file.
async fn file_in(site: &Site, entity_type: &str, id: i64, field: &str) -> Result<String, Failure> {
    let params = format!(r#"[{},[["id","is",{id}]],[{}]]"#, quote(entity_type), quote(field));
    let row = site.call("find_one", &params).await?;
    if row.root().kind() == Kind::Null {
        return Err(Failure::no(format!("there is no {entity_type} {id}, or you may not see it")));
    }
    match row.root().get(field) {
        Some(value) if value.kind() == Kind::Object => Ok(value.json().to_owned()),
        Some(value) if value.kind() == Kind::String => Ok(format!(r#"{{"url":{}}}"#, value.json())),
        _ => Err(Failure::no(format!("{entity_type} {id} has no file in {field}"))),
    }
}

/// By way of a file: a download goes on where it breaks, which a pipe cannot.
async fn to_standard_output(site: &Site, attachment: &str) -> Outcome {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("sg-{}.download", std::process::id()));
    let text = path
        .to_str()
        .ok_or_else(|| Failure::local("the temporary folder's name is no UTF-8"))?;
    let params = format!(r#"{{"attachment":{attachment},"file_path":{}}}"#, quote(text));
    let outcome = watched(site, "download_attachment", &params, "download").await;
    let copied = outcome.and_then(|_| {
        let trouble = |error| Failure::local(format!("{text}: {error}"));
        let mut file = std::fs::File::open(&path).map_err(trouble)?;
        Ok(failure::written(std::io::copy(&mut file, &mut std::io::stdout().lock()).map(drop)))
    });
    let _ = std::fs::remove_file(&path);
    copied
}

/// A call that moves a file, with its progress on standard error.
async fn watched(site: &Site, method: &str, params: &str, name: &str) -> Result<Document, Failure> {
    if !std::io::stderr().is_terminal() {
        return site.call(method, params).await;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        bar.set_style(style);
    }
    let short = Path::new(name).file_name().map_or(name.into(), |name| name.to_string_lossy());
    bar.set_message(crate::show::harmless(&short).into_owned());
    let call = site.call(method, params);
    tokio::pin!(call);
    let outcome = loop {
        tokio::select! {
            outcome = &mut call => break outcome,
            () = tokio::time::sleep(BEAT) => {
                if site.progress.total() > 0 {
                    bar.set_length(site.progress.total());
                    bar.set_position(site.progress.done());
                }
            }
        }
    };
    bar.finish_and_clear();
    let _ = std::io::stderr().flush();
    outcome
}
