//! Remote calls: one exchange each.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use tokio::sync::Semaphore;

use super::body::Pieces;
use super::net::Stack;
use super::watch::{Limit, Watch};
use super::wire::{Answer, Trouble, Wire};
use super::{Call, Failure, Line, Place, Reply, Request, Transport, failed, most_values, turn};
use crate::client::deadline::Deadline;
use crate::client::retry::Effect;
use crate::client::site;
use crate::client::tally::Tally;

impl Transport {
    /// Posts a JSON text, in which a call is made, to the site's RPC endpoint and reads the whole reply.
    pub(in crate::client) async fn post_rpc(
        &self,
        call: Call<'_>,
        body: Bytes,
        effect: Effect,
        deadline: Deadline,
        tally: &Arc<Tally>,
    ) -> Result<Reply, Failure> {
        if let Line::Net(net) = &self.line
            && let Some(wire) = &net.wire
        {
            return self.post_over(wire, &net.calls.turns, &body, effect, deadline, tally).await;
        }
        // Boxed, as what is rare and large is.
        Box::pin(async move {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            let mut request = Request::new(Method::POST, self.site.rpc.clone(), tally)
                .effect(effect)
                .header(header::CONTENT_TYPE, json)
                .body(Pieces::default().bytes(body));
            // User information in the address is for remote calls alone.
            request
                .headers
                .extend(self.site.basic_header().map(|value| (header::AUTHORIZATION, value)));
            let incoming = self.send(Stack::Calls, request, Some(call), Limit::Total(deadline)).await?;
            self.finish(incoming).await
        })
        .await
    }

    async fn post_over(
        &self,
        wire: &Wire,
        turns: &Arc<Semaphore>,
        body: &[u8],
        effect: Effect,
        deadline: Deadline,
        tally: &Arc<Tally>,
    ) -> Result<Reply, Failure> {
        let limit = Limit::Total(deadline);
        let _turn = turn(turns, limit).await?;
        let watch = Watch::new(None, Arc::clone(tally), effect);
        let posting = pin!(wire.post(body, &watch, deadline.end(), self.max_reply_bytes));
        let broken = match deadline.limit(posting).await {
            Some(Ok(Answer { status, headers, body })) => {
                return Ok(Reply {
                    status,
                    headers,
                    body,
                    most_values: most_values(self.max_reply_bytes),
                });
            }
            Some(Err(broken)) => broken,
            None => Trouble::TimeUp.into(),
        };
        if broken.trouble.is_silence() {
            wire.forget_idle();
        }
        let place = Place {
            name: site::name_of(&self.site.rpc),
            proxy: None,
        };
        Err(failed(place.told(&broken, limit, self.max_reply_bytes), &watch))
    }
}
