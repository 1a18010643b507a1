//! Posts to the site's upload addresses: fields, credentials and perhaps a file, answered by a text.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use zeroize::Zeroizing;

use super::Transfer;
use super::local::LocalFile;
use crate::client::error::{Error, Result};
use crate::client::recording::{self, FormFile};
use crate::client::retry::{self, Attempts, Effect};
use crate::client::session::Parameters;
use crate::client::status::Status;
use crate::client::transport::{Failure, Pieces, Reached, Reply, Request};
use crate::client::{fault, reply};

/// The fields of a form. The credentials stand between the first and the last, as the official client orders them.
pub(super) struct Form<'f> {
    pub(super) path: &'static str,
    pub(super) effect: Effect,
    pub(super) first: Vec<(&'static str, String)>,
    pub(super) last: Vec<(&'static str, String)>,
    /// A field that is a file, behind all others.
    pub(super) file: Option<(&'static str, &'f LocalFile)>,
}

impl Form<'_> {
    pub(super) fn new(path: &'static str, effect: Effect, first: Vec<(&'static str, String)>) -> Self {
        Form {
            path,
            effect,
            first,
            last: Vec::new(),
            file: None,
        }
    }

    fn fields<'a>(&'a self, credentials: &'a Parameters) -> impl Iterator<Item = (&'static str, &'a str)> {
        let text = |(name, value): &'a (&'static str, String)| (*name, value.as_str());
        self.first
            .iter()
            .map(text)
            .chain(credentials.fields())
            .chain(self.last.iter().map(text))
    }
}

impl Form<'_> {
    /// What it says, without who says it.
    fn told(&self) -> recording::Form {
        recording::Form {
            fields: self.first.iter().chain(&self.last).cloned().collect(),
            file: self.file.map(|(field, file)| FormFile {
                field,
                name: file.name.clone(),
                kind: file.content_type(),
            }),
        }
    }
}

impl Transfer {
    /// Posts a form and gives the text of the reply, which begins with `1`. A session that has ended is renewed once.
    pub(super) async fn post(&self, form: &Form<'_>) -> Result<String> {
        let client = &self.client;
        let ticket = client.call_ticket(client.deadline()).await?;
        let error = match self.post_as(form, &ticket.parameters).await {
            Err(error) => error,
            done => return done,
        };
        let (ticket, _) = client.renewed_ticket(&ticket, error, client.deadline()).await?;
        self.post_as(form, &ticket.parameters).await
    }

    async fn post_as(&self, form: &Form<'_>, credentials: &Parameters) -> Result<String> {
        let transport = &self.client.connection.transport;
        let mut attempts = Attempts::new(&self.client, form.path, form.effect, self.limit()).signed_with(Some(credentials));
        loop {
            let request = self.request(form, credentials).await?;
            match transport.send_file(request, self.limit()).await.and_then(read) {
                Ok(text) => return Ok(text),
                Err(failure) => attempts.again(failure).await?,
            }
        }
    }

    async fn request(&self, form: &Form<'_>, credentials: &Parameters) -> Result<Request> {
        let url = self.client.connection.transport.site().at(form.path)?;
        let told = self.client.connection.transport.wants_forms().then(|| form.told());
        let request = Request::new(Method::POST, url, &self.client.tally).effect(form.effect).form(told);
        let Some((name, file)) = form.file else {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            encoded.extend_pairs(form.fields(credentials));
            let body = Zeroizing::new(encoded.finish().into_bytes());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            return Ok(request
                .header(header::CONTENT_TYPE, kind)
                .body(Pieces::default().bytes(Bytes::from_owner(body))));
        };
        let boundary = boundary();
        let kind = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            .map_err(|error| Error::new(Status::Internal, format!("no boundary could be made: {error}")))?;
        let head = Zeroizing::new(multipart_head(&boundary, form.fields(credentials), name, file).into_bytes());
        let tail = format!("\r\n--{boundary}--\r\n\r\n");
        let pieces = Pieces::default()
            .bytes(Bytes::from_owner(head))
            .file(&file.path, file.open_at(0).await?, file.length)
            .bytes(tail);
        Ok(request.header(header::CONTENT_TYPE, kind).body(pieces).progress(&self.progress))
    }
}

