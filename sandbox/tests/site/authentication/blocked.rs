//! Clients that may not use the API.

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use crate::client::site;

/// Status, type and text of an answer to a client.
fn asked(site: &Sandbox, agent: &str, method: &str, path: &str) -> (u16, String, String) {
    let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", site.url()))
        .header("user-agent", agent)
        .body(json!({"method_name": "info", "params": []}).to_string())
        .unwrap();
    let mut reply = client.run(request).unwrap();
    let kind = reply
        .headers()
        .get("content-type")
        .map_or("", |kind| kind.to_str().unwrap())
        .to_owned();
    (
        reply.status().as_u16(),
        kind,
        String::from_utf8_lossy(&reply.body_mut().read_to_vec().unwrap()).into_owned(),
    )
}

fn is_blocked(site: &Sandbox, agent: &str) -> bool {
    let (status, kind, text) = asked(site, agent, "POST", "/api3/json");
    if status == 200 {
        return false;
    }
    assert_eq!((status, kind.as_str()), (403, "text/html; charset=utf-8"));
    assert!(text.contains("API access blocked"), "{text}");
    true
}

#[test]
fn a_site_can_block_its_whole_api() {
    let site = Sandbox::builder().block_api(true).start().unwrap();
    assert!(is_blocked(&site, "shotgun-json (3.10.3)") && is_blocked(&site, ""));
    for (method, path) in [
        ("POST", "/upload/upload_file"),
        ("POST", "/upload/api_get_upload_link_info"),
        ("POST", "/internal_api/app_session_request"),
        ("PUT", "/internal_api/app_session_request/0123"),
    ] {
        assert_eq!(asked(&site, "x", method, path).0, 403, "{path}");
    }
    // What browsers get is not the API.
    assert_ne!(asked(&site, "x", "GET", "/images/status/transient/thumbnail_pending.png").0, 403);
    site.set_block_api(false).unwrap();
    assert!(!is_blocked(&site, "shotgun-json (3.10.3)"));
    site.set_block_api(true).unwrap();
    assert!(is_blocked(&site, "shotgun-json (3.10.3)"));
}

#[test]
fn a_site_can_block_single_clients() {
    let site = Sandbox::builder()
        .block_user_agent("BadTool/1")
        .block_user_agent("python-urllib")
        .start()
        .unwrap();
    for agent in [
        "shotgun-json (3.10.3); Python 3.11 (Linux); BadTool/1.2",
        "badtool/1",
        "Python-urllib/3.11",
    ] {
        assert!(is_blocked(&site, agent), "{agent}");
    }
    for agent in ["shotgun-json (3.10.3); Python 3.11 (Linux)", "BadTool/2", ""] {
        assert!(!is_blocked(&site, agent), "{agent}");
    }
    site.set_blocked_user_agents(&["BadTool/2"]).unwrap();
    assert!(is_blocked(&site, "BadTool/2") && !is_blocked(&site, "BadTool/1"));
    assert!(site.set_blocked_user_agents(&["fine", " "]).is_err());
    assert!(is_blocked(&site, "BadTool/2"));
    site.set_blocked_user_agents(&[]).unwrap();
    assert!(!is_blocked(&site, "BadTool/2"));
}

#[test]
fn nobody_is_blocked_unasked() {
    assert!(!is_blocked(&site(), ""));
}
