//! Remote calls: one exchange each.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use tokio::sync::Semaphore;

use super::body::Pieces;
use super::net::Stack;
use super::watch::{Limit, Watch};
use super::wire::{self, Answer, Trouble, Wire};
use super::{Call, Failure, Line, Place, Reply, Request, Transport, failed, turn};
use crate::client::credentials::Wiped;
use crate::client::deadline::Deadline;
use crate::client::json::escaped;
use crate::client::retry::Effect;
use crate::client::session::Parameters;
use crate::client::site;
use crate::client::tally::Tally;

impl Transport {
    /// Posts a JSON text, in which a call is made, to the site's RPC endpoint and reads the whole reply.
    pub(in crate::client) async fn post_rpc(
        &self,
        call: Call<'_>,
        credentials: Option<&Parameters>,
        effect: Effect,
        deadline: Deadline,
        tally: &Arc<Tally>,
    ) -> Result<Reply, Failure> {
        if let Line::Net(net) = &self.line
            && let Some(wire) = &net.wire
        {
            let request = wire.request(&envelope(&escaped(call.0), credentials, call.1));
            return self.post_over(wire, &net.calls.turns, &request, effect, deadline, tally).await;
        }
        // Boxed, as what is rare and large is.
        Box::pin(async move {
            let body = Wiped::joined(&envelope(&escaped(call.0), credentials, call.1));
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            let mut request = Request::new(Method::POST, self.site.rpc.clone(), tally)
                .effect(effect)
                .header(header::CONTENT_TYPE, json)
                .body(Pieces::default().bytes(Bytes::from_owner(body)));
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
        request: &wire::Request,
        effect: Effect,
        deadline: Deadline,
        tally: &Arc<Tally>,
    ) -> Result<Reply, Failure> {
        let limit = Limit::Total(deadline);
        let _turn = turn(turns, limit).await?;
        let watch = Watch::new(limit, None, Arc::clone(tally), effect);
        let posting = Box::pin(wire.post(request, &watch, deadline.end(), self.max_reply_bytes));
        let broken = match deadline.limit(posting).await {
            Some(Ok(Answer {
                status,
                headers,
                body,
                reading,
            })) => {
                return Ok(Reply {
                    status,
                    headers,
                    body,
                    reading,
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

/// The pieces of `{"method_name": …, "params": [credentials, parameters]}`.
fn envelope<'r>(method: &'r str, credentials: Option<&'r Parameters>, params: Option<&'r str>) -> [&'r [u8]; 7] {
    let credentials = credentials.map_or("", |credentials| credentials.json().expose());
    let params = params.unwrap_or("");
    let comma = if credentials.is_empty() || params.is_empty() { "" } else { "," };
    [r#"{"method_name":""#, method, r#"","params":["#, credentials, comma, params, "]}"].map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::credentials::{Credentials, Secret};
    use crate::client::options::Options;
    use crate::client::session::Session;

    #[test]
    fn envelopes() {
        let credentials = Credentials::Script {
            name: "s".into(),
            api_key: Secret::new("k"),
        };
        let parameters = Session::new(credentials.clone(), &Options::default()).script("s", &Secret::new("k"));
        let text = |method: &str, credentials, params| String::from_utf8(envelope(&escaped(method), credentials, params).concat()).unwrap();
        assert_eq!(text("info", None, None), r#"{"method_name":"info","params":[]}"#);
        let signed = r#"{"script_name":"s","script_key":"k"}"#;
        assert_eq!(
            text("x", Some(&parameters), None),
            format!(r#"{{"method_name":"x","params":[{signed}]}}"#)
        );
        assert_eq!(
            text("x\"", Some(&parameters), Some("[2]")),
            format!(r#"{{"method_name":"x\"","params":[{signed},[2]]}}"#)
        );
    }
}
