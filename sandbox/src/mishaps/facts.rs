//! What a request is, as far as faults are for some requests and not for others.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use futures_util::{StreamExt, stream};

use super::Mishaps;
use crate::auth::sessions;
use crate::media::form_start;
use crate::requests::{Claim, Notes};
use crate::server::{Envelope, LARGEST_BODY};
use crate::site::Site;

/// Of a form, so much is looked at: clients put their credentials before the file.
const FORM_START: usize = 64 * 1024;

/// The kinds of addresses that a site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Api,
    Upload,
    Storage,
    Download,
    Internal,
    Other,
}

impl Endpoint {
    pub(super) const NAMES: [&'static str; 6] = ["api", "upload", "storage", "download", "internal", "other"];

    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [Self::Api, Self::Upload, Self::Storage, Self::Download, Self::Internal, Self::Other];
        Self::NAMES
            .iter()
            .zip(all)
            .find(|(known, _)| **known == name)
            .map(|(_, endpoint)| endpoint)
    }

    fn of(path: &str) -> Self {
        let below = [
            ("/api3/", Self::Api),
            ("/upload/", Self::Upload),
            ("/storage/", Self::Storage),
            ("/file_serve/", Self::Download),
            ("/thumbnails/", Self::Download),
            ("/images/", Self::Download),
            ("/internal_api/", Self::Internal),
        ];
        let found = below.iter().find(|(prefix, _)| path.starts_with(prefix));
        found.map_or(Self::Other, |(_, endpoint)| *endpoint)
    }
}

pub(crate) struct Facts {
    pub(super) path: String,
    pub(super) endpoint: Endpoint,
    pub(super) method: Option<String>,
    pub(super) claim: Claim,
    /// For the log, when the request is not carried out.
    pub(crate) notes: Notes,
}

impl Facts {
    /// Looks at a request, and gives it back whole.
    pub(crate) async fn gather(site: &Arc<Site>, mishaps: &Mishaps, request: Request) -> (Self, Request) {
        let path = request.uri().path().to_owned();
        let mut facts = Self {
            endpoint: Endpoint::of(&path),
            path,
            method: None,
            claim: Claim::default(),
            notes: Notes::default(),
        };
        let limit = match facts.endpoint {
            Endpoint::Api => LARGEST_BODY,
            Endpoint::Upload if mishaps.ask_who() => FORM_START,
            _ => return (facts, request),
        };
        let (parts, body) = request.into_parts();
        let (start, body) = peek(body, limit).await;
        let is_multipart = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/"));
        let site = site.clone();
        // Sessions are looked up in the store, which is synchronous.
        let looked = tokio::task::spawn_blocking(move || {
            if facts.endpoint == Endpoint::Api {
                facts.look_at_call(&site, &start);
            } else {
                let fields = form_start(&start, is_multipart);
                facts.claim = Claim::of(&fields).with_session(|token| sessions::owner(&site, token));
                facts.notes.who = facts.claim.who();
            }
            facts
        });
        let facts = looked.await.unwrap_or_else(|_| Self::nothing());
        (facts, Request::from_parts(parts, body))
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    fn nothing() -> Self {
        Self {
            path: String::new(),
            endpoint: Endpoint::Other,
            method: None,
            claim: Claim::default(),
            notes: Notes::default(),
        }
    }

    fn look_at_call(&mut self, site: &Site, body: &[u8]) {
        let call = std::str::from_utf8(body).ok().and_then(|text| Envelope::open(text).ok());
        if let Some(call) = call {
            self.claim = call.claim(site);
            self.notes = call.notes(site, body.len());
            self.method = Some(call.method_name);
        }
    }
}

/// The start of a body, at least `limit` bytes of it if it has as many, and the body with nothing missing.
async fn peek(body: Body, limit: usize) -> (Vec<u8>, Body) {
    let mut frames = body.into_data_stream();
    let mut start = Vec::new();
    let mut seen: Vec<Result<Bytes, axum::Error>> = Vec::new();
    while start.len() < limit {
        match frames.next().await {
            None => break,
            Some(Ok(bytes)) => {
                start.extend_from_slice(&bytes);
                seen.push(Ok(bytes));
            }
            Some(Err(error)) => {
                seen.push(Err(error));
                break;
            }
        }
    }
    (start, Body::from_stream(stream::iter(seen).chain(frames)))
}
