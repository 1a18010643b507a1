//! Nothing that proves who somebody is stays in the memory of the process once it was freed.
//!
//! A site in this process hands out secrets and expects some; a child, the same program, signs in, works, frees everything, and
//! looks through its own memory. It knows the secrets veiled alone.

#![cfg(target_os = "linux")]
#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

#[path = "support/memory.rs"]
mod memory;
#[path = "reliability/rows.rs"]
mod rows;
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::collections::HashMap;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, Write};
use std::process::{Command, Stdio};
use std::ptr::{null, null_mut};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memory::{Needle, scan};
use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::fake_site::{Answer, FakeSite, INFO, Request};
use support::{c, good};

const CHILD: &str = "SHOTGRID_TEST_SECRETS_CHILD";

/// The secrets of one run, by name.
struct Secrets(HashMap<&'static str, String>);

impl Secrets {
    fn new() -> Secrets {
        let random = || format!("{:016x}{:016x}", RandomState::new().hash_one(1), RandomState::new().hash_one(2));
        let names = [
            "key",
            "password",
            "refused-password",
            "second-factor",
            "first-token",
            "second-token",
            "upload-signature",
            "download-signature",
            "proxy-password",
            "address-password",
        ];
        let mut all: HashMap<_, _> = names.into_iter().map(|name| (name, random())).collect();
        for (encoded, plain) in [("proxy-basic", "proxy-password"), ("address-basic", "address-password")] {
            let text = STANDARD.encode(format!("joe:{}", all[plain]));
            all.insert(encoded, text);
        }
        Secrets(all)
    }

    fn needles(&self) -> Vec<Needle> {
        self.0.iter().map(|(name, clear)| Needle::new(name, clear)).collect()
    }

    fn answer(&self, request: &Request, base: &str) -> Answer {
        let text = |text: String| Answer::Http(200, vec![("content-type", "text/plain".into())], text.into_bytes());
        let target = request.target();
        if let Some(redirected) = target.strip_prefix("GET /file_serve/attachment/9") {
            assert!(redirected.is_empty() && request.header("cookie").is_some());
            let to = format!("{base}/get?signature={}", self.0["download-signature"]);
            return Answer::Http(302, vec![("location", to)], Vec::new());
        }
        match target.as_str() {
            "POST /upload/api_get_upload_link_info" => {
                return text(format!(
                    "1\n{base}/put?signature={}\n2024-01-02T03:04:05Z\nAttachment\nID\n",
                    self.0["upload-signature"]
                ));
            }
            "POST /upload/api_link_file" => return text("1:9\n".into()),
            target if target.starts_with("PUT /put") => return Answer::Http(200, vec![("etag", "\"stored\"".to_owned())], Vec::new()),
            target if target.starts_with("GET /get") => return text("stored".into()),
            // Through the proxy.
            target if target.starts_with("POST http://") => return Answer::json(INFO),
            _ => {}
        }
        let auth = request.auth();
        let given = |name: &str| auth[name].as_str().unwrap_or_default().to_owned();
        match request.wire_method().as_str() {
            "info" => Answer::json(r#"{"version":[8,60,0],"s3_direct_uploads_enabled":true,"s3_enabled_upload_types":{"*":"*"}}"#),
            "get_session_token" => {
                if given("user_password") == self.0["refused-password"] {
                    return Answer::fault(102, &format!("Can't authenticate user 'anna' with {}.", given("user_password")));
                }
                let token = if given("auth_token") == self.0["second-factor"] || given("script_key") == self.0["key"] {
                    "first-token"
                } else {
                    "second-token"
                };
                Answer::json(format!(r#"{{"results":{{"session_id":"{}"}}}}"#, self.0[token]))
            }
            "read" if given("session_token") == self.0["first-token"] => {
                Answer::fault(102, &format!("Can't authenticate session token {}", given("session_token")))
            }
            _ => Answer::json(r#"{"results":{"entities":[{"type":"Shot","id":1,"code":"x"}],"paging_info":{"has_next_page":false}}}"#),
        }
    }
}

/// Runs the child against a site, and gives how often it found each secret: alive, and afterwards.
fn in_a_child(secure: bool) {
    let secrets = Arc::new(Secrets::new());
    let (site, front);
    let known = Arc::clone(&secrets);
    let authority = tls::Authority::new("memory");
    let base = if secure {
        let (told, listens) = std::sync::mpsc::channel::<String>();
        let base: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let listens = std::sync::Mutex::new(listens);
        site = FakeSite::bare(move |request| known.answer(request, base.get_or_init(|| listens.lock().unwrap().recv().unwrap())));
        front = Some(authority.front("localhost", &site.url));
        let base = front.as_ref().unwrap().url();
        told.send(base.clone()).unwrap();
        base
    } else {
        front = None;
        site = FakeSite::bare(move |request| {
            let base = format!("http://{}", request.header("host").unwrap());
            known.answer(request, &base)
        });
        site.url.clone()
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = format!("{base}\n{}\n{}\n", site.url, authority.file.display());
    secrets.needles().iter().for_each(|needle| told.push_str(&needle.to_line()));
    child.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    let ended = child.wait().unwrap();
    drop(front);
    assert!(ended.success(), "the child said above what it found");
}

#[test]
fn no_secret_is_left_in_memory() {
    in_a_child(false);
    in_a_child(true);
    let mut names: Vec<_> = Secrets::new().0.into_keys().collect();
    names.sort();
    // What was left would have failed the test.
    let row = |name: &str| vec![name.replace('-', " "), "0".to_owned(), "0".to_owned()];
    rows::write(
        "60-secrets-in-memory",
        "Secrets in memory",
        "A script and a person sign in, by a proxy and by an address with a password too; they call, renew a session, are refused, send a file to a signed address and \
         fetch one from another. Then everything is freed, and the process looks through all memory that it can write to. While they were in use it found them.",
        &["Secret", "Copies left, over HTTP", "Copies left, over TLS"],
        &names.into_iter().map(row).collect::<Vec<_>>(),
    );
}

/// What the child does; nothing when it is not asked to.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut lines = std::io::stdin().lock().lines().map(Result::unwrap);
    let mut next = || lines.next().unwrap();
    let (base, proxy, ca) = (next(), next(), next());
    let needles: Vec<Needle> = lines.map(|line| Needle::from_line(&line)).collect();
    assert_eq!(needles.len(), 12);
    let needle = |name: &str| needles.iter().find(|needle| needle.name == name).unwrap().clone();

    // The search finds what is there, and not what is gone.
    let planted = needle("key").clear();
    let count = |name: &str| scan(&[needle(name)]).len();
    assert!(count("key") >= 1, "the search does not find a planted copy");
    drop(planted);
    assert_eq!(count("key"), 0, "the search finds itself");

    let alive = work(&base, &proxy, &ca, &needle, &|| scan(&needles));
    for name in ["key", "password", "second-token", "proxy-password", "address-basic"] {
        assert!(
            alive.iter().any(|found| found.name == name),
            "{name} was not found while it was in use"
        );
    }
    good(sg_runtime_shutdown(20_000));
    let left = scan(&needles);
    for found in &left {
        println!("left: {} at {}", found.name, found.place);
    }
    assert!(left.is_empty(), "{} copies are left", left.len());
}

/// Text with a secret in it, in memory that is wiped.
fn with_secret(before: &str, secret: &Needle, behind: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let clear = secret.clear();
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(before.len() + clear.len() + behind.len()));
    text.extend_from_slice(before.as_bytes());
    text.extend_from_slice(&clear[..clear.len() - 1]);
    text.extend_from_slice(behind.as_bytes());
    text.push(0);
    text
}

/// Signs in in every way, is refused, renews, sends and fetches a file, and frees everything. Gives what was found before the frees.
fn work(base: &str, proxy: &str, ca: &str, needle: &dyn Fn(&str) -> Needle, look: &dyn Fn() -> Vec<memory::Found>) -> Vec<memory::Found> {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("libshotgrid-{}-secrets.txt", std::process::id()));
    std::fs::write(&file, "content").unwrap();
    let site = c(base);
    let (mut script, mut person, mut through, mut with_address, mut nobody) = (null_mut(), null_mut(), null_mut(), null_mut(), null_mut());
    let alive;
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_ca_file(options, c(ca).as_ptr()));
        good(sg_options_set_max_attempts(options, 1));
        let key = needle("key").clear();
        good(sg_connect_script(
            site.as_ptr(),
            c("robot").as_ptr(),
            key.as_ptr().cast(),
            options,
            &mut script,
        ));
        call(script, "find", r#"["Shot",[],["code"]]"#);
        call(
            script,
            "upload",
            &format!(r#"["Version",1,"{}","sg_uploaded_movie"]"#, file.display()),
        );
        call(script, "download_attachment", "[9]");
        call(script, "get_attachment_download_url", "[9]");

        let other = sg_options_new();
        good(sg_options_set_ca_file(other, c(ca).as_ptr()));
        good(sg_options_set_auth_token(other, needle("second-factor").clear().as_ptr().cast()));
        let login = c("anna");
        let password = needle("password").clear();
        good(sg_connect_user(
            site.as_ptr(),
            login.as_ptr(),
            password.as_ptr().cast(),
            other,
            &mut person,
        ));
        // The first token has ended, and is renewed.
        call(person, "find", r#"["Shot",[],["code"]]"#);
        call(person, "get_session_token", "[]");
        let refused = needle("refused-password").clear();
        let status = sg_connect_user(site.as_ptr(), login.as_ptr(), refused.as_ptr().cast(), options, &mut nobody);
        assert_eq!(status, Status::AuthCredentials, "{}", support::message());
        let params = with_secret(r#"["anna",""#, &needle("password"), r#""]"#);
        let mut result = null_mut();
        good(sg_call(
            script,
            c("authenticate_human_user").as_ptr(),
            params.as_ptr().cast(),
            &mut result,
        ));
        sg_result_free(result);
        sg_options_free(other);

        let address = proxy.strip_prefix("http://").unwrap();
        let given = with_secret("joe:", &needle("proxy-password"), &format!("@{address}"));
        good(sg_options_set_proxy(options, given.as_ptr().cast()));
        good(sg_options_set_allow_insecure_http(options, 1));
        let elsewhere = c("http://site.invalid");
        good(sg_connect_script(
            elsewhere.as_ptr(),
            c("robot").as_ptr(),
            key.as_ptr().cast(),
            options,
            &mut through,
        ));
        good(sg_options_set_proxy(options, null()));
        let (scheme, rest) = base.split_once("://").unwrap();
        let address = with_secret(&format!("{scheme}://joe:"), &needle("address-password"), &format!("@{rest}"));
        good(sg_connect_script(
            address.as_ptr().cast(),
            c("robot").as_ptr(),
            key.as_ptr().cast(),
            options,
            &mut with_address,
        ));
        sg_options_free(options);

        drop((key, password, refused, params, given, address));
        alive = look();
        for client in [script, person, through, with_address, nobody] {
            sg_client_free(client);
        }
    }
    std::fs::remove_file(&file).unwrap();
    alive
}

fn call(client: *const sg_client, method: &str, params: &str) {
    let (method, params): (CString, CString) = (c(method), c(params));
    let mut result = null_mut();
    unsafe {
        good(sg_call(client, method.as_ptr(), params.as_ptr(), &mut result));
        sg_result_free(result);
    }
}
