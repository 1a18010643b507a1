//! Signing in and out in a browser, and what is asked of the forms that it sends.

use serde_json::{Value, json};
use shotgrid_sandbox::{Sandbox, SignInMethod};

use super::client::{Client, is, site};
use super::front_browser::Browser;

const SESSION: &str = "_session_id";

fn logins(site: &Sandbox, login: &str) -> Vec<Value> {
    let events = Client::admin(site).find("EventLogEntry", json!([]), json!(["event_type", "description"]));
    let events = events.unwrap().into_iter();
    events
        .filter(|event| event["description"].as_str().unwrap().contains(login))
        .map(|event| event["event_type"].clone())
        .collect()
}

#[test]
fn a_person_signs_in_and_out() {
    let site = site();
    let mut browser = Browser::new(&site);
    browser.get("/").is(200).has("Sign in").lacks("Sign out");
    let answer = browser.sign_in("artist", "artist-pass-1");
    answer.is(303);
    assert_eq!(answer.header("location"), "/");
    let cookie = answer.set_cookie(SESSION).unwrap();
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    browser.get("/").is(200).has("Aki Tanaka").has("Sign out");
    // Who is signed in needs no form.
    assert_eq!(browser.get("/user/login?back=/admin/scripts").header("location"), "/admin/scripts");

    let token = browser.cookies[SESSION].clone();
    let client = Client::new(site.url(), json!({"session_token": token}));
    assert!(client.ids("Project", json!([])).is_ok());
    let answer = browser.submit("/", "/user/logout", &[]);
    assert_eq!(
        (answer.is(303).header("location"), browser.cookies.get(SESSION)),
        ("/user/login", None)
    );
    browser.get("/").has("Sign in").lacks("Aki Tanaka");
    // The token is dead, not only forgotten.
    assert_eq!(client.ids("Project", json!([])).unwrap_err().code, 102);
    browser.cookies.insert(SESSION.to_owned(), token);
    browser.get("/").lacks("Aki Tanaka");
    assert_eq!(logins(&site, "(artist)"), ["Shotgun_User_Login", "Shotgun_User_Logout"]);
}

#[test]
fn the_cookie_is_for_https_alone_where_the_browser_came_by_it() {
    let site = site();
    let mut browser = Browser::new(&site);
    browser.headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
    let answer = browser.sign_in("artist", "artist-pass-1");
    assert!(answer.set_cookie(SESSION).unwrap().ends_with("; Secure"));
}

#[test]
fn what_was_typed_is_kept_except_the_password() {
    let site = site();
    let mut browser = Browser::new(&site);
    let answer = browser.sign_in("\"><script>alert(1)</script>", "my-wrong-password");
    answer.is(422).has("role=\"alert\"");
    answer.has("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"");
    answer.lacks("<script>alert").lacks("my-wrong-password");
    assert!(answer.set_cookie(SESSION).is_none());
    browser
        .sign_in("artist", "")
        .is(422)
        .has("Both the login and the password are needed.");
    browser.sign_in("gone", "gone-pass-1").is(422);
    // Five wrong passwords lock an account here as they do over the wire.
    for _ in 0..5 {
        browser.sign_in("vendor", "wrong").is(422);
    }
    browser.sign_in("vendor", "vendor-pass-1").is(422).has("locked");
}

#[test]
fn a_second_factor_is_asked_for_where_there_is_one() {
    let site = Sandbox::builder().two_factor(true).start().unwrap();
    let mut browser = Browser::new(&site);
    browser.get("/user/login").lacks("auth_token");
    let page = browser.sign_in("artist", "artist-pass-1");
    page.is(422)
        .has("name=\"auth_token\"")
        .has("value=\"artist\"")
        .lacks("artist-pass-1\"");
    assert!(!browser.cookies.contains_key(SESSION));
    let form = |code| [("login", "artist"), ("password", "artist-pass-1"), ("auth_token", code)];
    browser
        .submit("/user/login", "/user/login", &form("000000"))
        .is(422)
        .has("The code is not right");
    let code = site.two_factor_code("artist").unwrap();
    browser.submit("/user/login", "/user/login", &form(&code)).is(303);
    browser.get("/").has("Aki Tanaka");
    // A code is good once.
    Browser::new(&site).submit("/user/login", "/user/login", &form(&code)).is(422);
}

#[test]
fn the_page_stands_for_an_identity_provider_s() {
    for method in [SignInMethod::Saml, SignInMethod::Identity] {
        let site = Sandbox::builder().sign_in_method(method).start().unwrap();
        assert!(Client::person(&site, "artist").ids("Project", json!([])).is_err());
        Browser::signed_in(&site, "artist").get("/").has("Aki Tanaka");
    }
}

#[test]
fn one_comes_back_to_this_site_only() {
    let site = site();
    let mut browser = Browser::new(&site);
    let answer = browser.get("/admin/events?type=Shotgun_Shot_New&page=1");
    let login = answer.is(303).header("location").to_owned();
    assert_eq!(login, "/user/login?back=%2Fadmin%2Fevents%3Ftype%3DShotgun_Shot_New%26page%3D1");
    browser
        .get(&login)
        .has("name=\"back\" value=\"/admin/events?type=Shotgun_Shot_New&amp;page=1\"");
    let form = |back| [("login", "admin"), ("password", "admin-pass-1"), ("back", back)];
    let back = "/admin/events?type=Shotgun_Shot_New&page=1";
    let answer = browser.submit(&login, "/user/login", &form(back));
    assert_eq!(answer.is(303).header("location"), back);
    for back in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
    ] {
        let mut browser = Browser::new(&site);
        let shown = browser.get(&format!("/user/login?back={}", back.replace('\t', "%09").replace('\\', "%5C")));
        shown.is(200).has("name=\"back\" value=\"/\"").lacks("evil.example");
        let answer = browser.submit("/user/login", "/user/login", &form(back));
        assert_eq!(answer.is(303).header("location"), "/", "{back}");
    }
}

