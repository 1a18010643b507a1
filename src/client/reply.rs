//! From an HTTP reply to a result or an error.

use reqwest::header;

use super::document::{Document, Value, shorten};
use super::error::Error;
use super::fault;
use super::json::quote;
use super::status::Status;
use super::transport::{Failure, Reached, Reply};

/// The most characters of a message that are believed to be one.
const LONGEST_MESSAGE: usize = 10_000;

/// Reads the reply of a remote call: the document narrowed to the `results`, or what went wrong.
pub(super) fn read(reply: Reply) -> Result<Document, Failure> {
    read_with(reply, success)
}

/// Reads the reply of a remote call that answers with text: the text as a JSON string, or what went wrong.
pub(super) fn read_text(reply: Reply) -> Result<Document, Failure> {
    read_with(reply, text)
}

fn read_with(reply: Reply, read: fn(Reply) -> Result<Document, Failure>) -> Result<Document, Failure> {
    let http_status = reply.status;
    let outcome = if http_status < 300 { read(reply) } else { Err(failure(reply)) };
    outcome.map_err(|mut failed| {
        failed.error.http_status = Some(http_status);
        failed
    })
}

/// A site that fails answers in JSON all the same.
fn text(reply: Reply) -> Result<Document, Failure> {
    let kind = reply.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    if kind.is_empty() || kind.contains("json") || kind.contains("html") || kind.contains("javascript") {
        return success(reply);
    }
    drop(reply.reading);
    let text = String::from_utf8(reply.body).map_err(|_| unknown(Error::protocol("the site's text is not UTF-8")))?;
    Document::parse(quote(&text).into_bytes()).map_err(|error| unknown(Error::protocol(error.to_string())))
}

fn unknown(error: Error) -> Failure {
    Failure {
        error,
        reached: Reached::Unknown,
    }
}

fn success(reply: Reply) -> Result<Document, Failure> {
    if let Some(kind) = reply.header(header::CONTENT_TYPE)
        && !kind.starts_with("application/json")
        && kind.to_ascii_lowercase().contains("html")
    {
        let kind = shorten(kind);
        let error = format!("the site answered with a web page ({kind}) instead of JSON; check that site_url is the site's address");
        return Err(unknown(Error::protocol(error)));
    }
    if reply.body.is_empty() {
        return Err(unknown(Error::protocol("the site answered with nothing")));
    }
    let most = reply.reading.most();
    let document = reply.reading.finish(reply.body).map_err(|error| {
        if error.too_many {
            let what = format!("the reply has more than {most} values, the most that the limit on its size allows");
            return unknown(Error::new(Status::ProtocolTooLarge, what));
        }
        let what = if error.truncated { "is cut short" } else { "is not JSON" };
        unknown(Error::protocol(format!("the site's reply {what}: {error}")))
    })?;
    if let Some(error) = exception(&document) {
        return Err(Failure {
            error,
            reached: Reached::Refused,
        });
    }
    let results = document.root().get("results").map(Value::node);
    Ok(match results {
        Some(node) => document.narrow(node),
        None => document,
    })
}

/// The error of a reply whose HTTP status is no success. An exception in its body says more than the status.
pub(super) fn failure(reply: Reply) -> Failure {
    let (status, retry_after_ms) = (reply.status, reply.retry_after_ms());
    let location = reply.header(header::LOCATION).map(str::to_owned);
    let text = said(&reply);
    let title = title(&reply);
    let told = reply.reading.finish(reply.body).ok().and_then(|document| exception(&document));
    let applied = matches!(status, 500.. if told.is_none());
    let mut error = told.unwrap_or_else(|| from_http_status(status, location.as_deref()));
    if let Some(title) = title {
        error.message.push_str(&format!("; it came with a web page, \"{title}\""));
    }
    error.http_status = Some(status);
    error.server_message = error.server_message.take().or(text);
    error.retry_after_ms = retry_after_ms;
    Failure {
        error,
        reached: if applied { Reached::Unknown } else { Reached::Refused },
    }
}

