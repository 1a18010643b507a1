//! Signing in by the browser: a program asks, a person decides, the program collects.

use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::{AppSessionRequest, Sandbox};

use crate::client::{Client, id_of, is, site};

/// Status and JSON of an answer.
type Answer = (u16, Value);

fn answer(reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut reply = reply.unwrap();
    let kind = reply.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/json"), "{kind}");
    let body = reply.body_mut().read_to_string().unwrap();
    (reply.status().as_u16(), serde_json::from_str(&body).unwrap())
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn post(site: &Sandbox, form: &str) -> Answer {
    let url = format!("{}/internal_api/app_session_request", site.url());
    answer(agent().post(url).content_type("application/x-www-form-urlencoded").send(form))
}

fn put(site: &Sandbox, id: &str) -> Answer {
    answer(
        agent()
            .put(format!("{}/internal_api/app_session_request/{id}", site.url()))
            .send_empty(),
    )
}

/// A request of a program, and its id.
fn asked(site: &Sandbox) -> String {
    let (status, reply) = post(site, "appName=Paint+2&machineId=box-%C3%A9");
    assert_eq!(status, 200, "{reply}");
    reply["sessionRequestId"].as_str().unwrap().to_owned()
}

fn gone() -> Answer {
    (404, json!({"error": "There is no such request for a session."}))
}

fn waiting() -> Answer {
    (200, json!({"approved": false}))
}

fn announced(site: &Sandbox) -> Value {
    let reply = Client::admin(site).send_bare("info", &json!([]));
    reply["authentication_app_session_launcher_enabled"].clone()
}

#[test]
fn a_program_is_given_a_session_once_after_the_person_approved() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    assert_eq!(announced(&site), true);
    let (status, reply) = post(&site, "appName=Paint+2&machineId=box-%C3%A9");
    assert_eq!(status, 200);
    let id = reply["sessionRequestId"].as_str().unwrap().to_owned();
    assert_eq!(reply["url"], format!("{}/app_session_request/{id}", site.url()));
    assert_eq!(put(&site, &id), waiting());
    let open = site.app_session_requests();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].app_name.as_str(), open[0].machine_id.as_str()), ("Paint 2", "box-é"));
    assert!(!open[0].approved && open[0].age < Duration::from_secs(60));
    site.approve_app_session(&id, "artist").unwrap();
    assert!(site.app_session_request(&id).is_some_and(|request| request.approved));
    let (status, reply) = put(&site, &id);
    assert_eq!(status, 200);
    assert_eq!((&reply["approved"], &reply["userLogin"]), (&json!(true), &json!("artist")));
    let session = Client::new(
        site.url(),
        json!({"session_token": reply["sessionToken"], "reject_if_expired": true}),
    );
    assert_eq!(session.ids("Project", json!([])).unwrap(), [1]);
    let events = admin.events_after(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_type"], "Shotgun_User_Login");
    // Handed out once.
    assert_eq!(put(&site, &id), gone());
    assert_eq!(site.app_session_requests(), []);
}

#[test]
fn two_programs_that_ask_at_once_get_one_session_between_them() {
    let site = site();
    for _ in 0..5 {
        let id = asked(&site);
        site.approve_app_session(&id, "artist").unwrap();
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(|| put(&site, &id))).collect();
            asking.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == gone()).count(), 3, "{answers:?}");
    }
}

#[test]
fn requests_that_were_rejected_or_never_made_are_gone() {
    let site = site();
    let (rejected, other) = (asked(&site), asked(&site));
    site.reject_app_session(&rejected).unwrap();
    assert_eq!(put(&site, &rejected), gone());
    assert_eq!(put(&site, "0123456789abcdef"), gone());
    assert_eq!(put(&site, &other), waiting());
    let error = site.approve_app_session(&rejected, "artist").unwrap_err().to_string();
    assert!(error.contains("no such request"), "{error}");
    assert!(site.reject_app_session(&rejected).is_err());
}

