//! What the tests of the C functions share: a site that answers what a test wants, and C's types made short.

#![allow(dead_code, reason = "each test binary uses another part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

pub mod fake_site;

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};
use std::time::Duration;

use fake_site::FakeSite;
use serde_json::Value;
use shotgrid::client::Status;
use shotgrid::ffi::*;

/// No wait in these tests is longer.
pub const LONG: Duration = Duration::from_secs(20);

/// What a [`Site`] does with a request.
pub enum Answer {
    /// This JSON as the call's results.
    Results(String),
    /// This JSON as the whole reply.
    Reply(String),
    /// An HTTP status, a content type and a body.
    Http(u16, &'static str, String),
    /// Drop the connection.
    Drop,
    /// Say nothing until the client hangs up.
    Stall,
}

/// A site on this machine that asks the test what to answer.
pub struct Site(FakeSite);

impl Site {
    /// A site that asks `answer`, giving it the wire method and the call's parameters without the credentials.
    pub fn new(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Site {
        Site(FakeSite::bare(move |request| {
            match answer(&request.wire_method(), &request.params()) {
                Answer::Results(results) => fake_site::Answer::Json(format!("{{\"results\":{results}}}")),
                Answer::Reply(reply) => fake_site::Answer::Json(reply),
                Answer::Http(status, kind, text) => {
                    fake_site::Answer::Http(status, vec![("content-type", kind.to_owned())], text.into_bytes())
                }
                Answer::Drop => fake_site::Answer::Close,
                Answer::Stall => fake_site::Answer::Stall(LONG),
            }
        }))
    }

    /// A site that gives this JSON as the results of every call.
    pub fn giving(results: &str) -> Site {
        let results = results.to_owned();
        Site::new(move |_, _| Answer::Results(results.clone()))
    }

    pub fn url(&self) -> CString {
        c(&self.0.url)
    }

    /// How many requests came in.
    pub fn requests(&self) -> usize {
        self.0.requests().len()
    }
}

/// Text as C writes it.
pub fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Text as C reads it; `None` for NULL.
pub fn maybe(text: *const c_char) -> Option<&'static str> {
    if text.is_null() {
        None
    } else {
        Some(unsafe { CStr::from_ptr(text) }.to_str().unwrap())
    }
}

/// Text as C reads it.
pub fn read(text: *const c_char) -> &'static str {
    maybe(text).expect("NULL where a text was expected")
}

/// This thread's last message.
pub fn message() -> String {
    read(sg_last_error()).to_owned()
}

/// Asserts that a call came to `status`, with all of `parts` in its message.
#[track_caller]
pub fn fails(got: Status, status: Status, parts: &[&str]) {
    let message = message();
    assert_eq!(got, status, "{message}");
    assert_eq!(sg_last_error_status(), status);
    for part in parts {
        assert!(message.contains(part), "\"{part}\" is not in \"{message}\"");
    }
}

/// Asserts that a call succeeded and left no error.
#[track_caller]
pub fn good(got: Status) {
    assert_eq!(got, Status::Ok, "{}", message());
    assert_eq!(message(), "");
    assert_eq!(sg_last_error_status(), Status::Ok);
}

/// A client that sends nothing while it connects.
pub fn client(site: &Site) -> *mut sg_client {
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        good(sg_options_set_no_proxy(options, 1));
        good(sg_options_set_timeout_ms(options, u32::try_from(LONG.as_millis()).unwrap()));
        let status = sg_connect_script(site.url().as_ptr(), c"tests".as_ptr(), c"key".as_ptr(), options, &mut client);
        good(status);
        sg_options_free(options);
    }
    assert!(!client.is_null());
    client
}

/// What a wire method answers.
pub fn raw(client: *const sg_client, method: &str, params: Option<&str>) -> *mut sg_result {
    let (method, params) = (c(method), params.map(c));
    let mut result = null_mut();
    good(unsafe {
        sg_call_raw(
            client,
            method.as_ptr(),
            params.as_ref().map_or(null(), |text| text.as_ptr()),
            &mut result,
        )
    });
    assert!(!result.is_null());
    result
}

/// A result with this JSON in it.
pub fn result(json: &str) -> *mut sg_result {
    let site = Site::giving(json);
    let client = client(&site);
    let result = raw(client, "read", None);
    unsafe { sg_client_free(client) };
    result
}
