//! The `/upload/…` endpoints. Answers are text: what begins with `1` went well, all else is a refusal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::attach::{self, FILMSTRIP, File, IMAGE, Order};
use super::form::{Form, base_name};
use super::{blobs, share as shares, storage, thumbnails};
use crate::auth;
use crate::auth::caller::Caller;
use crate::auth::sessions;
use crate::fault::Fault;
use crate::methods::write::Writer;
use crate::requests::{self, Claim, Notes};
use crate::server::redirect;
use crate::site::Site;

pub(super) async fn file(State(site): State<Arc<Site>>, request: Request) -> Response {
    upload(site, request, false).await
}

pub(super) async fn thumbnail(State(site): State<Arc<Site>>, request: Request) -> Response {
    upload(site, request, true).await
}

async fn upload(site: Arc<Site>, request: Request, thumbnail: bool) -> Response {
    work(site, request, move |site, caller, mut form| {
        let received = form.file.take().ok_or_else(|| Fault::argument("The form has no file."))?;
        let part = if thumbnail { "thumb_image" } else { "file" };
        if received.part != part {
            return Err(Fault::argument(format!("The form's file is '{}' and not '{part}'.", received.part)));
        }
        let order = order(&form, thumbnail)?;
        let (size, etag) = (received.bytes.size, received.bytes.etag.clone());
        if size == 0 {
            return Err(Fault::argument("The file is empty."));
        }
        let blob = received.bytes.keep(&site.media).map_err(storage_failed)?;
        let file = File {
            blob,
            size,
            etag,
            name: received.name,
        };
        link(site, caller, &order, &file).inspect_err(|_| blobs::discard(&site.media, &file.blob))
    })
    .await
}

/// What the form says is to become of the file.
fn order(form: &Form, thumbnail: bool) -> Result<Order, Fault> {
    let text = |name: &str| form.get(name).map(str::to_owned);
    let field = match (thumbnail, form.get("field_name")) {
        (true, _) if form.flag("filmstrip") => Some(FILMSTRIP.to_owned()),
        (true, _) | (false, Some("thumb_image")) => Some(IMAGE.to_owned()),
        (false, Some("filmstrip_thumb_image")) => Some(FILMSTRIP.to_owned()),
        (false, field) => field.map(str::to_owned),
    };
    Ok(Order {
        entity_type: form.wanted("entity_type").map_err(Fault::argument)?.to_owned(),
        id: form.number("entity_id").map_err(Fault::argument)?,
        field,
        display_name: text("display_name"),
        tags: text("tag_list"),
        created_at: text("created_at"),
    })
}

fn link(site: &Arc<Site>, caller: &Caller, order: &Order, file: &File) -> Result<String, Fault> {
    let (id, pictures) = write(site, caller, |writer| attach::attach(writer, order, file))?;
    thumbnails::make_later(site, pictures);
    Ok(format!("1:{id}\n"))
}

pub(super) async fn share(State(site): State<Arc<Site>>, request: Request) -> Response {
    work(site, request, |site, caller, form| {
        write(site, caller, |writer| shares::run(writer, &form))
    })
    .await
}

pub(super) async fn link_info(State(site): State<Arc<Site>>, request: Request) -> Response {
    work(site, request, |site, caller, form| {
        let kind = form.wanted("upload_type").map_err(Fault::argument)?;
        if !matches!(kind, "Attachment" | "Thumbnail") {
            return Err(Fault::argument(format!("There is no 'upload_type' {kind}.")));
        }
        let name = base_name(form.wanted("filename").map_err(Fault::argument)?);
        storage::begin(site, caller, kind, &name, form.flag("multipart_upload"))
    })
    .await
}

pub(super) async fn link_for_part(State(site): State<Arc<Site>>, request: Request) -> Response {
    work(site, request, |site, caller, form| {
        let id = form.wanted("upload_id").map_err(Fault::argument)?;
        let part = form.number("part_number").map_err(Fault::argument)?;
        storage::part_link(site, caller, id, part)
    })
    .await
}

pub(super) async fn complete(State(site): State<Arc<Site>>, request: Request) -> Response {
    work(site, request, |site, caller, form| {
        let id = form.wanted("upload_id").map_err(Fault::argument)?;
        let etags: Vec<&str> = form.wanted("etags").map_err(Fault::argument)?.split(',').collect();
        storage::complete(site, caller, id, &etags)
    })
    .await
}

pub(super) async fn link_file(State(site): State<Arc<Site>>, request: Request) -> Response {
    work(site, request, |site, caller, form| {
        let info = form.wanted("upload_link_info").map_err(Fault::argument)?;
        // The answer to the first step, as it was: status, URL, time, kind, upload id.
        let id = info
            .lines()
            .nth(4)
            .ok_or_else(|| Fault::argument("The 'upload_link_info' is not complete."))?;
        let (kind, file) = storage::take(site, caller, id)?;
        let order = order(&form, kind == "Thumbnail")?;
        let (linked, pictures) = write(site, caller, |writer| {
            storage::close(writer.connection, id)?;
            attach::attach(writer, &order, &file)
        })?;
        thumbnails::make_later(site, pictures);
        Ok(format!("1:{linked}\n"))
    })
    .await
}

/// Reads the form, finds out who sends it and does the work off the threads that drive connections.
async fn work(
    site: Arc<Site>,
    request: Request,
    run: impl FnOnce(&Arc<Site>, &Caller, Form) -> Result<String, Fault> + Send + 'static,
) -> Response {
    let form = match Form::read(&site.media, request).await {
        Ok(form) => form,
        Err(reason) => return text(format!("0:{reason}\n")),
    };
    // What follows the upload needs the runtime, which the blocking thread is part of.
    let asked = site.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let fields = form.authentication();
        let notes = notes(&site, &fields);
        let answer = auth::authenticate(&site, &Value::Object(fields.clone())).and_then(|caller| run(&site, &caller, form));
        (answer, notes)
    })
    .await;
    let (answer, mut notes) = answered.unwrap_or_else(|_| (Err(Fault::failed()), Notes::default()));
    let mut response = match answer {
        Ok(answer) => text(answer),
        Err(fault) => {
            let redirect = redirect(&asked, &fault);
            notes.error_code = redirect.is_none().then_some(fault.code);
            let response = redirect.unwrap_or_else(|| text(format!("0:{}\n", fault.message)));
            notes.error_message = Some(fault.message);
            response
        }
    };
    response.extensions_mut().insert(notes);
    response
}

/// What the log of requests is told of a form.
fn notes(site: &Site, fields: &Map<String, Value>) -> Notes {
    let claim = Claim::of(fields).with_session(|token| sessions::owner(site, token));
    Notes {
        who: claim.who(),
        params: requests::masked(Value::Object(fields.clone()), 0),
        ..Notes::default()
    }
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

fn write<T>(site: &Site, caller: &Caller, run: impl FnOnce(&Writer<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    site.store.write(|connection| {
        run(&Writer {
            schema: &site.schema.current(),
            caller,
            connection,
        })
    })
}

pub(super) fn storage_failed(error: std::io::Error) -> Fault {
    Fault::crud(format!("The file could not be stored: {error}"))
}
