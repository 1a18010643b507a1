//! Answers from a recording in place of a site's. Nothing here knows of sockets.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use hyper::http::Response;
use reqwest::ResponseBuilderExt;

use super::{Call, Failure, Incoming, Limit, Place, Reached, Request, Taped, Transport, Watch, failed, not_sent, too_slow};
use crate::client::error::Error;
use crate::client::recording::{Outcome, Player, Then};
use crate::client::site;
use crate::client::status::Status;

/// What comes behind the body of a replayed reply.
pub(super) struct Rest {
    then: Then,
    /// How many bytes were announced.
    pub(super) length: u64,
}

impl Transport {
    /// Answers a request from a recording, as it was answered then.
    pub(super) async fn replay(
        &self,
        player: &Player,
        who: &str,
        request: Request,
        call: Option<Call<'_>>,
        limit: Limit,
    ) -> Result<Incoming, Failure> {
        let address = self.told_address(&request.url);
        let asked = self.asked(&request, call, &address);
        let found = player.answer(self.site.address.as_str(), who, &asked, request.effect);
        let Outcome { reply, then } = found.map_err(not_sent)?;
        let name = site::name_of(&request.url);
        let place = Place { name, proxy: None };
        let watch = Arc::new(Watch::new(limit, request.progress, request.tally, request.effect));
        let reached = match (&reply, &then) {
            (None, Then::Failed(failure)) => failure.reached,
            _ => Reached::Unknown,
        };
        // What did not leave whole then does not now.
        if matches!(reached, Reached::Unknown | Reached::Refused) {
            let mut body = request.body.watched(Arc::clone(&watch), None);
            let sending = async {
                while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                    frame.map_err(|trouble| trouble.0)?;
                }
                Ok(())
            };
            let sent = watch.within(limit, sending).await.unwrap_or_else(|| Err(too_slow(limit, &place)));
            sent.map_err(|error| failed(error, &watch))?;
        }
        let Some(reply) = reply else {
            return Err(end(then, limit, &place, &watch).await);
        };
        let response = Response::builder().status(reply.status).url(request.url).body(reply.body);
        let mut response = response.map_err(|error| {
            let what = format!("a recorded reply cannot be given: {error}");
            not_sent(Error::new(Status::Internal, what))
        })?;
        *response.headers_mut() = reply.headers;
        Ok(Incoming {
            response: response.into(),
            watch,
            limit,
            most_bytes: self.max_reply_bytes,
            place,
            taped: Some(Taped::Replayed(Rest {
                then,
                length: reply.length,
            })),
            _turn: None,
        })
    }
}

/// How a request ends that got no answer, or no whole one.
async fn end(then: Then, limit: Limit, place: &Place, watch: &Watch) -> Failure {
    match then {
        Then::Failed(failure) => {
            watch.take_back();
            failure
        }
        // Whoever recorded it did not wait for the answer either.
        Then::End | Then::Unknown => {
            let _: Option<()> = watch.within(limit, pending()).await;
            failed(too_slow(limit, place), watch)
        }
    }
}

impl Incoming {
    /// Tells a recording of what came, or has a replayed reply end as it did.
    pub(super) async fn passed(&mut self, taped: Taped, outcome: Result<Option<Bytes>, Failure>) -> Result<Option<Bytes>, Failure> {
        match (taped, outcome) {
            (Taped::Recorded(entry), Ok(None)) => {
                entry.end().await;
                Ok(None)
            }
            (Taped::Recorded(entry), Err(failure)) => Err(entry.fail(failure).await),
            (Taped::Replayed(rest), Ok(None)) if !matches!(rest.then, Then::End) => {
                Err(end(rest.then, self.limit, &self.place, &self.watch).await)
            }
            (Taped::Recorded(mut entry), Ok(Some(bytes))) => {
                entry.chunk(&bytes);
                self.taped = Some(Taped::Recorded(entry));
                Ok(Some(bytes))
            }
            (other, outcome) => {
                self.taped = Some(other);
                outcome
            }
        }
    }

    /// Tells a recording that nobody reads on, and why.
    pub(super) async fn given_up(&mut self, failure: Failure) -> Failure {
        match self.taped.take() {
            Some(Taped::Recorded(entry)) => entry.fail(failure).await,
            _ => failure,
        }
    }
}
