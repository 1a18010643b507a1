//! The site that the sequences talk to: one for the whole process, well-behaved but for the requests that a sequence names.

use std::ffi::CString;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fake_site::{Answer, FakeSite, INFO, Request};
use crate::input::Input;

/// What the next requests are answered with, and then how all are.
#[derive(Default)]
struct Mood {
    mishaps: Vec<Answer>,
    /// A mishap that repeats what it was sent, credentials and all.
    echo: bool,
    results: Option<String>,
}

static MOOD: LazyLock<Mutex<Mood>> = LazyLock::new(Mutex::default);
static SITE: LazyLock<FakeSite> = LazyLock::new(|| FakeSite::forgetful(answer));

const ROWS: &str =
    r#"{"entities":[{"type":"Shot","id":1,"code":"a &lt; b"},{"type":"Shot","id":2,"code":null}],"paging_info":{"has_next_page":false}}"#;
const REFUSAL: &str = "API update() CRUD ERROR #4: The field is not editable for this user: [Shot.code]. Rule: Artist -- PermissionRule 9: \
                       DENY update_field FOR entity_type => Shot";

/// The port on this machine.
pub(super) fn port() -> &'static str {
    SITE.url.rsplit(':').next().expect("an address has a port")
}

/// The site's address.
pub(super) fn url() -> CString {
    CString::new(SITE.url.as_str()).expect("no NUL in it")
}

/// It behaves again.
pub(super) fn behave() {
    *mood() = Mood::default();
}

/// Decides how the next one or two requests are answered, or what all calls give. Never more: every call must come to its end.
pub(super) fn change(input: &mut Input<'_>) {
    let json = |body: Vec<u8>| Answer::Http(200, vec![("content-type", "application/json".to_owned())], body);
    let late = Duration::from_millis(20);
    let answer = match input.below(16) {
        0 => Answer::Close,
        1 => Answer::Stall(late),
        2 => Answer::Late(late, Box::new(Answer::json(INFO))),
        3 => Answer::AndClose(Box::new(Answer::json(r#"{"results":{}}"#))),
        4 => Answer::status(503),
        5 => Answer::Http(429, vec![("retry-after", "0".to_owned())], Vec::new()),
        6 => Answer::Http(200, vec![("content-type", "text/html".to_owned())], b"<html>".to_vec()),
        7 => Answer::Http(302, vec![("location", "/saml/saml_login_request".to_owned())], Vec::new()),
        8 => json(Vec::new()),
        9 => Answer::fault(104, REFUSAL),
        10 => Answer::fault(102, "Can't authenticate session token ending with 'x'"),
        11 => Answer::fault(i64::from(input.byte()), &String::from_utf8_lossy(input.bytes())),
        12 => Answer::Raw(input.bytes().to_vec()),
        13 => json(input.bytes().to_vec()),
        14 => {
            mood().echo = true;
            return;
        }
        _ => {
            mood().results = Some(String::from_utf8_lossy(input.bytes()).into_owned());
            return;
        }
    };
    let times = 1 + input.below(2);
    mood().mishaps = vec![answer; times];
}

fn mood() -> MutexGuard<'static, Mood> {
    MOOD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(request: &Request) -> Answer {
    let mut mood = mood();
    if let Some(mishap) = mood.mishaps.pop() {
        return mishap;
    }
    if std::mem::take(&mut mood.echo) {
        return Answer::fault(104, &request.body);
    }
    match (request.target().as_str(), request.wire_method().as_str()) {
        ("POST /api3/json", "info") => Answer::json(INFO),
        ("POST /api3/json", "get_session_token") => Answer::json(r#"{"session_id":"FUZZ-SECRET-SESSION"}"#),
        ("POST /api3/json", method) => match (&mood.results, method) {
            (Some(results), _) => Answer::json(format!(r#"{{"results":{results}}}"#)),
            (None, "read") => Answer::json(format!(r#"{{"results":{ROWS}}}"#)),
            (None, _) => Answer::json(r#"{"results":{"type":"Shot","id":1,"status":"success"}}"#),
        },
        (target, _) if target.starts_with("POST /upload/") => Answer::Http(200, Vec::new(), b"1:12".to_vec()),
        _ => Answer::Http(200, Vec::new(), b"the content of a file".to_vec()),
    }
}