#[test]
fn a_request_is_decided_once_and_only_by_who_may_sign_in() {
    let site = site();
    let id = asked(&site);
    for nobody in ["nobody", "gone"] {
        let error = site.approve_app_session(&id, nobody).unwrap_err().to_string();
        assert!(error.contains(nobody), "{error}");
    }
    assert_eq!(put(&site, &id), waiting());
    site.approve_app_session(&id, "artist").unwrap();
    assert!(site.approve_app_session(&id, "admin").is_err());
    assert!(site.reject_app_session(&id).is_err());
    assert_eq!(put(&site, &id).1["userLogin"], "artist");
}

#[test]
fn whoever_is_deactivated_after_approving_gets_no_session() {
    let site = site();
    let id = asked(&site);
    site.approve_app_session(&id, "artist").unwrap();
    let admin = Client::admin(&site);
    let artist = admin
        .find("HumanUser", json!([is("login", json!("artist"))]), json!(["id"]))
        .unwrap();
    admin
        .update("HumanUser", id_of(&artist[0]), json!({"sg_status_list": "dis"}))
        .unwrap();
    assert_eq!(put(&site, &id), gone());
}

#[test]
fn requests_grow_too_old() {
    let site = Sandbox::builder().app_session_lifetime(Duration::from_millis(300)).start().unwrap();
    let (waits, approved) = (asked(&site), asked(&site));
    site.approve_app_session(&approved, "artist").unwrap();
    assert_eq!(put(&site, &waits), waiting());
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(put(&site, &waits), gone());
    assert_eq!(put(&site, &approved), gone());
    assert!(site.approve_app_session(&waits, "artist").is_err());
}

#[test]
fn a_site_without_the_feature_says_so() {
    let site = Sandbox::builder().app_session_launcher(false).start().unwrap();
    assert_eq!(announced(&site), false);
    let off = (403, json!({"error": "This site offers no sign-in by the browser."}));
    assert_eq!(post(&site, "appName=Paint&machineId=box"), off);
    site.set_app_session_launcher(true).unwrap();
    assert_eq!(announced(&site), true);
    let id = asked(&site);
    site.set_app_session_launcher(false).unwrap();
    assert_eq!(put(&site, &id), gone());
    assert_eq!(post(&site, "appName=Paint&machineId=box"), off);
}

#[test]
fn a_request_names_its_program_and_machine() {
    let site = site();
    let long = "x".repeat(201);
    for (form, what) in [
        (String::new(), "appName"),
        ("appName=Paint".to_owned(), "machineId"),
        ("appName=&machineId=box".to_owned(), "appName"),
        (format!("appName={long}&machineId=box"), "200 characters"),
        (format!("appName=Paint&machineId={long}"), "200 characters"),
        ("appName=%FF&machineId=box".to_owned(), "UTF-8"),
    ] {
        let (status, reply) = post(&site, &form);
        assert_eq!(status, 400, "{form}");
        assert!(reply["error"].as_str().unwrap().contains(what), "{reply}");
    }
    assert_eq!(site.app_session_requests(), []);
}

#[test]
fn a_program_gone_wild_is_held_up_and_nobody_else_for_long() {
    let site = Sandbox::builder().app_session_lifetime(Duration::from_secs(3)).start().unwrap();
    let mut ids: Vec<String> = Vec::new();
    loop {
        let (status, reply) = post(&site, "appName=Wild&machineId=box");
        if status != 200 {
            assert_eq!(status, 429, "{reply}");
            break;
        }
        ids.push(reply["sessionRequestId"].as_str().unwrap().to_owned());
        assert!(ids.len() <= 256);
    }
    let rejected = ids.len() - 1;
    // A decision makes room for another; so does time.
    site.reject_app_session(&ids[rejected]).unwrap();
    asked(&site);
    assert_eq!(post(&site, "appName=Wild&machineId=box").0, 429);
    std::thread::sleep(Duration::from_millis(3100));
    asked(&site);
    ids.sort();
    ids.dedup();
    assert!(ids.len() == rejected + 1 && ids.iter().all(|id| id.len() == 64));
}

#[test]
fn debug_output_tells_no_id() {
    let site = site();
    let id = asked(&site);
    let open: Vec<AppSessionRequest> = site.app_session_requests();
    let shown = format!("{open:?} {site:?}");
    assert!(shown.contains("Paint 2") && !shown.contains(&id), "{shown}");
}