#[test]
fn forms_that_other_sites_send_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let scripts = || admin.ids("ApiUser", json!([])).unwrap().len();
    let before = scripts();
    let role = admin.ids("PermissionRuleSet", json!([is("code", json!("api_admin"))])).unwrap()[0].to_string();
    let mut browser = Browser::signed_in(&site, "admin");
    let mut other = Browser::signed_in(&site, "admin");
    let others_token = other.get("/admin/scripts/new").form_token().to_owned();
    let own_token = browser.get("/admin/scripts/new").form_token().to_owned();
    assert_ne!(others_token, own_token);
    let form = |token: &str| {
        [("firstname", "forged"), ("permission_rule_set", &*role), ("form_token", token)].map(|(name, value)| (name, value.to_owned()))
    };
    let mut try_with = |token: &str, headers: &[(&str, &str)]| {
        browser.headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let form = form(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/admin/scripts", &form)
    };
    try_with("", &[]).is(403).has("This form was not accepted");
    try_with("0000", &[]).is(403);
    try_with(&others_token, &[]).is(403);
    try_with(&own_token, &[("origin", "https://evil.example")]).is(403);
    try_with(&own_token, &[("origin", "null")]).is(403);
    try_with(&own_token, &[("sec-fetch-site", "cross-site")]).is(403);
    // Another port of this machine is another site.
    try_with(&own_token, &[("origin", "http://127.0.0.1:1")]).is(403);
    assert_eq!(scripts(), before);
    try_with(&own_token, &[("origin", site.url()), ("sec-fetch-site", "same-origin")]).is(200);
    assert_eq!(scripts(), before + 1);
    // Signing in and out have the same guard: nobody is signed in as somebody else unawares.
    let mut fresh = Browser::new(&site);
    fresh
        .post("/user/login", &[("login", "artist"), ("password", "artist-pass-1")])
        .is(403);
    assert!(!fresh.cookies.contains_key(SESSION));
    other.post("/user/logout", &[]).is(403);
    other.get("/").has("Ada Marsh");
    // What changes something is no link.
    other.get("/user/logout").is(405);
    other.get("/admin/scripts/1/retire").is(405);
}

#[test]
fn a_session_that_has_ended_changes_nothing() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let token = browser.get("/admin/scripts/1").form_token().to_owned();
    site.expire_sessions().unwrap();
    browser
        .post("/admin/scripts/1/retire", &[("form_token", &token)])
        .is(403)
        .has("You are signed out");
    assert!(Client::admin(&site).ids("ApiUser", json!([])).unwrap().contains(&1));
    assert_eq!(
        browser.get("/admin/scripts").is(303).header("location"),
        "/user/login?back=%2Fadmin%2Fscripts"
    );
}

#[test]
fn only_people_themselves_open_pages() {
    let site = site();
    let admin = Client::admin(&site);
    let mut browser = Browser::new(&site);
    let session = |client: &Client| {
        client.call("get_session_token", json!(null)).unwrap()["session_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for token in [session(&admin), session(&admin.with("sudo_as_login", json!("admin")))] {
        browser.cookies.insert(SESSION.to_owned(), token);
        browser.get("/").is(200).has("Sign in").lacks("Sign out");
        browser.get("/admin/scripts").is(303);
    }
}
