//! The library's own face.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::client::{Client, site};

#[test]
fn requests_can_be_looked_at_without_their_secrets() {
    let site = site();
    let admin = Client::admin(&site);
    let session = Client::person(&site, "artist").call("get_session_token", json!(null)).unwrap();
    let token = session["session_id"].as_str().unwrap().to_owned();
    let client = Client::new(site.url(), json!({"session_token": token}));
    client.ids("Shot", json!([])).unwrap();
    admin.update("HumanUser", 3, json!({"password_proxy": "new-secret-1"})).unwrap();
    assert!(admin.ids("Blob", json!([])).is_err());
    let requests = site.requests();
    assert_eq!(site.request_count(), 4);
    let methods: Vec<&str> = requests.iter().map(|request| request.method_name.as_str()).collect();
    assert_eq!(methods, ["get_session_token", "read", "update", "read"]);
    assert_eq!(requests.iter().map(|request| request.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let everything = format!("{requests:?}");
    for secret in [site.script().api_key.as_str(), "artist-pass-1", &token, "new-secret-1"] {
        assert!(!everything.contains(secret));
    }
    assert!(requests[0].params.contains("\"user_login\":\"artist\""));
    assert!(requests[3].params.contains("pipeline_admin"));
    assert_eq!(
        (requests[3].error_code, requests[3].error_message.as_deref()),
        (Some(103), Some("Entity type 'Blob' does not exist."))
    );
    assert_eq!(requests[1].error_code, None);
    let who: Vec<&str> = requests.iter().map(|request| request.who.as_str()).collect();
    assert_eq!(who, ["artist", "artist", "pipeline_admin", "pipeline_admin"]);
}

#[test]
fn debug_output_tells_no_secret() {
    let site = site();
    let shown = format!(
        "{site:?} {:?} {:?} {:?}",
        site.scripts(),
        site.people(),
        Sandbox::builder().seed_str("{\"password\": \"artist-pass-1\"}")
    );
    assert!(shown.contains(site.url()) && shown.contains("pipeline_admin"));
    assert!(!shown.contains(&site.script().api_key) && !shown.contains("artist-pass-1"));
}

#[test]
fn a_dropped_site_is_gone_at_once() {
    let site = site();
    let address = site.url().trim_start_matches("http://").to_owned();
    // A connection that is idle does not hold it up.
    let _idle = TcpStream::connect(&address).unwrap();
    Client::admin(&site).ids("Shot", json!([])).unwrap();
    let started = Instant::now();
    drop(site);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn half_a_request_does_not_hold_up_the_end() {
    let site = site();
    let mut stream = TcpStream::connect(site.url().trim_start_matches("http://")).unwrap();
    stream
        .write_all(b"POST /api3/json HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    drop(site);
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[test]
fn it_can_be_dropped_inside_a_runtime_of_the_test() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        drop(Sandbox::builder().start().unwrap());
    });
}

#[test]
fn addresses_that_can_not_be_listened_on() {
    let start = |address: &str| Sandbox::builder().listen(address).start().unwrap_err().to_string();
    assert!(start("localhost").starts_with("'localhost' is no address to listen on"));
    assert!(start("0.0.0.0:0").contains("can be reached by other machines"));
    let site = site();
    let taken = site.url().trim_start_matches("http://").to_owned();
    assert!(start(&taken).starts_with(&format!("can't listen on {taken}: ")));
    assert!(Sandbox::builder().listen("0.0.0.0:0").allow_remote(true).start().is_ok());
}

#[test]
fn two_sites_know_nothing_of_each_other() {
    let (one, two) = (site(), site());
    Client::admin(&one).new_shot("ONLY_HERE");
    assert_eq!(Client::admin(&two).ids("Shot", json!([])).unwrap().len(), 36);
}

#[test]
fn a_missing_seed_file_is_told() {
    let message = Sandbox::builder().seed_file("/no/such/seed.json").start().unwrap_err().to_string();
    assert!(message.starts_with("seed file /no/such/seed.json: "), "{message}");
}
