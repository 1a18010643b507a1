//! A site that takes and gives files, and a script that is signed in to it.

#![allow(clippy::unwrap_used, reason = "these are tests")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::time::Duration;

use shotgrid::client::{Client, Credentials, Error, Options, Secret};

use super::fake_site::{Answer, FakeSite, INFO, Request};
use super::tools::run;

pub async fn client(site: &FakeSite) -> Client {
    let options = Options {
        verify_on_connect: false,
        timeout: Some(Duration::from_secs(5)),
        ..Options::default()
    };
    let credentials = Credentials::Script {
        name: "scr".into(),
        api_key: Secret::new("s3cret-key"),
    };
    Client::connect(&site.url, credentials, options).await.unwrap()
}

pub fn call(site: &FakeSite, method: &str, params: serde_json::Value) -> Result<String, Error> {
    run(async {
        client(site)
            .await
            .call(method, &params.to_string())
            .await
            .map(|found| found.json().to_owned())
    })
}

/// A site that answers remote calls and forms; `storage` routes uploads to itself.
pub fn site(storage: bool, forms: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> FakeSite {
    FakeSite::bare(move |request| {
        if let Some(answer) = forms(request) {
            return answer;
        }
        let host = request.header("host").unwrap();
        match (request.wire_method().as_str(), request.target().as_str()) {
            ("info", _) if storage => {
                Answer::json(r#"{"version":[8,60,0],"s3_direct_uploads_enabled":true,"s3_enabled_upload_types":{"Version":"*"}}"#)
            }
            ("info", _) => Answer::json(INFO),
            ("get_session_token", _) => Answer::json(r#"{"results":{"session_id":"SESSION-1"}}"#),
            (_, "POST /upload/api_get_upload_link_info") => text(format!(
                "1\nhttp://{host}/s3/put?sig=PRESIGNED\n2024-01-02T03:04:05Z\nAttachment\nUPLOAD-ID\nextra\n"
            )),
            (_, "POST /upload/api_get_upload_link_for_part") => {
                text(format!("1\nhttp://{host}/s3/part?n={}", request.field("part_number").unwrap()))
            }
            (_, "POST /upload/api_complete_multipart_upload") => text("1\n".into()),
            (_, target) if target.starts_with("PUT /s3/part?n=") => etag(target.rsplit('=').next().unwrap()),
            (_, target) if target.starts_with("PUT /s3/put") => etag("whole"),
            _ => text("1:4271\n".into()),
        }
    })
}

pub fn text(text: String) -> Answer {
    Answer::Http(200, vec![("content-type", "text/plain".into())], text.into_bytes())
}

pub fn etag(tag: &str) -> Answer {
    Answer::Http(200, vec![("etag", format!("\"tag{tag}\""))], Vec::new())
}

pub fn targets(site: &FakeSite) -> Vec<String> {
    let all = site.requests().into_iter().filter(|request| request.wire_method() != "info");
    all.map(|request| request.target().split('?').next().unwrap().to_owned()).collect()
}