/// The words of a reply that is no success: a plain text, or the message of a storage's XML. Web pages say nothing of use.
fn said(reply: &Reply) -> Option<String> {
    const LONGEST: usize = 2_000;
    let text = std::str::from_utf8(&reply.body).ok()?.trim();
    let kind = reply.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    if text.is_empty() || kind.contains("html") || text.starts_with("<html") || text.starts_with("<!") {
        return None;
    }
    let message = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    let text = message.map_or(text, |(message, _)| message);
    Some(text.chars().take(LONGEST).collect())
}

/// The title of a web page that came in place of a reply: servers and proxies on the way put there what is wrong.
fn title(reply: &Reply) -> Option<String> {
    let start = reply.body.get(..reply.body.len().min(4_096))?;
    let text = String::from_utf8_lossy(start);
    let (_, rest) = text.split_once("<title>")?;
    let title = rest.split_once("</title>")?.0.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| shorten(&title).into_owned())
}

fn from_http_status(status: u16, location: Option<&str>) -> Error {
    let said = |what: &str| format!("{what} (HTTP status {status})");
    match status {
        300..400 => redirected(status, location),
        401 | 403 => Error::new(Status::AuthBlocked, said("the site does not let this client use its API")),
        407 => Error::new(Status::NetworkProxy, said("the proxy wants other credentials")),
        408 => Error::new(Status::Timeout, said("the site gave up waiting for the request")),
        429 => Error::new(Status::RateLimited, said("the site asks for fewer requests")),
        400 | 413 | 422 => Error::new(Status::Rejected, said("the site refuses the request")),
        502..=504 => Error::new(Status::Unavailable, said("the site is down for maintenance or too busy")),
        500.. => Error::new(Status::ServerFault, said("the site failed")),
        _ => Error::protocol(said("there is no API at this address; check that site_url is the site's address")),
    }
}

/// Redirects are not followed: credentials would go along to wherever they lead.
fn redirected(status: u16, location: Option<&str>) -> Error {
    let target = location.unwrap_or_default();
    if target.contains("/saml/") {
        return Error::new(
            Status::AuthSso,
            format!("the single sign-on session has ended; sign in again (HTTP status {status})"),
        );
    }
    let host = url::Url::parse(target).ok().and_then(|url| url.host_str().map(str::to_owned));
    let whereto = host.map_or_else(|| "elsewhere".to_owned(), |host| format!("to {}", shorten(&host)));
    Error::protocol(format!(
        "the site redirects {whereto} (HTTP status {status}); give its final address as site_url"
    ))
}