fn multipart_head<'a>(boundary: &str, fields: impl Iterator<Item = (&'static str, &'a str)>, name: &str, file: &LocalFile) -> String {
    let mut head = String::new();
    for (name, value) in fields {
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    // A quote or line break would end the name early; browsers write them so.
    let file_name = file.name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let (kind, length) = (file.content_type(), file.length);
    head.push_str(&format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    ));
    head
}

/// A line that stands in no file, as far as anybody can tell.
fn boundary() -> String {
    format!("{:016x}{:016x}", retry::random(), retry::random())
}

/// The text of a form's reply, if it tells of success.
fn read(reply: Reply) -> std::result::Result<String, Failure> {
    if reply.status >= 300 {
        let mut failure = reply::failure(reply);
        if failure.error.http_status == Some(404) {
            failure.error.message = "the site has no such address for files; it is too old, or not a ShotGrid site".to_owned();
        }
        return Err(failure);
    }
    let is_page = reply
        .header(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    // The first character decides.
    if text.starts_with('1') && !is_page {
        return Ok(text);
    }
    let said = words(&text);
    let code = said.starts_with("Can't authenticate").then_some(102);
    let mut error = fault::from_exception(said.trim_end(), code);
    let mut reached = Reached::Refused;
    if is_page || (error.status == Status::ServerFault && !text.starts_with('0')) {
        // No words of the site's upload addresses: something in between may have spoken when the work was done.
        let what = if is_page {
            "a web page"
        } else {
            "something that is no answer to a file"
        };
        error = Error::protocol(format!("the site answered with {what}"));
        reached = Reached::Unknown;
    } else if error.status == Status::ServerFault {
        error.status = Status::Rejected;
    }
    error.server_message = Some(text);
    error.http_status = Some(reply.status);
    Err(Failure { error, reached })
}

/// What a reply such as `0:The file is empty` says behind its 0.
fn words(reply: &str) -> &str {
    const SEPARATORS: [char; 4] = [':', '\n', '\r', ' '];
    match reply.strip_prefix('0') {
        Some(said) if said.is_empty() || said.starts_with(SEPARATORS) => said.trim_start_matches(SEPARATORS),
        _ => reply,
    }
}

/// The id of a reply such as `1:4271`: what stands between the first colon and the next colon or line break.
pub(super) fn id_of(reply: &str) -> Result<i64> {
    let id = reply
        .split_once(':')
        .map(|(_, rest)| rest.split([':', '\n', '\r']).next().unwrap_or_default().trim());
    id.and_then(|id| id.parse().ok()).ok_or_else(|| {
        let mut error = Error::wrong_content("the site took the file, but its reply has no attachment id");
        error.server_message = Some(reply.to_owned());
        error.may_have_applied = true;
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::document::Reading;

    #[test]
    fn ids_stand_behind_the_first_colon() {
        for (reply, id) in [("1:4271\n", 4271), ("1\n:123\nasd", 123), ("10:5", 5), ("1:7:x", 7)] {
            assert_eq!(id_of(reply).unwrap(), id, "{reply}");
        }
        for reply in ["1", "1:abc", "1:"] {
            assert!(id_of(reply).unwrap_err().may_have_applied, "{reply}");
        }
    }

    #[test]
    fn replies_of_failure_keep_their_words() {
        let of = |status: u16, body: &str| {
            let reply = Reply {
                status,
                headers: Vec::new(),
                body: body.into(),
                reading: Reading::within(usize::MAX),
            };
            read(reply).err().map(|failure| failure.error).unwrap()
        };
        let refused = of(200, "0:The field is not editable for this user: [Version.image]. Rule: Artist");
        assert_eq!(
            (refused.status, refused.refusal.field.as_deref()),
            (Status::Permission, Some("image"))
        );
        assert_eq!(of(200, "Can't authenticate script 'x'").status, Status::AuthCredentials);
        assert_eq!(of(200, "0:nonsense").status, Status::Rejected);
        for (reply, said) in [
            ("0:2502 frames are missing\n", "2502 frames are missing"),
            ("0\n: 07 is no id", "07 is no id"),
            ("0", "gave no reason"),
        ] {
            let error = of(200, reply);
            assert!(error.message.ends_with(said), "{reply}: {error}");
        }
        assert_eq!(of(200, "nonsense").status, Status::Protocol);
        assert_eq!(of(200, "").status, Status::Protocol);
        let broken = of(500, "the disk is full");
        assert_eq!(
            (broken.status, broken.server_message.as_deref()),
            (Status::ServerFault, Some("the disk is full"))
        );
    }
}
