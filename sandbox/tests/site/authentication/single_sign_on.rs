//! A site with single sign-on (SAML).

use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::{Sandbox, SignInMethod};

use super::{person, session, sign_in_events, token};
use crate::client::{Client, Refusal, site};

fn sso_site() -> Sandbox {
    Sandbox::builder().sign_in_method(SignInMethod::Saml).start().unwrap()
}

fn signed_on(site: &Sandbox) -> String {
    let artist = site.person("artist").unwrap();
    site.sign_in_by_browser(&artist.login, &artist.password, None).unwrap()
}

fn no_password(login: &str) -> Refusal {
    Refusal {
        code: 108,
        message: format!("This site signs people in by single sign-on: the API takes no password of the user '{login}'."),
    }
}

/// Status and target of an answer that is none.
fn redirect(site: &Sandbox, request: ureq::http::request::Builder, body: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let reply = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let place = reply.headers().get("location").map_or("", |place| place.to_str().unwrap());
    (reply.status().as_u16(), place.strip_prefix(site.url()).unwrap_or(place).to_owned())
}

fn to(site: &Sandbox, method: &str, path: &str) -> ureq::http::request::Builder {
    ureq::http::Request::builder().method(method).uri(format!("{}{path}", site.url()))
}

fn read_with(site: &Sandbox, token: &str) -> (u16, String) {
    let body = json!({"method_name": "read", "params": [{"session_token": token, "reject_if_expired": true}, {
        "type": "Project", "return_fields": ["id"], "filters": {"logical_operator": "and", "conditions": []},
        "paging": {"entities_per_page": 1, "current_page": 1},
    }]});
    redirect(site, to(site, "POST", "/api3/json"), &body.to_string())
}

const SIGN_ON_AGAIN: (u16, &str) = (302, "/saml/saml_login_request");

fn sign_on_again() -> (u16, String) {
    (SIGN_ON_AGAIN.0, SIGN_ON_AGAIN.1.to_owned())
}

fn fine() -> (u16, String) {
    (200, String::new())
}

#[test]
fn passwords_are_refused_and_nothing_is_held_against_anybody() {
    let site = sso_site();
    let info: Value = Client::admin(&site).send_bare("info", &json!([]));
    assert_eq!(info["user_authentication_method"], "saml2");
    let before = Client::admin(&site).last_event();
    for _ in 0..6 {
        assert_eq!(
            Client::login(&site, "artist", "wrong").ids("Project", json!([])),
            Err(no_password("artist"))
        );
    }
    assert_eq!(
        Client::person(&site, "artist").ids("Project", json!([])),
        Err(no_password("artist"))
    );
    assert_eq!(
        Client::login(&site, "nobody", "x").ids("Project", json!([])),
        Err(no_password("nobody"))
    );
    let asked = Client::person(&site, "artist").call("get_session_token", json!(null));
    assert_eq!(asked, Err(no_password("artist")));
    assert_eq!(sign_in_events(&site, before), Vec::<Value>::new());
}

#[test]
fn scripts_work_as_ever_also_for_people() {
    let site = sso_site();
    site.expire_claims().unwrap();
    let admin = Client::admin(&site);
    assert!(admin.ids("Project", json!([])).is_ok());
    let acting = admin.with("sudo_as_login", json!("artist"));
    assert_eq!(acting.ids("Project", json!([])).unwrap(), [1]);
    let token = token(&acting);
    site.expire_claims().unwrap();
    assert_eq!(session(&site, &token).ids("Project", json!([])).unwrap(), [1]);
}

#[test]
fn a_session_from_the_browser_works() {
    let site = sso_site();
    let before = Client::admin(&site).last_event();
    let token = signed_on(&site);
    assert_eq!(session(&site, &token).ids("Project", json!([])).unwrap(), [1]);
    assert_eq!(sign_in_events(&site, before), ["Shotgun_User_Login"]);
    assert!(site.sign_in_by_browser("artist", "wrong", None).is_err());
    assert_eq!(sign_in_events(&site, before).len(), 2);
}

#[test]
fn expired_claims_send_the_person_to_sign_on_again() {
    let site = sso_site();
    let (token, other) = (
        signed_on(&site),
        site.sign_in_by_browser("manager", "manager-pass-1", None).unwrap(),
    );
    assert_eq!(read_with(&site, &token), fine());
    site.expire_claims().unwrap();
    assert_eq!(read_with(&site, &token), sign_on_again());
    // The flag is about sessions, not about claims.
    let patient = json!({"method_name": "get_session_token", "params": [{"session_token": token}]}).to_string();
    assert_eq!(redirect(&site, to(&site, "POST", "/api3/json"), &patient), sign_on_again());
    // The way there exists, and leads to the page for signing in.
    let (status, page) = redirect(&site, to(&site, "GET", "/saml/saml_login_request"), "");
    assert_eq!((status, page.as_str()), (303, "/user/login"));
    // Uploads and downloads are sent the same way.
    let form = format!("entities=&session_token={token}");
    let upload = to(&site, "POST", "/upload/share_thumbnail").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(redirect(&site, upload, &form), sign_on_again());
    let download = to(&site, "GET", "/file_serve/attachment/1").header("cookie", format!("_session_id={token}"));
    assert_eq!(redirect(&site, download, ""), sign_on_again());
    // Signing on again makes all sessions of the person good, and nobody else's.
    signed_on(&site);
    assert_eq!(read_with(&site, &token), fine());
    assert_eq!(read_with(&site, &other), sign_on_again());
    let record = site
        .requests()
        .into_iter()
        .rev()
        .find(|record| record.error_message.is_some())
        .unwrap();
    assert!(record.error_message.unwrap().contains("claims") && record.error_code.is_none());
}

#[test]
fn claims_expire_by_themselves() {
    let site = Sandbox::builder()
        .sign_in_method(SignInMethod::Saml)
        .claims_lifetime(Duration::from_millis(300))
        .start()
        .unwrap();
    let token = signed_on(&site);
    assert_eq!(read_with(&site, &token), fine());
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(read_with(&site, &token), sign_on_again());
}

#[test]
fn a_session_that_is_over_is_over_whatever_its_claims() {
    let site = sso_site();
    let token = signed_on(&site);
    site.expire_claims().unwrap();
    Client::admin(&site)
        .update("HumanUser", person(&site, "artist"), json!({"sg_status_list": "dis"}))
        .unwrap();
    assert_eq!(session(&site, &token).ids("Project", json!([])).unwrap_err().code, 102);
}

#[test]
fn a_site_takes_up_single_sign_on_and_gives_it_up_while_it_runs() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    site.expire_claims().unwrap();
    assert_eq!(read_with(&site, &token), fine());
    assert_eq!(redirect(&site, to(&site, "GET", "/saml/saml_login_request"), "").0, 404);
    site.set_sign_in_method(SignInMethod::Saml).unwrap();
    assert_eq!(read_with(&site, &token), sign_on_again());
    assert_eq!(
        Client::person(&site, "artist").ids("Project", json!([])),
        Err(no_password("artist"))
    );
    site.set_sign_in_method(SignInMethod::Password).unwrap();
    assert_eq!(read_with(&site, &token), fine());
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_ok());
}