/// The error that a reply carries, if it carries one.
fn exception(document: &Document) -> Option<Error> {
    let root = document.root();
    if !root.get("exception").is_some_and(Value::is_truthy) {
        return None;
    }
    let message = root.get("message").and_then(Value::as_str).unwrap_or_default();
    let code = root.get("error_code").and_then(|code| code.as_i64().ok());
    let longest = message.char_indices().nth(LONGEST_MESSAGE).map_or(message.len(), |(end, _)| end);
    Some(fault::from_exception(message.get(..longest).unwrap_or_default(), code))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;
    use crate::client::document::Reading;

    fn reply(status: u16, headers: &[(HeaderName, &'static str)], body: &str) -> Result<Document, Failure> {
        let headers = headers.iter().map(|(name, text)| (name.clone(), (*text).to_owned()));
        read(Reply {
            status,
            headers: headers.collect(),
            body: body.into(),
            reading: Reading::within(usize::MAX),
        })
    }

    fn failed(status: u16, headers: &[(HeaderName, &'static str)], body: &str) -> (Status, Reached, Error) {
        let failure = reply(status, headers, body).err().unwrap();
        assert_eq!(failure.error.http_status, Some(status));
        (failure.error.status, failure.reached, failure.error)
    }

    #[test]
    fn results_are_unwrapped_where_they_are_wrapped() {
        for (body, expected) in [
            (r#"{"results": {"id": 1 } }"#, r#"{"id": 1 }"#),
            (r#"{"results":null,"other":2}"#, "null"),
            (r#"{"foo":1}"#, r#"{"foo":1}"#),
            ("[1,2]", "[1,2]"),
            ("null", "null"),
            ("\u{feff}{\"results\":5}", "5"),
            (r#"{"exception":false,"results":true}"#, "true"),
            (r#"{"results":1,"results":2}"#, "2"),
        ] {
            assert_eq!(reply(200, &[], body).ok().unwrap().json(), expected, "{body}");
        }
    }

    #[test]
    fn exceptions_win() {
        let body = r#"{"exception":true,"message":"Can't authenticate script 'x'","error_code":102,"results":1}"#;
        let (status, reached, error) = failed(200, &[], body);
        assert_eq!(
            (status, reached, error.server_code),
            (Status::AuthCredentials, Reached::Refused, Some(102))
        );
        assert_eq!(failed(500, &[], body).0, Status::AuthCredentials);
        assert_eq!(failed(200, &[], r#"{"exception":1,"error_code":"102"}"#).0, Status::ServerFault);
    }

    #[test]
    fn what_is_no_reply_may_have_been_applied() {
        let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        for (headers, body) in [
            (&html[..], "<html>"),
            (&[], ""),
            (&[], "{\"results\": [1,"),
            (&[], "<html>"),
            (&[], "NaN"),
        ] {
            let (status, reached, _) = failed(200, headers, body);
            assert_eq!((status, reached), (Status::Protocol, Reached::Unknown), "{body}");
        }
        assert!(failed(200, &[], "{\"results\": [1,").2.message.contains("cut short"));
    }

    #[test]
    fn what_headers_say_is_not_repeated_at_length() {
        let long = "a.".repeat(2_000);
        for (status, name, text, said) in [
            (200, header::CONTENT_TYPE, format!("text/html; {long}"), "text/html; a.a.a."),
            (302, header::LOCATION, format!("https://{long}org/"), "to a.a.a."),
        ] {
            let error = failed(status, &[(name, text.leak())], "x").2;
            assert!(error.message.contains(said) && error.message.len() < 300, "{error}");
        }
    }

    #[test]
    fn http_statuses() {
        for (code, status, reached) in [
            (400, Status::Rejected, Reached::Refused),
            (401, Status::AuthBlocked, Reached::Refused),
            (403, Status::AuthBlocked, Reached::Refused),
            (404, Status::Protocol, Reached::Refused),
            (408, Status::Timeout, Reached::Refused),
            (413, Status::Rejected, Reached::Refused),
            (429, Status::RateLimited, Reached::Refused),
            (500, Status::ServerFault, Reached::Unknown),
            (502, Status::Unavailable, Reached::Unknown),
            (503, Status::Unavailable, Reached::Unknown),
            (504, Status::Unavailable, Reached::Unknown),
        ] {
            let (found, how_far, error) = failed(code, &[], "<html>");
            assert_eq!((found, how_far), (status, reached), "{code}");
            assert!(error.message.contains(&code.to_string()));
        }
        assert_eq!(failed(429, &[(header::RETRY_AFTER, "7")], "").2.retry_after_ms, Some(7000));
        assert_eq!(
            failed(503, &[(header::RETRY_AFTER, "Thu, 01 Jan 1970 00:00:00 GMT")], "")
                .2
                .retry_after_ms,
            Some(0)
        );
    }

    #[test]
    fn redirects_are_told_and_not_followed() {
        assert_eq!(
            failed(302, &[(header::LOCATION, "/saml/saml_login_request?x=1")], "").0,
            Status::AuthSso
        );
        let (status, _, error) = failed(301, &[(header::LOCATION, "https://new.example.com/api3/json?token=1")], "");
        assert_eq!(status, Status::Protocol);
        assert!(error.message.contains("new.example.com") && !error.message.contains("token"));
    }
}
